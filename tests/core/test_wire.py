"""What is said on the wire is what is read from it; anything else is one ValueError."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import wire
from engine.model import Ack, AckStatus, Command, Program, ReadBack

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROGRAM = Program(((T0, 0.25), (T0 + timedelta(hours=1), 1.0)), T0 + timedelta(hours=2))
COMMAND = Command("k" * 64, "L-1/illuminanceLevel", "A-1", 7, PROGRAM, T0, T0 + timedelta(minutes=30))
ACK = Ack(COMMAND.id, COMMAND.point, "A-1", 7, AckStatus.ACCEPTED, "fine")
STATE = ReadBack(COMMAND.point, "A-1", 7, wire.digest(PROGRAM), 0.25, T0)


def test_commands_acks_and_readbacks_come_back() -> None:
    assert wire.decode_command(wire.encode_command(COMMAND), "A-1") == COMMAND
    assert wire.decode_ack(wire.encode_ack(ACK), "A-1") == ACK
    assert wire.decode_readback(wire.encode_readback(STATE), "A-1") == STATE


def test_a_selection_is_the_same_command_marked_as_a_question() -> None:
    question = replace(COMMAND, select=True)
    assert wire.decode_command(wire.encode_command(question), "A-1") == question
    told, asked = (orjson.loads(wire.encode_command(command)) for command in (COMMAND, question))
    assert asked == told | {"select": True}


def test_the_gateway_is_the_topics_never_the_payloads() -> None:
    forged = orjson.dumps({**orjson.loads(wire.encode_ack(ACK)), "gateway": "A-1"})
    assert wire.decode_ack(forged, "A-666").gateway == "A-666"


def test_topics() -> None:
    assert wire.topic("A-1", wire.ACK) == "consigne/v1/A-1/ack"
    assert wire.gateway_of("consigne/v1/A-1/ack") == "A-1"
    for foreign in ("other/v1/A-1/ack", "consigne/v1/ack", "x"):
        with pytest.raises(ValueError):
            wire.gateway_of(foreign)


def test_a_digest_tells_programs_apart_and_survives_the_wire() -> None:
    other = Program(((T0, 0.26), (T0 + timedelta(hours=1), 1.0)), PROGRAM.until)
    assert wire.digest(PROGRAM) != wire.digest(other)
    assert wire.digest(wire.program_from_json(wire.program_to_json(PROGRAM))) == wire.digest(PROGRAM)


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (-0.0, 0.0)])
def test_equal_programs_have_one_digest_whichever_comes_first(one: float, other: float) -> None:
    programs = [Program.constant(value, T0, T0 + timedelta(hours=1)) for value in (one, other)]
    texts = {orjson.dumps(wire.program_to_json(program)) for program in programs}
    assert programs[0] == programs[1]
    assert len(texts) == 1
    assert wire.digest(wire.program_from_json(orjson.loads(texts.pop()))) == wire.digest(programs[0])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=40) | JSON.map(orjson.dumps))
def test_foreign_payloads_are_one_value_error(payload: bytes) -> None:
    for decode in (wire.decode_command, wire.decode_ack, wire.decode_readback):
        with pytest.raises(ValueError, match="not a"):
            decode(payload, "A-1")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", "x"),
        ("seq", None),
        ("until", "2026-11-22T10:00:00"),
        ("until", "2026-11-22T10:00:00Z"),
        ("steps", []),
        ("steps", [["2026-11-22T12:00:00Z"]]),
        ("steps", 3),
        ("issued_at", 12),
        ("expires_at", ""),
    ],
)
def test_a_command_with_one_wrong_field_is_refused(field: str, value: Any) -> None:
    data = {**orjson.loads(wire.encode_command(COMMAND)), field: value}
    with pytest.raises(ValueError, match="not a command"):
        wire.decode_command(orjson.dumps(data), "A-1")
