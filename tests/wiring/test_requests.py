"""What rules ask for beside alarms and setpoints, work orders and plans; and what they read of plans."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.errors import ConsigneError
from engine.model import Level, Program, Slot
from engine.rulebook import RuleEngine
from engine.store import Store
from engine.store.ledger import RunState
from engine.store.workorders import WorkOrder
from jobs.asking import REPLAN, askings
from jobs.bootstrap import StoryClock, Territory
from jobs.cycle import CycleResult, run_cycle
from jobs.schedules.loading import built_in
from jobs.schedules.running import Runner
from jobs.table import JOBS, Finish, JobContext, Occasion
from tests.conftest import BOTH

from .conftest import NOON, TEXT, WORK_ORDER, Desk, at_work, audited, readings, rule, tell

MINUTE = timedelta(minutes=1)
ON = "powerState == on"


class Town:
    """The sample territory under a test's own rules, and one lamp of it."""

    def __init__(self, store: Store, territory: Territory, desk: Desk) -> None:
        self.store, self.territory, self.settings = store, territory, desk.settings
        self._desk = desk
        self.clock = StoryClock(NOON + MINUTE)
        self.lamp = territory.of_type("Streetlight")[0].id

    def begin(self, *rules: dict[str, Any]) -> None:
        self._desk.put(*rules)
        self.restart()
        self.cycle(0)

    def restart(self) -> None:
        self.rules = at_work(self.settings, self.territory)

    def cycle(self, minute: float, state: str | None = None) -> CycleResult:
        """A cycle, where a state is given after the lamp has told it."""
        at = NOON + minute * MINUTE
        if state is not None:
            tell(self.store, self.territory, readings((self.lamp, "powerState", state, at)), at)
        return run_cycle(self.store, self.territory, self.rules, at)

    def orders(self, **how: Any) -> list[WorkOrder]:
        with self.store.read() as unit:
            return unit.workorders.list(**how)

    def asked(self, domain: str) -> dict[str, str] | None:
        with self.store.read() as unit:
            body = json.loads(unit.state.get(REPLAN + domain) or b"null")
        return body and {name: value for name, value in body.items() if name != "noted_at"}

    def edges(self) -> list[tuple[str, str]]:
        """Every edge so far: rule and truth."""
        return [(name, truth) for body in audited(self.settings, "decide") for name, _, truth, _ in body["edges"]]

    def put(self, value: float, start: float, end: float, written: float, level: Level = Level.DAY_AHEAD_PLAN) -> None:
        """A slot of the lamp's one point, in minutes."""
        program = Program.constant(value, NOON + start * MINUTE, NOON + end * MINUTE)
        source, at = "plan:test", NOON + written * MINUTE
        with self.store.begin() as unit:
            unit.slots.put([Slot(f"{self.lamp}/illuminanceLevel", level, source, program, at, "v", "a test's")])

    def runner(self) -> Runner:
        """Whoever leads, as the schedule stands without a file."""
        return Runner(JobContext(self.settings, self.store, self.territory, self.clock), built_in())

    def replans(self) -> list[tuple[str, RunState]]:
        """What was asked for, by when, and what became of it."""
        with self.store.read() as unit:
            found = unit.ledger.between(NOON, NOON + 60 * MINUTE, ["replan-lighting"])
        return [(run.occurrence, run.state) for run in found]


@pytest.fixture
def town(store: Store, territory: Territory, desk: Desk) -> Town:
    return Town(store, territory, desk)


# Work orders


@BOTH
def test_a_work_order_is_opened_once_until_it_is_closed(town: Town) -> None:
    town.begin(rule("burns", ON, then=WORK_ORDER))
    assert town.cycle(1, "on").work_orders == 1
    (order,) = town.orders()
    assert (order.rule, order.asset, order.opened_at) == ("burns", town.lamp, NOON + MINUTE)
    assert (order.title, order.within_s) == (TEXT, 2 * 86_400)
    assert order.zone == town.territory.by_id[town.lamp].zone
    town.cycle(2, "off")
    assert town.cycle(3, "on").work_orders == 0
    assert len(town.orders()) == 1
    with town.store.begin() as unit:
        unit.workorders.close(order.id or 0, NOON + 4 * MINUTE, "Anne", "lamp changed")
    town.cycle(5, "off")
    assert town.cycle(6, "on").work_orders == 1
    assert [order.opened_at for order in town.orders()] == [NOON + 6 * MINUTE]


