"""The cheapest plan of a small problem by trying everything: each number of cycles tonight, each order of openings.

Later nights are one linear program over all sets of valves that may run together, written with scipy's own solver.
"""

from collections.abc import Iterator
from itertools import chain, combinations, product

import numpy as np
from scipy.optimize import linprog

from optimizers.irrigation import IrrigationProblem
from optimizers.irrigation.check import allowed_spans

SLACK_S = 1e-6


def cheapest_eur(problem: IrrigationProblem, most: int) -> float:
    """Least objective over up to `most` cycles a hydrozone tonight, inf where not even none is within budgets."""
    n = problem.shape[0]
    tonight = (np.array(counts) for counts in product(range(most + 1), repeat=n))
    return min(_with_later_eur(problem, counts) for counts in tonight if _can_be_timed(problem, counts))


def _can_be_timed(problem: IrrigationProblem, counts: np.ndarray) -> bool:
    if (counts > problem.windows.most_cycles[:, 0]).any():
        return False
    jobs = [z for z, count in enumerate(counts.tolist()) for _ in range(count)]
    apart = [[z for z in jobs if problem.hydrozones.network[z] == k] for k in range(len(problem.networks.names))]
    return all(any(_placed(problem, order) for order in _orders(mine)) for mine in apart)


def _orders(jobs: list[int]) -> Iterator[tuple[int, ...]]:
    """Different orders of cycles, of which those of one valve are alike."""
    if not jobs:
        yield ()
        return
    for first in sorted(set(jobs)):
        rest = jobs.copy()
        rest.remove(first)
        yield from ((first, *others) for others in _orders(rest))


def _placed(problem: IrrigationProblem, order: tuple[int, ...]) -> bool:
    """Whether each cycle finds a place in this order, as early as can be: some order of any timetable that there is
    puts every cycle no later than that does.
    """
    zones, openings = problem.hydrozones, list[tuple[float, float, int]]()
    for z in order:
        cycle_s, soak_s = float(zones.cycle_s[z]), float(zones.soak_s[z])
        spans = allowed_spans(problem, z, 0)
        at = sorted({start for start, _ in spans} | {end for _, end, _ in openings} | {
            end + soak_s for _, end, other in openings if other == z
        })  # fmt: skip
        start = next((t for t in at if _fits(problem, openings, spans, z, t, cycle_s, soak_s)), None)
        if start is None:
            return False
        openings.append((start, start + cycle_s, z))
    return True


def _fits(
    problem: IrrigationProblem,
    openings: list[tuple[float, float, int]],
    spans: list[tuple[float, float]],
    z: int,
    start: float,
    cycle_s: float,
    soak_s: float,
) -> bool:
    zones, end = problem.hydrozones, start + cycle_s
    if not any(a - SLACK_S <= start and end <= b + SLACK_S for a, b in spans):
        return False
    if any(start < b + soak_s - SLACK_S and end > a - soak_s + SLACK_S for a, b, other in openings if other == z):
        return False
    mine = zones.network[z]
    beside = [(a, b, other) for a, b, other in openings if zones.network[other] == mine]
    for instant in [start, *(a for a, _, _ in beside if start < a < end - SLACK_S)]:
        taken = sum(zones.flow_m3_h[other] for a, b, other in beside if a <= instant < b - SLACK_S)
        if taken + zones.flow_m3_h[z] > problem.networks.capacity_m3_h[mine] + 1e-9:
            return False
    return True


def _with_later_eur(problem: IrrigationProblem, counts: np.ndarray) -> float:
    """The objective with these cycles tonight and the cheapest ones later, by a linear program over all scenarios."""
    rows = _Rows()
    zones, weather = problem.hydrozones, problem.scenarios
    n, days, scenarios = problem.shape
    price = problem.networks.price_eur_m3[zones.network] * zones.cycle_m3
    fixed = float(price @ counts)
    for s, d, z in product(range(scenarios), range(days), range(n)):
        probability = float(weather.probability[s])
        if d:
            rows.variable(("cycles", s, d, z), probability * price[z], _most(problem, z, d))
        last = zones.terminal_eur_mm[z] if d == days - 1 else 0.0
        rows.variable(("depletion", s, d, z), probability * last)
        rows.variable(("stress", s, d, z), probability * zones.stress_eur_mm[z])
        rows.variable(("wilting", s, d, z), probability * zones.wilting_eur_mm[z])
        dry = float(weather.etc_mm[s, d, z] - weather.rain_mm[s, d, z])
        # depletion >= before + etc - rain - water, as percolation is no less than none
        balance = {("depletion", s, d, z): -1.0}
        if d:
            balance |= {("depletion", s, d - 1, z): 1.0, ("cycles", s, d, z): -float(zones.cycle_mm[z])}
        else:
            dry += float(zones.depletion_mm[z] - counts[z] * zones.cycle_mm[z])
        rows.at_most(balance, -dry)
        beyond = {("depletion", s, d, z): 1.0}
        rows.at_most(beyond | {("stress", s, d, z): -1.0}, float(zones.raw_mm[z]))
        rows.at_most(beyond | {("wilting", s, d, z): -1.0}, float(zones.raw_mm[z] + zones.taw_mm[z]) / 2)
    for s, d in product(range(scenarios), range(1, days)):
        _together(problem, rows, s, d)
    _budgets(problem, rows, counts)
    return fixed + rows.least()


