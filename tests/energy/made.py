"""Energy problems for tests: small ones by hand, and any number of random ones of everything that can be asked."""

from typing import Any

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy import (
    Batteries,
    EnergyProblem,
    Groups,
    Horizon,
    Orders,
    Sheddable,
    Sites,
    Solar,
    Thermal,
    Vehicles,
)

QUARTER_S = 900.0
_NONE = -1


def hours(count: int) -> Horizon:
    return Horizon(duration_s=np.full(count, 3600.0))


def site(base_w: Any, price: Any, **more: Any) -> Sites:
    """One site; what is not an array of slots stands for all of them."""
    return Sites(names=("hall",), base_w=np.asarray(base_w, float), import_eur_kwh=np.asarray(price, float), **more)


def battery(**more: Any) -> Batteries:
    """10 kWh, empty, 5 kW each way, without loss, unless said."""
    fields: dict[str, Any] = {
        "site": 0, "capacity_wh": 10_000.0, "initial_wh": 0.0, "charge_max_w": 5_000.0, "discharge_max_w": 5_000.0,
        "charge_efficiency": 1.0, "discharge_efficiency": 1.0,
    }  # fmt: skip
    return Batteries(names=("cellar",), **{name: np.asarray(of) for name, of in (fields | more).items()})


def vehicle(**more: Any) -> Vehicles:
    fields: dict[str, Any] = {
        "site": 0, "arrive": 0, "depart": 4, "capacity_wh": 50_000.0, "initial_wh": 10_000.0, "target_wh": 20_000.0,
        "charge_max_w": 7_000.0, "charge_efficiency": 1.0,
    }  # fmt: skip
    return Vehicles(names=("van",), **{name: np.asarray(of) for name, of in (fields | more).items()})


def room(**more: Any) -> Thermal:
    """5 kWh/K, 200 W/K to 0 °C outside, 20 °C now, 10 kW of a heat pump of 3."""
    fields: dict[str, Any] = {
        "site": 0, "capacity_wh_k": 5_000.0, "loss_w_k": 200.0, "outdoor_c": 0.0, "initial_c": 20.0,
        "heat_max_w": 10_000.0, "cop": 3.0,
    }  # fmt: skip
    return Thermal(names=("office",), **{name: np.asarray(of) for name, of in (fields | more).items()})


def random_problem(seed: int, *, slots: int = 12, positive: bool = True, firm: bool = False) -> EnergyProblem:
    """Up to three sites with some of everything; `positive`: every price is, and none sells dearer than it buys. Of
    every other seed all that is wanted can be reached, as a rule.
    """
    rng = np.random.default_rng(seed)
    easy = seed % 2 == 1
    n = int(rng.integers(1, 4))
    groups = Groups(
        names=("substation", "feeder"), parent=np.array([_NONE, 0]), firm=np.array([False, firm]),
        import_limit_w=np.array([[9_000.0 * n], [8_000.0 * n]]), over_eur_kwh=np.array(0.5),
        peak_eur_kw=np.array([0.2, 0.0]), peak_so_far_w=np.array(2_000.0 * n),
    )  # fmt: skip
    return EnergyProblem(
        horizon=Horizon(duration_s=rng.choice([QUARTER_S, 3600.0], slots)),
        sites=_sites(rng, n, slots, positive=positive, firm=firm),
        groups=groups,
        orders=_orders(rng, slots, n),
        solar=_solar(rng, n, slots),
        batteries=_batteries(rng, n),
        vehicles=_vehicles(rng, n, slots, easy=easy),
        rooms=_rooms(rng, n, slots, easy=easy),
        tanks=_tanks(rng, n, slots),
        sheddable=Sheddable(
            names=("fans",), site=np.array([0]), wanted_w=rng.uniform(0, 3_000, (1, slots)),
            shed_eur_kwh=rng.uniform(0.05, 0.6, 1), most_wh=np.array([2_000.0]),
        ),
    )  # fmt: skip


def _sites(rng: np.random.Generator, n: int, slots: int, *, positive: bool, firm: bool) -> Sites:
    price = rng.uniform(0.08, 0.4, (n, slots)) if positive else rng.uniform(-0.2, 0.3, (n, slots))
    return Sites(
        names=tuple(f"site {i}" for i in range(n)), group=rng.integers(_NONE, 2, n),
        base_w=rng.uniform(200, 4_000, (n, slots)), margin_w=np.array(100.0), import_eur_kwh=price,
        export_eur_kwh=price * 0.5 if positive else np.minimum(price, 0.05),
        import_limit_w=np.array(9_000.0), firm=np.full(n, firm), over_eur_kwh=np.array(0.7),
        export_limit_w=np.array(20_000.0), peak_eur_kw=rng.uniform(0, 0.5, n), peak_so_far_w=np.array(3_000.0),
        carbon_g_kwh=rng.uniform(20, 90, (n, slots)), carbon_eur_kg=np.array(0.1),
    )  # fmt: skip


