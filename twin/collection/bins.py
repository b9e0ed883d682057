"""What people throw into bins: amounts a day that could be, bin by bin.

A day's amount is gamma distributed about a mean, which is the bin's own rate times what its group of bins makes of the
weekday, the season, public and school holidays, and times what its market, growth and a change of its neighbourhood
bring. What is drawn for one bin on one day leaves all other draws as they are, whatever is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from engine.calendar import public_holidays
from optimizers.arrays import Bools, Floats, Ints

HOURLY = tuple(share / 100.0 for share in (
    1, 1, 0, 0, 0, 1, 2, 4, 6, 6, 5, 5, 6, 6, 5, 5, 6, 7, 8, 9, 7, 5, 3, 2
))  # fmt: skip
"""Share of a day's amount that comes in each hour of local time. Ours: morning, noon and after work."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Bins of one fraction in one kind of place. Figures ours: UNVERIFIED shapes that a policy has to cope with.

    weekday    factors from Monday on, of mean 1
    season     amplitude about the year's mean, greatest at the summer solstice; below 0 at the winter one
    holiday    factor of a public holiday, `school` of school holidays
    cv         coefficient of variation of a day
    """

    weekday: tuple[float, ...]
    season: float = 0.0
    holiday: float = 1.0
    school: float = 1.0
    cv: float = 0.5


HOMES = Group(weekday=(1.25, 0.95, 0.9, 0.9, 0.95, 1.1, 0.95), season=0.05, holiday=1.15, school=0.85)
SHOPS = Group(weekday=(1.0, 1.05, 1.05, 1.1, 1.2, 1.3, 0.3), season=-0.05, holiday=0.4, school=1.0, cv=0.6)
GLASS = Group(weekday=(1.4, 0.85, 0.8, 0.85, 0.9, 1.1, 1.1), season=0.15, holiday=1.3, school=1.05, cv=0.7)
GROUPS = (HOMES, SHOPS, GLASS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Bins:
    """n bins.

    group (n,)           index of `groups`
    rate (n,)            share of what it holds that comes in a mean day, at the beginning
    market (n,)          weekday of the market it stands at, -1 for none; `market_factor` on that day
    growth               a year, as a share
    changes_on (n,)      index of the day from which on `changed` (n,) times as much comes; -1 for never
    """

    groups: tuple[Group, ...]
    group: Ints
    rate: Floats
    market: Ints
    changes_on: Ints
    changed: Floats
    market_factor: float = 2.5
    growth: float = 0.03

    def __len__(self) -> int:
        return len(self.rate)


def made_bins(
    n: int, seed: int, *, rate: float = 0.13, rate_cv: float = 0.5, markets: float = 0.08, changing: float = 0.1,
    days: int = 365,
) -> Bins:  # fmt: skip
    """Bins as they could be: rates gamma distributed, some at a market, some whose use changes once within `days`."""
    rng = np.random.default_rng([seed, 1])
    group = rng.choice(len(GROUPS), n, p=(0.6, 0.25, 0.15))
    return Bins(
        groups=GROUPS,
        group=group.astype(np.int64),
        rate=np.clip(rng.gamma(1 / rate_cv**2, rate * rate_cv**2, n), 0.02, 0.6),
        market=np.where(rng.random(n) < markets, rng.choice([2, 5], n), -1),
        changes_on=np.where(rng.random(n) < changing, rng.integers(0, days, n), -1),
        changed=np.exp(rng.normal(0.0, 0.3, n)),
    )


@dataclass(frozen=True, eq=False)
class Dates:
    """D days from `first` on, and what people need to know of them."""

    first: date
    count: int
    school: tuple[tuple[date, date], ...] = ()

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.first + timedelta(days=k) for k in range(self.count))

    @property
    def weekdays(self) -> Ints:
        return np.array([day.weekday() for day in self.days], np.int64)

    @property
    def holidays(self) -> Bools:
        """(D,) public ones of France."""
        free = {day for year in {day.year for day in self.days} for day in public_holidays(year)}
        return np.array([day in free for day in self.days], np.bool_)

    @property
    def school_holidays(self) -> Bools:
        return np.array([any(a <= day <= b for a, b in self.school) for day in self.days], np.bool_)


def expected(bins: Bins, dates: Dates) -> Floats:
    """(D, n) mean amounts, as shares of what each bin holds."""
    weekdays, free, school = dates.weekdays, dates.holidays, dates.school_holidays
    phase = np.array([np.cos(2 * np.pi * (day.timetuple().tm_yday - 172) / 365.25) for day in dates.days])
    by_group = np.stack([
        np.where(free, of.holiday, np.array(of.weekday)[weekdays]) * (1 + of.season * phase)
        * np.where(school, of.school, 1.0) for of in bins.groups
    ])  # fmt: skip
    mean = by_group[bins.group].T * bins.rate
    held = (weekdays[:, None] == bins.market) & ~free[:, None]
    grown = (1.0 + bins.growth) ** (np.arange(dates.count) / 365.0)
    later = (bins.changes_on >= 0) & (np.arange(dates.count)[:, None] >= bins.changes_on)
    amounts: Floats = (
        mean * np.where(held, bins.market_factor, 1.0) * grown[:, None] * np.where(later, bins.changed, 1.0)
    )
    return amounts


def amounts(bins: Bins, dates: Dates, seed: int) -> Floats:
    """(D, n) what comes on each day, as shares of what each bin holds."""
    mean = expected(bins, dates)
    cv = np.array([of.cv for of in bins.groups])[bins.group]
    drawn = [np.random.default_rng([seed, 2, day]).gamma(1.0 / cv**2, cv**2) for day in range(dates.count)]
    return mean * np.stack(drawn)


def within_day(amount: float, hours: Sequence[float]) -> Floats:
    """Of a day's amount, what has come by each of these hours of local time (0…24)."""
    came = np.concatenate([[0.0], np.cumsum(HOURLY)])
    by_then: Floats = amount * np.interp(np.asarray(hours, np.float64), np.arange(25.0), came)
    return by_then


def shares_between(hours: Sequence[float]) -> Floats:
    """Share of a day's amount that comes between each two of these hours."""
    return np.array([b - a for a, b in pairwise(within_day(1.0, hours).tolist())])
