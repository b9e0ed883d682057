"""An office planned for a day by a forecast that is wrong by half: what it costs, and that comfort and contract hold.

    PYTHONPATH=. .venv/bin/python tests/bench/show_energy_wrong_forecast.py [--full]

Without options two days of winter in the twin; --full: twelve. Beside it the plan of a right forecast, and what stands
without plans: the timetable, self-consumption, vehicles at once. Exits 1 where the meter tripped, a vehicle left
without what it wanted, or rooms were warm for fewer hours than under the rule, all days taken together.
"""

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from tests.bench.energy_wrong import RIGHT, WRONGS, Came, Wrong, made_day, ran

RULE = "no plan: the rule"
LEFT_KWH = 0.5
"""What a vehicle may lack: two per cent of what it wants."""
Job = tuple[int, Wrong | None]


def run(job: Job) -> Came:
    seed, wrong = job
    return ran(made_day(seed), wrong)


def jobs(days: int) -> list[Job]:
    return [(seed, wrong) for seed in range(1, days + 1) for wrong in (None, *WRONGS)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--days", type=int)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    began = time.perf_counter()
    todo = jobs(options.days or (12 if options.full else 2))
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        came = list(pool.map(run, todo, chunksize=len(WRONGS) + 1))
    held = tell(todo, came)
    print(f"\n{time.perf_counter() - began:.0f} s, {options.processes} processes")
    return 0 if held else 1


def tell(todo: Sequence[Job], came: Sequence[Came]) -> bool:
    """A line for each forecast, of all days; whether everything was kept under all of them."""
    by: dict[str, list[Came]] = {}
    for (_, wrong), one in zip(todo, came, strict=True):
        by.setdefault(RULE if wrong is None else wrong.name, []).append(one)
    heads = ("EUR a day", "to right", "to rule", "warm h", "of h", "lacking kWh", "trips", "highest")
    print(f"{'forecast':<32}" + "".join(f"{head:>13}" for head in heads))
    right, rule = (float(np.mean([one.eur for one in by[name]])) for name in (RIGHT.name, RULE))
    for name, mine in by.items():
        print(f"{name:<32}" + "".join(f"{cell:>13}" for cell in cells(mine, right, rule)))
    return all(kept(mine, by[RULE]) for name, mine in by.items() if name != RULE)


def cells(mine: Sequence[Came], right: float, rule: float) -> tuple[str, ...]:
    eur = float(np.mean([one.eur for one in mine]))
    return (
        f"{eur:.2f}", f"{eur / right - 1:+.1%}", f"{eur / rule - 1:+.1%}", f"{sum(one.warm_h for one in mine):.2f}",
        f"{sum(one.occupied_h for one in mine):.2f}", f"{sum(one.lacking_kwh for one in mine):.1f}",
        f"{sum(one.trips for one in mine)}", f"{max(one.highest for one in mine):.2f}",
    )  # fmt: skip


def kept(mine: Sequence[Came], rule: Sequence[Came]) -> bool:
    """The contract in every minute that counts, vehicles, and no fewer warm hours than the rule's."""
    lacks = any(one.lacking_kwh > LEFT_KWH or one.trips for one in mine)
    return not lacks and sum(one.warm_h for one in mine) >= sum(one.warm_h for one in rule)


if __name__ == "__main__":
    raise SystemExit(main())
