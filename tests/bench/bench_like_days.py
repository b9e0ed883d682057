"""How well loads of CityLearn's houses are foretold by like days: error, and how often the margin held.

Run by hand: python tests/bench/bench_like_days.py. Reads CONSIGNE_REFERENCE/energy/citylearn.
"""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from optimizers.arrays import Bools, Floats
from optimizers.energy.likedays import Foretold, foretell, nearer

REFERENCE = Path(os.environ.get("CONSIGNE_REFERENCE", Path(__file__).resolve().parents[3] / "shared" / "reference"))
FOLDER = REFERENCE / "energy" / "citylearn"
HOUSES = ("Building_1", "Building_2", "Building_3")
WEEKEND = (1, 7, 8)  # Sunday, Saturday, holiday: as CityLearn numbers days
DAYS, FIRST, BLOCK = 35, 60, 4


def loads() -> tuple[Floats, Bools]:
    """(D, 24, 3) W by day and hour, and (D,) which days are no workdays."""
    rows = [list(csv.DictReader((FOLDER / f"{house}.csv").open())) for house in HOUSES]
    drawn = np.array([[float(row["non_shiftable_load"]) * 1000 for row in house] for house in rows]).T
    off = np.array([int(float(row["day_type"])) in WEEKEND for row in rows[0]])
    days = len(drawn) // 24
    return drawn[: days * 24].reshape(days, 24, len(HOUSES)), off[: days * 24].reshape(days, 24)


def foretold(drawn: Floats, off: Bools, day: int) -> Foretold:
    """Of a day, at its midnight."""
    return foretell(drawn[day - DAYS : day], off[day - DAYS : day] == off[day], BLOCK)


def at_midnight(drawn: Floats, off: Bools) -> Iterator[tuple[Floats, Floats, Floats]]:
    for day in range(FIRST, min(len(drawn), 360), 3):
        found, past = foretold(drawn, off, day), drawn[day - DAYS : day]
        alike = np.where((off[day - DAYS : day] == off[day])[:, :, None], past, np.nan)
        kept = (drawn[day] <= found.expected + found.margin).mean(axis=0)
        others = np.stack([found.expected, drawn[day - 1], np.nanmean(alike, axis=0)])
        yield np.abs(drawn[day] - others).mean(axis=1), kept, found.expected


def within_the_day(drawn: Floats, off: Bools) -> Iterator[Floats]:
    for day in range(FIRST, min(len(drawn), 360), 6):
        found = foretold(drawn, off, day)
        for hour in range(2, 20, 3):
            more = (drawn[day, hour - 2 : hour] - found.expected[hour - 2 : hour]).mean(axis=0)
            later = nearer(found, more, np.arange(24) - hour + 0.5)
            ahead = slice(hour, hour + 4)
            yield np.stack([np.abs(drawn[day, ahead] - of.expected[ahead]).mean(axis=0) for of in (found, later)])


def main() -> None:
    if not FOLDER.is_dir():
        print(f"no houses at {FOLDER}: name the folder that holds energy/citylearn in CONSIGNE_REFERENCE")
        return
    drawn, off = loads()
    rows = list(at_midnight(drawn, off))
    error, kept = np.mean([row[0] for row in rows], axis=0), np.mean([row[1] for row in rows], axis=0)
    print(f"{len(rows)} days foretold at midnight from {DAYS} before; mean error in W of {', '.join(HOUSES)}")
    for name, figures in zip(("like days, smoothed", "the day before", "mean of like days"), error, strict=True):
        print(f"  {name:<22}", *(f"{figure:8.0f}" for figure in figures))
    print("  within the margin, %  ", *(f"{100 * share:8.1f}" for share in kept))
    before, after = np.mean(list(within_the_day(drawn, off)), axis=0)
    print("the next four hours, in the day; mean error in W")
    print("  as at midnight        ", *(f"{figure:8.0f}" for figure in before))
    print("  with the last two h   ", *(f"{figure:8.0f}" for figure in after))


if __name__ == "__main__":
    main()
