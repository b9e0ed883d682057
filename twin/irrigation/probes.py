"""What probes in the ground say of it: never quite what it is, and sometimes nothing like it."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from optimizers.arrays import Bools, Floats
from twin.irrigation.ground import Ground, Water, moisture


class ProbeFault(StrEnum):
    """What can be wrong with a probe."""

    STUCK = "stuck"  # says again and again what it said first
    SATURATED = "saturated"  # stands in water: says what full pores would
    OUT_OF_SOIL = "out_of_soil"  # somebody pulled it out
    UNIT_MIXED = "unit_mixed"  # says percent where a fraction is wanted
    SILENT = "silent"


_OUT_OF_SOIL = 0.01  # m³/m³: what air looks like to a capacitance probe


@dataclass(frozen=True, kw_only=True, eq=False)
class Probes:
    """n probes, one a hydrozone.

    depth_m     where it sits
    bias        m³/m³, of each
    noise       m³/m³, standard deviation of each reading
    faults      of each, with the hour it begins and the hour it ends
    """

    depth_m: Floats
    bias: Floats
    noise: float
    faults: tuple[tuple[int, ProbeFault, int, int], ...] = ()

    def says(self, ground: Ground, water: Water, hour: int, before: Floats, random: np.random.Generator) -> Floats:
        """(n,) m³/m³ of an hour since the start, NaN where nothing; `before` is what was said last."""
        true = moisture(ground, water, self.depth_m)
        said = np.clip(true + self.bias + random.normal(0.0, self.noise, true.shape), 0.0, 1.0)
        for z, fault, from_hour, until_hour in self.faults:
            if from_hour <= hour < until_hour:
                said[z] = _wrong(fault, said[z], before[z], ground.saturation[z])
        return said

    def sound(self, hour: int) -> Bools:
        """(n,) whether nothing but its bias is wrong with a probe."""
        sound = np.ones(self.bias.shape, bool)
        for z, _, from_hour, until_hour in self.faults:
            sound[z] &= not from_hour <= hour < until_hour
        return sound


def _wrong(fault: ProbeFault, said: float, before: float, saturation: float) -> float:
    match fault:
        case ProbeFault.STUCK:
            return before
        case ProbeFault.SATURATED:
            return saturation
        case ProbeFault.OUT_OF_SOIL:
            return _OUT_OF_SOIL
        case ProbeFault.UNIT_MIXED:
            return 100.0 * said
        case ProbeFault.SILENT:
            return np.nan


def biased(
    ground: Ground, random: np.random.Generator, *, share: float = 0.05, noise: float = 0.004, depth_m: float = 0.2
) -> Probes:
    """Probes that are all wrong by `share` of TAW, some too wet and some too dry."""
    sign = random.choice([-1.0, 1.0], ground.kc.size)
    bias = sign * share * (ground.field_capacity - ground.wilting_point)
    return Probes(depth_m=np.minimum(depth_m, ground.root_depth_m), bias=bias, noise=noise)
