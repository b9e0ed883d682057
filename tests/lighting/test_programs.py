"""Programs within what holders announce: cheapest, proved, and equal to what trying everything finds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.lighting import Holders, Lanes, LightingProblem, PowerCurve, energy_wh, lamp_energy_wh, solve
from optimizers.lighting.programs import hold
from optimizers.lighting.programs.staircase import changes_of
from optimizers.result import Limits
from tests.bench.cabinets import cabinets
from tests.lighting.enumeration import GRID, best_sharing, bound_ramps

BENT = PowerCurve("bent", (0.0, 0.3, 0.7, 1.0), (0.02, 0.25, 0.62, 1.0))
SODIUM = PowerCurve("sodium", (0.0, 1.0), (0.0, 1.0))
CEILINGS = st.sampled_from([0.0, 0.5, 1.0, 1.0, 1.0])


@st.composite
def problems(draw: st.DrawFn, *, lamps: int = 4, slots: int = 6, holders: int = 1) -> LightingProblem:
    """Few lamps of all sorts: on or off only, with detectors, under ceilings, with a day within the night."""
    n, slots = draw(st.integers(1, lamps)), draw(st.integers(2, slots))
    per_lamp = lambda values: np.array(draw(st.lists(values, min_size=n, max_size=n)))
    per_slot = lambda values: np.array(draw(st.lists(values, min_size=slots, max_size=slots)))
    burning = per_slot(st.sampled_from([True, True, True, True, False]))
    flux = st.integers(0, GRID // 2).map(lambda k: 2 * k / GRID)
    floor = np.stack([per_slot(flux) for _ in range(n)]) * burning
    dims = per_lamp(st.sampled_from([True, True, True, False]))
    ceiling = np.stack([per_slot(CEILINGS) for _ in range(n)]) if draw(st.booleans()) else np.array(1.0)
    lanes = None
    if draw(st.booleans()):
        detection = np.stack([per_slot(st.sampled_from([0.0, 0.3, 0.9])) for _ in range(n)])
        lanes = Lanes(boost=per_lamp(st.sampled_from([0.0, 0.5, 0.8])), detection=detection)
    return LightingProblem(
        lamps=tuple(f"L-{i}" for i in range(n)),
        floor=np.minimum(floor, 1.0),
        ceiling=ceiling,
        burning=burning,
        power_full_w=per_lamp(st.sampled_from([20.0, 54.0, 250.0])),
        ramp_per_slot=per_lamp(st.sampled_from([0.1, 0.25, 0.3, np.inf])),
        dimmable=dims,
        curves=(BENT, SODIUM),
        curve=np.where(dims, 0, 1),
        lanes=lanes,
        holders=Holders(
            names=tuple(f"H-{h}" for h in range(holders)),
            of=per_lamp(st.integers(0, holders - 1)),
            programs=np.array(draw(st.integers(1, 3))),
            switch_points=np.array(draw(st.lists(st.integers(2, 6), min_size=holders, max_size=holders))),
        ),
    )


def needed(problem: LightingProblem) -> np.ndarray:
    """The least flux (n, T), whoever holds it."""
    return solve(replace(problem, holders=None)).flux


def parts_of_the_night(problem: LightingProblem, least: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], problem.burning.astype(int), [0]])))
    return sum(bool(least[:, a:b].any()) for a, b in edges.reshape(-1, 2))


def passed(problem: LightingProblem, flux: np.ndarray) -> int:
    return int((flux > problem.ceiling + 1e-9).sum())


@given(problems())
@settings(max_examples=60)
def test_one_holder_is_as_trying_everything_says(problem: LightingProblem) -> None:
    least = needed(problem)
    held = hold(problem, least)
    holders = problem.holders
    assert holders is not None
    changes = max(int(holders.switch_points[0]), 2 * parts_of_the_night(problem, least))
    over, energy = best_sharing(problem, least, list(range(len(problem.lamps))), int(holders.programs[0]), changes)
    assert passed(problem, held.flux) == over
    assert held.objective_wh[0] == pytest.approx(energy, rel=1e-9)
    assert held.bound_wh[0] == pytest.approx(energy, rel=1e-9)
    assert bool(held.reasons) == (changes > holders.switch_points[0])


@given(problems(lamps=8, slots=12, holders=3))
@settings(max_examples=40)
def test_what_is_held_can_be_held(problem: LightingProblem) -> None:
    least = needed(problem)
    held, holders = hold(problem, least), problem.holders
    assert holders is not None
    assert (held.flux >= least - 1e-9).all()
    assert (held.flux[:, ~problem.burning] == 0).all()
    assert np.isin(held.flux[~problem.dimmable], (0.0, 1.0)).all()
    bound = bound_ramps(problem) & problem.dimmable[:, None]
    steps = np.abs(np.diff(held.flux, axis=1))
    assert (steps <= np.where(bound, problem.ramp_per_slot[:, None], np.inf) + 1e-9).all()
    energy = lamp_energy_wh(problem, held.flux)
    for h in range(3):
        rows = held.flux[holders.of == h]
        assert len(np.unique(rows, axis=0)) <= holders.programs[h]
        most = holders.switch_points[h] if not held.reasons else 2 * problem.burning.size
        assert (changes_of(rows) <= most).all()
        assert held.objective_wh[h] == pytest.approx(energy[holders.of == h].sum())
        assert held.bound_wh[h] <= held.objective_wh[h]


@given(problems(lamps=6, slots=8, holders=2), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_neither_the_order_of_lamps_nor_of_holders_matters(problem: LightingProblem, random: object) -> None:
    least, holders = needed(problem), problem.holders
    assert holders is not None
    order = np.arange(len(problem.lamps))
    random.shuffle(order)  # type: ignore[attr-defined]
    lanes = problem.lanes
    turned = LightingProblem(
        lamps=tuple(problem.lamps[i] for i in order),
        floor=problem.floor[order],
        ceiling=problem.ceiling[order],
        burning=problem.burning,
        power_full_w=problem.power_full_w[order],
        ramp_per_slot=problem.ramp_per_slot[order],
        dimmable=problem.dimmable[order],
        curves=problem.curves,
        curve=problem.curve[order],
        lanes=lanes and Lanes(boost=lanes.boost[order], detection=lanes.detection[order]),
        holders=Holders(
            names=holders.names[::-1],
            of=1 - holders.of[order],
            programs=holders.programs[::-1],
            switch_points=holders.switch_points[::-1],
        ),
    )
    one, other = hold(problem, least), hold(turned, least[order])
    np.testing.assert_allclose(other.objective_wh[::-1], one.objective_wh, rtol=1e-12)
    np.testing.assert_allclose(other.bound_wh[::-1], one.bound_wh, rtol=1e-12)


def with_limits(problem: LightingProblem, programs: int, switch_points: int) -> LightingProblem:
    assert problem.holders is not None
    count = len(problem.holders.names)
    holders = replace(problem.holders, programs=np.full(count, programs), switch_points=np.full(count, switch_points))
    return replace(problem, holders=holders)


SMALL = cabinets(7, 8, lamps=40)
LEAST = needed(SMALL)


def test_more_programs_and_more_changes_never_cost_more() -> None:
    energy = {(k, s): hold(with_limits(SMALL, k, s), LEAST).objective_wh for k in (1, 3, 6, 20) for s in (2, 4, 8, 40)}
    for (k, s), here in energy.items():
        for (more_k, more_s), there in energy.items():
            if more_k >= k and more_s >= s:
                assert (there <= here * (1 + 5e-3)).all()  # exact but where profiles are many
    assert energy[20, 40].sum() == pytest.approx(energy_wh(SMALL, LEAST))


def test_without_limits_each_lamp_has_its_least_flux() -> None:
    held = hold(replace(SMALL, holders=None), LEAST)
    np.testing.assert_allclose(held.flux, LEAST, atol=1e-9)
    assert held.bound_wh.sum() == pytest.approx(held.objective_wh.sum()) == pytest.approx(energy_wh(SMALL, LEAST))


def test_cabinets_are_near_their_bounds() -> None:
    """The bound that the whole is built for: half a percent at most."""
    for programs, switch_points in ((2, 4), (4, 6), (4, 8), (6, 8)):
        held = hold(with_limits(SMALL, programs, switch_points), LEAST)
        gap = 1 - held.bound_wh / held.objective_wh
        assert gap.max() <= 0.005


def test_some_holders_alone_are_as_among_all() -> None:
    whole = hold(SMALL, LEAST)
    some = hold(SMALL, whole.flux * 0 + LEAST, only=np.array([3, 5]))
    assert SMALL.holders is not None
    theirs = np.isin(SMALL.holders.of, (3, 5))
    np.testing.assert_array_equal(some.flux[theirs], whole.flux[theirs])
    np.testing.assert_array_equal(some.flux[~theirs], LEAST[~theirs])
    assert np.flatnonzero(some.objective_wh).tolist() == [3, 5]
    np.testing.assert_array_equal(some.bound_wh[[3, 5]], whole.bound_wh[[3, 5]])
    none = hold(SMALL, LEAST, only=np.array([], int))
    np.testing.assert_array_equal(none.flux, LEAST)
    assert none.objective_wh.sum() == 0


def test_threads_and_repetition_change_nothing() -> None:
    one, other = hold(SMALL, LEAST, Limits(threads=1)), hold(SMALL, LEAST, Limits(threads=2))
    assert one.flux.tobytes() == other.flux.tobytes()
    assert one.bound_wh.tobytes() == other.bound_wh.tobytes()


def test_a_short_search_has_a_bound_and_programs_all_the_same() -> None:
    tight = with_limits(SMALL, 2, 4)
    best, hurried = hold(tight, LEAST), hold(tight, LEAST, Limits(work=1))
    assert (hurried.bound_wh <= best.bound_wh + 1e-9).all()
    assert (hurried.objective_wh >= best.bound_wh - 1e-9).all()
    assert (hurried.bound_wh < hurried.objective_wh * (1 - 1e-6)).any()
    assert hurried.reproducible
    assert not hold(tight, LEAST, Limits(seconds=1e-9)).reproducible
    rough = hold(tight, LEAST, Limits(gap=0.02))
    assert (1 - rough.bound_wh / rough.objective_wh).max() <= 0.02


def test_a_night_of_two_parts_needs_four_changes_and_says_so() -> None:
    problem = LightingProblem(
        lamps=("A", "B"),
        floor=np.array([[0.5, 0.5, 0, 0.7], [0.5, 0.5, 0, 0.0]]),
        burning=np.array([True, True, False, True]),
        power_full_w=np.array(50.0),
        holders=Holders(names=("north", "south"), of=np.array([0, 1]), switch_points=np.array(2)),
    )
    held = hold(problem, problem.floor)
    np.testing.assert_array_equal(held.flux, problem.floor)
    (reason,) = held.reasons
    assert reason == (
        "holder 'north' takes 2 switch points a program, the parts of the night ask 4: planned with these"
    )


def test_a_ceiling_is_passed_only_where_programs_are_too_few() -> None:
    """B is to be dark in the middle, A is to burn: together they do, in two programs each has its own way."""
    problem = LightingProblem(
        lamps=("A", "B"),
        floor=np.array([[0.5, 0.5, 0.5], [0.5, 0.0, 0.5]]),
        ceiling=np.array([[1.0, 1, 1], [1, 0, 1]]),
        burning=np.ones(3, bool),
        power_full_w=np.array([50.0, 5000.0]),
        holders=Holders(names=("H",), of=np.array(0), programs=np.array([1])),
    )
    np.testing.assert_array_equal(hold(problem, problem.floor).flux, [[0.5, 0.5, 0.5]] * 2)
    np.testing.assert_array_equal(hold(with_limits(problem, 2, 8), problem.floor).flux, problem.floor)
    np.testing.assert_array_equal(hold(with_limits(problem, 2, 2), problem.floor).flux, [[0.5, 0.5, 0.5]] * 2)


def test_light_is_bought_rather_than_a_ceiling_passed() -> None:
    """C goes with whom it burns more beside, as beside the other it would pass B's switch-off."""
    problem = LightingProblem(
        lamps=("A", "B", "C"),
        floor=np.array([[1.0, 1, 1], [0.2, 0, 0.2], [0.2, 0.2, 0.2]]),
        ceiling=np.array([[1.0, 1, 1], [1, 0, 1], [1, 1, 1]]),
        burning=np.ones(3, bool),
        power_full_w=np.array(50.0),
        holders=Holders(names=("H",), of=np.array(0), programs=np.array([2])),
    )
    np.testing.assert_array_equal(hold(problem, problem.floor).flux, [[1.0, 1, 1], [0.2, 0, 0.2], [1.0, 1, 1]])


