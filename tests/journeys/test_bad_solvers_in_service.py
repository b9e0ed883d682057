"""Show 3 from the outside: `consigne serve` plans with solvers that hang, eat memory and segfault, and stays ready."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.broker.conftest import Mosquitto

from .conftest import CONSIGNE, ROOT, Run, environment

pytestmark = [pytest.mark.soak, pytest.mark.mosquitto]

# The seed of the schedule entry says which solver is asked; it misbehaves in the workers, where solvers run.
SOLVERS = """
import ctypes, time
import numpy as np
from optimizers import lighting

def eat():
    kept = []
    while True:
        kept.append(np.ones(4 << 20))
        time.sleep(0.01)

sound = lighting.solve
bad = {1: lambda: ctypes.PyDLL(None).sleep(3600), 2: eat, 3: lambda: ctypes.string_at(0)}
lighting.solve = lambda problem, limits=None: bad.get(limits.seed, lambda: sound(problem, limits))()
"""
SCHEDULE = """
schedules:
  sound: {job: plan-lighting, every: 1 min}
  hangs: {job: plan-lighting, after: sound, time_limit: 3 s, arguments: {seed: 1}}
  eats: {job: plan-lighting, after: hangs, memory_limit: 500 MB, arguments: {seed: 2}}
  segfaults: {job: plan-lighting, after: eats, arguments: {seed: 3}}
"""


def test_a_service_whose_solvers_hang_eat_memory_and_segfault_stays_ready(
    consigne: Run, tmp_path: Path, mosquitto: str, free_port: Callable[[], int]
) -> None:
    for words in (("db", "upgrade"), ("territory", "import", ROOT / "datasets" / "sample")):
        assert consigne(*words).returncode == 0
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "sitecustomize.py").write_text(SOLVERS)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    (tmp_path / "rules" / "schedules.yaml").write_text(SCHEDULE)
    broker, port = Mosquitto(mosquitto, tmp_path, free_port()), free_port()
    broker.start()
    variables = {
        "CONSIGNE_BROKER_URL": broker.url(), "CONSIGNE_METRICS_PORT": str(port), "PYTHONPATH": str(tmp_path / "bad"),
        "CONSIGNE_RULES_DIR": str(tmp_path / "rules"), "CONSIGNE_COMPUTE": "processes", "CONSIGNE_WORKERS": "1",
    }  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        service = subprocess.Popen([str(CONSIGNE), "serve"], cwd=tmp_path, env=environment(**variables), stderr=log)
    try:
        runs, unready, looks = _watch(consigne, port)
        alarms = json.loads(consigne("alarm", "list", "--json").stdout)
    finally:
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0
        broker.stop()
    for name, run in runs.items():
        print(f"\n{name}: {run['state']}, {run['counts'].get('origin')}; {run['error'] or 'well'}", end="")
    print(f"\nready at {looks - unready} of {looks} looks; alarms: {[alarm['rule'] for alarm in alarms]}")
    assert [run["state"] for run in runs.values()] == ["done", "degraded", "degraded", "degraded"]
    for name, fault in (("hangs", "timed_out"), ("eats", "out_of_memory"), ("segfaults", "crashed")):
        assert runs[name]["error"].startswith(f"solve: {fault}: ")
        assert runs[name]["counts"]["origin"] == "shifted"
    assert "plan-fallback" in [alarm["rule"] for alarm in alarms]
    assert unready == 0


def _watch(consigne: Run, port: int) -> tuple[dict[str, dict], int, int]:
    """The ledger once all four have run; how often the service was not ready after it first was, of how many looks."""
    names = ("sound", "hangs", "eats", "segfaults")
    unready, looks, deadline = 0, 0, time.monotonic() + 240
    while time.monotonic() < deadline:
        time.sleep(0.5)
        try:
            ready = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=20).status_code == 200
        except httpx.TransportError:
            ready = False
        looks += bool(looks or ready)
        unready += bool(looks and not ready)
        lines = json.loads(consigne("schedule", "runs", "--json", CONSIGNE_RULES_DIR="rules").stdout or "[]")
        found = {line["entry"]: line for line in lines if line["state"] in {"done", "degraded", "failed", "timed_out"}}
        if set(names) <= set(found):
            return {name: found[name] for name in names}, unready, looks
    raise AssertionError(f"not all have run: {found}")
