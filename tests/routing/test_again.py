"""A day planned again while it is under way: what is done stays done, what nothing touches stays as it is."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.result import InvalidProblem, Limits, Status
from optimizers.routing import (
    Act,
    Matrices,
    Rest,
    RoutingPlan,
    RoutingProblem,
    Spent,
    Stop,
    Unserved,
    Vehicle,
    Visit,
    Why,
    WorkRules,
    at_instant,
    check,
    generated,
    pack_standing,
    replan,
    solve,
    solve_again,
    solving,
    stability,
    underway,
)
from optimizers.routing import again as again_module
from optimizers.routing.again import touched
from optimizers.routing.solving import searched
from optimizers.routing.standing import holds, unpack_standing
from optimizers.routing.tours import Tours

_H = 3_600.0
_LIMITS = Limits(seconds=60, work=60)
_AT_S = 9 * _H + 2_400


@cache
def day() -> tuple[RoutingProblem, RoutingPlan]:
    """Seventy bins for five lorries, all of them out."""
    plain = generated(70, 5, 2, 4)
    fleet = tuple(replace(one, daily=(20_000.0, 30.0), fixed=1.0) for one in plain.vehicles)
    problem = replace(plain, vehicles=fleet)
    plan = solve(problem, Limits(seconds=60, work=200))
    assert check(problem, plan) == []
    assert len(plan.routes) >= 4
    return problem, plan


def standing_plan(problem: RoutingProblem, plan: RoutingPlan, at_s: float) -> RoutingPlan:
    """What is left of a plan as a plan of the rest of the day, for the checker."""
    now = underway(problem, plan, at_s)
    return replan(now.problem, now.routes, now.unserved, _LIMITS)


@pytest.mark.parametrize("at_s", [0.0, 5.5 * _H, 7 * _H, _AT_S, 11 * _H + 1_800, 12.2 * _H, 30 * _H])
def test_where_nothing_happens_all_rounds_go_on(at_s: float) -> None:
    problem, plan = day()
    now = underway(problem, plan, at_s)
    done = {visit.of for visits in now.done.values() for visit in visits if visit.act is Act.STOP}
    assert done | {stop.id for stop in now.problem.stops} == {stop.id for stop in problem.stops}
    assert not done & {stop.id for stop in now.problem.stops}
    again = replan(now.problem, now.routes, now.unserved, _LIMITS)
    assert again.routes == now.routes
    assert check(now.problem, again) == []


def test_a_vehicle_ends_what_it_is_at_and_goes_on_from_there() -> None:
    problem, plan = day()
    now = underway(problem, plan, _AT_S)
    for vehicle in now.problem.vehicles:
        if vehicle.id not in now.done:
            continue
        last = now.done[vehicle.id][-1]
        back_s = max(0.0, _AT_S - last.end_s)
        assert (vehicle.start, vehicle.aboard) == (last.place, last.aboard)
        assert vehicle.shift[0] == max(last.end_s, _AT_S)
        route = next(route for route in plan.routes if route.vehicle == vehicle.id)
        assert vehicle.out
        assert vehicle.fixed == 0
        assert last.end_s > _AT_S or last is route.visits[-1]
        rest = next((one for one in now.routes if one.vehicle == vehicle.id), None)
        left = rest.distance_m if rest else 0.0
        assert vehicle.spent.distance_m + left == pytest.approx(route.distance_m)
        assert vehicle.spent.stops + len(rest.stops if rest else ()) == len(route.stops)
        lasts_s = rest.duration_s if rest else 0.0
        assert vehicle.spent.duration_s + lasts_s == pytest.approx(route.duration_s + back_s)
        assert not any(rest.latest_s < vehicle.shift[0] for rest in vehicle.rests)


def test_hours_since_a_break_are_counted_as_they_were() -> None:
    """Drives 10 min, waits 5 min, serves 5 min, drives 10 min, rests 30 min, drives 10 min, serves 5 min."""
    minutes = np.array([[0, 10, 20, 30], [10, 0, 10, 20], [20, 10, 0, 10], [30, 20, 10, 0]], np.float64)
    visits = (
        Visit(Act.START, "", 0, 0, 0, 0), Visit(Act.STOP, "a", 1, 600, 900, 1_200),
        Visit(Act.STOP, "b", 2, 1_800, 1_800, 2_100), Visit(Act.REST, "", 2, 2_100, 2_100, 3_900),
        Visit(Act.STOP, "c", 3, 4_500, 4_500, 4_800), Visit(Act.END, "", 0, 6_600, 6_600, 6_600),
    )  # fmt: skip
    rules = WorkRules(id="law", drive_break_s=1_800.0, work_break_s=1_200.0)
    vehicle = Vehicle(
        id="v", start=0, end=0, shift=(0.0, 9_000.0), rules="law",
        rests=(Rest(earliest_s=2_000.0, latest_s=2_400.0, duration_s=1_800.0),),
    )  # fmt: skip
    plain = generated(2, 1, 1)
    problem = RoutingProblem(
        places=plain.places[:4],
        matrices=Matrices(distance_m=minutes[None] * 500, duration_s=minutes[None] * 60),
        stops=tuple(Stop(id=name, place=k + 1, service_s=300.0) for k, name in enumerate("abc")),
        vehicles=(vehicle,),
        rules=(rules,),
    )
    route = replace(_blank(problem), routes=())
    plan = replace(route, routes=(_route(visits),))
    early, late = (at_instant(problem, plan, at_s).vehicles[0] for at_s in (1_900.0, 4_600.0))
    assert (early.spent.drive_s, early.spent.work_s) == (1_200, 600 + 300 + 300 + 600 + 300)
    assert (early.spent.drive_since_s, early.spent.work_since_s) == (1_200, 2_100)
    assert (late.spent.drive_s, late.spent.work_s, late.spent.duration_s) == (1_800, 3_000, 4_800)
    assert (late.spent.drive_since_s, late.spent.work_since_s) == (600, 900)
    assert early.rests[0].latest_s == 2_400
    assert late.rests == ()


def _route(visits: tuple[Visit, ...]) -> object:
    from optimizers.routing import Route

    return Route("v", visits, 0.0, 0.0)


def _blank(problem: RoutingProblem) -> RoutingPlan:
    return RoutingPlan(
        status=Status.FEASIBLE, objective=0.0, bound=0.0, seconds=0.0, seed=0, solver="", version="", routes=()
    )


def test_a_broken_lorrys_stops_go_to_those_near_and_the_rest_stands() -> None:
    problem, plan = day()
    lost = plan.routes[0].vehicle
    now = underway(problem, plan, 6.5 * _H, [lost])
    again = replan(now.problem, now.routes, now.unserved, _LIMITS)
    assert check(now.problem, again) == [] or again.violations
    assert lost not in {route.vehicle for route in again.routes}
    stood = touched(now.problem, now.routes, now.unserved).routes
    if not again.violations:
        assert stood
        assert set(stood) <= set(again.routes)
    was = {stop for route in plan.routes if route.vehicle == lost for stop in route.stops}
    over = {visit.of for visit in now.done.get(lost, ())}
    left = {one.stop for one in again.unserved}
    assert was - over - left <= {stop for route in again.routes for stop in route.stops}


def test_a_lost_round_opens_as_many_rounds_told_or_not() -> None:
    """Whoever tells only of rounds that go on has the stops of the others as `former` of a vehicle that is gone."""
    problem, plan = day()
    lost = plan.routes[0].vehicle
    now = underway(problem, plan, 6.5 * _H, [lost])
    told = touched(now.problem, now.routes, now.unserved)
    not_told = touched(now.problem, [one for one in now.routes if one.vehicle != lost], now.unserved)
    assert (told.vehicles, told.stops) == (not_told.vehicles, not_told.stops)


def test_an_urgent_visit_opens_the_rounds_nearest_to_it() -> None:
    problem, plan = day()
    now = underway(problem, plan, 7 * _H)
    there = problem.stops[0].place
    urgent = replace(problem.stops[0], id="urgent", place=there, windows=((7 * _H, 9 * _H),), required=True)
    changed = replace(now.problem, stops=(*now.problem.stops, urgent))
    again = replan(changed, now.routes, now.unserved, _LIMITS)
    assert [v for v in check(changed, again) if v.constraint != "reason"] == []
    assert "urgent" in {stop for route in again.routes for stop in route.stops}
    stood = touched(changed, now.routes, now.unserved).routes
    assert stood
    assert set(stood) <= set(again.routes)


def test_a_closed_road_opens_the_rounds_that_took_it_and_no_more() -> None:
    problem, plan = day()
    now = underway(problem, plan, 7 * _H)
    route = max(now.routes, key=lambda one: len(one.stops))
    a, b = (visit.place for visit in [one for one in route.visits if one.act is Act.STOP][1:3])
    matrices = now.problem.matrices
    distance_m, duration_s = matrices.distance_m.copy(), matrices.duration_s.copy()
    distance_m[:, a, b] += 9_000
    duration_s[:, a, b] += 1_200
    longer = replace(now.problem, matrices=Matrices(distance_m=distance_m, duration_s=duration_s, approximate=True))
    assert [holds(longer, one) for one in now.routes] == [one is not route for one in now.routes]
    again = replan(longer, now.routes, now.unserved, _LIMITS)
    assert [v for v in check(longer, again) if v.constraint != "reason"] == []


@pytest.mark.parametrize("change", ["load", "service", "window", "skill", "gone", "site"])
def test_a_round_holds_no_more_once_what_it_serves_is_another(change: str) -> None:
    problem, plan = day()
    route = plan.routes[0]
    name = route.stops[0]
    changes = {
        "load": {"load": (8_000.0, 17.5)}, "service": {"service_s": 4_000.0}, "window": {"windows": ((0.0, 60.0),)},
        "skill": {"skills": ("wings",)},
    }  # fmt: skip
    stops = tuple(
        replace(one, **changes.get(change, {})) if one.id == name else one  # type: ignore[arg-type]
        for one in problem.stops
        if not (change == "gone" and one.id == name)
    )
    sites = tuple(replace(one, windows=((0.0, 60.0),)) for one in problem.sites) if change == "site" else problem.sites
    assert holds(problem, route)
    assert not holds(replace(problem, stops=stops, sites=sites), route)


def test_a_bin_that_became_worth_a_visit_gets_one() -> None:
    problem, plan = day()
    spare = replace(problem.stops[3], id="spare", required=False, prize=0.0)
    known = Unserved("spare", plan.unserved[0].why if plan.unserved else _prize(), "", 5.0)
    poor = replace(problem, stops=(*problem.stops, spare))
    unserved = (*plan.unserved, known)
    assert "spare" not in {poor.stops[s].id for s in touched(poor, plan.routes, unserved).stops}
    rich = replace(problem, stops=(*problem.stops, replace(spare, prize=500.0)))
    plan_of = replan(rich, plan.routes, unserved, _LIMITS)
    assert "spare" in {stop for route in plan_of.routes for stop in route.stops}


def _prize() -> object:
    from optimizers.routing import Why

    return Why.PRIZE


def test_the_same_bytes_give_the_same_plan() -> None:
    problem, plan = day()
    now = underway(problem, plan, _AT_S, [plan.routes[1].vehicle])
    standing = pack_standing(now.routes, now.unserved)
    assert unpack_standing(standing) == (now.routes, now.unserved)
    first, again = (solve_again(now.problem, standing, _LIMITS) for _ in range(2))
    assert first.reproducible
    assert (first.routes, first.unserved) == (again.routes, again.unserved)


@settings(max_examples=10)
@given(st.integers(0, 40), st.integers(0, 3))
def test_whatever_breaks_the_new_plan_keeps_everything(half_hours: int, lost: int) -> None:
    problem, plan = day()
    now = underway(problem, plan, 5 * _H + 900.0 * half_hours, [plan.routes[lost].vehicle])
    again = replan(now.problem, now.routes, now.unserved, Limits(seconds=60, work=40))
    assert {v.constraint for v in check(now.problem, again)} <= {"required"}
    assert {one.stop for one in again.unserved}.isdisjoint(stop for route in again.routes for stop in route.stops)
    kept = stability(now.routes, again.routes)
    assert 0 <= kept.kept <= 1


def test_stability_counts_stops_moved_and_drives_kept() -> None:
    _, plan = day()
    assert stability(plan.routes, plan.routes).moved == 0
    assert stability(plan.routes, plan.routes).kept == 1
    first = plan.routes[0]
    other = replace(first, vehicle="another", visits=first.visits)
    seen = stability(plan.routes, (other, *plan.routes[1:]))
    assert seen.moved == len(first.stops)
    assert seen.kept == 1


def test_what_nobody_can_serve_is_left_out_where_no_vehicle_is_free() -> None:
    problem, plan = day()
    now = underway(problem, plan, _AT_S)
    strange = Stop(id="strange", place=now.problem.stops[0].place, load=now.problem.stops[0].load, skills=("none has",))
    standing = {route.vehicle for route in now.routes}
    all_out = replace(
        now.problem,
        stops=(*now.problem.stops, strange),
        vehicles=tuple(one for one in now.problem.vehicles if one.id in standing),
    )
    again = replan(all_out, now.routes, now.unserved, _LIMITS)
    assert again.routes == now.routes
    assert [(one.stop, one.why) for one in again.unserved if one.stop == "strange"] == [("strange", Why.SKILL)]


def test_a_round_that_stands_carries_what_its_stops_hold_now() -> None:
    problem, plan = day()
    now = underway(problem, plan, _AT_S)
    lighter = tuple(replace(one, load=tuple(load / 2 for load in one.load)) for one in now.problem.stops)
    again = replan(replace(now.problem, stops=lighter), now.routes, now.unserved, _LIMITS)
    assert [route.stops for route in again.routes] == [route.stops for route in now.routes]
    assert check(replace(now.problem, stops=lighter), again) == []


def test_reasons_are_those_of_now_and_what_is_in_the_way_no_more_is_served() -> None:
    plain = generated(6, 2, 1, 3)
    stops = tuple(replace(one, required=True, windows=(), skills=()) for one in plain.stops)
    stops = (replace(stops[0], skills=("climber",)), *stops[1:])
    first, second = (replace(one, rests=(), rules="", skills=one.skills) for one in plain.vehicles)
    climbing = replace(second, skills=(*second.skills, "climber"))
    without = replace(plain, stops=stops, vehicles=(first, second))
    plan = solve(without, _LIMITS)
    assert [(one.stop, one.why) for one in plan.unserved] == [(stops[0].id, Why.SKILL)]
    with_one = replace(without, vehicles=(first, climbing))
    again = replan(with_one, plan.routes, plan.unserved, _LIMITS)
    assert not again.unserved
    assert check(with_one, again) == []
    back = replan(replace(without, vehicles=(first,)), (), [Unserved(stops[0].id, Why.FULL)], _LIMITS)
    assert [(one.stop, one.why) for one in back.unserved] == [(stops[0].id, Why.SKILL)]


def test_who_is_back_has_made_as_many_trips_as_it_unloaded() -> None:
    problem, plan = day()
    for vehicle in underway(problem, plan, 40 * _H).problem.vehicles:
        route = next(route for route in plan.routes if route.vehicle == vehicle.id)
        unloaded = [visit.act for visit in route.visits].count(Act.UNLOAD)
        assert vehicle.spent.trips == unloaded > 0


def out_and_empty() -> RoutingProblem:
    """A day near its end: one lorry is out with nothing to do but to drive home, another stands at the depot."""
    plain = generated(6, 2, 1, 3)
    out, ready = (replace(one, rests=()) for one in plain.vehicles)
    out = replace(out, start=plain.sites[0].place, shift=(9 * _H, 17 * _H), spent=Spent(stops=4, duration_s=2 * _H))
    return replace(plain, stops=(), vehicles=(out, replace(ready, shift=(9 * _H, 17 * _H))))


def test_who_is_out_drives_home_and_pays_for_it_whatever_it_serves() -> None:
    problem = out_and_empty()
    plan = solve(problem, _LIMITS)
    (home,) = plan.routes
    leg = (0, problem.vehicles[0].start, problem.vehicles[0].end)
    metres, seconds = (array[leg] for array in (problem.matrices.distance_m, problem.matrices.duration_s))
    assert (home.vehicle, home.stops, home.distance_m, home.duration_s) == ("T-1", (), metres, seconds)
    assert plan.objective == pytest.approx(problem.vehicles[0].per_m * metres + problem.vehicles[0].per_s * seconds)
    assert check(problem, plan) == []
    back = replace(problem.vehicles[0], start=problem.vehicles[0].end)
    assert solve(replace(problem, vehicles=(back, problem.vehicles[1])), _LIMITS).routes == ()


def test_who_is_only_to_drive_home_is_free_for_what_is_new() -> None:
    problem = out_and_empty()
    standing = solve(problem, _LIMITS).routes
    stop = replace(generated(6, 2, 1, 3).stops[0], place=problem.vehicles[0].start, required=True, windows=())
    again = replan(replace(problem, stops=(stop,)), standing, (), _LIMITS)
    assert [(route.vehicle, route.stops) for route in again.routes] == [("T-1", (stop.id,))]


def test_what_a_lorry_took_on_may_add_up_to_a_hair_more_than_it_holds() -> None:
    problem = out_and_empty()
    mass_kg, volume_m3 = problem.vehicles[0].capacity
    for more_m3, fits in ((1e-9, True), (1e-3, False)):
        full = replace(problem.vehicles[0], aboard=(mass_kg, volume_m3 + more_m3))
        try:
            replace(problem, vehicles=(full,))
        except InvalidProblem:
            assert not fits
        else:
            assert fits


@pytest.mark.parametrize("at_s", [7 * _H, _AT_S, 12 * _H, 14 * _H])
def test_nobody_goes_out_in_the_past(at_s: float) -> None:
    """Who is back and goes out again does so from now on, with an idle while behind it that counts in its day."""
    problem, plan = day()
    later = replace(problem, vehicles=tuple(replace(one, shift=(5 * _H, 20 * _H)) for one in problem.vehicles))
    now = underway(later, plan, at_s)
    assert all(vehicle.shift[0] >= at_s for vehicle in now.problem.vehicles)
    urgent = replace(problem.stops[0], id="urgent", windows=(), required=True)
    changed = replace(now.problem, stops=(*now.problem.stops, urgent))
    again = replan(changed, now.routes, now.unserved, _LIMITS)
    assert "urgent" in {stop for route in again.routes for stop in route.stops}
    assert all(route.visits[0].begin_s >= at_s for route in again.routes)
    assert {v.constraint for v in check(changed, again)} <= {"reason"}


def test_standing_at_home_is_a_break() -> None:
    problem, plan = day()
    rules = WorkRules(id="law", longest_work_s=6 * _H, work_break_s=1_800.0)
    fleet = tuple(replace(one, rules="law", shift=(5 * _H, 20 * _H)) for one in problem.vehicles)
    route = plan.routes[0]
    for later_s, broke in ((600.0, False), (2_000.0, True)):
        now = underway(replace(problem, rules=(rules,), vehicles=fleet), plan, route.visits[-1].end_s + later_s)
        spent = next(one.spent for one in now.problem.vehicles if one.id == route.vehicle)
        assert (spent.work_since_s == 0) is broke
        assert spent.duration_s == pytest.approx(route.duration_s + later_s)


def test_searches_share_the_time_and_the_last_goes_on_from_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that only searches move on: four of them end at four fifths of the time, each with its own seed."""
    problem, plan = day()
    now = underway(problem, plan, 6.5 * _H, [plan.routes[0].vehicle])
    clock_s, asked, begun = [0.0], list[Limits](), list[Tours]()

    def search(part: RoutingProblem, limits: Limits, initial: Tours) -> Tours:
        asked.append(limits)
        begun.append(initial)
        clock_s[0] += limits.seconds
        return searched(part, Limits(seconds=60, work=20, seed=limits.seed), initial)

    monkeypatch.setattr(again_module.time, "monotonic", lambda: clock_s[0])
    monkeypatch.setattr(solving, "searched", search)
    replan(now.problem, now.routes, now.unserved, Limits(seconds=5.0, seed=3))
    assert clock_s[0] == pytest.approx(4.0)
    assert len({one.seed for one in asked}) == len(asked) == 4
    assert begun[0] != begun[-1]


