"""How a process ends, or loses the lead, while a job of its runs and will not stop."""

import gc
import json
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.settings import Settings
from engine.store import Store, Unit
from engine.store.ledger import JobRun, RunReport, RunState
from jobs.schedules import definitions
from jobs.service.ending import Ending
from jobs.service.process import Process
from jobs.service.roles import Role
from jobs.table import JOBS, Finish, Job, JobContext, Occasion
from tests.conftest import BOTH
from tests.waiting import wait_for
from tests.wiring.conftest import ROOT

PLAN = frozenset({Role.PLAN})


class Stuck:
    """A planning process whose one job hangs until the test lets it go, and then wants to commit."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.ending, self.gate = store, Ending(0.3), threading.Event()
        self.ended = threading.Event()
        self.stores: list[Store] = []
        self.process = Process(settings, PLAN, None, self.ending)
        self.thread = threading.Thread(target=self.process.run)

    def job(self, context: JobContext, _occasion: Occasion) -> Finish:
        self.stores.append(context.store)
        self.gate.wait(60)
        return self._finish

    def _finish(self, unit: Unit, _now: datetime) -> RunReport:
        self.ended.set()
        unit.state.put("committed", b"1")
        return RunReport()

    def run(self) -> JobRun | None:
        """The first of them."""
        with self.store.read() as unit:
            return next(
                iter(unit.ledger.between(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))), None
            )

    def state(self) -> RunState | None:
        found = self.run()
        return found.state if found else None

    def fence(self) -> int:
        with self.store.read() as unit:
            return next((lease.fence for lease in unit.leases.all() if lease.name == "plan"), 0)

    def committed(self) -> bool:
        with self.store.read() as unit:
            return unit.state.get("committed") is not None


@pytest.fixture
def stuck(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[Stuck]:
    rules = tmp_path / "rules"
    rules.mkdir()
    for name in ("owners.yaml", "orders.yaml", "blast.yaml"):
        (rules / name).write_bytes((ROOT / "rules" / name).read_bytes())
    settings = Settings(
        database_url=database_url, rules_dir=rules, datasets_dir=ROOT / "datasets", data_dir=tmp_path, lead_s=1.5,
        compute="inline",
    )  # fmt: skip
    made = Stuck(store, settings)
    monkeypatch.setitem(JOBS, "slow", Job("slow", made.job))
    monkeypatch.setattr(definitions, "_SHORTEST", timedelta(seconds=1))
    entry = {"job": "slow", "every": "1 s", "catch_up": "all"}
    (rules / "schedules.yaml").write_text(json.dumps({"schedules": {"slow": entry}}))
    yield made
    made.gate.set()
    made.ending.tell()
    made.thread.join(30)
    assert not made.thread.is_alive()
    wait_for(lambda: not any("ThreadPool" in thread.name for thread in threading.enumerate()))
    for used in made.stores:  # one that was left behind has opened a connection since
        used._database.engine.dispose()
    made.stores.clear()
    with warnings.catch_warnings():  # or was at one when the store was closed, which nobody closes then
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def begin(stuck: Stuck) -> None:
    """Until its first occurrence runs."""
    stuck.thread.start()
    wait_for(lambda: stuck.state() is RunState.STARTED)


@BOTH
def test_told_to_stop_it_waits_a_while_marks_what_runs_and_gives_its_lease_back(stuck: Stuck) -> None:
    begin(stuck)
    stuck.ending.tell()
    stuck.thread.join(30)
    assert not stuck.thread.is_alive(), "it does not wait for a job that hangs"
    run = stuck.run()
    assert run is not None
    assert (run.state, run.report.error) == (RunState.INTERRUPTED, "its process was told to stop")
    with stuck.store.read() as unit:
        (lease,) = unit.leases.all()
    assert lease.until_at <= datetime.now(UTC)
    stuck.gate.set()
    assert stuck.ended.wait(10)
    assert not stuck.committed()
    assert stuck.state() is RunState.INTERRUPTED


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_one_that_is_deposed_commits_nothing_of_what_it_was_at_and_stands_by(stuck: Stuck) -> None:
    begin(stuck)
    with stuck.store.begin() as unit:  # as one whose clock is an hour ahead
        taken = unit.leases.take(["plan"], "other", datetime.now(UTC) + timedelta(hours=1), timedelta(seconds=15))
    assert taken is not None
    stuck.gate.set()
    assert stuck.ended.wait(10), "it was allowed to try"
    assert not stuck.committed()
    assert stuck.state() is RunState.STARTED, "for the new leader to take over"
    assert stuck.thread.is_alive()
    with stuck.store.begin() as unit:
        unit.leases.release(taken, datetime.now(UTC))
    wait_for(stuck.committed)
    wait_for(lambda: stuck.state() is RunState.DONE)
    run = stuck.run()
    assert run is not None
    assert run.attempts > 1
    assert run.fence > taken["plan"]


# signals, to a process of its own

HANG = """
import sys, threading, time
from jobs.service.ending import Ending
ending = Ending(float(sys.argv[1]))
ending.on_signals()
if sys.argv[2] == "hang":
    threading.Thread(target=time.sleep, args=(600,)).start()
print("ready", flush=True)
ending.stop.wait()
print(f"told {ending.left_s():.0f}", flush=True)
"""
Told = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def told() -> Iterator[Told]:
    started: list[subprocess.Popen[str]] = []

    def start(within_s: float, how: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", HANG, str(within_s), how], stdout=subprocess.PIPE, text=True,
            cwd=ROOT,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline().startswith("told")
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_one_with_a_thread_that_hangs_ends_when_its_time_is_over(told: Told) -> None:
    process = told(0.2, "hang")
    assert process.wait(30) == 0
    assert process.stdout is not None
    assert "ended in the middle" in process.stdout.read()


def test_a_second_signal_ends_it_long_before(told: Told) -> None:
    process = told(600, "hang")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
