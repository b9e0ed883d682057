"""Large problems: zones of about the same work, fleets shared out by it, improved across borders."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.result import Limits, Status
from optimizers.routing import Act, Coordinates, RoutingProblem, Spent, check, generated, zones
from optimizers.routing.asking import first
from optimizers.routing.solving import searched, solve
from optimizers.routing.splitting import cut, dealt, positions
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tours, holders, served
from tests.routing.making import made
from tests.routing.towns import landfills

_OUT = Spent(stops=1)


@settings(max_examples=50)
@given(st.integers(1, 200), st.integers(1, 9), st.integers(0, 999), st.floats(0, 1))
def test_every_point_is_in_one_group_of_about_the_same_weight(n: int, parts: int, seed: int, turn: float) -> None:
    rng = np.random.default_rng(seed)
    at, weight = rng.normal(0, 1, (n, 2)), rng.uniform(0.5, 1.5, n)
    groups = cut(at, weight, parts, np.zeros(2), turn)
    assert sorted(np.concatenate(groups).tolist()) == list(range(n))
    assert len(groups) == min(parts, len(groups))
    if n >= 20 * parts:
        each = [weight[group].sum() for group in groups]
        assert len(each) == parts
        assert max(each) < 1.35 * weight.sum() / parts


def test_a_cut_goes_between_towns() -> None:
    rng = np.random.default_rng(1)
    town = np.repeat([0, 1], 50)
    at = rng.normal(0, 1, (100, 2)) + 20.0 * town[:, None]
    groups = cut(at, np.ones(100), 2, at.mean(axis=0))
    assert sorted(set(town[group].tolist()) for group in groups) == [{0}, {1}]


def test_without_coordinates_places_lie_as_drives_say() -> None:
    problem = landfills(60, 2, 4)
    unknown = replace(problem, coordinates=Coordinates.NONE)
    flat, true = positions(unknown), positions(problem)
    pairs = np.triu_indices(len(flat), 1)
    apart = [np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))[pairs] for at in (flat, true)]
    assert np.corrcoef(*apart)[0, 1] > 0.95


def test_vehicles_go_where_their_skills_are_asked_for() -> None:
    plain = generated(40, 1, 1, 3)
    lorry = plain.vehicles[0]
    stops = tuple(replace(one, skills=("crane",) if k < 20 else ("sweeper",)) for k, one in enumerate(plain.stops))
    kinds = ["crane", "sweeper", "crane", "sweeper"]
    fleet = tuple(replace(lorry, id=f"T-{k}", skills=(kind,)) for k, kind in enumerate(kinds))
    problem = replace(plain, stops=stops, vehicles=fleet)
    halves = [list(range(20)), list(range(20, 40))]
    assert dealt(problem, range(4), halves, holders(problem)) == [[0, 2], [1, 3]]


def test_vehicles_are_dealt_by_work_and_from_the_nearer_depot() -> None:
    plain = generated(40, 1, 1, 3)
    vehicles = tuple(replace(plain.vehicles[0], id=f"T-{k}", start=k % 2) for k in range(4))
    problem = replace(plain, vehicles=vehicles)
    assert [len(one) for one in dealt(problem, range(4), [list(range(30)), list(range(30, 40))], holders(problem))] == [
        3,
        1,
    ]
    home = problem.matrices.duration_s[0, :2]
    nearer = home[0, [stop.place for stop in problem.stops]] < home[1, [stop.place for stop in problem.stops]]
    sides = [np.flatnonzero(nearer).tolist(), np.flatnonzero(~nearer).tolist()]
    if 15 <= len(sides[0]) <= 25:
        assert dealt(problem, range(4), sides, holders(problem)) == [[0, 2], [1, 3]]


def _zoned(monkeypatch: pytest.MonkeyPatch, largest: int) -> None:
    monkeypatch.setattr(zones, "LARGEST", largest)
    monkeypatch.setattr(zones, "FROM", largest)
    monkeypatch.setattr(zones, "FROM_ALONE", largest)


@pytest.mark.parametrize("threads", [1, 2])
def test_zones_make_a_plan_that_keeps_everything(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    _zoned(monkeypatch, 40)
    problem = landfills(100, 3, 4)
    heard: list[float] = []
    plan = solve(problem, Limits(seconds=60, work=30, threads=threads), lambda found, _: heard.append(found))
    assert plan.status is Status.FEASIBLE
    assert check(problem, plan) == []
    assert heard == sorted(heard, reverse=True)
    assert len(heard) > 1


def test_zones_give_the_same_plan_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    _zoned(monkeypatch, 40)
    problem = landfills(100, 3, 4)
    first, again = (solve(problem, Limits(seconds=300, work=40, threads=threads)) for threads in (1, 3))
    assert first.reproducible
    assert first.routes == again.routes


def test_borders_are_crossed_where_that_serves_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two zones whose one vehicle each cannot do its half: what is left over in both goes to the third vehicle."""
    monkeypatch.setattr(zones, "LARGEST", 30)
    problem = landfills(60, 2, 3)
    limits = Limits(seconds=60, work=40)
    stops = range(60)
    tours = zones.by_zones(problem, limits, stops, searched, Clock(problem))
    assert len(served(tours)) == 60


