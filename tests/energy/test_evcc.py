"""evcc's requests: read strictly, solved by its rules, checked by code of their own, answered in its shape."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import example, problem_to_json
from optimizers.energy.engines import Effort, highs
from optimizers.energy.formats import check, plan_form, problem_form, read_plan, read_problem, solve, write_plan
from optimizers.energy.formats.evcc import EvccPlan, EvccProblem
from optimizers.energy.formats.evcc_check import missed, unmet, value_eur
from optimizers.energy.formats.evcc_rows import money
from optimizers.result import InvalidProblem, Limits, Status
from tests.energy.evcc_cases import EVENING, battery, denied, request

CASES = (
    "009-discharge-before-import", "010-infesible-charge-goal", "012-early-charging-not-perfect",
    "013-grid-export-limit-hit", "014-grid-import-limit-violation", "016-battery-charge-priotization-1",
    "022-feed-in-cap-recovery", "024-attenuate-demand-peaks", "026-attenuate-grid-peaks",
)  # fmt: skip


def read(told: Any) -> EvccProblem:
    problem = read_problem(json.dumps(told), "evcc")
    assert isinstance(problem, EvccProblem)
    return problem


def solved(told: Any) -> tuple[EvccProblem, EvccPlan]:
    """A request's schedule, which breaks no rule; what could not be met is named as the check finds it."""
    problem = read(told)
    plan = solve(problem)
    assert isinstance(plan, EvccPlan)
    assert check(problem, plan) == ()
    found = unmet(problem, plan)
    assert {(one.constraint, one.object) for one in plan.violations} == {(one.constraint, one.object) for one in found}
    assert plan.status is (Status.BEST_EFFORT if found else Status.OPTIMAL)
    return problem, plan


def worth(problem: EvccProblem, plan: EvccPlan) -> float:
    """What evcc wants most of: money with what is stored at the end, less what is missed. Strategies apart."""
    first = float(((plan.stored_kwh[:, 0] - problem.initial_kwh) * problem.worth_eur_kwh).sum())
    return value_eur(problem, plan) + first - 100 * problem.penalty_eur_kwh * missed(problem, plan)


def broken(problem: EvccProblem, plan: Any) -> set[str]:
    """Rules that it breaks, whatever it leaves of goals and limits."""
    return {one.constraint for one in set(check(problem, plan)) - set(unmet(problem, plan))}


def rounded(kwh: Any) -> list[float]:
    return [round(float(value) * 1e3, 1) + 0.0 for value in kwh]


# The stored answers


@pytest.mark.reference
@pytest.mark.parametrize("name", CASES)
def test_stored_answers_are_reached(reference: Path, name: str) -> None:
    text = (reference / "energy" / "evcc" / f"{name}.json").read_text(encoding="utf-8")
    problem, plan = solved(json.loads(text))
    stored = read_plan(problem, text)
    answer = json.loads(write_plan(problem, plan, "evcc"))
    assert answer["status"] == "Optimal"
    assert answer["objective_value"] >= -stored.objective - 1e-4 * abs(stored.objective)
    assert missed(problem, plan) <= missed(problem, stored) + 1e-4
    assert worth(problem, plan) >= worth(problem, stored) - 1e-4 * abs(stored.objective)
    flags = json.loads(text)["expected_response"]["limit_violations"]
    assert answer["limit_violations"] | flags == answer["limit_violations"]


@pytest.mark.reference
@pytest.mark.parametrize("name", CASES)
def test_stored_answers_keep_the_rules_that_we_check(reference: Path, name: str) -> None:
    """So that what the check calls a rule is one of evcc's. One of them is not worth what it says."""
    text = (reference / "energy" / "evcc" / f"{name}.json").read_text(encoding="utf-8")
    problem = read_problem(text, "evcc")
    assert broken(problem, read_plan(problem, text)) == (
        {"objective"} if name == "013-grid-export-limit-hit" else set()
    )


@pytest.mark.reference
@pytest.mark.parametrize("name", ["024-attenuate-demand-peaks", "026-attenuate-grid-peaks"])
def test_stored_schedules_that_evcc_holds_itself_to(reference: Path, name: str) -> None:
    text = (reference / "energy" / "evcc" / f"{name}.json").read_text(encoding="utf-8")
    problem, plan = solved(json.loads(text))
    stored = read_plan(problem, text)
    assert isinstance(stored, EvccPlan)
    for of in ("charge_kwh", "import_kwh", "export_kwh"):
        assert np.allclose(getattr(plan, of), getattr(stored, of), atol=1e-3)


