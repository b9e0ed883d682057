"""What a stored kWh is worth when nobody knows what will be drawn: stochastic dynamic programming over the store.

A plan for the expected load knows neither the cloud nor the guest. Here every slot has many loads, each with its
weight, and the rule that acts on what the meter shows is part of the model: what is decided now is what does best over
all of them. The value of what is stored is convex, so the best rule of a slot has a few levels (Bellman 1957; of
storage, Charnes, Dreze and Miller 1966): below one it fills from the grid, above another it covers what is drawn.
"""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.control import Cell, Number
from optimizers.energy.selfuse import SelfUse
from optimizers.result import InvalidProblem

STEPS = 24
"""Parts that a battery is divided into; between them what is stored is worth what lies between."""
_KWH = 1000.0
_EQUAL = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Futures:
    """What may be drawn by B sites, without their batteries, in T slots: M ways that it may go.

    net_w (B, M, T)    negative where the sun gives more
    weight (B, M, T)   how likely each is in a slot, one to another
    """

    net_w: Floats
    weight: Floats

    def __post_init__(self) -> None:
        wrong = [
            (self.net_w.ndim != 3, f"net_w of shape {self.net_w.shape} wants sites by ways by slots"),
            (not np.isfinite(self.net_w).all(), "net_w wants numbers in every slot"),
            (self.weight.shape != self.net_w.shape, f"weight of shape {self.weight.shape} wants {self.net_w.shape}"),
            (not (self.weight >= 0).all(), "weight wants 0 or more"),
            (not (self.weight.sum(axis=1) > 0).all(), "weight wants more than 0 of some way in every slot"),
        ]
        if problems := [text for bad, text in wrong if bad]:
            raise InvalidProblem(problems)

    @property
    def likely(self) -> Floats:
        """(B, M, T) weights that sum to 1 in each slot."""
        return np.asarray(self.weight / self.weight.sum(axis=1, keepdims=True))

    @property
    def expected_w(self) -> Floats:
        """(B, T)"""
        return np.asarray((self.net_w * self.likely).sum(axis=1))

    def quantile_w(self, level: float) -> Floats:
        """(B, T) the least of the ways that is not passed with probability `level`."""
        order = np.argsort(self.net_w, axis=1)
        net, share = (np.take_along_axis(of, order, axis=1) for of in (self.net_w, self.likely))
        place = np.argmax(np.cumsum(share, axis=1) >= level - _EQUAL, axis=1)
        return np.asarray(np.take_along_axis(net, place[:, None], axis=1)[:, 0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Valued:
    """The best rule of each slot, and what it comes to.

    rule                        its levels, (B, T)
    stored_eur_kwh (B, T, S)    what a kWh more is worth after each slot, in each of S parts of the battery
    expected_eur (B, S + 1)     what all slots cost, by what is stored before them; what is left at the end taken off
    """

    rule: SelfUse
    stored_eur_kwh: Floats
    expected_eur: Floats


def _column(value: Number, sites: int) -> Floats:
    """(B, 1, 1)"""
    return np.broadcast_to(np.asarray(value, np.float64), (sites,))[:, None, None]


def _by_slot(value: Number, sites: int, slots: int) -> Floats:
    """(B, T) of a number, or of one for each battery, or for each in each slot."""
    given = np.asarray(value, np.float64)
    return np.array(np.broadcast_to(given[:, None] if given.ndim == 1 else given, (sites, slots)))


@dataclass(frozen=True, eq=False)
class _Store:
    """Cells on a grid, (B, 1, S + 1)."""

    grid_wh: Floats
    part_wh: Floats  # (B, 1, 1)
    cell: Cell

    @classmethod
    def of(cls, cell: Cell, sites: int) -> "_Store":
        def column(value: Number) -> Floats:
            return _column(value, sites)

        own = Cell(
            capacity_wh=column(cell.capacity_wh), charge_max_w=column(cell.charge_max_w),
            discharge_max_w=column(cell.discharge_max_w), charge_efficiency=column(cell.charge_efficiency),
            discharge_efficiency=column(cell.discharge_efficiency), floor_wh=column(cell.floor_wh),
        )  # fmt: skip
        part = (own.capacity_wh - own.floor_wh) / STEPS
        return cls(np.asarray(own.floor_wh + part * np.arange(STEPS + 1)), np.asarray(part), own)

    def more(self, costs: Floats) -> Floats:
        """(B, ., S) EUR that a kWh more saves in each part."""
        return np.asarray(-np.diff(costs, axis=-1) / self.part_wh * _KWH)

    def between(self, values: Floats, stored_wh: Floats) -> Floats:
        """(B, M, S + 1) values (B, 1 or M, S + 1) on the grid, at what is stored, (B, 1 or M, S + 1)."""
        place = np.clip((stored_wh - self.cell.floor_wh) / self.part_wh, 0.0, STEPS - _EQUAL)
        wide, place = np.broadcast_arrays(values, place)
        below = place.astype(np.int64)
        low = np.take_along_axis(wide, below, axis=-1)
        return np.asarray(low + (place - below) * (np.take_along_axis(wide, below + 1, axis=-1) - low))


def valued(
    futures: Futures, buy_eur_kwh: Floats, sell_eur_kwh: Floats, cell: Cell, hours: Floats,
    end_eur_kwh: Number = 0.0, limit_w: Number = np.inf, turning_h: float = 1.0,
    least_gain: float = 0.0, wear_eur_kwh: Number = 0.0, loss_h: Number = 0.0,
) -> Valued:  # fmt: skip
    """The rule that costs least over all futures, for B batteries and T slots of so many `hours` (T,).

    `buy_eur_kwh`, `sell_eur_kwh` (B, T) are prices with carbon, `sell` no more than `buy`; `end_eur_kwh` (B,) is what a
    kWh left at the end is worth; `limit_w` (B,) or (B, T) what it fills from the grid up to, at the meter;
    `wear_eur_kwh` (B,) what each kWh that comes out costs; `loss_h` (B,) the fraction of what it holds that an hour
    takes.

    `turning_h`: the part of a way that any other takes over in an hour; 1 for hours that say nothing of the next, 0 for
    days that are told by their first slot. It fills from the grid, or leaves uncovered what is drawn, only for a gain
    of `least_gain` of the price: neither efficiency nor forecast is known to the percent. No battery is emptied into
    the grid.
    """
    sites, ways, slots = futures.net_w.shape
    store = _Store.of(cell, sites)
    likely = futures.likely
    limit = _by_slot(limit_w, sites, slots)
    worth, wear, loss = (-_column(end_eur_kwh, sites) / _KWH, _column(wear_eur_kwh, sites), _column(loss_h, sites))
    costs = np.broadcast_to(worth * (store.grid_wh - store.grid_wh[..., :1]), (sites, ways, STEPS + 1))
    fill, reserve, keep = (np.zeros((sites, slots)) for _ in range(3))
    more = np.zeros((sites, slots, STEPS))
    for t in range(slots - 1, -1, -1):
        slot = _Slot(
            buy_eur_kwh[:, t, None, None], sell_eur_kwh[:, t, None, None], float(hours[t]), limit[:, t, None, None],
            1.0 + least_gain, wear,
        )  # fmt: skip
        usual = (costs * likely[:, :, t, None]).sum(axis=1, keepdims=True)
        more[:, t] = store.more(usual)[:, 0]
        levels = slot.levels(store, usual)
        fill[:, t], reserve[:, t], keep[:, t] = (level[:, 0, 0] for level in levels)
        turned = 1.0 - (1.0 - turning_h) ** float(hours[t])
        after = usual if turned == 1.0 else (1 - turned) * costs + turned * usual
        costs = slot.costs(store, after, futures.net_w[:, :, t, None])
        if loss.any():
            costs = store.between(costs, store.grid_wh * (1.0 - loss) ** float(hours[t]))
    costs = (costs * likely[:, :, 0, None]).sum(axis=1, keepdims=True)
    rule = SelfUse(reserve_wh=reserve, filled_wh=fill, fill_w=limit, kept_wh=keep)
    return Valued(rule=rule, stored_eur_kwh=more, expected_eur=costs[:, 0])


@dataclass(frozen=True, eq=False)
class _Slot:
    """One slot; prices, limit and wear (B, 1, 1)."""

    buy: Floats
    sell: Floats
    hours: float
    limit_w: Floats
    gain: float
    wear: Floats

    def levels(self, store: _Store, after: Floats) -> tuple[Floats, Floats, Floats]:
        """Filled from the grid up to, covered from down to, surplus stored up to; by what all costs after the slot."""
        into, out = store.cell.charge_efficiency, store.cell.discharge_efficiency
        more = store.more(after)

        def upto(price: Floats, dearer: float) -> Floats:
            parts = (more > price + dearer).sum(axis=-1, keepdims=True)
            return np.asarray(store.cell.floor_wh + parts * store.part_wh)

        fill = upto(self.buy / into * self.gain, _EQUAL)
        reserve = upto((self.buy - self.wear) * out * self.gain, -_EQUAL)
        return fill, np.maximum(reserve, fill), upto(self.sell / into, -_EQUAL)

    def costs(self, store: _Store, after: Floats, net_w: Floats) -> Floats:
        """(B, M, S + 1) of this slot and all after it, by what is stored before, of loads (B, M, 1)."""
        cell, stored = store.cell, store.grid_wh
        fill, reserve, keep = self.levels(store, after)
        into, out = cell.charge_efficiency, cell.discharge_efficiency
        highest = stored + self.hours * cell.charge_max_w * into
        sun = self.hours * np.maximum(-net_w, 0.0) * into
        room = self.hours * np.maximum(self.limit_w - net_w, 0.0) * into
        drawn = self.hours * np.minimum(np.maximum(net_w, 0.0), cell.discharge_max_w) / out
        kept = np.maximum(stored, np.minimum(stored + sun, keep))
        filled = np.maximum(kept, np.minimum(stored + room, fill))
        given = np.minimum(stored, np.maximum(stored - drawn, reserve))
        then = np.minimum(np.where(filled > stored, filled, given), highest)
        moved = then - stored
        meter = net_w * self.hours + np.where(moved > 0, moved / into, moved * out)
        paid = self.buy * np.maximum(meter, 0.0) - self.sell * np.maximum(-meter, 0.0)
        paid = paid + self.wear * np.maximum(-moved, 0.0) * out
        return np.asarray(paid / _KWH + store.between(after, then))
