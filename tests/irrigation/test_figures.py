"""A plan in figures for people, in both languages."""

from dataclasses import replace

import numpy as np
import pytest

from jobs.irrigation.figures import figures
from optimizers.irrigation import IrrigationProblem
from tests.irrigation.planted import PLAN, PROBLEM


def cells(lang: str, problem: IrrigationProblem = PROBLEM) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in (list(found.values()) for found in figures(problem, PLAN, lang))}


def test_what_the_plan_by_hand_comes_to() -> None:
    found = cells("en")
    assert found["objective, EUR"] == [f"{PLAN.objective:,.3f}", "0.000", "100.0000 %"]
    # Tonight the lawn 3 m3, the pitch two thirds twice, the roses five sixths twice, the hedge half a cubic metre.
    assert found["water of the coming night, m3"][0] == f"{3 + 4 / 3 + 5 / 3 + 1 / 2:.1f}"
    later = 0.75 * (2.5 + 3 * 2 / 3 + 5 / 6) + 0.25 * (1.25 * 2 / 3 + 0.5 * 5 / 6)
    assert found["water expected of all nights, m3"][0] == f"{3 + 4 / 3 + 5 / 3 + 1 / 2 + later:.1f}"
    assert found["hydrozones watered in the coming night"][0] == "4"
    assert found["openings of valves"][0] == "8"
    assert found["water of town water tonight, of 2.0 m3"][0] == "1.7"
    terms = [name for name in found if name.endswith(", EUR") and not name.startswith("objective")]
    assert len(terms) == 4
    assert sum(float(found[name][0]) for name in terms) == pytest.approx(PLAN.objective, abs=0.01)


def test_the_same_in_french() -> None:
    french = cells("fr")
    assert len(french) == len(cells("en"))
    assert french["eau de la nuit à venir, m3"][0] == "6,5"
    assert list(figures(PROBLEM, PLAN, "fr")[0]) == ["grandeur", "valeur", "au moins", "écart"]


def test_no_budget_is_not_spoken_of() -> None:
    plain = IrrigationProblem(**{**vars(PROBLEM), "budgets": None})
    assert not any("week" in name or "town" in name for name in cells("en", plain))


def test_a_plan_of_other_hydrozones_has_its_objective_only() -> None:
    other = replace(PLAN, hydrozones=("a",), cycles=np.array([1]))
    assert len(figures(PROBLEM, other, "en")) == 1
