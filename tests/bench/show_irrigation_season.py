"""A season of watered parks, April to September: water and stress of clocks, of a probe threshold, and of our plan.

    PYTHONPATH=. .venv/bin/python tests/bench/show_irrigation_season.py [--full] [--weather FOLDER] [-o FOLDER]

Without options two made seasons of four networks. --full: thirty of them and, where --weather names a folder of what a
station measured in 2023, that season on forty networks. Every evening the deployed path is solved at its deployed gap.
-o writes a row for each season and policy as CSV.
"""

import argparse
import csv
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from optimizers.arrays import Floats
from tests.bench.irrigation_policies import Planned, clocks, threshold
from tests.bench.irrigation_season import Lived, Policy, Season, live, season_of
from tests.bench.irrigation_town import NIGHTS, made_sky, made_town, normal_mm_day, orly_sky

OURS = "our plan"
MONTHLY = "clock set each month"
PROBES = "probes, filled up from RAW on"
NORMAL_SEEDS = range(900, 920)
"""Other years, of which clocks know what a mean month wants."""
FIRST_SEED = 1
"""Of the seasons that are measured; 101 and later were for finding out."""
TOLERANCE_M3_H = 1e-6


@dataclass(frozen=True, slots=True)
class Job:
    """A policy in a season. `weather` is a folder of measurements, None for made ones."""

    policy: str
    seed: int
    networks: int
    nights: int = NIGHTS
    weather: Path | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What became of a job. Stress in days a hydrozone, `worst` of the one that had most; `lack` is the share of what
    plants wanted to transpire and could not; `over` counts nights of a network beyond what it is said to carry, by
    known flows, `truly_over` beyond what it carries, by true ones.
    """

    season: str
    policy: str
    water_m3: float
    stress: float
    worst: int
    lack: float
    percolated_mm: float
    forbidden_min: float
    over: int
    truly_over: int
    seconds: float


@cache
def _normal() -> Floats:
    return normal_mm_day(NORMAL_SEEDS)


def season(job: Job) -> Season:
    sky = made_sky(job.seed, _normal(), job.nights) if job.weather is None else orly_sky(job.weather)
    return season_of(made_town(job.networks, job.seed), sky, job.seed, job.nights)


def policies(of: Season) -> Mapping[str, Policy]:
    return {**clocks(of), PROBES: threshold(of.town), OURS: Planned()}


NAMES = (
    "clock set for July", "clock set for July, rain sensor", MONTHLY, f"{MONTHLY}, rain sensor",
    f"{MONTHLY}, by plant", f"{MONTHLY}, by plant, rain sensor", PROBES, OURS,
)  # fmt: skip


def run(job: Job) -> Row:
    began, of = time.perf_counter(), season(job)
    return row(of, live(of, job.policy, policies(of)[job.policy]), time.perf_counter() - began)


def row(of: Season, lived: Lived, seconds: float) -> Row:
    days = lived.stress.sum(axis=0)
    return Row(
        season=of.sky.name,
        policy=lived.name,
        water_m3=float(lived.water_m3.sum()),
        stress=float(days.mean()),
        worst=int(days.max()),
        lack=float(1 - lived.transpired_mm.sum() / lived.wanted_mm.sum()),
        percolated_mm=float(lived.percolated_mm.sum(axis=0).mean()),
        forbidden_min=float(lived.forbidden_min.sum()),
        over=int((lived.over_m3_h > TOLERANCE_M3_H).sum()),
        truly_over=int((lived.truly_over_m3_h > TOLERANCE_M3_H).sum()),
        seconds=seconds,
    )


def jobs(*, full: bool, weather: Path | None, seasons: int, networks: int, nights: int) -> Iterator[Job]:
    """The longest first."""
    if weather is not None:
        yield from (Job(name, 0, 40 if full else networks, NIGHTS, weather) for name in reversed(NAMES))
    for name in reversed(NAMES):
        yield from (Job(name, FIRST_SEED + k, networks, nights) for k in range(seasons))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--weather", type=Path)
    parser.add_argument("--seasons", type=int)
    parser.add_argument("--networks", type=int, default=4)
    parser.add_argument("--nights", type=int, default=NIGHTS)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    began = time.perf_counter()
    seasons = options.seasons if options.seasons is not None else 30 if options.full else 2
    weather = options.weather if options.weather and options.weather.is_dir() else None
    if options.weather and weather is None:
        print(f"no folder {options.weather}: made seasons alone")
    todo = list(jobs(full=options.full, weather=weather, seasons=seasons, networks=options.networks,
                     nights=options.nights))  # fmt: skip
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        rows = list(pool.map(run, todo))
    tell(rows)
    if options.output:
        write(options.output, rows)
    print(f"\n{time.perf_counter() - began:.0f} s, {options.processes} processes")


def tell(rows: Sequence[Row]) -> None:
    made = [one for one in rows if one.season.startswith("made")]
    for name in dict.fromkeys(one.season for one in rows if one not in made):
        print(f"\n{name}")
        table([one for one in rows if one.season == name])
    if made:
        print(f"\n{len({one.season for one in made})} made seasons: means of a season")
        table(made)


def table(rows: Sequence[Row]) -> None:
    """A line for each policy; savings are ours on it: of all the water, and in the season in which it is least."""
    heads = ("m³", "stress-days", "worst zone", "lack", "percolated", "forbidden", "over", "truly over", "ours saves",
             "at least")  # fmt: skip
    print(f"{'policy':<46}" + "".join(f"{head:>13}" for head in heads))
    ours = {one.season: one for one in rows if one.policy == OURS}
    for name in NAMES:
        mine = [one for one in rows if one.policy == name]
        if mine:
            print(f"{name:<46}" + "".join(f"{cell:>13}" for cell in cells(mine, ours)))


def cells(mine: Sequence[Row], ours: Mapping[str, Row]) -> Iterator[str]:
    yield f"{np.mean([one.water_m3 for one in mine]):.0f}"
    yield f"{np.mean([one.stress for one in mine]):.2f}"
    yield f"{max(one.worst for one in mine)}"
    yield f"{np.mean([one.lack for one in mine]):.2%}"
    yield f"{np.mean([one.percolated_mm for one in mine]):.0f} mm"
    yield f"{sum(one.forbidden_min for one in mine):.0f} min"
    yield f"{sum(one.over for one in mine)}"
    yield f"{sum(one.truly_over for one in mine)}"
    pairs = [(ours[one.season].water_m3, one.water_m3) for one in mine if one.season in ours]
    if pairs and all(theirs for _, theirs in pairs):
        yield f"{1 - sum(a for a, _ in pairs) / sum(b for _, b in pairs):.1%}"
        yield f"{min(1 - a / b for a, b in pairs):.1%}"


def write(folder: Path, rows: Sequence[Row]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "irrigation-season.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [one.name for one in fields(Row)], lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(one) for one in rows)


if __name__ == "__main__":
    main()
