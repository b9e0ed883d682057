"""What an irrigation plan came to, in figures for people."""

from collections.abc import Iterator

import numpy as np

from jobs.plan_figures import FigureRow, figure_row, objective_row, table
from jobs.words import Lang, number
from optimizers.irrigation import IrrigationPlan, IrrigationProblem, every_cycle, reckoned
from optimizers.irrigation.reckoning import water_m3


def figures(problem: IrrigationProblem, plan: IrrigationPlan, lang: Lang) -> list[dict[str, str]]:
    """Rows of a table: what, how much, the bound proved for it, and the gap between the two in percent."""
    return table(_rows(problem, plan, lang), lang)


def _rows(problem: IrrigationProblem, plan: IrrigationPlan, lang: Lang) -> Iterator[FigureRow]:
    yield objective_row(plan, plan.unit, lang, 3, 4)
    if plan.hydrozones != problem.hydrozones.names:
        return
    cycles = every_cycle(plan)
    for name, value in reckoned(problem, cycles).sums_eur.items():
        yield figure_row(f"figure_{name}", value, 3, lang)
    water = water_m3(problem, cycles)
    yield figure_row("figure_tonight", float(water[0].sum()), 1, lang)
    yield figure_row("figure_all_nights", float(water.sum()), 1, lang)
    yield figure_row("figure_watered", float(np.count_nonzero(plan.cycles)), 0, lang)
    yield figure_row("figure_openings", float(plan.opened.size), 0, lang)
    if (budgets := problem.budgets) is not None:
        for b, budget in enumerate(budgets.names):
            spent = float(water[budgets.nights[b]][:, budgets.member[b]].sum())
            limit = number(float(budgets.limit_m3[b]), lang, 1)
            yield figure_row("figure_budget", spent, 1, lang, budget=budget, limit=limit)
