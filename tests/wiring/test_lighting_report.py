"""From stored plans, counts and meters to a report, as `consigne lighting report` shows it."""

import csv
import json
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import ConsigneError, InputError
from engine.instants import PARIS, noon
from engine.model import PlanState
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.cli import main, nights
from jobs.domains import DOMAINS
from jobs.lighting.baseline import actual_need, energy_wh, fixed_program, under_lit
from jobs.lighting.domain import task_of, traffic_counts
from jobs.lighting.night import night_of
from jobs.lighting.reporting import By, make_report, notes, review, to_csv, to_json, to_lines
from jobs.lighting.reporting.making import plans_of
from jobs.lighting.tables import tables_of
from jobs.lighting.weather import rained
from jobs.metering import consumed
from jobs.nights import plans_in_force
from jobs.planning import PlanRequest, approve, run_plan
from jobs.story import made_traffic

from .conftest import NIGHT, NOON, readings, tell

DAY = timedelta(days=1)
CABINET = "A-49329-0003"


@pytest.fixture
def night(store: Store, territory: Territory, history: int, settings: Settings) -> date:
    """The sample's night, planned and counted; two cabinets metered."""
    run_plan(store, territory, DOMAINS["lighting"], NOON, settings)
    day = made_traffic(territory.of_type("TrafficFlowObserved"), NIGHT, 1).day
    came = [(row["asset"], "intensity", row["intensity"], at(row["observed_at"])) for row in day.iter_rows(named=True)]
    meters = [
        (cabinet, "energyConsumed", kwh, NOON + hours * timedelta(hours=1))
        for cabinet in (CABINET, "A-49028-0001")
        for hours, kwh in ((0, 1000.0), (12, 1010.0), (23.5, 1028.0), (24, 1028.1))
    ]
    tell(store, territory, readings(*came, *meters), NOON + DAY)
    return NIGHT


def at(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1e6, tz=PARIS)


def test_a_night_by_cabinet_commune_and_territory(
    store: Store, territory: Territory, settings: Settings, night: date
) -> None:
    found = make_report(store, territory, settings, night, night)
    (whole,) = (line.figures() for line in found.lines(By.TERRITORY))
    with store.read() as unit:
        task = task_of(unit, territory, NOON, settings)
        need = actual_need(task, traffic_counts(unit, territory, NOON, NOON + DAY))
    seen, fixed = review(store, territory, settings, night), fixed_program(task)
    np.testing.assert_allclose(seen.fixed, fixed, atol=1e-12)
    np.testing.assert_allclose(seen.needed, need.flux, atol=1e-12)
    assert [lamp.id for lamp in seen.lamps] == list(task.problem.lamps)
    assert whole["lamp_nights"] == 240
    assert whole["planned_kwh"] == pytest.approx(energy_wh(task, seen.planned) / 1000, rel=0.03)
    assert whole["under_share"] == pytest.approx(under_lit(task, seen.planned, need).share)
    assert whole["fixed_under_share"] == pytest.approx(under_lit(task, fixed, need).share)
    assert whole["planned_kwh"] < whole["fixed_kwh"] < whole["full_kwh"]
    assert whole["measured_kwh"] == pytest.approx(56.2)
    cabinets = {line.id: line.figures() for line in found.lines(By.CABINET)}
    assert cabinets[CABINET]["within_band"] is True
    assert cabinets["A-49028-0001"]["within_band"] is False
    assert whole["planned_where_measured_kwh"] == pytest.approx(
        cabinets[CABINET]["planned_kwh"] + cabinets["A-49028-0001"]["planned_kwh"], abs=1e-6
    )
    assert whole["cabinet_nights_unmeasured"] == 7
    assert [line.id for line in found.lines(By.COMMUNE)] == ["49028", "49329"]


