"""Programs that equipment can hold, on many cabinets: exact, heuristic and bound side by side.

    PYTHONPATH=. .venv/bin/python tests/bench/show_programs.py [--cabinets 500]

Cabinets are those of `tests/bench/cabinets.py`: streets whose classes fall at hours of their own, crossings at full
flux all night, neighbours lifted. `exact` counts the cabinets whose programs are proved cheapest (gap 1e-6 at most);
`greedy` merges the two groups that add least, again and again. Beside a few cabinets HiGHS partitions the profiles over
all their groups. Seconds are those of a processor. Raises SystemExit(1) where a gap of the first table is over half a
percent, or HiGHS finds another optimum.
"""

import argparse
import sys
from dataclasses import replace
from time import process_time

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from optimizers.lighting import LightingProblem, energy_wh, solve
from optimizers.lighting.programs import Held, hold
from optimizers.lighting.programs.fleet import merged
from optimizers.lighting.programs.grouping import group_costs
from optimizers.lighting.programs.profiles import Profiles, profiles
from optimizers.lighting.programs.subsets import members_of
from tests.bench.cabinets import cabinets

NEAR = 0.005
PROVED = 1e-6
BESIDE = 5  # cabinets, of at most so many profiles, that HiGHS partitions
MOST = 10


def main() -> None:
    parser = argparse.ArgumentParser(description="Programs that equipment can hold.")
    parser.add_argument("--cabinets", type=int, default=500)
    count = parser.parse_args().cabinets
    problem = cabinets(1, count)
    least = needed(problem)
    say(
        f"{count} cabinets, {len(problem.lamps)} lamps, {problem.burning.size} slots; profiles a cabinet: "
        f"{describe(np.bincount(fleet_of(problem, least, 8).holder))}"
    )
    worst = by_cabinet(problem, least)
    by_fleet(problem, least)
    by_needs(max(2, count // 20))
    apart = beside_highs(problem, least)
    if worst > NEAR or apart > PROVED:
        raise SystemExit(1)


def by_cabinet(problem: LightingProblem, least: np.ndarray) -> float:
    """The table of limits; the largest gap in it."""
    say("  S   K   energy, MWh   over least   over own   greedy over ours    exact   gap mean       max   seconds")
    worst, wanted = 0.0, energy_wh(problem, least)
    for switch_points in (6, 8, 12):
        own = hold(limited(problem, 10_000, switch_points), least).objective_wh.sum()
        for programs in (1, 2, 4, 6):
            started = process_time()
            held = hold(limited(problem, programs, switch_points), least)
            seconds = process_time() - started
            gap = gaps(held)
            energy = held.objective_wh.sum()
            simple = greedy(problem, least, programs, switch_points)
            say(
                f"{switch_points:3d} {programs:3d} {energy / 1e6:13.3f} {energy / wanted - 1:12.2%} "
                f"{energy / own - 1:10.2%} {simple / energy - 1:18.3%} {(gap <= PROVED).mean():8.1%} "
                f"{gap.mean():10.4%} {gap.max():9.3%} {seconds:9.2f}"
            )
            worst = max(worst, float(gap.max()))
    return worst


def by_fleet(problem: LightingProblem, least: np.ndarray) -> None:
    """All cabinets together; the bound is what their own limits cost."""
    say("  fleet's programs (K = 6, S = 8)   energy, MWh   bound, MWh      gap   over own programs   seconds")
    own = hold(limited(problem, 10_000, 8), least).objective_wh.sum()
    for most in (16, 64, 256):
        assert problem.holders is not None
        started = process_time()
        held = hold(replace(problem, holders=replace(problem.holders, fleet_programs=most)), least)
        seconds = process_time() - started
        energy, bound = held.objective_wh.sum(), held.bound_wh.sum()
        say(
            f"{most:34d} {energy / 1e6:13.3f} {bound / 1e6:12.3f} {1 - bound / energy:8.2%} {energy / own - 1:19.2%} "
            f"{seconds:9.2f}"
        )


def by_needs(count: int) -> None:
    """Keepers of many different needs: lamps that give more than their class asks, each model or each lamp by a share
    of its own, trimmed.
    """
    say("  reserves of lamps (K = 4, S = 8)   needs on average   energy, MWh   gap mean       max   seconds")
    problem = cabinets(2, count, programs=4)
    random = np.random.default_rng(2)
    n = len(problem.lamps)
    for name, reserve in (
        ("none", np.ones(n)),
        ("of three models", random.choice([1.0, 0.93, 0.87], n)),
        ("of each lamp its own", 1 - 0.2 * random.random(n)),
    ):
        trimmed = replace(problem, floor=problem.floor * reserve[:, None])
        least = needed(trimmed)
        started = process_time()
        held = hold(trimmed, least)
        seconds, gap = process_time() - started, gaps(held)
        needs = np.bincount(fleet_of(trimmed, least, 8).holder).mean()
        say(
            f"  {name:32s} {needs:16.1f} {held.objective_wh.sum() / 1e6:13.3f} {gap.mean():10.3%} {gap.max():9.2%} "
            f"{seconds:9.2f}"
        )


def beside_highs(problem: LightingProblem, least: np.ndarray) -> float:
    """Set partitioning over all groups of a few cabinets; the largest relative difference from what is held."""
    found = fleet_of(problem, least, 8)
    few = np.flatnonzero((counts := np.bincount(found.holder)) <= MOST)
    few = few[np.argsort(-counts[few], kind="stable")][:BESIDE]
    held = hold(limited(problem, 4, 8), least, only=few)
    say("  cabinet   profiles   groups   LP, Wh         MILP (HiGHS), Wh   ours, Wh       seconds")
    worst = 0.0
    for cabinet in few.tolist():
        started = process_time()
        relaxed, whole, groups = set_partition(found, cabinet, 4)
        ours = float(held.objective_wh[cabinet])
        worst = max(worst, abs(ours / whole - 1))
        say(
            f"{cabinet:9d} {counts[cabinet]:10d} {groups:8d}   {relaxed:<12.4f}   {whole:<16.4f}   {ours:<12.4f} "
            f"{process_time() - started:9.2f}"
        )
    return worst


def set_partition(found: Profiles, cabinet: int, most: int) -> tuple[float, float, int]:
    """The linear relaxation, the optimum, and how many groups there are."""
    inside = np.flatnonzero(found.holder == cabinet)
    subsets = [members_of(subset) for subset in range(1, 1 << inside.size)]
    cost = group_costs(found, [inside[group].tolist() for group in subsets])
    serves = np.array([np.isin(np.arange(inside.size), group) for group in subsets], float).T
    rows = [LinearConstraint(serves, 1, 1), LinearConstraint(np.ones((1, cost.size)), 0, most)]
    relaxed, whole = (
        milp(cost, constraints=rows, integrality=np.full(cost.size, integral), bounds=Bounds(0, 1))
        for integral in (0, 1)
    )
    return float(relaxed.fun), float(whole.fun), cost.size


def greedy(problem: LightingProblem, least: np.ndarray, programs: int, switch_points: int) -> float:
    """Energy in Wh of merging, cabinet by cabinet, the two groups that add least."""
    found = fleet_of(problem, least, switch_points)
    groups = []
    for cabinet in range(int(found.holder.max()) + 1):
        inside = np.flatnonzero(found.holder == cabinet)
        of = merged(found.lowered(inside, np.arange(inside.size)), np.arange(inside.size), programs)
        groups += [inside[of == group].tolist() for group in range(int(of.max()) + 1)]
    return float(group_costs(found, groups).sum())


def needed(problem: LightingProblem) -> np.ndarray:
    return solve(replace(problem, holders=None)).flux


def fleet_of(problem: LightingProblem, least: np.ndarray, switch_points: int) -> Profiles:
    n = len(problem.lamps)
    assert problem.holders is not None
    return profiles(problem, least, np.arange(n), problem.holders.of, np.full(n, switch_points))


def limited(problem: LightingProblem, programs: int, switch_points: int) -> LightingProblem:
    assert problem.holders is not None
    count = len(problem.holders.names)
    holders = replace(problem.holders, programs=np.full(count, programs), switch_points=np.full(count, switch_points))
    return replace(problem, holders=holders)


def gaps(held: Held) -> np.ndarray:
    gap: np.ndarray = 1 - held.bound_wh / held.objective_wh
    return gap


def describe(counts: np.ndarray) -> str:
    return f"{counts.min()} to {counts.max()}, {counts.mean():.1f} on average"


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
