"""`consigne serve` as an operator has it: several side by side, paused, told to stop, sharing roles, on one file."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.broker import Broker
from engine.instants import isoformat
from engine.wire import TELEMETRY, topic
from tests.broker.conftest import Mosquitto, wait_for
from tests.journeys.conftest import CONSIGNE, environment
from tests.leading.house import LAMP, House, go_on, pause


def command(house: House, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(CONSIGNE), *words], cwd=house.folder, env=environment(**house.variables), capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.postgres
@pytest.mark.mosquitto
@pytest.mark.timeout(300)
def test_a_leader_that_was_paused_writes_nothing_more_and_stands_by(
    tmp_path: Path, postgres_url: str, server: Mosquitto
) -> None:
    with House(tmp_path, postgres_url, server.url()) as house:
        first, second = house.serve(), house.serve()
        paused = house.wait_for_leader()
        other = first if paused is second else second
        wait_for(house.committed, 60.0)
        pause(paused)
        assert house.wait_for_leader(past=1) is other
        lease = house.leases()["plan"]
        go_on(paused)
        wait_for(lambda: sum(line["event"] == "lost the lead" for line in house.log()) == 1, 60.0)
        before = len(house.committed())
        wait_for(lambda: len(house.committed()) > before + 1, 60.0)
        assert paused.poll() is None
        late = [one for one in house.attempts() if one.fence < lease.fence and one.started_at > lease.taken_at]
        assert late == []
        assert set(house.committed().values()) == {1}

        assert house.stop(other) == [0]
        released = house.leases()["plan"]
        assert house.wait_for_leader(past=lease.fence) is paused, "it stood by and leads again"
        assert released.fence == lease.fence
        assert house.stop(paused) == [0]
        assert set(house.committed().values()) == {1}


@pytest.mark.postgres
@pytest.mark.mosquitto
@pytest.mark.timeout(300)
def test_who_is_told_to_stop_hands_over_long_before_its_lease_runs_out(
    tmp_path: Path, postgres_url: str, server: Mosquitto
) -> None:
    with House(tmp_path, postgres_url, server.url(), CONSIGNE_LEAD_S="300") as house:
        house.serve(), house.serve()
        leading = house.wait_for_leader()
        wait_for(house.ready, 60.0)
        assert house.stop(leading) == [0]
        assert house.wait_for_leader(past=1) is not leading
        assert house.stop(*house.running) == [0]


@pytest.mark.mosquitto
@pytest.mark.timeout(300)
def test_roles_shared_out_over_one_sqlite_file(tmp_path: Path, server: Mosquitto) -> None:
    with House(tmp_path, f"sqlite:///{tmp_path / 'consigne.db'}", server.url(), CONSIGNE_LEAD_S="300") as house:
        ears, rest = house.serve("--roles", "ingest"), house.serve("--roles", "rules,plan,dispatch,console")
        assert house.wait_for_leader("ingest") is ears
        assert house.wait_for_leader("rules") is rest
        wait_for(house.committed, 60.0)

        second = command(house, "serve", "--roles", "plan,ingest")
        assert second.returncode == 2
        assert f"process {ears.pid} serves" in second.stderr or f"process {rest.pid} serves" in second.stderr
        assert command(house, "serve", "--roles", "plans").returncode == 2

        line = Broker(server.url(), "gw")
        line.connect()
        reading = {"asset": LAMP, "property": "status", "value": "defectiveLamp"}
        line.publish(
            topic("A-1", TELEMETRY),
            json.dumps({"observed_at": isoformat(datetime.now(UTC)), "readings": [reading]}).encode(),
        )
        line.flush()
        line.close()
        wait_for(lambda: _alarms(house), 60.0)  # rules in another process than ingest notice what came

        ears.kill()  # it leaves a lease of 300 s, and a lock that dies with it
        ears.communicate()
        house.running.remove(ears)
        again = house.serve("--roles", "ingest")
        assert house.wait_for_leader("ingest", past=1) is again
        found = json.loads(command(house, "doctor", "--quick", "--json").stdout)
        (said,) = [finding["what"] for finding in found if finding["name"] == "leaders"]
        assert str(again.pid) in said
        assert house.stop(again, rest) == [0, 0]


def _alarms(house: House) -> int:
    with house.store.read() as unit:
        return len(unit.alarms.active())


@pytest.mark.mosquitto
@pytest.mark.timeout(300)
def test_one_occurrence_by_hand_beside_the_service(tmp_path: Path, server: Mosquitto) -> None:
    """It works under no lease: of it and the schedule, one commits an occurrence."""
    with House(tmp_path, f"sqlite:///{tmp_path / 'consigne.db'}", server.url()) as house:
        house.serve("--roles", "plan")
        wait_for(house.committed, 60.0)
        at = isoformat(datetime.now(UTC))
        done = [command(house, "run", "roll-up-00", "--at", at, "--json") for _ in range(2)]
        assert [one.returncode for one in done] == [0, 0], done[0].stderr
        assert [json.loads(one.stdout)["done_before"] for one in done][1] is True
        assert set(house.committed().values()) == {1}
        assert house.stop(*house.running) == [0]
