"""Why a stop is left out, with its figures: see `reasons`."""

from collections.abc import Sequence

from optimizers.routing.caps import Broken
from optimizers.routing.inserting import cheapest
from optimizers.routing.problem import RoutingProblem, Unserved, Why
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tours, holders

_OF = {"unreachable": Why.UNREACHABLE, "capacity": Why.CAPACITY, "daily": Why.CAPACITY}


def reasons(problem: RoutingProblem, clock: Clock, tours: Tours, missing: Sequence[int]) -> tuple[Unserved, ...]:
    """Of every stop left out the first reason that explains it, in the order of `Why`."""
    may = holders(problem)
    answer = []
    for s in missing:
        stop = problem.stops[s]
        able = [v for v in range(len(tours)) if may[v, s]]
        if not able:
            answer.append(Unserved(stop.id, Why.SKILL, "no vehicle has the skills, the zone and the leave for it"))
            continue
        alone = [clock.timed(v, clock.closed(v, (s,))) for v in able]
        if all(isinstance(one, Broken) for one in alone):
            first = next(one for one in alone if isinstance(one, Broken))
            answer.append(Unserved(stop.id, _OF.get(first.constraint, Why.WINDOW), first.detail))
            continue
        found = cheapest(problem, clock, may, tours, s)
        if found is not None and not stop.required:
            detail = f"{found.added:g} {problem.unit} for a prize of {stop.prize:g}"
            answer.append(Unserved(stop.id, Why.PRIZE, detail, found.added))
        else:
            answer.append(Unserved(stop.id, Why.FULL, "the vehicles that may serve it have no room left"))
    return tuple(answer)
