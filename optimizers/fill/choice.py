"""Which bins a round has to visit, and what a visit to each of the others is worth."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats


@dataclass(frozen=True, kw_only=True)
class Terms:
    """rho                 what an overflow is worth avoiding, in the unit of the routing problem: metres or EUR
    required_above         probability of overflow before the next possible visit, from which on a bin has to be visited
    candidate_above        share of rho that a visit is worth from which on it is considered
    later                  share of its worth that an overflow keeps with each possible visit that may yet prevent it
    detour                 share of what a visit usually costs that days offer as the way to a bin (`waiting.owed`)
    saves_above            level below which a visit saves nothing
    """

    rho: float = 10_000.0
    required_above: float = 0.5
    candidate_above: float = 0.01
    later: float = 0.5
    detour: float = 0.6
    saves_above: float = 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """Of n bins: to be visited; worth a visit if it costs less than `prize`, in rho's unit; all others are left."""

    required: Bools
    candidate: Bools
    prize: Floats


def choose(
    by_visit: Floats, terms: Terms, *, level: Floats | None = None, owes: Floats | None = None, due: Bools | None = None
) -> Choice:
    """What the coming round does.

    by_visit (n, V)    probability of overflow before each of the V >= 1 possible visits after this round: 0…1, rising
    level, owes (n,)   expected at this round; what the bin owes if this round leaves it (`waiting.owed`), in rho's
                       unit. Without them a visit saves nothing of later ones
    due (n,)           by contract, or because nobody has seen the bin for too long

    The prize is rho · Σ later^v · P(it overflows between visit v and visit v + 1, counted from this round's), and what
    the visit saves: where a truck is near anyway, a bin that will be due before long is emptied at once.
    """
    forced = np.zeros(len(by_visit), np.bool_) if due is None else due
    between = np.maximum(np.diff(by_visit, axis=1, prepend=0.0), 0.0)
    worth = between @ terms.later ** np.arange(by_visit.shape[1])
    required: Bools = (by_visit[:, 0] >= terms.required_above) | forced
    saved = np.zeros(len(by_visit))
    if level is not None and owes is not None:
        saved = np.where(level >= terms.saves_above, owes, 0.0)
    candidate: Bools = ~required & ((worth >= terms.candidate_above) | (saved > 0))
    prize = np.where(required | candidate, terms.rho * worth + saved, 0.0)
    return Choice(required=required, candidate=candidate, prize=prize)
