"""Planning runs and the ledger: one plan an occurrence, guarded by its own check, explained afterwards."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine.errors import ConsigneError, InputError
from engine.instants import PARIS, noon
from engine.model import CommandState, Level
from engine.settings import Settings
from engine.store import Store
from engine.store.ledger import RunState
from jobs.bootstrap import Territory
from jobs.domains import DOMAINS
from jobs.lighting import LightingTask, energy_wh, read_body
from jobs.lighting.domain import lighting_day, task_of
from jobs.planning import run_plan
from jobs.runs import RunOutcome
from jobs.schedules.loading import built_in
from jobs.schedules.running import run_entry
from jobs.scopes import find_point
from jobs.table import JOBS, Finish, JobContext
from jobs.tracing import tracing
from jobs.why import explain, to_json, to_lines

from .conftest import NOON, readings, tell

DAY = timedelta(days=1)
DUE = "2026-11-16T10:00:00Z"
LIGHTING = DOMAINS["lighting"]


def run_job(context: JobContext, name: str, at: datetime) -> RunOutcome:
    return run_entry(context, built_in(), name, at)


def test_a_plan_reaches_every_lamp_as_a_command(
    store: Store, territory: Territory, settings: Settings, history: int
) -> None:
    result = run_plan(store, territory, LIGHTING, NOON, settings)
    lamps = territory.of_type("Streetlight")
    assert result.record.status == "optimal"
    assert (result.points, result.commands) == (len(lamps), len(lamps))
    with store.read() as unit:
        queued = unit.commands.in_states([CommandState.QUEUED])
        assert {command.point.split("/")[0] for command in queued} == {lamp.id for lamp in lamps}
        for command in queued:
            assert command.program.at(NOON) == 0.0
            midnight = command.program.at(NOON + timedelta(hours=12))
            assert midnight is not None and midnight > 0
            assert command.program.until == NOON + DAY


def test_planning_again_with_the_same_counts_orders_nothing(
    store: Store, territory: Territory, settings: Settings, history: int
) -> None:
    run_plan(store, territory, LIGHTING, NOON, settings)
    assert run_plan(store, territory, LIGHTING, NOON + timedelta(minutes=5), settings).commands == 0


def test_a_run_killed_before_its_commit_is_begun_again_and_committed_once(
    service: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("engine.store.ledger.Ledger.finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_job(service, "plan-lighting", NOON)
    with service.store.read() as unit:
        assert unit.plans.list("lighting", 5) == []
    again = run_job(service, "plan-lighting", NOON)
    assert (again.done_before, again.run.attempts) == (False, 2)
    with service.store.read() as unit:
        assert len(unit.plans.list("lighting", 5)) == 1
        assert [a.state.value for a in unit.ledger.attempts("plan-lighting", DUE)] == ["interrupted", "done"]


def test_without_history_every_lamp_keeps_its_normal_class(
    store: Store, territory: Territory, settings: Settings
) -> None:
    planned, task = planned_night(store, territory, settings)
    burning = task.night.burning
    normal = [str(territory.by_id[lamp].attributes["class_normal"]) for lamp in task.problem.lamps]
    assert all((row == label).all() for row, label in zip(task.classes[:, burning], normal, strict=True))
    assert (planned[:, burning] > 0).all()


def test_more_light_than_asked_never_less(store: Store, territory: Territory, settings: Settings, history: int) -> None:
    planned, task = planned_night(store, territory, settings)
    assert (planned >= task.need.flux - 1e-9).all()
    assert energy_wh(task, planned) < energy_wh(task, np.ones_like(planned) * task.night.burning)


def planned_night(store: Store, territory: Territory, settings: Settings) -> tuple[Any, LightingTask]:
    """Flux (n, T) of the plan that is made, and what was behind it."""
    made = run_plan(store, territory, LIGHTING, NOON, settings)
    with store.read() as unit:
        found = unit.plans.get(made.record.id)
        assert found is not None
        return read_body(found[1])[1], task_of(unit, territory, NOON, settings)


def test_a_job_runs_once_an_occurrence(service: JobContext, history: int) -> None:
    first = run_job(service, "plan-lighting", NOON)
    again = run_job(service, "plan-lighting", NOON + timedelta(hours=20))
    assert (first.done_before, again.done_before) == (False, True)
    assert again.run == first.run
    assert first.run.occurrence == again.run.occurrence == DUE
    assert run_job(service, "plan-lighting", NOON + DAY).run.occurrence == "2026-11-17T10:00:00Z"


def test_a_job_that_failed_is_in_the_ledger_and_runs_again(
    service: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Finish:
        raise ConsigneError("no tea")

    with monkeypatch.context() as patched:
        patched.setitem(JOBS, "roll-up", replace(JOBS["roll-up"], run=fail))
        with pytest.raises(ConsigneError, match="no tea"):
            run_job(service, "roll-up", NOON)
    with service.store.read() as unit:
        run = unit.ledger.get("roll-up", "2026-11-16T10:50:00Z")
    assert run is not None
    assert (run.state, run.report.error) == (RunState.FAILED, "ConsigneError: no tea")
    assert not run_job(service, "roll-up", NOON).done_before


def test_housekeeping_prunes_what_is_past_its_time(service: JobContext, store: Store, territory: Territory) -> None:
    old, new = NOON - 500 * DAY, NOON - DAY
    loop = territory.of_type("TrafficFlowObserved")[0].id
    tell(store, territory, readings((loop, "intensity", 3, old), (loop, "intensity", 4, new)), NOON)
    run_job(service, "housekeeping", NOON)
    with store.read() as unit:
        kept = [value for asset, value in counted(unit, territory) if asset == loop]
    assert kept == [4.0]


def counted(unit: Any, territory: Territory) -> list[tuple[str, float]]:
    frame = unit.readings.history(list(territory.series_names), 0, 2**60)
    return [(territory.series_names[row[0]][0], row[2]) for row in frame.iter_rows()]


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 10, 24), date(2026, 11, 16)])
def test_a_lighting_day_goes_from_local_noon_to_local_noon(day: date) -> None:
    start, until = noon(day), noon(day + DAY)
    assert lighting_day(start) == (start, until)
    assert lighting_day(until - timedelta(microseconds=1)) == (start, until)
    assert lighting_day(until) == (until, noon(day + 2 * DAY))
    assert lighting_day(start - timedelta(microseconds=1))[1] == start


def test_why_tells_the_plan_the_forecast_and_the_command(
    store: Store, territory: Territory, settings: Settings, history: int
) -> None:
    result = run_plan(store, territory, LIGHTING, NOON, settings)
    lamp = next(lamp for lamp in territory.of_type("Streetlight") if lamp.attributes["counter"])
    at = NOON + timedelta(hours=14)
    explanation = explain(store, territory, find_point(territory, lamp.id), at)
    told = to_json(explanation)
    assert told["winner"]["version"] == result.record.id
    assert told["winner"]["level"] == Level.DAY_AHEAD_PLAN
    assert told["behind"]["counter"] == lamp.attributes["counter"]
    assert told["behind"]["samples"] > 0
    assert told["command"]["state"] == "queued"
    assert told["envelope"]["outcome"] == "accepted"
    english, french = to_lines(explanation, "en"), to_lines(explanation, "fr")
    assert len(english) == len(french)
    assert english[0].startswith(f"{lamp.id}/illuminanceLevel at {at.astimezone(PARIS):%Y-%m-%d %H:%M}")


def test_why_of_nothing_says_nothing_was_asked(store: Store, territory: Territory) -> None:
    lamp = territory.of_type("Streetlight")[0].id
    explanation = explain(store, territory, f"{lamp}/illuminanceLevel", NOON)
    assert to_json(explanation)["value"] is None
    assert to_lines(explanation, "en") == [
        f"Nothing was asked of {lamp}/illuminanceLevel at 2026-11-16 12:00:00 +0100."
    ]


def test_a_point_is_found_by_its_asset_or_told_its_neighbours(territory: Territory) -> None:
    lamp = territory.of_type("Streetlight")[0].id
    assert find_point(territory, lamp) == find_point(territory, f"{lamp}/illuminanceLevel")
    with pytest.raises(InputError, match=lamp):
        find_point(territory, lamp[:-1])
    with pytest.raises(InputError, match="territory export"):
        find_point(territory, "nobody")


def test_a_planning_run_leaves_a_tree_of_what_took_how_long(service: JobContext, history: int) -> None:
    exporter = InMemorySpanExporter()
    with tracing("", exporter):
        run_job(service, "plan-lighting", NOON)
    spans = {span.context.span_id: span for span in exporter.get_finished_spans() if span.context}
    tree = {
        span.name: spans[span.parent.span_id].name if span.parent else ""
        for span in sorted(spans.values(), key=lambda span: span.start_time or 0)
    }
    assert tree == {
        "run": "", "plan": "run", "build": "plan", "solve": "plan", "check": "plan", "guard": "plan", "commit": "run",
    }  # fmt: skip
    (run,) = [span for span in spans.values() if span.name == "run"]
    assert run.attributes == {"job": "plan-lighting", "occurrence": DUE, "attempt": 1}
