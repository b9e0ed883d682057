"""A plan of rounds in figures for people, in both languages."""

from dataclasses import replace

import pytest

from jobs.collection.figures import figures
from jobs.words import _WORDS, LANGUAGES, Lang
from optimizers.result import Limits
from optimizers.routing import Act, RoutingPlan, RoutingProblem, Unserved, Why, full_example, generated, solve
from optimizers.routing.formats import read_problem
from tests.routing.planted import PLAN, PROBLEM
from tests.routing.texts import FEW, SOLOMON, TEXTS


def cells(problem: RoutingProblem, plan: RoutingPlan, lang: Lang = "en") -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in (list(found.values()) for found in figures(problem, plan, lang))}


def test_what_the_plan_by_hand_comes_to() -> None:
    found = cells(PROBLEM, PLAN)
    assert found["objective, EUR"][:2] == [f"{PLAN.objective:,.2f}", f"{PLAN.bound:,.2f}"]
    assert found["distance, km"][0] == f"{sum(route.distance_m for route in PLAN.routes) / 1e3:.1f}"
    assert found["time out, h"][0] == f"{sum(route.duration_s for route in PLAN.routes) / 3600:.1f}"
    served = sum(len(route.stops) for route in PLAN.routes)
    assert found[f"stops served, of {len(PROBLEM.stops)}"][0] == f"{served}"
    assert found[f"vehicles used, of {len(PROBLEM.vehicles)}"][0] == f"{len(PLAN.routes)}"
    left = [int(row[0]) for name, row in found.items() if name.startswith("left out")]
    assert sum(left) == len(PLAN.unserved) == len(PROBLEM.stops) - served
    unloadings = [visit for route in PLAN.routes for visit in route.visits if visit.act is Act.UNLOAD]
    assert found["unloadings"][0] == f"{len(unloadings)}"


def test_the_same_in_french() -> None:
    french = cells(PROBLEM, PLAN, "fr")
    assert len(french) == len(cells(PROBLEM, PLAN))
    assert "distance, km" in french
    assert any(name.startswith("arrêts desservis") for name in french)
    assert list(figures(PROBLEM, PLAN, "fr")[0]) == ["grandeur", "valeur", "au moins", "écart"]


def test_the_fill_of_a_trip_is_the_mean_over_trips() -> None:
    """Two trips of one lorry: full, and two fifths."""
    plain = generated(2, 1, 1, 0)
    stops = tuple(
        replace(stop, load=load, required=True)
        for stop, load in zip(plain.stops, ((9e3, 1.0), (3.6e3, 1.0)), strict=True)
    )
    problem = replace(plain, stops=stops)
    plan = solve(problem, Limits(work=50))
    assert cells(problem, plan)["fill of a trip, mass_kg, %"][0] == "70"


@pytest.mark.parametrize("why", list(Why))
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_reason_has_its_row(why: Why, lang: Lang) -> None:
    stop = PROBLEM.stops[0].id
    plan = replace(PLAN, unserved=(Unserved(stop, why),))
    assert cells(PROBLEM, plan, lang)[_WORDS[f"figure_left_{why}"][lang == "fr"]][0] == "1"


def test_what_is_not_asked_is_not_spoken_of() -> None:
    problem = generated(5, 1, 1, 0)
    plan = solve(problem, Limits(work=50))
    assert not [name for name in cells(problem, plan) if "overtime" in name or "than before" in name]
    full = full_example(0)
    found = cells(full, solve(full, Limits(work=50)))
    assert "overtime, h" in found
    assert "stops that another vehicle serves than before" in found
    assert "drives reckoned without a map" in found


def test_instances_without_metres_and_seconds_tell_of_none() -> None:
    problem = read_problem(SOLOMON, "solomon")
    plan = solve(problem, FEW)
    assert not [name for name in cells(problem, plan) if name.endswith((", km", ", h"))]
    vroom = read_problem(TEXTS["vroom"], "vroom")
    told = cells(vroom, solve(vroom, FEW))
    assert "time out, h" in told
    assert "distance, km" not in told, "the file tells none"
