"""Senders are killed at random, the gateways drop, double, delay and brown out: by their own log nothing is lost, late
or done twice, and every point ends on its newest value."""

import json
import random
import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.instants import to_us
from engine.model import Command, CommandState
from engine.setpoints.desk import RULE
from engine.store import schema
from tests.broker.conftest import Mosquitto
from tests.conftest import BOTH
from tests.delivery.stage import Stage, at_work
from tests.waiting import PATIENCE_S
from twin.effects import read_effects
from twin.gateway.faults import Fault, Kind

SENDERS = 3
SKEW_S = 2.0
ENDED_UNAPPLIED = {CommandState.EXPIRED, CommandState.REJECTED, CommandState.FAILED, CommandState.CANCELLED}


@dataclass(frozen=True)
class Length:
    """How much of the show. A kill comes within `every_s` of what it follows."""

    points_per: int
    versions: int
    kills: int
    every_s: float
    life_s: float
    brown_outs: float


SHORT = Length(points_per=3, versions=5, kills=4, every_s=0.5, life_s=5.0, brown_outs=0.015)
FULL = Length(points_per=15, versions=10, kills=20, every_s=1.0, life_s=15.0, brown_outs=0.004)


def faults(length: Length) -> list[Fault]:
    return [
        Fault(Kind.DROP, 0.10),
        Fault(Kind.DUPLICATE, 0.05),
        Fault(Kind.DELAY, 0.05, seconds=length.life_s + SKEW_S + 1),
        Fault(Kind.BROWN_OUT, length.brown_outs, seconds=2),
        Fault(Kind.SKEW, seconds=SKEW_S, on=("A-1", "A-2")),
        Fault(Kind.SKEW, seconds=-SKEW_S, on=("A-3", "A-4")),
    ]


@dataclass
class Senders:
    """Processes under fixed names, each started again at once when it is killed."""

    stage: Stage
    running: dict[str, "subprocess.Popen[str]"] = field(default_factory=dict)
    killed: int = 0

    @contextmanager
    def __call__(self) -> "Iterator[Senders]":
        try:
            for number in range(SENDERS):
                self.running[str(number)] = self.stage.sender(str(number))
            for process in self.running.values():
                at_work(process)
            yield self
        finally:
            for process in self.running.values():
                process.kill()
                process.communicate()

    def kill(self, name: str) -> None:
        process = self.running[name]
        assert process.poll() is None, f"sender {name} ended by itself with {process.returncode}"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.killed += 1
        self.running[name] = self.stage.sender(name)


def play(stage: Stage, length: Length, seed: int) -> dict[str, Any]:
    """Returns what struck, and how many commands were made: for the versions wanted, and again for what was lost."""
    rng = random.Random(seed)
    points = sorted(stage.territory.points)
    senders = Senders(stage)
    with stage.equipment(faults(length), seed) as equipment, senders():
        at_work(equipment)  # whose log is the witness: it must live to the end
        made = 0
        for kills in shared_out(length, rng):
            made += stage.want(points, rng)
            for _ in range(kills):
                time.sleep(rng.uniform(0.0, length.every_s))
                senders.kill(rng.choice(sorted(senders.running)))
            wait_for_half(stage, patience_s=3 * length.life_s)
        again = settle_down(stage, patience_s=90.0)
        equipment.send_signal(signal.SIGTERM)
        told, _ = equipment.communicate(timeout=PATIENCE_S)
        assert equipment.returncode == 0
    return {"killed": senders.killed, "wanted": made, "again": again, **json.loads(told.splitlines()[-1])}


def shared_out(length: Length, rng: random.Random) -> list[int]:
    """How many kills follow on each version."""
    after = Counter(rng.randrange(length.versions) for _ in range(length.kills))
    return [after[version] for version in range(length.versions)]


def wait_for_half(stage: Stage, patience_s: float) -> None:
    """Until half of the points are on what was wanted last, so that the next version meets the others under way."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        done = sum(command.state is CommandState.VERIFIED for command in stage.newest().values())
        if done >= len(stage.wanted) / 2:
            return
        time.sleep(0.05)


def settle_down(stage: Stage, patience_s: float) -> int:
    """As the service does once a second: ask again for what came to nothing, until every newest one is in action."""
    again, deadline = 0, time.monotonic() + patience_s
    while True:
        again += stage.want_again()
        verified = all(command.state is CommandState.VERIFIED for command in stage.newest().values())
        open_ = Counter(command.state.value for command in stage.commands() if not command.state.terminal)
        if verified and not open_:
            return again
        assert time.monotonic() < deadline, f"still under way: {dict(open_)}"
        time.sleep(0.5)


def audit(stage: Stage) -> dict[str, Any]:
    """Commands, by the equipment's own log and by what operators were told."""
    commands = stage.commands()
    by_id = {command.id: command for command in commands}
    effects = read_effects(stage.effects)
    times = Counter(effect["id"] for effect in effects)
    of_point: defaultdict[str, list[Command]] = defaultdict(list)
    for command in commands:
        of_point[command.point].append(command)
    told = _told(stage)
    fate = Counter(_fate(command, times, of_point[command.point], told) for command in commands)
    last = {effect["point"]: effect for effect in effects}
    return {
        "commands": len(commands),
        "states": dict(Counter(command.state.value for command in commands)),
        "fate": dict(fate),
        "effects": len(effects),
        "unknown_effects": sum(effect["id"] not in by_id for effect in effects),
        "second_effects": sum(count - 1 for count in times.values()),
        "backward_effects": _backward(effects),
        "late_s": max((_seconds_late(effect) for effect in effects), default=0.0),
        "off_value": sum(last[p]["program"]["steps"][0][1] != value for p, value in stage.wanted.items() if p in last),
        "never_told": len(stage.wanted.keys() - last.keys()),
    }


