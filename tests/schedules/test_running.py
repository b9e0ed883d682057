"""Occurrences done in turn: every one that is due has its line in the ledger, whatever became of it."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from engine.errors import Conflict, ConsigneError, Unavailable
from engine.instants import isoformat
from engine.store.ledger import RunReport, RunState
from jobs.asking import note_replans
from jobs.bootstrap import WallClock
from jobs.scheduler import Scheduler, catch_up
from jobs.schedules import Schedule
from jobs.schedules.catching_up import note_seen
from jobs.schedules.definitions import CatchUp
from jobs.schedules.running import Runner, run_entry
from jobs.table import Occasion
from tests.conftest import BOTH
from tests.waiting import wait_for

from .conftest import NOON, Workshop, one, schedule

DONE, SKIPPED, FAILED = RunState.DONE, RunState.SKIPPED, RunState.FAILED
INTERRUPTED, STARTED, DEGRADED = RunState.INTERRUPTED, RunState.STARTED, RunState.DEGRADED
OVERLAP = "overlap: the occurrence before it was still running"
QUARTERS = "  it: {job: roll-up, every: 15 min"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("none", [SKIPPED, SKIPPED, DONE, DONE]),
        ("latest", [SKIPPED, SKIPPED, SKIPPED, DONE]),
        ("all", [DONE, DONE, DONE, DONE]),
    ],
)
def test_what_came_due_unnoticed_is_done_or_said_by_the_policy(
    workshop: Workshop, policy: str, expected: list[RunState]
) -> None:
    """A suspended machine: four quarter hours at once."""
    runner = workshop.runner(schedule(f"{QUARTERS}, catch_up: {policy}, misfire_grace: 20 min}}"))
    workshop.pass_time(61)
    runner.fire("it")
    assert [state for _, state, _ in workshop.lines("it")] == expected
    assert [key for _, key in workshop.done] == sorted(key for _, key in workshop.done)
    runner.fire("it")
    assert len(workshop.done) == expected.count(DONE)


def test_every_line_that_is_skipped_says_why(workshop: Workshop) -> None:
    held = ', blackout: [{hours: "12:10-12:20", reason: switchgear test}], catch_up: none, misfire_grace: 20 min}'
    runner = workshop.runner(schedule(QUARTERS + held))
    workshop.pass_time(61)
    runner.fire("it")
    assert workshop.lines("it") == [
        ("16 11:15", SKIPPED, "blackout: switchgear test"),
        ("16 11:30", SKIPPED, "missed: 0:31:00 late, misfire_grace is 0:20:00 (catch_up: none)"),
        ("16 11:45", DONE, None),
        ("16 12:00", DONE, None),
    ]


def test_one_that_fails_is_in_the_ledger_and_stops_no_other(workshop: Workshop) -> None:
    runner = workshop.runner(schedule(f"{QUARTERS}, catch_up: all}}"))
    workshop.states["it"] = [ZeroDivisionError("no tea"), DEGRADED]
    workshop.pass_time(31)
    runner.fire("it")
    assert [line[1:] for line in workshop.lines("it")] == [(FAILED, "ZeroDivisionError: no tea"), (DEGRADED, None)]


def test_a_database_that_goes_away_delays_and_loses_nothing(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the run is entered, and between its work and its commit."""
    from engine.store import Store

    whole, away = Store.begin, [True, False, True]

    def begin(store: Store) -> object:
        if away and away.pop(0):
            raise Unavailable("the database is away")
        return whole(store)

    runner = workshop.runner(schedule(f"{QUARTERS}}}"))
    workshop.pass_time(16)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "begin", begin)
        patched.setattr(runner.stop, "wait", lambda _: False)
        runner.fire("it")
    assert [line[1] for line in workshop.lines("it")] == [DONE]


