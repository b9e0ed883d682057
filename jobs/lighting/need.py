"""The light that a night calls for: class and flux of each lamp in each slot."""

from dataclasses import dataclass

import numpy as np

from engine.setpoints.events import Event
from engine.setpoints.orders import Order
from jobs.lighting.around import Around, bounded, brightened
from jobs.lighting.fleet import Fleet
from jobs.lighting.night import Night
from jobs.lighting.tables import LightingTables
from jobs.lighting.traffic import Traffic
from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting_classes import required_flux, thousandths


@dataclass(frozen=True, eq=False)
class Need:
    """The light that traffic, a wet road, events and orders call for.

    number (n, T)     number of the class in each slot, day included; orders do not change it
    flux (n, T)       relative flux needed, on the grid, at most 1; 0 in slots that do not burn
    ceiling (n, T)    relative flux that orders allow, on the grid; less than `flux` is a conflict
    short (n,)        true for a lamp that even at full does not reach some class asked of it: its flux is then 1
    raised_by (n, T)  what asks for more than traffic: 0 nothing, 1 the wet road, 2… one of `events`
    bound_by (n, T)   the order behind the ceiling or the flux: 0 none, 1… one of `orders`
    """

    number: Ints
    flux: Floats
    ceiling: Floats
    short: Bools
    raised_by: Ints
    bound_by: Ints
    events: tuple[Event, ...]
    orders: tuple[Order, ...]


def need_of(
    fleet: Fleet, night: Night, traffic: Traffic, tables: LightingTables, around: Around | None = None
) -> Need:  # fmt: skip
    """Unknown traffic calls for the normal class, the brightest that traffic alone can call for."""
    around = around or Around()
    brighter = brightened(fleet, night, tables, around, _by_traffic(fleet, night, traffic, tables))
    flux, short = flux_of(fleet, brighter.number, tables)
    flux = np.where(night.burning, np.where(brighter.full, 1.0, flux), 0.0)
    law = bounded(fleet, night, tables, around, flux)
    too_small = np.any(short[:, night.burning], axis=1).astype(np.bool_)
    return Need(
        brighter.number, law.floor, law.ceiling, too_small, brighter.by, law.by, brighter.events, law.orders
    )  # fmt: skip


def flux_of(fleet: Fleet, number: Ints, tables: LightingTables) -> tuple[Floats, Bools]:
    """Flux (n, T) of the classes (n, T), see `required_flux`, and where a lamp cannot give it."""
    level = np.empty(number.shape)
    for letter, family in tables.families.items():
        rows = np.flatnonzero(fleet.family == letter)
        level[rows] = family.level(number[rows])
    return required_flux(level, fleet.level_full[:, None], tables.flux_grid)


def _by_traffic(fleet: Fleet, night: Night, traffic: Traffic, tables: LightingTables) -> Ints:
    """(n, T) numbers of the classes that traffic calls for.

    Lamps with a detector are lit as an empty street is: they brighten by themselves for whoever comes.
    """
    number = np.repeat(fleet.number[:, None], len(night.slots), axis=1)
    empty, unknown = np.zeros((1, len(night.slots))), np.full((1, len(night.slots)), np.nan)
    share = np.vstack([traffic.share, empty, unknown])
    row = np.where(fleet.lane, len(traffic.share), traffic.row)
    for letter, family in tables.families.items():
        rows = np.flatnonzero(fleet.family == letter)
        falling = rows[~fleet.constant[rows]]
        relief = _relief(traffic, share, tables, letter)[row[falling]]
        sums = thousandths(family.base) - 1000 * fleet.number[falling][:, None] - relief
        number[falling] = family.number(sums)
    return number


def _relief(traffic: Traffic, share: Floats, tables: LightingTables, letter: str) -> Ints:
    """(R + 2, T) thousandths that traffic weighs less than busy; the last rows are that of none and of none known."""
    capacities = [*traffic.capacity_veh_h.tolist(), 0.0, 0.0]
    rows = [tables.bands(letter, capacity).relief(row) for capacity, row in zip(capacities, share, strict=True)]
    return np.array(rows)
