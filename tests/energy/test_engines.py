"""The solvers behind a linear program of energy: each comes to the same least, whichever is there."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import check, engines, solve, solve_warm
from optimizers.energy.assembling import assemble
from optimizers.energy.engines import Effort, blocks, cbc, highs, persistent, run
from optimizers.energy.engines.again import run_again
from optimizers.energy.engines.structure import structure
from optimizers.energy.linear import Linear
from optimizers.result import Limits, Status
from tests.bench.energy_town import spot, tariff, town
from tests.energy.parted import case
from tests.waiting import PATIENCE_S

EFFORT = Effort(60.0, 1e-7)
SMALL = assemble(case(3, positive=True)).linear
WHOLE = assemble(case(13, positive=False)).linear


def linear_of(sites: int, **more: object) -> Linear:
    return assemble(town(sites, **more)).linear  # type: ignore[arg-type]


def without_solution(linear: Linear) -> Linear:
    """The first balance asks for more than can be bought."""
    lower, upper = linear.row_lower.copy(), linear.row_upper.copy()
    lower[0] = upper[0] = 1e4
    return replace(linear, row_lower=lower, row_upper=upper)


@pytest.mark.parametrize("linear", [SMALL, WHOLE], ids=["linear", "whole"])
def test_cbc_and_highs_come_to_the_same_least(linear: Linear) -> None:
    one, other = highs.solve(linear, EFFORT), cbc.solve(linear, EFFORT)
    assert one is not None
    assert other is not None
    assert one.status == other.status == Status.OPTIMAL
    assert one.value == pytest.approx(other.value, rel=1e-6)
    for answer in (one, other):
        assert answer.bound <= answer.value + 1e-9
        assert answer.value == pytest.approx(float(linear.cost @ answer.x) + linear.offset, rel=1e-6)
        sums = linear.times(answer.x)
        assert (sums >= linear.row_lower - 1e-5).all()
        assert (sums <= linear.row_upper + 1e-5).all()


def test_prices_of_rows_have_one_sign_in_both() -> None:
    """Optimal prices may differ; each proves the same bound: dual value = least."""
    for solver in (highs, cbc):
        answer = solver.solve(SMALL, EFFORT)
        assert answer is not None
        row = np.where(answer.row_dual > 0, SMALL.row_lower, SMALL.row_upper)
        column = np.where(answer.column_dual > 0, SMALL.lower, SMALL.upper)
        paid = float(answer.row_dual @ np.where(np.abs(answer.row_dual) > 1e-9, row, 0.0))
        paid += float(answer.column_dual @ np.where(np.abs(answer.column_dual) > 1e-9, column, 0.0))
        assert paid + SMALL.offset == pytest.approx(answer.value, rel=1e-5)


@pytest.mark.parametrize("solver", [highs, cbc])
@pytest.mark.parametrize("linear", [SMALL, WHOLE], ids=["linear", "whole"])
def test_what_has_no_solution_is_infeasible(solver: object, linear: Linear) -> None:
    answer = solver.solve(without_solution(linear), EFFORT)  # type: ignore[attr-defined]
    assert answer.status == Status.INFEASIBLE
    assert not answer.found
    assert answer.value == np.inf


def test_the_clock_may_leave_nothing() -> None:
    answer = highs.solve(linear_of(10), Effort(1e-4, 0.0))
    assert answer is not None
    assert answer.status in {Status.TIME_LIMIT, Status.FEASIBLE}
    assert answer.late


def test_from_the_basis_before_it_is_the_same_least() -> None:
    first = highs.solve(SMALL, EFFORT)
    dearer = replace(SMALL, cost=SMALL.cost * np.linspace(1, 1.3, SMALL.cost.size))
    again, anew = highs.solve(dearer, EFFORT, first), highs.solve(dearer, EFFORT)
    assert again is not None
    assert anew is not None
    assert again.value == pytest.approx(anew.value, rel=1e-9)


def test_without_highspy_everything_still_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = [case(2, positive=True), case(2, positive=False)]
    before = [solve(problem, Limits(gap=1e-6)) for problem in problems]
    for module in (highs, blocks, persistent):
        monkeypatch.setattr(module, "highspy", None)
    after = [solve(problem, Limits(gap=1e-6)) for problem in problems]
    for problem, one, other in zip(problems, before, after, strict=True):
        assert (one.solver, other.solver) == ("HiGHS", "CBC")
        assert one.objective == pytest.approx(other.objective, rel=1e-5, abs=1e-5)
        assert not check(problem, other)
    assert persistent.solve(SMALL, EFFORT) is None


def test_without_any_solver_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "ENGINES", (lambda *_: None,))
    with pytest.raises(RuntimeError, match="neither HiGHS nor CBC answers"):
        run(SMALL, EFFORT)


@pytest.mark.parametrize("cap_w", [20_000.0, 9_000.0, 6_500.0], ids=["slack", "binds a little", "binds hard"])
def test_sites_one_by_one_come_to_what_they_come_to_at_once(cap_w: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SITES", 2)
    linear = linear_of(4, cap_w=cap_w)
    apart, whole = run(linear, EFFORT), highs.solve(linear, EFFORT)
    assert whole is not None
    assert apart.value == pytest.approx(whole.value, rel=1e-9)
    assert apart.bound == pytest.approx(apart.value, rel=1e-9)
    sums = linear.times(apart.x)
    assert (sums >= linear.row_lower - 1e-6).all()
    assert (sums <= linear.row_upper + 1e-6).all()
    reduced = linear.cost - linear.times_back(apart.row_dual)
    assert (reduced[apart.x < linear.upper - 1e-6] > -1e-6).all()
    assert (reduced[apart.x > linear.lower + 1e-6] < 1e-6).all()


def test_what_binds_too_hard_is_left_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SITES", 2)
    monkeypatch.setattr(blocks, "_FEW", (1, 10**9))
    assert blocks.solve(linear_of(4, cap_w=6_500.0), EFFORT) is None


def test_one_site_without_a_solution_leaves_all_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SITES", 2)
    answer = blocks.solve(without_solution(linear_of(3)), EFFORT)
    assert answer is not None
    assert answer.status == Status.INFEASIBLE


@given(st.integers(0, 1_000))
@settings(max_examples=8)
def test_problems_of_a_few_sites_in_nested_groups_come_apart_too(seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "SITES", 2)
        linear = assemble(case(seed, positive=True)).linear
        whole = highs.solve(linear, EFFORT)
        assert whole is not None
        assert run(linear, EFFORT).value == pytest.approx(whole.value, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("sites", [1, 5], ids=["in Pyomo", "in arrays"])
def test_what_is_kept_comes_to_the_same_after_every_change(sites: int) -> None:
    """Prices, then loads, then limits, and back: each against a solve from nothing."""
    first = town(sites, cap_w=1e6)
    busier = replace(first, sites=replace(first.sites, base_w=first.sites.base_w * 1.1))
    emptier = replace(first, batteries=replace(first.batteries, initial_wh=first.batteries.capacity_wh * 0.15))  # type: ignore[type-var,union-attr]
    problems = [
        first,
        town(sites, cap_w=1e6, price=tariff() * 1.2),
        town(sites, cap_w=1e6, price=spot(2)),
        busier,
        emptier,
        first,
    ]
    linears = [assemble(problem).linear for problem in problems]
    assert len({structure(linear) for linear in linears}) == 1
    for linear in linears:
        kept, anew = run_again(linear, EFFORT), highs.solve(linear, EFFORT)
        assert anew is not None
        assert kept is not None
        assert kept.value == pytest.approx(anew.value, rel=1e-9)


def test_what_is_kept_forgets_where_it_is_told_to() -> None:
    """Whatever was solved before, the same to the byte."""
    first, other = linear_of(1), linear_of(1, price=spot(4))
    cold = persistent.solve(other, EFFORT, go_on=False)
    persistent.solve(first, EFFORT)
    after = persistent.solve(other, EFFORT, go_on=False)
    assert cold is not None
    assert after is not None
    assert cold.x.tobytes() == after.x.tobytes()
    assert cold.row_dual.tobytes() == after.row_dual.tobytes()


def test_another_number_of_slots_or_kind_of_cost_is_another_structure() -> None:
    free = replace(SMALL, cost=np.zeros_like(SMALL.cost))
    assert len({structure(linear) for linear in (SMALL, WHOLE, free)}) == 3


def test_a_kept_model_with_whole_columns_answers_as_the_arrays_do() -> None:
    kept, anew = persistent.solve(WHOLE, EFFORT), highs.solve(WHOLE, EFFORT)
    assert kept is not None
    assert anew is not None
    assert kept.value == pytest.approx(anew.value, rel=1e-6)
    assert run_again(WHOLE, EFFORT) is None


def test_an_auditor_reads_names_and_another_program_the_same_least(tmp_path: Path) -> None:
    path = tmp_path / "energy.lp"
    persistent.write_model(SMALL, path)
    text = path.read_text()
    assert "battery_charge(cellar_3)" in text
    code = "import highspy, sys; h = highspy.Highs(); h.silent(); h.readModel(sys.argv[1]); h.run()"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(h.getObjectiveValue())", str(path)],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    answer = highs.solve(SMALL, EFFORT)
    assert answer is not None
    assert float(done.stdout) == pytest.approx(answer.value, rel=1e-6)


def test_a_plan_made_again_costs_the_same_and_says_how_it_was_made() -> None:
    solve_warm(town(1))
    for problem in (town(1, price=spot(3)), town(1)):
        again, anew = solve_warm(problem), solve(problem)
        assert again.objective == pytest.approx(anew.objective, rel=1e-7)
        assert again.status == Status.OPTIMAL
        assert not again.reproducible
        assert "solved again" in again.reasons[0]
        assert not check(problem, again)


def test_what_cannot_be_made_again_is_made_anew() -> None:
    problem = case(13, positive=False)
    assert solve_warm(problem, Limits(gap=1e-6)).objective == pytest.approx(solve(problem).objective, rel=1e-5)


def test_sites_with_whole_columns_are_searched_one_by_one_where_nothing_ties_them() -> None:
    linear = linear_of(3, cap_w=1e6, price=spot(1) - 0.09)
    assert linear.whole.any()
    apart, whole = blocks.solve(linear, EFFORT), highs.solve(linear, EFFORT)
    assert apart is not None
    assert whole is not None
    assert apart.status == Status.OPTIMAL
    assert apart.value == pytest.approx(whole.value, rel=1e-6)
    assert apart.value - 1e-5 <= apart.bound <= whole.value + 1e-9
    assert not apart.row_dual.size
    sums = linear.times(apart.x)
    assert (sums >= linear.row_lower - 1e-6).all()
    assert (sums <= linear.row_upper + 1e-6).all()


def test_where_a_feeder_ties_them_whole_columns_are_searched_at_once() -> None:
    linear = linear_of(3, cap_w=9_000.0, price=spot(1) - 0.09)
    assert blocks.solve(linear, Effort(60.0, 1e-3)) is None
    assert run(linear, Effort(60.0, 1e-3)).found
