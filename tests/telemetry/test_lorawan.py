"""Uplinks of ChirpStack and The Things Stack: what is read, when it was, at which asset, and what is refused."""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker import Message
from engine.errors import InputError
from engine.instants import isoformat
from engine.lorawan.chirpstack import ChirpStack
from engine.lorawan.devices import DeviceFile, Devices, load_devices
from engine.lorawan.ttn import TheThingsStack
from engine.telemetry.batch import Normalised
from engine.telemetry.lorawan import Uplinks

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)
LAMP = {
    "uplink_every": "10min",
    "layouts": [
        {"f_port": 2, "fields": [{"name": "level", "type": "u8", "scale": 0.01}, {"name": "power", "type": "u16"}]},
        {"f_port": 3, "fields": [{"const": 1}, {"name": "power", "type": "u16"}]},
        {"f_port": 3, "fields": [{"const": 2}, {"name": "level", "type": "u8", "scale": 0.01}]},
    ],
    "other_ports": [7],
    "measures": {
        "level": {"property": "illuminanceLevel"},
        "power": {"property": "powerConsumption", "unit": "W"},
    },
}
SERVED = {
    "uplink_every": "10min",
    "measures": {
        "lamp.level": {"property": "illuminanceLevel", "unit": "%", "absent": 0},
        "power": {"property": "powerConsumption"},
    },
}
OLD, NEW, OTHER = "0101010101010101", "0202020202020202", "0004a30b001c0530"
DEVICES = Devices(
    DeviceFile.model_validate(
        {
            "profiles": {"lamp": LAMP, "served": SERVED},
            "devices": [
                {"dev_eui": OLD, "asset": "L-1", "profile": "lamp", "until": isoformat(NOON)},
                {"dev_eui": NEW.upper(), "asset": "L-1", "profile": "lamp", "from": isoformat(NOON)},
                {"dev_eui": OTHER, "device": "dev1", "asset": "L-2", "profile": "served"},
            ],
        }
    )
)
Judge = Callable[[pl.DataFrame], Normalised]


def chirp(dev_eui: str, at: datetime, payload: bytes = b"", **more: Any) -> Message:
    event = {
        "deduplicationId": f"d-{at.timestamp()}",
        "time": isoformat(at),
        "deviceInfo": {"deviceName": "lamp", "devEui": dev_eui},
        "devAddr": "00189440",
        "fPort": 2,
        **({"data": base64.b64encode(payload).decode()} if payload else {}),
        **more,
    }
    return Message(f"application/a/device/{dev_eui}/event/up", orjson.dumps(event), 1, 1, 1)


def things(at: datetime, name: str = "dev1", **message: Any) -> Message:
    whole = {
        "end_device_ids": {"device_id": name, "dev_eui": OTHER.upper()},
        "received_at": isoformat(at + timedelta(seconds=1)),
        "uplink_message": {"f_port": 2, "received_at": isoformat(at), "session_key_id": "AX", **message},
    }
    return Message(f"v3/app1@ttn/devices/{name}/up", orjson.dumps(whole), 1, 1, 1)


def chirpstack(clock: Any = "server") -> Uplinks:
    return Uplinks(ChirpStack("a"), DEVICES, clock)


def stack(clock: Any = "server") -> Uplinks:
    return Uplinks(TheThingsStack("app1@ttn"), DEVICES, clock)


