"""CBC from the same arrays, through PuLP."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pulp
from pulp import constants

from optimizers import cbc
from optimizers.arrays import Floats
from optimizers.energy.engines.answer import Answer
from optimizers.energy.linear import Linear
from optimizers.engines import Effort

_NONE: Floats = np.zeros(0)
_VERSION = f"of PuLP {pulp.__version__}"


def solve(linear: Linear, effort: Effort, after: Answer | None = None) -> Answer | None:  # noqa: ARG001
    """None where CBC is not there, or fails. It goes on from no other answer."""
    model, columns, rows = program(linear)
    tree = bool(linear.whole.any())
    how = cbc.least(model, effort, whole=tree)
    if how is None:
        return None
    value, bound = how.value + linear.offset, how.bound + linear.offset
    answer = Answer(how.status, _NONE, _NONE, _NONE, value, bound, "CBC", _VERSION, how.late)
    if not np.isfinite(value):
        return answer
    x = np.array([column.varValue for column in columns], np.float64)
    if tree:
        return replace(answer, x=x)
    row_dual = np.zeros(linear.row_lower.size)
    for row, constraint in rows:
        row_dual[row] += constraint.pi
    return replace(answer, x=x, row_dual=row_dual, column_dual=np.array([column.dj for column in columns]))


def program(linear: Linear) -> tuple[pulp.LpProblem, list[pulp.LpVariable], list[tuple[int, pulp.LpConstraint]]]:
    """In PuLP, its columns, and its constraints each with the row that it is of: one with two bounds has two.

    Names count from 0 with as many digits each: PuLP hands columns over in the order of names.
    """
    model = pulp.LpProblem("energy", constants.LpMinimize)
    kinds = {False: constants.LpContinuous, True: constants.LpInteger}
    bounds = zip(linear.lower.tolist(), linear.upper.tolist(), linear.whole.tolist(), strict=True)
    columns = [
        model.add_variable(f"x{j:08d}", _finite(lower), _finite(upper), kinds[whole])
        for j, (lower, upper, whole) in enumerate(bounds)
    ]
    model.objective = pulp.LpAffineExpression(list(zip(columns, linear.cost.tolist(), strict=True)))
    rows = list(_rows(linear, columns))
    for k, (_, constraint) in enumerate(rows):
        model.addConstraint(constraint, f"r{k:08d}")
    return model, columns, rows


def _rows(linear: Linear, columns: list[pulp.LpVariable]) -> Iterator[tuple[int, pulp.LpConstraint]]:
    start, index, value = linear.start.tolist(), linear.index.tolist(), linear.value.tolist()
    for row, (lower, upper) in enumerate(zip(linear.row_lower.tolist(), linear.row_upper.tolist(), strict=True)):
        entries = range(start[row], start[row + 1])
        terms = [(columns[index[k]], value[k]) for k in entries]
        senses = [(constants.LpConstraintEQ, lower)] if lower == upper else [
            (constants.LpConstraintGE, lower), (constants.LpConstraintLE, upper)
        ]  # fmt: skip
        for sense, side in senses:
            if _finite(side) is not None:
                yield row, pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, rhs=side)


def _finite(bound: float) -> float | None:
    return bound if np.isfinite(bound) else None
