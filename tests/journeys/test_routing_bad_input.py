"""One who plans rounds and gives what cannot be, or only in part: a clear answer, and most of the plan still made."""

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, ok

_DAY = [21_600, 46_800]
_FEW = ("--work", "50")


def _stop(name: str, lon: float, **changed: Any) -> dict[str, Any]:
    return {"id": name, "lon": lon, "lat": 47.47, "load": {"mass_kg": 100}, "service_s": 120, **changed}


def _problem(**changed: Any) -> dict[str, Any]:
    """Four bins in a row at Angers, made up, one lorry and a disposal site."""
    return {
        "dimensions": ["mass_kg"],
        "places": [{"id": "depot", "lon": -0.56, "lat": 47.47}],
        "stops": [_stop(f"B-{k}", -0.56 + 0.01 * k) for k in range(1, 5)],
        "sites": [{"id": "tip", "lon": -0.60, "lat": 47.47, "unload_s": 300}],
        "vehicles": [
            {
                "id": "T-1", "start": "depot", "end": "depot", "shift": _DAY, "capacity": {"mass_kg": 1000},
                "empties": True, "per_m": 0.001,
            }
        ],
        **changed,
    }  # fmt: skip


@pytest.fixture
def solved(consigne: Run, tmp_path: Path) -> Any:
    """What `consigne solve routing` makes of a problem: exit code, what it says, the plan if there is one."""

    def run(problem: dict[str, Any] | str) -> tuple[int, str, dict[str, Any]]:
        text = problem if isinstance(problem, str) else json.dumps(problem)
        (tmp_path / "problem.json").write_text(text)
        done = consigne("solve", "routing", "problem.json", "-o", "plan.json", *_FEW)
        plan = json.loads((tmp_path / "plan.json").read_text()) if (tmp_path / "plan.json").exists() else {}
        return done.returncode, done.stdout + done.stderr, plan

    return run


def served(plan: dict[str, Any]) -> set[str]:
    return {visit["of"] for route in plan["routes"] for visit in route["visits"] if visit["act"] == "stop"}


def why(plan: dict[str, Any]) -> dict[str, str]:
    return {left["stop"]: left["why"] for left in plan["unserved"]}


def test_what_can_be_is_planned_and_passes(solved: Any, consigne: Run) -> None:
    code, told, plan = solved(_problem())
    assert (code, served(plan)) == (0, {"B-1", "B-2", "B-3", "B-4"}), told
    assert plan["approximate"]
    assert ok(consigne, "check", "routing", "problem.json", "plan.json").strip() == "nothing violated"


def test_one_bin_that_cannot_be_served_leaves_the_others_theirs(solved: Any, consigne: Run) -> None:
    cases = (
        ({"load": {"mass_kg": 5000}}, "capacity"),
        ({"skills": ["crane"]}, "skill"),
        ({"windows": [[0, 21_000]]}, "window"),
    )
    for changed, reason in cases:
        problem = _problem()
        problem["stops"][1] |= changed
        code, told, plan = solved(problem)
        assert (code, served(plan), why(plan)) == (3, {"B-1", "B-3", "B-4"}, {"B-2": reason}), told
        assert f"required of B-2 by 1: {reason}" in told
        found = consigne("check", "routing", "problem.json", "plan.json")
        assert found.returncode == 1
        assert found.stderr.count("required of") == 1
        assert "B-2" in found.stderr


def test_a_disposal_site_that_is_closed_all_day(solved: Any) -> None:
    problem = _problem()
    problem["sites"][0]["windows"] = [[0, 3600]]
    code, told, plan = solved(problem)
    assert (code, plan["status"], served(plan)) == (3, "best_effort", set())
    assert set(why(plan).values()) == {"window"}
    assert "would be at 'tip' only at" in told
    assert told.count("B-1: window") == 0, "told once, among the violations"
    problem["sites"][0]["windows"] = [[90_000, 95_000]]
    assert "would end from 'tip' at 9" in solved(problem)[1]


