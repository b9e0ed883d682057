"""Rounds as GeoJSON (RFC 7946): a line for each truck, a point for each thing it does."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from engine.instants import PARIS
from engine.rounds import Line, Round

_DIGITS = 6
"""Of degrees: a tenth of a metre (RFC 7946, section 11.2)."""


def to_geojson(rounds: Sequence[Round]) -> bytes:
    """A FeatureCollection, each round's line before its points. Lines are straight from stop to stop."""
    features = [feature for found in rounds if found.lines for feature in _features(found)]
    return orjson.dumps({"type": "FeatureCollection", "features": features}, option=orjson.OPT_INDENT_2)


def _features(found: Round) -> Iterator[dict[str, Any]]:
    geometry = {"type": "LineString", "coordinates": [_position(line) for line in found.lines]}
    yield _feature(geometry, found, _of_round(found), "round")
    for k, line in enumerate(found.lines):
        yield _feature({"type": "Point", "coordinates": _position(line)}, found, _of_line(line), str(k))


def _feature(geometry: dict[str, Any], found: Round, properties: dict[str, Any], part: str) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": f"{found.vehicle}/{found.day}/{part}",
        "geometry": geometry,
        "properties": {"vehicle": found.vehicle, "day": found.day.isoformat(), "plan": found.plan, **properties},
    }


def _of_round(found: Round) -> dict[str, Any]:
    return {
        "fractions": list(found.fractions),
        "stops": len(found.stops),
        "distance_m": round(found.distance_m),
        "drive_s": round(found.drive_s),
        "start_at": _local(found.start_at),
        "end_at": _local(found.end_at),
        "approximate": found.approximate,
    }


def _of_line(line: Line) -> dict[str, Any]:
    told = {"fill": line.fill, "mass_kg": line.mass_kg}
    return {
        "doing": line.doing.value,
        **({"number": line.number} if line.number else {}),
        **({"asset": line.asset} if line.asset else {}),
        "place": line.place,
        "arrive_at": _local(line.arrive_at),
        "begin_at": _local(line.begin_at),
        "end_at": _local(line.end_at),
        **{name: round(value, 3) for name, value in told.items() if value is not None},
    }


def _position(line: Line) -> list[float]:
    return [round(line.lon, _DIGITS), round(line.lat, _DIGITS)]


def _local(at: datetime) -> str:
    return at.astimezone(PARIS).isoformat(timespec="seconds")
