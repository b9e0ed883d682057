"""Networks, valves, meters and leaks of the field: what they obey, what flows, what they tell."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.model import Ack, AckStatus, Command, Program, ReadBack
from engine.wire import ACK, COMMAND, decode_ack, decode_readback, digest, encode_command, gateway_of, topic
from tests.field.watering import (
    ASSETS,
    HOUR,
    NOON,
    PIPE,
    V1,
    V2,
    V3,
    a_network,
    a_plot,
    a_sky,
    at,
    fault,
    happened,
    opened,
    shown,
    tell,
)
from twin.controller import Served, Wire
from twin.faults import Fault, FaultKind
from twin.field import Measured, Story
from twin.field.site import Site
from twin.irrigation.network import SERVICE_KPA
from twin.irrigation.valve import BURST, LONGEST_OPEN

KINDS = pytest.mark.parametrize("name", ["V-1/opening", "N-1/masterValveOpening"])


# Valves.


def test_without_a_program_valves_are_closed_and_the_main_is_open() -> None:
    told = shown(a_network(), 3)
    assert told == {
        ("N-1", "flow"): 0.0,
        ("N-1", "pressure"): SERVICE_KPA,
        ("N-1", "masterValveOpening"): 1.0,
        ("N-1", "waterConsumed"): 0.0,
        **{(f"V-{k}", name): 0.0 for k in (1, 2, 3) for name in ("opening", "flow")},
    }


def test_a_valve_follows_its_program_and_closes_when_it_ends() -> None:
    network = a_network()
    program = Program(((at(1), 1.0), (at(2), 0.0), (at(3), 1.0)), at(3.5))
    assert tell(network, replace(opened((1, 2)), program=program)) is AckStatus.ACCEPTED
    values = [shown(network, hour)["V-1", "opening"] for hour in (0.9, 1, 1.9, 2, 3, 3.4, 3.5, 9)]
    assert values == [0, 1, 1, 0, 1, 1, 0, 0]


def test_what_happens_between_two_looks_is_told_with_its_own_instant() -> None:
    network = a_network()
    tell(network, opened((1.1, 1.2)))
    network.readings(at(1))
    assert happened(network, 2) == [
        ("N-1", "flow", 1.1, 3.0),
        ("V-1", "opening", 1.1, 1.0),
        ("V-1", "flow", 1.1, 3.0),
        ("N-1", "flow", 1.2, 0.0),
        ("V-1", "opening", 1.2, 0.0),
        ("V-1", "flow", 1.2, 0.0),
    ]
    assert happened(network, 3) == []


def test_nothing_is_told_twice_for_one_instant() -> None:
    """A valve that opens just as it is asked is told as it is, and not as a change too."""
    network = a_network()
    tell(network, opened((1, 2)))
    told = [(r["asset"], r["property"], r.get("observed_at", "now")) for r in network.readings(at(1))]
    assert len(told) == len(set(told))
    assert happened(network, 1.5) == []


@KINDS
@pytest.mark.parametrize(("value", "taken"), [(0.0, True), (1.0, True), (0.5, False), (-1.0, False), (np.nan, False)])
def test_valves_know_open_and_closed_and_nothing_between(name: str, value: float, taken: bool) -> None:
    command = replace(opened(point=name), program=Program.constant(value, at(0), at(1)))
    assert (tell(a_network(), command) is AckStatus.ACCEPTED) is taken


@KINDS
def test_sequences_only_grow_and_what_has_expired_is_not_done(name: str) -> None:
    network = a_network()
    assert tell(network, opened((0, 1), point=name, seq=5)) is AckStatus.ACCEPTED
    assert tell(network, opened((0, 1), point=name, seq=5)) is AckStatus.DUPLICATE
    assert tell(network, opened((0, 1), point=name, seq=4)) is AckStatus.SUPERSEDED
    assert tell(network, opened((0, 1), point=name, seq=6), 1) is AckStatus.EXPIRED


def test_a_judged_command_moves_nothing() -> None:
    network = a_network()
    (valve,) = (valve for valve in network.points if valve.id == "V-1")
    assert valve.judge(opened((0, 1)), NOON).status is AckStatus.ACCEPTED
    assert shown(network, 0.5)["V-1", "opening"] == 0.0


def test_a_valve_closes_by_itself_when_it_was_open_for_too_long() -> None:
    network, longest = a_network(), LONGEST_OPEN / HOUR
    tell(network, opened((1, 20), (21, 22)))
    assert [shown(network, hour)["V-1", "opening"] for hour in (1, longest + 0.9, longest + 1, 20.5)] == [1, 1, 0, 0]
    assert shown(network, 21)["V-1", "opening"] == 1  # it was asked to be closed meanwhile, and is ready again
    assert shown(network, 30)["N-1", "waterConsumed"] == pytest.approx(3 * (longest + 1))


def test_being_told_again_what_it_does_already_starts_its_dead_man_anew_from_where_it_was() -> None:
    """Open since one o'clock: a program that goes on with that does not let it stay open longer."""
    network, longest = a_network(), LONGEST_OPEN / HOUR
    tell(network, opened((1, 20)))
    tell(network, opened((1, 20), seq=2, issued=3), 3)
    assert [shown(network, hour)["V-1", "opening"] for hour in (longest + 0.9, longest + 1)] == [1, 0]
    tell(network, opened((1, 20), seq=3, issued=10), 10)
    assert [shown(network, hour)["V-1", "opening"] for hour in (10, longest + 9.9, longest + 10)] == [1, 1, 0]