@pytest.mark.parametrize(("policy", "state"), [("all", DONE), ("latest", SKIPPED), ("none", SKIPPED)])
def test_what_comes_due_during_the_one_before_is_done_right_after_it_or_left_out(
    workshop: Workshop, policy: str, state: RunState
) -> None:
    runner = workshop.runner(schedule(f"{QUARTERS}, catch_up: {policy}}}"))
    workshop.pass_time(15)
    others: list[threading.Thread] = []

    def meanwhile(_: Occasion) -> None:
        if not others:
            workshop.pass_time(15)
            due_at = NOON + timedelta(minutes=30)
            others.extend(threading.Thread(target=runner.overlap, args=("it", due_at)) for _ in range(3))
            for other in others:
                other.start()
            wait_for(lambda: sum(other.is_alive() for other in others) <= (1 if policy == "all" else 0))

    workshop.meanwhile = meanwhile
    runner.fire("it")
    for other in others:
        other.join(20)
    assert [line[1] for line in workshop.lines("it")] == [DONE, state]


def test_what_comes_due_before_a_call_has_looked_is_done_by_it(workshop: Workshop) -> None:
    """Its entry is being caught up: nothing of it that is the newest is left out as overlap."""
    runner = workshop.runner(schedule(f"{QUARTERS}}}"))
    workshop.pass_time(15)
    with runner._locks["it"]:
        others = [threading.Thread(target=runner.fire, args=("it",))]
        others[0].start()
        workshop.pass_time(15)
        others.append(threading.Thread(target=runner.overlap, args=("it", NOON + timedelta(minutes=30))))
        others[1].start()
    for other in others:
        other.join(20)
    assert [line[1] for line in workshop.lines("it")] == [SKIPPED, DONE]


@pytest.mark.parametrize("fault", [Conflict("a deadlock"), Unavailable("the connection broke")])
@pytest.mark.parametrize(("faults", "ends"), [(2, DONE), (3, FAILED)])
def test_a_conflict_and_a_moment_without_database_are_tried_three_times(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, fault: Exception, faults: int, ends: RunState
) -> None:
    """In the midst of what a job reads or writes by itself."""
    runner = workshop.runner(schedule(f"{QUARTERS}}}"))
    workshop.states["it"] = [fault] * faults
    workshop.pass_time(16)
    monkeypatch.setattr(runner.stop, "wait", lambda _: False)
    runner.fire("it")
    run = workshop.line("it", "2026-11-16T11:15:00Z")
    assert run is not None and (run.state, run.attempts) == (ends, 3)


def test_nothing_is_begun_in_a_blackout_however_late_it_is(workshop: Workshop) -> None:
    found = schedule(f'{QUARTERS}, blackout: [{{hours: "12:20-12:40"}}]}}')
    catch_up(workshop.context, found, workshop.clock.now())
    workshop.pass_time(25)
    catch_up(workshop.context, found, workshop.clock.now())
    assert workshop.lines("it") == [("16 11:15", SKIPPED, "blackout: blackout")]


CHAIN = """\
  first: {job: roll-up, every: 1 h}
  second: {job: housekeeping, after: first}
  third: {job: plan-lighting, after: second}
"""


@pytest.mark.parametrize(
    ("ends", "second", "third"),
    [
        (DONE, (DONE, None), (DONE, None)),
        (DEGRADED, (DONE, None), (DONE, None)),
        (ConsigneError("x"), (SKIPPED, "after first, which was failed"), (SKIPPED, "after second, which was skipped")),
        (
            RunState.TIMED_OUT, (SKIPPED, "after first, which was timed_out"),
            (SKIPPED, "after second, which was skipped"),
        ),
    ],
)  # fmt: skip
def test_what_comes_after_follows_what_was_done_and_says_what_was_not(
    workshop: Workshop,
    ends: RunState | Exception,
    second: tuple[RunState, str | None],
    third: tuple[RunState, str | None],
) -> None:
    runner = workshop.runner(schedule(CHAIN))
    workshop.states["first"] = [ends]
    workshop.pass_time(61)
    runner.fire("first")
    assert [line[1:] for line in workshop.lines("second")] == [second]
    assert [line[1:] for line in workshop.lines("third")] == [third]


