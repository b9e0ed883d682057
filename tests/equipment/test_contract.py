"""One contract over every way to equipment, each against a real peer of its protocol on loopback."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Unavailable, Undelivered
from engine.model import AckStatus, Command, ReadBack
from engine.ports import Answers, Link
from engine.setpoints.verify import Finding, judge
from tests.equipment.peers.lorawan import ChirpStackPeer, TtsPeer
from tests.equipment.peers.modbus import ModbusLamp
from tests.equipment.peers.mqtt import MqttPeer
from tests.equipment.peers.ngsild import AttributePeer, CommandPeer
from tests.equipment.peers.peer import Base, Mood, an_order
from tests.equipment.peers.talq import TalqPeer
from tests.equipment.peers.webhook import BareWebhookPeer, RoutedPeer, WebhookPeer
from tests.waiting import PATIENCE_S

Make = Callable[[pytest.FixtureRequest, Path, int], Base]

PEERS: dict[str, Make] = {
    "mqtt": lambda request, folder, port: MqttPeer(request.getfixturevalue("mosquitto"), folder, port),
    "ngsild-attribute": lambda request, _folder, port: AttributePeer(port, request.getfixturevalue("free_port")()),
    "ngsild-command": lambda request, _folder, port: CommandPeer(port, request.getfixturevalue("free_port")()),
    "talq": lambda _request, folder, port: TalqPeer(folder, port),
    "webhook": lambda _request, folder, port: WebhookPeer(folder, port),
    "chirpstack": lambda request, folder, port: ChirpStackPeer(request.getfixturevalue("mosquitto"), folder, port),
    "chirpstack-api": lambda request, folder, port: ChirpStackPeer(
        request.getfixturevalue("mosquitto"), folder, port, request.getfixturevalue("free_port")()
    ),
    "ttn": lambda request, folder, port: TtsPeer(request.getfixturevalue("mosquitto"), folder, port),
    "modbus": lambda _request, folder, port: ModbusLamp(folder, port),
    "router": lambda _request, folder, port: RoutedPeer(folder, port),
    "webhook-bare": lambda _request, folder, port: BareWebhookPeer(folder, port),
}
MARKS = dict.fromkeys(("mqtt", "chirpstack", "chirpstack-api", "ttn"), pytest.mark.mosquitto)


@pytest.fixture(params=[pytest.param(name, marks=MARKS.get(name, ())) for name in PEERS])
def peer(request: pytest.FixtureRequest, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Any]:
    made: Any = PEERS[request.param](request, tmp_path, free_port())
    made.start()
    made.running = True
    yield made
    if made.running:
        made.stop()


@pytest.fixture
def link(peer: Any) -> Iterator[Link]:
    with peer.connection.open(peer.site) as opened:
        yield opened


def gather(peer: Any, link: Link, enough: Callable[[Answers], object], patience_s: float = PATIENCE_S) -> Answers:
    """All answers until there are enough; the patience is for a machine that hangs."""
    deadline = time.monotonic() + patience_s
    found = Answers()
    while not enough(found):
        assert time.monotonic() < deadline, f"only {found} came"
        peer.pass_time()
        fresh = link.receive(0.1)
        link.confirm(fresh)
        found = Answers(found.acks + fresh.acks, found.readbacks + fresh.readbacks, found.malformed + fresh.malformed)
    return found


def told(peer: Any, link: Link, command: Command) -> AckStatus:
    """Send, and wait for the answer to this very command."""
    link.send([command])
    answers = gather(peer, link, lambda answers: [ack for ack in answers.acks if ack.id == command.id])
    (ack,) = {ack for ack in answers.acks if ack.id == command.id}
    assert (ack.point, ack.gateway, ack.seq) == (command.point, command.gateway, command.seq)
    return ack.status


def shown(peer: Any, link: Link, fits: Callable[[ReadBack], object] = lambda _: True) -> ReadBack:
    """Ask until a read-back fits."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        link.ask({peer.point: peer.gateway})
        answers = gather(peer, link, lambda answers: answers.readbacks)
        last = answers.readbacks[-1]
        assert (last.point, last.gateway) == (peer.point, peer.gateway)
        if fits(last):
            return last
        assert time.monotonic() < deadline, f"only {last} came"


def comes_to(peer: Any, link: Link, value: float) -> None:
    """Wait until a value is in action: a carrier's word may come before the equipment's act."""
    deadline = time.monotonic() + PATIENCE_S
    while peer.value() != pytest.approx(value):
        assert time.monotonic() < deadline, f"{peer.value()} is in action"
        peer.pass_time()
        link.receive(0.02)


def claims(peer: Any, name: str) -> None:
    if not getattr(peer.capabilities, name):
        pytest.skip(f"claims no {name}")


def test_a_command_is_acknowledged_and_applied_once(peer: Any, link: Link) -> None:
    claims(peer, "acknowledges")
    value = peer.values[0]
    assert peer.value() == peer.rest
    assert told(peer, link, an_order(peer, value)) is AckStatus.ACCEPTED
    comes_to(peer, link, value)
    assert peer.applied == pytest.approx([value])


def test_a_repeated_command_changes_nothing(peer: Any, link: Link) -> None:
    claims(peer, "acknowledges")
    command = an_order(peer, peer.values[0])
    told(peer, link, command)
    again = told(peer, link, command)
    assert again in {AckStatus.DUPLICATE, AckStatus.ACCEPTED}
    comes_to(peer, link, peer.values[0])
    if peer.capabilities.key:
        assert peer.applied == pytest.approx([peer.values[0]])


