"""The territory as data: a folder of `territory.yaml` (communes, zones, where it comes from) and `assets.csv`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from engine.catalogue import Catalogue
from engine.documents import read_document
from engine.errors import InputError, Problem
from engine.inventory.checks import findings
from engine.inventory.model import Origin, Territory
from engine.inventory.tables import Row, Table, write_table, write_whole
from engine.model import Asset, Commune, Zone

__all__ = [
    "Origin",
    "Territory",
    "check_territory",
    "load_communes",
    "load_territory",
    "save_territory",
]

HEAD, TABLE = "territory.yaml", "assets.csv"
COLUMNS = ("id", "type", "zone", "lon", "lat", "parent", "gateway", "attributes")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Commune(_Strict):
    insee: str = Field(pattern=r"^\d[\dAB]\d{3}$")
    name: str = Field(min_length=1)
    population: int = Field(ge=0)
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    area_km2: float = Field(gt=0)


class _Zone(_Strict):
    id: str
    commune: str


class _Origin(_Strict):
    source: str = ""
    licence: str = ""
    seed: int | None = Field(None, ge=0)
    scale: float | None = Field(None, gt=0)


class _Communes(_Strict):
    communes: list[_Commune] = Field(min_length=1)


class _Head(_Communes):
    origin: _Origin = _Origin()
    zones: list[_Zone]


def load_communes(path: Path) -> tuple[Commune, ...]:
    """Communes of a YAML file with the one key `communes`. Raises InputError with every problem and its place."""
    document = read_document(path)
    communes = tuple(Commune(**dict(entry)) for entry in document.validate(_Communes).communes)
    codes = [commune.insee for commune in communes]
    twice = [
        document.problem(("communes", row, "insee"), f"the commune {code} stands twice", "keep one of the two")
        for row, code in enumerate(codes)
        if code in codes[:row]
    ]
    if twice:
        raise InputError(twice)
    return communes


def load_territory(folder: Path, catalogue: Catalogue) -> Territory:
    """Read and check a territory. Raises InputError with every problem of both files, each with its place."""
    problems: list[Problem] = []
    head, document = None, None
    try:
        document = read_document(folder / HEAD)
        head = document.validate(_Head)
    except InputError as error:
        problems += error.problems
    table = Table(folder / TABLE, COLUMNS)
    problems += table.problems
    read = [(row, _read_asset(row, problems)) for row in table.rows]
    if head is None or document is None:
        raise InputError(problems)
    rows = [row for row, asset in read if asset is not None]
    territory = Territory(
        tuple(Commune(**dict(entry)) for entry in head.communes),
        tuple(Zone(**dict(entry)) for entry in head.zones),
        tuple(asset for _, asset in read if asset is not None),
        Origin(**dict(head.origin)),
    )
    unread = [row["id"] for row, asset in read if asset is None]
    for found in findings(territory, catalogue, unread):
        if found.table == "assets":
            problems.append(rows[found.row].problem(found.column, found.what, found.hint))
        else:
            problems.append(document.problem((found.table, found.row, found.column), found.what, found.hint))
    if problems:
        raise InputError(problems)
    return territory


def check_territory(territory: Territory, catalogue: Catalogue) -> list[Problem]:
    """Everything wrong with a territory in memory; empty when it is sound."""
    return [Problem("territory", 0, 0, found.what, found.hint) for found in findings(territory, catalogue)]


def save_territory(territory: Territory, folder: Path) -> None:
    """Write both files into a folder, which is made. The same territory gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / HEAD, _head_text(territory))
    write_table(folder / TABLE, COLUMNS, [_cells(asset) for asset in territory.assets])


def _read_asset(row: Row, problems: list[Problem]) -> Asset | None:
    lon, lat = row.number("lon", problems), row.number("lat", problems)
    attributes = row.mapping("attributes", problems)
    if lon is None or lat is None or attributes is None:
        return None
    hung, gateway = row["parent"] or None, row["gateway"] or None
    return Asset(row["id"], row["type"], row["zone"], lon, lat, hung, gateway, attributes)


def _head_text(territory: Territory) -> str:
    origin = {key: value for key, value in asdict(territory.origin).items() if value not in (None, "")}
    lines = ["origin:" if origin else "origin: {}"]
    lines += [f"  {key}: {_scalar(value)}" for key, value in origin.items()]
    lines += ["communes:", *(f"  - {_flow(asdict(commune))}" for commune in territory.communes)]
    lines += ["zones:" if territory.zones else "zones: []", *(f"  - {_flow(asdict(zone))}" for zone in territory.zones)]
    return "\n".join(lines) + "\n"


def _flow(entry: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in entry.items()) + "}"


def _scalar(value: Any) -> str:
    """JSON is YAML: quoted text never meets its traps."""
    return orjson.dumps(value).decode()


def _cells(asset: Asset) -> tuple[str, ...]:
    attributes = orjson.dumps(dict(asset.attributes)).decode() if asset.attributes else ""
    place = repr(asset.lon), repr(asset.lat)
    return asset.id, asset.type, asset.zone, *place, asset.parent or "", asset.gateway or "", attributes
