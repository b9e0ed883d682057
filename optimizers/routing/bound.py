"""What no plan costs less than: see `lower_bound`."""

from collections.abc import Container, Iterable
from math import inf

import numpy as np

from optimizers.arrays import Floats
from optimizers.routing.problem import RoutingProblem, Vehicle
from optimizers.routing.tours import sites_of

_ASSIGNED = 1500  # stops, up to which an assignment takes about a second


def lower_bound(problem: RoutingProblem, lost: Container[int]) -> float:
    """What no plan costs less than that leaves out the optional stops of `lost` and serves every other required stop.

    Proof. From each stop served a vehicle drives on exactly once, to another stop or to its end, and each is reached
    exactly once; unloading on the way is part of that drive, whose price is then at least that of the cheapest way by
    a site. Take for each drive the price of the vehicle for which it is least, its seconds and those of the service
    before it included, and for each first drive of a vehicle the least fixed cost beside. The drives of a plan are an
    assignment of stops and departures to stops and ends, each stop left out assigned to itself for its prize. At least
    as many departures are taken as the largest vehicles need for the loads of required stops. So the cheapest
    such assignment costs no more than any plan: waits, rests, overtime and what the weights ask for cost 0 or more.
    """
    left = sum(stop.prize for s, stop in enumerate(problem.stops) if s in lost and not stop.required)
    stops = [s for s in range(len(problem.stops)) if s not in lost]
    if not stops:
        return left
    vehicles = {_priced(vehicle): vehicle for vehicle in problem.vehicles}.values()
    on, first, last = _drives(problem, vehicles, stops)
    alone = np.array([inf if problem.stops[s].required else problem.stops[s].prize for s in stops])
    least = _least_vehicles(problem, stops)
    if len(stops) > _ASSIGNED:
        return left + _halves(on, first, last, alone, least)
    return left + _assigned(on, first, last, alone, min(len(problem.vehicles), len(stops)), least)


def _priced(vehicle: Vehicle) -> tuple[object, ...]:
    fixed = 0.0 if vehicle.out else vehicle.fixed
    return vehicle.profile, vehicle.per_m, vehicle.per_s, vehicle.start, vehicle.end, fixed


def _drives(problem: RoutingProblem, vehicles: Iterable[Vehicle], stops: list[int]) -> tuple[Floats, Floats, Floats]:
    """(n, n) from stop to stop, (n,) to a stop as the first, (n,) from one as the last: least prices, with service."""
    places = np.array([problem.stops[s].place for s in stops])
    service_s = np.array([problem.stops[s].service_s for s in stops])
    n = len(stops)
    on, first, last = np.full((n, n), inf), np.full(n, inf), np.full(n, inf)
    for vehicle in vehicles:
        prices = _prices(problem, vehicle)
        fixed = 0.0 if vehicle.out else vehicle.fixed
        served = vehicle.per_s * service_s
        on = np.minimum(on, prices[np.ix_(places, places)] + served[:, None])
        first = np.minimum(first, prices[vehicle.start, places] + fixed)
        home = 0.0 if vehicle.end is None else prices[places, vehicle.end]
        last = np.minimum(last, home + served)
    np.fill_diagonal(on, inf)
    return on, first, last


def _prices(problem: RoutingProblem, vehicle: Vehicle) -> Floats:
    """(places, places): of a drive, by whichever sites make it cheapest."""
    metres, seconds = (one[vehicle.profile] for one in (problem.matrices.distance_m, problem.matrices.duration_s))
    none = ~(np.isfinite(metres) & np.isfinite(seconds))
    known = vehicle.per_m * np.where(none, 0.0, metres) + vehicle.per_s * np.where(none, 0.0, seconds)
    prices: Floats = np.where(none, inf, known)
    for site in sorted({site.place for site in problem.sites}):  # Floyd and Warshall's, over sites alone
        prices = np.minimum(prices, prices[:, site, None] + prices[None, site])
    return prices


def _least_vehicles(problem: RoutingProblem, stops: list[int]) -> int:
    """How many vehicles are needed at least: the largest ones first, for the loads of required stops."""
    required = [problem.stops[s] for s in stops if problem.stops[s].required]
    least = int(bool(required))
    for d in range(len(problem.dimensions)):
        wanted = sum(stop.load[d] for stop in required) * (1 - 1e-9)
        for count, most in enumerate(sorted((_most(problem, v, d) for v in problem.vehicles), reverse=True), 1):
            if wanted <= 0:
                break
            wanted -= most
            least = max(least, count)
    return min(least, len(problem.vehicles), len(stops))


def _most(problem: RoutingProblem, vehicle: Vehicle, d: int) -> float:
    """The most a vehicle takes on in the day."""
    once = vehicle.capacity[d] if vehicle.capacity else inf
    trips = inf if vehicle.most_trips is None else float(max(1, vehicle.most_trips))
    if not sites_of(problem, vehicle):
        trips = 1.0
    return min(once * trips, vehicle.daily[d] if vehicle.daily else inf)


def _assigned(on: Floats, first: Floats, last: Floats, alone: Floats, vehicles: int, least: int) -> float:
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - its import takes long

    n = len(first)
    costs = np.full((n + vehicles, n + vehicles), inf)
    costs[:n, :n] = on
    costs[np.arange(n), np.arange(n)] = alone
    costs[n:, :n] = first
    costs[:n, n:] = last[:, None]
    costs[n + least :, n:] = 0.0  # stays at home
    dear = 1e3 * (1.0 + float(costs[np.isfinite(costs)].max(initial=0.0)))  # what cannot be still costs no less
    costs = np.minimum(costs, dear)
    return float(costs[linear_sum_assignment(costs)].sum())


def _halves(on: Floats, first: Floats, last: Floats, alone: Floats, least: int) -> float:
    """Half of the cheapest drive to each stop and half of the cheapest from it, no more than leaving it out; and of
    each departure and end half of the cheapest: no drive is counted more than once.
    """
    into, out = np.minimum(on.min(axis=0), first), np.minimum(on.min(axis=1), last)
    each = np.minimum((np.where(np.isfinite(into), into, 0.0) + np.where(np.isfinite(out), out, 0.0)) / 2, alone)
    ends = (min(first.min(), 1e300) + min(last.min(), 1e300)) / 2
    return float(each.sum()) + least * (ends if np.isfinite(ends) and ends < 1e290 else 0.0)
