"""Telemetry from LoRaWAN: uplinks of one network server to RAW rows, by the file that says where each device stands."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl

from engine.broker import Message
from engine.codec import Value
from engine.instants import isoformat
from engine.lorawan.devices import Device, Devices, Profile
from engine.lorawan.words import Uplink, Words
from engine.telemetry.raw import raw_frame

_COPIES_WITHIN = timedelta(minutes=2)
_REMEMBERED = 100_000


class Uplinks:
    """Reads uplinks. A frame that is told twice, because gateways or servers heard it apart, is read at one instant, so
    that the store knows the second for what it is; nothing else is remembered, and nothing depends on it being so.

    `clock`: whose time a reading has, the server's or that of the gateway that heard it first (the server's where the
    gateway has none).
    """

    def __init__(self, words: Words, devices: Devices, clock: Literal["server", "gateway"] = "server") -> None:
        self._words = words
        self._devices = devices
        self._clock = clock
        self._heard: dict[tuple[str, str, int, bytes], datetime] = {}

    def parse(self, messages: Sequence[Message]) -> pl.DataFrame:
        """One RAW frame of many messages, in order: a row for each measure, or one that says why there is none."""
        rows = [
            (reading, message.payload.decode(errors="replace"), fault)
            for message in messages
            for reading, fault in self._rows(message)
        ]
        return raw_frame([row[0] for row in rows], raw=[row[1] for row in rows], fault=[row[2] for row in rows])

    def _rows(self, message: Message) -> Iterator[tuple[dict[str, Any], str | None]]:
        try:
            uplink = self._words.uplink(message.topic, message.payload)
        except ValueError as error:
            yield {}, f"{message.topic}: {error}"
            return
        at = self._instant(uplink)
        device = self._devices.speaking(uplink.dev_eui or uplink.name, at)
        if device is None:
            # No asset: refused as unknown, and kept with what it held.
            speaker = f"LoRaWAN device {uplink.dev_eui or uplink.name}"
            yield {"asset": speaker, "property": "uplink", "observed_at": isoformat(at)}, None
            return
        try:
            readings = list(_readings(uplink, device, self._devices.profile(device)))
        except ValueError as error:
            yield {}, f"{device.dev_eui} at {device.asset}: {error}"
            return
        for reading in readings:
            yield {**reading, "observed_at": isoformat(at)}, None

    def _instant(self, uplink: Uplink) -> datetime:
        """When a frame was heard; the first time it was told, where it is a copy."""
        at = uplink.gateway_at if self._clock == "gateway" and uplink.gateway_at else uplink.server_at
        frame = (uplink.dev_eui or uplink.name, uplink.session, uplink.f_cnt, uplink.payload)
        first = self._heard.get(frame)
        # A device whose counter begins again may say the same another day.
        if first is not None and abs(at - first) <= _COPIES_WITHIN:
            return first
        self._heard.pop(frame, None)
        self._heard[frame] = at
        if len(self._heard) > _REMEMBERED:
            del self._heard[next(iter(self._heard))]
        return at


def _readings(uplink: Uplink, device: Device, profile: Profile) -> Iterator[dict[str, Any]]:
    """Raises ValueError for a frame that no layout fits."""
    nothing = uplink.f_port == 0 and not uplink.payload and not uplink.decoded  # words of the network alone
    if nothing or uplink.f_port in profile.other_ports:
        return
    values: Mapping[str, Any] = _decoded(uplink, profile) if profile.layouts else uplink.decoded or {}
    for name, measure in profile.measures.items():
        value = _inside(values, name)
        value = measure.absent if value is None else value
        if value is not None:
            yield {"asset": device.asset, "property": measure.property, "value": value, "unit": measure.unit}


def _decoded(uplink: Uplink, profile: Profile) -> dict[str, Value]:
    faults = [f"no layout is for port {uplink.f_port}"]
    for layout in profile.layouts:
        if layout.f_port in {None, uplink.f_port}:
            try:
                return layout.decode(uplink.payload)
            except ValueError as error:
                faults.append(f"port {uplink.f_port}, {uplink.payload.hex()}: {error}")
    raise ValueError(faults[-1])


def _inside(values: Any, path: str) -> Any:
    """The value a dotted path leads to; None where there is none."""
    if isinstance(values, Mapping) and path in values:
        return values[path]
    name, _, rest = path.partition(".")
    return _inside(values.get(name), rest) if rest and isinstance(values, Mapping) else None
