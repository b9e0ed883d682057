"""What equipment can be told of a night: who keeps the programs of which lamps, how many, and when they may change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engine.equipment.connections import Directory, Room
from engine.errors import InputError, Problem
from engine.model import Asset
from jobs.bootstrap import Territory
from jobs.lighting.night import Night
from jobs.rooms import Announced, room_of
from jobs.words import some
from optimizers.arrays import Bools, Floats
from optimizers.lighting.parts import UNLIMITED, Holders

_NOBODY = "no keeper"
_STATED = {"programs": 1, "switch_points": 2}  # attributes of a cabinet, and the least that makes sense of each


@dataclass(frozen=True)
class Keepers:
    """Who keeps the programs of each lamp, and what of one night they take."""

    of: Mapping[str, str] = field(default_factory=dict)
    rooms: Mapping[str, Room] = field(default_factory=dict)

    def holders(self, lamps: Sequence[str], fleet_programs: int | None = None) -> Holders | None:
        """As the optimiser wants them, with so many programs of all together at most; None where no limit is known."""
        if fleet_programs is None and not any(_limited(room) for room in self.rooms.values()):
            return None
        of = {lamp: self.of.get(lamp, _NOBODY) for lamp in lamps}  # nobody is known while cabinets cannot be read
        names = sorted(set(of.values()))
        index = {name: i for i, name in enumerate(names)}
        rooms = [self.rooms.get(name, Room()) for name in names]
        return Holders(
            names=tuple(names),
            of=np.array([index[of[lamp]] for lamp in lamps]),
            programs=np.array([room.programs or UNLIMITED for room in rooms]),
            switch_points=np.array([room.switch_points or UNLIMITED for room in rooms]),
            fleet_programs=fleet_programs or UNLIMITED,
        )

    def reasons(self) -> list[str]:
        """Says of whom no limit is known, where one is of others."""
        free = sorted(name for name, room in self.rooms.items() if not _limited(room))
        if not free or len(free) == len(self.rooms):
            return []
        return [f"no limit of programs is known: {some(free)} keepers of programs"]


NOBODY_LIMITED = Keepers()


def keepers_of(territory: Territory, announced: Mapping[str, Announced]) -> Keepers:
    """The keeper of each lamp's program: a whole connection where its limits are those of one gateway that all its
    lamps share, the lamp's own gateway where each has as much, else its cabinet.

    What a cabinet states of itself tightens what its keeper takes, but for the programs of a gateway that says how many
    it keeps. Raises InputError with every cabinet whose
    attributes make no sense.
    """
    stated = rooms_stated(territory.of_type("StreetlightControlCabinet"))
    directory = Directory(territory.connections)
    of: dict[str, str] = {}
    rooms: dict[str, Room] = {}
    for lamp in territory.of_type("Streetlight"):
        connection = directory.find(lamp.gateway) if lamp.gateway and territory.connections else None
        room = room_of(connection, announced) if connection is not None else Room()
        name = _keeper(lamp, room, connection.id if connection is not None else "")
        of[lamp.id] = name
        cabinet = stated.get(lamp.parent or "", Room())
        if room.shared and room.programs is not None:  # where the gateway keeps the programs, its cabinets keep none
            cabinet = replace(cabinet, programs=None)
        rooms[name] = rooms.get(name, room).within(cabinet)
    return Keepers(of, rooms)


def _keeper(lamp: Asset, room: Room, connection: str) -> str:
    if room.shared:
        return f"connection {connection}"
    if _limited(room) or lamp.parent is None:
        return f"gateway {lamp.gateway}"
    return f"cabinet {lamp.parent}"


def _limited(room: Room) -> bool:
    return room.programs is not None or room.switch_points is not None


def rooms_stated(cabinets: Iterable[Asset]) -> dict[str, Room]:
    """What each cabinet states of itself. Raises InputError with every one whose attributes make no sense."""
    problems: list[Problem] = []
    rooms: dict[str, Room] = {}
    for cabinet in cabinets:
        found = {name: cabinet.attributes[name] for name in _STATED if cabinet.attributes.get(name) is not None}
        for name, value in found.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < _STATED[name]:
                what = f"{name} is {value!r}, a number of {_STATED[name]} or more is wanted"
                problems.append(Problem(cabinet.id, 0, 0, what, "write what the cabinet takes of one night"))
        rooms[cabinet.id] = Room(**found)
    if problems:
        raise InputError(problems)
    return rooms


def steady(flux: Floats, ceiling: Floats, night: Night, ramp_per_slot: float, dimmable: Bools) -> Floats:
    """The same need (n, T), constant where clocks come to an hour that they show twice and until they have left it, as
    far as ceilings (n, T) let it be.

    Equipment that lives by local time cannot be told of a change there. What is asked before and after asks, by the
    ramps, something of that time as well: lifted to all of it, least levels have no change there either.
    """
    held = night.repeated
    if not held.any():
        return flux
    ramp = np.where(dimmable, ramp_per_slot, np.inf)
    asked = flux.copy()
    burning = np.flatnonzero(night.burning)
    for before, after in ((burning[:-1], burning[1:]), (burning[:0:-1], burning[-2::-1])):
        for a, b in zip(before, after, strict=True):
            asked[:, b] = np.maximum(asked[:, b], asked[:, a] - ramp)
    steadied, allowed = flux.copy(), np.broadcast_to(ceiling, flux.shape) * night.burning
    brightest = asked[:, held].max(axis=1, keepdims=True)
    steadied[:, held] = np.maximum(flux[:, held], np.minimum(brightest, allowed[:, held]))
    return steadied
