"""What is left of the light where an order takes it: crossings at their class, and a fall-off to the dark."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import InputError
from engine.model import Asset
from engine.setpoints.orders import Order
from jobs.lighting.fleet import Fleet, read_fleet
from jobs.lighting.tables import LightingTables
from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting import TOLERANCE
from optimizers.lighting_classes import required_flux


@dataclass(frozen=True, eq=False)
class Kept:
    """Flux (n,) that each lamp needs so that some keep their normal class and no neighbours differ by more than the
    step: `crossings` for the conflict areas under an order, `streets` for all other lamps under it, `border` for those
    that it does not speak of."""

    crossings: Floats
    streets: Floats
    border: Floats

    def left(self, order: Order, decided: str | None = None) -> Floats:
        """(n,) the level that an order leaves the lamps under it: see `OrderEntry` for who decides, and what holds
        until then; or, with `decided`, what it leaves them by decision alone."""
        wanted = (decided,) if decided else ("lit", None)
        crossings = self.crossings if order.crossings in wanted else 0.0
        streets = self.streets if order.at_most > 0 and order.streets in wanted else 0.0
        return np.maximum(self.border, np.maximum(crossings, streets))


def normal_flux(fleet: Fleet, tables: LightingTables) -> Floats:
    """(n,) relative flux of the normal class, on the grid, at most 1."""
    level = np.empty(len(fleet.lamps))
    for letter, family in tables.families.items():
        rows = np.flatnonzero(fleet.family == letter)
        level[rows] = family.level(fleet.number[rows])
    return required_flux(level, fleet.level_full, tables.flux_grid)[0]


def kept(fleet: Fleet, tables: LightingTables, covered: Bools) -> Kept:
    """Of an order that speaks of the lamps that are `covered` (n,)."""
    normal = normal_flux(fleet, tables)
    step = np.full(len(fleet.pairs), tables.neighbour_step)

    def beside(lit: Bools) -> Floats:
        return lifted(np.where(lit, normal, 0.0)[:, None], fleet.pairs, step, fleet.dimmable)[:, 0]

    return Kept(beside(fleet.constant & covered), beside(~fleet.constant & covered), beside(~covered))


def lifted(level: Floats, pairs: Ints, step: Floats, dimmable: Bools) -> Floats:
    """The least levels (n, T) at or above these that keep neighbours within their step, and full what cannot dim and is
    on at all."""
    both = np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]]
    fall = np.tile(step, 2)[:, None]
    switched = ~dimmable
    level = level.astype(np.float64)
    while True:
        raised = level.copy()
        np.maximum.at(raised, both[1], level[both[0]] - fall)
        raised = np.round(raised, 12)
        raised[switched] = raised[switched] > TOLERANCE
        if np.array_equal(raised, level):
            return level
        level = raised


def levels_left(
    lamps: Sequence[Asset], tables: LightingTables, orders: Mapping[Order, Collection[str]]
) -> dict[str, dict[str, float]]:
    """Order id → lamp → the level that the order leaves it. `orders`: which lamps each speaks of.

    A lamp that cannot be read keeps full light, unless it says of itself that it lights no crossing.
    """
    found = {lamp.id: 0.0 if lamp.attributes.get("crossing") is False else 1.0 for lamp in lamps}
    fleet = _readable(lamps, tables)
    if fleet is None:
        return {order.id: found for order in orders}
    result = {}
    for order, covered in orders.items():
        left = kept(fleet, tables, np.array([lamp in covered for lamp in fleet.lamps])).left(order)
        result[order.id] = {**found, **dict(zip(fleet.lamps, left.tolist(), strict=True))}
    return result


def _readable(lamps: Sequence[Asset], tables: LightingTables) -> Fleet | None:
    """The lamps that can be read; None where none can."""
    try:
        return read_fleet(lamps, [], tables)
    except InputError as error:
        unfit = {problem.source for problem in error.problems}
        fit = [lamp for lamp in lamps if lamp.id not in unfit]
        return _readable(fit, tables) if fit and len(fit) < len(lamps) else None
