"""A task that hangs, eats, crashes or cannot travel is an outcome; the next one is served and the service goes on."""

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobs.compute import Compute, Fault, FaultKind, Processes
from optimizers.result import Limits
from tests.compute import routing, work
from tests.compute.conftest import MEMORY_BYTES
from tests.waiting import PATIENCE_S

SHORT = Limits(seconds=0.5)
LONG = Limits(seconds=60)


def fault_in(engine: Compute, fn: Callable[[Any, Limits], object], item: object, limits: Limits = SHORT) -> Fault:
    """The fault of one task; the engine serves the next one."""
    (outcome,) = engine.map(fn, [item], limits)
    (after,) = engine.map(work.square, [7], LONG)
    assert after.value == 49
    assert outcome.value is None
    assert outcome.fault is not None
    return outcome.fault


@pytest.mark.parametrize("hang", [work.sleep, work.hold_the_interpreter, work.stop_oneself], ids=lambda fn: fn.__name__)
def test_a_hang_is_killed_after_its_seconds_and_the_grace(processes: Processes, hang: Any) -> None:
    fault = fault_in(processes, hang, 600.0)
    assert fault.kind is FaultKind.TIMED_OUT
    assert "1.5 s allowed with the grace" in fault.what


def test_time_is_bounded_while_memory_cannot_be_measured(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a service that may open no more files."""

    def none_left() -> list[int]:
        raise OSError(errno.EMFILE, "Too many open files", "/proc")

    monkeypatch.setattr(psutil, "pids", none_left)
    assert fault_in(processes, work.sleep, 600.0).kind is FaultKind.TIMED_OUT


@pytest.mark.parametrize("eat", [work.eat, work.eat_in_a_child], ids=lambda fn: fn.__name__)
def test_memory_is_bounded_for_a_worker_with_its_children(processes: Processes, eat: Any) -> None:
    fault = fault_in(processes, eat, 2 * MEMORY_BYTES, LONG)
    assert fault.kind is FaultKind.OUT_OF_MEMORY
    assert f"{MEMORY_BYTES / 1e6:.0f} MB allowed" in fault.what


def test_a_call_may_allow_more_memory_or_less(processes: Processes) -> None:
    (less,) = processes.map(work.eat, [200 << 20], LONG, memory_bytes=100 << 20)
    assert less.fault is not None
    assert less.fault.kind is FaultKind.OUT_OF_MEMORY
    (more,) = processes.map(work.take_a_little, [MEMORY_BYTES + (50 << 20)], LONG, memory_bytes=3 * MEMORY_BYTES)
    assert more.fault is None
    assert more.peak_bytes is not None
    assert more.peak_bytes > MEMORY_BYTES


@pytest.mark.parametrize(
    ("fn", "item", "told"),
    [
        (work.segfault, 0, "SIGSEGV"),
        (work.leave_at_once, 3, "exited by itself with code 3"),
        (work.leave_at_once, 0, "exited by itself with code 0"),
        (work.kill_itself, signal.SIGKILL, "SIGKILL, from outside"),
        (work.kill_itself, signal.SIGABRT, "SIGABRT"),
        (work.kill_itself, 40, "ended by signal 40"),
        (work.close_everything, 0, "SIGKILL"),
    ],
)
def test_a_crash_is_told_by_its_signal_or_code(processes: Processes, fn: Any, item: int, told: str) -> None:
    fault = fault_in(processes, fn, item, LONG)
    assert fault.kind is FaultKind.CRASHED
    assert told in fault.what


@pytest.mark.parametrize(
    ("fn", "item", "told"),
    [
        (work.leave, 2, "SystemExit: 2"),
        (work.give_a_lock, 0, "the result does not pickle"),
        (work.give_unreadable, 0, "the result does not unpickle: ValueError: there is no way back"),
        (work.square, work.Unreadable(), "ValueError: there is no way back"),
        (work.square, threading.Lock(), "function or item do not pickle"),
        (lambda item, _limits: item, 0, "function or item do not pickle"),
    ],
)
def test_what_cannot_travel_is_told(processes: Processes, fn: Any, item: object, told: str) -> None:
    fault = fault_in(processes, fn, item, LONG)
    assert fault.kind is FaultKind.RAISED
    assert told in fault.what


def test_a_function_that_a_worker_cannot_import_is_told(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work.square, "__module__", "tests.compute.nowhere")
    monkeypatch.setitem(__import__("sys").modules, "tests.compute.nowhere", work)
    (outcome,) = processes.map(work.square, [1], LONG)
    assert outcome.fault is not None
    assert outcome.fault.kind is FaultKind.RAISED
    assert "No module named 'tests.compute.nowhere'" in outcome.fault.what


def test_one_fault_among_many_costs_no_other_task_anything(processes: Processes) -> None:
    outcomes = list(processes.map(work.crash_at_five, range(12), LONG))
    assert [outcome.value for outcome in outcomes] == [n if n != 5 else None for n in range(12)]
    assert [n for n, outcome in enumerate(outcomes) if outcome.fault] == [5]


def test_killed_from_outside(processes: Processes, tmp_path: Path) -> None:
    outcomes = processes.map(work.start_a_child_and_hang, [str(tmp_path / "pids")], LONG)
    worker, child = started(tmp_path / "pids")
    os.kill(worker, signal.SIGKILL)
    (outcome,) = outcomes
    assert outcome.fault is not None
    assert outcome.fault.kind is FaultKind.CRASHED
    assert "SIGKILL" in outcome.fault.what
    assert gone(child)


def test_what_a_task_started_dies_with_it(processes: Processes, tmp_path: Path) -> None:
    (hung,) = processes.map(work.start_a_child_and_hang, [str(tmp_path / "hung")], SHORT)
    (crashed,) = processes.map(work.start_a_child_and_crash, [str(tmp_path / "crashed")], LONG)
    assert hung.fault is not None
    assert hung.fault.kind is FaultKind.TIMED_OUT
    assert crashed.fault is not None
    assert crashed.fault.kind is FaultKind.CRASHED
    assert gone(started(tmp_path / "hung")[1])
    assert gone(int((tmp_path / "crashed").read_text()))


@pytest.mark.parametrize("name", ["processes", "dask"])
def test_the_heart_of_the_service_beats_while_a_solver_holds_the_interpreter(
    request: pytest.FixtureRequest, name: str
) -> None:
    """OR-Tools routing with a transit matrix never lets go of it: in our own process no thread would run meanwhile."""
    engine: Compute = request.getfixturevalue(name)
    with heartbeat() as ticks:
        (outcome,) = engine.map(routing.tour, [(200, 1)], LONG)
    assert outcome.value is not None
    assert outcome.value[1] < 10, "of some 200: the solver has learnt to let go, and another must prove this"
    assert len(ticks) > 30, "of some 200"


@contextmanager
def heartbeat(every_s: float = 0.01) -> Iterator[list[float]]:
    """Instants at which a thread of this process ran."""
    over, ticks = threading.Event(), list[float]()

    def beat() -> None:
        while not over.wait(every_s):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield ticks
    finally:
        over.set()
        thread.join()


def started(file: Path) -> tuple[int, int]:
    """The numbers of a worker and its child, once it has written them down."""
    while not file.exists():
        time.sleep(0.02)
    worker, child = map(int, file.read_text().split())
    return worker, child


def gone(pid: int, within_s: float = PATIENCE_S) -> bool:
    """Whether a process ends, or is left for somebody to collect."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False
