"""Forecast by likeness: a quantile of what was measured in the same hour on the same kind of day."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizers.result import InvalidProblem

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Forecast:
    """`value` (series, slots): the quantile, NaN for no forecast. `samples`, same shape: how many stand behind it."""

    value: Floats
    samples: Ints


@dataclass(frozen=True, eq=False)
class History:
    """Samples as columns of one length: index of the series, group (hour and kind of day as one number), value."""

    series: Ints
    group: Ints
    value: Floats

    def __post_init__(self) -> None:
        if not self.series.shape == self.group.shape == self.value.shape or self.value.ndim != 1:
            raise InvalidProblem(
                [f"columns of shape {self.series.shape}, {self.group.shape}, {self.value.shape} differ"]
            )


def forecast(history: History, slot_group: Ints, series: int, *, quantile: float, minimum_samples: int) -> Forecast:
    """For each of `series` series and each slot, the quantile of the samples in that slot's group.

    The quantile is a sample itself: the least that at least that share of the samples do not exceed. Values that are
    negative or no number are no samples. Under `minimum_samples` of them there is no forecast.
    """
    if not 0 < quantile <= 1 or minimum_samples < 1:
        raise InvalidProblem([f"quantile {quantile} wants (0, 1], minimum_samples {minimum_samples} wants 1 or more"])
    groups = int(max(history.group.max(initial=0), slot_group.max(initial=0))) + 1
    fit = np.isfinite(history.value) & (history.value >= 0)
    key = history.series[fit] * groups + history.group[fit]
    value = history.value[fit]
    order = np.lexsort((value, key))
    key, value = key[order], value[order]
    wanted = np.arange(series)[:, None] * groups + slot_group[None, :]
    first = np.searchsorted(key, wanted, side="left")
    samples = np.searchsorted(key, wanted, side="right") - first
    enough = samples >= minimum_samples
    rank = np.ceil(quantile * samples - 1e-9).astype(np.int64) - 1
    chosen = value[(first + rank)[enough]]
    result = np.full(wanted.shape, np.nan)
    result[enough] = chosen
    return Forecast(result, samples)


def coverage(actual: Floats, predicted: Floats) -> float:
    """Share of actual values at or below their forecast, over the pairs where both are known; NaN where none is.

    A quantile q that holds what it promises covers q of them.
    """
    known = np.isfinite(actual) & np.isfinite(predicted)
    return float(np.mean(actual[known] <= predicted[known])) if known.any() else float("nan")
