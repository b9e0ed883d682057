"""What `solve` makes of each word of the problem, where the answer can be told by hand."""

from dataclasses import replace

import numpy as np
import pytest

from optimizers.result import Limits, Status
from optimizers.routing import (
    Act,
    Matrices,
    Place,
    Rest,
    RoutingPlan,
    RoutingProblem,
    Site,
    Spent,
    Stop,
    Vehicle,
    Weights,
    Why,
    WorkRules,
    check,
    replan,
    solve,
)

FEW = Limits(work=200)
HOUR_S = 3600.0


def road(
    stops: tuple[Stop, ...], vehicles: tuple[Vehicle, ...], sites: tuple[Site, ...] = (), *rules: WorkRules
) -> RoutingProblem:
    """Ten places on a road, 1,000 m and 100 s apart; a kilometre costs one."""
    away = np.abs(np.subtract.outer(np.arange(10.0), np.arange(10.0)))
    return RoutingProblem(
        places=tuple(Place(f"p{k}") for k in range(10)),
        matrices=Matrices(distance_m=1000 * away, duration_s=100 * away),
        stops=stops,
        vehicles=vehicles,
        sites=sites,
        dimensions=("mass_kg",),
        rules=rules,
    )


def truck(name: str = "t", **more: object) -> Vehicle:
    given = {"start": 0, "end": 0, "shift": (0.0, 10 * HOUR_S), "capacity": (10.0,), "per_m": 0.001} | more
    return Vehicle(id=name, **given)  # type: ignore[arg-type]


def bin_at(place: int, **more: object) -> Stop:
    return Stop(**({"id": f"b{place}", "place": place, "load": (4.0,)} | more))  # type: ignore[arg-type]


def kept(problem: RoutingProblem, limits: Limits = FEW) -> RoutingPlan:
    """The plan, which breaks nothing but what it says itself."""
    plan = solve(problem, limits)
    assert {one.object for one in check(problem, plan)} == {one.object for one in plan.violations}
    return plan


def by(plan: RoutingPlan) -> dict[str, set[str]]:
    return {route.vehicle: set(route.stops) for route in plan.routes}


def why(plan: RoutingPlan) -> dict[str, Why]:
    return {one.stop: one.why for one in plan.unserved}


def test_full_trips_unload_on_the_way_and_before_the_end() -> None:
    dump = Site(id="dump", place=9, unload_s=60)
    plan = kept(road((bin_at(2), bin_at(3), bin_at(4)), (truck(empties=True),), (dump,)))
    visits = plan.routes[0].visits
    assert visits[-2].of == "dump"
    assert sum(visit.of == "dump" for visit in visits) == 2


def test_an_optional_stop_is_left_out_for_its_prize() -> None:
    plan = kept(road((bin_at(1), bin_at(9, required=False, prize=5.0)), (truck(),)))
    assert [(one.stop, one.why, one.cheapest) for one in plan.unserved] == [("b9", Why.PRIZE, 16.0)]
    assert plan.objective == 7.0


def test_required_stops_that_do_not_fit_are_as_few_as_can_be() -> None:
    plan = kept(road((bin_at(1), bin_at(2), bin_at(3)), (truck(),)))
    assert plan.status is Status.BEST_EFFORT
    assert list(why(plan).values()) == [Why.FULL]


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (bin_at(5, skills=("crane",)), Why.SKILL),
        (bin_at(5, only=()), Why.SKILL),
        (bin_at(5, never=("t",)), Why.SKILL),
        (bin_at(5, load=(11.0,)), Why.CAPACITY),
        (bin_at(5, windows=((0.0, 400.0),)), Why.WINDOW),
    ],
)
def test_a_stop_that_nobody_could_serve_says_why(stop: Stop, reason: Why) -> None:
    plan = kept(road((bin_at(1), stop), (truck(),)))
    assert why(plan) == {"b5": reason}
    assert plan.unserved[0].detail
    assert by(plan) == {"t": {"b1"}}


def test_a_place_without_a_way_to_it_is_unreachable() -> None:
    problem = road((bin_at(1), bin_at(5)), (truck(),))
    distance_m = problem.matrices.distance_m.copy()
    distance_m[:, :5, 5] = distance_m[:, 6:, 5] = np.inf
    matrices = Matrices(distance_m=distance_m, duration_s=distance_m / 10)
    assert why(kept(replace(problem, matrices=matrices))) == {"b5": Why.UNREACHABLE}


