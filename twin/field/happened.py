"""What a story says that happened, as the readings that tell of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from engine.instants import isoformat
from twin.field.equipment import Reading
from twin.field.story import Story

Event = tuple[datetime, Reading]


def happenings(story: Story) -> list[Event]:
    """All of it, the latest first."""
    events = [*_presences(story), *_counts(story), *_weather(story)]
    return sorted(events, key=lambda event: event[0], reverse=True)


def _counts(story: Story) -> Iterator[Event]:
    for count in story.counts:
        values = {"intensity": count.intensity, "occupancy": count.occupancy}
        for name, value in values.items():
            if value is not None:
                yield count.observed_at, _happened(count.asset, name, value, count.observed_at)


def _weather(story: Story) -> Iterator[Event]:
    for told in story.weather:
        yield told.at, _happened(told.asset, told.property, told.value, told.at)


def _presences(story: Story) -> Iterator[Event]:
    """On when somebody passes, off when nobody has for the hold time."""
    hold = timedelta(seconds=story.presence_hold_s)
    off_at: dict[str, datetime] = {}
    for detector, at in sorted(story.presence, key=lambda presence: presence.at):
        if at > off_at.get(detector, story.start_at - hold):
            if detector in off_at:
                yield off_at[detector], _happened(detector, "presence", 0, off_at[detector])
            yield at, _happened(detector, "presence", 1, at)
        off_at[detector] = at + hold
    for detector, at in off_at.items():
        yield at, _happened(detector, "presence", 0, at)


def _happened(asset: str, name: str, value: float, at: datetime) -> Reading:
    return {"asset": asset, "property": name, "value": value, "observed_at": isoformat(at)}
