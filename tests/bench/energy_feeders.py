"""Made problems of any number of public buildings, to measure by: schools, offices, halls, pools on their feeders."""

from typing import NamedTuple

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.energy.contract import NONE, Groups, Horizon, Sites
from optimizers.energy.devices import Batteries, Solar, Thermal, Vehicles
from optimizers.energy.problem import EnergyProblem

_SLOTS, _QUARTER_S = 144, 900.0
_ON_A_FEEDER = 12
_TRANSFORMERS_W = np.array([100, 160, 250, 400, 630, 1_000, 1_600, 2_500]) * 1e3
"""Usual ratings of public distribution, in VA, at a power factor of 1."""


class _Kind(NamedTuple):
    """A kind of building: its floor, when people are in, what it draws for each m² at rest and open, heat it loses."""

    floor_m2: tuple[float, float]
    open_h: tuple[float, float]
    rest_w_m2: float
    open_w_m2: float
    loss_w_k_m2: float


_KINDS = (
    _Kind((600, 4_000), (8, 18), 1.5, 8.0, 1.1),  # school
    _Kind((300, 5_000), (8, 19), 2.0, 14.0, 0.9),  # office
    _Kind((500, 2_500), (9, 22), 1.0, 12.0, 1.6),  # sports hall
    _Kind((200, 800), (7, 19), 2.0, 10.0, 1.2),  # nursery
)


def generated(sites: int, seed: int = 0, room: float = 0.6) -> EnergyProblem:
    """So many buildings over a day and a half of a winter's weather, in quarters of an hour.

    Half heat with a heat pump, the others with gas or district heat. A third have a roof, a sixth a battery, a third
    two to eight vehicles. Twelve share a feeder, whose transformer is the smallest usual one above what its buildings
    draw without any plan at their most, and `room` of the power of what can be moved; all share a substation with as
    much less as feeders differ in when they peak. Contracts are soft above 36 kVA, and trip below. The same seed gives
    the same problem.
    """
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, len(_KINDS), sites)
    floor_m2 = np.array([rng.uniform(*_KINDS[k].floor_m2) for k in kind.tolist()])
    base, people = _base_w(rng, kind, floor_m2)
    rooms, flexible_w = _rooms(rng, kind, floor_m2, people)
    batteries = _batteries(rng, floor_m2)
    vehicles = _vehicles(rng, sites)
    np.add.at(flexible_w, batteries.site, batteries.charge_max_w)
    np.add.at(flexible_w, vehicles.site, vehicles.charge_max_w)
    group = 1 + np.arange(sites) // _ON_A_FEEDER
    return EnergyProblem(
        horizon=Horizon(duration_s=np.full(_SLOTS, _QUARTER_S)),
        sites=_sites(rng, group, base, flexible_w),
        groups=_feeders(group, base, flexible_w, room),
        solar=_roofs(rng, floor_m2),
        batteries=batteries,
        vehicles=vehicles,
        rooms=rooms,
    )


def _hours() -> Floats:
    """(T,) of the day at the middle of each quarter, from midnight."""
    hours: Floats = (np.arange(_SLOTS) + 0.5) / 4 % 24
    return hours


def _base_w(rng: np.random.Generator, kind: Ints, floor_m2: Floats) -> tuple[Floats, Floats]:
    """(n, T) what is drawn beside heat, vehicles and batteries; and 1 where people are in."""
    hours = _hours()
    begin, end = (np.array([_KINDS[k].open_h[e] for k in kind.tolist()])[:, None] for e in range(2))
    shift = rng.uniform(-0.75, 0.75, (kind.size, 1))
    people = ((hours > begin + shift) & (hours < end + shift)).astype(np.float64)
    rest, used = (np.array([_KINDS[k][f] for k in kind.tolist()])[:, None] for f in (2, 3))
    base = floor_m2[:, None] * (rest + used * people * rng.uniform(0.4, 1.0, (kind.size, 1)))
    return (base * rng.uniform(0.9, 1.1, base.shape)).round(), people


def _rooms(rng: np.random.Generator, kind: Ints, floor_m2: Floats, people: Floats) -> tuple[Thermal, Floats]:
    """One of each building; and the electric power (n,) of its heating."""
    n, hours = kind.size, _hours()
    outdoor = 3 - 4 * np.cos((hours - 4) / 24 * 2 * np.pi) + np.cumsum(rng.normal(0, 0.1, _SLOTS))
    loss = floor_m2 * np.array([_KINDS[k].loss_w_k_m2 for k in kind.tolist()]) * rng.uniform(0.7, 1.3, n)
    heat = rng.choice(3, n, p=[0.5, 0.3, 0.2])  # heat pump, gas, district heat
    cop = np.where(heat[:, None] == 0, 2.6 + 0.06 * outdoor, np.where(heat[:, None] == 1, 0.92, 1.0))
    heat_max = loss * rng.uniform(28, 38, n)
    low = np.where(people > 0, 19.0, 16.0)
    thermal = Thermal(
        names=_names("room", n), site=np.arange(n), capacity_wh_k=floor_m2 * 12.0, loss_w_k=loss,
        outdoor_c=np.tile(outdoor.round(2), (n, 1)), gain_w=people * floor_m2[:, None] * 6.0,
        mass_wh_k=floor_m2 * rng.uniform(30, 70, n), coupling_w_k=loss * 4.0,
        initial_c=np.full(n, 17.0), mass_initial_c=np.full(n, 17.0), low_c=low, high_c=np.full((n, _SLOTS), 25.0),
        floor_c=np.full(n, 7.0), heat_max_w=np.tile(heat_max[:, None], (1, _SLOTS)), cop=cop.round(3),
        electric=heat == 0, fuel_eur_kwh=np.tile(np.where(heat == 1, 0.09, 0.11)[:, None], (1, _SLOTS)),
        fuel_g_kwh=np.where(heat == 1, 205.0, 60.0),
    )  # fmt: skip
    return thermal, np.where(heat == 0, heat_max / 2.8, 0.0)


