"""The judge names each word that a plan breaks and nothing else, and lets a good plan pass."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import EnergyPlan, EnergyProblem, Shortfall, Wanted, bill, check, shortfalls
from optimizers.energy.check import CONSTRAINTS
from optimizers.energy.check.basics import ROWS
from optimizers.result import Status
from tests.bench.show_energy_check import as_planted
from tests.energy.anything import any_problem, as_they_like
from tests.energy.followed import eur_by_term, followed, honest, left_by
from tests.energy.planted import PLAN, PLANTED, PROBLEM, TOLD, Planted

seeds = st.integers(0, 10**6)
sizes = {"sites": st.integers(1, 4), "slots": st.integers(1, 24)}
problems = st.builds(any_problem, seeds, **sizes)


def named(problem: EnergyProblem, plan: EnergyPlan) -> set[tuple[str, str]]:
    return {(one.constraint, one.object) for one in check(problem, plan)}


def test_a_good_plan_passes() -> None:
    assert check(PROBLEM, PLAN) == []
    assert {one.object for one in PLAN.violations} == {"tank bath", "load pump"}


@pytest.mark.parametrize("planted", PLANTED, ids=[planted.what for planted in PLANTED])
def test_what_is_planted_is_found_and_nothing_else(planted: Planted) -> None:
    assert as_planted(planted, check(planted.problem, planted.plan)), check(planted.problem, planted.plan)


def test_every_word_has_been_broken() -> None:
    broken = {planted.constraint for planted in PLANTED}
    assert set(Wanted) <= broken
    told = {
        "meters": {"import"},
        "battery_powers": {"charge", "discharge", "least charge"},
        "battery_states": {"stored", "capacity"},
        "vehicle_powers": {"away"},
        "vehicle_states": {"stored"},
        "heat_powers": {"heat", "cool", "least heat"},
        "temperatures": {"temperature"},
        "walls": set(),  # in a test of their own: they warm the room beside
        "left": {"claim"},
    }
    for constraint in CONSTRAINTS:
        assert told.get(constraint.__name__, {constraint.__name__.replace("_", " ")}) <= broken, constraint
    assert {"names", "shape", "finite", "unit"} <= broken


def test_walls_that_are_warmer_than_they_can_be_are_found() -> None:
    """They warm the room beside, so that two words break."""
    walls = PLAN.room_mass_c.copy()
    walls[0, 2] += 0.4
    found = {one.constraint: one for one in check(PROBLEM, replace(PLAN, room_mass_c=walls))}
    assert set(found) == {"walls", "temperature"}
    assert found["walls"].amount == pytest.approx(0.4)


def test_walls_that_are_none_may_be_told_of_anything() -> None:
    walls = PLAN.room_mass_c.copy()
    walls[1] = 17.0  # the hall has none
    assert check(PROBLEM, replace(PLAN, room_mass_c=walls)) == []


def test_the_show_passes_and_fails_where_it_should() -> None:
    show = Path("tests/bench/show_energy_check.py")
    done = subprocess.run(
        [sys.executable, str(show)], check=False, capture_output=True, text=True, env={"PYTHONPATH": "."}
    )
    assert done.returncode == 0, done.stderr
    assert f"{len(PLANTED)} planted, {len(PLANTED)} found as they are and nothing else" in done.stdout
    assert not as_planted(PLANTED[0], [])
    assert not as_planted(PLANTED[0], check(PLANTED[1].problem, PLANTED[1].plan) * 2)


@settings(max_examples=150)
@given(problems, seeds)
def test_whoever_does_as_he_may_breaks_nothing(problem: EnergyProblem, seed: int) -> None:
    assert check(problem, as_they_like(problem, seed)) == []


@settings(max_examples=100)
@given(problems, seeds)
def test_the_bill_is_reckoned_as_by_hand(problem: EnergyProblem, seed: int) -> None:
    plan = as_they_like(problem, seed)
    by_hand = eur_by_term(problem, plan)
    assert vars(bill(problem, plan)) == pytest.approx(by_hand, rel=1e-9, abs=1e-9)
    assert bill(problem, plan).total == pytest.approx(plan.objective, rel=1e-9, abs=1e-9)


@settings(max_examples=100)
@given(problems, seeds)
def test_what_is_left_is_reckoned_as_by_hand(problem: EnergyProblem, seed: int) -> None:
    plan = as_they_like(problem, seed)
    found = {(one.constraint, one.object, one.unit): one.amount for one in shortfalls(problem, plan)}
    by_hand = {(one.constraint, one.object, one.unit): one.amount for one in left_by(problem, plan)}
    assert found == pytest.approx(by_hand, rel=1e-9, abs=1e-9)


_ENERGIES = {"stored_wh", "vehicle_stored_wh"}


@settings(max_examples=300)
@given(problems, seeds, st.sampled_from(sorted({name for names in ROWS.values() for name in names})), st.data())
def test_whatever_is_moved_at_random_is_found(
    problem: EnergyProblem, seed: int, name: str, data: st.DataObject
) -> None:
    """Any figure of a plan follows from others, or others from it: alone it cannot move."""
    plan = as_they_like(problem, seed)
    values = np.array(getattr(plan, name), np.float64)
    if not values.size or name == "room_mass_c":
        return
    i, t = (data.draw(st.integers(0, most - 1)) for most in values.shape)
    by = data.draw(st.floats(0.1, 50) | st.floats(-50, -0.1))
    values[i, t] = 1 - values[i, t] if name == "on" else values[i, t] + by
    assert check(problem, replace(plan, **{name: values})), (name, i, t, by)


@settings(max_examples=60)
@given(problems, seeds, st.floats(-0.5, 0.5).filter(lambda x: abs(x) > 1e-2))
def test_a_figure_told_wrongly_is_found(problem: EnergyProblem, seed: int, x: float) -> None:
    plan = as_they_like(problem, seed)
    told = plan.objective + x * max(1.0, bill(problem, plan).turnover)
    assert named(problem, replace(plan, objective=told, bound=-1e9)) == {("objective", "plan")}
    expected = {("bound", "plan")} if x > 0 else set()
    assert named(problem, replace(plan, bound=told)) == expected


@settings(max_examples=60)
@given(problems, seeds)
def test_what_is_left_must_be_named(problem: EnergyProblem, seed: int) -> None:
    plan = as_they_like(problem, seed)
    silent = replace(plan, violations=(), shortfall=Shortfall(), status=Status.FEASIBLE)
    found = {(one.constraint, one.object) for one in check(problem, silent)} - {("shortfall", "plan")}
    assert found == {(one.constraint, one.object) for one in plan.violations}


def test_optimal_is_a_claim_of_the_bound() -> None:
    nothing = EnergyProblem(horizon=PROBLEM.horizon, sites=replace(PROBLEM.sites, group=np.array([-1, -1])))
    plan = followed(nothing)
    assert plan.status == Status.FEASIBLE
    assert named(nothing, replace(plan, status=Status.OPTIMAL, bound=plan.objective)) == set()
    assert named(nothing, replace(plan, status=Status.OPTIMAL)) == {("bound", "plan")}
    assert named(nothing, replace(plan, status=Status.BEST_EFFORT)) == {("status", "plan")}
    assert named(nothing, replace(plan, status=Status.TIME_LIMIT)) == set()
    assert named(PROBLEM, replace(PLAN, status=Status.TIME_LIMIT)) == set()


def test_several_broken_words_are_all_named() -> None:
    told = TOLD | {"charge_w": np.full((2, 6), 6e3), "on": np.ones((2, 6), np.bool_)}
    found = {one.constraint for one in check(PROBLEM, replace(followed(PROBLEM, **told), objective=0.0, bound=-1e9))}
    assert {"one way", "from grid", "charge", "capacity", "stay", "slots", "objective"} <= found


def test_what_rounds_to_nothing_is_no_violation() -> None:
    """Half a thousandth of a W or a Wh, half a millionth of a K."""
    for name, by in (("stored_wh", 5e-4), ("room_c", 5e-7), ("import_w", 5e-4), ("vehicle_charge_w", 5e-4)):
        moved = np.array(getattr(PLAN, name))
        moved[0, 2] += by
        assert check(PROBLEM, replace(PLAN, **{name: moved})) == [], name
        moved[0, 2] += 5 * by
        assert check(PROBLEM, replace(PLAN, **{name: moved})), name


def test_the_worst_slot_is_told_and_how_many_more() -> None:
    heat = TOLD["room_heat_w"].copy()
    heat[0, :2] = (9.5e3, 10e3)
    (found,) = check(PROBLEM, followed(PROBLEM, **(TOLD | {"room_heat_w": heat})))
    assert str(found) == "heat of room classes by 1000 W: slot 1 and 1 more: 10000 W, wants 0 to 9000"


def test_margins_need_not_be_told_but_if_so_whole() -> None:
    prices = np.full((2, 6), 0.2)
    assert check(PROBLEM, replace(PLAN, value_eur_kwh=prices, stored_eur_kwh=prices)) == []
    prices[1, 3] = np.nan
    assert named(PROBLEM, replace(PLAN, stored_eur_kwh=prices)) == {("finite", "battery attic")}


def test_a_margin_makes_a_limit_pass_sooner() -> None:
    """The school's 500 W more than expected are beyond its limit before it is itself."""
    firm = replace(
        PROBLEM.sites, firm=np.array([True, True]), over_eur_kwh=np.array(0.0),
        import_limit_w=np.array([[9.2e3], [18e3]]) * np.ones(6),
    )  # fmt: skip
    problem = EnergyProblem(**{**vars(PROBLEM), "sites": firm})
    plan = followed(problem, **TOLD)
    left = {one.object: one for one in plan.violations if one.constraint == "import limit"}
    assert left["site school"].amount == pytest.approx(0.3 * 2)  # in two hours, 9 kW and the margin beside 9.2 kW
    assert check(problem, plan) == []
    assert check(problem, honest(problem, plan)) == []


