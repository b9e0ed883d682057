"""What a schedule by evcc's rules came to, in figures for people."""

from collections.abc import Iterator

import numpy as np

from jobs.plan_figures import FigureRow, figure_row, objective_row, table
from jobs.words import Lang, number
from optimizers.energy.formats import EvccPlan, EvccProblem


def evcc_figures(problem: EvccProblem, plan: EvccPlan, lang: Lang) -> list[dict[str, str]]:
    """Rows of a table: what, how much, the bound proved for it, and the gap between the two in percent."""
    return table(_rows(problem, plan, lang), lang)


def _rows(problem: EvccProblem, plan: EvccPlan, lang: Lang) -> Iterator[FigureRow]:
    yield objective_row(plan, plan.unit, lang, 4, 2)
    if not plan.charge_kwh.size:
        return
    yield figure_row("figure_bought", plan.import_kwh.sum(), 2, lang)
    yield figure_row("figure_sold", plan.export_kwh.sum(), 2, lang)
    if problem.limited:
        yield figure_row("figure_over", plan.import_over_kwh.sum(), 2, lang)
    if np.isfinite(problem.export_limit_kw):
        yield figure_row("figure_lost", plan.lost_kwh.sum(), 2, lang)
    for b, name in enumerate(problem.names):
        taken, given = (number(float(kwh[b].sum()), lang, 2) for kwh in (plan.charge_kwh, plan.discharge_kwh))
        yield figure_row("figure_held", plan.stored_kwh[b, -1], 2, lang, battery=name, taken=taken, given=given)
