"""A main that bursts while the plan waters: shut above the operator within a quarter of an hour, and never for a valve
that somebody opened beside the plan, nor without a plan."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from engine.instants import noon
from engine.model import Level, PlanState, Program, Slot
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.cycle import RulesAtWork, run_cycle
from jobs.domains import DOMAINS
from jobs.irrigation.body import Opening, open_body
from jobs.irrigation.provided import PROPERTY, TOLD_EVERY
from jobs.planning import run_plan
from jobs.provisions import Provisions

from .conftest import readings, tell

EVENING = noon(date(2026, 7, 6)) + timedelta(hours=6)
MINUTE = timedelta(minutes=1)
NETWORK, MASTER = "N-49329-0001", "N-49329-0001/masterValveOpening"
IRRIGATION = DOMAINS["irrigation"]


@dataclass
class Night:
    """Rule cycles of a night in which valves open as it is planned, and the meter adds up what they take."""

    store: Store
    territory: Territory
    rules: RulesAtWork
    openings: list[Opening]

    @property
    def first(self) -> Opening:
        return self.openings[0]

    def planned(self, at: datetime) -> dict[str, float]:
        opened = {valve for valve, start, end in self.openings if start <= at < end}
        return {valve.id: float(valve.id in opened) for valve in self.territory.of_type("IrrigationValve")}

    def flow_m3_h(self, opened: dict[str, float]) -> float:
        return sum(float(self.territory.by_id[valve].attributes["flow_m3_h"]) * how for valve, how in opened.items())

    def play(
        self, start: datetime, minutes: int, beside: tuple[str, ...] = (), leak_m3_h: float = 0.0, step: int = 1
    ) -> None:
        """The meter shows more by a leak; people have valves open beside the plan."""
        for at in (start + k * MINUTE for k in range(0, minutes, step)):
            opened = self.planned(at) | dict.fromkeys(beside, 1.0)
            flow = self.flow_m3_h(opened) + leak_m3_h
            told: list[tuple[str, str, Any, datetime]] = [(one, "opening", how, at) for one, how in opened.items()]
            tell(self.store, self.territory, readings(*told, (NETWORK, "flow", flow, at)), at)
            assert run_cycle(self.store, self.territory, self.rules, at).faults == ()

    def master(self, at: datetime) -> list[Slot]:
        with self.store.read() as unit:
            return unit.slots.arrays([MASTER], at).get(MASTER, [])

    def alarms(self) -> set[str]:
        with self.store.read() as unit:
            return {alarm.rule for alarm in unit.alarms.active({NETWORK})}


@pytest.fixture
def night(store: Store, territory: Territory, settings: Settings, rules: RulesAtWork) -> Night:
    """The night of a plan that is made by rules alone, as no weather is known, or by the solver."""
    run_cycle(store, territory, rules, EVENING)
    told: list[tuple[str, str, Any, datetime]] = []
    for probe in territory.of_type("GreenspaceRecord"):
        told += [(probe.id, "soilMoistureVwc", 0.13, EVENING - k * timedelta(hours=1)) for k in range(1, 6)]
    tell(store, territory, readings(*told), EVENING)
    record = run_plan(store, territory, IRRIGATION, EVENING, settings).record
    with store.read() as unit:
        found = unit.plans.get(record.id)
    assert record.state is PlanState.IN_FORCE and found is not None
    return Night(store, territory, rules, open_body(found[1]).openings)


def test_a_main_that_bursts_is_shut_within_a_quarter_of_an_hour_above_the_operator(night: Night) -> None:
    _, start, _ = night.first
    burst = start + 6 * MINUTE
    operator = Slot(
        MASTER, Level.OPERATOR, "anna", Program.constant(1.0, start, start + timedelta(days=1)), start, "", ""
    )
    with night.store.begin() as unit:
        unit.slots.put([operator])
    night.play(start - 20 * MINUTE, 26)
    assert night.alarms() == set()
    night.play(burst, 10, leak_m3_h=15.0)
    assert "irrigation-burst" not in night.alarms()
    night.play(burst + 10 * MINUTE, 3, leak_m3_h=15.0)
    assert "irrigation-burst" in night.alarms()
    at = burst + 13 * MINUTE
    (shut,) = (slot for slot in night.master(at) if slot.source.startswith("rule:irrigation-burst"))
    assert (shut.level, shut.program.at(at), shut.program.until - shut.program.start) == (5, 0.0, timedelta(hours=12))
    with night.store.read() as unit:
        assert unit.commands.newest([MASTER])[MASTER].program.at(at) == 0.0


def test_hours_that_go_as_planned_shut_nothing(night: Night) -> None:
    _, start, _ = night.first
    night.play(start - 20 * MINUTE, 300, step=2)
    assert len({end for _, _, end in night.openings if end < start + 280 * MINUTE}) > 4, "valves take turns in them"
    assert night.alarms() == set()
    assert night.master(start + 300 * MINUTE) == []


def test_nothing_is_shut_for_a_valve_that_a_person_opened_beside_the_plan(night: Night) -> None:
    _, start, _ = night.first
    closed = next(one for one, how in night.planned(start + MINUTE).items() if not how)
    night.play(start - 20 * MINUTE, 22)
    night.play(start + 2 * MINUTE, 30, beside=(closed,), leak_m3_h=6.0)
    assert "irrigation-burst" not in night.alarms()
    assert night.master(start + timedelta(hours=1)) == []


def test_without_a_plan_nothing_is_shut_whatever_flows(store: Store, territory: Territory, rules: RulesAtWork) -> None:
    run_cycle(store, territory, rules, EVENING)
    unplanned = Night(store, territory, rules, [])
    unplanned.play(EVENING + MINUTE, 30, beside=("V-49329-0001",), leak_m3_h=15.0)
    assert "irrigation-burst" not in unplanned.alarms()
    assert unplanned.master(EVENING + timedelta(hours=1)) == []


def test_what_a_network_may_draw_is_told_every_minute(night: Night) -> None:
    engine = night.rules.engine
    told = Provisions(engine)
    valve, start, _ = night.first

    def news(at: datetime) -> dict[int, float]:
        with night.store.read() as unit:
            series, values = told.news(unit, at)
        return dict(zip(series.tolist(), values.tolist(), strict=True))

    half = TOLD_EVERY / 2
    flow = float(night.territory.by_id[valve].attributes["flow_m3_h"])
    assert news(start)[engine.series_of(NETWORK, PROPERTY)] >= flow
    assert [len(news(start + k * half)) for k in (1, 2, 3, 4)] == [0, 1, 0, 1]
    assert news(start + timedelta(days=2)) == {}
