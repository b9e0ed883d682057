"""The solvers behind PuLP: HiGHS, and CBC where HiGHS is not there or gives no answer."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pulp
from pulp import constants

from optimizers import cbc
from optimizers.arrays import Floats
from optimizers.engines import Effort, ended, highspy
from optimizers.result import Status


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
    how = cbc.least(model, effort, whole=whole)
    return Answer(how.value, how.bound, "CBC", how.late) if how and math.isfinite(how.value) else None


ENGINES: tuple[Engine, ...] = (by_highs, by_cbc)


class _Highs(pulp.HiGHS):  # type: ignore[misc]
    """PuLP's own, but the model goes over in one piece, and the outcome is read with its bound."""

    def __init__(self, effort: Effort, whole: bool) -> None:
        options = effort.options
        gap, seconds = options.pop("mip_rel_gap"), options.pop("time_limit")
        del options["output_flag"]
        super().__init__(mip=whole, msg=False, gapRel=gap, timeLimit=seconds, **options)
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
        highs = lp.solverModel
        how = ended(highs, tree=self.mip and lp.isMIP())
        if how is None or how.status == Status.INFEASIBLE:
            return constants.LpStatusNotSolved, constants.LpSolutionNoSolutionFound
        self.answer = Answer(how.value, how.bound, "HiGHS", how.late)
        if not self.answer.found:
            return constants.LpStatusNotSolved, constants.LpSolutionNoSolutionFound
        solution = highs.getSolution()
        for column, amount in zip(lp.variables(), solution.col_value, strict=True):
            column.varValue = amount
        if not self.mip:
            for row, dual in zip(lp.constraints(), solution.row_dual, strict=True):
                row.pi = dual
        return (
            constants.LpStatusOptimal,
            constants.LpSolutionOptimal if how.status == Status.OPTIMAL else constants.LpSolutionIntegerFeasible,
        )


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def floats(columns: list[Any]) -> Floats:
    """What the solution gives to variables."""
    return np.array([column.varValue or 0.0 for column in columns], np.float64)