def test_a_parent_left_out_leaves_its_followers_out(workshop: Workshop) -> None:
    runner = workshop.runner(schedule(CHAIN.replace("every: 1 h", "every: 1 h, blackout: [{days: [mon]}]")))
    workshop.pass_time(61)
    runner.fire("first")
    assert [workshop.lines(name)[0][1:] for name in ("first", "second")] == [
        (SKIPPED, "blackout: blackout"), (SKIPPED, "after first, which was skipped"),
    ]  # fmt: skip


def ask(workshop: Workshop, at: datetime, more: str = "", asset: str = "L-1") -> None:
    with workshop.unled.begin() as unit:
        said = {"requested_at": isoformat(at), "rule": "dark-street", "asset": asset}
        note_replans(unit, {f"lighting{more}": said}, workshop.clock.now())


@BOTH
def test_what_a_rule_asks_for_is_an_occurrence_of_its_instant(workshop: Workshop) -> None:
    found = schedule("  again: {job: plan-lighting, event: replan}\n  then: {job: roll-up, after: again}")
    runner = workshop.runner(found)
    runner.look_at_events()
    assert workshop.done == []
    ask(workshop, NOON)
    workshop.pass_time(1)
    for _ in range(2):
        runner.look_at_events()
    workshop.runner(found).look_at_events()
    assert workshop.done == [("again", "2026-11-16T11:00:00Z"), ("then", "2026-11-16T11:00:00Z")]
    workshop.states["again"] = [ConsigneError("no plan")]
    ask(workshop, NOON + timedelta(minutes=1))
    workshop.runner(found).look_at_events()
    workshop.runner(found).look_at_events()
    assert [line[:2] for line in workshop.lines("again")] == [("16 11:00", DONE), ("16 11:01", FAILED)]
    line = workshop.line("again", "2026-11-16T11:01:00Z")
    assert line is not None and (line.cause, line.attempts) == ("rule", 1)


@pytest.mark.parametrize(("policy", "expected"), [("latest", [DONE, SKIPPED, DONE]), ("all", [DONE] * 3)])
def test_what_rules_ask_for_while_one_runs_waits_in_one_thread(
    workshop: Workshop, policy: str, expected: list[RunState]
) -> None:
    aside: list[Callable[[], object]] = []
    found = schedule(f"  again: {{job: plan-lighting, event: replan, catch_up: {policy}}}")
    runner = Runner(workshop.context, found, aside.append)

    def meanwhile(_: Occasion) -> None:
        workshop.meanwhile = lambda _: None
        for _again in range(2):
            workshop.pass_time(1)
            ask(workshop, workshop.clock.now())
            runner.look_at_events()

    workshop.meanwhile = meanwhile
    ask(workshop, NOON)
    runner.look_at_events()
    while aside:
        aside.pop()()
        assert aside == []
    assert [line[1] for line in workshop.lines("again")] == expected
    assert [key for _, key in workshop.done] == sorted(key for _, key in workshop.done)


# on gaining the lead


@BOTH
def test_the_first_leader_owes_nothing_of_the_time_before_it(workshop: Workshop) -> None:
    found = schedule(f"{QUARTERS}, catch_up: all}}")
    catch_up(workshop.context, found, workshop.clock.now())
    assert workshop.lines("it") == []
    workshop.pass_time(46)
    workshop.lead()
    catch_up(workshop.context, found, workshop.clock.now())
    assert [line[:2] for line in workshop.lines("it")] == [("16 11:15", DONE), ("16 11:30", DONE), ("16 11:45", DONE)]
    assert {workshop.line("it", key).cause for _, key in workshop.done} == {"catch-up"}  # type: ignore[union-attr]


def test_a_new_trigger_counts_from_when_it_is_seen(workshop: Workshop) -> None:
    catch_up(workshop.context, schedule(f"{QUARTERS}}}"), workshop.clock.now())
    workshop.pass_time(120)
    changed = schedule("  it: {job: roll-up, every: 15 min, offset: 1 min, catch_up: all}")
    catch_up(workshop.context, changed, workshop.clock.now())
    assert workshop.lines("it") == []
    workshop.pass_time(15)
    catch_up(workshop.context, changed, workshop.clock.now())
    assert [line[0] for line in workshop.lines("it")] == ["16 13:01"]


