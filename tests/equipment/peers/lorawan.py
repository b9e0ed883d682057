"""Network servers behind Mosquitto, each with a device of class A: it hears a downlink only after it has spoken.

What they say has the shape of their documented examples: fields that are 0, false or empty are left out.
"""

import base64
import queue
import subprocess
import threading
import uuid
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.broker import Broker, Message
from engine.equipment.lorawan import ChirpStackConnection, LorawanConnection, TtnConnection
from engine.instants import isoformat
from tests.equipment.peers.mqtt import connected
from tests.equipment.peers.peer import Base, Mood
from tests.equipment.peers.served import Served

DEV_EUI = "a84041ffff16c2d7"
DEVICES = f"""
profiles:
  lamp:
    uplink_every: 4min
    layouts: [{{f_port: 2, fields: [{{name: level, type: u8, scale: 0.01}}]}}]
    measures: {{level: {{property: illuminanceLevel}}}}
    points:
      illuminanceLevel: {{f_port: 10, fields: [{{const: 1}}, {{name: level, type: u8, scale: 0.01}}]}}
      ceiling: {{f_port: 10, fields: [{{const: 2}}, {{name: level, type: u8, scale: 0.01}}]}}
devices:
  - {{dev_eui: {DEV_EUI}, device: lamp-1, asset: L-1, profile: lamp}}
  - {{dev_eui: a84041ffff16c2d8, asset: L-3, profile: lamp}}
"""


@dataclass
class Waiting:
    """A downlink in the server's queue."""

    key: Any
    payload: bytes
    f_port: int
    confirmed: bool
    expires_at: str = "9999"


class NetworkServer(Base):
    """What both kinds do. `airtime`: how many more downlinks the gateways' duty cycle allows; None for no end."""

    def __init__(self, mosquitto: str, folder: Path, port: int) -> None:
        super().__init__()
        self.url = f"mqtt://127.0.0.1:{port}"
        self.airtime: int | None = None
        self.queue: list[Waiting] = []
        self.heard: list[bytes] = []
        self._level, self._unanswered, self._f_cnt = self.rest, None, 0
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n")
        self._command = [mosquitto, "-c", str(config)]
        (folder / "devices.yaml").write_text(DEVICES)
        self.connection: LorawanConnection = self._connection(folder / "devices.yaml")

    _unanswered: Waiting | None

    def start(self) -> None:
        self._broker = subprocess.Popen(self._command)
        self._over = threading.Event()
        self._wishes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._line = connected(Broker(self.url, "network-server", self._orders()))
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        self._line.close()
        self._broker.terminate()
        self._broker.wait(10)

    def value(self) -> float:
        return self._level

    def pass_time(self) -> None:
        """The device speaks once, after every order that was given before."""
        done = threading.Event()
        self._wishes.put(lambda: (self.speak(), done.set())[0])
        assert done.wait(30)

    def _live(self) -> None:
        while not self._over.is_set():
            messages = self._line.take(10, 0.02)
            for message in messages:
                self._order(message)
            self._line.ack(messages)
            while not messages and not self._wishes.empty():
                self._wishes.get()()

    def speak(self) -> None:
        """An uplink, in which the device confirms what it heard; then a window for one downlink."""
        if self._unanswered is not None and self.mood in {Mood.WELL, Mood.REFUSES}:
            self._report_end(self._unanswered, confirmed=self.mood is Mood.WELL)
            self._unanswered = None
        self._say_up(bytes([round(self._level * 100)]), self._f_cnt)
        self._f_cnt += 1
        self.queue[:] = [waiting for waiting in self.queue if self._now < waiting.expires_at]
        if self.queue and self.airtime != 0:
            self.airtime = None if self.airtime is None else self.airtime - 1
            self._hear(self.queue.pop(0))

    def _hear(self, downlink: Waiting) -> None:
        self.heard.append(downlink.payload)
        if self.mood is Mood.BABBLES:
            self._babble()
            return
        self._report_air(downlink)
        assert downlink.confirmed
        self._unanswered = downlink
        if self.mood is not Mood.REFUSES:
            assert (downlink.f_port, downlink.payload[0]) == (10, 1)
            self._level = downlink.payload[1] / 100
            self.applied.append(self._level)

    def _say(self, topic: str, what: Any) -> None:
        self._line.publish(topic, what if isinstance(what, bytes) else orjson.dumps(what))

    @property
    def _now(self) -> str:
        return isoformat(self.clock.now())

    @abstractmethod
    def _connection(self, devices: Path) -> LorawanConnection: ...
    @abstractmethod
    def _orders(self) -> list[str]: ...
    @abstractmethod
    def _order(self, message: Message) -> None: ...
    @abstractmethod
    def _say_up(self, payload: bytes, f_cnt: int) -> None: ...
    @abstractmethod
    def _report_air(self, downlink: Waiting) -> None: ...
    @abstractmethod
    def _report_end(self, downlink: Waiting, *, confirmed: bool) -> None: ...
    @abstractmethod
    def report_foreign(self) -> None: ...
    @abstractmethod
    def _babble(self) -> None: ...