# Rules, each by a schedule that can be told by hand


def test_it_charges_where_energy_is_cheap() -> None:
    told = request(battery(s_goal=[0, 0, 0, 3600], d_max=0), p_N=[0.0003, 0.0002, 0.0003, 0.0003])
    problem, plan = solved(told)
    assert rounded(plan.charge_kwh[0]) == [0, 4000, 0, 0]
    assert rounded(plan.stored_kwh[0]) == [0, 3600, 3600, 3600]
    assert -plan.objective == pytest.approx(-0.8)
    assert value_eur(problem, plan) == pytest.approx(-0.8)


def test_a_goal_out_of_reach_is_approached_and_named() -> None:
    _, plan = solved(request(battery(s_goal=[0, 0, 0, 16000], s_max=20000)))
    assert rounded(plan.stored_kwh[0])[-1] == 4 * 3600
    (violation,) = plan.violations
    assert (violation.constraint, violation.object, violation.unit) == ("goal", "batteries.0", "Wh")
    assert violation.amount == pytest.approx(1600)
    assert "slot 3" in violation.detail


def test_the_first_slots_goal_is_not_sought_yet_told() -> None:
    """evcc begins to count with the second slot."""
    _, plan = solved(request(battery(s_goal=[2000, 0, 0, 0])))
    assert rounded(plan.charge_kwh[0]) == [0, 0, 0, 0]
    assert [one.constraint for one in plan.violations] == ["goal"]


def test_a_charger_gives_its_least_or_nothing() -> None:
    sunny = battery(charge_from_grid=False, d_max=0, p_a=0.00025)
    _, plan = solved(request(sunny | {"c_min": 1400}, ft=[1000, 2000, 500, 0]))
    assert rounded(plan.charge_kwh[0]) == [0, 2000, 0, 0]
    _, whole = solved(request(sunny, ft=[1000, 2000, 500, 0]))
    assert rounded(whole.charge_kwh[0]) == [1000, 2000, 500, 0]


def test_what_cannot_charge_may_have_a_least_charge() -> None:
    _, plan = solved(request(battery(c_min=1380, c_max=0, d_max=0), gt=100))
    assert rounded(plan.charge_kwh[0]) == [0] * 4


def test_demand_is_given_until_the_store_is_full() -> None:
    told = battery(p_demand=[2000, 2000, 2000, 2000], s_initial=5500, d_max=0, c_min=1000, c_max=2000)
    _, plan = solved(request(told))
    assert rounded(plan.charge_kwh[0]) == [2000, 2000, 1000, 0]
    assert plan.violations == ()


def test_less_than_the_least_charge_fills_up_what_is_asked_for_only() -> None:
    told = battery(p_demand=[2000, 2000, 2000, 2000], s_initial=6400 + 200, d_max=0, c_min=1900)
    _, plan = solved(request(told))
    assert plan.stored_kwh[0, -1] == pytest.approx(10.0, abs=1e-5)
    assert plan.violations == ()
    last = plan.charge_kwh[0][plan.charge_kwh[0] > 0]
    assert (last >= 1.9 - 1e-6).sum() >= len(last) - 1


def test_demand_beyond_the_charger_is_named() -> None:
    _, plan = solved(request(battery(p_demand=[5000, 0, 0, 0])))
    assert rounded(plan.charge_kwh[0])[0] == 4000
    assert [(one.constraint, round(one.amount)) for one in plan.violations] == [("demand", 1000)]


def test_a_battery_that_may_not_charge_from_the_grid_takes_the_sun_alone() -> None:
    told = {"p_N": [0.0001, 0.0003, 0.0003, 0.0003], "p_E": 0.00005, "ft": [0, 3000, 0, 0], "gt": [500, 0, 0, 4000]}
    _, plan = solved(request(battery(charge_from_grid=False), **told))
    assert rounded(plan.charge_kwh[0]) == [0, 3000, 0, 0]
    _, free = solved(request(battery(), **told))
    assert free.charge_kwh[0, 0] > 1