def _roofs(rng: np.random.Generator, floor_m2: Floats) -> Solar:
    site = np.flatnonzero(rng.random(floor_m2.size) < 1 / 3)
    height = np.maximum(np.sin((_hours() - 8) / 9 * np.pi), 0.0) * ((_hours() > 8) & (_hours() < 17))
    peak = np.minimum(floor_m2[site] * 40, 100_000)
    clouds = rng.uniform(0.3, 1.0, (1, _SLOTS))
    return Solar(
        names=_names("roof", site.size), site=site, available_w=(peak[:, None] * 0.6 * height * clouds).round(),
        curtailable=np.ones(site.size, np.bool_),
    )  # fmt: skip


def _batteries(rng: np.random.Generator, floor_m2: Floats) -> Batteries:
    site = np.flatnonzero(rng.random(floor_m2.size) < 1 / 6)
    capacity = rng.choice([20_000.0, 50_000.0, 100_000.0], site.size)
    return Batteries(
        names=_names("battery", site.size), site=site, capacity_wh=capacity, initial_wh=capacity * 0.5,
        floor_wh=capacity * 0.1, charge_max_w=capacity * 0.4, discharge_max_w=capacity * 0.4,
        charge_efficiency=np.full(site.size, 0.95), discharge_efficiency=np.full(site.size, 0.95),
        loss_h=np.full(site.size, 1e-4), wear_eur_kwh=np.full(site.size, 0.03), end_eur_kwh=np.full(site.size, 0.13),
    )  # fmt: skip


def _vehicles(rng: np.random.Generator, sites: int) -> Vehicles:
    """Of services, parked from the evening to the morning, and of people who work there, in the day."""
    site = np.repeat(np.arange(sites), np.where(rng.random(sites) < 1 / 3, rng.integers(2, 9, sites), 0))
    n = site.size
    by_night = rng.random(n) < 0.6
    arrive = np.where(by_night, rng.integers(66, 80, n), rng.integers(30, 38, n))
    depart = np.where(by_night, rng.integers(122, 132, n), rng.integers(64, 76, n))
    capacity = rng.choice([40_000.0, 52_000.0, 77_000.0], n)
    initial = capacity * rng.uniform(0.15, 0.5, n)
    power = rng.choice([3_700.0, 7_400.0, 11_000.0], n)
    reachable = initial + 0.9 * power * (depart - arrive) / 4 * 0.95
    return Vehicles(
        names=_names("vehicle", n), site=site, arrive=arrive, depart=depart, capacity_wh=capacity, initial_wh=initial,
        target_wh=np.minimum(capacity * 0.85, reachable), charge_max_w=power, charge_efficiency=np.full(n, 0.92),
    )  # fmt: skip


def _sites(rng: np.random.Generator, group: Ints, base: Floats, flexible_w: Floats) -> Sites:
    """Contracts of the smallest class that holds what is drawn anyway and three quarters of what can be moved."""
    n, hours = group.size, _hours()
    night, peak = (hours < 6) | (hours > 22), (hours > 18) & (hours < 20)
    price = np.where(night, 0.1356, np.where(peak, 0.2516, 0.1872))
    steps = np.array([12, 18, 24, 36, 48, 60, 84, 120, 180, 240, 400, 800, 1_600]) * 930.0
    needed = 1.03 * base.max(axis=1) + 0.75 * flexible_w
    limit = steps[np.minimum(np.searchsorted(steps, needed), steps.size - 1)]
    carbon = 45 + 25 * np.sin((hours - 13) / 24 * 2 * np.pi) ** 2
    return Sites(
        names=_names("site", n), group=group, base_w=base, margin_w=0.03 * base,
        import_eur_kwh=price * rng.uniform(0.95, 1.05, (n, 1)), export_eur_kwh=np.full((n, _SLOTS), 0.04),
        import_limit_w=np.tile(limit[:, None], (1, _SLOTS)), firm=limit <= 36_000 * 0.93,
        over_eur_kwh=np.full((n, _SLOTS), 10.0), carbon_g_kwh=np.tile(carbon, (n, 1)), carbon_eur_kg=np.full(n, 0.1),
    )  # fmt: skip


def _feeders(group: Ints, base: Floats, flexible_w: Floats, room: float) -> Groups:
    count = int(group.max())
    of = np.arange(1, count + 1)[:, None] == group
    needed = (of @ base).max(axis=1) + room * (of @ flexible_w) / 2
    feeder = _TRANSFORMERS_W[np.minimum(np.searchsorted(_TRANSFORMERS_W, needed), _TRANSFORMERS_W.size - 1)]
    whole = base.sum(axis=0).max() + 0.8 * room * flexible_w.sum() / 2
    limit = np.concatenate([[whole], feeder])[:, None]
    return Groups(
        names=("substation", *_names("feeder", count)), parent=np.concatenate([[NONE], np.zeros(count, np.int64)]),
        import_limit_w=np.tile(limit, (1, _SLOTS)), over_eur_kwh=np.full((count + 1, _SLOTS), 5.0),
    )  # fmt: skip


def _names(kind: str, count: int) -> tuple[str, ...]:
    return tuple(f"{kind} {i:03d}" for i in range(count))
