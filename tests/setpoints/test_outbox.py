import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Command, CommandState, Level, Program, Slot
from engine.setpoints.envelope import Outcome
from engine.setpoints.outbox import LOST, because, settle
from tests.setpoints.fakes import MINUTE, NOON, a_point, a_slot, at

POINT = a_point()
END = 120
PLAN = a_slot(0.5, level=Level.DAY_AHEAD_PLAN, source="plan", until=END)
BOOST = a_slot(1.0, start=10, until=25)


def command_of(array: list[Slot], newest: Command | None = None, now: float = 0, **envelope: Any) -> Command | None:
    return settle(a_point(**envelope), array, newest, at(now), at(END)).command


def first(array: list[Slot], **envelope: Any) -> Command:
    command = command_of(array, **envelope)
    assert command is not None
    return command


@st.composite
def arrays(draw: st.DrawFn) -> list[Slot]:
    slots = []
    for source in draw(st.sets(st.sampled_from("abcd"))):
        start = draw(st.integers(-10, END - 1))
        until = draw(st.integers(start + 1, END + 20))
        level = draw(st.sampled_from([Level.OPERATOR, Level.RULE, Level.DAY_AHEAD_PLAN]))
        value = draw(st.sampled_from([0.0, 0.3, 1.0, 2.0]))
        slots.append(a_slot(value, level=level, source=source, start=start, until=until))
    return slots


envelopes = st.fixed_dictionaries(
    {
        "largest_step": st.sampled_from([None, 0.3]),
        "shortest_on": st.integers(0, 9).map(lambda n: n * MINUTE),
        "shortest_off": st.integers(0, 9).map(lambda n: n * MINUTE),
        "safe": st.sampled_from([0.0, 1.0]),
    }
)


def test_the_command_of_a_plan_with_a_boost() -> None:
    command = first([PLAN, BOOST])
    assert command.program == Program(((NOON, 0.5), (at(10), 1.0), (at(25), 0.5)), at(END))
    assert (command.point, command.gateway, command.seq) == (POINT.id, "A-1", 1)
    assert (command.issued_at, command.expires_at) == (NOON, at(30))
    assert (command.state, command.attempts) == (CommandState.QUEUED, 0)


@given(arrays(), envelopes, st.integers(0, END - 1))
def test_settling_twice_gives_one_command(array: list[Slot], envelope: dict[str, Any], minute: int) -> None:
    """At the same instant or at any later one, as long as nobody wants anything else."""
    command = command_of(array, **envelope)
    assert command_of(array, command, **envelope) is None
    assert command_of(array, command, minute, **envelope) is None


@given(arrays(), arrays(), envelopes, st.integers(0, END - 2), st.integers(0, END - 1))
def test_a_change_of_wants_settles_too(
    before: list[Slot], after: list[Slot], envelope: dict[str, Any], minute: int, later: int
) -> None:
    newest = command_of(before, **envelope)
    command = command_of(after, newest, minute, **envelope) or newest
    assert command_of(after, command, max(later, minute), **envelope) is None


@given(arrays(), arrays(), st.integers(1, END - 1))
def test_the_newest_command_makes_the_equipment_do_what_is_wanted(
    before: list[Slot], after: list[Slot], minute: int
) -> None:
    newest = command_of(before)
    settled = settle(POINT, after, newest, at(minute), at(END))
    in_action = settled.command or newest
    for now in range(minute, END):
        value = None if in_action is None else in_action.program.at(at(now))
        wanted = min(settled.resolution.at(at(now)).value, 1.0)
        assert (POINT.envelope.safe if value is None else value) == wanted


@given(arrays())
def test_the_order_of_slots_does_not_matter(array: list[Slot]) -> None:
    assert command_of(array) == command_of(array[::-1])


def test_sequences_grow_by_one_and_ids_differ() -> None:
    newest = first([PLAN])
    following = command_of([PLAN, BOOST], newest, 5)
    assert following is not None
    assert following.seq == newest.seq + 1
    assert following.id != newest.id


def test_the_id_is_the_order_itself() -> None:
    """Two processes that settle the same array build the same command, which the outbox takes once."""
    assert first([PLAN, BOOST]).id == first([BOOST, PLAN]).id
    assert len(first([PLAN]).id) == 64


@pytest.mark.parametrize("other", [a_slot(0.4, until=END), a_slot(0.5, until=END - 1)])
def test_the_id_changes_with_the_program(other: Slot) -> None:
    assert first([PLAN]).id != first([other]).id


def test_wanting_what_is_safe_needs_no_command() -> None:
    assert command_of([]) is None
    assert command_of([a_slot(1.0, until=60)]) is None


def test_a_want_that_ends_before_the_span_ends_in_what_is_safe() -> None:
    assert first([a_slot(0.5, until=60)]).program == Program(((NOON, 0.5), (at(60), 1.0)), at(END))


def test_releasing_the_last_slot_commands_what_is_safe() -> None:
    released = command_of([], first([PLAN]), 30)
    assert released is not None
    assert released.program == Program.constant(1.0, at(30), at(END))
    assert because(released.explanation, at(31)) == {
        "start_at": "2026-11-22T11:30:00Z",
        "until_at": "2026-11-22T13:00:00Z",
        "value": 1.0,
        "winner": None,
        "losers": [],
    }


