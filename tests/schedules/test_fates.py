"""Whatever befalls those who lead: every occurrence has its line, and what it commits is committed once."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from engine.catalogue import Catalogue
from engine.errors import ConsigneError
from engine.settings import Settings
from engine.store import Store
from engine.store.ledger import RunState
from jobs.schedules.running import Runner
from jobs.table import JOBS

from .conftest import NOON, ROOT, Workshop, schedule

FOUND = schedule(
    "  all: {job: roll-up, every: 1 h, catch_up: all}\n"
    "  latest: {job: housekeeping, every: 90 min, catch_up: latest}\n"
    "  none: {job: roll-up, every: 40 min, catch_up: none, misfire_grace: 30 min}\n"
    "  held: {job: roll-up, every: 1 h, offset: 5 min, catch_up: all, blackout: [{hours: '13:00-15:00'}]}\n"
    "  then: {job: plan-lighting, after: all, catch_up: all}\n"
)
FIRED = ("all", "latest", "none", "held")
OVER = {RunState.DONE, RunState.DEGRADED, RunState.SKIPPED, RunState.FAILED}
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 240)),
    st.tuples(st.just("fire"), st.sampled_from(FIRED)),
    st.tuples(st.just("die"), st.sampled_from((*FIRED, "then"))),  # while it does this one next
    st.tuples(st.just("fail"), st.sampled_from(FIRED)),
    st.tuples(st.just("lead"), st.just("")),
)


@contextmanager
def workshop_on(sqlite_template: Path, catalogue: Catalogue) -> Iterator[Workshop]:
    path = sqlite_template.with_name("one.db")
    for old in path.parent.glob("one.db*"):
        old.unlink()
    shutil.copy(sqlite_template, path)
    store = Store.open(f"sqlite:///{path}")
    made = Workshop(Settings(database_url=f"sqlite:///{path}", datasets_dir=ROOT / "datasets"), store, catalogue)
    with pytest.MonkeyPatch.context() as patched:
        for name in ("roll-up", "housekeeping", "plan-lighting"):
            patched.setitem(JOBS, name, made.job(name))
        yield made
    store.close()


def lead(workshop: Workshop) -> Runner:
    """A process begins, leads, and catches up, as the service does. It may die at that and be followed by another."""
    while True:
        workshop.lead()
        runner = workshop.runner(FOUND)
        try:
            runner.catch_up(workshop.clock.now())
        except KeyboardInterrupt:
            continue
        return runner


def play(workshop: Workshop, steps: list[tuple[str, int | str]]) -> None:
    runner = lead(workshop)
    for what, which in steps:
        if isinstance(which, int):
            workshop.pass_time(which)
        elif what == "fire":
            try:
                runner.fire(which)
            except KeyboardInterrupt:
                runner = lead(workshop)
        elif what == "lead":
            runner = lead(workshop)
        else:
            ends = KeyboardInterrupt() if what == "die" else ConsigneError("no tea")
            workshop.states.setdefault(which, []).append(ends)
    workshop.states.clear()
    lead(workshop)


QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
FATES = st.lists(STEPS, max_size=14)


@settings(max_examples=25, suppress_health_check=QUIET)
@given(FATES)
def test_nothing_is_lost_and_nothing_is_done_twice(
    sqlite_template: Path, catalogue: Catalogue, steps: list[tuple[str, int | str]]
) -> None:
    examine(sqlite_template, catalogue, steps)


@pytest.mark.soak
def test_five_hundred_fates(sqlite_template: Path, catalogue: Catalogue) -> None:
    """The same at length; prints what there was."""
    counts: Counter[str] = Counter()

    @settings(max_examples=500, suppress_health_check=QUIET)
    @given(FATES)
    def play_all(steps: list[tuple[str, int | str]]) -> None:
        counts.update({"fates": 1, "leaders that died": sum(what == "die" for what, _ in steps)})
        with capture_logs():
            counts.update(examine(sqlite_template, catalogue, steps))

    play_all()
    print(f"\n{dict(counts)}: every occurrence has its line, each effect was committed once")


def examine(sqlite_template: Path, catalogue: Catalogue, steps: list[tuple[str, int | str]]) -> Counter[str]:
    """Play it, and look at every line. Returns how many there were in each state."""
    with workshop_on(sqlite_template, catalogue) as workshop:
        play(workshop, steps)
        end = workshop.clock.now()
        with workshop.unled.read() as unit:
            runs = {
                name: {run.occurrence: run for run in unit.ledger.between(NOON, end + timedelta(seconds=1), [name])}
                for name in FOUND.entries
            }
            effects = dict(workshop.effects(unit))
        moment = timedelta(microseconds=1)
        for name, lines in runs.items():
            due = [due.key for due in FOUND.occurrences(name, NOON + moment, end + moment)]
            assert sorted(lines) == sorted(due), f"{name}: an occurrence without a line, or a line of none"
            for key, run in lines.items():
                assert run.state in OVER or (run.state is RunState.INTERRUPTED and run.report.error), run
                assert effects.get((name, key), 0) == (run.state is RunState.DONE), run
        for name in ("all", "held"):
            left = {run.report.error for run in runs[name].values() if run.state is RunState.SKIPPED}
            assert left <= {"blackout: blackout"}, "what all are caught up of is done, but in a blackout"
        dark = {due.key for due in FOUND.occurrences("held", NOON, end + moment) if due.blackout}
        assert {key for key, run in runs["held"].items() if run.state is RunState.SKIPPED} >= dark
        begun = [run for run in runs["held"].values() if run.state is RunState.DONE]
        assert not [run for run in begun if FOUND.entries["held"].blacked_out(run.started_at)]
        done = [(run.due_at, run.state) for run in runs["latest"].values() if run.state is not RunState.SKIPPED]
        assert not done or max(done)[0] == max(run.due_at for run in runs["latest"].values())
        for key, run in runs["then"].items():
            assert (run.state is RunState.DONE) == (runs["all"][key].state is RunState.DONE)
        return Counter(run.state.value for lines in runs.values() for run in lines.values())
