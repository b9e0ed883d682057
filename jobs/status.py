"""The status of a process over HTTP: /metrics, /livez and /readyz."""

import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import asdict

import orjson
import structlog
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import InputError
from engine.ports import Clock
from engine.settings import Settings
from engine.store import Store, Unit
from jobs.collecting import DatabaseCollector, VitalsCollector
from jobs.health import Finding, Look, Read, Readiness, is_live, worst
from jobs.overdue import jobs_on_time, overdue
from jobs.schedules import schedule_of
from jobs.vitals import Vitals
from jobs.web import serving

_log = structlog.get_logger()


class _Everything(CollectorRegistry):
    """The metrics of this process, and those that are looked up for whoever asks here."""

    def collect(self) -> Iterable[Metric]:
        yield from REGISTRY.collect()
        yield from super().collect()


def everything(read: Read, vitals: Vitals, clock: Clock) -> CollectorRegistry:
    """All that /metrics shows."""
    registry = _Everything()
    registry.register(DatabaseCollector(read, clock, lambda: vitals.fences))
    registry.register(VitalsCollector(vitals))
    return registry


@contextmanager
def status_server(settings: Settings, vitals: Vitals, roles: Collection[str], clock: Clock) -> Iterator[int]:
    """Answer on `metrics_host`:`metrics_port`, and say on which port; 0 when the setting is 0 and nothing does.

    It has connections of its own to the database, which may be away. Raises ConsigneError when the port is not to be
    had.
    """
    if settings.metrics_port == 0:
        yield 0
        return
    onlooker = Onlooker(settings.database_url)
    app = status_app(settings, onlooker.read, vitals, roles, clock)
    with (
        closing(onlooker),
        serving(app, settings.metrics_host, settings.metrics_port, "status", "CONSIGNE_METRICS_PORT") as port,
    ):
        _log.info("telling the status", host=settings.metrics_host, port=port, roles=sorted(roles))
        yield port


class Onlooker:
    """Reads a database that may be away when one begins to look."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._store: Store | None = None

    def read(self) -> AbstractContextManager[Unit]:
        """See `Store.read`. Raises Unavailable where it is away."""
        with self._lock:
            if self._store is None:
                self._store = Store.open(self._url)
        return self._store.read()

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


def status_app(settings: Settings, read: Read, vitals: Vitals, roles: Collection[str], clock: Clock) -> Starlette:
    """The three paths. Each answers for this process; a console, which has no work, for the whole service."""
    registry = everything(read, vitals, clock)
    works = bool(set(roles) - {"console"})
    readiness = Readiness(settings, read, vitals, roles, clock.now, _also(settings, roles, works=works))

    def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    def livez(_request: Request) -> Response:
        return _told([is_live(settings, vitals)] if works else [], roles)

    def readyz(_request: Request) -> Response:
        return _told(readiness.findings(), roles)

    return Starlette(routes=[Route("/metrics", metrics), Route("/livez", livez), Route("/readyz", readyz)])


def _also(settings: Settings, roles: Collection[str], *, works: bool) -> Look:
    """What a process with these roles is to answer for beside its own work: those who only look on, for everything."""
    schedule = None
    if "plan" in roles or not works:
        with suppress(InputError):  # `consigne serve` and the doctor name its mistakes
            schedule = schedule_of(settings)
    if "dispatch" in roles or not works:
        return lambda unit, now: overdue(unit, schedule, settings, now)
    return lambda unit, now: [] if schedule is None else [jobs_on_time(unit, schedule, now)]


def _told(findings: Collection[Finding], roles: Collection[str]) -> Response:
    state = worst(findings)
    body = {"state": state, "roles": sorted(roles), "parts": [asdict(finding) for finding in findings]}
    text = orjson.dumps(body, option=orjson.OPT_INDENT_2)
    return Response(text, 503 if state == "down" else 200, media_type="application/json")
