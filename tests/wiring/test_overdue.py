"""What is overdue by the database: jobs that came due twice since they last succeeded, commands that stand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from engine.documents import parse_document
from engine.model import Command, Program
from engine.settings import load_settings
from engine.store import Store
from engine.store.ledger import RunReport, RunState
from jobs.health import Finding
from jobs.overdue import jobs_on_time, overdue, queue_moves
from jobs.schedules.catching_up import note_seen
from jobs.schedules.loading import built_in, parse_schedule

NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SCHEDULE = built_in()
Find = Callable[[datetime], Finding]


@pytest.fixture
def jobs(store: Store) -> Find:
    """What is found of the jobs, which a leader has known since NOW."""
    with store.begin() as unit:
        note_seen(unit, SCHEDULE, NOW)

    def find(at: datetime) -> Finding:
        with store.read() as unit:
            return jobs_on_time(unit, SCHEDULE, at)

    return find


def run(store: Store, entry: str, due: datetime, state: RunState) -> None:
    occurrence = SCHEDULE.occurrence_at(entry, due)
    assert occurrence is not None
    with store.begin() as unit:
        begun = unit.ledger.start(
            entry, occurrence.key, due_at=occurrence.due_at, at=occurrence.due_at, host="h", cause="schedule"
        )
        unit.ledger.finish(begun, RunReport(state), occurrence.due_at + MINUTE)


def test_nothing_is_missed_of_a_schedule_that_no_leader_has_seen(store: Store) -> None:
    with store.read() as unit:
        assert jobs_on_time(unit, SCHEDULE, NOW + 9 * DAY).state == "ok"


def test_a_job_is_overdue_once_it_came_due_twice(store: Store, jobs: Find) -> None:
    assert jobs(NOW + 19 * MINUTE).state == "ok"  # roll-up: due at 20:05 and 20:20
    late = jobs(NOW + 21 * MINUTE)
    assert (late.state, late.age_s) == ("degraded", 21 * 60)
    assert late.what == "due twice and not done since: roll-up; roll-up for 1260 s"
    run(store, "roll-up", NOW + 21 * MINUTE, RunState.DONE)
    assert jobs(NOW + 36 * MINUTE).state == "ok"
    assert jobs(NOW + 51 * MINUTE).state == "degraded"


@pytest.mark.parametrize(
    ("state", "found"),
    [(RunState.DONE, "ok"), (RunState.DEGRADED, "ok"), (RunState.FAILED, "degraded"), (RunState.TIMED_OUT, "degraded")],
)
def test_only_what_was_done_counts_as_done(store: Store, jobs: Find, state: RunState, found: str) -> None:
    for minutes in (6, 21):
        run(store, "roll-up", NOW + minutes * MINUTE, state)
    assert jobs(NOW + 22 * MINUTE).state == found


def test_what_was_left_out_for_a_reason_is_missed_by_nobody(store: Store, jobs: Find) -> None:
    with store.begin() as unit:
        for due in SCHEDULE.occurrences("roll-up", NOW, NOW + 60 * MINUTE):
            unit.ledger.skip("roll-up", due.key, due_at=due.due_at, at=due.due_at, host="h", why="blackout")
    assert jobs(NOW + 60 * MINUTE).state == "ok"


def test_a_command_that_may_go_and_stands_is_told(store: Store) -> None:
    def found(at: datetime) -> Finding:
        with store.read() as unit:
            return queue_moves(unit, 60.0, at)

    assert found(NOW) == Finding("queue", "ok", "no command waits that ought to have gone", 0.0, 60.0)
    program = Program.constant(1.0, NOW, NOW + DAY)
    with store.begin() as unit:
        unit.commands.enqueue([Command("c", "L-1/dim", "gw", 1, program, NOW, NOW + DAY)])
    assert found(NOW + MINUTE).state == "ok"
    stands = found(NOW + 2 * MINUTE)
    assert (stands.state, stands.age_s) == ("degraded", 120)


def test_without_a_schedule_the_queue_is_looked_at_all_the_same(store: Store) -> None:
    with store.read() as unit:
        assert [found.name for found in overdue(unit, None, load_settings(), NOW)] == ["queue"]
        assert [found.name for found in overdue(unit, SCHEDULE, load_settings(), NOW)] == ["jobs", "queue"]


def test_a_season_of_blackout_is_not_looked_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tens of thousands of lines, each time that somebody asks whether all is well."""
    held = "schedules:\n  it: {job: roll-up, every: 1 min, blackout: [{from: 2026-01-01, reason: winter}]}"
    schedule = parse_schedule(parse_document(held, "schedules.yaml"))
    with store.begin() as unit:
        note_seen(unit, schedule, NOW)
        monkeypatch.setattr(unit.ledger, "get", None)
        assert jobs_on_time(unit, schedule, NOW + DAY).state == "ok"
