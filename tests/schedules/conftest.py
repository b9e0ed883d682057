"""Schedules of a test's own, jobs that do as they are told, and a leader's context on both databases."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.catalogue import Catalogue
from engine.documents import parse_document
from engine.settings import Settings
from engine.store import Store, Unit
from engine.store.ledger import JobRun, RunReport, RunState
from engine.telemetry.batch import Registry
from jobs.bootstrap import StoryClock, Territory, WallClock
from jobs.runs import PLAN
from jobs.schedules import Schedule
from jobs.schedules.loading import parse_schedule
from jobs.schedules.running import Runner
from jobs.table import JOBS, Arguments, Finish, Job, JobContext, Occasion

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 16, 11, tzinfo=UTC)  # in Paris


def schedule(text: str) -> Schedule:
    """A schedule file's entries, as a test writes them."""
    return parse_schedule(parse_document("schedules:\n" + text, "schedules.yaml"))


def one(said: dict[str, Any], job: str = "roll-up") -> Schedule:
    """A schedule of one entry called `it`."""
    text = orjson.dumps({"schedules": {"it": {"job": job, **said}}}).decode()
    return parse_schedule(parse_document(text, "schedules.yaml"))


class Numbered(Arguments):
    """What the jobs of tests may be told."""

    number: int = 0


class Workshop:
    """A leader's context, a clock that is set by hand, and what its jobs did, in order."""

    def __init__(self, settings: Settings, store: Store, catalogue: Catalogue) -> None:
        self.settings, self.unled = settings, store
        self.clock: StoryClock | WallClock = StoryClock(NOON)
        self.territory = Territory(catalogue, (), Registry.__new__(Registry), {}, {})
        self.done: list[tuple[str, str]] = []
        self.states: dict[str, list[RunState | Exception]] = {}
        self.meanwhile: Callable[[Occasion], None] = lambda _: None
        self.lead()

    def lead(self) -> None:
        """Somebody leads anew, under a later fence."""
        with self.unled.begin() as unit:
            fences = unit.leases.take([PLAN], f"leader {self.clock.now()}", self.clock.now(), timedelta(0))
        assert fences is not None
        self.context = JobContext(self.settings, self.unled.under(fences), self.territory, self.clock)

    def job(self, name: str) -> Job:
        """A job that ends as `states` says next for its entry, done by default."""

        def run(_: JobContext, occasion: Occasion) -> Finish:
            self.meanwhile(occasion)
            said = self.states.get(occasion.entry, [])
            ends = said.pop(0) if said else RunState.DONE
            if isinstance(ends, BaseException):
                raise ends

            def finish(unit: Unit, now: datetime) -> RunReport:
                key = f"effect/{occasion.entry}/{occasion.occurrence}"
                unit.state.put(key, b"%d" % (int(unit.state.get(key) or 0) + 1))
                unit.state.put(f"effect/{occasion.entry}", b"committed")
                self.done.append((occasion.entry, occasion.occurrence))
                return RunReport(ends)

            return finish

        return Job(name, run, Numbered)

    def runner(self, found: Schedule) -> Runner:
        return Runner(self.context, found)

    def pass_time(self, minutes: float) -> None:
        assert isinstance(self.clock, StoryClock)
        self.clock.at += timedelta(minutes=minutes)

    def effects(self, unit: Unit) -> Iterator[tuple[tuple[str, str], int]]:
        """How often each occurrence that was ever done committed what it does."""
        for name, key in set(self.done):
            yield (name, key), int(unit.state.get(f"effect/{name}/{key}") or 0)

    def line(self, name: str, key: str) -> JobRun | None:
        with self.unled.read() as unit:
            return unit.ledger.get(name, key)

    def lines(self, name: str) -> list[tuple[str, RunState, str | None]]:
        """Local time, state and error of every line of an entry, in order of due."""
        with self.unled.read() as unit:
            runs = unit.ledger.between(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), [name])
        return [(f"{run.due_at:%d %H:%M}", run.state, run.report.error) for run in runs]


@pytest.fixture
def workshop(store: Store, database_url: str, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """On SQLite, but for a test that is marked BOTH."""
    made = Workshop(Settings(database_url=database_url, datasets_dir=ROOT / "datasets"), store, catalogue)
    for name in ("roll-up", "housekeeping", "plan-lighting"):
        monkeypatch.setitem(JOBS, name, made.job(name))
    return made
