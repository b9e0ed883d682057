"""Where downlinks wait at a network server: told over MQTT or, of ChirpStack, over its REST API."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from engine.errors import Unavailable
from engine.instants import isoformat
from engine.lorawan.devices import Device
from engine.lorawan.words import Downlink, Words
from engine.web import SafeClient

Publish = Callable[[str, bytes], None]


class Queues(Protocol):
    """The queues of one application's devices. `takes_back`: what waits in them can be."""

    @property
    def takes_back(self) -> bool: ...

    def tell(self, device: Device, there: Sequence[Downlink], new: Sequence[Downlink], *, stale: bool) -> None:
        """Add the new ones. `there` are those that wait already; with `stale` nothing else may go on waiting.

        Raises Unavailable when it is not known what waits now.
        """
        ...

    def key(self, named: str) -> str:
        """The downlink's own key, by what the server calls it in its reports."""
        ...


class MqttQueues:
    """What `words` say on a broker; that it took them, its own acknowledgement shows later."""

    def __init__(self, words: Words, publish: Publish) -> None:
        self._words, self._publish = words, publish

    @property
    def takes_back(self) -> bool:
        return self._words.replaces

    def tell(self, device: Device, there: Sequence[Downlink], new: Sequence[Downlink], *, stale: bool) -> None:  # noqa: ARG002 - a queue is replaced as a whole, or never
        told = [*there, *new] if self._words.replaces else list(new)
        for topic, payload in self._words.tell(device, told):
            self._publish(topic, payload)

    def key(self, named: str) -> str:
        return named


_REMEMBERED = 10_000


class RestQueues:
    """ChirpStack's API, which alone empties a queue, and from 4.10.1 on drops what has expired by itself.

    api/proto/api/device.proto: Enqueue, FlushQueue. An item's id is the server's; it is remembered whose it is.
    """

    takes_back = True

    def __init__(self, web: SafeClient, api: str, key: str) -> None:
        self._web, self._api = web, api.rstrip("/")
        self._headers = {"Grpc-Metadata-Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._keys: dict[str, str] = {}

    def tell(self, device: Device, there: Sequence[Downlink], new: Sequence[Downlink], *, stale: bool) -> None:
        if stale:
            self._ask("DELETE", f"devices/{device.dev_eui}/queue")
        for downlink in (*(there if stale else ()), *new):
            item = {
                "confirmed": True,
                "fPort": downlink.f_port,
                "data": base64.b64encode(downlink.payload).decode(),
                "expiresAt": isoformat(downlink.expires_at),
            }
            answer = self._ask("POST", f"devices/{device.dev_eui}/queue", {"queueItem": item})
            self._keys[str(answer.get("id"))] = downlink.key
        while len(self._keys) > _REMEMBERED:
            del self._keys[next(iter(self._keys))]

    def key(self, named: str) -> str:
        return self._keys.get(named, named)

    def look(self, application: str) -> None:
        """Ask for something that changes nothing. Raises Unavailable when the key or the address is wrong."""
        self._ask("GET", f"devices?limit=1&applicationId={application}")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        url = f"{self._api}/api/{path}"
        reply = self._web.request(method, url, orjson.dumps(body) if body else b"", self._headers)
        if not reply.ok:
            raise Unavailable(f"{url.partition('?')[0]}: HTTP {reply.status} → see api: and api_key_file:")
        try:
            found = orjson.loads(reply.body or b"{}")
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise Unavailable(f"{url.partition('?')[0]}: what answers is no ChirpStack API → see api:")
        return found
