"""Why a hydrozone gets what it gets: figures reckoned by hand, and what is said to leave no room leaves none."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.irrigation import (
    Explanation,
    Held,
    IrrigationPlan,
    IrrigationProblem,
    check,
    explain,
    full_example,
    generated,
)
from optimizers.irrigation.check import allowed_spans
from optimizers.irrigation.problem import Windows
from tests.irrigation.planted import HEDGE, LAWN, PITCH, PLAN, PROBLEM, ROSES, honest, reckoned_eur
from tests.irrigation.sequential import sequential

TOLD = explain(PROBLEM, PLAN)

problems = st.builds(
    generated, st.integers(1, 6), st.integers(1, 2), st.just(1), st.integers(1, 2), st.integers(0, 10**6)
)


def with_one_more(problem: IrrigationProblem, plan: IrrigationPlan, z: int, start: float) -> IrrigationPlan:
    opened, starts = np.append(plan.opened, z), np.append(plan.start_s, start)
    order = np.argsort(starts, kind="stable")
    ends = np.append(plan.end_s, start + problem.hydrozones.cycle_s[z])
    cycles = plan.cycles.copy()
    cycles[z] += 1
    whole = {"cycles": cycles, "opened": opened[order], "start_s": starts[order], "end_s": ends[order]}
    return honest(replace(plan, **whole), problem)


def test_what_the_lawn_is_told() -> None:
    lawn = TOLD[LAWN]
    assert (lawn.hydrozone, lawn.depletion_mm, lawn.raw_mm, lawn.taw_mm) == ("lawn", 20.0, 24.0, 60.0)
    assert lawn.etc_mm == pytest.approx((5.0 * 0.875, 5.5 * 0.875))
    assert lawn.rain_mm == pytest.approx((0.5, 2.25))
    assert lawn.left_mm == pytest.approx((0.75 * 19 + 0.25 * 14.5, 0.75 * 19.5 + 0.25 * 8.25))
    assert lawn.dry_mm == pytest.approx((0.75 * 25 + 0.25 * 20.5, 0.75 * 30.5 + 0.25 * 14.25))
    assert (lawn.cycles, lawn.water_mm, lawn.water_m3) == (3, 6.0, 3.0)


def test_a_cycle_less_is_weighed_by_the_definition() -> None:
    """The lawn never lacks: a cycle less saves 1 m3 at 0.80 and leaves 2 mm at 0.30."""
    assert TOLD[LAWN].fewer_eur == pytest.approx(-0.8 + 0.6)
    for z in (LAWN, PITCH, ROSES, HEDGE):
        cycles = PLAN.cycles.copy()
        cycles[z] -= 1
        expected = reckoned_eur(PROBLEM, replace(PLAN, cycles=cycles)) - PLAN.objective
        assert TOLD[z].fewer_eur == pytest.approx(expected)


def test_a_cycle_more_spares_the_next_ones() -> None:
    """The pitch lacks water: a cycle tonight in the place of one tomorrow is dearer only where tomorrow has none."""
    cycles, later = PLAN.cycles.copy(), PLAN.later_cycles.copy()
    cycles[PITCH] += 1
    kept = reckoned_eur(PROBLEM, replace(PLAN, cycles=cycles))
    later[:, 0, PITCH] -= 1
    spared = reckoned_eur(PROBLEM, replace(PLAN, cycles=cycles, later_cycles=later))
    assert TOLD[PITCH].more_eur == pytest.approx(min(kept, spared) - PLAN.objective)
    assert TOLD[PITCH].more_eur < 0


def test_what_holds_each() -> None:
    """The pitch has room in the last hour; the hedge has had its one cycle; the town's water is spent."""
    assert TOLD[LAWN].held == ()
    assert TOLD[PITCH].held == ()
    assert TOLD[HEDGE].held == ((Held.MOST_CYCLES, ""),)
    assert TOLD[ROSES].held == ((Held.BUDGET, "town water tonight"),)


def held(z: int, **windows: object) -> tuple[tuple[Held, str], ...]:
    changed = Windows(**{**vars(PROBLEM.windows), **windows})
    problem = IrrigationProblem(**{**vars(PROBLEM), "windows": changed})
    return explain(problem, PLAN)[z].held


def test_no_window_is_said_before_all_else() -> None:
    allowed = np.array(PROBLEM.windows.allowed)
    allowed[PITCH] = False
    assert held(PITCH, allowed=allowed) == ((Held.FORBIDDEN, ""),)


def test_a_window_may_be_full_of_its_own_cycles() -> None:
    """Three cycles of the lawn with their soaks in 2,400 seconds, two of the pitch in 1,700; in 2,400 the pitch alone
    could have four.
    """
    allowed = np.array([[1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1], [1, 0, 1, 1]], np.bool_)
    short = {"allowed": allowed, "end_s": np.array([2400.0, 7200.0, 14400.0, 90000.0])}
    assert held(LAWN, **short) == ((Held.WINDOW, ""),)
    assert held(PITCH, **short) == ((Held.NETWORK, "river"),)
    assert held(PITCH, **short | {"end_s": np.array([1700.0, 7200.0, 14400.0, 90000.0])}) == ((Held.WINDOW, ""),)


def test_a_network_may_be_full_of_others() -> None:
    """In the first hour alone: the lawn and the hedge leave the pitch no ten minutes between 600 and 1,500."""
    allowed = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1], [1, 0, 0, 1]], np.bool_)
    end_s = np.array([2600.0, 7200.0, 14400.0, 90000.0])
    assert held(PITCH, allowed=allowed, end_s=end_s) == ((Held.NETWORK, "river"),)
    assert held(PITCH, allowed=allowed, end_s=end_s + 100) == ()


@settings(max_examples=25)
@given(problems, st.integers(1, 12))
def test_room_that_is_said_to_be_left_is_left_and_no_other(problem: IrrigationProblem, most: int) -> None:
    """The judge tries one opening more: every half hour, and whenever a window begins or another opening is over."""
    plan = sequential(problem, most)
    for z, told in enumerate(explain(problem, plan)):
        spans = allowed_spans(problem, z, 0)
        tried = {start for start, _ in spans} | {at for a, b in spans for at in np.arange(a, b, 1800.0).tolist()}
        tried |= set(plan.end_s.tolist()) | set((plan.end_s + problem.hydrozones.soak_s[z]).tolist())
        blocked = {kind for kind, _ in told.held} & {Held.FORBIDDEN, Held.WINDOW, Held.NETWORK}
        fits = any(not check(problem, with_one_more(problem, plan, z, at)) for at in sorted(tried))
        assert fits is not bool(blocked), (told, z)


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_every_hydrozone_of_the_whole_example_is_explained(seed: int) -> None:
    problem = full_example(seed)
    plan = sequential(problem)
    told = explain(problem, plan)
    assert [one.hydrozone for one in told] == list(problem.hydrozones.names)
    assert told[0].held[0] == (Held.FORBIDDEN, "")
    assert [one.fewer_eur is None for one in told] == (plan.cycles == 0).tolist()
    assert all(isinstance(one, Explanation) and np.isfinite(one.more_eur) for one in told)
    assert all(a <= b + 1e-9 for one in told for a, b in zip(one.left_mm, one.dry_mm, strict=True))
