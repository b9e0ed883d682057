"""What leaves a device, its site or a group above it no room in a slot of a plan."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from optimizers.energy.billing import by_site, group_w, own_w
from optimizers.energy.contract import NONE, Groups, Sites
from optimizers.energy.problem import EnergyPlan, EnergyProblem

NEAR_W = 1.0
"""What is nearer to a bound than that is held by it: W, Wh; a thousandth of it in K."""

NEAR_K = 1e-2


class Held(StrEnum):
    """What leaves a device, its site or a group above no room in a slot. Its `amount` is the bound, in its unit."""

    CHARGE_MAX = "charge_max"  # W
    CHARGE_LEAST = "charge_least"  # W
    DISCHARGE_MAX = "discharge_max"  # W
    FULL = "full"  # Wh
    RESERVE = "reserve"  # Wh: its floor, 0 where there is none
    AWAY = "away"  # of a vehicle; the slots of its stay are in `amount`: its first
    TARGET = "target"  # Wh: with all that it can take until its departure it is just reached, or is missed
    SUN_ONLY = "sun_only"  # W: may be charged with the sun alone
    OWN_USE = "own_use"  # W: may give no more than the site draws
    ALL_SUN = "all_sun"  # W: takes all there is
    CURTAILED = "curtailed"  # W: what there would be
    HEAT_MAX = "heat_max"  # W
    HEAT_LEAST = "heat_least"  # W
    COOL_MAX = "cool_max"  # W
    COMFORT_LOW = "comfort_low"  # C, after this slot
    COMFORT_HIGH = "comfort_high"  # C
    NEXT_COMFORT = "next_comfort"  # C: a higher comfort that begins later, for which it is warmed; `t` tells when
    FLOOR = "floor"  # C
    CEILING = "ceiling"  # C
    BOOST = "boost"  # C
    STAY = "stay"  # of a load: outside the slots it may be on in
    RUN = "run"  # slots it has been on without a break: its least time
    SHED_MOST = "shed_most"  # Wh: may be given less no more
    IMPORT_LIMIT = "import_limit"  # W, of the site or a group, its margin taken off
    EXPORT_LIMIT = "export_limit"  # W
    PEAK = "peak"  # W, of the site or a group: the highest of the billing period is made here
    ORDER = "order"  # W: baseline less what is ordered


@dataclass(frozen=True, slots=True)
class Hold:
    """One that holds: whose it is by name, the bound, and the slot it is about."""

    held: Held
    of: str
    amount: float
    t: int


@dataclass(frozen=True)
class Asked:
    """One device in one slot."""

    problem: EnergyProblem
    plan: EnergyPlan
    part: Any
    i: int
    t: int

    @property
    def name(self) -> str:
        return str(self.part.names[self.i])

    @property
    def site(self) -> int:
        return self.i if isinstance(self.part, Sites) else int(self.part.site[self.i])

    @property
    def value_eur_kwh(self) -> float | None:
        values = self.plan.value_eur_kwh
        return float(values[self.site, self.t]) if values.size else None

    @property
    def stored_eur_kwh(self) -> float | None:
        values = self.plan.stored_eur_kwh
        return float(values[self.i, self.t]) if values.size else None

    def of(self, field: str) -> float:
        """A figure of the part's own, in this slot where it has one for each."""
        values = getattr(self.part, field)
        return float(values[self.i, self.t] if values.ndim > 1 else values[self.i])

    def planned(self, field: str) -> float:
        return float(getattr(self.plan, field)[self.i, self.t])

    def hold(self, held: Held, amount: float, t: int | None = None) -> Hold:
        return Hold(held, self.name, amount, self.t if t is None else t)


def held(part: str, one: Asked) -> Iterator[Hold]:
    """All that holds a device of a part in its slot: its own bounds, then those of its site and of groups above."""
    if part in _OF_PARTS:
        yield from _OF_PARTS[part](one)
    yield from _above(one)


