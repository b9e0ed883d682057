"""What no plan costs less than: see `lower_bound`."""

from collections.abc import Container, Iterable
from math import inf

import numpy as np
import numpy.typing as npt

from optimizers.arrays import Floats
from optimizers.routing.problem import RoutingProblem, Vehicle
from optimizers.routing.tours import sites_of

_ASSIGNED = 1500  # stops, up to which an assignment takes about a second
_BLOCK = 100  # rows of a matrix at a time


def lower_bound(problem: RoutingProblem, lost: Container[int]) -> float:
    """What no plan costs less than that leaves out the optional stops of `lost` and serves every other required stop.

    Proof. From each stop served a vehicle drives on exactly once, to another stop or to its end, and each is reached
    exactly once; unloading on the way is part of that drive, whose price is then at least that of the cheapest way by
    a site. Take for each drive the price of the vehicle for which it is least, its seconds and those of the service
    before it included, and for each first drive of a vehicle the least fixed cost beside. The drives of a plan are an
    assignment of stops and departures to stops and ends, each stop left out assigned to itself for its prize. At least
    as many departures are taken as the largest vehicles need for the loads of required stops. So the cheapest
    such assignment costs no more than any plan. Of more than _ASSIGNED stops, halves of their cheapest drives are
    taken instead, which bound that from below (`_halves`). Waits, rests, overtime and what the weights ask for cost 0
    or more.
    """
    left = sum(stop.prize for s, stop in enumerate(problem.stops) if s in lost and not stop.required)
    stops = [s for s in range(len(problem.stops)) if s not in lost]
    if not stops:
        return left
    vehicles = {_priced(vehicle): vehicle for vehicle in problem.vehicles}.values()
    alone = np.array([inf if problem.stops[s].required else problem.stops[s].prize for s in stops])
    least = _least_vehicles(problem, stops)
    if len(stops) > _ASSIGNED:
        return left + _halves(problem, vehicles, stops, alone, least)
    drives = _drives(problem, vehicles, stops)
    return left + _assigned(*drives, alone, min(len(problem.vehicles), len(stops)), least)


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
    every = np.arange(len(problem.places))
    prices = _block(problem, vehicle, every, every)
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


def _halves(problem: RoutingProblem, vehicles: Iterable[Vehicle], stops: list[int], alone: Floats, least: int) -> float:
    """Half of the cheapest drive to each stop and half of the cheapest from it, with its service, no more than leaving
    it out; and the least fixed cost of as many vehicles as are needed. No drive is counted more than once, and no
    matrix is copied whole.
    """
    places, where, shared = np.unique([problem.stops[s].place for s in stops], return_inverse=True, return_counts=True)
    own = np.arange(len(places))
    into, out, vehicles = np.full(len(places), inf), np.full(len(places), inf), list(vehicles)
    for vehicle in vehicles:
        others = sorted({site.place for site in problem.sites} | {vehicle.start})
        ends = np.array([*others, *({vehicle.end} - {None, *others})], np.int64)
        into = np.minimum(into, _block(problem, vehicle, others, places).min(axis=0))
        out = np.minimum(out, _block(problem, vehicle, places, ends).min(axis=1))
        for block in np.array_split(own, 1 + len(own) // _BLOCK):
            goes = _block(problem, vehicle, places[block], places)
            goes[np.arange(len(block)), block] = inf
            out[block] = np.minimum(out[block], goes.min(axis=1))
            into = np.minimum(into, goes.min(axis=0))
    if any(vehicle.end is None for vehicle in vehicles):
        out[:] = 0.0
    halves = np.where((shared == 1) & np.isfinite(into + out), (into + out) / 2, 0.0)
    served = min(vehicle.per_s for vehicle in vehicles) * np.array([problem.stops[s].service_s for s in stops])
    fixed = min(0.0 if vehicle.out else vehicle.fixed for vehicle in vehicles)
    return float(np.minimum(halves[where] + served, alone).sum()) + least * fixed


def _block(problem: RoutingProblem, vehicle: Vehicle, rows: npt.ArrayLike, columns: npt.ArrayLike) -> Floats:
    metres, seconds = problem.matrices.between(vehicle.profile, rows, columns)
    none = ~(np.isfinite(metres) & np.isfinite(seconds))
    known = vehicle.per_m * np.where(none, 0.0, metres) + vehicle.per_s * np.where(none, 0.0, seconds)
    prices: Floats = np.where(none, inf, known)
    return prices
