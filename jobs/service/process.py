"""A process of the service: it stands by until it leads its roles, then opens what they need and works."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import orjson
import structlog

from engine import wire
from engine.broker import Broker
from engine.errors import InputError, Problem
from engine.settings import Settings
from engine.store.leases import Deposed
from jobs.bootstrap import Territory, WallClock, open_broker, open_link, open_store, open_territory
from jobs.compute import compute_of
from jobs.compute.counting import Counted
from jobs.filelock import locked
from jobs.health import LOOP
from jobs.leadership import Leadership, Term
from jobs.listener import listening
from jobs.reload import RuleFiles
from jobs.scheduler import Scheduler
from jobs.schedules import Schedule, schedule_of
from jobs.service.aside import with_back_off
from jobs.service.ending import Ending
from jobs.service.loop import Turn, Work, parts_of, take_turns
from jobs.service.roles import Role, lease_names
from jobs.service.steps import Service
from jobs.status import status_server
from jobs.tracing import tracing
from jobs.uplinks import UplinkSource, uplink_sources
from jobs.vitals import Vitals

_log = structlog.get_logger()


@dataclass
class Process:
    """What one process of the service is there for. `name`: of one of several senders."""

    settings: Settings
    roles: frozenset[Role]
    name: str | None
    ending: Ending
    vitals: Vitals = field(default_factory=Vitals)
    _schedule: Schedule | None = None

    def run(self) -> None:
        """Lead these roles whenever nobody else does, until told to stop; tell the status all the while.

        Raises InputError where another process serves the same SQLite file, and what a start raises.
        """
        chosen = self.settings
        with tracing(chosen.trace_url), status_server(chosen, self.vitals, self.roles, WallClock()):
            self._serve()

    def _serve(self) -> None:
        names = lease_names(self.roles, self.name)
        if not names and not self.settings.metrics_port:
            what = "a console without a port shows nothing to anybody"
            raise InputError([Problem("CONSIGNE_METRICS_PORT", 0, 0, what, "say where it is to answer")])
        if not names:
            self.ending.stop.wait()
            return
        with ExitStack() as stack:
            if Role.PLAN in self.roles:
                self._read_schedule()
            store = with_back_off(lambda: open_store(self.settings), self.ending.stop, self._wait)
            if store is None:
                return
            stack.callback(store.close)
            if store.path is not None:
                stack.enter_context(locked(store.path, names))
            life = timedelta(seconds=self.settings.lead_s)
            leadership = Leadership(store, names, WallClock(), life, alone=store.path is not None)
            while (term := leadership.stand_by(self.ending.stop, self._wait)) is not None:
                with term:
                    self._lead(term)

    def _wait(self, _why: str = "") -> None:
        """There is nothing to do yet, but that shows that it lives."""
        self.vitals.beat(LOOP)

    def _read_schedule(self) -> Schedule:
        """As the file says now; while it has a mistake, as it said last. Raises InputError where it never was right."""
        try:
            self._schedule = schedule_of(self.settings)
        except InputError as error:
            if self._schedule is None:
                raise
            _log.error("schedule with mistakes: goes on with the last one", problems=list(map(str, error.problems)))
        return self._schedule

    def _lead(self, term: Term) -> None:
        leases = sorted(term.fences)
        sys.stdout.buffer.write(orjson.dumps({"leads": leases, "pid": os.getpid()}) + b"\n")
        sys.stdout.flush()
        self.vitals.lead(term.fences)
        try:
            with ExitStack() as stack:
                opened = with_back_off(lambda: stack.enter_context(self._opened(term)), term.over, self._wait)
                if opened is not None:
                    self._work(term, *opened)
        except Deposed as error:
            term.lose(str(error))
        finally:
            self.vitals.lead({})

    def _work(self, term: Term, service: Service, telemetry: Broker | None) -> None:
        work = Work(service, term.over, lambda: 0.0 if term.lost else self.ending.left_s())
        parts = parts_of(work, telemetry, self.roles)
        if Role.PLAN in self.roles:
            parts.append(scheduling(work, self._read_schedule()))  # the last one entered is the first to be left
        take_turns(parts, work)

    @contextmanager
    def _opened(self, term: Term) -> Iterator[tuple[Service, Broker | None]]:
        """What these roles need and no more: sessions with the broker, the way to equipment, rules."""
        settings, clock = self.settings, WallClock()
        with ExitStack() as stack:
            store, territory = open_territory(settings)
            stack.callback(store.close)
            telemetry, uplinks = self._ears(territory, stack) if Role.INGEST in self.roles else (None, ())
            link = crews = None
            if Role.DISPATCH in self.roles:
                session = "consigne-dispatch" if self.name is None else f"consigne-dispatch-{self.name}"
                link = stack.enter_context(open_link(settings, clock, session))
                crews = self._crews(territory, session, stack)
            files = RuleFiles(settings, territory) if Role.RULES in self.roles else None
            heavy = Counted(compute_of(settings, patient=True)) if self.roles & {Role.RULES, Role.PLAN} else None
            service = Service(
                settings, store.under(term.fences), territory, None if files is None else files.first(), clock, link,
                files, uplinks, heavy, sender=self.name and f"sender {self.name}",
                vitals=self.vitals, crews=crews,
            )  # fmt: skip
            stack.callback(service.close)
            if Role.INGEST in self.roles:
                stack.enter_context(listening(service.context, service.news))
            yield service, telemetry

    def _crews(self, territory: Territory, session: str, stack: ExitStack) -> Broker | None:
        """The session over which tablets are told their rounds, where there are trucks."""
        if not territory.of_type("Vehicle"):
            return None
        crews = open_broker(self.settings, f"{session}-rounds")
        stack.callback(crews.close)
        return crews

    def _ears(self, territory: Territory, stack: ExitStack) -> tuple[Broker, tuple[UplinkSource, ...]]:
        telemetry = open_broker(self.settings, "consigne-telemetry", wire.topic("+", wire.TELEMETRY))
        stack.callback(telemetry.close)
        uplinks = uplink_sources(territory.connections, self.settings.receive_maximum)
        for source in uplinks:
            stack.callback(source.close)
        return telemetry, uplinks


@contextmanager
def scheduling(work: Work, schedule: Schedule) -> Iterator[Turn]:
    """Fire the schedule. In the end nothing more is begun, what runs may take its time, and then its children end."""
    scheduler = Scheduler(work.service.context, schedule)
    scheduler.start()

    def turn(wait_s: float) -> None:
        work.stop.wait(wait_s)
        scheduler.poll()

    try:
        yield turn
    finally:
        scheduler.stop(work.left_s())
        work.service.compute.close()
