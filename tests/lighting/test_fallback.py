"""The last plan on tonight, and the normal class all night: over every night of the year, the two long ones too."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.equipment.connections import Room
from engine.errors import ConsigneError, InputError
from engine.instants import noon
from engine.model import Asset
from jobs.lighting import LightingTask, body
from jobs.lighting.body import open_body, with_plan
from jobs.lighting.fallback import shift, without_plan
from jobs.lighting.holders import Keepers
from optimizers.lighting import UNLIMITED, Yesterday, check, energy_wh, solve
from optimizers.result import Status

from .test_jobs import LAMP, NOTHING, STREET, TABLES, counts, evening_traffic, lamp, task_of

DAY = timedelta(days=1)
NIGHTS = [date(2026, 3, 28), date(2026, 10, 24), date(2026, 11, 25), date(2026, 6, 21)]
MIXED = [
    *STREET,
    lamp("X", order=4, crossing=True),
    lamp("S", order=5, dimmable=False, flux_curve="hps-a", standby_w=0.0),
]


def task_on(day: date, lamps: list[Asset] = STREET) -> LightingTask:
    """Counts by the local hour only: every night asks for the same."""
    history = counts(lambda at: evening_traffic(at.replace(day=1)), before=day)
    return task_of(lamps, history, start_at=noon(day))


def hours(task: LightingTask) -> list[tuple[int, int]]:
    return [(at.hour, at.minute) for at in task.night.local]


@pytest.mark.parametrize("day", NIGHTS[:2])
@pytest.mark.parametrize("step", [-1, 1])
def test_over_a_change_of_the_clocks_each_lamp_does_what_it_did_at_that_local_time(day: date, step: int) -> None:
    before, after = task_on(day - DAY if step == 1 else day), task_on(day if step == 1 else day + DAY)
    assert len(before.night.slots) != len(after.night.slots)
    plan = shift(after, body(before, solve(before.problem)))
    old = dict(zip(hours(before), solve(before.problem).flux.T, strict=True))
    for t, clock in enumerate(hours(after)):
        if after.night.burning[t] and clock in old and before.night.burning[hours(before).index(clock)]:
            np.testing.assert_allclose(plan.flux[:, t], old[clock], atol=1e-12)
    assert plan.flux.shape == after.problem.shape
    assert check(after.problem, plan) == []


@settings(max_examples=30)
@given(day=st.dates(date(2026, 1, 1), date(2027, 12, 31)), ago=st.integers(0, 8), levels=st.randoms())
def test_a_shifted_plan_has_todays_shape_is_dark_by_day_and_invents_no_level(
    day: date, ago: int, levels: object
) -> None:
    old, new = task_of(start_at=noon(day - ago * DAY), history=NOTHING), task_of(start_at=noon(day), history=NOTHING)
    random = np.random.default_rng(levels.randrange(2**32))  # type: ignore[attr-defined]
    planned = np.round(random.uniform(0.2, 1, old.problem.shape), 2) * old.night.burning
    block = with_plan(body(old, solve(old.problem)), replace(solve(old.problem), flux=planned))
    plan = shift(new, block)
    assert plan.flux.shape == new.problem.shape
    assert (plan.flux[:, ~new.night.burning] == 0).all()
    assert (plan.flux[:, new.night.burning] >= 0.2 - 1e-9).all()  # never zero while it is dark
    for lit, before in zip(plan.flux, open_body(block).flux, strict=True):
        assert set(lit) <= {*before, 0.0}
    if ago == 0:
        np.testing.assert_allclose(plan.flux, planned, atol=1e-9)


def test_lamps_that_are_gone_are_left_out_and_new_ones_refuse_the_shift() -> None:
    block = body(task_on(NIGHTS[2]), solve(task_on(NIGHTS[2]).problem))
    fewer = task_on(NIGHTS[2] + DAY, STREET[1:])
    assert shift(fewer, block).lamps == ("L-1", "L-2", "L-3")
    with pytest.raises(ConsigneError, match="does not know 1 \\(NEW\\) lamps"):
        shift(task_on(NIGHTS[2] + DAY, [*STREET, lamp("NEW", segment="S-9")]), block)


def test_a_shifted_plan_that_is_too_dark_for_tonight_does_not_pass_the_check() -> None:
    quiet = task_of(history=counts(lambda at: 10.0 + at.hour))
    busy = task_of(
        start_at=noon(date(2026, 11, 26)), history=counts(lambda at: 900.0 + at.hour, before=date(2026, 11, 26))
    )
    plan = shift(busy, body(quiet, solve(quiet.problem)))
    assert "floor" in {violation.constraint for violation in check(busy.problem, plan)}


@pytest.mark.parametrize("day", NIGHTS)
@pytest.mark.parametrize("lamps", [STREET, MIXED], ids=["street", "mixed"])
def test_without_a_plan_every_lamp_keeps_its_normal_class_and_every_constraint(day: date, lamps: list[Asset]) -> None:
    task, plan = without_plan(lamps, tables=TABLES, start_at=noon(day), quantile=0.9)
    assert check(task.problem, plan) == []
    assert (plan.flux[:, task.night.burning] >= 0.69).all()
    assert (plan.flux[:, ~task.night.burning] == 0).all()
    # What it does is the least that the solver would do knowing nothing of traffic.
    np.testing.assert_allclose(plan.flux, solve(task.problem).flux, atol=1e-12)
    assert plan.status is Status.FEASIBLE
    assert plan.bound == energy_wh(task.problem, task.problem.floor) <= plan.objective


def test_lamps_that_cannot_be_read_are_left_to_their_safe_value_and_named() -> None:
    broken = Asset("BAD", "Streetlight", "Z-1", 0, 0, attributes={k: v for k, v in LAMP.items() if k != "power_w"})
    task, plan = without_plan([*STREET, broken], tables=TABLES, start_at=noon(NIGHTS[2]), quantile=0.9)
    assert plan.lamps == ("L-0", "L-1", "L-2", "L-3")
    assert plan.reasons == ("left to their safe value, they cannot be read: 1 (BAD) lamps",)
    assert "BAD" in str(open_body(body(task, plan)).head["reasons"])
    with pytest.raises(InputError):
        without_plan([broken], tables=TABLES, start_at=noon(NIGHTS[2]), quantile=0.9)


def test_a_body_takes_another_plan_of_its_problem_only() -> None:
    task = task_of()
    block, other = body(task, solve(task.problem)), task_of(STREET[1:])
    assert with_plan(block, solve(task.problem)) == block
    with pytest.raises(ValueError, match="wants"):
        with_plan(block, solve(other.problem))


@settings(max_examples=20)
@given(most=st.integers(1, 5), changes=st.integers(2, 4), day=st.sampled_from(NIGHTS))
def test_without_a_plan_keepers_are_kept_to_as_well(most: int, changes: int, day: date) -> None:
    """Streets of several classes and a lamp that cannot dim, at one cabinet and at none that is limited."""
    classes = ["M6", "M5", "M4", "P4"]
    streets = [
        lamp(f"{name}-{n}", segment=name, order=n, class_normal=name, crossing=n == 1)
        for name in classes
        for n in range(2)
    ]
    lamps = [
        *streets,
        lamp("S", segment="X", dimmable=False, flux_curve="hps-a", standby_w=0.0),
        lamp("F", segment="Y"),
    ]
    of = {one.id: "cabinet C-1" for one in lamps} | {"F": "cabinet C-2"}
    keepers = Keepers(of, {"cabinet C-1": Room(most, changes), "cabinet C-2": Room()})
    task, plan = without_plan(lamps, tables=TABLES, start_at=noon(day), quantile=0.9, keepers=keepers)
    free = without_plan(lamps, tables=TABLES, start_at=noon(day), quantile=0.9)[1]
    assert check(task.problem, plan) == []
    limited = plan.flux[[i for i, one in enumerate(plan.lamps) if of[one] == "cabinet C-1"]]
    assert len(np.unique(limited, axis=0)) == min(most, len(np.unique(free.flux[:-1], axis=0)))
    assert (plan.flux >= free.flux).all()


def test_a_stand_in_says_how_many_lamps_it_tells_anew() -> None:
    """Beside another yesterday every lamp is told; that is counted, paid, and named where it is more than may be."""
    day = date(2026, 11, 25)
    task = task_on(day)
    before = body(task, solve(task.problem))
    bright = np.where(task.problem.burning, 1.0, 0.0)
    for most, named in ((UNLIMITED, []), (1, ["changes"])):
        yesterday = Yesterday(flux=np.tile(bright, (len(task.problem.lamps), 1)), changes=most, change_cost_wh=3.0)
        now = replace(task, problem=replace(task.problem, yesterday=yesterday))
        plan = shift(now, before)
        assert plan.changes > 1
        assert plan.objective == pytest.approx(energy_wh(now.problem, plan.flux) + 3.0 * plan.changes)
        assert [v.constraint for v in plan.violations] == named == [v.constraint for v in check(now.problem, plan)]