def rows(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.select("asset", "property", "number", "unit", "observed_at").rows()


FRAME = bytes([55, 0, 38])


def test_our_own_decoder_reads_the_bytes() -> None:
    at = NOON - timedelta(hours=1)
    frame = chirpstack().parse([chirp(OLD, at, FRAME), chirp(OLD, at + timedelta(minutes=9), b"\1\0\7", fPort=3)])
    assert rows(frame) == [
        ("L-1", "illuminanceLevel", 0.55, None, "2026-11-22T10:00:00Z"),
        ("L-1", "powerConsumption", 38.0, "W", "2026-11-22T10:00:00Z"),
        ("L-1", "powerConsumption", 7.0, "W", "2026-11-22T10:09:00Z"),
    ]
    assert frame["gateway"].to_list() == [None] * 3
    assert frame["fault"].null_count() == 3


def test_the_servers_decoder_is_read_and_what_it_leaves_out_is_what_the_file_says() -> None:
    frame = stack().parse(
        [
            things(NOON, decoded_payload={"lamp": {"level": 40}, "power": 12.5}),
            things(NOON + timedelta(hours=1), f_cnt=1, decoded_payload={"lamp": {}}),
            things(NOON + timedelta(hours=2), f_cnt=2, frm_payload="AA=="),
        ]
    )
    assert rows(frame) == [
        ("L-2", "illuminanceLevel", 40.0, "%", "2026-11-22T11:00:00Z"),
        ("L-2", "powerConsumption", 12.5, None, "2026-11-22T11:00:00Z"),
        ("L-2", "illuminanceLevel", 0.0, "%", "2026-11-22T12:00:00Z"),
        ("L-2", "illuminanceLevel", 0.0, "%", "2026-11-22T13:00:00Z"),
    ]


def test_words_of_the_network_alone_are_no_reading() -> None:
    quiet = [things(NOON, f_port=0), things(NOON, f_cnt=1)]
    del_port = orjson.loads(quiet[1].payload)
    del del_port["uplink_message"]["f_port"]
    without = Message(quiet[1].topic, orjson.dumps(del_port), 1, 1, 1)
    assert stack().parse([quiet[0], without]).is_empty()
    assert chirpstack().parse([chirp(OLD, NOON - timedelta(hours=1), b"\1", fPort=7)]).is_empty()


def test_a_device_replaced_takes_no_history_with_it(judge: Judge) -> None:
    """The asset's history goes on at the exchange; that the frame counter begins again is no matter."""
    before, after = NOON - timedelta(minutes=10), NOON + timedelta(minutes=10)
    told = [chirp(OLD, before, FRAME, fCnt=900), chirp(OLD, after, FRAME, fCnt=901)]
    told += [chirp(NEW, before, FRAME, fCnt=1), chirp(NEW, after, FRAME)]
    result = judge(chirpstack().parse(told))
    assert result.accepted["series"].n_unique() == 2
    assert result.accepted["observed_at"].unique().sort().to_list() == [
        int(at.timestamp() * 1_000_000) for at in (before, after)
    ]
    assert result.accepted.height == 4
    assert result.refused["reason"].to_list() == ["unknown_asset"] * 2


def test_an_unknown_device_is_refused_and_kept(judge: Judge) -> None:
    message = chirp("0909090909090909", NOON, FRAME)
    refused = judge(chirpstack().parse([message])).refused
    assert refused.select("asset", "reason").row(0) == ("LoRaWAN device 0909090909090909", "unknown_asset")
    assert refused["raw"][0] == message.payload.decode()


def altered(message: Message, **changes: Any) -> Message:
    whole = orjson.loads(message.payload) | changes
    kept = {key: value for key, value in whole.items() if value is not None}
    return Message(message.topic, orjson.dumps(kept), 1, 1, 1)


GOOD = chirp(OLD, NOON - timedelta(hours=1), FRAME)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (Message(GOOD.topic, b"{", 1, 1, 1), "unexpected end of data"),
        (Message(GOOD.topic, b"[]", 1, 1, 1), "found a JSON list, wanted an object"),
        (altered(GOOD, time=None), "found the time None"),
        (altered(GOOD, time="yesterday"), "yesterday"),
        (altered(GOOD, time="2026-11-22T10:00:00"), "has no offset"),
        (altered(GOOD, data="%%"), "ase64"),
        (altered(GOOD, fPort=-1), "fPort: found -1"),
        (altered(GOOD, fPort=True), "fPort: found True"),
        (altered(GOOD, rxInfo={}), "rxInfo: wanted a list of objects"),
        (altered(GOOD, object=[1]), "object: wanted an object"),
        (altered(GOOD, deviceInfo={"devEui": NEW}), f"speaks of the device '{NEW}' on the topic of '{OLD}'"),
        (altered(GOOD, deviceInfo="x"), "deviceInfo: found str"),
        (Message("application/a/up", GOOD.payload, 1, 1, 1), "on the topic of ''"),
        (altered(GOOD, data="AA=="), "the frame has 1 bytes, power wants 3"),
        (altered(GOOD, fPort=9), "no layout is for port 9"),
        (altered(GOOD, fPort=3, data="CQAA"), "found 9, wanted the constant 2"),
    ],
)
def test_what_cannot_be_read_is_malformed_and_says_why(judge: Judge, message: Message, why: str) -> None:
    refused = judge(chirpstack().parse([GOOD, message])).refused
    assert refused["reason"].to_list() == ["malformed"]
    assert why in refused["detail"][0]
    assert refused["raw"][0] == message.payload.decode()


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (altered(things(NOON), simulated=True), "no device measured it"),
        (altered(things(NOON), uplink_message=None), "holds no uplink_message"),
        (things(NOON, decoded_payload=[]), "decoded_payload: wanted an object"),
        (altered(things(NOON), end_device_ids={"device_id": "dev2"}), "speaks of the device 'dev2'"),
    ],
)
def test_so_is_what_the_things_stack_says_and_nobody_measured(judge: Judge, message: Message, why: str) -> None:
    refused = judge(stack().parse([message])).refused
    assert refused["reason"].to_list() == ["malformed"]
    assert why in refused["detail"][0]


