"""The plan of least cost that keeps safety and comfort: see `solve`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

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
from optimizers.result import PLAIN_RULES, Limits, Status, our_version

if TYPE_CHECKING:
    from optimizers.energy.engines.answer import Answer

_PROVED = 1e-7  # relative: what is left is rounding
_FOR_CHOICES = 0.8  # of the time; the rest is for what follows from them
_NO_TIME = "time or work was over before there was anything better: devices go by plain rules"
_ROUGH = "the clock left no time to choose the smoothest of the plans that cost the same"

_AGAIN = "solved again from where an earlier one ended: another of the plans that cost the same may be smoother"


MOST_AT_ONCE = 100
"""Sites that are one program. Of more, those that share little are planned apart: see docs/energy.md, "Hundreds of
sites", where the two are measured beside each other.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """A model, what came of it, the solution, and why it is not the smoothest where it is not."""

    assembled: Assembled
    settled: Settled
    x: Floats
    rough: str = ""


def solve(problem: EnergyProblem, limits: Limits | None = None) -> EnergyPlan:
    """The plan of least cost that falls short of safety and comfort as little as can be, with a proved bound.

    First all that is wanted before cost stands as if it were physics. Where that has no solution, safety, comfort and
    cost are asked for one after the other, and what is left is among the violations, by name and amount: BEST_EFFORT.
    Of the plans that cost the same, the smoothest is taken. OPTIMAL: the bound is the objective. FEASIBLE: within the
    gap asked for, or as near as `work`, in nodes of the tree, comes. TIME_LIMIT: time was over before; where there was
    nothing better by then, devices go by plain rules (`follow.at_once`), and a reason says so.

    More than MOST_AT_ONCE sites are planned apart, at prices of what they share: `optimizers.energy.sharing`.

    `threads` changes nothing: HiGHS has one. Every problem of the same arrays has the same plan, to the byte, unless
    time cut it short. Raises RuntimeError where no solver answers.
    """
    limits = limits or Limits()
    if problem.shape[0] > MOST_AT_ONCE:
        from optimizers.energy.sharing import solve_shared  # noqa: PLC0415 - solvers are slow to import

        return solve_shared(problem, limits)
    return solve_at_once(problem, limits)


def solve_at_once(problem: EnergyProblem, limits: Limits) -> EnergyPlan:
    """All sites as one program."""
    started = monotonic()
    found = smoothed(lambda soft: assemble(problem, soft=soft), problem.horizon.hours, runner(limits, started))
    return _best(problem, found, limits, started)


def solve_warm(problem: EnergyProblem, limits: Limits | None = None) -> EnergyPlan:
    """A plan as good as that of `solve`, sooner, where this process has solved one of the same parts before: prices,
    loads and states may differ.

    The solver goes on from where it then ended, and what it meets first of the plans that cost the same is taken, not
    the smoothest: another process may give another. So it is for what is asked many times over and sent to no device.
    Where there are whole choices, or something is out of reach, it is as long as `solve`.
    """
    limits, started = limits or Limits(), monotonic()
    again, run = runner(limits, started, again=True), runner(limits, started)
    solved = _solved(lambda soft: assemble(problem, soft=soft), again, run)
    return _best(problem, replace(solved, rough=_AGAIN), limits, started)


def _best(problem: EnergyProblem, solved: Solved, limits: Limits, started: float) -> EnergyPlan:
    plans = []
    if solved.settled.found:
        flows = read(problem, solved.assembled.layout, solved.x)
        told = Told(
            max(solved.settled.bound, solved.assembled.linear.lowest), solved.settled.late, solved.rough,
            solved.settled.answer.solver, values_of(problem, solved),
        )  # fmt: skip
        plans.append(plan_of(problem, flows, told, limits, monotonic() - started))
    if solved.settled.bound == -np.inf:  # not all that is wanted was asked for
        plans.append(by_rules(problem, solved.settled.bound, limits, monotonic() - started))
    return min(plans, key=_left)


def _left(plan: EnergyPlan) -> tuple[float, float, float]:
    """What is wanted, in its order, the less the better."""
    return round(plan.shortfall.safety, 3), round(plan.shortfall.comfort, 3), plan.objective


def runner(limits: Limits, started: float, *, again: bool = False) -> Run:
    """`again`: from where this process ended at a program of the same structure, if it did."""
    from optimizers.energy.engines import Effort, run  # noqa: PLC0415 - solvers are slow to import

    effort = Effort(limits.seconds, limits.gap, limits.work, limits.seed)

    def until(linear: Linear) -> float:
        return started + limits.seconds * (_FOR_CHOICES if linear.whole.any() else 1.0)

    def answer(linear: Linear) -> "Answer":
        within = effort.within(until(linear))
        if again:
            from optimizers.energy.engines.again import run_again  # noqa: PLC0415 - Pyomo, which nothing else wants

            return run_again(linear, within) or run(linear, within)
        return run(linear, within)

    return answer


Model = Callable[[bool], Assembled]
"""Of a problem, by whether what is wanted before cost may give way."""


def _solved(model: Model, first: Run, run: Run) -> Solved:
    """`first` is asked for the plan that leaves nothing of what is wanted before cost."""
    assembled = model(False)
    settled = settle(assembled.linear, [assembled.linear.cost], first)
    if settled.status == Status.INFEASIBLE:
        assembled = model(True)
        wants = [assembled.shortfall(safety=True), assembled.shortfall(safety=False), assembled.linear.cost]
        settled = settle(assembled.linear, wants, run)
    if settled.status == Status.INFEASIBLE:
        raise RuntimeError("the solver finds no plan, where there always is one: are numbers too far apart?")
    x, linear = settled.answer.x, assembled.linear
    return Solved(assembled, settled, np.clip(x, linear.lower, linear.upper) if settled.found else x)


def smoothed(model: Model, hours: Floats, run: Run) -> Solved:
    """What there is of least shortfall and cost, and of that the smoothest."""
    solved = _solved(model, run, run)
    linear, face = solved.assembled.linear, solved.settled.face
    x = None if face is None else smoothest(solved.assembled, face, hours, run)
    return replace(solved, rough=_ROUGH) if x is None else replace(solved, x=np.clip(x, linear.lower, linear.upper))


@dataclass(frozen=True, slots=True)
class Told:
    """Of a solve: what it proved, whether the clock had a hand in it, why its plan is not the smoothest where it is
    not, who solved, and marginal values by their names in a plan.
    """

    bound: float
    late: bool
    rough: str
    solver: str
    values: dict[str, Floats]


def plan_of(problem: EnergyProblem, flows: Flows, told: Told, limits: Limits, seconds: float) -> EnergyPlan:
    """With its cost, what it leaves, and what may be claimed of it."""
    violations, objective = shortfalls(problem, flows), cost_eur(problem, flows)
    bound = min(objective, told.bound)
    arrays: dict[str, Any] = {name: getattr(flows, name) for name in Flows.__dataclass_fields__}
    return EnergyPlan(
        status=Status.BEST_EFFORT if violations else _status(objective, bound, limits.gap, late=told.late),
        objective=objective,
        bound=bound,
        seconds=seconds,
        seed=limits.seed,
        solver=told.solver,
        version=our_version(),
        violations=violations,
        reasons=(told.rough,) if told.rough else (),
        reproducible=not told.rough and not told.late,
        **(names_of(problem) | arrays | told.values),
        shortfall=shortfall_of(violations),
    )


def _status(objective: float, bound: float, gap: float, *, late: bool) -> Status:
    missing = (objective - bound) / max(abs(objective), 1e-9)
    if missing <= _PROVED:
        return Status.OPTIMAL
    return Status.TIME_LIMIT if late and missing > gap else Status.FEASIBLE


def values_of(problem: EnergyProblem, solved: Solved) -> dict[str, Floats]:
    """What a kWh more drawn, or stored, is worth: prices of the rows that it would enter."""
    dual, layout = solved.settled.answer.row_dual, solved.assembled.layout
    if not dual.size:
        return {}
    return {
        "value_eur_kwh": dual[layout.meters.balance] / problem.horizon.hours,
        "stored_eur_kwh": -dual[layout.batteries.state],
    }


def by_rules(problem: EnergyProblem, bound: float, limits: Limits, seconds: float) -> EnergyPlan:
    """Where time was over before there was any solution: devices go by plain rules."""
    plan = followed(problem, at_once(problem), PLAIN_RULES, (_NO_TIME,))
    status = Status.TIME_LIMIT if plan.status == Status.FEASIBLE else plan.status
    bound = max(plan.bound, min(bound, plan.objective))
    return replace(plan, status=status, bound=bound, seconds=seconds, seed=limits.seed, reproducible=False)
