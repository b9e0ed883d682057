"""From the body of a plan to one program for each point of its devices.

Nothing here is safe by itself: equipment reverts by itself when a program ends or we fall silent, and each point's own
bounds hold whatever is asked.
"""

from collections.abc import Iterator
from datetime import datetime

import numpy as np

from engine.model import Level, Program, Slot
from jobs.energy.body import Body, open_body
from jobs.energy.saying import dropped_said, summary_of
from optimizers.arrays import Bools, Floats
from optimizers.energy import TOLERANCE_W

SOURCE = "plan:energy"
LARGEST_W = 2_000_000.0
"""What a band's end says that is not bound: the catalogue's extremes."""
_SETPOINT_C, _TANK_C = (8.0, 24.0), (45.0, 70.0)
_ROUND_C, _ROUND_TANK_C = 0.2, 0.5
_UNKNOWN_W = 3_700.0
"""What a charging point gives whom nobody knows yet: the catalogue's safe value."""
_DUST_W = 1.0
_DUST_K = 1e-3


def to_setpoints(block: bytes, version: str, written_at: datetime) -> list[Slot]:
    """One slot for each point, over the whole span. What was asked before the plan's first slot is asked there too."""
    found = open_body(block)
    return [
        Slot(point, Level.OPTIMISER, SOURCE, _program(found, values), written_at, version, reason)
        for point, values, reason in _asked(found)
    ]


def _asked(found: Body) -> Iterator[tuple[str, Floats, str]]:
    yield from _batteries(found)
    yield from _roofs(found)
    yield from _chargers(found)
    yield from _rooms(found)
    yield from _tanks(found)


def _batteries(found: Body) -> Iterator[tuple[str, Floats, str]]:
    if (cells := found.problem.batteries) is None:
        return
    power = np.round(np.clip(found.power_w, -cells.discharge_max_w[:, None], cells.charge_max_w[:, None]))
    least, most = (np.round(np.clip(found.columns[n], -LARGEST_W, LARGEST_W)) for n in ("least_w", "most_w"))
    for b, name in enumerate(cells.names):
        reason = summary_of(found, "batteries", b, "en")
        if (dropped := found.dropped(b)) is not None:
            # Plain self-consumption; its controller rests where the meter is silent.
            power[b], least[b], most[b], reason = 0.0, 0.0, 0.0, dropped_said(dropped, "en")
        yield f"{name}/power", np.clip(power[b], -cells.discharge_max_w[b], cells.charge_max_w[b]), reason
        yield f"{name}/importLeast", least[b], reason
        yield f"{name}/importMost", np.maximum(most[b], least[b]), reason


def _roofs(found: Body) -> Iterator[tuple[str, Floats, str]]:
    """A roof whose sun is all taken is not bound: it may give more than was foreseen."""
    if (solar := found.problem.solar) is None:
        return
    taken, available = found.columns["solar_w"], solar.available_w
    for p in np.flatnonzero(solar.curtailable).tolist():
        peak_w = found.head["peaks_w"][solar.names[p]]
        limit = np.where(taken[p] < available[p] - _DUST_W, np.floor(taken[p]), peak_w)
        yield f"{solar.names[p]}/powerLimit", np.minimum(limit, peak_w), summary_of(found, "solar", p, "en")


def _chargers(found: Body) -> Iterator[tuple[str, Floats, str]]:
    """A vehicle's plan while it stays; for whoever comes, what leaves the contract whole."""
    cars, sites = found.problem.vehicles, found.problem.sites
    row = {name: v for v, name in enumerate(cars.names)} if cars is not None else {}
    left = sites.import_limit_w - sites.margin_w - found.meter_w
    place = {name: i for i, name in enumerate(sites.names)}
    for charger, site, most_w, least_w in found.head["chargers"]:
        wanted = min(most_w, max(least_w, _UNKNOWN_W))
        stays = np.zeros(left.shape[1], np.bool_)
        planned = np.zeros(left.shape[1])
        if cars is not None and (v := row.get(charger)) is not None:
            stays[int(cars.arrive[v]) : int(cars.depart[v])] = True
            planned = _charged(found.columns["vehicle_charge_w"][v], least_w)
        room = left[place[site]] >= wanted
        left[place[site]] -= np.where(~stays & room, wanted, 0.0)
        limit = np.where(stays, np.minimum(planned, most_w), np.where(room, wanted, 0.0))
        yield f"{charger}/powerLimit", limit, summary_of(found, "vehicles", row.get(charger, -1), "en")


