"""What rounds cost, as the definition of the problem says it."""

from collections.abc import Iterable, Sequence

from optimizers.routing.problem import Act, Route, RoutingProblem


def objective_of(problem: RoutingProblem, routes: Sequence[Route]) -> float:
    """In the problem's unit, of routes that serve what they serve; every other stop is left out."""
    vehicles = {vehicle.id: vehicle for vehicle in problem.vehicles}
    served = {stop for route in routes for stop in route.stops}
    prizes = sum(stop.prize for stop in problem.stops if not stop.required and stop.id not in served)
    cost = 0.0
    for route in routes:
        vehicle = vehicles[route.vehicle]
        over_s = min(max(0.0, vehicle.spent.duration_s + route.duration_s - vehicle.longest_s), vehicle.overtime_s)
        cost += vehicle.fixed if route.stops and not vehicle.out else 0.0
        cost += vehicle.per_m * route.distance_m + vehicle.per_s * route.duration_s + vehicle.overtime_per_s * over_s
    return cost + prizes + _wanted(problem, routes)


def _wanted(problem: RoutingProblem, routes: Sequence[Route]) -> float:
    """What `weights` ask for."""
    weights, stops = problem.weights, {stop.id: stop for stop in problem.stops}
    moved = sum(stops[one].former not in {"", route.vehicle} for route in routes for one in route.stops)
    between = [(stops[a].zone, stops[b].zone) for route in routes for a, b in drives_between_stops(route)]
    border = sum(a != b and bool(a) and bool(b) for a, b in between)
    return weights.moved * moved + weights.border * border + weights.balance_per_s * beyond_mean_s(routes)


def drives_between_stops(route: Route) -> Iterable[tuple[str, str]]:
    """Those from one stop to the next with no unloading between; a rest is no drive."""
    before = ""
    for visit in route.visits:
        if visit.act is Act.STOP:
            if before:
                yield before, visit.of
            before = visit.of
        elif visit.act is not Act.REST:
            before = ""


def beyond_mean_s(routes: Sequence[Route]) -> float:
    """Seconds that routes last beyond their mean, in all."""
    lasting = [route.duration_s for route in routes]
    mean = sum(lasting) / len(lasting) if lasting else 0.0
    return sum(max(0.0, duration - mean) for duration in lasting)
