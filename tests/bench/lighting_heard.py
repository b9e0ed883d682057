"""Were counters heard every quarter of an hour, as the rule `traffic-above-plan` hears them. The counts of an hour are
real; how they fall into its quarters is not known, and made: by chance, along the line between the hours beside it.
"""

import numpy as np

from optimizers.forecast.hours import Floats, Ints
from tests.bench.lighting_year import Year

_MIDDLES = np.array([-0.375, -0.125, 0.125, 0.375])  # of the quarters, in hours from the middle of the hour
_LEAST = 0.02  # of an hour's count: no line falls below it


def quarters(year: Year, seed: int = 1) -> Floats:
    """(S, H, 4) vehicles of each quarter of an hour; NaN where the hour was not counted."""
    rng, known = np.random.default_rng(seed), year.counts.known
    value = np.where(known, year.counts.value, np.nan)
    beside = np.pad(value, ((0, 0), (1, 1)), constant_values=np.nan)
    before, after = beside[:, :-2], beside[:, 2:]
    slope = (np.where(np.isnan(after), value, after) - np.where(np.isnan(before), value, before)) / 2
    line = np.maximum(value[..., None] + slope[..., None] * _MIDDLES, _LEAST * value[..., None] + 1e-9)
    made = np.full(line.shape, np.nan)
    shares = line[known] / line[known].sum(axis=1, keepdims=True)
    made[known] = rng.multinomial(np.rint(value[known]).astype(np.int64), shares)
    return made


def lifted(year: Year, told: Ints, heard: Floats) -> Ints:
    """(S, N) levels: the busy one in every quarter before which more was counted than what is told provides for."""
    hour, quarter, _ = year.dark
    rate = 4 * heard[:, hour - (quarter == 0), (quarter - 1) % 4]
    quiet, busy = year.thresholds[:, :1], year.thresholds[:, 1:]
    more = np.where(told == 0, rate >= quiet, (told == 1) & (rate > busy))
    return np.where(more, 2, told)
