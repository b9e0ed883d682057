"""What blocks share: their offers weighed against each other, the price that follows, and a bound at any price."""

from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.assembling.contracts import add_groups, most_kw
from optimizers.energy.assembling.draft import Draft
from optimizers.energy.assembling.layout import Meters
from optimizers.energy.contract import NONE
from optimizers.energy.engines import Answer, Effort, run
from optimizers.energy.linear import Block, Linear
from optimizers.energy.problem import EnergyProblem
from optimizers.energy.sharing.blocks import SAFETY_EUR, Offer
from optimizers.energy.sharing.slicing import members
from optimizers.energy.wanted import SHORTFALL_TOLERANCE

_ROOM = 1.01  # a group's draw has bounds that never are reached, so that a bound at any price is one


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """Prices (G, T) that may be asked: no further from a centre than a radius, in EUR a kW."""

    centre: Floats
    radius: float


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """What the master came to: prices (G, T), what it costs, and whether it did without help from outside its box."""

    answer: Answer
    price: Floats
    value: float
    open: bool


class Master:
    """The groups of a problem, with the offers so far of the blocks that draw through them.

    Of each block offers are mixed, with weights that sum to 1; what groups draw, their limits, orders and peaks are as
    in the whole model.
    """

    def __init__(self, problem: EnergyProblem, above: Ints) -> None:
        """`above` (blocks,): the group that each draws through; -1 for none."""
        self._above = above
        self._groups, self._lacks, self._rows = _groups_alone(problem)
        self.blocks: Ints = np.flatnonzero(above != NONE)
        self._of: list[int] = []
        self._offers: list[Offer] = []

    @property
    def shape(self) -> tuple[int, int]:
        """Groups, slots."""
        groups, slots = self._rows.shape
        return groups, slots

    @property
    def whole(self) -> bool:
        """Whether an order is followed or not, slot by slot."""
        return bool(self._groups.whole.any())

    def add(self, block: int, offer: Offer) -> None:
        self._of.append(block)
        self._offers.append(offer)

    def solve(self, effort: Effort, box: Box | None = None, whole: Bools | None = None) -> Mix:
        """The cheapest mix, at prices within a box where there is one; `whole` (blocks,): those of which one offer is
        taken, as nothing lies between.
        """
        linear = self._with_offers(whole)
        columns = linear.cost.size
        answer = run(linear if box is None else self._boxed(linear, box), effort)
        price = answer.row_dual[self._rows] if answer.row_dual.size else np.zeros(self._rows.shape)
        return Mix(answer, price, answer.value, open=not (np.abs(answer.x[columns:]) > SHORTFALL_TOLERANCE).any())

    def bound(self, price: Floats, effort: Effort) -> float:
        """What groups alone would cost at least, selling to their blocks at a price."""
        linear = self._groups
        dual = np.zeros(linear.row_lower.size)
        dual[self._rows] = price
        free = np.zeros(linear.row_lower.size, np.bool_)
        free[self._rows] = True
        alone = replace(
            linear, cost=linear.cost - linear.times_back(dual), row_lower=np.where(free, -np.inf, linear.row_lower),
            row_upper=np.where(free, np.inf, linear.row_upper), whole=np.zeros_like(linear.whole),
        )  # fmt: skip
        return float(run(alone, effort).bound)

    def mixed_kw(self, mix: Mix) -> Floats:
        """(blocks, T) what each block draws in a mix; 0 for blocks of no group."""
        net = np.zeros((self._above.size, self._rows.shape[1]))
        for block, offer, weight in zip(self._of, self._offers, self._weights(mix), strict=True):
            net[block] += weight * offer.net_kw
        return net

    def weighed(self, mix: Mix) -> float:
        """What shortfalls are weighed by in a mix, of groups and of blocks."""
        of_blocks = sum(offer.weighed * weight for offer, weight in zip(self._offers, self._weights(mix), strict=True))
        return self._lacking(mix) + of_blocks

    def lacks(self, mix: Mix) -> bool:
        """Whether a firm limit of a group is passed in a mix."""
        return self._lacking(mix) > SAFETY_EUR * SHORTFALL_TOLERANCE

    def _lacking(self, mix: Mix) -> float:
        return float(self._lacks @ mix.answer.x[: self._groups.cost.size])

    def _weights(self, mix: Mix) -> list[float]:
        first = self._groups.cost.size
        weights: list[float] = mix.answer.x[first : first + len(self._offers)].tolist()
        return weights

    def _with_offers(self, whole: Bools | None) -> Linear:
        """Rows `drawn` get what offers draw, each block a row in which its weights sum to 1."""
        base, slots = self._groups, self._rows.shape[1]
        count, rows, columns = len(self._offers), base.row_lower.size, base.cost.size
        of = np.array(self._of)
        place = np.full(self._above.size, NONE)
        place[self.blocks] = rows + np.arange(self.blocks.size)
        mine = columns + np.arange(count)
        row = np.concatenate([base.row, self._rows[self._above[of]].ravel(), place[of]])
        column = np.concatenate([base.index, np.repeat(mine, slots), mine])
        drawn = -np.concatenate([offer.net_kw for offer in self._offers])
        value = np.concatenate([base.value, drawn, np.ones(count)])
        order = np.lexsort((column, row))
        order = order[value[order] != 0]
        ones, zeros = np.ones(self.blocks.size), np.zeros(count)
        return Linear(
            cost=np.append(base.cost, [offer.cost for offer in self._offers]), lower=np.append(base.lower, zeros),
            upper=np.append(base.upper, zeros + 1.0),
            whole=np.append(base.whole & (whole is not None), zeros > 0 if whole is None else whole[of]),
            start=np.searchsorted(row[order], np.arange(rows + self.blocks.size + 1)).astype(np.int32),
            index=column[order].astype(np.int32), value=value[order],
            row_lower=np.append(base.row_lower, ones), row_upper=np.append(base.row_upper, ones), offset=base.offset,
            columns=(*base.columns, Block("offer", tuple(map(str, of)), 1, columns)),
            rows=(*base.rows, Block("mix", tuple(map(str, self.blocks)), 1, rows)),
        )  # fmt: skip

    def _boxed(self, linear: Linear, box: Box) -> Linear:
        """Energy from outside at the dearest price that may be asked, and to outside at the cheapest: so duals stay
        between.
        """
        size, columns = self._rows.size, linear.cost.size
        row = np.concatenate([linear.row, self._rows.ravel(), self._rows.ravel()])
        column = np.concatenate([linear.index, columns + np.arange(2 * size)])
        value = np.concatenate([linear.value, np.ones(size), -np.ones(size)])
        order = np.argsort(row, kind="stable")
        ends = np.concatenate([box.centre.ravel() + box.radius, box.radius - box.centre.ravel()])
        zeros = np.zeros(2 * size)
        return replace(
            linear, cost=np.append(linear.cost, ends), lower=np.append(linear.lower, zeros),
            upper=np.append(linear.upper, zeros + np.inf), whole=np.append(linear.whole, zeros > 0),
            start=np.searchsorted(row[order], np.arange(linear.row_lower.size + 1)).astype(np.int32),
            index=column[order].astype(np.int32), value=value[order],
        )  # fmt: skip


