"""The full program, in which nothing ever goes both ways at once, and random problems where that could pay.

A whole column stands for every slot of every store, room and site, put there without asking where it is needed:
what `optimizers.energy.assembling.wasting` leaves out is held against it.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optimizers.arrays import Floats, Ints
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
from optimizers.energy.assembling import Assembled, Layout
from optimizers.energy.linear import Block, Linear

_NONE = -1
BOTH_KW = 1e-6
"""More of both than that is both at once."""


def pairs(layout: Layout) -> Iterator[tuple[Ints, Ints]]:
    """Columns (k, T) of which only one may be more than 0."""
    yield layout.meters.bought, layout.meters.sold
    for stores in (layout.batteries, layout.vehicles):
        yield stores.charge, stores.discharge
    for heats in (layout.rooms, layout.tanks):
        yield heats.heat, heats.cool


def both_at_once(layout: Layout, x: Floats) -> int:
    """How often a solution goes both ways at once."""
    return sum(int(np.count_nonzero(np.minimum(x[one], x[other]) > BOTH_KW)) for one, other in pairs(layout))


def parted(assembled: Assembled) -> Linear:
    """With a whole column for every pair that can be more than 0: one <= most * y, other <= most * (1 - y)."""
    linear = assembled.linear
    one, other = (
        np.concatenate([pair[k].ravel() for pair in pairs(assembled.layout)]) for k in range(2)
    )  # fmt: skip
    open_ones = (linear.upper[one] > 0) & (linear.upper[other] > 0)
    one, other = one[open_ones], other[open_ones]
    y = linear.cost.size + np.arange(one.size)
    zeros, ones = np.zeros(one.size), np.ones(one.size)
    index = np.concatenate([np.stack([one, y], axis=1), np.stack([other, y], axis=1)])
    value = np.concatenate(
        [np.stack([ones, -linear.upper[one]], axis=1), np.stack([ones, linear.upper[other]], axis=1)]
    )
    return replace(
        linear,
        cost=np.append(linear.cost, zeros), lower=np.append(linear.lower, zeros), upper=np.append(linear.upper, ones),
        whole=np.append(linear.whole, ones > 0),
        start=np.append(linear.start, linear.start[-1] + 2 * np.arange(1, 2 * one.size + 1)).astype(np.int32),
        index=np.append(linear.index, index.ravel()).astype(np.int32), value=np.append(linear.value, value.ravel()),
        row_lower=np.append(linear.row_lower, np.full(2 * one.size, -np.inf)),
        row_upper=np.append(linear.row_upper, np.concatenate([zeros, linear.upper[other]])),
        columns=(*linear.columns, Block("one way", tuple(str(k) for k in range(one.size)), 1, linear.cost.size)),
        rows=(*linear.rows, Block("one way", tuple(str(k) for k in range(2 * one.size)), 1, linear.row_lower.size)),
    )  # fmt: skip


def case(seed: int, *, positive: bool, slots: int = 12) -> EnergyProblem:
    """One to three sites with stores, roofs, a car that gives back, a room that is heated and cooled.

    `positive`: every price is, none sells dearer than it buys, nothing is worthless at the end, every roof can be told
    to give less, and batteries may feed the grid. Else all of that may be otherwise, and groups have limits of export.
    """
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    return EnergyProblem(
        horizon=Horizon(duration_s=rng.choice([900.0, 3600.0], slots)),
        sites=_sites(rng, n, slots, positive),
        groups=_groups(rng, n, positive),
        solar=Solar(
            names=("roof", "shed"), site=rng.integers(0, n, 2), available_w=rng.uniform(0, 5_000, (2, slots)),
            curtailable=np.array([True, positive or rng.random() < 0.5]),
        ),
        batteries=_batteries(rng, n, positive),
        vehicles=_vehicles(rng, n, slots),
        rooms=_rooms(rng, n, slots),
    )  # fmt: skip


def _sites(rng: np.random.Generator, n: int, slots: int, positive: bool) -> Sites:
    low, high = (0.05, 0.4) if positive else (-0.15, 0.3)
    buy = rng.uniform(low, high, (n, slots)).round(3)
    sell = buy * rng.uniform(0, 1) if positive else np.minimum(buy, rng.choice([0.02, 0.3])) - rng.choice([0, 0.05])
    if not positive and rng.random() < 0.2:
        sell = sell + 0.1
    return Sites(
        names=tuple(f"site {i}" for i in range(n)), group=rng.integers(_NONE, 2, n),
        base_w=rng.uniform(0, 3_000, (n, slots)), import_eur_kwh=buy, export_eur_kwh=sell,
        import_limit_w=np.array(9_000.0), over_eur_kwh=np.array(0.7), peak_eur_kw=rng.choice([0.0, 0.3], n),
        export_limit_w=rng.choice([np.inf, 0.0, 1_500.0], (n, 1)), carbon_g_kwh=rng.uniform(0, 90, (n, slots)),
        carbon_eur_kg=np.array(0.1),
    )  # fmt: skip


def _groups(rng: np.random.Generator, n: int, positive: bool) -> Groups:
    limit = np.array([[np.inf], [np.inf]]) if positive else rng.choice([np.inf, 1_000.0, 4_000.0], (2, 1))
    return Groups(
        names=("substation", "feeder"), parent=np.array([_NONE, 0]), import_limit_w=np.array([[8_000.0 * n]] * 2),
        export_limit_w=limit, over_eur_kwh=np.array(0.5), peak_eur_kw=np.array([0.2, 0.0]),
    )  # fmt: skip


def _batteries(rng: np.random.Generator, n: int, positive: bool) -> Batteries:
    end = rng.uniform(0, 0.2, 3)
    if not positive and rng.random() < 0.2:
        end = end - 0.15
    return Batteries(
        names=("cellar", "attic", "yard"), site=rng.integers(0, n, 3), capacity_wh=rng.uniform(2_000, 8_000, 3),
        initial_wh=rng.uniform(500, 2_000, 3), charge_max_w=rng.uniform(1_000, 4_000, 3),
        discharge_max_w=rng.uniform(1_000, 4_000, 3), charge_efficiency=rng.uniform(0.8, 1, 3),
        discharge_efficiency=rng.uniform(0.8, 1, 3), loss_h=rng.choice([0.0, 0.01], 3),
        wear_eur_kwh=rng.choice([0.0, 0.01], 3), end_eur_kwh=end, from_grid=rng.random(3) < 0.7,
        to_grid=(rng.random(3) < 0.6) | positive,
    )  # fmt: skip


def _vehicles(rng: np.random.Generator, n: int, slots: int) -> Vehicles:
    arrive = rng.integers(0, slots // 2, 2)
    return Vehicles(
        names=("van", "car"), site=rng.integers(0, n, 2), arrive=arrive, depart=arrive + slots // 2,
        capacity_wh=np.array([20_000.0, 8_000.0]), initial_wh=np.array([6_000.0, 5_000.0]),
        target_wh=np.array([7_000.0, 5_000.0]), charge_max_w=np.array([3_000.0, 7_000.0]),
        discharge_max_w=np.array([3_000.0, 0.0]), charge_efficiency=np.array([0.9, 0.9]),
        discharge_efficiency=np.array([0.92, 1.0]),
    )  # fmt: skip


def _rooms(rng: np.random.Generator, n: int, slots: int) -> Thermal:
    return Thermal(
        names=("hall",), site=rng.integers(0, n, 1), capacity_wh_k=np.array([2_000.0]), loss_w_k=np.array([100.0]),
        outdoor_c=rng.uniform(5, 35, (1, slots)), initial_c=np.array([20.0]), low_c=np.array(14.0),
        high_c=np.array(27.0), heat_max_w=np.array(3_000.0), cop=np.array(3.0), cool_max_w=np.array(3_000.0),
        cool_cop=np.array(3.0),
    )  # fmt: skip
