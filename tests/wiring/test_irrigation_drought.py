"""A drought level that is raised under a running service: valves that may not be open are closed in the next cycle."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from engine.broker import Broker
from engine.equipment.mqtt import MqttLink
from engine.instants import PARIS
from engine.model import Command, CommandState, Level, Program, Slot
from engine.rulebook import load_rules
from engine.setpoints.outbox import because
from engine.store import Store
from jobs.asking import REPLAN, URGENT
from jobs.bootstrap import StoryClock, Territory, law_in
from jobs.doctor import examine
from jobs.law import LawFiles
from jobs.reload import RuleFiles
from jobs.service import Service
from jobs.settling import settle_points
from tests.conftest import BOTH

from .conftest import ROOT, Desk, audited, rule
from .test_reload import Line

TABLE = Path("rules/drought.yaml").read_text().replace("levels: []\n", "")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def local(day: date, hour: float) -> datetime:
    return datetime.combine(day, time(int(hour), int(hour % 1 * 60)), PARIS).astimezone(UTC)


TEN_PM = local(date(2026, 7, 6), 22)


def level(name: str = "crise", start: str = "2026-07-06", until: str = "2026-09-30", **more: str) -> str:
    extra = "".join(f"    {key}: {value}\n" for key, value in more.items())
    return (
        "levels:\n  - id: drought-7\n    authority: {fr: préfet, en: prefect}\n    number: '2026-214'\n"
        f"    dated: 2026-07-03\n    level: {name}\n    from: {start}\n    until: {until}\n{extra}"
    )


class House:
    """A service over the sample territory; tonight's plan has every valve open."""

    def __init__(self, store: Store, territory: Territory, desk: Desk, at: datetime = TEN_PM) -> None:
        self.store, self.territory, self.settings = store, territory, desk.settings
        desk.put(rule("never", "powerState == on and powerState == off"))
        self.file = desk.settings.rules_dir / "drought.yaml"
        self.file.write_text(TABLE + "levels: []\n")
        self.clock = StoryClock(at - 10 * MINUTE)
        files = RuleFiles(self.settings, territory)
        line = MqttLink(cast("Broker", Line()))
        self.service = Service(self.settings, store, territory, files.first(), self.clock, line, files)
        self.service.announce()
        self.valves = [f"{valve.id}/opening" for valve in territory.of_type("IrrigationValve")]
        self.cycle()
        self.want(self.valves, 1.0, Level.DAY_AHEAD_PLAN, at, "plan:irrigation")

    def want(self, points: list[str], value: float, level: Level, at: datetime, source: str) -> None:
        program = Program.constant(value, at - 10 * MINUTE, at + timedelta(hours=12))
        slots = [Slot(point, level, source, program, self.clock.at, "v1", "a test") for point in points]
        with self.store.begin() as unit:
            unit.slots.put(slots)
            settle_points(unit, self.territory, points, self.clock.at, "rules")
            for command in unit.commands.newest(points).values():
                unit.commands.move(command.id, CommandState.VERIFIED, self.clock.at, "a test", {CommandState.QUEUED})

    def cycle(self, at: datetime | None = None) -> None:
        """What the loop does once."""
        self.clock.at = at or self.clock.at
        self.service.look_at_law()
        self.service.enact()
        self.service.cycle()

    def newest(self) -> dict[str, Command]:
        with self.store.read() as unit:
            return unit.commands.newest(self.valves)

    def bound(self) -> dict[str, Command]:
        """The newest commands of valves that an order binds: one of the sample's waters with what no level forbids."""
        return {point: one for point, one in self.newest().items() if self.territory.points[point].orders}

    def replan(self) -> Any:
        with self.store.read() as unit:
            return orjson.loads(unit.state.get(REPLAN + "irrigation" + URGENT) or b"null")


@pytest.fixture
def house(store: Store, territory: Territory, desk: Desk) -> House:
    return House(store, territory, desk)


@BOTH
def test_a_level_raised_at_ten_closes_open_valves_in_the_next_cycle_and_has_the_night_planned_again(
    house: House,
) -> None:
    assert {command.program.at(TEN_PM) for command in house.newest().values()} == {1.0}
    house.file.write_text(TABLE + level())
    house.cycle(TEN_PM)
    found = house.bound()
    assert len(found) >= 3
    for command in found.values():
        assert command.program.steps[0] == (TEN_PM, 0.0)
        assert (command.urgent, command.batch, command.state) == (True, None, CommandState.QUEUED)
        reasons = " ".join(command.explanation["verdict"]["reasons"])
        assert command.explanation["verdict"]["clauses"] == ["order:drought-7"]
        assert "order 2026-214 of 2026-07-03" in reasons
        piece = because(command.explanation, TEN_PM)
        assert piece is not None
        assert piece["winner"]["source"] == "plan:irrigation"
    at = "2026-07-06T20:00:00Z"
    assert house.replan() == {"requested_at": at, "noted_at": at, "rule": "orders.yaml", "asset": ""}
    assert audited(house.settings, "enact")[-1] == {"orders": {"drought-7": "2026-214 of 2026-07-03, crise"}}


