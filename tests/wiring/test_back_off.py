"""What a step waits for, and what ends the service."""

import threading
from collections.abc import Iterator

import pytest

from engine.errors import Conflict, Outdated, Unavailable
from jobs.service import Spared, with_back_off


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    event = threading.Event()
    monkeypatch.setattr(event, "wait", lambda _timeout=None: event.is_set())
    return event


def after(*faults: Exception) -> Iterator[Exception | None]:
    yield from faults
    yield None


@pytest.mark.parametrize("fault", [Unavailable("away"), Conflict("another writer")])
def test_a_step_is_done_again_until_it_works(stop: threading.Event, fault: Exception) -> None:
    story = after(fault, fault, fault)

    def step() -> str:
        if found := next(story):
            raise found
        return "done"

    assert with_back_off(step, stop) == "done"


def test_a_process_that_knows_an_old_inventory_ends(stop: threading.Event) -> None:
    def step() -> None:
        raise Outdated("read its series again")

    with pytest.raises(Outdated):
        with_back_off(step, stop)


def test_nothing_is_begun_once_stopped(stop: threading.Event) -> None:
    stop.set()
    assert with_back_off(lambda: "done", stop) is None


def test_what_is_away_is_left_out_and_the_loop_goes_on() -> None:
    """It is tried after 1, 2, 4 … 15 s of the clock, and at every turn once it is back."""
    now, away, tried = 0.0, True, []

    def step() -> None:
        tried.append(now)
        if away:
            raise Unavailable("the broker is away")

    spared = Spared(step, lambda: now)
    for _ in range(40):
        spared()
        now += 1.0
    assert tried == [0.0, 1.0, 3.0, 7.0, 15.0, 30.0]
    now, away = 45.0, False
    tried.clear()
    for _ in range(3):
        spared()
    assert tried == [45.0] * 3
    away = True
    spared()
    now = 46.0
    spared()
    assert tried[3:] == [45.0, 46.0]
