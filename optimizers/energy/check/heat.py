"""Rooms and tanks: that temperatures follow from heat, by the equations of one or two masses in implicit Euler."""

from collections.abc import Iterator

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.check.told import Constraint, missed, outside, worst
from optimizers.energy.devices import Thermal
from optimizers.energy.problem import TOLERANCE_W, EnergyPlan, EnergyProblem
from optimizers.result import Violation

TEMPERATURE_K = 1e-6
"""A thousandth of a K in each slot of a day would be heat for nothing: 24 W in a room of 6 kWh/K."""

_Heated = tuple[str, Thermal, Floats, Floats, Floats, Floats]


def heated(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[_Heated]:
    """Kind, part, heat, cooling, temperature and that of the walls (Z, T); a tank has none, and is not cooled."""
    if (rooms := problem.rooms) is not None:
        yield "room", rooms, plan.room_heat_w, plan.room_cool_w, plan.room_c, plan.room_mass_c
    if (tanks := problem.tanks) is not None:
        nothing = np.zeros_like(plan.tank_c)
        yield "tank", tanks, plan.tank_heat_w, nothing, plan.tank_c, nothing


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
        mass, coupling = part.mass_wh_k[:, None] / problem.horizon.hours, part.coupling_w_k[:, None]
        before = np.concatenate([part.mass_initial_c[:, None], plan.room_mass_c[:, :-1]], axis=1)
        there = mass > 0
        wanted = (mass * before + coupling * plan.room_c) / np.where(there, mass + coupling, 1.0)
        wanted = np.where(there, wanted, plan.room_mass_c)
        yield from missed("walls", ("room", part.names), plan.room_mass_c, wanted, "K", TEMPERATURE_K)


CONSTRAINTS: tuple[Constraint, ...] = (heat_powers, temperatures, walls)
