"""What statuses and bodies of HTTP peers mean, and what a context broker is told."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.equipment.ngsild import MappedPoint
from engine.equipment.webhook import WebhookConnection
from engine.errors import Undelivered
from engine.model import Ack, AckStatus
from engine.ports import Link
from engine.setpoints.verify import Finding, judge
from engine.wire import encode_ack
from tests.equipment.peers.ngsild import ENTITY, AttributePeer, CommandPeer
from tests.equipment.peers.peer import Base, Mood, an_order
from tests.equipment.peers.served import Served


class Receiver(Base):
    """Answers every post as it is told; keeps what came."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__()
        self.answer = Response(status_code=204)
        self.came: list[tuple[dict[str, str], Any]] = []
        self.served = Served(Starlette(routes=[Route("/", self.take, methods=["POST"])]), port)
        (folder / "secret").write_text("s")
        self.connection = WebhookConnection(
            id="hook", kind="webhook", url=f"{self.served.url}/", gateways=("*",), secret_file=folder / "secret",
            plain=True, private=("127.0.0.0/8",), timeout="2 s",
        )  # fmt: skip

    async def take(self, request: Request) -> Response:
        self.came.append((dict(request.headers), orjson.loads(await request.body())))
        if self.answer.status_code == 599:
            await self.served.hang()
        return self.answer


@pytest.fixture
def receiver(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Receiver]:
    made = Receiver(tmp_path, free_port())
    made.served.start()
    yield made
    made.served.stop()


@pytest.fixture
def hook(receiver: Receiver) -> Iterator[Link]:
    with receiver.connection.open(receiver.site) as link:
        yield link


def test_a_command_is_posted_in_our_words_with_its_gateway_and_key(receiver: Receiver, hook: Link) -> None:
    hook.send([an_order(receiver, 0.4, 7)])
    ((headers, body),) = receiver.came
    assert (body["gateway"], body["point"], body["seq"]) == ("A-1", receiver.point, 7)
    assert body["steps"] == [["2026-11-22T11:00:00Z", 0.4]]
    assert (headers["idempotency-key"], headers["content-type"]) == ("c-7", "application/json")
    assert headers["consigne-signature"].startswith(f"t={int(receiver.clock.now().timestamp())},v1=")


@pytest.mark.parametrize("status", [300, 301, 307, 400, 401, 403, 404, 409, 410, 413, 422])
def test_a_no_is_a_rejection_with_its_words(receiver: Receiver, hook: Link, status: int) -> None:
    receiver.answer = Response("not here", status, headers={"Location": "http://127.0.0.1:1/"})
    hook.send([an_order(receiver, 0.4)])
    (ack,) = hook.receive(0.0).acks
    assert (ack.status, ack.reason) == (AckStatus.REJECTED, f"HTTP {status}: not here")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_yet_be_is_no_answer(receiver: Receiver, hook: Link, status: int) -> None:
    receiver.answer = Response("later", status)
    hook.send([an_order(receiver, 0.4)])
    answers = hook.receive(0.0)
    assert (answers.acks, answers.malformed) == ((), ())


@pytest.mark.parametrize("body", [b"OK", b"{}", b'{"id":', b"x" * 100_000, b"[1]", b'{"id":1,"point":2,"seq":"x"}'])
def test_a_yes_with_a_body_that_is_no_acknowledgement_is_malformed(receiver: Receiver, hook: Link, body: bytes) -> None:
    receiver.answer = Response(body, 200)
    hook.send([an_order(receiver, 0.4)])
    answers = hook.receive(0.0)
    assert (len(answers.malformed), answers.acks) == (1, ())
    assert len(answers.malformed[0]) < 500


@pytest.mark.parametrize("status", list(AckStatus))
def test_the_receivers_own_acknowledgement_counts(receiver: Receiver, hook: Link, status: AckStatus) -> None:
    command = an_order(receiver, 0.4)
    said = Ack(command.id, command.point, "somebody else", command.seq, status, "so it is")
    receiver.answer = Response(encode_ack(said), 200)
    hook.send([command])
    (ack,) = hook.receive(0.0).acks
    assert (ack.status, ack.reason, ack.gateway) == (status, "so it is", "A-1")


def test_one_that_hangs_is_told_as_such(receiver: Receiver, hook: Link) -> None:
    receiver.answer = Response(status_code=599)
    with pytest.raises(Undelivered, match=r"no whole answer|timed out") as error:
        hook.send([an_order(receiver, 0.4)])
    assert error.value.commands == set()


