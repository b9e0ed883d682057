"""Lamps that brighten by themselves: how often, by hand, and what a night of them takes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from engine.catalogue import Catalogue
from engine.instants import PARIS, noon, to_us
from engine.model import AckStatus, Asset, Command
from jobs.lighting import LightingTask, body, build_problem, explain, read_body, to_setpoints
from jobs.lighting.lanes import NOBODY_SEEN, seen_share
from jobs.points import points_of
from optimizers.lighting import energy_wh, solve
from twin.lighting import Boost, Darkness, Lamp

from .test_jobs import DAY, NOON, TABLES, at_local, counter, counts, evening_traffic, lamp

PATH = {"class_normal": "P4", "class_full": "P4", "luminance_full": 5.0, "composition": "pedestrians_cyclists"}
DAYS = TABLES.lanes.history // timedelta(days=1)


def told(*words: tuple[datetime, int], detector: str = "D-1") -> pl.DataFrame:
    rows = [(detector, to_us(at), float(value)) for at, value in words]
    return pl.DataFrame(rows, schema=NOBODY_SEEN.schema, orient="row")


def local(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=PARIS)


def every_evening(minutes: float) -> pl.DataFrame:
    """Somebody at 22:10 every evening of the history, for so many minutes; and a word every noon."""
    words = []
    for back in range(1, DAYS + 1):
        at = local(DAY - timedelta(days=back), 22, 10)
        words += [(at, 1), (at + timedelta(minutes=minutes), 0), (local(at.date(), 12, 30), 0)]
    return told(*words)


def share_at(presence: pl.DataFrame, hour: int, hold_s: float = 120.0, kind: int = 0) -> float:
    share = seen_share(presence, ["D-1"], np.array([hold_s]), to_us(NOON), TABLES)
    return float(share[0, kind * 24 + hour])


def task_of(lamps: list[Asset], presence: pl.DataFrame | None = None) -> LightingTask:
    return build_problem(
        lamps,
        [counter()],
        counts(evening_traffic),
        start_at=NOON,
        tables=TABLES,
        quantile=0.9,
        presence=presence,
    )


@pytest.mark.parametrize(
    ("minutes", "hold_s", "share"),
    [(6, 120, 6 / 60), (1, 120, 2 / 60), (1, 600, 10 / 60), (40, 120, 40 / 60), (49, 120, 49 / 60)],
)
def test_the_share_of_an_hour_that_somebody_keeps_bright(minutes: float, hold_s: float, share: float) -> None:
    assert share_at(every_evening(minutes), 22, hold_s) == pytest.approx(share)
    assert share_at(every_evening(minutes), 21, hold_s) == 0


def test_what_passes_midnight_of_the_hour_counts_in_both() -> None:
    """80 minutes from 22:10: 50 in one hour, 30 in the next."""
    assert share_at(every_evening(80), 22) == pytest.approx(50 / 60)
    assert share_at(every_evening(80), 23) == pytest.approx(30 / 60)


def test_people_who_overlap_are_counted_once() -> None:
    words = []
    for back in range(1, DAYS + 1):
        day = DAY - timedelta(days=back)
        words += [(local(day, 22, 10), 1), (local(day, 22, 11), 0), (local(day, 22, 12), 1), (local(day, 22, 13), 0)]
    assert share_at(told(*words), 22, 300) == pytest.approx(7 / 60)


def test_a_word_that_is_repeated_while_somebody_is_there_changes_nothing() -> None:
    again = pl.concat([every_evening(30), every_evening(30).with_columns(pl.col("observed_at") + 60_000_000)])
    words = again.filter(pl.col("value") > 0).vstack(every_evening(30).filter(pl.col("value") == 0))
    assert share_at(words, 22) == pytest.approx(0.5)


def test_who_never_says_that_nobody_is_there_any_more_is_held_for_the_hold_time() -> None:
    (last,) = (local(DAY - timedelta(days=1), 22, 10),)
    lost = every_evening(6).filter(~((pl.col("value") == 0) & (pl.col("observed_at") > to_us(last))))
    assert share_at(lost, 22) == pytest.approx((18 * 6 + 2) / 60 / 19)  # 19 workdays, 11 November being a holiday


def test_weekends_and_workdays_are_told_apart() -> None:
    at = [local(DAY - timedelta(days=back), 22, 10) for back in range(1, DAYS + 1)]
    saturdays = [(t + timedelta(minutes=m), v) for t in at if t.weekday() == 5 for m, v in ((0, 1), (30, 0))]
    noons = told(*((t.replace(hour=12), 0) for t in at))
    presence = pl.concat([told(*saturdays), noons])
    assert share_at(presence, 22, kind=1) == pytest.approx(0.5)
    assert share_at(presence, 22, kind=0) == 0


def test_a_detector_that_told_too_little_is_taken_at_the_stated_share() -> None:
    assert share_at(NOBODY_SEEN, 22) == TABLES.lanes.detection
    assert share_at(told((local(DAY - timedelta(days=2), 22, 0), 1)), 22) == TABLES.lanes.detection
    old = every_evening(30).with_columns(pl.col("observed_at") - 40 * 86_400_000_000)
    assert share_at(old, 22) == TABLES.lanes.detection


def test_a_detector_counts_from_its_first_word_to_a_day_after_its_last() -> None:
    """Ten days of half an hour at 22 h, then silence: silence is no proof that nobody came."""
    until = to_us(NOON - timedelta(days=DAYS - 10))
    short = every_evening(30).filter(pl.col("observed_at") < until)
    assert share_at(short, 22) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_both_nights_the_clocks_change_are_in_the_history(day: date) -> None:
    start = noon(day + timedelta(days=2))
    nights = [day + timedelta(days=2 - back) for back in range(DAYS)]
    words = [(local(night, 3) + timedelta(minutes=m), v) for night in nights for m, v in ((0, 1), (15, 0))]
    share = seen_share(told(*words), ["D-1"], np.array([120.0]), to_us(start), TABLES)
    assert share[0, 3] == pytest.approx(0.25)
    assert share.max() <= 1


def test_detectors_do_not_hear_each_other() -> None:
    both = pl.concat([every_evening(30), told((local(DAY - timedelta(days=9), 22), 1), detector="D-2")])
    share = seen_share(both, ["D-2", "D-1"], np.array([120.0, 120.0]), to_us(NOON), TABLES)
    assert share[1, 22] == pytest.approx(0.5)


class TestPlan:
    LANE = lamp("L-1", detector="D-1", **PATH)
    PLAIN = lamp("L-1", **PATH)

    def test_between_people_it_is_lit_as_an_empty_street_whatever_the_traffic(self) -> None:
        task = task_of([self.LANE], every_evening(30))
        busy = at_local(task, 19)
        assert (task.classes[0, busy], task_of([self.PLAIN]).classes[0, busy]) == ("P6", "P4")
        assert task.need.flux[0, busy] == 0.4

    def test_energy_expected_by_hand(self) -> None:
        """From 22 to 23 h half the time at full, 72 W, half at 0.4: 0.5 + 71.5 · 0.3775 W; and at 0.4 for the rest."""
        task = task_of([self.LANE], every_evening(30))
        problem = task.problem
        assert problem.lanes is not None
        assert problem.lanes.boost.tolist() == [1.0]
        plan = solve(problem)
        low = low_w()
        burning = int(task.night.burning.sum())
        wanted = (burning * low + 4 * 0.5 * (72 - low) + (96 - burning) * 0.5) / 4
        assert energy_wh(problem, plan.flux) == pytest.approx(wanted)
        assert plan.objective == pytest.approx(wanted)

    def test_crossings_and_conflict_areas_keep_their_class(self) -> None:
        lanes = [lamp("L-1", detector="D-1", crossing=True, **PATH), lamp("L-2", order=1, detector="D-1", **PATH)]
        task = task_of(lanes, every_evening(30))
        assert set(task.classes[0]) == {"P4"}
        assert task.problem.lanes is not None
        assert task.problem.lanes.detection[0].max() == 0

    @pytest.mark.parametrize(("days", "lane"), [(1.9, True), (2.1, False), (27.0, False)])
    def test_a_detector_that_long_said_nothing_leaves_its_lamps_to_traffic(self, days: float, lane: bool) -> None:
        until = to_us(NOON - timedelta(days=days))
        words = every_evening(30).filter(pl.col("observed_at") <= until)
        last = told((NOON - timedelta(days=days), 0))
        task = task_of([self.LANE], pl.concat([words, last]))
        assert task.classes[0, at_local(task, 19)] == ("P6" if lane else "P4")
        assert (task.problem.lanes is not None) == lane
        said = "lit for traffic, their detectors say nothing: 1 (L-1) lamps"
        assert (said in task.reasons) == (not lane)

    def test_one_silent_detector_takes_nothing_from_another(self) -> None:
        lamps = [lamp("L-0", detector="D-0", **PATH), replace(self.LANE, id="L-1"), lamp("L-2", order=2, **PATH)]
        task = task_of(lamps, every_evening(30))
        assert task.fleet.lane.tolist() == [False, True, False]
        assert task.problem.lanes is not None
        assert task.problem.lanes.boost.tolist() == [0.0, 1.0, 0.0]
        assert task.problem.lanes.detection[1, at_local(task, 22)] == pytest.approx(0.5)
        assert task.problem.lanes.detection[[0, 2]].max() == 0

    def test_a_detector_never_heard_of_is_no_lane(self) -> None:
        task = task_of([self.LANE])
        assert task.problem.lanes is None
        assert task.classes[0, at_local(task, 19)] == "P4"

    def test_without_detectors_there_are_no_lanes(self) -> None:
        assert task_of([self.PLAIN], every_evening(30)).problem.lanes is None

    def test_the_night_the_clocks_go_back(self) -> None:
        day = date(2026, 10, 24)
        task = build_problem(
            [self.LANE],
            [counter()],
            counts(evening_traffic, before=day),
            start_at=noon(day),
            tables=TABLES,
            quantile=0.9,
            presence=told((noon(day) - timedelta(hours=20), 0)),
        )
        assert task.problem.lanes is not None
        assert task.problem.lanes.detection.shape == (1, 100)
        assert set(task.problem.lanes.detection[0]) == {TABLES.lanes.detection}

    def test_the_body_of_a_plan_keeps_what_was_asked_of_lanes(self) -> None:
        task = task_of([self.LANE], every_evening(30))
        plan = solve(task.problem)
        problem, flux = read_body(body(task, plan))
        assert energy_wh(problem, flux) == energy_wh(task.problem, plan.flux)

    def test_why_names_the_detector_and_what_is_expected_of_it(self) -> None:
        task = task_of([self.LANE, lamp("L-2", order=1, **PATH)], every_evening(30))
        block = body(task, solve(task.problem))
        at = task.night.slots[at_local(task, 22)]
        told = explain(block, "L-1/illuminanceLevel", at)
        assert (told["detector"], told["boost"], told["class_normal"], told["class"]) == ("D-1", 1.0, "P4", "P6")
        assert told["detection"] == pytest.approx(0.5)
        assert "counter" not in told
        assert "detector" not in explain(block, "L-2/illuminanceLevel", at)
        reasons = [slot.reason for slot in to_setpoints(block, "v", NOON)]
        assert reasons[0] == "P6, P4 by itself while D-1 sees somebody"

    def test_the_twin_draws_what_the_plan_expected_where_people_come_as_they_came(self) -> None:
        """Every night at 20:05, 20:20, 22:40 and 4:10, for as long as they are seen and the lamp holds: 120 s."""
        times = ((20, 5), (20, 20), (22, 40), (4, 10))
        came = [local(DAY - timedelta(days=back), *time) for back in range(DAYS + 1) for time in times]
        words = [(at + timedelta(seconds=s), v) for at in came for s, v in ((0, 1), (120, 0))]
        task = task_of([self.LANE], told(*[word for word in words if word[0] < NOON]))
        plan = solve(task.problem)
        tonight = [at for at in [*came, *(local(DAY + timedelta(days=1), *time) for time in times)] if at >= NOON]
        darkness = Darkness(((task.night.on_at, task.night.off_at),))
        boost = Boost(1.0, timedelta(seconds=120), tuple(at.astimezone(UTC) for at in tonight))
        curve = TABLES.flux_curves["led-a"]
        twin = Lamp(self.LANE, curve, darkness, (), NOON, boost=boost)
        (slot,) = to_setpoints(body(task, plan), "v", NOON)
        command = Command("c", twin.point, twin.gateway, 1, slot.program, NOON, NOON + timedelta(hours=1))
        assert twin.obey(command, NOON).status is AckStatus.ACCEPTED
        twin.advance(task.night.until)
        at_rest = energy_wh(replace(task.problem, lanes=None), plan.flux)
        cut_wh = 2 * 0.25 * 72  # the slots of dusk and of dawn are burned in part
        assert 0 <= plan.objective - twin.energy_wh < cut_wh
        assert plan.objective - at_rest == pytest.approx(4 / 30 * (72 - low_w()))


def low_w() -> float:
    """What led-a draws at 0.4: 0.5 W of stand-by, and the rest of 72 W by its curve."""
    return 0.5 + 71.5 * (0.28 + 0.5 * 0.195)


def test_only_a_lamp_with_a_detector_may_be_brighter_than_it_was_told(catalogue: Catalogue) -> None:
    lamps = [replace(lamp("L-1", detector="D-1"), gateway="A-1"), replace(lamp("L-2", order=1), gateway="A-1")]
    points = points_of(catalogue, lamps, {})
    assert [points[f"{name}/illuminanceLevel"].rises for name in ("L-1", "L-2")] == [True, False]
