"""Hundreds of sites are planned apart: held against one program of all, on problems of any shape and on made towns."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import EnergyProblem, check, pack, solve
from optimizers.energy.sharing import LEAST_GAP, solve_shared
from optimizers.energy.sharing.slicing import members, sliced
from optimizers.energy.solving import MOST_AT_ONCE, solve_at_once
from optimizers.result import Limits, Status
from tests.bench.energy_feeders import generated
from tests.energy.anything import any_problem

LIMITS = Limits(seconds=300, gap=1e-4)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), most=st.integers(1, 4))
def test_apart_is_a_plan_that_holds_and_its_bound_is_below_every_plan(seed: int, most: int) -> None:
    problem = any_problem(seed, sites=5, slots=8)
    apart, together = solve_shared(problem, LIMITS, most), solve_at_once(problem, LIMITS)
    assert check(problem, apart) == []
    if apart.shortfall == together.shortfall:
        assert apart.objective >= together.bound - 1e-5 * max(1.0, abs(together.bound))
    if Status.BEST_EFFORT not in {together.status, apart.status}:
        assert apart.bound <= together.objective + 1e-5 * max(1.0, abs(together.objective))


@pytest.mark.parametrize("room", [0.05, 0.2, 0.6])
@pytest.mark.parametrize("most", [1, 12])
def test_apart_is_as_cheap_as_together_within_its_gap(room: float, most: int) -> None:
    problem = _shorter(generated(16, seed=3, room=room), 48)
    apart, together = solve_shared(problem, Limits(seconds=300), most), solve_at_once(problem, Limits(seconds=300))
    assert check(problem, apart) == []
    assert apart.shortfall.safety == pytest.approx(together.shortfall.safety, abs=1e-3)
    assert apart.shortfall.comfort == pytest.approx(together.shortfall.comfort, rel=1e-4, abs=1e-3)
    assert apart.bound <= together.objective + 1e-6 * abs(together.objective)
    assert apart.objective >= together.objective - 1e-6 * abs(together.objective)
    assert apart.gap <= LEAST_GAP


def test_limits_of_groups_bind_in_what_that_was_shown_on() -> None:
    """Else the test above would say nothing."""
    problem = _shorter(generated(16, seed=3, room=0.05), 48)
    groups = problem.groups
    assert groups is not None
    free = replace(problem, groups=replace(groups, import_limit_w=np.full_like(groups.import_limit_w, np.inf)))
    assert solve_at_once(free, LIMITS).objective < solve_at_once(problem, LIMITS).objective - 0.1


def test_what_a_site_draws_is_worth_more_where_its_group_is_at_its_limit() -> None:
    problem = _shorter(generated(16, seed=3, room=0.05), 48)
    plan = solve_shared(problem, LIMITS, 1)
    assert plan.value_eur_kwh.shape == problem.shape
    dearer = plan.value_eur_kwh > problem.sites.import_eur_kwh + 0.1 * 0.1 + 1e-3
    assert dearer.any()


def test_a_firm_limit_that_cannot_be_kept_is_told_with_its_amount_and_comfort_gives_way_first() -> None:
    problem = _shorter(generated(6, seed=1), 16)
    groups = problem.groups
    assert groups is not None
    limit = np.full((len(groups.names), 16), np.inf)
    limit[0] = problem.sites.base_w.sum(axis=0) * 1.02
    limit[0, 5] = problem.sites.base_w[:, 5].sum() * 0.9
    tight = replace(problem, groups=replace(groups, import_limit_w=limit, firm=np.ones(len(groups.names), np.bool_)))
    apart, together = solve_shared(tight, LIMITS, 1), solve_at_once(tight, LIMITS)
    assert check(tight, apart) == []
    assert apart.status == together.status == Status.BEST_EFFORT
    assert apart.shortfall.safety == pytest.approx(together.shortfall.safety, rel=1e-3, abs=1e-3)
    assert apart.shortfall.comfort == pytest.approx(together.shortfall.comfort, rel=0.02)
    if together.shortfall.safety:
        assert any(one.object == "group substation" for one in apart.violations)


def test_blocks_have_every_site_and_device_once_and_groups_that_hold_few() -> None:
    problem = generated(50, seed=2)
    blocks, above = sliced(problem, 12)
    for part in ("sites", "batteries", "vehicles", "rooms", "solar"):
        found = np.concatenate([block.members[part] for block in blocks])
        assert sorted(found.tolist()) == list(range(len(getattr(problem, part).names)))
    assert above.groups is not None
    assert above.groups.names == ("substation",)
    assert {name for block in blocks if block.problem.groups for name in block.problem.groups.names} == {
        name for name in problem.groups.names if name != "substation"  # type: ignore[union-attr]
    }  # fmt: skip
    assert max(block.problem.shape[0] for block in blocks) == 12


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_slices_of_problems_of_any_shape_lose_nothing(seed: int) -> None:
    problem = any_problem(seed, sites=6, slots=4)
    blocks, above = sliced(problem, 2)
    assert sorted(name for block in blocks for name in block.problem.sites.names) == sorted(problem.sites.names)
    groups = [block.problem.groups for block in blocks if block.problem.groups is not None]
    named = [name for part in [*groups, above.groups] if part is not None for name in part.names]
    assert sorted(named) == sorted(problem.groups.names if problem.groups is not None else ())
    orders = [block.problem.orders for block in blocks if block.problem.orders is not None]
    told = [name for part in [*orders, above.orders] if part is not None for name in part.names]
    assert sorted(told) == sorted(problem.orders.names if problem.orders is not None else ())
    for block in blocks:
        base = problem.sites.base_w[block.members["sites"]]
        assert np.array_equal(block.problem.sites.base_w, base)


def test_a_group_counts_what_draws_through_those_below_it() -> None:
    problem = generated(30, seed=0)
    within = members(problem)
    assert within[0].all()
    assert within[1:].sum(axis=0).tolist() == [1] * 30


def test_more_sites_than_are_one_program_are_planned_apart_to_the_byte_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = _shorter(generated(MOST_AT_ONCE + 4, seed=5, room=0.1), 8)
    one, other = solve(problem, Limits(seconds=300)), solve(problem, Limits(seconds=300, threads=2))
    assert one.reproducible
    assert one.import_w.tobytes() == other.import_w.tobytes()
    assert one.objective == other.objective
    apart = solve_shared(problem, Limits(seconds=300))
    assert apart.import_w.tobytes() == one.import_w.tobytes()


def test_where_time_is_over_at_once_devices_go_by_plain_rules() -> None:
    problem = _shorter(generated(MOST_AT_ONCE + 4, seed=5), 8)
    plan = solve(problem, Limits(seconds=1e-6))
    assert check(problem, plan) == []
    assert not plan.reproducible


def test_made_towns_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    assert pack(generated(10, seed=4)) == pack(generated(10, seed=4))
    assert pack(generated(10, seed=4)) != pack(generated(10, seed=5))


def _shorter(problem: EnergyProblem, slots: int) -> EnergyProblem:
    """Its morning, from six: vehicles that are away then are left out."""
    first = 24
    vehicles, groups = problem.vehicles, problem.groups
    assert vehicles is not None
    assert groups is not None
    last = first + slots
    cut = {
        name: replace(
            part, **{array: getattr(part, array)[:, first:last] for array in part.arrays if _long(part, array)}
        )
        for name in ("sites", "groups", "solar", "rooms")
        if (part := getattr(problem, name)) is not None
    }
    horizon = replace(problem.horizon, duration_s=problem.horizon.duration_s[first:last])
    return replace(problem, horizon=horizon, vehicles=None, **cut)


def _long(part: object, array: str) -> bool:
    return bool(np.ndim(getattr(part, array)) == 2)
