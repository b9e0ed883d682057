"""From the plan of a night to one program for each lamp."""

from datetime import datetime

import numpy as np

from engine.model import Level, Program, Slot
from jobs.lighting.night import Night
from jobs.lighting.task import LightingTask
from optimizers.lighting import LightingPlan
from optimizers.lighting.problem import Floats

SOURCE = "plan:lighting"
POINT = "illuminanceLevel"


def to_setpoints(task: LightingTask, plan: LightingPlan, version: str, written_at: datetime) -> list[Slot]:
    """One slot for each lamp, over the whole lighting day: 0 by day, equal steps merged, on and off to the second."""
    grid = task.tables.flux_grid
    levels = np.round(np.round(plan.flux / grid) * grid, 10)
    instants = _instants(task.night)
    programs: dict[bytes, Program] = {}
    slots = []
    for i, lamp in enumerate(plan.lamps):
        key = levels[i].tobytes()
        if key not in programs:
            programs[key] = _program(levels[i], instants, task.night.until)
        slots.append(
            Slot(f"{lamp}/{POINT}", Level.DAY_AHEAD_PLAN, SOURCE, programs[key], written_at, version, _reason(task, i))
        )
    return slots


def _instants(night: Night) -> list[datetime]:
    """When each slot's level begins: its start, but the first to burn at dusk and the first dark one at dawn."""
    instants = list(night.slots)
    burning = np.flatnonzero(night.burning)
    first, after = int(burning[0]), int(burning[-1]) + 1
    instants[first] = max(instants[first], night.on_at)
    if after < len(instants):
        instants[after] = night.off_at
    return instants


def _program(levels: Floats, instants: list[datetime], until: datetime) -> Program:
    changes = np.flatnonzero(np.diff(levels)) + 1
    steps = [0, *changes.tolist()]
    return Program(tuple((instants[t], float(levels[t])) for t in steps), until)


def _reason(task: LightingTask, lamp: int) -> str:
    fleet, night = task.fleet, task.night
    normal = f"{fleet.family[lamp]}{fleet.number[lamp]}"
    if not fleet.dimmable[lamp]:
        return "dusk to dawn: cannot dim"
    if fleet.constant[lamp]:
        return f"{normal} all night: a conflict area"
    counter = int(fleet.counter[lamp])
    if counter < 0 or np.isnan(task.traffic.veh_h[counter][night.burning]).all():
        return f"{normal} all night: no traffic history"
    lowest = task.need.number[lamp][night.burning].max()
    share = f"P{task.traffic.quantile * 100:g} of traffic at {fleet.counters[counter]}"
    return (
        f"{normal} to {fleet.family[lamp]}{lowest} by {share}" if lowest > fleet.number[lamp] else f"{normal}: {share}"
    )
