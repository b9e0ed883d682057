"""Budgets of some lamps each: who is over one is planned again within it, beside all others as they are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting.beside import LEAST, part_beside, plan_beside
from optimizers.lighting.budgeting import Cells, given_up_wh
from optimizers.lighting.concluding import by_holder, conflicts, passed
from optimizers.lighting.keeping import changed
from optimizers.lighting.least import Least
from optimizers.lighting.parting import part_of, streets
from optimizers.lighting.parts import Budget, Shares
from optimizers.lighting.power import energy_wh, lamp_energy_wh, power_w
from optimizers.lighting.problem import WH, WH_GIVEN_UP, LightingPlan, LightingProblem
from optimizers.lighting.spending import Spending
from optimizers.result import Limits, Status, Violation

Solve = Callable[[LightingProblem, Limits], LightingPlan]

_PASSES = 6  # over all budgets: those that share a lamp or a holder may put each other over again
_SEEN = 2  # tries after which lamps beside are known to draw less
_TRIES = 4  # of one budget that is not used up any more
_USED_UP = 1e-3  # relative slack that is none
_BUDGETS = {"energy budget", "peak"}
_OVER = 1e-9  # relative excess that is rounding
_PROVED = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Energy over all slots and power (T,) in each, of some lamps."""

    energy_wh: float
    power_w: Floats


def drawn(problem: LightingProblem, flux: Floats, lamps: Bools) -> Drawn:
    """What lamps (n,) draw at flux (n, T)."""
    rows = np.flatnonzero(lamps)
    power = power_w(problem, flux[rows], rows)
    return Drawn(float(power.sum()) * problem.slot_s / 3600, power)


@dataclass(frozen=True, slots=True, eq=False)
class _Share:
    """A budget and whose it is: lamps (n,), Wh, W (T,)."""

    name: str
    lamps: Bools
    energy_wh: float
    peak_w: Floats

    def over(self, taken: Drawn) -> bool:
        by_peak = taken.power_w > self.peak_w * (1 + _OVER)
        return taken.energy_wh > self.energy_wh * (1 + _OVER) or bool(by_peak.any())


@dataclass(frozen=True, slots=True, eq=False)
class _Try:
    """How much less than a budget has its lamps were allowed, and what they came to draw."""

    margin: Drawn
    taken: Drawn


def share_out(problem: LightingProblem, limits: Limits, solve: Solve) -> LightingPlan:
    """The plan of a problem with `shares`, by `solve` of parts of it that have one budget at most.

    All lamps are planned as if there were no budget. Of each budget that this passes, from the one of fewest lamps to
    that of all, the lamps are planned again within it, beside all others as they are; with them, at their full floors,
    lamps of holders that have some of them or of their neighbours. What a smaller budget took of a lamp's light stays
    taken, and a larger one takes of all its lamps. Where that puts one over again, it is done again, some times.

    The bound, in Wh given up, is that of each budget by itself, summed over budgets that share no lamp. `limits.work`
    is that of each part.
    """
    spending = Spending(limits)
    first = solve(LightingProblem(**{**vars(problem), "budget": None, "shares": None}), limits)
    sharing = _Sharing(problem, first)
    for _ in range(_PASSES if first.status is not Status.TIME_LIMIT else 0):
        if not sharing.planned_again(spending, solve):
            break
    return _concluded(sharing, first, spending)


