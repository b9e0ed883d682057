"""Forecasts of a night before it and within it, what a plan provides for, and the past that stays."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendar import SchoolBreak, SchoolCalendar
from engine.catalogue import Text
from engine.instants import noon, to_us
from jobs.lighting import LightingTask, body
from jobs.lighting.carrying import Told, carried_on
from jobs.lighting.night import SLOT, night_of
from jobs.lighting.outlook import HeldOut, held_out, hours_of, night_hours
from jobs.lighting.provided import ANY_VEH_H, PROPERTY, provided
from optimizers.forecast import Calibration
from optimizers.lighting import solve

from .test_jobs import DAY, NOON, STREET, TABLES, counts, evening_traffic, lamp, task_of

HOUR = timedelta(hours=1)
NIGHTS = [date(2026, 11, 25), date(2026, 3, 28), date(2026, 10, 24)]


def chance(seed: int) -> float:
    return float(np.random.default_rng(seed).normal(0, 0.3))


def scattered(at: datetime) -> float:
    """A third of the traffic of its hour and kind of day, with an error of each hour's own."""
    return evening_traffic(at.replace(day=1)) * float(np.exp(chance(int(at.timestamp())))) / 3


def uneven(at: datetime) -> float:
    """The same with an error of each lighting day's own: a busy evening is followed by a busy night."""
    day = (at - 12 * HOUR).toordinal()
    return evening_traffic(at.replace(day=1)) * float(np.exp(chance(day) + chance(int(at.timestamp())) / 5)) / 3


def tonight(until: datetime, factor: float, day: date = NIGHTS[0]) -> pl.DataFrame:
    """Four weeks, and the evening up to an instant, whose traffic is so many times the usual."""
    whole = counts(uneven, days=30, before=day + timedelta(days=2))
    evening = pl.col("observed_at") >= to_us(noon(day))
    value = pl.when(evening).then(pl.col("intensity") * factor).otherwise(pl.col("intensity"))
    return whole.with_columns(intensity=value).filter(pl.col("observed_at") <= to_us(until))


def at_night(until: datetime, factor: float, day: date = NIGHTS[0], **changes: Any) -> LightingTask:
    history = tonight(until, factor, day)
    return task_of(STREET, history, start_at=noon(day), at=until, **changes)


@pytest.mark.parametrize("day", NIGHTS)
def test_the_rest_of_a_busy_night_is_expected_to_be_busy(day: date) -> None:
    """Also on the nights that lose an hour or have one twice."""
    until = noon(day) + 11 * HOUR
    usual, busy = at_night(until, 1.0, day), at_night(until, 4.0, day)
    rest = [t for t, at in enumerate(busy.night.slots) if at >= until + HOUR and busy.night.burning[t]]
    assert (busy.traffic.veh_h[0, rest] > usual.traffic.veh_h[0, rest]).all()
    assert (busy.need.flux[:, rest] >= usual.need.flux[:, rest]).all()
    assert any(reason.startswith("the rest of the night follows its own counts: 1 (T-1)") for reason in busy.reasons)
    assert not any("follows its own" in reason for reason in task_of(start_at=noon(day)).reasons)


@pytest.mark.parametrize("day", NIGHTS)
def test_hours_that_are_over_are_what_was_counted(day: date) -> None:
    until = noon(day) + 12 * HOUR
    task = at_night(until, 2.0, day)
    came = dict(tonight(until, 2.0, day).select("observed_at", "intensity").iter_rows())
    for t, at in enumerate(task.night.slots):
        hour = to_us(at) // 3_600_000_000 * 3_600_000_000
        if at < until - HOUR:
            assert task.traffic.veh_h[0, t] == pytest.approx(came[hour])