def test_a_battery_that_may_not_discharge_to_the_grid_covers_the_house_alone() -> None:
    told = {"p_E": [0.0002, 0.0002, 0.0002, 0.0009], "gt": 1000}
    _, plan = solved(request(battery(discharge_to_grid=False, s_initial=9000), **told))
    assert plan.export_kwh.max() == pytest.approx(0, abs=1e-9)
    _, free = solved(request(battery(s_initial=9000), **told))
    assert free.export_kwh[3] == pytest.approx(3.0)


def test_nothing_is_bought_to_be_sold_in_the_same_slot() -> None:
    _, plan = solved(request(battery(c_max=0, d_max=0), p_N=0.0001, p_E=0.0003, gt=500))
    assert rounded(plan.import_kwh) == [500] * 4
    assert plan.export_kwh.sum() == 0


def test_paid_to_take_it_charges_and_does_not_burn() -> None:
    _, plan = solved(request(battery(s_max=20000, d_max=4000), p_N=-0.0001, p_E=-0.0002))
    assert (np.minimum(plan.charge_kwh, plan.discharge_kwh) == 0).all()
    assert rounded(plan.charge_kwh[0]) == [4000] * 4


def test_what_the_limit_of_export_has_no_place_for_is_stored_else_lost() -> None:
    told = request(battery(d_max=0, c_max=2000, p_a=0.00001), ft=[0, 6000, 6000, 0], grid={"p_max_exp": 3000})
    problem, plan = solved(told)
    assert rounded(plan.charge_kwh[0]) == [0, 2000, 2000, 0]
    assert rounded(plan.lost_kwh) == [0, 1000, 1000, 0]
    assert "no place for 2000 Wh" in plan.reasons[0]
    answer = json.loads(write_plan(problem, plan, "evcc"))
    assert answer["limit_violations"] == {"grid_import_limit_exceeded": False, "grid_export_limit_hit": True}
    assert answer["grid_export_overshoot"] == [0, 1000, 1000, 0]
    assert answer["grid_import_overshoot"] == []


def test_losses_come_late() -> None:
    told = request(battery(s_max=1800, d_max=0, c_max=2000), ft=[5000, 5000, 0, 0], grid={"p_max_exp": 3000})
    _, plan = solved(told)
    assert rounded(plan.lost_kwh) == [0, 2000, 0, 0]


def test_selling_at_a_loss_comes_before_losing() -> None:
    """Below the limit of export nothing is lost, however much selling costs."""
    told = request(battery(c_max=0), ft=[2000, 0, 0, 0], p_N=0.00001, p_E=-0.5, grid={"p_max_exp": 1500})
    _, plan = solved(told)
    assert rounded(plan.export_kwh) == [1500, 0, 0, 0]
    assert rounded(plan.lost_kwh) == [500, 0, 0, 0]


def test_a_limit_of_import_is_kept_before_money_and_what_passes_it_is_named() -> None:
    told = request(battery(s_initial=1000), gt=[2000, 6000, 2000, 2000], grid={"p_max_imp": 3000})
    problem, plan = solved(told)
    (violation,) = plan.violations
    assert (violation.constraint, violation.object) == ("import_limit", "grid")
    assert violation.amount == pytest.approx(6000 - 3000 - 0.9 * (1000 + 0.9 * 1000))
    answer = json.loads(write_plan(problem, plan, "evcc"))
    assert answer["grid_import"][1] == pytest.approx(3000)
    assert answer["grid_import_overshoot"][1] == pytest.approx(violation.amount)
    assert answer["limit_violations"]["grid_import_limit_exceeded"]
    assert answer["violations"][0]["constraint"] == "import_limit"


def test_with_a_price_beyond_the_limit_only_the_highest_power_counts() -> None:
    told = request(
        battery(c_max=0), gt=[2000, 6000, 5000, 2000], grid={"p_max_imp": 3000, "prc_p_exc_imp": 0.0005}
    )  # fmt: skip
    problem, plan = solved(told)
    assert plan.violations == ()
    assert -plan.objective == pytest.approx(-15 * 0.3 - 3 * 0.5)
    answer = json.loads(write_plan(problem, plan, "evcc"))
    assert answer["grid_import"] == pytest.approx([2000, 6000, 5000, 2000])
    assert answer["grid_import_overshoot"] == pytest.approx([0, 3000, 2000, 0])
    flat = request(battery(s_initial=9000), gt=[2000, 6000, 5000, 2000], grid=told["grid"], p_N=0.0003)
    assert solved(flat)[1].import_over_kwh.sum() == 0


