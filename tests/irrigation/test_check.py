"""The judge names each word that a plan breaks and nothing else, and lets a good plan pass."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.irrigation import IrrigationPlan, IrrigationProblem, check, full_example, generated
from optimizers.irrigation.check import CLOCK_S, CONSTRAINTS, allowed_spans
from optimizers.irrigation.problem import Budgets, Windows
from optimizers.irrigation.reckoning import depletion_mm, every_cycle, reckoned
from optimizers.result import Status
from tests.irrigation.planted import LAWN, PITCH, PLAN, PLANTED, PROBLEM, ROSES, Planted, honest, reckoned_eur
from tests.irrigation.sequential import sequential, without

problems = st.builds(
    generated,
    st.integers(1, 25),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 10**6),
)


def named(problem: IrrigationProblem, plan: IrrigationPlan) -> list[tuple[str, str]]:
    return [(violation.constraint, violation.object) for violation in check(problem, plan)]


def test_a_good_plan_passes() -> None:
    assert check(PROBLEM, PLAN) == []
    assert check(PROBLEM, replace(PLAN, status=Status.OPTIMAL, bound=PLAN.objective)) == []


@pytest.mark.parametrize("planted", PLANTED, ids=[planted.what for planted in PLANTED])
def test_what_is_planted_is_found_and_nothing_else(planted: Planted) -> None:
    (found,) = check(PROBLEM, planted.plan)
    assert (found.constraint, found.object) == (planted.constraint, planted.object)
    assert found.amount == pytest.approx(planted.amount)


def test_every_constraint_has_been_broken() -> None:
    told = {planted.constraint.replace(" ", "_") for planted in PLANTED}
    names = {"windows": "window", "later": "later_cycles", "budgets": "budget"}
    assert {names.get(one.__name__, one.__name__) for one in CONSTRAINTS} <= told
    assert {"hydrozones", "shape", "finite", "stranger", "whole_cycles"} <= told


def test_several_broken_words_are_all_named() -> None:
    starts, ends = PLAN.start_s.copy(), PLAN.end_s.copy()
    ends[0] += 60
    starts[-1], ends[-1] = 8000.0, 8600.0
    wrong = replace(PLAN, start_s=starts, end_s=ends, objective=-1.0, bound=-2.0)
    assert named(PROBLEM, wrong) == [("duration", "pitch"), ("window", "lawn"), ("objective", "plan")]


@settings(max_examples=60)
@given(problems)
def test_valves_one_after_the_other_break_nothing(problem: IrrigationProblem) -> None:
    assert check(problem, sequential(problem)) == []


def test_the_whole_example_can_be_kept() -> None:
    for seed in range(5):
        problem = full_example(seed)
        plan = sequential(problem)
        assert plan.cycles.sum() > 0
        assert check(problem, plan) == []


@settings(max_examples=60)
@given(problems)
def test_the_objective_is_reckoned_as_by_hand(problem: IrrigationProblem) -> None:
    plan = sequential(problem)
    assert reckoned(problem, every_cycle(plan)).total_eur == pytest.approx(reckoned_eur(problem, plan), rel=1e-12)


def test_depletion_is_what_the_days_leave() -> None:
    found = depletion_mm(PROBLEM, every_cycle(PLAN))
    # 20 mm and 5 of the day less 3 cycles of 2 mm; then 5.5 mm less 2.5 cycles of 2 mm.
    assert found[0, :, LAWN] == pytest.approx([19.0, 19.5])
    # Half as thirsty, 2 mm of rain; then 9 mm of rain.
    assert found[1, :, LAWN] == pytest.approx([20 + 2.5 - 2 - 6, 14.5 + 2.75 - 9])


def test_what_the_root_zone_cannot_hold_percolates() -> None:
    later = PLAN.later_cycles.copy()
    later[:, 0, PITCH] = 5.9
    wet = depletion_mm(PROBLEM, every_cycle(replace(PLAN, cycles=np.array([0, 30, 0, 0]), later_cycles=later)))
    assert (wet[:, 0, PITCH] == 0).all()


_BROKEN = {
    "longer": ("end_s", "opening", 0.01, 1.0),
    "shorter": ("start_s", "opening", 0.01, 1.0),
    "no number": ("start_s", "opening", np.nan, 0.0),
    "another valve": ("opened", "opening", 1000.0, 0.0),
    "counted once more": ("cycles", "zone", 1.0, 0.0),
    "a part of a cycle": ("cycles", "zone", 0.01, 0.9),
    "later below none": ("later_cycles", "zone", -0.02, -1.0),
    "later without end": ("later_cycles", "zone", 1e6, 0.0),
}
"""How a plan is broken wherever it is touched: a field, an entry of it, and what is added for x of 0 and for 1 more."""


@settings(max_examples=200)
@given(
    problems.filter(lambda problem: problem.scenarios.days > 1),
    st.sampled_from(sorted(_BROKEN)),
    st.integers(0, 10**6),
    st.floats(0, 1),
)
def test_whatever_is_broken_at_random_is_found(problem: IrrigationProblem, how: str, i: int, x: float) -> None:
    plan = sequential(problem)
    field, entry, least, more = _BROKEN[how]
    values = np.array(getattr(plan, field), np.float64)
    values[..., i % (plan.opened.size if entry == "opening" else plan.cycles.size)] += least + more * x
    assert check(problem, replace(plan, **{field: values})), how


@settings(max_examples=60)
@given(problems, st.integers(0, 10**6))
def test_an_opening_that_is_lost_is_missed(problem: IrrigationProblem, i: int) -> None:
    plan = sequential(problem)
    (found,) = check(problem, without(plan, i % plan.opened.size))
    assert (found.constraint, found.amount) == ("openings", 1)


@settings(max_examples=60)
@given(problems, st.floats(-0.5, 0.5).filter(lambda x: abs(x) > 1e-3))
def test_a_figure_told_wrongly_is_found(problem: IrrigationProblem, x: float) -> None:
    plan = sequential(problem)
    told = plan.objective * (1 + x)
    assert named(problem, replace(plan, objective=told)) == [("objective", "plan")]
    expected = [("bound", "plan")] if x > 0 else []
    assert named(problem, replace(plan, bound=told)) == expected


@settings(max_examples=100)
@given(problems, st.integers(0, 10**6), st.floats(0.01, 200_000))
def test_an_opening_moved_out_of_every_window_is_found(problem: IrrigationProblem, i: int, by: float) -> None:
    plan = sequential(problem)
    i %= plan.opened.size
    start = plan.start_s[i] + by
    inside = any(
        a <= start and start + problem.hydrozones.cycle_s[plan.opened[i]] <= b
        for a, b in allowed_spans(problem, int(plan.opened[i]), 0)
    )
    starts, ends = plan.start_s.copy(), plan.end_s.copy()
    starts[i] += by
    ends[i] += by
    moved = replace(plan, start_s=starts, end_s=ends)
    assert inside or any(violation.constraint == "window" for violation in check(problem, moved))


def test_what_a_clock_cannot_tell_is_no_violation() -> None:
    """Two valves that fill the pipe alone, one right after the other: instants are sums of seconds."""
    starts, ends = PLAN.start_s.copy(), PLAN.end_s.copy()
    starts[4] += CLOCK_S / 2
    ends[1] += CLOCK_S / 2
    assert check(PROBLEM, replace(PLAN, start_s=starts, end_s=ends)) == []


def test_stretches_that_touch_are_one_and_nights_are_apart() -> None:
    assert allowed_spans(PROBLEM, LAWN, 0) == [(0.0, 7200.0), (10800.0, 14400.0)]
    assert allowed_spans(PROBLEM, PITCH, 0) == [(0.0, 3600.0), (10800.0, 14400.0)]
    assert allowed_spans(PROBLEM, PITCH, 1) == [(86400.0, 90000.0)]
    touching = Windows(**{**vars(PROBLEM.windows), "night": np.array([0, 0, 1, 1])})
    parted = IrrigationProblem(**{**vars(PROBLEM), "windows": touching})
    assert allowed_spans(parted, LAWN, 0) == [(0.0, 7200.0)]


def test_valves_with_less_time_share_what_the_pipe_carries_in_it() -> None:
    """Lawn and pitch have an hour of a later night, in which the pipe carries 9 m3, though the night is long."""
    windows = {**vars(PROBLEM.windows), "night": np.array([0, 1, 1, 1])}
    windows["allowed"] = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]], np.bool_)
    problem = replace(
        PROBLEM,
        windows=Windows(**windows),
        budgets=None,
        hydrozones=replace(PROBLEM.hydrozones, soak_s=np.zeros(4)),
        networks=replace(PROBLEM.networks, capacity_m3_h=np.array([9.0, 5.0])),
    )

    def told(pitch: float) -> list[tuple[str, str]]:
        later = np.array([[[6.0, pitch, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]])
        nothing = np.array([])
        plan = replace(PLAN, cycles=np.zeros(4, int), opened=nothing.astype(int), start_s=nothing, end_s=nothing)
        return named(problem, honest(replace(plan, later_cycles=later), problem))

    assert told(4.5) == []
    assert told(4.6) == [("later volume", "river")]


def test_a_budget_without_end_and_one_of_nobody_are_kept() -> None:
    asked = Budgets(
        names=("all", "nobody"),
        limit_m3=np.array([np.inf, 0.0]),
        member=np.array([np.ones(4, np.bool_), np.zeros(4, np.bool_)]),
        nights=np.ones((2, 2), np.bool_),
    )
    assert check(IrrigationProblem(**{**vars(PROBLEM), "budgets": asked}), PLAN) == []


def test_a_budget_counts_what_is_expected_of_later_nights() -> None:
    """The roses take 5/6 m3 a cycle: two tonight, and tomorrow one in three cases of four, half of one in the other."""
    found = 5 / 6 * (2 + 0.75 * 1.0 + 0.25 * 0.5)

    def told(limit: float) -> list[tuple[str, str]]:
        member = np.arange(4) == ROSES
        asked = Budgets(names=("roses",), limit_m3=np.array([limit]), member=member, nights=np.ones((1, 2), np.bool_))
        return named(IrrigationProblem(**{**vars(PROBLEM), "budgets": asked}), PLAN)

    assert told(found) == []
    assert told(found - 1e-3) == [("budget", "roses")]


def test_one_day_has_no_later_nights() -> None:
    problem = generated(5, 1, 1, 2, 3)
    plan = sequential(problem)
    assert plan.later_cycles.shape == (2, 0, 5)
    assert check(problem, plan) == []
