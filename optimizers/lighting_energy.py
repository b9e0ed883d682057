"""Energy performance of road lighting by EN 13201-5:2015: power density indicator and annual energy consumption.

Both are to be read together, for each set of operating conditions: a street that is dark uses little. The formulas are
those of the standard's clauses 4 (PDI) and 5 (AECI) as they are commonly printed, not compared with a copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, nan

from optimizers.result import InvalidProblem


@dataclass(frozen=True, slots=True)
class Period:
    """An operational period of lamps that light known areas, each in one state throughout.

    hours     how long it lasts over what is reported, a night or a year
    power_w   system power P: lamps, control gear, control units and their stand-by
    lit_lx_m2 sum over the areas of maintained average illuminance times area, ΣĒ·A; 0 while nothing is lit

    Raises InvalidProblem for anything negative or not finite.
    """

    hours: float
    power_w: float
    lit_lx_m2: float

    def __post_init__(self) -> None:
        values = {"hours": self.hours, "power_w": self.power_w, "lit_lx_m2": self.lit_lx_m2}
        problems = [f"{name} is {value}, wants 0 or more" for name, value in values.items() if not 0 <= value < 1e300]
        if problems:
            raise InvalidProblem(problems)


def illuminance_lx(luminance: float, surface_q0: float) -> float:
    """Ē of a road of average luminance coefficient Q0 (cd/m² for a lx) that has that luminance: E = L / Q0."""
    return luminance / surface_q0


def power_density(periods: Sequence[Period]) -> float:
    """D_P = P / Σ(Ē·A), W/(lx·m²), over periods weighed by their time; NaN where nothing is lit in any of them."""
    lit = fsum(p.hours * p.lit_lx_m2 for p in periods)
    return fsum(p.hours * p.power_w for p in periods if p.lit_lx_m2 > 0) / lit if lit else nan


def energy_density_wh_m2(periods: Sequence[Period], area_m2: float) -> float:
    """D_E = Σ(P·t) / A, Wh/m² over all periods, dark ones with their stand-by too; NaN without an area."""
    return fsum(p.power_w * p.hours for p in periods) / area_m2 if area_m2 > 0 else nan


def annual(periods: Sequence[Period], lit_hours: float, dark_hours: float) -> tuple[Period, ...]:
    """The periods of some nights as those of a year of so many lit and unlit hours, in the same proportions."""
    hours = {True: lit_hours, False: dark_hours}
    found = {lit: fsum(p.hours for p in periods if (p.lit_lx_m2 > 0) is lit) for lit in hours}
    scale = {lit: hours[lit] / found[lit] if found[lit] else 0.0 for lit in hours}
    return tuple(Period(p.hours * scale[p.lit_lx_m2 > 0], p.power_w, p.lit_lx_m2) for p in periods)
