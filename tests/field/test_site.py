from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.errors import InputError
from engine.model import Ack, AckStatus, Asset, Command, Program, ReadBack
from engine.wire import (
    ACK,
    COMMAND,
    GET,
    STATE,
    decode_ack,
    decode_readback,
    digest,
    encode_command,
    encode_get,
    gateway_of,
    topic,
)
from twin.controller import Held, Served, Wire, remembered
from twin.effects import Effect, EffectLog, effect_of, read_effects
from twin.faults import Fault, FaultKind
from twin.field import Count, Presence, Story
from twin.field.site import Site

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
LAMP = {"power_w": 100.0, "standby_w": 1.0, "flux_curve": "linear", "dimmable": True}
POINT = "L-1/illuminanceLevel"
ASSETS = (
    Asset("A-1", "StreetlightControlCabinet", "Z-1", 0, 47, None, "A-1"),
    Asset("A-2", "StreetlightControlCabinet", "Z-1", 0, 47, None, "A-2"),
    Asset("L-1", "Streetlight", "Z-1", 0, 47, "A-1", "A-1", LAMP),
    Asset("L-2", "Streetlight", "Z-1", 0, 47, "A-1", "A-1", LAMP),
    Asset("L-3", "Streetlight", "Z-1", 0, 47, "A-2", "A-2", LAMP),
    Asset("D-1", "PresenceDetector", "Z-1", 0, 47, "A-1", "A-1", {"lamps": ["L-1"]}),
    Asset("T-1", "TrafficFlowObserved", "Z-1", 0, 47, None, "T-1"),
    Asset("P-1", "PedestrianCrossing", "Z-1", 0, 47),
)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def a_story(**changes: Any) -> Story:
    """A night from the start on."""
    return replace(Story(NOON, 96, ((NOON - QUARTER, at(24 * 60)),)), **changes)


def a_site(*faults: Fault, **changes: Any) -> Site:
    return Site(ASSETS, a_story(faults=faults, **changes))


def fault(kind: FaultKind, asset: str = "L-1", start: float = 0, until: float = 1e4, **changes: Any) -> Fault:
    return Fault(asset, kind, at(start), at(until), **changes)


def a_command(seq: int = 1, point: str = POINT, gateway: str = "A-1", issued: float = 0) -> Command:
    program = Program.constant(0.5, at(issued), at(issued + 600))
    return Command(f"{point}#{seq}", point, gateway, seq, program, at(issued), at(issued + 30))


def sent(command: Command) -> Wire:
    return Wire(topic(command.gateway, COMMAND), encode_command(command))


def answers(served: Served) -> list[Ack | ReadBack]:
    decoded: list[Ack | ReadBack] = []
    for name, payload in served.answers:
        decode = {ACK: decode_ack, STATE: decode_readback}[name.rsplit("/", 1)[1]]
        decoded.append(decode(payload, gateway_of(name)))
    return decoded


def told(messages: Sequence[Wire]) -> dict[tuple[str, str], list[Any]]:
    """(asset, property) → values, in order."""
    values: dict[tuple[str, str], list[Any]] = {}
    for message in messages:
        for reading in orjson.loads(message.payload)["readings"]:
            values.setdefault((reading["asset"], reading["property"]), []).append(reading["value"])
    return values


# Telemetry.


def test_a_lamp_that_names_a_detector_brightens_with_it_and_its_neighbour_does_not() -> None:
    lanes = tuple(
        replace(asset, attributes={**LAMP, "detector": "D-1", "hold_s": 60.0}) if asset.id == "L-1" else asset
        for asset in ASSETS
    )
    site = Site(lanes, a_story(presence=(Presence("D-1", at(10)),)))
    commands = [a_command(), a_command(point="L-2/illuminanceLevel")]
    site.serve(map(sent, commands), NOON)
    levels = {minute: told(site.telemetry(at(minute))) for minute in (9, 10, 11)}
    assert [levels[minute]["L-1", "illuminanceLevel"] for minute in levels] == [[0.5], [1.0], [0.5]]
    assert [levels[minute]["L-2", "illuminanceLevel"] for minute in levels] == [[0.5], [0.5], [0.5]]


