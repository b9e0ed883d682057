"""What is wanted in its order: each as good as what is before it allows, and the plans that are equally good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.linear import Linear
from optimizers.result import Status

if TYPE_CHECKING:
    from optimizers.energy.engines.answer import Answer

Run = Callable[[Linear], "Answer"]

_NOISE = 1e-8
"""Prices below it are rounding of the solver's, in EUR (or units of what is wanted) a kW."""

_GIVEN = (1e-7, 1e-6, 1e-5)
"""By which a whole program may miss what an earlier one reached, relative and at least: solvers stop as near."""


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What a ladder of wants came to.

    status    optimal; feasible: of whole columns not proved the best; time_limit, infeasible: nothing was found
    answer    to the last want, with prices
    face      the program of all that is as good, in every want; None where that is not known
    bound     of the last want, proved
    late      whether the clock had a hand in it
    """

    status: Status
    answer: "Answer"
    face: Linear | None
    bound: float
    late: bool

    @property
    def found(self) -> bool:
        return self.answer.found


def settle(linear: Linear, wants: Sequence[Floats], run: Run) -> Settled:
    """The least of each want (columns,), in their order, each among what is least in those before it.

    Whole columns are chosen first, down the whole ladder. Then they stand, and what is left is a ladder of linear
    programs: its prices are those of the margin, and what is as good is told exactly, by complementary slackness.
    """
    if (linear.lower > linear.upper).any() or (linear.row_lower > linear.row_upper).any():
        return _nothing(Status.INFEASIBLE)
    if not linear.whole.any():
        return _descend(linear, wants, run)
    chosen = _choose(linear, wants, run)
    if not chosen.found:
        return chosen
    lower, upper = linear.lower.copy(), linear.upper.copy()
    lower[linear.whole] = upper[linear.whole] = np.rint(chosen.answer.x[linear.whole])
    stands = replace(linear, lower=lower, upper=upper, whole=np.zeros_like(linear.whole))
    settled = _descend(stands, wants, run)
    if not settled.found:
        return replace(chosen, late=True)
    late = chosen.late or settled.late
    return replace(settled, status=_worse(chosen.status, settled.status), bound=chosen.bound, late=late)


def _worse(one: Status, other: Status) -> Status:
    return one if other == Status.OPTIMAL else other


def _descend(linear: Linear, wants: Sequence[Floats], run: Run) -> Settled:
    """Down a ladder of linear programs, from face to face."""
    settled = _nothing(Status.INFEASIBLE)
    for want in wants:
        program = _wanting(linear, want, last=want is wants[-1])
        answer = run(program)
        if answer.status != Status.OPTIMAL:
            return _cut_short(settled, answer)
        linear = face(replace(program, offset=linear.offset), answer)
        settled = Settled(Status.OPTIMAL, answer, linear, answer.value, late=False)
    return settled


def _choose(linear: Linear, wants: Sequence[Floats], run: Run) -> Settled:
    """Down a ladder of programs with whole columns: what is reached stays as a row."""
    settled = _nothing(Status.INFEASIBLE)
    status, late = Status.OPTIMAL, False
    reached: list[tuple[Floats, float]] = []
    for want in wants:
        answer = _among(_wanting(linear, want, last=want is wants[-1]), reached, run)
        if not answer.found:
            return _cut_short(settled, answer)
        status, late = _worse(status, answer.status), late or answer.late
        settled = Settled(status, answer, None, answer.bound, late)
        reached.append((want, answer.value))
    return settled


def _cut_short(settled: Settled, answer: "Answer") -> Settled:
    """Where a want came to no end: the best that there is for it, else what came of the wants before, without prices.

    Nothing is proved of the last want then.
    """
    if answer.found:
        return Settled(answer.status, answer, None, answer.bound, answer.late)
    if not settled.found:
        return _nothing(answer.status, late=answer.late)
    unpriced = replace(settled.answer, row_dual=np.zeros(0), column_dual=np.zeros(0))
    return Settled(Status.FEASIBLE, unpriced, None, -np.inf, answer.late)


def _among(linear: Linear, reached: Sequence[tuple[Floats, float]], run: Run) -> "Answer":
    """The least among what reaches as much: by a hair less where a solver cannot find again what it found."""
    for given in _GIVEN if reached else _GIVEN[:1]:
        program = linear
        for want, least in reached:
            program = kept(program, want, least + given * max(1.0, abs(least)))
        answer = run(program)
        if answer.status != Status.INFEASIBLE:
            break
    return answer


def _wanting(linear: Linear, want: Floats, *, last: bool) -> Linear:
    """The offset belongs to the last want, the cost."""
    return replace(linear, cost=want, offset=linear.offset if last else 0.0)


def kept(linear: Linear, want: Floats, most: float) -> Linear:
    """With one more row: of that want no more."""
    index = np.flatnonzero(want).astype(np.int32)
    return replace(
        linear,
        start=np.append(linear.start, linear.start[-1] + index.size).astype(np.int32),
        index=np.append(linear.index, index),
        value=np.append(linear.value, want[index]),
        row_lower=np.append(linear.row_lower, -np.inf),
        row_upper=np.append(linear.row_upper, most),
    )


def face(linear: Linear, answer: "Answer") -> Linear:
    """All solutions that are as good as an optimal one: what has a price stays at the bound that it is at.

    Complementary slackness: of any optimal prices, a solution is optimal where each column with a reduced cost, and
    each row with a price, is at that bound. So the program gets smaller, and no row ties all of it together.
    """
    dual = answer.row_dual
    reduced = linear.cost - linear.times_back(dual)
    x = np.clip(answer.x, linear.lower, linear.upper)
    lower = np.where(np.abs(reduced) > _NOISE, x, linear.lower)
    upper = np.where(np.abs(reduced) > _NOISE, x, linear.upper)
    row_upper = np.where((dual > _NOISE) & np.isfinite(linear.row_lower), linear.row_lower, linear.row_upper)
    row_lower = np.where((dual < -_NOISE) & np.isfinite(linear.row_upper), linear.row_upper, linear.row_lower)
    return replace(linear, lower=lower, upper=upper, row_lower=row_lower, row_upper=row_upper)


def _nothing(status: Status, *, late: bool = False) -> Settled:
    from optimizers.energy.engines.answer import Answer  # noqa: PLC0415 - solvers are slow to import

    none = np.zeros(0)
    return Settled(status, Answer(status, none, none, none, np.inf, -np.inf, "", ""), None, -np.inf, late)