@pytest.mark.parametrize(("daily", "whole"), [(2_200.0, True), (400.0, False)])
def test_all_rounds_are_improved_as_one_at_last_but_near_caps(
    monkeypatch: pytest.MonkeyPatch, daily: float, whole: bool
) -> None:
    """Three lorries for 60 stops of 5 to 25 yd³: 2,200 yd³ a day are far, 400 are near."""
    monkeypatch.setattr(zones, "LARGEST", 30)
    plain = landfills(60, 2, 3)
    problem = replace(plain, vehicles=tuple(replace(one, daily=(daily,)) for one in plain.vehicles))
    asked: list[tuple[int, bool]] = []

    def told(part: RoutingProblem, limits: Limits, initial: Tours | None) -> Tours:
        asked.append((len(part.stops), initial is not None))
        return searched(part, limits, initial)

    zones.by_zones(problem, Limits(seconds=60, work=40), range(60), told, Clock(problem))
    assert asked[0] == (30, False)
    assert asked[-1][1]
    assert (asked[-1][0] == 60) is whole


@pytest.mark.parametrize(("daily", "near"), [(2_200.0, False), (400.0, True)])
def test_caps_take_the_place_of_distances_only_where_given_tours_come_near_to_them(daily: float, near: bool) -> None:
    plain = landfills(60, 2, 3)
    problem = replace(plain, vehicles=tuple(replace(one, daily=(daily,)) for one in plain.vehicles))
    tours = (tuple(range(25)), tuple(range(25, 60)), ())
    assert first(problem, holders(problem), range(60), tours).daily is near
    assert not first(problem, holders(problem), range(60)).daily


def test_what_belongs_together_is_in_one_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    _zoned(monkeypatch, 30)
    plain = landfills(90, 2, 6)
    stops = tuple(replace(one, together="twins") if k in {3, 70} else one for k, one in enumerate(plain.stops))
    problem = replace(plain, stops=stops)
    plan = solve(problem, Limits(seconds=60, work=40))
    assert check(problem, plan) == []
    assert len({route.vehicle for route in plan.routes if {"B-3", "B-70"} & set(route.stops)}) == 1
    assert plan.unserved == ()


def test_stops_that_nobody_can_serve_are_told_in_large_problems_too(monkeypatch: pytest.MonkeyPatch) -> None:
    _zoned(monkeypatch, 30)
    plain = landfills(90, 2, 6)
    stops = tuple(replace(one, skills=("wings",)) if k == 5 else one for k, one in enumerate(plain.stops))
    plan = solve(replace(plain, stops=stops), Limits(seconds=60, work=40))
    assert plan.status is Status.BEST_EFFORT
    assert [(one.stop, str(one.why)) for one in plan.unserved] == [("B-5", "skill")]


def test_more_zones_than_vehicles_leave_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    _zoned(monkeypatch, 5)
    plain = landfills(20, 1, 1)
    lone = replace(plain.vehicles[0], capacity=(), daily=(), rests=(), shift=(0.0, 400_000.0))
    sites = tuple(replace(one, windows=()) for one in plain.sites)
    stops = tuple(replace(one, windows=()) for one in plain.stops)
    problem = replace(plain, vehicles=(lone,), stops=stops, sites=sites)
    plan = solve(problem, Limits(seconds=60, work=40))
    assert check(problem, plan) == []
    assert plan.unserved == ()


@pytest.mark.parametrize("seed", [1, 16, 18, 23])
def test_what_no_zone_has_room_for_goes_to_a_vehicle_that_another_does_not_need(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    _zoned(monkeypatch, 5)
    problem = made(seed, 20, 5)
    plan = solve(problem, Limits(seconds=60, work=10))
    assert {one.constraint for one in check(problem, plan)} <= {"required"}


def test_who_is_out_with_a_load_brings_it_home_whatever_the_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    _zoned(monkeypatch, 15)
    plain = landfills(30, 2, 4)
    laden = replace(plain.vehicles[0], id="out", most_stops=1, aboard=(1.0,) * len(plain.dimensions), spent=_OUT)
    problem = replace(plain, vehicles=(*plain.vehicles, laden))
    plan = solve(problem, Limits(seconds=60, work=40))
    home = next(route for route in plan.routes if route.vehicle == "out")
    assert [visit.act for visit in home.visits if visit.act is not Act.REST] == [Act.START, Act.UNLOAD, Act.END]
    assert check(problem, plan) == []
