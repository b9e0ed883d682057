"""What a night of watering came to, read back from a store: planned, flowed, metered, dry, and unlawful."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from engine.instants import noon
from engine.model import PlanRecord, PlanState
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.irrigation.body import body
from jobs.irrigation.night import WaterNight, measure_water
from jobs.irrigation.tables import tables_of
from jobs.irrigation.task import Behind, Foreseen, build_problem
from jobs.irrigation.windows import windows_of
from jobs.irrigation.zones import read_zones
from optimizers.irrigation import solve
from optimizers.soil.estimate import Belief

from .conftest import readings, tell

DAY = date(2026, 9, 28)
START, UNTIL = noon(DAY), noon(DAY + timedelta(days=1))
DRY, MOIST = "V-49329-0004", "V-49329-0003"
METER = "N-49329-0001"
Measured = Callable[..., WaterNight]


def local(hour: float) -> datetime:
    """So many hours after the noon of that day."""
    return START + timedelta(hours=hour)


@pytest.fixture
def planned(store: Store, territory: Territory, settings: Settings) -> dict[str, float]:
    """A plan in force of that night, with one dry hydrozone. Returns m³ by valve."""
    tables = tables_of(settings)
    valves, networks, gardens, probes = map(
        territory.of_type, ("IrrigationValve", "IrrigationNetwork", "Garden", "GreenspaceRecord")
    )
    zones = read_zones(valves, networks, gardens, probes, tables, DAY)
    watering = windows_of(zones, territory, START, 5, local(6), tables)
    lack = np.where(np.array(zones.valves) == DRY, 0.8, 0.05) * zones.root_zone.taw_mm
    weather = Foreseen(np.array([1.0]), np.full((1, 5), 2.5), np.zeros((1, 5)))
    belief = Belief(lack, np.ones(len(zones)))
    task = build_problem(zones, belief, weather, watering, tables, behind=Behind(START, UNTIL, local(6)))
    plan = solve(task.problem)
    block = body(task, plan)
    record = PlanRecord("p1", "irrigation", local(6), START, UNTIL, "optimal", 0.0, 0.0, "tests", "d",
                        state=PlanState.IN_FORCE)  # fmt: skip
    with store.begin() as unit:
        unit.plans.save(record, block)
    return dict(zip(zones.valves, (plan.cycles * zones.cycle_m3).tolist(), strict=True))


@pytest.fixture
def measured(store: Store, territory: Territory, settings: Settings) -> Measured:
    def told(*rows: tuple[str, str, object, datetime]) -> WaterNight:
        frame = pl.concat([readings(row) for row in rows]) if rows else None
        if frame is not None:
            tell(store, territory, frame, UNTIL)
        with store.read() as unit:
            night = measure_water(unit, territory, tables_of(settings), START, UNTIL)
        assert night is not None
        return night

    return told


def opened(valve: str, start: float, end: float, flow: float = 3.5) -> list[tuple[str, str, object, datetime]]:
    return [
        (valve, name, value, local(hour))
        for hour, opening, through in ((start, 1, flow), (end, 0, 0))
        for name, value in (("opening", opening), ("flow", through))
    ]


def test_nothing_came_of_a_night_without_a_plan(store: Store, territory: Territory, settings: Settings) -> None:
    with store.read() as unit:
        assert measure_water(unit, territory, tables_of(settings), START, UNTIL) is None


def test_water_planned_flowed_and_metered(planned: dict[str, float], measured: Measured) -> None:
    night = measured(
        *opened(DRY, 11, 11.5),
        (METER, "waterConsumed", 100.0, local(0)),
        (METER, "waterConsumed", 103.0, local(24)),
    )
    (dry,) = (valve for valve in night.valves if valve.valve == DRY)
    assert planned[DRY] > 1
    assert (night.planned_m3, dry.planned_m3) == pytest.approx((sum(planned.values()), planned[DRY]))
    assert (dry.flowed_m3, dry.open_min, dry.watered) == (pytest.approx(1.75), pytest.approx(30), True)
    assert (night.metered_m3, night.lost_m3) == pytest.approx((3.0, 1.25))
    assert night.forbidden_min == 0
    mean_m3 = (0.85 / 0.7 * 290 + 0.95 / 0.7 * 280 + 0.7 / 0.9 * (320 + 350)) * 2.8 / 1000
    assert night.timer_m3_day == pytest.approx(mean_m3)
    assert night.timer_m3 == pytest.approx(mean_m3 * 7 / 3)  # a Monday
    assert replace(night, start=START + timedelta(days=1)).timer_m3 == 0.0
    assert dry.opens_at is not None
    assert local(10) <= dry.opens_at < local(18)


def test_whoever_stays_dry_is_told_why(planned: dict[str, float], measured: Measured) -> None:
    valves = {valve.valve: valve for valve in measured().valves}
    assert planned[MOIST] == 0
    assert not valves[DRY].watered
    assert "nothing flowed" in valves[DRY].why_dry("en")
    assert "rien n'a coulé" in valves[DRY].why_dry("fr")
    assert valves[MOIST].why_dry("en").startswith("not watered: it lacks")


@pytest.mark.usefixtures("planned")
@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [(10, 18, 0), (9.5, 10.5, 30), (17.75, 18.25, 15), (18, 18.5, 30), (3, 3.25, 15), (23, 24.5, 60)],
)
def test_minutes_outside_the_hours_of_sprinklers_are_counted(
    measured: Measured, start: float, end: float, minutes: float
) -> None:
    """They may be open from 22:00 to 06:00: ten to eighteen hours after noon. What is told once holds for two hours."""
    between = [(DRY, "opening", 1, local(start + k)) for k in range(1, int(end - start) + 1) if start + k < end]
    night = measured(*opened(DRY, start, end), *between)
    assert night.forbidden_min == pytest.approx(minutes)


@pytest.mark.usefixtures("planned")
def test_a_valve_that_was_not_heard_again_is_open_for_two_hours_at_most(measured: Measured) -> None:
    night = measured((DRY, "opening", 1, local(11)), (DRY, "flow", 3.0, local(11)))
    (dry,) = (valve for valve in night.valves if valve.valve == DRY)
    assert (dry.open_min, dry.flowed_m3) == (pytest.approx(120), pytest.approx(6.0))


@pytest.mark.usefixtures("planned")
def test_a_valve_open_since_before_noon_counts_from_noon(measured: Measured) -> None:
    night = measured((DRY, "opening", 1, local(-1)), (DRY, "opening", 0, local(0.5)))
    (dry,) = (valve for valve in night.valves if valve.valve == DRY)
    assert dry.open_min == pytest.approx(30)
