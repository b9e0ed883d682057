"""Drafts weighed against a budget and a number of changes: for each holder, or each row of neighbours, the best one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.lighting.budgeting import Cells, given_up_wh
from optimizers.lighting.choosing import Choice, choose
from optimizers.lighting.drafting import Draft, Drafting
from optimizers.lighting.keeping import changed
from optimizers.lighting.parting import streets
from optimizers.lighting.parts import UNLIMITED
from optimizers.lighting.power import power_share
from optimizers.lighting.problem import LightingProblem
from optimizers.lighting.proving import Prices, proved_wh

_TRIES = 8
_HELD_TRIES = 3  # programs leap: what is left over is shared out among holders instead
_NEAR = 1e-7  # of the energy budget
_HELD_NEAR = 2e-5
_TIGHTER = 4  # times that limits are drawn in for what neighbours lift
_SMALL = 1e-9  # relative excess that is rounding
_TIE = 1e-9  # Wh given up that a Wh is worth where as much is given up
_ANY_PRICE = 1e12  # Wh
_DEARER = (2.0, 6.0, 20.0)  # times the dearest telling
_LOWER = (0.1, 0.3)  # of the way from a need to the lowest
_BUDGET_FIRST = 1e3  # rank of energy and peak beside changes: lamps that must change for a budget do


@dataclass(frozen=True, slots=True, eq=False)
class Trade:
    """The draft chosen; in the budget's unit, what the levels tried allow at best, and what is proved of all plans."""

    draft: Draft
    tried_bound: float
    proved_bound: float


@dataclass(frozen=True, slots=True)
class Excess:
    """By how much a draft passes its limits, relative to them; 0 where it keeps them."""

    energy: float
    peak: float
    changes: float

    @property
    def any(self) -> bool:
        return max(self.energy, self.peak, self.changes) > _SMALL

    @property
    def budget(self) -> bool:
        return max(self.energy, self.peak) > _SMALL


def excess(problem: LightingProblem, energy_wh: float, power_w: Floats, changes: int) -> Excess:
    budget, yesterday = problem.budget, problem.yesterday
    energy = energy_wh / budget.energy_wh - 1 if budget else 0.0
    peak = float((power_w / budget.peak_w).max()) - 1 if budget else 0.0
    more = (changes - yesterday.changes) / max(1, yesterday.changes) if yesterday else 0.0
    return Excess(max(0.0, energy), max(0.0, peak), max(0.0, more))


def excess_of(problem: LightingProblem, draft: Draft) -> Excess:
    return excess(problem, draft.energy_wh, draft.power_w, draft.changes)


def trade(drafting: Drafting, first: Draft) -> Trade:
    """From a draft that passes its limits to one that keeps them, or passes them as little as it must."""
    problem, drafts, proved = drafting.problem, [first], 0.0
    bases: list[Floats] = []
    if problem.budget is not None and excess_of(problem, first).budget:
        low, settled = drafting.least.above(problem.budget.relaxed, drafting.spending)
        if settled:
            cells, bases = Cells(problem, low), [low]
            drafts += _all_told(drafting, first)
            prices: list[Prices] = []
            if excess_of(problem, drafts[-1]).any:
                drafts += _within_budget(drafting, cells, first, low, prices)
            proved = _proved(drafting, cells, low, prices)
    drafts += list(_fewer_changes(drafting, drafts, bases))
    if len(drafts) == 1:
        return Trade(first, first.given_up_wh, min(proved, first.given_up_wh))
    draft, bound = _mixed(drafting, drafts)
    if excess_of(problem, draft).changes > _SMALL and (more := list(_between(drafting, drafts, bases))):
        draft, bound = _mixed(drafting, drafts + more)
    return Trade(draft, min(bound, draft.given_up_wh), min(proved, draft.given_up_wh))


def _proved(drafting: Drafting, cells: Cells, low: Floats, prices: list[Prices]) -> float:
    """What any plan gives up at least; where no work is left, by energy and peak alone."""
    problem, budget = drafting.problem, drafting.problem.budget
    assert budget is not None  # noqa: S101
    if drafting.spending.spend():
        return proved_wh(problem, drafting.least, cells, low, prices[-1:])
    return cells.bound(*cells.prices(budget.energy_wh, budget.peak_w, np.ones(problem.burning.size)))


def _all_told(drafting: Drafting, first: Draft) -> Iterator[Draft]:
    """All light, and programs told that would not pay for the telling: that costs less than light does."""
    if first.telling_wh.any() and drafting.spending.spend():
        yield drafting.draft(first.need, np.zeros(len(first.need)))


