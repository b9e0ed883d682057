"""When people are in a building, and how warm it is to be then and meanwhile."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from engine.calendar import SchoolCalendar, public_holidays, school_holiday
from engine.instants import PARIS
from jobs.energy.sites import Span
from jobs.energy.tables import Comfort, EnergyTables
from optimizers.arrays import Bools, Floats

_DAY = timedelta(days=1)
_FAR = 45  # days looked back and ahead for whoever comes: longer than any school holiday but the summer's


@dataclass(frozen=True, eq=False)
class Occupancy:
    """Of one use over T slots: share of each slot that people are in, and what is wanted at its end in °C."""

    present: Floats
    low_c: Floats
    high_c: Floats


def occupied(comfort: Comfort, calendar: SchoolCalendar, day: date) -> bool:
    """Whether people come on a local day. Where the school calendar knows nothing, there is school: warm is safe."""
    if day.weekday() not in comfort.weekdays or day in public_holidays(day.year):
        return False
    return not (comfort.school_holidays == "closed" and school_holiday(day, calendar))


def occupancy(use: str, span: Span, tables: EnergyTables, calendar: SchoolCalendar) -> Occupancy:
    """How a use wants its rooms. What nobody enters for `closed_after` is let cool to `closed`, until people come."""
    comfort = tables.of_use(use)
    stays = _stays(comfort, calendar, span)
    begins, ends = (np.array([stay[k].timestamp() for stay in stays]) for k in (0, 1))
    at = np.array([start.timestamp() for start in span.starts])
    slot_s = span.slot.total_seconds()
    inside = np.clip(np.minimum(ends, at[:, None] + slot_s) - np.maximum(begins, at[:, None]), 0.0, None)
    present: Floats = inside.sum(axis=1) / slot_s if stays else np.zeros(len(span))
    closed = _closed(begins, ends, at + slot_s, tables.closed_after.total_seconds())
    # Who comes in finds it warm: the end of the slot before their first counts.
    wanted = (present > 0) | (np.append(present[1:], 0.0) > 0)
    low = np.where(wanted, comfort.present, np.where(closed, comfort.closed, comfort.absent))
    return Occupancy(present, low.astype(np.float64), np.full(len(span), comfort.high))


def _stays(comfort: Comfort, calendar: SchoolCalendar, span: Span) -> list[tuple[datetime, datetime]]:
    first = span.start.astimezone(PARIS).date()
    days = [first + k * _DAY for k in range(-_FAR, _FAR)]
    return [_stay(day, comfort.hours) for day in days if occupied(comfort, calendar, day)]


def _stay(day: date, hours: tuple[time, time]) -> tuple[datetime, datetime]:
    until = day + _DAY if hours[1] <= hours[0] else day
    begins, ends = (datetime.combine(d, at, PARIS).astimezone(UTC) for d, at in ((day, hours[0]), (until, hours[1])))
    return begins, ends


def _closed(begins: Floats, ends: Floats, at: Floats, after_s: float) -> Bools:
    """(T,) whether an instant lies in a time of `after_s` or more without anybody."""
    if not begins.size:
        return np.ones(at.size, np.bool_)
    left, comes = np.concatenate([[-np.inf], ends]), np.concatenate([begins, [np.inf]])
    n = np.searchsorted(begins, at, "right")
    found: Bools = (at >= left[n]) & (comes[n] - left[n] >= after_s)
    return found
