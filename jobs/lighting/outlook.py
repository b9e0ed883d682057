"""What counters may expect of the hours of a night: before it, and again as its own counts come in."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from engine.calendar import SchoolCalendar
from engine.instants import from_us, to_us
from jobs.lighting.hours import hourly_counts
from jobs.lighting.night import Night
from optimizers.arrays import Floats, Ints
from optimizers.forecast import Calibration, HourlyCounts, Outlook, foresee, learn, predict
from optimizers.kept import kept

HOUR_US = 3_600_000_000
_DAY = 24
HELD_OUT_DAYS = 14
"""Nights that a forecast is held to before it is planned by: two of each weekday."""


@dataclass(frozen=True, eq=False)
class Hours:
    """Mean counts (C, H) of hours on end; the first one's number since 1970 is `first`."""

    counts: HourlyCounts
    first: int

    def number(self, at: datetime) -> int:
        """Index of the hour that holds an instant."""
        return to_us(at) // HOUR_US - self.first

    def dark(self, night: Night) -> Ints:
        """Indices of the hours that hold some of the dark."""
        return np.unique([self.number(at) for at, burns in zip(night.slots, night.burning, strict=True) if burns])

    def of(self, counters: Ints) -> "Hours":
        """Of some counters only."""
        return replace(self, counts=replace(self.counts, value=self.counts.value[counters]))


def hours_of(
    series: Ints, observed_at: Ints, veh_h: Floats, counters: int, night: Night, school: SchoolCalendar | None = None
) -> tuple[Hours, Ints]:
    """Means (C, H), and how many readings stand behind each, from the first one on to the end of the night."""
    first = min(int(observed_at.min(initial=to_us(night.start))), to_us(night.start)) // HOUR_US
    hours = (to_us(night.until) - 1) // HOUR_US + 1 - first
    hour = observed_at // HOUR_US - first
    within = hour < hours
    cell = (series * hours + hour)[within]
    samples = np.bincount(cell, minlength=counters * hours).reshape(-1, hours)
    total = np.bincount(cell, weights=veh_h[within], minlength=counters * hours).reshape(-1, hours)
    mean = np.divide(total, samples, out=np.full(total.shape, np.nan), where=samples > 0)
    return Hours(hourly_counts(mean, from_us(first * HOUR_US), school), first), samples


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The probability (C, N) that forecasts gave to counts up to the one that came, in N dark hours of past nights that
    they had not seen, each from what was known at the noon before; and the hour of the clock of each.
    """

    ranks: Floats
    hour: Ints

    @property
    def calibration(self) -> Calibration:
        return Calibration(self.ranks)


def held_out(hours: Hours, known: int, dark: Ints, minimum_samples: int, most_days: int = HELD_OUT_DAYS) -> HeldOut:
    """Forecasts of the newest nights before hour `known`, at most a third of what was counted, from the rest of it.

    `dark` are the hours that will be asked for; the same hours of past nights are judged.
    """
    counts, days = hours.counts, min(most_days, known // _DAY // 3)
    until = known - days * _DAY
    nights = [(until + d * _DAY, dark - known + until + d * _DAY) for d in range(days)]
    pairs = {(int(counts.hour[t]), int(t) - start + 1) for start, night in nights for t in night}
    learned = learn(counts, until, pairs)
    found = [
        predict(learned, counts, start, night, minimum_samples=minimum_samples).rank(counts.value[:, night])
        for start, night in nights
    ]
    asked = [counts.hour[night] for _, night in nights]
    nothing = np.empty((len(counts.value), 0))
    return HeldOut(np.hstack([nothing, *found]), np.concatenate([np.empty(0, np.int64), *asked]))


def night_hours(
    hours: Hours, night: Night, at: datetime, quantile: float, minimum_samples: int
) -> tuple[Floats, Ints]:  # fmt: skip
    """(C, H) the traffic to light for in each hour, veh/h, and the like hours behind it, as known at an instant.

    Before the hour under way it is what was counted; from there on, in hours that hold some of the dark, the count that
    is not exceeded with probability `quantile`, held to past nights. Where the hour under way has been counted already,
    it is what was counted if that is more, and the rest of the night follows it. NaN where there is no telling.
    """
    counts, now = hours.counts, hours.number(at)
    dark = hours.dark(night)
    coming = dark[dark >= now]
    value, samples = counts.value.copy(), np.zeros(counts.value.shape, np.int64)
    value[:, now:] = np.nan
    if not coming.size or now <= 0:
        return value, samples
    noon = min(now, hours.number(night.start))
    level = _level(hours, noon, dark, quantile, minimum_samples)
    value[:, coming], samples[:, coming] = _foreseen(hours, now, coming, level, minimum_samples)
    counted = counts.known[:, now]
    if now > noon and counted.any():
        rest, some = coming[coming > now], np.flatnonzero(counted)
        value[np.ix_(some, rest)], _ = _foreseen(hours.of(some), now + 1, rest, level[some], minimum_samples)
        if now in coming:
            value[some, now] = np.fmax(value[some, now], counts.value[some, now])
    return value, samples


def _level(hours: Hours, noon: int, dark: Ints, quantile: float, minimum_samples: int) -> Floats:
    """(C,) the level to ask for. The same all night, so that planning it again does not work it out again."""

    def tried() -> Floats:
        return held_out(hours, noon, dark, minimum_samples).calibration.level(quantile)

    with kept(("held out", _digest(hours, noon, dark), quantile, minimum_samples), tried) as level:
        return level


def _foreseen(
    hours: Hours, known: int, coming: Ints, level: Floats, minimum_samples: int
) -> tuple[Floats, Ints]:  # fmt: skip
    """Quantiles and samples of the hours `coming`, from what was counted before hour `known`."""

    def outlook() -> Outlook:
        return foresee(hours.counts, known, coming, minimum_samples=minimum_samples)

    with kept(("foreseen", _digest(hours, known, coming), minimum_samples), outlook) as found:
        return found.quantile(level), found.samples


def _digest(hours: Hours, known: int, asked: Ints) -> bytes:
    """Of all that a forecast from what was counted before hour `known` hangs on."""
    state = hashlib.blake2b(np.array([hours.first, known, *hours.counts.value.shape]).tobytes(), digest_size=16)
    state.update(asked.tobytes())
    state.update(np.ascontiguousarray(hours.counts.days).tobytes())
    state.update(np.ascontiguousarray(hours.counts.value[:, :known]).tobytes())
    return state.digest()
