"""Sites one by one, then together: what they share ties few of them down, and most of a town is many small programs.

Without the rows that say what groups draw, a program falls apart into one of each site and what groups pay. Each is
solved for itself; where they ended is together a basis of the whole: what groups draw is basic there, what limits them
slack. It is dual feasible, as no row of a group has a price yet. So the dual simplex has nothing to do but to bring
within their limits the groups that are beyond them: nothing at all where none is, and the sum over sites was the least.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import numpy as np
from scipy.sparse import bmat, csr_matrix
from scipy.sparse.csgraph import connected_components

from optimizers.arrays import Ints
from optimizers.energy.engines import highs
from optimizers.energy.engines.answer import Answer
from optimizers.energy.linear import Linear
from optimizers.engines import Effort, highspy
from optimizers.result import Status

LINK = "drawn"
"""The kind of rows that tie sites together, and of the columns that each of them defines."""

SITES = 16
"""From which on taking a program apart is sooner: at ten it takes as long as the whole, at 50 a half to a quarter."""

TREES = 2
"""The same where columns are whole: two small trees are searched sooner than one of their product."""

_FEW = 500, 50
"""Iterations, and rows an iteration: after more than the most of that, the whole is sooner solved from nothing.

Measured on 50 sites whose feeder binds hard: presolve makes the cold solve eight times as fast an iteration.
"""

_DEPTH = 20
"""Groups below groups, at most, for what they draw to be added up; where there are more the whole is solved."""

_KW = 1e-7
"""By which HiGHS itself may miss a row."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Columns and rows of each site's program, and the rows and columns that link them, in the same order."""

    columns: tuple[Ints, ...]
    rows: tuple[Ints, ...]
    link_rows: Ints
    link_columns: Ints


def parts(linear: Linear) -> Parts | None:
    """None where there is one site."""
    link_rows, link_columns = (
        np.concatenate([np.arange(b.first, b.first + b.size) for b in blocks if b.kind == LINK] or [np.zeros(0, int)])
        for blocks in (linear.rows, linear.columns)
    )
    rows, columns = linear.shape
    own_rows = np.setdiff1d(np.arange(rows), link_rows)
    own = csr_matrix((linear.value, linear.index, linear.start), shape=(rows, columns))[own_rows]
    _, label = connected_components(bmat([[None, own], [own.T, None]], format="csr"), directed=False)
    of_row, of_column = label[: own_rows.size], label[own_rows.size :]
    shared = np.unique(of_column[link_columns])
    sites = np.setdiff1d(np.intersect1d(of_row, of_column), shared)  # a row may have no entry
    if sites.size < 2:
        return None
    each_column, each_row = _members(of_column, sites), _members(of_row, sites)
    return Parts(each_column, tuple(own_rows[rows] for rows in each_row), link_rows, link_columns)


def _members(label: Ints, wanted: Ints) -> tuple[Ints, ...]:
    order = np.argsort(label, kind="stable")
    first, last = (np.searchsorted(label[order], wanted, side=side) for side in ("left", "right"))
    return tuple(order[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True))


def solve(linear: Linear, effort: Effort, after: Answer | None = None) -> Answer | None:
    """None where there is little to take apart, or what is shared ties too many sites down, with whole columns any:
    then the whole is to be solved at once.
    """
    tree = bool(linear.whole.any())
    if highspy is None or after is not None or sites_in(linear) < (TREES if tree else SITES):
        return None
    if (apart := parts(linear)) is None:
        return None
    until = monotonic() + effort.seconds / 2  # the other half is for the whole
    answers: list[Answer | None] = []
    for program in programs(linear, apart):
        answers.append(highs.solve(program, effort.within(until)))
        if (answer := answers[-1]) is None or answer.status != Status.OPTIMAL:
            return answer if answer is not None and answer.status == Status.INFEASIBLE else None
    return joined(linear, apart, answers, effort)


