"""Two senders at work: a hold stops their domain within two seconds, and nothing reaches what is locked out."""

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.instants import isoformat
from engine.model import CommandState, Hold, Level, Program, Scope, Slot
from engine.telemetry.raw import raw_frame
from jobs.ingest import store_raw
from jobs.settling import BLOCKED, settle_points
from tests.broker.conftest import Mosquitto
from tests.conftest import BOTH
from tests.delivery.stage import Stage, at_work
from tests.waiting import wait_for
from twin.effects import read_effects

WITHIN = timedelta(seconds=2)
SLOWLY = {"CONSIGNE_COMMANDS_PER_SECOND": "4", "CONSIGNE_SETTLE_S": "0", "CONSIGNE_JITTER_S": "0"}


@contextmanager
def at_work_on(stage: Stage) -> Iterator[None]:
    senders = [stage.sender(name) for name in ("1", "2")]
    try:
        with stage.equipment([], seed=0) as equipment:
            for process in (equipment, *senders):
                at_work(process)
            yield
    finally:
        for process in senders:
            process.kill()
            process.communicate()


def ask(stage: Stage, points: Collection[str], value: float, level: Level) -> None:
    now = datetime.now(UTC)
    program = Program.constant(value, now, now + timedelta(hours=1))
    with stage.store.begin() as unit:
        unit.slots.put([Slot(point, level, "show", program, now, "v1", "the show goes on") for point in points])
        settle_points(unit, stage.territory, points, now)


def again(stage: Stage) -> None:
    with stage.store.begin() as unit:
        settle_points(unit, stage.territory, stage.territory.points, datetime.now(UTC))


def mode_of(stage: Stage, point: str, mode: str) -> None:
    """The cabinet of a point says how it works."""
    lockout = stage.territory.points[point].lockout
    assert lockout is not None
    now = datetime.now(UTC)
    said = {"asset": lockout.watch.asset, "property": lockout.watch.property, "value": mode}
    raw = raw_frame([{**said, "observed_at": isoformat(now)}])
    store_raw(stage.store, stage.territory, raw, source="show", received_at=now, skew=timedelta(0))


def reached(stage: Stage) -> dict[str, list[tuple[datetime, float]]]:
    """Point → when which value came into action, by the gateways' own log."""
    found: dict[str, list[tuple[datetime, float]]] = {}
    for effect in read_effects(stage.effects) if stage.effects.exists() else []:
        value = effect["program"]["steps"][0][1]
        found.setdefault(effect["point"], []).append((datetime.fromisoformat(effect["at"]), value))
    return found


def with_value(stage: Stage, value: float) -> set[str]:
    return {point for point, deeds in reached(stage).items() if deeds[-1][1] == value}


@pytest.mark.mosquitto
@pytest.mark.timeout(240)
@BOTH
def test_a_hold_and_a_lock_out(tmp_path: Path, database_url: str, server: Mosquitto) -> None:
    stage = Stage(tmp_path, database_url, server.url(), "A-1..A-2", 20, life_s=300, variables=SLOWLY)
    points = sorted(stage.territory.points)
    with at_work_on(stage):
        counts = {**a_hold(stage, points), **a_lock_out(stage, points)}
    print(f"\n{database_url.partition(':')[0]}: {json.dumps(counts)}")
    stage.store.close()


def a_hold(stage: Stage, points: list[str]) -> dict[str, float]:
    ask(stage, points, 0.5, Level.DAY_AHEAD_PLAN)
    wait_for(lambda: len(reached(stage)) >= 5)
    now = datetime.now(UTC)
    with stage.store.begin() as unit:
        unit.holds.put(Hold(Scope.DOMAIN, "lighting", now, now + timedelta(hours=1), "a market", "person:ana"))
    ask(stage, points[:2], 0.9, Level.OPERATOR)  # people are not held
    wait_for(lambda: with_value(stage, 0.9) == set(points[:2]))
    time.sleep(2 * WITHIN.total_seconds())
    planned = [at for deeds in reached(stage).values() for at, value in deeds if value == 0.5]
    last = (max(planned) - now) / timedelta(seconds=1)
    assert max(planned) <= now + WITHIN
    assert len(planned) < len(points)
    with stage.store.begin() as unit:
        assert CommandState.QUEUED not in {command.state for command in unit.commands.newest(points).values()}
        unit.holds.end(Scope.DOMAIN, "lighting", datetime.now(UTC), "person:ana")
    again(stage)
    wait_for(lambda: with_value(stage, 0.5) == set(points[2:]))
    return {"before_the_hold": len(planned), "last_after_s": round(last, 2)}


def a_lock_out(stage: Stage, points: list[str]) -> dict[str, int]:
    with_hands_in = [point for point in points if stage.territory.points[point].gateway == "A-1"]
    mode_of(stage, with_hands_in[0], "manual")
    before = {point: len(deeds) for point, deeds in reached(stage).items()}
    ask(stage, points, 0.3, Level.LIFE_SAFETY_AUTOMATIC)
    free = set(points) - set(with_hands_in)
    wait_for(lambda: with_value(stage, 0.3) == free)
    assert {point: len(reached(stage)[point]) for point in with_hands_in} == {p: before[p] for p in with_hands_in}
    with stage.store.read() as unit:
        told = {alarm.detail["point"] for alarm in unit.alarms.of_rule(BLOCKED) if alarm.cleared_at is None}
    assert told == set(with_hands_in)
    mode_of(stage, with_hands_in[0], "automatic")
    again(stage)
    wait_for(lambda: with_value(stage, 0.3) == set(points))
    with stage.store.read() as unit:
        assert [alarm for alarm in unit.alarms.of_rule(BLOCKED) if alarm.cleared_at is None] == []
    return {"locked_out": len(with_hands_in), "blocked_and_told": len(told), "restored": len(with_hands_in)}