def _groups_alone(problem: EnergyProblem) -> tuple[Linear, Floats, Ints]:
    """The groups' part of the whole model, nothing drawn by any site; what its shortfalls are weighed by, (columns,);
    and its rows of what groups draw (G, T).

    Firm limits may give way, for their weight: what sites offer at first may not keep them.
    """
    draft = Draft(problem, soft=True)
    nothing: Ints = np.full(problem.shape, NONE)
    add_groups(draft, Meters(nothing, nothing, nothing))
    linear = draft.linear()
    lacks = np.zeros(linear.cost.size)
    for lack in draft.lacks:
        lacks[lack.columns] = SAFETY_EUR * lack.hours
    drawn = next(block for block in linear.columns if block.kind == "drawn")
    lower, upper = linear.lower.copy(), linear.upper.copy()
    bought, sold = most_kw(problem)
    within = members(problem)
    upper[drawn.first : drawn.first + drawn.size] = (within @ bought).ravel() * _ROOM + 1.0
    lower[drawn.first : drawn.first + drawn.size] = -(within @ sold).ravel() * _ROOM - 1.0
    first = next(block for block in linear.rows if block.kind == "drawn").first
    linear = _without_rows(replace(linear, cost=linear.cost + lacks, lower=lower, upper=upper), first)
    return linear, lacks, np.arange(drawn.size).reshape(len(drawn.names), drawn.slots)


def _without_rows(linear: Linear, first: int) -> Linear:
    """Without the rows before one, which are the sites' own and empty here."""
    assert linear.start[first] == 0  # noqa: S101 - no site draws anything here
    rows = tuple(replace(block, first=block.first - first) for block in linear.rows if block.first >= first)
    return replace(
        linear, start=linear.start[first:], row_lower=linear.row_lower[first:], row_upper=linear.row_upper[first:],
        rows=rows,
    )  # fmt: skip