def test_it_looks_back_so_far_and_no_farther(workshop: Workshop) -> None:
    found = schedule("  it: {job: roll-up, every: 1 d, catch_up: all}")
    catch_up(workshop.context, found, workshop.clock.now())
    workshop.pass_time(30 * 1440)
    catch_up(workshop.context, found, workshop.clock.now())
    assert len(workshop.done) == workshop.settings.catch_up_days


@BOTH
@pytest.mark.parametrize("policy", list(CatchUp))
def test_runs_whose_process_is_gone_are_begun_again_by_the_next_leader(workshop: Workshop, policy: CatchUp) -> None:
    found = schedule(f"{QUARTERS}, catch_up: {policy}}}")
    runner = workshop.runner(found)
    runner.catch_up(workshop.clock.now())
    workshop.states["it"] = [KeyboardInterrupt()]  # no exception of a job: its process dies
    workshop.pass_time(16)
    with pytest.raises(KeyboardInterrupt):
        runner.fire("it")
    assert [line[1] for line in workshop.lines("it")] == [STARTED]
    catch_up(workshop.context, found, workshop.clock.now())
    assert [line[1] for line in workshop.lines("it")] == [STARTED], "it is ours, and under way"
    workshop.lead()
    catch_up(workshop.context, found, workshop.clock.now())
    assert [line[1] for line in workshop.lines("it")] == [DONE]
    run = workshop.line("it", "2026-11-16T11:15:00Z")
    assert run is not None and run.attempts == 2


@BOTH
def test_a_run_that_is_gone_and_stale_is_closed_and_the_latest_done(workshop: Workshop) -> None:
    found = schedule(f"{QUARTERS}}}")
    runner = workshop.runner(found)
    runner.catch_up(workshop.clock.now())
    workshop.states["it"] = [KeyboardInterrupt()]
    workshop.pass_time(16)
    with pytest.raises(KeyboardInterrupt):
        runner.fire("it")
    workshop.pass_time(30)
    workshop.lead()
    catch_up(workshop.context, found, workshop.clock.now())
    (_, first, why), second, third = workshop.lines("it")
    assert (first, second[1], third[1]) == (INTERRUPTED, SKIPPED, DONE)
    assert why is not None and why.startswith("its process is gone; missed")


def test_the_latest_that_failed_is_not_stood_in_for_by_an_older_one(workshop: Workshop) -> None:
    found = schedule(f"{QUARTERS}}}")
    runner = workshop.runner(found)
    runner.catch_up(workshop.clock.now())
    workshop.pass_time(31)
    workshop.states["it"] = [ConsigneError("no plan")]
    run_entry(workshop.context, found, "housekeeping", NOON)  # of another job
    with pytest.raises(ConsigneError):
        run_entry(workshop.context, found, "it", workshop.clock.now())
    workshop.lead()
    catch_up(workshop.context, found, workshop.clock.now())
    assert [line[1] for line in workshop.lines("it")] == [SKIPPED, FAILED]


def test_what_an_entry_says_beside_its_trigger_makes_it_no_other(workshop: Workshop) -> None:
    catch_up(workshop.context, schedule(f"{QUARTERS}}}"), workshop.clock.now())
    workshop.pass_time(16)
    same = schedule(f"{QUARTERS}, time_limit: 5 min, catch_up: all, zones: [A-1]}}")
    catch_up(workshop.context, same, workshop.clock.now())
    assert [line[:2] for line in workshop.lines("it")] == [("16 11:15", DONE)]


def test_what_a_person_has_under_way_is_left_to_them(workshop: Workshop) -> None:
    found = schedule(f"{QUARTERS}, catch_up: all}}")
    catch_up(workshop.context, found, workshop.clock.now())
    workshop.pass_time(16)
    with workshop.unled.begin() as unit:
        key, due_at = "2026-11-16T11:15:00Z", NOON + timedelta(minutes=15)
        unit.ledger.start("it", key, due_at=due_at, at=workshop.clock.now(), host="desk", cause="person")
    workshop.lead()
    catch_up(workshop.context, found, workshop.clock.now())
    assert workshop.done == []


