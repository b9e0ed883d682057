"""Rule cycles of groups of zones on 1 → 2 workers, beside one process: `python tests/bench/bench_zones.py [--small]`.

Stations of rules_load tell their quantities; each quarter of an hour of theirs is one cycle, from readings in the
database to alarms, wants and memory in it. One reading in two hundred crosses a threshold, as on a bad day. The first
two cycles warm the workers and are not counted. Every way works on a database of its own with the same readings; edges
must be as many in each.

Printed of each way: readings a second, the ratio to one worker of the same engine, what a task costs beside its own
work, and how many bytes of it travel. Workers, database and the process that asks share this machine's cores.
"""

import argparse
import pickle
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import orjson
import polars as pl

from engine.model import Commune, Zone
from engine.rulebook import ReferenceInference
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory, catalogue_of, read_territory, rule_engine
from jobs.compute import Compute, Processes
from jobs.cycle import RulesAtWork, run_cycle
from jobs.groups.fan import RuleGroups
from jobs.groups.task import GroupTask, run_group
from optimizers.result import Limits
from tests.bench.bench_ingest import postgres_database, sqlite_database
from tests.bench.rules_load import QUARTER, START, STATION, STATION_FILE, Columns, Load, Stations, Walks

ROOT = Path(__file__).resolve().parents[2]
GROUPS, WARM = 8, 2


@dataclass
class Figures:
    """Of the counted cycles of one way."""

    readings: int = 0
    edges: int = 0
    seconds: float = 0.0
    working_s: float = 0.0
    fan_out_s: float = 0.0
    tasks: int = 0

    @property
    def rate(self) -> float:
        return self.readings / self.seconds


