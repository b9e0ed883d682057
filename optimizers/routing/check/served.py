"""Every stop once: served, or left out with a reason."""

from collections import Counter
from collections.abc import Iterator

from optimizers.result import Violation
from optimizers.routing.check.rounds import Known
from optimizers.routing.problem import RoutingPlan


def once(known: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """A stop is served at most once, and served or left out, never both."""
    served = Counter(name for route in plan.routes for name in route.stops)
    left = Counter(item.stop for item in plan.unserved)
    for stop in known.problem.stops:
        if (times := served[stop.id]) > 1:
            yield Violation("once", stop.id, float(times - 1), "visits", f"served {times} times")
        if (told := left[stop.id]) > 1:
            yield Violation("once", stop.id, float(told - 1), "1", f"left out {told} times")
        if served[stop.id] and left[stop.id]:
            yield Violation("once", stop.id, 1.0, "1", "served, and told as left out")
        if not served[stop.id] and not left[stop.id]:
            yield Violation("forgotten", stop.id, 1.0, "1", "neither served nor left out with a reason")


def required(known: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """Required stops are served."""
    for left in plan.unserved:
        if known.stops[left.stop].required:
            yield Violation("required", left.stop, 1.0, "1", f"left out: {left.why}, {left.detail}".rstrip(", "))


def order(known: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """Routes stand in the order of the problem's vehicles."""
    place = {name: i for i, name in enumerate(known.vehicles)}
    found = [place[route.vehicle] for route in plan.routes]
    for route, before, after in zip(plan.routes[1:], found, found[1:], strict=False):
        if after < before:
            yield Violation("order", route.vehicle, 1.0, "1", "stands after a vehicle that the problem names later")
