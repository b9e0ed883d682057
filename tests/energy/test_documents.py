"""JSON in and out: nothing lost, a schema that holds, every problem of a text at once, units in doubt named."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.energy import (
    EnergyProblem,
    check,
    example,
    full_example,
    pack,
    plan_from_json,
    plan_schema,
    plan_to_json,
    problem_from_json,
    problem_schema,
    problem_to_json,
    solve,
    unpack,
)
from optimizers.energy.problem import PARTS, names_of
from optimizers.result import InvalidProblem, Limits
from tests.energy.anything import any_problem, as_they_like
from tests.energy.planted import PLAN, PROBLEM

seeds = st.integers(0, 10**6)
problems = st.builds(any_problem, seeds, st.integers(1, 4), st.integers(1, 24))


@settings(max_examples=100)
@given(problems)
def test_a_problem_comes_back_as_it_was(problem: EnergyProblem) -> None:
    text = problem_to_json(problem)
    again = problem_from_json(text)
    assert problem_to_json(again) == text
    assert pack(again) == pack(problem)


@settings(max_examples=60)
@given(problems)
def test_a_problem_packed_comes_back_to_the_last_bit(problem: EnergyProblem) -> None:
    again = unpack(pack(problem))
    assert pack(again) == pack(problem)
    for part, kind in PARTS.items():
        one, other = getattr(problem, part), getattr(again, part)
        assert (one is None) == (other is None)
        for name in kind.arrays if one is not None else ():
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@settings(max_examples=60)
@given(problems, seeds, st.booleans())
def test_a_plan_comes_back_as_it_was(problem: EnergyProblem, seed: int, priced: bool) -> None:
    plan = as_they_like(problem, seed)
    if priced:
        prices = {"value_eur_kwh": plan.import_w / 1e5, "stored_eur_kwh": plan.stored_wh / 1e6}
        plan = replace(plan, **prices)
    again = plan_from_json(plan_to_json(plan))
    for name, value in vars(plan).items():
        if isinstance(value, np.ndarray) and 0 not in value.shape:
            np.testing.assert_array_equal(getattr(again, name), value)
    assert plan_to_json(again) == plan_to_json(plan)
    assert (again.violations, again.status, again.sites) == (plan.violations, plan.status, plan.sites)
    assert vars(again.shortfall) == vars(plan.shortfall)
    assert check(problem, again) == []


def test_a_plan_tells_devices_by_name_and_leaves_out_what_it_does_not_know() -> None:
    told = json.loads(plan_to_json(PLAN))
    assert {part: [one["id"] for one in told[part]] for part in names_of(PROBLEM)} == {
        part: list(names) for part, names in names_of(PROBLEM).items()
    }
    assert "value_eur_kwh" not in told["sites"][0]
    assert told["loads"][0]["on"] == [False, True, True, False, False, False]
    cut = replace(PLAN, reproducible=False, reasons=("the clock cut it short",))
    again = plan_from_json(plan_to_json(cut))
    assert (again.reproducible, again.reasons) == (False, ("the clock cut it short",))


def test_the_examples_are_as_they_say() -> None:
    problem, full = example(0), full_example(0)
    assert problem.shape == (1, 96)
    assert full.shape == (3, 144)
    assert all(getattr(full, part) is not None for part in PARTS)
    assert problem_to_json(example(0)) == problem_to_json(example(0)) != problem_to_json(example(1))
    for seed in range(20):
        for made in (example(seed), full_example(seed)):
            assert pack(problem_from_json(problem_to_json(made))) == pack(made)


def test_everything_that_can_be_asked_is_asked_in_the_whole_example() -> None:
    """Every field of every part says somewhere more than its default."""
    told = json.loads(problem_to_json(full_example(0)))
    unasked = {"cool_max_w": {"tanks"}, "cool_cop": {"tanks"}, "mass_wh_k": {"tanks"}, "coupling_w_k": {"tanks"},
               "mass_initial_c": {"tanks"}}  # fmt: skip
    optional = {"tanks": {"heat_least_w", "electric", "fuel_eur_kwh", "fuel_g_kwh", "high_c"}, "rooms": {
        "boost_c", "boost_slot", "ceiling_c"}}  # fmt: skip
    properties = problem_schema()["properties"]
    for part in set(PARTS) - {"horizon"}:
        fields = set(problem_schema()["$defs"][properties[part]["items"]["$ref"].rsplit("/", 1)[-1]]["properties"])
        missing = fields - {name for one in told[part] for name in one}
        missing -= {name for name, parts in unasked.items() if part in parts} | optional.get(part, set())
        assert missing == set(), part


def test_numbers_that_are_the_same_in_all_slots_stand_once() -> None:
    told = json.loads(problem_to_json(example(0)))
    assert (told["slots"], told["duration_s"]) == (96, 900.0)
    assert told["sites"][0]["export_eur_kwh"] == 0.04
    assert len(told["sites"][0]["base_w"]) == 96
    assert "margin_w" not in told["sites"][0], "0 by default"
    again = json.loads(problem_to_json(PROBLEM))
    assert "slots" not in again
    assert again["duration_s"] == [3600, 3600, 3600, 1800, 1800, 7200]


def test_no_limit_is_null_and_may_be_in_some_slots_only() -> None:
    told = json.loads(problem_to_json(PROBLEM))
    told["sites"][0] |= {"import_limit_w": [24e3, None, 24e3, 24e3, 24e3, 24e3]}
    told["rooms"][0] |= {"low_c": None, "high_c": [24, None, 24, 24, 24, 24], "floor_c": None, "ceiling_c": None}
    told["sheddable"][0] |= {"most_wh": None}
    problem = problem_from_json(json.dumps(told))
    assert np.isinf(problem.sites.import_limit_w[0]).tolist() == [False, True, False, False, False, False]
    assert problem.rooms is not None
    assert problem.sheddable is not None
    assert (problem.rooms.low_c[0] == -np.inf).all()
    assert problem.rooms.high_c[0, 1] == np.inf
    assert (problem.rooms.floor_c[0], problem.rooms.ceiling_c[0]) == (-np.inf, np.inf)
    assert np.isinf(problem.sheddable.most_wh[0])
    again = json.loads(problem_to_json(problem))
    assert again["sites"][0]["import_limit_w"] == [24e3, None, 24e3, 24e3, 24e3, 24e3]
    assert "low_c" not in again["rooms"][0]


def test_walls_are_as_warm_as_their_room_where_nobody_says() -> None:
    told = json.loads(problem_to_json(PROBLEM))
    del told["rooms"][0]["mass_initial_c"]
    problem = problem_from_json(json.dumps(told))
    assert problem.rooms is not None
    assert problem.rooms.mass_initial_c.tolist() == [18.0, 0.0]


def test_when_it_begins_is_for_reading() -> None:
    told = json.loads(problem_to_json(PROBLEM))
    assert pack(problem_from_json(json.dumps(told | {"start": "2026-11-27T00:00:00+01:00"}))) == pack(PROBLEM)
    with pytest.raises(InvalidProblem, match="start: Input should have timezone info"):
        problem_from_json(json.dumps(told | {"start": "2026-11-27T00:00:00"}))


def test_the_schemas_are_json_and_name_every_field_with_its_unit() -> None:
    for schema, text in ((problem_schema(), problem_to_json(full_example(0))), (plan_schema(), plan_to_json(PLAN))):
        json.dumps(schema, allow_nan=False)
        assert set(json.loads(text)) <= set(schema["properties"])
    fields = {name for one in problem_schema()["$defs"].values() for name in one["properties"]}
    counted = {"first", "last", "arrive", "depart", "slots", "least_on", "least_off", "most_starts", "boost_slot"}
    plain = {"id", "site", "group", "parent", "firm", "curtailable", "from_grid", "to_grid", "electric", "cop",
             "cool_cop", "charge_efficiency", "discharge_efficiency"}  # fmt: skip
    units = {"w", "wh", "kwh", "kw", "kg", "c", "k", "h"}
    assert {name for name in fields - counted - plain if name.rsplit("_", 1)[-1] not in units} == set()


DAY = json.loads(problem_to_json(example(0)))
SITE, BATTERY, CAR, ROOM = DAY["sites"][0], DAY["batteries"][0], DAY["vehicles"][1], DAY["rooms"][0]
WHOLE = json.loads(problem_to_json(full_example(0)))


def day(**changes: Any) -> str:
    return json.dumps(DAY | changes)


def site(**changes: Any) -> str:
    return day(sites=[SITE | changes])


def battery(**changes: Any) -> str:
    return day(batteries=[BATTERY | changes])


def car(**changes: Any) -> str:
    return day(vehicles=[CAR | changes])


def room(**changes: Any) -> str:
    return day(rooms=[ROOM | changes])


def whole(part: str, i: int = 0, **changes: Any) -> str:
    rows = [row | changes if k == i else row for k, row in enumerate(WHOLE[part])]
    return json.dumps(WHOLE | {part: rows})


def put(row: list[Any], t: int, value: Any) -> list[Any]:
    return [*row[:t], value, *row[t + 1 :]]


BASE = SITE["base_w"]
CLOCKS = "(the clocks change: such a day has 92 or 100 quarters, 23 or 25 hours)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # Efficiencies.
        (battery(charge_efficiency=1.05), "battery 'cellar': charge_efficiency is 1.05, wants more than 0, 1 at most"),
        (battery(charge_efficiency=95), "is it in percent, or of the other side?"),
        (battery(discharge_efficiency=1 / 0.95), "discharge_efficiency is 1.05263"),
        (battery(discharge_efficiency=0), "discharge_efficiency is 0.0, wants more than 0, 1 at most"),
        (car(charge_efficiency=-0.9), "vehicle 'car': charge_efficiency is -0.9, wants more than 0"),
        # What is stored.
        (battery(initial_wh=31_000), "battery 'cellar': initial_wh is 31000, wants 0 to capacity_wh, 30000"),
        (battery(initial_wh=-1), "initial_wh is -1, wants 0 to capacity_wh"),
        (battery(floor_wh=40_000), "floor_wh is 40000, wants 0 to capacity_wh"),
        (battery(capacity_wh=0), "battery 'cellar': capacity_wh is 0.0, wants more than 0"),
        (car(target_wh=80_000), "vehicle 'car': target_wh is 80000, wants 0 to capacity_wh, 52000"),
        (battery(charge_least_w=13_000), "charge_least_w is 13000, charge_max_w 12000, wants a least that is no more"),
        (battery(loss_h=1), "loss_h is 1.0, wants 0 or more, 0.999 at most"),
        # Targets and stays past the horizon.
        (car(depart=97), "vehicle 'car': depart is 97, wants 96 at most: the target of a departure past"),
        (car(arrive=70, depart=70), "vehicle 'car': from slot 70 to before 70, wants a first before a last"),
        (car(arrive=-1), "vehicle 'car': from slot -1 to before 70"),
        (whole("loads", last=145), "load 'filter pump': from slot 0 to before 145, wants a first before a last within"),
        (whole("loads", slots=145), "load 'filter pump': slots is 145, wants no more than the 144 it may be on in"),
        (whole("loads", least_on=33), "load 'filter pump': least_on is 33, wants no more than slots, 32"),
        (whole("orders", last=200), "order 'evening': from slot 72 to before 200"),
        (whole("tanks", boost_slot=144), "tank 'showers': boost_slot is 144, wants -1 or a slot below 144"),
        (whole("tanks", boost_c=80), "tank 'showers': boost_c is 80.0, wants no more than ceiling_c, 75"),
        # Days of another length.
        (day(slots=92), f"sites.0 'school': base_w has 96 values, wants 92, one for each slot {CLOCKS}"),
        (day(slots=100), f"rooms.0 'building': outdoor_c has 96 values, wants 100, one for each slot {CLOCKS}"),
        (site(base_w=BASE[:92]), f"sites.0 'school': base_w has 92 values, wants 96, one for each slot {CLOCKS}"),
        (site(base_w=BASE[:95]), "sites.0 'school': base_w has 95 values, wants 96, one for each slot"),
        (day(slots=100, duration_s=[900] * 96), f"duration_s: has 96 values, wants 100, as slots says {CLOCKS}"),
        (day(slots=None), "slots: is not told, wants 1 or more where duration_s is one number for all"),
        (day(slots=0), "slots: is 0, wants 1 or more"),
        (day(duration_s=0), "slot 0: duration_s is 0.0, wants 1 to 86400"),
        # Gaps and NaN.
        (
            site(import_eur_kwh=put([0.2] * 96, 7, None)),
            "sites.0.import_eur_kwh: slot 7 is null, wants a finite number: a gap in prices or a forecast is filled",
        ),
        (site(base_w=put(put(BASE, 3, None), 9, None)), "sites.0.base_w: slot 3 is null and 1 more are none either"),
        (site(base_w=put(BASE, 5, float("nan"))), "sites.0.base_w: slot 5 is NaN, wants a finite number"),
        (day(solar=[DAY["solar"][0] | {"available_w": float("inf")}]), "solar.0.available_w: it is inf, wants a"),
        (site(import_eur_kwh=None), "sites.0.import_eur_kwh: it is null, wants a finite number"),
        (site(import_eur_kwh="0.2"), "sites.0.import_eur_kwh: it is '0.2', wants a finite number"),
        (site(import_eur_kwh=[0.2] * 95 + [True]), "sites.0.import_eur_kwh: slot 95 is True, wants a finite number"),
        (site(base_w={"0": 1}), "sites.0.base_w: it is an object, wants a finite number"),
        (site(base_w=10**400), "sites.0.base_w: it is 1000"),
        (battery(capacity_wh=float("nan")), "batteries.0.capacity_wh: Input should be a finite number"),
        # Signs and limits.
        (site(base_w=put(BASE, 4, -500)), "-500.0, wants 0 or more, 1e+09 at most: what produces is solar"),
        (site(import_limit_w=2_000), "site 'school': import_limit_w is 2000 where base_w is"),
        (site(import_limit_w=0), "site 'school': import_limit_w of slot 0 is 0.0, wants more than 0"),
        (site(firm=False), "import_limit_w of slot 0 is 36000, and passing it costs nothing, wants it firm, or"),
        (day(solar=[DAY["solar"][0] | {"available_w": -1}]), "solar 'roof': available_w of slot 0 is -1.0, wants 0 or"),
        (room(low_c=25, high_c=20), "room 'building': low_c of slot 0 is 25, high_c 20, wants low below high"),
        (room(floor_c=30, ceiling_c=20), "room 'building': floor_c is 30, ceiling_c 20, wants a floor below"),
        (room(cop=30), "room 'building': cop of slot 0 is 30.0, wants more than 0, 20 at most"),
        (room(coupling_w_k=0), "mass_wh_k is 40000, coupling_w_k 0, wants both more than 0, or none"),
        (room(boost_c=30), "rooms.0 'building': boost_slot is missing, wants boost_c and boost_slot together"),
        # Units.
        (battery(capacity_kwh=30), "capacity_kwh: Extra inputs are not permitted, found 30: wants capacity_wh"),
        (battery(charge_max_kw=12), "wants charge_max_w, 1000 times as much"),
        (battery(charge_max_mw=1), "wants charge_max_w, 1e+06 times as much"),
        (site(base_wh=BASE), "sites.0.base_wh: Extra inputs are not permitted: wants base_w, the power, not"),
        (site(colour="red"), "sites.0.colour: Extra inputs are not permitted"),
        (battery(capacity_wh=30, initial_wh=15, floor_wh=3), "capacity_wh is 30, wants 50 or more (is it in kWh?)"),
        (battery(charge_max_w=12), "battery 'cellar': charge_max_w is 12, wants 50 or more (is it in kW?)"),
        (battery(charge_max_w=12), "full in 2500 h, wants 0.01 to 1000 h (is one of them in thousands?)"),
        (car(charge_max_w=11), "vehicle 'car': charge_max_w is 11, wants 50 or more (is it in kW?)"),
        (site(base_w=[value / 1000 for value in BASE]), "is it in kW, or kWh a slot?"),
        (site(base_w=[value / 4000 for value in BASE]), "is it in kW, or kWh a slot?"),
        (site(import_limit_w=36, base_w=3), "import_limit_w is 36, wants 50 or more (is it in kW or kVA?)"),
        (site(import_eur_kwh=85.0), "is 85 in most slots, wants 5 at most (is it in EUR/MWh, or cents?)"),
        (site(export_eur_kwh=12), "export_eur_kwh is 12 in most slots"),
        (site(carbon_g_kwh=5_000), "carbon_g_kwh is 5000, wants 3000 at most (is it in g/MWh?)"),
        (room(heat_max_w=35), "room 'building': heat_max_w is 35, wants 50 or more (is it in kW?)"),
        (room(loss_w_k=0.9), "loss_w_k is 0.9, wants 1 or more (is it in kW/K?)"),
        (room(capacity_wh_k=6), "capacity_wh_k is 6, wants 10 or more (is it in kWh/K?)"),
        (room(outdoor_c=80), "outdoor_c is 80, wants 60 at most (is it in K, or °F?)"),
        (room(outdoor_c=285), "room 'building': outdoor_c of slot 0 is 285.0, wants -60 or more, 200 at most"),
        (whole("loads", power_w=0.5), "load 'filter pump': power_w is 0.5, wants 1 or more (is it in kW?)"),
        (whole("orders", ordered_w=10), "order 'evening': ordered_w is 10, wants 50 or more (is it in kW?)"),
        (whole("groups", import_limit_w=36), "group 'substation': import_limit_w is 36, wants 50 or more"),
        # Names.
        (battery(site="scool"), "batteries.0 'cellar': no site 'scool', there is school"),
        (site(group="feeder"), "sites.0 'school': no group 'feeder', there is none"),
        (whole("groups", parent="feeder"), "groups.0 'substation': no group before it is called 'feeder'"),
        (whole("orders", group="x"), "orders.0 'evening': no group 'x', there is substation, feeder"),
        (day(batteries=[BATTERY, BATTERY]), "batteries.1: 'cellar' stands more than once, wants an id of its own"),
        (battery(id=""), "batteries.0.id: String should have at least 1 character"),
        (day(sites=[]), "batteries.0 'cellar': no site 'school', there is none"),
        # Texts.
        ("", "document: Invalid JSON"),
        ("[]", "document: Input should be an object"),
        ("{}", "duration_s: Field required"),
        (day(batteries=[{"id": "x"}]), "batteries.0.capacity_wh: Field required"),
        (car(arrive=2**70), "vehicles.0.arrive: Input should be less than or equal to 1000000"),
        (car(arrive=1.5), "vehicles.0.arrive: Input should be a valid integer"),
    ],
)  # fmt: skip
def test_a_wrong_text(text: str, said: str) -> None:
    with pytest.raises(InvalidProblem) as raised:
        problem_from_json(text)
    assert any(said in problem for problem in raised.value.problems), raised.value.problems


def test_only_sites_and_slots_are_needed() -> None:
    told = {"duration_s": 3600, "slots": 2, "sites": [{"id": "a", "base_w": 1e3, "import_eur_kwh": 0.2}]}
    problem = problem_from_json(json.dumps(told))
    assert problem.shape == (1, 2)
    assert problem.batteries is None
    with pytest.raises(InvalidProblem, match="there are no sites, wants one at least"):
        problem_from_json(json.dumps(told | {"sites": []}))


@pytest.mark.parametrize(
    "wrong",
    [
        # Of form, of names and lengths, of what contradicts itself, of magnitudes: each kind all at once.
        {"sites": [SITE | {"base_kw": 3, "import_eur_kwh": put([0.2] * 96, 3, None)}],
         "batteries": [BATTERY | {"capacity_wh": "big"}]},
        {"sites": [SITE | {"group": "x", "base_w": BASE[:92]}], "batteries": [BATTERY | {"site": "y"}, BATTERY]},
        {"sites": [SITE | {"base_w": put(BASE, 4, -1)}],
         "batteries": [BATTERY | {"charge_efficiency": 95, "initial_wh": -3}]},
        {"sites": [SITE | {"import_eur_kwh": 85.0}],
         "batteries": [BATTERY | {"charge_max_w": 12, "discharge_max_w": 12}]},
    ],
)  # fmt: skip
def test_all_that_is_wrong_of_a_kind_is_said_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidProblem) as raised:
        problem_from_json(day(**wrong))
    assert len(raised.value.problems) >= 3, raised.value.problems


PLANNED = json.loads(plan_to_json(PLAN))


def planned(part: str, **changes: Any) -> str:
    first, *rest = PLANNED[part]
    return json.dumps(PLANNED | {part: [first | changes, *rest]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps(PLANNED | {"status": "splendid"}), "status: Input should be 'optimal'"),
        (planned("sites", import_w=[1.0]), "sites.0 'school': export_w has 6 values, wants 1 as the first site has"),
        (planned("batteries", charge_w=[1.0]), "batteries.0 'cellar': charge_w has 1 values, wants 6"),
        (planned("batteries", id="attic"), "batteries.1: 'attic' stands more than once"),
        (planned("sites", value_eur_kwh=[0.2] * 6), "sites.1 'pool': value_eur_kwh is missing, wants it of all"),
        (planned("loads", on=["x"]), "loads.0.on.0: Input should be a valid boolean"),
        (planned("rooms", room_kw=[1]), "rooms.0.room_kw: Extra inputs are not permitted"),
        (json.dumps({**PLANNED, "shortfall": {"safety": 1}}), "shortfall.comfort: Field required"),
        (json.dumps(PLANNED | {"objective": float("nan")}), "objective: Input should be a finite number"),
    ],
)  # fmt: skip
def test_a_wrong_plan(text: str, said: str) -> None:
    with pytest.raises(InvalidProblem) as raised:
        plan_from_json(text)
    assert any(said in problem for problem in raised.value.problems), raised.value.problems


def test_a_plan_of_nothing_is_read_and_judged() -> None:
    empty = plan_from_json(json.dumps(PLANNED | {part: [] for part in names_of(PROBLEM)}))
    assert {violation.constraint for violation in check(PROBLEM, empty)} == {"names"}


def test_what_is_not_proved_is_null() -> None:
    told = json.loads(plan_to_json(replace(PLAN, bound=-np.inf)))
    assert (told["bound"], told["gap"]) == (None, None)
    again = plan_from_json(json.dumps(told))
    assert again.bound == -np.inf
    assert plan_to_json(again) == plan_to_json(replace(PLAN, bound=-np.inf))


@pytest.mark.parametrize("seconds", [1e-6, 60.0])
def test_a_plan_that_had_no_time_is_one(seconds: float) -> None:
    for problem in (PROBLEM, example(0)):
        again = plan_from_json(plan_to_json(solve(problem, Limits(seconds=seconds))))
        assert check(problem, again) == []
