"""Which bins to visit today: by what is believed of each, by a threshold of its sensor, or by a calendar."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.fill import (
    Belief,
    Noise,
    Terms,
    believed_at_first,
    carried,
    choose,
    corrected_rho,
    costs_at_first,
    emptied,
    judge,
    kinds_of,
    level_quantile,
    overflow_probability,
    owed,
    read,
    usual_costs,
)  # fmt: skip
from twin.collection.asking import Router, rounds_for
from twin.collection.year import SLOTS, Rounds, Today, Town

_WINDOW = 28 * (len(SLOTS) - 1)
"""Slots of readings that sensors are judged by."""
_GAP_D = 7.0 / 6.0
"""Crews drive on six days of a week."""


class Hears(StrEnum):
    NOTHING = "no sensor"
    SENSOR = "sensor"
    TRUTH = "perfect sensor"


@dataclass(eq=False)
class Ledger:
    """What is believed of bins, kept day by day."""

    town: Town
    hears: Hears = Hears.SENSOR
    noise: Noise = field(default_factory=Noise)
    belief: Belief = field(init=False)
    heard_d: Ints = field(init=False)
    _raw: Floats = field(init=False)
    _gone: Bools = field(init=False)

    def __post_init__(self) -> None:
        bins = self.town.bins
        self.belief = believed_at_first(bins.group)
        self.heard_d = np.zeros(len(bins), np.int64)
        self._raw = np.full((_WINDOW, len(bins)), np.nan)
        self._gone = np.zeros((_WINDOW, len(bins)), np.bool_)
        if self.hears is Hears.TRUTH:
            self.noise = Noise(sensor=0.01, lasting=0.0)

    def ahead(self, today: Today, visits: int) -> Floats:
        """(n, V) day-equivalents until each of the next possible visits after today's."""
        days = _possible(today, visits)
        kinds = self.kinds(today, days[-1])
        each = self.belief.habits.days(kinds)
        edges = [0, *days]
        return np.stack([each[:, a:b].sum(axis=1) for a, b in pairwise(edges)], axis=1)

    def kinds(self, today: Today, days: int) -> Ints:
        """(n, days) of today and the days after it."""
        span = range(today.index, today.index + days)
        weekdays, free = today.dates.weekdays, today.dates.holidays
        last = len(weekdays) - 1  # beyond the last day of the year nothing depends on the kind of a day
        inside = [min(day, last) for day in span]
        return kinds_of(weekdays[inside], free[inside], self.town.bins.market)

    def hear(self, today: Today, readings: Floats, gone: Bools, found: Floats) -> None:
        """A day: emptyings came first, then readings at the end of each slot."""
        kinds = self.kinds(today, 1)[:, 0]
        self.belief = emptied(self.belief, gone, found, self.noise)
        level, unreported = self._judged(readings, gone)
        share = 1.0 / len(readings)
        for slot, values in enumerate(level):
            self.belief = carried(self.belief, kinds, share, self.noise)
            if unreported[slot].any():
                self.belief = emptied(self.belief, unreported[slot], np.full(len(kinds), np.nan), self.noise)
            self.belief, _ = read(self.belief, values, noise=self.noise)
        heard = np.isfinite(level).any(axis=0) | gone
        self.heard_d = np.where(heard, 0, self.heard_d + 1)

    def _judged(self, readings: Floats, gone: Bools) -> tuple[Floats, Bools]:
        slots = len(readings)
        if self.hears is not Hears.SENSOR:
            return readings, np.zeros(readings.shape, np.bool_)
        reported = np.zeros(readings.shape, np.bool_)
        reported[0] = gone
        self._raw = np.concatenate([self._raw[slots:], readings])
        self._gone = np.concatenate([self._gone[slots:], reported])
        judged = judge(self._raw, self._gone, self.belief.rate, slot_h=24.0 / slots)
        # Of a drop seen before today belief has learned, reading by reading.
        return judged.level[-slots:], judged.emptied[-slots:]


def _possible(today: Today, visits: int) -> list[int]:
    """Days from this morning to each of the next mornings on which crews drive."""
    days: list[int] = []
    ahead = 1
    while len(days) < visits:
        if (today.weekday + ahead) % 7 != 6:
            days.append(ahead)
        ahead += 1
    return days


