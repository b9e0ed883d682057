"""What devices come to that follow wishes slot by slot: plans that no solver made, true to the problem's physics."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers.arrays import Bools, Floats
from optimizers.energy.assembling import assemble
from optimizers.energy.contract import during
from optimizers.energy.control import Cell, battery_power_w
from optimizers.energy.devices import Thermal
from optimizers.energy.problem import EnergyPlan, EnergyProblem, names_of
from optimizers.energy.reading import Flows
from optimizers.energy.reckoning import cost_eur, shortfall_of, shortfalls
from optimizers.result import Status, our_version


@dataclass(frozen=True, eq=False)
class Wishes:
    """What each device would do, over T slots; physics and limits have the last word.

    battery_w (B, T)   positive when it charges; NaN: it keeps its meter at nothing, as well as it can
    vehicle_w (V, T)   as long as a vehicle lacks something
    room_c (Z, T), tank_c (Y, T)    held by a thermostat
    """

    battery_w: Floats
    vehicle_w: Floats
    room_c: Floats
    tank_c: Floats


def at_once(problem: EnergyProblem) -> Wishes:
    """What plain rules wish: batteries keep their meters at nothing, vehicles charge at once, rooms and tanks are held
    at their least comfort, tanks boosted as soon as they can be.
    """
    slots = problem.shape[1]
    none = np.zeros((0, slots))
    batteries, vehicles = (0 if part is None else len(part.names) for part in (problem.batteries, problem.vehicles))
    return Wishes(
        battery_w=np.full((batteries, slots), np.nan),
        vehicle_w=np.full((vehicles, slots), np.inf),
        room_c=none if problem.rooms is None else _least_c(problem.rooms),
        tank_c=none if problem.tanks is None else _least_c(problem.tanks),
    )


def _least_c(part: Thermal) -> Floats:
    boosted = np.arange(part.low_c.shape[1]) <= part.boost_slot[:, None]
    return np.maximum(np.maximum(part.low_c, part.floor_c[:, None]), np.where(boosted, part.boost_c[:, None], -np.inf))


def followed(problem: EnergyProblem, wishes: Wishes, solver: str, reasons: tuple[str, ...] = ()) -> EnergyPlan:
    """The plan that wishes come to, with what it leaves of safety and comfort by name. Its bound is a trivial one."""
    flows = _flows(problem, wishes)
    violations, objective = shortfalls(problem, flows), cost_eur(problem, flows)
    told: dict[str, Any] = {
        **names_of(problem),
        **{name: getattr(flows, name) for name in Flows.__dataclass_fields__},
    }
    return EnergyPlan(
        status=Status.BEST_EFFORT if violations else Status.FEASIBLE,
        objective=objective,
        bound=min(assemble(problem, soft=True).linear.lowest, objective),
        seconds=0.0,
        seed=0,
        solver=solver,
        version=our_version(),
        violations=violations,
        reasons=reasons,
        shortfall=shortfall_of(violations),
        **told,
    )


def _flows(problem: EnergyProblem, wishes: Wishes) -> Flows:
    slots = problem.shape[1]
    none = np.zeros((0, slots))
    net = problem.sites.base_w.copy()
    room_heat, room_c, room_mass = _thermostat(problem, problem.rooms, wishes.room_c)
    tank_heat, tank_c, _ = _thermostat(problem, problem.tanks, wishes.tank_c)
    for part, heat in ((problem.rooms, room_heat), (problem.tanks, tank_heat)):
        if part is not None:
            np.add.at(net, part.site, heat / part.cop * part.electric[:, None])
    given = problem.sheddable.wanted_w if problem.sheddable is not None else none
    if problem.sheddable is not None:
        np.add.at(net, problem.sheddable.site, given)
    on = _at_once(problem)
    if problem.loads is not None:
        np.add.at(net, problem.loads.site, on * problem.loads.power_w[:, None])
    solar = problem.solar.available_w if problem.solar is not None else none
    gross = net.copy()
    if problem.solar is not None:
        np.add.at(net, problem.solar.site, -solar)
    cars_w, cars_wh = _vehicles(problem, wishes.vehicle_w, net, gross)
    power, stored = _batteries(problem, wishes.battery_w, net, gross)
    return Flows(
        import_w=np.maximum(net, 0.0), export_w=np.maximum(-net, 0.0), solar_w=solar,
        charge_w=np.maximum(power, 0.0), discharge_w=np.maximum(-power, 0.0), stored_wh=stored,
        vehicle_charge_w=cars_w, vehicle_discharge_w=np.zeros_like(cars_w), vehicle_stored_wh=cars_wh,
        room_heat_w=room_heat, room_cool_w=np.zeros_like(room_heat), room_c=room_c, room_mass_c=room_mass,
        tank_heat_w=tank_heat, tank_c=tank_c, on=on, given_w=given,
    )  # fmt: skip


def _at_once(problem: EnergyProblem) -> Bools:
    """Loads run in one piece, as soon as they may."""
    loads, slots = problem.loads, problem.shape[1]
    return np.zeros((0, slots), np.bool_) if loads is None else during(loads.first, loads.first + loads.slots, slots)


def _thermostat(problem: EnergyProblem, part: Thermal | None, target_c: Floats) -> tuple[Floats, Floats, Floats]:
    """Heat that brings each to its target by the end of a slot, as far as there is any, and what it comes to."""
    hours = problem.horizon.hours
    if part is None:
        none = np.zeros((0, hours.size))
        return none, none, none
    heat, air, walls = (np.empty(target_c.shape) for _ in range(3))
    massive = part.mass_wh_k > 0
    mass = np.where(massive, part.mass_wh_k, 1.0)
    now, wall = part.initial_c, np.where(massive, part.mass_initial_c, part.initial_c)
    for t, h in enumerate(hours.tolist()):
        tied = h * np.where(massive, part.coupling_w_k, 0.0)
        follows, stays = tied / (mass + tied), mass / (mass + tied) * wall
        comes = part.capacity_wh_k * now + h * (part.loss_w_k * part.outdoor_c[:, t] + part.gain_w[:, t]) + tied * stays
        holds = part.capacity_wh_k + h * part.loss_w_k + tied * (1 - follows)
        wanted = np.clip((target_c[:, t] * holds - comes) / h, 0.0, part.heat_max_w[:, t])
        small = (wanted > 0) & (wanted < part.heat_least_w)
        heat[:, t] = np.where(small, np.where(wanted > part.heat_least_w / 2, part.heat_least_w, 0.0), wanted)
        now = (comes + h * heat[:, t]) / holds
        wall = np.where(massive, stays + follows * now, now)
        air[:, t], walls[:, t] = now, wall
    return heat, air, walls


def _vehicles(problem: EnergyProblem, wish_w: Floats, net: Floats, gross: Floats) -> tuple[Floats, Floats]:
    """What vehicles charge, the first first, within what their site may draw; adds it to `net` and `gross`."""
    cars, hours = problem.vehicles, problem.horizon.hours
    if cars is None:
        none = np.zeros((0, hours.size))
        return none, none
    charge, stored = np.zeros(wish_w.shape), np.zeros(wish_w.shape)
    room_w = problem.sites.import_limit_w - problem.sites.margin_w
    for v in range(len(cars.names)):
        site, held = int(cars.site[v]), float(cars.initial_wh[v])
        for t, h in enumerate(hours.tolist()):
            lacks = (cars.target_wh[v] - held) / (cars.charge_efficiency[v] * h)
            fits = (cars.capacity_wh[v] - held) / (cars.charge_efficiency[v] * h)
            power = min(wish_w[v, t], cars.charge_max_w[v], max(lacks, cars.charge_least_w[v]), fits)
            power = min(power, room_w[site, t] - net[site, t])
            here = cars.arrive[v] <= t < cars.depart[v] and lacks > 0
            power = power if here and power >= max(cars.charge_least_w[v], 0.0) else 0.0
            held += power * cars.charge_efficiency[v] * h
            charge[v, t], stored[v, t] = power, held
            net[site, t] += power
            gross[site, t] += power
    return charge, stored


def _batteries(problem: EnergyProblem, wish_w: Floats, net: Floats, gross: Floats) -> tuple[Floats, Floats]:
    """What batteries do, the first first; adds it to `net`."""
    cells, hours = problem.batteries, problem.horizon.hours
    if cells is None:
        none = np.zeros((0, hours.size))
        return none, none
    every, own, sun = Cell.of(cells), gross.copy(), np.zeros_like(gross)
    if problem.solar is not None:
        np.add.at(sun, problem.solar.site, problem.solar.available_w)
    power, stored = np.zeros(wish_w.shape), np.zeros(wish_w.shape)
    for b in range(len(cells.names)):
        cell = Cell(**{name: float(getattr(every, name)[b]) for name in Cell.__dataclass_fields__})
        site, held = int(cells.site[b]), float(cells.initial_wh[b])
        for t, h in enumerate(hours.tolist()):
            held *= (1.0 - float(cells.loss_h[b])) ** h
            wish = float(wish_w[b, t])
            alone = float(battery_power_w(net[site, t], 0.0, 0.0, held, cell, 3600 * h))
            lowest, highest = (float(end) for end in cell.range_w(held, 3600 * h))
            lowest = lowest if cells.to_grid[b] else max(lowest, -max(own[site, t], 0.0))
            highest = highest if cells.from_grid[b] else min(highest, max(sun[site, t], 0.0))
            moved = min(max(alone if np.isnan(wish) else wish, lowest), highest)
            moved = 0.0 if 0 < moved < cells.charge_least_w[b] else moved
            held = float(cell.after_wh(held, moved, 3600 * h))
            power[b, t], stored[b, t] = moved, held
            net[site, t] += moved
            own[site, t] += min(moved, 0.0) * (not cells.to_grid[b])
            sun[site, t] -= max(moved, 0.0) * (not cells.from_grid[b])
    return power, stored