def test_which_clock_wins() -> None:
    server, gateway, stale = NOON - timedelta(minutes=2), NOON - timedelta(minutes=3), NOON - timedelta(minutes=4)
    heard = [
        {"nsTime": isoformat(server + timedelta(seconds=1)), "gwTime": isoformat(gateway)},
        {"nsTime": isoformat(server)},
    ]
    message = chirp(OLD, stale, FRAME, rxInfo=heard)
    assert set(chirpstack().parse([message])["observed_at"]) == {isoformat(server)}
    assert set(chirpstack("gateway").parse([message])["observed_at"]) == {isoformat(gateway)}
    bare = chirp(OLD, stale, FRAME, rxInfo=[{"rssi": -3}])
    assert set(chirpstack("gateway").parse([bare])["observed_at"]) == {isoformat(stale)}
    told = things(server, decoded_payload={"power": 1}, rx_metadata=[{"time": isoformat(gateway)}, {"rssi": -3}])
    assert set(stack().parse([told])["observed_at"]) == {isoformat(server)}
    assert set(stack("gateway").parse([told])["observed_at"]) == {isoformat(gateway)}


def test_a_frame_told_three_times_was_heard_once() -> None:
    """Three gateways of three networks: each server tells it, at its own instant, under its own id."""
    at = NOON - timedelta(hours=1)
    copies = [chirp(OLD, at + timedelta(seconds=n), FRAME, fCnt=7) for n in (0, 2, 119)]
    reader = chirpstack()
    first = reader.parse(copies[:1])
    later = reader.parse(copies)
    assert set(later["observed_at"]) == set(first["observed_at"]) == {isoformat(at)}
    again = [
        chirp(OLD, at + timedelta(seconds=5), FRAME, fCnt=8),
        chirp(OLD, at + timedelta(seconds=5), bytes([56, 0, 38]), fCnt=7),
        chirp(OLD, at + timedelta(seconds=5), FRAME, fCnt=7, devAddr="00189441"),
        chirp(OLD, at + timedelta(minutes=30), FRAME, fCnt=7),
    ]
    assert isoformat(at) not in set(reader.parse(again)["observed_at"]), "another frame is no copy"


uplinks = st.lists(
    st.tuples(st.sampled_from([OLD, NEW]), st.integers(-50, 50), st.binary(min_size=3, max_size=3)),
    min_size=1,
    max_size=8,
    unique_by=lambda told: told[:2],
)


@given(uplinks, st.randoms(use_true_random=False))
def test_doubled_and_reordered_uplinks_give_the_same_readings(
    judge: Judge, told: list[tuple[str, int, bytes]], random: Any
) -> None:
    messages = [
        chirp(dev_eui, NOON + timedelta(minutes=10 * n), payload, **({"fCnt": n + 50} if n > -50 else {}))
        for dev_eui, n, payload in told
    ]
    mixed = messages * 2
    random.shuffle(mixed)
    cut = random.randint(0, len(mixed))

    def stored(*batches: Sequence[Message]) -> set[tuple[Any, ...]]:
        reader = chirpstack()
        return {row for batch in batches for row in judge(reader.parse(batch)).accepted.rows()}

    assert stored(mixed[:cut], mixed[cut:]) == stored(messages)


