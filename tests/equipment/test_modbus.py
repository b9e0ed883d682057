"""Modbus TCP against pymodbus's own server on loopback, in good health and with each fault."""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pymodbus.constants import ExcCodes

from engine.equipment.connections import Site
from engine.equipment.modbus import ModbusConnection, ModbusLink
from engine.equipment.registers import Register, RegisterMap, load_register_map
from engine.errors import InputError, Unavailable, Undelivered
from engine.model import Ack, AckStatus, Command, Program, ReadBack
from tests.equipment.peers.modbus import ModbusPeer

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)
TIMEOUT = timedelta(seconds=0.2)
SPEED, VALVE, LEVEL, LAMP, FLOW = "P-1/speed", "V-1/opening", "T-1/level", "L-1/level", "P-2/flow"
POINTS = {
    SPEED: {
        "unit": 1,
        "write": {"address": 10, "scale": 0.1},
        "read": {"table": "input", "address": 10, "scale": 0.1},
    },
    VALVE: {"unit": 1, "write": {"table": "coil", "address": 3}},
    LEVEL: {"unit": 2, "write": {"address": 20, "type": "i32", "word_order": "little", "scale": 0.001}},
    LAMP: {"unit": 2, "write": {"address": 30, "scale": 0.01, "offset": -1}},
    FLOW: {"unit": 3, "write": {"address": 40, "type": "f32"}},
}
MAP = RegisterMap.model_validate({"points": POINTS})


