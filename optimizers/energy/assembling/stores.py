"""Batteries and vehicles: what they take, give and hold."""

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.assembling.draft import Draft, K, chosen
from optimizers.energy.assembling.layout import Stores
from optimizers.energy.contract import NONE, during
from optimizers.energy.devices import Batteries, Vehicles
from optimizers.energy.wanted import Wanted


def add_batteries(draft: Draft) -> Stores:
    """A floor that is out of reach gives way; sun alone charges one without `from_grid`."""
    if (batteries := draft.problem.batteries) is None:
        return no_stores(draft)
    names, hours = batteries.names, draft.hours
    floor = batteries.floor_wh[:, None] * K
    stored = draft.columns(
        "stored", names, hours.size, lower=0.0 if draft.soft else floor, upper=batteries.capacity_wh[:, None] * K
    )
    lack = draft.lack(Wanted.RESERVE, "battery", names, hours)
    if draft.soft:
        rows = draft.rows("reserve", names, hours.size, lower=floor)
        draft.put(rows, np.stack([stored, lack]))
    draft.pay(stored[:, -1], -batteries.end_eur_kwh)
    kept = (1.0 - batteries.loss_h[:, None]) ** hours
    stores = _add_states(draft, batteries, stored, kept, batteries.charge_max_w[:, None], there=True)
    to_grid = batteries.to_grid
    draft.put(draft.own[batteries.site[~to_grid]], stores.discharge[~to_grid])
    return stores


def add_vehicles(draft: Draft) -> Stores:
    """They hold what they arrive with before their stay, and after it what they leave with."""
    if (vehicles := draft.problem.vehicles) is None:
        return no_stores(draft)
    slots = draft.hours.size
    there = during(vehicles.arrive, vehicles.depart, slots)
    stored = draft.columns("vehicle stored", vehicles.names, slots, upper=vehicles.capacity_wh[:, None] * K)
    stores = _add_states(draft, vehicles, stored, np.ones(1), vehicles.charge_max_w[:, None], there)
    last = np.take_along_axis(stored, vehicles.depart[:, None] - 1, axis=1)
    rows = draft.rows("departure", vehicles.names, 1, lower=vehicles.target_wh[:, None] * K)
    draft.put(rows, last)
    draft.put(rows, draft.lack(Wanted.DEPARTURE, "vehicle", vehicles.names, np.ones(1)))
    return stores


def _add_states(
    draft: Draft, part: Batteries | Vehicles, stored: Ints, kept: Floats, charge_max_w: Floats, there: Bools | bool
) -> Stores:
    """stored[t] = kept * stored[t-1] + h * (charge * efficiency - discharge / efficiency)."""
    names, hours, kind = part.names, draft.hours, part.kind
    charge = draft.columns(f"{kind} charge", names, hours.size, upper=charge_max_w * there * K)
    wear = part.wear_eur_kwh[:, None] * hours
    discharge = draft.columns(
        f"{kind} discharge", names, hours.size, upper=part.discharge_max_w[:, None] * there * K, cost=wear
    )
    first = np.zeros((len(names), hours.size))
    first[:, 0] = part.initial_wh * K * np.broadcast_to(kept, first.shape)[:, 0]
    state = draft.rows(f"{kind} state", names, hours.size, lower=first, upper=first)
    draft.put(state, stored)
    draft.put(state, before(stored), -kept)
    draft.put(state, charge, -hours * part.charge_efficiency[:, None])
    draft.put(state, discharge, hours / part.discharge_efficiency[:, None])
    draft.draw(part.site, charge)
    draft.give(part.site, discharge)
    return Stores(charge, discharge, stored, state)


def add_sunlight(draft: Draft, solar: Ints, batteries: Stores) -> None:
    """Batteries without `from_grid` take no more than their site's sun gives."""
    part = draft.problem.batteries
    if part is None or part.from_grid.all():
        return
    held = np.unique(part.site[~part.from_grid])
    rows = np.full(draft.problem.shape, NONE)
    rows[held] = draft.rows("sunlight", chosen(draft.problem.sites.names, held), draft.hours.size, upper=0.0)
    draft.put(rows[part.site[~part.from_grid]], batteries.charge[~part.from_grid])
    if draft.problem.solar is not None:
        draft.put(rows[draft.problem.solar.site], solar, -1.0)


def before(columns: Ints) -> Ints:
    """(k, T) columns of the slot before; NONE before the first."""
    return np.concatenate([np.full((len(columns), 1), NONE), columns[:, :-1]], axis=1)


def no_stores(draft: Draft) -> Stores:
    none = np.zeros((0, draft.hours.size), np.int64)
    return Stores(none, none, none, none)
