"""People stop the automation and let it go on: scopes, warnings, ends, and nothing missed while nobody looked."""

from datetime import datetime, timedelta

import pytest

from engine.errors import InputError
from engine.model import Alarm, AlarmState, Hold, Level, Program, Scope, Slot
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.holds import RULE, put_hold, resume, tend_holds
from jobs.scopes import domains_of, points_in, scope_of
from jobs.settling import settle_points
from tests.conftest import BOTH
from tests.wiring.conftest import NOON

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BY = "person:ann"


def hold(scope: Scope, subject: str, hours: float = 2, at: datetime = NOON, reason: str = "works") -> Hold:
    return Hold(scope, subject, at, at + hours * HOUR, reason, BY)


def ends_soon(store: Store, subject: str) -> list[Alarm]:
    with store.read() as unit:
        return [alarm for alarm in unit.alarms.active([subject]) if alarm.rule == RULE]


def acts(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as unit:
        lines = map(unit.audit.line, range(1, 20))
        return [(line.actor, line.action, line.subject) for line in lines if line and line.actor != "outbox"]


def want(store: Store, territory: Territory, point: str, value: float, at: datetime) -> None:
    """A plan wants something of a point, and it is settled."""
    with store.begin() as unit:
        program = Program.constant(value, at, at + 12 * HOUR)
        unit.slots.put([Slot(point, Level.DAY_AHEAD_PLAN, "plan:test", program, at, "p", "a test")])
        settle_points(unit, territory, [point], at)


def commands(store: Store, point: str) -> int:
    with store.read() as unit:
        return len(unit.commands.of_point(point))


def test_a_word_means_a_domain_a_zone_a_point_or_an_asset(territory: Territory) -> None:
    lamp = next(point for point in territory.points.values() if point.domain == "lighting")
    assert scope_of(territory, "lighting") == (Scope.DOMAIN, "lighting")
    assert scope_of(territory, lamp.zone) == (Scope.ZONE, lamp.zone)
    assert scope_of(territory, lamp.id) == scope_of(territory, lamp.asset) == (Scope.POINT, lamp.id)
    everything = {point for domain in domains_of(territory) for point in points_in(territory, Scope.DOMAIN, domain)}
    assert everything == territory.points.keys()
    in_zone = points_in(territory, Scope.ZONE, lamp.zone)
    assert lamp.id in in_zone
    assert {territory.points[point].zone for point in in_zone} == {lamp.zone}


@pytest.mark.parametrize(("word", "hint"), [("lightning", "lighting"), ("L-49028-0001", "L-49028-0001")])
def test_a_word_that_means_nothing_is_refused_with_a_near_one(territory: Territory, word: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"{word} is no domain, zone or point of this territory → .*{hint}"):
        scope_of(territory, word)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (hold(Scope.DOMAIN, "lighting", 0), ["is over"]),
        (hold(Scope.DOMAIN, "lighting", 7 * 24 + 0.1, reason=" "), ["more than 7 days away", "--reason is empty"]),
    ],
)
def test_a_hold_ends_within_a_week_and_says_why(store: Store, asked: Hold, told: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        put_hold(store, asked)
    assert len(refused.value.problems) == len(told)
    assert all(words in str(refused.value) for words in told)
    assert acts(store) == []


@BOTH
def test_while_it_is_held_nothing_is_asked_and_resuming_asks_at_once(store: Store, territory: Territory) -> None:
    point = points_in(territory, Scope.DOMAIN, "lighting")[0]
    other = points_in(territory, Scope.DOMAIN, "energy")[0]
    put_hold(store, hold(Scope.DOMAIN, "lighting"))
    want(store, territory, point, 0.4, NOON + MINUTE)
    want(store, territory, other, 20.0, NOON + MINUTE)
    assert (commands(store, point), commands(store, other)) == (0, 1)
    assert [one.subject for one in resume(store, territory, Scope.DOMAIN, "lighting", BY, NOON + HOUR)] == ["lighting"]
    assert commands(store, point) == 1
    assert acts(store) == [(BY, "hold", "domain/lighting"), (BY, "resume", "domain/lighting")]


def test_what_is_not_held_by_itself_cannot_be_resumed(store: Store, territory: Territory) -> None:
    zone = next(iter(territory.points.values())).zone
    put_hold(store, hold(Scope.ZONE, zone))
    with pytest.raises(InputError, match=f"domain lighting is not held by itself → what is held: zone/{zone}"):
        resume(store, territory, Scope.DOMAIN, "lighting", BY, NOON)


@BOTH
def test_people_are_warned_once_and_at_the_end_the_points_are_settled(store: Store, territory: Territory) -> None:
    """The process that looks again after the end finds what it would have done at the time."""
    point = points_in(territory, Scope.DOMAIN, "lighting")[0]
    put = put_hold(store, hold(Scope.POINT, point))
    want(store, territory, point, 0.4, NOON + MINUTE)
    assert tend_holds(store, territory, put.until_at - 16 * MINUTE) == 0
    assert tend_holds(store, territory, put.until_at - 15 * MINUTE) == 1
    assert tend_holds(store, territory, put.until_at - 14 * MINUTE) == 0
    (alarm,) = ends_soon(store, point)
    assert alarm.state is AlarmState.UNACKNOWLEDGED
    assert (alarm.detail["by"], alarm.detail["respond_within_s"]) == (BY, 900)
    assert commands(store, point) == 0
    assert tend_holds(store, territory, put.until_at + HOUR) == 1
    assert commands(store, point) == 1
    assert [alarm.cleared_at for alarm in ends_soon(store, point)] == [put.until_at + HOUR]
    assert tend_holds(store, territory, put.until_at + 2 * HOUR) == 0
    assert [act for _, act, _ in acts(store)] == ["hold", "warn", "end"]


def test_a_hold_put_anew_is_not_about_to_end(store: Store, territory: Territory) -> None:
    put = put_hold(store, hold(Scope.DOMAIN, "lighting"))
    tend_holds(store, territory, put.until_at - MINUTE)
    put_hold(store, hold(Scope.DOMAIN, "lighting", at=put.until_at - MINUTE))
    assert [alarm.cleared_at for alarm in ends_soon(store, "lighting")] == [put.until_at - MINUTE]
    assert tend_holds(store, territory, put.until_at + MINUTE) == 0


def test_a_hold_that_nobody_saw_begin_nor_end_is_still_seen_to(store: Store, territory: Territory) -> None:
    point = points_in(territory, Scope.DOMAIN, "lighting")[0]
    put = put_hold(store, hold(Scope.DOMAIN, "lighting", 0.5))
    want(store, territory, point, 0.4, NOON + MINUTE)
    assert tend_holds(store, territory, put.until_at + 4 * HOUR) == 1
    assert commands(store, point) == 1
    assert ends_soon(store, "lighting") == []
