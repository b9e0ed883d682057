"""What is known of soil and weather at an instant, from what the store holds."""

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine.instants import to_us
from engine.settings import Settings
from engine.store import Store
from engine.store.forecasts import VALUES
from jobs.bootstrap import Territory
from jobs.irrigation.belief import SoilNow, believed, irrigated_mm, watered_m3
from jobs.irrigation.history import Days
from jobs.irrigation.outlook import Outlook, outlook
from jobs.irrigation.tables import IrrigationTables, tables_of
from jobs.irrigation.weather import Observed, observed_weather
from jobs.irrigation.zones import Zones, read_zones
from optimizers.arrays import Floats
from optimizers.soil import Et0Source
from optimizers.soil.probes import Verdict

from .conftest import readings, tell

Row = tuple[str, str, object, datetime]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AT = datetime.fromisoformat("2026-07-15T16:00Z")  # 18:00 in Paris
SPRING, AUTUMN = (datetime.fromisoformat(f"{day}T16:00Z") for day in ("2026-03-29", "2026-10-25"))
STATION = "W-49329-0001"


@pytest.fixture
def tables(settings: Settings) -> IrrigationTables:
    return tables_of(settings)


@pytest.fixture
def zones(territory: Territory, tables: IrrigationTables) -> Zones:
    kinds = ("IrrigationValve", "IrrigationNetwork", "Garden", "GreenspaceRecord")
    return read_zones(*(territory.of_type(kind) for kind in kinds), tables, AT.date())


def hours(until: datetime, days: int) -> list[datetime]:
    """On the hour, the last one at `until`."""
    return [until - k * HOUR for k in reversed(range(24 * days))]


def sky(until: datetime, days: int, *, rain: dict[datetime, float] | None = None, sun: bool = True) -> list[Row]:
    """Fair weather: 14 to 28 °C, sun from 6 to 20 UTC, less of it out of summer."""
    rows, noon = list[Row](), 780.0 if 4 <= until.month <= 9 else 300.0
    for at in hours(until, days):
        warm = math.sin((at.hour - 9) / 24 * 2 * math.pi)
        shine = max(0.0, noon * math.sin((at.hour - 5) / 14 * math.pi))
        told = {"temperature": 21 + 7 * warm, "relativeHumidity": 0.6 - 0.2 * warm, "windSpeed": 3.0}
        told |= {"precipitation": (rain or {}).get(at, 0.0)} | ({"solarRadiation": shine} if sun else {})
        rows += [(STATION, name, value, at) for name, value in told.items()]
    return rows


def soil(zones: Zones, until: datetime, days: int, drying: float = 0.0025) -> list[Row]:
    """Probes that dry so much a day, down to 0.18 m³/m³ at the end."""
    probes = [probe for probe in zones.probe if probe]
    past = [(probe, at, (until - at) / DAY) for probe in probes for at in hours(until, days)]
    return [(probe, "soilMoistureVwc", 0.18 + drying * ago, at) for probe, at, ago in past]


def told(store: Store, territory: Territory, rows: Iterable[Row], at: datetime = AT) -> None:
    tell(store, territory, readings(*rows), at + HOUR)


def soil_now(store: Store, territory: Territory, zones: Zones, tables: IrrigationTables, at: datetime = AT) -> SoilNow:
    with store.read() as unit:
        return believed(unit, territory, zones, at, tables)


def weather_now(store: Store, territory: Territory, tables: IrrigationTables, at: datetime, days: int) -> Observed:
    with store.read() as unit:
        return observed_weather(unit, territory, at, days, tables)


def ahead(
    store: Store, territory: Territory, settings: Settings, tables: IrrigationTables, at: datetime = AT
) -> Outlook:  # fmt: skip
    with store.read() as unit:
        return outlook(unit, territory, at, 5, settings, tables)


