"""Leases: one owner at a time, a greater fence at every taking, and no write of one who was deposed."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.store import Store
from engine.store.leases import Deposed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIFE = timedelta(seconds=15)
SECOND = timedelta(seconds=1)
POSTGRES = pytest.mark.parametrize("url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)

Open = Callable[[], Store]


def take(store: Store, owner: str, *names: str, at: datetime = NOW) -> dict[str, int] | None:
    with store.begin() as unit:
        return unit.leases.take(names or ("plan",), owner, at, LIFE)


def test_one_owner_at_a_time(bare: Store) -> None:
    assert take(bare, "a", "plan", "rules") == {"plan": 1, "rules": 1}
    assert take(bare, "b") is None
    assert take(bare, "b", "dispatch", "rules") is None
    with bare.read() as unit:
        assert [(lease.name, lease.owner, lease.until_at) for lease in unit.leases.all()] == [
            ("plan", "a", NOW + LIFE),
            ("rules", "a", NOW + LIFE),
        ]
    assert take(bare, "b", at=NOW + LIFE) == {"plan": 2}


def test_an_owner_that_begins_again_has_a_new_fence(bare: Store) -> None:
    take(bare, "a")
    assert take(bare, "a", at=NOW + SECOND) == {"plan": 2}


def test_a_renewed_lease_lasts(bare: Store) -> None:
    fences = take(bare, "a")
    assert fences
    with bare.begin() as unit:
        unit.leases.renew(fences, NOW + 5 * SECOND, LIFE)
    assert take(bare, "b", at=NOW + LIFE) is None
    assert take(bare, "b", at=NOW + LIFE + 5 * SECOND) == {"plan": 2}
    with pytest.raises(Deposed, match="taken under fence 1, and b holds it under fence 2"), bare.begin() as unit:
        unit.leases.renew(fences, NOW + LIFE, LIFE)


def test_one_that_ran_out_and_nobody_took_goes_on(bare: Store) -> None:
    fences = take(bare, "a")
    assert fences
    with bare.begin() as unit:
        unit.leases.renew(fences, NOW + 3 * LIFE, LIFE)
    with bare.under(fences).begin() as unit:
        unit.state.put("x", b"1")


def test_a_released_lease_is_free_at_once(bare: Store) -> None:
    fences = take(bare, "a")
    assert fences
    with bare.begin() as unit:
        unit.leases.release(fences, NOW)
    assert take(bare, "b") == {"plan": 2}
    with bare.begin() as unit:
        unit.leases.release(fences, NOW + SECOND)  # no longer ours: nothing happens
    assert take(bare, "c", at=NOW + SECOND) is None


def test_a_deposed_leader_writes_nothing(bare: Store) -> None:
    fences = take(bare, "a", "plan", "rules")
    assert fences
    led = bare.under(fences)
    with led.begin() as unit:
        unit.state.put("x", b"old")
    take(bare, "b", "rules", at=NOW + LIFE)
    with pytest.raises(Deposed, match="'rules'"), led.begin() as unit:
        unit.state.put("x", b"new")
    with pytest.raises(Deposed):
        led.prune(NOW, NOW)
    with bare.read() as unit:
        assert unit.state.get("x") == b"old"
    with bare.begin() as unit:  # who works under no lease is not asked for one
        unit.state.put("x", b"a person")


@POSTGRES
def test_who_takes_over_waits_for_a_write_that_proved_its_lease(bare: Store, another: Open) -> None:
    fences = take(bare, "a")
    assert fences
    proved, other = threading.Event(), another()
    with ThreadPoolExecutor(1) as pool:
        with bare.begin() as unit:
            unit.leases.prove(fences)
            with other.begin() as renewing:  # a renewal does not wait
                renewing.leases.renew(fences, NOW + SECOND, LIFE)
            taken = pool.submit(lambda: (proved.set(), take(other, "b", at=NOW + 2 * LIFE))[1])
            proved.wait(5)
            with pytest.raises(TimeoutError):
                taken.result(0.3)
            unit.state.put("x", b"1")
        assert taken.result(10) == {"plan": 2}


def test_a_locked_state_keeps_whoever_locks_it_waiting(bare: Store, another: Open) -> None:
    """And nobody else: on PostgreSQL the keys beside it may be locked and written."""
    other, begun = another(), threading.Event()
    with bare.begin() as unit:
        for key in ("a", "b"):
            unit.state.put(key, b"0")

    def add() -> bytes | None:
        begun.set()
        with other.begin() as unit:
            unit.state.lock(["b", "a"])
            return unit.state.get("a")

    with ThreadPoolExecutor(1) as pool:
        with bare.begin() as unit:
            unit.state.lock(["a"])
            waiting = pool.submit(add)
            begun.wait(5)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
            unit.state.put("a", b"1")
        assert waiting.result(10) == b"1"


def test_of_many_at_once_one_leads(bare: Store, another: Open) -> None:
    stores = [bare, another(), another()]
    with ThreadPoolExecutor(3) as pool:
        for turn in range(6):
            at = NOW + turn * LIFE
            found = list(pool.map(lambda pair: take(pair[1], f"host-{pair[0]}", at=at), enumerate(stores)))  # noqa: B023
            assert [fences for fences in found if fences] == [{"plan": turn + 1}]


@given(steps=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20)), max_size=12))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_fences_only_grow_and_only_the_newest_writes(bare: Store, steps: list[tuple[str, int]]) -> None:
    with bare.read() as unit:
        before = {lease.name: lease.fence for lease in unit.leases.all()}
    at, held, last = NOW + 100 * LIFE * before.get("plan", 0), {}, before.get("plan", 0)
    for owner, seconds in steps:
        at += seconds * SECOND
        fences = take(bare, owner, at=at)
        if fences is None:
            continue
        assert fences["plan"] == last + 1
        last, held[owner] = last + 1, fences
        for who, theirs in held.items():
            led = bare.under(theirs)
            if theirs["plan"] == last:
                with led.begin() as unit:
                    unit.state.put("leader", who.encode())
                continue
            with pytest.raises(Deposed), led.begin() as unit:
                unit.state.put("leader", who.encode())
