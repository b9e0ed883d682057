"""What a plan of crews came to, in figures for people."""

from collections import Counter
from collections.abc import Iterator

from jobs.words import Lang, number, say
from optimizers.crews import CrewPlan, CrewProblem, Why

_HOUR_S = 3_600.0


def figures(problem: CrewProblem, plan: CrewPlan, lang: Lang) -> list[dict[str, str]]:
    """Rows of a table: what, how much, the bound proved for it, and the gap between the two in percent."""
    heads = [say(f"figure{head}", lang) for head in ("", "_value", "_bound", "_gap")]
    return [dict(zip(heads, row, strict=True)) for row in _rows(problem, plan, lang)]


def _rows(problem: CrewProblem, plan: CrewPlan, lang: Lang) -> Iterator[tuple[str, str, str, str]]:
    objective = say("figure_objective", lang, unit=plan.unit)
    gap = f"{number(100 * plan.gap, lang, 1)} %"
    yield objective, number(plan.objective, lang, 2), number(plan.bound, lang, 2), gap
    yield _row("figure_covered", len(plan.driven), 0, lang, of=f"{len(problem.rounds)}")
    why = Counter(one.why for one in plan.uncovered)
    yield from (_row(f"figure_without_{reason}", why[reason], 0, lang) for reason in Why if why[reason])
    for crew in problem.crews:
        spans = [one.end_s - one.start_s for one in plan.driven if one.crew == crew.id]
        yield _row("figure_crew", sum(spans) / _HOUR_S, 1, lang, crew=crew.id, rounds=f"{len(spans)}")


def _row(key: str, value: float, digits: int, lang: Lang, **named: str) -> tuple[str, str, str, str]:
    return say(key, lang, **named), number(value, lang, digits), "", ""
