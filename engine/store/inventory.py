"""The inventory as rows: communes, zones, assets, and the numbered series of every property."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

import polars as pl
from sqlalchemy import select, update

from engine.catalogue import Catalogue
from engine.errors import InputError, Problem
from engine.model import Asset, Commune, Zone
from engine.store import schema
from engine.store.bulk import Bulk, Frame, read_frame
from engine.store.schema import to_json

T = TypeVar("T")


class Inventory:
    """What the territory is made of. Nothing is ever removed: its readings and commands speak of it."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._connection = bulk.connection

    def save(
        self, communes: Sequence[Commune], zones: Sequence[Zone], assets: Sequence[Asset], catalogue: Catalogue
    ) -> None:
        """Insert or replace, and number the series of every catalogue property of each asset.

        Saving the same again changes nothing. Series keep their number when an asset changes its zone.
        Raises InputError with every reference that leads nowhere, the database being counted as well as what is given.
        """
        self._check(communes, zones, assets, catalogue)
        if self._connection.dialect.name == "postgresql":
            # Two savers would give the same numbers; readers and appends go on.
            self._connection.exec_driver_sql("LOCK TABLE series IN SHARE ROW EXCLUSIVE MODE")
        self._bulk.upsert(schema.commune, _frame(communes, schema.commune.c.keys()))
        self._save_zones(zones)
        names = schema.asset.c.keys()
        rows = [[*(getattr(asset, name) for name in names[:-1]), to_json(asset.attributes)] for asset in assets]
        self._bulk.upsert(schema.asset, pl.DataFrame(rows, schema=schema.frame_schema(schema.asset), orient="row"))
        self._save_series(assets, catalogue)

    def communes(self) -> list[Commune]:
        """By INSEE code."""
        return [Commune(*row) for row in self._connection.execute(select(schema.commune).order_by("insee"))]

    def zones(self) -> list[Zone]:
        """By id."""
        columns = schema.zone.c
        return [Zone(*row) for row in self._connection.execute(select(columns.id, columns.commune).order_by("id"))]

    def assets(self, type: str | None = None, ids: Collection[str] | None = None) -> list[Asset]:  # noqa: A002
        """By id: all, or those of a type, or those of some ids that exist."""
        table = schema.asset
        statement = select(table).order_by(table.c.id)
        if ids is not None:
            keys = self._bulk.keys(pl.DataFrame({"id": sorted(set(ids))}, schema={"id": pl.String}))
            statement = statement.join(keys, keys.c.id == table.c.id)
        if type is not None:
            statement = statement.where(table.c.type == type)
        return [Asset(**row) for row in self._connection.execute(statement).mappings()]

    def zone_numbers(self) -> dict[str, int]:
        """Zone id → the number its readings carry."""
        columns = schema.zone.c
        return dict(self._connection.execute(select(columns.id, columns.no)).all())

    def series(self) -> pl.DataFrame:
        """series i32, asset str, type str, property str, zone i32, gateway str or null; by series."""
        series, asset = schema.series.c, schema.asset.c
        columns = (series.no.label("series"), series.asset, asset.type, series.property, series.zone, asset.gateway)
        statement = select(*columns).join(schema.asset, asset.id == series.asset).order_by(series.no)
        return read_frame(self._connection, statement)

    def _check(
        self, communes: Sequence[Commune], zones: Sequence[Zone], assets: Sequence[Asset], catalogue: Catalogue
    ) -> None:
        known_communes = {commune.insee for commune in (*self.communes(), *communes)}
        known_zones = {zone.id for zone in (*self.zones(), *zones)}
        homes = {asset.id: asset.zone for asset in assets}
        parents = {asset.parent for asset in assets if asset.parent is not None} - homes.keys()
        homes |= {asset.id: asset.zone for asset in self.assets(ids=parents)}
        problems = _repeated("commune", (commune.insee for commune in communes))
        problems += _repeated("zone", (zone.id for zone in zones)) + _repeated("asset", (asset.id for asset in assets))
        for zone in zones:
            if zone.commune not in known_communes:
                problems.append(_problem("zone", zone.id, f"lies in the unknown commune {zone.commune!r}"))
        for asset in assets:
            problems += _asset_problems(asset, known_zones, homes, catalogue)
        if problems:
            raise InputError(problems)

    def _save_zones(self, zones: Sequence[Zone]) -> None:
        numbers = self.zone_numbers()
        free = max(numbers.values(), default=0) + 1
        fresh = sorted((zone for zone in zones if zone.id not in numbers), key=lambda zone: zone.id)
        rows = [(zone.id, free + i, zone.commune, 0, 0) for i, zone in enumerate(fresh)]
        self._bulk.insert(schema.zone, _rows(rows, schema.zone.c.keys(), schema.frame_schema(schema.zone)))
        known = [zone for zone in zones if zone.id in numbers]
        for zone in known:
            moved = update(schema.zone).where(schema.zone.c.id == zone.id, schema.zone.c.commune != zone.commune)
            self._connection.execute(moved.values(commune=zone.commune))

    def _save_series(self, assets: Sequence[Asset], catalogue: Catalogue) -> None:
        wanted = _wanted_series(assets, catalogue, self.zone_numbers())
        there = read_frame(self._connection, select(schema.series))
        both = wanted.join(there.rename({"zone": "old_zone"}), on=["asset", "property"], how="left")
        moved = both.filter(pl.col("no").is_not_null() & (pl.col("zone") != pl.col("old_zone")))
        fresh = both.filter(pl.col("no").is_null()).sort("zone", "asset", "property")
        first = max(there["no"].to_list(), default=0) + 1
        numbers = pl.int_range(first, first + fresh.height, dtype=pl.Int32, eager=True).alias("no")
        self._bulk.insert(schema.series, fresh.drop("no", "old_zone").with_columns(numbers))
        self._bulk.upsert(schema.series, moved.drop("old_zone"))
        self._renew(set(fresh["zone"]) | set(moved["zone"]) | set(moved["old_zone"]))

    def _renew(self, zones: set[int]) -> None:
        """What other processes know of these zones' series is out of date."""
        columns = schema.zone.c
        keys = self._bulk.keys(pl.DataFrame({"no": sorted(zones)}, schema={"no": pl.Int32}))
        changed = columns.no.in_(select(keys.c.no))
        self._connection.execute(update(schema.zone).where(changed).values(epoch=columns.epoch + 1))


