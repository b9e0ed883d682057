"""How a day of rounds is planned again while it is under way, beside a cold solve of the same rest of the day.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_replan.py [--days 5] [--stops 320] [--cpu]

Made days (`optimizers.routing.generated`), of which each has a lorry that breaks down at 09:40, three bins that become
urgent at 10:20 and streets that are closed at 11:00: each time the rest of the day is planned again within 5 s from the
rounds in force, and solved anew within 8 s for comparison. Printed of each: seconds, the objective beside the cold
one, stops that another vehicle serves, drives kept, rounds that stand to the second, and what our checker finds.
Both plans pay for each stop that changes its vehicle (`Weights.moved`), as the day that is under way asks.

`--cpu` counts the seconds of this process, on a machine that has other things to do. Raises SystemExit(1) where a plan
costs more than 2 % more than the cold one.
"""

import argparse
import time
from dataclasses import replace
from statistics import mean

import numpy as np

from optimizers.result import Limits
from optimizers.routing import (
    Act,
    Matrices,
    RoutingPlan,
    RoutingProblem,
    Underway,
    Weights,
    check,
    generated,
    pack_standing,
    solve,
    solve_again,
    stability,
    underway,
)
from tests.bench.processor import count_processor_seconds

_HOUR_S = 3_600.0
_MOVED_EUR = 5.0
HEAD = "{:>4} {:8} {:>6} {:>5} {:>9} {:>9} {:>7} {:>9} {:>8} {:>12} {:>9} {:>5}"
LINE = "{:4d} {:8} {:6d} {:5.1f} {:9.1f} {:9.1f} {:+7.2f} {:>9} {:>8} {:>12} {:>9} {:5d}"
_AGAIN, _COLD = Limits(seconds=5.0), Limits(seconds=8.0)


def broken(problem: RoutingProblem, plan: RoutingPlan, rng: np.random.Generator) -> Underway:
    """Of the lorries that are out, one of the three with most stops left drives no more."""
    at_s = 9 * _HOUR_S + 2_400
    left = sorted(underway(problem, plan, at_s).routes, key=lambda route: -len(route.stops))
    return underway(problem, plan, at_s, [left[int(rng.integers(3))].vehicle])


def urgent(problem: RoutingProblem, plan: RoutingPlan, rng: np.random.Generator) -> Underway:
    """Three bins that were left out, or new ones beside others, have to be emptied by one."""
    now = underway(problem, plan, 10 * _HOUR_S + 1_200)
    stops, spare = list(now.problem.stops), [one.stop for one in now.unserved][:3]
    for k, stop in enumerate(stops):
        if stop.id in spare:
            stops[k] = replace(stop, required=True, prize=0.0, windows=())
    for k in range(3 - len(spare)):
        like = stops[int(rng.integers(len(stops)))]
        stops.append(replace(like, id=f"urgent {k}", required=True, prize=0.0, windows=(), former=""))
    return replace(now, problem=replace(now.problem, stops=tuple(stops)))


def closed(problem: RoutingProblem, plan: RoutingPlan, rng: np.random.Generator) -> Underway:
    """The streets that two rounds are to drive next but one are longer by 2 km and 5 minutes, both ways."""
    now = underway(problem, plan, 11 * _HOUR_S)
    distance_m, duration_s = now.problem.matrices.distance_m.copy(), now.problem.matrices.duration_s.copy()
    long_ = [route for route in now.routes if len(route.stops) > 3]
    for route in [long_[int(i)] for i in rng.permutation(len(long_))[:2]]:
        a, b = [visit.place for visit in route.visits if visit.act is Act.STOP][1:3]
        for leg in ((0, a, b), (0, b, a)):
            distance_m[leg] += 2_000
            duration_s[leg] += 300
    matrices = Matrices(distance_m=distance_m, duration_s=duration_s, approximate=True)
    return replace(now, problem=replace(now.problem, matrices=matrices))


def day(seed: int, stops: int) -> tuple[RoutingProblem, RoutingPlan]:
    """Shifts from 08:00 to 17:00, so that there is a day to plan again; a plan of 30 s, made the evening before."""
    plain = generated(stops, max(3, stops // 16), 3, seed)
    fleet = tuple(replace(one, shift=(8 * _HOUR_S, 17 * _HOUR_S)) for one in plain.vehicles)
    problem = replace(plain, vehicles=fleet, weights=Weights(moved=_MOVED_EUR))
    return problem, solve(problem, Limits(seconds=30.0, seed=seed))


def row(name: str, seed: int, now: Underway) -> float:
    """Plan again and cold; print; by how much more the first costs."""
    standing = pack_standing(now.routes, now.unserved)
    started = time.monotonic()
    again = solve_again(now.problem, standing, replace(_AGAIN, seed=seed))
    seconds = time.monotonic() - started
    cold = solve(now.problem, replace(_COLD, seed=seed))
    more = again.objective / cold.objective - 1 if cold.objective else 0.0
    kept, kept_cold = stability(now.routes, again.routes), stability(now.routes, cold.routes)
    stand = len(set(now.routes) & set(again.routes))
    wrong = len([one for one in check(now.problem, again) if one.constraint != "required"])
    left, left_cold = len(again.violations), len(cold.violations)
    moved, edges = f"{kept.moved}/{kept_cold.moved}", f"{100 * kept.kept:.0f}%/{100 * kept_cold.kept:.0f}%"
    figures = (again.objective, cold.objective, 100 * more, f"{left}/{left_cold}", moved, edges)
    say(LINE.format(seed, name, len(now.problem.stops), seconds, *figures, f"{stand} of {len(now.routes)}", wrong))
    return more if left <= left_cold else float("inf")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--stops", type=int, default=320)
    parser.add_argument("--cpu", action="store_true")
    asked = parser.parse_args()
    if asked.cpu:
        count_processor_seconds()
    names = ("stops", "s", "again", "cold", "more %", "left out", "moved", "drives kept", "stand", "wrong")
    say(HEAD.format("seed", "what", *names))
    found = []
    for seed in range(asked.days):
        rng = np.random.default_rng(seed)
        problem, plan = day(seed, asked.stops)
        for name, happens in (("broken", broken), ("urgent", urgent), ("closed", closed)):
            now = happens(problem, plan, rng)
            found.append(row(name, seed, now))
    say(f"more than a cold solve: mean {100 * mean(found):+.2f} %, worst {100 * max(found):+.2f} %; wanted 2 at most")
    if max(found) > 0.02:
        raise SystemExit(1)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
