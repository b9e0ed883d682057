"""Energy problems of any shape, and plans in which everybody does as he likes within what he may."""

from typing import Any

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy import (
    Batteries,
    EnergyPlan,
    EnergyProblem,
    Groups,
    Horizon,
    Loads,
    Orders,
    Sheddable,
    Sites,
    Solar,
    Thermal,
    Vehicles,
)
from tests.energy.followed import followed

Rng = np.random.Generator


def any_problem(seed: int, sites: int = 2, slots: int = 10) -> EnergyProblem:
    """Of each part none to three; slots of 5 minutes to 2 hours."""
    rng = np.random.default_rng(seed)
    groups = int(rng.integers(0, 4))
    return EnergyProblem(
        horizon=Horizon(duration_s=rng.choice([300.0, 900.0, 1800.0, 3600.0, 7200.0], slots)),
        sites=_sites(rng, sites, slots, groups),
        groups=_groups(rng, groups, slots) if groups else None,
        orders=_orders(rng, groups, slots) if groups and rng.random() < 0.5 else None,
        **{name: made(rng, count, sites, slots) for name, made, count in _counted(rng)},
    )


def _counted(rng: Rng) -> list[tuple[str, Any, int]]:
    makers = {
        "solar": _solar, "batteries": _batteries, "vehicles": _vehicles, "rooms": _rooms, "tanks": _tanks,
        "loads": _loads, "sheddable": _sheddable,
    }  # fmt: skip
    return [(name, made, count) for name, made in makers.items() if (count := int(rng.integers(0, 4)))]


def _names(kind: str, count: int) -> tuple[str, ...]:
    return tuple(f"{kind} {i}" for i in range(count))


def _limits(rng: Rng, count: int, slots: int, usual_w: float) -> dict[str, Any]:
    firm = rng.random(count) < 0.5
    limit = np.where(rng.random((count, 1)) < 0.3, np.inf, usual_w * rng.uniform(0.5, 2, (count, slots)))
    fed = np.where(rng.random((count, 1)) < 0.5, np.inf, usual_w * rng.uniform(0, 0.3, (count, slots)))
    over = np.where(firm[:, None], 0.0, rng.uniform(0.5, 10, (count, slots)))
    return {
        "import_limit_w": limit, "export_limit_w": fed, "firm": firm, "over_eur_kwh": over,
        "peak_eur_kw": rng.choice([0.0, 0.4], count), "peak_so_far_w": rng.uniform(0, usual_w, count),
    }  # fmt: skip


def _sites(rng: Rng, n: int, slots: int, groups: int) -> Sites:
    return Sites(
        names=_names("site", n), group=rng.integers(-1, groups, n), base_w=rng.uniform(0, 10_000, (n, slots)),
        margin_w=rng.uniform(0, 500, (n, slots)), import_eur_kwh=rng.uniform(-0.1, 0.5, (n, slots)),
        export_eur_kwh=rng.uniform(-0.1, 0.2, (n, slots)), carbon_g_kwh=rng.uniform(20, 90, (n, slots)),
        carbon_eur_kg=rng.uniform(0, 0.2, n), **_limits(rng, n, slots, 20_000),
    )  # fmt: skip


def _groups(rng: Rng, count: int, slots: int) -> Groups:
    parents = np.array([rng.integers(-1, g) if g else -1 for g in range(count)])
    return Groups(names=_names("group", count), parent=parents, **_limits(rng, count, slots, 30_000))


def _orders(rng: Rng, groups: int, slots: int) -> Orders:
    first = rng.integers(0, slots, 2)
    return Orders(
        names=_names("order", 2), group=rng.integers(0, groups, 2), first=first,
        last=first + 1 + rng.integers(0, slots - first), baseline_w=rng.uniform(0, 40_000, (2, slots)),
        ordered_w=rng.uniform(1_000, 20_000, 2), paid_eur_kwh=rng.uniform(0, 0.5, 2),
        short_eur_kwh=rng.uniform(0, 0.5, 2),
    )  # fmt: skip


def _solar(rng: Rng, count: int, sites: int, slots: int) -> Solar:
    return Solar(
        names=_names("roof", count), site=rng.integers(0, sites, count), curtailable=rng.random(count) < 0.5,
        available_w=np.maximum(0.0, rng.uniform(-5_000, 15_000, (count, slots))),
    )  # fmt: skip


def _stores(rng: Rng, count: int, sites: int) -> dict[str, Any]:
    most = rng.uniform(2_000, 12_000, count)
    capacity = rng.uniform(5_000, 60_000, count)
    return {
        "site": rng.integers(0, sites, count), "capacity_wh": capacity,
        "initial_wh": capacity * rng.uniform(0, 1, count), "charge_max_w": most,
        "charge_least_w": np.where(rng.random(count) < 0.5, 0.0, 0.3 * most), "discharge_max_w": most,
        "charge_efficiency": rng.uniform(0.7, 1, count), "discharge_efficiency": rng.uniform(0.7, 1, count),
        "wear_eur_kwh": rng.uniform(0, 0.05, count),
    }  # fmt: skip


