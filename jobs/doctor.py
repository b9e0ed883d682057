"""`consigne doctor`: what is installed, reachable, degraded, and what to do about it."""

import contextlib
import importlib
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from engine.alarms.figures import STALE, figures
from engine.equipment.connections import Connection, Directory
from engine.errors import ConsigneError, InputError
from engine.instants import PARIS, isoformat
from engine.model import AlarmState
from engine.notify.messages import MessageState
from engine.notify.recipients import NOTIFY, load_recipients
from engine.rulebook import durable_available, load_rules
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import WallClock, broker_of, catalogue_of, connections_in
from jobs.collection.closures_read import refused_closures
from jobs.compute.probe import probe
from jobs.energy.contracts_read import refused_contracts
from jobs.forecasts import Freshness, freshness_of, sources_in
from jobs.groups.trays import arrangement
from jobs.health import Finding
from jobs.law import refused_law
from jobs.overdue import overdue
from jobs.reload import in_service
from jobs.rooms import announced_rooms, room_of
from jobs.schedules import schedule_of
from jobs.schedules.reviewing import amiss, review

_RUNS_SINCE = timedelta(days=2)
_UNHEARD = {MessageState.FAILED, MessageState.EXPIRED}
_SOLVERS = ("ortools", "pulp", "highspy", "pyomo.environ")


def examine(settings: Settings, *, quick: bool) -> Iterator[Finding]:
    """Look at everything, one finding each. `quick` leaves the solver libraries and the integrity checks out."""
    yield Finding("python", "ok", platform.python_version())
    yield _try("catalogue", lambda: f"{len(catalogue_of(settings).types)} asset types")
    yield _try("rules", lambda: f"{len(load_rules(settings.rules_dir, catalogue_of(settings)).rules)} rules")
    yield _try("schedule", lambda: f"{len(schedule_of(settings).entries)} entries")
    yield _recipients(settings)
    yield _inference()
    database = _try("database", lambda: _database(settings, quick=quick))
    yield database
    if database.state == "ok":
        yield _service(settings)
        yield _leaders(settings, WallClock().now())
        yield _alarms(settings, WallClock().now())
        yield _runs(settings, WallClock().now())
        yield from _overdue(settings, WallClock().now())
        yield _holds(settings)
        yield _forecasts(settings, WallClock().now())
    yield _try("broker", lambda: _broker(settings))
    yield from _equipment(settings, database.state == "ok")
    if not quick:
        yield _try("compute", lambda: probe(settings))
        yield from (_try(name, partial(_version, name)) for name in _SOLVERS)


