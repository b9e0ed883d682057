"""Made problems to try the optimiser on: a small one to read, and one with everything that can be asked."""

from typing import Any

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.contract import NONE, Groups, Horizon, Orders, Sites
from optimizers.energy.devices import Batteries, Loads, Sheddable, Solar, Thermal, Vehicles
from optimizers.energy.problem import EnergyProblem

_QUARTER_S = 900.0
_DAY = 96
_NIGHT_EUR, _DAY_EUR, _PEAK_EUR = 0.1356, 0.1872, 0.2516


def example(seed: int = 0) -> EnergyProblem:
    """A school on a day of March in quarters of an hour: a battery, a roof, a heat pump, two vehicles. The same seed
    gives the same problem.
    """
    rng = np.random.default_rng(seed)
    base = _school_w(rng)
    return EnergyProblem(
        horizon=Horizon(duration_s=np.full(_DAY, _QUARTER_S)),
        sites=Sites(
            names=("school",), base_w=base[None], import_eur_kwh=_tariff()[None], export_eur_kwh=np.array(0.04),
            import_limit_w=np.array(36_000.0), firm=np.array(True), carbon_g_kwh=_carbon(rng)[None],
            carbon_eur_kg=np.array([0.1]),
        ),
        solar=Solar(
            names=("roof",), site=np.array([0]), available_w=_sun_w(rng, 20_000)[None], curtailable=np.array([True])
        ),
        batteries=Batteries(names=("cellar",), site=np.array([0]), **_battery(30_000, 12_000)),
        vehicles=_two_vehicles(rng),
        rooms=Thermal(names=("building",), site=np.array([0]), **_building(rng)),
    )  # fmt: skip


def full_example(seed: int = 0) -> EnergyProblem:
    """A school, a pool and a town hall that share a feeder below a substation, over a day and a half with everything
    that can be asked. The pool's contract trips, the school's and the town hall's cost what is beyond them; at noon the
    price is below 0; in the evening the feeder is to draw less. The pool has gas, the town hall district heat.
    """
    rng = np.random.default_rng(seed)
    slots = 144
    sites = _three_sites(rng, slots)
    return EnergyProblem(
        horizon=Horizon(duration_s=np.full(slots, _QUARTER_S)),
        sites=sites,
        groups=_two_groups(),
        orders=Orders(
            names=("evening",), group=np.array([1]), first=np.array([72]), last=np.array([80]),
            baseline_w=sites.base_w[:2].sum(axis=0)[None].round(-2) + 12_000, ordered_w=np.array([10_000.0]),
            paid_eur_kwh=np.array([0.35]), short_eur_kwh=np.array([0.2]),
        ),
        solar=_two_roofs(rng, slots),
        batteries=_two_batteries(),
        vehicles=_three_vehicles(rng),
        rooms=_three_rooms(rng, slots),
        tanks=_two_tanks(slots),
        loads=Loads(
            names=("filter pump", "kiln", "washing"), site=np.array([1, 0, 1]),
            power_w=np.array([3_000.0, 6_000.0, 2_500.0]), first=np.array([0, 32, 20]), last=np.array([144, 72, 60]),
            slots=np.array([32, 12, 8]), least_on=np.array([4, 12, 3]), least_off=np.array([2, 1, 1]),
            most_starts=np.array([6, 1, 2]),
        ),
        sheddable=Sheddable(
            names=("ventilation", "lighting"), site=np.array([0, 2]),
            wanted_w=np.array([_open(slots) * 4_000.0, _open(slots) * 2_000.0]),
            shed_eur_kwh=np.array([0.6, 2.0]), most_wh=np.array([8_000.0, np.inf]),
        ),
    )  # fmt: skip


def _hours(slots: int) -> Floats:
    """(slots,) of the day, at the middle of each quarter."""
    hours: Floats = (np.arange(slots) + 0.5) / 4 % 24
    return hours


def _open(slots: int) -> Floats:
    """1 where somebody is in the building, else 0."""
    hours = _hours(slots)
    return ((hours > 8) & (hours < 18)).astype(np.float64)


def _school_w(rng: np.random.Generator, slots: int = _DAY) -> Floats:
    return _rounded(3_000 + _open(slots) * 9_000 * rng.uniform(0.8, 1.1, slots))


def _tariff(slots: int = _DAY) -> Floats:
    """Cheap at night, dear in the two hours of the evening's peak."""
    hours = _hours(slots)
    night = (hours < 6) | (hours > 22)
    peak = (hours > 18) & (hours < 20)
    return np.where(night, _NIGHT_EUR, np.where(peak, _PEAK_EUR, _DAY_EUR))


def _carbon(rng: np.random.Generator, slots: int = _DAY) -> Floats:
    return _rounded(45 + 25 * np.sin((_hours(slots) - 13) / 24 * 2 * np.pi) ** 2 + rng.uniform(-3, 3, slots), 1)


