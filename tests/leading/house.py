"""Several `consigne serve` on one database and one broker, that can be killed, paused and told to stop; and what they
have to show for it, read off the audit and the leases rather than off the ledger of runs."""

import json
import os
import signal
import subprocess
import threading
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine.broker import Broker
from engine.catalogue import load_catalogue
from engine.instants import isoformat
from engine.store import Store, schema
from engine.store.leases import Lease
from engine.store.ledger import Attempt
from engine.wire import TELEMETRY, topic
from jobs.schedules.catching_up import SEEN
from tests.journeys.conftest import CONSIGNE, ROOT, environment
from tests.waiting import wait_for
from twin.gateway.town import made_town, names_of

CATALOGUE = ROOT / "datasets" / "reference" / "catalogue.yaml"
LAMP = "L-A-1-0001"
ANY_RULE = {
    "id": "lamp-broken", "about": {"fr": "Une lampe.", "en": "A lamp."}, "owner": "street-lighting",
    "for_each": {"type": "Streetlight"}, "when": "status == defectiveLamp",
    "then": {"alarm": {"priority": "low", "consequence": {"fr": "Noir.", "en": "Dark."},
                       "action": {"fr": "Changer.", "en": "Change it."}, "respond_within": "1 d"}},
}  # fmt: skip
Server = subprocess.Popen[str]


class House:
    """A small town in a database, one rule, and occurrences every `spacing_s`, none of which is let go."""

    def __init__(self, folder: Path, database_url: str, broker_url: str, *, spacing_s: int = 2, **more: str) -> None:
        self.folder, self.spacing_s = folder, spacing_s
        rules = folder / "rules"
        (rules / "lighting").mkdir(parents=True)
        for name in ("owners.yaml", "orders.yaml", "blast.yaml"):
            (rules / name).write_bytes((ROOT / "rules" / name).read_bytes())
        (rules / "lighting" / "lamps.yaml").write_text(json.dumps({"rules": [ANY_RULE]}))
        entries = {
            f"roll-up-{offset:02}": {"job": "roll-up", "every": "1 min", "offset": f"{offset} s", "catch_up": "all"}
            for offset in range(0, 60, spacing_s)
        }
        (rules / "schedules.yaml").write_text(json.dumps({"schedules": entries}))
        self.variables = {
            "CONSIGNE_DATABASE_URL": database_url, "CONSIGNE_BROKER_URL": broker_url, "CONSIGNE_RULES_DIR": str(rules),
            "CONSIGNE_DATA_DIR": str(folder / "var"), "CONSIGNE_LEAD_S": "1.5", "CONSIGNE_STOP_WITHIN_S": "5",
        } | more  # fmt: skip
        self.store = Store.open(database_url, create=True)
        self.store.upgrade()
        town = made_town(names_of("A-1"), 2)
        with self.store.begin() as unit:
            unit.inventory.save(town.communes, town.zones, town.assets, load_catalogue(CATALOGUE))
        self.store.ensure_partitions(datetime.now(UTC))
        self.running: list[Server] = []

    def __enter__(self) -> "House":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running:
            process.kill()
            process.communicate()
        self.store.close()

    def serve(self, *words: str, **variables: str) -> Server:
        with (self.folder / "serve.log").open("ab") as log:
            process = subprocess.Popen(
                [str(CONSIGNE), "serve", *words], cwd=self.folder, env=environment(**self.variables | variables),
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        self.running.append(process)
        return process

    def kill(self, process: Server) -> None:
        process.kill()
        process.communicate()
        self.running.remove(process)

    def stop(self, *processes: Server) -> list[int]:
        """Tell them to stop; returns their exit codes."""
        for process in processes:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(60) for process in processes]
        for process in processes:
            process.communicate()
            self.running.remove(process)
        return codes

    def ready(self) -> bool:
        """Whether all that run have come to lead or to stand by."""
        seen = {int(line["owner"].split(":")[-2]) for line in self.log() if "owner" in line}
        return {process.pid for process in self.running} <= seen

    # what there is to see

    def leases(self) -> dict[str, Lease]:
        with self.store.read() as unit:
            return {lease.name: lease for lease in unit.leases.all()}

    def term(self, name: str = "plan", past: int = 0) -> tuple[Server, int] | None:
        """Whoever of these holds a lease now, and its fence, later than `past`."""
        lease = self.leases().get(name)
        if lease is None or lease.fence <= past or lease.until_at <= datetime.now(UTC):
            return None
        pid = int(lease.owner.split(":")[-2])
        return next(((process, lease.fence) for process in self.running if process.pid == pid), None)

    def wait_for_leader(self, name: str = "plan", past: int = 0) -> Server:
        return self.wait_for_term(name, past)[0]

    def wait_for_term(self, name: str = "plan", past: int = 0) -> tuple[Server, int]:
        """Who leads, and under which fence: looked at together, as the lead may change at any time."""
        found: list[tuple[Server, int]] = []
        wait_for(lambda: found.extend(filter(None, [self.term(name, past)])) or found)
        return found[0]

    def committed(self) -> Counter[tuple[str, str]]:
        """Entry and occurrence → how often it was committed, by the lines of the audit."""
        table = schema.audit.c
        with self.store.read() as unit:
            connection = unit.alarms._bulk.connection  # the test looks at the table itself
            rows = connection.execute(select(table.actor, table.subject).where(table.action == "run"))
            return Counter((row.actor.removeprefix("job:"), row.subject) for row in rows)

    def expected(self, until: datetime) -> set[tuple[str, str]]:
        """What the schedule means, by plain arithmetic, from when a leader first saw it."""
        with self.store.read() as unit:
            seen = json.loads(unit.state.get(SEEN) or b"{}")
        since = datetime.fromisoformat(next(iter(seen.values()))[1])
        at = datetime.fromtimestamp((since.timestamp() // 60) * 60, UTC)
        found = set()
        while at <= until:
            if at > since:
                found.add((f"roll-up-{at.second:02}", isoformat(at)))
            at += timedelta(seconds=self.spacing_s)
        return found

    def attempts(self) -> list[Attempt]:
        with self.store.read() as unit:
            runs = unit.ledger.between(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
            return [one for run in runs for one in unit.ledger.attempts(run.job, run.occurrence)]

    def stored(self) -> int:
        with self.store.read() as unit:
            return unit.readings.totals().stored

    def log(self) -> list[dict[str, Any]]:
        lines = (self.folder / "serve.log").read_text().rpartition("\n")[0].splitlines()  # the last may be half there
        return [json.loads(line) for line in lines if line.startswith("{")]


class Gateway:
    """Tells a reading ten times a second, each another one, until told to stop: in a thread, over QoS 1."""

    def __init__(self, url: str) -> None:
        self.told = 0
        self._url, self._over = url, threading.Event()
        self._thread = threading.Thread(target=self._talk)

    def __enter__(self) -> "Gateway":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _talk(self) -> None:
        with closing(Broker(self._url, "load")) as line:
            line.connect()
            while not self._over.wait(0.1):
                reading = {"asset": LAMP, "property": "powerConsumption", "value": 20 + self.told % 30}
                body = {"observed_at": isoformat(datetime.now(UTC)), "readings": [reading]}
                line.publish(topic("A-1", TELEMETRY), json.dumps(body).encode())
                line.flush()
                self.told += 1


def pause(process: Server) -> None:
    os.kill(process.pid, signal.SIGSTOP)


def go_on(process: Server) -> None:
    os.kill(process.pid, signal.SIGCONT)
