"""What schedulers ask: what runs when, what ran, on time or not, and why; and one occurrence by hand."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from engine.errors import ConsigneError, InputError
from engine.instants import isoformat
from engine.settings import Settings
from engine.store import Store
from engine.store.ledger import RunReport, RunState
from jobs.cli.app import app
from jobs.doctor import examine
from jobs.schedules import load_schedule
from jobs.schedules.catching_up import note_seen
from jobs.table import JOBS

from .conftest import NOON, ROOT, Desk

HOUR = timedelta(hours=1)
FILE = """\
schedules:
  hourly: {job: roll-up, every: 1 h, catch_up: none, misfire_grace: 10 min}
  plan-lighting: {cron: {hour: 12}}
  nightly: {job: housekeeping, after: plan-lighting, blackout: [{days: [sun], reason: rest}]}
  dusk: {job: roll-up, sun: {event: dusk, offset: -30 min}, time_zone: Europe/London}
  again: {job: plan-lighting, event: replan}
"""
Consigne = Callable[..., Result]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    at = NOON + 5 * HOUR + timedelta(minutes=40)
    monkeypatch.setattr("jobs.bootstrap.WallClock.now", lambda _: at)
    return at


@pytest.fixture
def consigne(
    desk: Desk, settings: Settings, store: Store, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Consigne:  # fmt: skip
    """The command, on a database with the sample territory and a schedule of the test's own."""
    path = desk.folder / "schedules.yaml"
    path.write_text(FILE)
    said = {"DATABASE_URL": settings.database_url, "RULES_DIR": desk.folder, "DATASETS_DIR": ROOT / "datasets"}
    for name, value in {**said, "LANG": "en", "COMPUTE": "inline"}.items():
        monkeypatch.setenv(f"CONSIGNE_{name}", str(value))

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, words)

    return invoke


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_check_names_what_is_fine_and_fails_with_every_problem(consigne: Consigne, desk: Desk) -> None:
    said = consigne("schedule", "check").stdout.splitlines()
    assert [" ".join(line.split()) for line in said[:5]] == [
        "hourly every 1 h", "plan-lighting 12:00", "nightly after plan-lighting", "dusk civil dusk - 30 min",
        "again when a rule asks",
    ]  # fmt: skip
    assert said[5].startswith("5 entries in ") and said[5].endswith("nothing wrong")
    assert "no such file" in str(consigne("schedule", "check", str(desk.folder / "typo.yaml")).exception)
    path = desk.folder / "schedules.yaml"
    path.write_text(FILE.replace("hour: 12", "hour: 2").replace("1 h,", "1 s,"))
    for command in (("schedule", "check"), ("schedule", "next"), ("rules", "check"), ("run", "hourly")):
        found = consigne(*command).exception
        assert isinstance(found, InputError) and found.exit_code == 2
        places = [problem.line for problem in found.problems if problem.source == str(path)]
        assert places == [2, 3], command
    path.unlink()
    assert "the built-in entries stand" in consigne("schedule", "check").stdout
    assert "entrées d'origine" in consigne("schedule", "check", "--lang", "fr").stdout


def test_list_tells_each_entry_and_when_it_is_due_next(consigne: Consigne) -> None:
    rows = {row["entry"]: row for row in told(consigne("schedule", "list", "--json"))}
    assert (rows["hourly"]["next"], rows["hourly"]["misfire_grace_s"]) == ("2026-11-16T17:00:00Z", 600)
    assert (rows["nightly"]["job"], rows["nightly"]["next"]) == ("housekeeping", "2026-11-17T11:00:00Z")
    assert (rows["again"]["next"], rows["dusk"]["time_zone"]) == (None, "Europe/London")
    assert "lun. 2026-11-16 18:00:00 +0100" in consigne("schedule", "list", "--lang", "fr").stdout


def test_next_tells_local_time_and_utc_and_marks_blackouts(consigne: Consigne) -> None:
    said = consigne("schedule", "next", "--from", "2026-11-15", "--days", "1", "--job", "nightly").stdout.splitlines()
    assert [line.split() for line in said] == [
        ["entry", "local", "time", "UTC", "blackout"],
        ["nightly", "Sun", "2026-11-15", "12:00:00", "+0100", "2026-11-15T11:00:00Z", "rest"],
    ]
    london = told(consigne("schedule", "next", "--from", "2026-07-01", "--days", "1", "--job", "dusk", "--json"))
    assert london[0]["local"].endswith("+0100") and london[0]["occurrence"] == "2026-07-01"
    assert len(told(consigne("schedule", "next", "--days", "0.125", "--job", "hourly", "--json"))) == 3
    refused = consigne("schedule", "next", "--job", "hurly").exception
    assert isinstance(refused, InputError) and "one of: hourly" in str(refused)


def work(store: Store, desk: Desk, now: datetime) -> None:
    """A leader saw the schedule at noon; since then one was on time, one late, one failed; two are missing."""
    found = load_schedule(desk.folder / "schedules.yaml")
    with store.begin() as unit:
        note_seen(unit, found, NOON)
        ends = [(1, 0, RunState.DONE, None), (2, 20, RunState.DONE, None), (3, 0, RunState.FAILED, "no tea")]
        for hours, late, state, error in ends:
            due = NOON + hours * HOUR
            at = due + timedelta(minutes=late)
            run = unit.ledger.start("hourly", isoformat(due), due_at=due, at=at, host="h1", cause="schedule", fence=3)
            unit.ledger.finish(run, RunReport(state, {"buckets": 4}, error=error), at + timedelta(seconds=3))


