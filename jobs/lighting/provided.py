"""The traffic that a plan provides for: up to it, counted at a counter, streets are lit as they should be."""

from collections.abc import Mapping
from datetime import datetime
from io import BytesIO

import numpy as np
import orjson

from engine.instants import from_us
from jobs.lighting.fleet import Fleet
from jobs.lighting.night import SLOT
from jobs.lighting.tables import LightingTables
from jobs.lighting.traffic import Traffic
from optimizers.arrays import Floats

COUNTER, PROPERTY = "TrafficFlowObserved", "intensityProvided"
ANY_VEH_H = 20_000.0
"""No road carries more: the end of the catalogue's range."""
_JUST_BELOW = 1 - 1e-9


def provided_for(fleet: Fleet, traffic: Traffic, tables: LightingTables) -> Floats:
    """(C, T) veh/h: the most that calls for no brighter class than the traffic that each slot is lit for, for any lamp
    that lives by the counter and that traffic dims.
    """
    counters = len(fleet.counters)
    share, most = traffic.share[:counters], np.full((counters, traffic.share.shape[1]), ANY_VEH_H)
    for c, capacity in enumerate(fleet.capacity_veh_h.tolist()):
        living = (traffic.row == c) & ~fleet.constant & ~fleet.lane & fleet.dimmable
        for letter in np.unique(fleet.family[living]).tolist():
            bands = tables.bands(letter, capacity)
            # A share that is just `quiet_below` is quiet no more.
            quiet, normal = bands.quiet_below * _JUST_BELOW * capacity, bands.busy_above * capacity
            edge = np.where(share[c] <= bands.busy_above, normal, ANY_VEH_H)
            most[c] = np.minimum(most[c], np.where(share[c] < bands.quiet_below, quiet, edge))
    return most


def provided(block: bytes, at: datetime) -> Mapping[tuple[str, str], float]:
    """What the plan in a body provides for at an instant, by counter; empty outside its slots, and of a body that was
    written before this was.
    """
    with np.load(BytesIO(block), allow_pickle=False) as archive:
        if "provided_veh_h" not in archive.files:
            return {}
        head, most = orjson.loads(archive["head"].tobytes()), archive["provided_veh_h"]
    slot = (at - from_us(head["start_us"])) // SLOT
    if not 0 <= slot < most.shape[1]:
        return {}
    return {(counter, PROPERTY): float(value) for counter, value in zip(head["counters"], most[:, slot], strict=True)}
