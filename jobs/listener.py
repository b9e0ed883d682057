"""The small HTTP server by which context brokers notify us, beside the service's loop."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from engine.equipment.connections import first_line
from engine.telemetry.jsonlines import parse_payloads
from engine.telemetry.notifications import PATH, notifications_app
from jobs.ingest import store_raw
from jobs.table import JobContext
from jobs.web import serving

_log = structlog.get_logger()


@contextmanager
def listening(context: JobContext, news: threading.Event | None = None) -> Iterator[int]:
    """Take notifications on `http_host`:`http_port`, and say on which port; 0 when the setting is 0 and nothing is.

    `news` is set after each that has been committed.

    Raises ConsigneError when the port is not to be had. On leaving, what has been begun is finished.
    """
    settings = context.settings
    if settings.http_port == 0 or settings.http_token_file is None:
        yield 0
        return
    token = first_line(settings.http_token_file)
    app = notifications_app(lambda body: take(context, body, news or threading.Event()), token)
    with serving(app, settings.http_host, settings.http_port, "notifications", "CONSIGNE_HTTP_PORT") as port:
        _log.info("listening for notifications", host=settings.http_host, port=port, path=PATH)
        yield port


def take(context: JobContext, body: bytes, news: threading.Event) -> dict[str, int]:
    """Commit one notification. Its sender is believed about every asset: the token is what vouches for it."""
    intake = store_raw(
        context.store,
        context.territory,
        parse_payloads([body], catalogue=context.territory.catalogue),
        source="ngsi-ld",
        received_at=context.clock.now(),
        skew=timedelta(seconds=context.settings.clock_skew_s),
    )
    news.set()
    return {"received": intake.received, "stored": intake.stored}
