"""A small NGSI-LD context broker: entities in memory, PATCH, GET, and subscriptions that notify over HTTP."""

import contextlib
import queue
import threading
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.equipment.peers.served import Served

_API = "/ngsi-ld/v1"


class ContextBroker:
    """Refuses what ETSI GS CIM 009 says it must; notifies in order, each time with the whole entity."""

    def __init__(self, port: int) -> None:
        routes = [
            Route(f"{_API}/entities/{{id}}/attrs", self.patch, methods=["PATCH"]),
            Route(f"{_API}/entities/{{id}}", self.get, methods=["GET"]),
            Route(f"{_API}/subscriptions", self.subscribe, methods=["POST"]),
        ]
        self.served = Served(Starlette(routes=routes), port)
        self.entities: dict[str, dict[str, Any]] = {}
        self.patch_instead: Any = None  # an async function of the request: what to answer in place of patching
        self.get_instead: Any = None
        self.hang_after_patch = False
        self._subscriptions: list[dict[str, Any]] = []
        self._due: queue.Queue[tuple[dict[str, Any], dict[str, Any]] | None] = queue.Queue()

    def start(self) -> None:
        self._notifier = threading.Thread(target=self._notify)
        self._notifier.start()
        self.served.start()

    def stop(self) -> None:
        self.served.stop()
        self._due.put(None)
        self._notifier.join()

    async def patch(self, request: Request) -> Response:
        if self.patch_instead is not None:
            return await self.patch_instead(request)
        wrong = _wrong(request)
        entity = self.entities.get(request.path_params["id"])
        if wrong or entity is None:
            return _problem(*wrong) if wrong else _problem(404, "ResourceNotFound")
        told = orjson.loads(await request.body())
        if not all(_is_property(attribute) for attribute in told.values()):
            return _problem(400, "BadRequestData")
        known = {name: attribute for name, attribute in told.items() if name in entity}
        for name, attribute in known.items():
            entity[name] = {**attribute, "modifiedAt": datetime.now(UTC).isoformat()}
        self._publish(entity, set(known))
        if self.hang_after_patch:
            await self.served.hang()
        if len(known) == len(told):
            return Response(status_code=204)
        missing = [{"attributeName": name, "reason": "no such attribute"} for name in told if name not in known]
        return Response(orjson.dumps({"updated": list(known), "notUpdated": missing}), 207)

    async def get(self, request: Request) -> Response:
        if self.get_instead is not None:
            return await self.get_instead(request)
        entity = self.entities.get(request.path_params["id"])
        if entity is None:
            return _problem(404, "ResourceNotFound")
        names = request.query_params.get("attrs", "").split(",")
        times = "sysAttrs" in request.query_params.get("options", "")
        shown = {name: _shown(entity[name], times) for name in names if name in entity}
        body = {"id": entity["id"], "type": entity["type"], **shown}
        return Response(orjson.dumps(body), 200, media_type="application/json")

    async def subscribe(self, request: Request) -> Response:
        told = orjson.loads(await request.body())
        if told.get("type") != "Subscription" or "endpoint" not in told.get("notification", {}):
            return _problem(400, "BadRequestData")
        self._subscriptions.append(told)
        return Response(status_code=201, headers={"Location": f"{_API}/subscriptions/{len(self._subscriptions)}"})

    def _publish(self, entity: dict[str, Any], changed: set[str]) -> None:
        for n, subscription in enumerate(self._subscriptions):
            if changed & set(subscription["watchedAttributes"]):
                data = [{name: _shown(value, times=False) for name, value in entity.items()}]
                note = {"type": "Notification", "subscriptionId": f"urn:ngsi-ld:Subscription:{n}", "data": data}
                self._due.put((subscription["notification"]["endpoint"], note))

    def _notify(self) -> None:
        with httpx.Client(timeout=10, trust_env=False) as web:
            while (due := self._due.get()) is not None:
                endpoint, note = due
                headers = {told["key"]: told["value"] for told in endpoint.get("receiverInfo", ())}
                told = {"id": "urn:n", "notifiedAt": datetime.now(UTC).isoformat(), **note}
                with contextlib.suppress(httpx.TransportError):  # a subscriber that is gone
                    web.post(endpoint["uri"], json=told, headers=headers)


def _wrong(request: Request) -> tuple[int, str] | None:
    if request.headers.get("content-type") != "application/json":
        return 415, "UnsupportedMediaType"
    link = request.headers.get("link", "")
    if not (link.startswith("<https://") and 'rel="http://www.w3.org/ns/json-ld#context"' in link):
        return 400, "BadRequestData"
    return None


def _is_property(attribute: Any) -> bool:
    if not isinstance(attribute, dict) or attribute.get("type") != "Property" or attribute.get("value") is None:
        return False
    observed = attribute.get("observedAt")
    return observed is None or datetime.fromisoformat(observed).tzinfo is not None


def _shown(attribute: Any, times: bool) -> Any:
    if times or not isinstance(attribute, dict):
        return attribute
    return {key: value for key, value in attribute.items() if key != "modifiedAt"}


def _problem(status: int, kind: str) -> Response:
    body = orjson.dumps({"type": f"https://uri.etsi.org/ngsi-ld/errors/{kind}", "title": kind})
    return Response(body, status, media_type="application/problem+json")
