"""A day and a half of buildings in a territory: planned, checked, guarded, sent; fall-backs, replays, clock changes."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.model import CommandState, Level, PlanOrigin
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.domains import DOMAINS
from jobs.energy.domain import energy_span
from jobs.planning import PlanResult, run_plan

from .conftest import readings, tell

HOUR = timedelta(hours=1)
ENERGY = DOMAINS["energy"]
MORNING = datetime(2026, 11, 24, 5, 20, tzinfo=UTC)  # a Tuesday of school, 06:20 in Paris
BATTERY, CHARGER, HEATER, SPORTS = "BT-49329-0001", "EV-49329-0001", "WH-49329-0001", "B-49329-0002"
SCHOOL, ROOF = "B-49329-0001", "PV-49329-0001"


def equipment(store: Store, territory: Territory, at: datetime, **told: float) -> None:
    """What devices tell at an instant: half charged, cool rooms, one vehicle that wants 20 kWh by 15:00."""
    values = {"soc": 0.5, "room_c": 15.0, "tank_c": 55.0, "wanted_wh": 20_000.0, "departs_s": 9 * 3600.0} | told
    rows: list[tuple[str, str, object, datetime]] = []
    rows += [(a.id, "stateOfCharge", values["soc"], at) for a in territory.of_type("StorageBatteryDevice")]
    rows += [(a.id, "temperature", values["room_c"], at) for a in territory.of_type("IndoorEnvironmentObserved")]
    rows += [(a.id, "temperature", values["tank_c"], at) for a in territory.of_type("WaterHeater")]
    rows += [(CHARGER, "vehicleConnected", True, at), (CHARGER, "energyWanted", values["wanted_wh"], at)]
    rows += [(CHARGER, "departureIn", values["departs_s"], at)]
    tell(store, territory, readings(*rows), at)


@pytest.fixture
def morning(store: Store, territory: Territory) -> datetime:
    equipment(store, territory, MORNING - timedelta(minutes=5))
    return MORNING


def body_of(store: Store, result: PlanResult) -> bytes:
    with store.read() as unit:
        found = unit.plans.get(result.record.id)
        assert found is not None
        return found[1]


def test_a_plan_asks_every_device_for_all_of_its_span(
    store: Store, territory: Territory, settings: Settings, morning: datetime
) -> None:
    result = run_plan(store, territory, ENERGY, morning, settings)
    assert result.record.origin is PlanOrigin.SOLVED, result.record.detail.get("why")
    slots = ENERGY.to_setpoints(body_of(store, result), result.record.id, morning)
    asked = {slot.point for slot in slots}
    assert asked == {p for p, info in territory.points.items() if info.domain == "energy" and "fanSpeed" not in p}
    assert {slot.level for slot in slots} == {Level.OPTIMISER}
    assert {(slot.program.start, slot.program.until) for slot in slots} == {energy_span(morning)}
    with store.read() as unit:
        commands = unit.commands.newest([slot.point for slot in slots])
    assert commands and all(command.state is CommandState.QUEUED for command in commands.values())
