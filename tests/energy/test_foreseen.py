"""What is foreseen of buildings from what is stored of them: like days, planned devices taken out, sun, temperature."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine.calendar import kind_of_day, load_school_calendar
from engine.catalogue import Catalogue
from engine.instants import PARIS, slots, to_us
from engine.model import Asset
from engine.settings import Settings
from engine.store import Store
from engine.store.forecasts import VALUES
from jobs.energy.contract_entries import OrderEntry, SourceEntry
from jobs.energy.contracts import load_contracts
from jobs.energy.foreseen import Learned, baselines, foresee, lately
from jobs.energy.occupancy import occupancy
from jobs.energy.past import past_of
from jobs.energy.sites import Span, read_sites
from jobs.energy.tables import EnergyTables, load_tables
from tests.conftest import BOTH, ROOT

from .territory_made import QUARTER, asset, save, school, tell

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CALENDAR = load_school_calendar(ROOT / "datasets" / "reference" / "school_holidays.yaml")
TABLES = load_tables(ROOT / "datasets" / "reference" / "energy.yaml")
CONTRACTS = load_contracts(ROOT / "rules" / "contracts.yaml")
MONDAY = date(2026, 12, 7)  # after five weeks of school
Shape = Callable[[datetime], float]


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), PARIS).astimezone(UTC)


def by_the_clock(at: datetime) -> float:
    """What a school draws: 1 kW at night, 5 kW from eight to five on workdays; its meter tells it at :07."""
    local = at.astimezone(PARIS)
    return 5000.0 if kind_of_day(local.date()) == "workday" and 8 <= local.hour < 17 else 1000.0


def lasting(shape: Shape, first: datetime, until: datetime, step: timedelta = QUARTER) -> dict[datetime, float]:
    return {start + step / 2: shape(start) for start in slots(first, until, step)}


class Desk:
    """A store with buildings, and settings of a test's own."""

    def __init__(self, store: Store, catalogue: Catalogue, folder: Path, *assets: Asset) -> None:
        self.store = store
        self.territory = save(store, catalogue, *assets)
        self.folder = folder
        self.settings = Settings(rules_dir=folder, database_url="sqlite://", datasets_dir=ROOT / "datasets")

    def meter(self, shape: Shape, at: datetime, weeks: int = 6, name: str = "M-B1") -> None:
        tell(self.store, self.territory, {(name, "totalActivePower"): lasting(shape, at - weeks * 7 * DAY, at)})

    def told(self, name: str, what: str, shape: Shape, at: datetime, days: int = 42) -> None:
        tell(self.store, self.territory, {(name, what): lasting(shape, at - days * DAY, at)})

    def weather(self, values: dict[datetime, float], variable: str, unit: str, at: datetime) -> None:
        source = {
            "format": "json", "file": "none.json", "max_age": "26h", "step": "1h", "horizon": "1h", "time_zone": "UTC",
            "place": "angers", "variables": {variable: {"unit": unit, "range": [-100, 2000]}},
            "read": [{"rows": "r[]", "valid_at": "r[].t", "value": "r[].v"}],
        }  # fmt: skip
        (self.folder / "forecasts.yaml").write_text(json.dumps({"sources": {"weather": source}}))
        rows = [(variable, "angers", to_us(hour), None, value) for hour, value in values.items()]
        frame = pl.DataFrame(rows, schema=VALUES, orient="row")
        with self.store.begin() as unit_of_work:
            unit_of_work.forecasts.save("weather", frame, issued_at=at, received_at=at, step=HOUR)

    def foresee(self, at: datetime, tables: EnergyTables = TABLES, slot: timedelta = QUARTER) -> Learned:
        span = Span.between(at, at + DAY, slot)
        sites = read_sites(self.territory, CONTRACTS, tables)
        in_them = [occupancy(site.use, span, tables, CALENDAR) for site in sites]
        with self.store.read() as unit:
            return foresee(unit, self.territory, self.settings, sites, span, at, in_them, tables, CALENDAR)


@pytest.fixture
def desk(store: Store, catalogue: Catalogue, tmp_path: Path) -> Desk:
    return Desk(store, catalogue, tmp_path, *school())


