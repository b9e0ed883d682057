"""Large moves through the whole of it: weighed, held, proved by a canary, approved by somebody else, or stopped."""

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.errors import Conflict, InputError
from engine.model import AlarmState, BatchState, Command, CommandState, Level, Program, Slot
from engine.setpoints.batches import Batch
from engine.setpoints.desk import RULE as NOT_APPLIED
from engine.setpoints.dispatch import Dispatcher, DispatchPolicy
from engine.settings import Settings
from engine.store import Store
from jobs.batches import decide, tend_batches
from jobs.bootstrap import Territory, blast_in, catalogue_of, read_territory
from jobs.cli.app import app
from jobs.domains import DOMAINS
from jobs.planning import run_plan
from jobs.settling import settle_points
from tests.conftest import BOTH
from tests.setpoints.fakes import Equipment, Line, ManualClock

from .conftest import NOON

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
DUSK = NOON + timedelta(hours=8)
ANA, BOB = "person:ana", "person:bob"


@pytest.fixture
def territory(store: Store, settings: Settings) -> Territory:
    catalogue = catalogue_of(settings)
    return read_territory(store, catalogue, blast=blast_in(settings, catalogue))


class Town:
    """The sample territory with equipment that obeys, or does not, and a clock that a test moves."""

    def __init__(self, store: Store, territory: Territory) -> None:
        self.store, self.territory, self.clock = store, territory, ManualClock(NOON)
        self.equipment = Equipment(self.clock.now)
        self.line = Line(self.equipment)
        policy = DispatchPolicy(owner="test", rate_per_gateway=1e6)
        self.dispatcher = Dispatcher(store.begin, self.line, self.clock, policy, territory.points)

    @property
    def lamps(self) -> list[str]:
        return [name for name, point in self.territory.points.items() if point.domain == "lighting"]

    def ask(
        self, value: float, points: Iterable[str], *, level: Level = Level.RULE, by: str = "rules", until: float = 600
    ) -> None:
        """Somebody wants a value of points from now on, for so many minutes."""
        now, end = self.clock.now(), self.clock.now() + until * MINUTE
        slots = [Slot(p, level, by, Program.constant(value, now, end), now, "v1", "because") for p in points]
        with self.store.begin() as unit:
            unit.slots.put(slots)
            settle_points(unit, self.territory, [slot.point for slot in slots], now, by)

    def plan(self, settings: Settings) -> None:
        run_plan(self.store, self.territory, DOMAINS["lighting"], self.clock.now(), settings)

    def run(self, minutes: float = 0) -> None:
        """Send, answer and tend until nothing changes, then every minute until so many have passed."""
        for minute in range(int(minutes) + 1):
            if minute:
                self.clock.forward(1)
                self.renew()
            while any(
                [*astuple(self.dispatcher.step(0.0)), tend_batches(self.store, self.territory, self.clock.now())]
            ):
                pass

    def renew(self) -> None:
        """What a rule cycle does for points whose time has come."""
        with self.store.begin() as unit:
            settle_points(unit, self.territory, unit.renewals.due(self.clock.now()), self.clock.now())

    def run_night(self) -> None:
        """Everything of the day that just began is sent and verified, and it is dark now."""
        self.run()
        self.clock.instant = DUSK

    @property
    def batch(self) -> Batch:
        """The newest."""
        with self.store.read() as unit:
            return unit.batches.list()[0]

    def states(self, batch: Batch) -> Counter[CommandState]:
        with self.store.read() as unit:
            return unit.batches.tallies(batch.id)[1].states

    def alarms(self, rule: str) -> list[AlarmState]:
        with self.store.read() as unit:
            return [alarm.state for alarm in unit.alarms.active() if alarm.rule == rule]

    def commands(self, points: Sequence[str]) -> dict[str, Command]:
        with self.store.read() as unit:
            return unit.commands.newest(points)


@pytest.fixture
def town(store: Store, territory: Territory) -> Town:
    return Town(store, territory)


@pytest.fixture
def night(town: Town, settings: Settings, history: int) -> Town:
    """A night whose plan is in action at every lamp."""
    town.plan(settings)
    town.run_night()
    assert town.states(town.batch) == {CommandState.VERIFIED: 240}
    return town


