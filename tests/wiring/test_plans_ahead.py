"""The next lighting day is planned before it begins: no lamp is without a program over noon; no span ends another."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from engine.errors import ConsigneError, InputError
from engine.instants import noon
from engine.model import Program
from engine.store import Store
from engine.store.ledger import RunState
from jobs.bootstrap import StoryClock, Territory
from jobs.domains import DOMAINS
from jobs.lighting.domain import lighting_day
from jobs.planning import PlanRequest, approve, commit_plan, make_plan, run_plan
from jobs.runs import RunOutcome
from jobs.schedules.loading import built_in
from jobs.schedules.running import run_entry
from jobs.table import JOBS, JobContext, PlanArguments
from jobs.why import explain

from .conftest import NOON

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LIGHTING = DOMAINS["lighting"]
At = Callable[[datetime], JobContext]


@pytest.fixture
def at(service: JobContext) -> At:
    return lambda now: replace(service, clock=StoryClock(now))


def run_at(at: At, now: datetime, name: str = "plan-lighting") -> RunOutcome:
    return run_entry(at(now), built_in(), name, now)


def newest(store: Store, territory: Territory) -> dict[str, Program]:
    lamps = [f"{lamp.id}/illuminanceLevel" for lamp in territory.of_type("Streetlight")]
    with store.read() as unit:
        return {point: command.program for point, command in unit.commands.newest(lamps).items()}


@pytest.mark.parametrize("day", [date(2026, 11, 17), date(2026, 3, 28), date(2026, 10, 24)])
def test_every_lamp_is_told_before_noon_what_holds_after_it(
    at: At, store: Store, territory: Territory, day: date, history: int
) -> None:
    """On the days the clocks change as well, 23, 24 and 25 hours, and on the first day of all."""
    first, second, end = (noon(day + n * DAY) for n in range(3))
    for begins, ends in ((first, second), (second, end)):
        outcome = run_at(at, begins - HOUR)
        assert outcome.run.state is RunState.DONE
        for point, program in newest(store, territory).items():
            assert (program.start, program.until) == (begins - HOUR, ends), point
            assert program.at(begins - HOUR) == program.at(begins) == 0.0, point
            lit = program.at(noon(begins.date()) + 12 * HOUR)
            assert lit is not None and lit > 0


def test_until_noon_the_plan_of_the_night_before_is_what_explains(
    at: At, store: Store, territory: Territory, history: int
) -> None:
    run_at(at, NOON - HOUR)
    run_at(at, NOON + DAY - HOUR)
    lamp = territory.of_type("Streetlight")[0]
    before, after = (
        explain(store, territory, f"{lamp.id}/illuminanceLevel", NOON + DAY + moment).piece
        for moment in (-timedelta(minutes=30), timedelta(minutes=30))
    )
    with store.read() as unit:
        plans = {record.id: record.start for record in unit.plans.list("lighting", 5)}
    assert before is not None and before.winner is not None and after is not None and after.winner is not None
    assert [plans[piece.winner.version] for piece in (before, after)] == [NOON, NOON + DAY]


def test_a_replan_before_noon_leaves_the_next_night_as_it_was_planned(
    at: At, store: Store, territory: Territory, history: int
) -> None:
    run_at(at, NOON - HOUR)
    run_at(at, NOON + DAY - HOUR)
    told = newest(store, territory)
    moment = NOON + DAY - timedelta(minutes=20)
    outcome = run_at(at, moment, "replan-lighting")
    assert outcome.run.state is RunState.DONE
    with store.read() as unit:
        assert unit.plans.list("lighting", 1)[0].start == NOON
    for point, program in newest(store, territory).items():
        assert program.clip(moment, NOON + 2 * DAY) == told[point].clip(moment, NOON + 2 * DAY)


def test_what_fails_at_eleven_is_made_before_noon(
    at: At, store: Store, territory: Territory, history: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_at(at, NOON - HOUR)
    with monkeypatch.context() as broken:
        broken.setitem(DOMAINS, "lighting", LIGHTING)
        broken.setattr("jobs.table.make_plan", _breaks)
        with pytest.raises(ConsigneError):
            run_at(at, NOON + DAY - HOUR)
    assert all(program.until == NOON + DAY for program in newest(store, territory).values())
    outcome = run_at(at, NOON + DAY - timedelta(minutes=20), "plan-lighting-again")
    assert (outcome.run.state, outcome.run.report.counts["points"]) == (RunState.DONE, len(newest(store, territory)))
    assert all(program.until == NOON + 2 * DAY for program in newest(store, territory).values())


def _breaks(*_: Any) -> Any:
    raise ConsigneError("the machine is out of order")


def test_what_was_made_is_not_made_again(at: At, store: Store, history: int) -> None:
    first = run_at(at, NOON - HOUR).run
    again = run_at(at, NOON - timedelta(minutes=20), "plan-lighting-again").run
    assert again.report.counts == {"plan": first.report.counts["plan"], "there": 1}
    with store.read() as unit:  # none of the night before was in force: it was planned as well
        assert {record.start for record in unit.plans.list("lighting", 5)} == {NOON, NOON - DAY}


def test_a_run_that_comes_hours_late_plans_the_night_that_holds_by_then(
    at: At, store: Store, territory: Territory, history: int
) -> None:
    outcome = run_entry(at(NOON + 3 * HOUR), built_in(), "plan-lighting", NOON + 3 * HOUR)
    assert outcome.run.occurrence == "2026-11-16T10:00:00Z"
    assert {(p.start, p.until) for p in newest(store, territory).values()} == {(NOON + 3 * HOUR, NOON + DAY)}


def test_ahead_only_what_was_counted_by_then_is_used(
    service: JobContext, store: Store, territory: Territory, history: int
) -> None:
    asked: list[tuple[datetime, datetime]] = []

    def build(unit: Any, ground: Any, at: datetime, settings: Any, ahead: timedelta) -> Any:
        asked.append((at, at + ahead))
        return LIGHTING.build(unit, ground, at, settings, ahead)

    made = make_plan(service, replace(LIGHTING, build=build), PlanRequest(NOON - HOUR, ahead=HOUR))
    assert made.span == lighting_day(NOON)
    assert asked == [(NOON - HOUR, NOON)]
    assert made.candidate is not None


def test_a_proposed_night_is_not_overtaken_by_another_nights_plan(
    service: JobContext, store: Store, territory: Territory, history: int
) -> None:
    made = make_plan(service, LIGHTING, PlanRequest(NOON + DAY - HOUR, propose=True, ahead=HOUR))
    with store.begin() as unit:
        proposed = commit_plan(unit, territory, LIGHTING, made, NOON + DAY - HOUR)
    assert proposed is not None
    run_plan(store, territory, LIGHTING, NOON + DAY - HOUR / 2, service.settings)
    with store.begin() as unit:
        points, commands = approve(unit, territory, LIGHTING, proposed.record.id, "person:x", NOON + DAY - HOUR / 4)
    assert points == commands == len(territory.of_type("Streetlight"))


@pytest.mark.parametrize("ahead", ["4 h", "-1 h", "soon"])
def test_how_far_ahead_is_bounded(ahead: str) -> None:
    with pytest.raises(ValueError, match="ahead"):
        PlanArguments.model_validate({"ahead": ahead})
    assert JOBS["plan-lighting"].arguments is PlanArguments


def test_a_plan_of_a_night_that_is_over_is_refused_still(
    service: JobContext, store: Store, territory: Territory, history: int
) -> None:
    made = make_plan(service, LIGHTING, PlanRequest(NOON))
    with store.begin() as unit:
        assert commit_plan(unit, territory, LIGHTING, made, NOON + DAY) is None
    with pytest.raises(InputError), store.begin() as unit:
        approve(unit, territory, LIGHTING, "lighting-none", "person:x", NOON)
