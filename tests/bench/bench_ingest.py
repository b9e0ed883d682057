"""From JSON lines to committed rows: `python tests/bench/bench_ingest.py [--readings N] [--only sqlite|postgresql]`.

Duplicates refused, latest values and indexes on, 300,000 series, every batch touching as many series as it has
readings; one reading in a hundred is told twice. Bounds on 2 cores: 50,000 readings/s on SQLite, 100,000 on PostgreSQL.
PostgreSQL is the server named by CONSIGNE_TEST_POSTGRES, left out where none answers. Making the lines is not timed.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import psycopg

from engine.catalogue import Catalogue, load_catalogue
from engine.instants import isoformat
from engine.model import Asset, Commune, Zone
from engine.store import Store
from jobs.bootstrap import Territory, read_territory
from jobs.ingest import store_file

ROOT = Path(__file__).resolve().parents[2]
BOUND = {"sqlite": 50_000, "postgresql": 100_000}
START = datetime(2026, 11, 1, tzinfo=UTC)
ROUND = timedelta(minutes=15)
LIGHTS, LIGHTS_A_ZONE = 75_000, 75
VALUES = {"powerState": "on", "status": "ok", "illuminanceLevel": 0.55, "powerConsumption": 38.5}


def main() -> int:
    """Print readings/s beside the bound, and memory at every tenth; 1 when a bound is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--only", choices=list(BOUND))
    options = parser.parse_args()
    databases = {"sqlite": sqlite_database, "postgresql": postgres_database}
    met = []
    for kind, opened in databases.items():
        if options.only in {None, kind}:
            with opened() as url:
                met.append(url is None or run(url, options.readings))
    return int(not all(met))


@contextmanager
def sqlite_database() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/bench.db"


@contextmanager
def postgres_database() -> Iterator[str | None]:
    """A new database, dropped afterwards; None where no server answers."""
    server = os.environ.get("CONSIGNE_TEST_POSTGRES", "postgresql://127.0.0.1:5432/postgres?user=root")
    try:
        connection = psycopg.connect(server, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        print("postgresql: no server answers, left out")
        yield None
        return
    base, _, query = server.partition("?")
    with connection:
        connection.execute("CREATE DATABASE consigne_bench")
        try:
            yield f"{base.rsplit('/', 1)[0]}/consigne_bench?{query}"
        finally:
            connection.execute("DROP DATABASE consigne_bench WITH (FORCE)")


def run(url: str, readings: int) -> bool:
    """A tenth of the readings from one file, then the rest from another: memory must not grow with them."""
    kind = url.partition(":")[0].partition("+")[0]
    store, territory = prepare(url, load_catalogue(ROOT / "datasets" / "reference" / "catalogue.yaml"))
    spent, cut = 0.0, readings // 10
    with tempfile.TemporaryDirectory() as folder:
        for first, last in ((0, cut), (cut, readings)):
            path = Path(folder) / f"{first}.jsonl"
            write_lines(path, first, last)
            began = time.perf_counter()
            store_file(store, territory, path, received_at=START + timedelta(days=30), skew=timedelta(0))
            spent += time.perf_counter() - began
            print(f"{last:>12,} readings  {last / spent:>9,.0f}/s  peak memory {peak_mb():,.0f} MB", flush=True)
    with store.read() as unit:
        totals = unit.readings.totals()
    assert totals.received == totals.stored + sum(totals.refused.values()) == readings
    print(f"{kind}: {readings / spent:,.0f} readings/s from JSON lines to committed rows (bound {BOUND[kind]:,})")
    store.close()
    return readings / spent >= BOUND[kind]


def prepare(url: str, catalogue: Catalogue) -> tuple[Store, Territory]:
    store = Store.open(url, create=True)
    store.upgrade()
    store.ensure_partitions(START + timedelta(days=62))
    zones = [Zone(f"Z-{number:04}", "49007") for number in range(-(-LIGHTS // LIGHTS_A_ZONE))]
    lights = [Asset(f"L-{n:06}", "Streetlight", zones[n // LIGHTS_A_ZONE].id, -0.55, 47.47) for n in range(LIGHTS)]
    with store.begin() as unit:
        unit.inventory.save([Commune("49007", "Angers", 157_555, -0.55, 47.47, 42.7)], zones, lights, catalogue)
    return store, read_territory(store, catalogue)


def write_lines(path: Path, first: int, last: int) -> None:
    """Readings in rounds over every property of every light; of a hundred, one is that before the last."""
    names, before = list(VALUES), b""
    with path.open("wb") as file:
        for k in range(first, last):
            text = before if k % 100 == 99 and before else line(k, names)
            file.write(text + b"\n")
            before = text


def line(k: int, names: list[str]) -> bytes:
    turn, place = divmod(k, LIGHTS * len(names))
    light, name = divmod(place, len(names))
    at = START + turn * ROUND + timedelta(milliseconds=light)
    reading = {"asset": f"L-{light:06}", "property": names[name], "value": VALUES[names[name]]}
    return orjson.dumps(reading | {"observed_at": isoformat(at)})


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
