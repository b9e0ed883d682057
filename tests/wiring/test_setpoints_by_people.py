"""What people ask of points by hand: refused with its clause before anything is written, heard, given back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.model import CommandState, Hold, Level, Program, Scope, Slot
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.holds import put_hold
from jobs.scopes import points_in
from jobs.setpoints import LONGEST, Override, Standing, release, set_override, standing, unit_of, value_in
from jobs.settling import settle_points
from tests.conftest import BOTH
from tests.wiring.conftest import NOON, readings, tell

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ANN, BOB = "person:ann", "person:bob"


@pytest.fixture
def lamp(territory: Territory) -> str:
    return points_in(territory, Scope.DOMAIN, "lighting")[0]


def by_hand(lamp: str, value: float = 0.4, by: str = ANN, level: Level = Level.OPERATOR) -> Override:
    return Override(lamp, value, level, NOON + 2 * HOUR, "glare", by)


def look(store: Store, territory: Territory, point: str, minutes: float = 1) -> Standing:
    with store.read() as unit:
        (found,) = standing(unit, territory, [point], NOON + minutes * MINUTE)
    return found


def decides(found: Standing) -> tuple[str, float] | None:
    return (found.piece.winner.source, found.piece.value) if found.piece and found.piece.winner else None


def plan(store: Store, territory: Territory, point: str, value: float) -> None:
    with store.begin() as unit:
        program = Program.constant(value, NOON, NOON + 12 * HOUR)
        unit.slots.put([Slot(point, Level.DAY_AHEAD_PLAN, "plan:test", program, NOON, "p", "a test")])
        settle_points(unit, territory, [point], NOON)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("40%", "1", 0.4), ("0,4", "1", 0.4), (" 40 % ", "1", 0.4), ("292.65 K", "Cel", 19.5), ("-3", "Cel", -3.0)],
)
def test_values_are_read_in_any_unit_of_the_point(text: str, unit: str, value: float) -> None:
    assert value_in(text, unit) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("text", ["", "forty", "40 W", "1e5", "nan", "4 0", "--3", "0x10"])
def test_what_is_no_value_of_the_point_is_refused_as_of_another_type(text: str) -> None:
    with pytest.raises(InputError) as refused:
        value_in(text, "1")
    assert [problem.code for problem in refused.value.problems] == ["type"]


@given(percent=st.integers(0, 100))
def test_a_percentage_is_exact(percent: int) -> None:
    assert value_in(f"{percent}%", "1") == percent / 100


@pytest.mark.parametrize(
    ("wrong", "codes"),
    [
        ({"value": 1.4}, ["maximum"]),
        ({"value": -0.1}, ["minimum"]),
        ({"value": float("nan")}, ["type"]),
        ({"level": Level.RULE}, ["level"]),
        ({"until": NOON + LONGEST + MINUTE}, [""]),
        ({"until": NOON}, [""]),
        ({"reason": "  ", "value": 2.0, "level": Level.SAFE_DEFAULT}, ["", "level", "maximum"]),
    ],
)
def test_every_clause_is_told_and_nothing_is_written(
    store: Store, territory: Territory, lamp: str, wrong: dict[str, object], codes: list[str]
) -> None:
    with pytest.raises(InputError) as refused:
        set_override(store, territory, replace(by_hand(lamp), **wrong), NOON)  # type: ignore[arg-type]
    assert sorted(problem.code for problem in refused.value.problems) == codes
    assert look(store, territory, lamp).piece is None
    with store.read() as unit:
        assert (unit.audit.line(1), unit.commands.of_point(lamp)) == (None, [])


@BOTH
def test_a_person_is_heard_and_giving_back_restores_the_plan(store: Store, territory: Territory, lamp: str) -> None:
    plan(store, territory, lamp, 0.7)
    number = set_override(store, territory, by_hand(lamp), NOON + MINUTE)
    found = look(store, territory, lamp)
    assert decides(found) == (ANN, 0.4)
    assert found.piece is not None and found.piece.winner is not None and found.command is not None
    assert found.piece.winner.version == f"audit:{number}"
    assert found.command.program.at(NOON + MINUTE) == 0.4
    assert decides(look(store, territory, lamp, 121)) == ("plan:test", 0.7)
    assert [slot.source for slot in release(store, territory, lamp, Level.OPERATOR, BOB, NOON + 2 * MINUTE)] == [ANN]
    found = look(store, territory, lamp, 3)
    assert decides(found) == ("plan:test", 0.7)
    assert found.command is not None and found.command.program.at(NOON + 3 * MINUTE) == 0.7
    with store.read() as unit:
        lines = [unit.audit.line(number) for number in range(1, 9)]
    assert [(line.actor, line.action, line.subject) for line in lines if line and line.actor != "outbox"] == [
        (ANN, "set", lamp),
        (BOB, "release", lamp),
    ]


def test_of_two_operators_the_last_is_heard(store: Store, territory: Territory, lamp: str) -> None:
    set_override(store, territory, by_hand(lamp, 0.9, BOB), NOON)
    set_override(store, territory, by_hand(lamp, 0.3, ANN), NOON + MINUTE)
    set_override(store, territory, by_hand(lamp, 0.5, BOB), NOON + 2 * MINUTE)
    assert decides(look(store, territory, lamp, 3)) == (BOB, 0.5)
    assert len(release(store, territory, lamp, Level.OPERATOR, ANN, NOON + 4 * MINUTE)) == 1
    assert decides(look(store, territory, lamp, 5)) is None


def test_only_what_is_asked_by_hand_at_the_level_can_be_released(store: Store, territory: Territory, lamp: str) -> None:
    plan(store, territory, lamp, 0.7)
    set_override(store, territory, by_hand(lamp, level=Level.FIELD_AGENT), NOON)
    with pytest.raises(InputError, match="nobody asks anything by hand at level 8 → what is asked is at level 9, 14"):
        release(store, territory, lamp, Level.OPERATOR, ANN, NOON + MINUTE)
    with pytest.raises(InputError, match="at level 9"):
        release(store, territory, lamp, Level.FIELD_AGENT, ANN, NOON + 3 * HOUR)


def test_a_held_point_still_hears_people_and_what_they_release_does_not_leave(
    store: Store, territory: Territory, lamp: str
) -> None:
    put_hold(store, Hold(Scope.DOMAIN, "lighting", NOON, NOON + 4 * HOUR, "works", BOB))
    set_override(store, territory, by_hand(lamp), NOON + MINUTE)
    found = look(store, territory, lamp)
    assert decides(found) == (ANN, 0.4)
    assert found.hold is not None and found.hold.subject == "lighting"
    assert found.command is not None and found.command.state is CommandState.QUEUED
    release(store, territory, lamp, Level.OPERATOR, ANN, NOON + 2 * MINUTE)
    found = look(store, territory, lamp, 3)
    assert found.command is not None and found.command.state is CommandState.CANCELLED


def test_a_locked_out_point_shows_and_is_sent_nothing(store: Store, territory: Territory, lamp: str) -> None:
    lockout = territory.points[lamp].lockout
    assert lockout is not None
    tell(store, territory, readings((lockout.watch.asset, "workingMode", "manual", NOON)), NOON)
    set_override(store, territory, by_hand(lamp, level=Level.LIFE_SAFETY_MANUAL), NOON)
    found = look(store, territory, lamp)
    assert (found.locked_out, found.command, decides(found)) == (True, None, (ANN, 0.4))
    assert "locked out" in found.blocked


def test_points_have_units(territory: Territory, lamp: str) -> None:
    heating = points_in(territory, Scope.DOMAIN, "energy")[0]
    assert (unit_of(territory, lamp), unit_of(territory, heating)) == ("1", "Cel")
