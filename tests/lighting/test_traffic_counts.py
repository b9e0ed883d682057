"""What is believed of counts: whatever cannot have been counted is left out and told, and nothing else is."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.instants import to_us
from engine.model import Asset
from jobs.lighting.counts import DISBELIEVED, Counts, Doubt, believed
from twin.traffic import made_counts

from .test_jobs import NOON, TABLES, at_local, counts, evening_traffic, lamp, task_of

WEEKS = 4
HOURS = 24 * 7 * WEEKS
MOST = {"T-1": 1300.0, "T-2": 1300.0}


def loop(name: str, **changes: Any) -> Asset:
    attributes = {"road_class": "main", "capacity_veh_h": 1000.0} | changes
    return Asset(name, "TrafficFlowObserved", "Z-1", -0.55, 47.47, attributes=attributes)


MADE = made_counts([loop(name) for name in MOST], NOON - timedelta(hours=HOURS), 7 * WEEKS, 3).select(
    "asset", "observed_at", "intensity"
)
CLEAN = MADE.filter(pl.col("asset") == "T-1")["intensity"].to_numpy()
Spoil = Callable[[np.ndarray], np.ndarray]


def spoiled(spoil: Spoil) -> pl.DataFrame:
    """The made counts, with those of T-1 as `spoil` leaves them."""
    series = pl.Series("intensity", np.concatenate([spoil(CLEAN.copy()), MADE["intensity"].to_numpy()[HOURS:]]))
    return MADE.with_columns(series)


def judged(history: pl.DataFrame) -> Counts:
    return believed(history, MOST, NOON, TABLES.counts)


def put(where: slice | list[int], what: object) -> Spoil:
    def spoil(values: np.ndarray) -> np.ndarray:
        values[where] = what
        return values

    return spoil


def sawtooth(values: np.ndarray) -> np.ndarray:
    """The last three days are a sum that begins again at nought every day."""
    values[-24 * 3 :] = np.tile(np.cumsum(np.arange(1, 25.0) + 5), 3)
    return values


SPOILED: dict[Doubt, Spoil] = {
    Doubt.STUCK: put(slice(-26, None), 120.0),
    Doubt.COUNTS_UP: sawtooth,
    Doubt.OFTEN_IMPOSSIBLE: put(slice(-60, -40), 5000.0),
    Doubt.IMPOSSIBLE: put([-60, -90], 1300.5),
    Doubt.NO_COUNT: put([-3, -50, -80], [np.nan, -1.0, np.inf]),
    Doubt.WAS_STUCK: put(slice(-90, -60), 0.0),
    Doubt.LEVEL: lambda values: np.r_[values[: -24 * 7], values[-24 * 7 :] * 0.3],
}


def test_what_is_whole_is_believed_whole() -> None:
    found = judged(MADE)
    assert (dict(found.doubts), found.reasons, found.stale) == ({}, (), False)
    assert found.frame.sort("asset", "observed_at").equals(MADE.sort("asset", "observed_at"))


@pytest.mark.parametrize("doubt", SPOILED)
def test_each_thing_that_cannot_be_is_told_once_and_of_its_own_counter(doubt: Doubt) -> None:
    found = judged(spoiled(SPOILED[doubt]))
    assert dict(found.doubts) == {"T-1": (doubt,)}
    (reason,) = found.reasons
    assert reason.endswith(": 1 (T-1) counters")
    left = found.frame.filter(pl.col("asset") == "T-1").height
    gone = {Doubt.IMPOSSIBLE: 2, Doubt.NO_COUNT: 3, Doubt.WAS_STUCK: 30, Doubt.LEVEL: 0}
    assert left == (0 if doubt in DISBELIEVED else HOURS - gone[doubt])


@settings(max_examples=25)
@given(
    doubts=st.sets(st.sampled_from(sorted(SPOILED))),
    spikes=st.dictionaries(st.integers(0, HOURS - 1), st.sampled_from([np.nan, -9.0, 0.0, 1e6]), max_size=40),
    cut=st.integers(0, HOURS),
)
def test_nothing_wrong_with_one_counter_touches_another(
    doubts: set[Doubt], spikes: dict[int, float], cut: int
) -> None:  # fmt: skip
    def spoil(values: np.ndarray) -> np.ndarray:
        for doubt in doubts:
            values = SPOILED[doubt](values)
        for at, value in spikes.items():
            values[at] = value
        return values

    one_gone = spoiled(spoil).filter((pl.col("asset") == "T-2") | (pl.col("observed_at") < to_us(NOON) - cut))
    found, clean = judged(one_gone), judged(MADE)
    assert found.frame.filter(pl.col("asset") == "T-2").equals(clean.frame.filter(pl.col("asset") == "T-2"))
    assert "T-2" not in found.doubts


def test_the_forecast_of_a_clean_counter_is_the_same_beside_a_spoiled_one() -> None:
    lamps, loops = [lamp("L-1"), lamp("L-2", counter="T-2", segment="S-2")], [loop("T-1"), loop("T-2")]
    clean, beside = (task_of(lamps, h, counters=loops) for h in (MADE, spoiled(SPOILED[Doubt.STUCK])))
    np.testing.assert_array_equal(clean.traffic.veh_h[1], beside.traffic.veh_h[1])
    assert np.isnan(beside.traffic.veh_h[0]).all()
    np.testing.assert_array_equal(clean.need.flux[1], beside.need.flux[1])


def test_a_correction_replaces_what_it_corrects_and_a_copy_adds_nothing() -> None:
    wrong = MADE.with_columns(intensity=pl.lit(900.0))
    found = judged(pl.concat([wrong, MADE, MADE]))
    assert found.frame.equals(judged(MADE).frame)


def test_the_order_of_readings_does_not_matter() -> None:
    assert judged(MADE.sample(fraction=1.0, shuffle=True, seed=5)).frame.equals(judged(MADE).frame)


@pytest.mark.parametrize(("days", "stale"), [(2.9, False), (3.1, True)])
def test_a_counter_silent_for_longer_than_is_allowed_is_stale(days: float, stale: bool) -> None:
    cut = to_us(NOON - timedelta(days=days))
    history = MADE.filter((pl.col("asset") == "T-2") | (pl.col("observed_at") < cut))
    found = judged(history)
    assert ((Doubt.STALE in found.doubts.get("T-1", ())), found.stale) == (stale, False)
    assert judged(history.filter(pl.col("asset") == "T-1")).stale == stale


def test_numbers_that_are_none_keep_no_counter_fresh() -> None:
    late = spoiled(put(slice(-80, None), np.nan))
    assert Doubt.STALE in judged(late).doubts["T-1"]


def test_no_count_at_all_is_not_stale() -> None:
    found = judged(MADE.clear())
    assert (found.stale, found.reasons, found.frame.height) == (False, (), 0)


def test_half_of_the_hours_missing_is_told_but_a_new_counter_is_no_gap() -> None:
    thin = MADE.filter((pl.col("asset") == "T-2") | (pl.col("observed_at") // 3_600_000_000 % 5 < 2))
    assert judged(thin).doubts == {"T-1": (Doubt.GAPS,)}
    new = MADE.filter((pl.col("asset") == "T-2") | (pl.col("observed_at") > to_us(NOON - timedelta(days=9))))
    assert "T-1" not in judged(new).doubts


def test_a_stated_number_of_lanes_bounds_what_a_road_can_carry() -> None:
    wide = {"T-1": loop("T-1", capacity_veh_h=5000.0), "T-2": loop("T-2", capacity_veh_h=5000.0, lanes=1)}
    fast = MADE.with_columns(pl.col("intensity") * 0 + 3000 + pl.col("observed_at") // 3_600_000_000 % 7)
    task = task_of([lamp("L-1")], fast, counters=list(wide.values()))
    assert "T-1" not in task.traffic.doubts
    assert task.traffic.doubts["T-2"][0] is Doubt.OFTEN_IMPOSSIBLE
    with pytest.raises(InputError, match="T-3 lanes is 'two'"):
        task_of([lamp("L-1")], MADE, counters=[loop("T-3", lanes="two")])


def test_an_hour_whose_counts_cannot_be_keeps_the_normal_class() -> None:
    def broken_at_two(at: Any) -> float:
        return 1400.0 if at.hour == 2 else evening_traffic(at)

    task = task_of(history=counts(broken_at_two))
    assert task.classes[0, at_local(task, 2)] == "M4"
    assert task.classes[0, at_local(task, 3)] == "M6"


@pytest.mark.reference
def test_nothing_of_a_year_of_real_counts_is_doubted_but_what_is_no_number(reference: Path) -> None:
    files = sorted((reference / "lighting" / "paris_counts").glob("*.csv"))
    hour = pl.concat_str(pl.col("time").str.slice(0, 13), pl.lit(":00")).str.to_datetime("%Y-%m-%dT%H:%M")
    real = pl.concat(
        pl.read_csv(file, schema_overrides={"arc": pl.String}).select(
            asset="arc", observed_at=hour.dt.epoch("us"), intensity="flow_veh_h"
        )
        for file in files
    )
    capacity = {"191": 900.0, "5672": 300.0}
    last = real["observed_at"].max()
    assert isinstance(last, int)
    for weeks in range(0, 48, 4):
        at = NOON.fromtimestamp(last / 1e6, NOON.tzinfo) - timedelta(weeks=weeks)
        found = believed(real.filter(pl.col("observed_at") <= to_us(at)), capacity, at, TABLES.counts)
        assert {doubt for doubts in found.doubts.values() for doubt in doubts} <= {Doubt.NO_COUNT, Doubt.IMPOSSIBLE}
