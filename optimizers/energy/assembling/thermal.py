"""Rooms and tanks: their heat, and how warm they are after each slot (implicit Euler)."""

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.energy.assembling.draft import Draft, K, chosen
from optimizers.energy.assembling.layout import Heats
from optimizers.energy.assembling.stores import before
from optimizers.energy.contract import NONE
from optimizers.energy.devices import Thermal
from optimizers.energy.wanted import Wanted


def add_thermal(draft: Draft, kind: str, part: Thermal | None) -> Heats:
    """Heat is bought as electricity of the site, or as fuel; cold is electricity."""
    if part is None:
        none = np.zeros((0, draft.hours.size), np.int64)
        return Heats(none, none, none, none)
    names, slots = part.names, draft.hours.size
    carbon = part.fuel_g_kwh * K * draft.problem.sites.carbon_eur_kg[part.site]
    fuel = np.where(part.electric[:, None], 0.0, part.fuel_eur_kwh + carbon[:, None]) / part.cop * draft.hours
    heat = draft.columns(f"{kind} heat", names, slots, upper=part.heat_max_w * K, cost=fuel)
    cool = draft.columns(f"{kind} cool", names, slots, upper=part.cool_max_w * K)
    draft.draw(part.site, heat, part.electric[:, None] / part.cop)
    draft.draw(part.site, cool, 1.0 / part.cool_cop)
    warm = _add_temperatures(draft, kind, part)
    walls = _add_walls(draft, kind, part, warm)
    _add_balance(draft, kind, part, Heats(heat, cool, warm, walls))
    _add_boost(draft, kind, part, warm)
    return Heats(heat, cool, warm, walls)


def _add_temperatures(draft: Draft, kind: str, part: Thermal) -> Ints:
    """Within comfort and safety: by bounds where they hold, by rows where they may give way."""
    slots = draft.hours.size
    floor, ceiling = (np.broadcast_to(of[:, None], part.low_c.shape) for of in (part.floor_c, part.ceiling_c))
    if not draft.soft:
        lower, upper = np.maximum(part.low_c, floor), np.minimum(part.high_c, ceiling)
        return draft.columns(f"{kind} temperature", part.names, slots, lower=lower, upper=upper)
    warm = draft.columns(f"{kind} temperature", part.names, slots, lower=-np.inf)
    wants = (
        (Wanted.FLOOR, floor, 1.0), (Wanted.CEILING, ceiling, -1.0),
        (Wanted.COMFORT_LOW, part.low_c, 1.0), (Wanted.COMFORT_HIGH, part.high_c, -1.0),
    )  # fmt: skip
    for wanted, limit, sign in wants:
        held = np.flatnonzero(np.isfinite(limit).any(axis=1))
        names = chosen(part.names, held)
        rows = draft.rows(f"{kind}'s {wanted.value}", names, slots, lower=sign * limit[held])
        draft.put(rows, warm[held], sign)
        draft.put(rows, draft.lack(wanted, kind, names, draft.hours))
    return warm


def _add_walls(draft: Draft, kind: str, part: Thermal, warm: Ints) -> Ints:
    """mass * (M[t] - M[t-1]) = h * coupling * (T[t] - M[t])."""
    walls = np.full(warm.shape, NONE)
    held = np.flatnonzero(part.mass_wh_k > 0)
    if not held.size:
        return walls
    names, slots = chosen(part.names, held), draft.hours.size
    walls[held] = draft.columns(f"{kind} walls", names, slots, lower=-np.inf)
    mass, coupling = part.mass_wh_k[held, None] * K, part.coupling_w_k[held, None] * draft.hours * K
    first = np.zeros((held.size, slots))
    first[:, 0] = mass[:, 0] * part.mass_initial_c[held]
    rows = draft.rows(f"{kind} walls", names, slots, lower=first, upper=first)
    draft.put(rows, walls[held], mass + coupling)
    draft.put(rows, before(walls[held]), -mass)
    draft.put(rows, warm[held], -coupling)
    return walls


