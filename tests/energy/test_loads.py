"""Loads that are on or off, and least part loads: against every choice that there is, on few slots."""

from collections.abc import Iterator
from itertools import groupby, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from optimizers.energy import (
    Batteries,
    EnergyProblem,
    Horizon,
    Loads,
    Sites,
    Thermal,
    Vehicles,
    check,
    solve,
)
from optimizers.result import Limits, Status

SLOTS = 8
LIMITS = Limits(gap=1e-7)


def loads(rng: np.random.Generator, count: int) -> Loads:
    first = rng.integers(0, 3, count)
    last = rng.integers(5, SLOTS + 1, count)
    slots = rng.integers(1, last - first)
    return Loads(
        names=tuple(f"load {k}" for k in range(count)), site=np.zeros(count, np.int64),
        power_w=rng.uniform(500, 3_000, count).round(), first=first, last=last, slots=slots,
        least_on=np.minimum(rng.integers(1, 4, count), slots), least_off=rng.integers(1, 4, count),
        most_starts=rng.integers(1, 4, count),
    )  # fmt: skip


def hall(rng: np.random.Generator, **more: Any) -> Sites:
    """Dear in some hours, worth being drawn for in others; each kWh beyond 4 kW costs."""
    return Sites(
        names=("hall",), base_w=rng.uniform(0, 2_000, (1, SLOTS)), import_eur_kwh=rng.uniform(-0.1, 0.4, (1, SLOTS)),
        import_limit_w=np.array(4_000.0), over_eur_kwh=np.array(0.3), **more,
    )  # fmt: skip


def allowed(part: Loads, k: int, pattern: tuple[int, ...]) -> bool:
    """As the words of `Loads` say, run by run."""
    if any(pattern[: part.first[k]]) or any(pattern[part.last[k] :]):
        return False
    runs = [(on, len(list(of))) for on, of in groupby(pattern)]
    on_runs = [length for on, length in runs if on]
    between = [length for i, (on, length) in enumerate(runs) if not on and 0 < i < len(runs) - 1]
    enough = all(length >= part.least_on[k] for length in on_runs) and all(
        length >= part.least_off[k] for length in between
    )
    return enough and len(on_runs) <= part.most_starts[k] and sum(on_runs) <= part.slots[k]


def choices(part: Loads, k: int) -> list[np.ndarray]:
    return [np.array(one) for one in product((0, 1), repeat=SLOTS) if allowed(part, k, one)]


def every(part: Loads) -> Iterator[tuple[np.ndarray, ...]]:
    yield from product(*(choices(part, k) for k in range(len(part.names))))


def reckoned(problem: EnergyProblem, firm: bool, on: tuple[np.ndarray, ...]) -> tuple[float, float, float]:
    """kWh beyond a limit that is firm, kWh not run, EUR."""
    part, sites, hours = problem.loads, problem.sites, problem.horizon.hours
    assert part is not None
    drawn = sites.base_w[0] + sum(part.power_w[k] * of for k, of in enumerate(on))
    beyond = np.maximum(drawn - sites.import_limit_w[0], 0) * hours / 1e3
    lacking = sum(
        (part.slots[k] - of.sum()) * part.power_w[k] / 1e3 * hours[part.first[k] : part.last[k]].mean()
        for k, of in enumerate(on)
    )
    paid = float((sites.import_eur_kwh[0] * drawn * hours).sum()) / 1e3
    over = 0.0 if firm else float((beyond * sites.over_eur_kwh[0]).sum())
    return (float(beyond.sum()) if firm else 0.0), float(lacking), paid + over


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=25)
def test_loads_run_as_the_best_of_all_choices(seed: int, firm: bool) -> None:
    rng = np.random.default_rng(seed)
    problem = EnergyProblem(
        horizon=Horizon(duration_s=rng.choice([900.0, 1_800.0], SLOTS)),
        sites=hall(rng, firm=np.array([firm])),
        loads=loads(rng, 2),
    )
    assert problem.loads is not None
    best = min(
        (reckoned(problem, firm, on) for on in every(problem.loads)),
        key=lambda each: (round(each[0], 5), round(each[1], 5), each[2]),
    )
    plan = solve(problem, LIMITS)
    found = reckoned(problem, firm, tuple(plan.on.astype(int)))
    assert found == pytest.approx(best, abs=2e-3)
    assert not check(problem, plan)
    assert (plan.status == Status.BEST_EFFORT) == (best[0] > 1e-3 or best[1] > 1e-3)


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_a_vehicle_charges_at_least_so_much_or_not_at_all(seed: int) -> None:
    """Each choice of slots is a linear program of its own, written here anew."""
    rng = np.random.default_rng(seed)
    price, base = rng.uniform(-0.1, 0.4, SLOTS), rng.uniform(0, 1_000, SLOTS)
    arrive, depart, most, least = 1, 6, 4_000.0, 2_500.0
    wanted = float(rng.uniform(500, 7_500))
    problem = EnergyProblem(
        horizon=Horizon(duration_s=np.full(SLOTS, 1_800.0)),
        sites=Sites(names=("hall",), base_w=base[None], import_eur_kwh=price[None]),
        vehicles=Vehicles(
            names=("van",), site=np.array([0]), arrive=np.array([arrive]), depart=np.array([depart]),
            capacity_wh=np.array([20_000.0]), initial_wh=np.array([5_000.0]), target_wh=np.array([5_000.0 + wanted]),
            charge_max_w=np.array([most]), charge_least_w=np.array([least]), charge_efficiency=np.array([0.9]),
        ),
    )  # fmt: skip
    costs = []
    for on in product((0, 1), repeat=depart - arrive):
        of = np.array(on)
        found = linprog(
            price[arrive:depart] * 0.5e-3, A_ub=-0.45 * np.ones((1, of.size)), b_ub=[-wanted],
            bounds=list(zip(least * of, most * of, strict=True)),
        )  # fmt: skip
        costs.append(found.fun if found.success else np.inf)
    plan = solve(problem, LIMITS)
    if np.isfinite(min(costs)):
        assert plan.objective == pytest.approx(min(costs) + float(price @ base) * 0.5e-3, abs=1e-5)
    charged = plan.vehicle_charge_w[0]
    assert ((charged < 1e-3) | (charged > least - 1e-3)).all()
    assert not check(problem, plan)


