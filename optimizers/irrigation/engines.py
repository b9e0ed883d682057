"""The solvers behind PuLP: HiGHS, and CBC where HiGHS is not there or gives no answer."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import numpy as np
import pulp
from pulp import constants

from optimizers.arrays import Floats

try:
    import highspy
except ImportError:  # an installation without it, or with one that cannot live beside OR-Tools
    highspy = None

_LEAST_S = 0.01


@dataclass(frozen=True, slots=True)
class Effort:
    """What one model may cost: wall seconds, relative gap, nodes of the tree (None for no bound), the seed."""

    seconds: float
    gap: float
    nodes: int | None = None
    seed: int = 0

    def within(self, until: float) -> "Effort":
        """The same, but over by then, an instant of the monotonic clock."""
        return replace(self, seconds=max(_LEAST_S, min(self.seconds, until - monotonic())))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a solver says of a minimum: the value of its solution, if it has one (then the variables hold it), what it
    proved that no solution goes below, and whether the clock ended it.
    """

    value: float
    bound: float
    solver: str
    late: bool = False

    @property
    def found(self) -> bool:
        return math.isfinite(self.value)


Engine = Callable[[pulp.LpProblem, Effort, bool], Answer | None]


def run(model: pulp.LpProblem, effort: Effort, *, whole: bool = True) -> Answer:
    """The least of a model, by the first solver that answers; `whole` is False for its linear relaxation.

    Raises RuntimeError where none does: each model here has a solution.
    """
    for engine in ENGINES:
        if (answer := engine(model, effort, whole)) is not None:
            return answer
    raise RuntimeError("neither HiGHS nor CBC answers: see consigne doctor")


def by_highs(model: pulp.LpProblem, effort: Effort, whole: bool) -> Answer | None:
    """None where it fails: what it says of its status counts, never what objective it shows."""
    if highspy is None:
        return None
    solver = _Highs(effort, whole)
    try:
        model.solve(solver)
    except pulp.PulpError:
        return None
    return solver.answer


def by_cbc(model: pulp.LpProblem, effort: Effort, whole: bool) -> Answer | None:
    """CBC tells no bound of what it breaks off: then it is that of the linear relaxation, solved for itself."""
    relaxed = _cbc(model, effort, whole=False)
    if relaxed is None or not whole:
        return relaxed
    answer = _cbc(model, effort, whole=True)
    return answer and Answer(answer.value, max(answer.bound, relaxed.bound), answer.solver, answer.late)


ENGINES: tuple[Engine, ...] = (by_highs, by_cbc)


def _cbc(model: pulp.LpProblem, effort: Effort, *, whole: bool) -> Answer | None:
    solver = pulp.COIN_CMD(
        path=pulp.PULP_CBC_CMD.pulp_cbc_path, msg=False, mip=whole, threads=1, timeLimit=effort.seconds,
        gapRel=effort.gap, maxNodes=effort.nodes, options=[f"randomSeed {effort.seed + 1}"],
    )  # fmt: skip
    if not solver.available():
        return None
    try:
        model.solve(solver)
    except pulp.PulpError:
        return None
    if model.status != constants.LpStatusOptimal:
        return None
    value = float(pulp.value(model.objective))
    proved = model.sol_status == constants.LpSolutionOptimal
    return Answer(value, value - effort.gap * abs(value) if proved else -math.inf, "CBC", late=not proved)


class _Highs(pulp.HiGHS):  # type: ignore[misc]
    """PuLP's own, but the model goes over in one piece, one thread for ever, and the outcome is read with its bound.

    HiGHS fixes its number of threads at the first solve of a process and fails where a later one asks for another.
    """

    def __init__(self, effort: Effort, whole: bool) -> None:
        limits = {} if effort.nodes is None else {"mip_max_nodes": effort.nodes}
        super().__init__(
            mip=whole, msg=False, threads=1, gapRel=effort.gap, timeLimit=effort.seconds,
            random_seed=effort.seed, **limits,
        )  # fmt: skip
        self.answer: Answer | None = None

    def buildSolverModel(self, lp: pulp.LpProblem) -> None:  # noqa: N802 - PuLP's name
        columns = lp.variables()
        for index, column in enumerate(columns):
            column.index = index
        model = highspy.HighsLp()
        model.num_col_ = len(columns)
        model.col_cost_ = np.array([lp.objective.get(column, 0.0) for column in columns])
        model.col_lower_ = np.array([_or(column.lowBound, -math.inf) for column in columns])
        model.col_upper_ = np.array([_or(column.upBound, math.inf) for column in columns])
        if self.mip:
            kinds = {constants.LpInteger: highspy.HighsVarType.kInteger}
            model.integrality_ = [kinds.get(column.cat, highspy.HighsVarType.kContinuous) for column in columns]
        self._rows(model, lp.constraints())
        if lp.solverModel.passModel(model) == highspy.HighsStatus.kError:
            raise pulp.PulpSolverError("HiGHS does not take the model")

    def _rows(self, model: Any, rows: list[Any]) -> None:
        model.num_row_ = len(rows)
        model.row_lower_ = np.array([_or(row.getLb(), -math.inf) for row in rows])
        model.row_upper_ = np.array([_or(row.getUb(), math.inf) for row in rows])
        matrix = model.a_matrix_
        matrix.format_ = highspy.MatrixFormat.kRowwise
        matrix.num_row_, matrix.num_col_ = len(rows), model.num_col_
        matrix.start_ = np.cumsum([0, *map(len, rows)])
        matrix.index_ = np.array([column.index for row in rows for column in row], np.int32)
        matrix.value_ = np.array([value for row in rows for value in row.values()], np.float64)

    def callSolver(self, lp: pulp.LpProblem) -> None:  # noqa: N802
        if lp.solverModel.run() == highspy.HighsStatus.kError:
            raise pulp.PulpSolverError("HiGHS fails")

    def findSolutionValues(self, lp: pulp.LpProblem) -> tuple[int, int]:  # noqa: N802
        highs, statuses = lp.solverModel, highspy.HighsModelStatus
        status, info = highs.getModelStatus(), highs.getInfo()
        optimal = status == statuses.kOptimal
        broken_off = status in {statuses.kTimeLimit, statuses.kSolutionLimit, statuses.kInterrupt}
        feasible = info.primal_solution_status == 2  # kSolutionStatusFeasible
        if not (optimal or broken_off) or (optimal and not feasible):
            return constants.LpStatusNotSolved, constants.LpSolutionNoSolutionFound
        value = float(info.objective_function_value) if feasible else math.inf
        # Without an integer HiGHS solves the linear program, and leaves the bound of a tree at 0.
        tree = self.mip and lp.isMIP()
        bound = float(info.mip_dual_bound) if tree else value if optimal else -math.inf
        self.answer = Answer(value, bound, "HiGHS", late=status == statuses.kTimeLimit)
        if not feasible:
            return constants.LpStatusNotSolved, constants.LpSolutionNoSolutionFound
        solution = highs.getSolution()
        for column, amount in zip(lp.variables(), solution.col_value, strict=True):
            column.varValue = amount
        if not self.mip:
            for row, dual in zip(lp.constraints(), solution.row_dual, strict=True):
                row.pi = dual
        return (
            constants.LpStatusOptimal,
            constants.LpSolutionOptimal if optimal else constants.LpSolutionIntegerFeasible,
        )


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def floats(columns: list[Any]) -> Floats:
    """What the solution gives to variables."""
    return np.array([column.varValue or 0.0 for column in columns], np.float64)
