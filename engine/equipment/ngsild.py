"""Equipment behind an NGSI-LD context broker (ETSI GS CIM 009): attributes are patched there and read back there."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self
from urllib.parse import quote

import orjson
from pydantic import Field, model_validator

from engine.equipment.connections import Entry, Site
from engine.equipment.http import AtOnce, HttpConnection, reading, verdict
from engine.equipment.inbox import Answer
from engine.equipment.single import answer
from engine.errors import Unavailable
from engine.instants import aware, isoformat
from engine.model import AckStatus, Command, ReadBack
from engine.ports import Capabilities, Clock
from engine.web import Reply
from engine.wire import digest, program_to_json

_STATUSES = {
    "OK": AckStatus.ACCEPTED,
    "FINISHED": AckStatus.ACCEPTED,
    "ERROR": AckStatus.REJECTED,
    "EXPIRED": AckStatus.EXPIRED,
}
_LOOK_EVERY_S, _LOOK_FOR_S = 0.25, 60.0


class MappedPoint(Entry):
    """How a point is written and read at the broker. `{asset}` in `entity` stands for the asset's id.

    `attribute` is patched and done, the broker's word being the acknowledgement. `command` is patched as a device agent
    expects it, which answers in `<command>_status` and `<command>_info`. `actual` holds what is in action, where
    anything does. At the broker a value is `scale` times ours. `programs`: the equipment takes `{steps, until}`.
    """

    entity: str = "{asset}"
    attribute: str | None = None
    command: str | None = None
    actual: str | None = None
    scale: float = Field(1.0, gt=0)
    unit_code: str | None = None
    programs: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.attribute is None) == (self.command is None):
            raise ValueError("wants either attribute or command")
        return self

    @property
    def written(self) -> str:
        return self.attribute or self.command or ""


class NgsiLdConnection(HttpConnection):
    """A context broker; `url` is what stands before /ngsi-ld/v1. `points`: the name of a point → how it is written.

    `context` is named in each request and never fetched by us. The secret, if any, is sent as a bearer token.
    """

    kind: Literal["ngsild"]
    points: Mapping[str, MappedPoint] = Field(min_length=1)
    context: str = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"
    tenant: str | None = None

    @property
    def capabilities(self) -> Capabilities:
        points = self.points.values()
        return Capabilities(
            programs=all(point.programs for point in points),
            expiry=False,
            key=False,
            reads_back=all(point.actual for point in points),
            round_trip=self.timeout,
        )

    @contextmanager
    def open(self, site: Site) -> Iterator["NgsiLdLink"]:
        with NgsiLdLink(self, site.clock) as link:
            yield link


@dataclass(frozen=True, slots=True)
class _Awaited:
    """A command whose agent has not answered yet, and the status that stood before it."""

    command: Command
    point: MappedPoint
    before: Any
    until_s: float


class NgsiLdLink(AtOnce):
    """The `Link` to one context broker. An agent's word names no command: it is taken for the newest of its point, and
    as of every acknowledgement only a read-back proves it."""

    def __init__(self, connection: NgsiLdConnection, clock: Clock) -> None:
        super().__init__(connection, clock)
        self._points = connection.points
        self._entities = connection.url.rstrip("/") + "/ngsi-ld/v1/entities/"
        link = f'<{connection.context}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
        self._headers = {"Link": link, "Accept": "application/json"}
        if connection.tenant:
            self._headers["NGSILD-Tenant"] = connection.tenant
        if secret := connection.secret():
            self._headers["Authorization"] = f"Bearer {secret}"
        self._awaited: dict[str, _Awaited] = {}  # by point
        self._over = threading.Event()
        self._change = threading.Condition()
        self._follower = threading.Thread(target=self._follow, name=f"{connection.id}-agents", daemon=True)

    def __enter__(self) -> Self:
        self._follower.start()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        with self._change:
            self._over.set()
            self._change.notify_all()
        self._follower.join()
        super().__exit__(*error)

    def _order(self, command: Command) -> Iterable[Answer]:
        point = self._points.get(_name(command.point))
        if point is None:
            return [answer(command, AckStatus.REJECTED, f"the connection maps no point {_name(command.point)!r}")]
        before = self._status(command.point, point) if point.command else None
        reply = self._patch(command, point)
        if reply.status == 207:
            return [answer(command, AckStatus.REJECTED, _not_updated(reply))]
        if not reply.ok or not point.command:
            return verdict(command, reply)
        with self._change:
            self._awaited[command.point] = _Awaited(command, point, before, time.monotonic() + _LOOK_FOR_S)
            self._change.notify_all()
        return []

    def _patch(self, command: Command, point: MappedPoint) -> Reply:
        value: Any = command.program.steps[0][1] * point.scale
        if point.programs:
            steps = [(at, level * point.scale) for at, level in command.program.steps]
            value = program_to_json(type(command.program)(tuple(steps), command.program.until))
        told = {
            "type": "Property",
            "value": value,
            "observedAt": isoformat(self._clock.now()),
            **({"unitCode": point.unit_code} if point.unit_code else {}),
            "seq": {"type": "Property", "value": command.seq},
            "digest": {"type": "Property", "value": digest(command.program)},
            "expiresAt": {"type": "Property", "value": isoformat(command.expires_at)},
        }
        url = f"{self._entity(command.point, point)}/attrs"
        headers = {**self._headers, "Content-Type": "application/json"}
        return self._web.request("PATCH", url, orjson.dumps({point.written: told}), headers)

    def _read(self, point: str, gateway: str) -> Iterable[Answer]:
        mapped = self._points.get(_name(point))
        if mapped is None or mapped.actual is None:
            return []
        found = self._attributes(point, mapped, mapped.actual)
        with reading(f"{point}: no value of {mapped.actual} with its time"):
            return [_readback(point, gateway, found[mapped.actual], mapped.scale)]

    def _attributes(self, point: str, mapped: MappedPoint, *names: str) -> dict[str, Any]:
        """Some attributes of the entity. Raises ValueError for anything but an entity."""
        reply = self._web.get(f"{self._entity(point, mapped)}?attrs={','.join(names)}&options=sysAttrs", self._headers)
        found = orjson.loads(reply.body) if reply.ok and not reply.cut else None
        if not isinstance(found, dict):
            raise ValueError(f"HTTP {reply.status}: {_text(reply)}")
        return {name: _instance(found[name]) for name in names if name in found}

    def _entity(self, point: str, mapped: MappedPoint) -> str:
        asset = point.rpartition("/")[0]
        return self._entities + quote(mapped.entity.replace("{asset}", asset), safe=":")

    def _status(self, point: str, mapped: MappedPoint) -> tuple[Any, Any]:
        """The agent's word and what it adds, with the times that tell one OK from the next."""
        status, info = f"{mapped.command}_status", f"{mapped.command}_info"
        found = self._attributes(point, mapped, status, info)
        return found.get(status), _property(found.get(info))

    def _follow(self) -> None:
        """Look for the agents' answers, while any are awaited."""
        while not self._over.is_set():
            with self._change:
                self._change.wait_for(lambda: self._awaited or self._over.is_set())
                waiting = list(self._awaited.values())
            for awaited in waiting:
                if not self._over.is_set():
                    self._look(awaited)
            self._over.wait(_LOOK_EVERY_S)

    def _look(self, awaited: _Awaited) -> None:
        command = awaited.command
        try:
            status, info = self._status(command.point, awaited.point)
            answers: list[Answer] = []
            said = _STATUSES.get(str(_property(status)).upper()) if (status, info) != awaited.before else None
            if said is not None:
                answers = [answer(command, said, "" if said is AckStatus.ACCEPTED or info is None else str(info))]
        except Unavailable:
            answers = []
        except ValueError as error:
            answers = [f"{command.point}: {error}"]
        with self._change:
            over = answers or time.monotonic() >= awaited.until_s
            if over and self._awaited.get(command.point) is awaited:
                del self._awaited[command.point]
        self._inbox.put(answers)


