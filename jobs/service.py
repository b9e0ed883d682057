"""The service: ingest, decide, send, verify, again and again. Time is the clock's; the demo gives it a story's."""

import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import Self, TypeVar

import structlog

from engine.broker import Broker, Message
from engine.errors import Conflict, Outdated, Unavailable
from engine.ports import Clock, Link
from engine.settings import Settings
from engine.store import Intake, Store
from jobs import metrics
from jobs.batches import tend_batches
from jobs.bootstrap import Territory
from jobs.compute import Compute, Inline
from jobs.cycle import REPLAN, CycleResult, RulesAtWork, run_cycle
from jobs.domains import DOMAINS
from jobs.holds import tend_holds
from jobs.ingest import store_messages
from jobs.notify import Notifier
from jobs.planning import Domain, run_plan
from jobs.reload import RuleFiles, announce, differences, note_trial
from jobs.sending import dispatcher_of
from jobs.table import JobContext
from jobs.uplinks import UplinkSource

T = TypeVar("T")
_log = structlog.get_logger()
_QUIET_TICK_S = 5.0
_UPLINKS_EVERY_S = 0.2
_TELL_EVERY_S = 2.0
_HOLDS_EVERY_S = 1.0
_SEALED_EVERY_S = 0.4


class Service:
    """One process doing everything for one territory, as steps. Nothing here keeps what is not in the store.

    It closes the rules it was given, and those it took over from `files`, where it has them to look at.
    """

    def __init__(
        self, settings: Settings, store: Store, territory: Territory, rules: RulesAtWork, clock: Clock, link: Link,
        files: RuleFiles | None = None, uplinks: Sequence[UplinkSource] = (), compute: Compute | None = None,
    ) -> None:  # fmt: skip
        self.uplinks = uplinks
        self._compute = compute or Inline()
        self.settings, self.store, self.territory, self.clock = settings, store, territory, clock
        self.rules = rules
        self._files = files
        self._ready: RulesAtWork | None = None
        self.news = threading.Event()  # readings have been committed beside the loop: a cycle is due
        self.notifier = Notifier(settings, store, territory, clock)
        owner = f"{socket.gethostname()}:{os.getpid()}"
        self.dispatcher = dispatcher_of(settings, store, link, clock, territory.points, owner)

    @property
    def context(self) -> JobContext:
        """What scheduled jobs see of it."""
        return JobContext(self.settings, self.store, self.territory, self.clock, self._compute)

    def ingest(self, messages: Sequence[Message], source: Broker) -> Intake:
        """Commit these messages, then acknowledge them."""
        skew = timedelta(seconds=self.settings.clock_skew_s)
        intake = store_messages(self.store, self.territory, messages, received_at=self.clock.now(), skew=skew)
        source.ack(messages)
        return intake

    def hear(self, source: UplinkSource) -> None:
        """Commit what has come from devices that have a network server of their own."""
        if source.step(self.context):
            self.news.set()

    def cycle(self) -> CycleResult:
        """One rule cycle at the clock's time."""
        return run_cycle(self.store, self.territory, self.rules, self.clock.now())

    def tend_batches(self) -> int:
        """Move large batches on. Returns how many changed."""
        return tend_batches(self.store, self.territory, self.clock.now())

    def replan(self) -> None:
        """Make the plans that rules asked for. One that fails is told, and made when it is asked for again."""
        for domain in DOMAINS.values():
            with self.store.read() as unit:
                asked = unit.state.get(REPLAN + domain.name)
            if asked:
                self._plan(domain)
                with self.store.begin() as unit:
                    if unit.state.get(REPLAN + domain.name) == asked:
                        unit.state.put(REPLAN + domain.name, b"")

    def _plan(self, domain: Domain) -> None:
        try:
            result = run_plan(self.store, self.territory, domain, self.clock.now(), self.settings)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one job run must not end the service
            _log.error("plan failed", domain=domain.name, error=str(error))
        else:
            _log.info("planned again", domain=domain.name, plan=result.record.id, commands=result.commands)

    def tend_holds(self) -> None:
        """See to the holds that end."""
        now = self.clock.now()
        tend_holds(self.store, self.territory, now)
        if self.settings.metrics_port:
            with self.store.read() as unit:
                metrics.show_holds(unit.holds.active(now))

    def announce(self) -> None:
        """Write down which rules are in service."""
        with self.store.begin() as unit:
            announce(unit, self.rules, self.clock.now())

    def look_at_rules(self) -> None:
        """Try rule files that have changed, beside the cycles. What fails is told, and what is in service goes on."""
        if self._files is None or self._ready is not None:
            return
        now = self.clock.now()
        trial = self._files.look(self.store, self.rules.rulebook, now)
        if trial is None:
            return
        self._ready = trial.ready
        for problem in trial.problems:
            _log.error("rules refused", problem=problem, in_service=self.rules.rulebook.version)
        if trial.problems:
            metrics.count_reload("refused")
        if trial.ready is None:
            with self.store.begin() as unit:
                note_trial(unit, trial, now)

    def take_over(self) -> None:
        """Put rules that are ready in service, between two cycles: they go on from what those before remember."""
        ready, before, now = self._ready, self.rules, self.clock.now()
        if ready is None:
            return
        changes = differences(before.rulebook, ready.rulebook)
        with self.store.begin() as unit:
            memory = ready.recall(unit)
            unit.audit.append("rules", "reload", ready.rulebook.version, changes, now)
            announce(unit, ready, now)
        ready.keep(memory)
        self.rules, self._ready = ready, None
        before.close()
        metrics.count_reload("taken")
        _log.info("rules taken over", **changes)

    def tell(self) -> None:
        """Write to those who must hear of alarms."""
        self.notifier.tell(self.rules.rulebook)

    def post(self) -> None:
        """Send what was written."""
        self.notifier.post()

    def close(self) -> None:
        """End what runs behind the rules."""
        for rules in (self.rules, self._ready):
            if rules is not None:
                rules.close()


