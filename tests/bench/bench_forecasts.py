"""How long a large issue of forecasts takes to be stored, and to be read as of an instant.

python tests/bench/bench_forecasts.py [--places 5000] [--url postgresql://…]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from engine.instants import to_us
from engine.store import Store

START = datetime(2026, 11, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURS, ISSUES = 50, 3


def issue(places: int, start: datetime, rng: np.random.Generator) -> pl.DataFrame:
    """Four quantiles of one variable, hourly, at so many places."""
    frame = pl.DataFrame({"place": [f"place-{number:05}" for number in range(places)]})
    frame = frame.join(pl.DataFrame({"valid_at": [to_us(start + hour * HOUR) for hour in range(HOURS)]}), how="cross")
    frame = frame.join(pl.DataFrame({"quantile": [0.1, 0.5, 0.9, 0.95]}), how="cross")
    return frame.with_columns(variable=pl.lit("temperature"), value=pl.Series(rng.random(frame.height)))


def timed(name: str, work: Callable[[], Any]) -> None:
    began, spent = time.perf_counter(), time.process_time()
    rows = work()
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - spent
    print(f"{name:<28} {rows:>9} values {wall_s:7.2f} s, of it {cpu_s:.2f} s of this process")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--places", type=int, default=5_000)
    words.add_argument("--url", help="an empty database; a SQLite file of its own by default")
    options = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(options.url or f"sqlite:///{Path(folder) / 'bench.db'}", create=True)
        store.upgrade()
        run(store, options.places)
        store.close()


def run(store: Store, places: int) -> None:
    rng = np.random.default_rng(1)

    def save(at: datetime) -> int:
        values = issue(places, at, rng)
        with store.begin() as unit:
            unit.forecasts.save("bench", values, issued_at=at, received_at=at, step=HOUR)
        return values.height

    def read(since: datetime, until: datetime, **narrow: Any) -> int:
        with store.read() as unit:
            return unit.forecasts.as_of(START + ISSUES * HOUR, "bench", since, until, **narrow).height

    end = START + (HOURS + ISSUES) * HOUR
    for number in range(ISSUES):
        timed(f"issue {number + 1} stored", lambda at=START + number * HOUR: save(at))  # type: ignore[misc]
    timed("all of it read", lambda: read(START, end))
    timed("one hour of all places", lambda: read(START + 9 * HOUR, START + 10 * HOUR))
    timed("one place", lambda: read(START, end, places=["place-00001"]))


if __name__ == "__main__":
    main()
