"""Figures of the service read off the database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.model import Alarm, AlarmState, Command, CommandState, PlanRecord, PlanState, Priority, Program
from engine.store import Store
from engine.store.gauges import JobFigures, Lag, PlanFigures
from engine.store.ledger import RunReport, RunState

from .conftest import NOW

MINUTE = timedelta(minutes=1)


def test_a_cursor_is_behind_by_what_it_has_not_passed_in_each_zone(
    store: Store, lamps: dict[str, Any], put: Callable[..., Any]
) -> None:
    with store.begin() as unit:
        assert unit.gauges.lags() == {}
        unit.cursors.set("rules", unit.readings.heads())
    put(lamps["L-1"](1), lamps["L-1"](2), lamps["L-2"](3), lamps["L-3"](-4))
    with store.read() as unit:
        assert unit.gauges.lags() == {"rules": Lag(4, "A-1", 3, NOW - 4 * MINUTE)}
        fresh = unit.readings.since(unit.cursors.get("rules"), 2)
    with store.begin() as unit:
        heads = dict(fresh.select("zone", "seq").iter_rows())
        unit.cursors.set("rules", heads)
        unit.cursors.set("roll-up", {})  # leaves no row, and so follows nothing
        unit.cursors.set("other", {lamps["L-4"].zone: 0})
    with store.read() as unit:
        found = unit.gauges.lags()
        assert found["rules"].readings == 2
        assert found["other"] == Lag(4, "A-1", 3, NOW - 4 * MINUTE)
        assert "roll-up" not in found
        everything = unit.readings.heads()
    with store.begin() as unit:
        unit.cursors.set("rules", everything)
    with store.read() as unit:
        assert unit.gauges.lags()["rules"] == Lag()


def test_alarms_are_counted_by_state_and_priority(store: Store) -> None:
    alarm = Alarm("dark", "L-1", "A-1", AlarmState.UNACKNOWLEDGED, Priority.HIGH, NOW, NOW)
    with store.begin() as unit:
        unit.alarms.save(alarm)
        unit.alarms.save(replace(alarm, asset="L-2"))
        unit.alarms.save(replace(alarm, asset="L-3", state=AlarmState.SHELVED, priority=Priority.LOW))
        unit.alarms.save(replace(alarm, asset="L-4", state=AlarmState.NORMAL))
    with store.read() as unit:
        shelved, waiting = (AlarmState.SHELVED, "low"), (AlarmState.UNACKNOWLEDGED, "high")
        assert unit.gauges.alarms() == {waiting: 2, shelved: 1}


def command(number: int, at: datetime, **more: Any) -> Command:
    program = Program.constant(1.0, at, at + MINUTE)
    until = at + timedelta(days=9)
    return Command(f"c{number}", f"L-{number}/dim", "gw-1", number, program, at, until, **more)


def test_open_commands_count_however_old_and_ended_ones_for_a_while(store: Store) -> None:
    old, ended = NOW - timedelta(days=3), CommandState.EXPIRED
    with store.begin() as unit:
        unit.commands.enqueue([command(1, old), command(2, old), command(3, NOW - MINUTE), command(4, NOW)])
        for name in ("c2", "c3"):
            assert unit.commands.move(name, ended, NOW, "", [CommandState.QUEUED])
    with store.read() as unit:
        assert unit.gauges.commands(NOW - timedelta(days=1)) == {CommandState.QUEUED: 2, ended: 1}
        assert unit.gauges.commands(old) == {CommandState.QUEUED: 2, ended: 2}


def test_the_queue_is_as_old_as_what_has_been_free_to_go_for_longest(store: Store) -> None:
    with store.begin() as unit:
        assert unit.gauges.queued_since(NOW) is None
        unit.commands.enqueue([command(1, NOW, not_before=NOW + 5 * MINUTE)])
        assert unit.gauges.queued_since(NOW) is None
        assert unit.gauges.queued_since(NOW + 5 * MINUTE) == NOW + 5 * MINUTE
        unit.commands.enqueue([command(2, NOW - MINUTE, not_before=NOW - MINUTE)])
        assert unit.gauges.queued_since(NOW) == NOW - MINUTE
        unit.commands.move("c2", CommandState.CANCELLED, NOW, "", [CommandState.QUEUED])
        assert unit.gauges.queued_since(NOW) is None


def run(store: Store, job: str, due: datetime, state: RunState, late: timedelta = timedelta(0)) -> None:
    with store.begin() as unit:
        begun = unit.ledger.start(job, due.isoformat(), due_at=due, at=due + late, host="h", cause="schedule")
        if state is not RunState.STARTED:
            unit.ledger.finish(begun, RunReport(state), due + late + MINUTE)


def test_a_jobs_last_success_is_found_behind_later_failures(bare: Store) -> None:
    hour = timedelta(hours=1)
    run(bare, "plan", NOW - 3 * hour, RunState.DONE)
    run(bare, "plan", NOW - 2 * hour, RunState.DEGRADED)
    run(bare, "plan", NOW - hour, RunState.FAILED, late=2 * MINUTE)
    run(bare, "roll-up", NOW, RunState.STARTED)
    run(bare, "forgotten", NOW - timedelta(days=90), RunState.DONE)
    with bare.read() as unit:
        assert unit.gauges.jobs(NOW - timedelta(days=62)) == {
            "plan": JobFigures(NOW - 2 * hour + MINUTE, 2 * MINUTE),
            "roll-up": JobFigures(None, timedelta(0)),
        }
        assert unit.gauges.runs(NOW - 2 * hour) == {
            ("plan", RunState.DEGRADED): 1,
            ("plan", RunState.FAILED): 1,
            ("roll-up", RunState.STARTED): 1,
        }
        assert unit.gauges.jobs(NOW + hour) == {}


@pytest.mark.parametrize(
    ("objective", "bound", "gap"), [(200.0, 190.0, 0.05), (0.0, 0.0, 0.0), (200.0, float("nan"), None)]
)
def test_a_plans_gap_is_relative_and_a_proposed_one_is_not_in_force(
    bare: Store, objective: float, bound: float, gap: float | None
) -> None:
    base = PlanRecord("a", "lighting", NOW, NOW, NOW, "optimal", objective, bound, "highs", "d", {})
    with bare.begin() as unit:
        unit.plans.save(base, b"")
        unit.plans.save(replace(base, id="older", made_at=NOW - MINUTE, objective=1.0, bound=0.0), b"")
        unit.plans.save(replace(base, id="new", made_at=NOW + MINUTE, state=PlanState.PROPOSED), b"")
    with bare.read() as unit:
        assert unit.gauges.plans() == {"lighting": PlanFigures(NOW, gap)}


def test_unsealed_lines_of_the_audit_are_counted_until_the_seal(bare: Store) -> None:
    with bare.begin() as unit:
        before = unit.gauges.unsealed()
        unit.audit.append("a", "b", "c", {}, NOW)
        assert unit.gauges.unsealed() == before + 1
    bare.seal()
    with bare.read() as unit:
        assert unit.gauges.unsealed() == 0