@BOTH
def test_a_school_day_is_foreseen_as_school_days_were(desk: Desk) -> None:
    at = midnight(MONDAY)
    desk.meter(by_the_clock, at)
    found = desk.foresee(at)
    wanted = [by_the_clock(start) for start in slots(at, at + DAY, QUARTER)]
    assert found.foreseen.base_w[0].tolist() == wanted
    assert (found.foreseen.margin_w == 0.0).all()
    assert found.days[0] >= 20
    assert found.coverage.tolist() == [1.0]


@pytest.mark.parametrize("day", [date(2026, 12, 12), date(2026, 12, 13)], ids=["Saturday", "Sunday"])
def test_a_day_off_is_foreseen_as_days_off_were(desk: Desk, day: date) -> None:
    at = midnight(day)
    desk.meter(by_the_clock, at)
    assert set(desk.foresee(at).foreseen.base_w[0].tolist()) == {1000.0}


def test_a_public_holiday_is_a_sunday(desk: Desk) -> None:
    at = midnight(date(2026, 11, 11))  # a Wednesday
    desk.meter(by_the_clock, at)
    assert set(desk.foresee(at).foreseen.base_w[0].tolist()) == {1000.0}


def test_days_of_school_holidays_teach_nothing_about_school_days(desk: Desk) -> None:
    """The Monday after the All Saints' holidays: of six weeks before it two had no school."""

    def drawn(at: datetime) -> float:
        return 800.0 if date(2026, 10, 17) <= at.astimezone(PARIS).date() <= date(2026, 11, 1) else by_the_clock(at)

    at = midnight(date(2026, 11, 2))
    desk.meter(drawn, at)
    found = desk.foresee(at).foreseen.base_w[0]
    wanted = [by_the_clock(start) for start in slots(at, at + DAY, QUARTER)]
    assert np.allclose(found[4 * 8 :], wanted[4 * 8 :], rtol=0.01)  # before, the night before is still felt


@pytest.mark.parametrize(
    ("day", "quarters"), [(date(2026, 10, 25), 100), (date(2026, 3, 29), 92)], ids=["25 hours", "23 hours"]
)
def test_the_clock_that_changes_moves_no_load(desk: Desk, day: date, quarters: int) -> None:
    at = midnight(day + DAY)  # a Monday, whose like days had another offset
    desk.meter(by_the_clock, at)
    span = slots(midnight(day), midnight(day + DAY), QUARTER)
    assert len(span) == quarters
    found = desk.foresee(at).foreseen.base_w[0]
    assert found.tolist() == [by_the_clock(start) for start in slots(at, at + DAY, QUARTER)]


def test_what_is_planned_for_itself_is_no_part_of_the_load(store: Store, catalogue: Catalogue, tmp_path: Path) -> None:
    hung = (
        asset("BT", "StorageBatteryDevice", "B1", capacity_wh=10000.0, charge_max_w=5000.0, discharge_max_w=5000.0),
        asset("PV", "PhotovoltaicDevice", "B1", peak_power_w=9000.0),
        asset("EV", "EVChargingStation", "B1", charge_max_w=7400.0),
        asset("WH", "WaterHeater", "B1", volume_l=200.0, heat_max_w=2000.0),
        asset("HM", "HeatMeter", "B1", serves="heating"),
    )
    desk = Desk(store, catalogue, tmp_path, *school(heat="heatPump"), *hung)
    at = midnight(MONDAY)
    sun = {"PV": 3000.0, "BT": -500.0, "EV": 3700.0, "WH": 1500.0}
    for name, value in sun.items():
        desk.told(name, "power", lambda _, value=value: value, at)  # type: ignore[misc] # a default of its own
    desk.told("HM", "power", lambda _: 6600.0, at)
    desk.told("B1", "outdoorTemperature", lambda _: 7.0, at)
    heat_w = 6600.0 / 3.3  # the heat pump's figure at 7 °C
    desk.meter(lambda start: by_the_clock(start) - 3000.0 - 500.0 + 3700.0 + 1500.0 + heat_w, at)
    found = desk.foresee(at).foreseen
    assert np.allclose(found.base_w[0], [by_the_clock(start) for start in slots(at, at + DAY, QUARTER)])
    assert np.allclose(found.solar_w[0], 3000.0)
    assert np.allclose(found.outdoor_c, 7.0)
    with store.read() as unit:
        sites = read_sites(desk.territory, CONTRACTS, TABLES)
        past = past_of(unit, desk.territory, sites, TABLES, at - DAY, at)
    assert np.allclose(past.meter_w[0] - past.base_w[0], -3000 - 500 + 3700 + 1500 + heat_w)


