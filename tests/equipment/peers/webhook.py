"""Somebody's own HTTP service, which checks each signature by itself."""

import hashlib
import hmac
from pathlib import Path

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.equipment.connections import Site
from engine.equipment.router import Router
from engine.equipment.webhook import WebhookConnection
from engine.wire import decode_command, decode_get, encode_ack, encode_readback
from tests.equipment.peers.device import Device
from tests.equipment.peers.peer import Base, Mood
from tests.equipment.peers.served import Served

SECRET = "s3cret of the partner"


class WebhookPeer(Base):
    """A receiver that does all that equipment may do."""

    claims: dict[str, object] = dict.fromkeys(("programs", "expiry", "key", "selects"), True)
    states = True

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__()
        routes = [Route(f"/{name}", getattr(self, name), methods=["POST"]) for name in ("commands", "states_")]
        self._served = Served(Starlette(routes=routes), port)
        self._device = Device(self.clock, self.rest, self.applied)
        self.forged = 0
        secret = folder / "secret"
        secret.write_text(SECRET)
        url = self._served.url
        self.connection = WebhookConnection(
            id="partner", kind="webhook", url=f"{url}/commands", state_url=f"{url}/states_" if self.states else None,
            gateways=("A-*",), secret_file=secret, plain=True, private=("127.0.0.0/8",), timeout="2 s", **self.claims,
        )  # fmt: skip

    def start(self) -> None:
        self._served.start()

    def stop(self) -> None:
        self._served.stop()

    def value(self) -> float:
        return self._device.value()

    def _genuine(self, request: Request, body: bytes) -> bool:
        parts = dict(part.split("=", 1) for part in request.headers["consigne-signature"].split(","))
        signed = hmac.new(SECRET.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
        fresh = abs(self.clock.now().timestamp() - int(parts["t"])) <= 300
        return fresh and hmac.compare_digest(signed, parts["v1"])

    async def commands(self, request: Request) -> Response:
        body = await request.body()
        if not self._genuine(request, body):
            self.forged += 1
            return Response("who are you?", 401)
        if self.mood is Mood.REFUSES:
            return Response("no power", 409)
        if self.mood is Mood.BABBLES:
            return Response("<html>Welcome!</html>", 200)
        command = decode_command(body, orjson.loads(body)["gateway"])
        assert request.headers["idempotency-key"] == command.id
        ack = self._device.obey(command)
        if self.mood is Mood.HANGS:
            await self._served.hang()
        return self._answer(encode_ack(ack))

    def _answer(self, ack: bytes) -> Response:
        return Response(ack, 200, media_type="application/json")

    async def states_(self, request: Request) -> Response:
        body = await request.body()
        if self.mood is Mood.BABBLES or not self._genuine(request, body):
            return Response(b"[", 200)
        if self.mood is Mood.HANGS:
            await self._served.hang()
        states = [orjson.loads(encode_readback(self._device.state(name, self.gateway))) for name in decode_get(body)]
        return Response(orjson.dumps({"states": states}), 200, media_type="application/json")


class Routed:
    """A connection as the service opens it: behind the router."""

    def __init__(self, inner: WebhookConnection) -> None:
        self.inner, self.capabilities, self.probe = inner, inner.capabilities, inner.probe

    def open(self, site: Site) -> Router:
        return Router([self.inner], site, pause_s=0.2)


class RoutedPeer(WebhookPeer):
    """The same by way of the router."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder, port)
        self.connection = Routed(self.connection)  # type: ignore[assignment]


class BareWebhookPeer(WebhookPeer):
    """A receiver that only takes values, and says nothing but 204."""

    claims: dict[str, object] = {}  # noqa: RUF012 - never changed
    states = False

    def _answer(self, _ack: bytes) -> Response:
        return Response(status_code=204)
