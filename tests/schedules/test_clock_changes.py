"""Show 2: the weeks of 2026-03-29 and 2026-10-25, as `consigne schedule next` prints them, equal what was typed."""

import json
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.documents import read_document
from engine.instants import PARIS
from jobs.cli.app import app

from .conftest import ROOT

AWKWARD = Path(__file__).parent / "awkward"
EXPECTED = read_document(AWKWARD / "expected.yaml").data
SHIPPED = {
    "plan-lighting", "plan-lighting-again", "plan-irrigation", "plan-irrigation-again", "plan-collection",
    "plan-collection-again", "plan-energy", "import-forecasts", "ask-equipment", "housekeeping", "roll-up",
}  # fmt: skip
NIGHTS = {"2026-03-26": date(2026, 3, 29), "2026-10-22": date(2026, 10, 25)}


@pytest.fixture(params=EXPECTED)
def week(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def printed(week: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Any]]]:
    """Entry → what the command says of it, of the shipped file and of the awkward one."""
    rows = []
    monkeypatch.setenv("CONSIGNE_DATASETS_DIR", str(ROOT / "datasets"))
    for folder in (ROOT / "rules", AWKWARD):
        monkeypatch.setenv("CONSIGNE_RULES_DIR", str(folder))
        said = CliRunner().invoke(app, ["schedule", "next", "--from", week, "--days", "7", "--json"])
        assert said.exit_code == 0, said.output
        rows += json.loads(said.stdout)
    names = dict.fromkeys(row["entry"] for row in rows)
    return {name: [row for row in rows if row["entry"] == name] for name in names}


def local(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["utc"]).astimezone(PARIS)


def test_each_occurrence_is_the_one_that_was_typed(week: str, printed: dict[str, list[dict[str, Any]]]) -> None:
    for name, expected in EXPECTED[week]["due"].items():
        rows = printed.get(name, [])
        said = [f"{row['utc']} {local(row):%a %H:%M %z} {row['blackout']}".rstrip() for row in rows]
        assert said == expected, name
        assert len({row["occurrence"] for row in rows}) == len(rows)


def test_of_many_a_day_there_are_as_many_as_the_day_has_hours_for(
    week: str, printed: dict[str, list[dict[str, Any]]]
) -> None:
    days = [date.fromisoformat(week) + timedelta(days=k) for k in range(7)]
    for name, expected in EXPECTED[week]["every"].items():
        counts = Counter(local(row).date() for row in printed[name])
        assert [counts[day] for day in days] == expected and counts.total() == sum(expected), name


def test_in_the_night_of_the_change_each_comes_exactly_once(
    week: str, printed: dict[str, list[dict[str, Any]]]
) -> None:
    """`!` is one that is held by a blackout."""
    for name, lines in EXPECTED[week]["night"].items():
        night = [row for row in printed[name] if local(row).date() == NIGHTS[week] and local(row).hour < 4]
        said = [f"{local(row):%H:%M}{local(row):%z}"[:-2] + ("!" if row["blackout"] else "") for row in night]
        assert said == " ".join(lines).split(), name


def test_dusk_moves_with_the_sun_and_not_with_the_clocks(week: str, printed: dict[str, list[dict[str, Any]]]) -> None:
    rows, expected = printed["dusk"], EXPECTED[week]["dusk"].split()
    assert [row["occurrence"] for row in rows] == [
        (date.fromisoformat(week) + timedelta(days=k)).isoformat() for k in range(7)
    ]
    for row, typed in zip(rows, expected, strict=True):
        at = datetime.fromisoformat(f"{row['utc'][:10]}T{typed}:00Z")
        assert abs(datetime.fromisoformat(row["utc"]) - at) <= timedelta(minutes=3)


def test_nothing_is_printed_that_was_not_typed(week: str, printed: dict[str, list[dict[str, Any]]]) -> None:
    """But for entries that the shipped file has gained since."""
    said = EXPECTED[week]
    typed = {*said["due"], *said["every"], "dusk"}
    awkward = set(read_document(AWKWARD / "schedules.yaml").data["schedules"])
    assert awkward | SHIPPED >= typed >= (awkward & printed.keys()) | SHIPPED
