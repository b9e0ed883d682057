"""From plans to acknowledged commands: `python tests/bench/bench_delivery.py [--lamps N] [--only sqlite|postgresql]`.

(a) so many lamps' programs resolved, checked and queued; (b) drained by two senders to Mosquitto, obeyed by twenty
simulated gateways and acknowledged, beside what Mosquitto carries of the same messages without us; (c) arrays resolved
at an instant, column-wise and one by one. Load, broker, database, senders and gateways share this machine's cores.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from bench_ingest import postgres_database, sqlite_database
from delivery_load import CATALOGUE, at_work, mosquitto, town_in
from sqlalchemy import func, select

from engine.broker import Broker
from engine.model import Command, CommandState, Level, Program, Slot
from engine.setpoints.arbitration import resolve
from engine.setpoints.vector import Arrays, resolve_all
from engine.store import Store, schema
from engine.wire import COMMAND, encode_command, topic
from jobs.bootstrap import Territory
from jobs.settling import settle_points

GATEWAYS = 20
QUEUED_WITHIN_S = 10.0
DRAINED_PER_S = 1_000
RESOLVED_PER_S = 1_000_000
STEPS = 8
ANSWERED = {CommandState.ACKED, CommandState.VERIFIED}


def main() -> int:
    """Print each figure beside its bound; 1 when one is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lamps", type=int, default=30_000)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    met = [resolving(options.lamps)]
    for opened in (sqlite_database, postgres_database):
        with opened() as url:
            if url is not None and options.only in {None, url.partition(":")[0]}:
                met += delivering(url, options.lamps // GATEWAYS)
    return int(not all(met))


def delivering(url: str, points_per: int) -> list[bool]:
    kind = url.partition(":")[0]
    store, territory = town_in(url, f"A-1..A-{GATEWAYS}", points_per)
    try:
        met = [queueing(kind, store, territory)]
        with tempfile.TemporaryDirectory() as folder, mosquitto(Path(folder)) as broker:
            carried = carrying(broker, newest(store, territory))
            met.append(draining(kind, url, store, broker, Path(folder), carried))
    finally:
        store.close()
    return met


def queueing(kind: str, store: Store, territory: Territory) -> bool:
    """A day's plan for every lamp is in the arrays; then all of them are settled in one transaction."""
    now = datetime.now(UTC)
    slots = [Slot(point, Level.DAY_AHEAD_PLAN, "plan:lighting", _program(now), now, "p1", "bench") for point in
             territory.points]  # fmt: skip
    with store.begin() as unit:
        unit.slots.put(slots)
    began = time.perf_counter()
    with store.begin() as unit:
        queued = settle_points(unit, territory, territory.points, now)
    seconds = time.perf_counter() - began
    assert queued == len(territory.points)
    print(f"{kind}: {queued:,} programs resolved, checked, queued in {seconds:.1f} s (bound {QUEUED_WITHIN_S:.0f} s)")
    return seconds <= QUEUED_WITHIN_S


def _program(now: datetime) -> Program:
    steps = tuple((now + timedelta(hours=3 * n), 0.3 + 0.05 * n) for n in range(STEPS))
    return Program(steps, now + timedelta(hours=24))


def newest(store: Store, territory: Territory) -> list[Command]:
    with store.read() as unit:
        return list(unit.commands.newest(territory.points).values())


def carrying(url: str, commands: Sequence[Command]) -> float:
    """The same messages, QoS 1, from one process to another through Mosquitto alone: messages a second."""
    listener = [sys.executable, "-c", LISTENER, url, topic("+", COMMAND), str(len(commands))]
    payloads = [(topic(command.gateway, COMMAND), encode_command(command)) for command in commands]
    sender = Broker(url, "peer-out")
    sender.connect()
    with subprocess.Popen(listener, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        began = time.perf_counter()
        for name, payload in payloads:
            sender.publish(name, payload)
        sender.flush(120)
        process.stdout.readline()
        seconds = time.perf_counter() - began
    sender.close()
    return len(commands) / seconds


LISTENER = """
import sys
from engine.broker import Broker
url, topic, count = sys.argv[1:]
broker, left = Broker(url, "peer-in", [topic]), int(count)
broker.connect()
print("listening", flush=True)
while left:
    messages = broker.take(1_000, 30.0)
    broker.ack(messages)
    left -= len(messages)
print("all", flush=True)
broker.close()
"""


def draining(kind: str, url: str, store: Store, broker: str, folder: Path, carried: float) -> bool:
    with ExitStack() as stack:
        words = ["twin.gateway", "--broker", broker, "--gateways", f"A-1..A-{GATEWAYS}", "--points-per"]
        with store.read() as unit:
            total = sum(unit.commands.counts().values())
        words += [str(total // GATEWAYS), "--effects", str(folder / "effects.jsonl"), "--catalogue", str(CATALOGUE)]
        stack.enter_context(at_work(*words, log=folder / "gateways.log"))
        senders = [["jobs.cli", "serve", "--roles", "dispatch", "--name", str(n)] for n in (1, 2)]
        for sender in senders:
            at_once = {"CONSIGNE_SETTLE_S": "0", "CONSIGNE_DATABASE_URL": url, "CONSIGNE_BROKER_URL": broker}
            stack.enter_context(at_work(*sender, log=folder / "senders.log", **at_once))
        deadline = time.perf_counter() + 180
        while (done := _answered(store)) < total and time.perf_counter() < deadline:
            time.sleep(0.5)
    pace = done / _seconds_on_the_way(store)
    print(
        f"{kind}: {done:,} of {total:,} commands claimed, sent, obeyed and acknowledged by two senders: "
        f"{pace:,.0f}/s (bound {DRAINED_PER_S:,}/s); Mosquitto alone carries {carried:,.0f} such messages a second"
    )
    return done == total and pace >= DRAINED_PER_S


def _answered(store: Store) -> int:
    with store.read() as unit:
        return sum(count for state, count in unit.commands.counts().items() if state in ANSWERED)


def _seconds_on_the_way(store: Store) -> float:
    """From the first claim to the last acknowledgement, by the commands' own history."""
    line = schema.command_event.c
    with store.read() as unit:
        connection = unit.alarms._bulk.connection  # the bench looks at the table itself
        first = connection.execute(select(func.min(line.at)).where(line.state == CommandState.SENDING)).scalar_one()
        last = connection.execute(select(func.max(line.at)).where(line.state == CommandState.ACKED)).scalar_one()
    return float(last - first) / 1e6


def resolving(points: int) -> bool:
    """Three slots a point, of two levels: who decides now?"""
    now = datetime(2026, 11, 22, 11, tzinfo=UTC)
    arrays = [
        [Slot(f"L-{n}", level, source, _program(now - timedelta(hours=n % 20)), now, "v1", "bench")
         for level, source in ((Level.RULE, "rule:a"), (Level.DAY_AHEAD_PLAN, "plan"), (Level.CALENDAR, "calendar"))]
        for n in range(points)
    ]  # fmt: skip
    columns, safe = Arrays.of(arrays), np.ones(points)
    values, _ = resolve_all(columns, now, safe)
    turns = 20
    began = time.perf_counter()
    for _ in range(turns):
        resolve_all(columns, now, safe)
    pace = turns * points / (time.perf_counter() - began)
    some = range(0, points, max(1, points // 2_000))
    began = time.perf_counter()
    plain = [resolve(arrays[n], now, now + timedelta(hours=1), 1.0).at(now).value for n in some]
    plain_pace = len(some) / (time.perf_counter() - began)
    assert plain == [values[n] for n in some]
    print(f"{pace:,.0f} arrays/s resolved at an instant (bound {RESOLVED_PER_S:,}/s); over a span, one by one, "
          f"{plain_pace:,.0f}/s, with equal values")  # fmt: skip
    return pace >= RESOLVED_PER_S


if __name__ == "__main__":
    sys.exit(main())
