"""CBC, which PuLP brings along: it answers where HiGHS is not there, and where columns are whole often the sooner."""

import math
from dataclasses import replace

import pulp
from pulp import constants

from optimizers.engines import Effort, Ended
from optimizers.result import Status

_STATUS = {
    (constants.LpStatusOptimal, constants.LpSolutionOptimal): Status.OPTIMAL,
    (constants.LpStatusOptimal, constants.LpSolutionIntegerFeasible): Status.FEASIBLE,
    (constants.LpStatusNotSolved, constants.LpSolutionNoSolutionFound): Status.TIME_LIMIT,
    (constants.LpStatusInfeasible, constants.LpSolutionInfeasible): Status.INFEASIBLE,
    (constants.LpStatusInfeasible, constants.LpSolutionNoSolutionFound): Status.INFEASIBLE,
}
"""PuLP's two words for how CBC ended, as one."""


def least(model: pulp.LpProblem, effort: Effort, *, whole: bool = True) -> Ended | None:
    """The least of a model, whose variables then hold it; None where CBC is not there, or fails.

    CBC tells no bound of what it breaks off: then it is that of the linear relaxation, solved for itself.
    """
    relaxed = _run(model, effort, whole=False)
    if relaxed is None or not whole or relaxed.status != Status.OPTIMAL:
        return relaxed
    found = _run(model, effort, whole=True)
    return found and replace(found, bound=max(found.bound, relaxed.bound))


def _run(model: pulp.LpProblem, effort: Effort, *, whole: bool) -> Ended | None:
    """That there is no solution counts only where CBC finds none in the program as it is: its presolve says so of some
    that have one.
    """
    first = _try(model, effort, [], whole=whole)
    if first is None or first.status != Status.INFEASIBLE:
        return first
    return _try(model, effort, ["presolve off", "preprocess off"], whole=whole)


def _try(model: pulp.LpProblem, effort: Effort, how: list[str], *, whole: bool) -> Ended | None:
    solver = pulp.COIN_CMD(
        path=pulp.PULP_CBC_CMD.pulp_cbc_path, msg=False, mip=whole, threads=1, timeLimit=effort.seconds,
        gapRel=effort.gap, maxNodes=effort.nodes, options=[f"randomSeed {effort.seed + 1}", *how],
    )  # fmt: skip
    if not solver.available():
        return None
    try:
        model.solve(solver)
    except pulp.PulpError:
        return None
    if (status := _STATUS.get((model.status, model.sol_status))) is None:
        return None
    if status in {Status.INFEASIBLE, Status.TIME_LIMIT}:
        none = status == Status.INFEASIBLE
        return Ended(status, math.inf, math.inf if none else -math.inf, late=not none)
    value = float(pulp.value(model.objective))
    proved = status == Status.OPTIMAL
    return Ended(status, value, value - effort.gap * abs(value) if proved else -math.inf, late=not proved)
