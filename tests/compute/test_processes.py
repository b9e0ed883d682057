"""Worker processes: who gets which task, when they are replaced, and that nothing is left of them."""

import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.errors import InputError, Unavailable
from engine.settings import load_settings
from jobs.compute import Fault, FaultKind, Inline, Outcome, Processes, compute_of
from jobs.compute.probe import probe
from optimizers.result import Limits
from tests.compute import models, work
from tests.compute.test_faults import gone, started
from tests.waiting import wait_for

LONG = Limits(seconds=60)


@pytest.fixture
def make() -> Iterator[Callable[..., Processes]]:
    """Engines that are closed at the end."""
    made: list[Processes] = []

    def one(workers: int, **options: object) -> Processes:
        made.append(Processes(workers, **options))  # type: ignore[arg-type]
        return made[-1]

    yield one
    for engine in made:
        engine.close()


def values(outcomes: Iterator[Outcome[int]]) -> list[int | None]:
    return [outcome.value for outcome in outcomes]


def test_a_worker_stays_warm_and_is_replaced_after_its_tasks(make: Callable[..., Processes]) -> None:
    pids = values(make(1, tasks_per_worker=3).map(work.process_of, range(7), LONG))
    assert pids == [pids[0]] * 3 + [pids[3]] * 3 + [pids[6]]
    assert len(set(pids)) == 3
    assert os.getpid() not in pids


def test_a_worker_is_replaced_after_a_fault(make: Callable[..., Processes]) -> None:
    engine = make(1)
    (before,) = values(engine.map(work.process_of, [0], LONG))
    (wrong,) = engine.map(work.refuse_odd, [1], LONG)
    (after,) = values(engine.map(work.process_of, [0], LONG))
    assert wrong.fault is not None
    assert before != after


def test_a_worker_killed_while_idle_costs_nothing(make: Callable[..., Processes]) -> None:
    engine = make(1)
    (pid,) = values(engine.map(work.process_of, [0], LONG))
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(pid), what="collected: no zombie waits for the next task")
    (after,) = engine.map(work.process_of, [0], LONG)
    assert after.value not in {None, pid}
    assert after.attempts == 1


def test_a_key_stays_with_its_worker_and_keys_are_spread_evenly(make: Callable[..., Processes]) -> None:
    engine = make(2)
    first = values(engine.map(work.process_of, range(8), LONG, key=lambda n: n % 4))
    again = values(engine.map(work.process_of, range(8), LONG, key=lambda n: n % 4))
    assert first == again
    assert first[:4] == first[4:]
    assert sorted(first[:4].count(pid) for pid in set(first)) == [2, 2]


def test_a_key_does_not_wait_for_a_worker_that_is_busy_for_somebody_else(
    make: Callable[..., Processes], tmp_path: Path
) -> None:
    engine = make(2)
    homes = values(engine.map(work.process_of, ["a", "b"], LONG, key=str))
    long = engine.map(work.wait_for, [str(tmp_path / "go")], LONG, key=lambda _: "a")
    (elsewhere,) = values(engine.map(work.process_of, ["a"], LONG, key=str))
    assert elsewhere == homes[1]
    (tmp_path / "go").touch()
    assert values(long) == [homes[0]]
    assert values(engine.map(work.process_of, ["a"], LONG, key=str)) == [homes[0]]


def test_callers_take_turns(make: Callable[..., Processes], tmp_path: Path) -> None:
    """One who comes later with little waits for one task of the other, not for all."""
    engine = make(1)
    large, little = tmp_path / "large", tmp_path / "little"
    large.mkdir()
    little.mkdir()
    blocked = engine.map(work.wait_for, [str(tmp_path / "go")], LONG)
    many = engine.map(work.await_all, [(0, str(large))] * 6, LONG)
    few = engine.map(work.await_all, [(0, str(little))], LONG)
    (tmp_path / "go").touch()
    for outcomes in (blocked, many, few):
        list(outcomes)
    before = [stamp for stamp in large.iterdir() if stamp.name < next(little.iterdir()).name]
    assert len(before) == 1


def test_results_come_in_order_while_later_ones_run(make: Callable[..., Processes], tmp_path: Path) -> None:
    """Two later items are done before the first one is."""
    outcomes = make(2).map(work.await_all, [(3, str(tmp_path)), (0, str(tmp_path)), (0, str(tmp_path))], LONG)
    assert values(outcomes) == [3, 0, 0]


def test_what_nobody_waits_for_any_more_is_not_begun(make: Callable[..., Processes], tmp_path: Path) -> None:
    """The second task waits for a file of ours, the third would put down one more."""
    engine = make(1)
    outcomes = engine.map(work.await_all, [(0, str(tmp_path)), (3, str(tmp_path)), (0, str(tmp_path))], LONG)
    next(outcomes)
    del outcomes
    (tmp_path / "ours").touch()
    list(engine.map(work.nothing, [0], LONG))
    assert len(list(tmp_path.iterdir())) == 3


def test_a_process_of_highs_keeps_to_one_number_of_threads() -> None:
    """The trap: HiGHS fixes its threads at the first solve; another number fails, and its objective then reads 0."""
    engine = Processes(1)
    (outcome,) = engine.map(models.knapsack_twice, [1], LONG)
    engine.close()
    assert outcome.value is not None
    (one, two) = outcome.value
    assert one == ("Optimal", 852.0)
    assert two != one, "HiGHS has mended it: workers may serve any number of threads"