def test_bins_that_no_way_leads_to(solved: Any) -> None:
    """Half of the pairs cut off, as by an extract that is cropped."""
    names = ["depot", "tip", *(f"B-{k}" for k in range(6))]
    metres = [[1000.0 * abs(a - b) if (a < 5) == (b < 5) else None for b in range(8)] for a in range(8)]
    problem = _problem(
        places=[{"id": name} for name in names],
        profiles=[{"distance_m": metres, "duration_s": metres}],
        stops=[{"id": name, "place": name, "load": {"mass_kg": 100}} for name in names[2:]],
        sites=[{"id": "tip", "place": "tip"}],
    )
    code, told, plan = solved(problem)
    assert (code, served(plan)) == (3, {"B-0", "B-1", "B-2"}), told
    assert why(plan) == {"B-3": "unreachable", "B-4": "unreachable", "B-5": "unreachable"}


def test_parts_of_metres_are_not_cut_off(solved: Any) -> None:
    metres = [[0.0, 5.5], [5.5, 0.0]]
    problem = _problem(
        places=[{"id": "depot"}, {"id": "B"}],
        profiles=[{"distance_m": metres, "duration_s": metres}],
        stops=[{"id": "B", "place": "B", "load": {"mass_kg": 0.1}}],
        sites=[],
    )
    problem["vehicles"][0] |= {"empties": False, "per_m": 1.0}
    _, _, plan = solved(problem)
    assert (plan["routes"][0]["distance_m"], plan["objective"]) == (11.0, 11.0)


def test_what_contradicts_itself_is_refused_all_at_once(solved: Any) -> None:
    problem = _problem()
    problem["stops"][0]["windows"] = [[30_000, 25_000]]
    problem["stops"][1]["load"]["mass_kg"] = -5
    problem["stops"][2]["id"] = "B-4"
    problem["vehicles"][0]["shift"] = [46_800, 21_600]
    code, told, plan = solved(problem)
    assert (code, plan) == (2, {})
    for wanted in (
        "stop 'B-1': a window from 30000 s to 25000 s closes before it opens",
        "stop 'B-2': load is -5.0, wants 0",
        "stop 'B-4' stands 2 times, wants once",
        "vehicle 'T-1': a shift from 46800 s to 21600 s closes before it opens",
    ):
        assert wanted in told


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1", "1e300", '"far"', "[]"])
def test_ways_that_are_no_number_are_refused(number: str, solved: Any) -> None:
    metres = "[[0, 5, 5], [5, 0, 5], [5, X, 0]]".replace("X", number)
    problem = _problem(
        places=[{"id": "depot"}, {"id": "tip"}, {"id": "B"}],
        profiles=[{"distance_m": "HERE", "duration_s": [[0, 1, 1], [1, 0, 1], [1, 1, 0]]}],
        stops=[{"id": "B", "place": "B", "load": {"mass_kg": 1}}],
        sites=[{"id": "tip", "place": "tip"}],
    )
    code, told, plan = solved(json.dumps(problem).replace('"HERE"', metres))
    assert (code, plan) == (2, {}), told
    assert "distance_m" in told


def test_swapped_coordinates_are_told_and_what_is_near_is_served(solved: Any) -> None:
    problem = _problem()
    problem["stops"][3] |= {"lon": 47.47, "lat": -0.52}
    code, told, plan = solved(problem)
    assert (code, served(plan), why(plan)) == (3, {"B-1", "B-2", "B-3"}, {"B-4": "window"})
    assert "longitude and latitude look swapped of B-4" in told


def test_no_coordinates_on_earth(solved: Any) -> None:
    problem = _problem()
    problem["stops"][3]["lat"] = 470.47
    code, told, _ = solved(problem)
    assert code == 2
    assert "stops.3.lat: Input should be less than or equal to 90, found 470.47" in told


def test_text_that_is_no_problem(solved: Any) -> None:
    for text in ("", "{", "[]", "null", "{}", '{"stops": 5}'):
        code, told, plan = solved(text)
        assert (code, plan) == (2, {}), text
        assert "problem.json" in told
