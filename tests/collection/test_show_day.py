"""The day of tests/bench/show_collection_day.py, smaller and in quarter hours: each event changes what it touches."""

from collections.abc import Iterator
from datetime import date

import pytest

from tests.bench.collection_day import Replay, Script, played
from tests.bench.collection_town import Town

_TOWN = Town(containers=30, trucks=3, side_m=14_000.0, seed=2)
_SCRIPT = Script(breaks="07:00", dumps="07:45", closes="08:30", many=2)


@pytest.fixture(scope="module")
def day() -> Iterator[Replay]:
    with played(_TOWN, _SCRIPT, date(2026, 10, 2), slot_s=900) as found:
        yield found


def test_the_evening_plans_and_the_twin_drives_what_was_planned(day: Replay) -> None:
    planned = day.changes[-1].found.body
    assert day.changes[0].cause == "plan-collection"
    assert set(day.emptied) <= set(planned.served)
    assert len(day.emptied) >= 0.9 * len(planned.served)
    assert day.driven_km == pytest.approx(planned.distance_m / 1000, rel=0.15)


def test_a_truck_that_breaks_down_serves_nothing_more_and_others_take_its_stops(day: Replay) -> None:
    at, broken = next((at, what.split()[0]) for at, what in day.events if "breaks down" in what)
    truck = next(one for one in day.trucks if one.id == broken)
    assert all(when <= at for _, when, _ in truck.served)
    before = {line.asset for one in day.changes[0].found.rounds if one.vehicle == broken for line in one.stops}
    others = {name for one in day.trucks if one.id != broken for name, _, _ in one.served}
    assert before & others


def test_containers_that_are_filled_up_at_once_are_emptied_though_no_round_did(day: Replay) -> None:
    at, what = next((at, what) for at, what in day.events if what.endswith("overflow"))
    names = what.removesuffix(" overflow").split(", ")
    before = [one for one in day.changes if one.at < at][-1].found.body
    assert not set(names) & set(before.served)
    assert set(names) & set(day.emptied)


def test_nothing_is_emptied_twice(day: Replay) -> None:
    served = [name for truck in day.trucks for name, _, _ in truck.served]
    assert len(served) == len(set(served))


def test_every_plan_says_which_rounds_it_left_alone(day: Replay) -> None:
    for change in day.changes[1:]:
        assert change.kept is not None
        assert set(change.same).isdisjoint(change.changed)
