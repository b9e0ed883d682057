"""Killed at random during evaluation: timers, alarms, setpoints and work orders as if it had never been killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from engine.store import Store, schema
from tests.wiring.rules_at_work import play, prepare

ROOT = Path(__file__).resolve().parents[2]


def begin(folder: Path, seed: int) -> subprocess.Popen[str]:
    """The process, once it is at work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.wiring.rules_at_work", str(folder), str(seed)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def play_with_kills(folder: Path, seed: int, kills: int, rng: random.Random) -> int:
    """Kill it `kills` times, or as often as it lives long enough, then let it come to its end."""
    killed = 0
    while killed < kills:
        with begin(folder, seed) as process:
            time.sleep(rng.uniform(0.0, 0.4))
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
    with begin(folder, seed) as process:
        assert process.wait(timeout=120) == 0
    return killed


def remembered(store: Store) -> dict[str, Any]:
    """All that rules leave behind: alarms with their histories, slots, commands, work orders, edges."""
    with store.read() as unit:
        connection = unit.alarms._bulk.connection  # the test looks at the tables themselves
        tables = (schema.alarm, schema.alarm_event, schema.slot, schema.work_order)
        rows = {table.name: connection.execute(select(table)).all() for table in tables}
        decided = connection.execute(select(schema.audit.c.body).where(schema.audit.c.actor == "rules")).scalars()
        edges = [tuple(edge) for body in decided for edge in _body(body)["edges"]]
        commands = connection.execute(select(schema.command.c.point, schema.command.c.seq)).all()
        state = unit.state.get("rules")
    return {**{name: sorted(map(str, found)) for name, found in rows.items()}, "edges": edges,
            "commands": sorted(map(str, commands)), "state": state}  # fmt: skip


def _body(body: Any) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(body) if isinstance(body, str | bytes) else body
    return found


@pytest.mark.parametrize(
    ("kills", "seeds"),
    [(4, [7]), pytest.param(100, list(range(100, 120)), marks=[pytest.mark.soak, pytest.mark.timeout(3_600)])],
)
def test_killed_at_random_it_ends_as_if_never_killed(kills: int, seeds: list[int], tmp_path: Path) -> None:
    rng, done, edges = random.Random(1), 0, 0
    for seed in seeds:
        for name in ("killed", "quiet"):
            (tmp_path / f"{name}-{seed}").mkdir()
        killed, quiet = (prepare(tmp_path / f"{name}-{seed}") for name in ("killed", "quiet"))
        play(quiet, tmp_path / f"quiet-{seed}", seed)
        done += play_with_kills(tmp_path / f"killed-{seed}", seed, min(kills - done, 6), rng)
        expected = remembered(quiet)
        assert remembered(killed) == expected
        edges += len(expected["edges"])
        if done == kills:
            break
    print(f"\n{done} kills, {edges} edges: nothing lost, nothing twice")
    assert done == kills
    assert edges > 20
