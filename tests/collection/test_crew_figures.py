"""A plan of crews in figures for people, in both languages."""

from dataclasses import replace

import pytest

from jobs.collection.crew_figures import figures
from jobs.words import _WORDS, LANGUAGES, Lang
from optimizers.crews import CrewPlan, CrewProblem, Uncovered, Why, full_example, solve
from optimizers.result import Limits


@pytest.fixture(scope="module")
def problem() -> CrewProblem:
    return full_example(0)


@pytest.fixture(scope="module")
def plan(problem: CrewProblem) -> CrewPlan:
    return solve(problem, Limits(work=5))


def test_rounds_and_hours_add_up(problem: CrewProblem, plan: CrewPlan) -> None:
    rows = {row[0]: row[1] for row in (list(found.values()) for found in figures(problem, plan, "en"))}
    covered = int(rows[f"rounds with a crew, of {len(problem.rounds)}"])
    without = sum(int(value) for name, value in rows.items() if name.startswith("without"))
    assert (covered, without) == (len(plan.driven), len(plan.uncovered))
    hours = sum(float(value) for name, value in rows.items() if ": hours, in" in name)
    driven_s = sum(one.end_s - one.start_s for one in plan.driven)
    assert hours == pytest.approx(driven_s / 3600, abs=0.05 * len(problem.crews) + 1e-9)


@pytest.mark.parametrize("why", list(Why))
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_reason_has_its_row(problem: CrewProblem, plan: CrewPlan, why: Why, lang: Lang) -> None:
    told = replace(plan, uncovered=(Uncovered(problem.rounds[0].id, why),))
    rows = {row[0]: row[1] for row in (list(found.values()) for found in figures(problem, told, lang))}
    assert rows[_WORDS[f"figure_without_{why}"][lang == "fr"]] == "1"
