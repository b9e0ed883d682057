"""An energy plan in figures for people, in both languages."""

from dataclasses import replace

import numpy as np
import pytest

from jobs.energy.figures import figures
from optimizers.energy import EnergyPlan, EnergyProblem
from tests.energy.followed import eur_by_term, followed
from tests.energy.planted import PLAN, PROBLEM


def cells(lang: str, problem: EnergyProblem = PROBLEM, plan: EnergyPlan = PLAN) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in (list(found.values()) for found in figures(problem, plan, lang))}


def test_what_the_plan_by_hand_comes_to() -> None:
    found = cells("en")
    assert found["objective, EUR"][0] == f"{PLAN.objective:.2f}"
    assert found["safety left: kWh, K·h and K in all"][0] == "1.84"
    assert found["comfort left: K·h and kWh in all"][0] == "1.00"
    # School: 7, 9, 9 kW for an hour each, 0.75 for half, 4 for two; pool: 12, 10, 5.2 an hour, 9, 7 half, 8.5 two.
    assert found["bought, kWh"][0] == f"{7 + 9 + 9 + 0.375 + 8 + 12 + 10 + 5.2 + 4.5 + 3.5 + 17:.1f}"
    assert found["fed in, kWh"][0] == "0.8"
    terms = eur_by_term(PROBLEM, PLAN)
    assert float(found["electricity bought, EUR"][0]) == pytest.approx(terms["bought"], abs=0.0051)
    assert float(found["gas and district heat, EUR"][0]) == pytest.approx(terms["fuel"], abs=0.0051)
    told = sum(float(value[0]) for name, value in found.items() if name.endswith(", EUR") and "objective" not in name)
    assert told == pytest.approx(PLAN.objective, abs=0.05)
    # 4 + 8 + 4 + 2 of the roof, 1 + 2 + 1 + 0.5 of the shed; 2 not taken, 0.75 fed in.
    assert found["sun used where it is made, %, of 22.5 kWh"][0] == f"{100 * (22.5 - 2 - 0.75) / 22.5:.1f}"
    assert found["sun not taken, kWh"][0] == "2.0"
    assert found["pool: kW beside 18.0 contracted"][0] == "12.0"
    assert found["school: kW beside 24.0 contracted"][0] == "9.0"
    assert "loads shed, EUR" in found
    assert "beyond contracted power, EUR" not in found, "what is nothing is not told"


def test_the_same_in_french() -> None:
    french = cells("fr")
    assert len(french) == len(cells("en"))
    assert french["injecté, kWh"][0] == "0,8"
    assert french["pool : kW pour 18,0 souscrits"][0] == "12,0"
    assert list(figures(PROBLEM, PLAN, "fr")[0]) == ["grandeur", "valeur", "au moins", "écart"]


def test_contracts_nearest_to_their_limit_are_told_and_none_without() -> None:
    n = 8
    sites = replace(
        PROBLEM.sites, names=tuple(f"s{i}" for i in range(n)), group=np.array(-1),
        base_w=np.arange(1, n + 1)[:, None] * 1e3 * np.ones(6), margin_w=np.array(0.0),
        import_eur_kwh=np.array(0.2), import_limit_w=np.array([[10e3]] * (n - 1) + [[np.inf]]) * np.ones(6),
        firm=np.array(True), over_eur_kwh=np.array(0.0), export_limit_w=np.array(np.inf), peak_eur_kw=np.array(0.0),
        peak_so_far_w=np.array(0.0), export_eur_kwh=np.array(0.0), carbon_g_kwh=np.array(0.0),
        carbon_eur_kg=np.array(0.0),
    )  # fmt: skip
    problem = EnergyProblem(horizon=PROBLEM.horizon, sites=sites)
    peaks = [name for name in cells("en", problem, followed(problem)) if "contracted" in name]
    assert peaks == [f"s{i}: kW beside 10.0 contracted" for i in (6, 5, 4, 3, 2)]


def test_a_plan_of_other_devices_or_slots_has_its_objective_only() -> None:
    assert len(figures(PROBLEM, replace(PLAN, batteries=("a", "b")), "en")) == 1
    assert len(figures(PROBLEM, replace(PLAN, import_w=PLAN.import_w[:, :5]), "en")) == 1