def with_fleet(problem: LightingProblem, most: int) -> LightingProblem:
    assert problem.holders is not None
    return replace(problem, holders=replace(problem.holders, fleet_programs=most))


def test_all_holders_together_keep_within_the_fleets_programs() -> None:
    alone = hold(SMALL, LEAST)
    before = np.inf
    for most in (1, 4, 16, 1000):
        held = hold(with_fleet(SMALL, most), LEAST)
        assert len(np.unique(held.flux, axis=0)) <= most
        assert (held.flux >= LEAST - 1e-9).all()
        assert (changes_of(held.flux) <= 8).all()
        assert SMALL.holders is not None
        rows = [len(np.unique(held.flux[SMALL.holders.of == h], axis=0)) for h in range(8)]
        assert max(rows) <= 6
        np.testing.assert_allclose(held.bound_wh, alone.bound_wh, rtol=1e-12)
        assert alone.objective_wh.sum() <= held.objective_wh.sum() <= before
        before = held.objective_wh.sum()
    assert held.flux.tobytes() == alone.flux.tobytes()


@given(problems(lamps=6, slots=8, holders=3), st.integers(1, 4))
@settings(max_examples=25)
def test_programs_of_a_fleet_keep_what_each_lamp_needs(problem: LightingProblem, most: int) -> None:
    least = needed(problem)
    problem = with_fleet(problem, most)
    held, holders = hold(problem, least), problem.holders
    assert holders is not None
    assert len(np.unique(held.flux, axis=0)) <= most
    assert (held.flux >= least - 1e-9).all()
    assert np.isin(held.flux[~problem.dimmable], (0.0, 1.0)).all()
    bound = bound_ramps(problem) & problem.dimmable[:, None]
    assert (
        np.abs(np.diff(held.flux, axis=1))[bound] <= np.repeat(problem.ramp_per_slot, bound.sum(axis=1)) + 1e-9
    ).all()
    assert (held.bound_wh <= held.objective_wh).all()
    for h in range(3):
        assert len(np.unique(held.flux[holders.of == h], axis=0)) <= holders.programs[h]
