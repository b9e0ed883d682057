"""What is believed of bins: a Kalman filter each, of its level and of the rate at which it fills.

What comes into a bin is taken for a gamma process: over t day-equivalents of `Habits`, gamma distributed with mean
rate * t and variance cv² * rate² * t. Readings of a sensor and what crews find at an emptying correct level and rate by
the same equation, so that a bin without a sensor learns as well, only more slowly.
"""

from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.fill.habits import Habits, faded, learned

FULL = 0.97
"""From here on a reading says "full" and no more: a sensor sees no waste beside the bin."""

_AUDIT_D = 0.9


@dataclass(frozen=True)
class Noise:
    """Standard deviations of levels, and when readings are not taken.

    sensor, lasting   of a reading, and the part of it that the next one repeats
    found, left       of what a crew sees or weighs in a bin, and of what an emptying leaves behind
    drift             by which share of itself a rate may change in a day
    gate, after       standard deviations beyond which a reading is not taken, but for the third in a row
    """

    sensor: float = 0.05
    lasting: float = 0.02
    found: float = 0.1
    left: float = 0.02
    drift: float = 0.015
    gate: float = 3.5
    after: int = 3


NOISE = Noise()


@dataclass(frozen=True, eq=False)
class Belief:
    """Of n bins.

    level, level_var (n,)   now, and the variance of that
    rate, rate_var (n,)     level a day-equivalent
    covariance (n,)         of both
    open_level, open_var, open_covariance (n,)   level since the last audit, had nothing been heard since
    exposed (n, K)          plain days of each kind since then
    refused (n,)            readings in a row that were not taken
    habits                  what the groups have in common
    """

    level: Floats
    level_var: Floats
    rate: Floats
    rate_var: Floats
    covariance: Floats
    open_level: Floats
    open_var: Floats
    open_covariance: Floats
    exposed: Floats
    refused: Ints
    habits: Habits

    @property
    def level_sd(self) -> Floats:
        return np.sqrt(self.level_var)


def believed_at_first(
    group: Ints, rate: Floats | float = 0.15, *, rate_cv: float = 0.6, cv: float = 0.5
) -> Belief:  # fmt: skip
    """Before anything is heard of n bins of these groups (n,): anything between empty and full.

    rate (n,) or one   what such bins usually take in a day, off by `rate_cv` of itself
    """
    habits = Habits.none(group, cv)
    n = len(group)
    usual = np.broadcast_to(np.asarray(rate, np.float64), (n,)).copy()
    return Belief(
        level=np.full(n, 0.4), level_var=np.full(n, 0.3**2), rate=usual, rate_var=(rate_cv * usual) ** 2,
        covariance=np.zeros(n), open_level=np.full(n, 0.4), open_var=np.full(n, 0.3**2), open_covariance=np.zeros(n),
        exposed=np.zeros((n, habits.came.shape[1])), refused=np.zeros(n, np.int64),
        habits=habits,
    )  # fmt: skip


def carried(belief: Belief, kinds: Ints, share: float = 1.0, noise: Noise = NOISE) -> Belief:
    """After a day of these kinds (n,), or after a `share` of it."""
    days = belief.habits.days(kinds[:, None], share)[:, 0]
    rows = np.arange(len(kinds))
    exposed = belief.exposed.copy()
    exposed[rows, kinds] += share
    chance = days**2 * belief.rate_var + belief.habits.cv2 * belief.rate**2 * days
    return replace(
        belief,
        level=belief.level + belief.rate * days,
        level_var=belief.level_var + 2.0 * days * belief.covariance + chance,
        open_level=belief.open_level + belief.rate * days,
        open_var=belief.open_var + 2.0 * days * belief.open_covariance + chance,
        open_covariance=belief.open_covariance + days * belief.rate_var,
        rate_var=belief.rate_var + (noise.drift * belief.rate) ** 2 * share,
        covariance=belief.covariance + days * belief.rate_var,
        exposed=exposed,
        habits=faded(belief.habits, share),
    )  # fmt: skip