def test_what_belongs_together_is_with_one_vehicle_or_with_none() -> None:
    stops = (bin_at(1, together="x"), bin_at(9, together="x"), bin_at(2), bin_at(8))
    plan = kept(road(stops, (truck("a"), truck("b", start=9, end=9))))
    assert any({"b1", "b9"} <= served for served in by(plan).values())
    too_much = kept(road((bin_at(1, together="x", load=(6.0,)), bin_at(2, together="x", load=(6.0,))), (truck(),)))
    assert set(why(too_much).values()) == {Why.TOGETHER}


def test_the_second_window_serves_as_well() -> None:
    plan = kept(road((bin_at(5, windows=((0.0, 100.0), (2000.0, 3000.0))),), (truck(),)))
    assert plan.routes[0].visits[1].begin_s >= 2000.0


def test_departure_is_as_late_as_keeps_everything() -> None:
    plan = kept(road((bin_at(5, windows=((2000.0, 3000.0),)),), (truck(per_s=0.01),)))
    assert plan.routes[0].visits[0].begin_s == 1500.0


def test_one_that_ends_anywhere_does_not_drive_home() -> None:
    plan = kept(road((bin_at(5),), (truck(end=None),)))
    assert (plan.routes[0].distance_m, plan.routes[0].visits[-1].place) == (5000.0, 5)


def test_lunch_is_taken_where_the_vehicle_stands_in_its_window() -> None:
    stops = tuple(bin_at(k, load=(0.0,), service_s=3000.0) for k in range(1, 8))
    plan = kept(road(stops, (truck(rests=(Rest(earliest_s=10000.0, latest_s=14000.0, duration_s=1800.0),)),)))
    rests = [visit for visit in plan.routes[0].visits if visit.act is Act.REST]
    assert [10000.0 <= one.begin_s <= 14000.0 and one.end_s - one.begin_s == 1800.0 for one in rests] == [True]


def test_who_is_back_before_lunch_takes_none() -> None:
    rest = Rest(earliest_s=10000.0, latest_s=14000.0, duration_s=1800.0)
    plan = kept(road((bin_at(1),), (truck(rests=(rest,)),)))
    assert Act.REST not in {visit.act for visit in plan.routes[0].visits}


def test_work_rules_break_the_day_and_bound_it() -> None:
    rules = WorkRules(id="day", longest_work_s=9000.0, work_break_s=1200.0, most_work_s=18000.0)
    stops = tuple(bin_at(k, load=(0.0,), service_s=4000.0) for k in range(1, 6))
    plan = kept(road(stops, (truck(rules="day"),), (), rules))
    assert sum(visit.act is Act.REST for visit in plan.routes[0].visits) >= 1
    assert len(plan.routes[0].stops) == 4
    assert list(why(plan).values()) == [Why.FULL]


def test_a_break_of_driving_may_be_split() -> None:
    rules = WorkRules(id="eu", longest_drive_s=1000.0, drive_break_s=450.0, split_s=(150.0, 300.0))
    stops = (bin_at(4, load=(0.0,)), bin_at(8, load=(0.0,)))
    plan = kept(road(stops, (truck(rules="eu", per_s=0.01),), (), rules))
    rested_s = sum(visit.end_s - visit.begin_s for visit in plan.routes[0].visits if visit.act is Act.REST)
    assert len(plan.routes[0].stops) == 2
    assert rested_s == 450.0


def test_the_day_s_cap_holds_over_trips() -> None:
    dump = Site(id="dump", place=5)
    stops = tuple(bin_at(k) for k in range(1, 9))
    plan = kept(
        road(stops, (truck("a", daily=(16.0,), empties=True), truck("b", daily=(16.0,), empties=True)), (dump,))
    )
    assert not plan.unserved
    assert {len(served) for served in by(plan).values()} == {4}


@pytest.mark.parametrize(
    "limit", [{"most_stops": 2}, {"most_trips": 1}, {"most_m": 12000.0}, {"longest_s": 1200.0}], ids=str
)
def test_a_limit_of_the_day_leaves_out_what_it_must(limit: dict[str, object]) -> None:
    dump = Site(id="dump", place=6)
    stops = tuple(bin_at(k, required=False, prize=50.0) for k in (1, 2, 3))
    problem = road(stops, (truck(**limit, empties=True),), (dump,))
    assert kept(problem).unserved
    free = road(stops, (truck(empties=True),), (dump,))
    assert not kept(free).unserved


