"""Batteries and vehicles: that what they hold follows from what goes in and out, within what they can."""

from collections.abc import Iterator

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.check.told import Constraint, missed, outside, worst
from optimizers.energy.problem import TOLERANCE_W, EnergyPlan, EnergyProblem
from optimizers.result import Violation

ENERGY_WH = TOLERANCE_W  # over an hour


def battery_powers(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """Batteries take and give no more than they can; no less than their least when they charge at all."""
    if (part := problem.batteries) is not None:
        of = "battery", part.names
        yield from outside("charge", of, plan.charge_w, 0.0, part.charge_max_w[:, None], "W", TOLERANCE_W)
        yield from outside("discharge", of, plan.discharge_w, 0.0, part.discharge_max_w[:, None], "W", TOLERANCE_W)
        yield from _least("least charge", of, plan.charge_w, part.charge_least_w)


def battery_states(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """What a battery holds is what it held, less its loss, with what goes in and out at their efficiencies."""
    if (part := problem.batteries) is not None:
        hours = problem.horizon.hours
        kept = (1.0 - part.loss_h[:, None]) ** hours
        before = _before(part.initial_wh, plan.stored_wh)
        into = plan.charge_w * part.charge_efficiency[:, None] - plan.discharge_w / part.discharge_efficiency[:, None]
        of = "battery", part.names
        yield from missed("stored", of, plan.stored_wh, before * kept + into * hours, "Wh", ENERGY_WH)
        yield from outside("capacity", of, plan.stored_wh, 0.0, part.capacity_wh[:, None], "Wh", ENERGY_WH)


def vehicle_powers(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """Vehicles likewise, and nothing while they are away."""
    if (part := problem.vehicles) is None:
        return
    of, slots = ("vehicle", part.names), np.arange(len(problem.horizon))
    there = (slots >= part.arrive[:, None]) & (slots < part.depart[:, None])
    charge, discharge = plan.vehicle_charge_w, plan.vehicle_discharge_w
    away = np.where(there, 0.0, np.maximum(np.abs(charge), np.abs(discharge)))
    yield from worst("away", of, away, "W", TOLERANCE_W)
    here = np.where(there, charge, 0.0), np.where(there, discharge, 0.0)
    yield from outside("charge", of, here[0], 0.0, part.charge_max_w[:, None], "W", TOLERANCE_W)
    yield from outside("discharge", of, here[1], 0.0, part.discharge_max_w[:, None], "W", TOLERANCE_W)
    yield from _least("least charge", of, here[0], part.charge_least_w)


def vehicle_states(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """What a vehicle holds: what it arrives with until then, and then as of batteries."""
    if (part := problem.vehicles) is not None:
        before = _before(part.initial_wh, plan.vehicle_stored_wh)
        into = plan.vehicle_charge_w * part.charge_efficiency[:, None]
        into = into - plan.vehicle_discharge_w / part.discharge_efficiency[:, None]
        wanted, of = before + into * problem.horizon.hours, ("vehicle", part.names)
        yield from missed("stored", of, plan.vehicle_stored_wh, wanted, "Wh", ENERGY_WH)
        yield from outside("capacity", of, plan.vehicle_stored_wh, 0.0, part.capacity_wh[:, None], "Wh", ENERGY_WH)


def _before(initial: Floats, after: Floats) -> Floats:
    """(k, T) what was held before each slot."""
    before: Floats = np.concatenate([initial[:, None], after[:, :-1]], axis=1)
    return before


def _least(constraint: str, of: tuple[str, tuple[str, ...]], found: Floats, least: Floats) -> Iterator[Violation]:
    """Power that is neither 0 nor the least at least, by the nearer of the two."""
    excess = np.minimum(found, least[:, None] - found)

    def why(i: int, t: int) -> str:
        return f"{found[i, t]:.9g} W, wants 0 or {least[i]:.9g} at least"

    yield from worst(constraint, of, excess, "W", TOLERANCE_W, why)


CONSTRAINTS: tuple[Constraint, ...] = (battery_powers, battery_states, vehicle_powers, vehicle_states)
