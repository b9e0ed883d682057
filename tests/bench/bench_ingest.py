"""How fast accepted readings become committed rows, duplicates refused, latest values and indexes on.

    python tests/bench/bench_ingest.py --readings 10000000 --url sqlite:////tmp/bench.db
    python tests/bench/bench_ingest.py --readings 10000000 --url postgresql://root@127.0.0.1/bench

The database must be empty. Every device reports all its series in each round, so that every batch touches as many
series as it has readings, and each reading moves a latest value: the worst case for a store. One reading in a
hundred is sent twice.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from engine.catalogue import load_catalogue
from engine.instants import to_us
from engine.model import Asset, Commune, Zone
from engine.store import Store
from engine.store.intake import REFUSED

ROOT = Path(__file__).resolve().parents[2]
BOUND = {"sqlite": 50_000, "postgresql": 100_000}
START = datetime(2026, 11, 1, tzinfo=UTC)
ROUND = timedelta(minutes=15)
LIGHTS_A_ZONE = 75


def main() -> None:
    """Run the benchmark and print readings/s beside the bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=2_000_000)
    parser.add_argument("--url", required=True)
    parser.add_argument("--series", type=int, default=300_000)
    parser.add_argument("--batch", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    store = Store.open(arguments.url, create=True)
    store.upgrade()
    store.ensure_partitions(START + timedelta(days=62))
    seconds = save_inventory(store, arguments.series)
    series = read_series(store)
    show(f"inventory of {series.height} series: {seconds:.1f} s")
    ingest(store, series, arguments.readings, arguments.batch, np.random.default_rng(arguments.seed), arguments.url)
    store.close()


def save_inventory(store: Store, count: int) -> float:
    """Street lights of four series each, 75 a zone. Returns the seconds it took."""
    catalogue = load_catalogue(ROOT / "datasets" / "reference" / "catalogue.yaml")
    lights = -(-count // len(catalogue.types["Streetlight"].properties))
    zones = [Zone(f"Z-{number:04}", "49007") for number in range(-(-lights // LIGHTS_A_ZONE))]
    assets = [
        Asset(f"L-{number:06}", "Streetlight", zones[number // LIGHTS_A_ZONE].id, -0.55, 47.47)
        for number in range(lights)
    ]
    began = time.perf_counter()
    with store.begin() as unit:
        unit.inventory.save([Commune("49007", "Angers", 157_555, -0.55, 47.47, 42.7)], zones, assets, catalogue)
    return time.perf_counter() - began


def read_series(store: Store) -> pl.DataFrame:
    with store.read() as unit:
        return unit.inventory.series().select("series", "zone")


def batches(series: pl.DataFrame, count: int, size: int, rng: np.random.Generator) -> Iterator[pl.DataFrame]:
    """`count` readings in rounds over all series, in batches of `size`, of which 1 % repeat others of the batch."""
    for first in range(0, count, size):
        number = np.arange(first, min(first + size, count))
        rounds, places = np.divmod(number, series.height)
        jitter_us = rng.integers(0, 60_000_000, len(number))
        frame = series[places].with_columns(
            observed_at=pl.Series(to_us(START) + rounds * (ROUND // timedelta(microseconds=1)) + jitter_us),
            value=pl.Series(rng.random(len(number))),
        )
        again = frame[rng.integers(0, len(number), len(number) // 100)]
        yield pl.concat([frame[: len(number) - again.height], again])


def ingest(store: Store, series: pl.DataFrame, count: int, size: int, rng: np.random.Generator, url: str) -> None:
    """Append it all and print the speed of each tenth, and memory at 10 % and at the end."""
    done, spent, tenth = 0, 0.0, 1
    nothing = REFUSED.to_frame()
    for batch in batches(series, count, size, rng):
        began = time.perf_counter()
        with store.begin() as unit:
            unit.readings.append(batch, nothing, source="bench", received_at=START, received=batch.height)
        spent += time.perf_counter() - began
        done += batch.height
        while done >= count * tenth // 10:
            show(f"{done:>12,} readings  {done / spent:>10,.0f} readings/s  peak {peak_mb():,.0f} MB")
            tenth += 1
    with store.read() as unit:
        totals = unit.readings.totals()
    kind = url.split(":", 1)[0].split("+", 1)[0]
    show(f"{totals.received} received, {totals.stored} stored, {sum(totals.refused.values())} refused")
    show(f"{kind}: {done / spent:,.0f} readings/s, bound {BOUND[kind]:,} from JSON lines to committed rows")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
