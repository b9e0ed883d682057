import json
from collections.abc import Callable
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import Catalogue
from engine.model import Reason
from engine.telemetry.batch import Normalised
from engine.telemetry.jsonlines import parse_lines, parse_payloads
from engine.telemetry.raw import RAW

Judge = Callable[[pl.DataFrame], Normalised]
AT = "2026-11-22T12:00:00Z"


def reading(**changes: Any) -> dict[str, Any]:
    return {"asset": "L-1", "property": "powerConsumption", "value": 50, "observed_at": AT} | changes


def lines(*documents: Any) -> bytes:
    return b"\n".join(orjson.dumps(document) for document in documents)


def fields(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.select("asset", "property", "number", "text", "unit", "observed_at").rows()


def test_a_line_is_a_reading() -> None:
    frame = parse_lines(lines(reading(value=50, unit="W")))
    assert frame.schema == dict(RAW)
    assert fields(frame) == [("L-1", "powerConsumption", 50.0, None, "W", AT)]
    assert frame["line"].to_list() == [1]


@pytest.mark.parametrize(
    ("value", "number", "text"),
    [(5, 5.0, None), (2.5, 2.5, None), ("on", None, "on"), ("5", None, "5"), (True, None, "true"),
     (False, None, "false"), (None, None, None), ([1], None, "[1]"), ({"a": 1}, None, "{'a': 1}"),
     (2**64 - 1, float(2**64 - 1), None)],
)  # fmt: skip
def test_text_is_never_taken_for_a_number(value: Any, number: float | None, text: str | None) -> None:
    frame = parse_lines(lines(reading(value=value), reading(value=1.5)))
    assert (frame["number"][0], frame["text"][0]) == (number, text)
    assert parse_lines(lines(reading(value=value))).select("number", "text").row(0) == (number, text)


def test_the_three_shapes_of_a_message_say_the_same() -> None:
    readings = [reading(), reading(asset="L-2", property="powerState", value="on")]
    header = {"observed_at": AT, "readings": [{k: v for k, v in r.items() if k != "observed_at"} for r in readings]}
    each = parse_payloads([orjson.dumps(one) for one in readings])
    for shape in (readings, header):
        assert fields(parse_payloads([orjson.dumps(shape)])) == fields(each)


def test_a_reading_overrules_its_header() -> None:
    message = {
        "observed_at": AT,
        "unit": "W",
        "readings": [reading(unit="kW"), reading(observed_at="2026-11-22T11:00:00Z")],
    }
    frame = parse_payloads([orjson.dumps(message)])
    assert frame["unit"].to_list() == ["kW", "W"]
    assert frame["observed_at"].to_list() == [AT, "2026-11-22T11:00:00Z"]


BAD = [
    b"{", b"", b"x", b'{"asset": "L-1"', b"\xff\xfe", b'{"asset": "\xff"}', b'"\\ud800"', b'{"a":"\\ud800","b":NaN}',
    b"12345678901234567890123456789012345678901234567890 1", b"[" * 5000, b"1", b'"text"', b"null", b"true",
    b'{"readings": 5}', b'{"readings": [5]}', b"[5]", b"[[]]", b"{}", b'{"asset": 5, "property": "powerState"}',
    b'{"asset": "L-1"}', b'{"property": "powerState"}', b'{"id": "L-1", "type": "Streetlight"}', b"-", b"\x00",
]  # fmt: skip


@pytest.mark.parametrize("payload", BAD)
def test_what_is_no_reading_is_one_malformed_row(judge: Judge, payload: bytes) -> None:
    result = judge(parse_payloads([payload]))
    assert result.refused["reason"].to_list() == [Reason.MALFORMED]


@pytest.mark.parametrize("bad", [line for line in BAD if line])
def test_one_bad_line_harms_no_other(judge: Judge, bad: bytes) -> None:
    good = [lines(reading(value=n)) for n in range(5)]
    frame = parse_lines(b"\n".join([*good[:3], bad, *good[3:]]))
    result = judge(frame)
    assert result.accepted["value"].to_list() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert frame.filter(pl.col("number").is_null())["line"].to_list() == [4]
    assert result.refused["detail"][0].startswith("line 4: ")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_json_that_says_nan_is_refused_as_no_number(judge: Judge, value: str) -> None:
    line = json.dumps(reading()).replace("50", value).encode()
    assert judge(parse_lines(line)).refused["reason"].to_list() == [Reason.NOT_A_NUMBER]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_blank_lines_are_skipped_but_counted(end: bytes) -> None:
    data = end.join([b"", lines(reading()), b"   ", lines(reading()), b""])
    assert parse_lines(data, first_line=10)["line"].to_list() == [11, 13]


def test_the_original_text_is_kept() -> None:
    text = b' {"asset":"L-1",  "property":"powerState","value":1} '
    assert parse_lines(text)["raw"][0] == text.decode()
    broken = b'{"asset": \xff'
    assert parse_lines(broken)["raw"][0] == '{"asset": �'


def test_nothing_gives_nothing() -> None:
    for frame in (parse_lines(b""), parse_payloads([]), parse_payloads([b"[]"]), parse_payloads([b'{"readings": []}'])):
        assert frame.schema == dict(RAW)
        assert frame.height == 0


def test_columns_beside_follow_their_payload() -> None:
    payloads = [orjson.dumps([reading(), reading()]), b"{", orjson.dumps(reading())]
    assert parse_payloads(payloads, gateway=["a", "b", "c"])["gateway"].to_list() == ["a", "a", "b", "c"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["asset", "property", "value", "unit", "observed_at", "readings", "id", "type", "data",
                         "subscriptionId", "powerState", "metadata", "observedAt", "@value"]) | st.text(max_size=5),
        inner, max_size=6,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.lists(JSON, max_size=5))
def test_any_json_is_counted_and_never_raises(judge: Judge, catalogue: Catalogue, documents: list[Any]) -> None:
    payloads = [json.dumps(document).encode() for document in documents]
    judge(parse_payloads(payloads, catalogue=catalogue, gateway=["gw-a"] * len(payloads)))
    judge(parse_lines(b"\n".join(payloads), catalogue=catalogue))


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_bytes_are_one_row_each(judge: Judge, payloads: list[bytes]) -> None:
    frame = parse_payloads(payloads)
    judge(frame)
    assert frame.height >= len([payload for payload in payloads if not _is_empty_list(payload)])


def _is_empty_list(payload: bytes) -> bool:
    try:
        return json.loads(payload) in ([], {"readings": []})
    except (ValueError, RecursionError):
        return False


VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
READINGS = st.fixed_dictionaries(
    {"asset": st.text(max_size=4), "property": st.text(max_size=4), "value": VALUES},
    optional={"unit": st.text(max_size=4), "observed_at": st.text(max_size=4) | st.integers(0, 9)},
)


@given(st.lists(READINGS, min_size=1))
def test_the_fast_path_and_the_slow_path_read_alike(documents: list[dict[str, Any]]) -> None:
    fast = parse_payloads([orjson.dumps(document) for document in documents])
    slow = parse_payloads([*(orjson.dumps(document) for document in documents), b"{"])
    assert fields(slow)[:-1] == fields(fast)
