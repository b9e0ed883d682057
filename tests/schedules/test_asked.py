"""What rules ask for within `at_most_every` of a run: collected into one, but for what is urgent."""

from datetime import datetime, timedelta

import pytest

from engine.errors import InputError
from engine.instants import isoformat
from engine.store.ledger import RunState
from jobs.asking import URGENT, note_replans
from jobs.schedules import Schedule
from jobs.schedules.running import Runner
from jobs.table import Occasion
from tests.conftest import BOTH

from .conftest import NOON, Workshop, schedule

DONE, SKIPPED, STARTED = RunState.DONE, RunState.SKIPPED, RunState.STARTED
HOURLY = schedule("  again: {job: plan-lighting, event: replan, at_most_every: 1 h}")


def minute(n: float) -> datetime:
    return NOON + timedelta(minutes=n)


class Desk:
    """Rules that ask at minutes after noon, and a leader who looks."""

    def __init__(self, workshop: Workshop, found: Schedule = HOURLY) -> None:
        self.workshop, self.found, self.by = workshop, found, list[str]()
        self.runner = self.anew()
        workshop.meanwhile = self._note

    def _note(self, occasion: Occasion) -> None:
        self.by.append(occasion.asked)

    def anew(self) -> Runner:
        """Another process leads."""
        return self.workshop.runner(self.found)

    def ask(self, at: float, by: str = "dark", *, urgent: bool = False, of: float | None = None) -> None:
        """`of`: the minute that it is of, where it was told late."""
        said = {"requested_at": isoformat(minute(at if of is None else of)), "rule": by, "asset": "L-1"}
        with self.workshop.unled.begin() as unit:
            note_replans(unit, {"lighting" + (URGENT if urgent else ""): said}, minute(at))

    def look(self, at: float) -> list[str]:
        """Whoever leads looks at a minute. Returns what was done of the entry so far."""
        self.workshop.clock.at = minute(at)  # type: ignore[union-attr]
        self.runner.look_at_events()
        return [key[11:16] for _, key in self.workshop.done]


@BOTH
def test_several_askings_are_answered_by_one_run_when_the_interval_is_over(workshop: Workshop) -> None:
    desk = Desk(workshop)
    desk.ask(0)
    assert desk.look(0) == ["11:00"]
    for at in (10, 20, 59):
        desk.ask(at, f"rule-{at}")
        assert desk.look(at) == ["11:00"]
    desk.runner = desk.anew()
    assert desk.look(59.9) == ["11:00"]
    assert desk.look(60) == ["11:00", "12:00"]
    assert desk.by == ["dark L-1", "rule-59 L-1"]
    desk.runner = desk.anew()
    assert desk.look(61) == ["11:00", "12:00"]
    assert desk.look(300) == ["11:00", "12:00"]
    desk.ask(301)
    assert desk.look(301) == ["11:00", "12:00", "16:01"]


def test_what_is_urgent_does_not_wait_and_answers_those_who_do(workshop: Workshop) -> None:
    desk = Desk(workshop)
    desk.ask(0)
    desk.look(0)
    desk.ask(10)
    assert desk.look(10) == ["11:00"]
    desk.ask(20, "broken", urgent=True)
    assert desk.look(20) == ["11:00", "11:20"]
    assert desk.look(70) == ["11:00", "11:20"]
    assert desk.by == ["dark L-1", "broken L-1; dark L-1"]


def test_whoever_asks_after_an_urgent_one_does_not_hide_it(workshop: Workshop) -> None:
    desk = Desk(workshop)
    desk.ask(0)
    desk.look(0)
    desk.ask(5, "broken", urgent=True)
    desk.ask(6, "dark")
    assert desk.look(7) == ["11:00", "11:06"]
    assert desk.by[-1] == "broken L-1; dark L-1"


def test_plans_of_the_calendar_count_and_so_do_those_of_people(workshop: Workshop) -> None:
    found = schedule(
        "  evening: {job: plan-lighting, cron: {hour: 12, minute: 10}}\n"
        "  again: {job: plan-lighting, event: replan, at_most_every: 1 h}"
    )
    desk = Desk(workshop, found)
    workshop.clock.at = minute(10)  # type: ignore[union-attr]
    desk.runner.fire("evening")
    desk.ask(15)
    assert desk.look(15) == ["11:10"]
    assert desk.look(69) == ["11:10"]
    assert desk.look(70) == ["11:10", "12:10"]


def test_what_is_told_late_is_answered_by_what_was_not_yet_known(workshop: Workshop) -> None:
    desk = Desk(workshop)
    desk.ask(25)
    assert desk.look(25) == ["11:25"]
    desk.ask(26, "broken", urgent=True, of=18)
    assert desk.look(26) == ["11:25", "11:26"]
    desk.ask(27, of=24)
    assert desk.look(85) == ["11:25", "11:26"]
    assert desk.look(86) == ["11:25", "11:26", "12:26"]


def test_a_run_whose_process_is_gone_is_begun_again_under_its_key(workshop: Workshop) -> None:
    desk = Desk(workshop)
    desk.ask(0)
    workshop.states["again"] = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        desk.look(0)
    assert [line[1] for line in workshop.lines("again")] == [STARTED]
    desk.runner = desk.anew()
    assert desk.look(1) == ["11:00"]
    assert [line[:2] for line in workshop.lines("again")] == [("16 11:00", DONE)]


def test_one_left_out_in_a_blackout_is_answered_by_that(workshop: Workshop) -> None:
    held = ', blackout: [{hours: "12:20-12:30"}]'
    found = schedule(f"  again: {{job: plan-lighting, event: replan, at_most_every: 1 h{held}}}")
    desk = Desk(workshop, found)
    desk.ask(25)
    for at in (25, 26, 120):
        assert desk.look(at) == []
    assert [line[1] for line in workshop.lines("again")] == [SKIPPED]
    desk.ask(121)
    assert desk.look(121) == ["13:01"]


def test_it_belongs_to_an_event_and_is_an_interval() -> None:
    with pytest.raises(InputError, match="at_most_every belongs to event"):
        schedule("  it: {job: roll-up, every: 1 h, at_most_every: 1 h}")
    with pytest.raises(InputError, match="from 1 min to 7 d"):
        schedule("  it: {job: plan-lighting, event: replan, at_most_every: 10 s}")
