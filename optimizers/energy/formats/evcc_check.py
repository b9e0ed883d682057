"""Whether a schedule keeps to what evcc's rules ask, and what it is worth: by code that shares nothing with solve.

Every slot of every battery is walked through by itself, from the request's first state.
"""

from collections.abc import Iterator

import numpy as np

from optimizers.energy.formats.evcc import EvccPlan, EvccProblem
from optimizers.result import Violation

TOLERANCE_WH = 0.05
"""evcc's stored answers are rounded to a ten-thousandth of a Wh, over slots that are summed."""


def check(problem: EvccProblem, plan: EvccPlan) -> tuple[Violation, ...]:
    """Every rule that a schedule breaks, an objective that it does not have, and goals and limits that it leaves
    without naming them, as much as they are, among its own violations.
    """
    if not plan.charge_kwh.size:
        return (Violation("schedule", "plan", 1.0, "1", "there is none"),)
    named = {(one.constraint, one.object): one.amount for one in plan.violations}
    left = (
        one for one in unmet(problem, plan) if one.amount > named.get((one.constraint, one.object), 0.0) + TOLERANCE_WH
    )
    found = [*_grid(problem, plan), *left]
    for b in range(len(problem.names)):
        found += _battery(problem, plan, b)
    value = value_eur(problem, plan)
    if abs(value + plan.objective) > 1e-5 * max(abs(value), problem.penalty_eur_kwh * 0.1):
        detail = f"the schedule is worth {value:.9g}, and is said to be worth {-plan.objective:.9g}"
        found.append(Violation("objective", "plan", abs(value + plan.objective), "EUR", detail))
    return tuple(found)


def unmet(problem: EvccProblem, plan: EvccPlan) -> tuple[Violation, ...]:
    """Goals and limits that a schedule leaves, slot by slot: it may, where they cannot be met."""
    found: list[Violation] = []
    if not problem.rated:
        for t in range(problem.slots):
            found += _over("import_limit", "grid", t, float(plan.import_over_kwh[t]))
    for b in range(len(problem.names)):
        found += _goals(problem, plan, b)
    return tuple(found)


def value_eur(problem: EvccProblem, plan: EvccPlan) -> float:
    """evcc's objective: sold - bought + what is stored more than after the first slot - the highest import beyond."""
    value = 0.0
    for slot in range(problem.slots):
        value -= plan.import_kwh[slot] * problem.buy_eur_kwh[slot]
        value += plan.export_kwh[slot] * problem.sell_eur_kwh[slot]
    for b in range(len(problem.names)):
        value += (plan.stored_kwh[b, -1] - plan.stored_kwh[b, 0]) * problem.worth_eur_kwh[b]
    if problem.rated:
        value -= problem.beyond_eur_kw * max(0.0, float((plan.import_over_kwh / problem.hours).max()))
    return float(value)


def missed(problem: EvccProblem, plan: EvccPlan) -> float:
    """What is left of goals and limits, in kWh as evcc weighs them, a kWh of a goal as 1."""
    weighed, slots = 0.0, problem.slots
    for t in range(slots):
        if not problem.rated:
            weighed += plan.import_over_kwh[t]
        weighed += plan.lost_kwh[t] * (1 - 1e-5 * t)
        for b in range(len(problem.names)):
            stored, goal = plan.stored_kwh[b, t], problem.goal_kwh[b, t]
            weighed += 10 * max(0.0, stored - problem.high_kwh[b], problem.low_kwh[b] - stored)
            weighed += max(0.0, goal - stored) if t and goal else 0.0
            demand = min(problem.demand_kwh[b, t], problem.charge_max_kw[b] * problem.hours[t])
            if stored < problem.high_kwh[b] - TOLERANCE_WH / 1e3:
                weighed += max(0.0, demand - plan.charge_kwh[b, t]) * (2 - t / slots)
    return float(weighed)


def _over(constraint: str, whose: str, slot: int, passed_kwh: float, detail: str = "") -> Iterator[Violation]:
    if not passed_kwh * 1e3 <= TOLERANCE_WH:  # a NaN passes everything
        yield Violation(constraint, whose, passed_kwh * 1e3, "Wh", f"of slot {slot}" + (f": {detail}" * bool(detail)))


