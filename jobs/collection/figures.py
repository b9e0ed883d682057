"""What a plan of rounds came to, in figures for people."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from jobs.words import Lang, number, say
from optimizers.routing import Act, Route, RoutingPlan, RoutingProblem, Why
from optimizers.routing.formats.solomon import ABSTRACT

_HOUR_S = 3_600.0


def figures(problem: RoutingProblem, plan: RoutingPlan, lang: Lang) -> list[dict[str, str]]:
    """Rows of a table: what, how much, the bound proved for it, and the gap between the two in percent."""
    heads = [say(f"figure{head}", lang) for head in ("", "_value", "_bound", "_gap")]
    return [dict(zip(heads, row, strict=True)) for row in _rows(problem, plan, lang)]


def _rows(problem: RoutingProblem, plan: RoutingPlan, lang: Lang) -> Iterator[tuple[str, str, str, str]]:
    objective = say("figure_objective", lang, unit=plan.unit)
    gap = f"{number(100 * plan.gap, lang, 1)} %"
    yield objective, number(plan.objective, lang, 2), number(plan.bound, lang, 2), gap
    if plan.approximate:
        yield say("figure_approximate", lang), "", "", ""
    routes = plan.routes
    if plan.unit not in ABSTRACT:
        yield from _driven(problem, routes, lang)
    yield _row("figure_vehicles", len(routes), 0, lang, of=f"{len(problem.vehicles)}")
    yield _row("figure_served", sum(len(route.stops) for route in routes), 0, lang, of=f"{len(problem.stops)}")
    yield from _left_out(problem, plan, lang)
    if problem.sites:
        unloadings = sum(visit.act is Act.UNLOAD for route in routes for visit in route.visits)
        yield _row("figure_unloadings", unloadings, 0, lang)
    yield from _fill(problem, routes, lang)
    if any(stop.former for stop in problem.stops):
        yield _row("figure_moved", _moved(problem, routes), 0, lang)


def _driven(problem: RoutingProblem, routes: tuple[Route, ...], lang: Lang) -> Iterator[tuple[str, str, str, str]]:
    matrices = problem.matrices
    if not np.array_equal(matrices.distance_m, matrices.duration_s):  # else no distances are known, see formats.vroom
        yield _row("figure_distance", sum(route.distance_m for route in routes) / 1e3, 1, lang)
    yield _row("figure_hours", sum(route.duration_s for route in routes) / _HOUR_S, 1, lang)
    yield _row("figure_driving", sum(route.drive_s for route in routes) / _HOUR_S, 1, lang)
    yield _row("figure_waiting", sum(map(_waiting_s, routes)) / _HOUR_S, 1, lang)
    yield from _overtime(problem, routes, lang)


def _row(key: str, value: float, digits: int, lang: Lang, **named: str) -> tuple[str, str, str, str]:
    return say(key, lang, **named), number(value, lang, digits), "", ""


def _waiting_s(route: Route) -> float:
    return sum(visit.begin_s - visit.arrive_s for visit in route.visits)


def _overtime(problem: RoutingProblem, routes: tuple[Route, ...], lang: Lang) -> Iterator[tuple[str, str, str, str]]:
    """Beyond `longest_s`, of vehicles that may work longer at all."""
    allowed = {one.id: one for one in problem.vehicles if one.overtime_s}
    if not allowed:
        return
    beyond_s = 0.0
    for route in routes:
        if (vehicle := allowed.get(route.vehicle)) is not None:
            beyond_s += max(0.0, vehicle.spent.duration_s + route.duration_s - vehicle.longest_s)
    yield _row("figure_overtime", beyond_s / _HOUR_S, 1, lang)


def _left_out(problem: RoutingProblem, plan: RoutingPlan, lang: Lang) -> Iterator[tuple[str, str, str, str]]:
    """How many for each reason, and what those that are optional cost."""
    why = Counter(one.why for one in plan.unserved)
    yield from (_row(f"figure_left_{reason}", why[reason], 0, lang) for reason in Why if why[reason])
    left = {one.stop for one in plan.unserved}
    if any(not stop.required for stop in problem.stops):
        prizes = sum(stop.prize for stop in problem.stops if not stop.required and stop.id in left)
        yield _row("figure_prizes", prizes, 2, lang, unit=plan.unit)


def _fill(problem: RoutingProblem, routes: tuple[Route, ...], lang: Lang) -> Iterator[tuple[str, str, str, str]]:
    """Mean over trips of the most on board, as a share of the capacity, in each dimension."""
    capacity = {one.id: one.capacity for one in problem.vehicles}
    for d, dimension in enumerate(problem.dimensions):
        shares = [
            most[d] / capacity[route.vehicle][d]
            for route in routes
            if capacity.get(route.vehicle) and capacity[route.vehicle][d] > 0
            for most in _trips(route, len(problem.dimensions))
        ]
        if shares:
            yield _row("figure_fill", 100 * sum(shares) / len(shares), 0, lang, dimension=dimension)


def _trips(route: Route, dimensions: int) -> Iterator[list[float]]:
    """The most on board in each trip that takes anything on: until an unloading, or the end."""
    most, loaded = [0.0] * dimensions, False
    for visit in route.visits:
        if len(visit.aboard) == dimensions:
            most = [max(pair) for pair in zip(most, visit.aboard, strict=True)]
        loaded = loaded or visit.act is Act.STOP
        if visit.act in (Act.UNLOAD, Act.END):
            if loaded:
                yield most
            most, loaded = [0.0] * dimensions, False


def _moved(problem: RoutingProblem, routes: tuple[Route, ...]) -> int:
    former = {stop.id: stop.former for stop in problem.stops}
    return sum(former.get(stop, "") not in {"", route.vehicle} for route in routes for stop in route.stops)
