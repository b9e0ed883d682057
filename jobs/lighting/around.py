"""What a night's lighting heeds beside traffic: a wet road, events, and orders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from engine.setpoints.dated import Dated
from engine.setpoints.events import Event
from engine.setpoints.orders import Order
from jobs.lighting.fleet import Fleet
from jobs.lighting.keeping import kept, normal_flux
from jobs.lighting.night import SLOT, Night
from jobs.lighting.tables import LightingTables
from optimizers.arrays import Bools, Floats, Ints

D = TypeVar("D", bound=Dated)
_FIRST_EVENT = 2


@dataclass(frozen=True, eq=False)
class Around:
    """`wet` (T,): rain, or a road that has not dried; None where it is dry or nobody knows.

    `events`, `orders`: lamp → those that hold where it stands; a lamp that is not named has none.
    """

    wet: Bools | None = None
    events: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)
    orders: Mapping[str, tuple[Order, ...]] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Brighter:
    """What is asked above what traffic calls for.

    number (n, T)  of the class; full (n, T) true where full light is asked
    by (n, T)      what lifts it: 0 nothing, 1 the wet road, 2… one of `events`
    """

    number: Ints
    full: Bools
    by: Ints
    events: tuple[Event, ...]


@dataclass(frozen=True, eq=False)
class Bounded:
    """What orders make of a need.

    floor (n, T)    flux still needed; ceiling (n, T) flux allowed, 1 where nothing bounds it; both on the grid
    by (n, T)       the order behind a ceiling or a floor: 0 none, 1… one of `orders`
    """

    floor: Floats
    ceiling: Floats
    by: Ints
    orders: tuple[Order, ...]


def brightened(fleet: Fleet, night: Night, tables: LightingTables, around: Around, number: Ints) -> Brighter:
    """The class `number` (n, T) that traffic calls for, and what a wet road and events make of it: never a dimmer one.

    On a wet road no lamp is under its normal class.
    """
    number, full, by = number.copy(), np.zeros(number.shape, np.bool_), np.zeros(number.shape, np.int64)
    brightest = np.array([tables.families[letter].first for letter in fleet.family])
    if around.wet is not None:
        _raise(number, by, np.flatnonzero(around.wet)[None, :], fleet.number[:, None], 1)
    events = tuple(dict.fromkeys(event for found in around.events.values() for event in found))
    for rows, found in _groups(fleet, around.events):
        for event in found:
            slots = np.flatnonzero(touched(night, event))[None, :]
            wanted = np.maximum(fleet.number[rows] - (event.classes or 0), brightest[rows])
            _raise(number, by, slots, wanted[:, None], _FIRST_EVENT + events.index(event), rows[:, None])
            if event.classes is None:
                full[rows[:, None], slots] = True
                by[rows[:, None], slots] = _FIRST_EVENT + events.index(event)
    return Brighter(number, full, by, events)


def _raise(number: Ints, by: Ints, slots: Ints, wanted: Ints, cause: int, rows: Ints | None = None) -> None:
    """Where the class is dimmer than wanted it becomes that, and the cause is noted."""
    where = (np.arange(len(number))[:, None] if rows is None else rows, slots)
    before = number[where]
    number[where] = np.minimum(before, wanted)
    by[where] = np.where(before > wanted, cause, by[where])


def bounded(fleet: Fleet, night: Night, tables: LightingTables, around: Around, flux: Floats) -> Bounded:
    """What orders leave of the flux (n, T) that is needed, see `OrderEntry`.

    A ceiling binds the slots that it covers wholly: in one that it covers in part the need stands, and settling bounds
    it to the second. A floor binds every slot that it touches.
    """
    orders = tuple(dict.fromkeys(order for found in around.orders.values() for order in found))
    result = Bounded(flux.copy(), np.ones(flux.shape), np.zeros(flux.shape, np.int64), orders)
    if not orders:
        return result
    normal = normal_flux(fleet, tables)
    left = {order: kept(fleet, tables, _under(fleet, around, order)) for order in orders if order.at_most < 1}
    for rows, found in _groups(fleet, around.orders):
        for order in found:
            if order.at_most < 1:
                slots = np.flatnonzero(_covered(night, order))[None, :]
                allowed = _on_grid(order.at_most, tables, np.floor)
                most = np.maximum(left[order].left(order, "lit")[rows], allowed)
                need = np.where(_obeys(fleet, order)[rows], allowed, np.maximum(normal[rows], allowed))
                _lower(result, rows, slots, (need, most), 1 + orders.index(order))
        for order in found:
            if order.at_least > 0:
                slots = np.flatnonzero(touched(night, order))[None, :]
                _lift(result, rows, slots, _on_grid(order.at_least, tables, np.ceil), 1 + orders.index(order))
    return result


def _obeys(fleet: Fleet, order: Order) -> Bools:
    """(n,) lamps that get no more than the order allows, whatever they need: its authority has said so."""
    return np.where(fleet.constant, order.crossings == "dark", order.at_most == 0 or order.streets == "dim")


def _under(fleet: Fleet, around: Around, order: Order) -> Bools:
    """(n,) the lamps of which an order speaks, lifted or not."""
    return np.array([any(one.id == order.id for one in around.orders.get(lamp, ())) for lamp in fleet.lamps], np.bool_)


def _lower(result: Bounded, rows: Ints, slots: Ints, levels: tuple[Floats, Floats], order: int) -> None:
    """`levels`: flux (rows,) up to which a need counts, and that is allowed."""
    need, most = levels
    where = (rows[:, None], slots)
    result.floor[where] = np.minimum(result.floor[where], need[:, None])
    result.by[where] = np.where(most[:, None] < result.ceiling[where], order, result.by[where])
    result.ceiling[where] = np.minimum(result.ceiling[where], most[:, None])


def _lift(result: Bounded, rows: Ints, slots: Ints, level: float, order: int) -> None:
    where = (rows[:, None], slots)
    raised = result.floor[where] < level
    result.by[where] = np.where(raised, order, result.by[where])
    result.floor[where] = np.maximum(result.floor[where], level)


def _on_grid(level: float, tables: LightingTables, way: np.ufunc) -> float:
    """A level in 0…1 on the grid; never past what it bounds."""
    slack = 1e-9 if way is np.floor else -1e-9
    return round(float(np.clip(way(level / tables.flux_grid + slack) * tables.flux_grid, 0, 1)), 12)


def _groups(fleet: Fleet, by_lamp: Mapping[str, tuple[D, ...]]) -> Iterator[tuple[Ints, Sequence[D]]]:
    """Rows of lamps that have the same."""
    found: dict[tuple[D, ...], list[int]] = {}
    for row, lamp in enumerate(fleet.lamps):
        if several := by_lamp.get(lamp, ()):
            found.setdefault(several, []).append(row)
    return ((np.array(rows), several) for several, rows in found.items())


def _covered(night: Night, dated: Dated) -> Bools:
    """(T,) slots that burn and lie wholly in it."""
    spans = list(dated.spans(night.start, night.until))
    inside = [any(begins <= at and at + SLOT <= ends for begins, ends in spans) for at in night.slots]
    return np.array(inside, np.bool_) & night.burning


def touched(night: Night, dated: Dated) -> Bools:
    """(T,) slots that burn and share some time with it."""
    spans = list(dated.spans(night.start, night.until))
    inside = [any(begins < at + SLOT and at < ends for begins, ends in spans) for at in night.slots]
    return np.array(inside, np.bool_) & night.burning
