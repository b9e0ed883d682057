"""A program solved again: what this process kept of one of the same structure, with other prices or loads."""

from typing import Any

import numpy as np

from optimizers.arrays import Ints
from optimizers.energy.engines import blocks, highs, persistent
from optimizers.energy.engines.answer import Answer
from optimizers.energy.engines.structure import structure
from optimizers.energy.linear import Linear
from optimizers.engines import Effort, highspy
from optimizers.kept import kept

FEW = 3
"""Sites up to which the model is kept in Pyomo, whole. Measured after a change of prices, on 144 slots: of one site
Pyomo is told what changed in 2 ms and solved in 4 to 8; of ten in 25 ms and 80 to 400, as the simplex method is longer
at one large program than at ten small ones: 60 ms kept apart, in arrays.
"""


def run_again(linear: Linear, effort: Effort) -> Answer | None:
    """The least, from where the last solve of that structure ended in this process: which of several optima it is
    depends on what came before. None where a column is whole, or HiGHS is not there or fails: it is to be solved anew.
    """
    if highspy is None or linear.whole.any():
        return None
    if blocks.sites_in(linear) <= FEW:
        return persistent.solve(linear, effort)
    with kept(("energy apart", structure(linear)), lambda: Apart(linear)) as model:
        return model.solve(linear, effort)


_LONG_S = 3600.0


class Apart:
    """A program for each site, each in a HiGHS of its own."""

    def __init__(self, linear: Linear) -> None:
        self.parts = blocks.parts(linear)
        self.linear, self.solvers = linear, self._solvers(linear)

    def _solvers(self, linear: Linear) -> list[Any]:
        effort = Effort(_LONG_S, 0.0)
        return [] if self.parts is None else [highs.loaded(one, effort) for one in blocks.programs(linear, self.parts)]

    def solve(self, linear: Linear, effort: Effort) -> Answer | None:
        if self.parts is None or any(solver is None for solver in self.solvers):
            return None
        answers = []
        for rows, columns, solver in zip(self.parts.rows, self.parts.columns, self.solvers, strict=True):
            self._tell(solver, linear, rows, columns)
            solver.setOptionValue("time_limit", solver.getRunTime() + effort.seconds)  # HiGHS adds its runs up
            answers.append(highs.run(solver, tree=False))
        self.linear = linear
        return blocks.joined(linear, self.parts, answers, effort)

    def _tell(self, solver: Any, linear: Linear, rows: Ints, columns: Ints) -> None:
        """Columns in one piece; of rows, which HiGHS takes one by one, those that differ."""
        every = np.arange(columns.size, dtype=np.int32)
        solver.changeColsCost(columns.size, every, linear.cost[columns])
        solver.changeColsBounds(columns.size, every, linear.lower[columns], linear.upper[columns])
        lower, upper = linear.row_lower[rows], linear.row_upper[rows]
        differ = (lower != self.linear.row_lower[rows]) | (upper != self.linear.row_upper[rows])
        for row in np.flatnonzero(differ).tolist():
            solver.changeRowBounds(row, lower[row], upper[row])
