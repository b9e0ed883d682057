"""A story of the sample territory that rules decide as a whole or in groups, and all that it leaves behind."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import polars as pl
from sqlalchemy import select

from engine.catalogue import Catalogue
from engine.model import Asset
from engine.store import Store, schema
from jobs.bootstrap import Territory
from tests.wiring.conftest import NOON, readings

MINUTE = timedelta(minutes=1)
Row = tuple[str, str, object, Any]
# What a row is called, and when it was written down, say nothing of what was decided.
_NAMES = {"id", "alarm"}


def story(territory: Territory, seed: int, ticks: int) -> Iterator[tuple[Any, list[Row]]]:
    """Ticks 20 min apart, and what came before each: some assets of every type, every property, any value."""
    rng = random.Random(seed)
    by_type: dict[str, list[Asset]] = {}
    for asset in territory.assets:
        by_type.setdefault(asset.type, []).append(asset)
    chosen = [asset for found in by_type.values() for asset in rng.sample(found, min(10, len(found)))]
    for turn in range(1, ticks + 1):
        now = NOON + 20 * turn * MINUTE
        talking = rng.sample(chosen, len(chosen) // 2)
        yield now, [row for asset in talking for row in _said(territory.catalogue, asset, now, rng)]


def _said(catalogue: Catalogue, asset: Asset, now: Any, rng: random.Random) -> Iterator[Row]:
    at = now - timedelta(seconds=rng.randrange(1_100))
    for name, prop in catalogue.types[asset.type].properties.items():
        if rng.random() < 0.6:
            low, high = prop.range or (0.0, 1.0)
            value: object = rng.choice((low, high, (low + high) / 2))
            if prop.kind == "choice":
                value = rng.choice(prop.choices or ("",))
            elif prop.kind == "switch":
                value = rng.random() < 0.5
            yield asset.id, name, value, at


def frame(rows: list[Row]) -> pl.DataFrame:
    return readings(*rows)


def left_behind(store: Store) -> dict[str, Any]:
    """Alarms with their histories, slots, commands, work orders, edges: what was decided, without how it is called."""
    with store.read() as unit:
        connection = unit.alarms._bulk.connection  # the test looks at the tables themselves
        found: dict[str, Any] = {}
        for table in (schema.alarm, schema.alarm_event, schema.slot, schema.work_order):
            kept = [column for column in table.c if column.name not in _NAMES]
            found[table.name] = sorted(map(str, connection.execute(select(*kept)).all()))
        commands = select(*(schema.command.c[name] for name in ("point", "program", "issued_at", "state", "level")))
        found["command"] = sorted(map(str, connection.execute(commands).all()))
        decided = select(schema.audit.c.body).where(schema.audit.c.actor == "rules", schema.audit.c.action == "decide")
        bodies = [_body(body) for body in connection.execute(decided).scalars()]
    found["edges"] = sorted(tuple(edge) for body in bodies for edge in body["edges"])
    found["requests"] = sorted(map(str, (request for body in bodies for request in body["requests"])))
    return found


def _body(body: Any) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(body) if isinstance(body, str | bytes) else body
    return found
