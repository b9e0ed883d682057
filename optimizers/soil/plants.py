"""Root zones: how much water soil and plants hold between them, and when plants begin to lack it.

FAO-56 chapters 6–8.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from optimizers.arrays import Bools, Floats, Shapes, freeze
from optimizers.result import InvalidProblem
from optimizers.soil.climate import Values

EVAPORATING_DEPTH_M = 0.10
"""Ze: of the surface layer that evaporation dries (FAO-56, chapter 7: 0.10 to 0.15 m)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RootZone:
    """n zones, each an array (n,).

    field_capacity, wilting_point   water held against gravity, and by soil against roots, m³/m³ (table 19)
    root_depth_m      depth of effective roots, Zr (table 22)
    p_table           share of TAW that plants take before they lack water, at ETc = 5 mm a day (table 22)
    kcb               basal crop coefficient: transpiration of plants that lack nothing, over ET0 (table 17)
    height_m          of plants
    cover             share of the ground that leaves cover, fc, 0…0.99 (table 21)
    wetted            share of the ground that irrigation wets, fw: 1 sprinklers, some 0.3 drip (table 20)
    rew_mm, tew_mm    readily and totally evaporable water of the surface layer (table 19, eq. 73)
    curve_number      of the SCS, for run-off; NaN where none runs off

    Raises InvalidProblem with everything that is wrong, zone by zone.
    """

    arrays: ClassVar[tuple[str, ...]] = (
        "field_capacity", "wilting_point", "root_depth_m", "p_table", "kcb", "height_m", "cover", "wetted", "rew_mm",
        "tew_mm", "curve_number",
    )  # fmt: skip

    field_capacity: Floats
    wilting_point: Floats
    root_depth_m: Floats
    p_table: Floats
    kcb: Floats
    height_m: Floats
    cover: Floats
    wetted: Floats
    rew_mm: Floats
    tew_mm: Floats
    curve_number: Floats = field(default_factory=lambda: np.array(np.nan))

    def __post_init__(self) -> None:
        shapes: Shapes = dict.fromkeys(self.arrays, (np.float64, (np.size(self.field_capacity),)))
        if problems := freeze(self, shapes) or list(self._problems()):
            raise InvalidProblem(problems)

    @property
    def taw_mm(self) -> Floats:
        """(n,) total available water (eq. 82)."""
        water: Floats = 1_000.0 * (self.field_capacity - self.wilting_point) * self.root_depth_m
        return water

    def raw_mm(self, etc_mm: Values) -> Floats:
        """(n,) readily available water (eq. 83) on a day of an ETc: what is asked for fast is had less easily."""
        water: Floats = adjusted_p(self.p_table, etc_mm) * self.taw_mm
        return water

    def _problems(self) -> Iterator[str]:
        for name, (least, most) in _RANGES.items():
            values: Floats = getattr(self, name)
            for z in np.flatnonzero(~((values >= least) & (values <= most)) & ~_may_be_nan(name, values)).tolist():
                yield f"zone {z}: {name} is {values[z]:g}, wants {least:g} to {most:g}"
        for low, high in (("wilting_point", "field_capacity"), ("rew_mm", "tew_mm")):
            small, large = getattr(self, low), getattr(self, high)
            for z in np.flatnonzero(small >= large).tolist():
                yield f"zone {z}: {low} is {small[z]:g}, wants less than {high}, {large[z]:g}"


_RANGES = {
    "field_capacity": (0.02, 0.9), "wilting_point": (0.0, 0.6), "root_depth_m": (0.02, 5.0), "p_table": (0.1, 0.8),
    "kcb": (0.0, 1.5), "height_m": (0.0, 60.0), "cover": (0.0, 1.0), "wetted": (0.01, 1.0), "rew_mm": (0.0, 30.0),
    "tew_mm": (1.0, 100.0), "curve_number": (1.0, 100.0),
}  # fmt: skip


def _may_be_nan(name: str, values: Floats) -> Bools:
    return np.isnan(values) & (name == "curve_number")


def adjusted_p(p_table: Values, etc_mm: Values) -> Floats:
    """Depletion fraction p on a day of an ETc in mm (FAO-56, table 22, note 2), 0.1…0.8."""
    return np.clip(np.asarray(p_table) + 0.04 * (5.0 - np.asarray(etc_mm)), 0.1, 0.8)


def stress_coefficient(depletion_mm: Values, taw_mm: Values, raw_mm: Values) -> Floats:
    """Ks, 0…1 (eq. 84): the share of their transpiration that plants keep up at a depletion."""
    ks: Floats = (np.asarray(taw_mm) - depletion_mm) / (np.asarray(taw_mm) - raw_mm)
    return np.clip(ks, 0.0, 1.0)


def total_evaporable_mm(field_capacity: Values, wilting_point: Values, depth_m: float = EVAPORATING_DEPTH_M) -> Floats:
    """TEW (eq. 73) of a surface layer that deep."""
    water: Floats = 1_000.0 * (np.asarray(field_capacity) - 0.5 * np.asarray(wilting_point)) * depth_m
    return water


def landscape_coefficient(species: Values, density: Values = 1.0, microclimate: Values = 1.0) -> Floats:
    """K_L = ks · kd · kmc: what a planting takes over ET0, where no table has a Kcb for it.

    Costello, Matheny and Clark (2000), the method of WUCOLS: species 0.1…0.9 (low 0.1–0.3, moderate 0.4–0.6, high
    0.7–0.9), density 0.5…1.3 of leaves, microclimate 0.5…1.4 (shade and shelter below 1, paving and walls above).
    Evaporation from the ground is in it. Raises InvalidProblem beyond these ranges.
    """
    problems = [
        f"{name} is {value:g}, wants {least:g} to {most:g}"
        for name, values, least, most in (
            ("species", species, 0.1, 0.9), ("density", density, 0.5, 1.3), ("microclimate", microclimate, 0.5, 1.4),
        )
        for value in np.ravel(values).tolist()
        if not least <= value <= most
    ]  # fmt: skip
    if problems:
        raise InvalidProblem(problems)
    coefficient: Floats = np.asarray(species) * density * microclimate
    return coefficient


def climate_adjusted_kcb(kcb_table: Values, height_m: Values, wind_m_s: Values, rh_min_pct: Values) -> Floats:
    """Kcb of tables 17 and 12, which hold for RHmin 45 % and u2 2 m/s, in another climate (eq. 70, 62).

    Means of a stage. Values of 0.45 and less are left: the bare ground's are not the climate's.
    """
    kcb = np.asarray(kcb_table)
    return np.where(kcb > 0.45, kcb + climate_term(height_m, wind_m_s, rh_min_pct), kcb)


def climate_term(height_m: Values, wind_m_s: Values, rh_min_pct: Values) -> Floats:
    """What eq. 62, 70 and 72 add to a coefficient: u2 is held to 1…6 m/s, RHmin to 20…80 %."""
    wind, humidity = np.clip(wind_m_s, 1.0, 6.0), np.clip(rh_min_pct, 20.0, 80.0)
    term: Floats = (0.04 * (wind - 2.0) - 0.004 * (humidity - 45.0)) * (np.asarray(height_m) / 3.0) ** 0.3
    return term
