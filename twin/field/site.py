"""The equipment of a territory as one thing that tells its telemetry and serves what is sent to it."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np
import orjson

from engine.instants import isoformat
from engine.model import AckStatus, Asset, Command
from engine.rounds import decode_round
from engine.wire import COMMAND, GET, TELEMETRY, decode_command, decode_get, gateway_of, topic, vehicle_of
from twin.controller import Served, Wire, answer, report
from twin.effects import effect_of
from twin.faults import Fault, FaultKind, Faults
from twin.field.equipment import Device, Point, Reading, Tablet
from twin.field.greens import irrigation
from twin.field.happened import happenings
from twin.field.lamps import lighting
from twin.field.power import power
from twin.field.story import Story
from twin.field.waste import collection

KINDS: tuple[Callable[[Sequence[Asset], Story, Faults], list[Device]], ...] = (lighting, irrigation, collection, power)
"""How the devices of each service are made of a territory's assets."""


class Site:
    """Devices of every kind, and what happens to sensors as the story has it. Instants given to it must not go back.

    Raises InputError for equipment that the story lacks something of.
    """

    def __init__(self, assets: Sequence[Asset], story: Story) -> None:
        self._random = np.random.default_rng(story.seed)
        self.faults = self._faults = Faults(story.faults)
        self._devices = [device for kind in KINDS for device in kind(assets, story, self._faults)]
        self._points = {point.point: point for device in self._devices for point in device.points}
        self._tablets = {(one.gateway, one.id): one for one in self._devices if isinstance(one, Tablet)}
        self._gateways = {asset.id: asset.gateway or asset.parent or asset.id for asset in assets}
        self._events = happenings(story)
        self._untold: defaultdict[str, list[Reading]] = defaultdict(list)
        self._waiting: list[tuple[datetime, int, Wire]] = []
        self._delayed = 0

    @property
    def devices(self) -> Sequence[Device]:
        """As they truly are: for whoever measures."""
        return self._devices

    def telemetry(self, at: datetime) -> list[Wire]:
        """One message a gateway: its equipment as it is at that instant, and what happened since it last spoke."""
        now: defaultdict[str, list[Reading]] = defaultdict(list)
        for device in self._devices:
            for reading in device.readings(at):
                (self._untold if "observed_at" in reading else now)[self._gateway(reading)].append(reading)
        while self._events and self._events[-1][0] <= at:
            _, reading = self._events.pop()
            self._untold[self._gateway(reading)].append(reading)
        return [
            Wire(topic(gateway, TELEMETRY), _payload(at, [*self._untold.pop(gateway, []), *now[gateway]]))
            for gateway in sorted({*now, *self._untold})
            if not self._faults.active(gateway, FaultKind.SILENT, at)
        ]

    def _gateway(self, reading: Reading) -> str:
        asset: str = reading["asset"]
        return self._gateways.get(asset, asset)

    def serve(self, messages: Iterable[Wire], at: datetime) -> Served:
        """Commands and read-back requests, and what was delayed until now."""
        served = Served([], [])
        while self._waiting and self._waiting[0][0] <= at:
            self._deliver(heapq.heappop(self._waiting)[2], at, served)
        for message in messages:
            arrives_at = self._arrival(_gateway(message), at)
            if arrives_at > at:
                self._wait(message, arrives_at)
            else:
                self._deliver(message, at, served)
        return served

    def _arrival(self, gateway: str, at: datetime) -> datetime:
        """When a gateway that is silent now hears what is sent to it."""
        return max((f.until_at for f in self._faults.active(gateway, FaultKind.SILENT, at)), default=at)

    def _wait(self, message: Wire, until_at: datetime) -> None:
        self._delayed += 1
        heapq.heappush(self._waiting, (until_at, self._delayed, message))

    def _deliver(self, message: Wire, at: datetime, served: Served) -> None:
        gateway = _gateway(message)
        try:
            if tablet := self._tablets.get(vehicle_of(message.topic) or ("", "")):
                tablet.take_round(decode_round(message.payload), at)
            elif message.topic.endswith(f"/{COMMAND}"):
                self._command(message, decode_command(message.payload, gateway), at, served)
            elif message.topic.endswith(f"/{GET}"):
                for point in decode_get(message.payload):
                    self._report(point, gateway, at, served)
        except ValueError:
            # A gateway drops what it cannot read; the sender hears nothing, and asks.
            return

    def _command(self, message: Wire, command: Command, at: datetime, served: Served) -> None:
        point = self._points.get(command.point)
        if point is None or point.gateway != command.gateway:
            served.answers.append(answer(command, AckStatus.REJECTED, "no such point here"))
            return
        if self._draw(point, FaultKind.DROP_COMMAND, at):
            return
        late = self._draw(point, FaultKind.DELAY, at)
        if late is not None and command.issued_at + timedelta(seconds=late.delay_s) > at:
            self._wait(message, command.issued_at + timedelta(seconds=late.delay_s))
            return
        for _ in range(2 if self._draw(point, FaultKind.DOUBLE, at) else 1):
            self._obey(point, command, at, served)

    def _obey(self, point: Point, command: Command, at: datetime, served: Served) -> None:
        if self._draw(point, FaultKind.LOCAL, at):
            said = answer(command, AckStatus.REJECTED, "somebody works on the cabinet")
        elif self._draw(point, FaultKind.REJECT, at):
            said = answer(command, AckStatus.REJECTED, "not now")
        elif self._draw(point, FaultKind.LIE, at):
            said = answer(command, AckStatus.SELECTED if command.select else AckStatus.ACCEPTED)
        else:
            said = self._done(point, command, at, served)
        if not self._draw(point, FaultKind.DROP_ACK, at):
            served.answers.append(said)
            self._report(point.point, point.gateway, at, served)

    def _done(self, point: Point, command: Command, at: datetime, served: Served) -> Wire:
        """What sound equipment answers; a selection is a question, and moves nothing."""
        ack = point.judge(command, at) if command.select else point.obey(command, at)
        if ack.status is AckStatus.ACCEPTED and command.select:
            return answer(command, AckStatus.SELECTED)
        if ack.status is AckStatus.ACCEPTED:
            served.effects.append(effect_of(command, at))
        return answer(command, ack.status, ack.reason)

    def _report(self, name: str, gateway: str, at: datetime, served: Served) -> None:
        point = self._points.get(name)
        if point is not None and point.gateway == gateway:
            served.answers.extend([report(point.readback(at))] * (2 if self._draw(point, FaultKind.DOUBLE, at) else 1))

    def _draw(self, point: Point, kind: FaultKind, at: datetime) -> Fault | None:
        """The fault of an asset or of its gateway that strikes this message."""
        active = [*self._faults.active(point.id, kind, at), *self._faults.active(point.gateway, kind, at)]
        return next((fault for fault in active if self._random.random() < fault.probability), None)


def _gateway(message: Wire) -> str:
    of_tablet = vehicle_of(message.topic)
    return of_tablet[0] if of_tablet else gateway_of(message.topic)


def _payload(at: datetime, readings: list[Reading]) -> bytes:
    return orjson.dumps({"observed_at": isoformat(at), "readings": readings})
