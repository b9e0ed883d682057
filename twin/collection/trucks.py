"""A collection truck and its crew in software: they follow the day's round, at the pace of the street."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from engine.instants import isoformat
from engine.model import Ack, Asset, Command, ReadBack
from engine.rounds import Doing, Line, Round
from twin.collection.containers import Containers
from twin.controller import Controller
from twin.faults import FaultKind, Faults

MOST_STOPS = 500
SLOW = 1.5
"""What drives and stops take in jammed streets, over what they usually do."""

_LOOK = timedelta(minutes=1)
"""What a crew loses at a container that it cannot get to."""

Where = tuple[float, float]
"""Longitude and latitude in degrees."""


class _Leg(NamedTuple):
    """A drive under way."""

    start: Where
    to: Where
    left_at: datetime
    arrives_at: datetime


class Truck:
    """One truck, with its tablet. Instants given to it must not go back.

    It does the lines of its round one after the other, as fast as `pace` lets it (1: as planned), and begins a stop no
    earlier than its program has called the stop's number, or a later one. With a program of 0 it goes on to the next
    stop and waits there; without one, and after it, it serves nothing more, unloads and goes home. A newer round
    replaces what is not done yet. It serves what is being served to its end, and does not go twice to a container of
    one day's round.
    """

    def __init__(
        self, asset: Asset, containers: Containers, faults: Faults, start_at: datetime, pace: float = 1.0
    ) -> None:
        self.id = asset.id
        self.gateway = asset.gateway or asset.parent or asset.id
        self.point = f"{asset.id}/stopNumber"
        self.load_kg, self.driven_m, self.number = 0.0, 0.0, 0
        self.served: list[tuple[str, datetime, float]] = []
        """Containers it emptied: which, when it was done, kg."""
        self._capacity_kg = float(asset.attributes.get("capacity_kg", float("inf")))
        self._containers = containers
        self._faults = faults
        self._pace = pace
        self._controller = Controller(self.point, self.gateway, _a_number, "the number of a stop")
        self._at, self._where, self._out = start_at, (asset.lon, asset.lat), False
        self._day = self._plan = ""
        self._lines: list[Line] = []
        self._visited: set[str] = set()
        self._leg: _Leg | None = None
        self._busy_until: datetime | None = None
        self._happened: list[dict[str, Any]] = []

    @property
    def points(self) -> "Sequence[Truck]":
        return (self,)

    def obey(self, command: Command, at: datetime) -> Ack:
        """Newer sequences only, never after its expiry, and never twice."""
        self.advance(at)
        return self._controller.obey(command, at)

    def judge(self, command: Command, at: datetime) -> Ack:
        """What `obey` would answer; nothing changes."""
        return self._controller.judge(command, at)

    def readback(self, at: datetime) -> ReadBack:
        """What is in action, at the number of the stop it is at."""
        self.advance(at)
        return self._controller.readback(float(self.number), at)

    def take_round(self, found: Round, at: datetime) -> None:
        """The tablet is sent a round. The same one again changes nothing."""
        self.advance(at)
        day = found.day.isoformat()
        if (day, found.plan) == (self._day, self._plan):
            return
        if day != self._day:
            self._visited, self.number = set(), 0
        self._day, self._plan = day, found.plan
        serving = self._lines[0] if self._lines and self._busy_until is not None else None
        self._lines = ([serving] if serving else []) + self._left(found, serving)
        goes_to = (self._lines[0].lon, self._lines[0].lat) if self._lines else None
        if self._leg is not None and self._leg.to != goes_to:
            self._where, self._leg = self._position(at), None

    def _left(self, found: Round, serving: Line | None) -> list[Line]:
        """The lines of a round that are not done yet."""
        done = self._visited | ({serving.asset} if serving and serving.doing is Doing.STOP else set())
        lines = list(found.lines)
        last = max((k for k, line in enumerate(lines) if line.asset in done and line.doing is Doing.STOP), default=-1)
        left = [line for line in lines[last + 1 :] if line.doing is not Doing.STOP or line.asset not in done]
        return [line for line in left if not (self._out and line.doing is Doing.START)]

    def readings(self, at: datetime) -> list[dict[str, Any]]:
        """Where it is, what it does and carries now; before that what happened since it was last asked."""
        self.advance(at)
        told, self._happened = self._happened, []
        now: dict[str, float | str] = {
            "serviceStatus": self.status(at),
            "stopNumber": self.number,
            "cargoWeight": round(self.load_kg, 1),
        }
        if self._out:  # where a truck is parked is nobody's work
            lon, lat = self._position(at)
            now |= {"longitude": round(lon, 6), "latitude": round(lat, 6)}
        return told + [{"asset": self.id, "property": name, "value": value} for name, value in now.items()]

    def status(self, at: datetime) -> str:
        """As the catalogue calls it."""
        if self._suffers(FaultKind.FAILURE, at):
            return "broken"
        return "onRoute" if self._out else "parked"

    def advance(self, to: datetime) -> None:
        """Let time pass. While it is broken down it stands, and all it was at takes that much longer."""
        while self._at < to:
            broken = [fault for fault in self._faults.of(self.id) if fault.kind is FaultKind.FAILURE]
            edges = [edge for fault in broken for edge in (fault.from_at, fault.until_at) if self._at < edge < to]
            until = min(edges, default=to)
            if self._suffers(FaultKind.FAILURE, self._at):
                self._stand(until)
            else:
                self._work(until)
            self._at = until

    def _stand(self, until: datetime) -> None:
        lost = until - self._at
        if self._leg is not None:
            self._leg = self._leg._replace(left_at=self._leg.left_at + lost, arrives_at=self._leg.arrives_at + lost)
        if self._busy_until is not None:
            self._busy_until += lost

    def _work(self, until: datetime) -> None:
        while self._at < until and self._lines:
            if (at := self._step(self._lines[0], until)) is None:
                return
            self._at = at

    def _step(self, line: Line, until: datetime) -> datetime | None:
        """Do the next thing of a line that can be done before an instant; when it is done, or None to wait."""
        if self._busy_until is not None:
            return self._finish(line, self._busy_until) if self._busy_until <= until else None
        if line.doing is Doing.START:
            return self._leave(line, until)
        if line.doing is Doing.STOP and self._over():
            self._lines.pop(0)
            return self._at
        if self._leg is None and self._where != (line.lon, line.lat) and line.doing is not Doing.REST:
            takes = timedelta(seconds=line.drive_s * self._pace * self._slowness())
            self._leg = _Leg(self._where, (line.lon, line.lat), self._at, self._at + takes)
        if self._leg is not None:
            return self._arrive(line, self._leg.arrives_at) if self._leg.arrives_at <= until else None
        return self._begin(line, until)

    def _leave(self, line: Line, until: datetime) -> datetime | None:
        """From the depot as planned, once there is a program."""
        held = self._controller.held
        if held is None or self._over() or (at := max(line.begin_at, held.starts[0], self._at)) > until:
            return None
        self._out = True
        self._lines.pop(0)
        return at

    def _arrive(self, line: Line, at: datetime) -> datetime:
        self._where, self._leg = (line.lon, line.lat), None
        self.driven_m += line.distance_m
        return at

    def _begin(self, line: Line, until: datetime) -> datetime | None:
        if line.doing is Doing.END:
            self._lines.pop(0)
            self._out = False
            return self._at
        if (at := self._allowed(line)) is None or at > until:
            return None
        takes = (line.end_at - line.begin_at) * (1.0 if line.doing is Doing.REST else self._slowness())
        if line.doing is Doing.STOP:
            self.number = line.number
            if self._containers.blocked(line.asset, at):
                takes = _LOOK
        self._busy_until = at + takes
        return at

    def _allowed(self, line: Line) -> datetime | None:
        """From when on it may do a line where it stands: a stop once its number is called, else as planned."""
        if line.doing is not Doing.STOP:
            return max(self._at, line.begin_at) if line.doing is Doing.REST else self._at
        held = self._controller.held
        assert held is not None  # noqa: S101 - else the program is over
        called = min((at for at, value in held.program.steps if value >= line.number), default=None)
        return None if called is None else max(called, self._at)

    def _over(self) -> bool:
        held = self._controller.held
        return held is None or self._at >= held.program.until

    def _finish(self, line: Line, at: datetime) -> datetime:
        self._busy_until = None
        self._lines.pop(0)
        if line.doing is Doing.UNLOAD:
            self.load_kg = 0.0
        elif line.doing is Doing.STOP:
            self._visited.add(line.asset)
            self._serve(line.asset, at)
        return at

    def _serve(self, container: str, at: datetime) -> None:
        """What its lift weighs and its crew meets is told for the container."""
        met = "none"
        if self._containers.blocked(container, at):
            met = "blocked"
        elif self.load_kg >= self._capacity_kg:
            met = "overweight"
        else:
            kg = self._containers.empty(container, at)
            self.load_kg += kg
            self.served.append((container, at, kg))
            self._tell(container, "cargoWeight", round(kg, 1), at)
        self._tell(container, "exception", met, at)
        self._tell(self.id, "stopNumber", self.number, at)

    def _tell(self, asset: str, name: str, value: float | str, at: datetime) -> None:
        self._happened.append({"asset": asset, "property": name, "value": value, "observed_at": isoformat(at)})

    def _slowness(self) -> float:
        return SLOW if self._suffers(FaultKind.SLOW, self._at) else 1.0

    def _suffers(self, kind: FaultKind, at: datetime) -> bool:
        return bool(self._faults.active(self.id, kind, at))

    def _position(self, at: datetime) -> Where:
        if self._leg is None:
            return self._where
        (lon, lat), (to_lon, to_lat), left_at, arrives_at = self._leg
        takes = (arrives_at - left_at).total_seconds()
        share = min(max((at - left_at).total_seconds() / takes, 0.0), 1.0) if takes else 1.0
        return lon + share * (to_lon - lon), lat + share * (to_lat - lat)


def _a_number(value: float) -> bool:
    return 0 <= value <= MOST_STOPS and value == int(value)
