"""The lighting day: quarter hours from local noon to local noon, and when it is dark between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl
from astral import Observer
from astral.sun import sunrise, sunset

from engine.calendar import kind_of_day
from engine.instants import PARIS, noon, slots
from jobs.lighting.tables import LightingTables
from optimizers.arrays import Bools, Ints

SLOT = timedelta(minutes=15)
KINDS = ("workday", "saturday", "sunday")


@dataclass(frozen=True, eq=False)
class Night:
    """`slots` are the starts of the T quarter hours, 92 or 100 on a day the clocks change.

    Lamps burn on [on_at, off_at); `burning` (T,) marks the slots that hold some of it.
    """

    slots: tuple[datetime, ...]
    until: datetime
    on_at: datetime
    off_at: datetime
    burning: Bools

    @property
    def start(self) -> datetime:
        return self.slots[0]

    @property
    def local(self) -> list[datetime]:
        """Starts of the slots as wall clocks show them."""
        return [at.astimezone(PARIS) for at in self.slots]

    @property
    def repeated(self) -> Bools:
        """(T,) see `repeated`."""
        return repeated(self.slots)

    @property
    def group(self) -> Ints:
        """(T,) hour and kind of day as one number, see `group_of`."""
        kinds = {day: KINDS.index(kind_of_day(day)) for day in {at.date() for at in self.local}}
        return np.array([kinds[at.date()] * 24 + at.hour for at in self.local])


def repeated(slots: Sequence[datetime]) -> Bools:
    """(T,) the slots that clocks show twice, and the one before: no local time stands for a change among them."""
    local = [at.astimezone(PARIS) for at in slots]
    twice = np.array([at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset() for at in local], np.bool_)
    held: Bools = twice | np.r_[twice[1:], False]
    return held


def night_of(start_at: datetime, tables: LightingTables) -> Night:
    """The lighting day that starts at a local noon. Raises ValueError for another instant."""
    day = start_at.astimezone(PARIS).date()
    if noon(day) != start_at:
        raise ValueError(
            f"a lighting day starts at noon in Paris, {noon(day).isoformat()}, found {start_at.isoformat()}"
        )
    until = noon(day + timedelta(days=1))
    starts = slots(start_at, until, SLOT)
    observer = Observer(tables.site.lat, tables.site.lon)
    on_at = _second(sunset(observer, date=day)) + tables.on_after
    off_at = _second(sunrise(observer, date=day + timedelta(days=1))) - tables.off_before
    burning = np.array([at + SLOT > on_at and at < off_at for at in starts])
    return Night(starts, until, on_at, off_at, burning)


def group_of(observed_at: pl.Series) -> Ints:
    """Kind of day times 24 plus local hour, of instants in microseconds since 1970."""
    local = pl.from_epoch(observed_at, time_unit="us").dt.replace_time_zone("UTC").dt.convert_time_zone(PARIS.key)
    days, inverse = np.unique(local.dt.date().to_physical().to_numpy(), return_inverse=True)
    epoch = date(1970, 1, 1)
    kinds = np.array([KINDS.index(kind_of_day(epoch + timedelta(days=int(day)))) for day in days], np.int64)
    group: Ints = kinds[inverse] * 24 + local.dt.hour().to_numpy().astype(np.int64)
    return group


def fixed_level(at: datetime, program: dict[time, float]) -> float:
    """Level of a program of local times, first entry first from noon, at a local time."""
    since_noon = [(step.hour * 60 + step.minute - 720) % 1440 for step in program]
    now = (at.hour * 60 + at.minute - 720) % 1440
    levels = [level for start, level in zip(since_noon, program.values(), strict=True) if start <= now]
    return levels[-1] if levels else list(program.values())[-1]


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
