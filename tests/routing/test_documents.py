"""JSON in and out: nothing lost, a schema that holds, every problem of a text at once."""

import json
from dataclasses import replace
from math import inf
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.result import InvalidProblem, Status, Violation
from optimizers.routing import (
    Coordinates,
    RoutingProblem,
    Unserved,
    Why,
    check,
    example,
    full_example,
    generated,
    pack,
    plan_from_json,
    plan_schema,
    plan_to_json,
    problem_from_json,
    problem_schema,
    problem_to_json,
)
from tests.routing.alike import same
from tests.routing.planted import PLAN, PROBLEM


@settings(max_examples=25)
@given(st.integers(0, 30), st.integers(1, 4), st.integers(0, 3), st.integers(0, 10**6), st.booleans())
def test_a_problem_comes_back_as_it_was(stops: int, vehicles: int, sites: int, seed: int, full: bool) -> None:
    problem = full_example(seed) if full else generated(stops, vehicles, sites, seed)
    text = problem_to_json(problem)
    again = problem_from_json(text)
    assert problem_to_json(again) == text
    assert pack(again) == pack(problem)


@pytest.mark.parametrize("problem", [PROBLEM, full_example(0), example(0)], ids=["planted", "full", "example"])
def test_it_fits_its_schema(problem: RoutingProblem) -> None:
    text = problem_to_json(problem)
    jsonschema.validate(json.loads(text), problem_schema())
    same(problem, problem_from_json(text))


def test_a_plan_comes_back_as_it_was() -> None:
    told = replace(
        PLAN,
        status=Status.BEST_EFFORT,
        violations=(Violation("required", "A", 1.0, "1", "full"),),
        unserved=(Unserved("A", Why.FULL, "no room", 12.5), Unserved("B", Why.PRIZE)),
        reasons=("A: no room",),
        reproducible=False,
        approximate=True,
    )
    again = plan_from_json(plan_to_json(told))
    assert vars(again) == vars(told)
    jsonschema.validate(json.loads(plan_to_json(told)), plan_schema())
    assert set(json.loads(plan_to_json(told))) == set(plan_schema()["properties"])


def test_a_good_plan_stays_good() -> None:
    assert check(PROBLEM, plan_from_json(plan_to_json(PLAN))) == check(PROBLEM, PLAN) == []


SMALL: dict[str, Any] = {
    "dimensions": ["mass_kg"],
    "places": [{"id": "depot", "lon": -0.55, "lat": 47.47}, {"id": "tip", "lon": -0.6, "lat": 47.45}],
    "stops": [{"id": "B1", "lon": -0.56, "lat": 47.48, "load": {"mass_kg": 80}, "windows": [[3600, None]]}],
    "sites": [{"id": "S1", "place": "tip"}],
    "vehicles": [
        {"id": "T", "count": 2, "start": "depot", "end": None, "shift": [0, 28800], "capacity": {"mass_kg": 900}}
    ],
}


def changed(**changes: Any) -> str:
    return json.dumps(SMALL | changes)


def with_stop(**changes: Any) -> str:
    return changed(stops=[SMALL["stops"][0] | changes])


def with_vehicle(**changes: Any) -> str:
    return changed(vehicles=[SMALL["vehicles"][0] | changes])


def test_what_a_person_leaves_out() -> None:
    """Without matrices: great circles times 1.3 at 30 km/h, and said so; alike vehicles are numbered."""
    problem = problem_from_json(changed())
    assert problem.matrices.approximate
    assert problem.coordinates is Coordinates.WGS84
    assert [place.id for place in problem.places] == ["depot", "tip", "B1"]
    assert [vehicle.id for vehicle in problem.vehicles] == ["T-1", "T-2"]
    assert problem.stops[0].windows == ((3600.0, inf),)
    assert problem.vehicles[0].end is None
    distance_m, duration_s = problem.matrices.distance_m[0], problem.matrices.duration_s[0]
    # 0.05 degrees of longitude at 47.46 north and 0.02 of latitude, 111,195 m each on a sphere of the mean radius.
    straight_m = np.hypot(0.05 * 111_195 * np.cos(np.radians(47.46)), 0.02 * 111_195)
    assert distance_m[0, 1] == pytest.approx(1.3 * straight_m, rel=1e-4)
    assert duration_s[0, 1] == pytest.approx(distance_m[0, 1] / (30 / 3.6))


