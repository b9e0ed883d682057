"""VRPLIB solutions (`.sol`): which stops each route visits, by their number in the problem's order, from 1."""

import re

from optimizers.routing.formats.texts import Reader, WrongText, decoded, lines_of
from optimizers.routing.problem import RoutingPlan, RoutingProblem

_ROUTE = re.compile(r"route\s*#?\s*(\d+)\s*:?(.*)", re.IGNORECASE)


def looks_like(text: str) -> bool:
    """Whether a text is one: it begins with a route or its cost."""
    first = next((line for _, line in lines_of(text)), "")
    return first.upper().startswith(("ROUTE", "COST"))


def write(problem: RoutingProblem, plan: RoutingPlan) -> str:
    """Routes by the number of their vehicle, and what it costs. What a site or a rest is, the format does not know."""
    number = {stop.id: k for k, stop in enumerate(problem.stops, 1)}
    vehicle = {one.id: v for v, one in enumerate(problem.vehicles, 1)}
    lines = [
        f"Route #{vehicle[route.vehicle]}: {' '.join(str(number[stop]) for stop in route.stops)}"
        for route in plan.routes
        if route.stops
    ]
    return "\n".join([*lines, f"Cost {plan.objective:.10g}", ""])


def read(problem: RoutingProblem, text: str | bytes) -> tuple[dict[int, list[str]], float | None]:
    """By the index of their vehicle the ids of the stops of each route, and the cost it tells. Raises WrongText."""
    reader = Reader()
    routes: dict[int, list[str]] = {}
    cost: float | None = None
    for line, content in lines_of(decoded(text)):
        if found := _ROUTE.match(content):
            v = int(found[1]) - 1
            if v in routes or not 0 <= v < len(problem.vehicles):
                reader.wrong.append(
                    (line, f"route {found[1]}: wants a number of its own, 1 to {len(problem.vehicles)}")
                )
            routes[v] = _stops(line, found[2].split(), problem, reader)
        elif content.upper().startswith("COST"):
            cost = reader.number(line, content.split()[-1], "Cost", float("-inf"))
    if not routes and cost is None:
        raise WrongText([(0, "has no routes, wants lines 'Route #1: 3 1 2'")])
    reader.done()
    return routes, cost


def _stops(line: int, words: list[str], problem: RoutingProblem, reader: Reader) -> list[str]:
    ids = []
    for word in words:
        number = reader.whole(line, word, "a stop", 1)
        if number > len(problem.stops):
            reader.wrong.append((line, f"stop {number}: there are {len(problem.stops)}"))
        else:
            ids.append(problem.stops[number - 1].id)
    return ids