def foretell(store: Store, issued_at: datetime, rain_mm: dict[int, float], hours: int = 48) -> None:
    """An issue of hourly rain: mm in the n-th hour from its issue; 14 to 28 °C."""
    rows = []
    for k in range(hours):
        at = issued_at + k * HOUR
        rows.append(("rain", "angers", to_us(at), None, rain_mm.get(k, 0.0)))
        rows.append(("temperature", "angers", to_us(at), 0.5, 21 + 7 * math.sin((at.hour - 9) / 24 * 2 * math.pi)))
    frame = pl.DataFrame(rows, schema=dict(VALUES), orient="row")
    with store.begin() as unit:
        unit.forecasts.save("weather", frame, issued_at=issued_at, received_at=issued_at, step=HOUR)


def test_a_month_of_readings_becomes_a_belief(
    store: Store, territory: Territory, zones: Zones, tables: IrrigationTables
) -> None:
    told(store, territory, [*sky(AT, 31), *soil(zones, AT, 31)])
    found = soil_now(store, territory, zones, tables)
    assert (found.et0.source == Et0Source.PENMAN_MONTEITH).all()
    assert 4.0 < found.et0.et0_mm.mean() < 7.0
    assert set(found.verdicts.values()) <= {Verdict.SOUND, Verdict.BIASED}
    assert found.replayed.measured.all()
    assert ((found.belief.depletion_mm > 0) & (found.belief.depletion_mm <= zones.root_zone.taw_mm)).all()
    assert found.observed.heard_at == AT
    again = soil_now(store, territory, zones, tables)
    assert np.array_equal(again.belief.depletion_mm, found.belief.depletion_mm)


def test_what_is_told_later_changes_nothing_that_was_known(
    store: Store, territory: Territory, zones: Zones, tables: IrrigationTables
) -> None:
    told(store, territory, [*sky(AT, 31), *soil(zones, AT, 31)])
    before = soil_now(store, territory, zones, tables)
    later = AT + 6 * HOUR
    told(store, territory, [(STATION, "precipitation", 30.0, later)], later)
    after = soil_now(store, territory, zones, tables)
    assert np.array_equal(after.belief.depletion_mm, before.belief.depletion_mm)


def test_water_is_what_meters_tell_else_how_long_valves_were_open(
    store: Store, territory: Territory, zones: Zones, tables: IrrigationTables
) -> None:
    """One hour: a valve whose meter finds 2.2 m³/h again and again, and one without, opened and closed."""
    metered, open_only = zones.valves[2], zones.valves[3]
    begun = AT - 14 * HOUR
    minutes = [begun + k * timedelta(minutes=10) for k in range(7)]
    rows: list[Row] = [(metered, "flow", 2.2 if at < begun + HOUR else 0.0, at) for at in minutes]
    rows += [(metered, "opening", 1.0, begun), (metered, "opening", 0.0, begun + HOUR)]
    rows += [(open_only, "opening", 1.0, begun), (open_only, "opening", 0.0, begun + HOUR)]
    told(store, territory, rows)
    days = Days(AT, 3)
    with store.read() as unit:
        volume = watered_m3(unit, territory, zones, days, tables)
        depth = irrigated_mm(unit, territory, zones, days, tables)
    assert volume[-1, 2] == pytest.approx(2.2)
    assert volume[-1, 3] == pytest.approx(zones.flow_m3_h[3])
    assert volume[:-1].sum() == 0
    uniformity = tables.methods[zones.method[3]].uniformity  # type: ignore[index]
    assert depth[-1, 3] == pytest.approx(1000 * zones.flow_m3_h[3] / zones.area_m2[3] * uniformity)


def test_a_meter_that_fell_silent_hides_no_water(
    store: Store, territory: Territory, zones: Zones, tables: IrrigationTables
) -> None:
    """It told its last three days ago; since then the valve tells that it was open for an hour."""
    valve, begun = zones.valves[0], AT - 14 * HOUR
    rows: list[Row] = [(valve, "flow", 2.0, AT - 3 * DAY), (valve, "flow", 0.0, AT - 3 * DAY + HOUR)]
    rows += [(valve, "opening", 1.0, begun), (valve, "opening", 0.0, begun + HOUR)]
    told(store, territory, rows)
    with store.read() as unit:
        volume = watered_m3(unit, territory, zones, Days(AT, 5), tables)
    assert volume[-1, 0] == pytest.approx(zones.flow_m3_h[0])
    assert volume.sum() == pytest.approx(zones.flow_m3_h[0] + 2.0)


