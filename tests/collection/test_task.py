"""The problem of a day: who is wanted, who may serve whom, when; and what is told of those left out."""

from datetime import date, timedelta

import numpy as np
import pytest

from engine.instants import PARIS
from jobs.collection.body import body
from jobs.collection.closures import Closure
from jobs.collection.notes import notes
from jobs.collection.task import DIMENSIONS, load_of, shared_out
from optimizers.result import InvalidProblem, Limits
from optimizers.routing import check, solve

from .ground import TABLES, TUESDAY, container, evening, fills, site, task_of, town, truck

SUNDAY, ASCENSION = date(2026, 9, 13), date(2026, 5, 14)


def closure(**said: object) -> Closure:
    about = {"id": "works", "text": {"fr": "travaux", "en": "works"}, "place": {"assets": ["C1"]}}
    return Closure.model_validate({**about, "from": "2026-09-01", "until": "2026-09-30", **said})


def test_a_full_container_is_required_one_that_may_wait_has_a_prize_and_an_empty_one_is_left_alone() -> None:
    fleet = town(container("C1"), container("C2", 100), container("C3", 200), truck("T1"), site())
    task = task_of(fleet, {"C1": 0.95, "C2": 0.75, "C3": 0.05})
    stops = {stop.id: stop for stop in task.problem.stops}

    assert set(stops) == {"C1", "C2"}
    assert stops["C1"].required
    assert not stops["C2"].required
    assert 0 < stops["C2"].prize < TABLES.choice.rho_eur
    assert task.wanted.by_next[2] < TABLES.choice.candidate_above


def test_one_that_is_half_full_is_worth_a_share_of_what_a_visit_costs_though_it_overflows_by_nothing() -> None:
    far, near = container("C1", 9000), container("C2", 100)
    fleet = town(far, container("C3", 9100), container("C4", 9200), near, container("C5", 200), truck("T1"), site())
    wanted = task_of(fleet, {"C1": 0.5, "C2": 0.5, "C3": 0.2}, a_day=0.02).wanted
    prize = dict(zip(fleet.names, wanted.prize_eur.tolist(), strict=True))

    assert wanted.by_after.max() < 0.001
    assert prize["C1"] > prize["C2"] > 0, "who lives far away is dear to come back to"
    assert prize["C3"] == prize["C5"] == 0


def test_rho_follows_what_overflowed_in_the_weeks_before_within_bounds() -> None:
    shipped = TABLES.choice.rho_eur
    calm, full = (TABLES.choice.terms([(days, 3000.0)] * 6).rho for days in (0.0, 300.0))

    assert TABLES.choice.terms().rho == shipped
    assert shipped / 4 <= calm < shipped < full <= 4 * shipped
    assert TABLES.choice.terms([(9.0, 3000.0)]).rho == pytest.approx(shipped), "as many as are allowed"


def test_the_fuller_of_two_has_the_greater_prize() -> None:
    fleet = town(container("C1"), container("C2", 100), truck("T1"), site())
    wanted = task_of(fleet, {"C1": 0.70, "C2": 0.78}).wanted

    assert wanted.prize_eur[0] < wanted.prize_eur[1]
    assert wanted.by_next[0] <= wanted.by_after[0]


def test_one_that_nobody_has_heard_of_for_too_long_is_visited() -> None:
    fleet = town(container("C1"), container("C2", kind="glass"), truck("T1"), truck("T2", "glass"), site())
    task = task_of(fleet, {"C1": 0.05, "C2": 0.05}, heard_days=8.0)

    assert [stop.id for stop in task.problem.stops if stop.required] == ["C1"], "glass may wait for four weeks"
    assert task.wanted.due.tolist() == [True, False]


def test_loads_are_what_is_expected_and_some_more_never_more_than_a_container_holds() -> None:
    fleet = town(container("C1"), container("C2", kind="glass"), truck("T1"), truck("T2", "glass"), site())
    stops = {stop.id: stop for stop in task_of(fleet, {"C1": 0.9, "C2": 1.4}).problem.stops}

    assert DIMENSIONS == ("mass_kg", "volume_m3")
    assert 0.9 * 440 < stops["C1"].load[0] <= 440
    assert stops["C1"].load[1] == pytest.approx(stops["C1"].load[0] / 110 / 4)
    assert stops["C2"].load == pytest.approx((4 * 320, 4.0)), "glass is not compacted, what lies beside is not counted"


