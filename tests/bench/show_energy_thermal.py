"""A heating season of public buildings in the twin: energy, cost and warm hours of timetables, and of our plan.

    PYTHONPATH=. .venv/bin/python tests/bench/show_energy_thermal.py [--full] [--weather FOLDER] [--days N] [-o FOLDER]

Without options two kinds for six weeks. --full: eight kinds from mid-October to mid-April, and where --weather names a
folder of what a station measured in 2023, January to March as well. Every hour the deployed optimiser plans the room as
it was learnt from its own meters. Exits 1 where less than 20 % is saved beside the fixed timetable, or an hour with
people in is warm under it and not under ours.
"""

import argparse
import csv
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path

from tests.bench.energy_heat import Case, Fixed, Lived, OptimumStart, Planned, Policy, live
from twin.energy.kinds import TIMETABLES, Age
from twin.energy.plant import Source

FIXED, HOLIDAYS, OPTIMUM, OURS = (
    "fixed timetable", "fixed, holidays set back", "optimum start, calendar known", "our plan"
)  # fmt: skip
NAMES = (FIXED, HOLIDAYS, OPTIMUM, OURS)
KINDS = (
    Case("school", Age.MIDDLE, Source.BOILER),
    Case("office", Age.OLD, Source.HEAT_PUMP),
    Case("school", Age.OLD, Source.BOILER),
    Case("school", Age.RENEWED, Source.HEAT_PUMP),
    Case("office", Age.MIDDLE, Source.DISTRICT),
    Case("nursery", Age.MIDDLE, Source.BOILER, floor_m2=800.0),
    Case("culture", Age.MIDDLE, Source.HEAT_PUMP),
    Case("sports", Age.MIDDLE, Source.DISTRICT),
)
MEASURED = (date(2023, 1, 23), 67)
"""Of 2023: from three weeks after its start to the end of March."""
WANTED = 0.20


def policy(name: str, use: str) -> Policy:
    table = TIMETABLES[use]
    made: dict[str, Policy] = {
        FIXED: Fixed(table), HOLIDAYS: Fixed(table, holidays=True), OPTIMUM: OptimumStart(), OURS: Planned()
    }  # fmt: skip
    return made[name]


def run(job: tuple[Case, str]) -> Lived:
    case, name = job
    return live(case, name, policy(name, case.use))


def cases(*, full: bool, weather: Path | None, days: int | None) -> Iterator[Case]:
    kinds = KINDS if full else KINDS[:2]
    length = days or (182 if full else 42)
    yield from (replace(case, days=length) for case in kinds)
    if weather is not None:
        yield from (replace(case, weather=weather, first=MEASURED[0], days=days or MEASURED[1]) for case in kinds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--weather", type=Path)
    parser.add_argument("--days", type=int)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    weather = options.weather if options.weather and options.weather.is_dir() else None
    if options.weather and weather is None:
        print(f"no folder {options.weather}: made weather alone")
    began = time.perf_counter()
    found = list(cases(full=options.full, weather=weather, days=options.days))
    jobs = [(case, name) for name in reversed(NAMES) for case in found]
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        lived = list(pool.map(run, jobs))
    held = tell(lived)
    if options.output:
        write(options.output, lived)
    print(f"\n{time.perf_counter() - began:.0f} s, {options.processes} processes")
    return 0 if held else 1


def tell(lived: Sequence[Lived]) -> bool:
    """A table for each weather; whether what is wanted was kept in all."""
    held = True
    for measured in (False, True):
        mine = [one for one in lived if (one.case.weather is not None) == measured]
        if mine:
            days = mine[0].case.days
            print(f"\n{'weather of Orly, 2023' if measured else 'made weather'}, {days} days from {mine[0].case.first}")
            held &= table(mine)
    return held


def table(lived: Sequence[Lived]) -> bool:
    heads = ("kWh bought", "EUR", "beside", "warm h", "of h", "lacking K·h", "starts")
    print(f"{'':<36}{'':<32}" + "".join(f"{head:>12}" for head in heads))
    for case in dict.fromkeys(one.case for one in lived):
        lines(case.name, [one for one in lived if one.case == case])
    lines("all", [total(name, [one for one in lived if one.policy == name]) for name in NAMES])
    return kept(lived)


def lines(what: str, mine: Sequence[Lived]) -> None:
    by = {one.policy: one for one in mine}
    for name in NAMES:
        one = by[name]
        saved = one.bought_kwh / by[FIXED].bought_kwh - 1
        cells = (
            f"{one.bought_kwh:.0f}", f"{one.eur:.0f}", f"{saved:+.1%}", f"{one.comfort_h:.2f}",
            f"{one.occupied_h:.2f}", f"{one.lacking_kh:.1f}", f"{one.starts}",
        )  # fmt: skip
        print(f"{what if name == FIXED else '':<36}{name:<32}" + "".join(f"{cell:>12}" for cell in cells))


def total(name: str, mine: Sequence[Lived]) -> Lived:
    sums = {
        field: sum(getattr(one, field) for one in mine)
        for field in ("bought_kwh", "heat_kwh", "eur", "occupied_h", "comfort_h", "lacking_kh", "starts")
    }
    return Lived(mine[0].case, name, **sums)


def kept(lived: Sequence[Lived]) -> bool:
    """A fifth saved of all that is bought, and no hour that is warm under the timetable and not under ours."""
    fixed, ours = (total(name, [one for one in lived if one.policy == name]) for name in (FIXED, OURS))
    saved = 1 - ours.bought_kwh / fixed.bought_kwh
    print(f"saved beside the fixed timetable: {saved:.1%}; warm hours {ours.comfort_h:.2f} and {fixed.comfort_h:.2f}")
    return saved >= WANTED - 1e-9 and ours.comfort_h >= fixed.comfort_h


def write(folder: Path, lived: Sequence[Lived]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = ("bought_kwh", "heat_kwh", "eur", "occupied_h", "comfort_h", "lacking_kh", "starts")
    with (folder / "energy-thermal.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("case", "weather", "policy", *names))
        for one in lived:
            weather = "measured" if one.case.weather else "made"
            rows.writerow((one.case.name, weather, one.policy, *(getattr(one, name) for name in names)))


if __name__ == "__main__":
    raise SystemExit(main())