def test_a_probe_that_two_hydrozones_name_is_heard_for_both(
    store: Store, territory: Territory, zones: Zones, tables: IrrigationTables
) -> None:
    first, second = (z for z, probe in enumerate(zones.probe) if probe and z < 2)
    shared = tuple(zones.probe[first] if z == second else probe for z, probe in enumerate(zones.probe))
    told(store, territory, [*sky(AT, 31), *soil(zones, AT, 31)])
    found = soil_now(store, territory, replace(zones, probe=shared), tables)
    raw = found.past.raw_vwc
    assert np.isfinite(raw[:, first]).all()
    assert np.array_equal(raw[:, first], raw[:, second])
    assert found.verdicts[zones.probe[first]].believed


def test_a_valve_that_falls_silent_while_open_is_counted_for_an_hour(
    store: Store, territory: Territory, zones: Zones, tables: IrrigationTables
) -> None:
    told(store, territory, [(zones.valves[0], "flow", 2.0, AT - 10 * HOUR)])
    with store.read() as unit:
        assert watered_m3(unit, territory, zones, Days(AT, 2), tables).sum() == pytest.approx(2.0)


def test_water_across_the_evening_is_shared_between_its_days(
    store: Store, territory: Territory, zones: Zones, tables: IrrigationTables
) -> None:
    told(store, territory, [(zones.valves[0], "flow", 2.0, AT - DAY - 0.25 * HOUR)])
    with store.read() as unit:
        volume = watered_m3(unit, territory, zones, Days(AT, 2), tables)
    assert volume[:, 0].tolist() == pytest.approx([0.5, 1.5])


def test_a_station_without_radiation_stops_nothing(
    store: Store, territory: Territory, zones: Zones, tables: IrrigationTables
) -> None:
    """Three days without a reading of the sun, and one that is no number: those days go one rung down, no other."""
    told(store, territory, [*sky(AT - 3 * DAY, 28), *sky(AT, 3, sun=False), *soil(zones, AT, 31)])
    told(store, territory, [(STATION, "solarRadiation", float("nan"), AT - 5 * HOUR)])
    found = soil_now(store, territory, zones, tables)
    assert found.et0.source.tolist() == [Et0Source.PENMAN_MONTEITH] * 27 + [Et0Source.PENMAN_ESTIMATED] * 3
    assert np.isfinite(found.belief.depletion_mm).all()
    assert "ET0 by Penman-Monteith with estimates for what was not measured: 3 of 30 days" in found.reasons


def test_without_a_single_reading_the_year_stands_in_and_says_so(
    store: Store, territory: Territory, zones: Zones, tables: IrrigationTables
) -> None:
    found = soil_now(store, territory, zones, tables)
    assert (found.et0.source == Et0Source.CLIMATOLOGY).all()
    assert found.observed.heard_at is None
    assert not found.replayed.measured.any()
    assert set(found.verdicts.values()) == {Verdict.SILENT}
    assert any("no rain gauge heard" in reason for reason in found.reasons)
    assert any("by the water balance alone" in reason for reason in found.reasons)


def test_a_probe_that_is_stuck_is_told_and_its_hydrozone_borrows(
    store: Store, territory: Territory, zones: Zones, tables: IrrigationTables
) -> None:
    rows = soil(zones, AT, 31)
    bad = next(probe for probe in zones.probe if probe)
    stuck = [(a, p, 0.2 if a == bad and at > AT - 5 * DAY else value, at) for a, p, value, at in rows]
    told(store, territory, [*sky(AT, 31, rain={AT - 6 * DAY: 40.0}), *stuck])
    found = soil_now(store, territory, zones, tables)
    assert found.verdicts[bad] is Verdict.STUCK
    assert found.replayed.lender[zones.probe.index(bad)] not in {"", bad}
    assert any(reason.startswith("probes stuck") and bad in reason for reason in found.reasons)