def test_a_longer_horizon_is_a_new_command_unless_it_adds_what_is_safe() -> None:
    newest = settle(POINT, [PLAN], None, NOON, at(60)).command
    assert newest is not None
    assert command_of([replace(PLAN, program=Program.constant(0.5, NOON, at(60)))], newest, 30) is None
    assert command_of([PLAN], newest, 30) is not None


@pytest.mark.parametrize("state", sorted(set(CommandState) - LOST - {CommandState.CANCELLED}))
def test_what_is_on_its_way_is_not_asked_again(state: CommandState) -> None:
    assert command_of([PLAN], replace(first([PLAN]), state=state), 40) is None


def test_what_was_cancelled_is_asked_again_at_once() -> None:
    """A hold or a lock-out has gone: nobody waits for the life of what was never sent."""
    assert command_of([PLAN], replace(first([PLAN]), state=CommandState.CANCELLED), 1) is not None


@pytest.mark.parametrize("state", sorted(LOST))
@pytest.mark.parametrize(("now", "again"), [(29, False), (30, True)])
def test_what_came_to_nothing_is_asked_again_after_its_life(state: CommandState, now: float, again: bool) -> None:
    command = command_of([PLAN], replace(first([PLAN]), state=state), now)
    assert (command is not None) == again


@pytest.mark.parametrize("state", sorted(LOST))
def test_another_want_does_not_wait_for_it(state: CommandState) -> None:
    assert command_of([PLAN, BOOST], replace(first([PLAN]), state=state), 1) is not None


def test_the_envelope_has_the_last_word() -> None:
    settled = settle(POINT, [a_slot(1.7, until=END), PLAN], None, NOON, at(END))
    assert settled.command is None, "clamped to 1, which is what the equipment does by itself"
    assert settled.verdict.outcome is Outcome.CLAMPED
    assert settled.resolution.at(NOON).value == 1.7


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_want_that_is_no_number_is_set_aside_and_named(value: float) -> None:
    settled = settle(POINT, [a_slot(value, until=END), PLAN], None, NOON, at(END))
    assert settled.command is not None
    assert settled.command.program == Program.constant(0.5, NOON, at(END))
    assert settled.verdict.outcome is Outcome.CLAMPED
    assert settled.verdict.reasons == ("level 12 rule:a v1 asks what is not finite: set aside",)


def test_a_safe_value_that_is_no_number_gives_no_command() -> None:
    settled = settle(a_point(safe=math.nan), [a_slot(0.5, until=60)], None, NOON, at(END))
    assert settled.command is None
    assert settled.verdict.outcome is Outcome.REFUSED


def test_the_explanation_says_who_and_why_at_any_instant() -> None:
    explanation = first([PLAN, BOOST]).explanation
    piece = because(explanation, at(12))
    assert piece is not None
    assert piece["winner"] == {
        "level": 12,
        "source": "rule:a",
        "version": "v1",
        "reason": "because",
        "written_at": "2026-11-22T11:00:00Z",
    }
    assert [loser["source"] for loser in piece["losers"]] == ["plan"]
    assert because(explanation, at(25))["winner"]["source"] == "plan"  # type: ignore[index]
    assert because(explanation, at(END)) is None
    assert explanation["verdict"] == {"outcome": "accepted", "reasons": [], "clauses": []}


def test_the_explanation_survives_json_and_still_serves() -> None:
    """Switched on a minute ago as the log tells, and it must stay on for five."""
    limits = {"safe": 0.0, "shortest_on": 5 * MINUTE}
    stored = json.loads(json.dumps(first([PLAN], **limits).explanation))
    newest = replace(first([PLAN], **limits), explanation=stored)
    dimmed = command_of([a_slot(0.3, until=END)], newest, 1, **limits)
    assert dimmed is not None
    off = command_of([], dimmed, 2, **limits)
    assert off is not None
    assert off.program == Program(((at(2), 0.3), (at(5), 0.0)), at(END))


def test_a_command_without_an_explanation_is_settled_as_well() -> None:
    newest = replace(first([PLAN]), explanation={})
    assert command_of([PLAN], newest, 5, shortest_on=5 * MINUTE) is None
    assert because({}, NOON) is None


def test_a_days_plan_is_explained_in_a_few_kilobytes() -> None:
    steps = tuple((at(15 * k), 0.3 + 0.005 * k) for k in range(96))
    plan = Slot(POINT.id, Level.DAY_AHEAD_PLAN, "plan", Program(steps, at(1440)), NOON, "v1", "traffic")
    command = settle(POINT, [plan], None, NOON, at(1440)).command
    assert command is not None
    assert len(command.explanation["wants"]) == 1
    assert len(json.dumps(command.explanation)) < 10_000


def test_a_switch_within_the_program_in_action_counts() -> None:
    """On at 10 by the program itself, released at 12: it stays on until 15."""
    limits = {"safe": 0.0, "shortest_on": 5 * MINUTE}
    newest = first([BOOST], **limits)
    off = command_of([], newest, 12, **limits)
    assert off is not None
    assert off.program == Program(((at(12), 1.0), (at(15), 0.0)), at(END))
