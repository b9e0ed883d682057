from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import AckStatus, Asset, Command, Program
from engine.wire import digest
from twin.faults import Fault, FaultKind
from twin.lighting import FLUX_CURVES, Boost, Darkness, Lamp, drive_of, interpolate

NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)
HOUR = timedelta(hours=1)
SUNSET, SUNRISE = NOON + 5 * HOUR, NOON + 20 * HOUR
NIGHT = Darkness(((SUNSET, SUNRISE),))


def at(hours: float) -> datetime:
    return NOON + hours * HOUR


def a_lamp(*faults: Fault, curve: str = "linear", dimmable: bool = True) -> Lamp:
    attributes = {"power_w": 100.0, "standby_w": 1.0, "flux_curve": curve, "dimmable": dimmable}
    asset = Asset("L-1", "Streetlight", "Z-1", -0.55, 47.47, "A-1", "A-1", attributes)
    return Lamp(asset, FLUX_CURVES[curve], NIGHT, faults, NOON)


def a_command(seq: int = 1, *steps: tuple[float, float], until: float = 24, expires: float = 1) -> Command:
    program = Program(tuple((at(hour), level) for hour, level in steps or ((0, 0.5),)), at(until))
    return Command(f"c{seq}", "L-1/illuminanceLevel", "A-1", seq, program, NOON, at(expires))


@pytest.mark.parametrize(
    ("flux", "share"), [(-1, 0), (0, 0), (0.05, 0.0475), (0.5, 0.475), (0.75, 0.73), (1, 1), (2, 1)]
)
def test_the_curve_of_an_led(flux: float, share: float) -> None:
    assert interpolate(FLUX_CURVES["led"], flux) == pytest.approx(share)


