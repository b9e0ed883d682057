"""From the body of a night's plan to one program for each lamp."""

from datetime import datetime

import numpy as np

from engine.model import Level, Program, Slot
from jobs.lighting.body import Body, open_body
from jobs.lighting.night import repeated
from optimizers.lighting.problem import Floats

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
        slots.append(
            Slot(f"{lamp}/{POINT}", Level.DAY_AHEAD_PLAN, SOURCE, programs[key], written_at, version, _reason(found, i))
        )
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


def _reason(found: Body, lamp: int) -> str:
    columns, burning = found.columns, found.columns["burning"]
    family, number = str(columns["family"][lamp]), int(columns["number"][lamp])
    normal = f"{family}{number}"
    if not columns["dimmable"][lamp]:
        return "dusk to dawn: cannot dim"
    if columns["constant"][lamp]:
        return f"{normal} all night: a conflict area"
    lowest = int(columns["class_number"][lamp][burning].max())
    detector = int(columns["detector"][lamp])
    if detector >= 0:
        return f"{family}{lowest}, {normal} by itself while {found.head['detectors'][detector]} sees somebody"
    place, counters = int(columns["place"][lamp]), found.head["counters"]
    if place < 0 or np.isnan(columns["veh_h"][place][burning]).all():
        return f"{normal} all night: no traffic history"
    where = counters[place] if place < len(counters) else "like streets"
    share = f"P{found.head['quantile'] * 100:g} of traffic at {where}"
    return f"{normal} to {family}{lowest} by {share}" if lowest > number else f"{normal}: {share}"
