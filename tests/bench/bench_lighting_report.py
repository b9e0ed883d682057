"""A report over a month of 30,000 lamps, from stored plans, counts and meters in SQLite.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_lighting_report.py

Every night has the same plan, which costs no less to read.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import polars as pl

from engine.instants import from_us, noon, to_us
from engine.model import PlanRecord
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory, catalogue_of, read_territory
from jobs.ingest import store_territory
from jobs.lighting.body import body, open_body
from jobs.lighting.night import Night
from jobs.lighting.reporting import By, make_report
from jobs.lighting.tables import tables_of
from jobs.lighting.task import build_problem
from optimizers.lighting import solve
from twin.territory import generate
from twin.traffic import made_counts

BOUND_S = 30.0
FIRST, NIGHTS, SCALE = date(2026, 11, 1), 30, 0.6
_DAY = timedelta(days=1)


def main() -> None:
    """Raises SystemExit(1) if it takes more than its bound, or its parts do not add up."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/consigne.db", datasets_dir=Path("datasets"))
        store = Store.open(settings.database_url, create=True)
        store.upgrade()
        catalogue = catalogue_of(settings)
        made = generate(SCALE, 1, reference=settings.datasets_dir / "reference")
        store_territory(store, made, catalogue, "bench", noon(FIRST))
        territory = read_territory(store, catalogue)
        store.ensure_partitions(noon(FIRST) + 62 * _DAY)
        say(f"{len(territory.of_type('Streetlight')):,} lamps, {tell(store, territory):,} readings")
        plan(store, territory, settings)
        started, worked = perf_counter(), process_time()
        found = make_report(store, territory, settings, FIRST, FIRST + (NIGHTS - 1) * _DAY)
        seconds, worked = perf_counter() - started, process_time() - worked
        lines = {by: [line.sums["planned_mwh"] for line in found.lines(by)] for by in By}
        mwh = lines[By.TERRITORY][0] / 1e9
        say(f"{len(found.planned)} nights in {seconds:.1f} s, {worked:.1f} s of a processor (bound {BOUND_S:.0f} s)")
        say(f"{mwh:.1f} MWh planned, the same by cabinet, commune and territory")
        if worked > BOUND_S or len({sum(each) for each in lines.values()}) > 1:
            raise SystemExit(1)


def tell(store: Store, territory: Territory) -> int:
    """Hourly counts of all counters, and the meters at each noon."""
    names = {name: number for number, name in territory.series_names.items()}
    with store.read() as unit:
        zones = dict(unit.inventory.series().select("series", "zone").iter_rows())
    counts = made_counts(territory.of_type("TrafficFlowObserved"), noon(FIRST), NIGHTS + 1, 1)
    rows = [
        (names[asset, "intensity"], at, value)
        for asset, at, value in counts.select("asset", "observed_at", "intensity").iter_rows()
    ]
    rows += list(metered(territory, names))
    frame = pl.DataFrame(rows, {"series": pl.Int32, "observed_at": pl.Int64, "value": pl.Float64}, orient="row")
    frame = frame.sort("observed_at").with_columns(zone=pl.col("series").replace_strict(zones, return_dtype=pl.Int32))
    none = pl.DataFrame(schema=dict.fromkeys(("asset", "property", "reason", "detail", "raw"), pl.String))
    with store.begin() as unit:
        unit.readings.append(
            frame, none, source="bench", received_at=from_us(int(frame["observed_at"][-1])), received=frame.height
        )
    return frame.height


def metered(territory: Territory, names: dict[tuple[str, str], int]) -> Iterator[tuple[int, int, float]]:
    for cabinet in territory.of_type("StreetlightControlCabinet"):
        for k in range(NIGHTS + 1):
            yield names[cabinet.id, "energyConsumed"], to_us(noon(FIRST + k * _DAY)), 100.0 + 20.0 * k


def plan(store: Store, territory: Territory, settings: Settings) -> None:
    """One plan, stored for every night."""
    tables = tables_of(settings)
    counters = territory.of_type("TrafficFlowObserved")
    history = made_counts(counters, noon(FIRST - 28 * _DAY), 28, 1).select("asset", "observed_at", "intensity")
    task = build_problem(
        territory.of_type("Streetlight"), counters, history, start_at=noon(FIRST), tables=tables, quantile=0.9
    )
    solved = solve(task.problem)
    block = body(task, solved)
    say(f"a plan's body: {len(block) / 1e6:.2f} MB, opened in {seconds_of(block):.2f} s")
    with store.begin() as unit:
        for k in range(NIGHTS):
            night = later(task.night, k * _DAY)
            record = PlanRecord(
                f"lighting-{k}", "lighting", night.start, night.start, night.until, "optimal", 0.0, 0.0, "bench", ""
            )
            unit.plans.save(record, body(replace(task, night=night), solved))


def later(night: Night, by: timedelta) -> Night:
    """The same night on another day; no clocks change in November."""
    slots = tuple(at + by for at in night.slots)
    return Night(slots, night.until + by, night.on_at + by, night.off_at + by, night.burning)


def seconds_of(block: bytes) -> float:
    times = []
    for _ in range(3):
        started = perf_counter()
        open_body(block)
        times.append(perf_counter() - started)
    return float(np.min(times))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