scraps = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just("0001-01-01T00:00:00+14:00"),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=5,
)


def mangled(whole: Any, path: Sequence[Any], scrap: Any) -> bytes:
    """A message with something else at one place."""
    inside = whole
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = scrap
    return orjson.dumps(whole)


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, inner in below for path in ((*above, key), *paths(inner, (*above, key)))]


RX = [{"nsTime": isoformat(NOON), "gwTime": isoformat(NOON)}]
WHOLE = (
    chirp(OLD, NOON, FRAME, rxInfo=RX, object={"a": 1}),
    things(NOON, frm_payload="AA==", decoded_payload={"lamp": {"level": 1}}, rx_metadata=[{"time": isoformat(NOON)}]),
)
CHIRP_REPORT = {
    "deviceInfo": {"devEui": OLD}, "queueItemId": "q", "acknowledged": True, "level": "ERROR", "code": "c",
    "description": "d", "context": {"queue_item_id": "q"},
}  # fmt: skip
STACK_REPORT = {
    "end_device_ids": {"device_id": "dev1"},
    "correlation_ids": ["consigne:1"],
    "downlink_failed": {"downlink": {"correlation_ids": ["consigne:1"]}, "error": {"message_format": "m"}},
}


@given(st.sampled_from(WHOLE), scraps, st.data())
def test_no_uplink_does_worse_than_a_malformed_row(
    judge: Judge, good: Message, scrap: Any, data: st.DataObject
) -> None:
    whole = orjson.loads(good.payload)
    try:
        payload = mangled(whole, data.draw(st.sampled_from(paths(whole))), scrap)
    except TypeError:  # an integer JSON cannot hold
        return
    reader = chirpstack() if good is WHOLE[0] else stack()
    judge(reader.parse([Message(good.topic, payload, 1, 1, 1)]))


@given(st.sampled_from(["ack", "txack", "log", "failed"]), scraps, st.data())
def test_no_report_does_worse_than_a_value_error(kind: str, scrap: Any, data: st.DataObject) -> None:
    words, topic, whole = (
        (TheThingsStack("app1"), f"v3/app1/devices/dev1/down/{kind}", STACK_REPORT)
        if kind == "failed"
        else (ChirpStack("a"), f"application/a/device/{OLD}/event/{kind}", CHIRP_REPORT)
    )
    assert words.report(topic, orjson.dumps(whole)) is not None
    copy = orjson.loads(orjson.dumps(whole))
    try:
        words.report(topic, mangled(copy, data.draw(st.sampled_from(paths(copy))), scrap))
    except (ValueError, TypeError) as error:
        assert isinstance(error, ValueError) or "Integer exceeds" in str(error)


@pytest.mark.reference
def test_the_published_examples(reference: Path) -> None:
    chirp_text = (reference / "payloads/chirpstack/event-up.json").read_bytes()
    uplink = ChirpStack("17c82e96").uplink(f"application/17c82e96/device/{OLD}/event/up", chirp_text)
    assert (uplink.dev_eui, uplink.f_port, uplink.f_cnt, uplink.payload) == (OLD, 1, 0, b"\xaa")
    assert isoformat(uplink.server_at) == "2022-07-18T09:34:15.775023Z"
    assert uplink.gateway_at is None
    text = (reference / "payloads/ttn/uplink-message-example.fixed.json").read_bytes()
    frame = stack().parse(
        [Message("v3/app1/devices/dev1/up", text.replace(b"0004A30B001C0530", OTHER.encode()), 1, 1, 1)]
    )
    assert rows(frame) == [("L-2", "illuminanceLevel", 0.0, "%", "2020-02-12T15:15:45.789585Z")]
    assert stack("gateway")._words.uplink("v3/app1/devices/dev1/up", text).gateway_at == datetime(
        2020, 2, 12, 15, 15, 45, 787_000, UTC
    )


