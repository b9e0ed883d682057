"""A day's body, its programs, lids, notes and reasons; what is done without a solver; a day under way."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from engine.instants import PARIS
from jobs.collection.body import body, open_body, with_plan
from jobs.collection.explaining import explain
from jobs.collection.fallback import nearest, shift
from jobs.collection.handing import rounds_of
from jobs.collection.lids import lids_of
from jobs.collection.notes import notes
from jobs.collection.setpoints import to_setpoints
from jobs.collection.task import CollectionTask
from optimizers.routing import Act, RoutingPlan, check

from .ground import TUESDAY, container, evening, site, task_of, town, truck

AT = evening(TUESDAY)
TOWN = town(
    *(container(f"C{n}", 150 * n) for n in range(1, 6)),
    container("L1", 100, motor_lid=True), container("L2", 900, motor_lid=True), truck("T1"), truck("T2"), site(),
)  # fmt: skip
FULL = {"C1": 0.95, "C2": 0.92, "C3": 0.85, "L2": 0.93}


@pytest.fixture(scope="module")
def task() -> CollectionTask:
    return task_of(TOWN, FULL)


@pytest.fixture(scope="module")
def plan(task: CollectionTask) -> RoutingPlan:
    return nearest(task)


@pytest.fixture(scope="module")
def block(task: CollectionTask, plan: RoutingPlan) -> bytes:
    return body(task, plan)


def test_without_a_solver_a_plan_breaks_nothing_and_empties_what_it_must(
    task: CollectionTask, plan: RoutingPlan
) -> None:
    assert check(task.problem, plan) == []
    assert set(FULL) <= {stop for route in plan.routes for stop in route.stops}
    assert all(route.visits[-2].act is Act.UNLOAD for route in plan.routes), "nobody takes waste home"


def test_the_same_task_and_plan_are_the_same_bytes(task: CollectionTask, plan: RoutingPlan, block: bytes) -> None:
    assert body(task, plan) == block == with_plan(block, plan)


def test_a_plan_of_other_containers_is_refused(block: bytes, plan: RoutingPlan) -> None:
    with pytest.raises(ValueError, match="containers, wants the"):
        with_plan(block, replace(plan, routes=()))


def test_a_body_that_was_read_says_what_was_written(task: CollectionTask, plan: RoutingPlan, block: bytes) -> None:
    found = open_body(block)

    assert (found.start, found.until, found.at) == (task.behind.start_at, task.behind.until, task.behind.at)
    assert found.routes == plan.routes
    assert found.distance_m == pytest.approx(sum(route.distance_m for route in plan.routes))
    assert {name: one.number for name, (_, one) in found.served.items()} == {
        stop: n for route in plan.routes for n, stop in enumerate(route.stops, 1)
    }


def test_programs_hold_the_number_of_the_stop_that_is_driven_to_or_served(block: bytes) -> None:
    found = open_body(block)
    slots = {slot.point: slot.program for slot in to_setpoints(block, "v", AT)}

    for truck_id, visits in found.days.items():
        program = slots[f"{truck_id}/stopNumber"]
        assert program.at(found.start) == 0.0
        for before, one in pairwise(visits):
            on_the_way = found.instant(before.visit.end_s)
            assert program.at(on_the_way) == one.number, f"{one.visit.act} {one.visit.of}"
    idle = [name for name in ("T1", "T2") if name not in found.days]
    assert all(slots[f"{name}/stopNumber"].steps == ((found.start, 0.0),) for name in idle)


def test_only_lids_with_a_motor_have_a_program(block: bytes) -> None:
    slots = [slot.point for slot in to_setpoints(block, "v", AT)]
    assert [name for name in slots if "lidLocked" in name] == ["L1/lidLocked", "L2/lidLocked"]


def lid(levels: dict[str, float], near_m: float, near: float) -> tuple[list[float], str]:
    """What the lid of a full container does beside another one."""
    fleet = town(container("L1", 0, motor_lid=True), container("C1", near_m), truck("T1"), site())
    task = task_of(fleet, {**levels, "C1": near})
    found = lids_of(open_body(body(task, nearest(task))))["L1"]
    return [value for _, value in found.program.steps], found.reason["en"]


@pytest.mark.parametrize(
    ("level", "near_m", "near", "steps"),
    [
        (0.99, 100, 0.2, [0.0, 1.0, 0.0]),  # full before the truck comes, and one near has room
        (0.99, 200, 0.2, [0.0]),  # too far to carry a bag
        (0.99, 100, 0.9, [0.0]),  # as full
        (0.60, 100, 0.2, [0.0]),  # it has room itself
    ],
)
def test_a_lid_is_locked_where_it_will_be_full_and_one_near_has_room(
    level: float, near_m: float, near: float, steps: list[float]
) -> None:
    assert lid({"L1": level}, near_m, near)[0] == steps


def test_two_lids_beside_each_other_are_not_both_locked() -> None:
    fleet = town(container("L1", 0, motor_lid=True), container("L2", 50, motor_lid=True), truck("T1"), site())
    task = task_of(fleet, {"L1": 0.99, "L2": 0.99})
    lids = lids_of(open_body(body(task, nearest(task))))

    assert sum(any(value for _, value in one.program.steps) for one in lids.values()) == 0, "neither has room"


def test_why_is_told_of_a_container_in_the_round_of_one_that_is_not_and_of_a_truck(block: bytes) -> None:
    found = open_body(block)
    inside, outside = explain(block, "C1/fillingLevel", AT), explain(block, "C5", AT)
    (name, (driver, one)) = next(iter(found.served.items()))

    assert inside["reason"]["en"].startswith("emptied at ")
    assert "overflow before the round" in inside["reason"]["en"]
    assert outside["reason"]["fr"].startswith("pas dans la tournée")
    assert outside["level"] == pytest.approx(0.1)
    at = found.instant(one.visit.begin_s)
    assert explain(block, f"{driver}/stopNumber", at)["last_stop"] == [one.number, name]
    assert explain(block, "C1/fillingLevel", found.until) == {}
    assert explain(block, "stranger/x", AT) == {}


def test_notes_count_containers_trucks_and_kilometres_and_say_that_there_was_no_map(block: bytes) -> None:
    told = [note.text for note in notes(block)]

    assert "of 7 containers are emptied" in told[0]["en"]
    assert "conteneurs sur 7" in told[0]["fr"]
    assert any("without a map" in line["en"] for line in told)


def test_a_required_container_that_nobody_can_serve_is_told_with_its_reason() -> None:
    fleet = town(container("C1"), container("G1", kind="glass"), truck("T1"), site())
    task = task_of(fleet, {"C1": 0.95, "G1": 0.95})
    plan = nearest(task)
    told = " ".join(note.text["en"] for note in notes(body(task, plan)))

    assert [one.object for one in plan.violations] == ["G1"]
    assert check(task.problem, plan)[0].object == "G1"
    assert "G1" in told
    assert "no truck in service takes its kind of waste" in told


def test_rounds_that_are_handed_out_hold_every_line_with_its_drive(block: bytes) -> None:
    found = open_body(block)
    for one in rounds_of(block, "v"):
        if not one.lines:
            continue
        assert one.day == TUESDAY
        assert one.fractions == ("other",)
        assert [line.number for line in one.stops] == list(range(1, len(one.stops) + 1))
        for before, line in pairwise(one.lines):
            assert line.arrive_at >= before.end_at
        assert one.distance_m == pytest.approx(found.driven_m(one.vehicle))


def test_the_rounds_of_yesterday_are_driven_with_the_containers_of_today(block: bytes) -> None:
    wednesday = TUESDAY + timedelta(days=1)
    later = task_of(TOWN, {"C1": 0.95, "C4": 0.95}, day=wednesday)
    plan = shift(later, block)

    assert check(later.problem, plan) == []
    assert {"C1", "C4"} <= {stop for route in plan.routes for stop in route.stops}
    assert plan.solver == "the rounds of the last plan"


def test_a_closed_day_has_no_round_and_its_body_says_why() -> None:
    task = task_of(TOWN, FULL, day=date(2026, 9, 13))
    found = body(task, nearest(task))

    assert [note.text["fr"] for note in notes(found)] == ["Pas de tournée : le 2026-09-13 est un jour sans collecte."]
    assert explain(found, "C1", evening(date(2026, 9, 13)))["reason"]["en"].startswith("nobody drives")
    assert {value for slot in to_setpoints(found, "v", AT) for _, value in slot.program.steps} <= {0.0, 1.0}


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_programs_cover_the_days_on_which_the_clock_changes(day: date) -> None:
    task = task_of(TOWN, FULL, day=day)
    for slot in to_setpoints(body(task, nearest(task)), "v", evening(day)):
        assert (slot.program.start, slot.program.until) == (task.behind.start_at, task.behind.until)
        assert local(slot.program.until) == (20, 0)


def local(at: datetime) -> tuple[int, int]:
    found = at.astimezone(PARIS)
    return found.hour, found.minute
