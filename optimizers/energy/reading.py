"""A solution as what each device does: powers are read, what follows from them is reckoned anew."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.assembling.layout import Heats, Layout, Stores
from optimizers.energy.devices import Batteries, Thermal, Vehicles
from optimizers.energy.problem import EnergyProblem

_W = 1e3
_DUST_W = 1e-4
"""Less than that, from a solver, is 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Flows:
    """Of a plan what it holds of the same names, in W, Wh and °C."""

    import_w: Floats
    export_w: Floats
    solar_w: Floats
    charge_w: Floats
    discharge_w: Floats
    stored_wh: Floats
    vehicle_charge_w: Floats
    vehicle_discharge_w: Floats
    vehicle_stored_wh: Floats
    room_heat_w: Floats
    room_cool_w: Floats
    room_c: Floats
    room_mass_c: Floats
    tank_heat_w: Floats
    tank_c: Floats
    on: Bools
    given_w: Floats


def read(problem: EnergyProblem, layout: Layout, x: Floats) -> Flows:
    """What a solution (columns,), within its bounds, says."""
    kw = np.where(np.abs(x) * _W < _DUST_W, 0.0, x) * _W
    charge_w, discharge_w = _ways(problem.batteries, layout.batteries, kw)
    vehicle_charge_w, vehicle_discharge_w = _ways(problem.vehicles, layout.vehicles, kw)
    room_c, room_mass_c = _temperatures(problem, problem.rooms, layout.rooms, kw)
    tank_c, _ = _temperatures(problem, problem.tanks, layout.tanks, kw)
    room_heat_w, room_cool_w = _heat(layout.rooms, kw)
    on: Bools = x[layout.on] > 0.5
    net_w = problem.sites.base_w.copy()
    for site, drawn_w in _drawn(problem, layout, kw, on):
        np.add.at(net_w, site, drawn_w)
    return Flows(
        import_w=np.maximum(net_w, 0.0),
        export_w=np.maximum(-net_w, 0.0),
        solar_w=kw[layout.solar],
        charge_w=charge_w,
        discharge_w=discharge_w,
        stored_wh=_stored(problem, problem.batteries, charge_w, discharge_w),
        vehicle_charge_w=vehicle_charge_w,
        vehicle_discharge_w=vehicle_discharge_w,
        vehicle_stored_wh=_stored(problem, problem.vehicles, vehicle_charge_w, vehicle_discharge_w),
        room_heat_w=room_heat_w,
        room_cool_w=room_cool_w,
        room_c=room_c,
        room_mass_c=room_mass_c,
        tank_heat_w=kw[layout.tanks.heat],
        tank_c=tank_c,
        on=on,
        given_w=kw[layout.given],
    )


def _drawn(problem: EnergyProblem, layout: Layout, kw: Floats, on: Bools) -> Iterator[tuple[Ints, Floats]]:
    """Sites (k,) and what each device draws there (k, T)."""
    if (solar := problem.solar) is not None:
        yield solar.site, -kw[layout.solar]
    if (sheddable := problem.sheddable) is not None:
        yield sheddable.site, kw[layout.given]
    if (loads := problem.loads) is not None:
        yield loads.site, on * loads.power_w[:, None]
    for part, stores in ((problem.batteries, layout.batteries), (problem.vehicles, layout.vehicles)):
        if part is not None:
            charge_w, discharge_w = _ways(part, stores, kw)
            yield part.site, charge_w - discharge_w
    for thermal, heats in ((problem.rooms, layout.rooms), (problem.tanks, layout.tanks)):
        if thermal is not None:
            heat_w, cool_w = _heat(heats, kw)
            yield thermal.site, heat_w / thermal.cop * thermal.electric[:, None]
            yield thermal.site, cool_w / thermal.cool_cop


def _ways(part: Batteries | Vehicles | None, stores: Stores, kw: Floats) -> tuple[Floats, Floats]:
    """Charge and discharge (k, T). What goes through a store for nothing is left out: it then holds the same, and its
    site draws less, which costs nothing where both ways are not whole choices (`assembling.wasting`).
    """
    charge_w, discharge_w = kw[stores.charge], kw[stores.discharge]
    if part is None:
        return charge_w, discharge_w
    takes, gives = part.charge_efficiency[:, None], part.discharge_efficiency[:, None]
    through = np.minimum(charge_w * takes, discharge_w / gives)
    only = np.where(charge_w * takes > through, charge_w - through / takes, 0.0)
    return only, np.where(discharge_w / gives > through, discharge_w - through * gives, 0.0)


def _heat(heats: Heats, kw: Floats) -> tuple[Floats, Floats]:
    """Heat and cold (k, T), less what they would undo of each other."""
    heat_w, cool_w = kw[heats.heat], kw[heats.cool]
    both = np.minimum(heat_w, cool_w)
    return heat_w - both, cool_w - both


def _stored(problem: EnergyProblem, part: Batteries | Vehicles | None, charge_w: Floats, discharge_w: Floats) -> Floats:
    hours = problem.horizon.hours
    if part is None:
        return np.zeros((0, hours.size))
    loss_h = part.loss_h[:, None] if isinstance(part, Batteries) else np.zeros((1, 1))
    kept = np.broadcast_to((1.0 - loss_h) ** hours, charge_w.shape)
    comes = hours * (charge_w * part.charge_efficiency[:, None] - discharge_w / part.discharge_efficiency[:, None])
    stored, now = np.empty_like(comes), part.initial_wh
    for t in range(hours.size):
        now = now * kept[:, t] + comes[:, t]
        stored[:, t] = now
    return stored


def _temperatures(problem: EnergyProblem, part: Thermal | None, heats: Heats, kw: Floats) -> tuple[Floats, Floats]:
    """Of air, or water, and of walls after each slot; walls of one without are as warm as its air.

    Two equations of implicit Euler: M = (mass M' + h coupling T) / (mass + h coupling) goes into that of T.
    """
    hours = problem.horizon.hours
    if part is None:
        return np.zeros((0, hours.size)), np.zeros((0, hours.size))
    heat_w, cool_w = _heat(heats, kw)
    comes = part.loss_w_k[:, None] * part.outdoor_c + part.gain_w + heat_w - cool_w
    capacity, mass = part.capacity_wh_k, part.mass_wh_k
    air, walls = np.empty_like(comes), np.empty_like(comes)
    now, wall = part.initial_c, np.where(mass > 0, part.mass_initial_c, part.initial_c)
    for t, h in enumerate(hours.tolist()):
        tied = h * part.coupling_w_k
        follows = tied / np.where(mass > 0, mass + tied, 1.0)  # how far walls follow within the slot
        stays = np.where(mass > 0, mass / np.where(mass > 0, mass + tied, 1.0) * wall, 0.0)
        now = (capacity * now + h * comes[:, t] + tied * stays) / (capacity + h * part.loss_w_k + tied * (1 - follows))
        wall = np.where(mass > 0, stays + follows * now, now)
        air[:, t], walls[:, t] = now, wall
    return air, walls
