"""Plans without a solver: what follows from what devices are told, slot by slot and number by number."""

from typing import Any

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy import EnergyPlan, EnergyProblem, Shortfall, Thermal, names_of
from optimizers.result import Status, Violation

SAFETY = {"import limit", "export limit", "floor", "ceiling", "boost", "reserve"}
"""Of what may be left, by name: the others are comfort."""


def followed(problem: EnergyProblem, **told: Any) -> EnergyPlan:
    """The plan in which devices do as they are told: roofs and loads to shed give and get all, others nothing, where
    nothing is said. What is stored, how warm it is, what meters show, the cost and what is left follow.
    """
    arrays = _told(problem, told)
    arrays |= _stored(problem, arrays) | _temperatures(problem, arrays)
    net = net_w(problem, arrays)
    arrays |= {"import_w": np.maximum(net, 0.0), "export_w": np.maximum(-net, 0.0)}
    plan = EnergyPlan(
        status=Status.FEASIBLE, objective=0.0, bound=-1e6, seconds=0.0, seed=0, solver="by hand", version="1",
        **names_of(problem), **arrays,
    )  # fmt: skip
    return honest(problem, plan)


def honest(problem: EnergyProblem, plan: EnergyPlan) -> EnergyPlan:
    """The plan that says of itself what is so."""
    left = left_by(problem, plan)
    sums = {
        name: sum(one.amount for one in left if (one.constraint in SAFETY) == safety)
        for name, safety in (("safety", True), ("comfort", False))
    }
    named = tuple(one for one in left if one.amount > 1e-3)
    status = Status.BEST_EFFORT if named else Status.FEASIBLE
    changes = {
        "objective": sum(eur_by_term(problem, plan).values()), "shortfall": Shortfall(**sums), "violations": named,
        "status": status,
    }  # fmt: skip
    return EnergyPlan(**{**vars(plan), **changes})


def _told(problem: EnergyProblem, told: dict[str, Any]) -> dict[str, Any]:
    slots, rows = len(problem.horizon), {name: len(of) for name, of in names_of(problem).items()}
    fields = {
        "charge_w": "batteries", "discharge_w": "batteries", "vehicle_charge_w": "vehicles",
        "vehicle_discharge_w": "vehicles", "room_heat_w": "rooms", "room_cool_w": "rooms", "tank_heat_w": "tanks",
    }  # fmt: skip
    arrays: dict[str, Any] = {name: np.zeros((rows[part], slots)) for name, part in fields.items()}
    arrays["on"] = np.zeros((rows["loads"], slots), np.bool_)
    arrays["solar_w"] = np.zeros((0, slots)) if problem.solar is None else problem.solar.available_w
    arrays["given_w"] = np.zeros((0, slots)) if problem.sheddable is None else problem.sheddable.wanted_w
    return arrays | told


def _stored(problem: EnergyProblem, arrays: dict[str, Any]) -> dict[str, Floats]:
    found = {}
    for part, prefix, loss in ((problem.batteries, "", True), (problem.vehicles, "vehicle_", False)):
        charge, discharge = arrays[f"{prefix}charge_w"], arrays[f"{prefix}discharge_w"]
        stored = np.zeros(charge.shape)
        for b in range(charge.shape[0]):
            held = float(part.initial_wh[b])
            for t, hours in enumerate(problem.horizon.hours.tolist()):
                held *= (1 - float(part.loss_h[b])) ** hours if loss else 1.0
                held += hours * float(charge[b, t]) * float(part.charge_efficiency[b])
                held -= hours * float(discharge[b, t]) / float(part.discharge_efficiency[b])
                stored[b, t] = held
        found[f"{prefix}stored_wh"] = stored
    return found


def _temperatures(problem: EnergyProblem, arrays: dict[str, Any]) -> dict[str, Floats]:
    rooms = _warmed(problem.rooms, problem.horizon.hours, arrays["room_heat_w"], arrays["room_cool_w"])
    heat = arrays["tank_heat_w"]
    tanks = _warmed(problem.tanks, problem.horizon.hours, heat, np.zeros_like(heat))
    return {"room_c": rooms[0], "room_mass_c": rooms[1], "tank_c": tanks[0]}