def _grid(p: EvccProblem, plan: EvccPlan) -> Iterator[Violation]:
    for t in range(p.slots):
        imported, exported, lost = (float(of[t]) for of in (plan.import_kwh, plan.export_kwh, plan.lost_kwh))
        given = sum(float(plan.discharge_kwh[b, t] - plan.charge_kwh[b, t]) for b in range(len(p.names)))
        left = imported + float(p.sun_kwh[t]) + given - exported - lost - float(p.drawn_kwh[t])
        yield from _over("balance", "grid", t, abs(left))
        yield from _over("one_way", "grid", t, min(imported, exported + lost), "it both buys and sells, or loses")
        flowing = exported + lost if not plan.exporting[t] else imported
        yield from _over("flow_direction", "grid", t, flowing, "power flows the other way")
        for name, least in (("import", imported), ("export", exported), ("loss", lost)):
            yield from _over(f"negative_{name}", "grid", t, -least)
        yield from _limits(p, plan, t)


def _limits(p: EvccProblem, plan: EvccPlan, t: int) -> Iterator[Violation]:
    most, beyond = p.import_limit_kw * p.hours[t], float(plan.import_over_kwh[t])
    yield from _over("import_over", "grid", t, float(plan.import_kwh[t]) - beyond - most, "more is beyond than told")
    most = p.export_limit_kw * p.hours[t]
    yield from _over("export_limit", "grid", t, float(plan.export_kwh[t]) - most)
    if plan.lost_kwh[t] > 0 and np.isfinite(most):
        room = min(most - float(plan.export_kwh[t]), float(plan.lost_kwh[t]))
        yield from _over("lost", "grid", t, room, "it is lost below the limit of export")
    elif plan.lost_kwh[t] > 0:
        yield from _over("lost", "grid", t, float(plan.lost_kwh[t]), "there is no limit of export")


def _battery(p: EvccProblem, plan: EvccPlan, b: int) -> Iterator[Violation]:
    name, held = p.names[b], float(p.initial_kwh[b])
    for t in range(p.slots):
        charge, discharge, hours = float(plan.charge_kwh[b, t]), float(plan.discharge_kwh[b, t]), float(p.hours[t])
        held += charge * p.charge_efficiency - discharge / p.discharge_efficiency
        yield from _over("store", name, t, abs(float(plan.stored_kwh[b, t]) - held), "it does not follow")
        held = float(plan.stored_kwh[b, t])
        yield from _over("capacity", name, t, max(held - float(p.capacity_kwh[b]), -held))
        yield from _over("charge_max", name, t, charge - float(p.charge_max_kw[b]) * hours)
        yield from _over("discharge_max", name, t, discharge - float(p.discharge_max_kw[b]) * hours)
        yield from _over("negative_power", name, t, max(-charge, -discharge))
        yield from _over("not_both", name, t, min(charge, discharge), "it charges and discharges")
        yield from _least(p, plan, b, t)
        if not p.from_grid[b]:
            yield from _over("charge_from_grid", name, t, min(charge, float(plan.import_kwh[t])))
        if not p.to_grid[b]:
            yield from _over("discharge_to_grid", name, t, min(discharge, float(plan.export_kwh[t])))


def _least(p: EvccProblem, plan: EvccPlan, b: int, t: int) -> Iterator[Violation]:
    """Less than the least charge is for a store that is asked to be filled and nearly full, and for nothing else."""
    charge, least = float(plan.charge_kwh[b, t]), float(p.charge_least_kw[b] * p.hours[t])
    nearly = p.demand_kwh[b, t] > 0 and p.high_kwh[b] - plan.stored_kwh[b, t] <= least + TOLERANCE_WH / 1e3
    if charge > 0 and not nearly:
        yield from _over("charge_least", p.names[b], t, min(charge, least - charge), "it charges at less than it can")


def _goals(p: EvccProblem, plan: EvccPlan, b: int) -> Iterator[Violation]:
    name = p.names[b]
    for t in range(p.slots):
        stored, goal = float(plan.stored_kwh[b, t]), float(p.goal_kwh[b, t])
        yield from _over("goal", name, t, goal - stored)
        yield from _over("highest", name, t, stored - float(p.high_kwh[b]))
        yield from _over("lowest", name, t, float(p.low_kwh[b]) - stored)
        if stored < p.high_kwh[b] - TOLERANCE_WH / 1e3:
            yield from _over("demand", name, t, float(p.demand_kwh[b, t] - plan.charge_kwh[b, t]))
