"""Beside the service's loop: lines sealed within a second, by one of several processes, whatever the loop does."""

import threading

import pytest

from engine.errors import Unavailable
from engine.store import Store
from jobs.service import Beside
from tests.conftest import BOTH
from tests.waiting import wait_for
from tests.wiring.conftest import NOON


def state(store: Store) -> tuple[int, int, object]:
    with store.read() as unit:
        chain = unit.audit.verify()
    return chain.lines, chain.unsealed, chain.broken


@BOTH
def test_lines_are_sealed_while_the_loop_is_busy_and_others_write(store: Store, database_url: str) -> None:
    stop, other = threading.Event(), Store.open(database_url)
    with Beside(store.seal, 0.05, stop) as one, Beside(other.seal, 0.05, stop) as two:
        for number in range(30):
            with store.begin() as unit:
                unit.audit.append("rules", "decide", str(number), {}, NOON)
        wait_for(lambda: state(store) == (30, 0, None))
        one.poll()
        two.poll()
    other.close()


def test_what_is_away_is_waited_for_and_what_breaks_is_told() -> None:
    stop, calls = threading.Event(), 0

    def step() -> None:
        nonlocal calls
        calls += 1
        raise Unavailable("away") if calls == 1 else ValueError("broken")

    with Beside(step, 0.01, stop) as beside:
        wait_for(beside._running.done)
        with pytest.raises(ValueError, match="broken"):
            beside.poll()
    assert calls == 2
