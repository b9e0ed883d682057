"""The service is killed at random points of the night; field, broker and lamps live on and keep their own log."""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.model import CommandState
from engine.store import Store
from tests.waiting import PATIENCE_S

from .conftest import CONSIGNE, Run, effects_of, environment


def start(folder: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(CONSIGNE), "demo", "--folder", str(folder), "--json", *words],
        env=environment(**variables),
        cwd=folder.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def play_with_kills(folder: Path, kills: int, seed: int, **variables: str) -> dict[str, Any]:
    """Kill the service `kills` times, each time once it has worked for a random while, then let it finish."""
    rng = np.random.default_rng(seed)
    process = start(folder, **variables)
    deadline = time.monotonic() + PATIENCE_S
    while not (folder / "demo.json").exists():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.05)
    killed = 0
    try:
        while killed < kills:
            time.sleep(float(rng.uniform(0.3, 3.0)))
            assert process.poll() is None, f"the night was over after {killed} kills"
            process.kill()
            process.communicate()
            killed += 1
            process = start(folder, "--attach", **variables)
        out, err = process.communicate(timeout=400)
        assert process.returncode == 0, err
    finally:
        process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(json.loads((folder / "demo.json").read_text())["field_pid"], signal.SIGTERM)
    outcome: dict[str, Any] = json.loads(out)
    return outcome


def check_nothing_lost_nothing_twice(folder: Path, outcome: dict[str, Any], quiet_night: dict[str, Any]) -> None:
    effects = effects_of(folder)
    applied = [(effect["point"], effect["seq"]) for effect in effects]
    assert len(applied) == len(set(applied)), "a command was applied twice"
    database = json.loads((folder / "demo.json").read_text())["database_url"]
    with Store.open(database).read() as unit:
        commands = {command.id: command for command in unit.commands.in_states(list(CommandState))}
    assert {effect["id"] for effect in effects} <= set(commands), "an effect nobody ordered"
    assert all(command.state.terminal for command in commands.values())
    verified = {(c.point, c.seq) for c in commands.values() if c.state is CommandState.VERIFIED}
    assert verified <= set(applied), "verified but never applied"
    assert outcome["stored"] == quiet_night["stored"], "readings were lost"
    assert but_duplicates(outcome) == but_duplicates(quiet_night)
    assert outcome["unexplained"] == 0


def but_duplicates(outcome: dict[str, Any]) -> dict[str, int]:
    """Refusals other than of what came twice: the field says everything again while nobody answers it."""
    return {reason: count for reason, count in outcome["refused"].items() if reason != "duplicate"}


@pytest.fixture(scope="module")
def quiet_night(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same night, nobody killed."""
    process = start(tmp_path_factory.mktemp("quiet") / "night")
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    outcome: dict[str, Any] = json.loads(out)
    return outcome


@pytest.mark.timeout(600)
def test_killed_three_times(tmp_path: Path, quiet_night: dict[str, Any]) -> None:
    outcome = play_with_kills(tmp_path / "night", kills=3, seed=1)
    check_nothing_lost_nothing_twice(tmp_path / "night", outcome, quiet_night)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
def test_killed_ten_times(tmp_path: Path, quiet_night: dict[str, Any], seed: int) -> None:
    outcome = play_with_kills(tmp_path / "night", kills=10, seed=seed)
    check_nothing_lost_nothing_twice(tmp_path / "night", outcome, quiet_night)
    print(
        f"\nseed {seed}: killed 10 times; {json.dumps(outcome['commands'])}; refused {json.dumps(outcome['refused'])}"
    )


def test_attaching_to_nothing_says_so(consigne: Run) -> None:
    done = consigne("demo", "--folder", "nothing", "--attach")
    assert done.returncode == 2
    assert "holds no demo" in done.stderr


@pytest.mark.soak
@pytest.mark.postgres
@pytest.mark.mosquitto
@pytest.mark.timeout(900)
def test_killed_ten_times_on_postgresql_and_mosquitto(
    tmp_path: Path, quiet_night: dict[str, Any], postgres_url: str, shipped_mosquitto: str
) -> None:
    services = {"CONSIGNE_DATABASE_URL": postgres_url, "CONSIGNE_BROKER_URL": shipped_mosquitto}
    outcome = play_with_kills(tmp_path / "night", kills=10, seed=7, **services)
    check_nothing_lost_nothing_twice(tmp_path / "night", outcome, quiet_night)
    print(f"\nPostgreSQL, Mosquitto: killed 10 times; {json.dumps(outcome['commands'])}")
