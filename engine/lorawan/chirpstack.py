"""ChirpStack v4 over its MQTT integration, JSON. api/proto/integration/integration.proto; fields that are 0, false or
empty are left out of its JSON."""

import base64
import uuid
from collections.abc import Sequence
from typing import Any

import orjson

from engine.lorawan.devices import Device
from engine.lorawan.words import (
    Downlink,
    Fate,
    Report,
    Uplink,
    data,
    earliest,
    instant,
    number,
    part,
    parts,
    read_object,
)

_NAMES = uuid.UUID("5f3f9a1c-0f6c-5d0a-9a5e-6c2f1f0d7b11")


class ChirpStack:
    """The words of one application. What waits for a device cannot be taken back over MQTT."""

    replaces = False

    def __init__(self, application: str) -> None:
        self._application = application

    def uplink_topics(self) -> tuple[str, ...]:
        return (self._topic("+", "event/up"),)

    def report_topics(self) -> tuple[str, ...]:
        return tuple(self._topic("+", f"event/{event}") for event in ("txack", "ack", "log"))

    def uplink(self, topic: str, payload: bytes) -> Uplink:
        event = read_object(payload)
        dev_eui = self._device(topic, event)
        heard = parts(event, "rxInfo")
        server_at = earliest(rx.get("nsTime") for rx in heard) or instant(event.get("time"))
        decoded = event.get("object")
        if decoded is not None and not isinstance(decoded, dict):
            raise ValueError("object: wanted an object")
        return Uplink(
            dev_eui=dev_eui,
            name=str(part(event, "deviceInfo").get("deviceName", "")),
            f_port=number(event, "fPort"),
            payload=data(event, "data"),
            decoded=decoded,
            session=str(event.get("devAddr", "")),
            f_cnt=number(event, "fCnt"),
            server_at=server_at,
            gateway_at=earliest(rx.get("gwTime") for rx in heard),
        )

    def report(self, topic: str, payload: bytes) -> Report | None:
        event = read_object(payload)
        self._device(topic, event)
        kind = topic.rpartition("/")[2]
        if kind == "log":
            key = part(event, "context").get("queue_item_id")
            said = f"{event.get('code', 'unknown')}: {event.get('description', '')}"
            return Report((str(key),), Fate.FAILED, said) if key and event.get("level") == "ERROR" else None
        key = event.get("queueItemId")
        if not key:
            return None
        if kind == "txack":
            return Report((str(key),), Fate.ON_AIR)
        confirmed = event.get("acknowledged") is True
        return Report((str(key),), Fate.CONFIRMED if confirmed else Fate.UNCONFIRMED)

    def key(self, command: str) -> str:
        """A queue item's id is a UUID; ChirpStack refuses a second item of the same."""
        return str(uuid.uuid5(_NAMES, command))

    def tell(self, device: Device, downlinks: Sequence[Downlink]) -> list[tuple[str, bytes]]:
        return [(self._topic(device.dev_eui, "command/down"), self._down(device, one)) for one in downlinks]

    def _down(self, device: Device, downlink: Downlink) -> bytes:
        written = base64.b64encode(downlink.payload).decode()
        return orjson.dumps(
            {"id": downlink.key, "devEui": device.dev_eui, "confirmed": True, "fPort": downlink.f_port, "data": written}
        )

    def _topic(self, device: str, rest: str) -> str:
        return f"application/{self._application}/device/{device}/{rest}"

    def _device(self, topic: str, event: dict[str, Any]) -> str:
        """Who speaks is read from the topic, which the server's ACL vouches for; the event must say the same."""
        named = topic.split("/")[3].lower() if topic.count("/") == 5 else ""
        said = str(part(event, "deviceInfo").get("devEui", "")).lower()
        if not named or said != named:
            raise ValueError(f"speaks of the device {said!r} on the topic of {named!r}")
        return named
