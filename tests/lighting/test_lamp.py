"""Light lost with age and held by drivers, against figures worked out by hand; and that nothing is corrected twice."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.lighting.fleet import Fleet, read_fleet
from optimizers.lighting import PowerCurve
from optimizers.lighting_lamp import drive_now, held_back, level_now, light_left
from twin.lighting import drive_of, interpolate

from .test_jobs import NOON, TABLES, counter, lamp

SHARES = st.floats(0.5, 1.0)


def arrays(*values: float) -> list[np.ndarray]:
    return [np.array([value]) for value in values]


@pytest.mark.parametrize(
    ("burning_h", "left"), [(0, 1.0), (25_000, 0.95), (50_000, 0.9), (100_000, 0.8), (250_000, 0.8), (np.nan, 0.8)]
)
def test_light_falls_on_a_straight_line_and_an_unknown_age_is_the_end(burning_h: float, left: float) -> None:
    assert light_left(*arrays(burning_h, 100_000, 0.8))[0] == pytest.approx(left)


@given(st.floats(0, 2e5), SHARES, st.floats(0.1, 50))
def test_a_lamp_without_clo_gives_what_is_maintained_and_no_more_than_when_new(
    burning_h: float, factor: float, level: float
) -> None:
    maintenance = np.array([factor])
    now = level_now(np.array([level]), maintenance, light_left(*arrays(burning_h, 1e5, factor)), np.array([False]))
    assert level * (1 - 1e-12) <= now[0] <= level / factor * (1 + 1e-12)


@given(st.floats(0, 2e5), SHARES)
def test_clo_is_corrected_in_power_only_and_its_absence_in_light_only(burning_h: float, factor: float) -> None:
    maintenance, left = np.array([factor] * 2), np.repeat(light_left(*arrays(burning_h, 1e5, factor)), 2)
    clo = np.array([True, False])
    level = level_now(np.array([10.0, 10.0]), maintenance, left, clo)
    drive = drive_now(maintenance, left, clo)
    assert level[0] == 10.0
    assert drive[1] == 1.0
    assert factor - 1e-9 <= drive[0] <= 1
    assert drive[0] == pytest.approx(10.0 / level[1], abs=0.01)


CURVE = PowerCurve("led", (0.0, 0.5, 1.0), (0.01, 0.475, 1.0))


def test_a_driver_held_back_draws_what_its_curve_says() -> None:
    """At drive 0.8 full light takes 0.475 + 0.6 · 0.525 = 0.79 of its power, and half of it the power of 0.4: 0.382."""
    curve, full = held_back(CURVE, 0.8)
    assert full == pytest.approx(0.79)
    assert np.interp(0.5, curve.flux, curve.power) * full == pytest.approx(0.01 + 0.8 * 0.465)
    assert curve.power[0] * full == pytest.approx(0.01)


@given(SHARES, st.floats(0, 1))
def test_a_curve_held_back_is_the_same_curve_seen_from_nearer(drive: float, flux: float) -> None:
    curve, full = held_back(CURVE, drive)
    drawn = np.interp(flux * drive, CURVE.flux, CURVE.power)
    assert np.interp(flux, curve.flux, curve.power) * full == pytest.approx(drawn)


def test_a_driver_at_full_keeps_its_curve() -> None:
    assert held_back(CURVE, 1.0) == (CURVE, 1.0)


def fleet(on: date | None = date(2026, 11, 25), **changes: Any) -> Fleet:
    return read_fleet([lamp("L-1", **changes)], [counter()], TABLES, on)


class TestFleet:
    """The lamp of these tests maintains 1.1 cd/m² with 72 W, of which 0.5 W stand-by."""

    def test_what_is_not_stated_corrects_nothing(self) -> None:
        assert (fleet().level_full[0], fleet().power_w[0]) == (1.1, 72.0)
        assert fleet(burning_h=0.0).level_full[0] == 1.1

    def test_a_new_lamp_gives_more_and_the_plan_may_take_it(self) -> None:
        assert fleet(maintenance_factor=0.8, burning_h=0.0).level_full[0] == pytest.approx(1.375)
        assert fleet(maintenance_factor=0.8, burning_h=50_000.0).level_full[0] == pytest.approx(1.2375)
        assert fleet(maintenance_factor=0.8).level_full[0] == 1.1

    def test_a_driver_with_clo_gives_the_same_and_draws_less(self) -> None:
        new = fleet(maintenance_factor=0.8, burning_h=0.0, clo=True)
        assert new.level_full[0] == 1.1
        led = 0.73 + (0.8 - 0.75) / 0.25 * 0.27  # of led-a at 0.8
        assert new.power_w[0] == pytest.approx(0.5 + 71.5 * led)
        assert new.power_w[0] * new.curves[0].power[0] == pytest.approx(0.5)
        old = fleet(maintenance_factor=0.8, burning_h=100_000.0, clo=True)
        assert (old.level_full[0], old.power_w[0]) == (1.1, 72.0)

    def test_age_is_told_by_the_day_it_was_hung(self) -> None:
        """Ten years of 4,110 h are 41,100 of 100,000 h: 1 - 0.2 · 0.411 of the light is left."""
        told = fleet(maintenance_factor=0.8, installed="2016-11-25")
        assert told.level_full[0] == pytest.approx(1.1 / 0.8 * (1 - 0.2 * 0.411), rel=1e-4)
        assert fleet(on=None, maintenance_factor=0.8, installed="2016-11-25").level_full[0] == 1.1
        assert fleet(maintenance_factor=0.8, installed="2030-01-01").level_full[0] == pytest.approx(1.375)

    @given(SHARES, st.floats(0, 1.5e5), st.floats(0.1, 1))
    def test_the_twin_draws_what_is_planned_for_a_driver_of_any_age(
        self, factor: float, burning_h: float, flux: float
    ) -> None:
        """To a hundredth of drive, and never more than is planned."""
        aged = {"maintenance_factor": factor, "burning_h": burning_h, "clo": True}
        found = fleet(**aged)
        (curve,) = found.curves
        planned_w = found.power_w[0] * np.interp(flux, curve.flux, curve.power)
        asset = lamp("L-1", **aged)
        twin = 0.5 + 71.5 * interpolate(TABLES.flux_curves["led-a"], flux * drive_of(asset, NOON))
        assert -1e-9 <= planned_w - twin <= 0.01 * 72 * 1.2

    def test_lamps_of_one_model_share_their_curve(self) -> None:
        ages = [lamp(f"L-{k}", order=k, clo=True, maintenance_factor=0.8, burning_h=100.0 * k) for k in range(500)]
        assert len(read_fleet(ages, [counter()], TABLES).curves) <= 12

    def test_detectors(self) -> None:
        lamps = [
            lamp("L-1", detector="D-2"),
            lamp("L-2", order=1, detector="D-1", boost=70, level_scale="percent", hold_s=30.0),
            lamp("L-3", order=2),
            lamp("L-4", order=3, detector="D-1", crossing=True),
        ]
        found = read_fleet(lamps, [counter()], TABLES)
        assert found.detectors == ("D-2", "D-1")
        assert found.detector.tolist() == [0, 1, -1, -1]
        np.testing.assert_allclose(found.boost, [0.69, 0.7, 0.0, 0.0])  # M4 wants 0.75 of 1.1
        assert found.hold_s[:2].tolist() == [120.0, 30.0]
        assert found.lane.tolist() == [True, True, False, False]
