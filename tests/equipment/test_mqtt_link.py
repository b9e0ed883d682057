"""The real link over a real broker: the embedded one, and Mosquitto where it is."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.broker import Broker, Message
from engine.equipment.mqtt import SUBSCRIPTIONS, MqttLink
from engine.errors import Unavailable
from engine.model import Ack, AckStatus, Command, Program, ReadBack
from engine.ports import Answers
from engine.wire import (
    ACK,
    COMMAND,
    GET,
    STATE,
    decode_command,
    decode_get,
    encode_ack,
    encode_readback,
    topic,
)
from tests.waiting import wait_for
from twin.broker import EmbeddedBroker

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)
POINT = "L-1/illuminanceLevel"


def a_command(seq: int = 1, gateway: str = "A-1") -> Command:
    program = Program.constant(0.5, NOON, NOON + timedelta(hours=9))
    return Command(f"c{seq}", POINT, gateway, seq, program, NOON, NOON + timedelta(minutes=30))


@pytest.fixture(params=["embedded", "mosquitto"])
def url(request: pytest.FixtureRequest, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[str]:
    with ExitStack() as stack:
        if request.param == "embedded":
            yield stack.enter_context(EmbeddedBroker()).url
            return
        program, port = request.getfixturevalue("mosquitto"), free_port()
        config = tmp_path / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n")
        server = stack.enter_context(subprocess.Popen([program, "-c", str(config)]))
        stack.callback(server.terminate)
        yield f"mqtt://127.0.0.1:{port}"


@pytest.fixture
def connect(url: str) -> Iterator[Callable[..., Broker]]:
    """A function that connects one more session to the broker."""
    sessions: list[Broker] = []

    def make(client_id: str, *topics: str) -> Broker:
        for attempt in range(50):
            session = Broker(url, client_id, topics)
            try:
                session.connect()
            except Unavailable:
                if attempt == 49:
                    raise
                time.sleep(0.1)
                continue
            sessions.append(session)
            return session
        raise AssertionError

    yield make
    for session in sessions:
        session.close()


def heard(session: Broker, count: int) -> list[Message]:
    messages: list[Message] = []
    while len(messages) < count:
        fresh = session.take(100, 10.0)
        assert fresh, f"only {messages} came"
        session.ack(fresh)
        messages += fresh
    return messages


def received(link: MqttLink, count: int) -> Answers:
    """Answers until so many have come, malformed ones included."""
    acks: tuple[Ack, ...] = ()
    readbacks: tuple[ReadBack, ...] = ()
    malformed: tuple[str, ...] = ()
    while len(acks) + len(readbacks) + len(malformed) < count:
        answers = link.receive(10.0)
        assert answers.acks or answers.readbacks or answers.malformed
        acks, readbacks, malformed = (
            acks + answers.acks,
            readbacks + answers.readbacks,
            malformed + answers.malformed,
        )
        link.confirm(answers)
    return Answers(acks, readbacks, malformed)


def test_commands_and_requests_reach_their_gateway(connect: Callable[..., Broker]) -> None:
    gateway = connect("A-1", topic("A-1", COMMAND), topic("A-1", GET))
    link = MqttLink(connect("core", *SUBSCRIPTIONS))
    link.send([a_command(1), a_command(2), a_command(3, "A-2")])
    link.ask({POINT: "A-1", "L-2/illuminanceLevel": "A-1", "L-3/illuminanceLevel": "A-2"})
    first, second, request = heard(gateway, 3)
    assert [decode_command(message.payload, "A-1") for message in (first, second)] == [a_command(1), a_command(2)]
    assert decode_get(request.payload) == (POINT, "L-2/illuminanceLevel")


def test_answers_come_back_with_the_gateway_of_their_topic(connect: Callable[..., Broker]) -> None:
    gateway, link = connect("A-1"), MqttLink(connect("core", *SUBSCRIPTIONS))
    ack = Ack("c1", POINT, "A-1", 1, AckStatus.ACCEPTED, "")
    state = ReadBack(POINT, "A-1", 1, "0" * 16, 0.5, NOON)
    gateway.publish(topic("A-1", ACK), encode_ack(ack))
    gateway.publish(topic("A-1", STATE), encode_readback(state))
    gateway.publish(topic("A-2", ACK), encode_ack(ack))
    gateway.flush()
    answers = received(link, 3)
    assert {(answer.id, answer.gateway) for answer in answers.acks} == {("c1", "A-1"), ("c1", "A-2")}
    assert answers.readbacks == (state,)


def test_what_cannot_be_read_is_reported_and_does_not_come_again(connect: Callable[..., Broker]) -> None:
    gateway, link = connect("A-1"), MqttLink(connect("core", *SUBSCRIPTIONS))
    for channel, payload in ((ACK, b"{"), (ACK, b'{"id": "c1"}'), (STATE, b"[]"), (STATE, b"\xff\x00")):
        gateway.publish(topic("A-1", channel), payload)
    gateway.flush()
    answers = received(link, 4)
    assert len(answers.malformed) == 4
    assert all(text.startswith("consigne/v1/A-1/") for text in answers.malformed)
    assert link.receive(0.0) == Answers(receipt=())


def test_a_command_is_never_retained(connect: Callable[..., Broker]) -> None:
    """Equipment that subscribes afterwards must not find it."""
    link = MqttLink(connect("core", *SUBSCRIPTIONS))
    link.send([a_command(1)])
    late = connect("A-1", topic("A-1", COMMAND))
    link.send([a_command(2)])
    (message,) = heard(late, 1)
    assert decode_command(message.payload, "A-1").seq == 2


def test_nothing_waits_for_nothing(connect: Callable[..., Broker]) -> None:
    link = MqttLink(connect("core", *SUBSCRIPTIONS))
    link.send([])
    link.ask({})
    link.confirm(Answers())
    assert link.receive(0.0).acks == ()


def test_a_broker_that_is_gone_is_unavailable() -> None:
    with EmbeddedBroker() as broker:
        session = Broker(broker.url, "core", SUBSCRIPTIONS)
        session.connect()
        link = MqttLink(session)
    wait_for(lambda: not session.connected)
    session.flush = lambda timeout_s=0.2: Broker.flush(session, timeout_s)  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="not acknowledged"):
        link.send([a_command()])
    session.close()


def test_an_embedded_broker_frees_its_port(free_port: Callable[[], int]) -> None:
    with EmbeddedBroker(port := free_port()) as first:
        assert first.port == port
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port}"), EmbeddedBroker(port):
            pass
    with EmbeddedBroker(port) as second:
        assert (second.port, second.url) == (port, f"mqtt://127.0.0.1:{port}")