def test_it_closes_what_an_operator_opened_and_only_life_safety_may_open(house: House) -> None:
    house.file.write_text(TABLE + level())
    house.cycle(TEN_PM)
    valve, other = list(house.bound())[:2]
    house.want([valve], 1.0, Level.OPERATOR, TEN_PM, "person:ann")
    house.want([other], 1.0, Level.LIFE_SAFETY_MANUAL, TEN_PM, "person:bob")
    found = house.newest()
    assert found[valve].program.at(TEN_PM) == 0.0
    assert found[other].program.at(TEN_PM) == 1.0


def test_nothing_is_asked_anew_of_points_of_other_domains_nor_twice(house: House, store: Store) -> None:
    house.file.write_text(TABLE + level())
    house.cycle(TEN_PM)
    first, asked = house.newest(), house.replan()
    with store.read() as unit:
        assert set(unit.commands.newest(house.territory.points)) == set(house.valves)
    house.cycle(TEN_PM + MINUTE)
    house.cycle(TEN_PM + 2 * MINUTE)
    assert (house.newest(), house.replan()) == (first, asked)
    house.file.write_text(TABLE + level() + "\n# the same, said again\n")
    house.cycle(TEN_PM + 3 * MINUTE)
    assert (house.newest(), house.replan()) == (first, asked)


def test_a_level_of_another_place_or_water_closes_nothing(house: House) -> None:
    house.file.write_text(TABLE + level(place="{communes: ['75056']}"))
    house.cycle(TEN_PM)
    assert all(command.program.at(TEN_PM) == 1.0 for command in house.newest().values())
    assert house.replan() is None


def test_at_midnight_an_order_that_ends_lets_the_plan_go_on_and_one_that_begins_closes(house: House) -> None:
    midnight = local(date(2026, 7, 7), 0)
    house.file.write_text(TABLE + level(until="2026-07-06"))
    house.cycle(TEN_PM)
    assert house.bound()
    for command in house.bound().values():
        assert (command.program.at(midnight - SECOND), command.program.at(midnight)) == (0.0, 1.0)
    house.file.write_text(TABLE + level(start="2026-07-07"))
    house.cycle(TEN_PM + MINUTE)
    assert house.bound()
    for command in house.bound().values():
        assert (command.program.at(midnight - SECOND), command.program.at(midnight)) == (1.0, 0.0)


@pytest.mark.parametrize(("day", "left"), [(date(2026, 10, 24), 4), (date(2026, 3, 28), 2)])
def test_hours_that_begin_at_midnight_on_the_nights_the_clock_changes(
    store: Store, territory: Territory, desk: Desk, day: date, left: int
) -> None:
    evening = local(day, 22)
    house = House(store, territory, desk, evening)
    table = "uses: {}\nmeasures:\n  - {levels: [alerte], hours: '00:00-03:00', reference: a test}\n"
    house.file.write_text(table + level("alerte", start="2026-01-01", until="2026-12-31"))
    house.cycle(evening)
    for command in house.newest().values():
        steps = [*command.program.steps, (command.program.until, 0.0)]
        spans = [(b - a) for (a, value), (b, _) in pairwise(steps) if value]
        assert sum(spans, timedelta(0)) == timedelta(hours=left)


def test_a_file_with_a_mistake_is_told_and_what_was_in_force_stays(house: House) -> None:
    house.file.write_text(TABLE + level())
    house.cycle(TEN_PM)
    first = house.newest()
    house.file.write_text(TABLE + level().replace("level: crise", "level: orange"))
    house.cycle(TEN_PM + MINUTE)
    assert house.newest() == first
    assert house.territory.drought.levels[0].id == "drought-7"
    told = next(one for one in examine(house.settings, quick=True) if one.name == "service")
    assert told.state == "degraded"
    assert "changed orders refused" in told.what
    assert "'orange'" in told.what
    house.file.write_text(TABLE + "levels: []\n")
    house.cycle(TEN_PM + 2 * MINUTE)
    assert all(command.program.at(TEN_PM + 2 * MINUTE) == 1.0 for command in house.newest().values())
    assert "refused" not in next(one for one in examine(house.settings, quick=True) if one.name == "service").what


def test_a_process_beside_follows_the_files(store: Store, territory: Territory, desk: Desk) -> None:
    desk.put(rule("never", "powerState == on and powerState == off"))
    law = LawFiles(desk.settings, territory)
    valve = f"{territory.of_type('IrrigationValve')[0].id}/opening"
    law.follow()
    assert territory.points[valve].orders == ()
    (desk.settings.rules_dir / "drought.yaml").write_text(TABLE + level())
    law.follow()
    assert [order.id for order in territory.points[valve].orders] == ["drought-7"]
    assert territory.law == law_in(desk.settings, territory.catalogue)


@pytest.mark.parametrize("name", ["frost-stop", "wind-stop", "leak-blocks-valves", "valve-flow-excess"])
def test_what_a_shipped_rule_closes_is_closed_while_the_plan_in_force_has_it_open(house: House, name: str) -> None:
    want = load_rules(ROOT / "rules", house.territory.catalogue).rule(name).definition.then.want
    assert want is not None
    assert want.value == 0
    house.want(house.valves, 0.0, Level(want.level), TEN_PM, f"rule:{name}")
    assert {command.program.at(TEN_PM) for command in house.newest().values()} == {0.0}
