"""A year of two streets, counted hour by hour: energy and under-lit lamp-time of the best fixed programs, of ours, and
of one who knew. Forecasts and programs are fitted on earlier months only.

    PYTHONPATH=. .venv/bin/python tests/bench/show_lighting_year.py [--reference FOLDER] [-o FOLDER]

Prints the table; -o writes every point of the curves as CSV and the plot as SVG. Without the folder of reference data
it shows some weeks of counts that are made, which prove nothing of real streets.
"""

import argparse
import csv
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from optimizers.forecast.hours import Floats, Ints
from tests.bench.lighting_heard import lifted, quarters
from tests.bench.lighting_plot import plot
from tests.bench.lighting_policies import (
    Curve,
    at_noon,
    by_quantile,
    choose,
    curve,
    either,
    fixed,
    live,
    search,
    todays,
    wetting,
)
from tests.bench.lighting_walked import Ways, by_forecast, by_program
from tests.bench.lighting_year import ROOT, Outcome, Year, full_kwh, made_year, outcome, read_year

SHARES = (0.0005, 0.001, 0.002, 0.005, 0.01)
AIMED = 0.009  # what the price of each month is to hold, of the hundredth that is allowed


@dataclass(frozen=True, eq=False)
class Study:
    """A year and what was fitted on it: chances by live counts and at noon, fixed programs tried."""

    year: Year
    live: Floats
    noon: Floats
    by_street: Sequence[Ints]
    by_day: Sequence[Ints]

    def seen_as(self, year: Year) -> "Study":
        """The same programs and forecasts, judged by another account of rain."""
        return replace(self, year=year)

    def fixed_by_street(self) -> Curve:
        return fixed(self.year, self.by_street, "best fixed, one program a street")

    def fixed_by_day(self) -> Curve:
        return fixed(self.year, self.by_day, "best fixed, by kind of day")

    def ours_at_noon(self) -> Curve:
        return curve(self.year, "forecast of noon", choose(either(self.noon, wetting(self.year))))

    def ours(self) -> Curve:
        return curve(self.year, "forecast with live counts", choose(either(self.live, wetting(self.year))))

    def ours_rain_foreseen(self) -> Curve:
        surely = self.year.surprised * self.year.reaction
        return curve(self.year, "the same, were rain foreseen", choose(either(self.live, surely)))

    def ours_heard(self) -> Curve:
        chosen = choose(either(self.live, wetting(self.year)))
        heard = quarters(self.year)
        return curve(
            self.year, "live counts, and quarters heard", lambda price: lifted(self.year, chosen(price), heard)
        )

    def ours_walked(self) -> Ways:
        return by_forecast(self.year, either(self.live, wetting(self.year)))

    def oracle(self) -> Outcome:
        return outcome(self.year, "oracle: knows traffic and rain", self.year.need)


def study(year: Year) -> Study:
    """Fit everything, month by month on the earlier ones."""
    return Study(year, live(year), at_noon(year), search(year, by_day=False), search(year, by_day=True))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("CONSIGNE_REFERENCE", ROOT.parent / "shared" / "reference"))
    words.add_argument("--reference", type=Path, default=default, help=f"folder of reference data, {default}")
    words.add_argument("-o", "--output", type=Path, help="folder for lighting-year.csv and lighting-year.svg")
    options = words.parse_args()
    began = time.perf_counter()
    real = options.reference.is_dir()
    year = read_year(options.reference) if real else made_year()
    if not real:
        print(f"No reference data at {options.reference}: counts and showers below are MADE, the figures an example.\n")
    found = study(year)
    curves = [
        found.fixed_by_street(),
        found.fixed_by_day(),
        found.ours_at_noon(),
        found.ours(),
        found.ours_rain_foreseen(),
        Curve("oracle: knows traffic and rain", (found.oracle(),)),
    ]
    tell(found, curves)
    if options.output:
        write(options.output, "A year on real counts" if real else "Some weeks on made counts", curves)
    print(f"\n{time.perf_counter() - began:.0f} s")


def tell(found: Study, curves: Sequence[Curve]) -> None:
    year = found.year
    hours = " and ".join(f"{row.sum() / 4:.0f}" for row in year.judged)
    capacities = " and ".join(f"{veh_h:.0f}" for veh_h in year.capacity)
    nights, wet = year.dark[2].max() + 1 - year.led_in, year.wet_now[year.judged.any(axis=0)].mean()
    print(f"{' and '.join(year.names)}: {nights} nights, {hours} burning hours with a count")
    print(f"{wet:.1%} of them on a wet road; capacities of {capacities} veh/h\n")
    line("policy", ("kWh", "saved", "under-lit", "by rain", "deep", "switches", "crossings"))
    for one in rows(found, curves):
        shares = (one.saved, one.under_lit, one.by_rain, one.deep)
        kwh = f"{one.energy * full_kwh(year):.0f}"
        line(one.name, (kwh, *(f"{share:.2%}" for share in shares), f"{one.switches:.1f}", f"{one.at_crossings:.2%}"))
    compare("rain lifts lamps a quarter of an hour late", found)
    compare("rain lifts lamps five minutes late", found.seen_as(replace(year, reaction=1 / 3)))
    compare("traffic alone, as if it never rained", found.seen_as(year.without_rain()))
    beforehand(found)
    by_street(found)