def test_humidity_and_rain_that_cannot_be_are_told_and_left_out(
    store: Store, territory: Territory, tables: IrrigationTables
) -> None:
    told(store, territory, sky(AT, 10, rain={AT - 30 * HOUR: 12.0}))
    found = weather_now(store, territory, tables, AT, 10)
    assert found.territory_rain_mm.tolist() == [0.0] * 8 + [12.0, 0.0]
    counter = [(STATION, "precipitation", 100.0 + 0.4 * (k // 12), at) for k, at in enumerate(hours(AT, 10))]
    told(store, territory, counter)
    found = weather_now(store, territory, tables, AT, 10)
    assert found.territory_rain_mm.sum() == pytest.approx(0.4 * 19)
    assert any("differenced" in reason for reason in found.reasons)


@pytest.mark.parametrize("at", [SPRING + DAY, AUTUMN + DAY])
def test_when_the_clock_changes_no_rain_is_lost_and_none_counted_twice(
    store: Store, territory: Territory, tables: IrrigationTables, at: datetime
) -> None:
    rain = {when: 0.1 * (1 + k % 3) for k, when in enumerate(hours(at, 4))}
    told(store, territory, sky(at, 4, rain=rain), at)
    found = weather_now(store, territory, tables, at, 4)
    assert found.territory_rain_mm.sum() == pytest.approx(sum(rain.values()))
    assert np.diff(found.weather.day_of_year).tolist() == [1, 1, 1]
    assert (found.et0.source == Et0Source.PENMAN_MONTEITH).all()


@pytest.mark.parametrize("at", [SPRING - DAY, SPRING, AUTUMN - DAY, AUTUMN])
def test_the_weather_to_come_is_foreseen_across_both_changes_of_the_clock(
    store: Store, territory: Territory, settings: Settings, tables: IrrigationTables, at: datetime
) -> None:
    foretell(store, at - DAY, {}, hours=24)
    foretell(store, at - HOUR, dict.fromkeys(range(1, 100), 1.0), hours=100)
    found = ahead(store, territory, settings, tables, at)
    assert found.told_mm[:4].tolist() == pytest.approx([24.0] * 4)
    assert found.et0_from[:3] == ("forecast",) * 3
    mean = found.probability @ found.et0_mm
    assert np.ptp(mean[:3]) < 0.1 * mean[:3].mean()


def test_forecast_rain_is_counted_on_in_part_and_taken_back_when_it_does_not_fall(
    store: Store, territory: Territory, zones: Zones, settings: Settings, tables: IrrigationTables
) -> None:
    """18 mm are told for tonight. Tomorrow the gauge is dry: the soil is known as if nobody had told anything."""
    told(store, territory, [*sky(AT, 31), *soil(zones, AT, 31)])
    dry = ahead(store, territory, settings, tables)
    without = soil_now(store, territory, zones, tables)
    foretell(store, AT - HOUR, dict.fromkeys(range(6, 12), 3.0))
    tonight = ahead(store, territory, settings, tables)
    assert tonight.told_mm[0] == pytest.approx(18.0)
    assert tonight.credited_mm[0] == pytest.approx(tonight.reliability * 18.0)
    assert tonight.rain_mm[0].max() == 0.0
    assert tonight.rain_mm[-1, 0] > 18.0
    assert tonight.probability.sum() == pytest.approx(1.0)
    assert dry.told_mm[0] < 3.0
    assert np.array_equal(soil_now(store, territory, zones, tables).belief.depletion_mm, without.belief.depletion_mm)

    told(store, territory, [*sky(AT + DAY, 1), *soil(zones, AT + DAY, 1)], AT + DAY)
    tomorrow = soil_now(store, territory, zones, tables, AT + DAY)
    assert tomorrow.past.rain_mm[-1].max() == 0.0
    assert (tomorrow.belief.depletion_mm > without.belief.depletion_mm - 0.5).all()
    learnt = ahead(store, territory, settings, tables, AT + DAY)
    assert learnt.reliability < tonight.reliability


def test_rain_that_is_told_and_falls_is_believed_more_the_next_time(
    store: Store, territory: Territory, settings: Settings, tables: IrrigationTables
) -> None:
    fell = {AT - k * DAY + h * HOUR: 2.0 for k in range(1, 9) for h in (8, 9, 10)}
    told(store, territory, sky(AT, 31, rain=fell))
    first = ahead(store, territory, settings, tables)
    for k in range(8, 0, -1):
        foretell(store, AT - k * DAY - HOUR, dict.fromkeys((8, 9, 10), 2.0), hours=30)
    learnt = ahead(store, territory, settings, tables)
    assert first.reliability == pytest.approx(tables.outlook.reliability)
    prior = tables.outlook.prior_mm
    assert learnt.reliability == pytest.approx((0.5 * prior + 8 * 6) / (prior + 8 * 6), abs=0.01)
    assert any("learnt on 8 days" in reason for reason in learnt.reasons)


def test_a_forecast_of_more_than_twelve_hours_is_not_used_and_that_is_said(
    store: Store, territory: Territory, settings: Settings, tables: IrrigationTables
) -> None:
    foretell(store, AT - 13 * HOUR, dict.fromkeys(range(15, 25), 3.0))
    found = ahead(store, territory, settings, tables)
    assert found.issued_at is None
    assert set(found.rain_from) == {"climatology"}
    assert set(found.et0_from) == {"lately"}
    assert any("is 13 h old, 12 h at most: not used" in reason for reason in found.reasons)
    foretell(store, AT - 12 * HOUR, dict.fromkeys(range(14, 24), 3.0))
    fresh = ahead(store, territory, settings, tables)
    assert fresh.issued_at == AT - 12 * HOUR
    assert "forecast" in fresh.et0_from
    assert fresh.told_mm[0] == pytest.approx(30.0)


def test_beyond_a_forecast_rain_is_that_of_the_month_and_et0_that_of_late(
    store: Store, territory: Territory, settings: Settings, tables: IrrigationTables
) -> None:
    told(store, territory, sky(AT, 31))
    found = ahead(store, territory, settings, tables)
    usual = tables.climate.rain_mm[6] / 30.4
    assert found.told_mm == pytest.approx(np.full(5, usual))
    assert found.et0_from == ("lately",) * 5
    mean: Floats = found.probability @ found.et0_mm
    lately = weather_now(store, territory, tables, AT, 7).et0.et0_mm.mean()
    assert lately > mean[0] > mean[4] > tables.climate.et0_mm_day[6]
    assert any("no issue of weather" in reason for reason in found.reasons)


def test_a_broken_file_of_sources_leaves_plants_a_plan(
    store: Store, territory: Territory, settings: Settings, tables: IrrigationTables, tmp_path: Path
) -> None:
    rules = tmp_path / "broken"
    rules.mkdir()
    (rules / "forecasts.yaml").write_text("sources: [")
    found = ahead(store, territory, settings.model_copy(update={"rules_dir": rules}), tables)
    assert set(found.rain_from) == {"climatology"}
    assert found.reasons[0].startswith("the weather is not forecast")


def test_a_territory_without_stations_and_probes_has_a_belief_all_the_same(
    store: Store, territory: Territory, tables: IrrigationTables
) -> None:
    bare = replace(
        territory, assets=tuple(territory.of_type("IrrigationValve") + territory.of_type("IrrigationNetwork"))
    )
    zones = read_zones(bare.of_type("IrrigationValve"), bare.of_type("IrrigationNetwork"), [], [], tables, AT.date())
    found = soil_now(store, bare, zones, tables)
    assert found.verdicts == {}
    assert np.isfinite(found.belief.depletion_mm).all()
    assert any(reason.startswith("no weather station") for reason in found.reasons)


def test_each_hydrozone_has_the_rain_of_the_nearest_gauge_that_was_heard(
    store: Store, territory: Territory, zones: Zones, tables: IrrigationTables
) -> None:
    told(store, territory, sky(AT, 3, rain={AT - 2 * HOUR: 4.0}))
    one = weather_now(store, territory, tables, AT, 3)
    near, far = (
        replace(one.gauges[0], id=name, lat=zones.lat[0] + off) for name, off in (("near", 0.001), ("far", 0.05))
    )
    two = replace(one, gauges=(far, near), rain_mm=np.array([[1.0, 0.0], [2.0, np.nan], [4.0, 7.0]]))
    assert two.rain_at(zones.lat[:1], zones.lon[:1])[:, 0].tolist() == [0.0, 2.0, 7.0]
    silent = replace(two, rain_mm=np.full((3, 2), np.nan))
    assert silent.rain_at(zones.lat, zones.lon).sum() == 0.0