def _wanted_series(assets: Iterable[Asset], catalogue: Catalogue, numbers: dict[str, int]) -> Frame:
    rows = [
        (asset.id, name, numbers[asset.zone]) for asset in assets for name in catalogue.types[asset.type].properties
    ]
    return _rows(rows, ["asset", "property", "zone"], schema.frame_schema(schema.series))


def _frame(items: Sequence[Any], names: Sequence[str]) -> Frame:
    rows = [tuple(getattr(item, name) for name in names) for item in items]
    return _rows(rows, names, schema.frame_schema(schema.commune))


def _rows(rows: Sequence[Sequence[Any]], names: Sequence[str], types: dict[str, pl.DataType]) -> Frame:
    return pl.DataFrame(rows, schema={name: types[name] for name in names}, orient="row")


def _repeated(kind: str, ids: Iterable[str]) -> list[Problem]:
    seen: set[str] = set()
    twice = {key for key in ids if key in seen or seen.add(key)}  # type: ignore[func-returns-value]
    return [_problem(kind, key, "stands twice") for key in twice]


def _asset_problems(asset: Asset, zones: set[str], homes: dict[str, str], catalogue: Catalogue) -> list[Problem]:
    problems = []
    if asset.type not in catalogue.types:
        problems.append(_problem("asset", asset.id, f"is of the unknown type {asset.type!r}"))
    if asset.zone not in zones:
        problems.append(_problem("asset", asset.id, f"lies in the unknown zone {asset.zone!r}"))
    if asset.parent is not None and homes.get(asset.parent) != asset.zone:
        found = f"is in zone {homes[asset.parent]!r}" if asset.parent in homes else "is unknown"
        what = f"hangs on {asset.parent!r}, which {found}"
        problems.append(_problem("asset", asset.id, what, f"a parent lies in its child's zone, here {asset.zone!r}"))
    return problems


def _problem(kind: str, name: str, what: str, hint: str = "") -> Problem:
    return Problem(f"{kind} {name}", 0, 0, what, hint)
