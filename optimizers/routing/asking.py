"""What PyVRP is asked at first, and more narrowly once its tours broke what it does not know."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isfinite

import numpy as np

from optimizers.arrays import Bools
from optimizers.routing.ask import Ask, single
from optimizers.routing.caps import Broken, near_cap
from optimizers.routing.problem import Rest, RoutingProblem, Vehicle, WorkRules
from optimizers.routing.timing import Clock, Timed
from optimizers.routing.tours import Tours, companions, sites_of, stops_of


def first(problem: RoutingProblem, may: Bools, stops: Sequence[int], given: Tours = ()) -> Ask:
    """The problem as PyVRP can state it.

    Where all vehicles have the same rests, everybody pauses in the middle of each rest's window: exact but for what is
    under way then. Where they differ, shifts are shorter by the rests that are due. Work rules take the breaks from
    the shift that it has to have at least; the last unloading takes the hours of the sites. Caps over trips are kept
    from the outset where tours that are `given` come near to them.
    """
    pauses = _pauses(problem.vehicles)
    vehicles = [_within_hours(problem, vehicle) for vehicle in problem.vehicles]
    rules = {rules.id: rules for rules in problem.rules}
    vehicles = [_ruled(vehicle, rules[vehicle.rules]) if vehicle.rules else vehicle for vehicle in vehicles]
    if pauses:
        paused_s = sum(lasts_s for _, lasts_s in pauses)
        vehicles = [replace(one, longest_s=max(0.0, one.longest_s - paused_s)) for one in vehicles]
    else:
        vehicles = [_shorter(one, sum(rest.duration_s for rest in due(one))) for one in vehicles]
    daily = near_caps(problem, given)
    return Ask(holders=may, stops=tuple(stops), vehicles=tuple(vehicles), pauses=pauses, daily=daily)


def capped_over_trips(problem: RoutingProblem, vehicle: Vehicle) -> bool:
    """Whether a vehicle has caps that no single trip knows of."""
    return bool(vehicle.daily or vehicle.most_stops is not None) and not single(problem, vehicle)


def near_caps(problem: RoutingProblem, tours: Tours) -> bool:
    """Whether any of the tours comes near to a cap that no single trip knows of."""
    return any(
        capped_over_trips(problem, vehicle) and near_cap(problem, vehicle, tour)
        for vehicle, tour in zip(problem.vehicles, tours, strict=False)
    )


def narrowed(problem: RoutingProblem, clock: Clock, ask: Ask, found: Tours, kept: Tours) -> Ask:
    """What to ask next, of tours that PyVRP `found` and those that could be `kept`.

    Caps over trips take the place of distances; stops that belong together are for one vehicle;
    vehicles that ran out of time for rests, breaks or hours have as much less of it.
    """
    broken = {
        v: one.constraint
        for v, tour in enumerate(found)
        if tour and isinstance(one := clock.timed(v, clock.closed(v, tour)), Broken)
    }
    holders = _reserved(problem, ask.holders, found, kept)
    capped = any(name in {"daily", "stops"} for name in broken.values())
    late = {v for v, name in broken.items() if name in {"rest", "rules", "duration", "window"}}
    vehicles = tuple(
        _shorter(one, _pausing_s(problem, problem.vehicles[v])) if v in late else one
        for v, one in enumerate(ask.vehicles)
    )
    return replace(ask, holders=holders, vehicles=vehicles, daily=ask.daily or capped)


def settled(problem: RoutingProblem, ask: Ask, kept: Tours) -> Ask:
    """At their true price again, drives of vehicles whose caps over trips were in their place: these take on no stop
    that they have not, so that their caps hold.
    """
    holders = ask.holders.copy()
    for v, (vehicle, tour) in enumerate(zip(problem.vehicles, kept, strict=True)):
        if capped_over_trips(problem, vehicle):
            mine = np.zeros(len(problem.stops), np.bool_)
            mine[list(stops_of(tour))] = True
            holders[v] &= mine
    return replace(ask, holders=holders, daily=False)


def balanced(problem: RoutingProblem, clock: Clock, ask: Ask, kept: Tours) -> Ask:
    """With what routes last beyond the mean of those kept as overtime, where overtime is not asked for anyhow."""
    lasts_s = [
        one.route.duration_s for v, tour in enumerate(kept) if tour and isinstance(one := clock.timed(v, tour), Timed)
    ]
    if not lasts_s:
        return ask
    mean_s = sum(lasts_s) / len(lasts_s) - sum(paused_s for _, paused_s in ask.pauses)
    vehicles = [
        vehicle
        if vehicle.overtime_s or (most_s := min(vehicle.longest_s, vehicle.shift[1] - vehicle.shift[0])) <= mean_s
        else replace(
            vehicle,
            longest_s=mean_s,
            overtime_s=most_s - mean_s,
            overtime_per_s=problem.weights.balance_per_s,
        )
        for vehicle in ask.vehicles
    ]
    return replace(ask, vehicles=tuple(vehicles))


def known_whole(problem: RoutingProblem) -> bool:
    """Whether PyVRP can state the whole problem, so that nothing it finds has to be mended."""
    vehicles = problem.vehicles
    return not (
        any(vehicle.rules for vehicle in vehicles)
        or any(due(vehicle) for vehicle in vehicles)
        or any(capped_over_trips(problem, vehicle) for vehicle in vehicles)
        or any(isfinite(vehicle.most_m) for vehicle in vehicles)
        or any(site.windows or site.queue for site in problem.sites)
        or any(stop.together for stop in problem.stops)
    )


def due(vehicle: Vehicle) -> tuple[Rest, ...]:
    """The rests of a vehicle that would be out all its shift."""
    starts_s, ends_s = vehicle.shift
    return tuple(rest for rest in vehicle.rests if starts_s <= rest.earliest_s and rest.latest_s < ends_s)


def _pauses(vehicles: Sequence[Vehicle]) -> tuple[tuple[float, float], ...]:
    kinds = {due(vehicle) for vehicle in vehicles}
    if len(kinds) != 1:
        return ()
    rests = sorted(kinds.pop(), key=lambda rest: rest.earliest_s + rest.latest_s)
    pauses: list[tuple[float, float]] = []
    for rest in rests:
        at_s = (rest.earliest_s + rest.latest_s) / 2
        if pauses and at_s < sum(pauses[-1]):
            return ()
        pauses.append((at_s, rest.duration_s))
    return tuple(pauses)


def _within_hours(problem: RoutingProblem, vehicle: Vehicle) -> Vehicle:
    """Back no later than from the site that closes last."""
    if not vehicle.empties or not problem.dimensions:
        return vehicle
    back_s = 0.0
    for site in (problem.sites[k] for k in sites_of(problem, vehicle)):
        closes_s = max((closes_s for _, closes_s in site.windows), default=inf)
        on_s = (
            0.0 if vehicle.end is None else problem.matrices.duration_s[vehicle.profile].item(site.place, vehicle.end)
        )
        back_s = max(back_s, closes_s + site.unload_s + on_s)
    starts_s, ends_s = vehicle.shift
    return replace(vehicle, shift=(starts_s, max(starts_s, min(ends_s, back_s))))


def _ruled(vehicle: Vehicle, rules: WorkRules) -> Vehicle:
    """Out no longer than a day's work and the breaks in it."""
    starts_s, ends_s = vehicle.shift
    most_s = min(vehicle.longest_s, ends_s - starts_s)
    worked_s = min(most_s, rules.most_work_s - vehicle.spent.work_s)
    breaks = int(worked_s // rules.longest_work_s) if isfinite(rules.longest_work_s) and rules.longest_work_s else 0
    return replace(vehicle, longest_s=max(0.0, min(worked_s, most_s - breaks * rules.work_break_s)))


def _shorter(vehicle: Vehicle, by_s: float) -> Vehicle:
    if not by_s:
        return vehicle
    starts_s, ends_s = vehicle.shift
    return replace(
        vehicle, shift=(starts_s, max(starts_s, ends_s - by_s)), longest_s=max(0.0, vehicle.longest_s - by_s)
    )


def _pausing_s(problem: RoutingProblem, vehicle: Vehicle) -> float:
    """How long rests and breaks of a day are, about; a quarter of an hour where there are none."""
    rules = next((rules for rules in problem.rules if rules.id == vehicle.rules), WorkRules(id=""))
    return max(900.0, sum(rest.duration_s for rest in due(vehicle)) + rules.drive_break_s + rules.work_break_s)


def _reserved(problem: RoutingProblem, may: Bools, found: Tours, kept: Tours) -> Bools:
    """Stops that belong together are for one vehicle: the one that serves them; else, of those that may serve them
    all, the one that was found to serve the most of them.
    """
    answer = may.copy()
    for members in companions(problem).values():
        chosen = list(members)
        able = [v for v in range(len(kept)) if may[v, chosen].all()]
        if able:
            owner = max(able, key=lambda v: [len(set(tours[v]) & set(members)) for tours in (kept, found)])
            answer[:, chosen] = False
            answer[owner, chosen] = True
    return answer