def test_one_message_a_gateway_with_all_it_speaks_for() -> None:
    messages = a_site().telemetry(NOON)
    assert [message.topic for message in messages] == ["consigne/v1/A-1/telemetry", "consigne/v1/A-2/telemetry"]
    assert orjson.loads(messages[0].payload)["observed_at"] == "2026-11-22T11:00:00Z"
    assert told(messages[:1]) == {
        ("L-1", "powerState"): ["on"],
        ("L-1", "status"): ["ok"],
        ("L-1", "illuminanceLevel"): [1.0],
        ("L-1", "powerConsumption"): [100.0],
        ("L-2", "powerState"): ["on"],
        ("L-2", "status"): ["ok"],
        ("L-2", "illuminanceLevel"): [1.0],
        ("L-2", "powerConsumption"): [100.0],
        ("A-1", "energyConsumed"): [0.0],
        ("A-1", "powerConsumption"): [200.0],
        ("A-1", "workingMode"): ["automatic"],
    }


def test_a_cabinet_that_is_worked_on_says_so() -> None:
    site = a_site(fault(FaultKind.LOCAL, "A-1", until=15))
    modes = [[told(site.telemetry(at(k)))[name, "workingMode"] for name in ("A-1", "A-2")] for k in (0, 15)]
    assert modes == [[["manual"], ["automatic"]], [["automatic"], ["automatic"]]]


@pytest.mark.parametrize(("level", "state"), [(0.0, "off"), (0.3, "low"), (1.0, "on")])
def test_power_states(level: float, state: str) -> None:
    site = a_site()
    command = replace(a_command(), program=Program.constant(level, NOON, at(60)))
    site.serve([sent(command)], NOON)
    assert told(site.telemetry(at(15)))["L-1", "powerState"] == [state]


def test_the_meter_of_a_cabinet_counts_its_lamps() -> None:
    site = a_site()
    readings = [told(site.telemetry(at(15 * k)))["A-1", "energyConsumed"][0] for k in range(5)]
    assert readings == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])


def test_counts_are_told_once_with_their_own_instant() -> None:
    site = a_site(counts=(Count("T-1", at(0), 400.0, 0.1), Count("T-1", at(60), 300.0)))
    first, *between, last = (site.telemetry(at(15 * k)) for k in range(5))
    assert told(first)["T-1", "intensity"] == [400.0]
    assert told(first)["T-1", "occupancy"] == [0.1]
    assert all(("T-1", "intensity") not in told(messages) for messages in between)
    assert told(last)["T-1", "intensity"] == [300.0]
    assert ("T-1", "occupancy") not in told(last)
    (message,) = (message for message in last if message.topic == topic("T-1", "telemetry"))
    assert orjson.loads(message.payload)["readings"][0]["observed_at"] == "2026-11-22T12:00:00Z"


@pytest.mark.parametrize(
    ("passages", "edges"),
    [
        ([3], [(3, 1), (5, 0)]),
        ([3, 4], [(3, 1), (6, 0)]),  # still there
        ([3, 5], [(3, 1), (7, 0)]),  # just in time
        ([3, 6], [(3, 1), (5, 0), (6, 1), (8, 0)]),
        ([6, 3], [(3, 1), (5, 0), (6, 1), (8, 0)]),
    ],
)
def test_a_detector_is_on_until_nobody_has_passed_for_a_while(
    passages: list[float], edges: list[tuple[float, int]]
) -> None:
    site = a_site(presence=tuple(Presence("D-1", at(minute)) for minute in passages), presence_hold_s=120.0)
    site.telemetry(NOON)
    (message,) = (message for message in site.telemetry(at(15)) if message.topic == topic("A-1", "telemetry"))
    presence = [r for r in orjson.loads(message.payload)["readings"] if r["property"] == "presence"]
    assert [(r["observed_at"], r["value"]) for r in presence] == [
        (at(minute).isoformat().replace("+00:00", "Z"), value) for minute, value in edges
    ]


def test_a_dead_lamp_says_so() -> None:
    readings = told(a_site(fault(FaultKind.FAILURE)).telemetry(NOON))
    assert (readings["L-1", "status"], readings["L-1", "powerConsumption"]) == (["defectiveLamp"], [1.0])
    assert readings["L-2", "status"] == ["ok"]


def test_a_silent_cabinet_tells_afterwards_what_happened() -> None:
    site = a_site(
        fault(FaultKind.SILENT, "A-1", 10, 40), presence=(Presence("D-1", at(12)),), counts=(Count("T-1", at(15), 1.0),)
    )
    told_by = [[message.topic for message in site.telemetry(at(15 * k))] for k in range(3)]
    assert ["consigne/v1/A-1/telemetry" in topics for topics in told_by] == [True, False, False]
    assert "consigne/v1/T-1/telemetry" in told_by[1]
    readings = told(site.telemetry(at(45)))
    assert readings["D-1", "presence"] == [1, 0]
    assert readings["A-1", "energyConsumed"] == pytest.approx([0.15])


def test_an_unknown_flux_curve_is_refused() -> None:
    with pytest.raises(InputError, match="L-1 has the unknown flux curve 'linear' → one of: led"):
        a_site(flux_curves={"led": ((0, 0), (1, 1))})