class Aside:
    """A step done again and again in a thread of its own, at most every so many seconds, beside the service's loop.

    `share`: of the time, in 0…1, that it may take; one that takes long is then begun less often.
    """

    def __init__(self, step: Callable[[], object], every_s: float, share: float = 1.0) -> None:
        self._step, self._every_s, self._share = step, every_s, share
        self._took_s = 0.0
        self._pool = ThreadPoolExecutor(1)
        self._running: Future[object] | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True)

    def poll(self) -> None:
        """Begin the step, unless it still runs or it is too early. Raises what it raised."""
        if self._running is not None:
            if not self._running.done():
                return
            running, self._running = self._running, None
            running.result()
        if time.monotonic() - self._began >= max(self._every_s, self._took_s / self._share):
            self._began = time.monotonic()
            self._running = self._pool.submit(self._timed)

    def _timed(self) -> None:
        began = time.thread_time()
        self._step()
        self._took_s = time.thread_time() - began


class Beside:
    """A step at a pace of its own in a thread of its own until `stop`, however long a turn of the service's loop takes.

    Leaving it sets `stop`.
    """

    def __init__(self, step: Callable[[], object], every_s: float, stop: threading.Event) -> None:
        self._step, self._every_s, self._stop = step, every_s, stop
        self._pool = ThreadPoolExecutor(1)
        self._running = self._pool.submit(self._run)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            with_back_off(self._step, self._stop)

    def poll(self) -> None:
        """Raise what it died of."""
        if self._running.done():
            self._running.result()


