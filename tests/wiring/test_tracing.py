"""Traces: a tree of what was done, and nothing at all where nobody collects it."""

import builtins
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine.errors import InputError
from engine.settings import load_settings
from jobs.tracing import _endpoint, span, tracing


def test_without_a_collector_a_span_is_nothing_at_all() -> None:
    assert span("cycle", readings=5) is span("ingest")
    with tracing(""):
        assert span("cycle") is span("ingest")


def test_spans_lie_within_each_other_and_keep_what_they_are_told() -> None:
    exporter = InMemorySpanExporter()
    with tracing("", exporter), pytest.raises(ValueError, match="infeasible"), span("plan", domain="lighting"):
        with span("solve", seed=1):
            pass
        raise ValueError("infeasible")
    solve, plan = exporter.get_finished_spans()
    assert (solve.name, plan.name) == ("solve", "plan")
    assert solve.parent is not None and plan.context is not None
    assert solve.parent.span_id == plan.context.span_id
    assert plan.attributes == {"domain": "lighting"}
    assert not plan.status.is_ok
    assert plan.resource.attributes["service.name"] == "consigne"
    assert span("later") is span("still nothing")


def test_a_missing_package_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(f"No module named {name!r}", name=name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with (
        pytest.raises(InputError, match=r"CONSIGNE_TRACE_URL traces want OpenTelemetry.* → pip install"),
        tracing("http://x"),
    ):
        pass


@pytest.mark.parametrize(
    ("url", "taken_at"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://collector/otlp/traces", "https://collector/otlp/traces"),
    ],
)
def test_a_collector_is_named_with_or_without_its_path(url: str, taken_at: str) -> None:
    assert _endpoint(url) == taken_at


def test_a_wrong_url_is_refused_with_the_settings() -> None:
    with pytest.raises(InputError, match="CONSIGNE_TRACE_URL"):
        load_settings(trace_url="collector:4318")