def _warmed(part: Thermal | None, hours: Floats, heat: Floats, cool: Floats) -> tuple[Floats, Floats]:
    """Both masses after each slot, by the two equations of a slot solved at once."""
    air, walls = np.zeros(heat.shape), np.zeros(heat.shape)
    for z in range(heat.shape[0]):
        now = np.array([part.initial_c[z], part.mass_initial_c[z]])
        for t, h in enumerate(hours.tolist()):
            now = warmed_once(part, z, t, h, now, float(heat[z, t] - cool[z, t]))
            air[z, t], walls[z, t] = now
    return air, walls


def warmed_once(part: Thermal, z: int, t: int, h: float, now: Floats, heat: float) -> Floats:
    capacity, mass = float(part.capacity_wh_k[z]) / h, float(part.mass_wh_k[z]) / h
    loss, coupling = float(part.loss_w_k[z]), float(part.coupling_w_k[z])
    gained = capacity * now[0] + loss * part.outdoor_c[z, t] + part.gain_w[z, t] + heat
    if mass == 0:
        return np.array([gained / (capacity + loss), now[1]])
    rows = np.array([[capacity + loss + coupling, -coupling], [-coupling, mass + coupling]])
    solved: Floats = np.linalg.solve(rows, np.array([gained, mass * now[1]]))
    return solved


def net_w(problem: EnergyProblem, arrays: dict[str, Any]) -> Floats:
    """(n, T) what each meter shows."""
    net = problem.sites.base_w.copy()
    signed = (
        (problem.batteries, "charge_w", 1), (problem.batteries, "discharge_w", -1), (problem.solar, "solar_w", -1),
        (problem.vehicles, "vehicle_charge_w", 1), (problem.vehicles, "vehicle_discharge_w", -1),
        (problem.sheddable, "given_w", 1),
    )  # fmt: skip
    for part, name, sign in signed:
        for i, site in enumerate(part.site.tolist() if part is not None else ()):
            net[site] += sign * arrays[name][i]
    if problem.loads is not None:
        for i, site in enumerate(problem.loads.site.tolist()):
            net[site] += problem.loads.power_w[i] * arrays["on"][i]
    for part, heat, cool in _heated(problem, arrays):
        for z, site in enumerate(part.site.tolist()):
            net[site] += cool[z] / part.cool_cop[z]
            if part.electric[z]:
                net[site] += heat[z] / part.cop[z]
    return net


def _heated(problem: EnergyProblem, arrays: dict[str, Any]) -> list[tuple[Thermal, Floats, Floats]]:
    found = []
    if problem.rooms is not None:
        found.append((problem.rooms, arrays["room_heat_w"], arrays["room_cool_w"]))
    if problem.tanks is not None:
        found.append((problem.tanks, arrays["tank_heat_w"], np.zeros_like(arrays["tank_heat_w"])))
    return found


def drawn_by_group(problem: EnergyProblem, plan: EnergyPlan, g: int) -> Floats:
    """(T,) of a group, by asking each group below it."""
    total = np.zeros(len(problem.horizon))
    for i, group in enumerate(problem.sites.group.tolist()):
        if group == g:
            total += plan.import_w[i] - plan.export_w[i]
    for below, parent in enumerate(problem.groups.parent.tolist() if problem.groups is not None else ()):
        if parent == g:
            total += drawn_by_group(problem, plan, below)
    return total