def test_a_plane_and_speeds_by_profile() -> None:
    text = json.dumps(
        {
            "places": [{"id": "a", "x_m": 0, "y_m": 0}, {"id": "b", "x_m": 300, "y_m": 400}],
            "profiles": [{"name": "car", "speed_kmh": 36}, {"name": "foot", "speed_kmh": 3.6}],
            "stops": [{"id": "s", "place": "b"}],
            "vehicles": [{"id": "v", "start": "a", "end": "a", "shift": [0, 9000], "profile": "foot"}],
        }
    )
    problem = problem_from_json(text)
    assert problem.vehicles[0].profile == 1
    assert problem.matrices.distance_m[:, 0, 1].tolist() == [650.0, 650.0]
    assert problem.matrices.duration_s[:, 0, 1].tolist() == pytest.approx([65.0, 650.0])


def test_null_is_no_way() -> None:
    rows = [[0, 1, None], [1, 0, 1], [None, 1, 0]]
    problem = problem_from_json(changed(profiles=[{"distance_m": rows, "duration_s": rows}]))
    assert not problem.matrices.approximate
    assert problem.matrices.distance_m[0, 0].tolist() == [0.0, 1.0, inf]
    assert json.loads(problem_to_json(problem))["profiles"][0]["distance_m"] == rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "document: Invalid JSON"),
        ("[]", "document: Input should be an object"),
        (changed(place=1), "place: Extra inputs are not permitted"),
        (with_stop(lon=None), "'B1': has lat, wants lon and lat, as others have"),
        (with_stop(x_m=3, y_m=4), "'B1': has lon and lat and x_m and y_m, wants lon and lat"),
        (with_stop(lon=190), "stops.0.lon: Input should be less than or equal to 180, found 190"),
        (with_stop(place="tip"), "'B1': has both a place, 'tip', and coordinates"),
        (with_stop(lon=None, lat=None, place="tap"), "stop 'B1': no place 'tap'"),
        (with_stop(load={"mass": 3}), "stop 'B1': load: no dimension 'mass', there is mass_kg"),
        (with_stop(load={"mass_kg": -3}), "stop 'B1': load is -3.0, wants 0"),
        (with_stop(windows=[[5, 3]]), "stop 'B1': a window from 5 s to 3 s closes before it opens"),
        (with_stop(windows=[[5]]), "stops.0.windows.0.1: Field required"),
        (with_stop(only=["T-3"]), "stop 'B1': only: no vehicle 'T-3'"),
        (with_stop(never=["T"]), "stop 'B1': never: no vehicle 'T'"),
        (with_stop(service_s="long"), "stops.0.service_s: Input should be a valid number"),
        (changed(stops=[SMALL["stops"][0]] * 2), "stop 'B1' stands 2 times"),
        (with_vehicle(start="nowhere"), "vehicle 'T': start: no place 'nowhere'"),
        (with_vehicle(profile="van"), "vehicle 'T': no profile 'van', there is ''"),
        (with_vehicle(sites=["S9"]), "vehicle 'T-1': sites: no site 'S9'"),
        (with_vehicle(rules="EU"), "vehicle 'T-1': no work rules 'EU'"),
        (with_vehicle(count=0), "vehicles.0.count: Input should be greater than or equal to 1"),
        (changed(vehicles=[]), "there are no vehicles"),
        (changed(dimensions=["a", "b"]), "vehicle 'T': capacity: no dimension 'mass_kg', there is a, b"),
        (changed(dimensions=["mass_kg", "volume_m3"]), "vehicle 'T': capacity: lacks volume_m3"),
        (changed(dimensions=["mass_kg", "mass_kg"]), "dimension 'mass_kg' stands 2 times"),
        (changed(profiles=[]), "there are no profiles"),
        (changed(profiles=[{"name": "x"}, {"name": "x"}]), "profile 'x' stands 2 times"),
        (changed(profiles=[{"distance_m": [[0]]}]), "has one of distance_m and duration_s, wants both"),
        (changed(profiles=[{"distance_m": [[0]], "duration_s": [[0]]}]), "distance_m has 1 rows, wants 3"),
        (
            changed(profiles=[{"distance_m": [[0] * 3] * 3, "duration_s": [[0] * 3, [0] * 2, [0] * 3]}]),
            "duration_s: row 1 has 2 values, wants 3",
        ),
        (changed(profiles=[{"distance_m": [[0, -1, 1]] * 3, "duration_s": [[0] * 3] * 3}]), "is -1.0, wants 0 to"),
        (
            changed(weights={"moved": 0}).replace('"moved": 0', '"moved": NaN'),
            "weights.moved: Input should be",
        ),
    ],
)
def test_a_wrong_text(text: str, said: str) -> None:
    with pytest.raises(InvalidProblem) as raised:
        problem_from_json(text)
    assert any(said in problem for problem in raised.value.problems), raised.value.problems


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = changed(
        stops=[
            {"id": "B1", "place": "x", "load": {"gold_kg": 1}, "only": ["y"], "windows": [[9, 1]]},
            {"id": "B2", "service_s": -5},
            {"id": "B3", "x_m": 1, "y_m": 2},
        ],
        vehicles=[SMALL["vehicles"][0] | {"start": "z", "profile": "p", "daily": {"w": 1}}],
        profiles=[{"distance_m": [[0]], "duration_s": [[0]]}],
    )
    with pytest.raises(InvalidProblem) as raised:
        problem_from_json(wrong)
    told = "\n".join(raised.value.problems)
    for what in ("no place 'x'", "'gold_kg'", "no vehicle 'y'", "'B2'", "'B3'", "'z'", "'p'", "dimension 'w'"):
        assert what in told
    for what in ("stop 'B1': a window from 9 s to 1 s", "stop 'B2': service_s is -5", "distance_m has 1 rows"):
        assert what in told


