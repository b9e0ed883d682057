"""What past hours teach: how far a count strays from the expected one, seen so many hours before, and how surely."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from optimizers.forecast.hours import DAY, Bools, Floats, HourlyCounts, Ints, expected, signs
from optimizers.result import InvalidProblem

Pair = tuple[int, int]

_RIDGE = 2.0  # pulls towards the expected count where there is little to learn from
_SPREAD_RIDGE = 3.0
_LEAST_SPREAD = 0.03  # of the logarithm: less than a count's own chance
_WIDEST = 2.0  # of its logarithm: an error that says anything may come
_ALONE = 1 - 1e-9
_MOST_LEVERAGE = 0.5
_NEAR_HOUR = 0.5  # weight of the hour before and after beside the hour itself


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learnt from the hours before `until`, of each pair of an hour of the day and the hours seen ahead.

    expected, samples (S, 72)  mean logarithm of each group of like hours, and how many they are
    slopes                     of each pair (S, F): what each sign and each word of the calendar adds to the logarithm
    spread                     of each pair (S, G): logarithm of how far off it is, by the same
    strays (S, Z)              how far off it was, over how far it should have been, in order; NaN at the end
    """

    until: int
    expected: Floats
    samples: Ints
    slopes: Mapping[Pair, Floats]
    spread: Mapping[Pair, Floats]
    strays: Floats


def learn(counts: HourlyCounts, until: int, pairs: Iterable[Pair]) -> Learned:
    """Learn from the hours before `until` to tell each (hour of the day, hours ahead) of `pairs`.

    Hours ahead are counted from the newest known hour: 1 is the hour that follows it. Each series is learnt by itself.
    Raises InvalidProblem for an hour that is none, or less than one ahead.
    """
    wanted = sorted(set(pairs))
    if wrong := [pair for pair in wanted if not 0 <= pair[0] < DAY or pair[1] < 1]:
        raise InvalidProblem(
            [f"hour {hour}, {ahead} hours ahead: want 0 to 23, and 1 or more" for hour, ahead in wrong]
        )
    means, samples, share = expected(counts, until)
    above = counts.size[:, :until] - means[:, counts.group[:until]]
    # What the mean would have missed it by without that hour: one alone in its group teaches nothing.
    missed = np.divide(above, 1 - share, out=np.full(above.shape, np.nan), where=share < _ALONE)
    slopes, spread = {}, {}
    strays = [np.empty((len(counts.value), 0))]
    for hour, ahead in wanted:
        slopes[hour, ahead], off, hours = _slopes(counts, above, missed, hour, ahead)
        spread[hour, ahead], scale = _spread(counts, above, off, hours, ahead)
        strays.append(off / scale)
    return Learned(until, means, samples, slopes, spread, np.sort(np.concatenate(strays, axis=1), axis=1))


def reasons(counts: HourlyCounts, above: Floats, hours: Ints, ahead: int) -> Floats:
    """(S, K, F) signs and calendar of some hours."""
    seen = signs(above, hours, ahead)
    calendar = np.broadcast_to(counts.calendar[hours], (len(seen), len(hours), counts.calendar.shape[1]))
    return np.concatenate([seen, calendar], axis=-1)


def unrest(counts: HourlyCounts, above: Floats, hours: Ints, ahead: int) -> Floats:
    """(S, K, G) what a wide error goes with: an unusual evening, a turn, unusual days, the calendar."""
    seen = signs(above, hours, ahead)
    turn = seen[..., :1] - seen[..., 1:2]
    calendar = np.broadcast_to(counts.calendar[hours], (len(seen), len(hours), counts.calendar.shape[1]))
    return np.concatenate([np.abs(seen), np.abs(turn), calendar], axis=-1)


def _slopes(counts: HourlyCounts, above: Floats, missed: Floats, hour: int, ahead: int) -> tuple[Floats, Floats, Ints]:
    """The slopes of a pair, and how far off each past hour of that hour of the day is when it is left out, NaN where
    not counted: ridge regression, each error over one less its leverage.
    """
    past = np.arange(above.shape[1])
    apart = np.abs((counts.hour[: len(past)] - hour + DAY // 2) % DAY - DAY // 2)
    hours = past[apart <= 1]
    inputs, target = reasons(counts, above, hours, ahead), missed[:, hours]
    counted = np.isfinite(target)
    weight = np.where(apart[hours] == 0, 1.0, _NEAR_HOUR) * counted
    inverse, slopes = _ridge(inputs, np.where(counted, target, 0.0), weight, _RIDGE)
    own = apart[hours] == 0
    off = target[:, own] - left_out(inputs[:, own], target[:, own], inverse, slopes)
    return slopes, off, hours[own]


def _spread(counts: HourlyCounts, above: Floats, off: Floats, hours: Ints, ahead: int) -> tuple[Floats, Floats]:
    """How wide the error of a pair is: slopes of its logarithm, and the width (S, K) that they, each time without it,
    give each past hour.
    """
    inputs = unrest(counts, above, hours, ahead)
    counted = np.isfinite(off)
    wide = np.log(np.where(counted, np.abs(off), 0.0) + _LEAST_SPREAD)
    usual = (wide * counted).sum(axis=1, keepdims=True) / np.maximum(counted.sum(axis=1, keepdims=True), 1)
    rest = (wide - usual) * counted
    inverse, slopes = _ridge(inputs, rest, counted.astype(np.float64), _SPREAD_RIDGE)
    return np.hstack([slopes, usual]), np.exp(left_out(inputs, rest, inverse, slopes) + usual)


def left_out(inputs: Floats, target: Floats, inverse: Floats, slopes: Floats) -> Floats:
    """(S, K) what the regression would have said of each row of weight 1 had it not been learnt from: leverage."""
    leverage = [(np.einsum("kf,fg->kg", x, i) * x).sum(axis=-1) for x, i in zip(inputs, inverse, strict=True)]
    own = np.minimum(np.array(leverage).reshape(target.shape), _MOST_LEVERAGE)
    return np.asarray((times(inputs, slopes) - own * target) / (1 - own))


def spread_of(inputs: Floats, slopes: Floats) -> Floats:
    """(S, K) how wide the error is; the last slope is that of every hour."""
    return np.exp(np.minimum(times(inputs, slopes[:, :-1]) + slopes[:, -1:], _WIDEST))


def times(inputs: Floats, slopes: Floats) -> Floats:
    """(S, K) inputs (S, K, F) times slopes (S, F)."""
    return np.asarray((inputs * slopes[:, None, :]).sum(axis=-1))


def _ridge(inputs: Floats, target: Floats, weight: Floats, ridge: float) -> tuple[Floats, Floats]:
    """Inverse (S, F, F) of the normal matrix and the slopes (S, F).

    Each series alone and without BLAS, so that what comes of one does not hang on how many there are, to the last bit.
    """
    size = inputs.shape[-1]
    weighted = inputs * weight[..., None]
    normal = np.array([np.einsum("kf,kg->fg", w, x) for w, x in zip(weighted, inputs, strict=True)])
    inverse: Floats = np.linalg.inv(normal.reshape(-1, size, size) + ridge * np.eye(size)).astype(np.float64)
    right = (weighted * target[..., None]).sum(axis=1)
    return inverse, (inverse * right[:, None, :]).sum(axis=-1)


def enough(learned: Learned, counts: HourlyCounts, hours: Ints, minimum_samples: int) -> Bools:
    """(S, K) where that many like hours stand behind an hour."""
    return np.asarray(learned.samples[:, counts.group[hours]] >= minimum_samples)
