"""The loop of the service: each role is a part that takes its turn, and ends what it runs aside when it is left."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from engine.broker import Broker
from engine.store import Store
from jobs.health import LOOP
from jobs.service.aside import Aside, Beside, Spared, with_back_off
from jobs.service.roles import ALL, Role
from jobs.service.steps import Service
from jobs.tracing import traced

T = TypeVar("T")
_log = structlog.get_logger()
_TURN_S = 0.2
_SHORT_TURN_S = 0.1
_QUIET_TICK_S = 5.0
_UPLINKS_EVERY_S = 0.2
_TELL_EVERY_S = 2.0
_HOLDS_EVERY_S = 1.0
_SEALED_EVERY_S = 0.4
_LAW_EVERY_S = 1.0
_ROUNDS_EVERY_S = 5.0

Turn = Callable[[float], None]
"""One turn of a part: it may wait for something to do for so many seconds, and no longer."""
Part = AbstractContextManager[Turn]


@dataclass(frozen=True)
class Work:
    """What the parts share. `left_s`: how long what they run aside may still take once `stop` is set."""

    service: Service
    stop: threading.Event
    left_s: Callable[[], float] = lambda: math.inf

    def aside(self, step: Callable[[], object], every_s: float, share: float = 1.0) -> Aside:
        return Aside(partial(with_back_off, step, self.stop), every_s, share, self.left_s)

    def patiently(self, step: Callable[[], T], part: str | None = None) -> T | None:
        """Do a step of the loop, which shows that it lives while it waits for what is away. `part` is marked by it."""
        marked = step if part is None else self.marked(part, step)
        return with_back_off(marked, self.stop, lambda _why: self.service.vitals.beat(LOOP))

    def marked(self, part: str, step: Callable[[], T]) -> Callable[[], T]:
        """The step, marking success or failure of a part."""

        def do() -> T:
            with self.service.vitals.step(part):
                return step()

        return do


def serve(
    service: Service, telemetry: Broker | None, stop: threading.Event, roles: frozenset[Role] = ALL
) -> None:  # fmt: skip
    """Do what these roles do until `stop`, without a schedule: nothing is planned."""
    work = Work(service, stop)
    take_turns(parts_of(work, telemetry, roles), work)


def parts_of(work: Work, telemetry: Broker | None, roles: frozenset[Role]) -> list[Part]:
    """The part of each role but the plan's, which is the schedule: in the order of the way of the data."""
    parts: list[Part] = []
    if Role.INGEST in roles and telemetry is not None:
        parts.append(ingesting(work, telemetry))
    if Role.RULES in roles:
        parts.append(ruling(work, told=Role.INGEST in roles))
    if Role.DISPATCH in roles:
        parts.append(dispatching(work))
    return parts


def take_turns(parts: Sequence[Part], work: Work) -> None:
    """Run until told to stop. A broker or database that goes away is one log line, then back-off until it answers."""
    stop = work.stop
    with ExitStack() as stack:
        turns = [stack.enter_context(part) for part in parts]
        stack.callback(stop.set)  # or what runs aside might wait on for a database that is away
        while not stop.is_set():
            work.service.vitals.beat(LOOP)
            for place, turn in enumerate(turns):
                turn(0.0 if place else _TURN_S)


@contextmanager
def ingesting(work: Work, telemetry: Broker) -> Iterator[Turn]:
    """Commit what is told, from the broker and from network servers."""
    service = work.service
    with ExitStack() as stack:
        listening = [
            stack.enter_context(work.aside(partial(service.hear, source), _UPLINKS_EVERY_S))
            for source in service.uplinks
        ]

        def turn(wait_s: float) -> None:
            if telemetry.connected:
                service.vitals.success("broker")
            else:
                service.vitals.failure("broker", f"no session with {telemetry.name}")
            messages = telemetry.take(service.settings.ingest_batch, wait_s)
            if messages:
                work.patiently(partial(service.ingest, messages, telemetry))
                service.news.set()
            for aside in listening:
                aside.poll()

        yield turn


@contextmanager
def ruling(work: Work, *, told: bool) -> Iterator[Turn]:
    """Decide, and see to what decisions need: rule files, alarms to people, batches, holds, the seal of the audit.

    `told`: who ingests is in this process and sets `service.news`; else the database is looked at for readings.
    """
    service, stop = work.service, work.stop
    work.patiently(service.announce)
    last_cycle, last_holds, more = 0.0, 0.0, False
    heads = None if told else Heads(service.store)
    with ExitStack() as stack:
        asides = [
            stack.enter_context(work.aside(step, every_s, share))
            for step, every_s, share in (
                (service.look_at_rules, service.settings.rules_reload_s or math.inf, 1.0),
                (service.look_at_law, min(service.settings.rules_reload_s or math.inf, _LAW_EVERY_S), 1.0),
                (service.look_at_closures, min(service.settings.rules_reload_s or math.inf, _LAW_EVERY_S), 1.0),
                (service.look_at_contracts, min(service.settings.rules_reload_s or math.inf, _LAW_EVERY_S), 1.0),
                (service.tell, _TELL_EVERY_S, 0.1),
                (work.marked("messages", service.post), _TELL_EVERY_S, 1.0),
                (service.tend_batches, 1.0, 1.0),
            )
        ]
        seals = stack.enter_context(Beside(work.marked("seal", service.store.seal), _SEALED_EVERY_S, stop))

        def turn(wait_s: float) -> None:
            nonlocal last_cycle, last_holds, more
            if wait_s and not more:
                service.news.wait(min(wait_s, _SHORT_TURN_S))
            if heads is not None and work.patiently(heads.moved):
                service.news.set()
            if more or service.news.is_set() or time.monotonic() - last_cycle > _QUIET_TICK_S:
                service.news.clear()
                more = _cycle(work)
                last_cycle = time.monotonic()
            seals.poll()
            for aside in asides:
                aside.poll()
            if time.monotonic() - last_holds > _HOLDS_EVERY_S:
                work.patiently(service.tend_holds)
                last_holds = time.monotonic()
            work.patiently(service.take_over)
            work.patiently(service.enact)

        yield turn


class Heads:
    """Whether readings have come into the store, looked at some ten times a second: one short query."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[int, int] = {}
        self._looked_at = -math.inf

    def moved(self) -> bool:
        if time.monotonic() - self._looked_at < _SHORT_TURN_S:
            return False
        self._looked_at = time.monotonic()
        with self._store.read() as unit:
            before, self._seen = self._seen, unit.readings.heads()
        return before != self._seen


@contextmanager
def dispatching(work: Work) -> Iterator[Turn]:
    """Send, and take answers; tell crews their rounds."""
    wait_s = 0.0
    sending = Spared(work.marked("dispatch", lambda: _send(work.service, wait_s)))

    with work.aside(work.service.tell_rounds, _ROUNDS_EVERY_S) as rounds:

        def turn(patience_s: float) -> None:
            nonlocal wait_s
            wait_s = min(patience_s, _SHORT_TURN_S)
            if not sending():
                work.stop.wait(wait_s)
            rounds.poll()

        yield turn


@traced("dispatch")
def _send(service: Service, wait_s: float) -> None:
    service.dispatcher.step(wait_s)


def _cycle(work: Work) -> bool:
    """One cycle. Returns whether more readings wait."""
    result = work.patiently(work.service.cycle, "cycle")
    if result is not None and result.faults:
        _log.error("rules failed", faults=result.faults)
    if result is not None and result.whole:
        work.service.vitals.success("zones")
    return result is not None and result.more