def test_the_newest_of_several_stands(peer: Any, link: Link) -> None:
    first, last = peer.values
    link.send([an_order(peer, first, 1)])
    link.send([an_order(peer, last, 2)])
    if peer.capabilities.acknowledges:
        gather(peer, link, lambda answers: any(ack.seq == 2 for ack in answers.acks))
    comes_to(peer, link, last)
    if peer.capabilities.key and peer.capabilities.acknowledges:
        assert told(peer, link, an_order(peer, first, 1)) is AckStatus.SUPERSEDED
        assert peer.value() == pytest.approx(last)


def test_a_refusal_comes_back_with_its_reason(peer: Any, link: Link) -> None:
    claims(peer, "acknowledges")
    peer.mood = Mood.REFUSES
    command = an_order(peer, peer.values[0])
    link.send([command])
    (ack,) = gather(peer, link, lambda answers: answers.acks).acks
    assert (ack.id, ack.status) == (command.id, AckStatus.REJECTED)
    assert ack.reason
    assert (peer.applied, peer.value()) == ([], peer.rest)


def test_silence_is_no_answer_and_a_read_back_tells(peer: Any, link: Link) -> None:
    peer.mood = Mood.HANGS
    command = an_order(peer, peer.values[0])
    try:
        link.send([command])
    except Undelivered as error:
        assert error.commands == set()
    silence = link.receive(0.2)
    assert (silence.acks, silence.malformed) == ((), ())
    peer.mood = Mood.WELL
    if peer.capabilities.reads_back:
        shown(peer, link, lambda state: state.value == pytest.approx(peer.values[0]))


def test_what_is_in_action_is_shown(peer: Any, link: Link) -> None:
    claims(peer, "reads_back")
    before = shown(peer, link)
    assert before.value == pytest.approx(peer.rest)
    command = an_order(peer, peer.values[0])
    assert judge(command, before, 0.01)[0] is not Finding.APPLIED
    link.send([command])
    state = shown(peer, link, lambda state: state.value == pytest.approx(peer.values[0]))
    assert judge(command, state, 0.01)[0] is Finding.APPLIED
    assert timedelta(0) <= peer.clock.now() - state.observed_at < timedelta(minutes=1)
    if peer.capabilities.key:
        assert state.seq == command.seq


def test_a_peer_that_is_gone_is_unavailable_and_may_come_back(peer: Any, link: Link) -> None:
    command = an_order(peer, peer.values[0])
    peer.stop()
    peer.running = False
    with pytest.raises(Unavailable):
        link.send([command])
    assert link.receive(0.1).acks == ()
    peer.start()
    peer.running = True
    deadline = time.monotonic() + PATIENCE_S
    while peer.value() != pytest.approx(peer.values[0]):
        assert time.monotonic() < deadline
        peer.pass_time()
        try:
            link.send([command])
            link.receive(0.1)
        except Unavailable:
            time.sleep(0.1)


def test_a_late_command_is_not_applied(peer: Any, link: Link) -> None:
    claims(peer, "expiry")
    command = an_order(peer, peer.values[0])
    peer.clock.forward(minutes=6)
    if peer.capabilities.acknowledges:
        assert told(peer, link, command) is AckStatus.EXPIRED
    else:
        link.send([command])
        link.receive(0.2)
    assert (peer.applied, peer.value()) == ([], peer.rest)


def test_what_nobody_can_read_is_counted(peer: Any, link: Link) -> None:
    peer.mood = Mood.BABBLES
    link.send([an_order(peer, peer.values[0], 1)])
    answers = gather(peer, link, lambda answers: answers.malformed)
    assert answers.acks == ()
    assert all(isinstance(text, str) and text for text in answers.malformed)
    peer.mood = Mood.WELL
    link.send([an_order(peer, peer.values[1], 2)])
    comes_to(peer, link, peer.values[1])


def test_a_program_is_followed_or_refused(peer: Any, link: Link) -> None:
    first, second = peer.values
    command = an_order(peer, first, 1, (30, second))
    link.send([command])
    if not peer.capabilities.programs:
        (ack,) = gather(peer, link, lambda answers: answers.acks).acks
        assert (ack.status, peer.applied) == (AckStatus.REJECTED, [])
        assert "program" in ack.reason
        return
    comes_to(peer, link, first)
    for minutes, value in ((31, second), (30, peer.rest)):
        peer.clock.forward(minutes=minutes)
        assert peer.value() == pytest.approx(value)


def test_a_question_is_answered_and_moves_nothing(peer: Any, link: Link) -> None:
    command = an_order(peer, peer.values[0])
    question = replace(command, select=True)
    if not peer.capabilities.selects:
        link.send([question])
        link.receive(0.2)
        assert (peer.applied, peer.value()) == ([], peer.rest)
        return
    assert told(peer, link, question) is AckStatus.SELECTED
    assert (peer.applied, peer.value()) == ([], peer.rest)
    assert told(peer, link, command) is AckStatus.ACCEPTED
    comes_to(peer, link, peer.values[0])


def test_every_gateway_of_the_connection_can_do_the_same(peer: Any, link: Link) -> None:
    assert link.capabilities(peer.gateway) == peer.capabilities


def test_nothing_is_nothing(peer: Any, link: Link) -> None:
    link.send([])
    link.ask({})
    link.confirm(Answers())
    answers = link.receive(0.0)
    assert (answers.acks, answers.readbacks, answers.malformed) == ((), (), ())


def test_the_probe_tells_whether_it_answers(peer: Any) -> None:
    assert peer.connection.probe()
    peer.stop()
    peer.running = False
    with pytest.raises(Unavailable):
        peer.connection.probe()
