"""Sets of valves that may run together, and the solvers behind the model."""

from itertools import combinations

import numpy as np
import pulp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.engines import Effort
from optimizers.irrigation import engines, example, generated, solve
from optimizers.irrigation.engines import Answer
from optimizers.irrigation.model import Model
from optimizers.irrigation.patterns import best_set, maximal_sets, spread_sets
from optimizers.irrigation.supplies import supplies
from optimizers.result import Limits, Status

flows = st.lists(st.integers(1, 9), min_size=1, max_size=9).map(lambda each: np.array(each, float))


@given(flows, st.integers(9, 30))
def test_every_maximal_set_and_no_other_is_written_out(flow: np.ndarray, capacity: int) -> None:
    valves = range(flow.size)
    may = [
        set(one) for k in range(flow.size + 1) for one in combinations(valves, k) if flow[list(one)].sum() <= capacity
    ]
    maximal = {tuple(sorted(one)) for one in may if not any(one < other for other in may)}
    found = maximal_sets(valves, flow, capacity)
    assert found is not None
    assert {tuple(sorted(one)) for one in found} == maximal
    assert len(found) == len(maximal)
    assert {tuple(sorted(one)) for one in spread_sets(valves, flow, capacity)} <= maximal


@given(flows, st.integers(9, 30), st.data())
@settings(max_examples=60)
def test_the_best_set_is_the_best_of_all(flow: np.ndarray, capacity: int, data: st.DataObject) -> None:
    worth = np.array(data.draw(st.lists(st.floats(0, 5), min_size=flow.size, max_size=flow.size)))
    sets = maximal_sets(range(flow.size), flow, capacity) or ()
    together, most = best_set(range(flow.size), worth, flow, capacity)
    assert flow[list(together)].sum() <= capacity
    assert worth[list(together)].sum() == pytest.approx(most, abs=1e-9)
    assert most == pytest.approx(max(worth[list(one)].sum() for one in sets), abs=1e-9)


def test_sets_are_too_many_to_write_out_from_some_number_on() -> None:
    assert maximal_sets(range(30), np.ones(30), 10.0) is None


def test_cbc_answers_where_highs_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = example(2)
    by_highs = solve(problem, Limits(gap=1e-6))
    monkeypatch.setattr(engines, "ENGINES", (lambda *_: None, engines.by_cbc))
    by_cbc = solve(problem, Limits(gap=1e-6))
    assert "CBC" in by_cbc.solver
    assert by_cbc.objective == pytest.approx(by_highs.objective, rel=2e-6)
    assert by_cbc.bound <= by_cbc.objective


def test_without_any_solver_it_is_said() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "ENGINES", (lambda *_: None,))
        with pytest.raises(RuntimeError, match="neither HiGHS nor CBC answers"):
            solve(example())


def test_a_status_counts_and_not_the_objective_shown() -> None:
    """A model without any solution has an objective of 0 in HiGHS."""
    program = pulp.LpProblem("none", pulp.LpMinimize)
    column = program.add_variable("x", 0, 1)
    program.objective = pulp.LpAffineExpression([(column, 1.0)])
    row = pulp.LpConstraint(pulp.LpAffineExpression([(column, 1.0)]), pulp.constants.LpConstraintGE, rhs=2.0)
    program.addConstraint(row)
    assert engines.by_highs(program, Effort(1.0, 0.0), True) is None
    assert engines.by_cbc(program, Effort(1.0, 0.0), True) is None


def test_time_that_is_too_short_leaves_a_plan_and_says_so() -> None:
    problem = generated(60, 2, 7, 5, 0)
    plan = solve(problem, Limits(seconds=0.02))
    assert plan.status == Status.TIME_LIMIT
    assert not plan.reproducible
    assert 0 <= plan.bound <= plan.objective
    assert any("stays dry" in reason for reason in plan.reasons) or plan.cycles.any()


def test_a_model_by_flow_alone_bounds_that_by_sets() -> None:
    (supply,) = supplies(generated(60, 1, 3, 2, 1))
    model = Model([supply], np.empty(0))
    assert model.incomplete
    loose: Answer = model.loosened().solve(Effort(20.0, 1e-4))
    assert loose.bound <= model.solve(Effort(20.0, 1e-4)).value * (1 + 1e-9)
