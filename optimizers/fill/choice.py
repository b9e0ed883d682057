"""Which bins a round has to visit, and what a visit to each of the others is worth."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats


@dataclass(frozen=True, kw_only=True)
class Terms:
    """rho                 what an overflow is worth avoiding, in the unit of the routing problem: metres or EUR
    required_above         probability of overflow before the next possible visit, from which on a bin has to be visited
    candidate_above        probability by the visit after that, from which on a visit is worth considering
    later                  share of rho that an overflow between the next possible visit and the one after is worth
    """

    rho: float = 10_000.0
    required_above: float = 0.5
    candidate_above: float = 0.01
    later: float = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """Of n bins: to be visited; worth a visit if it costs less than `prize`, in rho's unit; all others are left."""

    required: Bools
    candidate: Bools
    prize: Floats


def choose(by_next: Floats, by_after: Floats, terms: Terms, *, due: Bools | None = None) -> Choice:
    """What the coming round does.

    by_next, by_after (n,)   probability of overflow by the next possible visit after this round, and by the one after:
                             0…1
    due (n,)                 by contract, or because nobody has seen the bin for too long

    The prize is rho (p1 + later (p2 - p1)): rho · P(overflow), what comes later counting less, since a later round may
    still prevent it (p2 (1 - p1) of independent visits is p2 - p1 of what is by then).
    """
    forced = np.zeros(by_next.shape, np.bool_) if due is None else due
    later = np.maximum(by_after - by_next, 0.0)
    prize = terms.rho * (by_next + terms.later * later)
    required: Bools = (by_next >= terms.required_above) | forced
    candidate: Bools = ~required & (by_after >= terms.candidate_above)
    return Choice(required=required, candidate=candidate, prize=np.where(required | candidate, prize, 0.0))
