"""How a scenario writes values and instants: series after promtool, and instants counted from the start."""

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple

from engine.catalogue import parse_duration
from engine.instants import PARIS, parse_instant

LONGEST = 100_000  # values of one series
_NUMBER = r"-?\d+(?:\.\d+)?"
_RUN = re.compile(rf"(?P<first>{_NUMBER})(?:(?P<step>[+-]\d+(?:\.\d+)?))?(?:x(?P<more>\d+))?")
_WORDS = re.compile(r"(?P<word>[^\W\d]\w*?)(?:x(?P<more>\d+))?")
_GAP = re.compile(r"_(?:x(?P<more>\d+))?")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(min|s|h|d)\s*")


class Sample(NamedTuple):
    """One value of a series: its place in the rhythm, what was written, and how long after it arrives."""

    place: int
    value: Decimal | str
    late: timedelta


def parse_series(text: str) -> list[Sample]:
    """The values of `40 0x6 _ _x3 on 38@12min`; a gap takes up places and gives no sample. Raises ValueError."""
    samples: list[Sample] = []
    place = 0
    for entry in text.split():
        written, at, lateness = entry.partition("@")
        late = parse_offset(lateness) if at else timedelta(0)
        values = list(_values(written))
        samples += [Sample(place + k, value, late) for k, value in enumerate(values) if value is not None]
        place += len(values)
        if place > LONGEST:
            raise ValueError(f"is longer than {LONGEST} values → take a larger every")
    return samples


def _values(written: str) -> Iterator[Decimal | str | None]:
    if gap := _GAP.fullmatch(written):
        yield from [None] * _count(gap["more"] or "1")
    elif run := _RUN.fullmatch(written):
        if run["step"] and run["more"] is None:
            raise ValueError(f"{written!r} does not say how many more → as {written}x3")
        first, step = Decimal(run["first"]), Decimal(run["step"] or 0)
        yield from (first + k * step for k in range(_count(run["more"] or "0") + 1))
    elif words := _WORDS.fullmatch(written):
        yield from [words["word"]] * (_count(words["more"] or "0") + 1)
    else:
        raise ValueError(f"{written!r} is no value → as 20, 20+5x3, 0x6, _x3, onx4 or 38@12min")


def _count(text: str) -> int:
    if len(text) > 6 or int(text) > LONGEST:
        raise ValueError(f"{text} repeats are too many → at most {LONGEST}")
    return int(text)


def parse_offset(text: str) -> timedelta:
    """`25min`, `90 s`, `1h 30min`, `0min`. Raises ValueError."""
    parts = _PART.findall(text.strip())
    if not parts or _PART.sub("", text.strip()):
        raise ValueError(f"{text!r} is not a duration → as 25min, 90 s or 1h 30min")
    return sum((parse_duration(number + unit) for number, unit in parts), timedelta(0))


def parse_at(text: str, start: datetime) -> datetime:
    """An offset from the start, the first `18:25` from it on in Paris, or a local time. Raises ValueError."""
    if _PART.match(text.strip()):
        return start + parse_offset(text)
    if "-" in text:
        return parse_instant(text)
    try:
        clock = time.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f'{text!r} is not an instant → as 25min, "18:25" or 2026-11-22T18:25') from None
    day = start.astimezone(PARIS).date()
    at = parse_instant(datetime.combine(day, clock).isoformat())
    return at if at >= start else parse_instant(datetime.combine(day + timedelta(days=1), clock).isoformat())