def _battery_held(one: Asked) -> Iterator[Hold]:
    charge, discharge, after = (one.planned(name) for name in ("charge_w", "discharge_w", "stored_wh"))
    yield from _store_held(one, charge, discharge, after, one.of("floor_wh"))
    problem, plan, t = one.problem, one.plan, one.t
    n, slots = problem.shape
    if not one.part.from_grid[one.i]:
        roofs = problem.solar
        sun = 0.0 if roofs is None else float(by_site(roofs.site, plan.solar_w, n, slots)[one.site, t])
        bound = by_site(one.part.site, np.where(one.part.from_grid[:, None], 0.0, plan.charge_w), n, slots)
        if bound[one.site, t] >= sun - NEAR_W:
            yield one.hold(Held.SUN_ONLY, sun)
    if not one.part.to_grid[one.i] and discharge > NEAR_W:
        most = float(own_w(problem, plan)[one.site, t])
        bound = by_site(one.part.site, np.where(one.part.to_grid[:, None], 0.0, plan.discharge_w), n, slots)
        if bound[one.site, t] >= most - NEAR_W:
            yield one.hold(Held.OWN_USE, most)


def _store_held(one: Asked, charge: float, discharge: float, after: float, floor: float) -> Iterator[Hold]:
    if charge > NEAR_W and charge >= one.of("charge_max_w") - NEAR_W:
        yield one.hold(Held.CHARGE_MAX, one.of("charge_max_w"))
    if 0 < charge <= one.of("charge_least_w") + NEAR_W:
        yield one.hold(Held.CHARGE_LEAST, one.of("charge_least_w"))
    if discharge > NEAR_W and discharge >= one.of("discharge_max_w") - NEAR_W:
        yield one.hold(Held.DISCHARGE_MAX, one.of("discharge_max_w"))
    if after >= one.of("capacity_wh") - NEAR_W:
        yield one.hold(Held.FULL, one.of("capacity_wh"))
    if one.of("discharge_max_w") > 0 and after <= floor + NEAR_W:
        yield one.hold(Held.RESERVE, floor)


def _vehicle_held(one: Asked) -> Iterator[Hold]:
    arrive, depart = int(one.part.arrive[one.i]), int(one.part.depart[one.i])
    if not arrive <= one.t < depart:
        yield one.hold(Held.AWAY, float(arrive), arrive)
        return
    charge, discharge = one.planned("vehicle_charge_w"), one.planned("vehicle_discharge_w")
    after = one.planned("vehicle_stored_wh")
    yield from _store_held(one, charge, discharge, after, 0.0)
    left_h = float(one.problem.horizon.hours[one.t + 1 : depart].sum())
    reachable = after + left_h * one.of("charge_max_w") * one.of("charge_efficiency")
    if reachable <= one.of("target_wh") + NEAR_W:
        yield one.hold(Held.TARGET, one.of("target_wh"), depart - 1)


def _solar_held(one: Asked) -> Iterator[Hold]:
    available = one.of("available_w")
    if available > NEAR_W:
        whole = one.planned("solar_w") >= available - NEAR_W
        yield one.hold(Held.ALL_SUN if whole else Held.CURTAILED, available)


def _room_held(one: Asked) -> Iterator[Hold]:
    yield from _thermal_held(one, one.planned("room_heat_w"), one.planned("room_cool_w"), one.plan.room_c[one.i])


def _tank_held(one: Asked) -> Iterator[Hold]:
    yield from _thermal_held(one, one.planned("tank_heat_w"), 0.0, one.plan.tank_c[one.i])


def _thermal_held(one: Asked, heat: float, cool: float, temperature: Any) -> Iterator[Hold]:
    after = float(temperature[one.t])
    bounds = (
        (Held.HEAT_MAX, heat > NEAR_W and heat >= one.of("heat_max_w") - NEAR_W, one.of("heat_max_w")),
        (Held.HEAT_LEAST, 0 < heat <= one.of("heat_least_w") + NEAR_W, one.of("heat_least_w")),
        (Held.COOL_MAX, cool > NEAR_W and cool >= one.of("cool_max_w") - NEAR_W, one.of("cool_max_w")),
        (Held.COMFORT_LOW, after <= one.of("low_c") + NEAR_K, one.of("low_c")),
        (Held.COMFORT_HIGH, after >= one.of("high_c") - NEAR_K, one.of("high_c")),
        (Held.FLOOR, after <= one.of("floor_c") + NEAR_K, one.of("floor_c")),
        (Held.CEILING, after >= one.of("ceiling_c") - NEAR_K, one.of("ceiling_c")),
    )
    yield from (one.hold(what, amount) for what, is_so, amount in bounds if is_so)
    last = int(one.part.boost_slot[one.i])
    if last != NONE and one.t <= last and temperature[: one.t].max(initial=-np.inf) < one.of("boost_c") - NEAR_K:
        yield one.hold(Held.BOOST, one.of("boost_c"), last)
    if heat > NEAR_W and (begins := _warmed_for(one, temperature)) is not None:
        yield one.hold(Held.NEXT_COMFORT, float(one.part.low_c[one.i, begins]), begins)