PLANNED = json.loads(plan_to_json(PLAN))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "splendid"}, "status: Input should be 'optimal'"),
        ({"routes": [{"vehicle": "T", "distance_m": 0, "drive_s": 0, "visits": []}]}, "routes.0 'T': has no visits"),
        ({"unserved": [{"stop": "A", "why": "lazy"}]}, "unserved.0.why: Input should be 'unreachable'"),
        ({"routes": [PLANNED["routes"][0] | {"visits": [{"act": "fly"}]}]}, "visits.0.act: Input should be 'start'"),
    ],
)
def test_a_wrong_plan(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidProblem) as raised:
        plan_from_json(json.dumps(PLANNED | changes))
    assert any(said in problem for problem in raised.value.problems), raised.value.problems


def test_units_stand_in_the_names() -> None:
    schema = problem_schema()
    assert set(schema["required"]) == {"stops", "vehicles"}
    numbers = {
        name
        for part in schema["$defs"].values()
        for name, field in part["properties"].items()
        if {one.get("type") for one in [field, *field.get("anyOf", [])]} & {"number"}
    }
    unit = {"m", "s", "kmh"}
    money = {"prize", "fixed", "moved", "border"}  # in the problem's unit
    degrees = {"lon", "lat"}
    assert {name for name in numbers if name.rsplit("_", 1)[-1] not in unit} == money | degrees


def test_the_examples_are_as_they_say() -> None:
    problem, full = example(0), full_example(0)
    assert (len(problem.stops), len(problem.vehicles), len(problem.sites)) == (10, 2, 1)
    assert (len(full.stops), len(full.vehicles), len(full.sites)) == (18, 5, 2)
    assert problem_to_json(example(0)) == problem_to_json(example(0)) != problem_to_json(example(1))
    assert {place.id[0] for place in problem.places} == {"D", "S", "B"}
    assert any(not stop.required for stop in generated(100, 4, 1, 0).stops)
    assert np.isinf(full.matrices.distance_m[0]).any()
    assert full.vehicles[1].out