def line(name: str, cells: Sequence[str]) -> None:
    print(f"{name:<46}" + "".join(f"{cell:>11}" for cell in cells))


def rows(found: Study, curves: Sequence[Curve]) -> list[Outcome]:
    year = found.year
    full = np.full_like(year.need, 2)
    walked = found.ours_walked().walked(AIMED)
    points = [
        replace(one.at(share), name=f"{one.name}, to {share:.1%}")
        for one in curves[:5]
        for share in (0.002, 0.005, 0.01)
    ]
    quantiles = [
        outcome(year, f"quantile of {level:.0%}, {when}", by_quantile(exceeds, level))
        for level in (0.9, 0.94, 0.98)
        for when, exceeds in (("at noon", found.noon), ("with live counts", found.live))
    ]
    return [
        outcome(year, "full LED", full),
        outcome(year, "today's 100/70/50, rain not heeded", todays(year), rain=False),
        *points,
        *quantiles,
        outcome(year, f"forecast, price walked forward to {AIMED:.1%}", walked),
        curves[5].outcomes[0],
    ]


def compare(name: str, found: Study) -> None:
    """Energy at equal under-lit lamp-time, and how far ours is below the fixed ones and above the oracle."""
    street, day = found.fixed_by_street(), found.fixed_by_day()
    ours, heard, foreseen = found.ours(), found.ours_heard(), found.ours_rain_foreseen()
    oracle = found.oracle().energy
    print(f"\n{name}: energy over that of full LED, at equal under-lit lamp-time")
    line("under-lit", [f"{share:.2%}" for share in SHARES])
    for one in (street, day, ours, heard, foreseen):
        line(one.name, [f"{one.energy_at(share):.1%}" for share in SHARES])
    pairs = {
        "live counts below one program a street": (ours, street),
        "live counts below by kind of day": (ours, day),
        "quarters heard below one program a street": (heard, street),
        "quarters heard below by kind of day": (heard, day),
        "rain foreseen below one program a street": (foreseen, street),
        "rain foreseen below by kind of day": (foreseen, day),
    }
    for label, (one, base) in pairs.items():
        line(label, [f"{1 - one.energy_at(share) / base.energy_at(share):.1%}" for share in SHARES])
    line(f"oracle, {oracle:.1%}, below live counts", [f"{1 - oracle / ours.energy_at(share):.1%}" for share in SHARES])


def beforehand(found: Study) -> None:
    """The same where the price, and the program of each street, are chosen each month by earlier ones."""
    ways = {
        "fixed, one program a street": by_program(found.year, found.by_street),
        "fixed, by kind of day": by_program(found.year, found.by_day),
        "forecast with live counts": found.ours_walked(),
    }
    print("\nnothing chosen with hindsight: energy over that of full LED, at equal under-lit lamp-time")
    line("under-lit", [f"{share:.2%}" for share in SHARES])
    curves = [each.curve(name) for name, each in ways.items()]
    for one in curves:
        line(one.name, [f"{one.energy_at(share):.1%}" for share in SHARES])
    *bases, ours = curves
    for base in bases:
        label = f"live counts below {base.name}"
        line(label, [f"{1 - ours.energy_at(share) / base.energy_at(share):.1%}" for share in SHARES])
    for name, each in ways.items():
        held = [outcome(found.year, name, each.walked(share)) for share in SHARES]
        line(f"{name}, aimed at: came", [f"{o.under_lit:.2%}" for o in held])
        line("… and saved on full LED", [f"{o.saved:.1%}" for o in held])


def by_street(found: Study) -> None:
    year = found.year
    walked = found.ours_walked().walked(AIMED)
    print(f"\nprice walked forward to {AIMED:.1%}, by street")
    for k, name in enumerate(year.names):
        one, knew = (outcome(year, name, told, streets=slice(k, k + 1)) for told in (walked, year.need))
        print(f"{name:<24} saved {one.saved:.1%}, under-lit {one.under_lit:.2%}; oracle saved {knew.saved:.1%}")


def write(folder: Path, title: str, curves: Sequence[Curve]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lighting-year.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["policy", "energy_of_full", "under_lit", "by_rain", "deep", "switches_a_night"])
        for one in curves:
            for o in one.outcomes:
                figures = (o.energy, o.under_lit, o.by_rain, o.deep, o.switches)
                table.writerow([one.name, *(f"{figure:.5f}" for figure in figures)])
    (folder / "lighting-year.svg").write_text(plot(title, curves), encoding="utf-8")


if __name__ == "__main__":
    main()
