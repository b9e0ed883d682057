"""`consigne energy`: buildings as they are, what days came to, what was learnt; as text, JSON and CSV."""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from engine.instants import isoformat
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
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