# Water.


def test_the_meter_counts_what_flows_to_the_second() -> None:
    network = a_network(meter_m3=100.0)
    tell(network, opened((1, 1 + 1 / 3600), (2, 3.5)))
    tell(network, opened((3, 4), point="V-2/opening"))
    assert shown(network, 3.25)["N-1", "flow"] == 8.0
    assert shown(network, 5)["N-1", "waterConsumed"] == pytest.approx(100 + 3 / 3600 + 1.5 * 3 + 5)
    assert network.poured_m3 == pytest.approx({"V-1": 4.5 + 3 / 3600, "V-2": 5.0, "V-3": 0.0})


def test_more_than_the_pipe_carries_is_shared_and_the_pressure_falls() -> None:
    """3 + 5 + 8 m³/h asked of 10: each has 10/16 of its own, at (10/16)² of the pressure (q ∝ √p)."""
    network = a_network()
    for name in ("V-1", "V-2", "V-3"):
        tell(network, opened((0, 2), point=f"{name}/opening"))
    told = shown(network, 1)
    assert told["N-1", "flow"] == pytest.approx(10.0)
    assert told["N-1", "pressure"] == pytest.approx(SERVICE_KPA * (10 / 16) ** 2, abs=0.1)
    assert [told[f"V-{k}", "flow"] for k in (1, 2, 3)] == pytest.approx([30 / 16, 50 / 16, 5.0], abs=1e-3)


def test_a_closed_main_stops_all_that_flows_leaks_too() -> None:
    network = a_network(fault(FaultKind.LEAK, "N-1", 1, 9, flow_m3_h=2.0))
    tell(network, opened((0, 3)))
    assert shown(network, 1.5)["N-1", "flow"] == 5.0
    tell(network, replace(opened(point="N-1/masterValveOpening"), program=Program.constant(0, at(0), at(9)),
                          issued_at=at(1.5), expires_at=at(2)), 1.5)  # fmt: skip
    told = shown(network, 2.5)
    assert (told["N-1", "flow"], told["N-1", "pressure"], told["V-1", "flow"], told["V-1", "opening"]) == (0, 0, 0, 1)
    assert told["N-1", "waterConsumed"] == pytest.approx(3 * 1.5 + 2 * 0.5)


def test_a_leak_flows_with_every_valve_closed_and_waters_nothing() -> None:
    network = a_network(fault(FaultKind.LEAK, "N-1", 1, 3, flow_m3_h=1.5))
    assert [shown(network, hour)["N-1", "flow"] for hour in (0.9, 1, 2.9, 3)] == [0, 1.5, 1.5, 0]
    assert shown(network, 4)["N-1", "waterConsumed"] == pytest.approx(3.0)
    assert set(network.poured_m3.values()) == {0.0}


