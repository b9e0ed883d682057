"""Equipment behind somebody's own HTTP service, spoken to in the words of `engine.wire`, each body signed."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import orjson
from pydantic import model_validator

from engine.equipment.connections import Site
from engine.equipment.http import AtOnce, HttpConnection, reading, verdict
from engine.equipment.inbox import Answer
from engine.model import Command, ReadBack
from engine.ports import Capabilities, Clock
from engine.web import SIGNATURE, Reply, signature
from engine.wire import decode_ack, decode_readback, encode_command, encode_get


class WebhookConnection(HttpConnection):
    """Commands are posted to `url`, requests for a read-back to `state_url`, on the same host.

    `programs`, `expiry`, `key`, `selects`: what the receiver does by itself (see `Capabilities`), which it is believed.
    """

    kind: Literal["webhook"]
    state_url: str | None = None
    programs: bool = False
    expiry: bool = False
    key: bool = False
    selects: bool = False

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.secret_file is None:
            raise ValueError("a webhook is signed: secret_file is missing")
        if self.state_url is not None and urlsplit(self.state_url)[:2] != urlsplit(self.url)[:2]:
            raise ValueError("state_url wants the scheme, host and port of url")
        return self

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            programs=self.programs,
            expiry=self.expiry,
            key=self.key,
            selects=self.selects,
            reads_back=self.state_url is not None,
            round_trip=self.timeout,
        )

    @contextmanager
    def open(self, site: Site) -> Iterator["WebhookLink"]:
        with WebhookLink(self, site.clock) as link:
            yield link


class WebhookLink(AtOnce):
    """The `Link` to one webhook."""

    def __init__(self, connection: WebhookConnection, clock: Clock) -> None:
        super().__init__(connection, clock)
        self._url, self._state_url = connection.url, connection.state_url
        self._secret = (connection.secret() or "").encode()

    def _order(self, command: Command) -> Iterable[Answer]:
        reply = self._post(self._url, command.gateway, encode_command(command), {"Idempotency-Key": command.id})
        if not reply.ok or not reply.body.strip():
            return verdict(command, reply)
        with reading(f"{self._url}: no acknowledgement"):
            return [decode_ack(_whole(reply), command.gateway)]

    def _read(self, point: str, gateway: str) -> Iterable[Answer]:
        if self._state_url is None:
            return []
        reply = self._post(self._state_url, gateway, encode_get([point]))
        if not reply.ok:
            return [f"{self._state_url}: HTTP {reply.status}"]
        with reading(f"{self._state_url}: no list of states"):
            return [_readback(item, gateway) for item in orjson.loads(_whole(reply))["states"]]

    def _post(self, url: str, gateway: str, words: bytes, headers: dict[str, str] | None = None) -> Reply:
        body = orjson.dumps({"gateway": gateway, **orjson.loads(words)})
        signed = signature(self._secret, self._clock.now(), body)
        return self._web.post(url, body, {"Content-Type": "application/json", SIGNATURE: signed, **(headers or {})})


def _whole(reply: Reply) -> bytes:
    if reply.cut:
        raise ValueError("the answer is too long")
    return reply.body


def _readback(item: Any, gateway: str) -> ReadBack:
    """A state; one without `seq` is of a receiver that keeps only the value."""
    read = decode_readback(orjson.dumps({"seq": 0, "digest": "", **item}), gateway)
    return read if "seq" in item else ReadBack(read.point, gateway, None, None, read.value, read.observed_at)
