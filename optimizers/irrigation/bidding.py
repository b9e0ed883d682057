"""Many networks under budgets in common: water gets a price at which they take as much as there is.

At any price of what budgets count, what networks cost at their best for themselves, less the price of all that budgets
hold, is a bound of every plan (Lagrange). The best prices are those of the linear program over mixtures of what the
networks were found to do at other prices (Dantzig and Wolfe 1960). The plan is the best choice among what they do near
these prices: one decision of tonight for each, and any mixture of its later nights, as these may be fractions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pulp
from pulp import constants

from optimizers.arrays import Floats
from optimizers.irrigation.columns import relax
from optimizers.irrigation.engines import Effort, floats, run
from optimizers.irrigation.model import Model
from optimizers.irrigation.night import Night, dry, night_of
from optimizers.irrigation.pace import Pace
from optimizers.irrigation.supplies import Decided, Supply

_ROUNDS = 15
_SEARCH = 0.4  # of the time that is left, for prices
_CHOICE = 0.1  # of it, for the choice among offers
_FACTORS = (1.0, 1.25)  # of the best prices, at which whole cycles are decided
_SPREAD = (0.5, 3.0)  # of the best prices, at which the later nights of these decisions are made again


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """What a network may do: its EUR without the price of budgets, what these count (B,), cycles of later nights."""

    eur: float
    used_m3: Floats
    later: Floats


@dataclass(slots=True, eq=False)
class Bidder:
    """A network, what it does at some prices, and what can be chosen of it: nights, each with offers for its later
    nights.
    """

    supply: Supply
    own_m3: Floats
    dry_eur: float
    keeps: bool
    found: list[Offer] = field(default_factory=list)
    choices: list[tuple[Night, list[Offer]]] = field(default_factory=list)
    _model: Model | None = None

    def at(self, price: Floats) -> Model:
        model = self._model or Model([self.supply], self.own_m3)
        self._model = model if self.keeps else None
        model.price(price)
        return model

    def stay_dry(self) -> None:
        """What is always possible."""
        night = dry(self.at(np.zeros(self.own_m3.size)))
        later = night.decided[0].later
        offer = Offer(self.dry_eur, np.zeros(self.own_m3.size), later)
        self.found.append(offer)
        self.choices.append((replace(night, value=self.dry_eur, late=False, reasons=()), [offer]))

    def relaxed(self, effort: Effort, price: Floats) -> float:
        """One more offer; the bound at this price."""
        model = self.at(price)
        answer = relax(model, effort)
        if answer.found:
            tonight, later = model.parts[0].fractions
            used = self.supply.used_m3(tonight, later)
            self.found.append(Offer(answer.value - float(price @ used), used, later))
        return max(0.0, answer.bound)

    def decide(self, effort: Effort, price: Floats) -> Night:
        """One more night to choose, with some of what may follow on it."""
        model = self.at(price)
        night = night_of(model, effort)
        if np.isfinite(night.value):
            cycles = night.decided[0].cycles
            offers = [_offer(self.supply, night.decided[0], night.value, price)]
            for factor in _SPREAD:
                model.price(factor * price)
                if (answer := relax(model, effort, [cycles])).found:
                    offers.append(_offer(self.supply, model.decided[0], answer.value, factor * price))
            self.choices.append((night, offers))
        return night


def _offer(supply: Supply, decided: Decided, value: float, price: Floats) -> Offer:
    used = supply.used_m3(decided.cycles, decided.later)
    return Offer(value - float(price @ used), used, decided.later)


def share_at_a_price(bidders: Sequence[Bidder], limits_m3: Floats, pace: Pace) -> list[Night]:
    """Nights of all bidders that keep to `limits_m3` (B,), infinite where a budget is not shared by them.

    The bound of the first night is that of all of them.
    """
    for bidder in bidders:
        bidder.stay_dry()
    price = _prices(bidders, limits_m3, pace)
    bound, late = 0.0, False
    for factor in _FACTORS:
        at = factor * price
        turns = len(_FACTORS) - _FACTORS.index(factor)
        nights = pace.each(partial(Bidder.decide, price=at), bidders, (1 - _CHOICE) / turns)
        late |= any(night.late for night in nights)
        bound = max(bound, sum(night.bound for night in nights) - _worth(at, limits_m3))
    chosen = _choose(bidders, limits_m3, pace.effort(pace.left_s))
    told = f"budgets: a m3 more is worth up to {price.max():.3g} EUR, {len(bidders)} networks share by that price"
    first = replace(chosen[0], bound=bound, late=late, reasons=(*chosen[0].reasons, told))
    return [first, *(replace(night, bound=0.0) for night in chosen[1:])]


def _worth(price: Floats, limits_m3: Floats) -> float:
    return float(price[price > 0] @ limits_m3[price > 0])


def _prices(bidders: Sequence[Bidder], limits_m3: Floats, pace: Pace) -> Floats:
    """(B,) EUR a m³ of the best bound found: new offers are asked for at the prices of the last mixture."""
    price, best, best_price = np.zeros(limits_m3.size), -np.inf, np.zeros(limits_m3.size)
    for turn in range(_ROUNDS):
        bounds = pace.each(partial(Bidder.relaxed, price=price), bidders, _SEARCH / _ROUNDS * 3)
        if (bound := sum(bounds) - _worth(price, limits_m3)) > best:
            best, best_price = bound, price
        value, price = _mixture(bidders, limits_m3, pace)
        if value - best <= pace.limits.gap / 5 * abs(value) or turn == _ROUNDS - 1:
            break
    return best_price


def _mixture(bidders: Sequence[Bidder], limits_m3: Floats, pace: Pace) -> tuple[float, Floats]:
    """The least cost of mixtures of offers within budgets, and what their last m³ is worth."""
    master, costs = pulp.LpProblem("mixture", constants.LpMinimize), []
    terms: list[list[tuple[Any, float]]] = [[] for _ in limits_m3]
    for i, bidder in enumerate(bidders):
        shares = [master.add_variable(f"w{i}.{j}", 0) for j in range(len(bidder.found))]
        _row(master, [(share, 1.0) for share in shares], constants.LpConstraintEQ, 1.0)
        for share, offer in zip(shares, bidder.found, strict=True):
            costs.append((share, offer.eur))
            for b, used in enumerate(offer.used_m3.tolist()):
                terms[b].append((share, used))
    shared = np.flatnonzero(np.isfinite(limits_m3)).tolist()
    rows = {b: _row(master, terms[b], constants.LpConstraintLE, float(limits_m3[b])) for b in shared}
    master.objective = pulp.LpAffineExpression(costs)
    answer = run(master, pace.effort(pace.left_s), whole=False)
    price = np.zeros(limits_m3.size)
    for b, row in rows.items():
        price[b] = max(0.0, -(row.pi or 0.0))
    return answer.value, price


def _choose(bidders: Sequence[Bidder], limits_m3: Floats, effort: Effort) -> list[Night]:
    """The least cost of one night each, with a mixture of what may follow, within budgets."""
    master, costs = pulp.LpProblem("choice", constants.LpMinimize), []
    terms: list[list[tuple[Any, float]]] = [[] for _ in limits_m3]
    shares: list[list[list[Any]]] = []
    for i, bidder in enumerate(bidders):
        taken = [master.add_variable(f"y{i}.{c}", 0, 1, constants.LpInteger) for c in range(len(bidder.choices))]
        _row(master, [(one, 1.0) for one in taken], constants.LpConstraintEQ, 1.0)
        shares.append([])
        for c, (_, offers) in enumerate(bidder.choices):
            parts = [master.add_variable(f"w{i}.{c}.{j}", 0) for j in range(len(offers))]
            _row(master, [*((part, 1.0) for part in parts), (taken[c], -1.0)], constants.LpConstraintEQ, 0.0)
            shares[-1].append(parts)
            for part, offer in zip(parts, offers, strict=True):
                costs.append((part, offer.eur))
                for b, used in enumerate(offer.used_m3.tolist()):
                    terms[b].append((part, used))
    for b in np.flatnonzero(np.isfinite(limits_m3)).tolist():
        _row(master, terms[b], constants.LpConstraintLE, float(limits_m3[b]))
    master.objective = pulp.LpAffineExpression(costs)
    if not run(master, effort).found:
        return [bidder.choices[0][0] for bidder in bidders]
    return [_mixed(bidder, parts) for bidder, parts in zip(bidders, shares, strict=True)]


def _mixed(bidder: Bidder, parts: Sequence[Sequence[Any]]) -> Night:
    weights = [floats(list(of)) for of in parts]
    which = int(np.argmax([weight.sum() for weight in weights]))
    night, offers = bidder.choices[which]
    weight = np.clip(weights[which], 0.0, None)
    weight /= weight.sum()
    later = sum((share * offer.later for share, offer in zip(weight, offers, strict=True)), 0.0 * offers[0].later)
    return replace(night, decided=(Decided(night.decided[0].cycles, later),))


def _row(program: Any, terms: list[tuple[Any, float]], sense: int, wants: float) -> Any:
    row = pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, rhs=wants)
    program.addConstraint(row)
    return row
