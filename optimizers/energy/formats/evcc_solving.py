"""The best schedule of an evcc request: first money, goals and limits, then what its strategies prefer among equals.

evcc adds its strategies to its money, where they are below a solver's tolerance when prices are small; here a second
program asks for them, among the schedules that cost no more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.engines import Answer, Effort, run
from optimizers.energy.formats.evcc import EvccPlan, EvccProblem
from optimizers.energy.formats.evcc_rows import Columns, among, counted, money, preferred
from optimizers.energy.linear import Linear
from optimizers.result import Limits, Status, Violation

SLACK_KWH = 1e-5
"""At the problem's penalty, by which what is preferred may cost more: above what solvers leave open."""

MOST_S = 10.0
"""That choosing among equals may take each time: where nothing else is allowed, solvers may look for long in vain."""

NOTHING_KWH = 1e-6


def solve(problem: EvccProblem, limits: Limits | None = None) -> EvccPlan:
    """Optimal where it is proved; best effort, with named violations, where goals or limits could not be met.

    Where the time ends before the strategies are weighed, the schedule is as good, and any of its equals. Where it ends
    before there is one, TIME_LIMIT. Raises RuntimeError where no solver answers.
    """
    limits = limits or Limits()
    began = monotonic()
    effort = Effort(limits.seconds, limits.gap, limits.work, limits.seed)
    build, columns = money(problem)
    linear = build.linear()
    first = answer = run(linear, effort)
    late = first.late
    for wishes in (preferred(problem, build, columns), counted(problem, columns)):
        if not answer.found:
            break
        linear = among(build, linear.cost, answer.value - linear.offset + SLACK_KWH, wishes)
        if linear.cost.any():
            left = effort.within(min(began + limits.seconds, monotonic() + MOST_S))
            answer, broken_off = _chosen(linear, answer, left)
            late |= broken_off
    if first.status is Status.INFEASIBLE:
        raise RuntimeError(f"{first.solver} {first.version} finds no schedule, though batteries may rest: its mistake")
    run_of = _Run(limits.seed, monotonic() - began, late)
    if not first.found:
        return _empty(answer, run_of)
    return _plan(problem, columns, answer, first.value - first.bound + SLACK_KWH, run_of)


def _chosen(linear: Linear, answer: Answer, effort: Effort) -> tuple[Answer, bool]:
    """The one wished for, and whether the clock broke that off: at worst with the choices that the answer made."""
    whole = np.flatnonzero(linear.whole[: answer.x.size])
    lower, upper = linear.lower.copy(), linear.upper.copy()
    lower[whole] = upper[whole] = np.round(answer.x[whole])
    settled = run(replace(linear, lower=lower, upper=upper, whole=np.zeros_like(linear.whole)), effort)
    free = run(linear, effort)
    best = min((one for one in (settled, free) if one.found), key=lambda one: one.value, default=answer)
    return best, settled.late or free.late


@dataclass(frozen=True, slots=True)
class _Run:
    seed: int
    seconds: float
    late: bool


def _empty(answer: Answer, run: _Run) -> EvccPlan:
    none = np.zeros((0, 0))
    return EvccPlan(
        status=Status.TIME_LIMIT, objective=np.inf, bound=-np.inf, seconds=run.seconds, seed=run.seed,
        solver=answer.solver, version=answer.version, reasons=("no schedule was found in time",), reproducible=False,
        charge_kwh=none, discharge_kwh=none, stored_kwh=none, import_kwh=none, export_kwh=none,
        import_over_kwh=none, lost_kwh=none, exporting=none > 0, proved=False,
    )  # fmt: skip


def _plan(problem: EvccProblem, columns: Columns, answer: Answer, at_most: float, run: _Run) -> EvccPlan:
    """`at_most`: by how much, in units of the penalty, something better may exist."""
    charge, discharge = _flows(problem, columns, answer)
    stored = problem.initial_kwh[:, None] + np.cumsum(
        charge * problem.charge_efficiency - discharge / problem.discharge_efficiency, axis=1
    )
    net = problem.drawn_kwh - problem.sun_kwh + (charge - discharge).sum(axis=0)
    net[np.abs(net) < NOTHING_KWH] = 0.0
    imported, out = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    exported = np.minimum(out, problem.export_limit_kw * problem.hours)
    over = np.maximum(imported - problem.import_limit_kw * problem.hours, 0.0)
    over, lost = (np.where(energy < NOTHING_KWH, 0.0, energy) for energy in (over, out - exported))
    cost = float(problem.buy_eur_kwh @ imported - problem.sell_eur_kwh @ exported)
    cost -= float(problem.worth_eur_kwh @ (stored[:, -1] - stored[:, 0]))
    if problem.rated:
        cost += problem.beyond_eur_kw * float((over / problem.hours).max())
    violations = tuple(_unmet(problem, charge, stored, over))
    proved = at_most < 2 * SLACK_KWH
    return EvccPlan(
        status=Status.BEST_EFFORT if violations else Status.OPTIMAL if proved else Status.FEASIBLE,
        objective=cost, bound=cost - at_most * problem.penalty_eur_kwh,
        seconds=run.seconds, seed=run.seed, solver=answer.solver, version=answer.version,
        violations=violations, reasons=tuple(_reasons(lost)), reproducible=not run.late,
        charge_kwh=charge, discharge_kwh=discharge, stored_kwh=stored, import_kwh=imported, export_kwh=exported,
        import_over_kwh=over, lost_kwh=lost, exporting=out > 0, proved=proved,
    )  # fmt: skip


def _flows(p: EvccProblem, columns: Columns, answer: Answer) -> tuple[Floats, Floats]:
    """What batteries are given and give, within their powers."""
    charge, discharge = (
        np.clip(answer.x[of], 0.0, most[:, None] * p.hours)
        for of, most in ((columns.charge, p.charge_max_kw), (columns.discharge, p.discharge_max_kw))
    )
    charge[charge < NOTHING_KWH], discharge[discharge < NOTHING_KWH] = 0.0, 0.0
    return charge, discharge


def _reasons(lost: Floats) -> Iterator[str]:
    if lost.any():
        yield f"grid: the limit of export leaves no place for {lost.sum() * 1e3:.6g} Wh, in {np.sum(lost > 0)} slots"


def _unmet(problem: EvccProblem, charge: Floats, stored: Floats, over: Floats) -> Iterator[Violation]:
    """What could not be met, each at its worst slot."""
    if not problem.rated:
        yield from _worst("import_limit", "grid", over)
    full = problem.high_kwh[:, None] - stored <= NOTHING_KWH
    for b, name in enumerate(problem.names):
        yield from _worst("goal", name, problem.goal_kwh[b] - stored[b])
        yield from _worst("demand", name, np.where(full[b], 0.0, problem.demand_kwh[b] - charge[b]))
        yield from _worst("highest", name, stored[b] - problem.high_kwh[b])
        yield from _worst("lowest", name, problem.low_kwh[b] - stored[b])


def _worst(constraint: str, whose: str, short_kwh: Floats) -> Iterator[Violation]:
    missed = short_kwh > 10 * NOTHING_KWH
    if missed.any():
        slot = int(np.argmax(short_kwh))
        detail = f"of slot {slot}; in {missed.sum()} slots, {short_kwh[missed].sum() * 1e3:.6g} Wh in all"
        yield Violation(constraint, whose, float(short_kwh[slot]) * 1e3, "Wh", detail)
