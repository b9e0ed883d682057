"""Small nights solved by trying everything: each number of cycles, each of them timed by constraint programming."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from ortools.sat.python import cp_model
from scipy.optimize import linprog

from optimizers.irrigation import IrrigationProblem, Networks, Windows, check, generated, solve
from optimizers.result import Limits, Status

HOUR_S = 3600


def small(seed: int, zones: int = 3) -> IrrigationProblem:
    """One network whose pipe feeds about half of its valves, for two hours tonight with a pause, two nights, two ways
    the weather may go; every root zone lacks water.
    """
    plain = generated(zones, 1, 2, 2, seed)
    random = np.random.default_rng(seed)
    beds = plain.hydrozones
    flow = random.integers(2, 7, zones).astype(float)
    hours = np.array([20, 21, 21.5, 22.5, 44, 46]) * HOUR_S
    return replace(
        plain,
        networks=Networks(names=("N",), capacity_m3_h=np.array([max(7.0, flow.max())]), price_eur_m3=np.array([3.0])),
        hydrozones=replace(
            beds,
            flow_m3_h=flow,
            cycle_s=random.choice([900.0, 1500.0, 2100.0], zones),
            soak_s=random.choice([0.0, 600.0, 1200.0], zones),
            cycle_mm=random.uniform(3, 6, zones),
            depletion_mm=np.minimum(beds.taw_mm, beds.raw_mm * random.uniform(0.9, 1.4, zones)),
        ),
        windows=Windows(
            night=np.array([0, 0, 1]),
            start_s=hours[::2],
            end_s=hours[1::2],
            allowed=np.array([[True, bool(random.integers(2)), True] for _ in range(zones)]),
        ),
    )


def fits(problem: IrrigationProblem, cycles: tuple[int, ...]) -> bool:
    """Whether these cycles of the first night have a time, to the second."""
    zones, windows, model = problem.hydrozones, problem.windows, cp_model.CpModel()
    intervals, flows = [], []
    for z, count in enumerate(cycles):
        length, before = int(zones.cycle_s[z]), None
        for j in range(count):
            spans = [
                [int(windows.start_s[k]), int(windows.end_s[k]) - length]
                for k in range(2)
                if windows.allowed[z, k] and windows.end_s[k] - windows.start_s[k] >= length
            ]
            if not spans:
                return False
            start = model.new_int_var_from_domain(cp_model.Domain.from_intervals(spans), f"{z}.{j}")
            intervals.append(model.new_fixed_size_interval_var(start, length, f"i{z}.{j}"))
            flows.append(int(zones.flow_m3_h[z]))
            if before is not None:
                model.add(start >= before + length + int(zones.soak_s[z]))
            before = start
    model.add_cumulative(intervals, flows, int(problem.networks.capacity_m3_h[0]))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    return solver.solve(model) == cp_model.OPTIMAL


def cost(problem: IrrigationProblem, cycles: tuple[int, ...]) -> float:
    """Expected EUR with these cycles tonight and the best that can follow on the other night, by a linear program of
    its own: hours of every set of valves, also of those that are part of another.
    """
    zones, weather = problem.hydrozones, problem.scenarios
    total = float(problem.networks.price_eur_m3[0] * (zones.cycle_m3 @ np.array(cycles)))
    for s, probability in enumerate(weather.probability):
        need = (weather.etc_mm - weather.rain_mm)[s]
        first = np.maximum(zones.depletion_mm + need[0] - zones.cycle_mm * np.array(cycles), 0.0)
        total += probability * (dear(problem, first).sum() + night(problem, first + need[1]))
    return total


def dear(problem: IrrigationProblem, depletion: np.ndarray) -> np.ndarray:
    zones = problem.hydrozones
    middle = (zones.raw_mm + zones.taw_mm) / 2
    stress = zones.stress_eur_mm * np.maximum(depletion - zones.raw_mm, 0)
    return np.asarray(stress + zones.wilting_eur_mm * np.maximum(depletion - middle, 0))


def night(problem: IrrigationProblem, before: np.ndarray) -> float:
    """Columns: cycles, depletion, stress, wilting of each; seconds of each set."""
    zones, n = problem.hydrozones, len(before)
    flows, capacity = zones.flow_m3_h, problem.networks.capacity_m3_h[0]
    sets = [np.array(one, bool) for one in product([0, 1], repeat=n) if flows @ np.array(one) <= capacity]
    eye, zero, none = np.eye(n), np.zeros((n, n)), np.zeros((n, len(sets)))
    rows = [
        np.hstack([-np.diag(zones.cycle_mm), -eye, zero, zero, none]),
        np.hstack([zero, eye, -eye, zero, none]),
        np.hstack([zero, eye, zero, -eye, none]),
        np.hstack([np.diag(zones.cycle_s), zero, zero, zero, -np.array(sets, float).T]),
        np.hstack([np.zeros((1, 4 * n)), np.ones((1, len(sets)))]),
    ]
    length = float(problem.windows.end_s[2] - problem.windows.start_s[2])
    middle = (zones.raw_mm + zones.taw_mm) / 2
    wants = np.concatenate([-before, zones.raw_mm, middle, np.zeros(n), [length]])
    water = problem.networks.price_eur_m3[0] * zones.cycle_m3
    prices = np.concatenate(
        [water, zones.terminal_eur_mm, zones.stress_eur_mm, zones.wilting_eur_mm, np.zeros(len(sets))]
    )
    most = np.floor((length + zones.soak_s) / (zones.cycle_s + zones.soak_s))
    bounds = [(0, m) for m in most] + [(0, None)] * (3 * n + len(sets))
    found = linprog(prices, np.vstack(rows), wants, bounds=bounds)
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize("seed", range(12))
def test_no_night_is_better_than_the_bound_and_ours_is_the_best_or_near_it(seed: int) -> None:
    problem = small(seed)
    plan = solve(problem, Limits())
    best = min(cost(problem, cycles) for cycles in product(range(5), repeat=3) if fits(problem, cycles))
    assert not check(problem, plan)
    assert plan.bound <= best * (1 + 1e-6)
    assert best <= plan.objective * (1 + 1e-6)
    assert plan.objective == pytest.approx(cost(problem, tuple(plan.cycles.tolist())), rel=1e-6)
    assert plan.objective <= best * 1.02
    if plan.status == Status.OPTIMAL:
        assert plan.objective == pytest.approx(best, rel=1e-6)


def test_a_soak_that_leaves_no_room_for_a_second_cycle_is_known_to_the_bound() -> None:
    problem = small(1, 1)
    zones = replace(problem.hydrozones, cycle_s=np.array([1800.0]), soak_s=np.array([7000.0]))
    tight = replace(problem, hydrozones=zones, windows=replace(problem.windows, allowed=np.ones((1, 3), bool)))
    plan = solve(tight, Limits())
    assert plan.status == Status.OPTIMAL
    assert plan.cycles.tolist() == [1]