def test_another_number_of_threads_gets_another_process(make: Callable[..., Processes]) -> None:
    engine = make(1)
    for threads in (1, 2, 1):
        (solved,) = engine.map(models.knapsack, [1], Limits(threads=threads))
        assert solved.value == ("Optimal", 852.0)
        (seen,) = engine.map(work.threads_of_process, [0], Limits(threads=threads))
        assert seen.value is not None
        assert seen.value[1] == str(threads)


def test_workers_of_each_number_of_threads_are_kept_while_there_is_room(make: Callable[..., Processes]) -> None:
    engine = make(2)
    seen = [values(engine.map(work.process_of, [0], Limits(threads=n % 2 + 1)))[0] for n in range(6)]
    assert seen[2:] == seen[:2] * 2
    assert seen[0] != seen[1]


def test_closing_stops_what_runs_and_what_waits_and_leaves_no_process(tmp_path: Path) -> None:
    engine = Processes(1)
    outcomes = engine.map(work.start_a_child_and_hang, [str(tmp_path / "one"), str(tmp_path / "two")], LONG)
    worker, child = started(tmp_path / "one")
    engine.close()
    stopped = list(outcomes)
    assert [outcome.fault for outcome in stopped] == [Fault(FaultKind.STOPPED, "the engine was closed")] * 2
    assert [outcome.attempts for outcome in stopped] == [1, 0]
    assert gone(child)
    assert not psutil.pid_exists(worker), "waited for: no zombie"
    (late,) = engine.map(work.square, [1], LONG)
    assert late.fault is not None
    assert late.fault.kind is FaultKind.STOPPED
    engine.close()


def test_an_engine_leaves_no_thread_and_no_descriptor() -> None:
    before, threads = psutil.Process().num_fds(), threading.active_count()
    engine = Processes(2)
    list(engine.map(work.square, range(4), LONG))
    list(engine.map(work.segfault, range(2), LONG))
    engine.close()
    assert psutil.Process().num_fds() == before
    assert threading.active_count() == threads
    assert not [c for c in psutil.Process().children() if c.status() == psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: signal.Signals(number).name)
def test_workers_do_not_outlive_a_service_that_died(tmp_path: Path, number: int) -> None:
    """Not even those that hold the interpreter, nor what they started: a thread could not see to that."""
    files = [tmp_path / "one", tmp_path / "two"]
    service = subprocess.Popen([sys.executable, "-m", "tests.compute.service", *map(str, files)])
    numbers = [pid for file in files for pid in started(file)]
    service.send_signal(number)
    service.wait()
    assert all(gone(pid) for pid in numbers)


def test_a_worker_that_stands_still_does_not_outlive_it_either(tmp_path: Path) -> None:
    service = subprocess.Popen([sys.executable, "-m", "tests.compute.service", str(tmp_path / "pids")])
    worker, child = started(tmp_path / "pids")
    os.kill(worker, signal.SIGSTOP)
    service.kill()
    service.wait()
    assert gone(worker)
    assert gone(child)


def test_a_control_c_of_the_terminal_is_none_of_a_workers_business(processes: Processes) -> None:
    ((pid, ignored),) = values(processes.map(work.group_and_interrupt, [0], LONG))  # type: ignore[misc]
    assert pid != os.getpgrp()
    assert ignored


def test_a_worker_stands_back_for_the_service(processes: Processes) -> None:
    ((niceness, sacrificed),) = values(processes.map(work.standing, [0], LONG))  # type: ignore[misc]
    assert niceness == os.getpriority(os.PRIO_PROCESS, 0) + 5
    assert sacrificed == 500


def test_workers_have_none_of_our_files_and_sockets(make: Callable[..., Processes], tmp_path: Path) -> None:
    with (tmp_path / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        (found,) = make(1).map(work.open_files, [0], LONG)
    assert found.value is not None
    assert not [name for name in found.value if "ours" in name]
    assert len([name for name in found.value if name.startswith(("socket:", "pipe:"))]) <= 3


def test_a_task_that_never_begins_is_ended(make: Callable[..., Processes]) -> None:
    """A worker that stands still before it takes its task, as one that cannot import its solver would."""
    engine = make(1, start_s=5.0)
    (pid,) = values(engine.map(work.process_of, [0], LONG))
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    (outcome,) = engine.map(work.turned, [bytes(4 << 20)], LONG)
    assert outcome.fault is not None
    assert outcome.fault.kind is FaultKind.TIMED_OUT


def test_peak_memory_is_of_the_task_and_not_of_an_earlier_one(make: Callable[..., Processes]) -> None:
    engine = make(1)
    large, small = engine.map(work.take_a_little, [150 << 20, 1], LONG)
    assert large.peak_bytes is not None
    assert small.peak_bytes is not None
    assert large.peak_bytes > 150 << 20 > small.peak_bytes


def test_settings_choose_the_engine() -> None:
    assert isinstance(compute_of(load_settings(compute="inline")), Inline)
    engine = compute_of(load_settings(workers=3))
    assert isinstance(engine, Processes)
    assert engine.workers == 3
    engine.close()


def test_doctor_asks_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert probe(load_settings(workers=1)) == f"processes answers on {platform.node()}"
    monkeypatch.setattr("jobs.compute.probe.where", work.segfault)
    with pytest.raises(Unavailable, match="processes: crashed: its process was ended by SIGSEGV"):
        probe(load_settings(workers=1))


@pytest.mark.parametrize(
    "wrong", ["", "threads", "dask://", "dask://host", "dask://host:x", "dask://host:1/a", "tcp://h:1"]
)
def test_an_engine_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="wants inline, processes or dask://HOST:PORT"):
        load_settings(compute=wrong)
