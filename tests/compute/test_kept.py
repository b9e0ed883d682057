"""A worker that kept a model and one that did not give the same answer."""

import threading

import numpy as np
import pytest

from jobs.compute import Processes
from optimizers import kept as module
from optimizers.kept import CAPACITY, kept
from optimizers.result import Limits
from tests.compute import models


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_models", type(module._models)())


def test_a_warm_worker_and_a_cold_one_give_the_same_bytes() -> None:
    drawn = np.random.default_rng(0)
    costs = [tuple(map(float, drawn.integers(1, 3, models.SIDE**2))) for _ in range(6)]
    warm, cold = Processes(1), Processes(1, tasks_per_worker=1)
    try:
        kept_ones = [o.value for o in warm.map(models.assign, [(cost, True) for cost in costs], Limits(), key=_same)]
        fresh = [o.value for o in cold.map(models.assign, [(cost, True) for cost in costs], Limits(), key=_same)]
        careless = [o.value for o in warm.map(models.assign, [(cost, False) for cost in costs], Limits(), key=_same)]
    finally:
        warm.close()
        cold.close()
    assert [value and value[2] for value in kept_ones] == [False] + [True] * 5
    assert [value and value[2] for value in fresh] == [False] * 6
    assert [value and value[:2] for value in kept_ones] == [value and value[:2] for value in fresh]
    assert [value and value[1] for value in careless] == [value and value[1] for value in fresh]
    assert [value and value[0] for value in careless] != [value and value[0] for value in fresh], "the trap is gone"


def test_a_model_is_built_once_and_has_one_user_at_a_time() -> None:
    built: list[list[int]] = []
    inside, free = threading.Event(), threading.Event()

    def build() -> list[int]:
        built.append([])
        return built[-1]

    def hold() -> None:
        with kept("one", build):
            inside.set()
            free.wait()

    with kept("one", build) as first:
        pass
    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait()
    with kept("one", build) as second:
        assert second is not first
    free.set()
    holder.join()
    assert len(built) == 2


def test_a_model_whose_use_failed_is_given_up() -> None:
    with pytest.raises(ValueError, match="half changed"), kept("one", list):
        raise ValueError("half changed")
    with kept("one", lambda: ["fresh"]) as model:
        assert model == ["fresh"]


def test_the_model_used_longest_ago_is_given_up_first() -> None:
    for n in range(CAPACITY + 1):
        with kept(n, lambda n=n: n):
            pass
        with kept(0, lambda: "built again") as first:
            assert first == 0
    with kept(1, lambda: "built again") as second:
        assert second == "built again"


def _same(_item: object) -> str:
    return "one"
