"""Sources a test writes down, and what they read."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from engine.forecasts.slots import Issue, read_issue
from engine.forecasts.sources import Source
from engine.forecasts.tables import parse
from engine.instants import from_us

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "datasets" / "sample" / "forecasts"
NOW = datetime(2025, 10, 25, 13, tzinfo=UTC)
HOUR = timedelta(hours=1)
JSON = {
    "format": "json", "file": "rain.json", "max_age": "6h", "step": "1h", "horizon": "2h", "time_zone": "UTC",
    "place": "angers", "variables": {"rain": {"unit": "mm", "range": [0, 100]}},
    "read": [{"rows": "hourly.time[]", "valid_at": "hourly.time[]", "values": {"rain": "hourly.rain[]"}}],
}  # fmt: skip
CSV = {
    "format": "csv", "file": "rain.csv", "max_age": "6h", "step": "1h", "horizon": "1h", "time_zone": "Europe/Paris",
    "place": "angers", "variables": {"rain": {"unit": "mm", "range": [0, 100]}},
    "read": [{"valid_at": "start", "value": "rain"}],
}  # fmt: skip


def source(base: dict[str, Any] = JSON, **changes: Any) -> Source:
    return Source.model_validate(base | changes)


def read(of: Source, body: object, received_at: datetime = NOW) -> Issue:
    """What a source makes of a body: bytes, a text, or what JSON can say."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else orjson.dumps(body)
    return read_issue(of, parse(of, raw, "rain"), "rain", received_at, timedelta(seconds=120))


def hourly(values: list[Any], start: datetime = NOW, **others: list[Any]) -> dict[str, Any]:
    """A document of JSON: `rain` from an hour on."""
    times = [f"{start + hour * HOUR:%Y-%m-%dT%H:%M}" for hour in range(len(values))]
    return {"hourly": {"time": times, "rain": values, **others}}


def told(issue: Issue) -> dict[tuple[str, str, datetime, float | None], float]:
    return {(v, p, from_us(at), q): value for v, p, at, q, value in issue.values.iter_rows()}
