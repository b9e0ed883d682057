"""The light that a night calls for: class and flux of each lamp in each slot."""

from dataclasses import dataclass

import numpy as np

from jobs.lighting.fleet import Fleet
from jobs.lighting.night import Night
from jobs.lighting.tables import LightingTables
from jobs.lighting.traffic import Traffic
from optimizers.lighting.problem import Bools, Floats, Ints
from optimizers.lighting_classes import required_flux, thousandths


@dataclass(frozen=True, eq=False)
class Need:
    """The light that traffic calls for.

    number (n, T)  number of the class in each slot, day included
    flux (n, T)    relative flux it takes, on the grid, at most 1; 0 in slots that do not burn
    short (n,)     true for a lamp that even at full does not reach some class asked of it: its flux is then 1
    """

    number: Ints
    flux: Floats
    short: Bools


def need_of(fleet: Fleet, night: Night, traffic: Traffic, tables: LightingTables) -> Need:
    """Class and flux that traffic calls for. Unknown traffic calls for the normal class, the brightest.

    Lamps with a detector are lit as an empty street is: they brighten by themselves for whoever comes.
    """
    number = np.repeat(fleet.number[:, None], len(night.slots), axis=1)
    level = np.empty(number.shape)
    empty, unknown = np.zeros((1, len(night.slots))), np.full((1, len(night.slots)), np.nan)
    share = np.vstack([traffic.share, empty, unknown])
    row = np.where(fleet.lane, len(traffic.share), traffic.row)
    for letter, family in tables.families.items():
        rows = np.flatnonzero(fleet.family == letter)
        falling = rows[~fleet.constant[rows]]
        relief = _relief(traffic, share, tables, letter)[row[falling]]
        sums = thousandths(family.base) - 1000 * fleet.number[falling][:, None] - relief
        number[falling] = family.number(sums)
        level[rows] = family.level(number[rows])
    flux, short = required_flux(level, fleet.level_full[:, None], tables.flux_grid)
    return Need(number, np.where(night.burning, flux, 0.0), np.any(short[:, night.burning], axis=1).astype(np.bool_))


def _relief(traffic: Traffic, share: Floats, tables: LightingTables, letter: str) -> Ints:
    """(R + 2, T) thousandths that traffic weighs less than busy; the last rows are that of none and of none known."""
    capacities = [*traffic.capacity_veh_h.tolist(), 0.0, 0.0]
    rows = [tables.bands(letter, capacity).relief(row) for capacity, row in zip(capacities, share, strict=True)]
    return np.array(rows)
