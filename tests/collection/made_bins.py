"""Bins whose filling is known, sensors that read it, and what is believed of them day by day."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.fill import Belief, believed_at_first, carried, emptied, kinds_of, overflow_probability, read

CV = 0.5
WEEKDAYS = np.array([[1.3, 1.0, 1.0, 0.9, 1.0, 1.2, 0.6], [0.8, 0.8, 0.9, 1.0, 1.1, 1.3, 1.1]])
WEEKDAYS = WEEKDAYS / WEEKDAYS.mean(axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Told:
    """Forecasts (days, n) of a run, what became of them, and the belief at its end.

    by_tomorrow, in_three   probability of overflow within a day and within three
    persistent              of tomorrow, by who knows level and mean rate and takes the mean for certain
    """

    by_tomorrow: Floats
    in_three: Floats
    over_tomorrow: Bools
    over_in_three: Bools
    persistent: Floats
    level_error: Floats
    belief: Belief
    rate: Floats


def kinds(day: int, n: int, days: int = 1) -> Ints:
    return kinds_of([(day + k) % 7 for k in range(days)], [False] * days, np.full(n, -1))


def lived(
    *, sensor: bool, n: int = 150, days: int = 150, warm_up: int = 50, seed: int = 1, every: int = 5
) -> Told:  # fmt: skip
    """Bins of two groups that are emptied every so many days, whatever they hold; a crew sees what was in them."""
    rng = np.random.default_rng(seed)
    rate, group = rng.gamma(4.0, 0.12 / 4.0, n), np.arange(n) % 2
    came = rng.gamma(1 / CV**2, CV**2, (days + 3, n)) * rate * WEEKDAYS[group][:, np.arange(days + 3) % 7].T
    level, belief = np.zeros(n), believed_at_first(group)
    rows: list[tuple[Floats, ...]] = []
    for day in range(days):
        ahead = overflow_probability(belief, belief.habits.days(kinds(day, n, 3)))
        by_three = level + came[day : day + 3].sum(axis=0)
        if day >= warm_up:
            rows.append((ahead[:, 0], ahead[:, 2], level + came[day], by_three, level, belief.level - level))
        for slot in range(4):
            belief = carried(belief, kinds(day, n)[:, 0], 0.25)
            if sensor:
                now = level + came[day] * (slot + 1) / 4
                belief, _ = read(belief, np.round(np.clip(now + rng.normal(0, 0.04, n), 0, 1), 2))
        level = level + came[day]
        gone = (np.arange(n) + day) % every == 0
        found = np.where(gone, level + rng.normal(0, 0.08, n), np.nan)
        belief, level = emptied(belief, gone, found), np.where(gone, 0.0, level)
    one, three, tomorrow, later, before, error = (np.stack(column) for column in zip(*rows, strict=True))
    persistent = (before + rate > 1.0).astype(np.float64)
    return Told(one, three, tomorrow > 1.0, later > 1.0, persistent, error, belief, rate)