def _most(problem: IrrigationProblem, z: int, d: int) -> float:
    """Cycles that a later night has room for, counted one after the other."""
    cycle_s, soak_s = float(problem.hydrozones.cycle_s[z]), float(problem.hydrozones.soak_s[z])
    count, ready = 0, 0.0
    for start, end in allowed_spans(problem, z, d):
        ready = max(ready, start)
        while ready + cycle_s <= end + SLACK_S:
            count, ready = count + 1, ready + cycle_s + soak_s
    return float(min(count, problem.windows.most_cycles[z, d]))


class _Rows:
    """A linear program by names of variables, all of them 0 or more."""

    def __init__(self) -> None:
        self.index: dict[tuple[object, ...], int] = {}
        self.cost: list[float] = []
        self.upper: list[float] = []
        self.rows: list[tuple[dict[tuple[object, ...], float], float]] = []

    def variable(self, name: tuple[object, ...], cost: float, upper: float = np.inf) -> None:
        self.index[name] = len(self.index)
        self.cost.append(float(cost))
        self.upper.append(upper)

    def at_most(self, terms: dict[tuple[object, ...], float], limit: float) -> None:
        self.rows.append((terms, limit))

    def least(self) -> float:
        matrix = np.zeros((len(self.rows), len(self.index)))
        for i, (terms, _) in enumerate(self.rows):
            for name, factor in terms.items():
                matrix[i, self.index[name]] += factor
        limits = [limit for _, limit in self.rows]
        found = linprog(self.cost, A_ub=matrix, b_ub=limits, bounds=[(0, upper) for upper in self.upper])
        return float(found.fun) if found.status == 0 else np.inf


def _together(problem: IrrigationProblem, rows: _Rows, s: int, d: int) -> None:
    """Seconds of each set of valves in each stretch of a night; a valve's cycles last as long as its sets run."""
    zones, windows = problem.hydrozones, problem.windows
    of_valve: dict[int, dict[tuple[object, ...], float]] = {z: {} for z in range(len(zones.names))}
    for k in np.flatnonzero(windows.night == d).tolist():
        for network, capacity in enumerate(problem.networks.capacity_m3_h.tolist()):
            valves = np.flatnonzero(windows.allowed[:, k] & (zones.network == network)).tolist()
            sets = chain.from_iterable(combinations(valves, size) for size in range(1, len(valves) + 1))
            running = [one for one in sets if sum(zones.flow_m3_h[list(one)]) <= capacity + 1e-9]
            for one in running:
                rows.variable(("set", s, k, one), 0.0)
                for z in one:
                    of_valve[z][("set", s, k, one)] = -1.0
            length = float(windows.end_s[k] - windows.start_s[k])
            rows.at_most({("set", s, k, one): 1.0 for one in running}, length)
    for z, sets_of in of_valve.items():
        rows.at_most({("cycles", s, d, z): float(zones.cycle_s[z]), **sets_of}, 0.0)


def _budgets(problem: IrrigationProblem, rows: _Rows, counts: np.ndarray) -> None:
    if (budgets := problem.budgets) is None:
        return
    n, days, scenarios = problem.shape
    volume = problem.hydrozones.cycle_m3
    for b, limit in enumerate(budgets.limit_m3.tolist()):
        spent = float((volume * counts)[budgets.member[b]].sum()) if budgets.nights[b, 0] else 0.0
        terms = {
            ("cycles", s, d, z): float(problem.scenarios.probability[s] * volume[z])
            for s, d, z in product(range(scenarios), range(1, days), range(n))
            if budgets.member[b, z] and budgets.nights[b, d]
        }
        if np.isfinite(limit):
            rows.at_most(terms, limit - spent)
