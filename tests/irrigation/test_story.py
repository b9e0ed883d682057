"""The green spaces of a story: weather on every night of the year, a month that is known, ground nobody knows."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from engine.catalogue import Catalogue
from engine.instants import noon
from engine.inventory.territory import load_territory
from engine.model import Asset
from engine.settings import Settings
from jobs.lighting.domain import dark_hours
from jobs.lighting.night import Night
from jobs.story import Greens, made_greens
from jobs.story.sky import DRY, HISTORY, made_hours
from tests.irrigation.ground import TABLES
from twin.faults import FaultKind

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)
SEPTEMBER, WINTER = date(2026, 9, 28), date(2026, 12, 14)
SPRING_FORWARD, FALL_BACK = date(2026, 3, 28), date(2026, 10, 24)
DAYS = pytest.mark.parametrize("day", [SEPTEMBER, WINTER, SPRING_FORWARD, FALL_BACK], ids=str)


def night_of(day: date) -> Night:
    return dark_hours(noon(day), Settings(datasets_dir=ROOT / "datasets"))


@pytest.fixture(scope="module")
def assets(catalogue: Catalogue) -> tuple[Asset, ...]:
    return load_territory(ROOT / "datasets" / "sample", catalogue).assets


@pytest.fixture(scope="module")
def greens(assets: tuple[Asset, ...]) -> Greens:
    return made_greens(assets, night_of(SEPTEMBER), TABLES, seed=1)


@DAYS
def test_every_hour_has_its_weather_once(day: date) -> None:
    night = night_of(day)
    hours = made_hours(night, TABLES, 3)
    assert hours.until[0] == night.start - HISTORY + HOUR
    assert hours.until[-1] == night.until
    assert {b - a for a, b in pairwise(hours.until)} == {HOUR}


@DAYS
def test_weather_is_such_as_could_be(day: date) -> None:
    for seed in range(5):
        hours = made_hours(night_of(day), TABLES, seed)
        assert (hours.humidity > 0.1).all()
        assert (hours.humidity <= 1).all()
        assert (hours.rain_mm >= 0).all()
        assert (hours.wind_m_s >= 0).all()
        assert (hours.et0_mm >= 0).all()
        assert ((hours.air_c > -25) & (hours.air_c < 45)).all()
        assert ((hours.solar_w_m2 > 0) == (hours.et0_mm > 0)).all()
        days = HISTORY / timedelta(days=1) + 1
        usual = TABLES.climate.et0_mm_day[day.month - 1]
        assert 0.5 * usual < hours.et0_mm.sum() / days < 2.2 * usual


def test_it_is_dry_before_a_night_of_the_season_and_the_shower_falls_in_every_night() -> None:
    for day, dry in ((SEPTEMBER, DRY), (WINTER, timedelta(days=2))):
        night = night_of(day)
        hours = made_hours(night, TABLES, 1)
        rain = dict(zip(hours.until, hours.rain_mm.tolist(), strict=True))
        assert not any(mm for at, mm in rain.items() if night.start - dry < at <= night.start)
        assert any(mm for at, mm in rain.items() if at <= night.start - dry)
        caught = [at for at, mm in rain.items() if at > night.start and mm]
        assert [round((at - night.on_at) / HOUR - 4.5) for at in caught] == [0, 1]


def test_no_wind_stops_sprinklers_in_the_night_itself() -> None:
    for seed in range(20):
        hours = made_hours(night_of(SEPTEMBER), TABLES, seed)
        assert hours.wind_m_s[-24:].max() <= 4.0


def test_a_seed_is_a_story(assets: tuple[Asset, ...], greens: Greens) -> None:
    again, other = (made_greens(assets, night_of(SEPTEMBER), TABLES, seed) for seed in (1, 2))
    assert again.history.equals(greens.history)
    assert (again.plots, again.sky, again.meters, again.faults) == (
        greens.plots, greens.sky, greens.meters, greens.faults,
    )  # fmt: skip
    assert not other.history.equals(greens.history)
    assert other.plots != greens.plots


def test_the_month_before_says_everything_once(greens: Greens) -> None:
    told = greens.history
    assert told.select("asset", "property", "observed_at").is_duplicated().sum() == 0
    first, last = told["observed_at"].min(), told["observed_at"].max()
    assert (first, last) == ("2026-08-29T11:00:00Z", "2026-09-28T10:00:00Z")
    probes = told.filter(pl.col("property") == "soilMoistureVwc")
    assert probes.group_by("asset").len()["len"].to_list() == [30 * 24] * 4


def of(greens: Greens, asset: str, name: str) -> list[tuple[datetime, float]]:
    rows = greens.history.filter((pl.col("asset") == asset) & (pl.col("property") == name)).sort("observed_at")
    return [
        (datetime.fromisoformat(at), value) for at, value in rows.select("observed_at", "number").iter_rows()
    ]  # fmt: skip


def test_timers_watered_one_after_the_other_and_the_meter_counted_it(greens: Greens) -> None:
    """What valves let through, by their own flow from one change to the next, is what the meter gained."""
    flowed = 0.0
    for plot in greens.plots:
        flowed += sum(
            value * ((until - at) / HOUR) for (at, value), (until, _) in pairwise(of(greens, plot.valve, "flow"))
        )
    meter = of(greens, "N-49329-0001", "waterConsumed")
    assert flowed == pytest.approx(meter[-1][1] - meter[0][1], rel=0.01)
    assert greens.meters["N-49329-0001"] == pytest.approx(meter[-1][1], abs=1e-5)
    assert flowed > 20
    most = max(value for _, value in of(greens, "N-49329-0001", "flow"))
    assert most <= max(plot.ground["flow_m3_h"] for plot in greens.plots) + 1e-3


def test_timers_were_off_in_the_end_and_ground_has_dried(greens: Greens) -> None:
    night = night_of(SEPTEMBER)
    for plot in greens.plots:
        openings = [at for at, value in of(greens, plot.valve, "opening") if value]
        assert night.start - timedelta(days=18) < max(openings) < night.start - timedelta(days=13)
        full_mm = 1000 * (plot.ground["field_capacity"] - plot.ground["wilting_point"]) * plot.ground["root_depth_m"]
        assert plot.surface_mm + plot.root_mm < full_mm


def test_ground_is_near_what_is_believed_of_it_and_not_the_same(greens: Greens) -> None:
    loam = TABLES.soils["loam"]
    for plot in greens.plots:
        assert plot.ground["field_capacity"] == pytest.approx(loam.field_capacity, abs=0.031)
        assert plot.ground["field_capacity"] != loam.field_capacity


def test_what_goes_wrong_can_be_seen(greens: Greens) -> None:
    """A probe that repeats itself, a valve of which another probe tells, and a leak when watering is over."""
    kinds = {fault.kind: fault for fault in greens.faults}
    assert set(kinds) == {FaultKind.STUCK, FaultKind.FAILURE, FaultKind.LEAK}
    stuck = kinds[FaultKind.STUCK].asset
    assert len({value for _, value in of(greens, stuck, "soilMoistureVwc")[-7 * 24 :]}) == 1
    (plot,) = (plot for plot in greens.plots if plot.valve == kinds[FaultKind.FAILURE].asset)
    assert plot.probe != stuck
    night = night_of(SEPTEMBER)
    assert kinds[FaultKind.LEAK].from_at > night.start + timedelta(hours=20)


def test_a_territory_without_green_spaces_has_weather_and_nothing_else(assets: tuple[Asset, ...]) -> None:
    stations = [asset for asset in assets if asset.type == "WeatherObserved"]
    found = made_greens(stations, night_of(SEPTEMBER), TABLES, seed=1)
    assert (found.plots, found.faults, dict(found.meters)) == ((), (), {})
    assert {one.property for one in found.weather} == {
        "precipitation", "temperature", "relativeHumidity", "windSpeed", "solarRadiation",
    }  # fmt: skip