def _add_balance(draft: Draft, kind: str, part: Thermal, of: Heats) -> None:
    hours = draft.hours
    capacity, loss = part.capacity_wh_k[:, None] * K, part.loss_w_k[:, None] * hours * K
    coupling = part.coupling_w_k[:, None] * hours * K
    comes = part.loss_w_k[:, None] * part.outdoor_c * hours * K + part.gain_w * hours * K
    comes[:, 0] += capacity[:, 0] * part.initial_c
    rows = draft.rows(f"{kind} heat", part.names, hours.size, lower=comes, upper=comes)
    draft.put(rows, of.warm_c, capacity + loss + coupling)
    draft.put(rows, before(of.warm_c), -capacity)
    draft.put(rows, of.walls_c, -coupling)
    draft.put(rows, of.heat, -hours)
    draft.put(rows, of.cool, hours)


def _add_boost(draft: Draft, kind: str, part: Thermal, warm: Ints) -> None:
    """Hot once, after one of the slots up to the last for it: which one is a whole choice, `once`.

    A row for each slot says how warm it is in any case, by that choice. Were it only that it is hot in the slot chosen,
    as it is enough, half a choice here and half there would leave it half as hot everywhere, and much to search.
    """
    held = np.flatnonzero(part.boost_slot >= 0)
    if not held.size:
        return
    names, slots = chosen(part.names, held), draft.hours.size
    in_time = np.arange(slots) <= part.boost_slot[held, None]
    once = draft.columns(f"{kind} boost", names, slots, upper=np.where(in_time, 1.0, 0.0), whole=in_time)
    draft.put(draft.rows(f"{kind} boost", names, 1, lower=1.0, upper=1.0), once)
    least = np.where(in_time[:, None], _least_c(draft, part)[held], 0.0)
    rows = draft.rows(f"{kind} hot", names, slots, lower=0.0)
    draft.put(rows, warm[held])
    draft.put(rows[:, :, None], once[:, None], -least)
    draft.put(rows, draft.lack(Wanted.BOOST, kind, names, np.ones(1)))


def _least_c(draft: Draft, part: Thermal) -> Floats:
    """(Z, T, T) °C: in each slot at least, where it is boosted in another: what is left of that, and what leads to it.

    What leads to it only where it may not be missed: a Kelvin less there is more than one before. Of a room with walls
    just the slot itself.
    """
    hours = draft.hours
    least = np.repeat(_coldest(part, hours)[:, :, None], hours.size, axis=2)
    at = np.arange(hours.size)
    least[:, at, at] = part.boost_c[:, None]
    bare, capacity = np.flatnonzero(part.mass_wh_k == 0), part.capacity_wh_k[:, None, None]
    holds = capacity + part.loss_w_k[:, None, None] * hours[:, None]
    comes = hours * (part.loss_w_k[:, None] * part.outdoor_c + part.gain_w)
    heated, cooled = (comes + hours * part.heat_max_w)[..., None], (comes - hours * part.cool_max_w)[..., None]
    for t in range(1, hours.size):
        left = (capacity * least[:, t - 1 : t, :t] + cooled[:, t : t + 1]) / holds[:, t : t + 1]
        least[bare, t, :t] = np.maximum(least[:, t, :t], left[:, 0])[bare]
    for t in range(hours.size - 1, 0, -1) if not draft.soft else ():
        leads = (holds[:, t : t + 1] * least[:, t : t + 1, t:] - heated[:, t : t + 1]) / capacity
        least[bare, t - 1, t:] = np.maximum(least[:, t - 1, t:], leads[:, 0])[bare]
    return least


def _coldest(part: Thermal, hours: Floats) -> Floats:
    """(Z, T) °C: below which it does not fall whatever is decided: not heated, cooled at full, its walls no warmer than
    the coldest that is near.
    """
    low = np.minimum(part.initial_c, np.where(part.mass_wh_k > 0, part.mass_initial_c, np.inf))
    capacity, loss, coldest = part.capacity_wh_k, part.loss_w_k, []
    for t, h in enumerate(hours.tolist()):
        comes = loss * part.outdoor_c[:, t] + np.minimum(part.gain_w[:, t], 0.0) - part.cool_max_w[:, t]
        low = np.minimum(low, (capacity * low + h * comes) / (capacity + h * loss))
        coldest.append(low)
    return np.stack(coldest, axis=1)
