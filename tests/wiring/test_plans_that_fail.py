"""A planning run that fails somewhere: the fall-back in its order, the alarm, the report, what is asked of lamps."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from engine.errors import ConsigneError, InputError, Outdated, Problem, Unavailable
from engine.instants import noon
from engine.model import Alarm, CommandState, PlanOrigin, PlanRecord, PlanState
from engine.settings import Settings
from engine.store import Store
from engine.store.ledger import RunReport, RunState
from jobs.bootstrap import Territory
from jobs.compute import Fault, FaultKind, Inline, Outcome
from jobs.domains import DOMAINS
from jobs.lighting.domain import lighting_day
from jobs.planning import Domain, PlanRequest, StaleInputs, commit_plan, make_plan, overtaken, report_of, run_plan
from jobs.story import made_traffic
from jobs.table import JOBS, JobContext, Occasion
from jobs.why import explain, to_json, to_lines
from optimizers.result import Limits

from .conftest import NOON, Fake, readings, tell

DAY = timedelta(days=1)
LIGHTING = DOMAINS["lighting"]
FAILS = "def solve(problem, limits): raise RuntimeError('no tea')"
# What each of these makes of a good solver, and the words by which it is told.
BROKEN = {
    "raises": (FAILS, "solve: raised: RuntimeError: no tea"),
    "infeasible": (
        "def solve(problem, limits): return replace(lighting.solve(problem), status=Status.INFEASIBLE)",
        "solve: infeasible",
    ),
    "hides": (
        (
            "def solve(problem, limits):\n"
            "    plan = lighting.solve(problem)\n    return replace(plan, flux=np.zeros_like(plan.flux))"
        ),
        "check: the plan breaks what it does not own up to: floor",
    ),
    "too late": (
        (
            "def solve(problem, limits):\n    plan = lighting.solve(problem)\n"
            "    return replace(plan, status=Status.TIME_LIMIT, flux=np.zeros_like(plan.flux))"
        ),
        "solve: out of time without a usable plan",
    ),
    "not a number": (
        (
            "def solve(problem, limits):\n"
            "    plan = lighting.solve(problem)\n    return replace(plan, flux=plan.flux * np.nan)"
        ),
        "check: the plan breaks what it does not own up to: finite",
    ),
    "no plan": ("def solve(problem, limits): return None", "solve: raised: no plan came back, but NoneType"),
    "no bound": (
        "def solve(problem, limits): return replace(lighting.solve(problem), bound=float('nan'))",
        "check: the plan breaks what it does not own up to: bound of plan by nan",
    ),
    "nonsense": (
        "def solve(problem, limits): return {'status': 'optimal'}",
        "solve: raised: no plan came back, but dict",
    ),
    "understates": (
        (
            "def solve(problem, limits):\n    plan = lighting.solve(problem)\n    dark = np.zeros_like(plan.flux)\n"
            "    found = lighting.check(problem, replace(plan, flux=dark))\n"
            "    return replace(plan, flux=dark, violations=tuple(replace(v, amount=v.amount / 2) for v in found))"
        ),
        "check: the plan breaks what it does not own up to: floor",
    ),
    "check fails": ("def check(problem, plan): raise ValueError('cannot tell')", "check: ValueError: cannot tell"),
}


@pytest.fixture
def run(service: JobContext) -> Any:
    """Makes and commits a plan; returns the report and the newest record."""

    def once(domain: Domain, at: datetime = NOON, **request: Any) -> tuple[RunReport, PlanRecord | None]:
        made = make_plan(service, domain, PlanRequest(at, **request))
        with service.store.begin() as unit:
            report = report_of(made, commit_plan(unit, service.territory, domain, made, at))
        with service.store.read() as unit:
            return report, next(iter(unit.plans.list("lighting", 1)), None)

    return once


def alarms(store: Store) -> dict[str, Alarm]:
    """What stands of plans, by rule."""
    with store.read() as unit:
        return {a.rule: a for a in unit.alarms.active(["lighting"]) if a.cleared_at is None}


def levels(store: Store, territory: Territory, at: datetime) -> np.ndarray:
    """What the plan asks of each lamp at an instant."""
    points = [f"{lamp.id}/illuminanceLevel" for lamp in territory.of_type("Streetlight")]
    with store.read() as unit:
        arrays = unit.slots.arrays(points, None)
    return np.array([arrays[point][0].program.at(at) if point in arrays else np.nan for point in points], float)


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_whatever_fails_the_last_plan_is_put_on_today_and_it_is_told(
    name: str, run: Any, fake: Fake, store: Store, territory: Territory, history: int
) -> None:
    source, told = BROKEN[name]
    _, first = run(LIGHTING)
    asked = levels(store, territory, NOON + timedelta(hours=11))
    # The very same span: whatever the last plan was valid for holds.
    broken = fake(source)
    if name == "check fails":  # then nothing of it can be trusted, and nothing is asked
        report, record = run(broken, NOON + timedelta(hours=1))
        assert (report.state, record) == (RunState.FAILED, first)
        assert set(alarms(store)) == {"plan-failed"}
        return
    report, record = run(broken, NOON + timedelta(hours=1))
    assert (report.state, report.counts["origin"]) == (RunState.DEGRADED, "shifted")
    assert report.error is not None and report.error.startswith(told)
    assert (record.origin, record.detail["of"], record.state) == (PlanOrigin.SHIFTED, first.id, PlanState.IN_FORCE)
    np.testing.assert_array_equal(levels(store, territory, NOON + timedelta(hours=11)), asked)
    alarm = alarms(store)["plan-fallback"]
    assert alarm.detail["why"] == report.error
    assert first.id in alarm.detail["about"]["fr"] and first.id in alarm.detail["about"]["en"]


def test_a_plan_too_dark_for_today_is_not_shifted_and_lamps_keep_their_normal_class(
    run: Any, fake: Fake, store: Store, territory: Territory, history: int
) -> None:
    def busier(unit: Any, ground: Any, at: datetime, settings: Settings, ahead: timedelta) -> Any:
        return LIGHTING.build(unit, ground, at, settings.model_copy(update={"plan_quantile": 0.99}), ahead)

    run(LIGHTING)
    report, record = run(replace(fake(FAILS), build=busier), NOON + DAY)
    assert (report.state, record.origin) == (RunState.DEGRADED, PlanOrigin.RULES_ONLY)
    assert [step for step, _ in record.detail["why"]] == ["solve", "shift"]
    lit = levels(store, territory, NOON + DAY + timedelta(hours=12))
    assert (lit > 0.2).all()
    assert alarms(store)["plan-fallback"].detail["origin"] == "rules_only"


def test_a_saturday_takes_the_plan_of_last_saturday(
    run: Any, fake: Fake, service: JobContext, store: Store, territory: Territory
) -> None:
    """Traffic of Friday night is not that of Saturday: yesterday's plan does not fit, and the one before it does."""
    loops = territory.of_type("TrafficFlowObserved")
    made = made_traffic(loops, date(2026, 11, 28), 1).history
    hour_of_week = pl.col("observed_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.epoch("s") // 3600 % 168
    each_week_alike = pl.col("number").first().over("asset", "property", hour_of_week)
    tell(store, territory, made.with_columns(number=each_week_alike), noon(date(2026, 11, 28)))
    planned = {day: run(LIGHTING, noon(date(2026, 11, day)))[1] for day in (21, 26, 27)}
    _, record = run(fake(FAILS), noon(date(2026, 11, 28)))
    assert record.origin is PlanOrigin.SHIFTED
    assert record.detail["of"] == planned[21].id


def test_without_a_plan_to_shift_the_rules_alone(run: Any, fake: Fake, store: Store, territory: Territory) -> None:
    _report, record = run(fake(FAILS))
    assert record.origin is PlanOrigin.RULES_ONLY
    assert record.detail["why"][1] == ["shift", "no plan of the last 8 days to shift"]
    with store.read() as unit:
        assert len(unit.commands.in_states([CommandState.QUEUED])) == len(territory.of_type("Streetlight"))


@pytest.mark.parametrize(
    ("fault", "state"),
    [(kind, RunState.DEGRADED) for kind in FaultKind if kind is not FaultKind.STOPPED],
)
def test_every_fault_of_the_engine_leads_to_a_fall_back(
    fault: FaultKind, state: RunState, run: Any, service: JobContext
) -> None:
    context = replace(service, compute=Faulty(Fault(fault, "so")))
    made = make_plan(context, LIGHTING, PlanRequest(NOON))
    assert (made.origin, made.failures[0].what) == (PlanOrigin.RULES_ONLY, f"{fault}: so")
    assert not made.reproducible
    assert made.inputs_digest


def test_a_stopped_engine_is_no_failure_of_the_plan(service: JobContext, store: Store) -> None:
    context = replace(service, compute=Faulty(Fault(FaultKind.STOPPED, "SIGTERM")))
    with pytest.raises(Outdated, match="stopped: SIGTERM"):
        make_plan(context, LIGHTING, PlanRequest(NOON))
    assert alarms(store) == {}


class Faulty:
    """An engine on which everything ends by a fault."""

    name = "faulty"

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def map(self, _fn: Any, items: Any, _limits: Limits, **_: Any) -> Any:
        return iter([Outcome(None, self._fault) for _ in items])

    def close(self) -> None: ...


def test_the_next_good_plan_ends_the_alarm(run: Any, fake: Fake, store: Store, history: int) -> None:
    run(fake(FAILS))
    assert set(alarms(store)) == {"plan-fallback"}
    report, record = run(LIGHTING, NOON + timedelta(minutes=5))
    assert (report.state, record.origin) == (RunState.DONE, PlanOrigin.SOLVED)
    assert alarms(store) == {}


def test_where_even_the_rules_alone_fail_what_is_in_force_stays(
    run: Any, fake: Fake, store: Store, territory: Territory, history: int
) -> None:
    _, first = run(LIGHTING)
    asked = levels(store, territory, NOON + timedelta(hours=11))

    def nothing(*_: Any) -> Any:
        raise InputError([Problem("lighting.yaml", 3, 1, "is broken")])

    report, record = run(replace(LIGHTING, build=nothing, rules_only=nothing), NOON + timedelta(hours=1))
    assert (report.state, record) == (RunState.FAILED, first)
    assert report.error == "build: lighting.yaml:3:1 is broken; rules_only: lighting.yaml:3:1 is broken"
    np.testing.assert_array_equal(levels(store, territory, NOON + timedelta(hours=11)), asked)
    assert alarms(store)["plan-failed"].priority == "high"
    run(LIGHTING, NOON + timedelta(hours=2))
    assert alarms(store) == {}


def test_out_of_time_with_nothing_to_commit_is_timed_out(service: JobContext, run: Any) -> None:
    def nothing(*_: Any) -> Any:
        raise ConsigneError("none")

    context = replace(service, compute=Faulty(Fault(FaultKind.TIMED_OUT, "after 61 s")))
    made = make_plan(context, replace(LIGHTING, rules_only=nothing), PlanRequest(NOON))
    assert report_of(made, None).state is RunState.TIMED_OUT


def test_stale_data_is_a_fall_back_that_names_it(run: Any, store: Store, history: int) -> None:
    def stale(*_: Any) -> Any:
        raise StaleInputs("prices of 2026-11-12, four days old: two are allowed")

    report, record = run(replace(LIGHTING, build=stale))
    assert (report.state, record.origin, record.inputs_digest) == (RunState.DEGRADED, PlanOrigin.RULES_ONLY, "")
    assert report.error == "build: prices of 2026-11-12, four days old: two are allowed"


def test_a_database_that_is_away_is_no_failure_of_the_plan(run: Any) -> None:
    def away(*_: Any) -> Any:
        raise Unavailable("the database does not answer")

    with pytest.raises(Unavailable):
        run(replace(LIGHTING, build=away))


def test_a_plan_cut_by_seconds_is_marked_and_one_stopped_by_work_is_not(run: Any, fake: Fake, history: int) -> None:
    cut = fake("def solve(problem, limits): return replace(lighting.solve(problem), reproducible=False)")
    assert run(cut)[1].detail["reproducible"] is False
    report, record = run(LIGHTING, NOON + timedelta(minutes=1), limits=Limits(work=1))
    # Full light: what the optimiser has when its work is over is a plan, but less than was asked for.
    assert (report.state, record.status, record.origin) == (RunState.DEGRADED, "time_limit", PlanOrigin.SOLVED)
    assert record.detail["reproducible"] is True
    assert record.detail["limits"]["work"] == 1


def test_a_run_that_comes_after_its_day_changes_nothing(
    run: Any, service: JobContext, store: Store, territory: Territory
) -> None:
    made = make_plan(service, LIGHTING, PlanRequest(NOON - DAY))
    _, tonight = run(LIGHTING)
    asked = levels(store, territory, NOON + timedelta(hours=11))
    with store.begin() as unit:
        result = commit_plan(unit, territory, LIGHTING, made, NOON)
    assert report_of(made, result).state is RunState.SKIPPED
    np.testing.assert_array_equal(levels(store, territory, NOON + timedelta(hours=11)), asked)
    assert run(LIGHTING, NOON + timedelta(minutes=1))[1] != tonight


def test_a_plan_is_issued_at_the_clock_of_its_commit(service: JobContext, store: Store, territory: Territory) -> None:
    made = make_plan(service, LIGHTING, PlanRequest(NOON))
    later = NOON + timedelta(minutes=7)
    with store.begin() as unit:
        result = commit_plan(unit, territory, LIGHTING, made, later)
    assert result is not None
    assert (result.record.made_at, result.record.start) == (later, lighting_day(NOON)[0])
    with store.read() as unit:
        assert {command.issued_at for command in unit.commands.in_states([CommandState.QUEUED])} == {later}


def test_why_tells_where_a_fall_back_comes_from(
    run: Any, fake: Fake, store: Store, territory: Territory, history: int
) -> None:
    _, first = run(LIGHTING)
    _, record = run(fake(FAILS), NOON + timedelta(hours=1))
    point = f"{territory.of_type('Streetlight')[0].id}/illuminanceLevel"
    found = explain(store, territory, point, NOON + timedelta(hours=11))
    told = to_json(found)
    assert told["winner"]["version"] == record.id
    assert told["winner"]["reason"].startswith("the last plan, shifted: ")
    assert (told["behind"]["origin"], told["behind"]["of"]) == ("shifted", first.id)
    assert told["behind"]["why"] == "solve: raised: RuntimeError: no tea"
    for lang, words in (("en", "No new plan could be made; this is plan"), ("fr", "Aucun nouveau plan")):
        assert any(words in line and first.id in line for line in to_lines(found, lang))  # type: ignore[arg-type]
    french = to_lines(found, "fr")
    assert "(plan de la veille)" in french[1]
    assert french[2].strip() == told["behind"]["reason"]["fr"] != told["behind"]["reason"]["en"]
    assert not any("reason:" in line or line.endswith("[]") for line in french)


def test_run_plan_raises_only_where_nothing_could_be_committed(
    store: Store, territory: Territory, settings: Settings, fake: Fake
) -> None:
    assert run_plan(store, territory, fake(FAILS), NOON, settings).record.origin is PlanOrigin.RULES_ONLY

    def nothing(*_: Any) -> Any:
        raise ConsigneError("none")

    with pytest.raises(ConsigneError, match="no plan and no fall-back"):
        run_plan(store, territory, replace(fake(FAILS), rules_only=nothing, shift=nothing), NOON + DAY, settings)
    assert set(alarms(store)) == {"plan-fallback", "plan-failed"}


def test_a_run_that_saw_less_than_the_plan_in_force_does_not_replace_it(
    service: JobContext, run: Any, fake: Fake, store: Store, territory: Territory
) -> None:
    """A slow run of noon ends after one that a rule asked for; but a plan replaces a fall-back."""
    early = make_plan(service, LIGHTING, PlanRequest(NOON))
    _, fallen = run(fake(FAILS), NOON + timedelta(minutes=5))

    def commit(minute: float) -> RunState:
        now = NOON + timedelta(minutes=minute)
        with store.begin() as unit:
            why = overtaken(unit, LIGHTING, early, now)
            report = report_of(early, commit_plan(unit, territory, LIGHTING, early, now), why)
        assert (report.state is RunState.SKIPPED) == bool(why)
        return report.state

    assert fallen.origin is PlanOrigin.RULES_ONLY
    assert commit(6) is RunState.DONE
    run(LIGHTING, NOON + timedelta(minutes=7))
    assert commit(8) is RunState.SKIPPED
    with store.read() as unit:
        later = unit.plans.list("lighting", 1)[0].id
        why = overtaken(unit, LIGHTING, early, NOON + timedelta(minutes=8))
    assert why == f"it is seen at 2026-11-16T11:00:00Z, and {later}, which was seen later, is in force"


def test_what_comes_after_the_instant_of_a_run_does_not_change_its_problem(
    service: JobContext, store: Store, territory: Territory, history: int
) -> None:
    before = make_plan(service, LIGHTING, PlanRequest(NOON))
    loops = territory.of_type("TrafficFlowObserved")
    later = NOON + timedelta(minutes=30)
    tell(store, territory, readings(*((loop.id, "intensity", 1500, later) for loop in loops)), later)
    after = make_plan(service, LIGHTING, PlanRequest(NOON))
    assert before.candidate is not None and after.candidate is not None
    assert (after.inputs_digest, after.candidate.body) == (before.inputs_digest, before.candidate.body)


def test_the_schedule_gives_a_run_its_limits(service: JobContext) -> None:
    job = JOBS["plan-lighting"]
    with pytest.raises(ValidationError):
        job.arguments.model_validate({"sedes": 3})
    told = {"seconds": 5, "work": 40, "gap": 0.1, "threads": 2, "seed": 9, "propose": True}
    seen: list[tuple[Limits, int | None]] = []

    class Looks(Inline):
        def map(self, fn: Any, items: Any, limits: Limits, **how: Any) -> Any:
            seen.append((limits, how["memory_bytes"]))
            return super().map(fn, items, limits, **how)

    context = replace(service, compute=Looks())
    for seconds, arguments in ((60.0, told), (3.0, told), (60.0, {})):
        occasion = Occasion("x", str(seconds), NOON, arguments=arguments, seconds=seconds, memory_bytes=10**9)
        finish = job.run(context, occasion)
    assert seen == [
        (Limits(5, 40, 0.1, 2, 9), 10**9), (Limits(3, 40, 0.1, 2, 9), 10**9), (Limits(60), 10**9),
    ]  # fmt: skip
    with service.store.begin() as unit:
        assert finish(unit, NOON).state is RunState.DONE


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 23), (date(2026, 10, 24), 25)])
def test_a_fall_back_covers_the_night_the_clocks_change_from_noon_to_noon(
    day: date, hours: int, run: Any, fake: Fake, store: Store, territory: Territory
) -> None:
    before, at = noon(day - DAY), noon(day)
    run(LIGHTING, before)
    _, record = run(fake(FAILS), at)
    assert (record.origin, record.until - record.start) == (PlanOrigin.SHIFTED, timedelta(hours=hours))
    points = [f"{lamp.id}/illuminanceLevel" for lamp in territory.of_type("Streetlight")]
    with store.read() as unit:
        programs = [array[0].program for array in unit.slots.arrays(points, None).values()]
    assert {(program.start, program.until) for program in programs} == {(at, noon(day + DAY))}
    assert all(program.at(record.until - timedelta(seconds=1)) == 0 for program in programs)
    assert all((program.at(at + timedelta(hours=13)) or 0) > 0.2 for program in programs)
