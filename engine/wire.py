"""The words spoken with equipment: topic names and JSON payloads, one place for both ends of the line.

Topics are `consigne/v1/<gateway>/<channel>`; the broker's ACL keeps a gateway inside its own branch.
Readers raise ValueError for anything that is not of the payload's shape.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from engine.instants import isoformat
from engine.model import Ack, AckStatus, Command, Program, ReadBack

PREFIX = "consigne/v1"
TELEMETRY, COMMAND, ACK, GET, STATE = "telemetry", "command", "ack", "get", "state"
ROUND = "round"


def topic(gateway: str, channel: str) -> str:
    """`consigne/v1/<gateway>/<channel>`; `+` as gateway subscribes to all."""
    return f"{PREFIX}/{gateway}/{channel}"


def gateway_of(name: str) -> str:
    """The gateway a topic belongs to. Raises ValueError for a topic that is not ours."""
    prefix, gateway, _channel = name.rsplit("/", 2)
    if prefix != PREFIX:
        raise ValueError(f"{name!r} is not one of our topics, which begin with {PREFIX}/")
    return gateway


def round_topic(gateway: str, vehicle: str) -> str:
    """`consigne/v1/<gateway>/round/<vehicle>`: its round of the day (`engine.rounds`). The one message that is
    retained: a tablet reads what is in force when it is switched on. `+` as both subscribes to all.
    """
    return f"{PREFIX}/{gateway}/{ROUND}/{vehicle}"


def vehicle_of(name: str) -> tuple[str, str] | None:
    """Gateway and vehicle of a round's topic; None for any other topic."""
    prefix, _, rest = name.partition(f"{PREFIX}/")
    parts = rest.split("/")
    return (parts[0], parts[2]) if not prefix and len(parts) == 3 and parts[1] == ROUND else None


def program_to_json(program: Program) -> dict[str, Any]:
    """Equal programs have one text: whole numbers and a negative zero are written as any other number."""
    return {
        "steps": [[isoformat(at), float(value) + 0.0] for at, value in program.steps],
        "until": isoformat(program.until),
    }


def program_from_json(data: Any) -> Program:
    steps = tuple((_instant(at), float(value)) for at, value in data["steps"])
    return Program(steps, _instant(data["until"]))


@lru_cache(maxsize=20_000)
def digest(program: Program) -> str:
    """Short fingerprint of a program, by which a read-back shows which one is in action."""
    return hashlib.sha256(orjson.dumps(program_to_json(program))).hexdigest()[:16]


def encode_command(command: Command) -> bytes:
    return orjson.dumps(
        {
            "id": command.id,
            "point": command.point,
            "seq": command.seq,
            "issued_at": isoformat(command.issued_at),
            "expires_at": isoformat(command.expires_at),
            **program_to_json(command.program),
            **({"select": True} if command.select else {}),
        }
    )


def decode_command(payload: bytes, gateway: str) -> Command:
    """The command as the equipment reads it."""
    with _Shape("command"):
        data = orjson.loads(payload)
        return Command(
            id=str(data["id"]),
            point=str(data["point"]),
            gateway=gateway,
            seq=int(data["seq"]),
            program=program_from_json(data),
            issued_at=_instant(data["issued_at"]),
            expires_at=_instant(data["expires_at"]),
            select=data.get("select", False) is True,
        )


def encode_get(points: Iterable[str]) -> bytes:
    """A request for a read-back of each of a gateway's points."""
    return orjson.dumps({"points": sorted(points)})


def decode_get(payload: bytes) -> tuple[str, ...]:
    with _Shape("read-back request"):
        return tuple(str(point) for point in orjson.loads(payload)["points"])


def encode_ack(ack: Ack) -> bytes:
    return orjson.dumps(
        {"id": ack.id, "point": ack.point, "seq": ack.seq, "status": ack.status.value, "reason": ack.reason}
    )


def decode_ack(payload: bytes, gateway: str) -> Ack:
    """`gateway` comes from the topic, which the broker's ACL vouches for, never from the payload."""
    with _Shape("acknowledgement"):
        data = orjson.loads(payload)
        return Ack(
            id=str(data["id"]),
            point=str(data["point"]),
            gateway=gateway,
            seq=int(data["seq"]),
            status=AckStatus(data["status"]),
            reason=str(data.get("reason", "")),
        )


def encode_readback(state: ReadBack) -> bytes:
    return orjson.dumps(
        {
            "point": state.point,
            "seq": state.seq,
            "digest": state.digest,
            "value": state.value,
            "observed_at": isoformat(state.observed_at),
        }
    )


def decode_readback(payload: bytes, gateway: str) -> ReadBack:
    with _Shape("read-back"):
        data = orjson.loads(payload)
        return ReadBack(
            point=str(data["point"]),
            gateway=gateway,
            seq=int(data["seq"]),
            digest=str(data["digest"]),
            value=float(data["value"]),
            observed_at=_instant(data["observed_at"]),
        )


def _instant(text: Any) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return at


class _Shape:
    """Turns whatever a foreign payload provokes into one ValueError that names the kind of payload."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, KeyError | TypeError | AttributeError | ValueError | OverflowError):
            raise ValueError(f"not a {self._kind}: {type(error).__name__}: {error}") from error
