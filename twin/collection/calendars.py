"""Fixed calendars as good as we can make them: the strongest that a town could do without looking into its bins.

Who makes a calendar knows what came into every bin in other years, day by day. How often a bin or a zone is visited is
chosen so that overflow and visits together cost least; on which days, so that what is visited together lies together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from twin.collection.year import Town

PERIOD = 14
"""Days of a calendar, from a Monday on."""
_WORKED = (0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12)
OFTEN = (12, 10, 8, 6, 4, 3, 2, 1)
"""Visits in a period that a calendar may give."""


@cache
def patterns(often: int) -> tuple[tuple[int, ...], ...]:
    """Sets of days of a period, `often` of them, as evenly spread as working days let them be: best first.

    Twice as many as 6 or fewer: the same days every week, where they are even in number.
    """
    if often in {12, 10, 8, 6, 4, 2}:
        weeks = [(*days, *(day + 7 for day in days)) for days in combinations(range(6), often // 2)]
    else:
        weeks = list(combinations(_WORKED, often))
    spread = {days: _unevenness(days) for days in weeks}
    least = min(spread.values())
    return tuple(days for days in weeks if spread[days] <= least + 1e-9)


def _unevenness(days: Sequence[int]) -> float:
    gaps = [(b - a) % PERIOD or PERIOD for a, b in zip(days, [*days[1:], days[0]], strict=True)]
    return float(sum(gap**2 for gap in gaps))


@dataclass(frozen=True, eq=False)
class Past:
    """What came into bins in other years: came (Y, D, n), the first day of each a Monday."""

    came: Floats

    def overflow(self, days: Sequence[int]) -> tuple[Floats, Floats]:
        """(n,) bin-days of overflow a day, and the mean level at a visit, of each bin were it visited on these days."""
        over, level = np.zeros(self.came.shape[2]), np.zeros((len(self.came), self.came.shape[2]))
        found, visits, counted = np.zeros(self.came.shape[2]), 0, 0
        for day in range(self.came.shape[1]):
            if day % PERIOD in days:
                if day >= PERIOD:
                    found, visits = found + level.sum(axis=0), visits + len(level)
                level[:] = 0.0
            level += self.came[:, day]
            if day >= PERIOD:
                over, counted = over + (level > 1.0).sum(axis=0), counted + len(level)
        return over / counted, found / max(visits, 1)


@dataclass(frozen=True, eq=False)
class Tables:
    """Of each choice of `OFTEN` (F,): overflow (F, n) in bin-days a day, load (F, n) the mean level at a visit."""

    overflow: Floats
    load: Floats


def tables(past: Past) -> Tables:
    each = [past.overflow(patterns(often)[0]) for often in OFTEN]
    return Tables(np.stack([over for over, _ in each]), np.stack([load for _, load in each]))


def zones(town: Town, count: int) -> Ints:
    """(n,) zone of each bin: the fullest part is halved along its longer side, until there are `count`."""
    at, rate = town.xy_m[1 + town.sites :], town.bins.rate
    parts = [np.arange(len(rate))]
    while len(parts) < count:
        parts.sort(key=lambda part: float(rate[part].sum()))
        part = parts.pop()
        axis = int(np.ptp(at[part], axis=0).argmax())
        order = part[np.argsort(at[part, axis], kind="stable")]
        half = int(np.searchsorted(np.cumsum(rate[order]), rate[order].sum() / 2.0)) + 1
        parts += [order[:half], order[half:]]
    zone = np.zeros(len(rate), np.int64)
    for number, part in enumerate(parts):
        zone[part] = number
    return zone


def by_zone(town: Town, known: Tables, price: float, count: int) -> tuple[Bools, Floats]:
    """A calendar in which all bins of a zone are visited together: on (P, n) and load (n,).

    price   of a bin-day of overflow, in visits
    """
    zone = zones(town, count)
    visits = np.array(OFTEN)[:, None] / PERIOD
    cost = visits + price * known.overflow
    chosen = np.zeros(len(zone), np.int64)
    for number in range(count):
        mine = zone == number
        chosen[mine] = cost[:, mine].sum(axis=1).argmin()
    return _arranged(town, known, zone, chosen)


def by_bin(town: Town, known: Tables, price: float, count: int) -> tuple[Bools, Floats]:
    """A calendar of each bin's own: those of a zone that are visited as often share their days."""
    visits = np.array(OFTEN)[:, None] / PERIOD
    chosen = (visits + price * known.overflow).argmin(axis=0)
    return _arranged(town, known, zones(town, count), chosen)


