"""The containers of the demo: weeks under a calendar, told as sensors would, and what goes wrong in the night."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from engine.catalogue import load_catalogue
from engine.instants import PARIS, noon
from engine.inventory.territory import load_territory
from engine.model import Asset
from engine.settings import Settings
from jobs.lighting.domain import dark_hours
from jobs.lighting.night import Night
from jobs.story import Waste, made_waste
from jobs.story.waste import CALENDAR, HISTORY, calendar_kinds, kind_of
from twin.faults import FaultKind

_SAMPLE = Path("datasets/sample")


@pytest.fixture(scope="module")
def assets() -> tuple[Asset, ...]:
    return tuple(load_territory(_SAMPLE, load_catalogue(Path("datasets/reference/catalogue.yaml"))).assets)


@pytest.fixture(scope="module")
def night() -> Night:
    return dark_hours(noon(date(2026, 9, 28)), Settings())


@pytest.fixture(scope="module")
def waste(assets: tuple[Asset, ...], night: Night) -> Waste:
    return made_waste(assets, night, 1)


def test_the_same_seed_makes_the_same(assets: tuple[Asset, ...], night: Night, waste: Waste) -> None:
    again, other = made_waste(assets, night, 1), made_waste(assets, night, 2)
    assert again.history.equals(waste.history)
    assert (again.bins, again.faults) == (waste.bins, waste.faults)
    assert other.bins != waste.bins


def test_levels_and_weights_are_of_the_weeks_before_and_of_known_containers(
    assets: tuple[Asset, ...], night: Night, waste: Waste
) -> None:
    known = {asset.id for asset in assets if asset.type == "WasteContainer"}
    assert {one.asset for one in waste.bins} == known
    told = waste.history.with_columns(pl.col("observed_at").str.to_datetime(time_zone="UTC", format="%+"))
    assert set(told["asset"]) == known
    assert told["observed_at"].min() > night.start - HISTORY  # type: ignore[operator]
    assert told["observed_at"].max() <= night.start  # type: ignore[operator]
    levels = told.filter(pl.col("property") == "fillingLevel")["number"]
    assert levels.is_between(0, 1).all()


def test_each_kind_was_emptied_on_its_days_of_the_calendar_only(assets: tuple[Asset, ...], waste: Waste) -> None:
    kinds = {asset.id: kind_of(asset) for asset in assets if asset.type == "WasteContainer"}
    weighed = waste.history.filter(pl.col("property") == "cargoWeight").select(
        "asset",
        pl.col("observed_at").str.to_datetime(time_zone="UTC", format="%+").dt.convert_time_zone("Europe/Paris"),
    )
    days = {(kinds[name], at.date()) for name, at in weighed.iter_rows()}
    assert days
    assert all(kind in calendar_kinds(day) for kind, day in days)
    assert {kind for kind, _ in days} == set(CALENDAR)


def test_every_second_week_is_every_second_week() -> None:
    days = [date(2026, 1, 1) + timedelta(days=k) for k in range(364)]
    assert sum("glass" in calendar_kinds(day) for day in days) == 26
    assert sum("other" in calendar_kinds(day) for day in days) == 104


def test_sensors_fail_a_truck_breaks_down_and_somebody_moves(
    assets: tuple[Asset, ...], night: Night, waste: Waste
) -> None:
    kinds = {fault.kind for fault in waste.faults}
    assert kinds == {FaultKind.STUCK, FaultKind.FOAM, FaultKind.SILENT, FaultKind.FAILURE}
    (broken,) = (fault for fault in waste.faults if fault.kind is FaultKind.FAILURE)
    trucks = {asset.id: asset.attributes["fractions"] for asset in assets if asset.type == "Vehicle"}
    assert list(trucks.values()).count(trucks[broken.asset]) > 1
    assert broken.from_at.astimezone(PARIS).hour == 9
    assert night.start < waste.dumped[0].at < night.until


def test_a_territory_without_containers_has_none(night: Night) -> None:
    none = made_waste((), night, 1)
    assert (none.bins, none.dumped, none.faults) == ((), (), ())
    assert none.history.is_empty()