class Spared:
    """A step of the service's loop that is left out for 1, 2, 4 … 15 s while what it needs is away: all else goes on.

    So rules go on while the broker is away, on what comes by other ways; and dispatch goes on soon after it is back.
    """

    def __init__(self, step: Callable[[], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._step, self._clock = step, clock
        self._delay_s, self._again_at = 0.0, 0.0

    def __call__(self) -> None:
        if self._clock() < self._again_at:
            return
        try:
            self._step()
        except Outdated:
            raise
        except (Unavailable, Conflict) as error:
            self._delay_s = min(max(2 * self._delay_s, 1.0), 15.0)
            self._again_at = self._clock() + self._delay_s
            _log.warning("left out", why=str(error), retry_s=self._delay_s)
        else:
            self._delay_s = 0.0


def serve(service: Service, telemetry: Broker, stop: threading.Event) -> None:
    """Run until `stop`. A broker or database that goes away is one log line, then back-off until it answers."""
    last_cycle, last_holds, more = 0.0, 0.0, False
    with_back_off(service.announce, stop)
    every_s = service.settings.rules_reload_s or math.inf
    with ExitStack() as stack:
        plans = stack.enter_context(Aside(lambda: with_back_off(service.replan, stop), 0.0))
        files = stack.enter_context(Aside(lambda: with_back_off(service.look_at_rules, stop), every_s))
        letters = stack.enter_context(Aside(lambda: with_back_off(service.tell, stop), _TELL_EVERY_S, share=0.1))
        courier = stack.enter_context(Aside(lambda: with_back_off(service.post, stop), _TELL_EVERY_S))
        listening = [
            stack.enter_context(Aside(partial(with_back_off, partial(service.hear, source), stop), _UPLINKS_EVERY_S))
            for source in service.uplinks
        ]
        batches = stack.enter_context(Aside(lambda: with_back_off(service.tend_batches, stop), 1.0))
        seals = stack.enter_context(Beside(service.store.seal, _SEALED_EVERY_S, stop))
        sending = Spared(lambda: service.dispatcher.step(0.0))
        stack.callback(stop.set)  # or what runs aside might wait on for a database that is away
        while not stop.is_set():
            messages = with_back_off(lambda: telemetry.take(service.settings.ingest_batch, 0.2), stop)
            if messages:
                with_back_off(partial(service.ingest, messages, telemetry), stop)
            if messages or more or service.news.is_set() or time.monotonic() - last_cycle > _QUIET_TICK_S:
                service.news.clear()
                more = _cycle(service, stop)
                last_cycle = time.monotonic()
                plans.poll()
            seals.poll()
            for aside in (files, letters, courier, batches, *listening):
                aside.poll()
            if time.monotonic() - last_holds > _HOLDS_EVERY_S:
                with_back_off(service.tend_holds, stop)
                last_holds = time.monotonic()
            with_back_off(service.take_over, stop)
            sending()


def _cycle(service: Service, stop: threading.Event) -> bool:
    """One cycle. Returns whether more readings wait."""
    result = with_back_off(service.cycle, stop)
    with_back_off(partial(_show_commands, service), stop)
    if result is not None and result.faults:
        _log.error("rules failed", faults=result.faults)
    return result is not None and result.more


def _show_commands(service: Service) -> None:
    """Nobody reads the counts, which go over all commands, where no metrics are served."""
    if not service.settings.metrics_port:
        return
    with service.store.read() as unit:
        metrics.show_commands(unit.commands.counts())


def with_back_off(step: Callable[[], T], stop: threading.Event) -> T | None:
    """Do a step; while what it needs is away, say so and try again after 1, 2, 4 … 60 s. None once stopped.

    Where another process stood in the way, the first waits are shorter. Raises Outdated: whoever supervises us starts
    us again.
    """
    delay_s = 0.0
    while not stop.is_set():
        try:
            return step()
        except Outdated:
            raise
        except (Unavailable, Conflict) as error:
            delay_s = min(max(2 * delay_s, 1.0 if isinstance(error, Unavailable) else 0.1), 60.0)
            _log.warning("waiting", why=str(error), retry_s=delay_s)
            stop.wait(delay_s)
    return None


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop
