"""The least point: feasible, cheapest, least, and equal to what a linear program finds."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import lil_array

from optimizers.lighting import LightingPlan, LightingProblem, PowerCurve, check, energy_wh, example, explain, solve
from optimizers.result import InvalidProblem, Limits, Status

CONVEX = PowerCurve("convex", (0.0, 0.3, 0.7, 1.0), (0.02, 0.25, 0.62, 1.0))
SODIUM = PowerCurve("sodium", (0.0, 1.0), (0.0, 1.0))
GRID = st.integers(0, 20).map(lambda k: k / 20)


@st.composite
def problems(draw: st.DrawFn, *, dimmable: bool = True) -> LightingProblem:
    """Small problems of every shape: any graph, gaps in the night, zero and endless steps."""
    n, slots = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    burning = np.array(draw(st.lists(st.booleans(), min_size=slots, max_size=slots)))
    floor = np.array([draw(st.lists(GRID, min_size=slots, max_size=slots)) for _ in range(n)]) * burning
    steps = st.one_of(st.integers(0, 12).map(lambda k: k / 20), st.just(np.inf))
    pairs = [(a, b) for a, b in product(range(n), repeat=2) if a != b]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=8)) if pairs else []
    flags = [True] * n if dimmable else draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return LightingProblem(
        lamps=tuple(f"L-{i}" for i in range(n)),
        floor=floor,
        burning=burning,
        power_full_w=np.array(draw(st.lists(st.sampled_from([20.0, 54.0, 250.0]), min_size=n, max_size=n))),
        ramp_per_slot=np.array(draw(st.lists(steps, min_size=n, max_size=n))),
        neighbours=np.array(chosen, np.int64).reshape(-1, 2),
        neighbour_step=np.array(draw(st.lists(steps, min_size=len(chosen), max_size=len(chosen)))),
        dimmable=np.array(flags),
        curves=(CONVEX, SODIUM),
        curve=np.where(flags, 0, 1),
    )


def linear_program(problem: LightingProblem) -> float:
    """Least energy in Wh by HiGHS: convex curves as the upper envelope of their segments."""
    n, slots = problem.shape
    size = n * slots
    cell = np.arange(size).reshape(n, slots)
    rows: list[tuple[int, int, float]] = []  # x[a] - x[b] <= limit
    for t in range(slots):
        for (a, b), step in zip(problem.neighbours, problem.neighbour_step, strict=True):
            rows += [(cell[a, t], cell[b, t], step), (cell[b, t], cell[a, t], step)]
        for i in range(n):
            if t and problem.burning[t] and problem.burning[t - 1]:
                ramp = problem.ramp_per_slot[i]
                rows += [(cell[i, t], cell[i, t - 1], ramp), (cell[i, t - 1], cell[i, t], ramp)]
    rows = [row for row in rows if np.isfinite(row[2])]
    segments = [(i, k) for i in range(n) for k in range(len(problem.curves[problem.curve[i]].flux) - 1)]
    matrix = lil_array((len(rows) + len(segments) * slots, 2 * size))
    limit = [row[2] for row in rows]
    for r, (a, b, _) in enumerate(rows):
        matrix[r, a], matrix[r, b] = 1.0, -1.0
    for r, ((i, k), t) in enumerate(product(segments, range(slots)), start=len(rows)):
        curve = problem.curves[problem.curve[i]]
        slope = (curve.power[k + 1] - curve.power[k]) / (curve.flux[k + 1] - curve.flux[k])
        matrix[r, cell[i, t]], matrix[r, size + cell[i, t]] = slope, -1.0
        limit.append(slope * curve.flux[k] - curve.power[k])
    upper = np.where(problem.burning, problem.ceiling, 0.0)
    bounds = [*zip(problem.floor.ravel(), upper.ravel(), strict=True), *[(0, None)] * size]
    cost = np.r_[np.zeros(size), np.repeat(problem.power_full_w, slots) * problem.slot_s / 3600]
    found = linprog(cost, matrix.tocsr(), limit, bounds=bounds, method="highs")
    assert found.status == 0, found.message
    return float(found.fun)


@given(problems())
@settings(max_examples=80)
def test_the_energy_is_that_of_the_linear_program(problem: LightingProblem) -> None:
    plan = solve(problem)
    assert plan.status is Status.OPTIMAL
    assert plan.objective == pytest.approx(linear_program(problem), rel=1e-7, abs=1e-7)
    assert plan.objective == plan.bound
    assert plan.gap == 0


@given(problems(dimmable=False))
@settings(max_examples=100)
def test_the_plan_keeps_every_constraint(problem: LightingProblem) -> None:
    plan = solve(problem)
    assert plan.violations == ()
    assert check(problem, plan) == []


@given(problems(dimmable=False), st.integers(0, 2**32))
@settings(max_examples=60)
def test_every_feasible_point_is_above_the_least_point(problem: LightingProblem, seed: int) -> None:
    """Raise some floors: the least point of that problem is a feasible point of this one, or any of them."""
    rng = np.random.default_rng(seed)
    raised = np.where(
        rng.random(problem.shape) < 0.3, np.maximum(problem.floor, rng.random(problem.shape)), problem.floor
    )
    harder = LightingProblem(**{**vars(problem), "floor": raised * problem.burning})
    feasible = solve(harder)
    here = solve(problem)
    assert check(problem, as_plan_of(problem, feasible)) == []
    assert (feasible.flux >= here.flux - 1e-12).all()
    assert feasible.objective >= here.objective - 1e-9


@given(problems(dimmable=False))
@settings(max_examples=60)
def test_no_level_can_be_lowered_alone(problem: LightingProblem) -> None:
    """Every lit lamp can say why: a chain of tight constraints ends on a floor."""
    plan = solve(problem)
    for i, t in zip(*np.nonzero(plan.flux > 1e-9), strict=True):
        links = explain(problem, plan.flux, int(i), int(t))
        assert links[-1].by == "floor"


@given(problems(dimmable=False), st.permutations(range(6)))
@settings(max_examples=60)
def test_the_order_of_lamps_does_not_matter(problem: LightingProblem, order: list[int]) -> None:
    order = [i for i in order if i < len(problem.lamps)]
    place = np.argsort(order)
    shuffled = LightingProblem(
        lamps=tuple(problem.lamps[i] for i in order),
        floor=problem.floor[order],
        burning=problem.burning,
        power_full_w=problem.power_full_w[order],
        ramp_per_slot=problem.ramp_per_slot[order],
        neighbours=place[problem.neighbours][:, ::-1],
        neighbour_step=problem.neighbour_step,
        dimmable=problem.dimmable[order],
        curves=problem.curves,
        curve=problem.curve[order],
    )
    np.testing.assert_allclose(solve(shuffled).flux, solve(problem).flux[order], atol=1e-12)


def as_plan_of(problem: LightingProblem, other: LightingPlan) -> LightingPlan:
    """The flux of another problem's plan, as a plan of this one that claims nothing about its bound."""
    return replace(other, status=Status.FEASIBLE, bound=0.0, objective=energy_wh(problem, other.flux))


def row(*floor: float, **changes: object) -> LightingProblem:
    """One lamp."""
    values = {
        "lamps": ("A",),
        "floor": np.array([floor]),
        "burning": np.ones(len(floor), bool),
        "power_full_w": [100.0],
    }
    return LightingProblem(**(values | changes))


def street(*floor: float, step: float = 0.2, **changes: object) -> LightingProblem:
    """Lamps A, B, C, … in a row, one slot."""
    n = len(floor)
    values = {
        "lamps": tuple("ABCDEFGHIJ"[:n]),
        "floor": np.array(floor)[:, None],
        "burning": np.ones(1, bool),
        "power_full_w": np.full(n, 100.0),
        "neighbours": np.array([(i, i + 1) for i in range(n - 1)]),
        "neighbour_step": np.full(n - 1, step),
    }
    return LightingProblem(**(values | changes))


def test_a_ramp_is_climbed_before_and_after() -> None:
    flux = solve(row(0.1, 0.1, 1.0, 0.1, 0.1, ramp_per_slot=[0.4])).flux
    np.testing.assert_allclose(flux, [[0.2, 0.6, 1.0, 0.6, 0.2]])


def test_switching_on_at_dusk_and_off_at_dawn_is_no_ramp() -> None:
    problem = row(0, 1, 1, 0, burning=np.array([False, True, True, False]), ramp_per_slot=[0.1])
    plan = solve(problem)
    np.testing.assert_array_equal(plan.flux, [[0, 1, 1, 0]])
    assert check(problem, plan) == []


def test_two_parts_of_a_night_do_not_see_each_other() -> None:
    problem = row(1, 0, 0.2, burning=np.array([True, False, True]), ramp_per_slot=[0.1])
    np.testing.assert_array_equal(solve(problem).flux, [[1, 0, 0.2]])


def test_neighbours_follow_a_bright_lamp() -> None:
    np.testing.assert_allclose(solve(street(0.1, 0.1, 1.0, 0.5)).flux[:, 0], [0.6, 0.8, 1.0, 0.8])


def test_a_step_of_zero_makes_a_street_uniform() -> None:
    np.testing.assert_array_equal(solve(street(0.1, 0.7, 0.3, step=0.0)).flux[:, 0], [0.7, 0.7, 0.7])


def test_a_lamp_that_cannot_dim_gives_all_or_nothing() -> None:
    problem = street(0.3, 0.0, 0.0, 0.0, dimmable=[False, True, True, True])
    np.testing.assert_allclose(solve(problem).flux[:, 0], [1.0, 0.8, 0.6, 0.4])


def test_a_lamp_that_cannot_dim_is_switched_on_rather_than_left_too_dark() -> None:
    np.testing.assert_allclose(solve(street(0.5, 0.0, 0.0, dimmable=[True, False, True])).flux[:, 0], [0.8, 1, 0.8])
    np.testing.assert_allclose(solve(street(0.2, 0.0, 0.0, dimmable=[True, False, True])).flux[:, 0], [0.2, 0, 0])


def test_ramps_do_not_bind_a_lamp_that_cannot_dim() -> None:
    np.testing.assert_array_equal(solve(row(0, 0.4, 0, ramp_per_slot=[0.1], dimmable=[False])).flux, [[0, 1, 0]])


def test_a_ceiling_that_cannot_be_kept_is_named_with_its_chain() -> None:
    problem = street(0.0, 0.0, 1.0, ceiling=np.array([[0.0], [1.0], [1.0]]))
    plan = solve(problem)
    assert plan.status is Status.BEST_EFFORT
    np.testing.assert_allclose(plan.flux[:, 0], [0.6, 0.8, 1.0])
    (violation,) = plan.violations
    assert (violation.constraint, violation.object, violation.unit) == ("ceiling", "A", "1")
    assert violation.amount == pytest.approx(0.6)
    assert violation.detail.endswith("neighbour B slot 0 at 0.8 ← neighbour C slot 0 at 1 ← floor C slot 0 at 1")
    assert [(v.constraint, v.object) for v in check(problem, plan)] == [("ceiling", "A")]


def test_a_floor_above_its_own_ceiling_keeps_the_light_on() -> None:
    plan = solve(row(0.5, 0.8, ceiling=0.6))
    assert plan.status is Status.BEST_EFFORT
    np.testing.assert_array_equal(plan.flux, [[0.5, 0.8]])
    assert "floor A slot 1" in plan.violations[0].detail


def test_a_lawful_dark_is_no_ramp() -> None:
    problem = row(1, 1, 0, 0, 1, ceiling=np.array([[1, 1, 0, 0, 1]]), ramp_per_slot=[0.1])
    plan = solve(problem)
    np.testing.assert_array_equal(plan.flux, [[1, 1, 0, 0, 1]])
    assert plan.status is Status.OPTIMAL
    assert check(problem, plan) == []


def test_a_crossing_lit_inside_a_switch_off_keeps_its_neighbours_within_their_step() -> None:
    """A B C D in a row, dark by law in slot 1; C is a crossing."""
    floor = np.array([[0.5, 0, 0.5], [0.5, 0, 0.5], [1, 1, 1], [0.5, 0, 0.5]])
    pairs = np.array([(0, 1), (1, 2), (2, 3)])
    problem = LightingProblem(
        lamps=("A", "B", "C", "D"),
        floor=floor,
        ceiling=np.array([1.0, 0.0, 1.0]),
        burning=np.ones(3, bool),
        power_full_w=np.ones(4),
        ramp_per_slot=np.array(0.05),
        neighbours=pairs,
        neighbour_step=np.array([0.3, 0.5, 1.0]),
    )
    plan = solve(problem)
    assert plan.status is Status.BEST_EFFORT
    np.testing.assert_allclose(plan.flux[:, 1], [0.2, 0.5, 1, 0])
    assert [violation.object for violation in plan.violations] == ["C", "B", "A"]
    assert plan.violations[2].detail.endswith(
        "neighbour B slot 1 at 0.5 ← neighbour C slot 1 at 1 ← floor C slot 1 at 1"
    )
    assert {v.constraint for v in check(problem, plan)} == {"ceiling"}


def test_no_chain_runs_through_a_lawful_dark() -> None:
    """What is lit in slot 1 against the law is lit by its own floor, and lifts nothing beside it in time."""
    problem = row(0.2, 0.5, 0.2, ceiling=np.array([[1, 0, 1]]), ramp_per_slot=[0.1])
    plan = solve(problem)
    np.testing.assert_array_equal(plan.flux, [[0.2, 0.5, 0.2]])
    assert [str(link) for link in explain(problem, plan.flux, 0, 1)] == ["floor A slot 1 at 0.5"]
    assert explain(problem, np.array([[0.4, 0.5, 0.2]]), 0, 0)[0].by == "unknown"


def test_the_worst_conflicts_come_first() -> None:
    plan = solve(street(0.5, 1.0, 0.7, step=1.0, ceiling=0.4))
    assert [violation.object for violation in plan.violations] == ["B", "C", "A"]


def test_standby_is_paid_by_day_too() -> None:
    curve = PowerCurve("c", (0.0, 1.0), (0.1, 1.0))
    problem = row(0, 0.5, burning=np.array([False, True]), curves=(curve,), slot_s=3600.0)
    assert solve(problem).objective == pytest.approx(10 + 55)


def test_out_of_work_all_lamps_burn_in_full_and_the_bound_still_holds() -> None:
    problem = example(3)
    best, hurried = solve(problem), solve(problem, Limits(work=1))
    assert hurried.status is Status.TIME_LIMIT
    assert hurried.bound <= best.objective <= hurried.objective
    assert hurried.gap > 0
    assert (hurried.flux == problem.burning).all()
    assert check(problem, hurried) == []


def test_a_long_street_in_a_bad_order_is_settled_in_few_rounds() -> None:
    """One end lights 400 lamps numbered at random: fronts, not hops, count."""
    n = 400
    order = np.random.default_rng(0).permutation(n)
    floor = np.zeros((n, 1))
    floor[order[0]] = 1.0
    problem = LightingProblem(
        lamps=tuple(map(str, range(n))),
        floor=floor,
        burning=np.ones(1, bool),
        power_full_w=np.ones(n),
        neighbours=np.stack([order[:-1], order[1:]], axis=1),
        neighbour_step=np.full(n - 1, 0.001),
    )
    plan = solve(problem, Limits(work=3))
    assert plan.status is Status.OPTIMAL
    np.testing.assert_allclose(plan.flux[order, 0], 1 - 0.001 * np.arange(n))


def test_the_same_problem_gives_the_same_plan() -> None:
    first, second = solve(example(5)), solve(example(5))
    assert first.flux.tobytes() == second.flux.tobytes()
    assert first.objective == second.objective
    assert not first.flux.flags.writeable


def test_no_chain_explains_light_that_nothing_asks_for() -> None:
    problem = row(0.2, 0.2)
    (link,) = explain(problem, np.array([[0.2, 0.9]]), 0, 1)
    assert link.by == "unknown"
    assert explain(problem, np.zeros((1, 2)), 0, 1) == ()


@pytest.mark.parametrize(
    "wrong",
    [{"seconds": 0}, {"seconds": float("nan")}, {"work": 0}, {"gap": -0.1}, {"gap": 1.1}, {"threads": 0}, {"seed": -1}],
)
def test_limits_refuse_what_cannot_be_kept(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidProblem) as raised:
        Limits(**wrong)
    assert next(iter(wrong)) in raised.value.problems[0]


def test_limits_at_their_bounds() -> None:
    assert Limits(seconds=1e-9, work=1, gap=1.0, threads=1, seed=0).gap == 1.0
