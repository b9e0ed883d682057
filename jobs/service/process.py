"""A process of the service: it stands by until it leads its roles, then opens what they need and works."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import orjson
import structlog

from engine import wire
from engine.broker import Broker
from engine.settings import Settings
from engine.store.leases import Deposed
from jobs import schedule
from jobs.bootstrap import WallClock, open_broker, open_link, open_store, open_territory
from jobs.compute import compute_of
from jobs.filelock import locked
from jobs.leadership import Leadership, Term
from jobs.listener import listening
from jobs.reload import RuleFiles
from jobs.runs import interrupt_runs
from jobs.service.aside import with_back_off
from jobs.service.ending import Ending
from jobs.service.loop import Turn, Work, parts_of, take_turns
from jobs.service.roles import Role, lease_names
from jobs.service.steps import Service
from jobs.uplinks import UplinkSource, uplink_sources

_log = structlog.get_logger()


def run_process(settings: Settings, roles: frozenset[Role], name: str | None, ending: Ending) -> None:
    """Lead these roles whenever nobody else does, until told to stop.

    Raises InputError where another process serves the same SQLite file, and what a start raises.
    """
    names = lease_names(roles, name)
    if not names:
        ending.stop.wait()
        return
    with ExitStack() as stack:
        store = with_back_off(lambda: open_store(settings), ending.stop)
        if store is None:
            return
        stack.callback(store.close)
        if store.path is not None:
            stack.enter_context(locked(store.path, names))
        life = timedelta(seconds=settings.lead_s)
        leadership = Leadership(store, names, WallClock(), life, alone=store.path is not None)
        while (term := leadership.stand_by(ending.stop)) is not None:
            with term:
                _lead(settings, roles, name, term, ending)


def _lead(settings: Settings, roles: frozenset[Role], name: str | None, term: Term, ending: Ending) -> None:
    def left_s() -> float:
        return 0.0 if term.lost else ending.left_s()

    leases = sorted(term.fences)
    _log.info("leading", leases=leases, fences=term.fences)
    sys.stdout.buffer.write(orjson.dumps({"leads": leases, "pid": os.getpid()}) + b"\n")
    sys.stdout.flush()
    try:
        with ExitStack() as stack:
            opened = with_back_off(
                lambda: stack.enter_context(opened_service(settings, roles, name, term)), term.over
            )  # fmt: skip
            if opened is None:
                return
            service, telemetry = opened
            if Role.INGEST in roles:
                stack.enter_context(listening(service.context, service.news))
            work = Work(service, term.over, left_s)
            parts = parts_of(work, telemetry, roles)
            if Role.PLAN in roles:
                parts.append(scheduling(work, term))
            take_turns(parts, term.over)
    except Deposed as error:
        term.lose(str(error))


@contextmanager
def opened_service(
    settings: Settings, roles: frozenset[Role], name: str | None, term: Term
) -> Iterator[tuple[Service, Broker | None]]:
    """What these roles need and no more: sessions with the broker, the way to equipment, rules. Raises Unavailable."""
    clock = WallClock()
    with ExitStack() as stack:
        store, territory = open_territory(settings)
        stack.callback(store.close)
        telemetry: Broker | None = None
        uplinks: tuple[UplinkSource, ...] = ()
        files = RuleFiles(settings, territory) if Role.RULES in roles else None
        link = None
        if Role.INGEST in roles:
            telemetry = open_broker(settings, "consigne-telemetry", wire.topic("+", wire.TELEMETRY))
            stack.callback(telemetry.close)
            uplinks = uplink_sources(territory.connections, settings.receive_maximum)
            for source in uplinks:
                stack.callback(source.close)
        if Role.DISPATCH in roles:
            session = "consigne-dispatch" if name is None else f"consigne-dispatch-{name}"
            link = stack.enter_context(open_link(settings, clock, session))
        heavy = roles & {Role.RULES, Role.PLAN}
        service = Service(
            settings, store.under(term.fences), territory, None if files is None else files.first(), clock, link,
            files, uplinks, compute_of(settings) if heavy else None, sender=name and f"sender {name}",
        )  # fmt: skip
        stack.callback(service.close)
        yield service, telemetry


@contextmanager
def scheduling(work: Work, term: Term) -> Iterator[Turn]:
    """Fire the schedule. At the end nothing more is begun, what runs may take its time, and then is ended."""
    service = work.service
    scheduler = schedule.start_scheduler(service.context)
    try:
        yield lambda _wait_s: None
    finally:
        scheduler.shutdown(wait=False)
        service.compute.close()
        if term.lost is None:
            interrupt_runs(service.store, service.clock)
