"""A year of bins and rounds: a policy says each morning where trucks drive, and the year counts what becomes of it.

Each day crews drive first, then people fill bins, then sensors speak of it four times. What comes, what sensors do and
which trucks fail is drawn beforehand and is the same for every policy (common random numbers).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from twin.collection.bins import Bins, Dates, amounts, made_bins, shares_between
from twin.collection.heard import FAULTS, Faults, Sensors

SLOTS = (0.0, 6.0, 12.0, 18.0, 24.0)
"""Hours of local time between which sensors speak, at the end of each."""
Rounds = Sequence[Sequence[int]]
"""Of each truck that drives, what it does in order: a bin's index, or -1 - s to unload at site s."""


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Trucks that are all alike. A crew plans for `planned_s` a day and stops at `longest_s`. Figures ours.

    bin_kg     what a full bin weighs
    found_sd   by which a crew misjudges the level of a bin it empties
    """

    trucks: int = 3
    capacity_kg: float = 8_000.0
    planned_s: float = 7 * 3600.0
    longest_s: float = 8 * 3600.0
    service_s: float = 150.0
    unload_s: float = 900.0
    bin_kg: float = 200.0
    found_sd: float = 0.08


@dataclass(frozen=True, kw_only=True, eq=False)
class Town:
    """Where n bins, one depot and S disposal sites lie: places are the depot, the sites, then the bins.

    xy_m (1 + S + n, 2)
    """

    bins: Bins
    sites: int
    xy_m: Floats
    fleet: Fleet = field(default_factory=Fleet)

    @cached_property
    def distance_m(self) -> Floats:
        """Streets are a third longer than the crow flies, and have a length at all."""
        apart = np.hypot(*(self.xy_m[:, None, :] - self.xy_m[None, :, :]).transpose(2, 0, 1))
        metres: Floats = np.rint(1.3 * apart)
        return metres

    @cached_property
    def duration_s(self) -> Floats:
        """25 km/h within 2 km, 50 km/h beyond."""
        near = np.minimum(self.distance_m, 2000.0)
        seconds: Floats = np.rint(near / (25 / 3.6) + (self.distance_m - near) / (50 / 3.6))
        return seconds

    def place(self, bin_: int) -> int:
        return 1 + self.sites + bin_


def made_town(n: int, seed: int, *, boroughs: int = 6, days: int = 365) -> Town:
    """A town of boroughs 14 km wide; the depot lies at its edge, a site beside it, and another one further out."""
    rng = np.random.default_rng([seed, 5])
    centres = rng.uniform(1_500.0, 12_500.0, (boroughs, 2))
    which = rng.choice(boroughs, n, p=(weight := rng.uniform(0.5, 1.5, boroughs)) / weight.sum())
    spread = rng.uniform(500.0, 1_300.0, boroughs)[which][:, None]
    at = centres[which] + rng.normal(0.0, 1.0, (n, 2)) * spread
    fixed = np.array([[2_000.0, 7_000.0], [1_000.0, 5_500.0], [15_000.0, 10_000.0]])
    return Town(bins=made_bins(n, seed, days=days), sites=2, xy_m=np.concatenate([fixed, at]))


@dataclass(frozen=True, eq=False)
class Year:
    """What happens to a town over D days, whatever anybody does.

    came (D, n)      shares of what each bin holds
    trucks (D,)      that can drive
    open (D, S)      disposal sites
    missed (D, n)    whether an emptying on that day would not be reported
    """

    town: Town
    dates: Dates
    seed: int
    warm_up: int
    came: Floats
    trucks: Ints
    open: Bools
    missed: Bools
    faults: Faults = FAULTS

    def sensors(self) -> Sensors:
        return Sensors(self.dates.count, len(self.town.bins), self.seed, self.faults, per_day=len(SLOTS) - 1)


def year_of(
    town: Town, dates: Dates, seed: int, *, warm_up: int = 28, faults: Faults = FAULTS, breakdown: float = 0.02,
    closed: float = 0.01,
) -> Year:  # fmt: skip
    """A year that could be: each truck fails on a share of days, and so does the first site; never the last one."""
    rng = np.random.default_rng([seed, 6])
    days, n = dates.count, len(town.bins)
    trucks = (rng.random((days, town.fleet.trucks)) >= breakdown).sum(axis=1)
    sites = np.ones((days, town.sites), np.bool_)
    sites[:, 0] = rng.random(days) >= closed
    missed = rng.random((days, n)) < faults.missed
    return Year(
        town, dates, seed, warm_up, amounts(town.bins, dates, seed), np.maximum(trucks, 1), sites, missed, faults
    )


@dataclass(frozen=True, eq=False)
class Today:
    """What everybody knows in the morning. `level` (n,) is the truth, of which only a perfect sensor knows."""

    index: int
    dates: Dates
    trucks: int
    open: tuple[int, ...]
    level: Floats

    @property
    def weekday(self) -> int:
        return int(self.dates.weekdays[self.index])

    @property
    def works(self) -> bool:
        """Crews drive from Monday to Saturday."""
        return self.weekday != 6


class Policy(Protocol):
    name: str

    def rounds(self, today: Today) -> Rounds: ...

    def heard(self, today: Today, readings: Floats, emptied: Bools, found: Floats) -> None:
        """After the day: readings (S, n), emptyings that were reported (n,) and the levels found there (n,)."""


@dataclass(eq=False)
class Lived:
    """What became of each day (D,), warm-up included; `since` is the first day that counts."""

    name: str
    since: int
    km: Floats
    hours: Floats
    truck_days: Floats
    visits: Floats
    fill: Floats
    unserved: Floats
    over: Floats
    beside: Floats
    came: Floats

    @classmethod
    def none(cls, name: str, days: int, since: int) -> "Lived":
        return cls(name, since, *(np.zeros(days) for _ in range(9)))

    def total(self, what: str) -> float:
        values: Floats = getattr(self, what)
        return float(values[self.since :].sum())


@dataclass
class _Driven:
    """What one truck did."""

    metres: float = 0.0
    seconds: float = 0.0
    emptied: list[int] = field(default_factory=list)
    left: int = 0


def drive(town: Town, stops: Sequence[int], level: Floats, sites: Sequence[int]) -> _Driven:
    """A round as it goes: a truck that is full unloads at the nearest open site; one that is late leaves stops out."""
    fleet, done, at, aboard = town.fleet, _Driven(), 0, 0.0

    def go(place: int, service_s: float) -> None:
        nonlocal at
        done.metres += town.distance_m[at, place]
        done.seconds += town.duration_s[at, place] + service_s
        at = place

    def unload() -> None:
        nonlocal aboard
        go(nearest_site(town, at, sites), fleet.unload_s)
        aboard = 0.0

    for stop in stops:
        if stop < 0:
            if aboard > 0:
                go(-stop, fleet.unload_s)
                aboard = 0.0
            continue
        weight = float(level[stop]) * fleet.bin_kg
        if aboard + weight > fleet.capacity_kg:
            unload()
        place = town.place(stop)
        if done.seconds + town.duration_s[at, place] + fleet.service_s + _home_s(town, place, sites) > fleet.longest_s:
            done.left += 1
            continue
        go(place, fleet.service_s)
        aboard += weight
        done.emptied.append(stop)
    if aboard > 0:
        unload()
    go(0, 0.0)
    return done


def nearest_site(town: Town, place: int, sites: Sequence[int]) -> int:
    """The place of the open site that lies best between a place and the depot."""
    return min((1 + site for site in sites), key=lambda at: float(town.distance_m[place, at] + town.distance_m[at, 0]))


def _home_s(town: Town, place: int, sites: Sequence[int]) -> float:
    site = nearest_site(town, place, sites)
    return float(town.duration_s[place, site] + town.fleet.unload_s + town.duration_s[site, 0])


def live(year: Year, policy: Policy) -> Lived:
    """The year under a policy."""
    days, sensors = year.dates.count, year.sensors()
    lived = Lived.none(policy.name, days, year.warm_up)
    level = np.random.default_rng([year.seed, 7]).uniform(0.0, 0.8, len(year.town.bins))
    for day in range(days):
        sites = tuple(np.flatnonzero(year.open[day]).tolist())
        today = Today(day, year.dates, int(year.trucks[day]), sites, level.copy())
        found = _collect(year, policy.rounds(today), today, lived)
        level = np.where(np.isfinite(found), 0.0, level)
        parts = level + np.cumsum(shares_between(SLOTS))[:, None] * year.came[day]
        _count(lived, day, level, year.came[day])
        level = parts[-1]
        reported = np.isfinite(found) & ~year.missed[day]
        policy.heard(today, sensors.say(day, parts), reported, np.where(reported, found, np.nan))
    return lived


def _collect(year: Year, rounds: Rounds, today: Today, lived: Lived) -> Floats:
    """Levels that crews found in the bins that they emptied (n,), NaN elsewhere."""
    day, fleet = today.index, year.town.fleet
    driven = [drive(year.town, stops, today.level, today.open) for stops in rounds[: today.trucks] if stops]
    emptied = [bin_ for one in driven for bin_ in one.emptied]
    lived.km[day] = sum(one.metres for one in driven) / 1000.0
    lived.hours[day] = sum(one.seconds for one in driven) / 3600.0
    lived.truck_days[day], lived.visits[day] = len(driven), len(emptied)
    lived.fill[day] = float(np.minimum(today.level[emptied], 1.0).sum())
    lived.unserved[day] = sum(one.left for one in driven)
    error = fleet.found_sd * np.random.default_rng([year.seed, 8, day]).normal(size=len(today.level))
    found = np.full(len(today.level), np.nan)
    found[emptied] = np.maximum(today.level + error, 0.0)[emptied]
    return found


def _count(lived: Lived, day: int, before: Floats, came: Floats) -> None:
    after = before + came
    lived.over[day] = float((after > 1.0).sum())
    lived.beside[day] = float((np.maximum(after - 1.0, 0.0) - np.maximum(before - 1.0, 0.0)).sum())
    lived.came[day] = float(came.sum())