def test_after_one_that_hangs_those_not_begun_are_not_tried(receiver: Receiver, hook: Link) -> None:
    receiver.answer = Response(status_code=599)
    commands = [an_order(receiver, 0.4, n) for n in range(40)]
    with pytest.raises(Undelivered) as error:
        hook.send(commands)
    begun = {body["id"] for _, body in receiver.came}
    assert 1 <= len(begun) < 20
    assert error.value.commands == {command.id for command in commands} - begun


# NGSI-LD


@pytest.fixture
def devices(free_port: Callable[[], int]) -> Iterator[Callable[..., Any]]:
    started: list[Any] = []

    def make(kind: type[AttributePeer], **changes: object) -> Any:
        peer = kind(free_port(), free_port())
        peer.connection = peer.connection.model_copy(update=changes)
        peer.start()
        started.append(peer)
        return peer

    yield make
    for peer in started:
        peer.stop()


def first_acks(link: Link) -> tuple[Ack, ...]:
    while not (answers := link.receive(30.0)).acks:
        assert not answers.malformed
    link.confirm(answers)
    return answers.acks


def test_a_context_broker_is_told_value_time_and_whose_it_is(devices: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    context = "https://context.example.org/c.jsonld"
    peer = devices(AttributePeer, tenant="angers", context=context, secret_file=tmp_path / "token")
    seen: list[Request] = []

    async def look(request: Request) -> Response:
        seen.append(request)
        return Response(status_code=204)

    peer._broker.patch_instead = look
    command = an_order(peer, 0.4, 9)
    with peer.connection.open(peer.site) as link:
        link.send([command])
    (request,) = seen
    assert request.url.path == f"/ngsi-ld/v1/entities/{ENTITY}/attrs"
    assert request.headers["link"].startswith(f"<{context}>; rel=")
    assert (request.headers["ngsild-tenant"], request.headers["authorization"]) == ("angers", "Bearer t0ken")


def test_what_the_broker_keeps_is_our_value_with_its_metadata(devices: Callable[..., Any]) -> None:
    peer = devices(AttributePeer)
    with peer.connection.open(peer.site) as link:
        link.send([an_order(peer, 0.4, 9)])
        first_acks(link)
    kept = peer._broker.entities[ENTITY]["dimming"]
    assert (kept["type"], kept["value"], kept["unitCode"]) == ("Property", 40.0, "P1")
    assert (kept["observedAt"], kept["seq"]["value"]) == ("2026-11-22T11:00:00Z", 9)
    assert kept["expiresAt"]["value"] == "2026-11-22T11:05:00Z"


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ({"other": MappedPoint(attribute="dimming")}, "maps no point 'illuminanceLevel'"),
        ({"illuminanceLevel": MappedPoint(entity="urn:none", attribute="dimming")}, "HTTP 404"),
        ({"illuminanceLevel": MappedPoint(entity=ENTITY, attribute="brightness")}, "not updated: .*no such attribute"),
    ],
)
def test_what_the_broker_does_not_know_is_rejected(
    devices: Callable[..., Any], mapping: dict[str, MappedPoint], reason: str
) -> None:
    peer = devices(AttributePeer, points=mapping)
    with peer.connection.open(peer.site) as link:
        link.send([an_order(peer, 0.4)])
        (ack,) = first_acks(link)
        link.ask({peer.point: "A-1"})
    assert ack.status is AckStatus.REJECTED
    assert re.search(reason, ack.reason)


def test_yesterdays_ok_answers_no_command_of_today(devices: Callable[..., Any]) -> None:
    peer = devices(CommandPeer)
    with peer.connection.open(peer.site) as link:
        link.send([an_order(peer, 0.4, 1)])
        assert [ack.seq for ack in first_acks(link)] == [1]
        peer.mood = Mood.HANGS
        link.send([an_order(peer, 0.7, 2)])
        assert link.receive(1.0).acks == ()
        peer._say(dim_status="EXPIRED", dim_info="too late")
        (ack,) = first_acks(link)
    assert (ack.seq, ack.status, ack.reason) == (2, AckStatus.EXPIRED, "too late")


def test_an_old_value_proves_nothing_and_one_without_time_is_none(devices: Callable[..., Any]) -> None:
    peer = devices(AttributePeer)
    peer._told = 40.0
    peer._broker.entities[ENTITY]["lightOutput"] = peer.output({})
    peer.clock.forward(minutes=10)
    with peer.connection.open(peer.site) as link:
        link.ask({peer.point: "A-1"})
        (state,) = link.receive(0.0).readbacks
        assert judge(an_order(peer, 0.4), state, 0.01)[0] is Finding.EARLY
        link.confirm(link.receive(0.0))
        peer._broker.entities[ENTITY]["lightOutput"] = {"type": "Property", "value": 40.0}
        link.ask({peer.point: "A-1"})
        assert "with its time" in link.receive(0.0).malformed[0]
