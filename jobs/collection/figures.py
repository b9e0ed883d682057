"""What a plan of rounds came to, in figures for people."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from jobs.plan_figures import FigureRow, figure_row, objective_row, table
from jobs.words import Lang, say
from optimizers.routing import Act, Route, RoutingPlan, RoutingProblem, Why
from optimizers.routing.formats.solomon import ABSTRACT

_HOUR_S = 3_600.0


def figures(problem: RoutingProblem, plan: RoutingPlan, lang: Lang) -> list[dict[str, str]]:
    """Rows of a table: what, how much, the bound proved for it, and the gap between the two in percent."""
    return table(_rows(problem, plan, lang), lang)


def _rows(problem: RoutingProblem, plan: RoutingPlan, lang: Lang) -> Iterator[FigureRow]:
    yield objective_row(plan, plan.unit, lang, 2, 1)
    if plan.approximate:
        yield say("figure_approximate", lang), "", "", ""
    routes = plan.routes
    if plan.unit not in ABSTRACT:
        yield from _driven(problem, routes, lang)
    yield figure_row("figure_vehicles", len(routes), 0, lang, of=f"{len(problem.vehicles)}")
    yield figure_row("figure_served", sum(len(route.stops) for route in routes), 0, lang, of=f"{len(problem.stops)}")
    yield from _left_out(problem, plan, lang)
    if problem.sites:
        unloadings = sum(visit.act is Act.UNLOAD for route in routes for visit in route.visits)
        yield figure_row("figure_unloadings", unloadings, 0, lang)
    yield from _fill(problem, routes, lang)
    if any(stop.former for stop in problem.stops):
        yield figure_row("figure_moved", _moved(problem, routes), 0, lang)


def _driven(problem: RoutingProblem, routes: tuple[Route, ...], lang: Lang) -> Iterator[FigureRow]:
    matrices = problem.matrices
    if not np.array_equal(matrices.distance_m, matrices.duration_s):  # else no distances are known, see formats.vroom
        yield figure_row("figure_distance", sum(route.distance_m for route in routes) / 1e3, 1, lang)
    yield figure_row("figure_hours", sum(route.duration_s for route in routes) / _HOUR_S, 1, lang)
    yield figure_row("figure_driving", sum(route.drive_s for route in routes) / _HOUR_S, 1, lang)
    yield figure_row("figure_waiting", sum(map(_waiting_s, routes)) / _HOUR_S, 1, lang)
    yield from _overtime(problem, routes, lang)


def _waiting_s(route: Route) -> float:
    return sum(visit.begin_s - visit.arrive_s for visit in route.visits)


def _overtime(problem: RoutingProblem, routes: tuple[Route, ...], lang: Lang) -> Iterator[FigureRow]:
    """Beyond `longest_s`, of vehicles that may work longer at all."""
    allowed = {one.id: one for one in problem.vehicles if one.overtime_s}
    if not allowed:
        return
    beyond_s = 0.0
    for route in routes:
        if (vehicle := allowed.get(route.vehicle)) is not None:
            beyond_s += max(0.0, vehicle.spent.duration_s + route.duration_s - vehicle.longest_s)
    yield figure_row("figure_overtime", beyond_s / _HOUR_S, 1, lang)


def _left_out(problem: RoutingProblem, plan: RoutingPlan, lang: Lang) -> Iterator[FigureRow]:
    """How many for each reason, and what those that are optional cost."""
    why = Counter(one.why for one in plan.unserved)
    yield from (figure_row(f"figure_left_{reason}", why[reason], 0, lang) for reason in Why if why[reason])
    left = {one.stop for one in plan.unserved}
    if any(not stop.required for stop in problem.stops):
        prizes = sum(stop.prize for stop in problem.stops if not stop.required and stop.id in left)
        yield figure_row("figure_prizes", prizes, 2, lang, unit=plan.unit)


def _fill(problem: RoutingProblem, routes: tuple[Route, ...], lang: Lang) -> Iterator[FigureRow]:
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
            yield figure_row("figure_fill", 100 * sum(shares) / len(shares), 0, lang, dimension=dimension)


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
