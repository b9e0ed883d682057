"""The plan of least cost that keeps safety and comfort: see `solve`."""

from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.assembling import Assembled, assemble
from optimizers.energy.follow import at_once, followed
from optimizers.energy.ladder import Run, Settled, settle
from optimizers.energy.linear import Linear
from optimizers.energy.problem import EnergyPlan, EnergyProblem, names_of
from optimizers.energy.reading import Flows, read
from optimizers.energy.reckoning import cost_eur, shortfall_of, shortfalls
from optimizers.energy.ties import smoothest
from optimizers.result import Limits, Status, our_version

_PROVED = 1e-7  # relative: what is left is rounding
_FOR_CHOICES = 0.8  # of the time; the rest is for what follows from them
_NO_TIME = "time or work was over before there was anything better: devices go by plain rules"
_ROUGH = "the clock left no time to choose the smoothest of the plans that cost the same"


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    """A model, what came of it, and the solution: the smoothest, where there was time for it."""

    assembled: Assembled
    settled: Settled
    x: Floats
    smooth: bool


def solve(problem: EnergyProblem, limits: Limits | None = None) -> EnergyPlan:
    """The plan of least cost that falls short of safety and comfort as little as can be, with a proved bound.

    First all that is wanted before cost stands as if it were physics. Where that has no solution, safety, comfort and
    cost are asked for one after the other, and what is left is among the violations, by name and amount: BEST_EFFORT.
    Of the plans that cost the same, the smoothest is taken. OPTIMAL: the bound is the objective. FEASIBLE: within the
    gap asked for, or as near as `work`, in nodes of the tree, comes. TIME_LIMIT: time was over before; where there was
    nothing better by then, devices go by plain rules (`follow.at_once`), and a reason says so.

    `threads` changes nothing: HiGHS has one. Every problem of the same arrays has the same plan, to the byte, unless
    time cut it short. Raises RuntimeError where no solver answers.
    """
    limits, started = limits or Limits(), monotonic()
    solved = _solved(problem, _runner(limits, started))
    plans = []
    if solved.settled.found:
        flows = read(problem, solved.assembled.layout, solved.x)
        plans.append(_plan(problem, solved, flows, limits, monotonic() - started))
    if solved.settled.bound == -np.inf:  # not all that is wanted was asked for
        plans.append(_at_once(problem, solved.settled, limits, monotonic() - started))
    return min(plans, key=_left)


def _left(plan: EnergyPlan) -> tuple[float, float, float]:
    """What is wanted, in its order, the less the better."""
    return round(plan.shortfall.safety, 3), round(plan.shortfall.comfort, 3), plan.objective


def _runner(limits: Limits, started: float) -> Run:
    from optimizers.energy.engines import Effort, run  # noqa: PLC0415 - solvers are slow to import

    effort = Effort(limits.seconds, limits.gap, limits.work, limits.seed)

    def until(linear: Linear) -> float:
        return started + limits.seconds * (_FOR_CHOICES if linear.whole.any() else 1.0)

    return lambda linear: run(linear, effort.within(until(linear)))


def _solved(problem: EnergyProblem, run: Run) -> _Solved:
    assembled = assemble(problem)
    settled = settle(assembled.linear, [assembled.linear.cost], run)
    if settled.status == Status.INFEASIBLE:
        assembled = assemble(problem, soft=True)
        wants = [assembled.shortfall(safety=True), assembled.shortfall(safety=False), assembled.linear.cost]
        settled = settle(assembled.linear, wants, run)
    if settled.status == Status.INFEASIBLE:
        raise RuntimeError("the solver finds no plan, where there always is one: are numbers too far apart?")
    if not settled.found:
        return _Solved(assembled, settled, settled.answer.x, smooth=False)
    face = settled.face
    x = None if face is None else smoothest(assembled, face, problem.horizon.hours, run)
    best = settled.answer.x if x is None else x
    linear = assembled.linear
    return _Solved(assembled, settled, np.clip(best, linear.lower, linear.upper), smooth=x is not None)


def _plan(problem: EnergyProblem, solved: _Solved, flows: Flows, limits: Limits, seconds: float) -> EnergyPlan:
    settled, violations = solved.settled, shortfalls(problem, flows)
    objective = cost_eur(problem, flows)
    bound = min(objective, max(settled.bound, solved.assembled.linear.lowest))
    told: dict[str, Any] = {
        **names_of(problem),
        **{name: getattr(flows, name) for name in Flows.__dataclass_fields__},
        **_values(problem, solved),
    }
    return EnergyPlan(
        status=Status.BEST_EFFORT if violations else _status(objective, bound, limits.gap, late=settled.late),
        objective=objective,
        bound=bound,
        seconds=seconds,
        seed=limits.seed,
        solver=settled.answer.solver,
        version=our_version(),
        violations=violations,
        reasons=() if solved.smooth else (_ROUGH,),
        reproducible=solved.smooth and not settled.late,
        **told,
        shortfall=shortfall_of(violations),
    )


def _status(objective: float, bound: float, gap: float, *, late: bool) -> Status:
    missing = (objective - bound) / max(abs(objective), 1e-9)
    if missing <= _PROVED:
        return Status.OPTIMAL
    return Status.TIME_LIMIT if late and missing > gap else Status.FEASIBLE


def _values(problem: EnergyProblem, solved: _Solved) -> dict[str, Floats]:
    """What a kWh more drawn, or stored, is worth: prices of the rows that it would enter."""
    dual, layout = solved.settled.answer.row_dual, solved.assembled.layout
    if not dual.size:
        return {}
    return {
        "value_eur_kwh": dual[layout.meters.balance] / problem.horizon.hours,
        "stored_eur_kwh": -dual[layout.batteries.state],
    }


def _at_once(problem: EnergyProblem, settled: Settled, limits: Limits, seconds: float) -> EnergyPlan:
    plan = followed(problem, at_once(problem), "plain rules", (_NO_TIME,))
    status = Status.TIME_LIMIT if plan.status == Status.FEASIBLE else plan.status
    bound = max(plan.bound, min(settled.bound, plan.objective))
    return replace(plan, status=status, bound=bound, seconds=seconds, seed=limits.seed, reproducible=False)