def _arranged(town: Town, known: Tables, zone: Ints, chosen: Ints) -> tuple[Bools, Floats]:
    """Days of each set of a zone's bins that are visited as often: changed one at a time while rounds get shorter.

    Begun several times, with all zones on like days and with zones on days apart; the shortest stands.
    """
    pairs = [(z, np.flatnonzero((zone == z) & (chosen == f))) for z in np.unique(zone) for f in np.unique(chosen)]
    pairs = [(z, unit) for z, unit in pairs if len(unit)]
    units = [unit for _, unit in pairs]
    options = [patterns(OFTEN[chosen[unit[0]]]) for unit in units]
    length = _Lengths(town)
    load = known.load[chosen, np.arange(len(zone))]
    begun = [[of[int(z) * apart % len(of)] for (z, _), of in zip(pairs, options, strict=True)] for apart in range(4)]
    found = [_shortened(units, options, days, length, load) for days in begun]
    days = min(found, key=lambda one: length.of(units, one, load))
    on = np.zeros((PERIOD, len(zone)), np.bool_)
    for unit, mine in zip(units, days, strict=True):
        on[np.array(mine, np.int64)[:, None], unit] = True
    return on, load


def _shortened(
    units: Sequence[Ints], options: Sequence[Sequence[tuple[int, ...]]], days: list[tuple[int, ...]],
    length: "_Lengths", load: Floats,
) -> list[tuple[int, ...]]:  # fmt: skip
    for _ in range(4):
        before = list(days)
        for at in sorted(range(len(units)), key=lambda at: -len(units[at])):
            trials = [[*days[:at], option, *days[at + 1 :]] for option in options[at]]
            days = min(trials, key=lambda trial: length.of(units, trial, load))
        if days == before:
            break
    return days


class _Lengths:
    """How long the rounds of a period are, roughly: a spanning tree of each day's bins, and a way to the site and back
    for each load. Hours that trucks do not have count as much as a way of 30 km each.
    """

    def __init__(self, town: Town) -> None:
        self._town = town
        self._known: dict[bytes, float] = {}

    def of(self, units: Sequence[Ints], days: Sequence[Sequence[int]], load: Floats) -> float:
        return sum(self._day(bins, load) for bins in _each_day(units, days))

    def _day(self, bins: Ints, load: Floats) -> float:
        key = bins.tobytes()
        if key not in self._known:
            self._known[key] = self._reckoned(bins, load)
        return self._known[key]

    def _reckoned(self, bins: Ints, load: Floats) -> float:
        from scipy.sparse.csgraph import minimum_spanning_tree  # noqa: PLC0415 - of no use to whoever makes no calendar

        if not len(bins):
            return 0.0
        town = self._town
        places = np.concatenate([[0], 1 + town.sites + bins])
        tree = float(minimum_spanning_tree(town.distance_m[np.ix_(places, places)]).sum())
        trips = np.ceil(load[bins].sum() * town.fleet.bin_kg / town.fleet.capacity_kg)
        away = float(town.distance_m[1, 1 + town.sites + bins].mean())
        metres = float(1.2 * tree + (trips - 1) * 2.0 * away)
        fleet = town.fleet
        seconds = metres / (30 / 3.6) + len(bins) * fleet.service_s + trips * fleet.unload_s
        return metres + 30_000.0 / 3600.0 * max(0.0, float(seconds) - 0.9 * fleet.trucks * fleet.planned_s)


def _each_day(units: Sequence[Ints], days: Sequence[Sequence[int]]) -> Iterator[Ints]:
    for day in _WORKED:
        bins = [unit for unit, mine in zip(units, days, strict=True) if day in mine]
        yield np.sort(np.concatenate(bins)) if bins else np.zeros(0, np.int64)