HOURS = st.floats(0.01, 23.9)
SPANS = st.lists(HOURS, min_size=2, max_size=6, unique=True).map(
    lambda hours: list(zip(sorted(hours)[::2], sorted(hours)[1::2], strict=False))
)


@given(st.lists(SPANS, min_size=3, max_size=3), st.lists(HOURS, max_size=8), HOURS)
def test_water_does_not_depend_on_how_often_one_looks_and_none_is_lost(
    spans: list[list[tuple[float, float]]], looks: list[float], leaks_from: float
) -> None:
    leak = fault(FaultKind.LEAK, "N-1", leaks_from, 23.95, flow_m3_h=4.0)
    whole, parts = a_network(leak), a_network(leak)
    for network in (whole, parts):
        for k, spans_of_valve in enumerate(spans):
            tell(network, opened(*spans_of_valve, point=f"V-{k + 1}/opening"))
    for hour in sorted(looks):
        parts.advance(at(hour))
    for network in (whole, parts):
        network.advance(at(24))
    assert parts.meter_m3 == pytest.approx(whole.meter_m3)
    assert parts.poured_m3 == pytest.approx(whole.poured_m3)
    leaked = whole.meter_m3 - sum(whole.poured_m3.values())
    assert -1e-9 <= leaked <= 4.0 * (23.95 - leaks_from) + 1e-9
    assert whole.meter_m3 <= 10.0 * 24 + 1e-9


# Faults.


def test_nothing_flows_through_a_dead_valve_that_says_it_is_open() -> None:
    network = a_network(fault(FaultKind.FAILURE))
    tell(network, opened((1, 2)))
    told = shown(network, 1.5)
    assert (told["V-1", "opening"], told["V-1", "flow"], told["N-1", "flow"]) == (1.0, 0.0, 0.0)


def test_broken_sprinklers_let_more_through() -> None:
    network = a_network(fault(FaultKind.BURST, start=1.5))
    tell(network, opened((1, 2)))
    assert [shown(network, hour)["V-1", "flow"] for hour in (1.4, 1.5)] == [3.0, pytest.approx(3 * BURST)]


@pytest.mark.parametrize(
    ("kind", "start", "openings"),
    [
        (FaultKind.STUCK, 0.5, [0, 0, 0, 0]),  # stuck closed; free again when the program is over
        (FaultKind.STUCK, 1.5, [0, 1, 1, 0]),  # stuck open
        (FaultKind.JAMMED, 0.5, [0, 1, 1, 0]),  # opens, and does not close
        (FaultKind.JAMMED, 2.5, [0, 1, 0, 0]),  # was closed in time
    ],
)
def test_a_valve_that_does_not_move(kind: FaultKind, start: float, openings: list[float]) -> None:
    network = a_network(fault(kind, start=start, until=4))
    tell(network, opened((1, 2)))
    assert [shown(network, hour)["V-1", "opening"] for hour in (0.9, 1.6, 3, 4)] == openings


def test_a_read_back_shows_where_the_valve_is_not_where_it_should_be() -> None:
    network = a_network(fault(FaultKind.STUCK))
    command = opened((0, 2))
    tell(network, command)
    (valve,) = (valve for valve in network.points if valve.id == "V-1")
    state = valve.readback(at(1))
    assert (state.seq, state.digest, state.value) == (1, digest(command.program), 0.0)


# All of it behind a site.


def a_site(*faults: Fault, **changes: Any) -> Site:
    story = Story(NOON, 96, (), faults=faults, plots=(a_plot(),), sky=a_sky(24, et0_mm=0.1), **changes)
    return Site(ASSETS, story)


def sent(command: Command) -> Wire:
    return Wire(topic(command.gateway, COMMAND), encode_command(command))


def acks(served: Served) -> list[str]:
    return [
        decode_ack(payload, gateway_of(name)).status.value
        for name, payload in served.answers
        if name.rsplit("/", 1)[1] == ACK
    ]