def test_rows_of_nobody_and_nobodys_rows_are_told() -> None:
    empty = replace(PLAN, charge_w=np.zeros((0, 6)))
    assert [str(one) for one in check(PROBLEM, empty)] == ["shape of plan by 1: charge_w is (0, 6), wants (2, 6)"]
    nobody = EnergyProblem(**{**vars(PROBLEM), "sheddable": None})
    plan = followed(nobody, **{name: told for name, told in TOLD.items() if name != "given_w"})
    assert check(nobody, plan) == []
    assert check(nobody, replace(plan, given_w=np.zeros((0, 0)))) == []
    assert named(nobody, replace(plan, given_w=np.zeros((1, 6)))) == {("shape", "plan")}


def test_loads_are_shed_up_to_what_they_may_be() -> None:
    """Of the 800 Wh 750 are shed in slots 3 and 4; rounding is a thousandth of a W in each of six hours."""

    def shed(wh: float) -> EnergyPlan:
        given = TOLD["given_w"].copy()
        given[0, 0] -= wh - 750.0
        return followed(PROBLEM, **(TOLD | {"given_w": given}))

    assert check(PROBLEM, shed(800.0)) == []
    assert check(PROBLEM, shed(800.005)) == []
    assert named(PROBLEM, shed(800.02)) == {("shed", "sheddable fans")}