def test_nights_without_a_plan_are_named_and_not_counted(
    store: Store, territory: Territory, settings: Settings, night: date
) -> None:
    one = make_report(store, territory, settings, night, night)
    heard: list[int] = []
    three = make_report(store, territory, settings, night - DAY, night + DAY, heard.append)
    assert heard == [1, 2, 3]
    assert three.unplanned == (night - DAY, night + DAY)
    assert [line.sums for line in three.lines(By.CABINET)] == [line.sums for line in one.lines(By.CABINET)]
    assert notes(three, "en")[0].startswith("2 nights without a plan in force, the first 2026-11-15")
    with pytest.raises(ConsigneError, match="no plan was in force from 2026-11-20"):
        make_report(store, territory, settings, date(2026, 11, 20), date(2026, 11, 21))
    with pytest.raises(InputError, match="name 1 to 400"):
        make_report(store, territory, settings, night, night - DAY)


def test_rain_that_was_caught_calls_for_the_normal_class(
    store: Store, territory: Territory, settings: Settings, night: date
) -> None:
    """A shower at 1 at night, and the hours after it until the road has dried."""
    tables, start = tables_of(settings), noon(night)
    one_at_night = start + timedelta(hours=13)
    (gauge,) = territory.of_type("WeatherObserved")
    dry = make_report(store, territory, settings, night, night).lines(By.TERRITORY)[0].sums
    rain = [
        (gauge.id, "precipitation", mm, one_at_night + k * timedelta(hours=1)) for k, mm in ((-1, 0), (0, 2), (1, 0))
    ]
    tell(store, territory, readings(*rain), start + DAY)
    with store.read() as unit:
        wet = rained(unit, territory, night_of(start, tables), tables)
    assert wet is not None
    assert np.flatnonzero(wet)[0] == 13 * 4
    assert wet.sum() == tables.rain.dries_after / timedelta(minutes=15)
    soaked = make_report(store, territory, settings, night, night).lines(By.TERRITORY)[0].sums
    assert soaked["under"] > dry["under"]
    assert soaked["over"] < dry["over"]
    assert soaked["planned_mwh"] == dry["planned_mwh"]
    assert soaked["crossing_under"] == 0


def test_a_plan_that_waits_for_a_person_is_none(
    store: Store, territory: Territory, settings: Settings, history: int
) -> None:
    run_plan(store, territory, DOMAINS["lighting"], NOON, settings, PlanRequest(NOON, propose=True))
    with store.read() as unit:
        assert unit.plans.between("lighting", NOON, NOON + DAY)[0].state is PlanState.PROPOSED
    with pytest.raises(ConsigneError, match="no plan was in force"):
        make_report(store, territory, settings, NIGHT, NIGHT)


@pytest.fixture
def meter(store: Store, territory: Territory) -> Iterator[Any]:
    """Tells readings of one meter, hours after noon; answers what it consumed from noon to noon."""
    number = next(n for n, name in territory.series_names.items() if name == (CABINET, "energyConsumed"))

    def measured(*values: tuple[float, float]) -> float | None:
        rows = [(CABINET, "energyConsumed", kwh, NOON + timedelta(hours=hours)) for hours, kwh in values]
        tell(store, territory, readings(*rows), NOON + DAY)
        with store.read() as unit:
            return consumed(unit, [number], NOON, NOON + DAY).get(number)

    yield measured


@pytest.mark.parametrize(
    ("values", "kwh"),
    [
        ([(-0.5, 100.0), (0, 101.0), (24, 121.0), (25, 130.0)], 20.0),
        ([(-1.5, 100.0), (22.5, 121.0)], 21.0),
        ([(-3, 100.0), (24, 121.0)], None),
        ([(0, 100.0), (21, 121.0)], None),
        ([(0, 100.0), (10, 112.0), (12, 3.0), (24, 8.0)], 12.0 + 3.0 + 5.0),
        ([(0, 50.0), (24, 50.0)], 0.0),
    ],
    ids=["at noon", "two hours old", "too old before", "silent at the end", "replaced", "nothing drawn"],
)
def test_what_a_meter_measured(meter: Any, values: list[tuple[float, float]], kwh: float | None) -> None:
    assert meter(*values) == (kwh if kwh is None else pytest.approx(kwh))