def test_trucks_take_one_kind_of_waste_that_of_which_there_is_most_for_them() -> None:
    fleet = town(
        container("C1"), container("C2", kind="glass"), container("C3", kind="glass"),
        truck("T1"), truck("T2", "other", "glass"), site(),
    )  # fmt: skip
    task = task_of(fleet, {"C1": 0.95, "C2": 0.95, "C3": 0.95})

    assert task.trucks == {"T1": "other", "T2": "glass"}
    assert [vehicle.skills for vehicle in task.problem.vehicles] == [("other",), ("glass",)]
    assert {stop.id: stop.skills for stop in task.problem.stops}["C2"] == ("glass",)


def test_a_narrow_street_wants_a_narrow_truck() -> None:
    fleet = town(container("C1", narrow=True), truck("T1"), truck("T2", narrow=True), site())
    problem = task_of(fleet, {"C1": 0.95}).problem

    assert problem.stops[0].skills == ("other", "narrow")
    assert [vehicle.skills for vehicle in problem.vehicles] == [("other",), ("other", "narrow")]
    assert [vehicle.profile for vehicle in problem.vehicles] == [0, 1]


def test_loud_trucks_stay_in_while_the_night_is_to_be_quiet() -> None:
    fleet = town(container("C1"), truck("T1"), truck("T2", quiet=True, shift="04:00-11:00"), site())
    loud, quiet = task_of(fleet, {"C1": 0.95}).problem.vehicles

    assert loud.shift == (10 * 3600.0, 16 * 3600.0 + 20 * 60), "from six, eight in the evening is second 0"
    assert quiet.shift == (8 * 3600.0, 15 * 3600.0)


def test_a_shift_that_has_begun_begins_now() -> None:
    fleet = town(container("C1"), truck("T1"), site())
    at = evening(TUESDAY) + timedelta(hours=12)
    (vehicle,) = task_of(fleet, {"C1": 0.95}, at=at).problem.vehicles

    assert vehicle.shift[0] == 12 * 3600 + 300


def test_sites_have_their_hours_and_unload_what_they_accept() -> None:
    fleet = town(container("C1"), truck("T1"), site(hours="07:00-11:30", unload_s=600, queue_s=0, fractions=["glass"]))
    (found,) = task_of(fleet, {"C1": 0.95}).problem.sites

    assert found.windows == ((11 * 3600.0, 15.5 * 3600.0),)
    assert (found.unload_s, found.queue, found.accepts) == (600.0, (), ("glass",))


def test_a_closure_leaves_a_container_the_rest_of_the_day() -> None:
    fleet = town(container("C1"), container("C2", 100), truck("T1"), site())
    task = task_of(fleet, {"C1": 0.95, "C2": 0.95}, closures=[closure(hours="08:15-09:00")])
    stops = {stop.id: stop for stop in task.problem.stops}

    day_s = 24 * 3600.0
    assert stops["C1"].windows == ((0.0, 12.25 * 3600), (13 * 3600.0, day_s))
    assert stops["C2"].windows == ()
    (closed,) = [stop for stop in task_of(fleet, {"C1": 0.95}, closures=[closure()]).problem.stops if stop.id == "C1"]
    assert closed.windows == ((0.0, 0.0),), "at no time that a truck drives"


def test_a_road_that_is_closed_without_a_map_is_told() -> None:
    fleet = town(container("C1"), truck("T1"), site())
    here = {"around": {"lat": 47.4, "lon": -0.67, "radius_m": 50}}
    task = task_of(fleet, {"C1": 0.95}, closures=[closure(place=here, through=True)])

    assert "works" in task.behind.told[0]["en"]
    assert task.problem.matrices.approximate


def test_a_truck_that_is_out_of_service_is_not_counted_on() -> None:
    fleet = town(container("C1"), truck("T1"), truck("T2"), site())
    task = task_of(fleet, {"C1": 0.95}, out=["T1"])

    assert [vehicle.id for vehicle in task.problem.vehicles] == ["T2"]
    assert task.behind.left_out["T1"]["en"] == "broken"


