"""Downlinks of class A against network servers that speak their documented JSON over Mosquitto."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from engine.equipment.downlinks import Bucket, LorawanLink
from engine.equipment.lorawan import ChirpStackConnection
from engine.equipment.queues import MqttQueues
from engine.errors import Unavailable
from engine.model import Ack, AckStatus, Program
from tests.equipment.peers.lorawan import DEVICES, ChirpStackPeer, NetworkServer, TtsPeer
from tests.equipment.peers.mqtt import connected
from tests.equipment.peers.peer import NOON, Mood, an_order
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.mosquitto
KINDS = ("ttn", "chirpstack-api", "chirpstack")
TAKES_BACK = KINDS[:2]


@pytest.fixture(params=KINDS)
def server(
    request: pytest.FixtureRequest, mosquitto: str, tmp_path: Path, free_port: Callable[[], int]
) -> Iterator[NetworkServer]:
    made: Any = (
        TtsPeer(mosquitto, tmp_path, free_port())
        if request.param == "ttn"
        else ChirpStackPeer(
            mosquitto, tmp_path, free_port(), free_port() if request.param == "chirpstack-api" else None
        )
    )
    made.start()
    yield made
    made.stop()


@pytest.fixture
def link(server: NetworkServer) -> Iterator[LorawanLink]:
    with server.connection.open(server.site) as opened:
        yield opened


def paced(server: NetworkServer, per_hour: int, burst: int) -> LorawanLink:
    """A link whose duty cycle is another one."""
    connection = server.connection
    broker = connected(connection.session("paced", *connection.words.report_topics()))
    queues = MqttQueues(connection.words, broker.publish)
    link = LorawanLink(connection.network, broker, queues, server.clock, Bucket(per_hour, burst))
    link.close = broker.close  # type: ignore[attr-defined]
    return link


def heard(link: LorawanLink, enough: Callable[[list[Ack]], object], server: NetworkServer | None = None) -> list[Ack]:
    """Acknowledgements until there are enough, the device speaking all the while, where the server is given."""
    deadline, found = time.monotonic() + PATIENCE_S, list[Ack]()
    while not enough(found):
        assert time.monotonic() < deadline, f"only {found}"
        if server is not None:
            server.pass_time()
        answers = link.receive(0.1)
        assert answers.malformed == ()
        link.confirm(answers)
        found += answers.acks
    return found


def waits(server: NetworkServer, link: LorawanLink, *levels: int) -> bool:
    """Until exactly these levels wait at the server, in hundredths."""
    deadline = time.monotonic() + PATIENCE_S
    while [item.payload[-1] for item in server.queue] != list(levels):
        assert time.monotonic() < deadline, f"{[item.payload.hex() for item in server.queue]} wait"
        link.receive(0.02)  # not confirmed: answers stay for who asks for them
    return True


def kinds(*names: str) -> Any:
    return pytest.mark.parametrize("server", names, indirect=True)


def test_on_air_is_no_acknowledgement(server: NetworkServer, link: LorawanLink) -> None:
    link.send([an_order(server, 0.4)])
    assert waits(server, link, 40)
    server.pass_time()
    assert server.applied == [0.4]
    assert link.receive(0.3).acks == (), "a gateway sent it; the device has not said a word"
    (ack,) = heard(link, len, server)
    assert (ack.status, ack.reason) == (AckStatus.ACCEPTED, "confirmed by the device")


@kinds(*TAKES_BACK)
def test_only_the_newest_waits(server: NetworkServer, link: LorawanLink) -> None:
    for n in range(1, 6):
        link.send([an_order(server, n / 10, n)])
    assert waits(server, link, 50)
    acks = heard(link, lambda acks: len(acks) == 5, server)
    assert {(ack.seq, ack.status) for ack in acks} == {
        (5, AckStatus.ACCEPTED), *((n, AckStatus.SUPERSEDED) for n in range(1, 5))
    }  # fmt: skip
    assert server.applied == [0.5]


@kinds("chirpstack")
def test_without_the_api_values_wait_behind_each_other_and_the_newest_comes_last(
    server: NetworkServer, link: LorawanLink
) -> None:
    for n in range(1, 4):
        link.send([an_order(server, n / 10, n)])
    assert waits(server, link, 10, 20, 30)
    acks = heard(link, lambda acks: len(acks) == 3, server)
    assert [ack.status for ack in acks] == [AckStatus.ACCEPTED] * 3
    assert server.applied == [0.1, 0.2, 0.3]


@kinds(*TAKES_BACK)
def test_what_waits_for_another_point_of_the_device_stays(server: NetworkServer, link: LorawanLink) -> None:
    other = replace(an_order(server, 0.9), id="other", point="L-1/ceiling")
    link.send([other, an_order(server, 0.4, 1)])
    assert waits(server, link, 90, 40)
    link.send([an_order(server, 0.5, 2)])
    assert waits(server, link, 90, 50)


@kinds(*TAKES_BACK)
def test_what_waits_is_taken_back_when_its_life_is_over(server: NetworkServer, link: LorawanLink) -> None:
    link.send([an_order(server, 0.4)])
    assert waits(server, link, 40)
    server.clock.forward(minutes=4, seconds=59)
    link.receive(0.0)
    assert waits(server, link, 40)
    server.clock.forward(seconds=1)
    assert waits(server, link)
    for _ in range(3):
        server.pass_time()
    assert server.applied == []


@kinds("ttn")
def test_a_rejected_value_is_not_tried_again(server: NetworkServer, link: LorawanLink) -> None:
    server.mood = Mood.REFUSES
    link.send([an_order(server, 0.4)])
    (ack,) = heard(link, len, server)
    assert (ack.status, ack.reason) == (AckStatus.REJECTED, "not confirmed by the device")
    assert waits(server, link)
    server.mood = Mood.WELL
    server.pass_time()
    assert server.applied == []


@kinds("ttn")
def test_what_the_things_stack_gives_up_is_rejected_with_its_reason(server: NetworkServer, link: LorawanLink) -> None:
    assert isinstance(server, TtsPeer)
    link.send([an_order(server, 0.4)])
    assert waits(server, link, 40)
    server.fail(server.queue[0], "application downlink payload is too long")
    (ack,) = heard(link, len)
    assert (ack.status, ack.reason) == (AckStatus.REJECTED, "not sent: application downlink payload is too long")


@kinds("chirpstack")
def test_what_chirpstack_gives_up_is_rejected_with_its_reason(server: NetworkServer, link: LorawanLink) -> None:
    assert isinstance(server, ChirpStackPeer)
    link.send([an_order(server, 0.4)])
    assert waits(server, link, 40)
    server.log(server.queue.pop(0), "DOWNLINK_PAYLOAD_SIZE", "exceeds the max. payload size")
    (ack,) = heard(link, len)
    assert ack.status is AckStatus.REJECTED
    assert ack.reason == "not sent: DOWNLINK_PAYLOAD_SIZE: exceeds the max. payload size"


def test_a_repeat_waits_until_the_device_can_have_answered(server: NetworkServer, link: LorawanLink) -> None:
    server.mood = Mood.HANGS
    command = replace(an_order(server, 0.4), expires_at=NOON + timedelta(hours=1))
    link.send([command])
    assert waits(server, link, 40)
    server.pass_time()
    link.send([command])
    link.receive(0.1)
    server.pass_time()
    assert server.applied == [0.4], "one frame is enough"
    server.clock.forward(minutes=4)
    link.send([command])
    assert waits(server, link, 40)


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"point": "L-2/illuminanceLevel"}, AckStatus.REJECTED, "no device of the file sets this point now"),
        ({"point": "L-1/colour"}, AckStatus.REJECTED, "no device of the file sets this point now"),
        (
            {"expires_at": NOON + timedelta(minutes=3)}, AckStatus.EXPIRED,
            "it lives 3 min more, and the device listens every 4 min",
        ),
        (
            {"program": Program.constant(2.56, NOON, NOON + timedelta(hours=1))}, AckStatus.REJECTED,
            "level: 2.56 cannot be written, which holds 0 to 2.55",
        ),
    ],
)  # fmt: skip
@kinds("ttn")
def test_what_cannot_reach_a_device_is_not_sent(
    server: NetworkServer, link: LorawanLink, change: dict[str, Any], status: AckStatus, reason: str
) -> None:
    command = replace(an_order(server, 0.4), **change)
    link.send([command])
    (ack,) = heard(link, len)
    assert (ack.id, ack.point, ack.status, ack.reason) == (command.id, command.point, status, reason)
    server.pass_time()
    assert (server.queue, server.heard) == ([], [])


@kinds("ttn")
def test_the_duty_cycle_holds_what_is_too_much(server: NetworkServer) -> None:
    with closing(paced(server, per_hour=30, burst=1)) as link:  # type: ignore[type-var]
        link.send([an_order(server, 0.4, 1)])
        assert waits(server, link, 40)
        link.send([an_order(server, 0.5, 2)])
        assert waits(server, link), "the older one gives way at once"
        server.clock.forward(minutes=1, seconds=59)
        link.receive(0.0)
        assert waits(server, link)
        server.clock.forward(seconds=1)
        assert waits(server, link, 50)
        link.send([an_order(server, 0.6, 3)])
        server.clock.at += timedelta(minutes=-3)  # a clock set back brings no token early
        assert waits(server, link)


@kinds("ttn")
def test_what_waits_for_the_duty_cycle_beyond_its_life_never_leaves(server: NetworkServer) -> None:
    with closing(paced(server, per_hour=1, burst=1)) as link:  # type: ignore[type-var]
        link.send([an_order(server, 0.4, 1)])
        assert waits(server, link, 40)
        other = replace(an_order(server, 0.9, 2), point="L-1/ceiling")
        link.send([other])
        server.clock.forward(minutes=5)
        acks = heard(link, len)
        assert [(ack.id, ack.status) for ack in acks] == [(other.id, AckStatus.EXPIRED)]
        assert waits(server, link)


@kinds("ttn")
def test_urgent_ones_have_the_last_token(server: NetworkServer) -> None:
    with closing(paced(server, per_hour=1, burst=1)) as link:  # type: ignore[type-var]
        calm = replace(an_order(server, 0.4), id="calm", point="L-3/illuminanceLevel")
        urgent = replace(an_order(server, 0.5), id="urgent", urgent=True)
        link.send([calm, urgent])
        assert waits(server, link, 50)
        assert server.queue[0].key["priority"] == "HIGH"


@kinds("ttn", "chirpstack")
def test_reports_of_other_peoples_downlinks_are_none_of_ours(server: NetworkServer, link: LorawanLink) -> None:
    server.pass_time()
    server.report_foreign()
    assert link.receive(0.5).malformed == ()
    link.send([an_order(server, 0.4)])
    (ack,) = heard(link, len, server)
    assert ack.status is AckStatus.ACCEPTED


@kinds("chirpstack-api")
def test_an_api_that_refuses_is_told_and_nothing_leaves_later(server: NetworkServer, link: LorawanLink) -> None:
    assert isinstance(server, ChirpStackPeer)
    server.api_key = "another key"
    with pytest.raises(Unavailable, match=r"HTTP 401 → see api: and api_key_file:"):
        link.send([an_order(server, 0.4, 1)])
    with pytest.raises(Unavailable, match="HTTP 401"):
        server.connection.probe()
    server.api_key = "an api key"
    assert server.connection.probe() == "the broker answers; 2 devices; its API answers"
    for _ in range(3):
        link.receive(0.0)
        server.pass_time()
    assert server.applied == []
    link.send([an_order(server, 0.5, 2)])
    assert waits(server, link, 50)
    server.api_key = "another key"
    server.clock.forward(minutes=5)
    for _ in range(3):
        (told,) = link.receive(0.0).malformed
        assert "HTTP 401" in told, "what is over could not be taken back, and that is said once"
    server.api_key = "an api key"
    server.clock.forward(seconds=15)
    assert waits(server, link)


@kinds("chirpstack-api")
def test_chirpstack_drops_by_itself_what_has_expired(server: NetworkServer, link: LorawanLink) -> None:
    """As it must when we are dead."""
    link.send([an_order(server, 0.4)])
    assert waits(server, link, 40)
    server.clock.forward(minutes=5)
    server.pass_time()
    assert (server.queue, server.applied) == ([], [])


def test_a_bucket_keeps_its_pace() -> None:
    bucket, granted = Bucket(per_hour=60, burst=3), []
    for second in range(600):
        granted += [second for _ in range(10) if bucket.take(NOON + timedelta(seconds=second))]
    assert granted == [0, 0, 0, *range(60, 600, 60)]


def test_an_api_without_its_key_and_one_in_the_clear_are_refused(tmp_path: Path) -> None:
    for name, text in (("devices.yaml", DEVICES), ("key", "k")):
        (tmp_path / name).write_text(text)
    entry = {
        "id": "lora", "kind": "chirpstack", "url": "mqtt://h", "gateways": ["A-*"], "application": "a",
        "devices": tmp_path / "devices.yaml",
    }  # fmt: skip
    with pytest.raises(ValidationError, match="api and api_key_file go together"):
        ChirpStackConnection.model_validate({**entry, "api": "https://h"})
    with pytest.raises(ValidationError, match="http is readable by everybody"):
        ChirpStackConnection.model_validate({**entry, "api": "http://h", "api_key_file": tmp_path / "key"})
    with pytest.raises(ValidationError, match="application"):
        ChirpStackConnection.model_validate({**entry, "application": "a/#"})
    can = ChirpStackConnection.model_validate(entry).capabilities
    assert (can.programs, can.expiry, can.key, can.reads_back, can.newest_only) == (False, False, False, False, True)
    assert can.round_trip == timedelta(minutes=4)