def _name(point: str) -> str:
    return point.rpartition("/")[2]


def _readback(point: str, gateway: str, found: Any, scale: float) -> ReadBack:
    """Of equipment that echoes sequence and digest, with both; of other equipment the value alone."""
    at = aware(found.get("observedAt") or found["modifiedAt"])
    seq, shown = _property(found.get("seq")), _property(found.get("digest"))
    whole = seq is not None and shown is not None
    value = float(found["value"]) / scale
    return ReadBack(point, gateway, int(seq) if whole else None, str(shown) if whole else None, value, at)


def _not_updated(reply: Reply) -> str:
    """Why a broker has not updated an attribute. Raises ValueError for what is no answer of a broker."""
    with reading("no list of what was not updated"):
        return f"not updated: {orjson.loads(reply.body)['notUpdated'][0]}"[:200]


def _property(attribute: Any) -> Any:
    """The value of a property; None where there is none."""
    return attribute.get("value") if isinstance(attribute, dict) else None


def _instance(attribute: Any) -> Any:
    """Of several instances the one without a datasetId, which is the attribute's own."""
    if not isinstance(attribute, list):
        return attribute
    return next((one for one in attribute if isinstance(one, dict) and "datasetId" not in one), None)


def _text(reply: Reply) -> str:
    return reply.body[:200].decode(errors="replace").strip()
