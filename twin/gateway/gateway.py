"""One gateway and the controllers behind it, without its line: messages in, effects and answers out."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from engine.instants import isoformat
from engine.model import AckStatus, Command
from engine.wire import COMMAND, GET, TELEMETRY, decode_command, decode_get, topic
from twin.controller import Controller, Held, Wire, answer, report
from twin.effects import Effect, effect_of
from twin.gateway.faults import Fault, Faults, Kind
from twin.gateway.town import Outlet

SELECTED_FOR = timedelta(seconds=10)
"""How long a selection waits for its execution."""


@dataclass(slots=True)
class Outcome:
    """What came of a run of messages. `dark_until`: after `taken` of them the power failed."""

    effects: list[Effect] = field(default_factory=list)
    answers: list[Wire] = field(default_factory=list)
    taken: int = 0
    dark_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Order:
    """A command as it arrives, and what goes wrong with it."""

    command: Command
    struck: Mapping[Kind, Fault]


class _PowerCut(Exception):
    pass


class Gateway:
    """All that it holds in memory, which a brown-out takes; `held` is what its log gives back to it.

    Instants given to it are the true ones, and must not go back; its own clock may differ (`Faults.skew`).
    """

    def __init__(self, name: str, outlets: Iterable[Outlet], faults: Faults, held: Mapping[str, Held]) -> None:
        self.name = name
        self._faults = faults
        self._outlets = {outlet.point: outlet for outlet in outlets}
        self._controllers = {
            outlet.point: Controller(
                outlet.point, name, outlet.takes, f"between {outlet.minimum:g} and {outlet.maximum:g}",
                held.get(outlet.point),
            )
            for outlet in self._outlets.values()
        }  # fmt: skip
        self._selected: dict[str, tuple[str, datetime]] = {}
        self._waiting: list[tuple[datetime, int, _Order]] = []
        self._delayed = 0

    def serve(self, messages: Sequence[Wire], at: datetime) -> Outcome:
        """Deal with messages as they come, and with what was delayed until now."""
        outcome = Outcome()
        try:
            while self._waiting and self._waiting[0][0] <= at:
                self._obey(heapq.heappop(self._waiting)[2], at, outcome)
            for message in messages:
                self._deliver(message, at, outcome)
                outcome.taken += 1
        except _PowerCut:
            return outcome
        return outcome

    def due_at(self) -> datetime | None:
        """When something that was delayed arrives; None where nothing is on its way."""
        return self._waiting[0][0] if self._waiting else None

    def telemetry(self, cabinets: Iterable[str], at: datetime) -> Wire:
        """How its cabinets work and what its points are at, by its own clock."""
        own = self._own(at)
        mode = "manual" if self._faults.locked_out(self.name, at) else "automatic"
        readings = [_reading(cabinet, "workingMode", mode) for cabinet in cabinets]
        for point in self._controllers:
            asset, _, name = point.rpartition("/")
            readings.append(_reading(asset, name, self.value(point, own)))
        payload = orjson.dumps({"observed_at": isoformat(own), "readings": readings})
        return Wire(topic(self.name, TELEMETRY), payload)

    def value(self, point: str, own: datetime) -> float:
        """What a point is at, by the gateway's own clock: as its program says, else its safe value."""
        held = self._controllers[point].held
        value = held.at(own) if held else None
        return self._outlets[point].safe if value is None else value

    def _own(self, at: datetime) -> datetime:
        return at + self._faults.skew(self.name, at)

    def _deliver(self, message: Wire, at: datetime, outcome: Outcome) -> None:
        overtaken = [entry for entry in self._waiting if Kind.REORDER in entry[2].struck]
        try:
            if message.topic.endswith(f"/{COMMAND}"):
                self._command(message.payload, at, outcome)
            elif message.topic.endswith(f"/{GET}"):
                self._asked(decode_get(message.payload), at, outcome)
        except ValueError:
            # A gateway drops what it cannot read; the sender hears nothing, and asks.
            return
        for entry in overtaken:
            self._waiting.remove(entry)
            self._obey(entry[2], at, outcome)
        heapq.heapify(self._waiting)

    def _command(self, payload: bytes, at: datetime, outcome: Outcome) -> None:
        command = decode_command(payload, self.name)
        struck = self._faults.strike(self.name, command.point, command.seq, at)
        order = _Order(command, struck)
        late = struck.get(Kind.DELAY) or struck.get(Kind.REORDER)
        if Kind.DROP in struck:
            return
        if late is not None:
            self._delayed += 1
            heapq.heappush(self._waiting, (at + late.lasts, self._delayed, order))
            return
        for _ in range(2 if Kind.DUPLICATE in struck else 1):
            self._obey(order, at, outcome)

    def _obey(self, order: _Order, at: datetime, outcome: Outcome) -> None:
        command, struck = order.command, order.struck
        cut = struck.get(Kind.BROWN_OUT)
        # Half of them before it is obeyed, half of them after it is in the log and before it is answered.
        if cut is not None and command.seq % 2:
            outcome.dark_until = at + cut.lasts
            raise _PowerCut
        status, reason = self._act(order, at, outcome)
        if cut is not None:
            outcome.dark_until = at + cut.lasts
            raise _PowerCut
        if Kind.DROP_ACK not in struck:
            outcome.answers.append(answer(command, status, reason))
            if command.point in self._controllers:
                outcome.answers.append(self._state(command.point, at))

    def _act(self, order: _Order, at: datetime, outcome: Outcome) -> tuple[AckStatus, str]:
        """Do what a command asks, or not; what is to be answered."""
        command = order.command
        controller = self._controllers.get(command.point)
        if controller is None:
            return AckStatus.REJECTED, "no such point here"
        if Kind.LIE in order.struck:
            return AckStatus.ACCEPTED, ""
        ack = controller.judge(command, self._own(at))
        refusal = self._refusal(order, at) if ack.status is AckStatus.ACCEPTED else ""
        if refusal:
            return AckStatus.REJECTED, refusal
        if ack.status is AckStatus.ACCEPTED and command.select:
            self._selected[command.point] = (command.id, at)
            return AckStatus.SELECTED, ""
        if ack.status is AckStatus.ACCEPTED:
            self._selected.pop(command.point, None)
            controller.obey(command, self._own(at))
            outcome.effects.append(effect_of(command, at))
        return ack.status, ack.reason

    def _refusal(self, order: _Order, at: datetime) -> str:
        """Why a sound command may not go into action here and now; empty where it may."""
        point, key = order.command.point, order.command.id
        if self._faults.locked_out(self.name, at):
            return "somebody works here"
        if Kind.REJECT in order.struck:
            return "not now"
        if not self._outlets[point].critical or order.command.select:
            return ""
        chosen, since = self._selected.get(point, ("", at))
        if chosen != key:
            return "select it first"
        return f"selected more than {SELECTED_FOR.seconds} s ago" if at - since > SELECTED_FOR else ""

    def _asked(self, points: Sequence[str], at: datetime, outcome: Outcome) -> None:
        for point in points:
            if point in self._controllers and Kind.DROP not in self._faults.strike(self.name, point, 0, at):
                outcome.answers.append(self._state(point, at))

    def _state(self, point: str, at: datetime) -> Wire:
        own = self._own(at)
        return report(self._controllers[point].readback(self.value(point, own), own))


def _reading(asset: str, name: str, value: float | str) -> dict[str, Any]:
    return {"asset": asset, "property": name, "value": value}
