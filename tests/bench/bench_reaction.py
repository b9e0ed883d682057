"""From a reading to the command on the wire: `python tests/bench/bench_reaction.py [--seconds N] [--only KIND]`.

`consigne serve` takes 5,000 readings a second, fifty to a message. Ten times a second a detector among them sees
somebody; the time until the lamp's command passes at the broker is measured, by the one clock of the process that does
both. Afterwards all readings must be in the database, stored or refused. Load, broker, database, service and gateways
share this machine's cores.

With `--apart` the roles ingest, rules and dispatch have a process each, which tell each other nothing: the next one
looks for what was committed ten times a second, so that the bound is two such looks more.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
from bench_ingest import postgres_database, sqlite_database
from delivery_load import CATALOGUE, ROOT, at_work, mosquitto, town_in

from engine.broker import Broker
from engine.instants import isoformat
from engine.model import Asset
from engine.store import Intake, Store
from engine.wire import COMMAND, TELEMETRY, decode_command, gateway_of, topic
from jobs.service import Role

GATEWAYS, LAMPS = 20, 50
READINGS_PER_S, EVENTS_PER_S = 5_000, 10
MESSAGES_PER_S = READINGS_PER_S // LAMPS
DETECTORS = 200
SEEN_FOR = DETECTORS // 2
"""In events: half a round of all detectors later it is told that nobody is there any more."""
P99_WITHIN_MS = 100.0
LOOK_MS = 100.0
RULE = {
    "id": "presence-half",
    "about": {"fr": "Une présence.", "en": "Somebody is there."},
    "owner": "street-lighting",
    "for_each": {"type": "PresenceDetector"},
    "when": "presence",
    "then": {"want": {"point": "illuminanceLevel", "value": "50 %", "level": 12, "targets": "lamps", "ttl": "5 s"}},
}


def main() -> int:
    """Print p50, p99 and the longest beside the bound, and the balance of readings; 1 when either is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--apart", action="store_true", help="a process for each role")
    options = parser.parse_args()
    met = []
    for opened in (sqlite_database, postgres_database):
        with opened() as url:
            if url is not None and options.only in {None, url.partition(":")[0]}:
                met.append(react(url, options.seconds, apart=options.apart))
    return int(not all(met))