class _Sharing:
    """Flux (n, T) as it is being shared out.

    gave (n,)     the budget that each lamp was last planned for, in their order; `nobody` for none
    most (n, T)   floors as smaller budgets have left them: larger ones take from there
    tried         by budget: how often its lamps were planned, and what that gave
    """

    def __init__(self, problem: LightingProblem, first: LightingPlan) -> None:
        self.problem, self.flux, self.bound_wh = problem, first.flux, first.holder_bound_wh.copy()
        self.shares = list(_shares(problem))
        self.unit = _units(problem)
        self.nobody = len(self.shares)
        self.gave = np.full(len(problem.lamps), self.nobody)
        self.most = problem.floor
        self.tried: dict[int, list[_Try]] = {}
        self.lowest: set[int] = set()  # budgets whose lamps can give way no further
        self.out, self.reproducible = first.status is Status.TIME_LIMIT, first.reproducible

    def planned_again(self, spending: Spending, solve: Solve) -> bool:
        """Whether a budget was passed, and its lamps planned again."""
        found = False
        for rank, share in enumerate(self.shares):
            taken, tries = drawn(self.problem, self.flux, share.lamps), len(self.tried.get(rank, ()))
            slack = _SEEN < tries < _TRIES and taken.energy_wh < share.energy_wh * (1 - _USED_UP) < np.inf
            if rank in self.lowest or not (share.over(taken) or slack):
                continue
            if spending.seconds >= spending.limits.seconds:
                self.out, self.reproducible = True, False
                return False
            self._plan(rank, spending, solve)
            found = True
        return found

    def _plan(self, rank: int, spending: Spending, solve: Solve) -> None:
        problem, lamps = self.problem, self.shares[rank].lamps
        given = lamps & (self.gave < self.nobody) & (self.gave != rank)
        if given.any():
            self.most = np.where(given[:, None], np.minimum(self.most, self.flux), self.most)
        around = self._around(lamps)
        tried = self.tried.setdefault(rank, [])
        margin = _margin(self.shares[rank], tried)

        def make(flux: Floats, again: Bools) -> LightingPlan:
            limits = replace(spending.left(), work=spending.limits.work)
            return solve(self._part(rank, margin, flux, again), limits)

        made = plan_beside(problem, self.flux, self.unit, around, make)
        self.flux, self.gave = made.flux, np.where(lamps, rank, self.gave)
        tried.append(_Try(margin, drawn(problem, self.flux, lamps)))
        self.out |= made.part.status is Status.TIME_LIMIT
        if any(violation.constraint in _BUDGETS for violation in made.part.violations):
            self.lowest.add(rank)
        self.reproducible &= made.part.reproducible
        if problem.holders is not None:
            self.bound_wh[np.unique(problem.holders.of[made.lamps])] = made.part.holder_bound_wh

    def _around(self, lamps: Bools) -> Ints:
        """The units of lamps (n,) and of their neighbours."""
        a, b = self.problem.neighbours.T
        near = np.concatenate([np.flatnonzero(lamps), b[lamps[a]], a[lamps[b]]])
        return np.unique(self.unit[near])

    def _part(self, rank: int, margin: Drawn, flux: Floats, again: Bools) -> LightingProblem:
        """Of lamps `again` (n,), of which those of a budget give way. Others that gave way for another stay so."""
        problem, whole, share = self.problem, self.problem.budget, self.shares[rank]
        assert whole is not None  # noqa: S101
        mine = share.lamps[again, None]
        stays = ((self.gave < self.nobody) & ~share.lamps)[again, None]
        beside = drawn(problem, flux, again & ~share.lamps)
        energy_wh = share.energy_wh + beside.energy_wh - margin.energy_wh
        peak_w = share.peak_w + beside.power_w - margin.power_w
        floor = np.where(stays, np.minimum(self.most[again], flux[again]), self.most[again])
        budget = Budget(
            relaxed=np.where(mine, np.minimum(whole.relaxed[again], floor), floor),
            energy_wh=max(share.energy_wh / 2, energy_wh),
            peak_w=np.maximum(share.peak_w / 2, peak_w),
            weight=whole.weight[again],
        )
        return part_beside(problem, flux, again, floor, budget, None)


def _margin(share: _Share, tried: list[_Try]) -> Drawn:
    """By how much less than a budget has is allowed to its lamps.

    Lamps beside draw less too where their neighbours dim, which a first try cannot know and a second one sees. What is
    still too much then is taken off; where that was more than need be, half of it is given back.
    """
    if len(tried) < _SEEN:
        return Drawn(0.0, np.zeros(share.peak_w.size))
    before, taken = tried[-1].margin, tried[-1].taken
    over_w = np.maximum(0.0, taken.power_w - share.peak_w)
    if share.over(taken):
        return Drawn(before.energy_wh + max(0.0, taken.energy_wh - share.energy_wh), before.power_w + over_w)
    return Drawn(before.energy_wh / 2, before.power_w)


def _shares(problem: LightingProblem) -> Iterator[_Share]:
    """Those of fewest lamps first, that of all last."""
    shares, whole = problem.shares, problem.budget
    assert shares is not None  # noqa: S101
    assert whole is not None  # noqa: S101
    for b in np.argsort(shares.lamps.sum(axis=1), kind="stable").tolist():
        yield _Share(shares.names[b], shares.lamps[b], float(shares.energy_wh[b]), shares.peak_w[b])
    if np.isfinite(whole.energy_wh) or np.isfinite(whole.peak_w).any():
        yield _Share("plan", np.ones(len(problem.lamps), np.bool_), whole.energy_wh, whole.peak_w)


def _units(problem: LightingProblem) -> Ints:
    """(n,) who is planned at once: the lamps of a holder; those that see each other where nobody holds programs."""
    if problem.holders is None:
        return streets(problem)
    everybody = problem.holders.fleet_programs < len(problem.lamps)
    return np.zeros(len(problem.lamps), np.int64) if everybody else problem.holders.of


def shares_left(problem: LightingProblem, flux: Floats, again: Bools) -> Shares | None:
    """What lamps that are not planned again leave of each budget that lamps `again` (n,) are in."""
    if (shares := problem.shares) is None:
        return None
    mine = np.flatnonzero((shares.lamps & again).any(axis=1))
    if not mine.size:
        return None
    others = [drawn(problem, flux, shares.lamps[b] & ~again) for b in mine.tolist()]
    energy_wh, peak_w = shares.energy_wh[mine], shares.peak_w[mine]
    return Shares(
        names=tuple(shares.names[b] for b in mine.tolist()),
        lamps=shares.lamps[mine][:, again],
        energy_wh=np.maximum(energy_wh * LEAST, energy_wh - [one.energy_wh for one in others]),
        peak_w=np.maximum(peak_w * LEAST, peak_w - [one.power_w for one in others]),
    )