def test_what_a_shadow_rule_asks_is_recorded_and_not_done(town: Town) -> None:
    both = {**WORK_ORDER, "replan": {"domain": "lighting"}}
    town.begin(rule("burns", ON, then=both, mode="shadow"))
    town.cycle(1, "on")
    assert town.orders() == []
    assert town.asked("lighting") is None
    (body,) = audited(town.settings, "decide")
    at = "2026-11-16T11:01:00Z"
    assert sorted(body["requests"]) == [
        ["replan", "lighting", "burns", town.lamp, at, True],
        ["workorder", "", "burns", town.lamp, at, True],
    ]


def test_the_record_names_the_version_of_every_rule_in_it(town: Town) -> None:
    want = {"want": {"point": "illuminanceLevel", "value": 1, "ttl": "15min"}}
    town.begin(rule("burns", ON), rule("boost", ON, then=want), rule("other", "powerState == low"))
    town.cycle(1, "on")
    (body,) = audited(town.settings, "decide")
    versions = {name: town.rules.rulebook.rule(name).version for name in ("burns", "boost")}
    assert body["versions"] == versions
    old, lamp = town.rules.rulebook.rule("burns").version, town.lamp
    town._desk.put(rule("boost", ON, then=want))
    town.restart()
    town.cycle(2)
    assert audited(town.settings, "decide")[-1]["withdrawn"] == [["burns", old, lamp]]


# Plans


@BOTH
def test_a_plan_that_is_asked_for_is_made_once(town: Town) -> None:
    town.begin(rule("burns", ON, then={"replan": {"domain": "lighting"}}))
    town.cycle(1, "on")
    assert town.asked("lighting") == {"requested_at": "2026-11-16T11:01:00Z", "rule": "burns", "asset": town.lamp}
    runner = town.runner()
    runner.look_at_events()
    runner.look_at_events()
    town.runner().look_at_events()
    assert town.replans() == [("2026-11-16T11:01:00Z", RunState.DONE)]
    with town.store.read() as unit:
        assert [plan.made_at for plan in unit.plans.list("lighting", 5)] == [NOON + MINUTE]


def test_a_plan_of_a_domain_that_nobody_plans_is_not_made(town: Town) -> None:
    town.begin(rule("burns", ON, then={"replan": {"domain": "tea"}}))
    town.cycle(1, "on")
    town.runner().look_at_events()
    assert town.asked("tea") == {"requested_at": "2026-11-16T11:01:00Z", "rule": "burns", "asset": town.lamp}
    assert town.replans() == []


