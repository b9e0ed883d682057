"""The equipment of a territory as one thing that tells its telemetry and serves what is sent to it."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import orjson

from engine.errors import InputError, Problem
from engine.instants import isoformat
from engine.model import AckStatus, Asset, Command
from engine.wire import COMMAND, GET, TELEMETRY, decode_command, decode_get, gateway_of, topic
from twin.controller import Served, Wire, answer, report
from twin.effects import effect_of
from twin.field.story import Story
from twin.lighting import NOBODY, Boost, Fault, FaultKind, Lamp, drive_of

Reading = dict[str, Any]


class Site:
    """Lamps, cabinets, detectors and counters. Instants given to it must not go back.

    Raises InputError for a lamp whose flux curve the story does not have.
    """

    def __init__(self, assets: Sequence[Asset], story: Story) -> None:
        _check_curves(assets, story)
        self._random = np.random.default_rng(story.seed)
        self._faults: defaultdict[str, list[Fault]] = defaultdict(list)
        for fault in story.faults:
            self._faults[fault.asset].append(fault)
        self._lamps = {lamp.point: lamp for lamp in self._make_lamps(assets, story)}
        self._cabinets = {
            asset.id: [lamp for lamp in self._lamps.values() if lamp.gateway == (asset.gateway or asset.id)]
            for asset in assets
            if asset.type == "StreetlightControlCabinet"
        }
        self._gateways = {asset.id: asset.gateway or asset.parent or asset.id for asset in assets}
        self._events = sorted(
            (*_presences(story), *_counts(story), *_rain(story)), key=lambda event: event[0], reverse=True
        )
        self._untold: defaultdict[str, list[Reading]] = defaultdict(list)
        self._waiting: list[tuple[datetime, int, Wire]] = []
        self._delayed = 0

    def _make_lamps(self, assets: Sequence[Asset], story: Story) -> Iterator[Lamp]:
        darkness = story.darkness
        seen: defaultdict[str, list[datetime]] = defaultdict(list)
        for somebody in story.presence:
            seen[somebody.detector].append(somebody.at)
        for asset in assets:
            if asset.type == "Streetlight":
                faults = [*self._faults[asset.id], *self._faults[asset.gateway or asset.parent or ""]]
                curve = story.flux_curves[asset.attributes["flux_curve"]]
                detector = asset.attributes.get("detector")
                boost = Boost.of(asset, seen[detector]) if detector else NOBODY
                yield Lamp(
                    asset, curve, darkness, faults, story.start_at, boost=boost, drive=drive_of(asset, story.start_at)
                )

    def telemetry(self, at: datetime) -> list[Wire]:
        """One message a gateway: its equipment as it is at that instant, and what happened since it last spoke."""
        readings: defaultdict[str, list[Reading]] = defaultdict(list)
        for lamp in self._lamps.values():
            lamp.advance(at)
            readings[lamp.gateway].extend(_lamp_readings(lamp, at))
        for cabinet, lamps in self._cabinets.items():
            local = self._suffers(cabinet, FaultKind.LOCAL, at)
            readings[self._gateways[cabinet]].extend(_cabinet_readings(cabinet, lamps, at, local=local))
        while self._events and self._events[-1][0] <= at:
            _, reading = self._events.pop()
            self._untold[self._gateways.get(reading["asset"], reading["asset"])].append(reading)
        return [
            Wire(topic(gateway, TELEMETRY), _payload(at, [*self._untold.pop(gateway, []), *readings[gateway]]))
            for gateway in sorted({*readings, *self._untold})
            if not self._suffers(gateway, FaultKind.SILENT, at)
        ]

    def serve(self, messages: Iterable[Wire], at: datetime) -> Served:
        """Commands and read-back requests, and what was delayed until now."""
        served = Served([], [])
        while self._waiting and self._waiting[0][0] <= at:
            self._deliver(heapq.heappop(self._waiting)[2], at, served)
        for message in messages:
            arrives_at = self._arrival(gateway_of(message.topic), at)
            if arrives_at > at:
                self._wait(message, arrives_at)
            else:
                self._deliver(message, at, served)
        return served

    def _arrival(self, gateway: str, at: datetime) -> datetime:
        """When a gateway that is silent now hears what is sent to it."""
        return max((f.until_at for f in self._active(gateway, FaultKind.SILENT, at)), default=at)

    def _wait(self, message: Wire, until_at: datetime) -> None:
        self._delayed += 1
        heapq.heappush(self._waiting, (until_at, self._delayed, message))

    def _deliver(self, message: Wire, at: datetime, served: Served) -> None:
        gateway = gateway_of(message.topic)
        try:
            if message.topic.endswith(f"/{COMMAND}"):
                self._command(message, decode_command(message.payload, gateway), at, served)
            elif message.topic.endswith(f"/{GET}"):
                for point in decode_get(message.payload):
                    self._report(point, gateway, at, served)
        except ValueError:
            # A gateway drops what it cannot read; the sender hears nothing, and asks.
            return

    def _command(self, message: Wire, command: Command, at: datetime, served: Served) -> None:
        lamp = self._lamps.get(command.point)
        if lamp is None or lamp.gateway != command.gateway:
            served.answers.append(answer(command, AckStatus.REJECTED, "no such point here"))
            return
        if self._draw(lamp, FaultKind.DROP_COMMAND, at):
            return
        late = self._draw(lamp, FaultKind.DELAY, at)
        if late is not None and command.issued_at + timedelta(seconds=late.delay_s) > at:
            self._wait(message, command.issued_at + timedelta(seconds=late.delay_s))
            return
        for _ in range(2 if self._draw(lamp, FaultKind.DOUBLE, at) else 1):
            self._obey(lamp, command, at, served)

    def _obey(self, lamp: Lamp, command: Command, at: datetime, served: Served) -> None:
        if self._draw(lamp, FaultKind.LOCAL, at):
            said = answer(command, AckStatus.REJECTED, "somebody works on the cabinet")
        elif self._draw(lamp, FaultKind.REJECT, at):
            said = answer(command, AckStatus.REJECTED, "not now")
        elif self._draw(lamp, FaultKind.LIE, at):
            said = answer(command, AckStatus.ACCEPTED)
        else:
            said = self._done(lamp, command, at, served)
        if not self._draw(lamp, FaultKind.DROP_ACK, at):
            served.answers.append(said)
            self._report(lamp.point, lamp.gateway, at, served)

    def _done(self, lamp: Lamp, command: Command, at: datetime, served: Served) -> Wire:
        """What a sound lamp answers; a selection is a question, and moves nothing."""
        ack = lamp.judge(command, at) if command.select else lamp.obey(command, at)
        if ack.status is AckStatus.ACCEPTED and command.select:
            return answer(command, AckStatus.SELECTED)
        if ack.status is AckStatus.ACCEPTED:
            served.effects.append(effect_of(command, at))
        return answer(command, ack.status, ack.reason)

    def _report(self, point: str, gateway: str, at: datetime, served: Served) -> None:
        lamp = self._lamps.get(point)
        if lamp is not None and lamp.gateway == gateway:
            served.answers.extend([report(lamp.readback(at))] * (2 if self._draw(lamp, FaultKind.DOUBLE, at) else 1))

    def _draw(self, lamp: Lamp, kind: FaultKind, at: datetime) -> Fault | None:
        """The fault of a lamp or of its cabinet that strikes this message."""
        active = [*self._active(lamp.id, kind, at), *self._active(lamp.gateway, kind, at)]
        return next((fault for fault in active if self._random.random() < fault.probability), None)

    def _active(self, asset: str, kind: FaultKind, at: datetime) -> list[Fault]:
        faults = self._faults.get(asset, ())
        return [fault for fault in faults if fault.kind is kind and fault.active(at)]

    def _suffers(self, asset: str, kind: FaultKind, at: datetime) -> bool:
        return bool(self._active(asset, kind, at))


def _check_curves(assets: Sequence[Asset], story: Story) -> None:
    lamps = [(asset.id, asset.attributes.get("flux_curve")) for asset in assets if asset.type == "Streetlight"]
    problems = [
        Problem(lamp, 0, 0, f"has the unknown flux curve {curve!r}", f"one of: {', '.join(story.flux_curves)}")
        for lamp, curve in lamps
        if curve not in story.flux_curves
    ]
    if problems:
        raise InputError(problems)


def _payload(at: datetime, readings: list[Reading]) -> bytes:
    return orjson.dumps({"observed_at": isoformat(at), "readings": readings})


def _lamp_readings(lamp: Lamp, at: datetime) -> list[Reading]:
    level = lamp.level(at)
    state = "off" if level <= 0 else "on" if level >= 1 else "low"
    values = {
        "powerState": state,
        "status": "defectiveLamp" if lamp.failed(at) else "ok",
        "illuminanceLevel": level,
        "powerConsumption": round(lamp.power_w(at), 3),
    }
    return [{"asset": lamp.id, "property": name, "value": value} for name, value in values.items()]


def _cabinet_readings(cabinet: str, lamps: Sequence[Lamp], at: datetime, *, local: bool) -> list[Reading]:
    energy_kwh = round(sum(lamp.energy_wh for lamp in lamps) / 1000, 6)
    return [
        {"asset": cabinet, "property": "energyConsumed", "value": energy_kwh, "unit": "kW.h"},
        {"asset": cabinet, "property": "powerConsumption", "value": round(sum(lamp.power_w(at) for lamp in lamps), 3)},
        {"asset": cabinet, "property": "workingMode", "value": "manual" if local else "automatic"},
    ]


def _counts(story: Story) -> Iterator[tuple[datetime, Reading]]:
    for count in story.counts:
        values = {"intensity": count.intensity, "occupancy": count.occupancy}
        for name, value in values.items():
            if value is not None:
                yield count.observed_at, _happened(count.asset, name, value, count.observed_at)


def _rain(story: Story) -> Iterator[tuple[datetime, Reading]]:
    for rain in story.rain:
        yield rain.at, _happened(rain.gauge, "precipitation", rain.precipitation_mm, rain.at)


def _presences(story: Story) -> Iterator[tuple[datetime, Reading]]:
    """On when somebody passes, off when nobody has for the hold time."""
    hold = timedelta(seconds=story.presence_hold_s)
    off_at: dict[str, datetime] = {}
    for detector, at in sorted(story.presence, key=lambda presence: presence.at):
        if at > off_at.get(detector, story.start_at - hold):
            if detector in off_at:
                yield off_at[detector], _happened(detector, "presence", 0, off_at[detector])
            yield at, _happened(detector, "presence", 1, at)
        off_at[detector] = at + hold
    for detector, at in off_at.items():
        yield at, _happened(detector, "presence", 0, at)


def _happened(asset: str, name: str, value: float, at: datetime) -> Reading:
    return {"asset": asset, "property": name, "value": value, "observed_at": isoformat(at)}
