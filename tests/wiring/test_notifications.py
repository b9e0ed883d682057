"""Context brokers notify over HTTP: committed before 200, refused with a reason, repeated without harm."""

import math
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx
import orjson
import pytest

from engine.broker import Broker
from engine.errors import ConsigneError, InputError, Unavailable
from engine.instants import isoformat
from engine.settings import Settings, load_settings
from engine.store import Store
from engine.telemetry.notifications import PATH
from jobs import listener
from jobs.bootstrap import StoryClock, Territory
from jobs.listener import listening, take
from jobs.service import loop as service_loop
from jobs.service import serve
from jobs.table import JobContext
from tests.equipment.peers.context_broker import ContextBroker
from tests.wiring.conftest import NOON, Desk, rule
from tests.wiring.test_reload import ON, House, Line

TOKEN = "t0ken of the broker"


class Town:
    """The sample territory with the listener on."""

    def __init__(self, context: JobContext, url: str) -> None:
        self.context, self.url = context, url
        self.lamp = context.territory.of_type("Streetlight")[0]
        self.web = httpx.Client(timeout=30, trust_env=False)

    def note(self, value: Any = 0.5, at: Any = NOON, **more: Any) -> dict[str, Any]:
        level = {"type": "Property", "value": value, "observedAt": isoformat(at)}
        entity = {"id": self.lamp.id, "type": "Streetlight", "illuminanceLevel": level}
        return {"id": "urn:n", "type": "Notification", "subscriptionId": "urn:s", "data": [entity]} | more

    def post(self, content: Any, token: str = TOKEN, kind: str = "application/json") -> httpx.Response:
        body = content if isinstance(content, bytes) else orjson.dumps(content)
        return self.web.post(self.url, content=body, headers={"Authorization": f"Bearer {token}", "Content-Type": kind})

    def stored(self) -> list[float]:
        with self.context.store.read() as unit:
            frame = unit.readings.since({}, 10**6)
        return list(frame["value"])


@pytest.fixture
def town(
    settings: Settings, store: Store, territory: Territory, tmp_path: Path, free_port: Callable[[], int]
) -> Iterator[Town]:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    changes = {"http_port": free_port(), "http_token_file": tmp_path / "token"}
    context = JobContext(settings.model_copy(update=changes), store, territory, StoryClock(NOON))
    with listening(context) as port:
        made = Town(context, f"http://127.0.0.1:{port}{PATH}")
        yield made
        made.web.close()


def test_a_notification_is_stored_before_it_is_acknowledged(town: Town) -> None:
    answer = town.post(town.note())
    assert (answer.status_code, answer.json()) == (200, {"received": 1, "stored": 1})
    assert town.stored() == [0.5]


def test_what_comes_twice_is_stored_once(town: Town) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(town.post, [town.note()] * 8))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["stored"] for answer in answers) == 1
    assert town.stored() == [0.5]


def test_what_is_wrong_inside_is_refused_with_its_reason_and_acknowledged(town: Town) -> None:
    note = town.note()
    note["data"] += [{"id": "urn:nobody", "type": "Streetlight", "illuminanceLevel": 1}, 7]
    answer = town.post(note, kind="application/ld+json; charset=utf-8")
    assert (answer.status_code, answer.json()) == (200, {"received": 3, "stored": 1})


@pytest.mark.parametrize("token", ["x", "t0ken", "t0ken of the broker2", "T0KEN of the broker"])
def test_nobody_else_is_heard(town: Town, token: str) -> None:
    assert town.post(town.note(), token).status_code == 401
    assert town.web.post(town.url, content=b"{}").status_code == 401
    assert town.stored() == []


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"type": "Notification", "data": []}', "application/json", 400),
        (b'{"type": "Notification", "subscriptionId": "s", "data": {}}', "application/json", 400),
        (b'{"id": "L", "type": "Streetlight"}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b" " * (4 * 1024 * 1024 + 1), "application/json", 413),
    ],
)
def test_what_is_no_notification_is_refused(town: Town, content: bytes, kind: str, status: int) -> None:
    assert town.post(content, kind=kind).status_code == status
    assert town.stored() == []


def test_a_body_of_unknown_length_is_cut_off_too(town: Town) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b" " * 65_536

    try:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        assert town.web.post(town.url, content=endless(), headers=headers).status_code == 413
    except httpx.WriteError:
        pass  # it hung up before we had finished
    assert town.post(town.note()).status_code == 200


def test_while_the_store_is_away_the_broker_is_asked_to_repeat(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(listener, "store_raw", away)
        answer = town.post(town.note())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert town.post(town.note()).json() == {"received": 1, "stored": 1}


def test_a_real_subscription_fires(town: Town, free_port: Callable[[], int]) -> None:
    broker = ContextBroker(free_port())
    broker.start()
    try:
        broker.entities[town.lamp.id] = {**town.note()["data"][0]}
        endpoint = {"uri": town.url, "receiverInfo": [{"key": "Authorization", "value": f"Bearer {TOKEN}"}]}
        asked = {"type": "Subscription", "watchedAttributes": ["illuminanceLevel"]}
        asked |= {"notification": {"endpoint": endpoint}}
        base = f"{broker.served.url}/ngsi-ld/v1"
        town.web.post(f"{base}/subscriptions", json=asked).raise_for_status()
        told = {"illuminanceLevel": town.note(0.25)["data"][0]["illuminanceLevel"]}
        link = '<https://context.example.org/c.jsonld>; rel="http://www.w3.org/ns/json-ld#context"'
        town.web.patch(f"{base}/entities/{town.lamp.id}/attrs", json=told, headers={"Link": link}).raise_for_status()
    finally:
        broker.stop()
    assert town.stored() == [0.25]


def test_the_service_decides_at_once_on_what_it_was_told(
    town: Town, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing else would make it."""
    monkeypatch.setattr(service_loop, "_QUIET_TICK_S", math.inf)
    house = House(town.context.store, town.context.territory, desk, rule("same", ON))
    decided, stop = threading.Event(), threading.Event()
    monkeypatch.setattr(house.service, "cycle", decided.set)
    loop = threading.Thread(target=serve, args=(house.service, cast("Broker", Line()), stop))
    loop.start()
    try:
        assert not decided.wait(0.5)
        take(town.context, orjson.dumps(town.note()), house.service.news)
        assert decided.wait(30)
    finally:
        stop.set()
        loop.join(30)
        house.service.close()
    assert town.stored() == [0.5]


def test_a_slow_one_holds_nobody_up(town: Town) -> None:
    host, port = town.url.split("/")[2].split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(5)]
    for line in slow:
        line.sendall(b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: x\r\n")
    assert town.post(town.note()).status_code == 200
    for line in slow:
        line.close()


def test_a_port_that_is_taken_is_told(town: Town) -> None:
    threads = threading.active_count()
    with pytest.raises(ConsigneError, match="choose another CONSIGNE_HTTP_PORT"), listening(town.context):
        pass
    assert threading.active_count() == threads


def test_without_a_port_nothing_listens_and_without_a_token_nothing_starts(
    settings: Settings, store: Store, territory: Territory, tmp_path: Path
) -> None:
    with listening(JobContext(settings, store, territory, StoryClock(NOON))) as port:
        assert port == 0
    (tmp_path / "empty").write_text("\n")
    for file in (None, tmp_path / "empty"):
        with pytest.raises(InputError, match="CONSIGNE_HTTP_TOKEN_FILE"):
            load_settings(http_port=8080, http_token_file=file)