def test_a_plan_that_fails_is_not_tried_again_by_itself(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.begin(rule("burns", ON, then={"replan": {"domain": "lighting"}}))
    town.cycle(1, "on")

    def fail(*_: Any) -> Finish:
        raise ConsigneError("no plan")

    monkeypatch.setitem(JOBS, "plan-lighting", replace(JOBS["plan-lighting"], run=fail))
    runner = town.runner()
    runner.look_at_events()
    runner.look_at_events()
    assert town.replans() == [("2026-11-16T11:01:00Z", RunState.FAILED)]
    town.cycle(2, "off")
    town.cycle(3, "on")
    runner.look_at_events()
    assert [key for key, _ in town.replans()] == ["2026-11-16T11:01:00Z", "2026-11-16T11:03:00Z"]


def test_what_is_asked_for_while_a_plan_is_made_is_made_after_it(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.begin(rule("burns", ON, then={"replan": {"domain": "lighting"}}))
    town.cycle(1, "on")
    whole = JOBS["plan-lighting"].run

    def again(context: JobContext, occasion: Occasion) -> Finish:
        if occasion.occurrence == "2026-11-16T11:01:00Z":
            town.cycle(2, "off")
            town.cycle(3, "on")
        return whole(context, occasion)

    monkeypatch.setitem(JOBS, "plan-lighting", replace(JOBS["plan-lighting"], run=again))
    runner = town.runner()
    runner.look_at_events()
    town.clock.at += 3 * MINUTE
    runner.look_at_events()
    assert town.replans() == [("2026-11-16T11:01:00Z", RunState.DONE), ("2026-11-16T11:03:00Z", RunState.DONE)]


# What rules read of plans


DIMMED = rule("dimmed", "planned(illuminanceLevel) < 50 %")


def test_a_rule_reads_the_plan_in_force(town: Town) -> None:
    town.put(0.3, 0, 10, written=-1)
    town.begin(DIMMED)
    assert town.edges() == [("dimmed", "true")]
    town.cycle(5)
    town.put(0.8, 6, 60, written=6)
    town.cycle(6)
    assert town.edges() == [("dimmed", "true"), ("dimmed", "false")]
    town.put(0.2, 7, 60, written=7, level=Level.OPTIMISER)
    town.cycle(8)
    assert town.edges()[-1] == ("dimmed", "true")
    town.put(1.0, 8, 60, written=8, level=Level.RULE)
    assert town.cycle(9).edges == 0


def test_steps_of_a_plan_are_seen_as_they_come_and_what_it_said_last_stays(town: Town) -> None:
    steps = ((NOON, 0.9), (NOON + 10 * MINUTE, 0.1))
    program = Program(steps, NOON + 20 * MINUTE)
    with town.store.begin() as unit:
        point = f"{town.lamp}/illuminanceLevel"
        unit.slots.put([Slot(point, Level.DAY_AHEAD_PLAN, "plan:test", program, NOON, "v", "a test's")])
    town.begin(DIMMED)
    town.cycle(9)
    assert town.edges() == []
    town.cycle(10)
    assert town.edges() == [("dimmed", "true")]
    assert town.cycle(120).edges == 0


def test_a_plan_is_told_when_it_changes(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[int] = []
    decide = RuleEngine.decide

    def counted(self: RuleEngine, series: Any, *rest: Any) -> Any:
        fed.append(len(series))
        return decide(self, series, *rest)

    monkeypatch.setattr(RuleEngine, "decide", counted)
    town.put(0.3, 0, 600, written=-1)
    town.begin(DIMMED)
    town.cycle(1)
    town.restart()
    town.cycle(2)
    town.put(0.4, 3, 600, written=3)
    assert [town.cycle(minute).edges for minute in (3, 4)] == [0, 0]
    assert fed == [1, 0, 1, 1, 0]
    assert town.edges() == [("dimmed", "true")]


def test_rules_that_read_no_plan_cost_no_look_at_plans(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.begin(rule("burns", ON))
    monkeypatch.setattr("engine.store.slots.Slots.arrays", lambda *_: 1 / 0)
    monkeypatch.setattr("jobs.cycle.settle_points", lambda *_: 0)
    assert town.cycle(1, "on").edges == 1


def test_an_urgent_rule_asks_beside_the_others_who_do_not_hide_it(town: Town) -> None:
    urgent = rule("burns", ON, then={"replan": {"domain": "lighting", "urgent": True}})
    town.begin(urgent, rule("also", ON, then={"replan": {"domain": "lighting"}}))
    town.cycle(1, "on")
    with town.store.read() as unit:
        found = {one.urgent: one.by for one in askings(unit, "lighting")}
    assert found == {True: f"burns {town.lamp}", False: f"also {town.lamp}"}
    town.clock.at += MINUTE
    town.runner().look_at_events()
    with town.store.read() as unit:
        (plan,) = unit.plans.list("lighting", 5)
    assert plan.detail["asked"] == f"burns {town.lamp}; also {town.lamp}"
