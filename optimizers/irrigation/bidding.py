"""Many networks under budgets in common: water gets a price at which they take as much as there is.

At any price of what budgets count, what networks cost at their best for themselves, less the price of all that budgets
hold, is a bound of every plan (Lagrange). The best prices are those of the linear program over mixtures of what the
networks were found to do at other prices (Dantzig and Wolfe 1960). At these prices whole cycles of tonight are decided,
a few times over, and one decision of each network is chosen; then prices are sought again for later nights alone, of
which any mixture is possible, as these may be fractions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pulp
from pulp import constants

from optimizers.arrays import Floats, Ints
from optimizers.engines import Effort
from optimizers.irrigation.columns import relax
from optimizers.irrigation.engines import floats, run
from optimizers.irrigation.model import Model, Terms, add_row
from optimizers.irrigation.night import Night, dry, night_of
from optimizers.irrigation.pace import Pace
from optimizers.irrigation.supplies import Decided, Supply
from optimizers.irrigation.timing import timetable

_ROUNDS = 15
_SEARCH = 0.4  # of the time that is left, for prices
_POLISH = 0.3  # of it, kept for later nights
_DEARER = (0.0, 0.3)  # of the best price, added to that of every budget, at which whole cycles are decided
_SPREAD = (0.8, 1.25)  # of these prices, at which later nights are made again to choose by
_LEAST_S = 2.0  # for a choice or mixture of what there is: they take a fraction of it
_LEAST_EUR = 0.1  # a m³: the price that others are multiples of where budgets hardly bind
_DEAR = 1e3  # times the best prices: later nights take as little as they can


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """What a network may do: its EUR without the price of budgets, what these count (B,), cycles of tonight, which may
    be fractions, and of later nights.
    """

    eur: float
    used_m3: Floats
    tonight: Floats | Ints
    later: Floats


@dataclass(slots=True, eq=False)
class Bidder:
    """A network, with offers of it to mix, and nights to choose from, each with some offers that begin with it.

    `own_m3` (B,) are budgets of its own; `keeps`: its model stays in memory; `fixed`: tonight's cycles, once chosen;
    `late`: the clock cut something of it short.
    """

    supply: Supply
    own_m3: Floats
    dry_eur: float
    keeps: bool
    offers: list[Offer] = field(default_factory=list)
    choices: list[tuple[Night, list[Offer]]] = field(default_factory=list)
    fixed: Ints | None = None
    late: bool = False
    _model: Model | None = None

    def at(self, price: Floats) -> Model:
        model = self._model or Model([self.supply], self.own_m3)
        self._model = model if self.keeps else None
        model.price(price)
        return model

    def stay_dry(self) -> None:
        """Offer what is always possible."""
        night = dry(self.at(np.zeros(self.own_m3.size)))
        none = night.decided[0]
        self.offers = [Offer(self.dry_eur, np.zeros(self.own_m3.size), none.cycles, none.later)]
        self.choices = [(replace(night, value=self.dry_eur, late=False, reasons=()), self.offers)]

    def offer(self, effort: Effort, price: Floats) -> float:
        """One more offer at a price, and the bound at this price."""
        model = self.at(price)
        answer = relax(model, effort, None if self.fixed is None else [self.fixed])
        self.late |= answer.late
        if answer.found:
            tonight, later = model.parts[0].fractions
            self.offers = [*self.offers, _offer(self.supply, tonight, later, answer.value, price)]
        return max(0.0, answer.bound)

    def round_off(self, effort: Effort, price: Floats) -> None:
        """A night to choose where there is no time for a better one: the whole cycles of the last offer."""
        table = timetable(self.supply, np.floor(self.offers[-1].tonight + 1e-6).astype(np.int64))
        model = self.at(price)
        answer = relax(model, effort, [table.cycles])
        self.late |= answer.late
        if answer.found:
            decided = Decided(table.cycles, model.parts[0].fractions[1])
            night = Night((self.supply,), (decided,), (table.openings,), answer.value, solver=answer.solver)
            self.choices.append((night, [_offer(self.supply, table.cycles, decided.later, answer.value, price)]))

    def decide(self, effort: Effort, price: Floats) -> Night:
        """One more night to choose, with some of what may follow on it."""
        model = self.at(price)
        night = night_of(model, effort)
        self.late |= night.late
        if np.isfinite(night.value):
            cycles, later = night.decided[0].cycles, night.decided[0].later
            offers = [_offer(self.supply, cycles, later, night.value, price)]
            for factor in _SPREAD:
                model.price(factor * price)
                answer = relax(model, effort, [cycles])
                self.late |= answer.late
                if answer.found:
                    _, later = model.parts[0].fractions
                    offers.append(_offer(self.supply, cycles, later, answer.value, factor * price))
            self.choices.append((night, offers))
        return night

    def choose(self, which: int) -> Night:
        """The night that later ones are now sought for."""
        night, self.offers = self.choices[which]
        self.fixed = night.decided[0].cycles
        return night


def _offer(supply: Supply, tonight: Floats | Ints, later: Floats, value: float, price: Floats) -> Offer:
    used = supply.used_m3(tonight, later)
    return Offer(value - float(price @ used), used, tonight, later)


def share_at_a_price(bidders: Sequence[Bidder], limits_m3: Floats, pace: Pace) -> list[Night]:
    """Nights of all bidders that keep to `limits_m3` (B,), infinite where a budget is not shared by them.

    The bound of the first night is that of all of them.
    """
    for bidder in bidders:
        bidder.stay_dry()
    price, bound, _ = _prices(bidders, np.zeros(limits_m3.size), limits_m3, pace, _SEARCH)
    scale = max(float(price.max()), _LEAST_EUR)
    pace.each(partial(Bidder.round_off, price=price), bidders, _SEARCH)
    for turn, dearer in enumerate(_DEARER):
        at = np.where(np.isfinite(limits_m3), price + dearer * scale, 0.0)
        nights = pace.each(partial(Bidder.decide, price=at), bidders, (1 - _POLISH) / (len(_DEARER) - turn))
        bound = max(bound, sum(night.bound for night in nights) - _worth(at, limits_m3))
    chosen = _chosen(bidders, limits_m3, pace)
    pace.each(partial(Bidder.offer, price=np.where(np.isfinite(limits_m3), _DEAR * scale, 0.0)), bidders, 0.3)
    price, _, mixed = _prices(bidders, price, limits_m3, pace, 1.0)
    late = pace.cut_short or any(bidder.late for bidder in bidders)
    told = f"budgets: the last m3 is worth {price.max():.3g} EUR, by which price {len(bidders)} networks share"
    nights = [
        replace(night, decided=(Decided(night.decided[0].cycles, later),), bound=0.0)
        for night, later in zip(chosen, mixed, strict=True)
    ]
    return [replace(nights[0], bound=bound, late=late, reasons=(*nights[0].reasons, told)), *nights[1:]]


def _worth(price: Floats, limits_m3: Floats) -> float:
    return float(price[price > 0] @ limits_m3[price > 0])


def _prices(
    bidders: Sequence[Bidder], price: Floats, limits_m3: Floats, pace: Pace, share: float
) -> tuple[Floats, float, list[Floats]]:
    """(B,) EUR a m³ of the best bound found, that bound, and mixtures of later nights (S, D-1, m).

    Offers are asked for at the prices of the last mixture, until it costs hardly more than the best bound.
    """
    until = pace.left_s * (1 - share)
    best, best_price = -np.inf, price
    for _ in range(_ROUNDS):
        bounds = pace.each(partial(Bidder.offer, price=price), bidders, 1 - until / max(pace.left_s, 1e-3))
        if (bound := sum(bounds) - _worth(price, limits_m3)) > best:
            best, best_price = bound, price
        value, price, weights = _mixture(bidders, limits_m3, pace)
        if value - best <= pace.limits.gap / 5 * abs(value):
            break
        if pace.left_s <= until:
            pace.cut_short = True
            break
    return best_price, best, [_mixed(bidder, weight) for bidder, weight in zip(bidders, weights, strict=True)]


def _mixed(bidder: Bidder, weights: Floats) -> Floats:
    mixed: Floats = np.sum([w * offer.later for w, offer in zip(weights, bidder.offers, strict=True)], axis=0)
    return mixed


def _mixture(bidders: Sequence[Bidder], limits_m3: Floats, pace: Pace) -> tuple[float, Floats, list[Floats]]:
    """The least cost of mixtures of offers within budgets, what the last m³ is worth, and the shares of offers."""
    master = _Master("mixture", limits_m3)
    shares = []
    for i, bidder in enumerate(bidders):
        shares.append([master.share(f"w{i}.{j}", offer) for j, offer in enumerate(bidder.offers)])
        master.row(((share, 1.0) for share in shares[-1]), 1.0)
    value, price = master.solve(pace.effort(max(_LEAST_S, pace.left_s)), whole=False)
    if not np.isfinite(value):  # out of time: what takes least
        pace.cut_short = True
        least = [int(np.argmin([offer.used_m3.sum() for offer in bidder.offers])) for bidder in bidders]
        return value, price, [np.eye(len(each))[i] for i, each in zip(least, shares, strict=True)]
    weights = [np.clip(floats(each), 0.0, None) for each in shares]
    return value, price, [weight / weight.sum() for weight in weights]


def _chosen(bidders: Sequence[Bidder], limits_m3: Floats, pace: Pace) -> list[Night]:
    """One night of each bidder: the least cost of them with a mixture of what may follow, within budgets."""
    master = _Master("choice", limits_m3)
    taken: list[list[Any]] = []
    for i, bidder in enumerate(bidders):
        taken.append([master.whole(f"y{i}.{c}") for c in range(len(bidder.choices))])
        master.row(((one, 1.0) for one in taken[-1]), 1.0)
        for c, (_, offers) in enumerate(bidder.choices):
            shares = [master.share(f"w{i}.{c}.{j}", offer) for j, offer in enumerate(offers)]
            master.row([*((share, 1.0) for share in shares), (taken[i][c], -1.0)], 0.0)
    value, _ = master.solve(pace.effort(max(_LEAST_S, pace.left_s * _POLISH)), whole=True)
    if not np.isfinite(value):
        pace.cut_short = True
        return [bidder.choose(0) for bidder in bidders]
    return [bidder.choose(int(np.argmax(floats(each)))) for bidder, each in zip(bidders, taken, strict=True)]


class _Master:
    """A program over shares of offers, within budgets."""

    def __init__(self, name: str, limits_m3: Floats) -> None:
        self._program = pulp.LpProblem(name, constants.LpMinimize)
        self._limits_m3, self._costs = limits_m3, Terms()
        self._used: dict[int, Terms] = {b: [] for b in np.flatnonzero(np.isfinite(limits_m3)).tolist()}

    def share(self, name: str, offer: Offer) -> Any:
        share = self._program.add_variable(name, 0)
        self._costs.append((share, offer.eur))
        for b, terms in self._used.items():
            terms.append((share, float(offer.used_m3[b])))
        return share

    def whole(self, name: str) -> Any:
        return self._program.add_variable(name, 0, 1, constants.LpInteger)

    def row(self, terms: Any, equals: float) -> None:
        add_row(self._program, list(terms), constants.LpConstraintEQ, equals)

    def solve(self, effort: Effort, *, whole: bool) -> tuple[float, Floats]:
        """The least cost, and for shares that need not be whole, what the last m³ of each budget is worth."""
        rows = {
            b: add_row(self._program, terms, constants.LpConstraintLE, float(self._limits_m3[b]))
            for b, terms in self._used.items()
        }
        self._program.objective = pulp.LpAffineExpression(self._costs)
        answer = run(self._program, effort, whole=whole)
        price = np.zeros(self._limits_m3.size)
        for b, row in rows.items():
            price[b] = max(0.0, -(row.pi or 0.0))
        return answer.value, price
