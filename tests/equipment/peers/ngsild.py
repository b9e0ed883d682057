"""A device that subscribes at a context broker, once by an attribute and once as a device agent does commands."""

from datetime import datetime
from typing import Any

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.equipment.ngsild import MappedPoint, NgsiLdConnection
from tests.equipment.peers.context_broker import ContextBroker
from tests.equipment.peers.peer import Base, Mood
from tests.equipment.peers.served import Served

ENTITY = "urn:ngsi-ld:Streetlight:L-1"
LINK = '<https://context.example.org/c.jsonld>; rel="http://www.w3.org/ns/json-ld#context"'


class AttributePeer(Base):
    """A value in percent, taken from the attribute itself. It holds the last one."""

    mapping = MappedPoint(
        entity="urn:ngsi-ld:Streetlight:{asset}", attribute="dimming", actual="lightOutput", scale=100, unit_code="P1"
    )
    watched = "dimming"
    attributes = ("dimming", "lightOutput")

    def __init__(self, port: int, device_port: int) -> None:
        self._broker = ContextBroker(port)
        super().__init__()
        self._device = Served(Starlette(routes=[Route("/heard", self.heard, methods=["POST"])]), device_port)
        self._told: Any = None
        self.connection = NgsiLdConnection(
            id="orion", kind="ngsild", url=self._broker.served.url, gateways=("A-*",), plain=True,
            private=("127.0.0.0/8",), timeout="2 s", points={"illuminanceLevel": self.mapping},
        )  # fmt: skip

    def start(self) -> None:
        self._broker.start()
        self._device.start()
        if not self._broker.entities:
            start: dict[str, Any] = {"id": ENTITY, "type": "Streetlight"}
            start |= {name: {"type": "Property", "value": "none yet"} for name in self.attributes}
            self._broker.entities[ENTITY] = start
            endpoint = {"uri": f"{self._device.url}/heard", "accept": "application/json"}
            asked = {
                "type": "Subscription",
                "watchedAttributes": [self.watched],
                "notification": {"endpoint": endpoint},
            }
            httpx.post(f"{self._broker.served.url}/ngsi-ld/v1/subscriptions", json=asked, trust_env=False)
            self._broker.entities[ENTITY]["lightOutput"] = self.output({})

    def stop(self) -> None:
        self._broker.hang_after_patch = False
        self._broker.stop()
        self._device.stop()

    def value(self) -> float:
        return self.rest if self._told is None else float(self._told) / 100

    def output(self, _told: Any) -> dict[str, Any]:
        return {"type": "Property", "value": self.value() * 100, "observedAt": self.clock.now().isoformat()}

    async def heard(self, request: Request) -> Response:
        (entity,) = orjson.loads(await request.body())["data"]
        self.obey(entity[self.watched])
        return Response(status_code=200)

    def obey(self, told: dict[str, Any]) -> None:
        assert told["unitCode"] == "P1"
        assert datetime.fromisoformat(told["expiresAt"]["value"]) > self.clock.now()
        self._told = told["value"]
        self.applied.append(self.value())
        self._broker.entities[ENTITY]["lightOutput"] = self.output(told)

    @property
    def mood(self) -> Mood:
        return self._mood

    @mood.setter
    def mood(self, mood: Mood) -> None:
        self._mood = mood
        self._broker.hang_after_patch = mood is Mood.HANGS
        self._broker.patch_instead = {Mood.REFUSES: _refuse, Mood.BABBLES: _babble}.get(mood)


class CommandPeer(AttributePeer):
    """Programs, taken by a device agent that says how it went and shows which program is in action."""

    mapping = MappedPoint(entity="urn:ngsi-ld:Streetlight:{asset}", command="dim", actual="lightOutput", programs=True)
    watched = "dim"
    attributes = ("dim", "dim_status", "dim_info", "lightOutput")

    def value(self) -> float:
        now, told = self.clock.now(), self._told
        if told is None or now >= datetime.fromisoformat(told["until"]):
            return self.rest
        return float(next(level for at, level in reversed(told["steps"]) if datetime.fromisoformat(at) <= now))

    def output(self, told: Any) -> dict[str, Any]:
        echoed = {name: told[name] for name in ("seq", "digest") if name in told}
        return {"type": "Property", "value": self.value(), "observedAt": self.clock.now().isoformat(), **echoed}

    def obey(self, told: dict[str, Any]) -> None:
        if self._mood is Mood.REFUSES:
            self._say(dim_info="no power", dim_status="ERROR")
            return
        self._say(dim_status="PENDING")
        self._told = told["value"]
        self.applied.append(self.value())
        self._broker.entities[ENTITY]["lightOutput"] = self.output(told)
        if self._mood is not Mood.HANGS:
            self._say(dim_info="done", dim_status="OK")

    def _say(self, **attributes: str) -> None:
        told = {name: {"type": "Property", "value": value} for name, value in attributes.items()}
        url = f"{self._broker.served.url}/ngsi-ld/v1/entities/{ENTITY}/attrs"
        httpx.patch(url, json=told, headers={"Link": LINK}, trust_env=False).raise_for_status()

    @property
    def mood(self) -> Mood:
        return self._mood

    @mood.setter
    def mood(self, mood: Mood) -> None:
        self._mood = mood
        self._broker.get_instead = _babble if mood is Mood.BABBLES else None


async def _refuse(_request: Request) -> Response:
    return Response(
        orjson.dumps({"updated": [], "notUpdated": [{"attributeName": "dimming", "reason": "locked"}]}), 207
    )


async def _babble(_request: Request) -> Response:
    return Response("[[", 207)
