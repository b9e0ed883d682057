"""The judge of programs, budgets, changes and lanes: each kind of violation is found where it is planted, and told."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizers.lighting import (
    Budget,
    Holders,
    Lanes,
    LightingPlan,
    LightingProblem,
    PowerCurve,
    Yesterday,
    check,
    energy_wh,
)
from optimizers.lighting.problem import WH_GIVEN_UP
from optimizers.result import Status, Violation

NIGHT = np.array([False, True, True, True, True, False])
FLOOR = np.array([[0, 1, 0.5, 0.5, 1, 0], [0, 0.8, 0.4, 0.4, 0.8, 0], [0, 1, 1, 1, 1, 0]])
CURVE = PowerCurve("led", (0.0, 0.5, 1.0), (0.02, 0.45, 1.0))


def problem(**parts: Any) -> LightingProblem:
    """Three lamps of 100, 200 and 300 W that no ramp and no neighbour holds, over six hours, dark in four."""
    whole = {
        "lamps": ("A", "B", "C"),
        "floor": FLOOR,
        "burning": NIGHT,
        "power_full_w": [100.0, 200.0, 300.0],
        "curves": (CURVE,),
        "slot_s": 3600.0,
    }
    return LightingProblem(**(whole | parts))


def plan(of: LightingProblem, flux: np.ndarray = FLOOR, **claims: Any) -> LightingPlan:
    """A plan that tells its energy honestly, and of the rest what is claimed."""
    energy = energy_wh(of, flux)
    told: dict[str, Any] = {"status": Status.FEASIBLE, "objective": energy, "bound": 0.0, "energy_wh": energy}
    told |= {"seconds": 0.0, "seed": 0, "solver": "by hand", "version": "1", "lamps": of.lamps, "flux": flux}
    return LightingPlan(**(told | claims))


def named(violations: list[Violation]) -> list[tuple[str, str]]:
    return [(violation.constraint, violation.object) for violation in violations]


def holders(**limits: Any) -> Holders:
    return Holders(names=("N", "S"), of=np.array([0, 0, 1]), **limits)


def test_as_many_programs_as_a_holder_holds() -> None:
    fits = problem(holders=holders(programs=np.array([2, 1])))
    assert check(fits, plan(fits)) == []
    tight = problem(holders=holders(programs=np.array([1, 1])))
    (found,) = check(tight, plan(tight))
    assert str(found) == "programs of N by 1 programs: 2 of them, it holds 1"
    same = np.tile(FLOOR[2], (3, 1))
    assert check(tight, plan(tight, same)) == []


def test_levels_nearer_than_the_tolerance_are_one_program() -> None:
    tight = problem(holders=holders(programs=np.array([1, 1])))
    nearly = np.tile(FLOOR[2], (3, 1))
    nearly[0, 1] -= 1e-13
    assert check(tight, plan(tight, nearly)) == []


def test_programs_of_the_whole_fleet() -> None:
    """Two holders that share a program use it once."""
    shared = FLOOR.copy()
    shared[0] = FLOOR[2]
    for most, expected in ((2, []), (1, [("fleet programs", "plan")])):
        tight = problem(holders=holders(fleet_programs=most))
        assert named(check(tight, plan(tight, shared))) == expected


def test_switch_points_with_dusk_and_dawn() -> None:
    for most, expected in ((4, []), (3, [("switch points", "A"), ("switch points", "B")])):
        tight = problem(holders=holders(switch_points=np.array([most, 2])))
        assert named(check(tight, plan(tight))) == expected


def test_a_night_that_does_not_end_within_the_slots_is_switched_off_too() -> None:
    always = problem(burning=np.ones(6, bool), floor=1.0, holders=holders(switch_points=2))
    assert check(always, plan(always, np.ones((3, 6)))) == []


def test_energy_beyond_its_budget() -> None:
    energy = energy_wh(problem(), FLOOR)
    fits = problem(budget=Budget(relaxed=FLOOR, energy_wh=energy))
    assert check(fits, plan(fits)) == []
    tight = problem(budget=Budget(relaxed=FLOOR, energy_wh=energy - 3))
    (found,) = check(tight, plan(tight))
    assert (found.constraint, found.object, found.unit) == ("energy budget", "plan", "Wh")
    assert found.amount == pytest.approx(3)


def test_power_beyond_its_peak() -> None:
    """100 W, 80 % of 200 W on the curve, and 300 W."""
    full = 100 + 200 * (0.45 + 0.55 * 0.6) + 300
    fits = problem(budget=Budget(relaxed=FLOOR, peak_w=full))
    assert check(fits, plan(fits)) == []
    tight = problem(budget=Budget(relaxed=FLOOR, peak_w=full - 7))
    (found,) = check(tight, plan(tight))
    assert (found.constraint, found.amount, found.unit) == ("peak", pytest.approx(7), "W")
    assert found.detail == "slot 1 and 1 more"
    once = problem(budget=Budget(relaxed=FLOOR, peak_w=np.where(np.arange(NIGHT.size) == 1, full - 7, np.inf)))
    (found,) = check(once, plan(once))
    assert (found.amount, found.detail) == (pytest.approx(7), "slot 1")


def test_where_a_budget_is_asked_the_relaxed_floor_is_the_floor() -> None:
    relaxed = FLOOR.copy()
    relaxed[1] = np.where(NIGHT, 0.2, 0.0)
    low = FLOOR.copy()
    low[1] = relaxed[1]
    eased = problem(budget=Budget(relaxed=relaxed, weight=np.array([1.0, 2.0, 1.0])))
    given = 2.0 * 200 * (2 * 0.6**2 / 0.8 + 2 * 0.2**2 / 0.4)
    assert check(eased, plan(eased, low, given_up=given)) == []
    assert ("floor", "B") in named(check(problem(), plan(problem(), low)))
    low[1, 2] = 0.19
    assert ("floor", "B") in named(check(eased, plan(eased, low, given_up=given)))


def test_light_given_up_wrongly_told() -> None:
    eased = problem(budget=Budget(relaxed=FLOOR / 2))
    low = FLOOR * 0.9
    given = sum(watts * (row.sum() * 0.01) for watts, row in zip((100, 200, 300), FLOOR, strict=True))
    assert check(eased, plan(eased, low, given_up=given)) == []
    for wrong in (0.0, given * 1.001, np.nan):
        assert ("given up", "plan") in named(check(eased, plan(eased, low, given_up=wrong)))
    assert named(check(eased, plan(eased, low, given_up=given, given_up_bound=given * 1.1))) == [
        ("given up bound", "plan")
    ]


def test_an_objective_of_light_given_up() -> None:
    eased = problem(budget=Budget(relaxed=FLOOR / 2))
    low = FLOOR * 0.9
    given = sum(watts * (row.sum() * 0.01) for watts, row in zip((100, 200, 300), FLOOR, strict=True))
    claims = {"given_up": given, "unit": WH_GIVEN_UP}
    assert check(eased, plan(eased, low, objective=given, **claims)) == []
    assert named(check(eased, plan(eased, low, **claims))) == [("objective", "plan")]
    assert ("unit", "plan") in named(check(eased, plan(eased, low, given_up=given, unit="kWh")))
    energy = energy_wh(eased, low)
    assert named(check(eased, plan(eased, low, objective=given, energy_wh=energy + 1, **claims))) == [
        ("energy", "plan")
    ]


def test_no_light_is_given_up_without_a_budget() -> None:
    assert named(check(problem(), plan(problem(), given_up=1.0))) == [("given up", "plan")]


def test_lamps_told_another_program() -> None:
    """A keeps, B changes, of C nothing is known: two are told."""
    before = FLOOR.copy()
    before[1, 2] = 0.5
    before[2] = np.nan
    for most, expected in ((2, []), (1, [("changes", "plan")])):
        tight = problem(yesterday=Yesterday(flux=before, changes=most))
        assert named(check(tight, plan(tight, changes=2))) == expected
        assert ("changes claimed", "plan") in named(check(tight, plan(tight, changes=1)))


def test_changes_are_paid_in_the_objective() -> None:
    before = FLOOR.copy()
    before[1] = np.nan
    costly = problem(yesterday=Yesterday(flux=before, change_cost_wh=11.0))
    energy = energy_wh(costly, FLOOR)
    assert check(costly, plan(costly, changes=1, objective=energy + 11)) == []
    assert named(check(costly, plan(costly, changes=1))) == [("objective", "plan")]


def test_the_power_that_lanes_are_expected_to_take() -> None:
    """C boosts to full from half, three tenths of the time, in four hours: 300 W · (0.7 · 0.45 + 0.3)."""
    floor = np.where(NIGHT, 0.5, 0.0)
    lanes = Lanes(boost=np.array([0, 0, 1.0]), detection=np.full((3, 6), 0.3))
    laned = problem(floor=floor, lanes=lanes)
    flux = np.tile(floor, (3, 1))
    expected = 300 * (4 * 0.45 + 2 * 0.02) + 300 * (4 * (0.7 * 0.45 + 0.3) + 2 * 0.02)
    assert check(laned, plan(laned, flux, objective=expected, energy_wh=expected)) == []
    silent = problem(floor=floor)
    assert ("objective", "plan") in named(check(silent, plan(silent, flux, objective=expected, energy_wh=expected)))


def test_what_holders_are_said_to_take() -> None:
    held = problem(holders=holders())
    told = np.array([energy_wh(held, np.where(np.arange(3)[:, None] < 2, FLOOR, 0.0)) - 6 * 0.02 * 300, 0.0])
    told[1] = energy_wh(held, FLOOR) - told[0]
    honest = plan(held, holders=("N", "S"), holder_objective_wh=told, holder_bound_wh=told)
    assert check(held, honest) == []
    assert check(held, replace(honest, holders=())) == []
    wrong = replace(honest, holder_objective_wh=told + np.eye(2)[1], holder_bound_wh=told + np.eye(2)[0])
    assert named(check(held, wrong)) == [("holder energy", "S"), ("holder bound", "N")]
    assert named(check(held, replace(honest, holders=("S", "N")))) == [("holders", "plan")]
    assert named(check(held, replace(honest, holder_bound_wh=told[:1]))) == [("holders", "plan")]


def test_a_lamp_that_cannot_dim_may_be_off_where_its_relaxed_floor_is_nothing() -> None:
    relay = problem(dimmable=[True, True, False], budget=Budget(relaxed=np.where(np.arange(3)[:, None] == 2, 0, FLOOR)))
    off = FLOOR.copy()
    off[2, 2] = 0.0
    assert check(relay, plan(relay, off, given_up=300.0)) == []
    strict = replace(plan(relay, off), given_up=0.0)
    assert ("switched", "C") in named(check(problem(dimmable=[True, True, False]), strict))
