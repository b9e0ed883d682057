"""What the figures of plans have in common: rows of a table for people, whatever the optimiser."""

from collections.abc import Iterable

from jobs.words import Lang, number, say
from optimizers.result import Plan

FigureRow = tuple[str, str, str, str]
"""What, how much, the bound proved for it, and the gap between the two in percent; '' where there is none."""


def table(rows: Iterable[FigureRow], lang: Lang) -> list[dict[str, str]]:
    heads = [say(f"figure{head}", lang) for head in ("", "_value", "_bound", "_gap")]
    return [dict(zip(heads, row, strict=True)) for row in rows]


def objective_row(plan: Plan, unit: str, lang: Lang, digits: int, of_gap: int) -> FigureRow:
    """`digits` of value and bound, `of_gap` of the gap in percent."""
    name = say("figure_objective", lang, unit=unit)
    values = number(plan.objective, lang, digits), number(plan.bound, lang, digits)
    return name, *values, f"{number(100 * plan.gap, lang, of_gap)} %"


def figure_row(key: str, value: float, digits: int, lang: Lang, **named: str) -> FigureRow:
    """One that nothing is proved of."""
    return say(key, lang, **named), number(value, lang, digits), "", ""