def _orders(rng: np.random.Generator, slots: int, n: int) -> Orders:
    first = int(rng.integers(0, slots - 2))
    return Orders(
        names=("evening",), group=np.array([0]), first=np.array([first]), last=np.array([first + 2]),
        baseline_w=rng.uniform(1_000, 6_000 * n, (1, slots)), ordered_w=np.array([2_000.0]),
        paid_eur_kwh=np.array([0.3]), short_eur_kwh=np.array([0.1]),
    )  # fmt: skip


def _solar(rng: np.random.Generator, n: int, slots: int) -> Solar:
    return Solar(
        names=("roof", "shed"), site=rng.integers(0, n, 2), available_w=rng.uniform(0, 6_000, (2, slots)),
        curtailable=np.array([True, False]),
    )  # fmt: skip


def _batteries(rng: np.random.Generator, n: int) -> Batteries:
    return Batteries(
        names=("cellar", "attic"), site=rng.integers(0, n, 2), capacity_wh=rng.uniform(4_000, 12_000, 2),
        floor_wh=np.array([500.0, 0.0]), initial_wh=rng.uniform(1_000, 4_000, 2),
        charge_max_w=rng.uniform(2_000, 5_000, 2), discharge_max_w=rng.uniform(2_000, 5_000, 2),
        charge_efficiency=rng.uniform(0.85, 1, 2), discharge_efficiency=rng.uniform(0.85, 1, 2),
        loss_h=np.array([0.001, 0.0]), wear_eur_kwh=rng.uniform(0, 0.05, 2), end_eur_kwh=rng.uniform(0, 0.3, 2),
        from_grid=rng.random(2) < 0.7, to_grid=rng.random(2) < 0.7,
    )  # fmt: skip


def _vehicles(rng: np.random.Generator, n: int, slots: int, *, easy: bool) -> Vehicles:
    arrive = rng.integers(0, slots // 2, 2)
    return Vehicles(
        names=("van", "car"), site=rng.integers(0, n, 2), arrive=arrive,
        depart=arrive + rng.integers(1, slots // 2, 2), capacity_wh=np.array(40_000.0),
        initial_wh=rng.uniform(5_000, 20_000, 2), target_wh=rng.uniform(15_000, 30_000, 2) * (0.2 if easy else 1.0),
        charge_max_w=np.array([7_000.0, 3_700.0]), charge_efficiency=np.array(0.92),
        discharge_max_w=np.array([5_000.0, 0.0]), discharge_efficiency=np.array(0.93), wear_eur_kwh=np.array(0.03),
    )  # fmt: skip


def _rooms(rng: np.random.Generator, n: int, slots: int, *, easy: bool) -> Thermal:
    outdoor = rng.uniform(-5, 12, (1, slots))
    return Thermal(
        names=("office", "gym"), site=rng.integers(0, n, 2), capacity_wh_k=np.array([3_000.0, 5_000.0]),
        loss_w_k=rng.uniform(80, 250, 2), outdoor_c=outdoor, gain_w=rng.uniform(0, 800, (2, slots)),
        mass_wh_k=np.array([20_000.0, 0.0]), coupling_w_k=np.array([600.0, 0.0]), mass_initial_c=np.array(18.0),
        initial_c=np.array(18.5), low_c=rng.choice([16.0, 17.0] if easy else [16.0, 19.0, 20.0], (2, slots)),
        high_c=np.array(24.0),
        floor_c=np.array(8.0), ceiling_c=np.array(30.0), heat_max_w=rng.uniform(4_000, 9_000, (2, slots)),
        cop=np.array([[3.2], [0.92]]), electric=np.array([True, False]), fuel_eur_kwh=np.array(0.09),
        fuel_g_kwh=np.array(227.0), cool_max_w=np.array([[2_000.0], [0.0]]), cool_cop=np.array(3.0),
    )  # fmt: skip


def _tanks(rng: np.random.Generator, n: int, slots: int) -> Thermal:
    return Thermal(
        names=("bath",), site=rng.integers(0, n, 1), capacity_wh_k=np.array([350.0]), loss_w_k=np.array([3.0]),
        outdoor_c=np.array(18.0), initial_c=np.array(50.0), gain_w=-rng.uniform(0, 600, (1, slots)),
        low_c=np.array(45.0), floor_c=np.array(30.0), ceiling_c=np.array(75.0), boost_c=np.array(62.0),
        boost_slot=rng.choice([_NONE, slots - 1], 1), heat_max_w=np.array(6_000.0), cop=np.array(2.5),
    )  # fmt: skip


def net_w(plan: Any) -> Floats:
    """(n, T) at the meters."""
    net: Floats = plan.import_w - plan.export_w
    return net