def _charged(power_w: Floats, least_w: float) -> Floats:
    """Whole watts, down, so that no contract is passed; but a hair below its least a station would pause."""
    least = np.where(power_w > least_w - TOLERANCE_W, least_w, 0.0)
    return np.maximum(np.floor(power_w + TOLERANCE_W), least)


def _rooms(found: Body) -> Iterator[tuple[str, Floats, str]]:
    """Where it is heated, what it is to come to; elsewhere what it may fall to: a thermostat does the rest."""
    if (rooms := found.problem.rooms) is None:
        return
    room_c, heats = found.columns["room_c"], found.columns["room_heat_w"] > _DUST_W
    wanted = np.where(heats, to_come_to(room_c, heats), np.minimum(rooms.low_c, room_c))
    asked = np.clip(_rounded(wanted, _ROUND_C), *_SETPOINT_C)
    for z, name in enumerate(rooms.names):
        yield f"{name}/heatingSetpoint", asked[z], summary_of(found, "rooms", z, "en")


def to_come_to(room_c: Floats, heats: Bools) -> Floats:
    """(Z, T) the warmth that a room is heated to, from the first slot of its rise on. A thermostat gives full heat only
    well below its setpoint: told of each slot's own warmth it would give a part of what is planned, and come late.
    """
    goal = room_c.copy()
    for t in range(room_c.shape[1] - 2, -1, -1):
        rises = heats[:, t] & heats[:, t + 1] & (room_c[:, t + 1] > room_c[:, t])
        goal[:, t] = np.where(rises, goal[:, t + 1], goal[:, t])
    return goal


def _tanks(found: Body) -> Iterator[tuple[str, Floats, str]]:
    if (tanks := found.problem.tanks) is None:
        return
    columns, low_c = found.columns, tanks.low_c + found.head.get("tank_play_k", 0.0)
    for z, name in enumerate(tanks.names):
        heats = columns["tank_heat_w"][z] > _DUST_W
        course = np.append(tanks.initial_c[z], columns["tank_c"][z])
        wanted = np.where(heats, _risen_to(course, heats, found), low_c[z])
        asked = np.clip(_rounded(np.maximum(wanted, low_c[z]), _ROUND_TANK_C), *_TANK_C)
        yield f"{name}/temperatureSetpoint", asked, summary_of(found, "tanks", z, "en")


def _risen_to(course_c: Floats, heats: Bools, found: Body) -> Floats:
    """(T,) of a tank that has `course_c` (T + 1,): while it rises what it rises to, as a thermostat begins at once only
    where it is set higher by its play. One that is to be hot is set so, even if that is more than it rises by.
    """
    wanted = course_c[1:].copy()
    play_k, hot_c = found.head.get("tank_play_k", 0.0), found.head.get("tank_hot_c", np.inf)
    for rise in _runs(heats & (np.diff(course_c) > _DUST_K)):
        before, after = course_c[rise.start], course_c[rise.stop]
        begins = before + play_k if before < hot_c - _DUST_K <= after else after
        wanted[rise] = max(after, begins)
    return wanted


def _runs(on: Bools) -> Iterator[slice]:
    """Slots on end that are on."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    yield from (slice(int(first), int(last)) for first, last in edges.reshape(-1, 2))


def _rounded(values: Floats, to: float) -> Floats:
    """Up, so that nothing is asked colder than it is planned; to what a controller holds."""
    found: Floats = np.round(np.ceil(values / to - 1e-3) * to, 2)
    return found


def _program(found: Body, values: Floats) -> Program:
    starts = (found.start, *found.slots.starts[1:])
    whole = Program(tuple(zip(starts, values.tolist(), strict=True)), found.until)
    return whole.clip(found.start, found.until) or whole