# Commands.


def test_a_command_is_obeyed_noted_acknowledged_and_shown() -> None:
    command = a_command()
    served = a_site().serve([sent(command)], at(1))
    assert served.effects == [
        Effect(POINT, 1, command.id, at(1), digest(command.program), command.expires_at, command.program)
    ]
    assert answers(served) == [
        Ack(command.id, POINT, "A-1", 1, AckStatus.ACCEPTED),
        ReadBack(POINT, "A-1", 1, digest(command.program), 0.5, at(1)),
    ]


def test_a_selection_is_answered_and_moves_nothing() -> None:
    site, command = a_site(), a_command()
    question = site.serve([sent(replace(command, select=True))], at(1))
    assert question.effects == []
    assert [answer.status for answer in answers(question) if isinstance(answer, Ack)] == [AckStatus.SELECTED]
    assert len(site.serve([sent(command)], at(2)).effects) == 1
    again = site.serve([sent(replace(command, select=True))], at(3))
    assert [answer.status for answer in answers(again) if isinstance(answer, Ack)] == [AckStatus.DUPLICATE]


def test_the_same_command_again_has_no_second_effect() -> None:
    site, command = a_site(), a_command()
    served = site.serve([sent(command)] * 2, at(1))
    again = site.serve([sent(command)], at(2))
    assert (len(served.effects), again.effects) == (1, [])
    assert [a.status for a in answers(again) if isinstance(a, Ack)] == [AckStatus.DUPLICATE]


def test_an_expired_command_has_no_effect() -> None:
    served = a_site().serve([sent(a_command())], at(30))
    assert served.effects == []
    assert [a.status for a in answers(served) if isinstance(a, Ack)] == [AckStatus.EXPIRED]


@pytest.mark.parametrize(("point", "gateway"), [("L-9/illuminanceLevel", "A-1"), (POINT, "A-2"), ("L-1/colour", "A-1")])
def test_a_point_that_is_not_there_is_rejected(point: str, gateway: str) -> None:
    served = a_site().serve([sent(a_command(point=point, gateway=gateway))], NOON)
    (ack,) = answers(served)
    assert isinstance(ack, Ack)
    assert (ack.status, ack.gateway, served.effects) == (AckStatus.REJECTED, gateway, [])


def test_read_backs_on_request() -> None:
    site = a_site()
    wanted = Wire(topic("A-1", GET), encode_get([POINT, "L-2/illuminanceLevel", "L-3/illuminanceLevel", "nobody's"]))
    states = answers(site.serve([wanted], NOON))
    assert [(s.point, s.seq) for s in states] == [(POINT, 0), ("L-2/illuminanceLevel", 0)]


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"points": 3}', b'{"id": "x"}', b"\xff"])
@pytest.mark.parametrize("channel", [COMMAND, GET])
def test_rubbish_is_dropped_and_harms_nothing(payload: bytes, channel: str) -> None:
    command = a_command()
    served = a_site().serve([Wire(topic("A-1", channel), payload), sent(command)], NOON)
    assert [effect.id for effect in served.effects] == [command.id]


# Faults.


@pytest.mark.parametrize("asset", ["L-1", "A-1"])
@pytest.mark.parametrize(
    ("kind", "effects", "said", "in_action"),
    [
        (FaultKind.DROP_COMMAND, 0, [], 0),
        (FaultKind.DROP_ACK, 1, [], 1),
        (FaultKind.REJECT, 0, ["rejected"], 0),
        (FaultKind.LOCAL, 0, ["rejected"], 0),
        (FaultKind.LIE, 0, ["accepted"], 0),
        (FaultKind.STUCK, 1, ["accepted"], 1),
        (FaultKind.DOUBLE, 1, ["accepted", "duplicate"], 1),
        (FaultKind.FAILURE, 1, ["accepted"], 1),
    ],
)
def test_faults_of_a_lamp_or_of_its_cabinet(
    asset: str, kind: FaultKind, effects: int, said: list[str], in_action: int
) -> None:
    site, command = a_site(fault(kind, asset, until=20)), a_command()
    site.telemetry(NOON)
    served = site.serve([sent(command)], at(1))
    assert len(served.effects) == effects
    assert [a.status.value for a in answers(served) if isinstance(a, Ack)] == said
    shown = answers(site.serve([Wire(topic("A-1", GET), encode_get([POINT]))], at(25)))
    assert [(s.seq, s.value) for s in shown if isinstance(s, ReadBack)] == [(in_action, 0.5 if in_action else 1.0)]