def test_a_valve_is_asked_told_acknowledged_and_shown_like_a_lamp() -> None:
    site, command = a_site(), opened((0, 2))
    assert acks(site.serve([sent(replace(command, select=True))], at(0))) == ["selected"]
    served = site.serve([sent(command)], at(0.01))
    answers: list[Ack | ReadBack] = [
        (decode_ack if name.endswith(ACK) else decode_readback)(payload, gateway_of(name))
        for name, payload in served.answers
    ]
    assert answers == [
        Ack(command.id, "V-1/opening", "G-1", 1, AckStatus.ACCEPTED),
        ReadBack("V-1/opening", "G-1", 1, digest(command.program), 1.0, at(0.01)),
    ]
    assert [effect.point for effect in served.effects] == ["V-1/opening"]


def test_each_gateway_speaks_for_its_own() -> None:
    site = a_site(weather=(Measured("W-1", "windSpeed", at(0.5), 3.1),))
    told = {message.topic: orjson.loads(message.payload)["readings"] for message in site.telemetry(at(1))}
    assert set(told) == {topic(name, "telemetry") for name in ("G-1", "G-2", "W-1")}
    assert {reading["asset"] for reading in told[topic("G-1", "telemetry")]} == {"N-1", "V-1", "V-2", "V-3"}
    assert {reading["asset"] for reading in told[topic("G-2", "telemetry")]} == {"S-1"}
    assert told[topic("W-1", "telemetry")] == [
        {"asset": "W-1", "property": "windSpeed", "value": 3.1, "observed_at": "2026-07-14T10:30:00Z"}
    ]


def test_a_silent_gateway_tells_afterwards_when_its_valves_moved() -> None:
    site = a_site(fault(FaultKind.SILENT, "G-1", 0.5, 3))
    site.serve([sent(opened((1.25, 1.5)))], at(0.1))
    assert [topic("G-1", "telemetry") in [m.topic for m in site.telemetry(at(hour))] for hour in (1, 2)] == [False] * 2
    (message,) = (m for m in site.telemetry(at(3)) if m.topic == topic("G-1", "telemetry"))
    told = [one for one in orjson.loads(message.payload)["readings"] if one["property"] == "opening"]
    moved = [(one["asset"], one["observed_at"], one["value"]) for one in told if "observed_at" in one]
    assert moved == [("V-1", "2026-07-14T11:15:00Z", 1.0), ("V-1", "2026-07-14T11:30:00Z", 0.0)]


@pytest.mark.parametrize(
    ("kind", "said", "open_"),
    [
        (FaultKind.DROP_COMMAND, [], 0.0),
        (FaultKind.DROP_ACK, [], 1.0),
        (FaultKind.REJECT, ["rejected"], 0.0),
        (FaultKind.LIE, ["accepted"], 0.0),
        (FaultKind.DOUBLE, ["accepted", "duplicate"], 1.0),
    ],
)
def test_faults_of_messages_strike_valves_as_they_strike_lamps(kind: FaultKind, said: list[str], open_: float) -> None:
    site = a_site(fault(kind))
    assert acks(site.serve([sent(opened((0, 2)))], at(0.1))) == said
    (message,) = (m for m in site.telemetry(at(1)) if m.topic == topic("G-1", "telemetry"))
    now = {(r["asset"], r["property"]): r["value"] for r in orjson.loads(message.payload)["readings"]}
    assert now["V-1", "opening"] == open_


def test_a_valve_that_lies_says_that_it_could_be_told() -> None:
    site = a_site(fault(FaultKind.LIE))
    assert acks(site.serve([sent(replace(opened((0, 2)), select=True))], at(0.1))) == ["selected"]


def test_what_carries_no_known_flow_is_refused_all_at_once() -> None:
    broken = (
        replace(PIPE, attributes={}),
        replace(V1, attributes={"flow_m3_h": 0}),
        replace(V2, attributes={"flow_m3_h": "much"}),
        V3,
    )
    with pytest.raises(InputError) as caught:
        Site(broken, Story(NOON, 4, ()))
    assert [str(problem).split(" ")[0] for problem in caught.value.problems] == ["N-1", "V-1", "V-2"]


def test_ground_and_sky_survive_their_file(tmp_path: Path) -> None:
    story = Story(NOON, 4, (), plots=(a_plot(said=0.2),), sky=a_sky(3), meters={"N-1": 12.5},
                  weather=(Measured("W-1", "temperature", NOON, 21.5),))  # fmt: skip
    story.save(tmp_path / "story.json")
    assert Story.load(tmp_path / "story.json") == story
