"""Batches as rows: who waits, who goes first, how all of them fare; and what points did of late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.model import BatchState, Command, CommandState, Program
from engine.setpoints.batches import Batch
from engine.setpoints.courses import Deed
from engine.store import Store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUEUED, CANCELLED, SENT = CommandState.QUEUED, CommandState.CANCELLED, CommandState.SENT


def order(number: int, *, batch: str | None = "B", seq: int = 1, hour: float = 0, **fields: Any) -> Command:
    point, at = f"L-{number}/illuminanceLevel", NOW + hour * HOUR
    program = Program.constant(0.5, at, at + 24 * HOUR)
    plain = {"id": f"{point}#{seq}", "point": point, "gateway": "gw", "seq": seq, "program": program}
    return Command(**(plain | {"issued_at": at, "expires_at": at + HOUR, "batch": batch} | fields))  # type: ignore[arg-type]


def a_batch(name: str = "B", **fields: Any) -> Batch:
    plain: dict[str, Any] = {
        "id": name,
        "domain": "lighting",
        "made_at": NOW,
        "made_by": "plan:lighting",
        "state": BatchState.PENDING,
        "until_at": NOW + HOUR,
        "stop_above": 0.05,
        "within": timedelta(minutes=15),
        "life_until": NOW + 2 * HOUR,
        "facts": {"commands": 4, "over": ["much"]},
    }
    return Batch(**(plain | fields))


def claim(store: Store, at: datetime = NOW) -> set[str]:
    with store.begin() as unit:
        return {command.id for command in unit.commands.claim(100, "s", at, HOUR)}


@pytest.fixture
def held(bare: Store) -> list[str]:
    """Four commands of one batch, the first being its canary, and a fifth of none."""
    commands = [order(n) for n in range(4)]
    with bare.begin() as unit:
        assert unit.batches.put(a_batch(), [c.id for c in commands], {commands[0].id})
        unit.commands.enqueue([*commands, order(4, batch=None)])
    return [command.id for command in commands]


def test_a_batch_comes_back_as_it_was_put_and_as_it_was_saved(bare: Store) -> None:
    with bare.begin() as unit:
        assert unit.batches.put(a_batch(), ["b", "a"], {"a"})
        assert not unit.batches.put(a_batch(state=BatchState.RELEASED), ["c"], {"c"})
        assert unit.batches.get("B") == a_batch()
        assert unit.batches.get("C") is None
        decided = a_batch(state=BatchState.REFUSED, decided_at=NOW + HOUR, decided_by="bob", ended_at=NOW + HOUR)
        unit.batches.save(decided)
    with bare.read() as unit:
        assert unit.batches.get("B") == decided
        assert unit.batches.canary("B") == {"a"}


def test_batches_are_found_by_state_and_while_they_go_on(bare: Store) -> None:
    with bare.begin() as unit:
        for hour, (name, state) in enumerate({"a": BatchState.PENDING, "b": BatchState.CANARY}.items()):
            unit.batches.put(a_batch(name, state=state, made_at=NOW + hour * HOUR), [], [])
        unit.batches.put(a_batch("c", state=BatchState.RELEASED, ended_at=NOW), [], [])
        assert [batch.id for batch in unit.batches.going_on()] == ["a", "b"]
        assert [batch.id for batch in unit.batches.list()] == ["b", "a", "c"]
        assert [batch.id for batch in unit.batches.list([BatchState.PENDING])] == ["a"]


def test_what_waits_is_not_claimed_until_it_is_released(bare: Store, held: list[str]) -> None:
    assert claim(bare) == {"L-4/illuminanceLevel#1"}
    with bare.begin() as unit:
        assert unit.batches.release("B", NOW, "approved by bob", canary_only=True) == 1
    assert claim(bare) == {held[0]}
    with bare.begin() as unit:
        assert unit.batches.release("B", NOW, "the canary is verified") == 3
        assert unit.batches.release("B", NOW, "again") == 0
        assert [line.detail for line in unit.commands.history(held[1])][1:] == ["the canary is verified"]
    assert claim(bare) == set(held[1:])


def test_a_batch_is_counted_and_what_was_not_sent_is_ended(bare: Store, held: list[str]) -> None:
    with bare.begin() as unit:
        unit.batches.release("B", NOW, "go")
        unit.commands.move(held[0], CommandState.VERIFIED, NOW, "", {QUEUED})
        unit.commands.move(held[1], SENT, NOW, "", {QUEUED})
        canary, everything = unit.batches.tallies("B")
        assert dict(canary.states) == {CommandState.VERIFIED: 1}
        assert dict(everything.states) == {CommandState.VERIFIED: 1, SENT: 1, QUEUED: 2}
        assert unit.batches.end_queued("B", CANCELLED, NOW, "stopped") == 2
        assert [c.state for c in map(unit.commands.get, held) if c] == [
            CommandState.VERIFIED, SENT, CANCELLED, CANCELLED
        ]  # fmt: skip
        assert unit.commands.history(held[3])[-1].detail == "stopped"
        other = unit.commands.get("L-4/illuminanceLevel#1")
        assert other is not None
        assert other.state is QUEUED


def test_an_override_that_is_released_is_settled_again_at_once(bare: Store) -> None:
    with bare.begin() as unit:
        override, plan = order(1, renew_at=NOW + 5 * HOUR), order(2)
        unit.batches.put(a_batch(), [override.id, plan.id], [override.id])
        unit.commands.enqueue([override, plan])
        assert unit.batches.overrides("B") == [override.point]
        assert unit.batches.overrides("B", canary_only=True) == [override.point]
        assert unit.renewals.due(NOW + HOUR) == []
        unit.batches.release("B", NOW + HOUR, "go")
        assert unit.renewals.due(NOW + HOUR) == [override.point]


def test_a_newer_command_replaces_one_that_waits(bare: Store, held: list[str]) -> None:
    with bare.begin() as unit:
        unit.commands.enqueue([order(1, seq=2, batch=None)])
        assert dict(unit.batches.tallies("B")[1].states) == {QUEUED: 3, CommandState.SUPERSEDED: 1}
        assert unit.batches.release("B", NOW, "go") == 3


def deeds(store: Store, now: datetime, days: int = 1) -> dict[str, list[Deed]]:
    with store.read() as unit:
        return unit.deeds.of_last_days({f"L-{n}/illuminanceLevel": None for n in range(9)}, now, days)


def test_deeds_are_what_went_to_the_equipment(bare: Store) -> None:
    plan, boost, held_one = order(1, batch=None), order(1, seq=2, hour=10, batch=None), order(1, seq=3, hour=24)
    fresh = order(2, hour=24, batch=None)
    for command in (plan, boost, held_one, fresh):
        with bare.begin() as unit:
            unit.commands.enqueue([command])
            if command in (plan, boost):
                unit.commands.move(command.id, CommandState.VERIFIED, command.issued_at, "", {QUEUED})
    found = deeds(bare, NOW + 24 * HOUR)
    assert sorted(found) == ["L-1/illuminanceLevel"]
    assert sorted(found["L-1/illuminanceLevel"], key=lambda deed: deed.at) == [
        Deed(command.issued_at, command.program) for command in (plan, boost)
    ]


def test_a_program_of_a_whole_day_needs_nothing_older(bare: Store) -> None:
    for command in (order(1, batch=None, hour=-24), order(1, seq=2, batch=None, hour=0.1)):
        with bare.begin() as unit:
            unit.commands.enqueue([command])
            unit.commands.move(command.id, CommandState.UNVERIFIABLE, command.issued_at, "", {QUEUED})
    (only,) = deeds(bare, NOW + 24.1 * HOUR)["L-1/illuminanceLevel"]
    assert only.at == NOW + 0.1 * HOUR
    both = deeds(bare, NOW + 24.1 * HOUR, days=2)["L-1/illuminanceLevel"]
    assert sorted(deed.at for deed in both) == [NOW - 24 * HOUR, NOW + 0.1 * HOUR]
