"""Following readings by cursor: each exactly once and in order, whoever commits first."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.store import Intake, Store, Unit
from engine.store.intake import ACCEPTED, REFUSED

from .conftest import NOW

Row = tuple[int, int, int, float]
Lines = dict[str, Any]
Put = Callable[..., Intake]
Open = Callable[[], Store]
Everything = Callable[[Store], pl.DataFrame]


class Follower:
    """A reader with a cursor of its own, and all it has taken, in the order it took it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.cursor: dict[int, int] = {}
        self.taken: list[tuple[Any, ...]] = []

    def step(self, limit: int = 1_000) -> int:
        with self.store.read() as unit:
            frame = unit.readings.since(self.cursor, limit)
        assert frame.height <= limit
        assert frame.equals(frame.sort("zone", "seq"))
        self.cursor |= _ends(frame)
        self.taken += frame.iter_rows()
        return frame.height

    def finish(self, limit: int = 1_000) -> None:
        while self.step(limit):
            pass

    def check(self, stored: pl.DataFrame) -> None:
        """Everything stored was taken once, and within each zone in the order of its sequences, from 1."""
        assert sorted(self.taken) == list(stored.iter_rows())
        for zone in {row[0] for row in self.taken}:
            sequences = [row[1] for row in self.taken if row[0] == zone]
            assert sequences == list(range(1, len(sequences) + 1))


class Abandoned(Exception):
    """A writer that gives up."""


def _ends(frame: pl.DataFrame) -> dict[int, int]:
    return dict(frame.group_by("zone").agg(pl.col("seq").max()).iter_rows())


def _append(unit: Unit, rows: list[Row], at: datetime) -> Intake:
    frame = pl.DataFrame(rows, schema=ACCEPTED, orient="row")
    return unit.readings.append(frame, REFUSED.to_frame(), source="test", received_at=at, received=len(rows))


def _until_waiting(url: str, writer: Future[Intake]) -> None:
    """Return once PostgreSQL says that the writer waits for a lock. SQLite does not tell."""
    if not url.startswith("postgresql"):
        return
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(url, autocommit=True) as connection:
        while not connection.execute(waiting).fetchone()[0]:  # type: ignore[index]
            assert not writer.done()
            time.sleep(0.005)


@pytest.mark.parametrize("commits", [True, False])
def test_a_later_batch_of_the_zone_cannot_overtake_an_open_one(
    url: str, another: Open, lamps: Lines, put: Put, now: datetime, everything: Everything, commits: bool
) -> None:
    slow, quick, follower = another(), another(), Follower(another())
    put(lamps["L-1"](0))
    assert follower.step() == 1
    with ThreadPoolExecutor(1) as pool, suppress(Abandoned):
        with slow.begin() as unit:
            _append(unit, [lamps["L-1"](1), lamps["L-1"](2)], now)
            later = pool.submit(put, lamps["L-2"](1), lamps["L-2"](2), lamps["L-2"](3), into=quick)
            _until_waiting(url, later)
            assert follower.step() == 0
            assert not later.done()
            if not commits:
                raise Abandoned
        assert follower.step() >= 2
    assert later.result().stored == 3
    follower.finish()
    follower.check(everything(quick))
    first, second = lamps["L-1"].series, lamps["L-2"].series
    assert [row[2] for row in follower.taken] == [first] * (3 if commits else 1) + [second] * 3


@pytest.mark.parametrize("commits", [True, False])
def test_another_zone_that_commits_first_is_read_first_and_the_open_one_is_not_lost(
    url: str, another: Open, lamps: Lines, put: Put, now: datetime, everything: Everything, commits: bool
) -> None:
    slow, quick, follower = another(), another(), Follower(another())
    held, free = lamps["L-1"], lamps["L-3"]
    with ThreadPoolExecutor(1) as pool, suppress(Abandoned), slow.begin() as unit:
        _append(unit, [held(0), held(1)], now)
        later = pool.submit(put, free(5), free(6), free(7), into=quick)
        if url.startswith("postgresql"):
            # The zones are independent there: the later one ends while the earlier is still open.
            assert later.result().stored == 3
            assert follower.step() == 3
            assert {row[0] for row in follower.taken} == {free.zone}
        else:
            assert follower.step() == 0
            assert not later.done()
        if not commits:
            raise Abandoned
    assert later.result().stored == 3
    follower.finish()
    follower.check(everything(quick))
    assert len(follower.taken) == (5 if commits else 3)