def _warmed_for(one: Asked, temperature: Any) -> int | None:
    """The next slot whose comfort is just met, where it asks more than now and heat is kept until then."""
    low = one.part.low_c[one.i]
    met = np.flatnonzero((temperature <= low + NEAR_K) & (low > low[one.t] + NEAR_K))
    later = met[met > one.t]
    return int(later[0]) if later.size else None


def _load_held(one: Asked) -> Iterator[Hold]:
    first, last = int(one.part.first[one.i]), int(one.part.last[one.i])
    if not first <= one.t < last:
        yield one.hold(Held.STAY, float(first), first)
    elif one.plan.on[one.i, one.t]:
        began = one.t
        while began > 0 and one.plan.on[one.i, began - 1]:
            began -= 1
        if one.t - began < int(one.part.least_on[one.i]):
            yield one.hold(Held.RUN, float(one.part.least_on[one.i]), began)


def _shed_held(one: Asked) -> Iterator[Hold]:
    less = ((one.part.wanted_w[one.i] - one.plan.given_w[one.i]) * one.problem.horizon.hours).sum()
    if less >= one.of("most_wh") - NEAR_W:
        yield one.hold(Held.SHED_MOST, one.of("most_wh"))


_OF_PARTS: dict[str, Callable[[Asked], Iterator[Hold]]] = {
    "solar": _solar_held,
    "batteries": _battery_held,
    "vehicles": _vehicle_held,
    "rooms": _room_held,
    "tanks": _tank_held,
    "loads": _load_held,
    "sheddable": _shed_held,
}


def _above(one: Asked) -> Iterator[Hold]:
    """What its site's meter and the groups it draws through are held by in this slot."""
    problem, plan, t = one.problem, one.plan, one.t
    sites = problem.sites
    bought = float(plan.import_w[one.site, t] + sites.margin_w[one.site, t])
    yield from _limits_held(sites, one.site, t, bought, float(plan.export_w[one.site, t]))
    yield from _peak_held(sites, one.site, t, plan.import_w[one.site])
    drawn, g = group_w(problem, plan), int(sites.group[one.site])
    while problem.groups is not None and g != NONE:
        net = float(drawn[g, t])
        yield from _limits_held(problem.groups, g, t, net, -net)
        yield from _peak_held(problem.groups, g, t, drawn[g])
        yield from _orders_held(problem, g, t, net)
        g = int(problem.groups.parent[g])


def _limits_held(part: Sites | Groups, i: int, t: int, drawn: float, fed: float) -> Iterator[Hold]:
    found = (Held.IMPORT_LIMIT, drawn, part.import_limit_w), (Held.EXPORT_LIMIT, fed, part.export_limit_w)
    for what, power, limit in found:
        if power >= float(limit[i, t]) - NEAR_W:
            yield Hold(what, part.names[i], float(limit[i, t]), t)


def _peak_held(part: Sites | Groups, i: int, t: int, drawn: Any) -> Iterator[Hold]:
    highest = max(float(drawn.max()), float(part.peak_so_far_w[i]))
    if part.peak_eur_kw[i] > 0 and float(drawn[t]) >= highest - NEAR_W:
        yield Hold(Held.PEAK, part.names[i], highest, t)


def _orders_held(problem: EnergyProblem, g: int, t: int, net: float) -> Iterator[Hold]:
    if (orders := problem.orders) is None:
        return
    for o, name in enumerate(orders.names):
        if int(orders.group[o]) == g and int(orders.first[o]) <= t < int(orders.last[o]):
            wanted = float(orders.baseline_w[o, t] - orders.ordered_w[o])
            if net >= wanted - NEAR_W:
                yield Hold(Held.ORDER, name, wanted, t)
