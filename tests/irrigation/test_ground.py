"""The true ground: no water is made or lost, it drains to field capacity, plants and air take what they can."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.arrays import Floats
from twin.irrigation.ground import (
    SURFACE_M,
    Ground,
    Passed,
    Spread,
    Water,
    depletion_mm,
    drawn,
    filled,
    moisture,
    passed,
    stomata,
    stressed,
    textured,
)
from twin.irrigation.probes import ProbeFault, Probes, biased

SAND, LOAM, CLAY = (0.12, 0.045), (0.25, 0.12), (0.36, 0.22)


def ground(*soils: tuple[float, float], kc: float = 0.85, cover: float = 0.9, root_depth_m: float = 0.4) -> Ground:
    capacity, wilting = np.array(soils).T
    n = len(soils)
    return textured(
        field_capacity=capacity,
        wilting_point=wilting,
        root_depth_m=np.full(n, root_depth_m),
        readily=np.full(n, 0.45),
        kc=np.full(n, kc),
        cover=np.full(n, cover),
        uniformity=np.full(n, 0.75),
        flow_m3_h=np.full(n, 6.0),
        area_m2=np.full(n, 500.0),
    )


def days(
    ground: Ground, water: Water, count: int, *, et0_mm: float = 0.0, rain_mm: float = 0.0
) -> tuple[Water, Floats]:
    """So many days with the same weather in each hour; what percolated, mm."""
    percolated = np.zeros(ground.kc.size)
    for _ in range(24 * count):
        water, out = passed(ground, water, et0_mm=et0_mm / 24, rain_mm=rain_mm / 24, valve_mm=0.0)
        percolated += out.percolated_mm
    return water, percolated


@given(
    st.lists(
        st.tuples(st.floats(0, 1.2), st.floats(0, 60), st.floats(0, 30), st.floats(0.05, 1.0)), min_size=1, max_size=40
    ),
    st.floats(0, 60),
)
def test_no_water_is_made_or_lost(hours: list[tuple[float, float, float, float]], missing_mm: float) -> None:
    three = ground(SAND, LOAM, CLAY)
    water = filled(three, missing_mm)
    for et0_mm, rain_mm, valve_mm, length in hours:
        before = water.total_mm
        water, out = passed(three, water, et0_mm=et0_mm, rain_mm=rain_mm, valve_mm=valve_mm, hours=length)
        gone = out.transpired_mm + out.evaporated_mm + out.percolated_mm + out.runoff_mm + out.lost_mm
        assert water.total_mm == pytest.approx(before + rain_mm + valve_mm - gone, abs=1e-9)
        assert_sane(three, water, out)


def assert_sane(ground: Ground, water: Water, out: Passed) -> None:
    pores = 1000 * ground.root_depth_m * (ground.saturation - ground.wilting_point)
    assert (water.root_mm >= -1e-9).all()
    assert (water.surface_mm >= -1000 * 0.5 * ground.wilting_point * SURFACE_M - 1e-9).all()
    assert (np.maximum(water.surface_mm, 0) + water.root_mm <= pores + 1e-9).all()
    assert ((water.standing_mm >= 0) & (water.standing_mm <= ground.ponding_mm + 1e-9)).all()
    assert ((water.leaves_mm >= -1e-12) & (water.leaves_mm <= ground.leaves_mm + 1e-12)).all()
    assert (out.transpired_mm <= out.wanted_mm + 1e-12).all()
    for amount in vars(out).values():
        assert (amount >= -1e-12).all()


def test_what_is_above_field_capacity_drains_over_days_sand_first() -> None:
    three = ground(SAND, LOAM, CLAY)
    wet = replace(filled(three), root_mm=filled(three).root_mm + 20.0)
    soon, one_day = days(three, wet, 1)
    late, all_days = days(three, wet, 30)
    assert one_day[0] > one_day[1] > one_day[2] > 0
    assert all_days == pytest.approx(20.0, abs=0.01)
    assert (depletion_mm(three, soon) == 0).all(), "wetter than field capacity lacks nothing"
    assert late.root_mm == pytest.approx(filled(three).root_mm, abs=0.01)


def test_heavy_rain_runs_off_clay_and_not_sand() -> None:
    two = ground(SAND, CLAY)
    _, out = passed(two, filled(two, 20.0), et0_mm=0.0, rain_mm=25.0, valve_mm=0.0)
    assert out.runoff_mm[0] == 0
    assert out.runoff_mm[1] == pytest.approx(25 - two.leaves_mm[1] - 4 - 3), "leaves, intake and puddles apart"


def test_plants_take_all_they_want_down_to_raw_and_nothing_at_the_wilting_point() -> None:
    one = ground(LOAM)
    for missing, share in ((0.0, 1.0), (float(one.raw_mm()[0]), 1.0), (float(one.taw_mm[0]), 0.0)):
        assert stomata(one, np.array([missing])) == pytest.approx(share)
        assert depletion_mm(one, filled(one, missing)) == pytest.approx(missing)
    assert one.raw_mm(9.0) == pytest.approx((0.45 - 4 * 0.04) * one.taw_mm), "what is asked for fast is had less easily"
    middle = (one.raw_mm() + one.taw_mm) / 2
    assert stomata(one, middle) > 0.5, "stomata close late along the curve, not along the line of FAO-56"
    assert stressed(one, one.raw_mm() + 0.01).all()
    assert not stressed(one, one.raw_mm() - 0.01).any()


def test_ground_dries_by_what_plants_and_air_take() -> None:
    """Full cover, all from plants: 4 mm of ET0 at 0.85 are 3.4 mm a day, while nothing is lacking."""
    one = ground(LOAM, cover=1.0)
    water, _ = days(one, filled(one), 5, et0_mm=4.0)
    assert one.raw_mm() > 17.0
    assert depletion_mm(one, water) == pytest.approx(17.0)
    bare = ground(LOAM, kc=0.0, cover=0.0)
    dried, _ = days(bare, filled(bare), 60, et0_mm=5.0)
    assert dried.surface_mm < 0, "below the wilting point, by the air"
    assert dried.root_mm == pytest.approx(filled(bare).root_mm), "which does not reach deeper"


def test_small_rain_wets_only_leaves() -> None:
    one = ground(LOAM)
    water, _ = passed(one, filled(one, 10.0), et0_mm=0.0, rain_mm=0.5, valve_mm=0.0)
    assert depletion_mm(one, water) == pytest.approx(10.0)
    assert water.leaves_mm == pytest.approx(0.5)


def test_the_driest_quarter_gets_its_share_of_the_valve() -> None:
    one = ground(LOAM)
    assert one.rate_mm_h == pytest.approx(12.0)
    water, out = passed(one, filled(one, 30.0), et0_mm=0.0, rain_mm=0.0, valve_mm=12.0)
    assert depletion_mm(one, water) == pytest.approx(30.0 - 9.0)
    assert out.lost_mm == pytest.approx(3.0)


def test_what_is_drawn_differs_as_much_as_is_said() -> None:
    many = ground(*[LOAM] * 4000)
    real = drawn(many, np.random.default_rng(1))
    off = np.log(real.taw_mm / many.taw_mm)
    assert off.std() == pytest.approx(np.hypot(0.10, 0.15), rel=0.1), "the wildest are held back"
    assert off.mean() == pytest.approx(0, abs=0.02)
    assert (real.saturation > real.field_capacity).all()
    assert (real.wilting_point > 0).all()
    nothing = Spread(**dict.fromkeys(vars(Spread()), 0.0))
    same = drawn(many, np.random.default_rng(1), nothing)
    assert all(np.allclose(getattr(same, name), getattr(many, name)) for name in vars(many))


def test_probes_are_off_by_a_twentieth_of_taw_both_ways() -> None:
    many = ground(*[LOAM] * 2000)
    random = np.random.default_rng(2)
    probes = biased(many, random, noise=0.0)
    said = probes.says(many, filled(many, 12.0), 0, np.zeros(2000), random)
    off = (said - moisture(many, filled(many, 12.0), 0.2)) / 0.13
    assert np.abs(off) == pytest.approx(0.05)
    assert abs(off.mean()) < 0.005


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ProbeFault.STUCK, 0.2),
        (ProbeFault.SATURATED, 0.42 + 0.15 * 0.25),
        (ProbeFault.OUT_OF_SOIL, 0.01),
        (ProbeFault.UNIT_MIXED, 25.0),
        (ProbeFault.SILENT, np.nan),
    ],
)
def test_faults_of_a_probe_last_from_hour_to_hour(fault: ProbeFault, said: float) -> None:
    two, random = ground(LOAM, LOAM), np.random.default_rng(3)
    probes = Probes(depth_m=np.array([0.2, 0.2]), bias=np.zeros(2), noise=0.0, faults=((0, fault, 5, 7),))
    for hour, fails in ((4, False), (5, True), (6, True), (7, False)):
        first, second = probes.says(two, filled(two), hour, np.array([0.2, 0.2]), random)
        assert first == pytest.approx(said if fails else 0.25, nan_ok=True)
        assert second == pytest.approx(0.25)
        assert probes.sound(hour).tolist() == [not fails, True]
