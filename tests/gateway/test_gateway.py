"""The gateway without its line: rules of obedience, each fault, selection, and what is left of it after a brown-out."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.inventory.territory import check_territory
from engine.model import Ack, AckStatus, Asset, Command, Program, ReadBack
from engine.wire import (
    ACK,
    COMMAND,
    GET,
    STATE,
    decode_ack,
    decode_readback,
    encode_command,
    encode_get,
    topic,
)
from twin.controller import Wire, remembered
from twin.effects import EffectLog, read_effects
from twin.gateway.faults import Fault, Faults, Kind, load_faults, save_faults
from twin.gateway.gateway import Gateway, Outcome
from twin.gateway.town import Outlet, cabinets_of, made_town, names_of, outlets_of

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)
LAMP, VALVE = "L-1/illuminanceLevel", "V-1/opening"
OUTLETS = (Outlet(LAMP, "A-1", 0, 1, 1, critical=False), Outlet(VALVE, "A-1", 0, 1, 0, critical=True))
S = AckStatus


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_command(seq: int = 1, value: float = 0.4, *, point: str = LAMP, issued: float = 0, life: float = 60) -> Command:
    program = Program(((at(issued), value),), at(issued + 3_600))
    return Command(f"{point}#{seq}", point, "A-1", seq, program, at(issued), at(issued + life))


def a_gateway(*faults: Fault, seed: int = 1) -> Gateway:
    return Gateway("A-1", OUTLETS, Faults(faults, seed, NOON), {})


def sent(command: Command, *, select: bool = False) -> Wire:
    return Wire(topic("A-1", COMMAND), encode_command(replace(command, select=select)))


def acks(outcome: Outcome) -> list[Ack]:
    return [decode_ack(wire.payload, "A-1") for wire in outcome.answers if wire.topic == topic("A-1", ACK)]


def states(outcome: Outcome) -> list[ReadBack]:
    return [decode_readback(wire.payload, "A-1") for wire in outcome.answers if wire.topic == topic("A-1", STATE)]


def said(outcome: Outcome) -> list[AckStatus]:
    return [ack.status for ack in acks(outcome)]


def test_a_command_is_obeyed_noted_answered_and_shown() -> None:
    outcome = a_gateway().serve([sent(a_command())], at(1))
    assert [(effect.id, effect.at) for effect in outcome.effects] == [(a_command().id, at(1))]
    assert said(outcome) == [S.ACCEPTED]
    assert [(state.seq, state.value) for state in states(outcome)] == [(1, 0.4)]


def test_what_is_not_newer_or_too_late_or_no_value_is_refused_with_its_status() -> None:
    gateway = a_gateway()
    orders = [a_command(2), a_command(2), a_command(1), a_command(3, 1.5), replace(a_command(2), id="another")]
    outcome = gateway.serve([*map(sent, orders), sent(a_command(4, life=1))], at(1))
    assert said(outcome) == [S.ACCEPTED, S.DUPLICATE, S.SUPERSEDED, S.REJECTED, S.REJECTED, S.EXPIRED]
    assert [effect.seq for effect in outcome.effects] == [2]


def test_before_and_after_its_program_a_point_is_at_its_safe_value() -> None:
    gateway = a_gateway()
    assert gateway.value(LAMP, at(0)) == 1
    gateway.serve([sent(a_command(issued=10))], at(1))
    assert [gateway.value(LAMP, at(s)) for s in (9, 10, 3_609, 3_610)] == [1, 0.4, 0.4, 1]


def test_what_cannot_be_read_and_other_points_do_no_harm() -> None:
    nobody = replace(a_command(), point="L-9/illuminanceLevel")
    get = Wire(topic("A-1", GET), encode_get([LAMP, "L-9/illuminanceLevel"]))
    outcome = a_gateway().serve(
        [Wire(topic("A-1", COMMAND), b"{"), Wire(topic("A-1", GET), b"[]"), sent(nobody), get], at(1)
    )
    assert said(outcome) == [S.REJECTED]
    assert [state.point for state in states(outcome)] == [LAMP]
    assert outcome.taken == 4


# Faults.


def test_a_dropped_command_leaves_no_trace() -> None:
    outcome = a_gateway(Fault(Kind.DROP)).serve([sent(a_command()), Wire(topic("A-1", GET), encode_get([LAMP]))], at(1))
    assert (outcome.effects, outcome.answers, outcome.taken) == ([], [], 2)


def test_a_dropped_answer_is_that_of_an_effect() -> None:
    outcome = a_gateway(Fault(Kind.DROP_ACK)).serve([sent(a_command())], at(1))
    assert (len(outcome.effects), outcome.answers) == (1, [])


@pytest.mark.parametrize(("life", "status"), [(60, S.ACCEPTED), (20, S.EXPIRED)])
def test_a_delayed_command_is_judged_when_it_arrives(life: float, status: AckStatus) -> None:
    gateway = a_gateway(Fault(Kind.DELAY, seconds=30))
    assert gateway.serve([sent(a_command(life=life))], at(1)).answers == []
    assert gateway.due_at() == at(31)
    assert gateway.serve([], at(30.9)).answers == []
    late = gateway.serve([], at(31))
    assert (said(late), len(late.effects)) == ([status], int(status is S.ACCEPTED))
    assert gateway.due_at() is None


def test_a_reordered_command_is_passed_by_the_next_or_comes_by_itself() -> None:
    gateway = a_gateway(Fault(Kind.REORDER, seconds=5, until_s=1.5))
    assert gateway.serve([sent(a_command(1))], at(1)).answers == []
    passing = gateway.serve([sent(a_command(2))], at(2))
    assert [(ack.seq, ack.status) for ack in acks(passing)] == [(2, S.ACCEPTED), (1, S.SUPERSEDED)]
    alone = a_gateway(Fault(Kind.REORDER, seconds=5))
    alone.serve([sent(a_command(1))], at(1))
    assert said(alone.serve([], at(6))) == [S.ACCEPTED]


def test_a_duplicate_has_one_effect_and_two_answers() -> None:
    outcome = a_gateway(Fault(Kind.DUPLICATE)).serve([sent(a_command())], at(1))
    assert (len(outcome.effects), said(outcome)) == (1, [S.ACCEPTED, S.DUPLICATE])


def test_a_liar_is_betrayed_by_its_state() -> None:
    outcome = a_gateway(Fault(Kind.LIE)).serve([sent(a_command())], at(1))
    assert (outcome.effects, said(outcome), [state.seq for state in states(outcome)]) == ([], [S.ACCEPTED], [0])


def test_a_refusal_has_no_effect() -> None:
    outcome = a_gateway(Fault(Kind.REJECT)).serve([sent(a_command())], at(1))
    assert (outcome.effects, said(outcome)) == ([], [S.REJECTED])


@pytest.mark.parametrize(("skew", "status"), [(-10, S.ACCEPTED), (0, S.EXPIRED), (10, S.EXPIRED)])
def test_expiry_is_by_its_own_clock_and_the_log_by_the_true_one(skew: float, status: AckStatus) -> None:
    gateway = a_gateway(Fault(Kind.SKEW, seconds=skew, on=("A-1",)))
    outcome = gateway.serve([sent(a_command(life=5))], at(6))
    assert said(outcome) == [status]
    assert [effect.at for effect in outcome.effects] == ([at(6)] if status is S.ACCEPTED else [])
    assert states(outcome)[0].observed_at == at(6 + skew)


def test_while_it_is_locked_out_it_says_so_and_refuses() -> None:
    gateway = a_gateway(Fault(Kind.LOCK_OUT, on=("A-1",), from_s=10, until_s=20))
    assert [_mode(gateway, second) for second in (9, 10, 20)] == ["automatic", "manual", "automatic"]
    refused = gateway.serve([sent(a_command())], at(15))
    assert (refused.effects, [ack.reason for ack in acks(refused)]) == ([], ["somebody works here"])
    assert said(gateway.serve([sent(a_command())], at(25))) == [S.ACCEPTED]


def _mode(gateway: Gateway, second: float) -> Any:
    readings = orjson.loads(gateway.telemetry(["A-1"], at(second)).payload)["readings"]
    return next(reading["value"] for reading in readings if reading["property"] == "workingMode")


@pytest.mark.parametrize(("seq", "effects"), [(1, 0), (2, 1)])
def test_a_brown_out_comes_before_it_obeys_or_before_it_answers(seq: int, effects: int) -> None:
    gateway = a_gateway(Fault(Kind.BROWN_OUT, seconds=7))
    outcome = gateway.serve([sent(a_command(seq)), sent(a_command(5, point=VALVE))], at(1))
    assert (outcome.dark_until, outcome.taken, outcome.answers) == (at(8), 0, [])
    assert len(outcome.effects) == effects


def test_after_a_brown_out_it_knows_what_its_log_says_and_no_more(tmp_path: Path) -> None:
    faults = Faults([Fault(Kind.DELAY, seconds=30, on=(VALVE,))], 1, NOON)
    before = Gateway("A-1", OUTLETS, faults, {})
    with EffectLog(tmp_path / "log") as log:
        for seq in (1, 2):
            log.append(before.serve([sent(a_command(seq)), sent(a_command(seq, point=VALVE))], at(seq)).effects)
    after = Gateway("A-1", OUTLETS, faults, remembered(read_effects(tmp_path / "log")))
    assert said(after.serve([sent(a_command(2)), sent(a_command(1)), sent(a_command(3))], at(3))) == [
        S.DUPLICATE,
        S.SUPERSEDED,
        S.ACCEPTED,
    ]
    assert (before.due_at(), after.due_at()) == (at(31), None)


def test_a_critical_point_is_selected_before_it_operates() -> None:
    gateway, order = a_gateway(), a_command(1, 1.0, point=VALVE)
    assert said(gateway.serve([sent(order)], at(0))) == [S.REJECTED]
    selected = gateway.serve([sent(order, select=True)], at(1))
    assert (said(selected), selected.effects) == ([S.SELECTED], [])
    other = replace(order, id="another")
    assert [ack.reason for ack in acks(gateway.serve([sent(other)], at(2)))] == ["select it first"]
    executed = gateway.serve([sent(order), sent(order)], at(11))
    assert (said(executed), len(executed.effects)) == ([S.ACCEPTED, S.DUPLICATE], 1)


def test_a_selection_lasts_ten_seconds() -> None:
    gateway, order = a_gateway(), a_command(1, 1.0, point=VALVE)
    gateway.serve([sent(order, select=True)], at(1))
    assert [ack.reason for ack in acks(gateway.serve([sent(order)], at(11.1)))] == ["selected more than 10 s ago"]


# Faults as a file, and their draws.

MANY = (Fault(Kind.DROP, 0.3), Fault(Kind.DUPLICATE, 0.5, on=(LAMP,)), Fault(Kind.BROWN_OUT, 0.1, seconds=2, from_s=5))


def test_what_strikes_does_not_depend_on_how_messages_interleave() -> None:
    def strikes(order: Sequence[tuple[str, int]], seed: int = 1) -> dict[tuple[str, int], list[Kind]]:
        faults = Faults(MANY, seed, NOON)
        return {(point, seq): sorted(faults.strike("A-1", point, seq, at(6))) for point, seq in order}

    messages = [(point, seq) for point in (LAMP, VALVE) for seq in range(200)]
    assert strikes(messages) == strikes(messages[::-1])
    assert strikes(messages) != strikes(messages, seed=2)
    kinds = [kind for struck in strikes(messages).values() for kind in struck]
    assert 90 <= kinds.count(Kind.DROP) <= 150
    assert 50 <= kinds.count(Kind.DUPLICATE) <= 90  # but for those that are lost


def test_a_repeated_message_has_its_own_luck() -> None:
    faults = Faults([Fault(Kind.DROP, 0.5)], 1, NOON)
    assert len({bool(faults.strike("A-1", LAMP, 1, NOON)) for _ in range(20)}) == 2


@given(st.lists(st.builds(Fault, st.sampled_from(Kind), st.floats(0, 1), st.floats(-5, 60)), max_size=5))
def test_a_file_of_faults_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, faults: list[Fault]) -> None:
    path = tmp_path_factory.getbasetemp() / "faults.json"
    save_faults(faults, path)
    assert load_faults(path) == tuple(faults)


def test_a_wrong_file_is_told_in_full(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"kind": "drop", "probability": 2}, {"kind": "dorp"}, {"kind": "lie", "of": "A-1"}]))
    with pytest.raises(InputError) as found:
        load_faults(path)
    places = [str(problem) for problem in found.value.problems]
    assert [any(place in line for line in places) for place in ("0.probability", "1.kind", "2.of")] == [True] * 3
    with pytest.raises(InputError, match="cannot be read"):
        load_faults(tmp_path / "none.json")


# The town.


def test_a_made_town_can_be_imported_and_has_its_outlets(catalogue: Catalogue) -> None:
    town = made_town(names_of("A-1..A-3,B-9"), 5)
    assert check_territory(town, catalogue) == []
    outlets = outlets_of(town.assets, catalogue)
    assert len({outlet.point for outlet in outlets}) == 20
    assert {outlet.gateway for outlet in outlets} == {"A-1", "A-2", "A-3", "B-9"}
    assert [(place.id, place.gateway) for place in cabinets_of(town.assets, catalogue)][-1] == ("B-9", "B-9")


def test_an_outlet_goes_where_its_own_asset_is_safe(catalogue: Catalogue) -> None:
    told = {"charge_max_w": 11_040.0, "charge_least_w": 4_140.0}
    (outlet,) = outlets_of([Asset("EV-1", "EVChargingStation", "Z-1", 0, 47, None, "A-1", told)], catalogue)
    assert (outlet.minimum, outlet.maximum, outlet.safe) == (0, 11_040, 4_140), "three phases take no 3,700 W"


@pytest.mark.parametrize("text", ["", "A-1..B-3", "A-3..A-1", "A..B", "A-1,,A-2"])
def test_what_names_no_gateways_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="names no gateways"):
        names_of(text)
