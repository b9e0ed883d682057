"""The plan of least energy, or of least light given up for a budget: see `solve`."""

import numpy as np

from optimizers.lighting.concluding import conclude
from optimizers.lighting.drafting import Drafting
from optimizers.lighting.least import Least
from optimizers.lighting.problem import LightingPlan, LightingProblem
from optimizers.lighting.sharing import share_out
from optimizers.lighting.spending import Spending
from optimizers.lighting.trading import excess_of, trade
from optimizers.result import Limits


def solve(problem: LightingProblem, limits: Limits | None = None) -> LightingPlan:
    """The plan of least energy, or where a budget is too small for its floors, of least light given up.

    In this order: the least point of floors, ramps and steps, exact whatever the power curves; programs that holders
    can hold above it, with a bound for each holder; yesterday's programs kept where they serve and new ones save less
    than telling costs; lamps raised to within the step of neighbours whose programs became brighter. Where energy,
    peak or the number of changes then passes what is allowed, drafts at other prices of energy and of telling are made
    and the best one taken for each holder, or each row of neighbours.

    The bound is proved of all plans. In Wh: of the least point, of its programs, and of telling those lamps that
    yesterday's programs no longer serve; equal to the objective without holders, and with holders that limit only
    switch points wherever no neighbour has to be lifted. In Wh given up: of every lamp and slot by itself at the best
    prices of energy, peak, ramps and steps, with what few programs add; where few lamps may be told another program, at
    prices of energy, peak and telling. Changes of level are in neither; `given_up_bound` is the linear program's over
    the drafts.

    OPTIMAL: the bound is the objective. BEST_EFFORT: no plan was found that keeps ceilings, budget and changes all;
    programs and yesterday are sought by drafts, so that one may exist. Floors, or relaxed floors for a budget and for
    nothing else, hold, and what is passed is among the violations, a ceiling with the chain that lifts the lamp.
    TIME_LIMIT: what there was by then; full light while it is dark where there was nothing. `work` counts rounds of
    sweeps, drafts and the proof of a budget's bound. Budgets of some lamps each: see `share_out`.
    """
    if problem.shares is not None:
        return share_out(problem, limits or Limits(), solve)
    spending = Spending(limits or Limits())
    least = Least(problem)
    need, settled = least.above(problem.floor, spending)
    drafting = Drafting(problem, least, spending)
    if not settled:
        return conclude(problem, spending, drafting.in_full(need), None, (), settled=False)
    telling_wh = problem.yesterday.change_cost_wh if problem.yesterday else 0.0
    draft = drafting.draft(need, np.full(len(problem.lamps), telling_wh))
    traded = trade(drafting, draft) if draft.settled and excess_of(problem, draft).any else None
    best, reasons = traded.draft if traded else draft, tuple(drafting.reasons)
    return conclude(problem, spending, best, traded, reasons, settled=not spending.out)
