"""The distribution of each coming hour's count."""

from dataclasses import dataclass

import numpy as np

from optimizers.forecast.hours import Floats, HourlyCounts, Ints, count_of, logarithm
from optimizers.forecast.learning import Learned, enough, learn, reasons, spread_of, times, unrest
from optimizers.result import InvalidProblem

_SMOOTH = 0.1  # of their standard deviation: the width over which one past error counts as another like it
_FARTHEST = 40.0  # beyond it, e to the power is nothing


@dataclass(frozen=True, eq=False)
class Outlook:
    """What may be counted by S series in K hours.

    likely, width (S, K)  middle of the logarithm, and the scale of its error; NaN where there is no telling
    strays (S, Z)         past errors over their scale, in order, NaN at the end
    samples (S, K)        how many like hours stand behind it
    """

    likely: Floats
    width: Floats
    strays: Floats
    samples: Ints

    def quantile(self, level: float | Floats) -> Floats:
        """(S, K) the count, veh/h, that is not exceeded with probability `level`; NaN where there is no telling.

        `level` is one for all, or one for each series (S,). Among past errors it takes the least that at least that
        share of them do not exceed. Raises InvalidProblem outside (0, 1].
        """
        levels = np.broadcast_to(np.asarray(level, np.float64), self._errors.shape)
        if not ((levels > 0) & (levels <= 1)).all():
            raise InvalidProblem([f"level {level} wants (0, 1]"])
        rank = np.maximum(np.ceil(levels * self._errors - 1e-9).astype(np.int64) - 1, 0)
        stray = np.take_along_axis(self._padded, rank[:, None], axis=1)
        return count_of(self.likely + self.width * stray)

    def exceeds(self, threshold: Floats) -> Floats:
        """(S, K, B) probability that the count is above each of B thresholds (S, B), veh/h; NaN for no telling.

        Never quite 0: one more error than were seen may always come. Falls as the threshold grows.
        """
        distance = (logarithm(threshold)[:, None, :] - self.likely[..., None]) / self.width[..., None]
        return np.stack([self._beyond(s, row) for s, row in enumerate(distance)]) if len(distance) else distance

    def rank(self, count: Floats) -> Floats:
        """(S, K) probability that was given to counts up to each `count` (S, K); NaN where either is not known."""
        distance = (logarithm(np.where(count >= 0, count, np.nan)) - self.likely) / self.width
        found = np.stack([self._beyond(s, row) for s, row in enumerate(distance)]) if len(distance) else distance
        return np.asarray(1 - found)

    @property
    def _errors(self) -> Ints:
        return np.asarray(np.isfinite(self.strays).sum(axis=1))

    @property
    def _padded(self) -> Floats:
        """The errors with one at least, which says nothing where there was none."""
        return self.strays if self.strays.shape[1] else np.full((len(self.strays), 1), np.nan)

    def _beyond(self, series: int, distance: Floats) -> Floats:
        """Share of the errors of a series above each distance, each error smoothed, and half an error never seen."""
        errors = self.strays[series, : self._errors[series]]
        if not errors.size:
            return np.full(distance.shape, np.nan)
        smooth = max(_SMOOTH * float(errors.std()), 1e-9)
        shown, place = np.unique(distance, return_inverse=True)
        steps = np.clip((shown[:, None] - errors) / smooth, -_FARTHEST, _FARTHEST)
        share = (1 / (1 + np.exp(steps))).sum(axis=1)
        found: Floats = ((share + 0.5) / (errors.size + 1))[place.reshape(distance.shape)]
        return np.where(np.isnan(distance), np.nan, found)


def predict(learned: Learned, counts: HourlyCounts, known: int, hours: Ints, *, minimum_samples: int = 1) -> Outlook:
    """What may be counted in each of `hours`, indices into `counts`, by what was counted in the hours before `known`.

    Nothing at or after `known` is looked at but the calendar. Where fewer than `minimum_samples` like hours stand
    behind an hour there is no telling. Raises InvalidProblem for an hour before `known` or beyond the row, and for one
    that was not learnt: a pair of its hour of the day and its index less `known` plus one.
    """
    wanted = np.asarray(hours, np.int64)
    if wanted.size and not (known <= wanted.min() and wanted.max() < counts.value.shape[1]):
        raise InvalidProblem([f"hours {wanted.min()} to {wanted.max()} want {known} to {counts.value.shape[1] - 1}"])
    pairs = [(int(counts.hour[t]), int(t) - known + 1) for t in wanted]
    if lost := sorted(set(pairs) - set(learned.slopes)):
        raise InvalidProblem([f"hour {hour} was not learnt {ahead} hours ahead" for hour, ahead in lost])
    above = counts.size[:, :known] - learned.expected[:, counts.group[:known]]
    likely = learned.expected[:, counts.group[wanted]]
    width = np.empty(likely.shape)
    for k, (t, pair) in enumerate(zip(wanted, pairs, strict=True)):
        one = np.array([t])
        likely[:, k] += times(reasons(counts, above, one, pair[1]), learned.slopes[pair])[:, 0]
        width[:, k] = spread_of(unrest(counts, above, one, pair[1]), learned.spread[pair])[:, 0]
    likely[~enough(learned, counts, wanted, minimum_samples)] = np.nan
    return Outlook(likely, width, learned.strays, learned.samples[:, counts.group[wanted]])


def foresee(counts: HourlyCounts, known: int, hours: Ints, *, minimum_samples: int = 1) -> Outlook:
    """`learn` from everything before hour `known`, and `predict` each of `hours` by it.

    For a night planned at noon, `known` is the index of the hour that noon begins; for the rest of a night, that of
    the hour not yet ended. Raises InvalidProblem as `predict` does.
    """
    pairs = {(int(counts.hour[t]), int(t) - known + 1) for t in np.asarray(hours) if 0 <= t < len(counts.hour)}
    return predict(learn(counts, known, pairs), counts, known, hours, minimum_samples=minimum_samples)
