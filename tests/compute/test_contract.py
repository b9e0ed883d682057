"""What every engine promises, whatever is behind it."""

import pickle
import threading
from functools import cache

import pytest

from jobs.compute import Compute, FaultKind
from optimizers import lighting
from optimizers.result import Limits, Status
from tests.compute import work


def test_values_come_in_the_order_of_their_items(engine: Compute) -> None:
    outcomes = list(engine.map(work.square, range(20), Limits()))
    assert [outcome.value for outcome in outcomes] == [n * n for n in range(20)]
    assert all(outcome.fault is None and outcome.attempts == 1 and outcome.worker for outcome in outcomes)


def test_no_items_no_outcomes(engine: Compute) -> None:
    assert list(engine.map(work.square, [], Limits())) == []


def test_none_is_a_value(engine: Compute) -> None:
    (outcome,) = engine.map(work.nothing, [1], Limits())
    assert outcome.value is None
    assert outcome.fault is None


def test_limits_arrive_as_they_were_given(engine: Compute) -> None:
    limits = Limits(seconds=12.5, work=7, gap=0.01, threads=1, seed=3)
    (outcome,) = engine.map(work.limits_of, [None], limits)
    assert outcome.value == limits


def test_what_a_task_raises_is_its_outcome_and_the_next_one_runs(engine: Compute) -> None:
    wrong, right = engine.map(work.refuse_odd, [1, 2], Limits())
    assert wrong.value is None
    assert wrong.fault is not None
    assert wrong.fault.kind is FaultKind.RAISED
    assert "InvalidProblem: 1 is odd" in wrong.fault.what
    assert right.value == 2


def test_memory_that_python_refuses_is_told_as_such(engine: Compute) -> None:
    (outcome,) = engine.map(work.ask_for_too_much, [1 << 60], Limits())
    assert outcome.fault is not None
    assert outcome.fault.kind is FaultKind.OUT_OF_MEMORY


def test_big_items_and_big_results(engine: Compute) -> None:
    size = 8 << 20
    (outcome,) = engine.map(work.turned, [bytes(size) + b"end"], Limits())
    assert outcome.value == b"dne" + bytes(size)


def test_several_callers_at_once_get_their_own(engine: Compute) -> None:
    found: dict[int, list[int | None]] = {}

    def call(n: int) -> None:
        found[n] = [outcome.value for outcome in engine.map(work.square, range(n, n + 10), Limits())]

    callers = [threading.Thread(target=call, args=(n,)) for n in (0, 100, 200)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert found == {n: [k * k for k in range(n, n + 10)] for n in (0, 100, 200)}


def test_items_of_a_key_are_all_done(engine: Compute) -> None:
    outcomes = engine.map(work.square, range(12), Limits(), key=lambda n: n % 3)
    assert [outcome.value for outcome in outcomes] == [n * n for n in range(12)]


@pytest.mark.parametrize("limits", [Limits(seconds=600, work=1), Limits(seconds=600)], ids=["by work", "to the end"])
def test_plans_are_byte_equal_on_every_engine(engine: Compute, limits: Limits) -> None:
    """The shipped lighting solver, with as many lamps as a threaded BLAS would sum in another order."""
    ours = solved_here(limits)
    (outcome,) = engine.map(lighting.solve, [problem()], limits)
    assert ours.status is (Status.TIME_LIMIT if limits.work else Status.OPTIMAL)
    assert outcome.value is not None
    assert outcome.value.reproducible
    assert result_bytes(outcome.value) == result_bytes(ours)


def test_a_plan_that_the_clock_cut_short_says_that_it_cannot_be_made_again(engine: Compute) -> None:
    list(engine.map(lighting.solve, [lighting.example(1)] * 2, Limits()))  # what it imports is there
    (outcome,) = engine.map(lighting.solve, [lighting.example(1)], Limits(seconds=1e-9))
    assert outcome.value is not None
    assert not outcome.value.reproducible
    assert outcome.value.status is Status.TIME_LIMIT


@cache
def problem() -> lighting.LightingProblem:
    return lighting.example(1, streets=200, lamps_per_street=60)


@cache
def solved_here(limits: Limits) -> lighting.LightingPlan:
    return lighting.solve(problem(), limits)


def result_bytes(plan: lighting.LightingPlan) -> bytes:
    """Everything of a plan but how long it took, to the byte."""
    parts = {name: value for name, value in vars(plan).items() if name != "seconds"}
    return pickle.dumps({name: getattr(value, "tobytes", lambda v=value: v)() for name, value in parts.items()})
