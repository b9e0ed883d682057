from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from engine.catalogue import Catalogue
from engine.telemetry.batch import Normalised, Registry, normalise

RECEIVED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SKEW = timedelta(seconds=120)

ASSETS = (
    ("L-1", "Streetlight", 1, "gw-a"),
    ("L-2", "Streetlight", 2, "gw-b"),
    ("L-free", "Streetlight", 2, None),
    ("urn:ngsi-ld:Streetlight:streetlight:guadalajara:4567", "Streetlight", 3, "gw-a"),
    ("streetlightcontrolcabinet:A45HGJK", "StreetlightControlCabinet", 3, "gw-a"),
    ("TrafficFlowObserved-Valladolid-osm-60821110", "TrafficFlowObserved", 4, "gw-t"),
    ("T-1", "TrafficFlowObserved", 4, "gw-t"),
    ("P-1", "PresenceDetector", 4, "gw-t"),
)


@pytest.fixture(scope="session")
def series(catalogue: Catalogue) -> pl.DataFrame:
    """Every property of every asset, numbered from 100."""
    rows = [
        (asset, kind, name, zone, gateway)
        for asset, kind, zone, gateway in ASSETS
        for name in catalogue.types[kind].properties
    ]
    frame = pl.DataFrame(rows, schema=["asset", "type", "property", "zone", "gateway"], orient="row")
    return frame.with_row_index("series", offset=100).with_columns(pl.col("series", "zone").cast(pl.Int32))


@pytest.fixture(scope="session")
def registry(catalogue: Catalogue, series: pl.DataFrame) -> Registry:
    return Registry(catalogue, series)


@pytest.fixture(scope="session")
def judge(registry: Registry) -> Callable[[pl.DataFrame], Normalised]:
    """Normalise as received on 2026-11-22 at noon UTC, two minutes of skew allowed; nothing may go missing."""

    def run(raw: pl.DataFrame) -> Normalised:
        result = normalise(raw, registry, received_at=RECEIVED_AT, skew=SKEW)
        assert result.accepted.height + result.refused.height == raw.height
        assert result.accepted.null_count().sum_horizontal().item() == 0
        assert result.refused.select("reason", "detail").null_count().sum_horizontal().item() == 0
        return result

    return run


@pytest.fixture(scope="session")
def one(judge: Callable[[pl.DataFrame], Normalised]) -> Callable[..., Any]:
    """The value of one RAW row, or the reason it is refused. A good one unless told otherwise."""

    def run(**row: Any) -> Any:
        good = {
            "asset": "L-1",
            "property": "powerConsumption",
            "number": 50.0,
            "observed_at": "2026-11-22T12:00:00Z",
        }
        raw = pl.DataFrame(
            [good | row], schema_overrides={"number": pl.Float64, "text": pl.String}, infer_schema_length=1
        )
        result = judge(raw)
        return result.accepted["value"][0] if result.accepted.height else result.refused["reason"][0]

    return run
