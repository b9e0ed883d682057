"""The field: every lamp, detector, cabinet and counter of a territory, in a process of its own behind a broker."""

from twin.field.story import Count, Measured, Presence, Story

__all__ = ["Count", "Measured", "Presence", "Story"]