def test_a_batch_of_two_zones_appears_at_once_after_the_one_it_waited_for(
    url: str, another: Open, lamps: Lines, put: Put, now: datetime, everything: Everything
) -> None:
    follower, slow, quick = Follower(another()), another(), another()
    with ThreadPoolExecutor(1) as pool, slow.begin() as unit:
        _append(unit, [lamps["L-4"](0)], now)
        later = pool.submit(put, lamps["L-4"](1), lamps["L-1"](1), lamps["L-3"](1), into=quick)
        _until_waiting(url, later)
        assert follower.step() == 0
    assert later.result().stored == 3
    assert follower.step(2) == 2
    assert follower.step(1) == 1
    follower.finish()
    follower.check(everything(quick))
    assert follower.cursor == {lamps["L-1"].zone: 1, lamps["L-3"].zone: 1, lamps["L-4"].zone: 2}


def test_readings_of_some_zones_only(store: Store, lamps: Lines, put: Put) -> None:
    put(lamps["L-1"](0), lamps["L-3"](0), lamps["L-4"](0), lamps["L-3"](1))
    one, other = lamps["L-1"].zone, lamps["L-3"].zone
    with store.read() as unit:
        whole = unit.readings.since({}, 100)
        assert unit.readings.since({}, 100, {other}).equals(whole.filter(pl.col("zone") == other))
        assert unit.readings.since({other: 1}, 100, {one, other}).equals(
            whole.filter((pl.col("zone") == one) | ((pl.col("zone") == other) & (pl.col("seq") > 1)))
        )
        assert unit.readings.since({}, 1, {other})["seq"].to_list() == [1]
        assert unit.readings.since({}, 100, ()).is_empty()