def test_overtime_is_bought_where_it_is_cheaper_than_a_prize() -> None:
    stops = (bin_at(5, required=False, prize=50.0),)
    dear, cheap = (truck(longest_s=900.0, overtime_s=200.0, overtime_per_s=rate) for rate in (1.0, 0.1))
    assert why(kept(road(stops, (dear,)))) == {"b5": Why.PRIZE}
    assert kept(road(stops, (cheap,))).objective == pytest.approx(10.0 + 0.1 * 100.0)


def test_sites_have_hours_and_queues_and_choose_whom_they_take() -> None:
    near = Site(id="near", place=2, windows=((0.0, 100.0),))
    far = Site(id="far", place=9, queue=(((0.0, 5000.0), 600.0),))
    other = Site(id="other", place=1, accepts=("glass",))
    plan = kept(road((bin_at(3),), (truck(empties=True),), (near, far, other)))
    unloading = plan.routes[0].visits[-2]
    assert unloading.of == "far"
    assert unloading.begin_s - unloading.arrive_s >= 600.0 or unloading.arrive_s > 5000.0


def test_a_dearer_vehicle_stays_at_home_and_zones_are_kept() -> None:
    stops = (bin_at(1, zone="n"), bin_at(2, zone="s"))
    fleet = (truck("dear", fixed=100.0), truck("cheap", fixed=1.0))
    assert by(kept(road(stops, fleet))) == {"cheap": {"b1", "b2"}}
    zoned = (truck("n", zones=("n",)), truck("s", zones=("s",)))
    assert by(kept(road(stops, zoned))) == {"n": {"b1"}, "s": {"b2"}}


def test_a_plan_in_force_is_kept_where_moving_costs_more() -> None:
    stops = (bin_at(1, former="b"), bin_at(2, former="a"))
    fleet = (truck("a"), truck("b"))
    assert len(by(kept(road(stops, fleet)))) == 1
    stable = replace(road(stops, fleet), weights=Weights(moved=10.0))
    assert by(kept(stable)) == {"a": {"b2"}, "b": {"b1"}}


def test_rounds_that_cross_borders_pay_for_it() -> None:
    stops = (bin_at(1, zone="n"), bin_at(2, zone="s"))
    problem = replace(road(stops, (truck("a"), truck("b"))), weights=Weights(border=10.0))
    assert len(by(kept(problem))) == 2


def test_rounds_are_balanced_where_that_is_asked_for() -> None:
    stops = tuple(bin_at(k, load=(0.0,), service_s=3000.0) for k in range(1, 7))
    problem = road(stops, (truck("a"), truck("b", fixed=1.0)))
    assert len(kept(problem).routes) == 1
    spread = tuple(replace(stop, only=("a", "b") if k else ("b",)) for k, stop in enumerate(stops))
    even = replace(problem, stops=spread, weights=Weights(balance_per_s=0.1))
    assert {len(served) for served in by(kept(even, Limits(work=1000))).values()} in ({3}, {6})


def test_one_that_is_out_brings_home_what_it_carries() -> None:
    out = truck("out", start=4, shift=(500.0, 36000.0), aboard=(8.0,), empties=True, fixed=99.0, spent=Spent(stops=3))
    plan = kept(road((bin_at(5),), (out,), (Site(id="dump", place=6),)))
    assert [visit.of for visit in plan.routes[0].visits] == ["", "dump", "b5", "dump", ""]
    assert plan.routes[0].visits[0].begin_s == 500.0
    assert plan.objective == 10.0
    idle = kept(road((), (out,), (Site(id="dump", place=6),)))
    assert [visit.of for visit in idle.routes[0].visits] == ["", "dump", ""]


def test_of_many_sites_one_that_is_open_is_found_behind_those_that_are_not() -> None:
    shut = [Site(id=f"shut{k}", place=5, windows=((0.0, 1.0),)) for k in range(5)]
    plan = kept(road((bin_at(5),), (truck(empties=True),), (*shut, Site(id="open", place=9, windows=((0.0, 9e3),)))))
    assert [visit.of for visit in plan.routes[0].visits] == ["", "b5", "open", ""]


