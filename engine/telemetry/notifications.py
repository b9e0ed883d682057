"""NGSI-LD notifications in: what a context broker posts when a subscription fires (ETSI GS CIM 009, 5.8.6)."""

import asyncio
import hmac
from collections.abc import Callable

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.errors import Unavailable

PATH = "/ngsi-ld/notify"
_JSON = {"application/json", "application/ld+json"}
_BODY_WITHIN_S = 10.0

Take = Callable[[bytes], dict[str, int]]


def notifications_app(take: Take, token: str, largest: int = 4 * 1024 * 1024) -> Starlette:
    """Hands the body of each notification to `take`, which commits it and says what became of it.

    200 only after that; 503 while `take` raises Unavailable, so that the broker repeats. Who has not the bearer token
    is refused with 401, and what is longer than `largest` bytes, late, or no notification, with 4xx.
    """
    notify = _Notify(take, token, largest)
    return Starlette(routes=[Route(PATH, notify.answer, methods=["POST"])])


class _Notify:
    """The one endpoint."""

    def __init__(self, take: Take, token: str, largest: int) -> None:
        self._take, self._token, self._largest = take, token.encode(), largest

    async def answer(self, request: Request) -> Response:
        self._admit(request)
        try:
            async with asyncio.timeout(_BODY_WITHIN_S):
                body = await self._body(request)
        except TimeoutError:
            raise HTTPException(408, f"the body did not come within {_BODY_WITHIN_S:g} s") from None
        if not _is_notification(body):
            raise HTTPException(400, 'wants {"type": "Notification", "subscriptionId": …, "data": [entities]}')
        try:
            return JSONResponse(await run_in_threadpool(self._take, body))
        except Unavailable:
            raise HTTPException(503, "the store is away: say it again later", {"Retry-After": "5"}) from None

    def _admit(self, request: Request) -> None:
        said = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(said, b"Bearer " + self._token):
            raise HTTPException(401, "wants Authorization: Bearer and the token", {"WWW-Authenticate": "Bearer"})
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _JSON:
            raise HTTPException(415, "wants application/json or application/ld+json")

    async def _body(self, request: Request) -> bytes:
        """One that is too long is not read to its end."""
        told = request.headers.get("content-length", "0")
        body = bytearray()
        if not told.isdigit() or int(told) <= self._largest:
            async for chunk in request.stream():
                body += chunk
                if len(body) > self._largest:
                    break
            else:
                return bytes(body)
        raise HTTPException(413, f"wants at most {self._largest} bytes")


def _is_notification(body: bytes) -> bool:
    try:
        found = orjson.loads(body)
    except ValueError:
        return False
    if not isinstance(found, dict) or found.get("type") != "Notification":
        return False
    return "subscriptionId" in found and isinstance(found.get("data"), list)
