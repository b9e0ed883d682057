"""A plan in figures for people, in both languages."""

from dataclasses import replace

import numpy as np

from jobs.lighting.figures import figures
from optimizers.lighting import example, solve

PLAN = solve(example(0))


def cells(plan: object, lang: str) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in (list(found.values()) for found in figures(plan, lang))}


def test_a_plain_plan_has_its_objective_energy_and_programs() -> None:
    found = cells(PLAN, "en")
    assert list(found) == ["objective, Wh", "energy, kWh", "different programs", "lamps told another program"]
    assert found["objective, Wh"][:2] == [f"{PLAN.objective:,.3f}"] * 2
    assert found["objective, Wh"][2] == "0.0000 %"
    assert found["energy, kWh"][0] == f"{PLAN.objective / 1e3:,.3f}"


def test_what_cabinets_and_budgets_came_to() -> None:
    told = {"holders": ("N", "S"), "holder_objective_wh": np.array([2e3, 1e3]), "holder_bound_wh": np.array([2e3, 9e2])}
    found = cells(replace(PLAN, **told, given_up=50.0, given_up_bound=40.0, changes=3), "fr")
    assert found["énergie des armoires, kWh"] == ["3,000", "2,900", "3,3333 %"]
    assert found["S, la plus loin de sa borne, kWh"] == ["1,000", "0,900", "10,0000 %"]
    assert found["lumière cédée, Wh, parmi les niveaux essayés"] == ["50,000", "40,000", "20,0000 %"]
    assert found["lampes dont le programme change"][0] == "3"


def test_the_heads_are_in_the_language() -> None:
    assert list(figures(PLAN, "fr")[0]) == ["grandeur", "valeur", "au moins", "écart"]