@BOTH
def test_the_first_plan_of_all_goes_to_a_canary_and_then_to_everybody(
    town: Town, settings: Settings, history: int
) -> None:
    town.plan(settings)
    batch = town.batch
    assert (batch.state, batch.made_by, batch.facts["commands"]) == (BatchState.CANARY, "plan:lighting", 240)
    town.dispatcher.step(0.0)
    assert len(town.line.sent) == batch.facts["canary"] == 3
    assert len({command.gateway for command in town.line.sent}) == 3
    town.run()
    assert town.states(batch) == {CommandState.VERIFIED: 240}
    assert town.batch.state is BatchState.RELEASED
    assert town.batch.ended_at == NOON
    with town.store.read() as unit:
        told = list(unit.audit.bodies("batches", "batch", NOON, NOON + MINUTE))
    assert [(line["from"], line["to"], line["made_by"]) for line in told] == [("canary", "released", "plan:lighting")]


def test_the_same_night_again_is_not_held(night: Town, settings: Settings) -> None:
    first = night.batch
    night.clock.instant = NOON + DAY + 7 * timedelta(seconds=1)
    night.plan(settings)
    assert night.batch == first
    with night.store.read() as unit:
        assert unit.commands.counts()[CommandState.QUEUED] == 240


@BOTH
def test_a_night_like_the_one_before_last_waits_for_nobody_after_one_of_full_light(
    night: Town, settings: Settings
) -> None:
    night.clock.instant = NOON + DAY
    night.plan(settings)
    night.run()
    night.clock.instant = DUSK + DAY
    night.ask(1.0, night.lamps, until=16 * 60)
    night.run()
    night.clock.instant = NOON + 2 * DAY
    first = night.batch
    night.plan(settings)
    assert night.batch == first or night.batch.state is BatchState.CANARY
    night.run()
    assert {night.equipment.read(lamp, "").value for lamp in night.lamps} == {0.0}
    assert night.alarms("batch-not-approved") == []


@BOTH
def test_equipment_that_lies_gets_the_canary_and_nothing_else(town: Town, settings: Settings, history: int) -> None:
    town.equipment.lies = True
    town.plan(settings)
    town.run(14)
    assert len({command.id for command in town.line.sent}) == 3
    town.run(3)
    assert town.batch.state is BatchState.STOPPED
    assert town.alarms("batch-stopped") == [AlarmState.UNACKNOWLEDGED]
    with town.store.read() as unit:
        (alarm,) = [alarm for alarm in unit.alarms.active() if alarm.rule == "batch-stopped"]
    assert (alarm.asset, alarm.detail["domain"], alarm.detail["commands"]) == (town.batch.id, "lighting", 240)
    assert "3 of 3 failed in the canary" in alarm.detail["why"]
    town.run(80)
    sent = {command.id: command.level for command in town.line.sent}
    assert sorted(sent.values()) == [Level.DAY_AHEAD_PLAN] * 3 + [Level.SAFE_DEFAULT] * 3
    assert town.states(town.batch) == {CommandState.CANCELLED: 237, CommandState.FAILED: 3}
    assert town.batch.ended_at is not None
    assert town.alarms("batch-stopped") == [AlarmState.RTN_UNACKNOWLEDGED]


def test_equipment_that_fails_after_the_canary_stops_the_rest(town: Town, settings: Settings, history: int) -> None:
    town.plan(settings)
    town.dispatcher = Dispatcher(
        town.store.begin, town.line, town.clock, DispatchPolicy("test", batch=20), town.territory.points
    )
    town.dispatcher.step(0.0)
    town.equipment.rejects = True
    town.run(2)
    assert town.batch.state is BatchState.STOPPED
    states = town.states(town.batch)
    assert states[CommandState.VERIFIED] == 3
    assert states[CommandState.REJECTED] < 60
    assert states[CommandState.CANCELLED] == 237 - states[CommandState.REJECTED]


@BOTH
def test_a_blackout_waits_for_somebody_else(night: Town) -> None:
    night.ask(0.0, night.lamps, by=ANA, level=Level.OPERATOR)
    batch = night.batch
    assert (batch.state, batch.made_by, batch.facts["points"]) == (BatchState.PENDING, ANA, 240)
    assert night.alarms("batch-not-approved") == [AlarmState.UNACKNOWLEDGED]
    with night.store.read() as unit:
        (alarm,) = [alarm for alarm in unit.alarms.active() if alarm.rule == "batch-not-approved"]
    assert alarm.detail["respond_within_s"] == 2 * 3600
    sent = len(night.line.sent)
    night.run(30)
    assert len(night.line.sent) == sent
    with night.store.begin() as unit, pytest.raises(Conflict, match="was made by person:ana"):
        decide(unit, night.territory, batch.id, ANA, night.clock.now())
    with night.store.begin() as unit:
        assert decide(unit, night.territory, batch.id, BOB, night.clock.now()).state is BatchState.CANARY
    assert night.alarms("batch-not-approved") == [AlarmState.RTN_UNACKNOWLEDGED]
    night.dispatcher.step(0.0)
    assert len(night.line.sent) == sent + 3
    night.run()
    assert night.states(night.batch) == {CommandState.VERIFIED: 240}
    assert {night.equipment.read(lamp, "").value for lamp in night.lamps} == {0.0}
    with night.store.read() as unit:
        assert list(unit.audit.bodies(BOB, "batch", NOON, NOON + DAY)) == [
            {"from": "pending", "to": "canary", "made_by": ANA, "act": "send the canary", "commands": 3}
        ]