def _sun_w(rng: np.random.Generator, peak_w: float, slots: int = _DAY) -> Floats:
    height = np.maximum(np.sin((_hours(slots) - 7) / 12 * np.pi), 0.0) * ((_hours(slots) > 7) & (_hours(slots) < 19))
    return _rounded(peak_w * 0.7 * height * rng.uniform(0.5, 1.0, slots))


def _outdoor_c(rng: np.random.Generator, slots: int = _DAY) -> Floats:
    return _rounded(6 - 5 * np.cos((_hours(slots) - 4) / 24 * 2 * np.pi) + rng.uniform(-0.3, 0.3, slots), 1)


def _battery(capacity_wh: float, power_w: float) -> dict[str, Any]:
    return {
        "capacity_wh": np.array([capacity_wh]), "floor_wh": np.array([0.1 * capacity_wh]),
        "initial_wh": np.array([0.5 * capacity_wh]), "charge_max_w": np.array([power_w]),
        "discharge_max_w": np.array([power_w]), "charge_efficiency": np.array([0.95]),
        "discharge_efficiency": np.array([0.95]), "loss_h": np.array([0.0002]), "wear_eur_kwh": np.array([0.02]),
        "end_eur_kwh": np.array([0.13]),
    }  # fmt: skip


def _building(rng: np.random.Generator) -> dict[str, Any]:
    """A heat pump of 35 kW of heat; 19 degrees while it is open, a floor against frost."""
    outdoor = _outdoor_c(rng)
    return {
        "capacity_wh_k": np.array([6_000.0]), "loss_w_k": np.array([900.0]), "outdoor_c": outdoor[None],
        "gain_w": (_open(_DAY) * 4_000)[None], "mass_wh_k": np.array([40_000.0]), "coupling_w_k": np.array([3_000.0]),
        "initial_c": np.array([17.5]), "mass_initial_c": np.array([17.5]),
        "low_c": np.where(_open(_DAY) > 0, 19.0, 15.0)[None], "high_c": np.array(24.0), "floor_c": np.array([7.0]),
        "heat_max_w": np.array(35_000.0), "cop": _rounded(2.8 + 0.06 * outdoor, 2)[None],
    }  # fmt: skip


def _two_vehicles(rng: np.random.Generator) -> Vehicles:
    target = _rounded(rng.uniform(30_000, 42_000, 2), -2)
    return Vehicles(
        names=("van", "car"), site=np.array([0, 0]), arrive=np.array([0, 34]), depart=np.array([30, 70]),
        capacity_wh=np.array([50_000.0, 52_000.0]), initial_wh=np.array([15_000.0, 20_000.0]), target_wh=target,
        charge_max_w=np.array([7_400.0, 11_000.0]), charge_efficiency=np.array([0.92, 0.92]),
    )  # fmt: skip


def _three_sites(rng: np.random.Generator, slots: int) -> Sites:
    price = _tariff(slots)
    hours = _hours(slots)
    price = np.where((hours > 12) & (hours < 14), -0.03, price)
    base = np.stack([_school_w(rng, slots), np.full(slots, 8_000.0), _rounded(2_000 + 5_000 * _open(slots))])
    return Sites(
        names=("school", "pool", "town hall"), group=np.array([1, 1, 0]), base_w=base, margin_w=0.05 * base,
        import_eur_kwh=np.tile(price, (3, 1)), export_eur_kwh=np.maximum(price - 0.1, -0.05),
        import_limit_w=np.array([[40_000.0], [36_000.0], [30_000.0]]) * np.ones(slots),
        firm=np.array([False, True, False]), over_eur_kwh=np.array([[10.0], [0.0], [10.0]]) * np.ones(slots),
        export_limit_w=np.array([[12_000.0], [36_000.0], [np.inf]]) * np.ones(slots),
        peak_eur_kw=np.array([0.4, 0.0, 0.4]), peak_so_far_w=np.array([22_000.0, 0.0, 12_000.0]),
        carbon_g_kwh=np.tile(_carbon(rng, slots), (3, 1)), carbon_eur_kg=np.array(0.1),
    )  # fmt: skip


def _two_groups() -> Groups:
    return Groups(
        names=("substation", "feeder"), parent=np.array([NONE, 0]),
        import_limit_w=np.array([[90_000.0], [65_000.0]]) * np.ones(144), firm=np.array([True, False]),
        export_limit_w=np.array([[np.inf], [20_000.0]]) * np.ones(144), over_eur_kwh=np.array(5.0),
        peak_eur_kw=np.array([0.0, 0.2]), peak_so_far_w=np.array([0.0, 40_000.0]),
    )  # fmt: skip