def test_a_device_that_is_silent_leaves_its_hours_out(store: Store, catalogue: Catalogue, tmp_path: Path) -> None:
    charger = asset("EV", "EVChargingStation", "B1", charge_max_w=7400.0)
    desk = Desk(store, catalogue, tmp_path, *school(), charger)
    at = midnight(MONDAY)
    desk.meter(lambda _: 4000.0, at)
    told = lasting(lambda _: 3000.0, at - 42 * DAY, at - 2 * DAY)
    tell(desk.store, desk.territory, {("EV", "power"): told})
    with desk.store.read() as unit:
        past = past_of(unit, desk.territory, read_sites(desk.territory, CONTRACTS, TABLES), TABLES, at - 3 * DAY, at)
    assert (past.base_w[: 96 + 4, 0] == 1000.0).all()  # what it told last holds for an hour
    assert np.isnan(past.base_w[96 + 4 :, 0]).all()
    assert np.isfinite(past.meter_w).all()


def test_roll_ups_and_readings_since_say_the_same(desk: Desk) -> None:
    at = midnight(MONDAY)
    desk.meter(by_the_clock, at - DAY)
    before = desk.foresee(at - DAY).foreseen.base_w
    with desk.store.begin() as unit:
        assert unit.readings.roll_up() > 0
    assert (desk.foresee(at - DAY).foreseen.base_w == before).all()
    tell(desk.store, desk.territory, {("M-B1", "totalActivePower"): lasting(by_the_clock, at - DAY, at)})
    with desk.store.read() as unit:
        past = past_of(unit, desk.territory, read_sites(desk.territory, CONTRACTS, TABLES), TABLES, at - 8 * DAY, at)
    assert past.base_w[:, 0].tolist() == [by_the_clock(at - 8 * DAY + n * QUARTER) for n in range(8 * 96)]


def test_a_building_with_too_few_days_is_as_usual_and_that_is_said(desk: Desk) -> None:
    at = midnight(MONDAY)
    desk.told("M-B1", "totalActivePower", by_the_clock, at, days=1)
    found = desk.foresee(at)
    assert found.foreseen.base_w[0, 0] == TABLES.usual.night_w_m2 * 1000.0
    assert np.allclose(found.foreseen.margin_w, TABLES.usual.margin * found.foreseen.base_w)
    said = [reason.en for reason in found.foreseen.reasons]
    assert "fewer than 3 like days known, a usual day taken: 1 of 1 buildings" in said


def test_a_load_that_is_higher_lately_is_expected_higher_for_some_hours(desk: Desk) -> None:
    at = midnight(MONDAY) + 10 * HOUR
    desk.meter(lambda start: by_the_clock(start) + (2000.0 if start >= at - 3 * HOUR else 0.0), at)
    found = desk.foresee(at).foreseen.base_w[0]
    assert found[0] == pytest.approx(5000.0 + 2000.0, rel=0.05)
    assert found[4 * 8] == pytest.approx(1000.0 + 2000.0 / 2**4, rel=0.05)  # eight hours later, a half in two hours
    assert found[4 * 20] == pytest.approx(1000.0, rel=0.01)


def test_loads_that_vary_have_a_margin_that_they_keep(desk: Desk) -> None:
    rng = np.random.default_rng(3)
    at = midnight(MONDAY)
    desk.meter(lambda start: by_the_clock(start) * float(rng.uniform(0.8, 1.2)), at)
    found = desk.foresee(at)
    margin = found.foreseen.margin_w[0] / found.foreseen.base_w[0]
    assert 0.1 < margin.min() <= margin.max() < 0.5
    assert found.coverage[0] >= 0.85
    assert any("it was kept" in reason.en for reason in found.foreseen.reasons)