class Hands:
    """A clock set by hand."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def peer() -> Iterator[ModbusPeer]:
    with ModbusPeer() as running:
        yield running


@pytest.fixture
def link(peer: ModbusPeer, clock: Hands) -> Iterator[ModbusLink]:
    with closing(open_link(peer, clock)) as opened:
        yield opened


def open_link(peer: ModbusPeer, clock: Hands, registers: RegisterMap = MAP) -> ModbusLink:
    connection = ModbusConnection.model_construct(url=f"modbus://127.0.0.1:{peer.port}", timeout=TIMEOUT)
    return ModbusLink(connection, registers, clock)


def command(point: str, value: float, seq: int = 1, life: timedelta = timedelta(minutes=30)) -> Command:
    program = Program.constant(value, NOON, NOON + timedelta(hours=9))
    return Command(f"{point} {seq}", point, "PLC-1", seq, program, NOON, NOON + life)


def sent(link: ModbusLink, *commands: Command) -> dict[str, Ack]:
    """The acknowledgement of each, by point."""
    link.send(commands)
    answers = link.receive(0.0)
    link.confirm(answers)
    return {ack.point: ack for ack in answers.acks}


def read(link: ModbusLink, *points: str) -> dict[str, float]:
    link.ask(dict.fromkeys(points, "PLC-1"))
    answers = link.receive(0.0)
    link.confirm(answers)
    return {readback.point: readback.value for readback in answers.readbacks}


def test_values_are_written_where_and_how_the_map_says(peer: ModbusPeer, link: ModbusLink) -> None:
    """By hand: 49.7 at 0.1 is 497; 1.5 at 0.001 is 1500, low word first; -70000 is 0xfffeee90; 0.4 above -1 is 140."""
    wanted = {SPEED: 49.7, VALVE: 1.0, LEVEL: 1.5, LAMP: 0.4, FLOW: -12.5}
    acks = sent(link, *(command(point, value) for point, value in wanted.items()))
    assert {point: ack.status for point, ack in acks.items()} == dict.fromkeys(wanted, AckStatus.ACCEPTED)
    assert acks[SPEED] == Ack(f"{SPEED} 1", SPEED, "PLC-1", 1, AckStatus.ACCEPTED)
    assert peer.holding(1, 10) == [497]
    assert peer.coil(1, 3)
    assert peer.holding(2, 20, 2) == [1500, 0]
    assert peer.holding(2, 30) == [140]
    assert peer.holding(3, 40, 2) == [0xC148, 0]
    assert sent(link, command(LEVEL, -70.0, 2))[LEVEL].status is AckStatus.ACCEPTED
    assert peer.holding(2, 20, 2) == [0xEE90, 0xFFFE]


def test_a_read_back_is_the_value_of_its_own_register(peer: ModbusPeer, link: ModbusLink, clock: Hands) -> None:
    sent(link, command(SPEED, 49.7), command(LEVEL, -1.5), command(VALVE, 1.0))
    assert read(link, SPEED, LEVEL, VALVE) == {SPEED: 0.0, LEVEL: -1.5, VALVE: 1.0}
    peer.put_input(1, 10, 497)
    clock.pass_(7)
    link.ask({SPEED: "PLC-1"})
    assert link.receive(0.0).readbacks == (ReadBack(SPEED, "PLC-1", None, None, 49.7, clock.at),)


def test_answers_are_given_again_until_they_are_confirmed(link: ModbusLink) -> None:
    link.send([command(SPEED, 1.0)])
    first = link.receive(0.0)
    assert link.receive(0.0).acks == first.acks != ()
    link.confirm(first)
    assert link.receive(0.0).acks == ()


@pytest.mark.parametrize(
    ("given", "status", "reason"),
    [
        (command("P-9/speed", 1.0), AckStatus.REJECTED, "the point is not in the register map"),
        (command(SPEED, 6553.6), AckStatus.REJECTED, "6553.6 cannot be written, which holds 0 to 6553.5"),
        (command(SPEED, -0.1), AckStatus.REJECTED, "-0.1 cannot be written, which holds 0 to 6553.5"),
        (command(VALVE, 0.5), AckStatus.REJECTED, "0.5 cannot be written to a coil, which is 0 or 1"),
        (command(FLOW, 1e39), AckStatus.REJECTED, "1e+39 is too large for a 32 bit float"),
        (command(SPEED, 1.0, life=timedelta(0)), AckStatus.EXPIRED, "its life was over before it could be sent"),
    ],
)
def test_what_cannot_be_written_never_reaches_the_wire(
    peer: ModbusPeer, link: ModbusLink, given: Command, status: AckStatus, reason: str
) -> None:
    ack = sent(link, given)[given.point]
    assert (ack.status, ack.reason) == (status, reason)
    assert peer.heard == []


def test_a_program_not_begun_is_rejected(peer: ModbusPeer, link: ModbusLink, clock: Hands) -> None:
    clock.pass_(-60)
    assert "1 steps from 2026-11-22T11:00:00Z on" in sent(link, command(SPEED, 1.0))[SPEED].reason
    assert peer.heard == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (ExcCodes.ILLEGAL_ADDRESS, "Modbus exception 2, illegal address"),
        (ExcCodes.DEVICE_FAILURE, "Modbus exception 4, device failure"),
    ],
)
def test_an_exception_is_a_rejection_with_its_reason(
    peer: ModbusPeer, link: ModbusLink, code: ExcCodes, reason: str
) -> None:
    peer.refuse = code
    ack = sent(link, command(SPEED, 1.0))[SPEED]
    assert (ack.status, ack.reason) == (AckStatus.REJECTED, reason)
    link.ask({SPEED: "PLC-1"})
    assert link.receive(0.0).malformed == (f"{SPEED}: {reason}",)


@pytest.mark.parametrize("code", [ExcCodes.ACKNOWLEDGE, ExcCodes.DEVICE_BUSY, ExcCodes.GATEWAY_NO_RESPONSE])
def test_an_exception_that_leaves_it_open_is_no_answer(peer: ModbusPeer, link: ModbusLink, code: ExcCodes) -> None:
    peer.refuse = code
    assert sent(link, command(SPEED, 1.0)) == {}


def test_a_write_without_an_answer_is_unknown_and_not_repeated(peer: ModbusPeer, link: ModbusLink) -> None:
    peer.mute = True
    assert sent(link, command(SPEED, 12.0)) == {}
    assert peer.heard == [(1, 6, 10)]
    assert peer.holding(1, 10) == [120]


def test_an_answer_too_late_is_never_taken_for_the_next_one(peer: ModbusPeer, link: ModbusLink) -> None:
    peer.mute = True
    assert sent(link, command(SPEED, 12.0)) == {}
    peer.mute = False
    peer.let_go()
    assert read(link, LEVEL) == {LEVEL: 0.0}
    assert sent(link, command(SPEED, 13.0, 2))[SPEED].id == f"{SPEED} 2"


def test_a_late_answer_on_an_open_socket_is_thrown_away(peer: ModbusPeer, link: ModbusLink) -> None:
    """An answer nobody waits for lies in the socket: the socket is given up, not read."""
    assert sent(link, command(SPEED, 12.0))[SPEED].status is AckStatus.ACCEPTED
    peer.say_unasked(bytes.fromhex("0002 0000 0007 02 03 04 ffffffff"))
    assert select.select([link._line._client.socket], [], [], 10)[0], "it has come"
    assert read(link, LEVEL) == {LEVEL: 0.0}


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\0",
        b"\xff" * 40,
        b"HTTP/1.1 400\r\n",
        bytes.fromhex("0001 0000 0003 01 83 02"),  # an exception, to a read
        bytes.fromhex("0001 0000 0005 01 03 02 0078"),  # the value, read
        bytes.fromhex("0001 0000 0003 01 06 00"),
        bytes.fromhex("0001 0000 0002 01 86"),
        bytes.fromhex("0001 0000 0006 01 06 000b 0078"),  # another register
        bytes.fromhex("0001 0000 0006 01 06 000a 0079"),  # another value
        bytes.fromhex("0007 0000 0006 01 06 000a 0078"),  # the right words, to another request
        bytes.fromhex("0001 0000 0006 02 06 000a 0078"),  # and from another unit
    ],
)
def test_an_answer_nobody_can_read_is_none(peer: ModbusPeer, link: ModbusLink, nonsense: bytes) -> None:
    peer.nonsense = nonsense
    link.send([command(SPEED, 12.0)])
    answers = link.receive(0.0)
    link.confirm(answers)
    assert answers.acks == ()
    assert [text.partition(":")[0] for text in answers.malformed] == [SPEED]
    peer.nonsense = None
    assert sent(link, command(SPEED, 13.0, 2))[SPEED].status is AckStatus.ACCEPTED


@pytest.fixture(scope="module")
def babbling() -> Iterator[tuple[ModbusPeer, ModbusLink]]:
    with ModbusPeer() as peer, closing(open_link(peer, Hands())) as link:
        yield peer, link


pdus = (
    st.binary(min_size=1, max_size=12)
    | st.binary(max_size=3).map(lambda more: b"\x86" + more)
    | st.binary(max_size=2).map(lambda more: bytes.fromhex("06 000a 0078") + more)
)


@given(pdus, st.booleans())
def test_whatever_a_unit_answers_it_is_one_of_the_answers(
    babbling: tuple[ModbusPeer, ModbusLink], pdu: bytes, write: bool
) -> None:
    """The header is right, so that what follows is read."""
    peer, link = babbling
    peer.nonsense = lambda asked: asked.transaction_id.to_bytes(2) + bytes([0, 0, 0, len(pdu) + 1, asked.dev_id]) + pdu
    if write:
        link.send([command(SPEED, 12.0)])
    else:
        link.ask({SPEED: "PLC-1"})
    answers = link.receive(0.0)
    link.confirm(answers)
    came = len(answers.acks) + len(answers.readbacks) + len(answers.malformed)
    assert came <= 1
    if answers.acks:
        accepted = pdu[:5] == bytes.fromhex("06 000a 0078")
        assert answers.acks[0].status is (AckStatus.ACCEPTED if accepted else AckStatus.REJECTED)
        assert accepted or pdu[0] == 0x86


def test_a_deaf_unit_does_not_starve_its_neighbours(peer: ModbusPeer, link: ModbusLink) -> None:
    peer.deaf = {1}
    asked = [command(SPEED, 1.0, n) for n in range(20)]
    assert set(sent(link, *asked, command(LEVEL, 1.0))) == {LEVEL}
    assert [unit for unit, _, _ in peer.heard].count(1) == 1
    peer.deaf.clear()
    assert set(sent(link, command(SPEED, 2.0, 21))) == {SPEED}, "the next call may try it again"


def test_rests_double_and_end_with_an_answer(peer: ModbusPeer, link: ModbusLink, clock: Hands) -> None:
    peer.deaf = {1}
    tried = []
    for second in range(130):
        sent(link, command(SPEED, 1.0, second + 1, timedelta(hours=1)))
        if len(peer.heard) > len(tried):
            tried.append(second)
        clock.pass_(1)
    assert tried == [0, 1, 2, 4, 8, 16, 32, 64, 124]
    peer.deaf.clear()
    clock.pass_(60)
    for n in (200, 201):
        assert set(sent(link, command(SPEED, 3.0, n, timedelta(hours=1)))) == {SPEED}


def test_a_dead_peer_costs_one_attempt_and_comes_back(peer: ModbusPeer, link: ModbusLink, clock: Hands) -> None:
    sent(link, command(SPEED, 1.0))
    peer.stop()
    began = time.monotonic()
    with pytest.raises(Undelivered) as undelivered:
        link.send([*(command(LEVEL, 1.0, n) for n in range(500)), command("P-9/speed", 1.0)])
    assert undelivered.value.commands == {f"{LEVEL} {n}" for n in range(500)}
    assert [ack.point for ack in link.receive(0.0).acks] == ["P-9/speed"], "an answer that needs no peer"
    assert time.monotonic() - began < 60, "not 500 time-outs"
    with pytest.raises(Unavailable, match="takes no connection"):
        read(link, SPEED)
    peer.start()
    with pytest.raises(Unavailable, match="takes no connection"):
        read(link, SPEED)  # it is left in peace for a second
    clock.pass_(1)
    assert sent(link, command(LEVEL, 2.0, 501))[LEVEL].status is AckStatus.ACCEPTED
    assert peer.holding(2, 20, 2) == [2000, 0]


def test_a_peer_that_was_restarted_meanwhile_costs_nothing(peer: ModbusPeer, link: ModbusLink) -> None:
    sent(link, command(SPEED, 1.0))
    peer.stop()
    peer.start()
    assert sent(link, command(SPEED, 2.0, 2))[SPEED].status is AckStatus.ACCEPTED


def test_a_counter_is_copied_when_its_time_has_come(peer: ModbusPeer, clock: Hands) -> None:
    dogs = [{"unit": 1, "counter": 100, "echo": 101, "every": "5 s"}]
    registers = RegisterMap.model_validate({"points": POINTS, "watchdogs": dogs})
    with closing(open_link(peer, clock, registers)) as link:
        seen = []
        for count in range(1, 13):
            peer.put(1, 100, count)
            link.receive(0.0)
            seen += peer.holding(1, 101)
            clock.pass_(1)
    assert seen == [1, 1, 1, 1, 1, 6, 6, 6, 6, 6, 11, 11]


# What is written is read back


kinds = st.sampled_from(["u16", "i16", "u32", "i32"])


@given(kinds, st.sampled_from(["big", "little"]), st.sampled_from([1, 0.1, 0.001, -0.5]), st.data())
def test_what_is_written_is_read_within_half_a_unit(kind: str, order: str, scale: float, data: st.DataObject) -> None:
    register = Register.model_validate({"address": 0, "type": kind, "word_order": order, "scale": scale, "offset": 4})
    assert register.bounds is not None
    value = data.draw(st.floats(*sorted(map(register.value_of, register.bounds))))
    words = register.words_of(value)
    assert len(words) == register.words
    assert all(0 <= word <= 65_535 for word in words)
    assert register.value_in(words) == pytest.approx(value, rel=1e-12, abs=abs(scale) / 2 * (1 + 1e-9))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(["big", "little"]))
def test_a_float_comes_back_to_the_bit(value: float, order: str) -> None:
    register = Register.model_validate({"address": 0, "type": "f32", "word_order": order})
    assert register.value_in(register.words_of(value)) == value


def test_too_few_words_mean_nothing() -> None:
    with pytest.raises(ValueError, match="1 words came, 2 were asked"):
        Register(address=0, type="u32").value_in([1])


# The map


GOOD = "points:\n  P-1/speed: {unit: 1, write: {address: 10, type: u32}}\n"


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "map.yaml"
        path.write_text(text)
        return path

    return write


def test_every_mistake_of_a_map_is_told_at_its_place(written: Callable[[str], Path]) -> None:
    path = written(
        "points:\n"
        "  P-1/speed: {unit: 256, write: {address: 70000}}\n"
        "  P-1/valve: {write: {table: input, address: 1}}\n"
        "  P-1/lamp: {write: {table: coil, address: 1, type: u16}}\n"
        "  P-1/level: {write: {address: 1, scale: 0}, colour: red}\n"
        "  P-1/flow: {write: {address: 65535, type: f32}}\n"
        "watchdogs:\n"
        "  - {counter: 1, echo: 2, every: often}\n"
    )
    with pytest.raises(InputError) as error:
        load_register_map(path)
    told = [str(problem).removeprefix(f"{path}:") for problem in error.value.problems]
    assert [place.split()[0] for place in told] == ["2:21", "2:43", "3:14", "4:21", "5:22", "5:54", "6:21", "8:34"]
    for text, part in zip(
        told,
        ["less than or equal to 255", "65535", "nothing can be written to the table 'input'", "neither type",
         "a scale of 0", "unknown key", "second word", "often"], strict=True,
    ):  # fmt: skip
        assert part in text


def test_two_writers_of_one_register_are_told(written: Callable[[str], Path]) -> None:
    path = written(
        f"{GOOD}  P-2/speed: {{unit: 1, write: {{address: 11}}}}\n"
        "  P-3/speed: {unit: 2, write: {address: 11}}\n"
        "  P-4/lamp: {unit: 1, write: {table: coil, address: 11}}\n"
        "watchdogs:\n  - {unit: 2, counter: 1, echo: 11}\n"
    )
    with pytest.raises(InputError) as error:
        load_register_map(path)
    told = [(problem.line, problem.what) for problem in error.value.problems]
    assert told == [
        (3, "holding 11 of unit 1 is written for P-1/speed already"),
        (7, "holding 11 of unit 2 is written for P-3/speed already"),
    ]


def test_a_map_without_points_is_refused(written: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match="at least 1"):
        load_register_map(written("points: {}\n"))


# The connection


def test_a_connection_opens_and_probes(peer: ModbusPeer, clock: Hands, written: Callable[[str], Path]) -> None:
    entry = {"id": "plc", "kind": "modbus", "url": f"modbus://127.0.0.1:{peer.port}", "gateways": ["PLC-1"]}
    connection = ModbusConnection.model_validate({**entry, "map": str(written(GOOD)), "timeout": "0.2 s"})
    assert connection.probe() == "takes connections; 1 points mapped"
    can = connection.capabilities
    assert (can.programs, can.expiry, can.key, can.reads_back, can.selects) == (False, False, False, True, False)
    assert can.round_trip == 2 * TIMEOUT
    with connection.open(Site(clock, "test")) as link:
        assert sent(link, command(SPEED, 65_536.0))[SPEED].status is AckStatus.ACCEPTED
    assert peer.holding(1, 10, 2) == [1, 0]
    peer.stop()
    with pytest.raises(Unavailable, match=r"plc: modbus://.*refused"):
        connection.probe()


def test_a_connection_takes_no_secrets(written: Callable[[str], Path]) -> None:
    entry = {"id": "plc", "kind": "modbus", "url": "modbus://h", "gateways": ["PLC-1"], "map": str(written(GOOD))}
    for more in ({"user": "me"}, {"tls": {}}):
        with pytest.raises(ValidationError, match="no users and no TLS"):
            ModbusConnection.model_validate({**entry, **more})
