"""`consigne lighting traffic`: counters, what is doubted of them, and how their forecasts held."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import polars as pl
import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from engine.errors import InputError
from engine.instants import isoformat
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.cli import lighting as command
from jobs.lighting.counts import Doubt
from jobs.lighting.coverage import NIGHTS, coverage
from jobs.story import made_traffic
from jobs.words import LANGUAGES, say

from .conftest import NIGHT, NOON, readings, tell

HOUR = timedelta(hours=1)
MOST = 110
"""Characters of a line: words may be broken by a narrow terminal, rows of figures are 90 at most."""


@pytest.fixture
def consigne(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    for name, value in (("DATABASE_URL", settings.database_url), ("DATASETS_DIR", settings.datasets_dir)):
        monkeypatch.setenv(f"CONSIGNE_{name}", str(value))
    monkeypatch.setattr("jobs.cli.common._out", Console(width=300))

    def run(*words: str, lang: str = "en") -> Result:
        monkeypatch.setenv("CONSIGNE_LANG", lang)
        return CliRunner().invoke(command.app, ["traffic", "--at", isoformat(NOON), *words])

    yield run


def test_each_counter_its_coverage_and_what_is_doubted_of_it(
    store: Store, territory: Territory, consigne: Callable[..., Result]
) -> None:
    loops = territory.of_type("TrafficFlowObserved")
    history = made_traffic(loops, NIGHT, 1).history
    silent = next(one.id for one in loops if one.attributes["road_class"] == "main")
    tell(store, territory, history.filter(pl.col("asset") != silent), NOON)
    stale = readings(*((silent, "intensity", 50 + k % 7, NOON - timedelta(days=5) - k * HOUR) for k in range(200)))
    tell(store, territory, stale, NOON)
    said = consigne("--json")
    assert said.exit_code == 0, said.output
    found = json.loads(said.output)
    of = {row["counter"]: row for row in found["counters"]}
    assert of.keys() == {loop.id for loop in loops}
    assert of[silent]["doubts"] == [Doubt.STALE, Doubt.GAPS] or of[silent]["doubts"] == [Doubt.STALE]
    assert (of[silent]["hours"], of[silent]["lamps"], of[silent]["all"]) == (0, 0, None)
    assert found["borrowed"] == sum(lamp.attributes["counter"] == silent for lamp in territory.of_type("Streetlight"))
    assert found["own"] + found["borrowed"] + found["without"] == len(territory.of_type("Streetlight"))
    judged = [row for row in of.values() if row["hours"]]
    assert len(judged) == len(loops) - 1
    for row in judged:
        assert row["all"] > 0.6 and row["asked"] >= 0.9
    assert found["kept"] >= found["all"] - 0.05
    for lang in LANGUAGES:
        table = consigne(lang=lang)
        assert table.exit_code == 0
        assert silent in table.output and say("doubt_stale", lang) in table.output
        assert say("traffic_head", lang, quantile=94, nights=NIGHTS) in table.output
        assert max(map(len, table.output.splitlines())) <= MOST
        assert consigne("--lang", lang, lang="").output == table.output
    assert isinstance(consigne("--lang", "de").exception, InputError)


def test_before_anything_was_counted_nothing_is_claimed(
    store: Store, territory: Territory, settings: Settings, consigne: Callable[..., Result]
) -> None:
    with store.read() as unit:
        found = coverage(unit, territory, NOON, settings)
    assert (found.all, found.kept, found.own, found.borrowed) == (None, None, 0, 0)
    assert all(row.asked is None and row.doubts == () for row in found.counters)
    assert consigne().exit_code == 0