@pytest.mark.parametrize("points", FLUX_CURVES.values(), ids=FLUX_CURVES.keys())
def test_curves_begin_at_nothing_end_at_all_and_rise(points: list[tuple[float, float]]) -> None:
    assert (tuple(points[0]), tuple(points[-1])) == ((0, 0), (1, 1))
    assert all(x0 < x1 and y0 < y1 for (x0, y0), (x1, y1) in pairwise(points))


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_flux_takes_more_power(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert interpolate(FLUX_CURVES["led"], low) <= interpolate(FLUX_CURVES["led"], high)


@pytest.mark.parametrize(
    ("hour", "level", "power_w"), [(0, 0, 1), (4.999, 0, 1), (5, 1, 100), (19.999, 1, 100), (20, 0, 1)]
)
def test_without_a_program_it_is_full_when_dark_and_off_by_day(hour: float, level: float, power_w: float) -> None:
    lamp = a_lamp()
    assert (lamp.level(at(hour)), lamp.power_w(at(hour))) == (level, power_w)


def test_its_energy_is_the_area_under_its_power() -> None:
    """5 h standby, 15 h full, 4 h standby."""
    lamp = a_lamp()
    lamp.advance(at(24))
    assert lamp.energy_wh == pytest.approx(5 * 1 + 15 * 100 + 4 * 1)


@given(st.lists(st.floats(0.01, 23.9), max_size=8))
def test_energy_does_not_depend_on_how_often_one_looks(looks: list[float]) -> None:
    whole, parts = a_lamp(curve="led"), a_lamp(curve="led")
    for lamp in (whole, parts):
        assert lamp.obey(a_command(1, (0, 0.0), (6.25, 0.7), (22, 0.3), until=23), NOON).status is AckStatus.ACCEPTED
    for hour in sorted(looks):
        parts.advance(at(hour))
    whole.advance(at(24))
    parts.advance(at(24))
    assert parts.energy_wh == pytest.approx(whole.energy_wh)


def test_energy_of_a_program_that_ends_in_the_dark() -> None:
    lamp = a_lamp()
    lamp.obey(a_command(1, (0, 0.0), (6, 0.5), until=10), NOON)
    lamp.advance(at(12))
    assert lamp.energy_wh == pytest.approx(6 * 1 + 4 * 50.5 + 2 * 100)


def test_a_new_program_does_not_change_what_was_drawn_before() -> None:
    lamp = a_lamp()
    lamp.advance(at(6))
    lamp.obey(a_command(1, (6, 0.0), until=24, expires=9), at(7))
    lamp.advance(at(8))
    assert lamp.energy_wh == pytest.approx(5 * 1 + 2 * 100 + 1 * 1)


def test_it_follows_its_program_then_its_own_default() -> None:
    lamp = a_lamp()
    ack = lamp.obey(a_command(1, (0, 0.4), (6, 0.8), until=8), NOON)
    assert ack.status is AckStatus.ACCEPTED
    assert [lamp.level(at(hour)) for hour in (0, 5.9, 6, 7.9, 8)] == [0.4, 0.4, 0.8, 0.8, 1.0]


def test_a_read_back_names_the_program_in_action() -> None:
    lamp, command = a_lamp(), a_command(3)
    assert (lamp.readback(NOON).seq, lamp.readback(NOON).digest) == (0, "")
    lamp.obey(command, NOON)
    state = lamp.readback(at(0.1))
    assert (state.seq, state.digest, state.value, state.gateway) == (3, digest(command.program), 0.5, "A-1")


def test_the_same_command_twice_is_a_duplicate_even_after_its_expiry() -> None:
    lamp, command = a_lamp(), a_command()
    assert lamp.obey(command, NOON).status is AckStatus.ACCEPTED
    assert lamp.obey(command, at(0.5)).status is AckStatus.DUPLICATE
    assert lamp.obey(command, at(5)).status is AckStatus.DUPLICATE


@pytest.mark.parametrize(
    ("minutes", "status"), [(59, AckStatus.ACCEPTED), (60, AckStatus.EXPIRED), (61, AckStatus.EXPIRED)]
)
def test_an_expired_command_is_never_applied(minutes: float, status: AckStatus) -> None:
    lamp = a_lamp()
    assert lamp.obey(a_command(), at(minutes / 60)).status is status
    assert (lamp.readback(at(2)).seq == 1) == (status is AckStatus.ACCEPTED)


def test_sequences_only_grow() -> None:
    lamp = a_lamp()
    lamp.obey(a_command(5), NOON)
    assert lamp.obey(a_command(4), NOON).status is AckStatus.SUPERSEDED
    assert lamp.obey(replace(a_command(5), id="another"), NOON).status is AckStatus.REJECTED
    assert lamp.obey(a_command(6), NOON).status is AckStatus.ACCEPTED


@pytest.mark.parametrize(
    ("level", "dimmable", "accepted"),
    [
        (0.0, True, True),
        (1.0, True, True),
        (-0.01, True, False),
        (1.01, True, False),
        (float("nan"), True, False),
        (float("inf"), True, False),
        (0.5, False, False),
        (0.0, False, True),
        (1.0, False, True),
    ],
)
def test_levels_it_takes(level: float, dimmable: bool, accepted: bool) -> None:
    ack = a_lamp(dimmable=dimmable).obey(a_command(1, (0, level)), NOON)
    assert (ack.status is AckStatus.ACCEPTED) == accepted
    assert accepted or "is not a level of this lamp" in ack.reason


def test_a_dead_lamp_keeps_its_program_and_draws_its_standby() -> None:
    lamp = a_lamp(Fault("L-1", FaultKind.FAILURE, at(6), at(8)))
    assert [lamp.failed(at(hour)) for hour in (5.9, 6, 7.9, 8)] == [False, True, True, False]
    assert (lamp.power_w(at(7)), lamp.level(at(7))) == (1.0, 1.0)
    lamp.advance(at(9))
    assert lamp.energy_wh == pytest.approx(5 * 1 + 100 + 2 * 1 + 100)


def test_a_stuck_lamp_takes_programs_and_does_not_move() -> None:
    lamp = a_lamp(Fault("L-1", FaultKind.STUCK, at(6), at(8)))
    lamp.advance(at(6.5))
    assert lamp.obey(a_command(1, (6, 0.2), expires=9), at(6.5)).status is AckStatus.ACCEPTED
    assert (lamp.readback(at(7)).seq, lamp.readback(at(7)).value) == (1, 1.0)
    assert lamp.readback(at(8)).value == 0.2


@pytest.mark.parametrize(("hour", "active"), [(5.99, False), (6, True), (7.99, True), (8, False)])
def test_faults_are_half_open(hour: float, active: bool) -> None:
    assert Fault("L-1", FaultKind.LIE, at(6), at(8)).active(at(hour)) is active


def a_lane(*seen: float, flux: float = 1.0, hold_min: float = 6, **changes: Any) -> Lamp:
    """A lamp that brightens by itself when somebody is seen, so many hours after noon."""
    boost = Boost(flux, timedelta(minutes=hold_min), tuple(at(hour) for hour in seen))
    attributes = {"power_w": 100.0, "standby_w": 1.0, "flux_curve": "linear", "dimmable": True}
    asset = Asset("L-1", "Streetlight", "Z-1", -0.55, 47.47, "A-1", "A-1", attributes)
    lamp = Lamp(asset, FLUX_CURVES["linear"], NIGHT, (), NOON, boost=boost, **changes)
    assert lamp.obey(a_command(1, (0, 0.0), (5, 0.4), (20, 0.0)), NOON).status is AckStatus.ACCEPTED
    return lamp


def test_a_lamp_brightens_by_itself_for_its_hold_time() -> None:
    lamp = a_lane(10)
    assert [lamp.level(at(hour)) for hour in (9.999, 10, 10.099, 10.1)] == [0.4, 1.0, 1.0, 0.4]


def test_each_one_seen_begins_the_hold_time_again() -> None:
    lamp = a_lane(10, 10.05, 10.12)
    assert [lamp.level(at(hour)) for hour in (10.11, 10.14, 10.219, 10.221)] == [1.0, 1.0, 1.0, 0.4]


def test_energy_of_a_night_with_people() -> None:
    """15 h at 40.6 W, 9 h of stand-by; two who come together keep it full for 9 min, a third for 6 min."""
    lamp = a_lane(8, 8.05, 12)
    lamp.advance(at(24))
    assert lamp.energy_wh == pytest.approx(15 * 40.6 + 9 * 1 + (9 + 6) / 60 * (100 - 40.6))


def test_a_boost_is_no_less_than_what_is_told() -> None:
    lamp = a_lane(10, flux=0.2)
    assert lamp.level(at(10)) == 0.4


def test_by_day_its_detector_sleeps_and_dawn_ends_a_boost() -> None:
    lamp = a_lane(3, 19.95)
    assert [lamp.level(at(hour)) for hour in (3, 19.99, 20.01)] == [0.0, 1.0, 0.0]


def test_a_read_back_shows_what_was_told_and_not_the_boost() -> None:
    lamp = a_lane(10)
    assert (lamp.level(at(10)), lamp.readback(at(10)).value) == (1.0, 0.4)


@given(st.lists(st.floats(0.01, 23.9), max_size=6), st.lists(st.floats(0.01, 23.9), max_size=8))
def test_energy_with_people_does_not_depend_on_how_often_one_looks(seen: list[float], looks: list[float]) -> None:
    whole, parts = a_lane(*seen), a_lane(*seen)
    for hour in sorted(looks):
        parts.advance(at(hour))
    whole.advance(at(24))
    parts.advance(at(24))
    assert parts.energy_wh == pytest.approx(whole.energy_wh)


def test_a_dead_lamp_and_a_stuck_one_do_not_brighten() -> None:
    for kind, level in ((FaultKind.FAILURE, 1.0), (FaultKind.STUCK, 0.4)):
        boost = Boost(1.0, timedelta(minutes=6), (at(10),))
        attributes = {"power_w": 100.0, "standby_w": 1.0, "flux_curve": "linear", "dimmable": True}
        asset = Asset("L-1", "Streetlight", "Z-1", -0.55, 47.47, "A-1", "A-1", attributes)
        lamp = Lamp(asset, FLUX_CURVES["linear"], NIGHT, (Fault("L-1", kind, at(9), at(11)),), NOON, boost=boost)
        lamp.obey(a_command(1, (0, 0.4)), NOON)
        lamp.advance(at(9.5))
        lamp.level(at(9.5))
        assert lamp.level(at(10)) == level
        assert lamp.power_w(at(10)) == (1.0 if kind is FaultKind.FAILURE else pytest.approx(1 + 99 * 0.4))


def test_a_boost_as_attributes_say_it() -> None:
    attributes = {"detector": "D-1", "boost": 229, "level_scale": "dali-log", "hold_s": 45.0}
    boost = Boost.of(Asset("L-1", "Streetlight", "Z-1", 0, 0, attributes=attributes), [at(12), at(10)])
    assert boost.flux == pytest.approx(0.505, abs=1e-3)
    assert (boost.hold, boost.seen) == (timedelta(seconds=45), (at(10), at(12)))
    plain = Boost.of(Asset("L-1", "Streetlight", "Z-1", 0, 0, attributes={"detector": "D-1"}), [])
    assert (plain.flux, plain.hold) == (1.0, timedelta(minutes=2))


@pytest.mark.parametrize(
    ("attributes", "drive"),
    [
        ({}, 1.0),
        ({"clo": True}, 1.0),
        ({"maintenance_factor": 0.8, "burning_h": 0.0}, 1.0),
        ({"maintenance_factor": 0.8, "burning_h": 0.0, "clo": True}, 0.8),
        ({"maintenance_factor": 0.8, "burning_h": 50_000.0, "clo": True}, 0.8 / 0.9),
        ({"maintenance_factor": 0.8, "burning_h": 500_000.0, "clo": True}, 1.0),
        ({"maintenance_factor": 0.8, "clo": True}, 1.0),
        ({"maintenance_factor": 0.8, "clo": True, "installed": "2026-11-22"}, 0.8),
        ({"maintenance_factor": 0.8, "clo": True, "installed": "2016-11-22"}, 0.8 / (1 - 0.2 * 0.411)),
    ],
)
def test_a_driver_with_constant_light_output_draws_more_as_it_ages(attributes: dict[str, Any], drive: float) -> None:
    asset = Asset("L-1", "Streetlight", "Z-1", 0, 0, attributes=attributes)
    assert drive_of(asset, NOON) == pytest.approx(drive, rel=1e-4)
    lamp = a_lane(drive=drive)
    assert lamp.power_w(at(10)) == pytest.approx(1 + 99 * 0.4 * drive)