def test_what_a_person_took_over_is_not_interrupted_with_the_service(workshop: Workshop) -> None:
    runner = workshop.runner(schedule(f"{QUARTERS}}}"))
    key, due_at = "2026-11-16T11:15:00Z", NOON + timedelta(minutes=15)

    def meanwhile(_: Occasion) -> None:
        with workshop.unled.begin() as unit:
            unit.ledger.start("it", key, due_at=due_at, at=workshop.clock.now(), host="desk", cause="person")
        assert runner.interrupt(0.0) == []

    workshop.meanwhile = meanwhile
    workshop.pass_time(16)
    runner.fire("it")
    run = workshop.line("it", key)
    assert run is not None and (run.state, run.attempts, run.host) == (STARTED, 2, "desk")


@BOTH
def test_followers_are_caught_up_on_what_their_parent_left(workshop: Workshop) -> None:
    """The leader died between a parent's end and its follower's beginning; another parent failed."""
    found = schedule(
        CHAIN.replace("every: 1 h", "every: 1 h, catch_up: all").replace("after: first", "after: first, catch_up: all")
    )
    catch_up(workshop.context, found, workshop.clock.now())
    workshop.pass_time(121)
    with workshop.context.store.begin() as unit:
        for hours, ends in ((1, RunReport()), (2, RunReport(FAILED, error="x"))):
            at = NOON + timedelta(hours=hours)
            run = unit.ledger.start("first", isoformat(at), due_at=at, at=at, host="h", cause="schedule", fence=1)
            unit.ledger.finish(run, ends, at)
    workshop.lead()
    catch_up(workshop.context, found, workshop.clock.now())
    assert [line[1] for line in workshop.lines("second")] == [DONE, SKIPPED]
    assert [line[1] for line in workshop.lines("third")] == [DONE, SKIPPED]


def test_all_is_done_in_order_of_due_over_all_entries(workshop: Workshop) -> None:
    found = schedule(
        "  a: {job: roll-up, every: 1 h, catch_up: all}\n  b: {job: housekeeping, every: 90 min, catch_up: all}\n"
        "  c: {job: roll-up, after: b, catch_up: all}"
    )
    catch_up(workshop.context, found, workshop.clock.now())
    workshop.pass_time(5 * 60)
    aside: list[Callable[[], object]] = []
    Runner(workshop.context, found, aside.append).catch_up(workshop.clock.now())
    assert aside == [], "what comes after it would pile up, and keep threads from what is due now"
    assert len(workshop.done) == 5 + 3 + 3
    assert [key for _, key in workshop.done] == sorted(key for _, key in workshop.done)


def test_tonights_plan_does_not_wait_for_a_week_of_accounts(workshop: Workshop) -> None:
    found = schedule(
        "  accounts: {job: roll-up, every: 6 h, catch_up: all}\n  tidy: {job: housekeeping, every: 1 h}\n"
        "  plan: {job: plan-lighting, cron: {hour: 12}}\n  then: {job: roll-up, after: plan}"
    )
    catch_up(workshop.context, found, workshop.clock.now())
    workshop.pass_time(6 * 24 * 60 + 90)
    catch_up(workshop.context, found, workshop.clock.now())
    assert [name for name, _ in workshop.done[:4]] == ["plan", "then", "tidy", "accounts"]
    accounts = [key for name, key in workshop.done if name == "accounts"]
    assert len(accounts) == 6 * 4 + 1
    assert accounts == sorted(accounts)


def test_what_comes_due_while_all_is_caught_up_is_done_after_it(workshop: Workshop) -> None:
    found = schedule(f"{QUARTERS}, catch_up: all}}\n  other: {{job: housekeeping, every: 15 min, catch_up: all}}")
    catch_up(workshop.context, found, workshop.clock.now())
    workshop.pass_time(31)
    runner, fires = workshop.runner(found), threading.Thread(target=lambda: runner.fire("it"))

    def meanwhile(occasion: Occasion) -> None:
        if occasion.entry == "other":
            workshop.meanwhile = lambda _: None
            workshop.pass_time(15)
            fires.start()
            fires.join(0.5)

    workshop.meanwhile = meanwhile
    runner.catch_up(workshop.clock.now())
    fires.join(20)
    assert [key[11:16] for name, key in workshop.done if name == "it"] == ["11:15", "11:30", "11:45"]


