"""A crop's season in four stages: basal coefficient, height, roots and cover day by day (FAO-56 chapters 6–8).

Gardens do not need it: their plants are there all year. It is what the balance is held against a field's season with.
"""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats
from optimizers.result import InvalidProblem
from optimizers.soil.climate import Values

_MOST_COVER = 0.99
_LEAST_M = 0.001


@dataclass(frozen=True, kw_only=True)
class Season:
    """Lengths of the four stages in days (table 11), and what begins and ends them.

    kcb_initial, kcb_middle, kcb_end (table 17); heights and root depths in m at sowing and at their greatest.
    """

    lengths_d: tuple[int, int, int, int]
    kcb_initial: float
    kcb_middle: float
    kcb_end: float
    height_m: tuple[float, float]
    root_depth_m: tuple[float, float]

    def __post_init__(self) -> None:
        problems = []
        if min(self.lengths_d) < 1:
            problems.append(f"lengths_d is {self.lengths_d}, wants 1 day or more of each stage")
        if not 0 <= self.kcb_initial < self.kcb_middle:
            found = f"kcb_initial is {self.kcb_initial:g}"
            problems.append(f"{found}, wants 0 or more and less than kcb_middle, {self.kcb_middle:g}")
        if problems:
            raise InvalidProblem(problems)

    def kcb(self, day: Values) -> Floats:
        """Basal coefficient (eq. 66 of the dual one) so many days after sowing."""
        ends = np.cumsum([0, *self.lengths_d])
        levels = [self.kcb_initial, self.kcb_initial, self.kcb_middle, self.kcb_middle, self.kcb_end]
        kcb: Floats = np.asarray(np.interp(day, ends, levels))
        return kcb

    def grown(self, day: Values) -> Floats:
        """Share of the way from sowing to full growth, 0…1, which does not go back when leaves yellow."""
        highest = self.kcb(np.minimum(day, sum(self.lengths_d[:2])))
        share: Floats = (highest - self.kcb_initial) / (self.kcb_middle - self.kcb_initial)
        return share

    def height(self, day: Values) -> Floats:
        """Of plants, m."""
        return self._between(self.height_m, day)

    def root_depth(self, day: Values) -> Floats:
        """Zr, m (FAO-56, annex 8)."""
        return self._between(self.root_depth_m, day)

    def _between(self, span: tuple[float, float], day: Values) -> Floats:
        return np.maximum(span[0] + (span[1] - span[0]) * self.grown(day), _LEAST_M)


def cover(kcb: Values, kcb_least: float, kc_greatest: Values, height_m: Values) -> Floats:
    """fc, 0…0.99 (eq. 76): the share of the ground that leaves cover, by how far Kcb is on its way to Kc max."""
    share = np.clip((np.asarray(kcb) - kcb_least) / (np.asarray(kc_greatest) - kcb_least), 0.0, None)
    return np.clip(share ** (1.0 + 0.5 * np.asarray(height_m)), 0.0, _MOST_COVER)