def test_a_battery_that_begins_too_full_comes_down_and_is_told() -> None:
    _, plan = solved(
        request(battery(s_capacity=12000, s_initial=12000, s_max=10000, discharge_to_grid=True, d_max=1000))
    )
    assert rounded(plan.discharge_kwh[0])[0] == 1000
    assert [one.constraint for one in plan.violations] == ["highest"]
    _, low = solved(request(battery(s_min=3000, s_initial=0, c_max=2000)))
    assert rounded(low.charge_kwh[0])[:2] == [2000, 3000 / 0.9 - 2000 + 0.0] or low.stored_kwh[0, 1] >= 3.0 - 1e-6
    assert [one.constraint for one in low.violations] == ["lowest"]


# Strategies, among schedules of the same money


def test_peaks_of_demand_are_levelled() -> None:
    told = request(battery(s_goal=[0, 0, 0, 7200], d_max=0), strategy={"charging_strategy": "attenuate_demand_peaks"})
    _, plan = solved(told)
    assert rounded(plan.charge_kwh[0]) == [2000] * 4


def test_peaks_of_feed_in_are_levelled() -> None:
    worth_the_same = 0.0001 / 0.9
    told = request(
        battery(p_a=worth_the_same, d_max=0), ft=[1000, 3000, 5000, 2000],
        strategy={"charging_strategy": "attenuate_feedin_peaks"},
    )  # fmt: skip
    problem, plan = solved(told)
    assert plan.export_kwh.max() == pytest.approx(1.0, abs=1e-4)  # 4 kW is the most that it takes
    other, plain = solved(told | {"strategy": {}})
    assert worth(other, plain) == pytest.approx(worth(problem, plan), abs=1e-5)


def test_charging_comes_before_export() -> None:
    told = request(battery(s_max=1800, d_max=0, p_a=0.0002), ft=[2000, 2000, 2000, 0])
    _, plan = solved(told | {"strategy": {"charging_strategy": "charge_before_export"}})
    assert rounded(plan.charge_kwh[0])[:2] == [2000, 0]


def test_discharging_comes_before_import() -> None:
    told = request(battery(s_initial=1000, charge_from_grid=False), gt=900)
    _, plan = solved(told | {"strategy": {"discharging_strategy": "discharge_before_import"}})
    assert rounded(plan.discharge_kwh[0]) == [900, 0, 0, 0]


def test_priority_decides_between_equals() -> None:
    two = [battery(d_max=0, p_a=0.0002, c_priority=p, s_max=1800) for p in (0, 2)]
    for order in (two, two[::-1]):
        _, plan = solved(request(*order, ft=[2000, 2000, 0, 0]))
        first = [one["c_priority"] for one in order].index(2)
        assert rounded(plan.charge_kwh[first])[:2] == [2000, 0]
        assert rounded(plan.charge_kwh[1 - first])[:2] == [0, 2000]


def test_strategies_cost_nothing() -> None:
    plain = EVENING | {"strategy": {}}
    problem, plan = solved(plain)
    for charging in (
        "charge_before_export",
        "attenuate_demand_peaks",
        "attenuate_feedin_peaks",
        "attenuate_grid_peaks",
    ):
        chosen = {"charging_strategy": charging, "discharging_strategy": "discharge_before_import"}
        other, same = solved(EVENING | {"strategy": chosen})
        assert worth(other, same) == pytest.approx(worth(problem, plan), abs=1e-4)


# Nothing is better


@pytest.mark.parametrize("least", [0, 2000])
def test_no_schedule_of_whole_kilowatts_is_better(least: int) -> None:
    told = request(
        battery(c_min=least, c_max=3000, d_max=2000, s_initial=2000, s_goal=[0, 0, 4500, 0], discharge_to_grid=False),
        slots=4, gt=[1000, 2000, 0, 1500], ft=[0, 3000, 1000, 0], p_N=[0.0002, 0.0004, 0.0003, 0.0005],
    )  # fmt: skip
    problem, plan = solved(told)
    best = worth(problem, plan)
    tried = 0
    for powers in product(range(-2, 4), repeat=4):
        power = np.array([powers], np.float64)
        other = schedule(problem, np.clip(power, 0, None), np.clip(-power, 0, None))
        if not broken(problem, other) - {"objective"}:
            tried += 1
            assert worth(problem, other) <= best + 1e-6
    assert tried > 100


