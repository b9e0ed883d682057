"""An engine that is away when its user starts."""

from collections.abc import Callable
from functools import partial

import pytest

from engine.errors import Unavailable
from engine.settings import load_settings
from jobs.compute import FaultKind, Inline, compute_of
from jobs.compute.patient import Patient
from optimizers.result import Limits
from tests.compute import work


def test_its_work_is_lost_until_it_answers_and_then_done() -> None:
    answers = iter([Unavailable("no answer"), Unavailable("still none"), Inline()])

    def connect() -> Inline:
        found = next(answers)
        if isinstance(found, Unavailable):
            raise found
        return found

    engine = Patient("dask", connect)
    lost = list(engine.map(work.square, [1, 2], Limits()))
    assert [(one.fault.kind, one.fault.what) for one in lost if one.fault] == [(FaultKind.LOST, "still none")] * 2
    assert [one.value for one in engine.map(work.square, [3, 4], Limits())] == [9, 16]
    assert [one.value for one in engine.map(work.square, [5], Limits())] == [25], "it was found once for all"


def test_closed_while_it_is_away_its_work_is_stopped() -> None:
    def away() -> Inline:
        raise Unavailable("no answer")

    engine = Patient("dask", away)
    engine.close()
    (stopped,) = engine.map(work.square, [1], Limits())
    assert stopped.fault is not None
    assert stopped.fault.kind is FaultKind.STOPPED


@pytest.mark.parametrize("patient", [True, False])
def test_the_service_starts_without_its_cluster(
    free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch, patient: bool
) -> None:
    import jobs.compute.cluster as module

    monkeypatch.setattr(module, "Dask", partial(module.Dask, answer_s=0.5))
    settings = load_settings(compute=f"dask://127.0.0.1:{free_port()}")
    if not patient:
        with pytest.raises(Unavailable):
            compute_of(settings)
        return
    engine = compute_of(settings, patient=True)
    (lost,) = engine.map(work.square, [1], Limits())
    assert lost.fault is not None
    assert "does not answer" in lost.fault.what
    engine.close()
