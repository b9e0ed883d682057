"""Loads that are on or off, with their least times and starts."""

import numpy as np

from optimizers.arrays import Bools, Ints
from optimizers.energy.assembling.draft import Draft, K, chosen
from optimizers.energy.assembling.stores import before
from optimizers.energy.contract import NONE, during
from optimizers.energy.devices import Loads
from optimizers.energy.wanted import Wanted


def add_loads(draft: Draft) -> Ints:
    """Columns (L, T) of loads that are on, whole.

    `starts` and `stops` are 0 or 1 of themselves where `on` is: on[t] - on[t-1] = starts[t] - stops[t], and the facets
    of least times (Rajan and Takriti 2005): who started within `least_on` slots is on, who stopped within `least_off`
    is off; no fewer inequalities describe the whole polytope of least times. A load of one piece that has to run for
    all of its slots stays on for all of them: that is its least time then.
    """
    if (loads := draft.problem.loads) is None:
        return np.zeros((0, draft.hours.size), np.int64)
    names, slots = loads.names, draft.hours.size
    stay = during(loads.first, loads.last, slots)
    least_on = np.where((loads.most_starts == 1) & (not draft.soft), loads.slots, loads.least_on)
    in_time = stay & (np.arange(slots) + least_on[:, None] <= loads.last[:, None])
    on = draft.columns("on", names, slots, upper=np.where(stay, 1.0, 0.0), whole=stay)
    starts = draft.columns("starts", names, slots, upper=np.where(in_time, 1.0, 0.0))
    draft.draw(loads.site, on, loads.power_w[:, None] * K)
    _add_amounts(draft, loads, stay, on, starts)
    _add_least_times(draft, loads, on, starts, least_on)
    return on


def _add_amounts(draft: Draft, loads: Loads, stay: Bools, on: Ints, starts: Ints) -> None:
    """On for its slots, or, where that may give way, for no more: each it lacks counts as long as one on average."""
    slot_kwh = loads.power_w * K * (stay * draft.hours).sum(axis=1) / stay.sum(axis=1)
    wanted = loads.slots * slot_kwh
    rows = draft.rows("run", loads.names, 1, lower=wanted[:, None], upper=wanted[:, None])
    draft.put(rows, on, slot_kwh[:, None])
    draft.put(rows, draft.lack(Wanted.NOT_RUN, "load", loads.names, np.ones(1)))
    few = np.flatnonzero(loads.most_starts < loads.slots)
    if few.size:
        names = chosen(loads.names, few)
        draft.put(
            draft.rows("starts", names, 1, upper=np.asarray(loads.most_starts[few, None], np.float64)), starts[few]
        )


def _add_least_times(draft: Draft, loads: Loads, on: Ints, starts: Ints, least_on: Ints) -> None:
    """Starts of the last `least_on` slots <= on[t]; on `least_off` slots before, and starts since then <= 1: that is
    stops of the last `least_off` slots <= 1 - on[t], with stops as they follow from starts.
    """
    names, slots = loads.names, draft.hours.size
    turned_on = draft.rows("turned on", names, slots, upper=0.0)
    draft.put(turned_on, np.stack([on, before(on), starts]), np.array([1.0, -1.0, -1.0])[:, None, None])
    up = draft.rows("least on", names, slots, upper=0.0)
    draft.put(up, on, -1.0)
    down = draft.rows("least off", names, slots, upper=1.0)
    for row, least in ((up, least_on), (down, loads.least_off)):
        for back in range(int(least.max(initial=0))):
            draft.put(row, np.where((back < least)[:, None], _before(starts, back), NONE))
    for least in np.unique(loads.least_off).tolist():
        held = loads.least_off == least
        draft.put(down[held], _before(on[held], least))


def _before(columns: Ints, slots: int) -> Ints:
    """(k, T) columns of so many slots before; NONE before the first."""
    back = min(slots, columns.shape[1])
    return np.concatenate([np.full((len(columns), back), NONE), columns[:, : columns.shape[1] - back]], axis=1)
