"""From routes to rounds: places, instants, numbers and sums are the plan's, also of one made again in its day."""

from datetime import UTC, date, datetime, timedelta

import pytest

from engine.rounds import Doing, Round
from jobs.collection.rounds.making import Day, Told, made_round, visits_of_day
from optimizers.result import Limits
from optimizers.routing import Act, RoutingPlan, RoutingProblem, generated, solve, underway

_START = datetime(2026, 9, 28, 18, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def problem() -> RoutingProblem:
    return generated(20, 3, 2, seed=3)


@pytest.fixture(scope="module")
def plan(problem: RoutingProblem) -> RoutingPlan:
    return solve(problem, Limits(work=50, seconds=20))


def _day(problem: RoutingProblem) -> Day:
    return Day(
        start_at=_START, date=date(2026, 9, 29), plan="p", places=problem.places, matrices=problem.matrices
    )  # fmt: skip


def _rounds(problem: RoutingProblem, plan: RoutingPlan) -> list[Round]:
    profile = {vehicle.id: vehicle.profile for vehicle in problem.vehicles}
    day = _day(problem)
    return [made_round(r.vehicle, r.visits, day, Told(), profile=profile[r.vehicle]) for r in plan.routes]


def test_metres_seconds_and_stops_are_those_of_the_plan(problem: RoutingProblem, plan: RoutingPlan) -> None:
    assert plan.routes
    for found, route in zip(_rounds(problem, plan), plan.routes, strict=True):
        assert found.distance_m == pytest.approx(route.distance_m)
        assert found.drive_s == pytest.approx(route.drive_s)
        assert [line.asset for line in found.stops] == list(route.stops)
        assert [line.number for line in found.stops] == list(range(1, len(route.stops) + 1))
        for line, visit in zip(found.lines, route.visits, strict=True):
            assert abs((line.begin_at - _START).total_seconds() - visit.begin_s) <= 0.5


def test_what_is_told_of_containers_stands_at_their_stops(problem: RoutingProblem, plan: RoutingPlan) -> None:
    route = plan.routes[0]
    name = route.stops[0]
    told = Told(place={name: "rue X"}, fill={name: 0.9}, mass_kg={name: 12.0})
    found = made_round(route.vehicle, route.visits, _day(problem), told)
    stop = found.stops[0]
    assert (stop.place, stop.fill, stop.mass_kg) == ("rue X", 0.9, 12.0)
    unload = next(line for line in found.lines if line.doing is Doing.UNLOAD)
    assert unload.mass_kg is not None
    assert unload.mass_kg > 0


def test_made_again_numbers_go_on_and_what_was_done_stays(problem: RoutingProblem, plan: RoutingPlan) -> None:
    route = max(plan.routes, key=lambda one: len(one.stops))
    second = [visit for visit in route.visits if visit.act is Act.STOP][1]
    later = underway(problem, plan, second.end_s + 1)
    rest = next(one for one in later.routes if one.vehicle == route.vehicle)
    visits = visits_of_day(later.done[route.vehicle], rest)
    assert [visit.of for visit in visits] == [visit.of for visit in route.visits]
    whole = made_round(route.vehicle, visits, _day(problem), Told())
    assert [line.number for line in whole.stops] == list(range(1, len(route.stops) + 1))
    assert whole.start_at == _START + timedelta(seconds=round(route.visits[0].begin_s))


def test_a_truck_that_is_gone_has_what_it_did(problem: RoutingProblem, plan: RoutingPlan) -> None:
    route = plan.routes[0]
    assert visits_of_day(route.visits[:3], None) == route.visits[:3]
    assert made_round(route.vehicle, (), _day(problem), Told()).lines == ()