def schedule(problem: EvccProblem, charge: Any, discharge: Any) -> EvccPlan:
    """What follows from flows, of a request without limits."""
    stored = problem.initial_kwh[:, None] + np.cumsum(
        charge * problem.charge_efficiency - discharge / problem.discharge_efficiency, axis=1
    )
    net = problem.drawn_kwh - problem.sun_kwh + (charge - discharge).sum(axis=0)
    nothing = np.zeros(problem.slots)
    return EvccPlan(
        status=Status.FEASIBLE, objective=0.0, bound=-np.inf, seconds=0.0, seed=0, solver="", version="",
        charge_kwh=charge, discharge_kwh=discharge, stored_kwh=stored,
        import_kwh=np.clip(net, 0, None), export_kwh=np.clip(-net, 0, None), import_over_kwh=nothing,
        lost_kwh=nothing, exporting=net < 0, proved=False,
    )  # fmt: skip


def test_a_solver_that_denies_a_schedule_is_asked_again() -> None:
    """HiGHS 1.12 with its presolve: batteries may always rest, so that there is one."""
    linear = money(read(denied()))[0].linear()
    answer = highs.solve(linear, Effort(seconds=200.0, gap=0.0))
    assert answer is not None
    assert answer.status is Status.OPTIMAL
    relaxed = highs.solve(replace(linear, whole=np.zeros_like(linear.whole)), Effort(seconds=200.0, gap=0.0))
    assert relaxed is not None
    assert answer.value >= relaxed.value - 1e-6


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    slots = draw(st.integers(1, 6))

    def series(least: int, most: int, unit: float) -> list[float]:
        return [value * unit for value in draw(st.lists(st.integers(least, most), min_size=slots, max_size=slots))]

    def one() -> dict[str, Any]:
        capacity = draw(st.integers(0, 12)) * 1000
        more = {"s_goal": series(0, 12, 1000)} if draw(st.booleans()) else {}
        more |= {"p_demand": series(0, 4, 700)} if draw(st.booleans()) else {}
        return battery(
            s_capacity=capacity, s_max=capacity // 5 * 4, s_min=capacity // 5,
            s_initial=draw(st.integers(0, 10)) * capacity / 10,
            c_min=draw(st.sampled_from([0, 1380])), c_max=draw(st.sampled_from([1380, 4000])),
            d_max=draw(st.sampled_from([0, 3000])), p_a=draw(st.integers(-1, 3)) * 1e-4,
            charge_from_grid=draw(st.booleans()), discharge_to_grid=draw(st.booleans()),
            c_priority=draw(st.integers(0, 2)), **more,
        )  # fmt: skip

    limits = {"p_max_imp": [0, 1500, 4000], "p_max_exp": [0, 1500, 4000], "prc_p_exc_imp": [0.0002]}
    grid = {name: draw(st.sampled_from(values)) for name, values in limits.items() if draw(st.booleans())}
    if "p_max_imp" not in grid:
        grid.pop("prc_p_exc_imp", None)
    charging = ["none", "charge_before_export", "attenuate_grid_peaks"]
    return request(
        *(one() for _ in range(draw(st.integers(1, 2)))), slots=slots, grid=grid,
        strategy={"charging_strategy": draw(st.sampled_from(charging))}, dt=series(1, 4, 900),
        gt=series(0, 5, 600), ft=series(0, 5, 900), p_N=series(-2, 5, 1e-4), p_E=series(-2, 5, 1e-4),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(requests())
def test_no_schedule_breaks_a_rule_and_resting_is_no_better(told: dict[str, Any]) -> None:
    problem, plan = solved(told)
    assert plan.proved
    nothing = np.zeros_like(plan.charge_kwh)
    net = problem.drawn_kwh - problem.sun_kwh
    rest = schedule(problem, nothing, nothing)
    over = np.clip(net - problem.import_limit_kw * problem.hours, 0, None)
    sold = np.minimum(rest.export_kwh, problem.export_limit_kw * problem.hours)
    object.__setattr__(rest, "import_over_kwh", over)
    object.__setattr__(rest, "lost_kwh", rest.export_kwh - sold)
    object.__setattr__(rest, "export_kwh", sold)
    assert broken(problem, rest) <= {"objective"}
    scale = problem.penalty_eur_kwh
    assert worth(problem, plan) >= worth(problem, rest) - 1e-2 * scale  # full is full to 0.05 Wh, times 100, in 6 slots
    again = read_plan(problem, write_plan(problem, plan, "evcc"))
    assert check(problem, again) == ()


# The check


@pytest.mark.parametrize(
    ("field", "at", "wrong", "constraint"),
    [
        ("charge_kwh", (1, 2), 4.5, "charge_max"),
        ("charge_kwh", (0, 0), 0.2, "charge_least"),
        ("charge_kwh", (0, 0), -1.0, "negative_power"),
        ("discharge_kwh", (1, 4), 9.0, "discharge_max"),
        ("stored_kwh", (1, 3), 9.9, "capacity"),
        ("stored_kwh", (1, 3), 4.0, "store"),
        ("stored_kwh", (0, 7), 30.0, "goal"),
        ("import_kwh", 7, 12.0, "balance"),
        ("import_kwh", 7, 12.0, "import_over"),
        ("import_over_kwh", 7, 1.0, "import_limit"),
        ("export_kwh", 1, 3.5, "export_limit"),
        ("export_kwh", 7, -1.0, "negative_export"),
        ("lost_kwh", 3, 0.5, "lost"),
        ("exporting", 7, True, "flow_direction"),
        ("objective", None, 3.0, "objective"),
    ],
)
def test_what_is_planted_is_found(field: str, at: Any, wrong: float, constraint: str) -> None:
    problem, plan = solved(EVENING)
    if at is None:
        value: Any = wrong
    else:
        value = getattr(plan, field).copy()
        value[at] = wrong
    object.__setattr__(plan, field, value)
    assert constraint in {one.constraint for one in check(problem, plan)}


@pytest.mark.parametrize("told", [{"charge_from_grid": False}, {"discharge_to_grid": False}])
def test_leave_that_is_not_given_is_found(told: dict[str, bool]) -> None:
    """A schedule made with every leave, held against a request with less."""
    free = request(
        battery(s_initial=5000, p_a=0.00025), gt=0, p_N=[0.0001, 0.0003, 0.0003, 0.0003], p_E=[0.0, 0, 0, 0.0006]
    )
    _, plan = solved(free)
    (name,) = told
    found = check(read(free | {"batteries": [free["batteries"][0] | told]}), plan)
    assert name in {one.constraint for one in found}


def test_both_ways_at_once_are_found() -> None:
    problem, plan = solved(EVENING)
    both = plan.charge_kwh.copy()
    both[1, 5] = plan.discharge_kwh[1, 5] = 1.0
    object.__setattr__(plan, "charge_kwh", both)
    found = {one.constraint for one in check(problem, plan)}
    assert "not_both" in found
    object.__setattr__(plan, "import_kwh", plan.import_kwh + 1.0)
    object.__setattr__(plan, "export_kwh", plan.export_kwh + 1.0)
    assert "one_way" in {one.constraint for one in check(problem, plan)}


def test_what_is_left_must_be_named() -> None:
    problem, plan = solved(request(battery(s_goal=[0, 0, 0, 16000], s_max=20000)))
    object.__setattr__(plan, "violations", ())
    assert [one.constraint for one in check(problem, plan)] == ["goal"]


# Forms


def test_which_format_follows_from_the_content() -> None:
    assert problem_form(json.dumps(EVENING)) == "evcc"
    assert problem_form(json.dumps({"request": EVENING, "expected_response": {}})) == "evcc"
    assert problem_form(problem_to_json(example(1))) == "json"
    assert problem_form("nothing of the kind") == "json"
    assert problem_form(b"\xff{") == "json"
    assert plan_form("evcc", "plan.json") == "evcc"


def test_ours_goes_the_same_way() -> None:
    problem = read_problem(problem_to_json(example(1)), "json")
    plan = solve(problem, Limits(seconds=60))
    text = write_plan(problem, plan, "json")
    assert check(problem, read_plan(problem, text)) == ()


def test_an_answer_is_read_as_it_was_written() -> None:
    problem, plan = solved(EVENING)
    again = read_plan(problem, write_plan(problem, plan, "evcc"))
    assert isinstance(again, EvccPlan)
    for name in (
        "charge_kwh",
        "discharge_kwh",
        "stored_kwh",
        "import_kwh",
        "export_kwh",
        "import_over_kwh",
        "lost_kwh",
    ):
        assert np.allclose(getattr(again, name), getattr(plan, name), atol=1e-8)
    assert (again.exporting == plan.exporting).all()
    assert (again.objective, again.proved) == (plan.objective, True)


def test_the_same_request_has_the_same_answer() -> None:
    first, second = (write_plan(*solved(EVENING), "evcc") for _ in range(2))
    assert first == second


def test_without_time_there_is_no_schedule_and_that_is_said() -> None:
    problem = read(EVENING)
    plan = solve(problem, Limits(seconds=1e-9, work=1))
    if plan.status is Status.TIME_LIMIT:
        answer = json.loads(write_plan(problem, plan, "evcc"))
        assert (answer["status"], answer["objective_value"], answer["batteries"]) == ("Not Solved", None, [])
        assert "in time" in plan.reasons[0]
        with pytest.raises(InvalidProblem, match="there is no schedule"):
            read_plan(problem, json.dumps(answer))
    else:
        assert not plan.reproducible or plan.proved


def wrong(told: Any) -> str:
    with pytest.raises(InvalidProblem) as found:
        read_problem(json.dumps(told), "evcc")
    return "\n".join(found.value.problems)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"s_initial": 11000}, "batteries.0.s_initial: is 11000, wants 0 to 10000"),
        ({"s_min": 10001}, "batteries.0.s_min: is 10001, wants no more than s_max, 10000"),
        ({"s_capacity": 9000}, "batteries.0.s_max: is 10000, wants no more than s_capacity, 9000"),
        ({"c_min": 5000}, "batteries.0.c_min: is 5000, wants no more than c_max, 4000"),
        ({"s_goal": [1.0]}, "batteries.0.s_goal: has 1 values, wants 4"),
        ({"p_demand": [1.0] * 5}, "batteries.0.p_demand: has 5 values, wants 4"),
        ({"d_max": -1}, "batteries.0.d_max"),
        ({"c_priority": 3}, "batteries.0.c_priority"),
        ({"colour": "red"}, "batteries.0.colour"),
    ],
)
def test_a_wrong_battery_is_told(change: dict[str, Any], told: str) -> None:
    assert told in wrong(request(battery(**change)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"eta_c": 1.2}, "eta_c"),
        ({"eta_d": 0}, "eta_d"),
        ({"batteries": []}, "batteries"),
        ({"strategy": {"charging_strategy": "at_night"}}, "strategy.charging_strategy"),
        (
            {"grid": {"prc_p_exc_imp": 1.0}},
            "grid.prc_p_exc_imp: is the price of what is beyond a limit, wants p_max_imp",
        ),
        ({"dt": 0}, "time_series.dt.0"),
        ({"gt": -5}, "time_series.gt.0"),
        ({"p_N": float("nan")}, "time_series.p_N.0"),
        ({"ft": float("inf")}, "time_series.ft.0"),
        ({"p_E": [0.1]}, "time_series.p_E: has 1 values, wants 4"),
    ],
)
def test_a_wrong_request_is_told(change: dict[str, Any], told: str) -> None:
    assert told in wrong(
        request(battery()) | change
        if not {*change} & {"dt", "gt", "ft", "p_N", "p_E"}
        else request(battery(), **change)
    )


