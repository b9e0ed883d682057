"""`consigne serve` as an operator has it: several side by side, paused, told to stop, sharing roles, on one file."""

import contextlib
import json
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.broker import Broker
from engine.catalogue import load_catalogue
from engine.errors import Conflict
from engine.instants import isoformat
from engine.settings import Settings, load_settings
from engine.store.ledger import RunState
from engine.wire import TELEMETRY, topic
from jobs.bootstrap import WallClock, read_territory
from jobs.doctor import _leaders
from jobs.schedules import schedule_of
from jobs.schedules.running import run_entry
from jobs.table import JobContext
from tests.broker.conftest import Mosquitto
from tests.journeys.conftest import CONSIGNE, environment
from tests.leading.house import CATALOGUE, LAMP, House, go_on, pause
from tests.leading.relay import Relay
from tests.waiting import wait_for


def chosen(house: House) -> Settings:
    """The settings of its processes."""
    return load_settings(**{name.removeprefix("CONSIGNE_").lower(): value for name, value in house.variables.items()})


def command(house: House, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(CONSIGNE), *words], cwd=house.folder, env=environment(**house.variables), capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.postgres
@pytest.mark.mosquitto
@pytest.mark.timeout(300)
def test_a_leader_that_was_paused_writes_nothing_more_and_stands_by_until_the_other_has_left(
    tmp_path: Path, postgres_url: str, server: Mosquitto
) -> None:
    with House(tmp_path, postgres_url, server.url()) as house:
        house.serve(CONSIGNE_LEAD_S="6")  # so that it does not lose the lead before it is paused
        paused = house.wait_for_leader()
        wait_for(house.committed)
        other = house.serve(CONSIGNE_LEAD_S="300")
        wait_for(house.ready)
        fence = house.leases()["plan"].fence
        pause(paused)
        assert house.wait_for_leader(past=fence) is other
        lease = house.leases()["plan"]
        go_on(paused)
        lost = f"{other.pid}:"  # of whom it hears when it has woken up
        wait_for(lambda: any(line["event"] == "standing by" and lost in line["why"] for line in house.log()))
        before = len(house.committed())
        wait_for(lambda: len(house.committed()) > before + 1)
        assert paused.poll() is None
        late = [one for one in house.attempts() if one.fence < lease.fence and one.started_at > lease.taken_at]
        assert late == []
        assert set(house.committed().values()) == {1}

        assert house.stop(other) == [0]
        assert house.wait_for_leader(past=lease.fence) is paused, "it stood by, and 300 s are not waited for"
        assert house.stop(paused) == [0]
        assert set(house.committed().values()) == {1}


@pytest.mark.postgres
@pytest.mark.timeout(300)
def test_a_database_that_goes_and_comes_back_costs_the_lead_and_no_occurrence(
    tmp_path: Path, postgres_url: str
) -> None:  # fmt: skip
    with Relay(postgres_url) as relay, House(tmp_path, postgres_url, "mqtt://127.0.0.1:1") as house:
        only = house.serve("--roles", "plan", CONSIGNE_DATABASE_URL=relay.url)
        wait_for(house.committed)
        fence = house.leases()["plan"].fence
        relay.cut()
        wait_for(lambda: any(line["event"] == "lost the lead" for line in house.log()))
        away = datetime.now(UTC)
        relay.mend()
        assert house.wait_for_leader(past=fence) is only, "it did not end"
        wanted = house.expected(away)
        wait_for(lambda: wanted <= house.committed().keys())
        assert set(house.committed().values()) == {1}
        assert house.stop(only) == [0]


@pytest.mark.mosquitto
@pytest.mark.timeout(300)
def test_roles_shared_out_over_one_sqlite_file(tmp_path: Path, server: Mosquitto) -> None:
    with House(tmp_path, f"sqlite:///{tmp_path / 'consigne.db'}", server.url(), CONSIGNE_LEAD_S="300") as house:
        ears, rest = house.serve("--roles", "ingest"), house.serve("--roles", "rules,plan,dispatch,console")
        assert house.wait_for_leader("ingest") is ears
        assert house.wait_for_leader("rules") is rest
        wait_for(house.committed)

        second = command(house, "serve", "--roles", "plan,ingest")
        assert second.returncode == 2
        assert f"process {ears.pid} serves" in second.stderr or f"process {rest.pid} serves" in second.stderr

        line = Broker(server.url(), "gw")
        line.connect()
        reading = {"asset": LAMP, "property": "status", "value": "defectiveLamp"}
        line.publish(
            topic("A-1", TELEMETRY),
            json.dumps({"observed_at": isoformat(datetime.now(UTC)), "readings": [reading]}).encode(),
        )
        line.flush()
        line.close()
        wait_for(lambda: _alarms(house))  # rules in another process than ingest notice what came

        ears.kill()  # it leaves a lease of 300 s, and a lock that dies with it
        ears.communicate()
        house.running.remove(ears)
        again = house.serve("--roles", "ingest")
        assert house.wait_for_leader("ingest", past=1) is again
        assert (told := _leaders(chosen(house), datetime.now(UTC))).state == "ok"
        assert f":{again.pid}:" in told.what
        assert f":{rest.pid}:" in told.what
        assert house.stop(again) == [0]
        told = _leaders(chosen(house), datetime.now(UTC))
        assert (told.state, "nobody leads ingest" in told.what) == ("degraded", True)
        assert house.stop(rest) == [0]
        assert "nobody serves this database now" in _leaders(chosen(house), datetime.now(UTC)).what


def _alarms(house: House) -> int:
    with house.store.read() as unit:
        return len(unit.alarms.active())


@pytest.mark.mosquitto
@pytest.mark.timeout(300)
def test_occurrences_by_hand_beside_the_service_are_committed_once(tmp_path: Path, server: Mosquitto) -> None:
    """`consigne run` works under no lease: of it and the schedule, one commits each occurrence."""
    with House(tmp_path, f"sqlite:///{tmp_path / 'consigne.db'}", server.url()) as house:
        house.serve("--roles", "plan")
        wait_for(house.committed)
        context = JobContext(
            chosen(house), house.store, read_territory(house.store, load_catalogue(CATALOGUE)), WallClock()
        )
        outcomes = []
        for _ in range(4):
            time.sleep(2.0 - time.time() % 2.0)  # when the next one is due
            now = datetime.now(UTC)
            with contextlib.suppress(Conflict):
                outcomes.append(
                    run_entry(context, schedule_of(chosen(house)), f"roll-up-{now.second // 2 * 2:02}", now)
                )
        assert set(house.committed().values()) == {1}
        assert {outcome.run.state for outcome in outcomes} <= {RunState.DONE}
        assert house.stop(*house.running) == [0]
