"""A collection day replayed in the twin: a truck breaks down, bins overflow, a street is closed.

    PYTHONPATH=. python tests/bench/show_collection_day.py [--containers 70] [--trucks 3] [--seed 1]

At 09:40 the truck with most left to do breaks down for good, at 11:00 three containers that no round empties are filled
up at once, at 13:00 a street is closed. Prints every plan of the day, what asked for it, what changed and what stayed,
kilometres and reasons; at the end what the twin knows of it, beside the same day on which nobody plans again.
"""

import argparse
import logging
from collections.abc import Sequence
from datetime import date

import structlog

from engine.instants import PARIS
from engine.model import PlanOrigin
from jobs.collection.saying import clock, reason_of
from tests.bench.collection_day import Change, Replay, Script, played
from tests.bench.collection_town import Town

DAY = date(2026, 10, 2)
"""A Friday, three days after all containers were emptied: most are due, and some are not."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--containers", type=int, default=70)
    parser.add_argument("--trucks", type=int, default=3)
    parser.add_argument("--side-km", type=float, default=22.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    town = Town(containers=asked.containers, trucks=asked.trucks, side_m=1000 * asked.side_km, seed=asked.seed)
    print(f"{town.containers} containers on {asked.side_km:g} km × {asked.side_km:g} km, {town.trucks} trucks, {DAY}")
    with played(town, Script(), DAY) as found:
        for change in found.changes:
            filled = [
                name for at, what in found.events if at <= change.at for name in what.split(" overflow")[0].split(", ")
            ]
            show(change, [name for name in filled if name.startswith("R-")])
        with played(town, Script(), DAY, replans=False) as alone:
            compare(found, alone)


def show(change: Change, filled: Sequence[str]) -> None:
    """One plan: why it was made, what it comes to, what it changed, what becomes of those filled up at once, notes."""
    body, kept = change.found.body, change.kept
    print(f"\n{change.at.astimezone(PARIS):%H:%M}  {change.cause}")
    if change.found.record.origin is not PlanOrigin.SOLVED:
        print(f"  a fall-back: {change.found.record.origin.value}, {change.found.record.detail.get('why', '')}")
    done = sum(one.done for _, one in body.served.values())
    print(f"  {len(body.served)} containers ({done} emptied by then), {body.distance_m / 1000:.1f} km", end="")
    if change.before is None or kept is None:
        print()
    else:
        added_km = (body.distance_m - change.before.body.distance_m) / 1000
        print(f" ({added_km:+.1f}), planned in {change.seconds:.1f} s")
        print(f"  {kept.moved} of {kept.stops} stops change trucks, {kept.kept:.0%} of drives stay", end="; ")
        print(f"changed {', '.join(change.changed) or 'none'}; as before {', '.join(change.same) or 'none'}")
        for name in sorted({*filled, *(set(change.before.body.served) ^ set(body.served))}):
            print(f"  {name}: {reason_of(body, name, 'en')}")
    for note in change.found.record.detail.get("notes", []):
        print(f"  · {note['en']}")


def compare(found: Replay, alone: Replay) -> None:
    """What the twin knows: driven, emptied, and what lay beside full containers."""
    print(f"\n{'the twin':<34}{'planned again':>16}{'as in the evening':>20}")
    rows = (
        ("km driven", found.driven_km, alone.driven_km, 1),
        ("containers emptied", len(found.emptied), len(alone.emptied), 0),
        ("tonnes", found.kg / 1000, alone.kg / 1000, 2),
        ("litres beside full containers", found.beside_l, alone.beside_l, 0),
        ("full at the end of the day", found.full, alone.full, 0),
    )
    for name, ours, theirs, digits in rows:
        print(f"{name:<34}{ours:>16,.{digits}f}{theirs:>20,.{digits}f}")
    last = max(found.emptied.values(), default=None)
    planned_km = found.changes[-1].found.body.distance_m / 1000
    print(f"planned at the end {planned_km:.1f} km; last container at {clock(last) if last else '–'}")


if __name__ == "__main__":
    main()
