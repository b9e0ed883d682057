"""What a solver says of a linear program."""

from dataclasses import dataclass
from typing import Any

from optimizers.arrays import Floats
from optimizers.result import Status


@dataclass(frozen=True, slots=True)
class Answer:
    """The least of a `Linear`, as far as it was found.

    status              optimal: proved, within the gap asked for; feasible: broken off with a solution; time_limit:
                        broken off without; infeasible: proved to have none
    x (columns,)        the solution; empty where there is none
    row_dual (rows,)    by how much the least rises for each unit that a row's bounds rise; of a program with whole
    column_dual (columns,)    columns both are empty: fix them at the solution, and ask again
    value, bound        with the offset; infinite for no solution; no solution goes below the bound
    late                whether the clock broke it off: another run may end elsewhere
    start               from where a program of the same columns, and of these rows first, may go on: see `run`
    """

    status: Status
    x: Floats
    row_dual: Floats
    column_dual: Floats
    value: float
    bound: float
    solver: str
    version: str
    late: bool = False
    start: Any = None

    @property
    def found(self) -> bool:
        return self.x.size > 0
