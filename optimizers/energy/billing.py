"""What a plan draws, costs and leaves, number by number as the problem says it, to judge it by: not the solver's."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.energy.contract import NONE, Groups, Orders, Sites
from optimizers.energy.devices import Thermal
from optimizers.energy.problem import EnergyPlan, EnergyProblem
from optimizers.energy.wanted import Wanted
from optimizers.result import Violation

_KILO = 1000.0


@dataclass(frozen=True)
class Bill:
    """Terms of the objective, in EUR: what comes in is below 0."""

    bought: float
    sold: float
    fuel: float
    carbon: float
    wear: float
    over: float
    peaks: float
    shed: float
    orders_paid: float
    orders_short: float
    stored: float

    @property
    def total(self) -> float:
        return float(sum(vars(self).values()))

    @property
    def turnover(self) -> float:
        """Of all terms, whether they come in or go out."""
        return float(sum(map(abs, vars(self).values())))


def bill(problem: EnergyProblem, plan: EnergyPlan) -> Bill:
    """Of a plan whose arrays are as the problem's."""
    hours, sites = problem.horizon.hours, problem.sites
    paid, short = _orders_eur(problem, plan)
    return Bill(
        bought=_eur(sites.import_eur_kwh * plan.import_w, hours),
        sold=-_eur(sites.export_eur_kwh * plan.export_w, hours),
        fuel=sum(_eur(part.fuel_eur_kwh * fuel_w(part, heat), hours) for part, heat, _ in thermals(problem, plan)),
        carbon=_carbon_eur(problem, plan),
        wear=_wear_eur(problem, plan),
        over=_over_eur(problem, plan),
        peaks=_peaks_eur(problem, plan),
        shed=_shed_eur(problem, plan),
        orders_paid=-paid,
        orders_short=short,
        stored=_stored_eur(problem, plan),
    )