def sites_in(linear: Linear) -> int:
    return sum(len(block.names) for block in linear.rows if block.kind == "balance")


def joined(linear: Linear, apart: Parts, answers: Sequence[Answer | None], effort: Effort) -> Answer | None:
    """What answers for sites come to together."""
    known = [answer for answer in answers if answer is not None and answer.status == Status.OPTIMAL]
    if len(known) < len(answers):
        return next((each for each in answers if each is not None and each.status == Status.INFEASIBLE), None)
    answer = _side_by_side(linear, apart, known)
    if answer is not None or linear.whole.any():
        return answer
    return highs.solve_from(linear, effort, together(linear, apart, [answer.start for answer in known]), most(linear))


def _side_by_side(linear: Linear, apart: Parts, answers: list[Answer]) -> Answer | None:
    """Sites' own optima, where no group is beyond anything then: what groups pay is at its least too."""
    paid, tree = linear.cost < 0, bool(linear.whole.any())
    x = np.where(paid, linear.upper, np.where(np.isfinite(linear.lower), linear.lower, 0.0))
    row_dual, column_dual = np.zeros(linear.row_lower.size), linear.cost.copy()
    for rows, columns, answer in zip(apart.rows, apart.columns, answers, strict=True):
        x[columns] = answer.x
        if not tree:
            row_dual[rows], column_dual[columns] = answer.row_dual, answer.column_dual
    if not np.isfinite(x).all():
        return None
    for _ in range(np.unique(apart.link_rows).size and _DEPTH):
        missing = linear.times(x)[apart.link_rows]
        if not missing.any():
            break
        x[apart.link_columns] -= missing
    sums = linear.times(x)
    if (sums < linear.row_lower - _KW).any() or (sums > linear.row_upper + _KW).any():
        return None
    value = float(linear.cost @ x) + linear.offset
    told = replace(answers[0], x=x, value=value, bound=value, start=None)
    if not tree:
        return replace(told, row_dual=row_dual, column_dual=column_dual)
    return replace(told, bound=value - sum(max(answer.value - answer.bound, 0.0) for answer in answers))


def programs(linear: Linear, apart: Parts) -> list[Linear]:
    """Of each site."""
    matrix = csr_matrix((linear.value, linear.index, linear.start), shape=linear.shape)
    told = []
    for rows, columns in zip(apart.rows, apart.columns, strict=True):
        own = matrix[rows][:, columns].tocsr()
        told.append(
            replace(
                linear, cost=linear.cost[columns], lower=linear.lower[columns], upper=linear.upper[columns],
                whole=linear.whole[columns], start=own.indptr, index=own.indices, value=own.data,
                row_lower=linear.row_lower[rows], row_upper=linear.row_upper[rows], offset=0.0, columns=(), rows=(),
            )
        )  # fmt: skip
    return told


def together(linear: Linear, apart: Parts, bases: list[Any]) -> Any:
    """The basis of the whole: of sites where they ended, of groups what they draw, with every limit slack."""
    status = highspy.HighsBasisStatus
    rows, columns = np.full(linear.row_lower.size, status.kBasic), np.full(linear.cost.size, status.kLower)
    columns[np.isfinite(linear.upper) & (linear.cost < 0)] = status.kUpper
    columns[np.isinf(linear.lower)] = status.kZero
    for own_rows, own_columns, basis in zip(apart.rows, apart.columns, bases, strict=True):
        rows[own_rows], columns[own_columns] = basis.row_status, basis.col_status
    rows[apart.link_rows], columns[apart.link_columns] = status.kLower, status.kBasic
    told = highspy.HighsBasis()
    told.valid, told.alien = True, False
    told.row_status, told.col_status = rows.tolist(), columns.tolist()
    return told


def most(linear: Linear) -> int:
    """Iterations that bringing groups within their limits may take."""
    least, every = _FEW
    return max(least, linear.row_lower.size // every)