def eur_by_term(problem: EnergyProblem, plan: EnergyPlan) -> dict[str, float]:
    """The cost, term by term and slot by slot as its definition reads."""
    terms = dict.fromkeys(
        ("bought", "sold", "fuel", "carbon", "wear", "over", "peaks", "shed", "orders_paid", "orders_short", "stored"),
        0.0,
    )
    for t, hours in enumerate(problem.horizon.hours.tolist()):
        for name, eur_h in _eur_an_hour(problem, plan, t):
            terms[name] += eur_h * hours
    for part, drawn in _meters(problem, plan):
        for i in range(len(part.names)):
            passed = float(drawn[i].max()) - float(part.peak_so_far_w[i])
            terms["peaks"] += float(part.peak_eur_kw[i]) * max(0.0, passed) / 1000
    for b in range(len(problem.batteries.names) if problem.batteries is not None else 0):
        terms["stored"] -= float(problem.batteries.end_eur_kwh[b]) * float(plan.stored_wh[b, -1]) / 1000
    return terms


def _meters(problem: EnergyProblem, plan: EnergyPlan) -> list[tuple[Any, list[Floats]]]:
    found: list[tuple[Any, list[Floats]]] = [(problem.sites, list(plan.import_w))]
    if problem.groups is not None:
        each = [drawn_by_group(problem, plan, g) for g in range(len(problem.groups.names))]
        found.append((problem.groups, each))
    return found


def _eur_an_hour(problem: EnergyProblem, plan: EnergyPlan, t: int) -> list[tuple[str, float]]:
    sites, found = problem.sites, []
    for i in range(len(sites.names)):
        bought, sold = float(plan.import_w[i, t]) / 1000, float(plan.export_w[i, t]) / 1000
        found.append(("bought", bought * float(sites.import_eur_kwh[i, t])))
        found.append(("sold", -sold * float(sites.export_eur_kwh[i, t])))
        found.append(("carbon", bought * float(sites.carbon_g_kwh[i, t]) / 1000 * float(sites.carbon_eur_kg[i])))
    for part, heat, _ in _heated(problem, vars(plan)):
        for z, site in enumerate(part.site.tolist()):
            if not part.electric[z]:
                fuel = float(heat[z, t]) / float(part.cop[z, t]) / 1000
                found.append(("fuel", fuel * float(part.fuel_eur_kwh[z, t])))
                found.append(("carbon", fuel * float(part.fuel_g_kwh[z]) / 1000 * float(sites.carbon_eur_kg[site])))
    for part, out in ((problem.batteries, plan.discharge_w), (problem.vehicles, plan.vehicle_discharge_w)):
        count = len(part.names) if part is not None else 0
        found += [("wear", float(out[i, t]) / 1000 * float(part.wear_eur_kwh[i])) for i in range(count)]
    for i in range(len(problem.sheddable.names) if problem.sheddable is not None else 0):
        less = float(problem.sheddable.wanted_w[i, t] - plan.given_w[i, t]) / 1000
        found.append(("shed", less * float(problem.sheddable.shed_eur_kwh[i])))
    return found + _beyond_eur(problem, plan, t) + _order_eur(problem, plan, t)


def _beyond_eur(problem: EnergyProblem, plan: EnergyPlan, t: int) -> list[tuple[str, float]]:
    return [
        ("over", (over + out) / 1000 * float(part.over_eur_kwh[i, t]))
        for _, part, i, over, out in beyond(problem, plan, t)
        if not part.firm[i]
    ]


def beyond(problem: EnergyProblem, plan: EnergyPlan, t: int) -> list[tuple[str, Any, int, float, float]]:
    """W by which each site and group passes its limit of import, of export."""
    found: list[tuple[str, Any, int, float, float]] = []
    for i in range(len(problem.sites.names)):
        sites = problem.sites
        bought = float(plan.import_w[i, t] + sites.margin_w[i, t])
        over, out = bought - float(sites.import_limit_w[i, t]), float(plan.export_w[i, t] - sites.export_limit_w[i, t])
        found.append(("site", sites, i, max(0.0, over), max(0.0, out)))
    for g in range(len(problem.groups.names) if problem.groups is not None else 0):
        groups, drawn = problem.groups, float(drawn_by_group(problem, plan, g)[t])
        over, out = drawn - float(groups.import_limit_w[g, t]), -drawn - float(groups.export_limit_w[g, t])
        found.append(("group", groups, g, max(0.0, over), max(0.0, out)))
    return found


