"""Made counts: the shape of the week, Paris time, bounds, and the same for the same seed."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.instants import PARIS, from_us, to_us
from engine.model import Asset
from twin.traffic import made_counts

MONDAY = datetime(2026, 11, 15, 23, tzinfo=UTC)  # midnight in Paris


def loop(name: str = "T-1", road_class: str = "main", capacity: float = 1800.0) -> Asset:
    attributes = {"road_class": road_class, "capacity_veh_h": capacity}
    return Asset(name, "TrafficFlowObserved", "Z", -0.55, 47.47, None, "GW-Z", attributes)


def local(counts: pl.DataFrame) -> dict[datetime, float]:
    """Intensity by local hour."""
    pairs = counts.select("observed_at", "intensity").iter_rows()
    return {from_us(at).astimezone(PARIS): value for at, value in pairs}


def of_day(counts: pl.DataFrame, day: date) -> float:
    return sum(value for at, value in local(counts).items() if at.date() == day)


def test_columns_and_hours() -> None:
    counts = made_counts([loop(), loop("T-2")], MONDAY, 2, 1)
    assert counts.schema == {
        "asset": pl.String,
        "observed_at": pl.Int64,
        "intensity": pl.Float64,
        "occupancy": pl.Float64,
    }
    assert counts.height == 2 * 48
    for name in ("T-1", "T-2"):
        hours = counts.filter(pl.col("asset") == name)["observed_at"]
        assert hours[0] == to_us(MONDAY)
        assert hours.diff().drop_nulls().unique().to_list() == [3_600_000_000]


@pytest.mark.parametrize(("counters", "days"), [([], 3), ([loop()], 0)])
def test_nothing_to_count(counters: list[Asset], days: int) -> None:
    counts = made_counts(counters, MONDAY, days, 1)
    assert (counts.height, counts.columns) == (0, ["asset", "observed_at", "intensity", "occupancy"])
    assert counts.schema["observed_at"] == pl.Int64


@settings(max_examples=30)
@given(st.sampled_from(["main", "collector", "residential", "path"]), st.floats(1, 4000), st.integers(0, 2**40))
def test_counts_are_whole_and_within_capacity(road_class: str, capacity: float, seed: int) -> None:
    counts = made_counts([loop(road_class=road_class, capacity=capacity)], MONDAY, 7, seed)
    intensity, occupancy = counts["intensity"].to_numpy(), counts["occupancy"].to_numpy()
    assert (intensity == np.floor(intensity)).all()
    assert intensity.min() >= 0
    assert intensity.max() <= capacity
    assert occupancy.min() >= 0
    assert occupancy.max() <= 1


def test_occupancy_is_flow_over_speed_times_length() -> None:
    counts = made_counts([loop()], MONDAY, 7, 1)
    ratio = (counts["occupancy"] / counts["intensity"]).drop_nans().to_numpy()
    assert ratio == pytest.approx(6.5 / 45_000)


def test_working_days_have_two_peaks_and_a_quiet_night() -> None:
    counts = local(made_counts([loop()], MONDAY, 5, 3))
    for day in range(16, 21):
        hours = [counts[datetime(2026, 11, day, hour, tzinfo=PARIS)] for hour in range(24)]
        assert np.argmax(hours[:12]) == 8
        assert 12 + int(np.argmax(hours[12:])) == 17
        assert max(hours[1:5]) < 0.1 * max(hours)


def test_a_saturday_and_a_sunday_carry_less() -> None:
    counts = made_counts([loop()], MONDAY, 7, 3)
    friday, saturday, sunday = (of_day(counts, date(2026, 11, day)) for day in (20, 21, 22))
    assert sunday < saturday < friday


def test_a_public_holiday_is_a_sunday() -> None:
    """11 November 2026 is a Wednesday."""
    start = datetime(2026, 11, 8, 23, tzinfo=UTC)
    counts = made_counts([loop()], start, 7, 3)
    tuesday, armistice, thursday, sunday = (of_day(counts, date(2026, 11, day)) for day in (10, 11, 12, 15))
    assert armistice == pytest.approx(sunday, rel=0.05)
    assert armistice < 0.75 * min(tuesday, thursday)


@pytest.mark.parametrize(
    ("noon_before", "hours"),
    [(datetime(2026, 3, 28, 11, tzinfo=UTC), 23), (datetime(2026, 10, 24, 10, tzinfo=UTC), 25)],
)
def test_peaks_stay_at_their_local_hour_over_a_clock_change(noon_before: datetime, hours: int) -> None:
    counts = made_counts([loop()], noon_before, 3, 3)
    sunday = noon_before.astimezone(PARIS).date() + timedelta(days=1)
    at = [from_us(us).astimezone(PARIS) for us in counts["observed_at"]]
    assert sum(hour.date() == sunday for hour in at) == hours
    monday = {
        hour.hour: count
        for hour, count in zip(at, counts["intensity"], strict=True)
        if hour.date() == sunday + timedelta(days=1) and hour.hour < 12
    }
    assert len(monday) > 11
    assert max(monday, key=monday.__getitem__) == 8


def test_busier_roads_carry_more() -> None:
    counts = made_counts(
        [loop("T-1", "main", 1800), loop("T-2", "collector", 1100), loop("T-3", "residential", 500)], MONDAY, 7, 1
    )
    total = dict(counts.group_by("asset").agg(pl.col("intensity").sum()).iter_rows())
    assert total["T-1"] > total["T-3"]
    assert total["T-2"] > total["T-3"]


def test_the_same_seed_gives_the_same_counts_and_others_differ() -> None:
    one = made_counts([loop()], MONDAY, 7, 9)
    assert one.equals(made_counts([loop()], MONDAY, 7, 9))
    assert not one.equals(made_counts([loop()], MONDAY, 7, 10))


def test_a_loop_counts_the_same_whoever_else_is_asked() -> None:
    alone = made_counts([loop("T-2")], MONDAY, 3, 9)
    among = made_counts([loop("T-1"), loop("T-2"), loop("T-3")], MONDAY, 3, 9)
    assert among.filter(pl.col("asset") == "T-2").equals(alone)
    assert not among.filter(pl.col("asset") == "T-1")["intensity"].equals(alone["intensity"])


def test_noise_is_poisson() -> None:
    """Variance of one hour's counts over many loops: their mean, and a little for their differing levels."""
    night = [made_counts([loop(f"T-{k}", capacity=1000.0)], MONDAY, 1, 1)["intensity"][2] for k in range(400)]
    assert 6.5 < np.mean(night) < 10.0
    assert np.var(night) == pytest.approx(np.mean(night), rel=0.35)


@pytest.mark.parametrize(
    ("start", "what"),
    [(datetime(2026, 11, 16), "no time zone"), (datetime(2026, 11, 16, 0, 30, tzinfo=UTC), "inside an hour")],  # noqa: DTZ001
)
def test_a_wrong_start(start: datetime, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        made_counts([loop()], start, 1, 1)