@pytest.mark.parametrize(("day", "why"), [(SUNDAY, "without collection"), (ASCENSION, "without collection")])
def test_on_a_day_without_service_nobody_is_served(day: date, why: str) -> None:
    fleet = town(container("C1"), truck("T1"), site())
    task = task_of(fleet, {"C1": 0.95}, day=day)

    assert task.problem.stops == ()
    assert why in task.behind.closed["en"]
    assert {vehicle.shift for vehicle in task.problem.vehicles} == {(0.0, 0.0)}


def test_a_saturday_looks_over_the_sunday() -> None:
    """What would overflow on Sunday is Saturday's."""
    fleet = town(container("C1"), truck("T1"), site())
    friday, saturday = (
        task_of(fleet, {"C1": 0.74}, day=TUESDAY + timedelta(days=days)).wanted.by_next[0] for days in (3, 4)
    )
    assert saturday > friday


def test_when_the_shifts_are_over_what_is_full_is_for_the_next_day() -> None:
    fleet = town(container("C1"), truck("T1"), site())
    task = task_of(fleet, {"C1": 0.95}, at=evening(TUESDAY) + timedelta(hours=17))

    assert task.behind.closed["en"] == "the shifts of the day are over"


def test_without_any_truck_there_is_no_problem() -> None:
    with pytest.raises(InvalidProblem, match="no vehicles"):
        task_of(town(container("C1"), site()), {"C1": 0.95})


def test_what_is_wrong_in_the_inventory_is_left_out_with_what_to_do() -> None:
    fleet = town(
        container("C1", volume_l=-4), container("C2", kind="gold"), container("C3"),
        truck("T1", shift="at dawn"), truck("T2"), site(),
    )  # fmt: skip
    assert fleet.names == ("C3",)
    assert [asset.id for asset, _ in fleet.trucks] == ["T2"]
    assert "volume_l" in fleet.left_out["C1"]["en"]
    assert "gold" in fleet.left_out["C2"]["fr"]
    assert "05:00" in fleet.left_out["T1"]["en"] or "23:30-05:30" in fleet.left_out["T1"]["en"]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_on_the_days_the_clock_changes_shifts_keep_local_time(day: date, hours: int) -> None:
    service = TABLES.service.model_copy(update={"days": frozenset({"sun"})})
    tables = TABLES.model_copy(update={"service": service})
    fleet = town(container("C1"), truck("T1"), site())
    task = task_of(fleet, {"C1": 0.95}, day=day, tables=tables)
    start = task.behind.start_at
    (vehicle,) = task.problem.vehicles

    assert task.behind.until - start == timedelta(hours=hours)
    begins, ends = ((start + timedelta(seconds=s)).astimezone(PARIS) for s in vehicle.shift)
    assert (begins.hour, ends.hour, ends.minute) == (6, 12, 20)


def test_the_same_town_gives_the_same_problem() -> None:
    from optimizers.routing import pack

    fleet = town(container("C2", 100), container("C1"), truck("T2"), truck("T1"), site())
    other = town(truck("T1"), site(), container("C1"), container("C2", 100), truck("T2"))
    levels = {"C1": 0.95, "C2": 0.75}

    assert pack(task_of(fleet, levels).problem) == pack(task_of(other, levels).problem)


def test_load_is_shared_out_over_trucks_not_over_those_that_are_out() -> None:
    from jobs.collection.state import State

    fleet = town(container("C1"), truck("T1", "other", "glass"), truck("T2", "other"), site())
    wanted = task_of(fleet, {"C1": 0.95}).wanted
    assert set(shared_out(fleet, State({"T2": {}}, {}), wanted, TABLES)) == {"T1"}
    assert load_of(fleet.containers[0][1], 0.5, TABLES) == pytest.approx((220.0, 0.5))
    assert np.isfinite(fills(fleet, {}).level(evening(TUESDAY) + timedelta(days=1))).all()


def test_a_territory_without_containers_has_a_day_without_rounds() -> None:
    task = task_of(town(truck("T1"), site()), {})
    plan = solve(task.problem, Limits(work=10))
    said = [note.text["en"] for note in notes(body(task, plan))]

    assert check(task.problem, plan) == []
    assert said[0].startswith("0 of 0 containers are emptied by 0 trucks of 1")
