"""The service: ingest, decide, send, verify, again and again. Time is the clock's; the demo gives it a story's."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import TypeVar

import structlog

from engine.broker import Broker, Message
from engine.equipment.mqtt import MqttLink
from engine.errors import Unavailable
from engine.ports import Clock
from engine.rulebook import RuleEngine
from engine.setpoints.dispatch import Dispatcher, DispatchPolicy
from engine.settings import Settings
from engine.store import Intake, Store
from jobs import metrics
from jobs.bootstrap import Territory
from jobs.cycle import CycleResult, run_cycle
from jobs.ingest import store_messages
from jobs.schedule import JobContext

T = TypeVar("T")
_log = structlog.get_logger()
_QUIET_TICK_S = 5.0


class Service:
    """One process doing everything for one territory, as steps. Nothing here keeps what is not in the store."""

    def __init__(
        self, settings: Settings, store: Store, territory: Territory, engine: RuleEngine, clock: Clock, line: Broker
    ) -> None:
        self.settings, self.store, self.territory, self.clock = settings, store, territory, clock
        self._engine = engine
        self.dispatcher = Dispatcher(
            store.begin,
            MqttLink(line),
            clock,
            DispatchPolicy(
                owner=socket.gethostname(),
                ack_within=timedelta(seconds=settings.ack_within_s),
                max_attempts=settings.max_attempts,
                rate_per_gateway=settings.commands_per_second,
            ),
            territory.points,
        )

    @property
    def context(self) -> JobContext:
        """What scheduled jobs see of it."""
        return JobContext(self.settings, self.store, self.territory, self.clock)

    def ingest(self, messages: Sequence[Message], source: Broker) -> Intake:
        """Commit these messages, then acknowledge them."""
        skew = timedelta(seconds=self.settings.clock_skew_s)
        intake = store_messages(self.store, self.territory, messages, received_at=self.clock.now(), skew=skew)
        source.ack(messages)
        return intake

    def cycle(self) -> CycleResult:
        """One rule cycle at the clock's time."""
        return run_cycle(self.store, self.territory, self._engine, self.clock.now())


def serve(service: Service, telemetry: Broker, stop: threading.Event) -> None:
    """Run until `stop`. A broker or database that goes away is one log line, then back-off until it answers."""
    last_cycle = 0.0
    while not stop.is_set():
        messages = with_back_off(lambda: telemetry.take(service.settings.ingest_batch, 0.2), stop)
        if messages:
            with_back_off(partial(service.ingest, messages, telemetry), stop)
        if messages or time.monotonic() - last_cycle > _QUIET_TICK_S:
            result = with_back_off(service.cycle, stop)
            last_cycle = time.monotonic()
            with_back_off(partial(_show_commands, service), stop)
            if result is not None and result.faults:
                _log.error("rules failed", faults=result.faults)
        with_back_off(lambda: service.dispatcher.step(0.0), stop)


def _show_commands(service: Service) -> None:
    """Nobody reads the counts, which go over all commands, where no metrics are served."""
    if not service.settings.metrics_port:
        return
    with service.store.read() as unit:
        metrics.show_commands(unit.commands.counts())


def with_back_off(step: Callable[[], T], stop: threading.Event) -> T | None:
    """Do a step; while what it needs is away, say so and try again after 1, 2, 4 … 60 s. None once stopped."""
    delay_s = 1.0
    while not stop.is_set():
        try:
            return step()
        except Unavailable as error:
            _log.warning("waiting", why=str(error), retry_s=delay_s)
            stop.wait(delay_s)
            delay_s = min(2 * delay_s, 60.0)
    return None


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop
