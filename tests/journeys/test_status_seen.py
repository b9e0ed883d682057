"""What an operator's monitoring sees of a service that runs: ready, the broker away, ready again; and its log."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.broker.conftest import Mosquitto
from tests.waiting import wait_for

from .conftest import CONSIGNE, ROOT, Run, environment

pytestmark = pytest.mark.mosquitto


class Watched:
    """A service that runs, as seen from outside."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"

    def ask(self, path: str) -> httpx.Response:
        return httpx.get(f"{self._base}/{path}", timeout=20)

    def answers(self) -> bool:
        try:
            self.ask("livez")
        except httpx.TransportError:
            return False
        return True

    def parts(self) -> dict[str, dict[str, Any]]:
        return {part["name"]: part for part in self.ask("readyz").json()["parts"]}

    def ready(self) -> bool:
        return self.ask("readyz").status_code == 200

    def sample(self, name: str, **labels: str) -> float | None:
        for family in text_string_to_metric_families(self.ask("metrics").text):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        return None


@pytest.fixture
def broker(
    mosquitto: str, tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Mosquitto]:
    broker = Mosquitto(mosquitto, tmp_path_factory.mktemp("mosquitto"), free_port())
    yield broker
    broker.stop()


@pytest.fixture
def watched(consigne: Run, tmp_path: Path, broker: Mosquitto, free_port: Callable[[], int]) -> Iterator[Watched]:
    """`consigne serve` on the sample territory, begun before its broker is."""
    port = free_port()
    variables = {
        "CONSIGNE_BROKER_URL": broker.url(), "CONSIGNE_METRICS_PORT": str(port), "CONSIGNE_READY_S": "12",
        "CONSIGNE_RULES_RELOAD_S": "0", "CONSIGNE_COMPUTE": "inline",
    }  # fmt: skip
    for words in (("db", "upgrade"), ("territory", "import", ROOT / "datasets" / "sample")):
        assert consigne(*words).returncode == 0
    with (tmp_path / "log").open("wb") as log:
        service = subprocess.Popen([str(CONSIGNE), "serve"], cwd=tmp_path, env=environment(**variables), stderr=log)
    watched = Watched(port)
    try:
        wait_for(watched.answers)
        yield watched
    finally:
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0


def test_a_service_says_what_is_away_and_when_it_is_back(
    watched: Watched, broker: Mosquitto, consigne: Run, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    assert not watched.ready()  # it waits for its broker, and is alive
    assert watched.ask("livez").status_code == 200
    broker.start()
    wait_for(watched.ready)
    wait_for(lambda: {part["state"] for part in watched.parts().values()} == {"ok"})  # messages to people 2 s later

    broker.stop()
    wait_for(lambda: not watched.ready())
    parts = watched.parts()
    assert parts["broker"]["state"] == "down"
    assert f"127.0.0.1:{broker.port}" in parts["broker"]["what"]
    assert parts["broker"]["age_s"] > parts["broker"]["bound_s"] == 12
    assert (parts["cycle"]["state"], parts["database"]["state"]) == ("ok", "ok")  # rules go on
    assert watched.ask("livez").status_code == 200
    broker.start()
    wait_for(watched.ready)

    reading = {"asset": "T-49028-0001", "property": "intensity", "value": 120}
    lines = [reading | {"observed_at": datetime.now(UTC).isoformat()}, reading | {"value": -4, "observed_at": "never"}]
    (tmp_path / "two.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert consigne("ingest", "two.jsonl").returncode == 0  # by another process: the database tells of it
    wait_for(lambda: watched.sample("consigne_cursor_behind_readings", cursor="rules") == 0)
    assert watched.sample("consigne_database_up") == 1
    assert watched.sample("consigne_lease_held", role="rules", lease="rules") == 1
    assert (watched.sample("consigne_cycle_seconds_count") or 0) > 1
    assert (watched.sample("consigne_part_success_age_seconds", part="schedule") or 99) < 12

    a_console_shows_the_whole_service(tmp_path, free_port())
    log = (tmp_path / "log").read_text()
    assert [line for line in log.splitlines() if "event" not in json.loads(line)] == []
    assert "secret of" not in log and "secret%20of" not in log


def a_console_shows_the_whole_service(folder: Path, port: int) -> None:
    """From a process of its own, which has no work and takes no lease."""
    variables = environment(CONSIGNE_METRICS_PORT=str(port))
    words = [str(CONSIGNE), "serve", "--roles", "console"]
    with subprocess.Popen(words, cwd=folder, env=variables, stderr=subprocess.DEVNULL) as process:
        console = Watched(port)
        try:
            wait_for(console.answers)
            parts = console.parts()
            assert console.ready()
            leases = {f"lease {role}" for role in ("ingest", "rules", "plan", "dispatch")}
            assert parts.keys() == {"database", "jobs", "queue", *leases}
            assert "leads under fence" in parts["lease rules"]["what"]
            assert console.sample("consigne_lease_held", role="rules", lease="rules") == 0
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
