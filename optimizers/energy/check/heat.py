"""Rooms and tanks: that temperatures follow from heat, by the equations of one or two masses in implicit Euler."""

from collections.abc import Iterator

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.check.told import Constraint, missed, outside, worst
from optimizers.energy.devices import Thermal
from optimizers.energy.problem import TOLERANCE_W, EnergyPlan, EnergyProblem
from optimizers.result import Violation

TEMPERATURE_K = 1e-3

_Heated = tuple[str, Thermal, Floats, Floats, Floats, Floats]


def heated(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[_Heated]:
    """Kind, part, heat, cooling, temperature and that of the walls (Z, T); a tank's walls stay as they are."""
    if (rooms := problem.rooms) is not None:
        yield "room", rooms, plan.room_heat_w, plan.room_cool_w, plan.room_c, plan.room_mass_c
    if (tanks := problem.tanks) is not None:
        walls = _walls_alone(tanks, plan.tank_c, problem.horizon.hours)
        yield "tank", tanks, plan.tank_heat_w, np.zeros_like(plan.tank_heat_w), plan.tank_c, walls


def heat_powers(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """Heat and cooling are no more than can be given; heat no less than the least where there is any."""
    for kind, part, heat, cool, _, _ in heated(problem, plan):
        of = kind, part.names
        yield from outside("heat", of, heat, 0.0, part.heat_max_w, "W", TOLERANCE_W)
        yield from outside("cool", of, cool, 0.0, part.cool_max_w, "W", TOLERANCE_W)
        least = part.heat_least_w[:, None]
        yield from worst("least heat", of, np.minimum(heat, least - heat), "W", TOLERANCE_W)


def temperatures(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """A temperature after a slot is what the heat of that slot makes of the one before."""
    hours = problem.horizon.hours
    for kind, part, heat, cool, found, walls in heated(problem, plan):
        capacity, loss, coupling = (
            one[:, None] for one in (part.capacity_wh_k, part.loss_w_k, part.coupling_w_k)
        )  # fmt: skip
        before = np.concatenate([part.initial_c[:, None], found[:, :-1]], axis=1)
        gained = capacity / hours * before + loss * part.outdoor_c + coupling * walls + part.gain_w + heat - cool
        wanted = gained / (capacity / hours + loss + coupling)
        yield from missed("temperature", (kind, part.names), found, wanted, "K", TEMPERATURE_K)


def walls(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """So is the temperature of walls; that of a room without says nothing."""
    if (part := problem.rooms) is not None:
        before = np.concatenate([part.mass_initial_c[:, None], plan.room_mass_c[:, :-1]], axis=1)
        wanted = _walls(part, before, plan.room_c, problem.horizon.hours)
        found = np.where(part.mass_wh_k[:, None] > 0, plan.room_mass_c, wanted)
        yield from missed("walls", ("room", part.names), found, wanted, "K", TEMPERATURE_K)


def _walls(part: Thermal, before: Floats, beside: Floats, hours: Floats) -> Floats:
    """(Z, k) of walls after slots, of what they were before and what is beside them; as before without."""
    mass, coupling = part.mass_wh_k[:, None], part.coupling_w_k[:, None]
    weight = np.where(mass > 0, mass / hours, 1.0)
    wanted: Floats = (weight * before + coupling * beside) / (weight + coupling)
    return wanted


def _walls_alone(part: Thermal, beside: Floats, hours: Floats) -> Floats:
    """(Z, T) of walls that no plan tells of: of what stands around a tank."""
    found, held = np.zeros_like(beside), part.mass_initial_c[:, None]
    for t in range(beside.shape[1]):
        held = _walls(part, held, beside[:, t : t + 1], hours[t : t + 1])
        found[:, t] = held[:, 0]
    return found


CONSTRAINTS: tuple[Constraint, ...] = (heat_powers, temperatures, walls)