APPLICATION = "17c82e96-be03-4f38-aef3-f83d48582d97"


class ChirpStackPeer(NetworkServer):
    """ChirpStack v4. Its queue is first in, first out, an item of an id it holds is refused, and only the REST API
    empties it, and knows of expiry."""

    def __init__(self, mosquitto: str, folder: Path, port: int, api_port: int | None = None) -> None:
        self._api = None
        if api_port is not None:
            routes = [
                Route("/api/devices/{eui}/queue", self._empty, methods=["DELETE"]),
                Route("/api/devices/{eui}/queue", self._enqueue, methods=["POST"]),
                Route("/api/devices", self._list, methods=["GET"]),
            ]
            self._api = Served(Starlette(routes=routes), api_port)
            (folder / "key").write_text("an api key\n")
        self.api_key = "an api key"
        super().__init__(mosquitto, folder, port)

    def _connection(self, devices: Path) -> LorawanConnection:
        more: dict[str, Any] = {}
        if self._api is not None:
            more = {
                "api": self._api.url,
                "api_key_file": devices.parent / "key",
                "plain": True,
                "private": ["127.0.0.0/8"],
            }
        return ChirpStackConnection.model_validate(
            {"id": "lora", "kind": "chirpstack", "url": self.url, "gateways": ("A-*",), "application": APPLICATION,
             "devices": devices, "timeout": "3 s", **more}
        )  # fmt: skip

    def start(self) -> None:
        super().start()
        if self._api is not None:
            self._api.start()

    def stop(self) -> None:
        super().stop()
        if self._api is not None:
            self._api.stop()

    def _knows(self, request: Request) -> bool:
        return request.headers.get("grpc-metadata-authorization") == f"Bearer {self.api_key}"

    async def _list(self, request: Request) -> Response:
        return Response(b'{"totalCount": 1}') if self._knows(request) else Response(status_code=401)

    async def _empty(self, request: Request) -> Response:
        if not self._knows(request):
            return Response(status_code=401)
        assert request.path_params["eui"] == DEV_EUI
        self.queue.clear()
        return Response(b"{}")

    async def _enqueue(self, request: Request) -> Response:
        if not self._knows(request):
            return Response(status_code=401)
        item = orjson.loads(await request.body())["queueItem"]
        waiting = Waiting(
            str(uuid.uuid4()),
            base64.b64decode(item["data"]),
            item["fPort"],
            item.get("confirmed", False),
            item["expiresAt"],
        )
        self.queue.append(waiting)
        return Response(orjson.dumps({"id": waiting.key}))

    def _topic(self, rest: str) -> str:
        return f"application/{APPLICATION}/device/{DEV_EUI}/{rest}"

    def _orders(self) -> list[str]:
        return [self._topic("command/down")]

    def _order(self, message: Message) -> None:
        item = orjson.loads(message.payload)
        assert item["devEui"] == DEV_EUI
        if item["id"] not in [waiting.key for waiting in self.queue]:
            data = base64.b64decode(item["data"])
            self.queue.append(Waiting(item["id"], data, item["fPort"], item.get("confirmed", False)))

    def _event(self, **more: Any) -> dict[str, Any]:
        info = {"applicationId": APPLICATION, "deviceName": "lamp", "devEui": DEV_EUI, "tags": {"key": "value"}}
        return {
            "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
            "time": self._now,
            "deviceInfo": info,
            **more,
        }

    def _say_up(self, payload: bytes, f_cnt: int) -> None:
        heard = [
            {"gatewayId": f"0016c001f153a14{n}", "nsTime": self._now, "rssi": -36 - n, "snr": 10.5} for n in (1, 2, 3)
        ]
        data = base64.b64encode(payload).decode()
        counted = {"fCnt": f_cnt} if f_cnt else {}
        self._say(
            self._topic("event/up"),
            self._event(devAddr="00189440", dr=1, fPort=2, data=data, rxInfo=heard, **counted),
        )

    def _report_air(self, downlink: Waiting) -> None:
        self._say(self._topic("event/txack"), self._event(downlinkId=3461958127, queueItemId=downlink.key, fCntDown=2))

    def _report_end(self, downlink: Waiting, *, confirmed: bool) -> None:
        said = {"acknowledged": True} if confirmed else {}
        self._say(self._topic("event/ack"), self._event(queueItemId=downlink.key, fCntDown=3, **said))

    def log(self, downlink: Waiting, code: str, description: str) -> None:
        """As when an item is discarded."""
        context = {"max_payload_size": "1", "queue_item_id": downlink.key}
        self._say(
            self._topic("event/log"), self._event(level="ERROR", code=code, description=description, context=context)
        )

    def report_foreign(self) -> None:
        """Of a downlink that somebody else gave."""
        for event in ("txack", "ack"):
            self._say(self._topic(f"event/{event}"), self._event(queueItemId="42cb6459-a640-46ec-9623-bdff39dc4736"))
        self._say(self._topic("event/log"), self._event(level="ERROR", code="UPLINK_MIC", description="MIC is invalid"))

    def _babble(self) -> None:
        self._say(self._topic("event/ack"), b'{"queueItemId": ')


