"""The parts that programs are made of, each beside an enumeration or a definition."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from optimizers.lighting import Holders, LightingProblem, PowerCurve, solve
from optimizers.lighting.programs import columns, crowds, hold
from optimizers.lighting.programs.columns import best_partition
from optimizers.lighting.programs.envelopes import Envelopes
from optimizers.lighting.programs.grouping import Effort, Grouping, group_costs, partitions
from optimizers.lighting.programs.heights import Heights
from optimizers.lighting.programs.likeness import clusters
from optimizers.lighting.programs.moves import Moves
from optimizers.lighting.programs.prices import Prices
from optimizers.lighting.programs.profiles import Profiles, profiles
from optimizers.lighting.programs.staircase import changes_of, costs, staircases
from optimizers.lighting.programs.subsets import best_partitions, members_of, parts_of
from optimizers.result import Limits
from tests.bench.cabinets import cabinets
from tests.bench.show_programs import fleet_of, set_partition
from tests.lighting import enumeration
from tests.lighting.test_programs import needed, passed, problems

BENT = PowerCurve("bent", (0.0, 0.3, 0.7, 1.0), (0.02, 0.25, 0.62, 1.0))
ENDLESS = Effort(gap=1e-9, rounds=500, out_of_time=lambda: False)


def profiles_of(problem: LightingProblem, changes: int) -> Profiles:
    """All lamps as of one holder."""
    n = len(problem.lamps)
    return profiles(problem, needed(problem), np.arange(n), np.zeros(n, int), np.full(n, changes))


@st.composite
def long_nights(draw: st.DrawFn) -> LightingProblem:
    """One lamp over many slots whose need changes seldom: most slots are alike, as programs come by quarter hours."""
    lengths = draw(st.lists(st.integers(1, 8), min_size=2, max_size=4))
    levels = draw(st.lists(st.integers(0, 10), min_size=len(lengths), max_size=len(lengths)))
    floor = np.repeat(np.array(levels) / 10, lengths)
    burning = np.ones(floor.size, bool)
    if draw(st.booleans()):
        burning[draw(st.integers(0, floor.size - 1)) :] = False
    ceiling = np.ones(floor.size)
    if draw(st.booleans()):
        first = draw(st.integers(0, floor.size - 1))
        ceiling[first : first + draw(st.integers(1, 8))] = draw(st.sampled_from([0.0, 0.4]))
    return LightingProblem(
        lamps=("A",),
        floor=(floor * burning)[None],
        ceiling=ceiling[None],
        burning=burning,
        power_full_w=np.array(100.0),
        ramp_per_slot=np.array(draw(st.sampled_from([0.1, 0.15, 0.25, 0.4, np.inf]))),
        curves=(BENT,),
    )


@given(long_nights(), st.integers(2, 9))
@settings(max_examples=40)
def test_changes_next_to_turns_are_enough(problem: LightingProblem, changes: int) -> None:
    """The staircase sees pieces where the enumeration sees every slot."""
    found = profiles_of(problem, changes)
    flux, cost = staircases(found.needs, found.draws)
    over, energy = enumeration.cheapest(problem, needed(problem), [0], changes)
    if not np.isfinite(energy):
        assert not np.isfinite(cost[0])
        return
    assert (passed(problem, flux), changes_of(flux)[0] <= changes) == (over, True)
    assert found.draws.of(flux)[0] == pytest.approx(cost[0])
    unavoidable = float((needed(problem) > problem.ceiling + 1e-9).sum())
    assert cost[0] == pytest.approx(energy + (over - unavoidable) * found.draws.penalty_wh)


def test_a_staircase_by_hand() -> None:
    """Six changes of need in four: the hollow in the middle is the one that is filled."""
    floor = np.array([[0.5, 0.5, 1.0, 0.9, 1.0, 0.5, 0.5]])
    problem = LightingProblem(lamps=("A",), floor=floor, burning=np.ones(7, bool), power_full_w=np.array(1.0))
    found = profiles_of(problem, 4)
    np.testing.assert_array_equal(staircases(found.needs, found.draws)[0], [[0.5, 0.5, 1, 1, 1, 0.5, 0.5]])


def test_levels_between_needs_are_found_where_a_ramp_asks_for_them() -> None:
    """From 0.1 to 1.0 by steps of 0.3, with one change fewer than the climb has: it begins at once."""
    floor = np.array([[0.1, 0.1, 0.1, 0.1, 0.1, 1.0]])
    problem = LightingProblem(
        lamps=("A",), floor=floor, burning=np.ones(6, bool), power_full_w=np.array(1.0), ramp_per_slot=np.array(0.3)
    )
    found = profiles_of(problem, 4)
    flux, _ = staircases(found.needs, found.draws)
    np.testing.assert_allclose(flux, [[0.4, 0.4, 0.4, 0.4, 0.7, 1.0]])


def test_all_parts_of_a_subset() -> None:
    assert parts_of(0b1101).tolist() == [0, 1, 4, 5, 8, 9, 12, 13]
    assert members_of(0b1101) == [0, 2, 3]


@given(st.integers(1, 6), st.integers(1, 7), st.integers(0, 2**32))
@settings(max_examples=60)
def test_the_best_partition_of_all(n: int, groups: int, seed: int) -> None:
    cost = np.random.default_rng(seed).random((2, 1 << n))
    cost[:, 0] = 0.0
    for row, parts in zip(cost, best_partitions(cost, groups), strict=True):
        assert sum(parts) == (1 << n) - 1
        assert len(parts) <= groups
        every = enumeration.partitions(tuple(range(n)), groups)
        least = min(sum(row[sum(1 << i for i in group)] for group in partition) for partition in every)
        assert row[parts].sum() == pytest.approx(least)


@given(problems(lamps=5), st.data())
@settings(max_examples=25)
def test_no_bound_is_above_what_a_group_costs(problem: LightingProblem, data: st.DataObject) -> None:
    """Envelopes as they begin and as they learn, prices by height, and needs lowered to what is common."""
    found = profiles_of(problem, 10)
    n = found.holder.size
    own = costs(found.needs, found.draws)
    subsets = [members_of(subset) for subset in range(1, 1 << n)]
    truth = np.array([0.0, *group_costs(found, subsets)])
    slack = 1e-9 * truth.max() + 1e-9
    envelopes = Envelopes.of(found, 0, own)
    assert (envelopes.bound <= truth + slack).all()
    envelopes.settle(subset := data.draw(st.integers(1, (1 << n) - 1)), float(truth[subset]))
    assert (envelopes.bound <= truth + slack).all()
    members = np.array([np.isin(np.arange(n), group) for group in subsets])
    priced = Prices.of(found, 0, own).costs(members)
    assert (priced <= truth[1:] + slack).all()
    if len(set(found.kind.tolist())) == 1 and (found.needs.ramp == found.needs.ramp[0]).all():
        np.testing.assert_allclose(priced, truth[1:], atol=slack)
    lowered = found.lowered(np.arange(n), np.zeros(n, int))
    assert costs(lowered.needs, lowered.draws)[0] <= truth[-1] + slack


@given(problems(lamps=6), st.integers(1, 4))
@settings(max_examples=25)
def test_columns_and_subsets_agree(problem: LightingProblem, groups: int) -> None:
    found = profiles_of(problem, 10)
    n = found.holder.size
    own = costs(found.needs, found.draws)
    (exact,) = partitions(found, own, np.array([0]), n, groups, ENDLESS)
    chosen, bound, _ = best_partition(Prices.of(found, 0, own), groups, [], ENDLESS)
    slack = 1e-6 * exact.cost + 1e-9
    assert sorted(i for group in chosen for i in group) == list(range(n))
    assert len(chosen) <= groups
    assert bound <= exact.cost + slack
    cost = group_costs(found, chosen).sum()
    assert cost >= exact.cost - slack
    assert exact.bound == pytest.approx(exact.cost)


@given(problems(lamps=7), st.integers(1, 3), st.integers(1, 6))
@settings(max_examples=25)
def test_a_search_that_is_cut_short_has_a_bound_all_the_same(problem: LightingProblem, groups: int, nodes: int) -> None:
    found = profiles_of(problem, 10)
    n = found.holder.size
    own = costs(found.needs, found.draws)
    (exact,) = partitions(found, own, np.array([0]), n, groups, ENDLESS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "NODES", nodes)
        patch.setattr(columns, "MANY", nodes)
        patch.setattr(columns, "_BATCH", 1)
        chosen, bound, _ = best_partition(Prices.of(found, 0, own), groups, [], ENDLESS)
    assert bound <= exact.cost * (1 + 1e-6) + 1e-9
    assert sorted(i for group in chosen for i in group) == list(range(n))


@given(problems(lamps=6), st.data())
@settings(max_examples=25)
def test_heights_are_those_of_their_groups(problem: LightingProblem, data: st.DataObject) -> None:
    """Whatever the order in which members join, and however little room there is at first."""
    found = profiles_of(problem, 10)
    n = found.holder.size
    prices = Prices.of(found, 0, costs(found.needs, found.draws))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("optimizers.lighting.programs.heights._ROOM", 1)
        heights = Heights(prices)
    assert len(heights) == 1
    for _ in range(3):
        members = data.draw(st.permutations(range(n)))[: data.draw(st.integers(1, n))]
        at = np.zeros(1, np.int64)
        for member in members:
            at = heights.joined(at, np.array([member]))
        height = prices.need[list(members)].max(axis=0)
        np.testing.assert_allclose(heights.paid[at], prices.paid(height[None]))
        np.testing.assert_array_equal(heights.raises[at[0]], (prices.need > height).any(axis=1))


@given(problems(lamps=6), st.integers(1, 3))
@settings(max_examples=25)
def test_moves_end_where_no_single_one_saves(problem: LightingProblem, most: int) -> None:
    found = profiles_of(problem, 10)
    n = found.holder.size
    start = Grouping([list(range(n))], float(group_costs(found, [list(range(n))])[0]), 0.0)
    best = Grouping(list(start.groups), start.cost, 0.0)
    Moves(found, 0, n, most).better(best)
    assert best.cost <= start.cost
    assert best.cost == pytest.approx(group_costs(found, best.groups).sum())
    assert sorted(i for group in best.groups for i in group) == list(range(n))
    assert len(best.groups) <= most
    room = [*best.groups, *[[]] * (most - len(best.groups))]
    for i in range(n):
        for k, there in enumerate(room):
            if i not in there:
                moved = [[j for j in group if j != i] for group in room]
                moved[k] = [*there, i]
                assert group_costs(found, [group for group in moved if group]).sum() >= best.cost * (1 - 1e-8)


@given(problems(lamps=7, slots=7))
@settings(max_examples=25)
def test_a_crowd_is_bounded_by_its_clusters(problem: LightingProblem) -> None:
    """As if two profiles were a crowd already."""
    least = needed(problem)
    exact = hold(problem, least)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowds, "CLUSTERS", 2)
        patch.setattr(crowds, "COLUMNS", 4)
        patch.setattr(crowds, "LUMPS", 3)
        crowded = hold(problem, least)
    if passed(problem, crowded.flux) == passed(problem, exact.flux):
        assert crowded.bound_wh[0] <= exact.objective_wh[0] * (1 + 1e-6)
        assert crowded.objective_wh[0] >= exact.objective_wh[0] * (1 - 1e-6)
    assert passed(problem, crowded.flux) >= passed(problem, exact.flux)
    assert problem.holders is not None
    assert len(np.unique(crowded.flux, axis=0)) <= problem.holders.programs[0]
    assert (crowded.flux >= least - 1e-9).all()


def test_clusters_join_what_is_alike_and_of_one_kind() -> None:
    floor = np.array([[0.5, 0.50], [0.5, 0.51], [1.0, 1.0], [0.5, 0.5]])
    problem = LightingProblem(
        lamps=tuple("ABCD"),
        floor=floor,
        burning=np.ones(2, bool),
        power_full_w=np.array(10.0),
        curves=(BENT, PowerCurve("straight", (0.0, 1.0), (0.0, 1.0))),
        curve=np.array([0, 0, 0, 1]),
    )
    found = profiles_of(problem, 10)
    number = clusters(found, 0, 4, 3)[found.of]
    assert number[0] == number[1]
    assert len(set(number.tolist())) == 3
    assert (clusters(found, 0, 4, 1) >= 0).sum() == 3  # the other kind is left out
    assert clusters(found, 0, 4, 4).tolist() == [0, 1, 2, 3]


def test_cabinets_are_held_as_highs_partitions_all_their_groups() -> None:
    """What `tests/bench/show_programs.py` prints beside: an integer program over every group there is."""
    problem = cabinets(11, 8, programs=3, switch_points=6)
    least = needed(problem)
    found = fleet_of(problem, least, 6)
    few = np.flatnonzero(np.bincount(found.holder) <= 8)
    assert few.size
    held = hold(problem, least, only=few)
    for cabinet in few.tolist():
        relaxed, whole, _ = set_partition(found, cabinet, 3)
        assert held.objective_wh[cabinet] == pytest.approx(whole)
        assert held.bound_wh[cabinet] == pytest.approx(whole)
        assert relaxed <= whole * (1 + 1e-9)


def scaled(seed: int) -> LightingProblem:
    """Two crowded cabinets: three models of lamp, each with a reserve of its own."""
    problem = cabinets(seed, 2, lamps=40, programs=4, switch_points=6)
    reserve = np.random.default_rng(seed).choice([1.0, 0.93, 0.87], size=len(problem.lamps))
    return replace(problem, floor=problem.floor * reserve[:, None])


def test_a_crowded_cabinet_is_near_its_bound_and_near_an_integer_program_of_its_groups() -> None:
    """HiGHS partitions the profiles over all groups that the search has looked at and many that it has not."""
    problem = scaled(3)
    least = needed(problem)
    held = hold(problem, least)
    assert (1 - held.bound_wh / held.objective_wh).max() <= 0.005
    assert problem.holders is not None
    lamps = np.flatnonzero(problem.holders.of == 0)
    found = profiles(problem, least, lamps, np.zeros(lamps.size, int), np.full(lamps.size, 6))
    n = found.holder.size
    assert n > crowds.CLUSTERS
    order = np.argsort(found.needs.least.sum(axis=1))
    runs = [order[a:b].tolist() for a in range(n) for b in range(a + 1, n + 1)]
    served = np.array([np.isin(np.arange(n), run) for run in runs]).T.astype(float)
    program = milp(
        group_costs(found, runs),
        constraints=[LinearConstraint(served, 1, np.inf), LinearConstraint(np.ones((1, len(runs))), 0, 4)],
        integrality=np.ones(len(runs)),
        bounds=Bounds(0, 1),
    )
    assert held.bound_wh[0] <= program.fun * (1 + 1e-9)
    assert held.objective_wh[0] <= program.fun * 1.005


def test_a_hurried_crowd_has_its_programs_too() -> None:
    problem = scaled(4)
    least = needed(problem)
    best, hurried = hold(problem, least), hold(problem, least, Limits(work=1))
    assert (hurried.bound_wh <= best.objective_wh).all()
    assert (hurried.objective_wh >= best.bound_wh).all()
    assert hurried.reproducible
    careless = hold(problem, least, Limits(gap=1.0))
    assert (careless.flux >= least - 1e-9).all()
    again = hold(problem, least, Limits(work=1))
    assert again.flux.tobytes() == hurried.flux.tobytes()


def test_costs_fall_as_programs_are_added_to_a_crowd() -> None:
    problem = scaled(5)
    least = needed(problem)
    assert problem.holders is not None
    energy = []
    for programs in (1, 3, 100):
        holders = Holders(
            names=problem.holders.names,
            of=problem.holders.of,
            programs=np.array(programs),
            switch_points=problem.holders.switch_points,
        )
        energy.append(hold(replace(problem, holders=holders), least).objective_wh)
    assert all((more <= fewer * 1.005).all() for fewer, more in pairwise(energy))
    assert energy[-1].sum() < energy[0].sum()
    alone = solve(replace(problem, holders=None)).objective
    assert energy[-1].sum() >= alone * (1 - 1e-9)
