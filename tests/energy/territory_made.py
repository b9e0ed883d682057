"""A territory of buildings for tests: what hangs on them, and what they told, quarter hour by quarter hour."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from engine.catalogue import Catalogue
from engine.instants import isoformat
from engine.model import Asset, Commune, Zone
from engine.store import Store
from engine.telemetry.raw import raw_frame
from jobs.bootstrap import Territory, read_territory
from jobs.ingest import store_raw

COMMUNE = Commune("49007", "Angers", 150_000, -0.55, 47.47, 42.7)
QUARTER = timedelta(minutes=15)


def asset(name: str, kind: str, parent: str | None = None, **attributes: Any) -> Asset:
    return Asset(name, kind, "Z-1", -0.55, 47.47, parent, None, attributes)


def school(name: str = "B1", **attributes: Any) -> tuple[Asset, Asset]:
    """A building with a meter, `M-` and its name."""
    told = {"use": "school", "floor_area_m2": 1000.0, "contract": "hta", "subscribed_kva": 100.0} | attributes
    return asset(name, "Building", **told), asset(f"M-{name}", "ACMeasurement", name)


def save(store: Store, catalogue: Catalogue, *assets: Asset) -> Territory:
    with store.begin() as unit:
        unit.inventory.save((COMMUNE,), (Zone("Z-1", "49007"),), assets, catalogue)
    return read_territory(store, catalogue)


def tell(store: Store, territory: Territory, told: Mapping[tuple[str, str], Mapping[datetime, float]]) -> None:
    """Values by asset and property, each at its instants."""
    rows = [
        {"asset": name, "property": what, "value": value, "observed_at": isoformat(at)}
        for (name, what), values in told.items()
        for at, value in values.items()
    ]
    last = max(at for values in told.values() for at in values)
    raw: pl.DataFrame = raw_frame(rows)
    intake = store_raw(store, territory, raw, source="test", received_at=last, skew=timedelta(minutes=2))
    assert intake.stored == len(rows), intake