def _batteries(rng: Rng, count: int, sites: int, _: int) -> Batteries:
    stores = _stores(rng, count, sites)
    return Batteries(
        names=_names("battery", count), **stores, floor_wh=stores["capacity_wh"] * rng.choice([0, 0.2, 0.5], count),
        loss_h=rng.choice([0, 0.001, 0.02], count), end_eur_kwh=rng.uniform(-0.05, 0.3, count),
        from_grid=rng.random(count) < 0.6, to_grid=rng.random(count) < 0.6,
    )  # fmt: skip


def _vehicles(rng: Rng, count: int, sites: int, slots: int) -> Vehicles:
    stores, arrive = _stores(rng, count, sites), rng.integers(0, slots, count)
    return Vehicles(
        names=_names("vehicle", count), **stores, arrive=arrive,
        depart=arrive + 1 + rng.integers(0, slots - arrive),
        target_wh=stores["capacity_wh"] * rng.uniform(0, 1, count),
    )  # fmt: skip


def _rooms(rng: Rng, count: int, sites: int, slots: int) -> Thermal:
    return _thermal(rng, count, sites, slots, 0.5)


def _tanks(rng: Rng, count: int, sites: int, slots: int) -> Thermal:
    """Without walls, and never cooled."""
    return _thermal(rng, count, sites, slots, 0.0)


def _thermal(rng: Rng, count: int, sites: int, slots: int, rooms: float) -> Thermal:
    walled = rng.random(count) < rooms
    boosted = rng.random(count) < 0.3
    most = rng.uniform(2_000, 20_000, (count, slots))
    return Thermal(
        names=_names("place", count), site=rng.integers(0, sites, count), capacity_wh_k=rng.uniform(500, 6_000, count),
        loss_w_k=rng.uniform(50, 900, count), outdoor_c=rng.uniform(-5, 30, (count, slots)),
        gain_w=rng.uniform(-500, 3_000, (count, slots)), mass_wh_k=np.where(walled, 20_000.0, 0.0),
        coupling_w_k=np.where(walled, 1_500.0, 0.0), initial_c=rng.uniform(15, 25, count),
        mass_initial_c=np.where(walled, rng.uniform(15, 25, count), 0.0),
        low_c=np.where(rng.random((count, slots)) < 0.3, -np.inf, rng.uniform(15, 20, (count, slots))),
        high_c=np.where(rng.random((count, slots)) < 0.3, np.inf, rng.uniform(21, 26, (count, slots))),
        floor_c=rng.choice([-np.inf, 5.0, 16.0], count), ceiling_c=rng.choice([np.inf, 24.0, 75.0], count),
        boost_slot=np.where(boosted, rng.integers(0, slots, count), -1), boost_c=np.where(boosted, 22.0, 0.0),
        heat_max_w=most, heat_least_w=np.where(rng.random(count) < 0.5, 0.0, 1_500.0),
        cop=rng.uniform(0.8, 4, (count, slots)), electric=rng.random(count) < 0.5,
        fuel_eur_kwh=rng.uniform(0.05, 0.15, (count, slots)), fuel_g_kwh=rng.uniform(0, 250, count),
        cool_max_w=rng.choice([0.0, 5_000.0 * (rooms > 0)], (count, 1)) * np.ones(slots),
        cool_cop=rng.uniform(2, 4, (count, slots)),
    )  # fmt: skip


def _loads(rng: Rng, count: int, sites: int, slots: int) -> Loads:
    first = rng.integers(0, slots, count)
    last = first + 1 + rng.integers(0, slots - first)
    wanted = 1 + rng.integers(0, last - first)
    return Loads(
        names=_names("load", count), site=rng.integers(0, sites, count), power_w=rng.uniform(500, 6_000, count),
        first=first, last=last, slots=wanted, least_on=1 + rng.integers(0, wanted),
        least_off=1 + rng.integers(0, 3, count), most_starts=1 + rng.integers(0, 3, count),
    )  # fmt: skip


def _sheddable(rng: Rng, count: int, sites: int, slots: int) -> Sheddable:
    return Sheddable(
        names=_names("fan", count), site=rng.integers(0, sites, count), wanted_w=rng.uniform(0, 4_000, (count, slots)),
        shed_eur_kwh=rng.uniform(0, 2, count), most_wh=rng.choice([np.inf, 2_000.0], count),
    )  # fmt: skip