def test_a_wait_at_once_after_a_break_is_no_part_of_the_next_one() -> None:
    """900 s of rest before b2, who opens 300 s later: that is one break. Before the way back 900 s more are due."""
    law = WorkRules(id="law", longest_drive_s=950.0, drive_break_s=900.0, split_s=(300.0, 600.0))
    first, second = bin_at(8, id="b1", windows=((0.0, 810.0),)), bin_at(8, id="b2", windows=((2000.0, 9000.0),))
    rest = Rest(earliest_s=800.0, latest_s=800.0, duration_s=900.0)
    back = Site(id="dump", place=9)
    out = truck(shift=(0.0, 9000.0), rests=(rest,), rules="law", empties=True, spent=Spent(stops=1))
    plan = kept(road((first, second), (out,), (back,), law))
    assert [visit.of or visit.act.value for visit in plan.routes[0].visits][1:6] == ["b1", "rest", "b2", "dump", "rest"]
    assert plan.routes[0].visits[5].end_s - plan.routes[0].visits[5].begin_s == 900.0


def test_a_wait_that_is_a_break_is_kept_where_leaving_later_would_do_without() -> None:
    """Left as late as can be, the truck would not wait at the dump, and owe a break for which it has no time."""
    law = WorkRules(id="law", longest_drive_s=900.0, drive_break_s=500.0)
    late = bin_at(5, windows=((10000.0, 11000.0),))
    dump = Site(id="dump", place=8, windows=((10800.0, 12000.0),))
    plan = kept(road((late,), (truck(empties=True, rules="law", longest_s=2150.0),), (dump,), law))
    assert plan.routes[0].visits[0].begin_s == 9500.0


def test_who_may_leave_after_the_hour_of_a_rest_is_not_out_all_day_for_it() -> None:
    """Waiting for the stop, a rest would cost no time; but whoever takes it has to leave before it."""
    late = bin_at(5, windows=((20000.0, 21000.0),))
    rest = Rest(earliest_s=9000.0, latest_s=12000.0, duration_s=600.0)
    law = WorkRules(id="law", longest_work_s=30000.0, work_break_s=30000.0)
    plan = kept(road((late,), (truck(rests=(rest,), rules="law", longest_s=1500.0),), (), law))
    assert [visit.begin_s for visit in plan.routes[0].visits] == [19500.0, 20000.0, 20500.0]


def test_one_that_is_out_and_cannot_be_back_is_told_of() -> None:
    late = truck("out", start=9, shift=(500.0, 1000.0), aboard=(8.0,), empties=True, spent=Spent(stops=3))
    problem = road((), (late,), (Site(id="dump", place=6),))
    for plan in (kept(problem), replan(problem, ())):
        assert plan.routes == ()
        assert any(line.startswith("out: is out with a load") for line in plan.reasons)


def test_where_nothing_is_counted_as_load_nothing_has_to_be_unloaded() -> None:
    problem = replace(
        road((bin_at(5),), (truck(),)),
        dimensions=(),
        sites=(Site(id="dump", place=9),),
        stops=(bin_at(5, load=()),),
        vehicles=(truck(capacity=(), empties=True),),
    )
    assert kept(problem).objective == 10.0


def test_places_without_a_way_are_no_warning_where_metres_cost_nothing() -> None:
    problem = road((bin_at(5), bin_at(6)), (truck(per_m=0.0, per_s=1.0),))
    ways = problem.matrices.distance_m[0].copy(), problem.matrices.duration_s[0].copy()
    for one in ways:
        one[:, 6] = one[6] = np.inf
        one[6, 6] = 0.0
    cut = replace(problem, matrices=Matrices(distance_m=ways[0][None], duration_s=ways[1][None]))
    assert why(kept(cut)) == {"b6": Why.UNREACHABLE}


def test_a_plan_that_cannot_be_better_is_called_optimal() -> None:
    plan = kept(road((bin_at(5),), (truck(fixed=3.0),)))
    assert (plan.status, plan.objective, plan.bound) == (Status.OPTIMAL, 13.0, 13.0)


def test_progress_is_told() -> None:
    heard: list[tuple[float, float]] = []
    plan = solve(road((bin_at(5), bin_at(7)), (truck(),)), FEW, lambda found, at_s: heard.append((found, at_s)))
    assert heard[-1][0] == plan.objective
    assert [at_s for _, at_s in heard] == sorted(at_s for _, at_s in heard)