def _two_roofs(rng: np.random.Generator, slots: int) -> Solar:
    return Solar(
        names=("school roof", "pool roof"), site=np.array([0, 1]), curtailable=np.array([True, False]),
        available_w=np.stack([_sun_w(rng, 36_000, slots), _sun_w(rng, 9_000, slots)]),
    )  # fmt: skip


def _two_batteries() -> Batteries:
    first, second = _battery(40_000, 15_000), _battery(20_000, 10_000)
    both = {name: np.concatenate([first[name], second[name]]) for name in first}
    return Batteries(
        names=("school cellar", "pool cellar"), site=np.array([0, 1]), charge_least_w=np.array([0.0, 1_000.0]),
        from_grid=np.array([True, False]), to_grid=np.array([True, False]), **both,
    )  # fmt: skip


def _three_vehicles(rng: np.random.Generator) -> Vehicles:
    target = _rounded(rng.uniform(28_000, 38_000, 3), -2)
    return Vehicles(
        names=("van", "bus", "car"), site=np.array([0, 2, 2]), arrive=np.array([0, 70, 34]),
        depart=np.array([30, 124, 70]), capacity_wh=np.array([50_000.0, 120_000.0, 52_000.0]),
        initial_wh=np.array([14_000.0, 60_000.0, 20_000.0]), target_wh=np.array([target[0], 105_000.0, target[2]]),
        charge_max_w=np.array([7_400.0, 22_000.0, 11_000.0]), charge_least_w=np.array([1_380.0, 4_140.0, 0.0]),
        charge_efficiency=np.array(0.92), discharge_max_w=np.array([0.0, 0.0, 11_000.0]),
        discharge_efficiency=np.array([1.0, 1.0, 0.92]), wear_eur_kwh=np.array([0.0, 0.0, 0.03]),
    )  # fmt: skip


def _three_rooms(rng: np.random.Generator, slots: int) -> Thermal:
    """Of the school by a heat pump that also cools, of the pool by a boiler, of the town hall by district heat."""
    outdoor, low = _outdoor_c(rng, slots), np.where(_open(slots) > 0, 19.0, 15.0)
    return Thermal(
        names=("classes", "pool hall", "offices"), site=np.array([0, 1, 2]),
        capacity_wh_k=np.array([6_000.0, 4_000.0, 3_000.0]), loss_w_k=np.array([900.0, 1_200.0, 500.0]),
        outdoor_c=np.tile(outdoor, (3, 1)), gain_w=np.outer([5_000.0, 2_000.0, 2_500.0], _open(slots)),
        mass_wh_k=np.array([40_000.0, 0.0, 20_000.0]), coupling_w_k=np.array([3_000.0, 0.0, 1_500.0]),
        initial_c=np.array([17.5, 25.0, 17.0]), mass_initial_c=np.array([17.5, 0.0, 17.0]),
        low_c=np.stack([low, np.full(slots, 25.0), low]), high_c=np.array([[24.0], [28.0], [25.0]]) * np.ones(slots),
        floor_c=np.array([7.0, 15.0, 7.0]), heat_max_w=np.array([[35_000.0], [60_000.0], [25_000.0]]) * np.ones(slots),
        heat_least_w=np.array([0.0, 8_000.0, 0.0]),
        cop=np.stack([_rounded(2.8 + 0.06 * outdoor, 2), np.full(slots, 0.9), np.ones(slots)]),
        electric=np.array([True, False, False]), fuel_g_kwh=np.array([0.0, 205.0, 60.0]),
        fuel_eur_kwh=np.array([[0.0], [0.09], [0.11]]) * np.ones(slots),
        cool_max_w=np.array([[12_000.0], [0.0], [0.0]]) * np.ones(slots), cool_cop=np.array(3.0),
    )  # fmt: skip


def _two_tanks(slots: int) -> Thermal:
    """The showers' tank is hot against legionella once a day; each stands in a cellar of 15 degrees."""
    hours = _hours(slots)
    drawn = np.outer([-9_000.0, -1_500.0], ((hours > 9) & (hours < 20)) * 0.5)
    return Thermal(
        names=("showers", "kitchen"), site=np.array([1, 0]), capacity_wh_k=np.array([2_326.0, 349.0]),
        loss_w_k=np.array([6.0, 2.0]), outdoor_c=np.array(15.0), gain_w=drawn, initial_c=np.array([52.0, 55.0]),
        low_c=np.array([[48.0], [45.0]]) * np.ones(slots), floor_c=np.array([40.0, -np.inf]), ceiling_c=np.array(75.0),
        boost_c=np.array([60.0, 0.0]), boost_slot=np.array([95, NONE]),
        heat_max_w=np.array([[12_000.0], [3_000.0]]) * np.ones(slots), cop=np.array(1.0),
    )  # fmt: skip


def _rounded(values: Floats, digits: int = 0) -> Floats:
    rounded: Floats = np.asarray(values, np.float64).round(digits)
    return rounded
