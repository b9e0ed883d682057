"""The sample territory in a database of its own, and what jobs work with."""

import importlib
import json
import shutil
import textwrap
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pytest
from sqlalchemy import create_engine, text

from engine.catalogue import Catalogue
from engine.instants import isoformat, noon
from engine.inventory.territory import load_territory
from engine.rulebook import ReferenceInference
from engine.settings import Settings
from engine.store import Store
from engine.telemetry.raw import raw_frame
from jobs.bootstrap import StoryClock, Territory, catalogue_of, read_territory, rule_engine
from jobs.cycle import RulesAtWork
from jobs.domains import DOMAINS
from jobs.ingest import store_raw
from jobs.planning import Domain
from jobs.story import made_traffic
from jobs.table import JobContext
from tests.conftest import postgres_copy

ROOT = Path(__file__).resolve().parents[2]
NIGHT = date(2026, 11, 16)
NOON = noon(NIGHT)
TEXT = {"fr": "mots", "en": "words"}
OWNERS = {"owners": {"tests": {"name": TEXT}}}
ALARM = {"alarm": {"priority": "low", "consequence": TEXT, "action": TEXT, "respond_within": "1 d"}}
WORK_ORDER = {"workorder": {"title": TEXT, "within": "2 d"}}


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        rules_dir=ROOT / "rules",
        datasets_dir=ROOT / "datasets",
        data_dir=tmp_path,
    )


def people(url: str, catalogue: Catalogue) -> None:
    sample = load_territory(ROOT / "datasets" / "sample", catalogue)
    with closing(Store.open(url)) as opened, opened.begin() as unit:
        unit.inventory.save(sample.communes, sample.zones, sample.assets, catalogue)


@pytest.fixture(scope="session")
def sqlite_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Path:
    """A file of SQLite that holds the sample territory."""
    path: Path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("peopled"))
    people(f"sqlite:///{path}", catalogue)
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_template: str, catalogue: Catalogue) -> Iterator[str]:
    """The same on PostgreSQL."""
    with postgres_copy(postgres_template) as url:
        people(url, catalogue)
        yield url


@pytest.fixture
def territory(store: Store, settings: Settings) -> Territory:
    return read_territory(store, catalogue_of(settings))


@pytest.fixture
def history(store: Store, territory: Territory) -> int:
    """Four weeks of made counts before the night. Returns how many readings."""
    traffic = made_traffic(territory.of_type("TrafficFlowObserved"), NIGHT, 1)
    tell(store, territory, traffic.history, NOON)
    return traffic.history.height


@pytest.fixture
def rules(settings: Settings, territory: Territory) -> RulesAtWork:
    return at_work(settings, territory)


@pytest.fixture
def service(settings: Settings, store: Store, territory: Territory) -> JobContext:
    return JobContext(settings, store, territory, StoryClock(NOON))


class Fake(Protocol):
    """The source of functions of a test's own → a domain with them for its optimizer's."""

    def __call__(self, source: str, domain: str = "lighting") -> Domain: ...


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """A domain with an optimizer of a test's own: the source of functions that stand for those of ours.

    It is a module that spawned workers can import, too.
    """
    folder = tmp_path / "optimizers_of_tests"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def write(source: str, domain: str = "lighting") -> Domain:
        name = f"fake_{uuid.uuid4().hex}"
        (folder / f"{name}.py").write_text(
            f"{FAKE.format(domain=DOMAINS[domain].optimizer.rpartition('.')[2])}\n{textwrap.dedent(source)}"
        )
        importlib.invalidate_caches()
        return replace(DOMAINS[domain], optimizer=name)

    return write


FAKE = """
import ctypes, os, sys, time
from dataclasses import replace
import numpy as np
from optimizers import {domain}
from optimizers.{domain} import check, pack, solve, unpack
from optimizers.result import Status
"""


class Desk:
    """A folder of rules of a test's own, and settings that name it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings.model_copy(update={"rules_dir": folder})
        self.write("owners.yaml", OWNERS)

    def write(self, name: str, content: object) -> Path:
        """JSON is YAML, too."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        return path

    def put(self, *rules: dict[str, Any]) -> Path:
        """These rules, and no others."""
        return self.write("some/rules.yaml", {"rules": rules})


@pytest.fixture
def desk(tmp_path: Path, settings: Settings) -> Desk:
    return Desk(tmp_path / "rules", settings)


def rule(name: str, when: str, **fields: Any) -> dict[str, Any]:
    """A rule as data: an alarm on lamps, with whatever the test says otherwise."""
    plain = {"about": TEXT, "owner": "tests", "for_each": {"type": "Streetlight"}, "then": ALARM}
    return {"id": name, "when": when, **plain, **fields}


def at_work(settings: Settings, territory: Territory) -> RulesAtWork:
    """The rules of the settings' folder, as a process begins with them."""
    inference = ReferenceInference()
    return RulesAtWork(rule_engine(settings, territory, inference), territory, inference)


def audited(settings: Settings, action: str) -> list[dict[str, Any]]:
    """The bodies of the rules' audit lines of one kind, in order."""
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT body FROM audit WHERE actor = 'rules' AND action = :action ORDER BY id"), {"action": action}
        ).scalars()
        bodies = [json.loads(body) for body in rows]
    engine.dispose()
    return bodies


def tell(store: Store, territory: Territory, raw: pl.DataFrame, at: datetime) -> None:
    store_raw(store, territory, raw, source="test", received_at=at, skew=timedelta(minutes=2))


def readings(*rows: tuple[str, str, object, datetime]) -> pl.DataFrame:
    """A RAW frame of (asset, property, value, observed at)."""
    return raw_frame([{"asset": a, "property": p, "value": v, "observed_at": isoformat(at)} for a, p, v, at in rows])
