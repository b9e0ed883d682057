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
    """Two layers of n root zones, each holding the share of TAW that its depth has; each field is (n,).

    upper_m, lower_m   their depths; none is thinner than a quarter of the root zone
    beyond_mm          water above field capacity that the pores of the upper layer have room for
    keeps              share of it that is still there a day later: (saturation - field capacity) / saturation drains
                       (Ritchie 1998)
    """

    upper_m: Floats
    lower_m: Floats
    beyond_mm: Floats
    keeps: Floats

    @classmethod
    def of(cls, root_depth_m: Floats, field_capacity: Floats, saturation: Floats) -> "Layers":
        upper, pores = np.minimum(UPPER_M, 0.75 * root_depth_m), saturation - field_capacity
        return cls(upper, root_depth_m - upper, 1000.0 * pores * upper, 1.0 - pores / saturation)

    def measured_m(self, depth_m: Floats) -> tuple[Bools, Floats]:
        """(n,) whether a probe at a depth sits in the upper layer, and how deep its layer is."""
        within: Bools = depth_m < self.upper_m
        return within, np.where(within, self.upper_m, self.lower_m)

    def upper_after(
        self, upper_mm: Floats, depletion_mm: Floats, taw_mm: Floats, *, water_mm: Floats, evaporation_mm: Floats,
        transpiration_mm: Floats, depletion_after_mm: Floats,
    ) -> Floats:  # fmt: skip
        """(n,) what the upper layer lacks a day later, of all that is lacking then; below 0 what has not drained yet.

        upper_mm, depletion_mm   before: of the upper layer, of both
        water_mm                 that came into the soil; the rest is what left it
        """
        share = self.upper_m / (self.upper_m + self.lower_m)
        holds_upper, holds_lower = share * taw_mm, (1.0 - share) * taw_mm
        lacks = np.maximum(upper_mm - water_mm, -self.beyond_mm)
        lacks = np.where(lacks < 0, self.keeps * lacks, lacks)
        seeped = water_mm - (upper_mm - lacks)
        below = np.clip(depletion_mm - upper_mm - seeped, 0.0, holds_lower)
        gives_upper, gives_lower = holds_upper - lacks, holds_lower - below
        of_upper = gives_upper / np.maximum(gives_upper + gives_lower, 1e-9)
        below = below + (1.0 - of_upper) * transpiration_mm
        lacks = lacks + evaporation_mm + of_upper * transpiration_mm
        # Beyond field capacity counts what the layer below has room for: the balance has the rest gone already.
        least = np.maximum(depletion_after_mm - holds_lower, -below)
        return np.clip(lacks, least, np.maximum(np.minimum(depletion_after_mm, holds_upper), least))
