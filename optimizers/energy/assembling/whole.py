"""Whole columns: what is on or off, has a least part load, or may not go both ways at once."""

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.assembling.contracts import most_kw
from optimizers.energy.assembling.draft import Draft, K, chosen
from optimizers.energy.assembling.layout import Heats, Meters, Stores
from optimizers.energy.assembling.wasting import Wasteful, forced_w, most_sold_w, there
from optimizers.energy.contract import NONE
from optimizers.energy.devices import Batteries, Thermal, Vehicles
from optimizers.energy.linear import Value


def add_whole(
    draft: Draft, waste: Wasteful, meters: Meters, batteries: Stores, vehicles: Stores, rooms: Heats, tanks: Heats
) -> None:
    """Where energy is worth wasting, and where there is a least part load; elsewhere the relaxation is exact."""
    problem = draft.problem
    _part_meters(draft, meters, waste)
    if problem.batteries is not None:
        to_grid = problem.batteries.to_grid[:, None]
        pays = np.where(to_grid, waste.stores[problem.batteries.site], waste.wasted[problem.batteries.site])
        _part_store(draft, problem.batteries, batteries, pays, np.ones_like(pays))
    if problem.vehicles is not None:
        _part_store(draft, problem.vehicles, vehicles, waste.stores[problem.vehicles.site], there(problem))
    for kind, part, heats in (("room", problem.rooms, rooms), ("tank", problem.tanks, tanks)):
        if part is not None:
            _part_heat(draft, kind, part, heats, waste.wasted[part.site])


def _part_meters(draft: Draft, meters: Meters, waste: Wasteful) -> None:
    """Buying, or selling: at most all that a site can draw less what is forced on it, and what it can sell."""
    bought, _ = most_kw(draft.problem)
    buys = np.maximum(bought - (forced_w(draft.problem) + draft.problem.sites.base_w) * K, 0.0)
    sells = np.maximum(most_sold_w(draft.problem), 0.0) * K
    apart(draft, "buying", draft.problem.sites.names, waste.both, (meters.bought, buys), (meters.sold, sells))


def _part_store(draft: Draft, part: Batteries | Vehicles, stores: Stores, pays: Bools, present: Bools) -> None:
    least = part.charge_least_w[:, None] * K
    gives = part.discharge_max_w[:, None] > 0
    apart(
        draft, f"{part.kind} charging", part.names, present & ((pays & gives) | (least > 0)),
        (stores.charge, part.charge_max_w[:, None] * K), (stores.discharge, part.discharge_max_w[:, None] * K), least,
    )  # fmt: skip


def _part_heat(draft: Draft, kind: str, part: Thermal, heats: Heats, pays: Bools) -> None:
    heat, cool, least = part.heat_max_w * K, part.cool_max_w * K, part.heat_least_w[:, None] * K
    apart(
        draft, f"{kind} heating", part.names, (pays & (cool > 0)) | (least > 0), (heats.heat, heat), (heats.cool, cool),
        least,
    )  # fmt: skip


def apart(
    draft: Draft, kind: str, names: tuple[str, ...], where: Bools, one: tuple[Ints, Floats], other: tuple[Ints, Floats],
    least: Value = 0.0,
) -> None:  # fmt: skip
    """Of two columns (k, T) with their most, only one is more than 0 where it says; the first not below its least.

    `one <= most * on` and `other <= most * (1 - on)`: with the most that physics allows, as tight as a slot can be.
    Where the first can never reach its least it is off.
    """
    held = np.flatnonzero(where.any(axis=1))
    if not held.size:
        return
    where, names, slots = where[held], chosen(names, held), draft.hours.size
    shape = where.shape
    (first, most), (second, most_other) = (
        (columns[held], np.broadcast_to(limit, (len(columns), slots))[held]) for columns, limit in (one, other)
    )
    least = np.broadcast_to(least, (len(one[0]), slots))[held]
    can = where & (most > 0) & (most >= least)
    on = draft.columns(kind, names, slots, upper=np.where(can, 1.0, 0.0), whole=can)
    on = np.where(where, on, NONE)

    def rows(what: str, open_ones: Bools, upper: Floats, terms: tuple[Ints, Floats], slope: Floats) -> None:
        if open_ones.any():
            new = draft.rows(f"{kind}{what}", names, slots, upper=np.where(open_ones, upper, np.inf))
            draft.put(np.where(open_ones, new, NONE), np.stack([terms[0], on]), np.stack([terms[1], slope]))

    unit = np.ones(shape)
    rows("", where, np.zeros(shape), (first, unit), -most)
    rows(" at least", where & (least > 0), np.zeros(shape), (first, -unit), least)
    rows(" apart", where, most_other, (second, unit), most_other)
