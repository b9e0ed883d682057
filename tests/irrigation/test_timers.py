"""What a plan is measured beside: clocks, rain sensors, thresholds, and how their water is shared out in a night."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.irrigation import Windows
from twin.irrigation.timers import Clock, Evening, Openings, Pipes, Threshold, most_at_once_m3_h, opened_for, peak

MONDAY, TUESDAY = date(2023, 7, 3), date(2023, 7, 4)
GROSS = np.arange(1.0, 13.0)[:, None] * np.array([1.0, 2.0])
HOUR = 3600.0


def evening(day: date, rain_mm: float = 0.0, *depletion_mm: float) -> Evening:
    return Evening(day=day, rain_mm=rain_mm, depletion_mm=np.array(depletion_mm))


def test_a_clock_gives_a_week_in_three_nights() -> None:
    clock = Clock(gross_mm_day=GROSS)
    week = [clock.wanted_mm(evening(date(2023, 7, day))) for day in range(3, 10)]
    assert [bool(night.any()) for night in week] == [True, False, True, False, True, False, False]
    assert sum(week) == pytest.approx(7 * GROSS[6])


def test_a_clock_set_for_july_keeps_to_it() -> None:
    assert peak(GROSS).wanted_mm(evening(date(2023, 4, 3))) == pytest.approx(7 / 3 * GROSS[6])
    assert peak(GROSS, 5.0).wanted_mm(evening(MONDAY, 5.0)) == pytest.approx(0.0)


def test_a_rain_sensor_leaves_out_the_night_it_is_wet() -> None:
    clock = Clock(gross_mm_day=GROSS, rain_switch_mm=5.0)
    assert (clock.wanted_mm(evening(MONDAY, 5.0)) == 0).all()
    assert (clock.wanted_mm(evening(MONDAY, 4.9)) > 0).all()
    assert (Clock(gross_mm_day=GROSS).wanted_mm(evening(MONDAY, 50.0)) > 0).all(), "without a sensor"


def test_a_threshold_fills_up_what_is_drier_than_it() -> None:
    threshold = Threshold(from_mm=np.array([20.0, 20.0, 20.0]), uniformity=np.array([0.8, 0.8, 0.8]))
    wanted = threshold.wanted_mm(evening(TUESDAY, 0.0, 24.0, 19.0, np.nan))
    assert wanted.tolist() == pytest.approx([30.0, 0.0, 0.0])


def some(flows: list[float], *, soak_s: float = 1800.0) -> Pipes:
    n = len(flows)
    return Pipes(
        network=np.zeros(n, np.int64), flow_m3_h=np.array(flows), cycle_s=np.full(n, 900.0),
        soak_s=np.full(n, soak_s), capacity_m3_h=np.array([10.0]),
    )  # fmt: skip


def nights(count: int, *stretches: tuple[float, float], allowed: list[list[bool]] | bool = True) -> Windows:
    start, end = np.array(stretches).T
    windows = Windows(
        night=np.zeros(len(stretches), np.int64), start_s=start, end_s=end, allowed=np.array(allowed),
    )  # fmt: skip
    assert windows.freeze([f"V{z}" for z in range(count)], 1) == []
    return windows


def test_water_is_given_in_pulses_that_soak_in() -> None:
    pipes = some([4.0])
    openings = opened_for(np.array([2000.0]), pipes, nights(1, (0, 8 * HOUR)))
    assert openings.start_s.tolist() == pytest.approx([0, 2000 / 3 + 1800, 2 * (2000 / 3 + 1800)])
    assert (openings.end_s - openings.start_s).tolist() == pytest.approx([2000 / 3] * 3)


def test_what_does_not_fit_is_not_given() -> None:
    pipes = some([8.0, 8.0], soak_s=0.0)
    openings = opened_for(np.array([3600.0, 3600.0]), pipes, nights(2, (0, HOUR)))
    assert (openings.end_s - openings.start_s).sum() == pytest.approx(3600), "one pipe, one valve at a time"
    nothing = opened_for(np.array([3600.0]), some([8.0]), nights(1, (0, HOUR), allowed=[[False]]))
    assert nothing.opened.size == 0


def test_stretches_that_touch_are_one() -> None:
    pipes = some([4.0])
    windows = nights(1, (0, 600), (600, 1200))
    assert opened_for(np.array([900.0]), pipes, windows).end_s.tolist() == pytest.approx([900])
    apart = nights(1, (0, 600), (700, 1200))
    assert opened_for(np.array([900.0]), pipes, apart).opened.size == 0


@given(
    st.lists(st.tuples(st.floats(0.5, 10), st.floats(0, 9000)), min_size=1, max_size=7),
    st.lists(st.booleans(), min_size=14, max_size=14),
)
def test_whatever_is_wanted_pipes_hours_and_soaking_hold(
    wanted: list[tuple[float, float]], allowed: list[bool]
) -> None:
    flows, seconds = (np.array(column) for column in zip(*wanted, strict=True))
    n = len(flows)
    pipes = some(flows.tolist())
    mask = np.array(allowed).reshape(7, 2)[:n]
    windows = nights(n, (HOUR, 3 * HOUR), (4 * HOUR, 6 * HOUR), allowed=mask.tolist())
    openings = opened_for(seconds, pipes, windows)
    assert most_at_once_m3_h(openings, flows, pipes.network, 1)[0] <= 10.0 + 1e-9
    for z in range(n):
        mine = openings.opened == z
        start, end = openings.start_s[mine], openings.end_s[mine]
        assert (end - start).sum() <= seconds[z] + 1e-6
        assert (start[1:] >= end[:-1] + 1800 - 1e-6).all()
        assert (end - start <= 900 + 1e-6).all()
        inside = [mask[z, k] & (start >= a) & (end <= b) for k, (a, b) in enumerate(((3600, 10800), (14400, 21600)))]
        assert np.logical_or(*inside).all()


def test_flow_is_counted_at_every_instant() -> None:
    openings = Openings(np.array([0, 1, 0, 2]), np.array([0.0, 5, 10, 3]), np.array([5.0, 10, 20, 8]))
    assert most_at_once_m3_h(openings, np.array([4.0, 3.0, 2.0]), np.array([0, 0, 1]), 3).tolist() == [4.0, 2.0, 0.0]
