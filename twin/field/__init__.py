"""The field: every lamp, detector, cabinet and counter of a territory, in a process of its own behind a broker."""

from twin.field.story import Count, Presence, Rain, Story

__all__ = ["Count", "Presence", "Rain", "Story"]
