"""Problems in the forms of others: what is read is what was published, and what is wrong has its line."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.result import InvalidProblem, Limits
from optimizers.routing import Coordinates, Rest, RoutingProblem, check, solve
from optimizers.routing.formats import WrongText, plan_form, problem_form, read_plan, read_problem
from optimizers.routing.formats.kim import MILE_M, PAPER
from tests.routing.texts import EXPLICIT, FEW, KIM, SOLOMON, TEXTS, VRP


def test_straight_distances_are_rounded_and_the_fleet_is_large_enough() -> None:
    problem = read_problem(VRP, "vrplib")
    assert [stop.id for stop in problem.stops] == ["2", "3", "4", "5"]
    assert [stop.load for stop in problem.stops] == [(4.0,), (5.0,), (6.0,), (1.0,)]
    # sqrt(18) to the fourth rounds to 1, sqrt(5) = 2.236 to 2, 3-4-5
    assert problem.matrices.distance_m[0, 0].tolist() == [0, 3, 4, 1, 2]
    assert problem.matrices.distance_m[0, 1, 2] == 5
    assert {vehicle.capacity for vehicle in problem.vehicles} == {(10.0,)}
    assert len(problem.vehicles) == 4  # 16 of 10: any four routes more than half full on average
    assert len(read_problem(VRP, "vrplib", 3).vehicles) == 3
    many = VRP.replace("CAPACITY", "VEHICLES : 999\nCAPACITY")
    assert len(read_problem(many, "vrplib").vehicles) == 4, "one for each stop is as good as any number"


def test_distances_as_they_are_told() -> None:
    problem = read_problem(EXPLICIT, "vrplib")
    assert problem.matrices.distance_m[0].tolist() == [[0, 7, 8], [7, 0, 9], [8, 9, 0]]
    assert problem.coordinates is Coordinates.NONE
    assert len(problem.vehicles) == 2
    plan = solve(problem, FEW)
    assert (plan.objective, check(problem, plan)) == (24.0, [])


def test_windows_and_prizes_in_vrplib_are_read_as_dimacs_does() -> None:
    sections = (
        "TIME_WINDOW_SECTION\n1 0 100\n2 0 50\n3 5 50\n4 0 50\n5 0 50\nPRIZE_SECTION\n1 0\n2 0\n3 1.25\n4 0\n5 9\n"
        "SERVICE_TIME_SECTION\n1 0\n2 1\n3 1\n4 1\n5 1\n"
    )
    problem = read_problem(VRP.replace("DEPOT_SECTION", sections + "DEPOT_SECTION"), "vrplib")
    assert problem.matrices.distance_m[0, 0].tolist() == [0, 30, 40, 14, 22]  # tenths, truncated
    assert [(stop.required, stop.prize) for stop in problem.stops] == [(True, 0), (False, 12), (True, 0), (False, 90)]
    assert problem.stops[1].windows == ((50.0, 500.0),)
    assert problem.stops[1].service_s == 10.0
    assert problem.vehicles[0].shift == (0.0, 1000.0)
    assert len(problem.vehicles) == 4, "with windows each stop may need its own"


def test_solomon_in_the_convention_of_dimacs() -> None:
    problem = read_problem(SOLOMON, "solomon")
    assert problem.matrices.distance_m[0].tolist() == [[0, 14, 50], [14, 0, 50], [50, 50, 0]]
    assert (problem.matrices.duration_s == problem.matrices.distance_m).all()
    assert [(stop.id, stop.load, stop.service_s, stop.windows) for stop in problem.stops] == [
        ("1", (4.0,), 20.0, ((50.0, 200.0),)),
        ("2", (6.0,), 100.0, ((0.0, 500.0),)),
    ]
    assert [vehicle.capacity for vehicle in problem.vehicles] == [(10.0,), (10.0,)]
    plan = solve(problem, FEW)
    assert (plan.objective, check(problem, plan)) == (114.0, [])


def test_kim_in_miles_on_the_real_clock() -> None:
    problem = read_problem(KIM, "kim", 1)
    assert problem.matrices.distance_m[0, 0] / MILE_M == pytest.approx([0, 1, 3, 1])
    assert problem.matrices.duration_s[0, 0, 2] == pytest.approx(270.0)  # three miles at forty an hour
    (vehicle,) = problem.vehicles
    assert vehicle.shift == (14400.0, 54000.0)
    assert (vehicle.capacity, vehicle.daily, vehicle.most_stops, vehicle.empties) == ((280.0,), (400.0,), 500, True)
    assert vehicle.rests == (Rest(earliest_s=39600.0, latest_s=43200.0, duration_s=3600.0),)
    assert [(site.id, site.unload_s) for site in problem.sites] == [("1", 1600.0)]
    assert [stop.windows for stop in problem.stops] == [((27000.0, 86400.0),), ((0.0, 25200.0),)]
    plan = solve(problem, FEW)
    # depot, west and back (2), up to the stop (3), down to the landfill (2) and home (1)
    assert plan.objective == pytest.approx(8.0)
    assert check(problem, plan) == []


def test_kims_fleet_is_the_papers_or_what_could_be_needed() -> None:
    assert len(read_problem(KIM, "kim").vehicles) == 1
    row = "{} 0 0 0000 2400 60 300 1\n"
    many = KIM + "".join(row.format(k) for k in range(10, 20))
    assert len(read_problem(many, "kim").vehicles) == 1 + int(2 * 3018.5 / 400)


@pytest.mark.reference
@pytest.mark.parametrize(("name", "stops", "vehicles"), [("102", 99, 3), ("335", 330, 6), ("1051", 1048, 18)])
def test_the_published_instances_of_kim(reference: Path, name: str, stops: int, vehicles: int) -> None:
    text = (reference / "vrp" / "kim2006" / f"{name}_stop.txt").read_bytes()
    assert problem_form(text, f"{name}_stop.txt") == "kim"
    problem = read_problem(text, "kim")
    assert (len(problem.stops), len(problem.vehicles)) == (stops, vehicles) == (stops, PAPER[int(name)][0])


@pytest.mark.reference
@pytest.mark.parametrize("name", ["X-n101-k25", "X-n439-k37"])
def test_best_known_solutions_cost_what_is_published(reference: Path, name: str) -> None:
    folder = reference / "vrp" / "cvrp"
    text = (folder / f"{name}.vrp").read_bytes()
    assert problem_form(text, f"{name}.vrp") == "vrplib"
    problem = read_problem(text, "vrplib")
    solution = (folder / f"{name}.sol").read_text()
    plan = read_plan(problem, solution)
    assert check(problem, plan) == []
    dearer = solution.replace(f"Cost {plan.objective:.0f}", f"Cost {plan.objective - 1:.0f}")
    assert [found.constraint for found in check(problem, read_plan(problem, dearer))] == ["objective"]


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "stops", "vehicles"), [("C101", 100, 25), ("R101", 100, 25), ("c1_2_1", 200, 50), ("r2_4_1", 400, 100)]
)
def test_the_published_instances_with_windows(reference: Path, name: str, stops: int, vehicles: int) -> None:
    text = (reference / "vrp" / "vrptw" / f"{name}.txt").read_bytes()
    assert problem_form(text, f"{name}.txt") == "solomon"
    problem = read_problem(text, "solomon")
    assert (len(problem.stops), len(problem.vehicles)) == (stops, vehicles)


@pytest.mark.reference
def test_the_best_known_of_c101(reference: Path) -> None:
    """8273 in the convention of DIMACS: an easy instance, found in no time."""
    problem = read_problem((reference / "vrp" / "vrptw" / "C101.txt").read_bytes(), "solomon")
    plan = solve(problem, Limits(work=300, seconds=120))
    assert plan.objective == 8273


@pytest.mark.parametrize(
    ("form", "old", "new", "line", "said"),
    [
        ("vrplib", "3 4 0", "3 4 north", 10, "NODE_COORD is 'north', wants a number"),
        ("vrplib", "3 4 0", "3 4", 10, "has 2 values, wants 3 in NODE_COORD_SECTION"),
        ("vrplib", "3 5\n", "2 5\n", 16, "node '2' stands on line 15 already"),
        ("vrplib", "3 5\n", "", 13, "DEMAND_SECTION has 4 lines, wants 5"),
        ("vrplib", "3 5\n", "3 -5\n", 16, "DEMAND is '-5', wants a number of 0 or more"),
        ("vrplib", "CAPACITY : 10\n", "", 0, "tells no CAPACITY"),
        ("vrplib", "DIMENSION : 5", "DIMENSION : five", 4, "DIMENSION is 'five', wants a number of 1 or more"),
        ("vrplib", "EUC_2D", "GEO", 0, "EDGE_WEIGHT_TYPE is 'GEO', wants EUC_2D"),
        ("vrplib", "EUC_2D", "EXPLICIT", 0, "wants an EDGE_WEIGHT_SECTION"),
        ("vrplib", "CAPACITY : 10", "MYSTERY : 10", 6, "MYSTERY is not known here"),
        ("vrplib", "DEMAND_SECTION", "SUPPLY_SECTION", 13, "SUPPLY_SECTION is not known here"),
        ("vrplib", "DEPOT_SECTION\n1", "DEPOT_SECTION\n9", 0, "DEPOT_SECTION names node 9"),
        ("solomon", "  2         10", "  2", 5, "has 1 values, wants 2: NUMBER and CAPACITY"),
        ("solomon", "5    20    2", "5    20", 11, "has 6 values, wants 7"),
        ("solomon", "5    20    2", "25    20    2", 11, "customer '1': DUE DATE 20 is before READY TIME 25"),
        ("solomon", "5    20    2", "nan    20    2", 11, "READY TIME is 'nan', wants a number of 0 or more"),
        ("solomon", "    2  -3", "    1  -3", 12, "customer '1' stands on line 11 already"),
        ("kim", "0730 2400", "0790 2400", 9, "Early_St_Time is '0790', wants a time of day HHMM"),
        ("kim", "0730 2400", "0730 0700", 9, "stop '2': Late_St_Time is before Early_St_Time"),
        ("kim", "12.5 1", "12.5 4", 9, "Stop_Type is 4, wants 0 (depot), 1 (stop) or 2 (landfill)"),
        ("kim", "\n40 ", "\n0 ", 5, "speed in miles an hour is '0', wants a number of 1 or more"),
        ("kim", "280.0", "two", 1, "vehicle capacity (yards) is 'two', wants a number"),
        ("kim", "9999 0\n", "9999 1\n", 0, "has 0 depots, wants one"),
        ("kim", "9999 2\n", "9999 1\n", 0, "has no landfill"),
        ("kim", "60 6 1", "60 6", 10, "has 7 values, wants 8"),
    ],
)
def test_a_wrong_line(form: str, old: str, new: str, line: int, said: str) -> None:
    assert old in TEXTS[form]
    with pytest.raises(WrongText) as raised:
        read_problem(TEXTS[form].replace(old, new, 1), form)
    assert any(at == line and said in what for at, what in raised.value.found), raised.value.found
    assert pickle.loads(pickle.dumps(raised.value)).found == raised.value.found  # noqa: S301 - ours


@pytest.mark.parametrize("form", sorted(TEXTS))
@settings(max_examples=60)
@given(data=st.data())
def test_a_text_with_a_line_or_word_missing_or_strange_is_read_or_refused(form: str, data: st.DataObject) -> None:
    """Never any other error, whatever was torn out or scribbled in."""
    words = TEXTS[form].split(" ")
    at = data.draw(st.integers(0, len(words) - 1))
    words[at] = data.draw(st.sampled_from(["", "-1", "nan", "1e400", "x", "EOF", ":", "\n", "0", "SECTION", "é"]))
    text = " ".join(words)
    try:
        problem = read_problem(text, form)
    except InvalidProblem as error:
        assert error.problems
    else:
        assert isinstance(problem, RoutingProblem)
        assert np.isfinite(problem.matrices.distance_m).all()


@pytest.mark.parametrize("form", sorted(TEXTS))
def test_a_format_is_told_by_its_content(form: str) -> None:
    assert problem_form(TEXTS[form], "anything.txt") == form
    assert problem_form(TEXTS[form].encode()) == form


def test_ours_is_told_from_vrooms_and_what_nobody_knows_by_its_ending() -> None:
    assert problem_form('{"stops": [], "vehicles": []}', "x.json") == "json"
    assert problem_form("nothing", "x.vrp") == "vrplib"
    assert problem_form("nothing", "x.txt") == "solomon"
    assert problem_form("", "-") == "json"
    assert plan_form("kim", "plan.json") == "json"
    assert plan_form("kim", "plan.sol") == "sol"
    assert plan_form("vroom", "plan.json") == "vroom"


def test_vehicles_of_our_json_are_its_own() -> None:
    with pytest.raises(InvalidProblem, match="names its vehicles itself"):
        read_problem("{}", "json", 3)
