"""What a plan of crews came to, in figures for people."""

from collections import Counter
from collections.abc import Iterator

from jobs.plan_figures import FigureRow, figure_row, objective_row, table
from jobs.words import Lang
from optimizers.crews import CrewPlan, CrewProblem, Why

_HOUR_S = 3_600.0


def figures(problem: CrewProblem, plan: CrewPlan, lang: Lang) -> list[dict[str, str]]:
    """Rows of a table: what, how much, the bound proved for it, and the gap between the two in percent."""
    return table(_rows(problem, plan, lang), lang)


def _rows(problem: CrewProblem, plan: CrewPlan, lang: Lang) -> Iterator[FigureRow]:
    yield objective_row(plan, plan.unit, lang, 2, 1)
    yield figure_row("figure_covered", len(plan.driven), 0, lang, of=f"{len(problem.rounds)}")
    why = Counter(one.why for one in plan.uncovered)
    yield from (figure_row(f"figure_without_{reason}", why[reason], 0, lang) for reason in Why if why[reason])
    for crew in problem.crews:
        spans = [one.end_s - one.start_s for one in plan.driven if one.crew == crew.id]
        yield figure_row("figure_crew", sum(spans) / _HOUR_S, 1, lang, crew=crew.id, rounds=f"{len(spans)}")