def test_for_people_machines_and_spreadsheets(
    store: Store, territory: Territory, settings: Settings, night: date
) -> None:
    found = make_report(store, territory, settings, night, night)
    english, french = (to_lines(found, By.COMMUNE, lang) for lang in ("en", "fr"))  # type: ignore[arg-type]
    assert len(english) == len(french) == 1 + 3 * 5 + 1
    assert max(map(len, english)) <= 80
    assert [line.split()[0] for line in english[3:6]] == ["Béhuard", "Savennières", "Territory"]
    assert "," in french[3]
    told = notes(found, "en")
    assert any(line.startswith("Contract seasons-example: example") for line in told)
    assert any(line.startswith("Carbon: 21.7 g CO2/kWh from 2024-01-01") for line in told)
    assert any(line.startswith("7 cabinet-nights without a measurement") for line in told)
    lines = to_json(found, By.CABINET)["lines"]
    table = rows(to_csv(found, By.CABINET))
    assert [row["id"] for row in table] == [line["id"] for line in lines]
    assert [float(row["planned_kwh"]) for row in table] == [line["planned_kwh"] for line in lines]
    assert [row["measured_kwh"] for row in table].count("") == 7


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["consigne", "lighting", "report", *words])
    monkeypatch.setattr("jobs.cli.lighting.settings", lambda: settings)
    monkeypatch.setattr("sys.excepthook", sys.excepthook)  # which typer sets
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_command(
    settings: Settings, night: date, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "night.csv"
    assert run(settings, monkeypatch, "--night", "2026-11-16", "--by", "territory", "--csv", str(table), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["lines"][0]["planned_kwh"] == float(rows(table.read_text())[0]["planned_kwh"])
    assert run(settings, monkeypatch, "--from", "2026-11-10", "--to", "2026-11-16") == 0
    assert "6 nights without a plan" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--night", "yesterday"), "'yesterday' is not a day"),
        (("--night", "2026-11-16", "--to", "2026-11-17"), "beside --from or --to"),
        (("--from", "2026-11-16"), "wants --to"),
        (("--from", "2026-11-16", "--to", "2026-11-10"), "are 0 nights → name 1 to 400"),
    ],
)
def test_wrong_words(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...], told: str,
) -> None:  # fmt: skip
    assert run(settings, monkeypatch, *words) == 2
    assert told in capsys.readouterr().err


def test_a_table_that_cannot_be_written(
    settings: Settings, night: date, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "nowhere" / "night.csv"
    assert run(settings, monkeypatch, "--night", "2026-11-16", "--csv", str(table)) == 2
    assert f"{table} cannot be written: No such file or directory" in capsys.readouterr().err


def test_last_night_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for hour, day in ((11, 15), (13, 16)):
        monkeypatch.setattr(nights, "instant", lambda _, hour=hour: datetime(2026, 11, 17, hour, tzinfo=PARIS))
        assert nights.nights(None, None, None, None)[0] == date(2026, 11, day)


def test_a_plan_counts_from_when_a_person_approved_it(
    store: Store, territory: Territory, settings: Settings, history: int
) -> None:
    lighting, hours = DOMAINS["lighting"], timedelta(hours=1)
    stands = run_plan(store, territory, lighting, NOON, settings)
    waits = run_plan(store, territory, lighting, NOON + hours, settings, PlanRequest(NOON + hours, propose=True))
    with store.begin() as unit:
        approve(unit, territory, lighting, waits.record.id, "person:ann", NOON + 9 * hours)
    with store.read() as unit:
        (records,) = plans_in_force(unit, "lighting", NOON, NOON + DAY).values()
        plans = plans_of(unit, records)
    assert [record.id for record in records] == [stands.record.id, waits.record.id]
    assert plans.since == (0, 36)