def _try(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", look())
    except (ConsigneError, ImportError) as error:
        return Finding(name, "down", str(error))


def _inference() -> Finding:
    if durable_available():
        return Finding("inference", "ok", "durable-rules, in a process of its own")
    what = "durable-rules is absent (no build for this Python): the reference evaluator answers, more slowly"
    return Finding("inference", "degraded", what)


def _database(settings: Settings, *, quick: bool) -> str:
    store = Store.open(settings.database_url)
    problems = store.check_schema() if quick else store.check(WallClock().now())
    if problems:
        raise ConsigneError("; ".join(map(str, problems)))
    with store.read() as unit:
        totals = unit.readings.totals()
    return f"{totals.received} readings received, {totals.stored} stored"


def _service(settings: Settings) -> Finding:
    """The rules of the service that runs, or ran last, on this database."""
    with Store.open(settings.database_url).read() as unit:
        said, shared = in_service(unit), arrangement(unit)
        refused = {
            "changed files": said.get("refused"),
            "changed orders": refused_law(unit),
            "changed closures": refused_closures(unit),
            "changed contracts": refused_contracts(unit),
        }
    if not said:
        return Finding("service", "ok", "has not run on this database")
    what = f"{said['rules']} rules in service since {_local(said['since'])}, version {said['version']}"
    what = f"{what}; {said['inference']} answers"
    if shared is not None:
        what += f"; shared out over {len(shared.shares)} groups of zones, none of which looks at another"
    told = [text for name, one in refused.items() if (text := _refused(name, one))]
    return Finding("service", "degraded" if told else "ok", "; ".join([what, *told]))


def _refused(name: str, refused: dict[str, Any] | None) -> str:
    if refused is None:
        return ""
    more = f" (and {refused['more']} more)" if refused["more"] else ""
    problems = "; ".join(refused["problems"])
    return f"{name} refused at {_local(refused['at'])}: {problems}{more}"


def _leaders(settings: Settings, now: datetime) -> Finding:
    """Who leads which roles, degraded where some are led and others are not."""
    with Store.open(settings.database_url).read() as unit:
        leases = unit.leases.all()
    leads = [lease for lease in leases if lease.until_at > now]
    terms: dict[tuple[str, datetime, datetime], list[str]] = {}
    for lease in leads:
        terms.setdefault((lease.owner, lease.taken_at, lease.until_at), []).append(lease.name)
    said = [
        f"{owner} leads {', '.join(names)} since {_when(since)}, until {_when(until)} unless renewed"
        for (owner, since, until), names in terms.items()
    ]
    if not leads:
        return Finding("leaders", "ok", "nobody serves this database now → consigne serve")
    gone = {lease.name for lease in leases if "/" not in lease.name} - {lease.name.partition("/")[0] for lease in leads}
    if not gone:
        return Finding("leaders", "ok", "; ".join(said))
    hint = f"nobody leads {', '.join(sorted(gone))} → consigne serve --roles {','.join(sorted(gone))}"
    return Finding("leaders", "degraded", "; ".join([*said, hint]))


def _when(at: datetime) -> str:
    return _local(isoformat(at))


def _recipients(settings: Settings) -> Finding:
    """Who is told of alarms, and whether there is a way to."""
    path = settings.rules_dir / NOTIFY
    if not path.exists():
        return Finding("recipients", "ok", f"nobody is told of alarms → write {path}: docs/recipients.md")
    try:
        book = load_recipients(path, load_rules(settings.rules_dir, catalogue_of(settings)).owners)
    except InputError as error:
        return Finding("recipients", "degraded", str(error))
    unreachable = [name for name, one in book.recipients.items() if one.email and not settings.smtp_url]
    if unreachable:
        what = f"no mail server is named for {', '.join(unreachable)} → set CONSIGNE_SMTP_URL"
        return Finding("recipients", "degraded", what)
    return Finding("recipients", "ok", f"{len(book.recipients)} of alarms")


def _alarms(settings: Settings, now: datetime) -> Finding:
    """What waits for people, and what they have not heard."""
    with Store.open(settings.database_url).read() as unit:
        found = figures([], unit.alarms.active(), lambda _: (), now - STALE, now)
        waiting = sum(alarm.state is AlarmState.UNACKNOWLEDGED for alarm in unit.alarms.active())
        lost = sum(one.state in _UNHEARD for one in unit.notifications.recent(now - STALE))
    what = f"{waiting} want to be acknowledged, {len(found.stale)} stand for more than a day"
    if not lost:
        return Finding("alarms", "ok", what)
    return Finding("alarms", "degraded", f"{what}; {lost} messages of the last day reached nobody → see the log")


def _runs(settings: Settings, now: datetime) -> Finding:
    """Whether what was due in the last two days ran."""
    try:
        schedule = schedule_of(settings)
    except InputError:
        return Finding("runs", "degraded", "nothing is known of what ought to have run: see schedule")
    with Store.open(settings.database_url).read() as unit:
        found = review(unit, schedule, now - _RUNS_SINCE, now, now)
    counts = Counter(one.state for one in found)
    what = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none"
    wrong = [f"{one.entry} of {_local(isoformat(one.due_at))} {one.state}" for one in amiss(found)]
    if not wrong:
        return Finding("runs", "ok", f"of two days: {what}")
    return Finding("runs", "degraded", f"of two days: {what}; {', '.join(wrong)} → consigne schedule runs")


def _overdue(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The same as /readyz of a console."""
    schedule = None
    with contextlib.suppress(InputError):  # told of the file
        schedule = schedule_of(settings)
    with Store.open(settings.database_url).read() as unit:
        yield from overdue(unit, schedule, settings, now)


def _holds(settings: Settings) -> Finding:
    """What people have stopped, degraded for as long."""
    with Store.open(settings.database_url).read() as unit:
        holds = unit.holds.active(WallClock().now())
    said = [f"{h.scope.value} {h.subject} until {_local(isoformat(h.until_at))} ({h.reason})" for h in holds]
    return Finding("holds", "degraded", "; ".join(said)) if holds else Finding("holds", "ok", "nothing is held")


def _forecasts(settings: Settings, now: datetime) -> Finding:
    """Sources of forecasts that have grown stale. One that was never imported is nobody's yet."""
    try:
        sources = sources_in(settings)
    except InputError as error:
        return Finding("forecasts", "degraded", str(error))
    with Store.open(settings.database_url).read() as unit:
        found = {name: freshness_of(unit, name, source, now) for name, source in sources.items()}
    stale = [
        f"{name}, issued {_local(isoformat(issue.issued_at))}"
        for name, (freshness, issue) in found.items()
        if freshness is Freshness.STALE and issue is not None
    ]
    if stale:
        what = f"stale: {'; '.join(stale)} → consigne forecast import says what is wrong"
        return Finding("forecasts", "degraded", what)
    fresh = sum(freshness is Freshness.FRESH for freshness, _ in found.values())
    return Finding("forecasts", "ok", f"{fresh} of {len(sources)} sources imported and fresh")


def _local(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(PARIS):%Y-%m-%d %H:%M:%S}"


def _equipment(settings: Settings, with_inventory: bool) -> Iterator[Finding]:
    """Each connection of the equipment file, asked side by side; and the gateways that none serves."""
    try:
        connections = connections_in(settings)
    except InputError as error:
        yield Finding("equipment file", "down", str(error))
        return
    if not connections:
        return
    with ThreadPoolExecutor(16) as pool:
        yield from pool.map(_probe, connections)
    if with_inventory:
        yield from _rooms(settings, connections)
        yield from _unserved(settings, Directory(connections))


def _rooms(settings: Settings, connections: Sequence[Connection]) -> Iterator[Finding]:
    """What of one night each connection's equipment takes, where that is known."""
    with Store.open(settings.database_url).read() as unit:
        announced = announced_rooms(unit)
    for connection in connections:
        room, said = room_of(connection, announced), announced.get(connection.id)
        limits = {"programs": room.programs, "changes of level": room.switch_points}
        known = [f"at most {most} {what}" for what, most in limits.items() if most is not None]
        if known:
            where = "in all" if room.shared else "each gateway"
            source = f"announced {_when(said.at)}: {said.room.said}" if said else "stated in the equipment file"
            yield Finding(f"room {connection.id}", "ok", f"{' and '.join(known)} a night, {where} ({source})")


def _unserved(settings: Settings, directory: Directory) -> Iterator[Finding]:
    with Store.open(settings.database_url).read() as unit:
        gateways = {asset.gateway for asset in unit.inventory.assets() if asset.gateway}
    alone = sorted(gateway for gateway in gateways if directory.find(gateway) is None)
    if alone:
        what = f"no connection serves {len(alone)} of {len(gateways)} gateways: {', '.join(alone[:5])}"
        hint = f"add them to a connection of {settings.equipment_file}"
        yield Finding("equipment file", "degraded", f"{what} → {hint}")


def _probe(connection: Connection) -> Finding:
    """One that is away degrades the service: the others go on."""
    found = _try(f"connection {connection.id}", connection.probe)
    return found if found.state == "ok" else Finding(found.name, "degraded", found.what)


def _broker(settings: Settings) -> str:
    broker = broker_of(settings, f"consigne-doctor-{platform.node()}")
    broker.connect(5.0)
    broker.close()
    return "answers"


def _version(name: str) -> str:
    module = importlib.import_module(name)
    return str(getattr(module, "__version__", "there"))