def as_they_like(problem: EnergyProblem, seed: int) -> EnergyPlan:
    """A plan in which each does anything that it may, and tells all that it leaves."""
    rng = np.random.default_rng(seed)
    told: dict[str, Any] = {}
    if (roofs := problem.solar) is not None:
        share = np.where(roofs.curtailable[:, None], rng.choice([0.0, 0.5, 1.0], roofs.available_w.shape), 1.0)
        told["solar_w"] = roofs.available_w * share
    if problem.loads is not None:
        told["on"] = np.array([_on(rng, problem, i) for i in range(len(problem.loads.names))])
    if (fans := problem.sheddable) is not None:
        share = np.where(np.isinf(fans.most_wh)[:, None], rng.uniform(0, 1, fans.wanted_w.shape), 1.0)
        told["given_w"] = fans.wanted_w * share
    if problem.rooms is not None:
        told["room_heat_w"], told["room_cool_w"] = _heat(rng, problem.rooms)
    if problem.tanks is not None:
        told["tank_heat_w"] = _heat(rng, problem.tanks)[0]
    if problem.vehicles is not None:
        told["vehicle_charge_w"], told["vehicle_discharge_w"] = _driven(rng, problem)
    if problem.batteries is not None:
        told["charge_w"], told["discharge_w"] = _emptied(rng, problem, told.get("solar_w"))
    return followed(problem, **told)


def _on(rng: Rng, problem: EnergyProblem, i: int) -> Any:
    """In one piece of all its slots, or not at all."""
    on, loads = np.zeros(len(problem.horizon), np.bool_), problem.loads
    first, last, wanted = (int(getattr(loads, name)[i]) for name in ("first", "last", "slots"))
    if rng.random() < 0.7:
        start = first + int(rng.integers(0, last - first - wanted + 1))
        on[start : start + wanted] = True
    return on


def _heat(rng: Rng, part: Thermal) -> tuple[Floats, Floats]:
    heated = rng.random(part.heat_max_w.shape) < 0.5
    least = np.minimum(part.heat_least_w[:, None], part.heat_max_w)
    heat = np.where(heated, rng.uniform(least, part.heat_max_w), 0.0)
    return heat, np.where(heated, 0.0, rng.uniform(0, 1, heat.shape) * part.cool_max_w)


def _may(
    rng: Rng, part: Any, i: int, held: float, hours: float, most_in: float, most_out: float
) -> tuple[float, float]:
    """What a store takes and gives in a slot: one of them, or nothing."""
    capacity, into, out = (
        float(getattr(part, name)[i]) for name in ("capacity_wh", "charge_efficiency", "discharge_efficiency")
    )  # fmt: skip
    most_in = min(most_in, float(part.charge_max_w[i]), max(0.0, capacity - held) / hours / into)
    most_out = min(most_out, float(part.discharge_max_w[i]), held / hours * out)
    least, which = float(part.charge_least_w[i]), rng.random()
    if which < 0.4 and most_in >= least:
        return float(rng.uniform(least, most_in)), 0.0
    return (0.0, float(rng.uniform(0, most_out))) if which > 0.6 else (0.0, 0.0)


def _driven(rng: Rng, problem: EnergyProblem) -> tuple[Floats, Floats]:
    part = problem.vehicles
    assert part is not None
    charge, discharge = np.zeros((2, len(part.names), len(problem.horizon)))
    for v in range(len(part.names)):
        held = float(part.initial_wh[v])
        for t in range(int(part.arrive[v]), int(part.depart[v])):
            hours = float(problem.horizon.hours[t])
            charge[v, t], discharge[v, t] = _may(rng, part, v, held, hours, np.inf, np.inf)
            held += hours * (charge[v, t] * part.charge_efficiency[v] - discharge[v, t] / part.discharge_efficiency[v])
    return charge, discharge


def _emptied(rng: Rng, problem: EnergyProblem, solar: Floats | None) -> tuple[Floats, Floats]:
    part = problem.batteries
    assert part is not None
    charge, discharge = np.zeros((2, len(part.names), len(problem.horizon)))
    held = part.initial_wh.astype(np.float64).copy()
    for t, hours in enumerate(problem.horizon.hours.tolist()):
        sun, own = np.zeros(len(problem.sites.names)), problem.sites.base_w[:, t].copy()
        for p, site in enumerate(
            problem.solar.site.tolist() if problem.solar is not None and solar is not None else ()
        ):
            sun[site] += solar[p, t]
        for b, site in enumerate(part.site.tolist()):
            held[b] *= (1 - part.loss_h[b]) ** hours
            most_in = np.inf if part.from_grid[b] else sun[site]
            most_out = np.inf if part.to_grid[b] else own[site]
            charge[b, t], discharge[b, t] = _may(rng, part, b, float(held[b]), hours, most_in, most_out)
            sun[site] -= 0.0 if part.from_grid[b] else charge[b, t]
            own[site] -= 0.0 if part.to_grid[b] else discharge[b, t]
            held[b] += hours * (
                charge[b, t] * part.charge_efficiency[b] - discharge[b, t] / part.discharge_efficiency[b]
            )
    return charge, discharge