def test_the_hour_under_way_is_lit_for_what_it_has_counted_already() -> None:
    until = NOON + 14 * HOUR
    surge = tonight(until, 1.0).with_columns(
        intensity=pl.when(pl.col("observed_at") == to_us(until)).then(700.0).otherwise(pl.col("intensity"))
    )
    task = task_of(STREET, surge, at=until + timedelta(minutes=1))
    t = (until - NOON) // SLOT
    assert (task.traffic.veh_h[0, t], task.classes[0, t]) == (700.0, "M4")
    quiet = task_of(STREET, tonight(until, 1.0), at=until + timedelta(minutes=1))
    assert quiet.classes[0, t] == "M6"


@settings(max_examples=15)
@given(hours=st.integers(0, 23), later=st.floats(0, 1300), seed=st.integers(0, 9))
def test_no_forecast_knows_what_comes_after_it(hours: int, later: float, seed: int) -> None:
    at = NOON + hours * HOUR
    known = tonight(at, 1.0 + seed / 5)
    coming = pl.DataFrame({"asset": ["T-1"], "observed_at": [to_us(at + HOUR)], "intensity": [later]})
    a, b = task_of(STREET, known, at=at), task_of(STREET, pl.concat([known, coming]), at=at)
    np.testing.assert_array_equal(a.traffic.veh_h, b.traffic.veh_h)
    np.testing.assert_array_equal(a.problem.floor, b.problem.floor)


def test_forecasts_of_nights_not_seen_cover_what_they_promise() -> None:
    """Held to the past, as measured on nights after it."""
    history = counts(scattered, days=91)
    at = history["observed_at"].to_numpy()
    night = night_of(NOON, TABLES)
    hours, _ = hours_of(np.zeros(len(at), np.int64), at, history["intensity"].to_numpy(), 1, night)
    found = held_out(hours, hours.number(NOON), hours.dark(night), TABLES.minimum_samples, 28)
    judged = found.ranks.shape[1]
    assert judged == 28 * len(hours.dark(night))
    half = judged // 2
    level = Calibration(found.ranks[:, :half]).level(0.9)
    assert (found.ranks[0, half:] <= level[0]).mean() == pytest.approx(0.9, abs=0.06)
    asked, _ = night_hours(hours, night, NOON, 0.9, TABLES.minimum_samples)
    more, _ = night_hours(hours, night, NOON, 0.97, TABLES.minimum_samples)
    dark = hours.dark(night)
    assert (more[0, dark] >= asked[0, dark]).all()


def test_school_holidays_are_foreseen_by_the_calendar() -> None:
    """Nights without school have two thirds of the traffic: the first one of a new holiday, too."""
    breaks = [SchoolBreak(name=Text(fr="v", en="h"), first=date(2026, 8, 1), last=date(2026, 9, 20)),
              SchoolBreak(name=Text(fr="v", en="h"), first=DAY, last=date(2026, 12, 9))]  # fmt: skip
    school = SchoolCalendar(source="a test", covered_from=date(2026, 1, 1), covered_until=DAY, holidays=tuple(breaks))

    def pupils(at: datetime) -> float:
        return scattered(at) * (1 if at.date() > date(2026, 9, 20) else 2 / 3)

    history = counts(pupils, days=110)
    told, untold = (task_of(history=history, school=one) for one in (school, None))
    evening = [t for t, at in enumerate(told.night.local) if at.date() == DAY and told.night.burning[t]]
    assert (told.traffic.veh_h[0, evening] < 0.95 * untold.traffic.veh_h[0, evening]).all()


def test_too_short_a_past_holds_a_forecast_to_nothing_and_asks_for_the_most() -> None:
    assert HeldOut(np.empty((2, 0)), np.empty(0, np.int64)).calibration.level(0.9).tolist() == [1.0, 1.0]


