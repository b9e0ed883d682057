"""Telemetry in: messages and files → normalised readings → committed rows. Acknowledged only after the commit."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from engine.broker import Message
from engine.catalogue import Catalogue
from engine.inventory.model import Territory as Inventory
from engine.model import Reason
from engine.store import Intake, Store
from engine.telemetry.batch import Normalised, normalise
from engine.telemetry.files import read_file
from engine.telemetry.source import parse_messages
from jobs import metrics
from jobs.bootstrap import Territory
from jobs.tracing import span


def store_raw(
    store: Store, territory: Territory, raw: pl.DataFrame, *, source: str, received_at: datetime, skew: timedelta
) -> Intake:
    """One RAW frame (see `engine.telemetry.raw`) into one transaction. Stored + refused = received, or nothing is."""
    normalised = normalise(raw, territory.registry, received_at=received_at, skew=skew)
    return _commit(store, normalised, source, received_at)


def store_territory(store: Store, territory: Inventory, catalogue: Catalogue, by: str, at: datetime) -> None:
    """An inventory in place of the one that is there, all of it or nothing."""
    with store.begin() as unit:
        unit.inventory.save(territory.communes, territory.zones, territory.assets, catalogue)
        counts = {"communes": len(territory.communes), "zones": len(territory.zones), "assets": len(territory.assets)}
        unit.audit.append(by, "import", "territory", counts, at)


def _commit(store: Store, normalised: Normalised, source: str, received_at: datetime) -> Intake:
    received = normalised.accepted.height + normalised.refused.height
    with span("ingest", source=source, received=received), store.begin() as unit:
        intake = unit.readings.append(
            normalised.accepted, normalised.refused, source=source, received_at=received_at, received=received
        )
    metrics.count_intake(intake)
    return intake


def store_messages(
    store: Store, territory: Territory, messages: Sequence[Message], *, received_at: datetime, skew: timedelta
) -> Intake:
    """Telemetry messages into one transaction. The caller acknowledges them afterwards."""
    raw = parse_messages(messages, territory.catalogue)
    return store_raw(store, territory, raw, source="mqtt", received_at=received_at, skew=skew)


def store_file(
    store: Store, territory: Territory, path: Path, *, received_at: datetime, skew: timedelta,
    on_chunk: Callable[[int], object] = lambda _readings: None,
) -> Intake:  # fmt: skip
    """A CSV, JSON (lines) or Parquet file, chunk by chunk. Raises InputError for a file that cannot be read.

    A file read twice stores nothing twice: readings already there are refused as duplicates. While one chunk is being
    committed the next is read: the database's work and ours share the time. `on_chunk` is told how many were received.
    """
    chunks = (
        normalise(raw, territory.registry, received_at=received_at, skew=skew)
        for raw in read_file(path, territory.catalogue)
    )
    intakes: list[Intake] = []
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = ahead.submit(next, chunks, None)
            intakes.append(_commit(store, chunk, f"file:{path.name}", received_at))
            on_chunk(intakes[-1].received)
    return sum_intakes(intakes)


def sum_intakes(intakes: Sequence[Intake]) -> Intake:
    """All of them as one."""
    refused: dict[Reason, int] = {}
    for intake in intakes:
        for reason, count in intake.refused.items():
            refused[reason] = refused.get(reason, 0) + count
    return Intake(
        received=sum(intake.received for intake in intakes),
        stored=sum(intake.stored for intake in intakes),
        late=sum(intake.late for intake in intakes),
        refused=refused,
    )
