"""What the plan in force has each meter draw: a building that draws much more is not as it was foreseen."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from jobs.energy.body import open_body
from optimizers.arrays import Floats

PROPERTY = "powerProvided"
TOLD_EVERY = timedelta(minutes=15)


def provided(block: bytes, at: datetime) -> Mapping[tuple[str, str], float]:
    """By meter the power (W, negative for what is fed in) of the slot that holds an instant; empty outside the plan."""
    plan = _drawn(block)
    slot = (at - plan.start) // plan.slot
    if not 0 <= slot < plan.power_w.shape[1]:
        return {}
    return {(meter, PROPERTY): float(power[slot]) for meter, power in zip(plan.meters, plan.power_w, strict=True)}


class _Drawn(NamedTuple):
    start: datetime
    slot: timedelta
    meters: tuple[str, ...]
    power_w: Floats


@lru_cache(maxsize=2)
def _drawn(block: bytes) -> _Drawn:
    """Kept, as it is asked for again and again."""
    found = open_body(block)
    return _Drawn(found.slots.start, found.slots.slot, tuple(found.head["meters"]), found.meter_w)