class TestProvided:
    def test_up_to_what_is_provided_for_the_class_is_enough_and_above_it_is_not(self) -> None:
        task = task_of()
        block = body(task, solve(task.problem))
        family = TABLES.families["M"]
        bands = TABLES.bands("M", 1000.0)
        for t in np.flatnonzero(task.night.burning):
            most = provided(block, task.night.slots[t])["T-1", PROPERTY]
            lit = task.need.number[0, t]

            def called(veh_h: float) -> int:
                relief = int(bands.relief(np.array(veh_h / 1000.0)))
                return int(family.number(np.array(6000 - 1000 * task.fleet.number[0] - relief)))

            assert called(most) >= lit
            assert most == ANY_VEH_H or called(most + 0.001) < lit

    def test_hours_lit_for_any_traffic_provide_for_any(self) -> None:
        task = task_of(history=counts(evening_traffic).clear())
        assert set(provided(body(task, solve(task.problem)), NOON + 14 * HOUR).values()) == {ANY_VEH_H}

    def test_a_counter_that_no_lamp_dims_by_asks_for_nothing(self) -> None:
        task = task_of([lamp("L-1", crossing=True), lamp("L-2", dimmable=False, flux_curve="hps-a", order=1)])
        assert provided(body(task, solve(task.problem)), NOON + 14 * HOUR) == {("T-1", PROPERTY): ANY_VEH_H}

    def test_outside_its_day_a_plan_provides_nothing(self) -> None:
        block = body(task_of(), solve(task_of().problem))
        assert provided(block, NOON - HOUR) == provided(block, NOON + 24 * HOUR) == {}


class TestPast:
    def carried(self, floor: list[list[float]], told: list[list[float]], **changes: Any) -> np.ndarray:
        asked = np.array(floor)
        known = {
            "ceiling": np.ones(asked.shape),
            "burning": np.ones(asked.shape[1], np.bool_),
            "told": Told([f"L-{i}" for i in range(len(told))], np.array(told)),
            "lamps": [f"L-{i}" for i in range(len(floor))],
            "ramp_per_slot": 0.25,
        } | changes
        return carried_on(asked, **known)

    def test_what_was_told_stays_and_lamps_brighten_by_their_ramp(self) -> None:
        found = self.carried([[0.3, 0.3, 1, 1, 1, 1]], [[0.4, 0.3]])
        np.testing.assert_allclose(found, [[0.4, 0.3, 0.55, 0.8, 1, 1]])

    def test_a_lamp_that_was_told_nothing_keeps_its_floors(self) -> None:
        found = self.carried([[0.3, 1], [0.3, 1]], [[0.3]])
        np.testing.assert_allclose(found, [[0.3, 0.55], [0.3, 1]])

    def test_dusk_and_a_lawful_dark_are_no_ramp(self) -> None:
        dusk = self.carried([[0, 1, 1]], [[0.0]], burning=np.array([False, True, True]))
        np.testing.assert_allclose(dusk, [[0, 1, 1]])
        np.testing.assert_allclose(self.carried([[0, 1, 1]], [[0.0]]), [[0, 1, 1]])

    def test_an_order_that_has_become_stricter_holds_in_the_past_as_well(self) -> None:
        found = self.carried([[0.2, 0.2]], [[0.9]], ceiling=np.array([[0.5, 0.5]]))
        np.testing.assert_allclose(found, [[0.2, 0.2]])

    @settings(max_examples=40)
    @given(over=st.integers(1, 95), factor=st.floats(0.2, 6))
    def test_planned_again_at_any_time_the_past_is_as_it_was(self, over: int, factor: float) -> None:
        before = task_of()
        plan = solve(before.problem)
        at = before.night.slots[over]
        now = at_night(at, factor) if over % 8 == 0 else before
        told = Told(plan.lamps, plan.flux[:, :over])
        floor = carried_on(
            now.problem.floor, now.problem.ceiling, now.night.burning, told, now.problem.lamps, TABLES.ramp_per_slot
        )
        again = solve(type(now.problem)(**{**vars(now.problem), "floor": floor}))
        np.testing.assert_array_equal(again.flux[:, :over], plan.flux[:, :over])