def test_runs_answers_what_ran_on_time_or_not_and_why(
    consigne: Consigne, store: Store, desk: Desk, now: datetime
) -> None:
    work(store, desk, now)
    rows = told(consigne("schedule", "runs", "--job", "hourly", "--json"))
    assert [(row["due_at"][11:16], row["state"], row["late_s"]) for row in rows] == [
        ("12:00", "done", 0), ("13:00", "done", 1200), ("14:00", "failed", 0), ("15:00", "missing", None),
        ("16:00", "missing", None),
    ]  # fmt: skip
    assert (rows[2]["error"], rows[2]["host"], rows[2]["took_s"]) == ("no tea", "h1", 3)
    assert rows[0]["counts"] == {"buckets": 4} and rows[1]["attempts"][0]["started_at"] == "2026-11-16T13:20:00Z"
    text = consigne("schedule", "runs", "--from", "2026-11-16", "--days", "1").stdout
    assert "20 min (!)" in text and "no tea" in text
    assert text.splitlines()[-1] == "6 occurrences: done 2, failed 1, missing 3"  # and dusk
    assert "manquant 3" in consigne("schedule", "runs", "--lang", "fr").stdout
    assert len(told(consigne("schedule", "runs", "--state", "missing", "--json"))) == 3
    refused = consigne("schedule", "runs", "--state", "lost").exception
    assert isinstance(refused, InputError) and "one of: started" in str(refused)


def test_what_no_leader_has_seen_is_not_called_missing(consigne: Consigne) -> None:
    assert told(consigne("schedule", "runs", "--json")) == []


def test_doctor_tells_of_entries_whose_last_run_is_amiss(
    consigne: Consigne, settings: Settings, store: Store, desk: Desk, now: datetime
) -> None:
    def runs() -> tuple[str, str]:
        chosen = settings.model_copy(update={"rules_dir": desk.folder})
        (found,) = [one for one in examine(chosen, quick=True) if one.name == "runs"]
        return found.state, found.what

    assert runs() == ("ok", "of two days: none")
    work(store, desk, now)
    state, what = runs()
    assert state == "degraded" and "2 done, 1 failed, 3 missing" in what
    assert "hourly of 2026-11-16 17:00:00 missing" in what and "dusk of 2026-11-16" in what


def test_one_occurrence_by_hand_is_done_once(consigne: Consigne) -> None:
    first = told(consigne("run", "hourly", "--at", "2026-11-16T14:20", "--json"))
    assert (first["occurrence"], first["done_before"], first["state"]) == ("2026-11-16T13:00:00Z", False, "done")
    again = told(consigne("run", "hourly", "--at", "2026-11-16T14:59", "--json"))
    assert again == first | {"done_before": True}
    assert told(consigne("run", "housekeeping", "--at", "2026-11-16T14:20", "--json"))["occurrence"] == (
        "2026-11-16T13:20:00Z"
    )
    early = consigne("run", "hourly", "--at", "2099-11-16T14:20").exception
    assert isinstance(early, InputError) and "due 2099-11-16T13:00:00Z has not come" in str(early)
    refused = consigne("run", "hurly").exception
    assert isinstance(refused, InputError) and "is not an entry of" in str(refused)


@pytest.mark.parametrize(
    ("state", "code"),
    [(RunState.DONE, 0), (RunState.DEGRADED, 3), (RunState.TIMED_OUT, 1), (RunState.INTERRUPTED, 1)],
)
def test_the_exit_code_is_that_of_what_was_done_now(
    consigne: Consigne, monkeypatch: pytest.MonkeyPatch, state: RunState, code: int
) -> None:
    run = lambda *_: lambda *_: RunReport(state)
    monkeypatch.setitem(JOBS, "roll-up", replace(JOBS["roll-up"], run=run))
    assert consigne("run", "hourly").exit_code == code
    assert consigne("run", "hourly").exit_code == (0 if state.over else code)


def test_a_job_that_fails_exits_1_and_says_why(consigne: Consigne, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Any:
        raise ConsigneError("no tea")

    monkeypatch.setitem(JOBS, "roll-up", replace(JOBS["roll-up"], run=fail))
    failed = consigne("run", "hourly").exception
    assert isinstance(failed, ConsigneError) and failed.exit_code == 1 and str(failed) == "no tea"


def test_a_run_that_a_person_stops_is_interrupted(
    consigne: Consigne, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under way it would be left to them for ever: no leader takes over what a person is at."""

    def stop(*_: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setitem(JOBS, "roll-up", replace(JOBS["roll-up"], run=stop))
    assert consigne("run", "hourly").exit_code
    with store.read() as unit:
        (run,) = unit.ledger.in_states([RunState.INTERRUPTED])
    assert (run.job, run.report.error) == ("hourly", "stopped by hand")


def test_a_person_may_do_what_was_left_out(consigne: Consigne, store: Store, now: datetime) -> None:
    due = NOON + 5 * HOUR
    with store.begin() as unit:
        unit.ledger.skip("hourly", isoformat(due), due_at=due, at=now, host="h", why="overlap")
    done = told(consigne("run", "hourly", "--json"))
    assert (done["state"], done["done_before"]) == ("done", False)
    with store.read() as unit:
        run = unit.ledger.get("hourly", isoformat(due))
    assert run is not None and (run.attempts, run.cause, run.report.error) == (1, "person", None)


def test_the_schema_is_printed(consigne: Consigne) -> None:
    shipped = Path(ROOT / "rules" / "schedules.schema.json").read_text(encoding="utf-8")
    assert consigne("schedule", "schema").stdout == shipped