def test_longer_slots_are_means_of_quarters(desk: Desk) -> None:
    at = midnight(MONDAY)
    desk.meter(lambda start: 1000.0 + 100.0 * (start.minute // 15), at)
    found = desk.foresee(at, slot=HOUR).foreseen.base_w[0]
    assert found.tolist() == pytest.approx([1150.0] * 24)


def test_the_temperature_outside_is_told_else_yesterdays_else_usual(desk: Desk) -> None:
    at = midnight(MONDAY)
    desk.meter(by_the_clock, at)
    usual = desk.foresee(at).foreseen
    assert "outdoor temperature: a usual day's" in [reason.en for reason in usual.reasons]
    desk.told("B1", "outdoorTemperature", lambda start: float(start.astimezone(PARIS).hour), at, days=2)
    measured = desk.foresee(at).foreseen
    assert measured.outdoor_c[0].tolist() == [float(n // 4) for n in range(96)]
    assert "température extérieure : celle d'hier" in [reason.fr for reason in measured.reasons]
    desk.weather({at + n * HOUR: 3.5 for n in range(13)}, "temperature", "Cel", at - HOUR)
    told = desk.foresee(at).foreseen
    assert told.outdoor_c[0, :52].tolist() == [3.5] * 52
    assert told.outdoor_c[0, 52] == 13.0
    assert "outdoor temperature: forecast" in [reason.en for reason in told.reasons]


@pytest.mark.parametrize(
    ("measured", "off"), [(5.5, 2.0), (1.0, -2.5), (30.0, 5.0)], ids=["warmer", "colder", "in the sun"]
)
@pytest.mark.parametrize("slot", [QUARTER, HOUR], ids=["quarters", "hours"])
def test_what_a_forecast_of_temperature_is_off_by_now_fades(
    desk: Desk, slot: timedelta, measured: float, off: float
) -> None:
    at = midnight(MONDAY)
    desk.meter(by_the_clock, at)
    desk.told("B1", "outdoorTemperature", lambda _: measured, at, days=2)
    desk.weather({at + n * HOUR: 3.5 for n in range(-3, 25)}, "temperature", "Cel", at - 4 * HOUR)
    found = desk.foresee(at, slot=slot).foreseen.outdoor_c[0]
    hours = (np.arange(found.size) + 0.5) * (slot / HOUR)
    assert np.allclose(found, 3.5 + off * np.maximum(1 - hours / 12, 0.0), atol=1e-9)


def test_a_forecast_that_nobody_measures_beside_stands(desk: Desk) -> None:
    at = midnight(MONDAY)
    desk.meter(by_the_clock, at)
    desk.weather({at + n * HOUR: 3.5 for n in range(-3, 25)}, "temperature", "Cel", at - 4 * HOUR)
    assert set(desk.foresee(at).foreseen.outdoor_c[0].tolist()) == {3.5}


def test_a_roof_gives_what_it_gave_at_that_time_of_the_sun(store: Store, catalogue: Catalogue, tmp_path: Path) -> None:
    desk = Desk(store, catalogue, tmp_path, *school(), asset("PV", "PhotovoltaicDevice", "B1", peak_power_w=9000.0))
    at = midnight(date(2026, 3, 29))  # clocks change; the sun does not
    sun = {hour: 600.0 * max(0, 5 - abs(hour - 12)) for hour in range(24)}
    desk.told("PV", "power", lambda start: sun[start.hour], at)
    desk.meter(lambda start: by_the_clock(start) - sun[start.hour] + 3000.0, at)
    found = desk.foresee(at).foreseen
    starts = slots(at, at + DAY, QUARTER)
    assert found.solar_w[0].tolist() == [sun[start.hour] for start in starts]
    assert np.allclose(found.margin_w, 0.0)


def test_where_radiation_is_told_a_roof_gives_its_share_of_it(
    store: Store, catalogue: Catalogue, tmp_path: Path
) -> None:
    desk = Desk(store, catalogue, tmp_path, *school(), asset("PV", "PhotovoltaicDevice", "B1", peak_power_w=9000.0))
    at = midnight(MONDAY)
    bright = {hour: 100.0 * max(0, 5 - abs(hour - 12)) for hour in range(24)}
    desk.told("PV", "power", lambda start: 6.0 * bright[start.hour], at, days=14)
    desk.meter(lambda _: 5000.0, at)
    # So far it was told right; tomorrow it is told to be dull.
    hours = slots(at - 14 * DAY, at, HOUR)
    told = {start: bright[start.hour] for start in hours}
    told |= {start: 0.3 * bright[start.hour] for start in slots(at, at + DAY, HOUR)}
    desk.weather(told, "radiation", "W/m2", at - 14 * DAY)
    radiation = SourceEntry(source="weather", variable="radiation")
    entry = TABLES.foresee.model_copy(update={"radiation": radiation, "temperature": None})
    tables = TABLES.model_copy(update={"foresee": entry})
    found = desk.foresee(at, tables).foreseen
    wanted = [6.0 * 0.3 * bright[start.hour] for start in slots(at, at + DAY, QUARTER)]
    assert np.allclose(found.solar_w[0], wanted)


def test_what_comes_after_an_instant_changes_nothing_that_was_foreseen_then(desk: Desk) -> None:
    at = midnight(MONDAY)
    desk.meter(by_the_clock, at)
    before = desk.foresee(at).foreseen
    tell(desk.store, desk.territory, {("M-B1", "totalActivePower"): lasting(lambda _: 9e4, at, at + DAY)})
    after = desk.foresee(at).foreseen
    assert (after.base_w == before.base_w).all()
    assert (after.margin_w == before.margin_w).all()


def order(**more: object) -> OrderEntry:
    said = {
        "id": "soir", "text": {"fr": "soir", "en": "evening"}, "sites": ["B1", "B2"], "from": "2026-12-07T09:00+01:00",
        "until": "2026-12-07T11:00+01:00", "ordered_w": 2000, "paid_eur_kwh": 0.2, "like_days": 3,
    }  # fmt: skip
    return OrderEntry.model_validate(said | more)


def drawn_before(desk: Desk, at: datetime, *orders: OrderEntry) -> dict[str, np.ndarray]:
    span = Span.between(at, at + DAY, QUARTER)
    sites = read_sites(desk.territory, CONTRACTS, TABLES)
    with desk.store.read() as unit:
        past = lately(unit, desk.territory, sites, TABLES, at)
    return baselines(past, sites, span, orders, CALENDAR, TABLES)


def test_an_order_is_counted_against_the_mean_of_its_last_like_days(
    store: Store, catalogue: Catalogue, tmp_path: Path
) -> None:
    desk = Desk(store, catalogue, tmp_path, *school(), *school("B2"), *school("B3"))
    at = midnight(MONDAY)
    week = {date(2026, 12, day): 1000.0 * day for day in range(1, 7)}
    for name, times in (("B1", 1.0), ("B2", 2.0), ("B3", 50.0)):
        desk.meter(lambda start, n=times: n * week.get(start.astimezone(PARIS).date(), 500.0), at, name=f"M-{name}")  # type: ignore[misc]
    found = drawn_before(desk, at, order(), order(id="longer", like_days=4), order(id="elsewhere", sites=["B9"]))
    # Wednesday to Friday: 2, 3, 4 December; the weekend is not alike.
    assert set(found["soir"].tolist()) == {3 * 1000.0 * (2 + 3 + 4) / 3}
    assert set(found["longer"].tolist()) == {3 * 1000.0 * (1 + 2 + 3 + 4) / 4}
    assert "elsewhere" not in found


def test_an_order_of_meters_that_told_nothing_has_nothing_to_be_counted_against(
    store: Store, catalogue: Catalogue, tmp_path: Path
) -> None:
    desk = Desk(store, catalogue, tmp_path, *school(), *school("B2"))
    at = midnight(MONDAY)
    desk.meter(by_the_clock, at)
    assert drawn_before(desk, at, order()) == {}
    assert set(drawn_before(desk, at, order(sites=["B1"]))) == {"soir"}


def test_what_a_meter_feeds_in_is_no_usual_draw(desk: Desk) -> None:
    at = midnight(MONDAY)
    desk.meter(lambda _: -3000.0, at)
    assert set(drawn_before(desk, at, order(sites=["B1"]))["soir"].tolist()) == {0.0}