def _within_budget(
    drafting: Drafting, cells: Cells, first: Draft, low: Floats, prices: list[Prices]
) -> Iterator[Draft]:
    """Drafts at prices that are to meet the budget, each corrected by what programs and neighbours took last time; they
    are added to `prices`.
    """
    problem = drafting.problem
    assert problem.budget is not None  # noqa: S101
    near = _NEAR if problem.holders is None else _HELD_NEAR
    power = cells.answer(np.zeros(problem.burning.size)).power_w
    draft, fitted = first, False
    for _ in range(_TRIES if problem.holders is None else _HELD_TRIES):
        ratio = np.divide(draft.power_w, power, out=np.ones_like(power), where=power > 0)
        prices.append(cells.prices(problem.budget.energy_wh * (1 - near / 2), problem.budget.peak_w, ratio))
        answer = cells.answer(prices[-1][0])
        need, settled = drafting.least.above(cells.spread(answer.flux), drafting.spending)
        if not settled or not drafting.spending.spend():
            break
        draft, power = drafting.draft(need, first.telling_wh), answer.power_w
        yield draft
        fits = not excess_of(problem, draft).budget
        fitted = fitted or fits
        if fits and draft.energy_wh >= problem.budget.energy_wh * (1 - near):
            break
    if not fitted and first.telling_wh.any() and drafting.spending.spend():
        yield drafting.draft(draft.need, np.zeros(len(problem.lamps)))
    if not fitted and drafting.spending.spend():
        yield drafting.draft(low, first.telling_wh)


def _fewer_changes(drafting: Drafting, drafts: list[Draft], bases: list[Floats]) -> Iterator[Draft]:
    """The last draft again, at a price of telling that leaves as many changes as may be, and at any price; so too above
    `bases`, least points as low as may be: some lamps that give way so far can spare the others.
    """
    problem, keeping = drafting.problem, drafting.keeping
    if keeping is None or drafts[-1].changes <= keeping.yesterday.changes:
        return
    last, any_price = drafts[-1], np.full(len(problem.lamps), _ANY_PRICE)
    serves = keeping.serves(last.need)
    room = max(0, keeping.yesterday.changes - int((~serves).sum()))
    saved = np.sort(keeping.savings_wh(last.flux)[serves & changed(problem, last.flux)])[::-1]
    prices = [(last.need, np.maximum(last.telling_wh, float(saved[room])))] if room < saved.size else []
    prices += [(need, any_price) for need in (last.need, *bases)]
    for need, telling_wh in prices:
        if drafting.spending.spend():
            yield drafting.draft(need, telling_wh)


def _between(drafting: Drafting, drafts: list[Draft], bases: list[Floats]) -> Iterator[Draft]:
    """More to choose from where too many lamps change: prices of telling that rise from the dearest there was, as far
    as few programs make lamps change together; and lower needs on the way to `bases`, so that some spare the others.
    """
    prices = [draft.telling_wh for draft in drafts if draft.telling_wh.max() < _ANY_PRICE]
    dearest = max(prices, key=lambda price: float(price.max()))
    last = next(draft for draft in reversed(drafts) if draft.telling_wh.max() < _ANY_PRICE)
    trials = [(last.need, times * np.maximum(dearest, 1.0)) for times in _DEARER]
    for base in bases:
        trials.append((base, drafts[0].telling_wh))
        for share in _LOWER:
            need, settled = drafting.least.above(last.need + share * (base - last.need), drafting.spending)
            trials += [(need, times * np.maximum(dearest, 1.0)) for times in _DEARER] * settled
    for need, telling_wh in trials:
        if drafting.spending.spend():
            yield drafting.draft(need, telling_wh)


def _mixed(drafting: Drafting, drafts: list[Draft]) -> tuple[Draft, float]:
    """The best of drafts for each unit, with what their mixing lifts, and the bound of that choice."""
    problem = drafting.problem
    unit = _units(problem)
    cost, load, limit, rank, ties = _weights(problem, drafts, unit)
    wanted, bound = limit, None
    found: list[Draft] = []
    for _ in range(_TIGHTER):
        choice = choose(cost, load, wanted, rank)
        bound = max(0.0, choice.bound - ties) if bound is None else bound
        draft = _put_together(drafting, drafts, choice, unit)
        found.append(draft)
        if not excess_of(problem, draft).any or not drafting.spending.spend():
            break
        over = _over(problem, draft, load.shape[2])
        wanted = wanted - np.where(over > 0, 1.2 * over, 0.0)
        if (wanted <= 0).any():
            break
    best = min(found + drafts, key=lambda draft: _rank(problem, draft))
    return best, bound or 0.0


