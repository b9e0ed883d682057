"""Every constraint of the routing problem as its definition says it, to judge any plan on the real clock; no code of
the solver.
"""

from collections.abc import Callable, Iterator

from optimizers.result import Violation
from optimizers.routing.check import basics, clock, costs, loads, permitted, reasons, served, working
from optimizers.routing.check.rounds import Known, Round, rounds
from optimizers.routing.problem import RoutingPlan, RoutingProblem

OfRoute = Callable[[Round], Iterator[Violation]]
OfPlan = Callable[[Known, RoutingPlan], Iterator[Violation]]

BASICS: tuple[OfPlan, ...] = (basics.finite, basics.strangers, basics.form)
OF_ROUTES: tuple[OfRoute, ...] = (
    clock.places, clock.drives, clock.waits, clock.services, clock.windows, clock.hours, clock.queues, clock.shift,
    clock.longest, loads.aboard, loads.capacity, loads.daily, loads.counts, loads.reach, loads.empties,
    working.rests, working.longest_drive, working.most_drive, working.longest_work, working.most_work,
    permitted.permissions, permitted.sites, costs.sums,
)  # fmt: skip
OF_PLANS: tuple[OfPlan, ...] = (
    served.once, served.required, served.order, reasons.reasons, permitted.together, costs.objective, costs.bound,
    costs.status, costs.approximate,
)  # fmt: skip


def check(problem: RoutingProblem, plan: RoutingPlan) -> list[Violation]:
    """Everything that is wrong with a plan, by what it breaks; empty for a plan that keeps every word.

    Instants may miss a constraint by TOLERANCE seconds, loads, metres and costs by TOLERANCE of them. What stands in
    the way of judging at all (numbers that are none, strangers, routes without start or end) is told alone. A required
    stop left out is a violation also where nothing could be done: such a plan is a best effort.
    """
    known = Known.of(problem)
    for basic in BASICS:
        if found := list(basic(known, plan)):
            return found
    found = [violation for round_ in rounds(known, plan) for violation in of_route(round_)]
    return found + [violation for constraint in OF_PLANS for violation in constraint(known, plan)]


def of_route(round_: Round) -> Iterator[Violation]:
    """Everything that is wrong with one route by itself."""
    for constraint in OF_ROUTES:
        yield from constraint(round_)


__all__ = ["check"]
