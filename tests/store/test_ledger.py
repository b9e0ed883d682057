"""Job runs: every attempt is kept, what is over is never begun again, and one attempt commits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from engine.errors import Conflict
from engine.store import Store
from engine.store.ledger import JobRun, RunReport, RunState

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
REPORT = RunReport(RunState.DEGRADED, {"rows": 5, "why": ["é"]}, "best_effort", 0.25, 2**40, "no forecast")

Open = Callable[[], Store]


def start(
    store: Store, occurrence: str = "2026-11-22", host: str = "one", at: datetime = NOW, fence: int = 0
) -> JobRun:
    with store.begin() as unit:
        return unit.ledger.start(
            "day-ahead", occurrence, due_at=NOW, at=at, host=host, cause="schedule", fence=fence
        )  # fmt: skip


def finish(store: Store, run: JobRun, report: RunReport = REPORT, at: datetime = NOW + HOUR) -> None:
    with store.begin() as unit:
        unit.ledger.finish(run, report, at)


def run_of(store: Store, occurrence: str = "2026-11-22") -> JobRun | None:
    with store.read() as unit:
        return unit.ledger.get("day-ahead", occurrence)


def states(store: Store) -> list[tuple[int, str, str, str | None]]:
    with store.read() as unit:
        return [(a.attempt, a.host, a.state.value, a.error) for a in unit.ledger.attempts("day-ahead", "2026-11-22")]


def test_a_run_from_start_to_end(bare: Store) -> None:
    assert run_of(bare) is None
    run = start(bare, fence=7)
    begun = RunReport(RunState.STARTED)
    assert run == run_of(bare) == JobRun("day-ahead", "2026-11-22", NOW, 1, "schedule", "one", 7, NOW, None, begun)
    finish(bare, run)
    ended = JobRun("day-ahead", "2026-11-22", NOW, 1, "schedule", "one", 7, NOW, NOW + HOUR, REPORT)
    assert run_of(bare) == ended
    assert states(bare) == [(1, "one", "degraded", "no forecast")]


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.STARTED])
def test_what_is_over_is_never_begun_again_and_the_rest_is(bare: Store, state: RunState) -> None:
    finish(bare, start(bare), RunReport(state))
    again = start(bare, host="two", at=NOW + HOUR)
    assert again.attempts == (1 if state.over else 2)
    assert again.state is (state if state.over else RunState.STARTED)
    assert (again.host, again.finished_at is None) == (("one", False) if state.over else ("two", True))


def test_of_two_attempts_the_later_one_commits(bare: Store) -> None:
    first, second = start(bare), start(bare, host="two", at=NOW + HOUR)
    with pytest.raises(Conflict, match=r"day-ahead 2026-11-22: attempt 1 is not under way any more"):
        finish(bare, first)
    finish(bare, second)
    with pytest.raises(Conflict):
        finish(bare, second)
    assert states(bare) == [(1, "one", "interrupted", "taken over by two"), (2, "two", "degraded", "no forecast")]


def test_what_an_attempt_wrote_goes_with_its_end(bare: Store) -> None:
    first = start(bare)
    start(bare, host="two")
    with pytest.raises(Conflict), bare.begin() as unit:
        unit.state.put("effect", b"1")
        unit.ledger.finish(first, RunReport(), NOW)
    with bare.read() as unit:
        assert unit.state.get("effect") is None


def test_what_is_skipped_says_why_once(bare: Store) -> None:
    def skip(why: str) -> bool:
        with bare.begin() as unit:
            return unit.ledger.skip("day-ahead", "2026-11-22", due_at=NOW, at=NOW, host="one", why=why)

    assert skip("blackout")
    assert not skip("other")
    found = run_of(bare)
    assert found is not None
    assert (found.state, found.report.error, found.attempts) == (RunState.SKIPPED, "blackout", 0)
    assert start(bare).state is RunState.SKIPPED
    assert states(bare) == []


def test_nothing_is_skipped_that_was_begun(bare: Store) -> None:
    start(bare)
    with bare.begin() as unit:
        assert not unit.ledger.skip("day-ahead", "2026-11-22", due_at=NOW, at=NOW, host="one", why="late")
    assert run_of(bare).state is RunState.STARTED  # type: ignore[union-attr]


def test_runs_are_found_by_when_they_were_due_and_by_state(bare: Store) -> None:
    with bare.begin() as unit:
        for job, hours in (("b", 0), ("a", 0), ("a", 1), ("a", 2)):
            due = NOW + hours * HOUR
            unit.ledger.start(job, f"{hours}", due_at=due, at=due, host="one", cause="schedule")
        unit.ledger.finish(unit.ledger.get("a", "1"), RunReport(), NOW)  # type: ignore[arg-type]
    with bare.read() as unit:
        found = unit.ledger.between(NOW, NOW + 2 * HOUR)
        assert [(run.job, run.occurrence) for run in found] == [("a", "0"), ("b", "0"), ("a", "1")]
        assert [run.job for run in unit.ledger.between(NOW, NOW + HOUR, ["b"])] == ["b"]
        assert unit.ledger.between(NOW, NOW) == []
        begun = unit.ledger.in_states({RunState.STARTED})
        assert [(run.job, run.occurrence) for run in begun] == [("a", "0"), ("b", "0"), ("a", "2")]
        assert unit.ledger.last("a").occurrence == "2"  # type: ignore[union-attr]
        assert unit.ledger.last("c") is None


def test_of_concurrent_starters_the_last_one_ends(bare: Store, another: Open) -> None:
    stores = [bare, another(), another()]
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda pair: start(pair[1], host=f"host-{pair[0]}"), enumerate(stores)))
    assert sorted(run.attempts for run in runs) == [1, 2, 3]
    ended = []
    for run in runs:
        try:
            finish(bare, run)
        except Conflict:
            continue
        ended.append(run.attempts)
    assert ended == [3]