def _fate(command: Command, times: Mapping[str, int], siblings: list[Command], told: Mapping[str, list[Any]]) -> str:
    """What became of a command; "lost" where it is neither in action nor replaced by then nor told to operators."""
    ended_at = command.changed_at
    if not command.state.terminal or ended_at is None:
        return "open"
    if times[command.id]:
        return "in action" if command.state not in ENDED_UNAPPLIED else "in action, and told to be unsure"
    if command.state is CommandState.VERIFIED:
        return "verified without effect"
    if any(other.seq > command.seq and other.issued_at <= ended_at for other in siblings):
        return "replaced before it was in action"
    ended_us = to_us(ended_at)
    spans = told[command.point.rsplit("/", 1)[0]] if command.state in ENDED_UNAPPLIED else []
    covered = any(raised <= ended_us and (cleared is None or cleared >= ended_us) for raised, cleared in spans)
    return "not applied, and told" if covered else "lost"


def _told(stage: Stage) -> defaultdict[str, list[Any]]:
    """When the alarm stood, by asset."""
    spans: defaultdict[str, list[Any]] = defaultdict(list)
    table = schema.alarm.c
    with stage.store.read() as unit:
        connection = unit.alarms._bulk.connection  # the test looks at the table itself
        rows = connection.execute(select(table.asset, table.raised_at, table.cleared_at).where(table.rule == RULE))
        for asset, raised, cleared in rows:
            spans[asset].append((raised, cleared))
    return spans


def _backward(effects: list[dict[str, Any]]) -> int:
    """Effects of a sequence that is not greater than the one before."""
    seen: dict[str, int] = {}
    count = 0
    for effect in effects:
        count += effect["seq"] <= seen.get(effect["point"], 0)
        seen[effect["point"]] = effect["seq"]
    return count


def _seconds_late(effect: Mapping[str, Any]) -> float:
    late = datetime.fromisoformat(effect["at"]) - datetime.fromisoformat(effect["expires_at"])
    return max(late / timedelta(seconds=1), 0.0)


@pytest.mark.mosquitto
@pytest.mark.timeout(300)
@BOTH
def test_four_kills_of_three_senders(tmp_path: Path, database_url: str, server: Mosquitto) -> None:
    show(tmp_path, database_url, server.url(), SHORT, seed=1)


@pytest.mark.soak
@pytest.mark.mosquitto
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2))
@BOTH
def test_twenty_kills_of_three_senders(tmp_path: Path, database_url: str, server: Mosquitto, seed: int) -> None:
    show(tmp_path, database_url, server.url(), FULL, seed)


def show(folder: Path, database_url: str, broker_url: str, length: Length, seed: int) -> None:
    waits = {"CONSIGNE_ACK_WITHIN_S": "0.8", "CONSIGNE_LEASE_S": "2", "CONSIGNE_GRACE_S": "2", "CONSIGNE_SETTLE_S": "0"}
    waits["CONSIGNE_LEAD_S"] = "1.5"  # so that one killed is soon replaced, on PostgreSQL too
    stage = Stage(folder, database_url, broker_url, "A-1..A-20", length.points_per, length.life_s, variables=waits)
    played = play(stage, length, seed)
    found = audit(stage)
    print(f"\n{database_url.partition(':')[0]}, seed {seed}: {json.dumps(played)}\n  {json.dumps(found)}")
    stage.store.close()
    assert played["killed"] == length.kills
    assert played["wanted"] == 20 * length.points_per * length.versions
    made_safe = found["commands"] - played["wanted"] - played["again"]  # by dispatch, after one that failed
    assert 0 <= made_safe <= found["states"].get("failed", 0)
    assert min(played["struck"].get(kind, 0) for kind in (Kind.DROP, Kind.DUPLICATE, Kind.DELAY, Kind.BROWN_OUT)) > 0
    assert {fate: n for fate, n in found["fate"].items() if fate in {"lost", "open", "verified without effect"}} == {}
    assert found["late_s"] <= SKEW_S
    nothing = ("unknown_effects", "second_effects", "backward_effects", "off_value", "never_told")
    assert {name: found[name] for name in nothing} == dict.fromkeys(nothing, 0)
