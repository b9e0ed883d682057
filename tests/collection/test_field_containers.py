"""Containers of the field: what people bring adds up, sensors say it or something else, lids send people on."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from engine.model import Command, Program
from tests.collection.field import NAMES, START, bins, containers
from twin.collection.containers import Containers, Dumped
from twin.faults import Fault, FaultKind

_DAY = timedelta(days=1)
_LATER = START + 10 * _DAY


def _said(found: Containers, name: str, *, until: datetime = START + 2 * _DAY) -> list[float]:
    return [
        r["value"] for r in found.readings(until) if r["asset"] == name and r["property"] == "fillingLevel"
    ]  # fmt: skip


def test_what_is_brought_is_in_them_or_beside_them() -> None:
    found = containers(bins(content_l=3000.0, daily_l=1000.0))
    found.advance(_LATER)
    assert (found.content_l == found.volume_l).all()
    brought = found.content_l - 3000.0 + found.beside_l
    assert brought == pytest.approx([10_000.0] * 3, rel=0.25)


def test_over_many_days_as_much_is_brought_as_is_usual() -> None:
    vast = tuple(replace(one, volume_l=1e9, content_l=0.0) for one in bins(daily_l=1000.0))
    found = containers(vast)
    found.advance(START + 200 * _DAY)
    assert found.content_l / 200 == pytest.approx([1000.0] * 3, rel=0.03)


def test_the_same_seed_brings_the_same_however_time_passes() -> None:
    once, often, other = (containers(bins(daily_l=100.0), seed=seed) for seed in (1, 1, 2))
    once.advance(_LATER)
    other.advance(_LATER)
    for hours in range(0, 241, 5):
        often.advance(START + timedelta(hours=hours))
    assert np.array_equal(once.content_l, often.content_l)
    assert not np.array_equal(once.content_l, other.content_l)


def test_people_sleep() -> None:
    found = containers(bins(daily_l=1000.0))
    found.advance(START + timedelta(hours=18))  # 22:00
    before = found.content_l.copy()
    found.advance(START + timedelta(hours=25))  # 05:00
    assert (found.content_l - before < 150).all()


def test_each_sensor_says_its_level_every_four_hours_by_turns() -> None:
    found = containers()
    told = found.readings(START + _DAY)
    assert {name: sum(r["asset"] == name for r in told) for name in NAMES} == dict.fromkeys(NAMES, 6)
    assert all(abs(r["value"] - 0.5) < 0.06 for r in told)


def test_what_changes_much_is_told_at_the_next_hour() -> None:
    quiet, moved = containers(), containers(dumped=[Dumped("R-1", START + timedelta(hours=8, minutes=20), 1500.0)])
    for found in (quiet, moved):
        found.readings(START + timedelta(hours=8))
    assert moved.fill_of("R-1") == 0.5
    told = [
        r for r in moved.readings(START + timedelta(hours=9)) if r["asset"] == "R-1" and r["value"] > 0.8
    ]  # fmt: skip
    assert [r["observed_at"] for r in told] == ["2026-09-29T11:00:00Z"]
    assert moved.fill_of("R-1") == 0.875


def test_a_stuck_sensor_repeats_itself_though_the_container_fills() -> None:
    found = containers(bins(daily_l=800.0), faults=[Fault("R-1", FaultKind.STUCK, START + _DAY, _LATER)])
    before = _said(found, "R-1", until=START + _DAY)
    assert set(_said(found, "R-1", until=START + 3 * _DAY)) == {before[-1]}
    assert found.fill_of("R-1") > before[-1]


def test_a_silent_one_says_nothing() -> None:
    assert _said(containers(faults=[Fault("R-1", FaultKind.SILENT, START, _LATER)]), "R-1") == []


def test_foam_is_another_level_each_time_and_a_bag_the_same_too_much() -> None:
    foam = _said(containers(faults=[Fault("R-1", FaultKind.FOAM, START, _LATER)]), "R-1")
    bag = _said(containers(faults=[Fault("R-1", FaultKind.JUMP, START, _LATER, by=0.3)]), "R-1")
    assert np.std(foam) > 0.05
    assert np.mean(bag) == pytest.approx(0.8, abs=0.02)
    assert np.std(bag) < 0.03


def test_a_sensor_set_to_zero_over_waste_says_too_much_for_ever() -> None:
    wrong = tuple(replace(one, bias=0.15, content_l=0.0) for one in bins())
    assert np.mean(_said(containers(wrong), "R-1")) == pytest.approx(0.15, abs=0.02)


def test_without_a_sensor_nothing_is_said() -> None:
    assert _said(containers(tuple(replace(one, sensor=False) for one in bins())), "R-1") == []


def test_emptied_it_weighs_what_was_in_it_and_keeps_a_little() -> None:
    found = containers()
    assert found.empty("R-1", START) == pytest.approx((2000 - 80) / 1000 * 100)
    assert found.empty("R-1", START) == 0.0
    assert found.empty("R-unknown", START) == 0.0
    assert found.fill_of("R-1") == 0.02


def _lock(found: Containers, name: str, seq: int = 1) -> None:
    lid = next(lid for lid in found.points if lid.id == name)
    lid.obey(Command("c", lid.point, lid.gateway, seq, Program(((START, 1.0),), _LATER), START, _LATER), START)


def test_a_locked_lid_sends_people_to_the_one_beside_or_leaves_it_on_the_ground() -> None:
    vast = tuple(replace(one, volume_l=1e9) for one in bins(daily_l=1000.0))
    known = (replace(vast[0], beside="R-2"), *vast[1:])
    free, locked, alone = (containers(of, attributes={"motor_lid": True}) for of in (known, known, vast))
    _lock(locked, "R-1")
    _lock(alone, "R-1")
    for found in (free, locked, alone):
        found.advance(_LATER)
    assert locked.content_l[0] == 2000.0
    assert locked.content_l.sum() == pytest.approx(free.content_l.sum())
    assert locked.content_l[1] > free.content_l[1]
    assert alone.beside_l[0] == pytest.approx(free.content_l[0] - 2000.0)


def test_only_a_lid_with_a_motor_is_a_point_and_it_is_open_after_its_program() -> None:
    assert containers().points == []
    found = containers(attributes={"motor_lid": True})
    _lock(found, "R-1")
    told = [r for r in found.readings(START + _DAY) if r["property"] == "lidLocked"]
    assert {(r["asset"], r["value"]) for r in told} == {("R-1", 1)}
    told = [r for r in found.readings(_LATER) if r["property"] == "lidLocked"]
    assert {(r["asset"], r["value"]) for r in told} == {("R-1", 0)}
