"""A year of real buildings with batteries, hour by hour: our levels beside the rules, beside a plan that is obeyed.

    PYTHONPATH=. .venv/bin/python tests/bench/show_energy_citylearn.py [FOLDER] [--buildings 1,2,3] [--without-blind]

FOLDER holds the files of the CityLearn challenge of 2022 (the reference's, by default). Settings were chosen on even
months of buildings 1 and 2, with an eye on August to January; every other building is held back. Cost and emissions
are over those of the same building without a battery, the mean over buildings; the tuned rule is tuned on all that it
is measured by.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np

from optimizers.arrays import Bools, Floats
from tests.bench.citylearn import HOURS_A_DAY, Measured, Town, driven, measured, read
from tests.bench.citylearn_control import SETTINGS, Settings, banded, blind, knowing, ours, plain, served, tuned

SEASONS = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}
CHOSEN_ON = (2, 4, 6, 8, 10, 12)
OURS, SERVED, TUNED, KNOWING = "ours", "what the service sends", "tuned rule, in hindsight", "knows all"


def runs(town: Town, settings: Settings = SETTINGS, *, with_blind: bool = True) -> dict[str, Floats]:
    """What buildings draw under each controller."""
    planned = {"plan obeyed blindly": blind, "plan's bands obeyed": banded} if with_blind else {}
    planned |= {SERVED: served}
    found = {"plain rule": driven(town, plain(town))}
    rule, found[TUNED] = tuned(town)
    print(f"tuned: {rule}", flush=True)
    for name, controller in (planned | {OURS: ours}).items():
        begun = time.process_time()
        found[name] = driven(town, controller(town, settings))
        print(f"{name}: {time.process_time() - begun:.0f} CPU s", flush=True)
    found[KNOWING] = knowing(town)
    return found


def line(name: str, found: Measured) -> str:
    cost, emissions = found.cost.mean(), found.emissions.mean()
    district = f"{found.district_cost:.4f} {found.district_emissions:.4f}"
    return (
        f"{name:26} {cost:.4f} {emissions:.4f} {(cost + emissions) / 2:.4f}   {district}   "
        f"{found.ramping:.3f} {found.daily_peak:.3f}"
    )


def table(title: str, town: Town, drawn: dict[str, Floats], counted: Bools, buildings: slice = slice(None)) -> None:
    if not counted.sum() > HOURS_A_DAY:
        return
    part = town.of(buildings)
    print(f"\n{title} ({len(part.names)} buildings, {int(counted.sum())} hours)")
    print(f"{'':26} {'cost':6} {'CO2':6} {'mean':6}   {'town cost, CO2':13}   ramp  daily peak")
    found = {name: measured(part, of[buildings], counted) for name, of in drawn.items()}
    for name, one in found.items():
        print(line(name, one))
    rule, mine, best = (
        float((of.cost + of.emissions).mean()) / 2 for of in (found[TUNED], found[OURS], found[KNOWING])
    )
    if rule > best:
        print(f"of the distance from the tuned rule to perfect knowledge closed: {(rule - mine) / (rule - best):.0%}")


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reference = Path(os.environ.get("CONSIGNE_REFERENCE", "reference")) / "energy" / "citylearn"
    given.add_argument("folder", nargs="?", type=Path, default=reference)
    given.add_argument("--buildings", default="1,2,3")
    given.add_argument("--hours", type=int, default=8760)
    given.add_argument(
        "--without-blind", action="store_true", help="leave out plans for what is expected, blindly or by bands"
    )
    asked = given.parse_args()
    if not (asked.folder / "schema.json").is_file():
        print(f"no buildings in {asked.folder}: name a folder with the challenge's schema.json, or CONSIGNE_REFERENCE")
        return
    town = read(asked.folder, tuple(int(number) for number in asked.buildings.split(","))).until(asked.hours)
    drawn = runs(town, with_blind=not asked.without_blind)
    even = np.isin(town.month, CHOSEN_ON)
    whole = np.ones(len(even), np.bool_)
    chosen = [place for place, name in enumerate(town.names) if name in ("Building_1", "Building_2")]
    print(f"\n{SETTINGS}")
    table("whole year", town, drawn, whole)
    if chosen:
        table("chosen on: buildings 1 and 2, even months", town, drawn, even, slice(0, len(chosen)))
        table("buildings 1 and 2, odd months", town, drawn, ~even, slice(0, len(chosen)))
    if len(chosen) < len(town.names):
        table("held back: other buildings", town, drawn, whole, slice(len(chosen), None))
    for season, months in SEASONS.items():
        table(season, town, drawn, np.isin(town.month, months))


if __name__ == "__main__":
    main()
