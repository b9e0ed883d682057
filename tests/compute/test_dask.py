"""A Dask cluster that is away, goes away, loses its workers or runs other code: told, and the service goes on."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from engine.errors import Unavailable
from engine.settings import load_settings
from jobs.compute import FaultKind, compute_of, remote, same_code
from jobs.compute import cluster as module
from jobs.compute.cluster import Dask
from optimizers.result import Limits
from tests.compute import work
from tests.compute.test_faults import gone

pytest.importorskip("distributed", reason="Dask is not installed: pip install consigne[dask]")
from tests.compute.cluster import Cluster
from tests.waiting import PATIENCE_S, wait_for

LONG = Limits(seconds=60)


@pytest.fixture(scope="module")
def fragile(free_port: Callable[[], int]) -> Iterator[Cluster]:
    with Cluster(free_port(), workers=2) as found:
        yield found


@pytest.fixture
def own(fragile: Cluster) -> Cluster:
    """A cluster that may be broken."""
    fragile.mend(workers=2)
    return fragile


@pytest.fixture
def join() -> Iterator[Callable[..., Dask]]:
    """Engines that are closed at the end."""
    with ExitStack() as stack:
        patient = {"answer_s": PATIENCE_S}
        yield lambda cluster, **options: stack.enter_context(closing(Dask(cluster.url, **patient | options)))


def test_settings_name_the_cluster(cluster: Cluster) -> None:
    engine = compute_of(load_settings(compute=cluster.url))
    assert engine.name == "dask"
    engine.close()


def test_a_cluster_that_is_away_at_the_start_is_refused(free_port: Callable[[], int]) -> None:
    with pytest.raises(Unavailable, match=r"does not answer.*CONSIGNE_COMPUTE=processes"):
        Dask(f"dask://127.0.0.1:{free_port()}", answer_s=0.5)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(Unavailable, match=r"distributed is missing → pip install consigne\[dask\]"):
        compute_of(load_settings(compute="dask://127.0.0.1:1"))


def test_workers_of_other_code_are_refused_by_name(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {"highspy": "1.99"}
    monkeypatch.setattr(module, "differences", lambda found: same_code.differences(found | theirs))
    with pytest.raises(Unavailable, match=r"worker tcp://\S+ runs other code: highspy 1\.99 there and 1\.12\.0 here"):
        Dask(cluster.url)


def test_a_worker_of_other_code_that_comes_later_takes_no_task(dask: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "versions", lambda: {**same_code.versions(), "python": "3.9"})
    (outcome,) = dask.map(work.square, [1], LONG)
    assert outcome.fault is not None
    assert outcome.fault.kind is FaultKind.LOST
    assert "other code: python" in outcome.fault.what


def test_a_time_out_that_a_worker_raises_is_not_waited_for(dask: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run_here", work.time_out)
    (outcome,) = dask.map(work.square, [1], Limits(seconds=60))
    assert outcome.fault is not None
    assert (outcome.fault.kind, outcome.fault.what) == (FaultKind.LOST, "TimeoutError: by a test")


def test_code_is_told_apart_by_its_source() -> None:
    found = same_code.versions()
    assert "source" in found["consigne"]
    assert same_code.differences(found) == ""
    assert "numpy missing there" in same_code.differences({k: v for k, v in found.items() if k != "numpy"})


def test_keys_stay_with_their_workers_and_are_spread_evenly(dask: Dask) -> None:
    """Where the task is sent to: Dask may still move one to a worker that is idle."""
    first = dask._at_home(dask._client, ["a", "b", "c", "d", "a"])
    assert first[0] == first[4]
    assert sorted(first[:4].count(worker) for worker in set(first)) == [2, 2]
    assert dask._at_home(dask._client, ["d", "c", "b", "a"]) == first[3::-1]
    outcomes = dask.map(work.square, range(4), LONG, key=lambda n: n % 2)
    assert [outcome.value for outcome in outcomes] == [0, 1, 4, 9]


def test_faults_are_bounded_there_as_here(dask: Dask) -> None:
    outcomes = list(dask.map(work.misbehave, ["hang"], Limits(seconds=1)))
    outcomes += dask.map(work.misbehave, ["eat", "segfault", "exit", "raise", ""], LONG)
    kinds = [outcome.fault and outcome.fault.kind for outcome in outcomes]
    assert kinds == [
        FaultKind.TIMED_OUT, FaultKind.OUT_OF_MEMORY, FaultKind.CRASHED, FaultKind.CRASHED, FaultKind.RAISED, None,
    ]  # fmt: skip
    assert outcomes[-1].value == "done"


def test_what_cannot_travel_is_told(dask: Dask) -> None:
    (unpicklable,) = dask.map(lambda item, _limits: item, [1], LONG)
    (unreadable,) = dask.map(work.give_unreadable, [1], LONG)
    assert "function or item do not pickle" in str(unpicklable.fault)
    assert "the result does not unpickle: ValueError" in str(unreadable.fault)


def test_a_task_whose_worker_dies_is_begun_on_another(join: Callable[..., Dask], own: Cluster, tmp_path: Path) -> None:
    engine = join(own)
    outcomes = engine.map(work.note_and_wait, [str(tmp_path)], LONG)
    own.workers[_first_at_work(own, tmp_path)].kill()
    wait_for(lambda: len(list(tmp_path.glob("begun-*"))) == 2, what="begun again")
    (tmp_path / "go").touch()
    (outcome,) = outcomes
    assert outcome.fault is None
    assert outcome.attempts == 2
    children = [int(file.name.removeprefix("begun-").split("-")[1]) for file in tmp_path.glob("begun-*")]
    assert outcome.value in children
    assert all(gone(child) for child in children if child != outcome.value), "it died with its Dask worker"


def test_a_task_that_no_worker_survives_is_lost_and_the_engine_goes_on(join: Callable[..., Dask], own: Cluster) -> None:
    engine = join(own, patience_s=1)
    (outcome,) = engine.map(work.kill_the_worker_above, [signal.SIGKILL], LONG)
    assert outcome.fault is not None
    assert outcome.fault.kind is FaultKind.LOST
    assert outcome.attempts == 2
    (alone,) = engine.map(work.square, [1], LONG)
    assert alone.fault is not None
    assert "has had no worker for 1 s" in alone.fault.what
    own.mend(workers=1)
    (after,) = engine.map(work.square, [7], LONG)
    assert after.value == 49


def test_a_cluster_that_goes_away_loses_its_tasks_and_is_found(
    join: Callable[..., Dask], own: Cluster, tmp_path: Path
) -> None:
    engine = join(own)
    outcomes = engine.map(work.note_and_wait, [str(tmp_path)] * 3, LONG)
    _first_at_work(own, tmp_path)
    engine._answer_s = 1.0  # for nobody is there to answer
    own.scheduler.kill()
    own.scheduler.wait()
    assert [outcome.fault and outcome.fault.kind for outcome in outcomes] == [FaultKind.LOST] * 3
    (away,) = engine.map(work.square, [1], LONG)
    assert away.fault is not None
    assert away.fault.kind is FaultKind.LOST
    (tmp_path / "go").touch()
    own.mend(workers=1)
    engine._answer_s = PATIENCE_S
    (after,) = engine.map(work.square, [7], LONG)
    assert after.value == 49


def test_closing_stops_what_runs(join: Callable[..., Dask], cluster: Cluster, tmp_path: Path) -> None:
    engine = join(cluster)
    outcomes = engine.map(work.note_and_wait, [str(tmp_path)], LONG)
    found: list[FaultKind | None] = []
    waiting = threading.Thread(target=lambda: found.extend(o.fault and o.fault.kind for o in outcomes))
    waiting.start()
    wait_for(lambda: bool(list(tmp_path.glob("begun-*"))), what="begun")
    engine.close()
    waiting.join()
    (tmp_path / "go").touch()
    assert found == [FaultKind.STOPPED]
    (late,) = engine.map(work.square, [1], LONG)
    assert late.fault is not None
    assert late.fault.kind is FaultKind.STOPPED


def test_the_engine_within_a_worker_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_engines", [])
    first = remote._engine(1)
    assert remote._engine(1) is first
    first.close()


def _first_at_work(own: Cluster, folder: Path) -> int:
    """Which of the workers began a task."""
    wait_for(lambda: bool(list(folder.glob("begun-*"))), what="begun")
    above = int(next(folder.glob("begun-*")).name.split("-")[1])
    return [worker.pid for worker in own.workers].index(above)