def test_a_run_by_hand_of_an_entry_is_the_occurrence_the_schedule_knows(workshop: Workshop) -> None:
    found = schedule("  it: {job: roll-up, cron: {hour: 12}, arguments: {number: 3}, zones: [A-1], memory_limit: 2 GB}")
    seen: list[Occasion] = []
    workshop.meanwhile = seen.append
    by_hand = run_entry(workshop.context, found, "it", NOON + timedelta(hours=5))
    assert (by_hand.run.occurrence, by_hand.run.due_at, by_hand.run.cause) == ("2026-11-16T11:00:00Z", NOON, "person")
    assert run_entry(workshop.context, found, "it", NOON + timedelta(hours=20)).done_before
    assert (seen[0].arguments, seen[0].zones, seen[0].seconds, seen[0].memory_bytes) == (
        {"number": 3}, ("A-1",), 600.0, 2_000_000_000,
    )  # fmt: skip
    alone = run_entry(workshop.context, found, "housekeeping", NOON)
    assert (alone.run.job, alone.run.occurrence) == ("housekeeping", "2026-11-16T11:00:00Z")
    with pytest.raises(ConsigneError, match="neither an entry"):
        run_entry(workshop.context, found, "hosekeeping", NOON)


# APScheduler


@BOTH
def test_the_clockwork_fires_follows_and_stops(workshop: Workshop) -> None:
    """On the wall's clock: what hangs at the end is INTERRUPTED and can commit nothing afterwards."""
    workshop.clock = WallClock()
    workshop.lead()
    found = schedule("  it: {job: roll-up, every: 1 min, catch_up: all}\n  then: {job: housekeeping, after: it}")
    hangs, go_on = threading.Event(), threading.Event()

    def meanwhile(occasion: Occasion) -> None:
        if occasion.entry == "then":
            hangs.set()
            go_on.wait(30)

    workshop.meanwhile = meanwhile
    with workshop.context.store.begin() as unit:
        note_seen(unit, found, workshop.clock.now() - timedelta(minutes=1))
    scheduler = Scheduler(workshop.context, found)
    scheduler.start()
    assert hangs.wait(30)
    scheduler.stop(0.1)
    then = workshop.lines("then")
    assert {line[1] for line in then} == {INTERRUPTED}
    go_on.set()
    wait_for(lambda: not [thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name])
    assert workshop.lines("then") == then
    with workshop.unled.read() as unit:
        assert (unit.state.get("effect/it"), unit.state.get("effect/then")) == (b"committed", None)


@pytest.mark.parametrize("policy", [CatchUp.NONE, CatchUp.ALL])
def test_an_occurrence_that_comes_due_during_the_one_before_has_its_line(workshop: Workshop, policy: CatchUp) -> None:
    workshop.clock = WallClock()
    workshop.lead()
    changes = {"every": timedelta(seconds=1), "catch_up": policy}
    found = Schedule({"it": one({"every": "1 min"}).entries["it"].model_copy(update=changes)})
    workshop.meanwhile = lambda _: time.sleep(1.3)
    scheduler = Scheduler(workshop.context, found)
    began = workshop.clock.now()
    scheduler.start()
    wait_for(lambda: len(workshop.done) >= 3)
    scheduler.stop(10)
    lines = workshop.lines("it")
    with workshop.unled.read() as unit:
        due = [run.due_at for run in unit.ledger.between(began, workshop.clock.now(), ["it"])]
    assert due == [due[0] + timedelta(seconds=k) for k in range(len(due))], "one without a line"
    assert due[0] - began <= timedelta(seconds=1)
    expected = {(DONE, None)} | ({(SKIPPED, OVERLAP)} if policy is CatchUp.NONE else set())
    assert {line[1:] for line in lines} == expected
