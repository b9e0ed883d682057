"""What watching costs: `python tests/bench/bench_status.py [--only sqlite|postgresql]`.

A scrape of a large database: 1,000 zones that are all behind, a million commands of which 50,000 wait, 300,000 runs;
the best of three looks, nothing kept from the one before. Then one mark of a part, and one span that nobody collects.
PostgreSQL is the server named by CONSIGNE_TEST_POSTGRES, left out where none answers.
"""

import argparse
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter

from bench_ingest import postgres_database, sqlite_database
from prometheus_client import generate_latest
from sqlalchemy import create_engine

from engine.instants import to_us
from engine.store import Store
from jobs.bootstrap import StoryClock
from jobs.status import everything
from jobs.tracing import span
from jobs.vitals import Vitals

BOUND_S = 1.0
NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)
US = to_us(NOW)
AGO = f"{US} - x * 1500000"
DUE = f"{US} - x * 180000000"
COMMAND = (
    "command (id, point, gateway, seq, program, issued_at, expires_at, state, attempts, explanation, not_before, "
    "urgent, level, repeats)"
)
RUN = "job_run (job, occurrence, due_at, state, attempts, cause, host, fence, started_at, finished_at, detail)"
STATE = "CASE WHEN x <= 50000 THEN 'queued' WHEN mod(x, 50) = 0 THEN 'failed' ELSE 'verified' END"
ENDED = "CASE WHEN mod(x, 10) = 0 THEN 'failed' ELSE 'done' END"
POINT = "'c' || x, 'p' || mod(x, 60000), 'g', x, '[]'"
ROWS = (
    ("commune", 1, "'49007', 'Angers', 1, 0, 0, 1"),
    ("zone", 1_000, "'Z' || x, x, '49007', 500, 1"),
    ("cursor", 1_000, "'rules', x, 300"),
    ("cursor", 1_000, "'store.roll-up', x, 100"),
    ("reading", 499_000, f"1 + x / 500, 1 + mod(x, 500), 1 + x / 500, {US} - x * 1000, x, 0"),
    (COMMAND, 1_000_000, f"{POINT}, {AGO}, {US}, {STATE}, 1, 'null', {AGO}, 0, 12, 0"),
    (RUN, 300_000, f"'j' || mod(x, 5), 'o' || x, {DUE}, {ENDED}, 1, 'schedule', 'h', 1, {DUE}, {DUE}, 'null'"),
)


def main() -> None:
    """Raises SystemExit(1) where a scrape takes longer than its bound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    only = parser.parse_args().only
    slow = False
    for name, opened in (("sqlite", sqlite_database), ("postgresql", postgres_database)):
        if only in {None, name}:
            with opened() as url:
                slow |= url is not None and scraped(name, url) > BOUND_S
    vitals = Vitals()
    print(f"a mark of a part: {once(lambda: vitals.success('cycle')):.2f} µs; a span: {once(spanned):.2f} µs")
    if slow:
        raise SystemExit(1)


def scraped(name: str, url: str) -> float:
    """Seconds of one scrape."""
    store = Store.open(url, create=True)
    store.upgrade()
    store.ensure_partitions(NOW)
    fill(url)
    best, page = 1e9, b""
    for _ in range(3):
        began = perf_counter()
        page = generate_latest(everything(store.read, Vitals(), StoryClock(NOW)))
        best = min(best, perf_counter() - began)
    store.close()
    print(f"{name}: a scrape in {best * 1000:.0f} ms (bound {BOUND_S:.0f} s), {len(page) / 1000:.0f} kB")
    return best


def fill(url: str) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    numbers = "WITH RECURSIVE g(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM g WHERE x < {n})"
    if engine.dialect.name == "postgresql":
        numbers = "WITH g AS (SELECT x::bigint AS x FROM generate_series(1, {n}) AS h(x))"
    with engine.begin() as connection:
        for table, count, values in ROWS:
            connection.exec_driver_sql(f"INSERT INTO {table} {numbers.format(n=count)} SELECT {values} FROM g")
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def spanned() -> None:
    with span("cycle", readings=5):
        pass


def once(run: Callable[[], object], times: int = 200_000) -> float:
    """Microseconds."""
    return min(timeit.repeat(run, number=times, repeat=3)) / times * 1e6


if __name__ == "__main__":
    main()