def main() -> int:
    """Print the figures; 1 where two ways did not decide the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a fifth of the stations, half of the rules")
    parser.add_argument("--cycles", type=int, default=4)
    parser.add_argument("--only", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--engine", choices=["processes", "dask"], help="this one alone")
    options = parser.parse_args()
    size = (500, 100, 10_000, 200) if options.small else (1_000, 200, 50_000, 1_000)
    stations = Stations(*size, crossing=0.005)
    walks = Walks(stations)
    turns = [walks.quarter() for _ in range(options.cycles + WARM)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(stations.load, folder)
        print(f"{stations.count} stations in {stations.zones} zones, {stations.rules} rules, {GROUPS} groups")
        print(f"{options.cycles} cycles of {stations.count} readings, {options.only}")
        alone = _measured("one process", options.only, folder, stations, turns, None)
        found = [alone]
        for kind, engines in (("processes", _processes), ("dask", _clusters)):
            if options.engine not in {None, kind}:
                continue
            found += _scaled(kind, engines, options.only, folder, stations, turns, alone)
    same = len({figures.edges for figures in found}) == 1
    print(f"edges: {alone.edges} each" if same else f"edges differ: {[figures.edges for figures in found]}")
    return int(not same)


def _write(load: Load, folder: Path) -> None:
    """Rules, catalogue and calendar as an installation has them."""
    (folder / "rules").mkdir()
    load.write_rules(folder / "rules")
    (folder / "reference").mkdir()
    (folder / "reference" / "catalogue.yaml").write_bytes(orjson.dumps(STATION_FILE))
    shutil.copy(ROOT / "datasets" / "reference" / "school_holidays.yaml", folder / "reference")


def _scaled(
    kind: str, engines: Callable[[int], Any], database: str, folder: Path, stations: Stations,
    turns: list[Columns], alone: Figures,
) -> list[Figures]:  # fmt: skip
    found: list[Figures] = []
    for workers in (1, 2):
        with engines(workers) as engine:
            if engine is None:
                print(f"{kind}: not installed, left out")
                return found
            name = f"{kind}, {workers} worker{'s' * (workers > 1)}"
            figures = _measured(name, database, folder, stations, turns, engine)
        found.append(figures)
        overhead = (figures.fan_out_s * workers - figures.working_s) / figures.tasks
        print(
            f"  × {figures.rate / alone.rate:.2f} of one process; overhead {1e3 * overhead:.1f} ms of a worker a task"
        )
    print(f"{kind} 1 → 2 workers: × {found[1].rate / found[0].rate:.2f}")
    return found


def _measured(
    name: str, database: str, folder: Path, stations: Stations, turns: list[Columns], engine: Compute | None
) -> Figures:
    opened = postgres_database if database == "postgresql" else sqlite_database
    with opened() as url, ExitStack() as stack:
        if url is None:
            raise SystemExit("no PostgreSQL answers: --only sqlite")
        settings = Settings(
            database_url=url, rules_dir=folder / "rules", datasets_dir=folder, data_dir=folder,
            rule_groups=0 if engine is None else GROUPS,
        )  # fmt: skip
        store = stack.enter_context(closing(Store.open(url, create=True)))
        territory = _prepare(store, stations.load, settings)
        inference = ReferenceInference()
        rules = RulesAtWork(rule_engine(settings, territory, inference), territory, inference)
        groups = None if engine is None else RuleGroups(settings, store, territory, engine)
        figures = _play(store, territory, rules, groups, turns)
    task = GroupTask(settings, "0" * 16, 0, START, {"rules": 1})
    shipped = f", {len(pickle.dumps((run_group, task, Limits())))} bytes a task" if groups else ""
    print(f"{name}: {figures.rate:,.0f} readings/s, {figures.seconds / (len(turns) - WARM):.2f} s a cycle{shipped}")
    return figures


def _play(
    store: Store, territory: Territory, rules: RulesAtWork, groups: RuleGroups | None, turns: list[Columns]
) -> Figures:
    def cycle(now: Any) -> Any:
        return run_cycle(store, territory, rules, now) if groups is None else groups.cycle(rules, now)

    figures = Figures()
    cycle(START)
    names = {names: number for number, names in territory.series_names.items()}
    zones = {asset.id: asset.zone for asset in territory.assets}
    with store.read() as unit:
        numbers = unit.inventory.zone_numbers()
    for turn, columns in enumerate(turns):
        now = START + (turn + 1) * QUARTER
        _append(store, territory, columns, now, names, {a: numbers[z] for a, z in zones.items()})
        began = perf_counter()
        result = cycle(now)
        took = perf_counter() - began
        if result.more or result.faults:
            raise SystemExit(f"not all of a cycle was done: {result.faults}")
        if turn >= WARM:
            figures.seconds += took
            figures.readings += result.readings
            figures.edges += result.edges
            for outcome in groups.outcomes if groups else ():
                figures.working_s += outcome.seconds
                figures.tasks += 1
            figures.fan_out_s += groups.fan_out_s if groups else 0.0
    return figures


def _prepare(store: Store, load: Load, settings: Settings) -> Territory:
    store.upgrade()
    store.ensure_partitions(START + timedelta(days=40))
    catalogue = catalogue_of(settings)
    zones = sorted({asset.zone for asset in load.assets})
    with store.begin() as unit:
        place = Commune("49007", "49007", 1, 0.0, 0.0, 1.0)
        unit.inventory.save([place], [Zone(zone, "49007") for zone in zones], load.assets, catalogue)
    return read_territory(store, catalogue)


def _append(
    store: Store, territory: Territory, columns: Columns, now: Any, names: dict[tuple[str, str], int],
    zones: dict[str, int],
) -> None:  # fmt: skip
    properties = tuple(STATION.types["Station"].properties)
    assets = [territory.assets[n].id for n in columns.asset.tolist()]
    series = [names[a, properties[p]] for a, p in zip(assets, columns.property.tolist(), strict=True)]
    accepted = pl.DataFrame(
        {
            "series": pl.Series(series, dtype=pl.Int32),
            "zone": pl.Series([zones[a] for a in assets], dtype=pl.Int32),
            "observed_at": np.asarray(columns.observed_at_us, np.int64),
            "value": columns.value,
        }
    )
    refused = pl.DataFrame(schema=dict.fromkeys(("asset", "property", "reason", "detail", "raw"), pl.String))
    with store.begin() as unit:
        unit.readings.append(accepted, refused, source="bench", received_at=now, received=accepted.height)


@contextmanager
def _processes(workers: int) -> Iterator[Compute]:
    with closing(Processes(workers)) as engine:
        yield engine


@contextmanager
def _clusters(workers: int) -> Iterator[Compute | None]:
    try:
        from jobs.compute.cluster import Dask
        from tests.compute.cluster import Cluster
    except ImportError:
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Cluster(port, workers) as cluster, closing(Dask(cluster.url)) as engine:
        yield engine


if __name__ == "__main__":
    sys.exit(main())
