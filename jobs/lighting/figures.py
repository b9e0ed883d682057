"""What a lighting plan came to, in figures for people."""

from collections.abc import Iterator

import numpy as np

from jobs.plan_figures import FigureRow, table
from jobs.words import Lang, number, say
from optimizers.lighting import LightingPlan


def figures(plan: LightingPlan, lang: Lang) -> list[dict[str, str]]:
    """Rows of a table: what, how much, the bound proved for it, and the gap between the two in percent."""
    return table(_rows(plan, lang), lang)


def _rows(plan: LightingPlan, lang: Lang) -> Iterator[FigureRow]:
    yield _row(say("figure_objective", lang, unit=plan.unit), plan.objective, plan.bound, lang)
    if not np.isnan(plan.energy_wh):
        yield say("figure_energy", lang), number(plan.energy_wh / 1e3, lang, 3), "", ""
    yield (
        say("figure_programs", lang),
        number(len({row.tobytes() for row in np.round(plan.flux, 9) + 0.0}), lang),
        "",
        "",
    )
    if plan.holders:
        objective_wh, bound_wh = plan.holder_objective_wh, plan.holder_bound_wh
        yield _row(say("figure_cabinets", lang), float(objective_wh.sum()) / 1e3, float(bound_wh.sum()) / 1e3, lang)
        gaps = np.divide(objective_wh - bound_wh, objective_wh, out=np.zeros(bound_wh.size), where=objective_wh > 0)
        if gaps[worst := int(gaps.argmax())] > 0:
            name = say("figure_worst", lang, cabinet=plan.holders[worst])
            yield _row(name, float(objective_wh[worst]) / 1e3, float(bound_wh[worst]) / 1e3, lang)
    if plan.given_up > 0:
        yield _row(say("figure_given_up", lang), plan.given_up, plan.given_up_bound, lang)
    yield say("figure_changes", lang), number(plan.changes, lang), "", ""


def _row(name: str, value: float, bound: float, lang: Lang) -> FigureRow:
    gap = (value - bound) / abs(value) if value else 0.0
    return name, number(value, lang, 3), number(bound, lang, 3), f"{number(100 * gap, lang, 4)} %"