@pytest.mark.parametrize("waited", [2, 65])
def test_an_override_that_was_approved_is_renewed_without_asking_again(night: Town, waited: int) -> None:
    """Equipment follows an override for an hour without hearing from us: it may have waited longer, or not."""
    night.ask(0.0, night.lamps, by=ANA, level=Level.OPERATOR, until=120)
    batch = night.batch
    night.run(waited)
    with night.store.begin() as unit:
        decide(unit, night.territory, batch.id, BOB, night.clock.now())
    night.run(110 - waited)
    assert night.batch.id == batch.id
    assert {night.equipment.read(lamp, "").value for lamp in night.lamps} == {0.0}
    night.run(12)  # the two hours are over
    assert night.batch.id == batch.id
    assert 0.0 not in {night.equipment.read(lamp, "").value for lamp in night.lamps}


def test_what_nobody_approves_expires_with_one_alarm_and_is_asked_again_while_it_is_wanted(night: Town) -> None:
    night.ask(0.0, night.lamps, by=ANA, level=Level.OPERATOR)
    batch = night.batch
    night.clock.forward(4 * 60)
    night.run(44)
    assert night.batch.id == batch.id
    assert night.batch.state is BatchState.EXPIRED
    assert night.states(batch) == {CommandState.EXPIRED: 240}
    assert night.alarms("batch-not-approved") == [AlarmState.RTN_UNACKNOWLEDGED]
    assert night.alarms(NOT_APPLIED) == []
    night.run(2)
    assert night.batch.state is BatchState.PENDING
    assert night.batch.id != batch.id


def test_what_was_refused_is_no_precedent(night: Town) -> None:
    night.ask(0.0, night.lamps, by=ANA, level=Level.OPERATOR)
    refused = night.batch
    with night.store.begin() as unit:
        decide(unit, night.territory, refused.id, BOB, night.clock.now(), "a market")
    with night.store.read() as unit:
        (line,) = unit.audit.bodies(BOB, "batch", NOON, NOON + DAY)
    assert (line["from"], line["to"], line["commands"]) == ("pending", "refused", 240)
    assert line["reason"] not in {"", "a market"}  # what people write is kept beside the chain
    assert night.states(refused) == {CommandState.REJECTED: 240}
    night.clock.forward(1)
    night.ask(0.1, night.lamps, by=ANA, level=Level.OPERATOR)
    assert night.batch.state is BatchState.PENDING
    assert night.batch.id != refused.id


def test_a_batch_is_tended_by_whatever_process_comes_next(night: Town, settings: Settings) -> None:
    night.ask(0.0, night.lamps, by=ANA, level=Level.OPERATOR)
    with night.store.begin() as unit:
        decide(unit, night.territory, night.batch.id, BOB, night.clock.now())
    other = Town(Store.open(settings.database_url), night.territory)
    other.clock.instant, other.equipment.held = night.clock.instant, night.equipment.held
    other.run()
    assert other.states(other.batch) == {CommandState.VERIFIED: 240}
    other.store.close()


@pytest.mark.parametrize(
    ("value", "level"), [(1.0, Level.RULE), (0.0, Level.LIFE_SAFETY_AUTOMATIC), (0.0, Level.PROTECTION)]
)
def test_light_and_levels_1_to_5_are_never_held(night: Town, value: float, level: Level) -> None:
    before = night.batch
    night.ask(value, night.lamps, level=level)
    assert night.batch == before
    asked = [c for c in night.commands(night.lamps).values() if c.issued_at == DUSK]
    assert len(asked) > 100
    assert all(command.urgent and command.batch is None for command in asked)
    sent = len(night.line.sent)
    night.run()
    assert len(night.line.sent) > sent


@pytest.mark.parametrize(("level", "goes"), [(Level.OPTIMISER, True), (Level.FIELD_AGENT, False)])
def test_light_that_has_not_left_yet_is_not_held_up_by_what_replaces_it(night: Town, level: Level, goes: bool) -> None:
    night.ask(1.0, night.lamps[:50], until=30)
    lit = sorted(c.point for c in night.commands(night.lamps[:50]).values() if c.issued_at == DUSK)
    assert lit
    night.clock.forward(1)
    night.ask(0.0, night.lamps, by=ANA, level=level, until=120)  # below the light or above it
    assert night.batch.state is BatchState.PENDING
    newest = night.commands(lit).values()
    assert {command.urgent for command in newest} == {command.batch is None for command in newest} == {goes}


