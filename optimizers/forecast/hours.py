"""Hourly counts on one row of hours, and what of them is known a number of hours before."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from optimizers.result import InvalidProblem

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

KINDS = 3
DAY, WEEK = 24, 168
HALF_LIFE_HOURS = 60 * DAY  # half a season: a count of two months ago weighs half as much as one of yesterday
_FEWEST = -1.0  # of the logarithm, below the expected one
_MOST = 20.0  # of the logarithm: more vehicles an hour than any road has
_AT_LEAST = 3.0  # vehicles added before the logarithm, so that an empty hour has one


@dataclass(frozen=True, eq=False)
class HourlyCounts:
    """Counts of S series over H hours that follow each other in UTC; the last ones may lie in the future.

    value (S, H)  vehicles an hour; what is negative or no finite number is not known
    hour (H,)     hour of the wall clock, 0 to 23: a night the clocks change misses one, or has one twice
    kind (H,)     kind of day, 0 workday, 1 Saturday, 2 Sunday or public holiday
    days (H, X)   whatever else the calendar says of the hour, as 0 or 1: weekdays, the eve of a holiday, school

    Raises InvalidProblem with everything that does not fit.
    """

    value: Floats
    hour: Ints
    kind: Ints
    days: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        hours = self.value.shape[-1] if self.value.ndim == 2 else 0
        wrong = [
            (self.value.ndim != 2, f"value of shape {self.value.shape} wants series by hours"),
            (self.hour.shape != (hours,), f"hour of shape {self.hour.shape} wants ({hours},)"),
            (self.kind.shape != (hours,), f"kind of shape {self.kind.shape} wants ({hours},)"),
            (self.days.size and self.days.shape[:1] != (hours,), f"days of shape {self.days.shape} wants {hours} rows"),
            (_outside(self.hour, DAY), "hour wants 0 to 23"),
            (_outside(self.kind, KINDS), f"kind wants 0 to {KINDS - 1}"),
        ]
        if problems := [text for bad, text in wrong if bad]:
            raise InvalidProblem(problems)

    @cached_property
    def known(self) -> Bools:
        """(S, H) where there is a count."""
        return np.isfinite(self.value) & (self.value >= 0)

    @cached_property
    def size(self) -> Floats:
        """(S, H) logarithm of the counts, NaN where there is none."""
        return logarithm(np.where(self.known, self.value, np.nan))

    @cached_property
    def group(self) -> Ints:
        """(H,) like hours: kind of day times 24 plus hour."""
        return self.kind * DAY + self.hour

    @cached_property
    def calendar(self) -> Floats:
        """(H, 3 + X) what is known of an hour however long before."""
        kinds = np.eye(KINDS)[self.kind]
        return np.hstack([kinds, self.days]) if self.days.size else kinds


def logarithm(count: Floats) -> Floats:
    return np.log(count + _AT_LEAST)


def count_of(size: Floats) -> Floats:
    """The count, 0 or more, of a logarithm."""
    return np.maximum(np.exp(np.minimum(size, _MOST)) - _AT_LEAST, 0.0)


def expected(counts: HourlyCounts, until: int) -> tuple[Floats, Ints, Floats]:
    """(S, 72) mean logarithm of each group of like hours before hour `until`, newer ones weighing more, and how many;
    NaN for a group without one. And (S, until) the share that each hour has in its group's mean.
    """
    series, group = len(counts.value), counts.group[:until]
    known = counts.known[:, :until]
    weight = 0.5 ** ((until - 1 - np.arange(until)) / HALF_LIFE_HOURS)
    cell = np.arange(series)[:, None] * (KINDS * DAY) + group
    shape, size = (series, KINDS * DAY), series * KINDS * DAY
    value = counts.size[:, :until][known]
    weights = np.broadcast_to(weight, known.shape)[known]
    total = np.bincount(cell[known], weights * value, size).reshape(shape)
    mass = np.bincount(cell[known], weights, size).reshape(shape)
    samples = np.bincount(cell[known], minlength=size).reshape(shape)
    means = np.divide(total, mass, out=np.full(shape, np.nan), where=samples > 0)
    return means, samples, np.where(known, weight / np.maximum(mass[:, group], weight), 0.0)


def signs(above: Floats, hours: Ints, lead: int) -> Floats:
    """(S, K, 8) how far each of `hours` may stray, from what was counted `lead` hours before it or earlier.

    `above` (S, H): logarithm of the count less the expected one; NaN where not known, which is no sign either way. In
    order: the newest two hours and the mean of the newest six; the same hour one and two days and one week earlier,
    the mean of its last seven days, and of its last four weeks. A count under a third of the expected one is taken for
    that: a loop that sees next to nothing is as likely broken, and nobody may be left in the dark for it.
    """
    believed = np.maximum(above, _FEWEST)
    day = -(-lead // DAY) * DAY
    week = -(-lead // WEEK) * WEEK
    earlier = [
        [lead],
        [lead + 1],
        list(range(lead, lead + 6)),
        [day],
        [day + DAY],
        [week],
        list(range(day, day + WEEK, DAY)),
        list(range(week, week + 4 * WEEK, WEEK)),
    ]
    return np.stack([_mean_of(believed, hours, back) for back in earlier], axis=-1)


def _mean_of(above: Floats, hours: Ints, back: list[int]) -> Floats:
    """(S, K) mean over what is known `back` hours before; 0 where nothing is."""
    then = hours[:, None] - np.array(back)
    found = above[:, np.maximum(then, 0)] if above.shape[1] else np.full((len(above), *then.shape), np.nan)
    known = np.isfinite(found) & (then >= 0)
    total = np.where(known, found, 0.0).sum(axis=-1)
    return np.asarray(total / np.maximum(known.sum(axis=-1), 1))


def _outside(values: Ints, end: int) -> bool:
    return bool(values.size) and not (values.min() >= 0 and values.max() < end)