def read(belief: Belief, level: Floats, sd: Floats | float | None = None, noise: Noise = NOISE) -> tuple[Belief, Bools]:
    """After a reading of each bin's level (n,), NaN for none, and which readings were taken.

    One that lies further off than the gate is not taken, unless it is the third in a row: then belief was wrong. Of a
    bin that is believed to be overfull a full reading says nothing new.
    """
    deviation = np.broadcast_to(np.asarray(noise.sensor if sd is None else sd, np.float64), level.shape)
    heard = np.isfinite(level)
    full = heard & (level >= FULL) & (belief.level >= level)
    innovation = np.where(heard & ~full, level - belief.level, 0.0)
    total = belief.level_var + deviation**2
    out = heard & ~full & (np.abs(innovation) > noise.gate * np.sqrt(total))
    refused: Ints = np.where(out, belief.refused + 1, np.where(heard, 0, belief.refused))
    opened = refused >= noise.after
    taken = heard & ~full & (~out | opened)
    wide = replace(belief, level_var=np.where(opened & out, belief.level_var + innovation**2, belief.level_var))
    after = _corrected(wide, taken, innovation, deviation, noise)
    after = replace(after, refused=np.where(taken, 0, refused))
    return _audited(belief, after, np.where(taken & ~out, level, np.nan), full | (taken & out), deviation), taken


def _audited(before: Belief, after: Belief, level: Floats, afresh: Bools, deviation: Floats) -> Belief:
    """Once a day the forecast is held against a reading that was taken: groups learn from that, and from no less.

    Several readings of one day tell little of what a day brings, and the same little several times.
    """
    audited = np.isfinite(level) & (before.exposed.sum(axis=1) > _AUDIT_D)
    habits = _habits_after(before, audited, np.where(audited, level - before.open_level, 0.0), deviation)
    return _reopened(replace(after, habits=habits), audited | afresh)


def _reopened(belief: Belief, which: Bools) -> Belief:
    return replace(
        belief,
        open_level=np.where(which, belief.level, belief.open_level),
        open_var=np.where(which, belief.level_var, belief.open_var),
        open_covariance=np.where(which, belief.covariance, belief.open_covariance),
        exposed=np.where(which[:, None], 0.0, belief.exposed),
    )


def _corrected(belief: Belief, taken: Bools, innovation: Floats, deviation: Floats, noise: Noise) -> Belief:
    total = belief.level_var + deviation**2
    gain = np.where(taken, belief.level_var / total, 0.0)
    rate_gain = np.where(taken, belief.covariance / total, 0.0)
    rate = np.maximum(belief.rate + rate_gain * innovation, belief.rate / 3.0)
    least = np.minimum(belief.level_var, noise.lasting**2)
    return replace(
        belief,
        level=np.maximum(belief.level + gain * innovation, 0.0),
        level_var=np.maximum((1.0 - gain) * belief.level_var, least),
        rate=rate,
        rate_var=np.maximum(belief.rate_var - rate_gain * belief.covariance, 1e-8),
        covariance=(1.0 - gain) * belief.covariance,
    )


def _habits_after(belief: Belief, which: Bools, innovation: Floats, deviation: Floats) -> Habits:
    """What the groups learn: how the surprise is shared out among the kinds of days since the last audit."""
    habits = belief.habits
    exposed = np.where(which[:, None], belief.exposed, 0.0)
    expected = exposed * habits.factor[habits.group] * habits.pace[habits.group][:, None]
    days = expected.sum(axis=1)
    total = belief.open_var + deviation**2
    by_chance = habits.cv2 * belief.rate**2 * days
    came = expected * (1.0 + habits.cv2 * belief.rate * innovation / total)[:, None]
    capped = np.minimum(innovation**2, 9.0 * total)
    surprise = habits.cv2 * days + np.where(which, (capped - total) / belief.rate**2, 0.0)
    worth = (by_chance / total) ** 2  # where noise is most of it, a surprise tells nothing of what came
    return learned(habits, exposed, np.maximum(came, 0.0), worth * surprise, worth * days)


def emptied(belief: Belief, which: Bools, found: Floats, noise: Noise = NOISE) -> Belief:
    """After an emptying of some bins (n,), and what was found in them (n,): a level, NaN where nobody looked."""
    known = np.where(which, found, np.nan)
    after, _ = read(belief, known, noise.found, replace(noise, lasting=0.0, gate=5.0))
    empty = replace(
        after,
        level=np.where(which, 0.0, after.level),
        level_var=np.where(which, noise.left**2, after.level_var),
        covariance=np.where(which, 0.0, after.covariance),
        refused=np.where(which, 0, after.refused),
    )
    return _reopened(empty, which)
