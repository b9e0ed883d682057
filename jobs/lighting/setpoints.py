"""From the body of a night's plan to one program for each lamp."""

from datetime import datetime

import numpy as np

from engine.model import Level, Program, Slot
from jobs.lighting.body import Body, open_body
from jobs.lighting.night import repeated
from jobs.lighting.saying import reason_of
from optimizers.arrays import Floats

SOURCE = "plan:lighting"
POINT = "illuminanceLevel"


def to_setpoints(block: bytes, version: str, written_at: datetime) -> list[Slot]:
    """One slot for each lamp, over the whole lighting day: 0 by day, equal steps merged, on and off to the second.

    The brightest level of an hour that clocks show twice holds through all of it.
    """
    found = open_body(block)
    levels, instants = np.round(found.flux, 10), _instants(found)
    held = repeated(found.slots)
    levels[:, held] = levels[:, held].max(axis=1, keepdims=True, initial=0.0)
    programs: dict[bytes, Program] = {}
    slots = []
    for i, lamp in enumerate(found.lamps):
        key = levels[i].tobytes()
        if key not in programs:
            programs[key] = _program(levels[i], instants, found.until)
        reason = reason_of(found.head, found.columns, i, "en")
        slots.append(Slot(f"{lamp}/{POINT}", Level.DAY_AHEAD_PLAN, SOURCE, programs[key], written_at, version, reason))
    return slots


def _instants(found: Body) -> list[datetime]:
    """When each slot's level begins: its start, but the first to burn at dusk and the first dark one at dawn."""
    instants = list(found.slots)
    burning = np.flatnonzero(found.columns["burning"])
    first, after = int(burning[0]), int(burning[-1]) + 1
    instants[first] = max(instants[first], found.on_at)
    if after < len(instants):
        instants[after] = found.off_at
    return instants


def _program(levels: Floats, instants: list[datetime], until: datetime) -> Program:
    changes = np.flatnonzero(np.diff(levels)) + 1
    steps = [0, *changes.tolist()]
    return Program(tuple((instants[t], float(levels[t])) for t in steps), until)
