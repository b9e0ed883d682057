"""Which part of the root zone a probe measures: water comes from above, and what lies below is wetted last.

The balance of FAO-56 has one bucket. Where that lacks 20 mm after a light rain, the upper decimetre may be full and all
of it be missing below, where the probe sits. So the balance is kept apart by layers, as a cascade (after Ritchie 1998):
water fills the upper one first, sun draws from it, roots from each in the share of what it has to give.
"""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats

UPPER_M = 0.1
"""Of the upper layer: the one that evaporation dries (FAO-56, chapter 7: 0.10 to 0.15 m)."""


@dataclass(frozen=True, eq=False)
class Layers:
    """Two layers of n root zones, each holding the share of TAW that its depth has.

    upper_m, lower_m (n,)   their depths; none is thinner than a quarter of the root zone
    """

    upper_m: Floats
    lower_m: Floats

    @classmethod
    def of(cls, root_depth_m: Floats) -> "Layers":
        upper = np.minimum(UPPER_M, 0.75 * root_depth_m)
        return cls(upper, root_depth_m - upper)

    def measured_m(self, depth_m: Floats) -> tuple[Bools, Floats]:
        """(n,) whether a probe at a depth sits in the upper layer, and how deep its layer is."""
        within: Bools = depth_m < self.upper_m
        return within, np.where(within, self.upper_m, self.lower_m)

    def upper_after(
        self, upper_mm: Floats, depletion_mm: Floats, taw_mm: Floats, *, water_mm: Floats, evaporation_mm: Floats,
        transpiration_mm: Floats, depletion_after_mm: Floats,
    ) -> Floats:  # fmt: skip
        """(n,) what the upper layer lacks a day later, of all that is lacking then.

        upper_mm, depletion_mm   before: of the upper layer, of both
        water_mm                 that came into the soil; the rest is what left it
        """
        share = self.upper_m / (self.upper_m + self.lower_m)
        holds_upper, holds_lower = share * taw_mm, (1.0 - share) * taw_mm
        lacked = np.maximum(upper_mm - water_mm, 0.0)
        below = np.maximum(depletion_mm - upper_mm - np.maximum(water_mm - upper_mm, 0.0), 0.0)
        gives_upper, gives_lower = holds_upper - lacked, holds_lower - below
        of_upper = gives_upper / np.maximum(gives_upper + gives_lower, 1e-9)
        lacked = np.clip(lacked + evaporation_mm + of_upper * transpiration_mm, 0.0, holds_upper)
        return within_both(lacked, depletion_after_mm, holds_upper, holds_lower)


def within_both(upper_mm: Floats, depletion_mm: Floats, holds_upper_mm: Floats, holds_lower_mm: Floats) -> Floats:
    """What the upper layer may lack, where both lack so much together."""
    least, most = np.maximum(depletion_mm - holds_lower_mm, 0.0), np.minimum(depletion_mm, holds_upper_mm)
    return np.clip(upper_mm, least, np.maximum(most, least))