def test_a_fault_strikes_its_own_lamp_only() -> None:
    site = a_site(fault(FaultKind.DROP_COMMAND))
    other = a_command(point="L-2/illuminanceLevel")
    assert [e.id for e in site.serve([sent(a_command()), sent(other)], NOON).effects] == [other.id]


def test_a_delayed_command_arrives_later() -> None:
    site, command = a_site(fault(FaultKind.DELAY, delay_s=600)), a_command()
    assert site.serve([sent(command)], NOON) == Served([], [])
    assert site.serve([], at(9.9)).effects == []
    assert [(e.id, e.at) for e in site.serve([], at(15)).effects] == [(command.id, at(15))]


def test_delays_let_commands_overtake() -> None:
    site = a_site(fault(FaultKind.DELAY, until=1, delay_s=600))
    slow, quick = a_command(1), a_command(2, issued=5)
    site.serve([sent(slow)], NOON)
    assert [e.seq for e in site.serve([sent(quick)], at(5)).effects] == [2]
    late = site.serve([], at(15))
    assert late.effects == []
    assert [a.status for a in answers(late) if isinstance(a, Ack)] == [AckStatus.SUPERSEDED]


@pytest.mark.parametrize(("until", "status"), [(20, AckStatus.ACCEPTED), (40, AckStatus.EXPIRED)])
def test_a_silent_cabinet_hears_when_it_is_back(until: float, status: AckStatus) -> None:
    site, command = a_site(fault(FaultKind.SILENT, "A-1", 0, until)), a_command()
    assert site.serve([sent(command), Wire(topic("A-1", GET), encode_get([POINT]))], at(1)) == Served([], [])
    served = site.serve([], at(until))
    assert [a.status for a in answers(served) if isinstance(a, Ack)] == [status]
    assert len(served.effects) == (status is AckStatus.ACCEPTED)


def test_chance_is_drawn_from_the_storys_seed() -> None:
    half = fault(FaultKind.DROP_COMMAND, "A-1", probability=0.5)

    def arrived(seed: int) -> list[int]:
        site = a_site(half, seed=seed)
        return [e.seq for e in site.serve([sent(a_command(seq)) for seq in range(1, 201)], NOON).effects]

    assert arrived(1) == arrived(1) != arrived(2)
    assert 70 < len(arrived(1)) < 130


# The story and the log.


def test_a_story_survives_its_file(tmp_path: Path) -> None:
    story = a_story(
        counts=(Count("T-1", NOON, 412.0, None),),
        presence=(Presence("D-1", at(3.5)),),
        faults=(fault(FaultKind.DELAY, delay_s=90, probability=0.5, until=60),),
        seed=7,
    )
    story.save(tmp_path / "story.json")
    assert Story.load(tmp_path / "story.json") == story
    assert story.at(4) == at(60)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start_at": "2026-11-22T11:00:00"}, "start_at"),
        ({"faults": [{"asset": "L", "kind": "sulk", "from_at": "x", "until_at": "2026-11-22T11:00:00Z"}]}, "sulk|kind"),
        ({"slotz": 3}, "slotz"),
        ({"counts": [["T-1", "2026-11-22T11:00:00Z", "many"]]}, "counts.0"),
        ({"slots": None}, "slots"),
    ],
)
def test_a_wrong_story_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = tmp_path / "story.json"
    a_story().save(path)
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), **change}))
    with pytest.raises(InputError, match=words):
        Story.load(path)


def test_every_problem_of_a_story_is_named(tmp_path: Path) -> None:
    path = tmp_path / "story.json"
    path.write_bytes(b'{"start_at": "yesterday", "slots": "few"}')
    with pytest.raises(InputError) as caught:
        Story.load(path)
    assert {str(problem).split(": ")[0].rsplit(" ", 1)[1] for problem in caught.value.problems} == {
        "start_at",
        "slots",
        "nights",
    }


def test_a_story_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        Story.load(tmp_path / "none.json")


def test_effects_are_appended_line_by_line(tmp_path: Path) -> None:
    """A line that a crash cut short is dropped by the reader and by the next writer."""
    path = tmp_path / "effects.jsonl"
    for seq in (1, 2):
        with EffectLog(path) as log:
            log.append([])
            log.append([effect_of(a_command(seq), at(seq))])
        path.write_bytes(path.read_bytes() + b'{"point": "cut sh')
    assert [(line["seq"], line["at"]) for line in read_effects(path)] == [
        (1, "2026-11-22T11:01:00Z"),
        (2, "2026-11-22T11:02:00Z"),
    ]
    assert remembered(read_effects(path)) == {POINT: Held.of(a_command(2).id, 2, a_command(2).program)}