@pytest.mark.parametrize("inside", ["read", "begin"])
def test_what_commits_between_the_heads_and_the_rows_is_left_for_the_next_time(
    url: str, store: Store, another: Open, lamps: Lines, put: Put, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    if inside == "begin" and url.startswith("sqlite"):
        pytest.skip("SQLite has one writer")
    other = another()
    put(lamps["L-1"](0), lamps["L-3"](0))
    with getattr(store, inside)() as unit:
        look = unit.readings.heads

        def heads() -> dict[int, int]:
            found: dict[int, int] = look()
            put(lamps["L-1"](1), lamps["L-3"](1), into=other)
            monkeypatch.setattr(unit.readings, "heads", look)
            return found

        monkeypatch.setattr(unit.readings, "heads", heads)
        first = unit.readings.since({}, 100)
    with store.read() as unit:
        second = unit.readings.since(_ends(first), 100)
    assert first["seq"].to_list() == [1, 1]
    assert second["seq"].to_list() == [2, 2]


def test_a_snapshot_holds_still_while_others_commit(store: Store, another: Open, lamps: Lines, put: Put) -> None:
    other = another()
    put(lamps["L-1"](0), lamps["L-1"](1))
    with store.read() as unit:
        before = unit.readings.since({}, 1)
        put(lamps["L-1"](2), lamps["L-3"](0), into=other)
        rest = unit.readings.since(_ends(before), 100)
        assert unit.readings.since(_ends(before) | _ends(rest), 100).is_empty()
    assert rest["seq"].to_list() == [2]


def test_a_reader_beside_many_writers_takes_everything_once_and_in_order(
    another: Open, store: Store, lamps: Lines, now: datetime, everything: Everything
) -> None:
    """Four writers, each as a process of its own, batches of one to three zones in any order; a fifth give up."""
    writers, follower, over = [another() for _ in range(4)], Follower(another()), threading.Event()

    def write(number: int) -> int:
        rng, stored = np.random.default_rng(number), 0
        for turn in range(12):
            names = rng.choice(["L-1", "L-2", "L-3", "L-4"], rng.integers(1, 9))
            rows = [lamps[name](turn * 9 + place, float(number)) for place, name in enumerate(names)]
            with suppress(Abandoned), writers[number].begin() as unit:
                found = _append(unit, rows, now).stored
                if rng.random() < 0.2:
                    raise Abandoned
                stored += found
        return stored

    def follow() -> None:
        rng = np.random.default_rng(99)
        while not over.is_set():
            follower.step(int(rng.integers(1, 12)))

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(follow)
        try:
            stored = sum(pool.map(write, range(4)))
        finally:
            over.set()
        reader.result()
    follower.finish(7)
    follower.check(everything(store))
    assert len(follower.taken) == stored > 100
    assert store.check() == []


# Any cursor, any limit -----------------------------------------------------------------------------------------------


@pytest.fixture
def long(store: Store, lamps: Lines, put: Put, now: datetime) -> Store:
    """90 readings of three zones over three days; those of the first day are pruned, so that sequences are missing."""
    rng = np.random.default_rng(11)
    for _ in range(9):
        names = rng.choice(list(lamps), 10)
        put(*(lamps[name](int(rng.integers(0, 3 * 1_440)), float(rng.integers(0, 9))) for name in names))
    assert store.prune(now + timedelta(days=1), NOW)["reading"] > 10
    return store


def test_since_is_the_first_rows_after_the_cursor(long: Store, everything: Everything) -> None:
    stored = everything(long)
    with long.read() as unit:
        heads = unit.readings.heads()
        assert stored.height < sum(heads.values())

        @settings(max_examples=120)
        @given(st.dictionaries(st.sampled_from([*heads, 999]), st.integers(0, 60)), st.integers(-1, 120))
        def holds(cursor: dict[int, int], limit: int) -> None:
            after = [row for row in stored.iter_rows() if row[1] > cursor.get(row[0], 0)]
            found = unit.readings.since(cursor, limit)
            assert found.schema == stored.schema
            assert list(found.iter_rows()) == after[: max(limit, 0)]

        holds()


def test_following_with_any_limits_takes_everything_once(long: Store, everything: Everything) -> None:
    stored = list(everything(long).iter_rows())

    @settings(max_examples=25)
    @given(st.lists(st.integers(1, 40), min_size=1, max_size=5))
    def holds(limits: list[int]) -> None:
        follower, turn = Follower(long), 0
        while follower.step(limits[turn % len(limits)]):
            turn += 1
        # A step that found nothing ended it: "empty only when there is nothing more".
        assert follower.taken == stored

    holds()


def test_a_cursor_past_the_head_reads_nothing_until_the_zone_has_caught_up(
    store: Store, lamps: Lines, put: Put
) -> None:
    zone = lamps["L-1"].zone
    put(lamps["L-1"](0), lamps["L-3"](0))
    with store.read() as unit:
        assert unit.readings.since({zone: 2}, 10)["zone"].to_list() == [lamps["L-3"].zone]
    put(lamps["L-1"](1), lamps["L-1"](2))
    with store.read() as unit:
        assert unit.readings.since({zone: 2}, 1)["seq"].to_list() == [3]


def test_a_cursor_written_with_the_work_survives_any_crash(
    store: Store, lamps: Lines, put: Put, everything: Everything
) -> None:
    put(*(lamps[name](minute, minute) for minute in range(8) for name in lamps))
    stored = [row[:2] for row in everything(store).iter_rows()]
    runs = iter(range(1_000))

    @settings(max_examples=20)
    @given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=8))
    def holds(steps: list[tuple[int, bool]]) -> None:
        name, done = f"reader {next(runs)}", []
        for limit, crashes in [*steps, *[(5, False)] * 7]:
            with suppress(Abandoned), store.begin() as unit:
                frame = unit.readings.since(unit.cursors.get(name), limit)
                unit.cursors.set(name, _ends(frame))
                if crashes:
                    raise Abandoned
                done += [row[:2] for row in frame.iter_rows()]
        assert done == stored

    holds()