def test_a_held_command_lives_as_long_as_it_may_have_to_wait_and_no_longer_than_its_program(night: Town) -> None:
    now = night.clock.now()
    night.ask(0.0, night.lamps, by=ANA, level=Level.OPERATOR)
    lives = Counter(command.expires_at - now for command in night.commands(night.lamps).values())
    waits = {timedelta(hours=4, minutes=30): 3, timedelta(hours=4, minutes=45): 237}
    assert lives == waits
    night.clock.forward(1)
    plan_ends = NOON + DAY
    night.clock.instant = plan_ends - 20 * MINUTE
    night.ask(1.0, night.lamps[:1], until=25)  # something newer, so that the next is a move
    night.ask(0.0, night.lamps, by=ANA, level=Level.OPERATOR, until=25)
    assert all(c.expires_at <= max(c.program.until, c.issued_at + 30 * MINUTE) for c in _waiting(night))


def _waiting(town: Town) -> list[Command]:
    return [command for command in town.commands(town.lamps).values() if command.batch is not None]


def test_a_few_and_what_has_no_bounds_go_at_once(night: Town, store: Store, territory: Territory) -> None:
    before = night.batch
    night.ask(0.0, night.lamps[:9])
    night.territory = replace(territory, blast=None)
    night.ask(0.0, night.lamps[9:])
    assert night.batch == before


def test_domains_are_weighed_apart(town: Town) -> None:
    told = ("illuminanceLevel", "heatingSetpoint", "fanSpeed")
    points = [name for name in town.territory.points if name.endswith(told)]
    with town.store.begin() as unit:
        slots = [
            Slot(p, Level.RULE, "r", Program.constant(v, NOON, NOON + DAY), NOON, "v", "") for p, v in _asked(points)
        ]
        unit.slots.put(slots)
        settle_points(unit, town.territory, points, NOON)
    assert town.batch.domain == "lighting"
    assert {c.point.rpartition("/")[2] for c in town.commands(points).values() if c.batch} == {"illuminanceLevel"}


def _asked(points: Sequence[str]) -> Iterable[tuple[str, float]]:
    return ((point, 0.2 if point.endswith("illuminanceLevel") else 16.0) for point in points)


def test_the_second_person_at_the_command_line(
    night: Town, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = {0: "root", 1: "daemon"}
    night.ask(0.0, night.lamps, by="person:root", level=Level.OPERATOR)
    name = night.batch.id
    monkeypatch.setattr("jobs.cli.approvals.settings", lambda: settings.model_copy(update={"lang": "en"}))
    monkeypatch.setattr("jobs.cli.approvals.instant", lambda _: night.clock.now())

    def consigne(uid: int, *words: str) -> Any:
        monkeypatch.setattr("os.getuid", lambda: uid)
        return CliRunner().invoke(app, ["approval", *words])

    assert '"made_by": "person:root"' in consigne(1, "list", "--json").stdout
    assert "240 points are 100.0% of the domain, above 60%" in consigne(1, "show", name).stdout
    own = consigne(0, "approve", name)
    assert isinstance(own.exception, Conflict)
    assert f"made by person:{people[0]} → somebody else" in str(own.exception)
    assert isinstance(consigne(1, "approve", "nothing").exception, InputError)
    assert isinstance(consigne(1, "refuse", name, "--reason", " ").exception, InputError)
    assert night.batch.state is BatchState.PENDING
    done = consigne(1, "approve", name)
    assert (done.exit_code, done.stdout) == (0, f"{name}: the first few are on their way\n")
    assert night.batch.decided_by == f"person:{people[1]}"
    assert consigne(1, "list").stdout == ""
    assert '"fares"' in consigne(1, "show", name, "--json").stdout


def test_rules_check_reads_the_bounds_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    folder = tmp_path / "rules"
    shutil.copytree(settings.rules_dir, folder)
    shipped = (folder / "blast.yaml").read_text()
    (folder / "blast.yaml").write_text(shipped.replace("stop_above: 5 %", "stop_above: 5", 1))
    monkeypatch.setattr("jobs.cli.common.settings", lambda: settings.model_copy(update={"rules_dir": folder}))
    found = CliRunner().invoke(app, ["rules", "check"]).exception
    assert isinstance(found, InputError)
    assert "blast.yaml:18:15 otherwise.stop_above: a share is from 0 % to 100 %" in str(found)
    assert CliRunner().invoke(app, ["rules", "check", str(folder / "lighting")]).exit_code == 0
