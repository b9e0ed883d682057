"""Places out of a CSV file: id, lon, lat, and kerb where a vehicle is to stop with the place on its right."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path

from engine.errors import InputError, Problem
from optimizers.routing import Place

_COLUMNS = ("id", "lon", "lat")
MOST = 5_000
"""Points of one matrix: 25 million pairs, some 400 MB."""

_YES, _NO = frozenset({"1", "yes", "true", "oui"}), frozenset({"", "0", "no", "false", "non"})


@dataclass(frozen=True, slots=True)
class Listed:
    places: tuple[Place, ...]
    kerb: frozenset[str]


def read_points(path: Path) -> Listed:
    """Raises InputError with everything that is wrong, by line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if missing := [name for name in _COLUMNS if name not in (rows.fieldnames or ())]:
                hint = "the first line names the columns id,lon,lat, and kerb where it is wanted"
                raise InputError([Problem(str(path), 1, 1, f"there is no column {', '.join(missing)}", hint)])
            read = list(rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            [
                Problem(
                    str(path),
                    0,
                    0,
                    f"cannot be read: {getattr(error, 'strerror', None) or error}",
                    "give a CSV file in UTF-8",
                )
            ]
        ) from None
    if problems := list(_wrong(str(path), read)):
        raise InputError(problems)
    places = tuple(Place(row["id"], float(row["lon"]), float(row["lat"])) for row in read)
    return Listed(places, frozenset(row["id"] for row in read if _kerb(row) in _YES))


def _wrong(source: str, rows: list[dict[str, str]]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    if not rows:
        yield Problem(source, 0, 0, "holds no points", "give a line for each")
    if len(rows) > MOST:
        what = f"holds {len(rows):,} points, {len(rows) ** 2:,} pairs"
        yield Problem(source, 0, 0, what, f"give {MOST:,} at most, such as those of one zone")
    for line, row in enumerate(rows, 2):
        if not row["id"]:
            yield Problem(source, line, 1, "has no id", "give each point its own")
        elif row["id"] in seen:
            yield Problem(source, line, 1, f"id {row['id']!r} is that of line {seen[row['id']]}", "give each its own")
        seen.setdefault(row["id"], line)
        for column, most in (("lon", 180.0), ("lat", 90.0)):
            if not abs(_number(row[column])) <= most:
                yield Problem(
                    source, line, 0, f"{column} is {row[column]!r}", f"give degrees from -{most:g} to {most:g}"
                )
        if _kerb(row) not in _YES | _NO:
            yield Problem(source, line, 0, f"kerb is {row['kerb']!r}", "give yes, or nothing")


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return inf


def _kerb(row: Mapping[str, str | None]) -> str:
    return (row.get("kerb") or "").strip().lower()