def thermals(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[tuple[Thermal, Floats, Floats]]:
    """Rooms, then tanks, with their heat and cooling (Z, T) in W; tanks are not cooled."""
    if problem.rooms is not None:
        yield problem.rooms, plan.room_heat_w, plan.room_cool_w
    if problem.tanks is not None:
        yield problem.tanks, plan.tank_heat_w, np.zeros_like(plan.tank_heat_w)


def fuel_w(part: Thermal, heat_w: Floats) -> Floats:
    """(Z, T) gas or district heat that heat takes."""
    fuel: Floats = np.where(part.electric[:, None], 0.0, heat_w / part.cop)
    return fuel


def electricity_w(part: Thermal, heat_w: Floats, cool_w: Floats) -> Floats:
    """(Z, T) that heating and cooling take of the site."""
    taken: Floats = np.where(part.electric[:, None], heat_w / part.cop, 0.0) + cool_w / part.cool_cop
    return taken


def own_w(problem: EnergyProblem, plan: EnergyPlan) -> Floats:
    """(n, T) what sites draw themselves: all that stands with a plus in their balance."""
    n, slots = problem.shape
    total = problem.sites.base_w.copy()
    for part, heat, cool in thermals(problem, plan):
        total += by_site(part.site, electricity_w(part, heat, cool), n, slots)
    if problem.batteries is not None:
        total += by_site(problem.batteries.site, plan.charge_w, n, slots)
    if problem.vehicles is not None:
        total += by_site(problem.vehicles.site, plan.vehicle_charge_w, n, slots)
    if problem.loads is not None:
        total += by_site(problem.loads.site, problem.loads.power_w[:, None] * plan.on, n, slots)
    if problem.sheddable is not None:
        total += by_site(problem.sheddable.site, plan.given_w, n, slots)
    return total


def produced_w(problem: EnergyProblem, plan: EnergyPlan) -> Floats:
    """(n, T) what sites are given by their roofs, batteries and vehicles."""
    n, slots = problem.shape
    total = np.zeros((n, slots))
    if problem.solar is not None:
        total += by_site(problem.solar.site, plan.solar_w, n, slots)
    if problem.batteries is not None:
        total += by_site(problem.batteries.site, plan.discharge_w, n, slots)
    if problem.vehicles is not None:
        total += by_site(problem.vehicles.site, plan.vehicle_discharge_w, n, slots)
    return total


def by_site(site: Ints, power_w: Floats, n: int, slots: int) -> Floats:
    """(n, T) sums of powers (k, T) by the site they belong to."""
    total = np.zeros((n, slots))
    np.add.at(total, site, power_w)
    return total


def group_w(problem: EnergyProblem, plan: EnergyPlan) -> Floats:
    """(G, T) what groups draw, below 0 where they feed in."""
    groups, slots = problem.groups, len(problem.horizon)
    if groups is None:
        return np.zeros((0, slots))
    inside = problem.sites.group != NONE
    net = (plan.import_w - plan.export_w)[inside]
    total = by_site(problem.sites.group[inside], net, len(groups.names), slots)
    for g in reversed(range(len(groups.names))):  # whom it draws through stands before it
        if (parent := int(groups.parent[g])) != NONE:
            total[parent] += total[g]
    return total


def delivered_w(problem: EnergyProblem, plan: EnergyPlan, orders: Orders, o: int) -> Floats:
    """(last - first,) of an order, by how much less its group draws, up to what is ordered."""
    during = slice(int(orders.first[o]), int(orders.last[o]))
    less = orders.baseline_w[o, during] - group_w(problem, plan)[int(orders.group[o]), during]
    delivered: Floats = np.clip(less, 0.0, orders.ordered_w[o])
    return delivered


def beyond_w(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[tuple[str, Sites | Groups, Wanted, Floats]]:
    """Of sites and of groups, power (k, T) beyond each of their two limits."""
    sites, groups = problem.sites, problem.groups
    bought = plan.import_w + sites.margin_w
    yield "site", sites, Wanted.IMPORT_LIMIT, _beyond(bought, sites.import_limit_w)
    yield "site", sites, Wanted.EXPORT_LIMIT, _beyond(plan.export_w, sites.export_limit_w)
    if groups is not None:
        drawn = group_w(problem, plan)
        yield "group", groups, Wanted.IMPORT_LIMIT, _beyond(drawn, groups.import_limit_w)
        yield "group", groups, Wanted.EXPORT_LIMIT, _beyond(-drawn, groups.export_limit_w)


def shortfalls(problem: EnergyProblem, plan: EnergyPlan) -> list[Violation]:
    """What the plan leaves of what comes before cost, one for each constraint and object, however little."""
    found = [*_limits_left(problem, plan), *_heat_left(problem, plan), *_stores_left(problem, plan)]
    return [one for one in (*found, *_loads_left(problem, plan)) if one.amount > 0]


def _limits_left(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    for kind, part, wanted, beyond in beyond_w(problem, plan):
        energy = beyond * problem.horizon.hours / _KILO
        for i in np.flatnonzero(part.firm).tolist():
            yield _left(wanted, f"{kind} {part.names[i]}", energy[i])


def _heat_left(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    hours = problem.horizon.hours
    for kind, part, found in (("room", problem.rooms, plan.room_c), ("tank", problem.tanks, plan.tank_c)):
        if part is None:
            continue
        bounds = (
            (Wanted.FLOOR, _beyond(np.broadcast_to(part.floor_c[:, None], found.shape), found)),
            (Wanted.CEILING, _beyond(found, np.broadcast_to(part.ceiling_c[:, None], found.shape))),
            (Wanted.COMFORT_LOW, _beyond(part.low_c, found)),
            (Wanted.COMFORT_HIGH, _beyond(found, part.high_c)),
        )
        for z, name in enumerate(part.names):
            for wanted, beyond in bounds:
                yield _left(wanted, f"{kind} {name}", beyond[z] * hours)
            if (last := int(part.boost_slot[z])) != NONE:
                missed = float(part.boost_c[z] - found[z, : last + 1].max())
                yield Violation(Wanted.BOOST, f"{kind} {name}", max(0.0, missed), Wanted.BOOST.unit, f"by slot {last}")


def _stores_left(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    if (batteries := problem.batteries) is not None:
        lacks = np.maximum(batteries.floor_wh[:, None] - plan.stored_wh, 0.0) * problem.horizon.hours / _KILO
        for b, name in enumerate(batteries.names):
            yield _left(Wanted.RESERVE, f"battery {name}", lacks[b])
    if (vehicles := problem.vehicles) is not None:
        for v, name in enumerate(vehicles.names):
            last = int(vehicles.depart[v]) - 1
            lack = float(vehicles.target_wh[v] - plan.vehicle_stored_wh[v, last]) / _KILO
            where = f"after slot {last}"
            yield Violation(Wanted.DEPARTURE, f"vehicle {name}", max(0.0, lack), Wanted.DEPARTURE.unit, where)


def _loads_left(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    if (loads := problem.loads) is None:
        return
    for i, name in enumerate(loads.names):
        lack = max(0, int(loads.slots[i]) - int(plan.on[i].sum()))
        usual_h = float(problem.horizon.hours[int(loads.first[i]) : int(loads.last[i])].mean())
        amount = lack * usual_h * float(loads.power_w[i]) / _KILO
        yield Violation(Wanted.NOT_RUN, f"load {name}", amount, Wanted.NOT_RUN.unit, f"{lack} slots")


def _left(wanted: Wanted, name: str, by_slot: Floats) -> Violation:
    slots = np.flatnonzero(by_slot > 0)
    where = "" if not slots.size else f"slots {slots[0]} to {slots[-1]}" if slots.size > 1 else f"slot {slots[0]}"
    return Violation(wanted, name, float(by_slot.sum()), wanted.unit, where)


def _beyond(found: Floats, most: Floats) -> Floats:
    """What is found above a most; nothing where that is no limit."""
    with np.errstate(invalid="ignore"):
        beyond: Floats = np.where(np.isinf(most) | np.isinf(found), 0.0, np.maximum(found - most, 0.0))
    return beyond


def _eur(eur_kwh_w: Floats, hours: Floats) -> float:
    return float((eur_kwh_w * hours).sum()) / _KILO


def _carbon_eur(problem: EnergyProblem, plan: EnergyPlan) -> float:
    sites, hours = problem.sites, problem.horizon.hours
    return float((carbon_kg(problem, plan) * sites.carbon_eur_kg).sum()) if hours.size else 0.0


def carbon_kg(problem: EnergyProblem, plan: EnergyPlan) -> Floats:
    """(n,) of the energy bought by each site, and of the fuel of its rooms and tanks."""
    n, slots = problem.shape
    hours = problem.horizon.hours
    grams = problem.sites.carbon_g_kwh * plan.import_w
    for part, heat, _ in thermals(problem, plan):
        grams = grams + by_site(part.site, part.fuel_g_kwh[:, None] * fuel_w(part, heat), n, slots)
    kilos: Floats = (grams * hours).sum(axis=1) / _KILO / _KILO
    return kilos


def _wear_eur(problem: EnergyProblem, plan: EnergyPlan) -> float:
    hours, total = problem.horizon.hours, 0.0
    if problem.batteries is not None:
        total += _eur(problem.batteries.wear_eur_kwh[:, None] * plan.discharge_w, hours)
    if problem.vehicles is not None:
        total += _eur(problem.vehicles.wear_eur_kwh[:, None] * plan.vehicle_discharge_w, hours)
    return total


def _over_eur(problem: EnergyProblem, plan: EnergyPlan) -> float:
    return sum(
        _eur(np.where(part.firm[:, None], 0.0, part.over_eur_kwh * beyond), problem.horizon.hours)
        for _, part, _, beyond in beyond_w(problem, plan)
    )


def _peaks_eur(problem: EnergyProblem, plan: EnergyPlan) -> float:
    sites, groups = problem.sites, problem.groups
    passed = np.maximum(plan.import_w.max(axis=1) - sites.peak_so_far_w, 0.0)
    total = float((sites.peak_eur_kw * passed).sum())
    if groups is not None:
        passed = np.maximum(group_w(problem, plan).max(axis=1) - groups.peak_so_far_w, 0.0)
        total += float((groups.peak_eur_kw * passed).sum())
    return total / _KILO


def _shed_eur(problem: EnergyProblem, plan: EnergyPlan) -> float:
    if (part := problem.sheddable) is None:
        return 0.0
    return _eur(part.shed_eur_kwh[:, None] * (part.wanted_w - plan.given_w), problem.horizon.hours)


def _orders_eur(problem: EnergyProblem, plan: EnergyPlan) -> tuple[float, float]:
    """Paid for what is delivered, and for what is not."""
    if (orders := problem.orders) is None:
        return 0.0, 0.0
    paid = short = 0.0
    for o in range(len(orders.names)):
        hours = problem.horizon.hours[int(orders.first[o]) : int(orders.last[o])]
        delivered = delivered_w(problem, plan, orders, o)
        paid += _eur(float(orders.paid_eur_kwh[o]) * delivered, hours)
        short += _eur(float(orders.short_eur_kwh[o]) * (float(orders.ordered_w[o]) - delivered), hours)
    return paid, short


def _stored_eur(problem: EnergyProblem, plan: EnergyPlan) -> float:
    if (part := problem.batteries) is None:
        return 0.0
    return -float((part.end_eur_kwh * plan.stored_wh[:, -1]).sum()) / _KILO
