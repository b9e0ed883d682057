"""Trucks of the field: they follow round and program, report, break down, and go on with another round."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.model import AckStatus, Program
from tests.collection.field import (
    LEAVES,
    NAMES,
    START,
    asset,
    at,
    bins,
    containers,
    program_of,
    round_of,
    start,
    told,
    truck,
)  # fmt: skip
from twin.collection.trucks import Truck
from twin.faults import Fault, FaultKind, Faults


def _served(one: Truck) -> list[str]:
    return [name for name, _, _ in one.served]


def _values(one: Truck, when: float, asset_id: str, name: str) -> list[float | str]:
    return [r["value"] for r in one.readings(at(when)) if r["asset"] == asset_id and r["property"] == name]


def test_it_serves_its_round_as_planned_and_comes_home_empty() -> None:
    found = containers()
    one = truck(found)
    start(one, round_of())
    one.advance(at(200))
    assert one.served == [("R-1", at(15), 196.0 - 4), ("R-2", at(30), 192.0), ("R-3", at(45), 192.0)]
    assert one.load_kg == 0
    assert one.driven_m == 20_000
    assert one.status(at(200)) == "parked"
    assert found.fill.tolist() == [0.02, 0.02, 0.02]


def test_it_tells_where_it_is_what_it_carries_and_what_it_met() -> None:
    one = truck(containers())
    start(one, round_of())
    assert {r["property"] for r in one.readings(START)} == {"serviceStatus", "stopNumber", "cargoWeight"}
    readings = {(r["asset"], r["property"]): r["value"] for r in one.readings(at(20))}
    assert readings["R-1", "cargoWeight"] == 192.0
    assert readings["R-1", "exception"] == "none"
    assert readings["VH-1", "cargoWeight"] == 192.0
    assert readings["VH-1", "stopNumber"] == 1
    assert readings["VH-1", "serviceStatus"] == "onRoute"
    assert readings["VH-1", "longitude"] == pytest.approx(-0.645)  # half way from the first to the second


def test_it_begins_no_stop_before_its_number_is_called() -> None:
    one = truck(containers())
    found = round_of()
    one.take_round(found, START)
    later = Program(((START, 0.0), (at(60), 1.0), (at(90), 3.0)), at(600))
    one.obey(told(one, later, 1, START), START)
    one.advance(at(59))
    assert one.served == []
    one.advance(at(200))
    assert one.served[0][:2] == ("R-1", at(65))
    assert one.served[1][:2] == ("R-2", at(95))
    assert one.served[2][:2] == ("R-3", at(110))


def test_a_called_zero_stops_it_where_it_stands_until_it_is_told_on() -> None:
    one = truck(containers())
    found = round_of()
    start(one, found)
    one.obey(told(one, Program(((at(16), 0.0),), at(600)), 2, at(16)), at(16))
    one.advance(at(100))
    assert _served(one) == ["R-1"]
    one.obey(told(one, program_of(found), 3, at(100)), at(100))
    one.advance(at(300))
    assert _served(one) == list(NAMES)


def test_without_a_program_it_stays_at_the_depot_and_after_it_it_goes_home() -> None:
    one = truck(containers())
    one.take_round(round_of(), START)
    one.advance(at(30))
    assert one.status(at(30)) == "parked"
    one.obey(told(one, Program(((at(30), 3.0),), at(50)), 1, at(30)), at(30))
    one.advance(at(300))
    assert _served(one) == ["R-1"]
    assert one.status(at(300)) == "parked"
    assert one.load_kg == 0


def test_it_takes_newer_commands_only_and_whole_numbers() -> None:
    one = truck(containers())
    start(one, round_of())
    assert one.obey(told(one, program_of(round_of()), 1, START), START).status is AckStatus.DUPLICATE
    for value in (-1.0, 0.5, 501.0):
        ack = one.judge(told(one, Program(((START, value),), at(1)), 2, START), START)
        assert ack.status is AckStatus.REJECTED
    assert one.readback(at(12)).value == 1.0


def test_broken_down_it_stands_and_all_else_is_later() -> None:
    fault = Fault("VH-1", FaultKind.FAILURE, at(17), at(77))
    one = truck(containers(), faults=[fault])
    start(one, round_of())
    one.advance(at(50))
    assert one.status(at(50)) == "broken"
    assert _served(one) == ["R-1"]
    stood = one.readings(at(60))
    assert [r["value"] for r in stood if r["property"] == "longitude"] == [pytest.approx(-0.648)]  # 2 of 10 minutes
    one.advance(at(300))
    assert [when for _, when, _ in one.served] == [at(15), at(90), at(105)]


def test_jammed_streets_take_half_as_long_again() -> None:
    one = truck(containers(), faults=[Fault("VH-1", FaultKind.SLOW, START, at(600))])
    start(one, round_of())
    one.advance(at(600))
    assert [when for _, when, _ in one.served] == [at(22.5), at(45), at(67.5)]


def test_a_blocked_container_is_left_and_told() -> None:
    found = containers(faults=[Fault("R-2", FaultKind.BLOCKED, START, at(600))])
    one = truck(found)
    start(one, round_of())
    assert _values(one, 40, "R-2", "exception") == ["blocked"]
    one.advance(at(300))
    assert _served(one) == ["R-1", "R-3"]
    assert found.fill_of("R-2") == 0.5


def test_a_full_truck_takes_no_more_before_it_has_unloaded() -> None:
    full = truck(containers(), capacity_kg=300)
    start(full, round_of())
    assert _values(full, 60, "R-3", "exception") == ["overweight"]
    twice = truck(containers(), capacity_kg=300)
    start(twice, round_of(unload_after=2))
    twice.advance(at(300))
    assert _served(twice) == list(NAMES)


def test_a_newer_round_replaces_what_is_not_done_and_repeats_nothing() -> None:
    one = truck(containers())
    start(one, round_of())
    one.advance(at(16))
    newer = round_of(("R-1", "R-3"), plan="p2")
    one.take_round(newer, at(16))
    one.obey(told(one, program_of(newer), 2, at(16)), at(16))
    one.advance(at(300))
    assert _served(one) == ["R-1", "R-3"]


def test_what_is_being_served_is_served_to_its_end() -> None:
    one = truck(containers())
    start(one, round_of())
    one.advance(at(12))
    newer = round_of(("R-3",), plan="p2")
    one.take_round(newer, at(12))
    one.obey(told(one, program_of(newer), 2, at(12)), at(12))
    one.advance(at(300))
    assert _served(one) == ["R-1", "R-3"]


def test_a_truck_on_its_way_turns_where_it_is() -> None:
    one = truck(containers())
    start(one, round_of())
    one.take_round(round_of(("R-3",), plan="p2"), at(5))
    assert _values(one, 5, "VH-1", "longitude") == [pytest.approx(-0.655)]


def test_the_same_round_again_changes_nothing() -> None:
    once, often = truck(containers()), truck(containers())
    for one in (once, often):
        start(one, round_of())
    for minute in range(0, 60, 3):
        often.take_round(round_of(), at(minute))
    for one in (once, often):
        one.advance(at(300))
    assert once.served == often.served


def test_however_time_passes_the_same_is_done() -> None:
    whole, step = truck(containers(bins(daily_l=900))), truck(containers(bins(daily_l=900)))
    for one in (whole, step):
        start(one, round_of())
    whole.advance(at(300))
    for minute in range(0, 301, 7):
        step.advance(at(minute))
    step.advance(at(300))
    assert whole.served == step.served


def test_two_days_are_two_rounds() -> None:
    found = containers()
    one = truck(found)
    start(one, round_of())
    one.advance(at(300))
    tomorrow = round_of(plan="p2")
    day = timedelta(days=1)
    moved = [
        replace(line, arrive_at=line.arrive_at + day, begin_at=line.begin_at + day, end_at=line.end_at + day)
        for line in tomorrow.lines
    ]
    next_round = replace(tomorrow, day=tomorrow.day + day, lines=tuple(moved))
    one.take_round(next_round, LEAVES + timedelta(hours=10))
    one.obey(told(one, program_of(next_round), 2, LEAVES + timedelta(hours=10)), LEAVES + timedelta(hours=10))
    one.advance(LEAVES + day + timedelta(hours=5))
    assert _served(one) == [*NAMES, *NAMES]


def test_an_asset_without_a_gateway_speaks_for_itself() -> None:
    alone = Truck(replace(asset("VH-9", "Vehicle"), gateway=None), containers(), Faults(), START)
    assert (alone.gateway, alone.point) == ("VH-9", "VH-9/stopNumber")


def test_a_round_that_is_taken_away_stops_it_where_it_is() -> None:
    one = truck(containers())
    start(one, round_of())
    one.take_round(replace(round_of(), plan="p2", lines=()), at(5))
    assert _values(one, 60, "VH-1", "longitude") == [pytest.approx(-0.655)]
    assert one.served == []
