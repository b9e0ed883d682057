"""OpenTelemetry traces, where somebody collects them; elsewhere `span` does nothing. Equipment hears nothing of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from engine.errors import InputError, Problem

P = ParamSpec("P")
T = TypeVar("T")
_OFF: AbstractContextManager[None] = nullcontext()
_PATIENCE_S = 2.0  # with a collector that is away; the end of the process waits for it
_tracer: Any = None


def span(name: str, **attributes: str | float | bool) -> AbstractContextManager[object]:
    """A piece of work, in the trace of the one around it. An error that leaves the block is written on it."""
    if _tracer is None:
        return _OFF
    started: AbstractContextManager[object] = _tracer.start_as_current_span(name, attributes=attributes)
    return started


def traced(name: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A function whose every call is a span."""

    def around(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def within(*arguments: P.args, **named: P.kwargs) -> T:
            with span(name):
                return function(*arguments, **named)

        return within

    return around


@contextmanager
def tracing(url: str, exporter: Any = None) -> Iterator[None]:
    """Send traces to an OTLP/HTTP collector while in the block; none for an empty URL.

    `url`: http[s]://HOST:4318, or with the path traces are taken at. `exporter` stands for the collector in tests.
    Raises InputError where the packages of the extra `trace` are not installed.
    """
    global _tracer  # noqa: PLW0603 - what is traced is a fact of the process, as where its log goes
    if not url and exporter is None:
        yield
        return
    provider = _provider(url, exporter)
    before, _tracer = _tracer, provider.get_tracer("consigne")
    try:
        yield
    finally:
        _tracer = before
        provider.shutdown()


def _provider(url: str, exporter: Any) -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - optional
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        hint = "pip install 'consigne[trace]', or leave the variable out"
        what = f"traces want OpenTelemetry, which is not installed ({error.name})"
        raise InputError([Problem("CONSIGNE_TRACE_URL", 0, 0, what, hint)]) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "consigne"}))
    if exporter is None:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=_endpoint(url), timeout=_PATIENCE_S)))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    return url if parts.path.strip("/") else parts._replace(path="/v1/traces").geturl()
