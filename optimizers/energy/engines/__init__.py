"""The solvers behind a `Linear`: HiGHS from its arrays, and CBC through PuLP where HiGHS is not there or fails."""

from collections.abc import Callable
from time import monotonic

from optimizers.energy.engines import blocks, cbc, highs
from optimizers.energy.engines.answer import Answer
from optimizers.energy.linear import Linear
from optimizers.engines import Effort

__all__ = ["ENGINES", "Answer", "Effort", "Engine", "run"]

Engine = Callable[[Linear, Effort, Answer | None], Answer | None]
"""None where the solver is not there, or fails: then the next is asked."""

ENGINES: tuple[Engine, ...] = (blocks.solve, highs.solve, cbc.solve)


def run(linear: Linear, effort: Effort, after: Answer | None = None) -> Answer:
    """The least of a linear program, by the first solver that answers.

    `after`: the answer to one of the same columns, whose rows were the first ones of these. Where no column is whole,
    HiGHS goes on from its basis, which changes how soon it is done, and which of several optima it ends at: so it is
    of the series of programs of one plan, which every process goes through alike, and of nothing that happened before.

    Raises RuntimeError where no solver answers.
    """
    until = monotonic() + effort.seconds
    for engine in ENGINES:
        if (answer := engine(linear, effort.within(until), after)) is not None:
            return answer
    raise RuntimeError("neither HiGHS nor CBC answers: see consigne doctor")
