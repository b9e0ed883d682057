"""A made town of buildings that share a feeder, as large as one likes: what the optimiser of energy is measured on."""

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy import (
    Batteries,
    EnergyProblem,
    Groups,
    Horizon,
    Sites,
    Solar,
    Thermal,
    Vehicles,
)

SLOTS = 144
_HOURS = (np.arange(SLOTS) + 0.5) / 4 % 24
_NIGHT_EUR, _DAY_EUR, _PEAK_EUR = 0.1356, 0.1872, 0.2516


def town(buildings: int, seed: int = 0, *, cap_w: float = 14_000.0, price: Floats | None = None) -> EnergyProblem:
    """36 h in quarters of an hour. Each building has a battery, a roof that can be curtailed, two stays of vehicles, a
    room with comfort and a heat pump; all share a feeder of `cap_w` for each, beyond which each kWh costs 1 EUR.

    `price` (SLOTS,) in EUR/kWh of all of them; a tariff of three times of day unless said.
    """
    rng = np.random.default_rng(seed)
    size = rng.uniform(0.5, 2.0, buildings)
    names = tuple(f"building {i}" for i in range(buildings))
    buy = tariff() if price is None else price
    return EnergyProblem(
        horizon=Horizon(duration_s=np.full(SLOTS, 900.0)),
        sites=Sites(
            names=names, group=np.zeros(buildings, np.int64), base_w=_base_w(rng, size),
            import_eur_kwh=np.broadcast_to(buy, (buildings, SLOTS)),
            export_eur_kwh=np.broadcast_to(np.minimum(0.04, buy), (buildings, SLOTS)),
            import_limit_w=np.array(36_000.0), firm=np.array(True), peak_eur_kw=np.full(buildings, 0.05),
            peak_so_far_w=size * 4_000,
        ),
        groups=Groups(
            names=("feeder",), import_limit_w=np.array([[cap_w * size.sum() / 1.25]]), over_eur_kwh=np.array(1.0)
        ),
        solar=Solar(
            names=tuple(f"roof {i}" for i in range(buildings)), site=np.arange(buildings),
            available_w=_sun_w(rng, size), curtailable=np.array(True),
        ),
        batteries=_batteries(rng, size),
        vehicles=_vehicles(rng, buildings),
        rooms=_rooms(rng, size),
    )  # fmt: skip


def tariff() -> Floats:
    """(SLOTS,) EUR/kWh: night, day, evening peak."""
    return np.where((_HOURS < 6) | (_HOURS >= 22), _NIGHT_EUR, np.where((_HOURS >= 18), _PEAK_EUR, _DAY_EUR))


def spot(seed: int) -> Floats:
    """(SLOTS,) EUR/kWh of a day-ahead price by the hour, never below 1 ct."""
    rng = np.random.default_rng(seed)
    shape = 0.11 + 0.05 * np.cos((_HOURS - 19) / 24 * 4 * np.pi)
    return np.maximum(shape + np.repeat(rng.normal(0, 0.02, SLOTS // 4), 4), 0.01).round(4)


def _base_w(rng: np.random.Generator, size: Floats) -> Floats:
    busy = np.clip(np.sin((_HOURS - 6.5) / 13 * np.pi), 0, 1)
    return size[:, None] * (1_500 + 6_000 * busy) * rng.uniform(0.8, 1.2, (size.size, SLOTS))


def _sun_w(rng: np.random.Generator, size: Floats) -> Floats:
    clear = np.clip(np.sin((_HOURS - 6) / 14 * np.pi), 0, 1)
    return size[:, None] * 9_000 * clear * rng.uniform(0.5, 1.0, (size.size, SLOTS))


def _batteries(rng: np.random.Generator, size: Floats) -> Batteries:
    capacity = size * 15_000
    return Batteries(
        names=tuple(f"battery {i}" for i in range(size.size)), site=np.arange(size.size), capacity_wh=capacity,
        floor_wh=capacity * 0.1, initial_wh=capacity * rng.uniform(0.2, 0.8, size.size), charge_max_w=capacity * 0.4,
        discharge_max_w=capacity * 0.4, charge_efficiency=np.array(0.95), discharge_efficiency=np.array(0.95),
        wear_eur_kwh=np.array(0.01), end_eur_kwh=np.array(0.12),
    )  # fmt: skip


def _vehicles(rng: np.random.Generator, buildings: int) -> Vehicles:
    """One by day, one over night, of every building."""
    stays = 2 * buildings
    arrive = np.tile([32, 72], buildings) + rng.integers(-4, 5, stays)
    return Vehicles(
        names=tuple(f"vehicle {i} {when}" for i in range(buildings) for when in ("by day", "over night")),
        site=np.repeat(np.arange(buildings), 2), arrive=arrive, depart=arrive + np.tile([34, 50], buildings),
        capacity_wh=np.array(52_000.0), initial_wh=rng.uniform(10_000, 25_000, stays), target_wh=np.array(40_000.0),
        charge_max_w=np.array(7_400.0), charge_efficiency=np.array(0.92),
    )  # fmt: skip


def _rooms(rng: np.random.Generator, size: Floats) -> Thermal:
    cold = 7 - 4 * np.cos((_HOURS - 15) / 24 * 2 * np.pi + np.pi)
    used = (_HOURS >= 8) & (_HOURS < 19)
    return Thermal(
        names=tuple(f"rooms {i}" for i in range(size.size)), site=np.arange(size.size), capacity_wh_k=size * 6_000,
        loss_w_k=size * 350, outdoor_c=cold, gain_w=size[:, None] * 800 * used, initial_c=np.array(18.5),
        low_c=np.where(used, 19.0, 15.0), high_c=np.array(24.0), heat_max_w=(size * 12_000)[:, None],
        cop=2.5 + 0.06 * cold,
    )  # fmt: skip
