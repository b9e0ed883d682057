"""`consigne energy`: buildings as they are, what days came to, what was learnt; as text, JSON and CSV."""

import csv
import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from engine.instants import isoformat
from engine.inventory.territory import load_territory
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory, catalogue_of
from jobs.cli import energy as command
from jobs.energy.reporting import COLUMNS
from jobs.planning import run_plan

from .conftest import readings, tell
from .test_energy_planning import ENERGY, MORNING, SCHOOL, SPORTS, equipment


@pytest.fixture
def consigne(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    folders = (("DATASETS_DIR", settings.datasets_dir), ("RULES_DIR", settings.rules_dir))
    for name, value in (("DATABASE_URL", settings.database_url), *folders):
        monkeypatch.setenv(f"CONSIGNE_{name}", str(value))
    monkeypatch.setattr("jobs.cli.common._out", Console(width=300))

    def run(*words: str, lang: str = "en") -> Result:
        monkeypatch.setenv("CONSIGNE_LANG", lang)
        return CliRunner().invoke(command.app, list(words))

    yield run


@pytest.fixture
def planned(store: Store, territory: Territory, settings: Settings) -> datetime:
    """A plan of the morning, and meters that show 10 kW all day."""
    equipment(store, territory, MORNING)
    run_plan(store, territory, ENERGY, MORNING, settings)
    start = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    meters = [asset.id for asset in territory.of_type("ACMeasurement")]
    rows: list[tuple[str, str, object, datetime]] = [
        (meter, "totalActivePower", 10_000.0, start + k * timedelta(minutes=15)) for meter in meters for k in range(96)
    ]
    tell(store, territory, readings(*rows), start + timedelta(days=1))
    return MORNING


def test_buildings_are_shown(consigne: Callable[..., Result], planned: datetime) -> None:
    at = isoformat(planned)
    text = consigne("sites", "--at", at).stdout
    assert "2 buildings planned, 0 not" in text
    assert SCHOOL in text and "heat pump" in text and "50 % / 60" in text
    assert "pompe à chaleur" in consigne("sites", "--at", at, lang="fr").stdout
    told = {one["site"]: one for one in json.loads(consigne("sites", "--at", at, "--json").stdout)}
    assert (told[SPORTS]["room_c"], told[SPORTS]["vehicles"], told[SCHOOL]["vehicles"]) == (15.0, 1, 0)


def test_days_are_reported_as_text_json_and_csv(
    consigne: Callable[..., Result], planned: datetime, tmp_path: Path
) -> None:
    table = tmp_path / "day.csv"
    text = consigne("report", "--day", "2026-11-24", "--csv", str(table)).stdout
    assert "1 days with a plan" in text and "480" in text
    told = json.loads(consigne("report", "--day", "2026-11-24", "--json").stdout)
    assert told["sites"][SCHOOL]["measured_kwh"] == pytest.approx(240)
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["site"] for row in rows] == [SCHOOL, SPORTS, ""]
    assert list(rows[0]) == ["site", *COLUMNS]
    assert float(rows[0]["measured_kwh"]) == pytest.approx(240)
    assert rows[0]["cold_kh"] == "", "no room told anything"


def test_days_that_are_none_are_refused(consigne: Callable[..., Result], planned: datetime) -> None:
    refused = consigne("report", "--day", "2026-11-24", "--from", "2026-11-01")
    assert "stands beside --from or --to" in str(refused.exception)
    assert "wants --to" in str(consigne("report", "--from", "2026-11-01").exception)


def test_what_teaches_nothing_is_said_of_each_building(consigne: Callable[..., Result], planned: datetime) -> None:
    told = json.loads(consigne("learn", "--from", "2026-11-01", "--to", "2026-11-24", "--json").stdout)
    assert [one["site"] for one in told] == [SCHOOL, SPORTS]
    assert all(not one["believed"] and one["loss_w_k"] is None for one in told)
    assert (
        "0 spans of two days are known, wants 12"
        in consigne("learn", "--from", "2026-11-01", "--to", "2026-11-24").stdout
    )


def winter_told(
    store: Store, territory: Territory, until: datetime, days: int, loss_w_k: float, holds_wh_k: float
) -> None:
    """What the school's probes and heat meter tell of weeks, were it one room, heated by day, without walls."""
    start, now = until - timedelta(days=days), 17.0
    rows: list[tuple[str, str, object, datetime]] = []
    for k in range(96 * days):
        at = start + k * timedelta(minutes=15) + timedelta(minutes=7)
        outdoor_c = 5.0 + 4.0 * math.sin(k / 96 * 2 * math.pi) + 4.0 * math.sin(k // 96 * 1.7)
        heat_w = 40 * loss_w_k if 6 <= at.hour < 16 and now < 20.0 else 2 * loss_w_k
        now = (holds_wh_k * now + 0.25 * (loss_w_k * outdoor_c + heat_w)) / (holds_wh_k + 0.25 * loss_w_k)
        rows += [(SCHOOL, "outdoorTemperature", outdoor_c, at), ("H-49329-0001", "power", heat_w, at)]
        rows += [("I-49329-0001", "temperature", now, at), ("I-49329-0002", "temperature", now, at)]
    tell(store, territory, readings(*rows), until)


def test_what_a_winter_taught_is_written_into_an_inventory_that_plans_go_by(
    consigne: Callable[..., Result], store: Store, territory: Territory, settings: Settings, tmp_path: Path
) -> None:
    until = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    floor_m2 = float(territory.by_id[SCHOOL].attributes["floor_area_m2"])
    loss_w_k, holds_wh_k = 1.5 * floor_m2, 60.0 * floor_m2
    winter_told(store, territory, until, 30, loss_w_k, holds_wh_k)
    days = ("learn", "--from", "2026-10-25", "--to", "2026-11-23")
    said = consigne(*days).stdout
    print(said)
    assert "1 buildings to be written → --out FOLDER" in said
    assert f"1 buildings written, heat_loss_w_k and heat_capacity_wh_k → consigne territory import {tmp_path}" in (
        consigne(*days, "--out", str(tmp_path / "new")).stdout
    )
    written = {asset.id: asset for asset in load_territory(tmp_path / "new", catalogue_of(settings)).assets}
    learnt = written.pop(SCHOOL).attributes
    assert learnt["heat_loss_w_k"] == pytest.approx(loss_w_k, rel=0.02)
    assert learnt["heat_capacity_wh_k"] == pytest.approx(holds_wh_k, rel=0.05)
    assert all(written[asset.id] == asset for asset in territory.assets if asset.id != SCHOOL)


def test_where_nothing_is_believed_nothing_is_written(
    consigne: Callable[..., Result], planned: datetime, tmp_path: Path
) -> None:
    said = consigne("learn", "--from", "2026-11-01", "--to", "2026-11-24", "--out", str(tmp_path / "new"), lang="fr")
    assert "Rien à inscrire." in said.stdout
    assert not (tmp_path / "new").exists()