def test_what_was_left_out_is_for_whoever_has_no_round() -> None:
    """A dear stop far from what happens is thought of again, as somebody is free to go there."""
    problem, plan = day()
    now = underway(problem, plan, 6.5 * _H, [plan.routes[0].vehicle])
    stands = {stop for route in touched(now.problem, now.routes, now.unserved).routes for stop in route.stops}
    there = next(stop for stop in problem.stops if stop.id in stands)
    far = replace(there, id="far", required=False, prize=50.0, former="")
    known = Unserved("far", Why.PRIZE, "", 55.0)
    changed = replace(now.problem, stops=(*now.problem.stops, far))
    assert "far" in {changed.stops[s].id for s in touched(changed, now.routes, (*now.unserved, known)).stops}
    quiet = underway(problem, plan, 6.5 * _H)
    still = replace(quiet.problem, stops=(*quiet.problem.stops, far))
    assert touched(still, quiet.routes, (*quiet.unserved, known)).stops == ()


def test_work_that_the_time_cuts_short_is_not_reproducible(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, plan = day()
    now = underway(problem, plan, 6.5 * _H, [plan.routes[0].vehicle])
    clock_s, asked = [0.0], list[Limits]()

    def search(part: RoutingProblem, limits: Limits, initial: Tours) -> Tours:
        asked.append(limits)
        clock_s[0] += takes_s
        return searched(part, Limits(seconds=60, work=20, seed=limits.seed), initial)

    monkeypatch.setattr(again_module.time, "monotonic", lambda: clock_s[0])
    monkeypatch.setattr(solving, "searched", search)
    for takes_s, searches in ((0.5, 4), (1.5, 3)):
        clock_s[0] = 0.0
        asked.clear()
        found = replan(now.problem, now.routes, now.unserved, Limits(seconds=5.0, work=80))
        assert found.reproducible is (searches == 4)
        assert [one.work for one in asked] == [20] * searches
        assert [one.seconds for one in asked] == pytest.approx([4.0 - takes_s * k for k in range(searches)])
