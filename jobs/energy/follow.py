"""What devices come to that follow wishes slot by slot: plans that no solver made, true to the problem's physics."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy import Cell, EnergyPlan, EnergyProblem, Shortfall, battery_power_w, names_of
from optimizers.energy.devices import Thermal
from optimizers.energy.reading import Flows
from optimizers.energy.reckoning import cost_eur, shortfalls
from optimizers.energy.wanted import Wanted
from optimizers.result import Status


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


def followed(problem: EnergyProblem, wishes: Wishes, solver: str, reasons: tuple[str, ...] = ()) -> EnergyPlan:
    """The plan that wishes come to, with what it leaves of safety and comfort by name. Its bound is a trivial one."""
    flows = _flows(problem, wishes)
    violations = shortfalls(problem, flows)
    left = {True: 0.0, False: 0.0}
    for one in violations:
        left[Wanted(one.constraint).safety] += one.amount
    objective = cost_eur(problem, flows)
    names = names_of(problem)
    return EnergyPlan(
        status=Status.BEST_EFFORT if violations else Status.FEASIBLE,
        objective=objective,
        bound=min(lowest_eur(problem), objective),
        seconds=0.0,
        seed=0,
        solver=solver,
        version="1",
        violations=violations,
        reasons=reasons,
        shortfall=Shortfall(safety=left[True], comfort=left[False]),
        sites=names["sites"], solar=names["solar"], batteries=names["batteries"], vehicles=names["vehicles"],
        rooms=names["rooms"], tanks=names["tanks"], loads=names["loads"], sheddable=names["sheddable"],
        import_w=flows.import_w, export_w=flows.export_w, solar_w=flows.solar_w,
        charge_w=flows.charge_w, discharge_w=flows.discharge_w, stored_wh=flows.stored_wh,
        vehicle_charge_w=flows.vehicle_charge_w, vehicle_discharge_w=flows.vehicle_discharge_w,
        vehicle_stored_wh=flows.vehicle_stored_wh, room_heat_w=flows.room_heat_w, room_cool_w=flows.room_cool_w,
        room_c=flows.room_c, room_mass_c=flows.room_mass_c, tank_heat_w=flows.tank_heat_w, tank_c=flows.tank_c,
        on=flows.on, given_w=flows.given_w,
    )  # fmt: skip


def lowest_eur(problem: EnergyProblem) -> float:
    """No plan costs less: all that could be fed in, and be paid for, at the best of prices; stores full at the end."""
    hours, sites = problem.horizon.hours, problem.sites
    gives, takes = np.zeros(problem.shape), sites.base_w.copy()
    worth = 0.0
    if (solar := problem.solar) is not None:
        np.add.at(gives, solar.site, solar.available_w)
    if (cells := problem.batteries) is not None:
        np.add.at(gives, cells.site, np.broadcast_to(cells.discharge_max_w[:, None], (len(cells.names), len(hours))))
        np.add.at(takes, cells.site, np.broadcast_to(cells.charge_max_w[:, None], (len(cells.names), len(hours))))
        worth += float((np.maximum(cells.end_eur_kwh, 0.0) * cells.capacity_wh).sum())
    if (cars := problem.vehicles) is not None:
        np.add.at(gives, cars.site, np.broadcast_to(cars.discharge_max_w[:, None], (len(cars.names), len(hours))))
        np.add.at(takes, cars.site, np.broadcast_to(cars.charge_max_w[:, None], (len(cars.names), len(hours))))
    for part in (problem.rooms, problem.tanks):
        if part is not None:
            np.add.at(takes, part.site, part.heat_max_w / part.cop + part.cool_max_w / part.cool_cop)
    if (orders := problem.orders) is not None:
        during = [hours[first:last].sum() for first, last in zip(orders.first, orders.last, strict=True)]
        worth += float((orders.paid_eur_kwh * orders.ordered_w * np.array(during)).sum())
    sold = np.maximum(sites.export_eur_kwh, 0.0) * gives * hours
    paid = np.maximum(-sites.import_eur_kwh, 0.0) * takes * hours
    return -(float(sold.sum() + paid.sum()) + worth) / 1000.0


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
    solar = problem.solar.available_w if problem.solar is not None else none
    gross = net.copy()
    if problem.solar is not None:
        np.add.at(net, problem.solar.site, -solar)
    cars_w, cars_wh = _vehicles(problem, wishes.vehicle_w, net, gross)
    power, stored = _batteries(problem, wishes.battery_w, net, gross)
    loads = len(problem.loads.names) if problem.loads is not None else 0
    return Flows(
        import_w=np.maximum(net, 0.0), export_w=np.maximum(-net, 0.0), solar_w=solar,
        charge_w=np.maximum(power, 0.0), discharge_w=np.maximum(-power, 0.0), stored_wh=stored,
        vehicle_charge_w=cars_w, vehicle_discharge_w=np.zeros_like(cars_w), vehicle_stored_wh=cars_wh,
        room_heat_w=room_heat, room_cool_w=np.zeros_like(room_heat), room_c=room_c, room_mass_c=room_mass,
        tank_heat_w=tank_heat, tank_c=tank_c, on=np.zeros((loads, slots), np.bool_), given_w=given,
    )  # fmt: skip


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
    every = Cell.of(cells)
    power, stored = np.zeros(wish_w.shape), np.zeros(wish_w.shape)
    for b in range(len(cells.names)):
        cell = Cell(**{name: float(getattr(every, name)[b]) for name in Cell.__dataclass_fields__})
        site, held = int(cells.site[b]), float(cells.initial_wh[b])
        for t, h in enumerate(hours.tolist()):
            held *= (1.0 - float(cells.loss_h[b])) ** h
            wish = float(wish_w[b, t])
            lowest, highest = cell.range_w(held, 3600 * h)
            own = float(battery_power_w(net[site, t], 0.0, 0.0, held, cell, 3600 * h))
            moved = own if np.isnan(wish) else float(np.clip(wish, max(lowest, -gross[site, t]), highest))
            moved = 0.0 if 0 < moved < cells.charge_least_w[b] else moved
            held = float(cell.after_wh(held, moved, 3600 * h))
            power[b, t], stored[b, t] = moved, held
            net[site, t] += moved
    return power, stored