def test_a_battery_charges_at_least_so_much_or_not_at_all() -> None:
    """2 kWh are wanted in the last slot, at 0.5. At any power: 1.5 of them at 0.1, the rest at 0.2. At 2 kW or more a
    slot takes 1 kWh at least: so one of each, 0.1 + 0.2 and wear 0.02.
    """
    problem = EnergyProblem(
        horizon=Horizon(duration_s=np.full(3, 1_800.0)),
        sites=Sites(
            names=("hall",), base_w=np.array([[0.0, 0.0, 4_000.0]]), import_eur_kwh=np.array([[0.1, 0.2, 0.5]])
        ),
        batteries=Batteries(
            names=("cellar",), site=np.array([0]), capacity_wh=np.array([9_000.0]), initial_wh=np.array([0.0]),
            charge_max_w=np.array([3_000.0]), charge_least_w=np.array([2_000.0]), discharge_max_w=np.array([5_000.0]),
            charge_efficiency=np.array([1.0]), discharge_efficiency=np.array([1.0]), wear_eur_kwh=np.array([0.01]),
        ),
    )  # fmt: skip
    plan = solve(problem, LIMITS)
    assert plan.objective == pytest.approx(0.32)
    assert plan.charge_w[0] == pytest.approx([2_000, 2_000, 0])


def test_a_heat_pump_runs_at_its_least_or_not_at_all() -> None:
    """A loss of 2 kW at 20 °C, and a least of 6: it pauses, within its band, where a linear program would idle."""
    problem = EnergyProblem(
        horizon=Horizon(duration_s=np.full(SLOTS, 3_600.0)),
        sites=Sites(names=("hall",), base_w=np.zeros((1, SLOTS)), import_eur_kwh=np.full((1, SLOTS), 0.2)),
        rooms=Thermal(
            names=("office",), site=np.array([0]), capacity_wh_k=np.array([5_000.0]), loss_w_k=np.array([100.0]),
            outdoor_c=np.array(0.0), initial_c=np.array([20.0]), low_c=np.array(19.0), high_c=np.array(22.0),
            heat_max_w=np.array(9_000.0), heat_least_w=np.array([6_000.0]), cop=np.array(3.0),
        ),
    )  # fmt: skip
    plan = solve(problem, LIMITS)
    heat = plan.room_heat_w[0]
    assert ((heat < 1e-3) | (heat > 6_000 - 1e-3)).all()
    assert heat.any()
    assert not check(problem, plan)
    assert plan.room_c.min() > 19 - 1e-3


def test_where_it_can_never_reach_its_least_a_heat_pump_is_off() -> None:
    problem = EnergyProblem(
        horizon=Horizon(duration_s=np.full(2, 3_600.0)),
        sites=Sites(names=("hall",), base_w=np.zeros((1, 2)), import_eur_kwh=np.full((1, 2), 0.2)),
        rooms=Thermal(
            names=("office",), site=np.array([0]), capacity_wh_k=np.array([5_000.0]), loss_w_k=np.array([100.0]),
            outdoor_c=np.array(0.0), initial_c=np.array([19.0]), low_c=np.array(19.0),
            heat_max_w=np.array([[3_000.0, 9_000.0]]), heat_least_w=np.array([6_000.0]), cop=np.array(3.0),
        ),
    )  # fmt: skip
    plan = solve(problem, LIMITS)
    assert plan.room_heat_w[0, 0] == pytest.approx(0, abs=1e-3)
    assert plan.status == Status.BEST_EFFORT
