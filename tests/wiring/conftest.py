"""The sample territory in a database of its own, and what jobs work with."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from engine.instants import isoformat, noon
from engine.inventory.territory import load_territory
from engine.rulebook import ReferenceInference, RuleEngine
from engine.settings import Settings
from engine.store import Store
from engine.telemetry.raw import raw_frame
from jobs.bootstrap import StoryClock, Territory, catalogue_of, read_territory, rule_engine
from jobs.ingest import store_raw
from jobs.schedule import JobContext
from jobs.story import DEFAULT_NIGHT, made_traffic

ROOT = Path(__file__).resolve().parents[2]
NOON = noon(DEFAULT_NIGHT)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database_url=f"sqlite:///{tmp_path / 'consigne.db'}",
        rules_dir=ROOT / "rules",
        datasets_dir=ROOT / "datasets",
        data_dir=tmp_path,
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store.open(settings.database_url, create=True)
    opened.upgrade()
    catalogue = catalogue_of(settings)
    sample = load_territory(settings.datasets_dir / "sample", catalogue)
    with opened.begin() as unit:
        unit.inventory.save(sample.communes, sample.zones, sample.assets, catalogue)
    yield opened
    opened.close()


@pytest.fixture
def territory(store: Store, settings: Settings) -> Territory:
    return read_territory(store, catalogue_of(settings))


@pytest.fixture
def history(store: Store, territory: Territory) -> int:
    """Four weeks of made counts before the night. Returns how many readings."""
    traffic = made_traffic(territory.of_type("TrafficFlowObserved"), DEFAULT_NIGHT, 1)
    tell(store, territory, traffic.history, NOON)
    return traffic.history.height


@pytest.fixture
def engine(settings: Settings, territory: Territory) -> RuleEngine:
    return rule_engine(settings, territory, ReferenceInference())


@pytest.fixture
def service(settings: Settings, store: Store, territory: Territory) -> JobContext:
    return JobContext(settings, store, territory, StoryClock(NOON))


def tell(store: Store, territory: Territory, raw: pl.DataFrame, at: datetime) -> None:
    store_raw(store, territory, raw, source="test", received_at=at, skew=timedelta(minutes=2))


def readings(*rows: tuple[str, str, object, datetime]) -> pl.DataFrame:
    """A RAW frame of (asset, property, value, observed at)."""
    return raw_frame([{"asset": a, "property": p, "value": v, "observed_at": isoformat(at)} for a, p, v, at in rows])
