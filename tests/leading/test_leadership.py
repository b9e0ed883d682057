"""Leading, standing by, and losing the lead: by a clock that the tests move."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from engine.errors import Unavailable
from engine.store import Store
from engine.store.leases import Deposed
from jobs.bootstrap import StoryClock
from jobs.leadership import Leadership, Term, this_process
from tests.conftest import BOTH
from tests.leading.conftest import LIFE, Leader
from tests.waiting import wait_for

SECOND = timedelta(seconds=1)


def taken(leadership: Leadership) -> Term:
    term = leadership.take()
    assert term is not None
    return term


def write(store: Store, term: Term, body: bytes = b"1") -> None:
    with store.under(term.fences).begin() as unit:
        unit.state.put("x", body)


@BOTH
def test_one_leads_and_another_only_when_the_lease_has_run_out(
    leader: Leader, clock: StoryClock, store: Store
) -> None:  # fmt: skip
    first, second = leader("a"), leader("b")
    term = taken(first)
    assert term.fences == {"plan": 1, "rules": 1}
    assert second.take() is None
    assert leader("c", "rules", "ingest").take() is None, "all or none"
    clock.at += LIFE - SECOND
    assert second.take() is None
    clock.at += SECOND
    after = taken(second)
    assert after.fences == {"plan": 2, "rules": 2}
    write(store, after)
    with pytest.raises(Deposed):
        write(store, term)


def test_a_renewed_term_goes_on_and_one_that_was_not_is_lost(leader: Leader, clock: StoryClock) -> None:
    term = taken(leader("a"))
    clock.at += LIFE - SECOND
    assert term.renew()
    clock.at += LIFE - SECOND
    term.look()
    assert not term.over.is_set()
    clock.at += SECOND
    term.look()
    assert term.over.is_set()
    assert term.lost is not None
    assert "not renewed before it ran out" in term.lost


def test_a_term_ends_when_the_table_says_however_long_the_taking_took(
    leader: Leader, clock: StoryClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.store.leases import Leases

    take = Leases.take

    def slowly(*asked: Any) -> Any:
        clock.at += LIFE
        return take(*asked)

    monkeypatch.setattr(Leases, "take", slowly)
    term = taken(leader("a"))
    term.look()
    assert term.over.is_set()


def test_a_term_that_another_took_over_is_lost_at_the_next_renewal(leader: Leader, clock: StoryClock) -> None:
    term = taken(leader("a"))
    clock.at += LIFE
    taken(leader("b"))
    assert not term.renew()
    assert "b holds it under fence 2" in str(term.lost)


def test_a_database_that_is_away_for_less_than_a_life_costs_nothing(
    leader: Leader, clock: StoryClock, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    term = taken(leader("a"))
    with monkeypatch.context() as patch:
        patch.setattr(Store, "begin", _away)
        clock.at += LIFE / 2
        assert not term.renew()
    assert term.lost is None
    assert term.renew()
    clock.at += LIFE - SECOND
    term.look()
    assert term.lost is None


@contextmanager
def _away(_store: Store) -> Iterator[None]:
    raise Unavailable("away")
    yield


def test_leaving_gives_the_leases_back_at_once(leader: Leader, clock: StoryClock) -> None:
    with taken(leader("a")) as term:
        assert leader("b").take() is None
    assert term.over.is_set()
    assert taken(leader("b")).fences == {"plan": 2, "rules": 2}


def test_leaving_a_lost_term_takes_nothing_from_the_next(leader: Leader, clock: StoryClock) -> None:
    with taken(leader("a")) as term:
        clock.at += LIFE
        other = taken(leader("b"))
        wait_for(term.over.is_set)
    assert other.renew()
    assert leader("c").take() is None


def test_threads_of_the_term_renew_it_while_its_work_is_stuck(store: Store) -> None:
    """By a clock that passes: far longer than a life, and the main thread does nothing."""
    from jobs.bootstrap import WallClock

    one = Leadership(store, ["plan"], WallClock(), timedelta(seconds=0.6), owner="a")
    other = Leadership(store, ["plan"], WallClock(), timedelta(seconds=0.6), owner="b")
    with taken(one) as term:
        over = threading.Event()
        assert not over.wait(1.5)
        if term.lost is None:  # a machine that stood still for a life loses it, as it must
            assert other.take() is None


def test_a_stop_ends_the_work_and_not_the_lease(leader: Leader) -> None:
    stop = threading.Event()
    term = leader("a").take(stop)
    assert term is not None
    with term:
        stop.set()
        wait_for(term.over.is_set)
        assert term.lost is None
        assert leader("b").take() is None, "what is under way still writes"
        assert term.renew()


def test_alone_a_dead_ones_lease_is_taken_at_once_and_none_runs_out(
    leader: Leader, clock: StoryClock, store: Store
) -> None:  # fmt: skip
    dead = taken(leader("a", alone=True))
    term = taken(leader("b", alone=True))
    assert term.fences == {"plan": 2, "rules": 2}
    with pytest.raises(Deposed):
        write(store, dead)
    clock.at += 10 * LIFE
    term.look()
    assert term.lost is None
    write(store, term)


def test_who_stands_by_leads_once_the_other_has_left(leader: Leader, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, stop = taken(leader("a")), leader("b"), threading.Event()
    waited: list[float] = []

    def wait(timeout: float | None = None) -> bool:
        waited.append(timeout or 0)
        if len(waited) == 3:
            first.__exit__()
        return stop.is_set()

    monkeypatch.setattr(stop, "wait", wait)
    term = second.stand_by(stop)
    assert term is not None
    assert len(waited) == 3
    assert all(0.5 <= seconds <= 1.5 for seconds in waited)
    assert len(set(waited)) == 3, "not all at the same moments"


def test_two_with_one_seed_still_look_at_different_moments(leader: Leader) -> None:
    a, b = leader("a"), leader("b")
    assert [a._pause_s() for _ in range(3)] != [b._pause_s() for _ in range(3)]
    assert leader("a")._pause_s() == leader("a")._pause_s()


def test_standing_by_ends_when_told_and_outlasts_a_database_that_is_away(
    leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    stop, tried = threading.Event(), []

    @contextmanager
    def away(_store: Store) -> Iterator[None]:
        tried.append(1)
        if len(tried) == 4:
            stop.set()
        raise Unavailable("away")
        yield

    monkeypatch.setattr(Store, "read", away)
    monkeypatch.setattr(stop, "wait", lambda _timeout: stop.is_set())
    assert leader("a").stand_by(stop) is None
    assert len(tried) == 4


@pytest.mark.parametrize("turns", [8])
@BOTH
def test_of_three_at_once_one_leads(store: Store, clock: StoryClock, leader: Leader, turns: int) -> None:
    gate = threading.Barrier(3)
    for turn in range(turns):
        found: list[Term | None] = []
        run: Callable[[Leadership], None] = lambda one: (gate.wait(), found.append(one.take()))[1]  # noqa: B023
        threads = [threading.Thread(target=run, args=(leader(f"{turn}-{n}"),)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [term.fences for term in found if term] == [{"plan": turn + 1, "rules": turn + 1}]
        clock.at += LIFE


def test_a_process_is_told_from_another_of_the_same_pid() -> None:
    host, pid, born = this_process().rsplit(":", 2)
    assert host
    assert pid.isdigit()
    assert int(born, 16) > 0
    assert this_process() == this_process()
