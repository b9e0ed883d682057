"""`consigne irrigation calibrate`: a winter over ground that is not what the inventory says of it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from engine.errors import ConsigneError, InputError
from engine.instants import PARIS
from engine.inventory.territory import load_territory
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory, catalogue_of, read_territory
from jobs.cli import irrigation as command
from jobs.ingest import store_territory
from jobs.irrigation import history
from jobs.irrigation.calibration import Calibration, Outcome, Stated, ZoneCapacity, calibrated, winter
from jobs.irrigation.domain import zones_of
from jobs.irrigation.tables import tables_of
from jobs.irrigation.zones import Zones
from jobs.nights import LONGEST
from optimizers.arrays import Floats
from optimizers.soil import et0_daily
from optimizers.soil.climate import saturation_kpa
from twin.irrigation.ground import Ground, drawn, filled, passed, textured
from twin.irrigation.probes import ProbeFault, Probes
from twin.irrigation.weather import BRUSSELS, hourly_et0_mm, made_days

from .conftest import readings, tell

Row = tuple[str, str, object, datetime]
FIRST, LAST = date(2025, 11, 1), date(2026, 3, 31)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
STATION = "W-49329-0001"
OFF = np.array([0.04, -0.03, 0.0, 0.03])  # m³/m³ that the ground of each valve is off its table


def hours_of(first: date, last: date) -> list[datetime]:
    """The end of each hour of local days, by their 24, 23 or 25."""
    begins = datetime.combine(first, time(), PARIS).timestamp()
    until = datetime.combine(last + DAY, time(), PARIS).timestamp()
    return [datetime.fromtimestamp(begins + 3600 * (h + 1), PARIS) for h in range(round((until - begins) / 3600))]


@cache
def sky(count: int, seed: int = 3) -> Mapping[str, Floats]:
    """Hours of a winter: what stations tell of it, and its ET0."""
    days = made_days(BRUSSELS, FIRST, -(-count // 24) + 1, np.random.default_rng(seed))
    daily = et0_daily(days.weather, BRUSSELS.site, np.full(12, 1.0)).et0_mm
    day, hour = np.divmod(np.arange(count), 24)
    warm = np.cos((hour - 15) / 24 * 2 * np.pi)
    air = (days.tmax_c + days.tmin_c)[day] / 2 + (days.tmax_c - days.tmin_c)[day] / 2 * warm
    return {
        "precipitation": days.rain_mm[:count].round(2),
        "temperature": air.round(1),
        "relativeHumidity": np.minimum(saturation_kpa(days.dewpoint_c[day]) / saturation_kpa(air), 1.0).round(3),
        "windSpeed": days.wind_m_s[day].round(1),
        "et0_mm": hourly_et0_mm(daily, BRUSSELS.latitude_deg, days.day_of_year)[:count],
    }


def ground_of(zones: Zones) -> Ground:
    """Other ground than is believed, of parameters none of which is known."""
    root = zones.root_zone
    believed = textured(
        field_capacity=root.field_capacity + OFF, wilting_point=root.wilting_point + OFF,
        root_depth_m=root.root_depth_m, readily=root.p_table, kc=root.kcb, cover=root.cover,
        uniformity=np.full(len(zones), 0.7), flow_m3_h=zones.flow_m3_h, area_m2=zones.area_m2,
    )  # fmt: skip
    spread = np.random.default_rng(5)
    other = drawn(believed, spread)
    held = other.field_capacity - other.wilting_point
    return replace(other, field_capacity=believed.field_capacity, wilting_point=believed.field_capacity - held)


def told_of_ground(zones: Zones, weather: Mapping[str, Floats], probes: Probes) -> Floats:
    ground, random = ground_of(zones), np.random.default_rng(7)
    water, said, told = filled(ground, 20.0), np.zeros(len(zones)), []
    for hour, (et0, rain) in enumerate(zip(weather["et0_mm"], weather["precipitation"], strict=True)):
        water, _ = passed(ground, water, et0_mm=et0, rain_mm=rain, valve_mm=0.0)
        said = probes.says(ground, water, hour, said, random)
        told.append(said)
    return np.array(told)


def rows_of(
    zones: Zones, first: date = FIRST, last: date = LAST, *, bias: float = 0.0, rain: float = 1.0,
    faults: tuple[tuple[int, ProbeFault, int, int], ...] = (),
) -> Iterator[Row]:  # fmt: skip
    """What a station and four probes tell of days; rain so many times as much as usual."""
    at = hours_of(first, last)
    weather = dict(sky(len(at)))
    weather["precipitation"] = rain * weather["precipitation"]
    probes = Probes(depth_m=zones.probe_depth_m, bias=np.full(len(zones), bias), noise=0.002, faults=faults)
    for h, said in enumerate(told_of_ground(zones, weather, probes)):
        yield from ((STATION, name, float(weather[name][h]), at[h]) for name in weather if name != "et0_mm")
        heard = ((zones.probe[z], value) for z, value in enumerate(said) if np.isfinite(value))
        yield from ((probe, "soilMoistureVwc", round(float(value), 4), at[h]) for probe, value in heard)


@pytest.fixture
def zones(territory: Territory, settings: Settings) -> Zones:
    return zones_of(territory, tables_of(settings), hours_of(LAST, LAST)[-1])


@pytest.fixture
def lived(store: Store, territory: Territory, zones: Zones) -> Callable[..., None]:
    """A winter that the store knows."""

    def told(last: date = LAST, drop: Callable[[Row], bool] = lambda _: False, **of: object) -> None:
        rows = [row for row in rows_of(zones, last=last, **of) if not drop(row)]  # type: ignore[arg-type]
        tell(store, territory, readings(*rows), hours_of(last, last)[-1] + HOUR)

    return told


@pytest.fixture
def learnt(store: Store, territory: Territory, settings: Settings) -> Callable[..., Calibration]:
    def found(first: date = FIRST, last: date = LAST, of: Territory = territory) -> Calibration:
        with store.read() as unit:
            return calibrated(unit, of, settings, first, last)

    return found


@pytest.fixture
def consigne(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    for name, value in (("DATABASE_URL", settings.database_url), ("DATASETS_DIR", settings.datasets_dir)):
        monkeypatch.setenv(f"CONSIGNE_{name}", str(value))
    monkeypatch.setattr("jobs.cli.common._out", Console(width=400))

    def run(*words: str, lang: str = "en") -> Result:
        span = ("--from", FIRST.isoformat(), "--to", LAST.isoformat())
        return CliRunner().invoke(command.app, ["calibrate", *span, "--lang", lang, *words])

    return run


def by_valve(found: Calibration) -> dict[str, ZoneCapacity]:
    return {zone.valve: zone for zone in found.zones}


def test_a_winter_finds_what_the_ground_holds_and_how_sure_that_is(
    lived: Callable[..., None], learnt: Callable[..., Calibration], zones: Zones
) -> None:
    lived()
    found = learnt()

    assert [zone.valve for zone in found.zones] == list(zones.valves)
    assert {zone.outcome for zone in found.zones} == {Outcome.LEARNT}
    assert {zone.stated for zone in found.zones} == {Stated.TABLE}
    assert found.rain_days == 151
    said = np.array([zone.learnt for zone in found.zones], np.float64)
    sd = np.array([zone.sd for zone in found.zones], np.float64)
    true = zones.root_zone.field_capacity + OFF
    assert np.abs(said - true).max() < 0.5 * np.abs(OFF).max()
    assert np.abs(said - true).mean() < 0.5 * np.abs(OFF).mean()
    assert (np.abs(said - true) < 3 * sd).all()
    assert all(zone.events >= 2 for zone in found.zones)


def test_the_water_that_roots_can_take_stays(
    lived: Callable[..., None], learnt: Callable[..., Calibration], zones: Zones
) -> None:
    lived()
    held = zones.root_zone.field_capacity - zones.root_zone.wilting_point
    for zone, holds in zip(learnt().zones, held, strict=True):
        assert zone.attributes["field_capacity"] == zone.learnt
        assert zone.attributes["field_capacity"] - zone.attributes["wilting_point"] == pytest.approx(holds, abs=0.001)


def test_a_folder_is_written_that_an_import_takes_and_plans_go_by(
    lived: Callable[..., None], learnt: Callable[..., Calibration], consigne: Callable[..., Result], store: Store,
    territory: Territory, settings: Settings, tmp_path: Path,
) -> None:  # fmt: skip
    lived()
    wanted = learnt().learnt
    said = consigne("--out", str(tmp_path / "new"))
    assert said.exit_code == 0, said.output
    assert f"4 valves written, field_capacity and wilting_point → consigne territory import {tmp_path}" in said.output

    catalogue = catalogue_of(settings)
    store_territory(store, load_territory(tmp_path / "new", catalogue), catalogue, "tests", hours_of(LAST, LAST)[-1])
    now = read_territory(store, catalogue)
    root = zones_of(now, tables_of(settings), hours_of(LAST, LAST)[-1]).root_zone
    assert root.field_capacity.tolist() == [one["field_capacity"] for one in wanted.values()]
    assert root.wilting_point.tolist() == [one["wilting_point"] for one in wanted.values()]
    others = [asset for asset in now.assets if asset.id not in wanted]
    assert others == [asset for asset in territory.assets if asset.id not in wanted]

    again = learnt(of=now)
    assert {zone.stated for zone in again.zones} == {Stated.VALVE}
    moved = [abs(zone.attributes["field_capacity"] - zone.field_capacity) for zone in again.zones]
    assert max(moved) < 0.01, "what a winter said is not moved far by the same winter"


def test_what_a_garden_states_is_named_as_such(
    lived: Callable[..., None], learnt: Callable[..., Calibration], territory: Territory
) -> None:
    lived(last=FIRST + 60 * DAY)
    measured = {"field_capacity": 0.30, "wilting_point": 0.14}
    assets = tuple(
        replace(one, attributes={**one.attributes, **measured}) if one.id == "G-49329-0001" else one
        for one in territory.assets
    )
    found = by_valve(learnt(last=FIRST + 60 * DAY, of=replace(territory, assets=assets)))
    assert found["V-49329-0001"].stated is Stated.GARDEN
    assert found["V-49329-0001"].field_capacity == 0.30
    assert found["V-49329-0002"].stated is Stated.TABLE


@pytest.mark.parametrize(
    ("fault", "begins", "verdict"),
    [
        (ProbeFault.SILENT, 0, "silent"),
        (ProbeFault.SILENT, 40 * 24, "silent"),
        (ProbeFault.STUCK, 24, "stuck"),
        (ProbeFault.SATURATED, 40 * 24, "saturated"),
    ],
)
def test_a_probe_that_is_wrong_says_nothing_and_the_others_do(
    fault: ProbeFault, begins: int, verdict: str, lived: Callable[..., None], learnt: Callable[..., Calibration],
    zones: Zones,
) -> None:  # fmt: skip
    lived(last=FIRST + 99 * DAY, faults=((1, fault, begins, 10_000),))
    found = learnt(last=FIRST + 99 * DAY)
    wrong = by_valve(found)[zones.valves[1]]
    assert (wrong.outcome, wrong.verdict, wrong.attributes) == (Outcome.DOUBTED, verdict, {})
    assert wrong.heard_days == (begins // 24 if fault is ProbeFault.SILENT else 100)
    assert set(found.learnt) == set(zones.valves) - {zones.valves[1]}


def test_a_winter_that_fills_nothing_teaches_nothing(
    lived: Callable[..., None], learnt: Callable[..., Calibration]
) -> None:
    lived(rain=0.05)
    found = learnt()
    assert {zone.outcome for zone in found.zones} == {Outcome.FEW}
    assert {zone.learnt for zone in found.zones} == {None}
    assert not found.learnt


def test_a_probe_further_off_than_soils_are_is_not_believed(
    lived: Callable[..., None], learnt: Callable[..., Calibration]
) -> None:
    lived(last=FIRST + 99 * DAY, bias=0.12)
    found = learnt(last=FIRST + 99 * DAY)
    assert Outcome.FAR in {zone.outcome for zone in found.zones}
    assert all(not zone.attributes for zone in found.zones if zone.outcome is not Outcome.LEARNT)


def test_what_an_inventory_would_not_have_is_refused_with_the_reason(
    lived: Callable[..., None], learnt: Callable[..., Calibration], territory: Territory
) -> None:
    """Sand whose wilting point would go below nothing."""
    lived(last=FIRST + 99 * DAY, bias=-0.07)
    stated = {"field_capacity": 0.27, "wilting_point": 0.01}
    assets = tuple(
        replace(one, attributes={**one.attributes, **stated}) if one.type == "IrrigationValve" else one
        for one in territory.assets
    )
    found = learnt(last=FIRST + 99 * DAY, of=replace(territory, assets=assets))
    refused = [zone for zone in found.zones if zone.outcome is Outcome.REFUSED]
    assert refused
    assert all("is no water content of soil" in zone.why and not zone.attributes for zone in refused)


def test_days_of_which_nobody_knows_the_rain_are_not_taken_for_dry(
    lived: Callable[..., None], learnt: Callable[..., Calibration]
) -> None:
    """The gauge is heard one day in three: on no two days after one of them is it known to be dry."""

    def silent(row: Row) -> bool:
        return row[1] == "precipitation" and (row[3].date() - FIRST).days % 3 != 0

    lived(last=FIRST + 99 * DAY, drop=silent)
    found = learnt(last=FIRST + 99 * DAY)
    assert found.rain_days == 34
    assert {zone.outcome for zone in found.zones} == {Outcome.FEW}
    assert any("no rain gauge heard on 66 of 100 days" in reason for reason in found.reasons)


def test_without_anything_to_learn_no_folder_is_written(
    consigne: Callable[..., Result], store: Store, territory: Territory, tmp_path: Path
) -> None:
    """A gauge alone: no probe was ever heard."""
    rows = [(STATION, "precipitation", 0.5, at) for at in hours_of(LAST - 9 * DAY, LAST)]
    tell(store, territory, readings(*rows), rows[-1][3] + HOUR)
    said = consigne("--out", str(tmp_path / "new"))
    assert said.exit_code == 0, said.output
    assert "Nothing to be written." in said.output
    assert "no rain gauge heard on 141 of 151 days" in said.output
    assert not (tmp_path / "new").exists()


def test_a_territory_without_hydrozones_or_probes_has_nothing_to_calibrate(
    lived: Callable[..., None], learnt: Callable[..., Calibration], territory: Territory
) -> None:
    lived(last=FIRST + 9 * DAY)
    for left, without in ((("GreenspaceRecord",), 4), (("GreenspaceRecord", "IrrigationValve"), 0)):
        assets = tuple(one for one in territory.assets if one.type not in left)
        found = learnt(last=FIRST + 9 * DAY, of=replace(territory, assets=assets))
        assert (found.zones, found.without_probe) == ([], without)


def test_a_winter_that_is_not_stored_is_told(learnt: Callable[..., Calibration]) -> None:
    with pytest.raises(ConsigneError, match="no rain gauge told anything from 2025-11-01 to 2026-03-31"):
        learnt()


@pytest.mark.parametrize("last", [FIRST - DAY, FIRST + LONGEST * DAY])
def test_no_days_and_too_many_are_told(last: date, learnt: Callable[..., Calibration]) -> None:
    with pytest.raises(InputError, match=f"name 1 to {LONGEST}"):
        learnt(last=last)


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [(date(2025, 10, 24), date(2025, 10, 27), 97), (date(2026, 3, 27), date(2026, 3, 30), 95)],
)
def test_days_are_whole_where_the_clock_changes(
    first: date, last: date, hours: int, store: Store, territory: Territory, learnt: Callable[..., Calibration]
) -> None:
    at = hours_of(first, last)
    assert len(at) == hours
    rows = [(STATION, "precipitation", 0.5, when) for when in at]
    tell(store, territory, readings(*rows), at[-1] + HOUR)
    assert learnt(first, last).rain_days == 4


def test_read_in_portions_it_is_the_same(
    lived: Callable[..., None], learnt: Callable[..., Calibration], zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(last=FIRST + 60 * DAY)
    whole = learnt(last=FIRST + 60 * DAY)
    monkeypatch.setattr(history, "_AT_ONCE", 61 * 3)
    days = history.Days(hours_of(LAST, LAST)[-1], 61)
    assert [*history.portions(len(zones), days)] == [slice(0, 3), slice(3, 6)]
    assert learnt(last=FIRST + 60 * DAY) == whole


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        (date(2026, 5, 15), FIRST, LAST),
        (date(2026, 4, 1), FIRST, LAST),
        (date(2026, 3, 31), FIRST, date(2026, 3, 30)),
        (date(2026, 1, 1), FIRST, date(2025, 12, 31)),
        (date(2026, 11, 1), FIRST, LAST),
        (date(2026, 11, 2), date(2026, 11, 1), date(2026, 11, 1)),
    ],
)
def test_the_winter_is_the_last_one_so_far_as_it_is_over(today: date, first: date, last: date) -> None:
    assert winter(today) == (first, last)


@pytest.mark.parametrize(
    ("lang", "lines"),
    [
        ("en", ["rain known on 151 of 151 days", "table: loam", "nothing: its probe is silent", "3 valves to be"]),
        ("fr", ["pluie connue 151 jours sur 151", "table : loam", "rien : sonde muette", "3 vannes à inscrire"]),
    ],
)
def test_people_read_a_table_in_their_language_and_machines_json(
    lang: str, lines: list[str], lived: Callable[..., None], consigne: Callable[..., Result], zones: Zones
) -> None:
    lived(faults=((1, ProbeFault.SILENT, 0, 10_000),))
    said = consigne(lang=lang)
    assert said.exit_code == 0, said.output
    assert all(line in said.output for line in lines), said.output
    assert all(valve in said.output for valve in zones.valves)
    found = json.loads(consigne("--json").output)
    assert [zone["outcome"] for zone in found["zones"]] == ["learnt", "doubted", "learnt", "learnt"]
    assert (found["first"], found["last"], found["rain_days"]) == ("2025-11-01", "2026-03-31", 151)


def test_one_end_of_the_days_alone_is_told(consigne: Callable[..., Result]) -> None:
    said = CliRunner().invoke(command.app, ["calibrate", "--from", "2025-11-01"])
    assert isinstance(said.exception, InputError)
    assert "wants --to" in str(said.exception)
