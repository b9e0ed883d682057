"""What network servers say and are told, whichever they are. Readers raise ValueError for what is not of its shape."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol

import orjson

from engine.lorawan.devices import Device


@dataclass(frozen=True, slots=True)
class Uplink:
    """One frame of a device, however many gateways heard it. Lower case `dev_eui`; "" where only `name` is known.

    `payload` is what the device sent on `f_port` (0 where none is said), `decoded` what the server made of it, None
    where it decodes nothing. `session` and `f_cnt` are the same in each copy of a frame. `server_at` is the server's
    clock, `gateway_at` that of the gateway which heard it first, where it has one.
    """

    dev_eui: str
    name: str
    f_port: int
    payload: bytes
    decoded: Mapping[str, Any] | None
    session: str
    f_cnt: int
    server_at: datetime
    gateway_at: datetime | None


class Fate(Enum):
    """What became of a downlink."""

    ON_AIR = "on air"  # a gateway sent it, or is about to: the device may have heard it
    CONFIRMED = "confirmed by the device"
    UNCONFIRMED = "not confirmed by the device"
    FAILED = "not sent"


@dataclass(frozen=True, slots=True)
class Report:
    """What a server says of downlinks, by the keys it was given."""

    keys: tuple[str, ...]
    fate: Fate
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Downlink:
    """One confirmed frame to a device, of no use from `expires_at` on."""

    key: str
    f_port: int
    payload: bytes
    expires_at: datetime
    urgent: bool = False


class Words(Protocol):
    """How one kind of server speaks over MQTT.

    `replaces`: `tell` sets what waits for a device, and takes back what waited; otherwise it adds to it.
    """

    replaces: bool

    def uplink_topics(self) -> tuple[str, ...]: ...
    def report_topics(self) -> tuple[str, ...]: ...

    def uplink(self, topic: str, payload: bytes) -> Uplink:
        """Raises ValueError."""
        ...

    def report(self, topic: str, payload: bytes) -> Report | None:
        """None for what says nothing of a downlink. Raises ValueError."""
        ...

    def key(self, command: str) -> str:
        """What stands for a command in the server's reports; the same one always for the same command."""
        ...

    def tell(self, device: Device, downlinks: Sequence[Downlink]) -> list[tuple[str, bytes]]:
        """Topic and payload of each message that says it."""
        ...


def read_object(payload: bytes) -> dict[str, Any]:
    """A JSON object. Raises ValueError."""
    found = orjson.loads(payload)
    if not isinstance(found, dict):
        raise ValueError(f"found a JSON {type(found).__name__}, wanted an object")
    return found


def part(whole: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object inside an object; empty where it is left out, as servers do with what is empty."""
    found = whole.get(key, {})
    if not isinstance(found, dict):
        raise ValueError(f"{key}: found {type(found).__name__}, wanted an object")
    return found


def parts(whole: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects of a list inside an object; none where it is left out."""
    found = whole.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ValueError(f"{key}: wanted a list of objects")
    return found


def data(whole: Mapping[str, Any], key: str) -> bytes:
    """Bytes in base64 inside an object; none where they are left out."""
    found = whole.get(key, "")
    if not isinstance(found, str):
        raise ValueError(f"{key}: found {type(found).__name__}, wanted base64")
    return base64.b64decode(found, validate=True)


def number(whole: Mapping[str, Any], key: str) -> int:
    """A whole number inside an object; 0 where it is left out."""
    found = whole.get(key, 0)
    if type(found) is not int or found < 0:
        raise ValueError(f"{key}: found {found!r}, wanted a whole number from 0")
    return found


def instant(text: object) -> datetime:
    """RFC 3339 with an offset, to the microsecond."""
    if not isinstance(text, str):
        raise ValueError(f"found the time {text!r}, wanted RFC 3339 as 2026-11-22T22:40:00Z")
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"the time {text!r} has no offset")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"the time {text!r} is out of all time") from None


def earliest(texts: Iterable[object]) -> datetime | None:
    """The first of several times, those left out left out."""
    return min((instant(text) for text in texts if text is not None), default=None)
