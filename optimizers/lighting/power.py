"""What lamps draw at a level of flux: power over a curve, expected where a detector brightens them."""

from math import fsum

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.lighting.problem import LightingProblem


def energy_wh(problem: LightingProblem, flux: Floats) -> float:
    """Energy of all lamps over all slots, in Wh, at relative flux (n, T). The same to the last digit everywhere: a dot
    product would be summed in an order that depends on the processors that BLAS finds.
    """
    total = 0.0
    for index in range(len(problem.curves)):
        rows = np.flatnonzero(problem.curve == index)
        total += fsum(power_share(problem, flux[rows], rows).sum(axis=1) * problem.power_full_w[rows])
    return total * problem.slot_s / 3600.0


def lamp_energy_wh(problem: LightingProblem, flux: Floats, lamps: Ints | None = None) -> Floats:
    """Energy of each of `lamps` (r,), all where None, over all slots, (r,) Wh, at relative flux (r, T)."""
    lamps = np.arange(len(problem.lamps)) if lamps is None else lamps
    energy = np.empty(lamps.size)
    for index in range(len(problem.curves)):
        rows = np.flatnonzero(problem.curve[lamps] == index)
        full_w = problem.power_full_w[lamps[rows]]
        energy[rows] = power_share(problem, flux[rows], lamps[rows]).sum(axis=1) * full_w
    return energy * (problem.slot_s / 3600.0)


def power_w(problem: LightingProblem, flux: Floats, lamps: Ints | None = None) -> Floats:
    """Power expected of `lamps` (r,) together, all where None, in each slot, (T,) W, at relative flux (r, T)."""
    lamps = np.arange(len(problem.lamps)) if lamps is None else lamps
    power = np.zeros(problem.burning.size)
    for index in range(len(problem.curves)):
        rows = np.flatnonzero(problem.curve[lamps] == index)
        full_w = problem.power_full_w[lamps[rows], None]
        power += (power_share(problem, flux[rows], lamps[rows]) * full_w).sum(axis=0)
    return power


def power_share(problem: LightingProblem, flux: Floats, rows: Ints) -> Floats:
    """Power expected (r, T) as a fraction of power at full, of lamps `rows` (r,) that share a curve, at flux (r, T).

    With a detector it is (1 - detection) · power(flux) + detection · power(max(flux, boost)). By day detectors sleep:
    a slot that does not burn has no detection.
    """
    if not rows.size:
        return np.zeros(flux.shape)
    curve = problem.curves[int(problem.curve[rows[0]])]
    power: Floats = np.interp(flux, curve.flux, curve.power)
    if problem.lanes is not None:
        lit = np.flatnonzero(problem.lanes.boost[rows] > 0)
        boosted = np.interp(np.maximum(flux[lit], problem.lanes.boost[rows[lit], None]), curve.flux, curve.power)
        power[lit] += problem.lanes.detection[rows[lit]] * problem.burning * (boosted - power[lit])
    return power