def passed_shares(problem: LightingProblem, flux: Floats) -> Iterator[Violation]:
    """Budgets of some lamps that could not be kept."""
    for share in _shares(problem) if problem.shares is not None else ():
        taken = drawn(problem, flux, share.lamps)
        if share.name == "plan" or not share.over(taken):
            continue
        if (more := taken.energy_wh - share.energy_wh) > _OVER * share.energy_wh:
            detail = f"{taken.energy_wh:.9g} Wh, wants {share.energy_wh:.9g} Wh"
            yield Violation("energy budget", share.name, more, "Wh", detail)
        over = taken.power_w - share.peak_w
        if (over > _OVER * share.peak_w).any():
            slot = int(over.argmax())
            yield Violation("peak", share.name, float(over[slot]), "W", f"slot {slot}")


def _concluded(sharing: _Sharing, first: LightingPlan, spending: Spending) -> LightingPlan:
    problem, flux = sharing.problem, sharing.flux
    flux.flags.writeable = False
    energy, told = energy_wh(problem, flux), int(changed(problem, flux).sum())
    given = float(given_up_wh(problem, flux).sum())
    violations = (
        *conflicts(problem, flux, traced=not sharing.out),
        *passed(problem, flux, energy, power_w(problem, flux), told),
        *passed_shares(problem, flux),
    )
    gives_up = given > 0 or any(violation.constraint in _BUDGETS for violation in violations)
    paid = energy + (problem.yesterday.change_cost_wh * told if problem.yesterday else 0.0)
    objective = given if gives_up else paid
    bound = min(objective, _proved(sharing, spending) if gives_up else first.bound)
    done = Status.OPTIMAL if objective - bound <= _PROVED * max(1.0, objective) else Status.FEASIBLE
    objective_wh = by_holder(problem, lamp_energy_wh(problem, flux))
    return replace(
        first,
        status=Status.TIME_LIMIT if sharing.out else Status.BEST_EFFORT if violations else done,
        objective=objective,
        bound=bound,
        seconds=spending.seconds,
        violations=violations,
        reasons=tuple(_reasons(sharing, first)),
        flux=flux,
        unit=WH_GIVEN_UP if gives_up else WH,
        energy_wh=energy,
        holder_objective_wh=objective_wh,
        holder_bound_wh=np.minimum(sharing.bound_wh, objective_wh),
        given_up=given,
        given_up_bound=bound if gives_up else given,
        changes=told,
        reproducible=sharing.reproducible,
    )


def _reasons(sharing: _Sharing, first: LightingPlan) -> Iterator[str]:
    before = "before budgets: " if sharing.tried else ""
    yield from (before + reason for reason in first.reasons)
    given = given_up_wh(sharing.problem, sharing.flux)
    for rank in sorted(sharing.tried):
        share = sharing.shares[rank]
        taken = drawn(sharing.problem, sharing.flux, share.lamps)
        limit = f" of {share.energy_wh:.6g}" if np.isfinite(share.energy_wh) else ""
        told = f"{taken.energy_wh:.6g}{limit} Wh, {float(given[share.lamps].sum()):.6g} Wh of light given up"
        yield f"budget {share.name}: {told} by {int((given[share.lamps] > 0).sum())} lamps"


def _proved(sharing: _Sharing, spending: Spending) -> float:
    """In Wh given up, of every plan: of budgets that share no lamp, the smallest first, and of each by itself."""
    taken, together, alone = np.zeros(len(sharing.gave), np.bool_), 0.0, 0.0
    for rank in sorted(sharing.tried):
        share = sharing.shares[rank]
        value = _least_given_up(sharing.problem, share, spending)
        alone = max(alone, value)
        if not (taken & share.lamps).any():
            taken |= share.lamps
            together += value
    return max(together, alone)


def _least_given_up(problem: LightingProblem, share: _Share, spending: Spending) -> float:
    """No plan within one budget gives up less light of its lamps, even if it asked nothing else of any lamp."""
    whole = problem.budget
    assert whole is not None  # noqa: S101
    relaxed, weight = whole.relaxed[share.lamps], whole.weight[share.lamps]
    budget = Budget(relaxed=relaxed, energy_wh=share.energy_wh, peak_w=share.peak_w, weight=weight)
    part = LightingProblem(**{**vars(part_of(problem, share.lamps)), "budget": budget})
    low, settled = Least(part).above(relaxed, Spending(spending.limits))
    if not settled:
        return 0.0
    cells = Cells(part, low)
    return cells.bound(*cells.prices(share.energy_wh, share.peak_w, np.ones(problem.burning.size)))