def test_a_vehicle_is_away_from_the_slot_it_leaves_in() -> None:
    """Whatever it does then is told once: that it is not there."""
    for t, field, power_w in ((0, "charge", 9e3), (5, "charge", 100.0), (5, "discharge", 5e3)):
        powers = TOLD[f"vehicle_{field}_w"].copy()
        powers[0, t] = power_w
        (found,) = check(PROBLEM, followed(PROBLEM, **(TOLD | {f"vehicle_{field}_w": powers})))
        assert (found.constraint, found.amount, found.detail) == ("away", power_w, f"slot {t}")


def test_euros_may_miss_by_a_hundred_thousandth_of_what_is_turned_over() -> None:
    turnover = bill(PROBLEM, PLAN).turnover
    assert turnover > 10
    for by, expected in ((0.9e-5, set()), (1.1e-5, {("objective", "plan")})):
        assert named(PROBLEM, replace(PLAN, objective=PLAN.objective + by * turnover)) == expected
    for by, expected in ((0.9e-5, set()), (1.1e-5, {("bound", "plan")})):
        assert named(PROBLEM, replace(PLAN, bound=PLAN.objective + by * turnover)) == expected


def test_what_is_left_may_be_told_to_a_thousandth_of_it() -> None:
    bath = next(one for one in PLAN.violations if one.object == "tank bath")
    others = tuple(one for one in PLAN.violations if one is not bath)
    for by, expected in ((0.9e-3, set()), (1.1e-3, {("claim", "tank bath")})):
        told = replace(bath, amount=bath.amount * (1 + by))
        assert named(PROBLEM, replace(PLAN, violations=(*others, told))) == expected
    for by, expected in ((1.9e-3, set()), (2.1e-3, {("shortfall", "plan")})):
        told = Shortfall(safety=PLAN.shortfall.safety + by * 0.95, comfort=PLAN.shortfall.comfort)
        assert named(PROBLEM, replace(PLAN, shortfall=told)) == expected
    nothing = replace(bath, constraint="floor", unit="K·h", amount=2.0)
    (found,) = check(PROBLEM, replace(PLAN, violations=(*PLAN.violations, nothing)))
    assert found.detail == "floor by 2 K·h claimed, 0 K·h found"


def test_where_something_is_left_is_told() -> None:
    details = {one.what: check(one.problem, one.plan)[0].detail for one in PLANTED}
    assert details["a firm limit passed in silence"] == "slots 1 to 2, not among the plan's violations"
    assert details["a reserve that is spent in silence"] == "slot 5, not among the plan's violations"
    assert details["a load not run in silence"] == "1 slots, not among the plan's violations"
