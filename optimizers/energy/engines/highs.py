"""HiGHS, straight from arrays: the fastest way for a program that is solved once."""

from typing import Any

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.engines.answer import Answer
from optimizers.energy.linear import Linear
from optimizers.engines import Effort, ended, highspy
from optimizers.result import Status

_NONE: Floats = np.zeros(0)
_RETRIES: tuple[dict[str, Any], ...] = ({}, {"presolve": "off"}, {"presolve": "off", "simplex_strategy": 4})
"""What presolve leaves a little infeasible, the whole program does not; then the primal simplex."""


def solve(linear: Linear, effort: Effort, after: Answer | None = None) -> Answer | None:
    """None where HiGHS is not installed, or fails however it is asked: its status counts, never its objective.

    That there is no solution with columns whole counts only where it finds none in the program as it is: the presolve
    of HiGHS 1.12 says so of some that have one.
    """
    if highspy is None:
        return None
    tree = bool(linear.whole.any())
    for how in _RETRIES:
        highs = loaded(linear, effort, how)
        if highs is None:
            continue
        if after is not None and not tree:
            _go_on(highs, linear, after)
        answer = run(highs, tree=tree)
        denied = tree and answer is not None and answer.status == Status.INFEASIBLE
        if answer is not None and not (denied and how is _RETRIES[0]):
            return answer
    return None


def solve_from(linear: Linear, effort: Effort, basis: Any, iterations: int) -> Answer | None:
    """From a basis, by the dual simplex; None where that takes more than so many iterations, or fails."""
    highs = loaded(linear, effort, {"simplex_iteration_limit": iterations})
    if highs is None or highs.setBasis(basis) == highspy.HighsStatus.kError:
        return None
    return run(highs, tree=False)


def loaded(linear: Linear, effort: Effort, how: dict[str, Any] | None = None) -> Any:
    """HiGHS with a program in it; None where it does not take it."""
    highs = highspy.Highs()
    for option, value in (effort.options | (how or {})).items():
        highs.setOptionValue(option, value)
    return None if highs.passModel(_arrays(linear)) == highspy.HighsStatus.kError else highs


def run(highs: Any, *, tree: bool) -> Answer | None:
    """What HiGHS says of what it holds; `tree`: some of its columns are whole."""
    if highs.run() == highspy.HighsStatus.kError or (how := ended(highs, tree=tree)) is None:
        return None
    version = highs.version()
    if how.value == np.inf:
        return Answer(how.status, _NONE, _NONE, _NONE, how.value, how.bound, "HiGHS", version, how.late)
    solution, nothing = highs.getSolution(), (_NONE, _NONE, None)
    row_dual, column_dual, start = (
        nothing if tree else (np.array(solution.row_dual), np.array(solution.col_dual), highs.getBasis())
    )
    x = np.array(solution.col_value)
    return Answer(how.status, x, row_dual, column_dual, how.value, how.bound, "HiGHS", version, how.late, start)


def _arrays(linear: Linear) -> Any:
    """As HiGHS takes it."""
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = linear.shape
    model.col_cost_, model.offset_ = linear.cost, linear.offset
    model.col_lower_, model.col_upper_ = linear.lower, linear.upper
    model.row_lower_, model.row_upper_ = linear.row_lower, linear.row_upper
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.num_row_, matrix.num_col_ = linear.shape
    matrix.start_, matrix.index_, matrix.value_ = linear.start, linear.index, linear.value
    if linear.whole.any():
        kinds = highspy.HighsVarType
        model.integrality_ = [kinds.kInteger if whole else kinds.kContinuous for whole in linear.whole.tolist()]
    return model


def _go_on(highs: Any, linear: Linear, after: Answer) -> None:
    """From where the last program ended: rows that are new begin as basic ones."""
    if (basis := after.start) is None or len(basis.col_status) != linear.cost.size:
        return
    missing = linear.row_lower.size - len(basis.row_status)
    if missing < 0:
        return
    start = highspy.HighsBasis()
    start.valid, start.alien = True, False
    start.col_status = basis.col_status
    start.row_status = list(basis.row_status) + [highspy.HighsBasisStatus.kBasic] * missing
    highs.setBasis(start)