def _rank(problem: LightingProblem, draft: Draft) -> tuple[float, float, float, float]:
    passed = excess_of(problem, draft)
    budget = max(passed.energy, passed.peak) if passed.budget else 0.0
    return budget, passed.changes, draft.given_up_wh, draft.energy_wh


def _units(problem: LightingProblem) -> Ints:
    """(n,) what chooses a draft as one: a holder; without holders lamps that see each other; the fleet where it shares
    its programs.
    """
    if problem.holders is not None:
        n = len(problem.lamps)
        return problem.holders.of if problem.holders.fleet_programs == UNLIMITED else np.zeros(n, np.int64)
    return streets(problem)


def _weights(problem: LightingProblem, drafts: list[Draft], unit: Ints) -> tuple[Floats, Floats, Floats, Floats, float]:
    """Cost (u, v) and load (u, v, r) of each draft for each unit, the limits (r,), their rank (r,), and what ties add
    at most.
    """
    budget, yesterday = problem.budget, problem.yesterday
    units = int(unit.max()) + 1
    slots = _binding(problem, drafts)
    cost, load, energies = np.empty((units, len(drafts))), [], []
    trading = budget is not None and excess_of(problem, drafts[0]).budget
    for v, draft in enumerate(drafts):
        energy = np.bincount(unit, draft.lamp_wh, units)
        told = np.bincount(unit, changed(problem, draft.flux), units)
        given = np.bincount(unit, given_up_wh(problem, draft.flux), units)
        paid = energy + (yesterday.change_cost_wh if yesterday else 0.0) * told
        cost[:, v] = given + _TIE * paid if trading else paid
        energies.append(paid)
        load.append(np.column_stack([energy, told, power_by_unit_w(problem, draft.flux, unit, units, slots)]))
    limit = _limits(problem, slots)
    rank = np.where(np.arange(limit.size) == 1, 1.0, _BUDGET_FIRST)
    kept = np.isfinite(limit)
    limit, rank, loads = limit[kept], rank[kept], np.stack(load, axis=1)[:, :, kept]
    ties = _TIE * float(np.max(energies, axis=0).sum()) if trading else 0.0
    return cost, loads, limit, rank, ties


def _limits(problem: LightingProblem, slots: Ints) -> Floats:
    budget, yesterday = problem.budget, problem.yesterday
    energy, peak = (budget.energy_wh, budget.peak_w[slots]) if budget else (np.inf, np.zeros(0))
    changes = np.inf if yesterday is None or yesterday.changes == UNLIMITED else max(0.5, yesterday.changes)
    return np.array([energy, changes, *peak])


def _binding(problem: LightingProblem, drafts: list[Draft]) -> Ints:
    """Slots whose peak some draft passes."""
    if problem.budget is None:
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.max([draft.power_w for draft in drafts], axis=0) > problem.budget.peak_w)


def _over(problem: LightingProblem, draft: Draft, rows: int) -> Floats:
    """By how much a draft passes each limit; all peaks by the worst."""
    budget, yesterday = problem.budget, problem.yesterday
    over = [draft.energy_wh - budget.energy_wh] if budget and np.isfinite(budget.energy_wh) else []
    over += [float(draft.changes - max(0.5, yesterday.changes))] if yesterday and yesterday.changes != UNLIMITED else []
    peak = float((draft.power_w - budget.peak_w).max()) if budget else 0.0
    return np.array(over + [peak] * (rows - len(over)))


def power_by_unit_w(problem: LightingProblem, flux: Floats, unit: Ints, units: int, slots: Ints) -> Floats:
    """(u, r) power of each unit in some slots."""
    power = np.zeros((units, slots.size))
    if slots.size:
        for index in range(len(problem.curves)):
            rows = np.flatnonzero(problem.curve == index)
            share = power_share(problem, flux[rows], rows)[:, slots] * problem.power_full_w[rows, None]
            np.add.at(power, unit[rows], share)
    return power


def _put_together(drafting: Drafting, drafts: list[Draft], choice: Choice, unit: Ints) -> Draft:
    of = choice.option[unit]
    need, flux = np.empty_like(drafts[0].need), np.empty_like(drafts[0].flux)
    bound_wh = drafts[0].bound_wh.copy()
    telling_wh, lifted = np.empty(len(flux)), 0
    for v, draft in enumerate(drafts):
        mine = of == v
        need[mine], flux[mine], telling_wh[mine] = draft.need[mine], draft.flux[mine], draft.telling_wh[mine]
        lifted = max(lifted, draft.lifted)
        if drafting.problem.holders is not None:
            holders = drafting.problem.holders.of[mine]
            bound_wh[holders] = draft.bound_wh[holders]
    settled = drafting.settle(need, flux, bound_wh, telling_wh)
    return replace(settled, lifted=max(lifted, settled.lifted))
