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
    surge             of what comes between two readings of a day, in mean days: a day's amount comes all at once or not
    gate, after       standard deviations beyond which a reading is not taken, but for the third in a row; of a full bin
                      the second: waiting longer costs more than a visit in vain
    """

    sensor: float = 0.05
    lasting: float = 0.02
    found: float = 0.1
    left: float = 0.02
    drift: float = 0.015
    surge: float = 0.4
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


def read(
    belief: Belief, level: Floats, sd: Floats | float | None = None, noise: Noise = NOISE, *, full: float = FULL
) -> tuple[Belief, Bools]:
    """After a reading of each bin's level (n,), NaN for none, and which readings were taken.

    One that lies further off than the gate is not taken, unless it is the third in a row, or the second of a full bin:
    then belief was wrong. One of `full` or more says that the level is there or above, and no more.
    """
    deviation = np.broadcast_to(np.asarray(noise.sensor if sd is None else sd, np.float64), level.shape)
    heard = np.isfinite(level)
    seen = _Seen(np.where(heard, np.minimum(level, full), belief.level), deviation, heard & (level >= full))
    surged = belief.level_var + np.where(heard, (noise.surge * belief.rate) ** 2, 0.0)
    off = seen.off(belief.level)
    out = heard & (off > noise.gate * np.sqrt(surged + deviation**2))
    refused: Ints = np.where(out, belief.refused + 1, np.where(heard, 0, belief.refused))
    taken = heard & (~out | (refused >= noise.after - (level >= full)))
    wide = replace(belief, level_var=np.where(taken & out, surged + off**2, np.where(taken, surged, belief.level_var)))
    after = _corrected(wide, taken, seen, noise)
    after = replace(after, refused=np.where(taken, 0, refused))
    return _audited(belief, after, taken & ~out, taken & out, seen), taken


@dataclass(frozen=True, eq=False)
class _Seen:
    """A reading (n,) with its standard deviation; where it is `full`, the level is known to be there or above."""

    level: Floats
    sd: Floats
    full: Bools

    def off(self, level: Floats) -> Floats:
        """(n,) how far from a level the nearest one is that the reading allows for."""
        gap = self.level - level
        return np.where(self.full, np.maximum(gap, 0.0), np.abs(gap))

    def told(self, level: Floats, variance: Floats) -> tuple[Floats, Floats, Floats]:
        """Of a level believed to be normal with this mean and variance (n,): by how much, times the variance, the mean
        moves; by how much, times its square, the variance shrinks; and the squared surprise, as it is expected to be.

        Of a full reading these are the moments of a normal distribution cut off below.
        """
        from scipy.special import log_ndtr  # noqa: PLC0415 - a quarter of a second that every command would pay

        total = variance + self.sd**2
        gap = self.level - level
        z = gap / np.sqrt(total)
        ratio = np.exp(-(z**2) / 2.0 - 0.5 * np.log(2.0 * np.pi) - log_ndtr(-z))
        moves = np.where(self.full, ratio / np.sqrt(total), gap / total)
        shrinks = np.where(self.full, ratio * (ratio - z) / total, 1.0 / total)
        return moves, shrinks, np.where(self.full, total * (1.0 + z * ratio), gap**2)


def _audited(before: Belief, after: Belief, taken: Bools, afresh: Bools, seen: _Seen) -> Belief:
    """Once a day the forecast is held against a reading that was taken: groups learn from that, and from no less.

    Several readings of one day tell little of what a day brings, and the same little several times.
    """
    audited = taken & (before.exposed.sum(axis=1) > _AUDIT_D)
    habits = _habits_after(before, audited, seen)
    return _reopened(replace(after, habits=habits), audited | afresh)


def _reopened(belief: Belief, which: Bools) -> Belief:
    return replace(
        belief,
        open_level=np.where(which, belief.level, belief.open_level),
        open_var=np.where(which, belief.level_var, belief.open_var),
        open_covariance=np.where(which, belief.covariance, belief.open_covariance),
        exposed=np.where(which[:, None], 0.0, belief.exposed),
    )


def _corrected(belief: Belief, taken: Bools, seen: _Seen, noise: Noise) -> Belief:
    moves, shrinks, _ = (np.where(taken, part, 0.0) for part in seen.told(belief.level, belief.level_var))
    variance, covariance = belief.level_var, belief.covariance
    least = np.minimum(variance, noise.lasting**2)
    return replace(
        belief,
        level=np.maximum(belief.level + variance * moves, 0.0),
        level_var=np.maximum(variance - variance**2 * shrinks, least),
        rate=np.maximum(belief.rate + covariance * moves, belief.rate / 3.0),
        rate_var=np.maximum(belief.rate_var - covariance**2 * shrinks, 1e-8),
        covariance=covariance - covariance * variance * shrinks,
    )


def _habits_after(belief: Belief, which: Bools, seen: _Seen) -> Habits:
    """What the groups learn: how the surprise is shared out among the kinds of days since the last audit."""
    habits = belief.habits
    exposed = np.where(which[:, None], belief.exposed, 0.0)
    expected = exposed * habits.factor[habits.group] * habits.pace[habits.group][:, None]
    days = expected.sum(axis=1)
    moves, _, squared = (np.where(which, part, 0.0) for part in seen.told(belief.open_level, belief.open_var))
    total = belief.open_var + seen.sd**2
    by_chance = habits.cv2 * belief.rate**2 * days
    came = expected * (1.0 + habits.cv2 * belief.rate * moves)[:, None]
    capped = np.minimum(squared, 9.0 * total)
    surprise = habits.cv2 * days + np.where(which, (capped - total) / belief.rate**2, 0.0)
    worth = (by_chance / total) ** 2  # where noise is most of it, a surprise tells nothing of what came
    return learned(habits, exposed, np.maximum(came, 0.0), worth * surprise, worth * days)


def emptied(belief: Belief, which: Bools, found: Floats, noise: Noise = NOISE) -> Belief:
    """After an emptying of some bins (n,), and what was found in them (n,): a level, NaN where nobody looked."""
    known = np.where(which, found, np.nan)
    after, _ = read(belief, known, noise.found, replace(noise, lasting=0.0, gate=5.0), full=np.inf)
    empty = replace(
        after,
        level=np.where(which, 0.0, after.level),
        level_var=np.where(which, noise.left**2, after.level_var),
        covariance=np.where(which, 0.0, after.covariance),
        refused=np.where(which, 0, after.refused),
    )
    return _reopened(empty, which)
