"""What buildings do where no plan could be made: the last one put on the coming hours, or plain rules. No solver is
asked: it may be what failed.
"""

from dataclasses import replace
from datetime import timedelta

import numpy as np

from jobs.energy.body import Body, open_body
from jobs.energy.task import EnergyTask
from optimizers.arrays import Floats
from optimizers.energy import EnergyPlan
from optimizers.energy.follow import Wishes, at_once, followed

_DAY = timedelta(days=1)
BY_RULES = "self-consumption and timetables"
_PREHEAT_S = 2 * 3600.0
"""A timetable has rooms warm so long before people come: without knowing how cold it is."""


def rules(task: EnergyTask) -> EnergyPlan:
    """Batteries keep their meter at nothing, rooms their timetable, tanks stay hot, vehicles charge at once within the
    contract.
    """
    return followed(task.problem, by_rules(task), BY_RULES)


def by_rules(task: EnergyTask) -> Wishes:
    """What `rules` wish."""
    problem, wishes = task.problem, at_once(task.problem)
    rooms = wishes.room_c if problem.rooms is None else _ahead(problem.rooms.low_c, problem.horizon.hours)
    return replace(wishes, room_c=rooms, tank_c=np.full_like(wishes.tank_c, task.tables.water.hot))


def _ahead(low_c: Floats, hours: Floats) -> Floats:
    """What is wanted within the coming two hours is kept from now on."""
    ahead = max(round(_PREHEAT_S / 3600.0 / float(hours.mean())), 1)
    padded = np.concatenate([low_c, np.repeat(low_c[:, -1:], ahead, axis=1)], axis=1)
    found: Floats = np.lib.stride_tricks.sliding_window_view(padded, ahead + 1, axis=1).max(axis=-1)
    return found


def shift(task: EnergyTask, block: bytes) -> EnergyPlan:
    """What an earlier plan had its devices do at the same instants, or, where it did not reach so far, at the same time
    of a day before. Devices that it does not know go by rules; so does every vehicle that came since.
    """
    last = open_body(block)
    wishes = by_rules(task)
    at = _slots_of(task, last)
    plan = last.plan
    battery = _from(task.problem.batteries, plan.batteries, last.power_w, at, wishes.battery_w)
    rooms = _from(task.problem.rooms, plan.rooms, plan.room_c, at, wishes.room_c)
    tanks = _from(task.problem.tanks, plan.tanks, plan.tank_c, at, wishes.tank_c)
    if task.problem.rooms is not None:
        # Comfort is today's: what a day before was let cool may be wanted warm now.
        rooms = np.maximum(rooms, task.problem.rooms.low_c)
    return followed(task.problem, Wishes(battery, wishes.vehicle_w, rooms, tanks), "the last plan, shifted")


def _slots_of(task: EnergyTask, last: Body) -> list[int]:
    """Of each slot, the one of the last plan at that instant, or a whole number of days before; -1 for none."""
    place = {start: t for t, start in enumerate(last.slots.starts)}
    found = []
    for start in task.slots.starts:
        back = (start - last.slots.starts[-1]).days + 1
        candidates = [start, *(start - k * _DAY for k in range(max(back, 0), back + 2))]
        found.append(next((place[one] for one in candidates if one in place), -1))
    return found


def _from(part: object, names: tuple[str, ...], values: Floats, at: list[int], otherwise: Floats) -> Floats:
    found = otherwise.copy()
    known = np.array(at)
    there = known >= 0
    for row, name in enumerate(getattr(part, "names", ())):
        if name in names:
            found[row, there] = values[names.index(name), known[there]]
    return found
