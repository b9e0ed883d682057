"""What an energy plan came to, in figures for people."""

from collections.abc import Iterator

import numpy as np

from jobs.plan_figures import FigureRow, figure_row, objective_row, table
from jobs.words import Lang, number
from optimizers.energy import EnergyPlan, EnergyProblem, bill, carbon_kg, names_of
from optimizers.energy.billing import by_site

_TOLD = 5
"""Contracts that are told: those whose peak is nearest to their limit."""

_KILO = 1000.0


def figures(problem: EnergyProblem, plan: EnergyPlan, lang: Lang) -> list[dict[str, str]]:
    """Rows of a table: what, how much, the bound proved for it, and the gap between the two in percent."""
    return table(_rows(problem, plan, lang), lang)


def _rows(problem: EnergyProblem, plan: EnergyPlan, lang: Lang) -> Iterator[FigureRow]:
    yield objective_row(plan, plan.unit, lang, 2, 4)
    others = any(getattr(plan, part) != names for part, names in names_of(problem).items())
    if others or plan.import_w.shape != problem.shape:
        return
    yield figure_row("figure_shortfall_safety", plan.shortfall.safety, 2, lang)
    yield figure_row("figure_shortfall_comfort", plan.shortfall.comfort, 2, lang)
    hours = problem.horizon.hours
    yield figure_row("figure_bought", float((plan.import_w * hours).sum()) / _KILO, 1, lang)
    yield figure_row("figure_sold", float((plan.export_w * hours).sum()) / _KILO, 1, lang)
    for name, value in vars(bill(problem, plan)).items():
        if round(value, 2):
            yield figure_row(f"figure_{name}_eur", value, 2, lang)
    yield figure_row("figure_carbon", float(carbon_kg(problem, plan).sum()), 1, lang)
    yield from _sun(problem, plan, lang)
    yield from _peaks(problem, plan, lang)


def _sun(problem: EnergyProblem, plan: EnergyPlan, lang: Lang) -> Iterator[FigureRow]:
    """What of the roofs' production is used where it is made, and what is not taken."""
    if (roofs := problem.solar) is None or not roofs.available_w.any():
        return
    hours = problem.horizon.hours
    taken = by_site(roofs.site, plan.solar_w, *problem.shape)
    used = ((taken - np.minimum(taken, plan.export_w)) * hours).sum()
    whole = (roofs.available_w * hours).sum()
    yield figure_row("figure_own_use", 100 * float(used / whole), 1, lang, of=number(float(whole) / _KILO, lang, 1))
    left = float(((roofs.available_w - plan.solar_w) * hours).sum()) / _KILO
    yield figure_row("figure_curtailed", left, 1, lang)


def _peaks(problem: EnergyProblem, plan: EnergyPlan, lang: Lang) -> Iterator[FigureRow]:
    """The highest power bought beside what is contracted in that slot, of the sites that come nearest to it."""
    limits = problem.sites.import_limit_w
    room = np.min(limits - plan.import_w, axis=1)
    for i in np.argsort(room, kind="stable")[:_TOLD].tolist():
        if np.isfinite(limits[i]).any():
            t = int(np.argmin(limits[i] - plan.import_w[i]))
            named = {"site": problem.sites.names[i], "limit": number(float(limits[i, t]) / _KILO, lang, 1)}
            yield figure_row("figure_peak", float(plan.import_w[i, t]) / _KILO, 1, lang, **named)