class TtsPeer(NetworkServer):
    """The Things Stack v3. Its queue is replaced as a whole, and what the device did not confirm is tried again."""

    def _connection(self, devices: Path) -> LorawanConnection:
        return TtnConnection.model_validate(
            {"id": "lora", "kind": "ttn", "url": self.url, "gateways": ("A-*",), "application": "app1@tenant1",
             "devices": devices, "timeout": "3 s"}
        )  # fmt: skip

    def _topic(self, rest: str) -> str:
        return f"v3/app1@tenant1/devices/lamp-1/{rest}"

    def _orders(self) -> list[str]:
        return [self._topic("down/replace")]

    def _order(self, message: Message) -> None:
        self.queue[:] = [
            Waiting(down, base64.b64decode(down["frm_payload"]), down["f_port"], down.get("confirmed", False))
            for down in orjson.loads(message.payload)["downlinks"]
        ]
        for waiting in self.queue:
            self._report("queued", waiting.key)

    def _whole(self, correlation: list[str], **more: Any) -> dict[str, Any]:
        ids = {
            "device_id": "lamp-1", "application_ids": {"application_id": "app1"}, "dev_eui": DEV_EUI.upper(),
            "join_eui": "800000000000000C", "dev_addr": "00BCB929",
        }  # fmt: skip
        return {"end_device_ids": ids, "correlation_ids": correlation, "received_at": self._now, **more}

    def _say_up(self, payload: bytes, f_cnt: int) -> None:
        heard = [{"gateway_ids": {"gateway_id": f"gtw{n}"}, "time": self._now, "rssi": -35 - n} for n in (1, 2, 3)]
        message = {
            "session_key_id": "AXA50tHUGUucuzS/bCGMNw==", "f_port": 2, "received_at": self._now, "rx_metadata": heard,
            "frm_payload": base64.b64encode(payload).decode(), **({"f_cnt": f_cnt} if f_cnt else {}),
        }  # fmt: skip
        self._say(self._topic("up"), self._whole([f"as:up:{f_cnt}", "ns:uplink:01"], uplink_message=message))

    def _report(self, fate: str, down: Any) -> None:
        self._say(self._topic(f"down/{fate}"), self._whole(down["correlation_ids"], **{f"downlink_{fate}": down}))

    def _report_air(self, downlink: Waiting) -> None:
        self._report("sent", downlink.key)

    def _report_end(self, downlink: Waiting, *, confirmed: bool) -> None:
        self._report("ack" if confirmed else "nack", downlink.key)
        if not confirmed:
            self.queue.insert(0, downlink)

    def fail(self, downlink: Waiting, why: str) -> None:
        """As when a payload is too long for the data rate."""
        failed = {"downlink": downlink.key, "error": {"name": "application_downlink_too_long", "message_format": why}}
        correlation = ["as:downlink:01E19Z5W3BZBG7CXSJE9C0A3CE"]
        self._say(self._topic("down/failed"), self._whole(correlation, downlink_failed=failed))

    def report_foreign(self) -> None:
        """Of a downlink that somebody else gave."""
        down = {"f_port": 15, "frm_payload": "vu8=", "confirmed": True, "correlation_ids": ["as:downlink:01E19B99501X"]}
        for fate in ("sent", "ack", "nack"):
            self._report(fate, down)

    def _babble(self) -> None:
        self._say(self._topic("down/ack"), b"[]")
