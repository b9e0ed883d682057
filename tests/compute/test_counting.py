"""Tasks are counted as they end, and come back as they were."""

from contextlib import closing

import pytest
from prometheus_client import REGISTRY

from jobs.compute import FaultKind, Inline, Processes
from jobs.compute.counting import Counted
from optimizers.result import Limits
from tests.compute import work


def _halved(item: int, _limits: Limits) -> float:
    return 1 / item


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("consigne_compute_tasks_total", {"engine": "inline", "outcome": outcome}) or 0.0


def test_each_outcome_is_counted_once_and_comes_back_in_order() -> None:
    engine = Counted(Inline())
    done, raised = counted("done"), counted("raised")
    found = list(engine.map(_halved, [1, 0, 2], Limits()))
    assert [outcome.value for outcome in found] == [1, None, 0.5]
    assert found[1].fault is not None and found[1].fault.kind is FaultKind.RAISED
    assert (counted("done") - done, counted("raised") - raised) == (2, 1)
    engine.close()


def test_the_workers_of_all_engines_are_counted() -> None:
    def alive() -> float | None:
        return REGISTRY.get_sample_value("consigne_compute_workers", {"engine": "processes"})

    with closing(Counted(Processes(1))) as one, closing(Counted(Processes(1))) as other:
        before = alive()
        assert before is not None
        for engine in (one, other):
            list(engine.map(work.square, [1], Limits(seconds=60)))
        assert alive() == before + 2
    assert alive() == before


def test_the_engine_behind_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    monkeypatch.setattr(Inline, "close", lambda _: closed.append(True))
    Counted(Inline()).close()
    assert closed == [True]
