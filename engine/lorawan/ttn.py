"""The Things Stack v3 over its MQTT server, JSON: thethingsindustries.com/docs, MQTT Server and Data Formats. Fields
that are 0, false or empty are left out of its JSON."""

import base64
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

_FATES = {
    "sent": Fate.ON_AIR,
    "ack": Fate.CONFIRMED,
    "nack": Fate.UNCONFIRMED,
    "failed": Fate.FAILED,
}
_MARK = "consigne:"


class TheThingsStack:
    """The words of one application, `name` or `name@tenant`. A new queue replaces what waits for a device."""

    replaces = True

    def __init__(self, application: str) -> None:
        self._application = application

    def uplink_topics(self) -> tuple[str, ...]:
        return (self._topic("+", "up"),)

    def report_topics(self) -> tuple[str, ...]:
        return tuple(self._topic("+", f"down/{fate}") for fate in _FATES)

    def uplink(self, topic: str, payload: bytes) -> Uplink:
        whole = read_object(payload)
        name = self._device(topic, whole)
        if whole.get("simulated") is True:
            raise ValueError("is simulated by the server's console, and no device measured it")
        if "uplink_message" not in whole:
            raise ValueError("holds no uplink_message")
        message = part(whole, "uplink_message")
        decoded = message.get("decoded_payload")
        if decoded is not None and not isinstance(decoded, dict):
            raise ValueError("decoded_payload: wanted an object")
        heard = [part(message, "settings"), *parts(message, "rx_metadata")]
        return Uplink(
            dev_eui=str(part(whole, "end_device_ids").get("dev_eui", "")).lower(),
            name=name,
            f_port=number(message, "f_port"),
            payload=data(message, "frm_payload"),
            decoded=decoded,
            session=str(message.get("session_key_id", "")),
            f_cnt=number(message, "f_cnt"),
            server_at=instant(message.get("received_at") or whole.get("received_at")),
            gateway_at=earliest(rx.get("time") for rx in heard),
        )

    def report(self, topic: str, payload: bytes) -> Report | None:
        whole = read_object(payload)
        self._device(topic, whole)
        kind = topic.rpartition("/")[2]
        said = part(whole, f"downlink_{kind}")
        downlink, error = (part(said, "downlink"), part(said, "error")) if kind == "failed" else (said, {})
        named = downlink.get("correlation_ids") or whole.get("correlation_ids") or []
        if not isinstance(named, list):
            raise ValueError(f"correlation_ids: found {type(named).__name__}, wanted a list")
        keys = tuple(key for key in named if isinstance(key, str) and key.startswith(_MARK))
        return Report(keys, _FATES[kind], str(error.get("message_format", ""))) if keys else None

    def key(self, command: str) -> str:
        return f"{_MARK}{command}"

    def tell(self, device: Device, downlinks: Sequence[Downlink]) -> list[tuple[str, bytes]]:
        queue = [
            {
                "f_port": downlink.f_port,
                "frm_payload": base64.b64encode(downlink.payload).decode(),
                "confirmed": True,
                "priority": "HIGH" if downlink.urgent else "NORMAL",
                "correlation_ids": [downlink.key],
            }
            for downlink in downlinks
        ]
        return [(self._topic(device.name, "down/replace"), orjson.dumps({"downlinks": queue}))]

    def _topic(self, device: str, rest: str) -> str:
        return f"v3/{self._application}/devices/{device}/{rest}"

    def _device(self, topic: str, whole: dict[str, Any]) -> str:
        """Who speaks is read from the topic, which the server's ACL vouches for; the message must say the same."""
        named = topic.split("/")[3] if topic.count("/") >= 4 else ""
        said = part(whole, "end_device_ids").get("device_id", "")
        if not named or said != named:
            raise ValueError(f"speaks of the device {said!r} on the topic of {named!r}")
        return named
