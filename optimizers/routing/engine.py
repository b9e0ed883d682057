"""Tours by PyVRP, a hybrid of local search and perturbation: see `improve`."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from pyvrp import IteratedLocalSearchParams, PenaltyParams, Solution, SolveParams, solve
from pyvrp.exceptions import PenaltyBoundWarning
from pyvrp.IteratedLocalSearch import IteratedLocalSearchCallbacks

from optimizers.result import Limits
from optimizers.routing.ask import Ask
from optimizers.routing.problem import RoutingProblem
from optimizers.routing.tours import Tours, holders
from optimizers.routing.translation import Translation

SOLVER = "PyVRP"
_PENALTY = 1e5  # PyVRP's own: the most that a unit beyond a limit may cost; a drive saved must not pay for one
Told = Callable[[float, float], None]
"""Told of every better plan: its objective, and the seconds since the search began."""

_WITHOUT_ANY = 0.3  # of time or work: by then all required stops are served, or some are let go


def improve(
    problem: RoutingProblem,
    limits: Limits,
    initial: Tours | None = None,
    told: Told | None = None,
    ask: Ask | None = None,
    enough: float = -1.0,
) -> Tours:
    """The best tours PyVRP finds within the limits, from `initial` ones where they are given.

    `work` is its iterations; with it, and time enough, the same input gives the same tours. Tours keep PyVRP's
    relaxation of the problem, not all of it (see `Translation`): time them (`timing.Clock`), and mend what breaks
    (`mending.mended`). It ends where the objective is `enough`, in PyVRP's reckoning.
    Required stops that do not fit beside each other are left out, as few as possible.
    """
    ask = ask or asked(problem)
    search = _Search(problem, limits, told, enough)
    if not ask.prized:
        tours, complete = search.run(ask, initial, _WITHOUT_ANY)
        if complete:
            return tours
        initial = tours
    return search.run(replace(ask, prized=True), initial, 1.0)[0]


def asked(problem: RoutingProblem) -> Ask:
    """The whole problem, as it stands."""
    return Ask(holders=holders(problem), stops=tuple(range(len(problem.stops))), vehicles=problem.vehicles)


class _Search:
    def __init__(self, problem: RoutingProblem, limits: Limits, told: Told | None, enough: float) -> None:
        self.problem, self.limits, self.told, self.enough = problem, limits, told, enough
        self.started, self.done = monotonic(), 0

    def run(self, ask: Ask, initial: Tours | None, patience: float) -> tuple[Tours, bool]:
        """Tours, and whether they are all PyVRP asks for. Gives up when there are none after a part of the limits."""
        translation = Translation(self.problem, ask)
        if not translation.data.num_clients:
            return tuple(() for _ in self.problem.vehicles), True
        stop = _Stop(self, patience, -1.0 if ask.daily else self.enough * translation.scale.cost)
        params = SolveParams(
            ils=IteratedLocalSearchParams(callbacks=_Callbacks(self, translation)),
            penalty=PenaltyParams(max_penalty=max(_PENALTY, 2.0 * translation.dearest)),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PenaltyBoundWarning)  # no feasible solution is an answer of ours
            found = solve(
                translation.data,
                stop,
                seed=self.limits.seed,
                collect_stats=False,
                params=params,
                initial_solution=None if initial is None else translation.solution(initial),
            )
        self.done += stop.calls
        return translation.tours(found.best), found.is_feasible()


class _Stop:
    """When to stop: at the end of time or work, early without any feasible solution, or where one is good enough."""

    def __init__(self, search: _Search, patience: float, enough: float) -> None:
        self.search, self.patience, self.enough, self.calls = search, patience, enough, 0

    def __call__(self, best_cost: float) -> bool:
        limits, search = self.search.limits, self.search
        part = self.patience if best_cost == float("inf") else 1.0
        if limits.work is not None:
            if search.done + self.calls >= limits.work * part:
                return True
            part = 1.0  # time does not decide what is tried, so that the same work gives the same tours
        self.calls += 1
        return best_cost <= self.enough or monotonic() - search.started >= limits.seconds * part


class _Callbacks(IteratedLocalSearchCallbacks):
    def __init__(self, search: _Search, translation: Translation) -> None:
        self.search, self.translation = search, translation

    def on_best(self, best: Solution) -> None:
        if self.search.told is None or not best.is_feasible() or self.translation.ask.daily:
            return
        units = best.distance_cost() + best.duration_cost() + best.fixed_vehicle_cost() + best.uncollected_prizes()
        if best.uncollected_prizes() < self.translation.beyond:  # else it leaves out what it must not
            self.search.told(units / self.translation.scale.cost, monotonic() - self.search.started)