def test_everything_wrong_is_told_at_once() -> None:
    told = wrong(request(battery(s_initial=99999, c_min=5000), battery(s_goal=[1.0]), ft=[1.0]))
    assert len(told.splitlines()) == 4


def test_more_that_is_drawn_is_summed() -> None:
    told = request(battery(c_max=0, d_max=0), gt=100)
    told["time_series"]["gt_add"] = [[50] * 4, [25, 0, 0, 0]]
    assert rounded(solved(told)[1].import_kwh) == [175, 150, 150, 150]


def test_what_is_no_request_is_told() -> None:
    for text in ("", "{", "[1]", "{}"):
        with pytest.raises(InvalidProblem):
            read_problem(text, "evcc")
    with pytest.raises(InvalidProblem, match="vehicles"):
        read_problem(json.dumps(EVENING), "evcc", vehicles=3)


def test_a_wrong_answer_is_told() -> None:
    problem, plan = solved(EVENING)
    answer = json.loads(write_plan(problem, plan, "evcc"))
    for change, told in (
        ({"grid_import": [1.0]}, "grid_import: has 1 values, wants 8"),
        ({"batteries": answer["batteries"][:1]}, "batteries: there are 1, wants 2"),
        ({"flow_direction": "x"}, "flow_direction"),
    ):
        with pytest.raises(InvalidProblem, match=told):
            read_plan(problem, json.dumps(answer | change))
