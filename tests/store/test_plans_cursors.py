"""Plans as they were made, positions and states that outlive their process."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import Conflict
from engine.instants import to_us
from engine.model import PlanRecord
from engine.store import Store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
POSTGRES = pytest.mark.parametrize("url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
WITH_STORE = settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

Open = Callable[[], Store]


def record(id: str = "plan-1", at: float = 0, **fields: Any) -> PlanRecord:  # noqa: A002
    made_at = NOW + at * HOUR
    plan = PlanRecord(
        id=id,
        domain="lighting",
        made_at=made_at,
        start=made_at + HOUR,
        until=made_at + 25 * HOUR,
        status="optimal",
        objective=1234.5678901234567,
        bound=-0.1,
        solver="HiGHS 1.12",
        inputs_digest="ab" * 32,
        detail={"gap": 1e-9, "circuits": ["C-1", "é"]},
    )
    return replace(plan, **fields)


def save(store: Store, plan: PlanRecord, body: bytes = b"body") -> None:
    with store.begin() as unit:
        unit.plans.save(plan, body)


def all_at_once(work: Callable[[Store], Any], stores: list[Store]) -> list[Any]:
    """What `work` gives for each store, a Conflict as a value; none begins before all are ready."""
    together = Barrier(len(stores))

    def run(store: Store) -> Any:
        together.wait(30)
        try:
            return work(store)
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(len(stores)) as pool:
        return list(pool.map(run, stores))


@pytest.mark.parametrize("body", [b"", b"\0\xff\n", bytes(range(256)) * 5_000])
def test_a_plan_comes_back_as_it_went_in(bare: Store, body: bytes) -> None:
    save(bare, record(), body)
    with bare.read() as unit:
        assert unit.plans.get("plan-1") == (record(), body)
        assert unit.plans.list("lighting", 10) == [record()]


@pytest.mark.parametrize("name", ["objective", "bound"])
def test_a_plan_may_have_no_objective_or_bound(bare: Store, name: str) -> None:
    save(bare, record(**{name: math.nan}))
    with bare.read() as unit:
        found = unit.plans.get("plan-1")
    assert found is not None
    assert math.isnan(getattr(found[0], name))
    assert replace(found[0], **{name: 1.0}) == record(**{name: 1.0})


@pytest.mark.parametrize("bound", [math.inf, -math.inf, 0.0, 5e-324, -1.7976931348623157e308])
def test_a_bound_may_be_any_number(bare: Store, bound: float) -> None:
    save(bare, record(bound=bound))
    with bare.read() as unit:
        found = unit.plans.get("plan-1")
    assert found is not None
    assert found[0].bound == bound


def test_plans_are_never_overwritten(bare: Store) -> None:
    save(bare, record(), b"first")
    with pytest.raises(Conflict) as caught:
        save(bare, record(status="other", domain="water"), b"second")
    assert str(caught.value) == ("plan 'plan-1' is stored already; nothing was written → give the new plan its own id")
    with bare.read() as unit:
        assert unit.plans.get("plan-1") == (record(), b"first")
        assert unit.plans.list("water", 10) == []


def test_of_concurrent_plans_of_one_id_one_is_stored(bare: Store, another: Open) -> None:
    stores = [bare, another(), another()]
    bodies = {id(store): str(number).encode() for number, store in enumerate(stores)}
    outcomes = all_at_once(lambda store: save(store, record(), bodies[id(store)]), stores)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Conflict", "NoneType"]
    with bare.read() as unit:
        assert unit.plans.get("plan-1") == (record(), str(outcomes.index(None)).encode())


@POSTGRES
def test_of_two_open_transactions_with_one_plan_one_commits(bare: Store, another: Open) -> None:
    within = Barrier(2)

    def work(store: Store) -> None:
        with store.begin() as unit:
            within.wait(30)
            unit.plans.save(record(), b"body")

    outcomes = all_at_once(work, [bare, another()])
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]


def test_plans_of_a_domain_newest_first(bare: Store) -> None:
    for id, at in [("b", 1), ("a", 1), ("c", 3), ("d", 2)]:  # noqa: A001
        save(bare, record(id, at))
    save(bare, record("w", 9, domain="water"))
    with bare.read() as unit:
        assert [plan.id for plan in unit.plans.list("lighting", 10)] == ["c", "d", "b", "a"]
        assert [plan.id for plan in unit.plans.list("lighting", 2)] == ["c", "d"]
        assert unit.plans.list("lighting", 0) == []
        assert [plan.id for plan in unit.plans.list("water", 10)] == ["w"]
        assert unit.plans.list("nothing", 10) == []
        assert unit.plans.get("nothing") is None


def test_the_problem_of_a_plan_is_kept_until_it_is_forgotten(bare: Store) -> None:
    with bare.begin() as unit:
        unit.plans.save(record("old", until=NOW), b"body", b"\0problem")
        unit.plans.save(record("new", until=NOW + HOUR), b"body", b"another")
        unit.plans.save(record("none"), b"body")
        assert (unit.plans.inputs("old"), unit.plans.inputs("none"), unit.plans.inputs("nobody")) == (
            b"\0problem", b"", b"",
        )  # fmt: skip
        assert unit.plans.forget_inputs(to_us(NOW) + 1) == 1
        assert (unit.plans.inputs("old"), unit.plans.inputs("new")) == (b"", b"another")
        assert unit.plans.get("old") == (record("old", until=NOW), b"body")


def test_cursors_keep_the_zones_that_are_not_named(bare: Store, another: Open) -> None:
    with bare.begin() as unit:
        assert unit.cursors.get("alarms") == {}
        unit.cursors.set("alarms", {1: 10, 2: 20})
        unit.cursors.set("rules", {1: 5})
        unit.cursors.set("alarms", {2: 2**62, 3: 0})
        unit.cursors.set("alarms", {})
    with another().read() as unit:
        assert unit.cursors.get("alarms") == {1: 10, 2: 2**62, 3: 0}
        assert unit.cursors.get("rules") == {1: 5}
        assert unit.cursors.get("rule") == {}


def test_a_cursor_may_go_back(bare: Store) -> None:
    with bare.begin() as unit:
        unit.cursors.set("replay", {1: 10})
        unit.cursors.set("replay", {1: 3})
        assert unit.cursors.get("replay") == {1: 3}


def test_cursor_and_state_roll_back_together(bare: Store) -> None:
    with bare.begin() as unit:
        unit.cursors.set("rules", {1: 5, 2: 6})
        unit.state.put("rules", b"five")
    with pytest.raises(ZeroDivisionError), bare.begin() as unit:
        unit.cursors.set("rules", {1: 9, 3: 9})
        unit.state.put("rules", b"nine")
        unit.state.put("new", b"")
        assert unit.cursors.get("rules") == {1: 9, 2: 6, 3: 9}
        assert unit.state.get("rules") == b"nine"
        raise ZeroDivisionError
    with bare.read() as unit:
        assert unit.cursors.get("rules") == {1: 5, 2: 6}
        assert unit.state.get("rules") == b"five"
        assert unit.state.get("new") is None


@given(writes=st.lists(st.dictionaries(st.integers(0, 4), st.integers(0, 2**63 - 1)), max_size=5))
@WITH_STORE
def test_cursors_are_a_dictionary(bare: Store, writes: list[dict[int, int]]) -> None:
    with bare.begin() as unit:
        unit.cursors.set("dictionary", dict.fromkeys(range(5), 0))
    model = dict.fromkeys(range(5), 0)
    for positions in writes:
        model |= positions
        with bare.begin() as unit:
            unit.cursors.set("dictionary", positions)
    with bare.read() as unit:
        assert unit.cursors.get("dictionary") == model


@given(key=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8), bodies=st.lists(st.binary()))
@WITH_STORE
def test_a_state_is_the_last_bytes_put(bare: Store, key: str, bodies: list[bytes]) -> None:
    with bare.begin() as unit:
        for body in [*bodies, bytes(reversed(key.encode()))]:
            unit.state.put(key, body)
            assert unit.state.get(key) == body
    with bare.read() as unit:
        assert unit.state.get(key) == bytes(reversed(key.encode()))
        assert unit.state.get(f"{key}+") is None


def test_a_large_state(bare: Store) -> None:
    body = bytes(range(256)) * 20_000
    with bare.begin() as unit:
        unit.state.put("automata", body)
    with bare.read() as unit:
        assert unit.state.get("automata") == body
