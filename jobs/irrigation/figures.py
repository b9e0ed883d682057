"""What an irrigation plan came to, in figures for people."""

from collections.abc import Iterator

import numpy as np

from jobs.words import Lang, number, say
from optimizers.irrigation import IrrigationPlan, IrrigationProblem, every_cycle, reckoned
from optimizers.irrigation.reckoning import water_m3


def figures(problem: IrrigationProblem, plan: IrrigationPlan, lang: Lang) -> list[dict[str, str]]:
    """Rows of a table: what, how much, the bound proved for it, and the gap between the two in percent."""
    heads = [say(f"figure{head}", lang) for head in ("", "_value", "_bound", "_gap")]
    return [dict(zip(heads, row, strict=True)) for row in _rows(problem, plan, lang)]


def _rows(problem: IrrigationProblem, plan: IrrigationPlan, lang: Lang) -> Iterator[tuple[str, str, str, str]]:
    objective = say("figure_objective", lang, unit=plan.unit)
    gap = f"{number(100 * plan.gap, lang, 4)} %"
    yield objective, number(plan.objective, lang, 3), number(plan.bound, lang, 3), gap
    if plan.hydrozones != problem.hydrozones.names:
        return
    cycles = every_cycle(plan)
    for name, value in reckoned(problem, cycles).sums_eur.items():
        yield _row(f"figure_{name}", value, 3, lang)
    water = water_m3(problem, cycles)
    yield _row("figure_tonight", float(water[0].sum()), 1, lang)
    yield _row("figure_all_nights", float(water.sum()), 1, lang)
    yield _row("figure_watered", float(np.count_nonzero(plan.cycles)), 0, lang)
    yield _row("figure_openings", float(plan.opened.size), 0, lang)
    if (budgets := problem.budgets) is not None:
        for b, budget in enumerate(budgets.names):
            spent = float(water[budgets.nights[b]][:, budgets.member[b]].sum())
            limit = number(float(budgets.limit_m3[b]), lang, 1)
            yield _row("figure_budget", spent, 1, lang, budget=budget, limit=limit)


def _row(key: str, value: float, digits: int, lang: Lang, **named: str) -> tuple[str, str, str, str]:
    return say(key, lang, **named), number(value, lang, digits), "", ""