def react(url: str, seconds: int, *, apart: bool) -> bool:
    store, _ = town_in(url, f"A-1..A-{GATEWAYS}", LAMPS, [_detector(number) for number in range(DETECTORS)])
    store.ensure_partitions(datetime.now(UTC))
    with ExitStack() as stack:
        stack.callback(store.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(mosquitto(folder))
        words = ["--gateways", f"A-1..A-{GATEWAYS}", "--points-per", str(LAMPS), "--catalogue", str(CATALOGUE)]
        words = ["twin.gateway", "--broker", broker, *words, "--effects", str(folder / "effects.jsonl")]
        stack.enter_context(at_work(*words, log=folder / "gateways.log"))
        for roles in ("ingest", "rules", "dispatch") if apart else (",".join(Role),):
            service = stack.enter_context(_service(url, broker, folder, roles))
            stack.callback(service.terminate)
        crowd = Crowd(broker)
        stack.callback(crowd.close)
        crowd.warm_up()
        before = received(store)
        crowd.play(seconds)
        return all([crowd.tell(url.partition(":")[0], seconds, apart=apart), balanced(store, before, crowd.sent)])


def _service(url: str, broker: str, folder: Path, roles: str) -> "subprocess.Popen[bytes]":
    rules = folder / "rules"
    (rules / "lighting").mkdir(parents=True, exist_ok=True)
    for name in ("owners.yaml", "orders.yaml", "blast.yaml"):
        (rules / name).write_bytes((ROOT / "rules" / name).read_bytes())
    (rules / "lighting" / "presence.yaml").write_text(json.dumps({"rules": [RULE]}))
    variables = {
        "CONSIGNE_DATABASE_URL": url, "CONSIGNE_BROKER_URL": broker, "CONSIGNE_RULES_DIR": str(rules),
        "CONSIGNE_DATASETS_DIR": str(ROOT / "datasets"), "CONSIGNE_SETTLE_S": "0", "CONSIGNE_DATA_DIR": str(folder),
    }  # fmt: skip
    with (folder / "service.log").open("ab") as log:
        words = [str(Path(sys.executable).with_name("consigne")), "serve", "--roles", roles]
        return subprocess.Popen(words, env=os.environ | variables, stdout=log, stderr=log)


def _gateway(number: int) -> str:
    return f"A-{number % GATEWAYS + 1}"


def _lamp(number: int) -> str:
    """The lamp of a detector."""
    return f"L-{_gateway(number)}-{number // GATEWAYS + 1:04}"


def _detector(number: int) -> Asset:
    gateway = _gateway(number)
    lamps = {"lamps": [_lamp(number)]}
    return Asset(f"D-{number}", "PresenceDetector", f"Z-{gateway}", -0.55, 47.47, gateway, gateway, lamps)


@dataclass
class Crowd:
    """The load, and the ears at the broker."""

    url: str
    sent: int = 0
    passed: dict[str, float] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.out, self.ears = Broker(self.url, "load"), Broker(self.url, "ears", [topic("+", COMMAND)])
        self.out.connect()
        self.ears.connect()
        self._over = threading.Event()
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def close(self) -> None:
        self._over.set()
        self._listening.join()
        self.out.close()
        self.ears.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            for message in self.ears.take(100, 0.2):
                now = time.perf_counter()
                self.ears.ack([message])
                command = decode_command(message.payload, gateway_of(message.topic))
                began = self.passed.pop(command.point, None)
                if began is not None:
                    self.latencies.append(now - began)

    def warm_up(self) -> None:
        """The first commands of a new process are not measured; raises SystemExit where none ever comes."""
        deadline = time.perf_counter() + 90
        while not self.latencies:
            if time.perf_counter() > deadline:
                raise SystemExit("the service sends nothing")
            self._pass_by(0, 1)
            time.sleep(0.5)
            self._pass_by(0, 0)
            time.sleep(0.5)
        time.sleep(6)
        self.latencies.clear()
        self.passed.clear()
        self.sent = 0

    def play(self, seconds: int) -> None:
        """Fifty readings every hundredth of a second, and every tenth a detector on and another off."""
        began = time.perf_counter()
        for turn in range(seconds * MESSAGES_PER_S):
            time.sleep(max(0.0, began + turn / MESSAGES_PER_S - time.perf_counter()))
            self._powers(turn)
            event, rest = divmod(turn * EVENTS_PER_S, MESSAGES_PER_S)
            if rest == 0:
                self._pass_by((event + 1) % DETECTORS, 1)
                self._pass_by((event + 1 - SEEN_FOR) % DETECTORS, 0)
        self.took_s = time.perf_counter() - began
        self.out.flush(30)
        time.sleep(2)

    def _powers(self, turn: int) -> None:
        gateway, watts = _gateway(turn), 20 + turn % 30
        lamps = (f"L-{gateway}-{number:04}" for number in range(1, LAMPS + 1))
        self._tell(gateway, [{"asset": lamp, "property": "powerConsumption", "value": watts} for lamp in lamps])

    def _pass_by(self, number: int, seen: int) -> None:
        if seen:
            self.passed[f"{_lamp(number)}/illuminanceLevel"] = time.perf_counter()
        self._tell(_gateway(number), [{"asset": f"D-{number}", "property": "presence", "value": seen}])

    def _tell(self, gateway: str, readings: list[dict[str, object]]) -> None:
        payload = orjson.dumps({"observed_at": isoformat(datetime.now(UTC)), "readings": readings})
        self.out.publish(topic(gateway, TELEMETRY), payload)
        self.sent += len(readings)

    def tell(self, kind: str, seconds: int, *, apart: bool) -> bool:
        p50, p99, longest = np.percentile(np.array(self.latencies) * 1e3, [50, 99, 100])
        bound = P99_WITHIN_MS + (2 * LOOK_MS if apart else 0)
        kind += ", roles apart" if apart else ""
        pace = seconds * READINGS_PER_S / self.took_s
        print(
            f"{kind}: reading → command on the wire p50 {p50:.0f} ms, p99 {p99:.0f} ms (bound {bound:.0f} ms), "
            f"longest {longest:.0f} ms; {len(self.latencies)} commands in {seconds} s at {pace:,.0f} readings/s, "
            f"{len(self.passed)} never came"
        )
        return bool(p99 <= bound) and not self.passed


def received(store: Store) -> Intake:
    with store.read() as unit:
        return unit.readings.totals()


def balanced(store: Store, before: Intake, sent: int) -> bool:
    """Whether all that was told since is stored or refused."""
    deadline = time.perf_counter() + 60
    while (now := received(store)).received - before.received < sent and time.perf_counter() < deadline:
        time.sleep(0.5)
    stored, refused = now.stored - before.stored, sum(now.refused.values()) - sum(before.refused.values())
    print(f"    {sent:,} readings told = {stored:,} stored + {refused:,} refused")
    return sent == now.received - before.received == stored + refused


if __name__ == "__main__":
    sys.exit(main())