@dataclass(eq=False)
class ByBelief:
    """Our policy: required where overflow is likely, a prize for the others, and the router decides.

    visits      possible visits looked ahead to
    allowed     quantile of the level whose load is allowed for
    due_d       days without a reading or a visit after which a bin is visited
    wanted      share of bin-days that may overflow: rho is corrected each week by what is believed to have overflowed;
                None leaves it
    """

    name: str
    town: Town
    router: Router
    terms: Terms
    hears: Hears = Hears.SENSOR
    visits: int = 4
    allowed: float = 0.6
    due_d: int = 28
    wanted: float | None = None
    ledger: Ledger = field(init=False)
    overflown: float = field(init=False, default=0.0)
    costs: Floats = field(init=False)
    _leg: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.town, self.hears)
        at = [*range(1 + self.town.sites, len(self.town.xy_m)), 0]
        self._leg = self.town.distance_m[np.ix_(at, at)]
        self.costs = costs_at_first(self._leg)

    def rounds(self, today: Today) -> Rounds:
        if self.hears is Hears.TRUTH:
            self.ledger.belief, _ = read(self.ledger.belief, np.minimum(today.level, 2.0), 0.01, self.ledger.noise)
        if not today.works:
            return ()
        belief = self.ledger.belief
        days = self.ledger.ahead(today, self.visits)
        by_visit = overflow_probability(belief, days)
        owes = owed(belief, belief.level, self.terms.detour * self.costs, self.terms.rho, gap_d=_GAP_D)
        due = self.ledger.heard_d >= self.due_d
        choice = choose(by_visit, self.terms, level=belief.level, owes=owes, due=due)
        bins = np.flatnonzero(choice.required | choice.candidate)
        now = np.maximum(level_quantile(belief, np.full((len(days), 1), 1e-3), self.allowed)[:, 0], 0.05)
        rounds = rounds_for(
            self.town, today, bins, now[bins] * self.town.fleet.bin_kg, self.router, prize_m=choice.prize[bins],
            required=choice.required[bins], urgency=by_visit[bins, 0],
        )  # fmt: skip
        self.costs = usual_costs(self.costs, [[bin_ for bin_ in one if bin_ >= 0] for one in rounds], self._leg)
        return rounds

    def heard(self, today: Today, readings: Floats, emptied: Bools, found: Floats) -> None:
        silent = np.full(readings.shape, np.nan)
        self.ledger.hear(today, readings if self.hears is Hears.SENSOR else silent, emptied, found)
        if self.wanted is not None:
            self._correct(today, self.wanted)

    def _correct(self, today: Today, wanted: float) -> None:
        now = np.full((len(self.town.bins), 1), 1e-3)
        self.overflown += float(overflow_probability(self.ledger.belief, now).sum())
        if today.weekday == 6:
            rho = corrected_rho(self.terms.rho, self.overflown, 7.0 * len(self.town.bins), wanted)
            self.terms, self.overflown = replace(self.terms, rho=rho), 0.0


@dataclass(eq=False)
class ByThreshold:
    """Every bin whose sensor said so much last, and every one that was not heard of, or not visited, for too long."""

    name: str
    town: Town
    router: Router
    threshold: float
    silent_d: int = 3
    unheard_visit_d: int = 5
    longest_d: int = 28
    _last: Floats = field(init=False)
    _silent: Ints = field(init=False)
    _since: Ints = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.town.bins)
        self._last, self._silent, self._since = np.zeros(n), np.zeros(n, np.int64), np.zeros(n, np.int64)

    def rounds(self, today: Today) -> Rounds:
        if not today.works:
            return ()
        blind = (self._silent >= self.silent_d) & (self._since >= self.unheard_visit_d)
        bins = np.flatnonzero((self._last >= self.threshold) | blind | (self._since >= self.longest_d))
        load = np.maximum(self._last[bins], 0.5) * self.town.fleet.bin_kg
        return rounds_for(self.town, today, bins, load, self.router, urgency=self._last[bins])

    def heard(self, today: Today, readings: Floats, emptied: Bools, found: Floats) -> None:
        del today, found
        self._last = np.where(emptied, 0.0, self._last)
        for values in readings:
            self._last = np.where(np.isfinite(values), values, self._last)
        self._silent = np.where(np.isfinite(readings).any(axis=0), 0, self._silent + 1)
        self._since = np.where(emptied, 0, self._since + 1)


@dataclass(eq=False)
class ByCalendar:
    """Every bin on its own days. Rounds of the same bins are the same rounds: they are made once.

    on (P, n)   bins of each day of a period of P days, the first of which is a Monday
    load (n,)   level to allow for at a visit
    """

    name: str
    town: Town
    router: Router
    on: Bools
    load: Floats
    made: dict[tuple[bytes, int, tuple[int, ...]], Rounds] = field(default_factory=dict)

    def rounds(self, today: Today) -> Rounds:
        first = today.dates.first.weekday()
        bins = np.flatnonzero(self.on[(first + today.index) % len(self.on)])
        key = (bins.tobytes(), today.trucks, today.open)
        if key not in self.made:
            load = self.load[bins] * self.town.fleet.bin_kg
            self.made[key] = rounds_for(self.town, today, bins, load, self.router)
        return self.made[key]

    def heard(self, today: Today, readings: Floats, emptied: Bools, found: Floats) -> None:
        """A calendar does not listen."""
