"""What stands in the way of judging a plan at all: numbers that are none, strangers, routes that are no routes."""

from collections import Counter
from collections.abc import Iterator
from math import isfinite

from optimizers.result import Violation
from optimizers.routing.check.rounds import Known
from optimizers.routing.problem import Act, Route, RoutingPlan, Visit


def finite(_: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """No figure is infinite or no number."""
    for name in ("objective", "bound"):
        if not isfinite(value := getattr(plan, name)):
            yield Violation("finite", "plan", 1.0, "1", f"{name} is {value}")
    for route in plan.routes:
        if not (isfinite(route.distance_m) and isfinite(route.drive_s)):
            detail = f"distance_m is {route.distance_m}, drive_s is {route.drive_s}"
            yield Violation("finite", route.vehicle, 1.0, "1", detail)
        for visit in route.visits:
            times = (visit.arrive_s, visit.begin_s, visit.end_s, *visit.aboard)
            if not all(isfinite(value) for value in times):
                yield Violation("finite", visit.of or route.vehicle, 1.0, "1", f"{visit.act}: {visit}")


def strangers(known: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """Every vehicle, stop and site is one of the problem, and so is every place."""
    for route in plan.routes:
        if route.vehicle not in known.vehicles:
            yield Violation("stranger", route.vehicle, 1.0, "1", "the problem has no such vehicle")
        for visit in route.visits:
            yield from _stranger(known, visit, route)
    for left in plan.unserved:
        if left.stop not in known.stops:
            yield Violation("stranger", left.stop, 1.0, "1", "left out, and the problem has no such stop")


def _stranger(known: Known, visit: Visit, route: Route) -> Iterator[Violation]:
    unknown = {Act.STOP: visit.of not in known.stops, Act.UNLOAD: visit.of not in known.sites}
    if unknown.get(visit.act):
        yield Violation("stranger", visit.of, 1.0, "1", f"vehicle {route.vehicle}: the problem has no such {visit.act}")
    if not 0 <= visit.place < (places := len(known.problem.places)):
        detail = f"{visit.act} at place {visit.place}, wants an index below {places}"
        yield Violation("stranger", visit.of or route.vehicle, 1.0, "1", detail)


def form(known: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """A route begins with START, ends with END, and has them nowhere else; a vehicle has one route at most. Loads are
    told in every dimension.
    """
    for route in plan.routes:
        acts = [visit.act for visit in route.visits]
        ends = [i for i, act in enumerate(acts) if act in (Act.START, Act.END)]
        if len(acts) < 2 or ends != [0, len(acts) - 1] or (acts[0], acts[-1]) != (Act.START, Act.END):
            yield Violation("form", route.vehicle, 1.0, "1", f"{' '.join(acts) or 'nothing'}, wants start … end")
        for visit in route.visits:
            if len(visit.aboard) not in (0, wanted := len(known.problem.dimensions)):
                detail = f"{visit.act}: aboard has {len(visit.aboard)} values, wants {wanted}"
                yield Violation("form", visit.of or route.vehicle, 1.0, "1", detail)
    for name, times in Counter(route.vehicle for route in plan.routes).items():
        if times > 1:
            yield Violation("form", name, float(times - 1), "routes", f"has {times} routes, wants one")