@pytest.mark.reference
def test_the_published_reports_of_downlinks(reference: Path) -> None:
    words = ChirpStack("a")
    topic = f"application/a/device/{OLD}/event/"
    for event, fate in (("ack", "confirmed by the device"), ("txack", "on air")):
        report = words.report(topic + event, (reference / f"payloads/chirpstack/event-{event}.json").read_bytes())
        assert report is not None
        assert report.fate.value == fate
    assert words.report(topic + "log", (reference / "payloads/chirpstack/event-log.json").read_bytes()) is None
    for name, fate in (("downlink-event-message", "ack"), ("downlink-failed-event-message", "failed")):
        text = (reference / f"payloads/ttn/{name}-example.json").read_bytes()
        assert TheThingsStack("app1").report(f"v3/app1/devices/dev1/down/{fate}", text) is None, "not one of ours"
        ours = text.replace(b"as:downlink:", b"consigne:")
        report = TheThingsStack("app1").report(f"v3/app1/devices/dev1/down/{fate}", ours)
        assert report is not None
        assert report.keys[0].startswith("consigne:01E19")


# The file of devices


FILE = """
profiles:
  lamp:
    uplink_every: 10min
    layouts: [{fields: [{name: level}]}]
    measures: {level: {property: illuminanceLevel}}
    points: {illuminanceLevel: {f_port: 10, fields: [{name: level}]}}
devices:
  - {dev_eui: 01-01-01-01-01-01-01-01, asset: L-1, profile: lamp, until: 2026-01-01T00:00:00Z}
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Devices]:
    def run(text: str) -> Devices:
        path = tmp_path / "devices.yaml"
        path.write_text(text)
        return load_devices(path)

    return run


def test_a_device_that_moves_and_a_point_that_changes_hands_are_fine(read: Callable[[str], Devices]) -> None:
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    found = read(
        FILE + "  - {dev_eui: '0101010101010101', asset: L-2, profile: lamp, from: 2026-01-01T00:00:00Z}\n"
        "  - {dev_eui: '0202020202020202', asset: L-1, profile: lamp, from: 2026-01-01T01:00:00+01:00}\n"
    )
    before = new_year - timedelta(microseconds=1)
    assert [getattr(found.speaking(OLD, at), "asset", None) for at in (before, new_year)] == ["L-1", "L-2"]
    assert [getattr(found.speaking(f"eui-{NEW}", at), "asset", None) for at in (before, new_year)] == [None, "L-1"]
    setting = [found.setting("L-1/illuminanceLevel", at) for at in (before, new_year)]
    assert [one and one[0].dev_eui for one in setting] == [OLD, NEW]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "{dev_eui: '0101010101010101', asset: L-9, profile: lamp}",
            "10:5 the device 0101010101010101 has another line",
        ),
        ("{dev_eui: '0202020202020202', asset: L-1, profile: lamp}", "10:5 the point L-1/illuminanceLevel has another"),
        ("{dev_eui: '0202020202020202', asset: L-2, profile: bin}", "there is no profile 'bin' → one of: lamp"),
        ("{dev_eui: '02', asset: L-2, profile: lamp}", "16 hexadecimal digits"),
        (
            "{dev_eui: '0202020202020202', asset: L, profile: lamp, from: 2026-02-01T00:00Z, until: 2026-02-01T00:00Z}",
            "from wants to be before until",
        ),
        ("{dev_eui: '0202020202020202', asset: L-2, profile: lamp, from: 2026-01-01}", "timezone"),
    ],
)
def test_a_mistake_about_a_device_is_told_at_its_place(read: Callable[[str], Devices], line: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        read(f"{FILE}  - {line}\n")
    assert told in str(error.value)
    assert "devices.yaml:10:" in str(error.value)


@pytest.mark.parametrize(
    ("found", "wanted", "told"),
    [
        ("{level: {property", "{colour: {property", "no layout has a field 'colour'"),
        ("10min", "0min", "more than 0 s"),
        ("[{name: level}]}}\ndevices", "[{const: 1}]}}\ndevices", "exactly one field with a name"),
        ("[{name: level}]}}\ndevices", "[{name: level, choices: {0: a}}]}}\ndevices", "exactly one field with a name"),
        ("f_port: 10, ", "", "f_port"),
    ],
)
def test_a_mistake_about_a_profile_is_told(read: Callable[[str], Devices], found: str, wanted: str, told: str) -> None:
    assert found in FILE
    with pytest.raises(InputError, match=told):
        read(FILE.replace(found, wanted))