def _order_eur(problem: EnergyProblem, plan: EnergyPlan, t: int) -> list[tuple[str, float]]:
    found = []
    for o in range(len(problem.orders.names) if problem.orders is not None else 0):
        orders = problem.orders
        if int(orders.first[o]) <= t < int(orders.last[o]):
            less = float(orders.baseline_w[o, t]) - float(drawn_by_group(problem, plan, int(orders.group[o]))[t])
            delivered = min(max(less, 0.0), float(orders.ordered_w[o])) / 1000
            found.append(("orders_paid", -delivered * float(orders.paid_eur_kwh[o])))
            found.append(
                ("orders_short", (float(orders.ordered_w[o]) / 1000 - delivered) * float(orders.short_eur_kwh[o]))
            )
    return found


def left_by(problem: EnergyProblem, plan: EnergyPlan) -> list[Violation]:
    """What a plan leaves of what comes before cost, added up slot by slot."""
    amounts: dict[tuple[str, str, str], float] = {}

    def add(constraint: str, name: str, amount: float, unit: str) -> None:
        if amount > 0:
            amounts[constraint, name, unit] = amounts.get((constraint, name, unit), 0.0) + amount

    for t, hours in enumerate(problem.horizon.hours.tolist()):
        for kind, part, i, over, out in beyond(problem, plan, t):
            if part.firm[i]:
                add("import limit", f"{kind} {part.names[i]}", over / 1000 * hours, "kWh")
                add("export limit", f"{kind} {part.names[i]}", out / 1000 * hours, "kWh")
        for b in range(len(problem.batteries.names) if problem.batteries is not None else 0):
            lack = float(problem.batteries.floor_wh[b] - plan.stored_wh[b, t]) / 1000
            add("reserve", f"battery {problem.batteries.names[b]}", lack * hours, "kWh·h")
        _add_heat(problem, plan, t, hours, add)
    _add_once(problem, plan, add)
    return [Violation(constraint, name, amount, unit) for (constraint, name, unit), amount in amounts.items()]


def _add_heat(problem: EnergyProblem, plan: EnergyPlan, t: int, hours: float, add: Any) -> None:
    for kind, part, found in (("room", problem.rooms, plan.room_c), ("tank", problem.tanks, plan.tank_c)):
        for z in range(len(part.names) if part is not None else 0):
            name, warm = f"{kind} {part.names[z]}", float(found[z, t])
            add("floor", name, (float(part.floor_c[z]) - warm) * hours, "K·h")
            add("ceiling", name, (warm - float(part.ceiling_c[z])) * hours, "K·h")
            add("comfort low", name, (float(part.low_c[z, t]) - warm) * hours, "K·h")
            add("comfort high", name, (warm - float(part.high_c[z, t])) * hours, "K·h")
            if t == int(part.boost_slot[z]):
                add("boost", name, float(part.boost_c[z]) - max(found[z, : t + 1].tolist()), "K")


def _add_once(problem: EnergyProblem, plan: EnergyPlan, add: Any) -> None:
    for v in range(len(problem.vehicles.names) if problem.vehicles is not None else 0):
        held = float(plan.vehicle_stored_wh[v, int(problem.vehicles.depart[v]) - 1])
        add(
            "departure",
            f"vehicle {problem.vehicles.names[v]}",
            (float(problem.vehicles.target_wh[v]) - held) / 1000,
            "kWh",
        )
    for i in range(len(problem.loads.names) if problem.loads is not None else 0):
        loads = problem.loads
        first, last = int(loads.first[i]), int(loads.last[i])
        usual = sum(problem.horizon.hours[first:last].tolist()) / (last - first)
        lack = int(loads.slots[i]) - sum(plan.on[i].tolist())
        add("not run", f"load {loads.names[i]}", lack * usual * float(loads.power_w[i]) / 1000, "kWh")
