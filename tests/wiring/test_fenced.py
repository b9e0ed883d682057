"""A service whose leases another has taken: whatever it does, the database stays as it was."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import select

from engine.broker import Broker
from engine.equipment.mqtt import MqttLink
from engine.model import Level, Program, Slot
from engine.store import Store
from engine.store.leases import Deposed
from engine.store.schema import metadata
from jobs.bootstrap import Territory
from jobs.runs import run_occasion
from jobs.service import Service
from jobs.settling import settle_points
from jobs.table import JOBS, Occasion
from tests.conftest import BOTH

from .conftest import NOON, Desk, readings, rule, tell
from .test_reload import ON, House, Line

ROLES = ("dispatch", "ingest", "plan", "rules")
LIFE = timedelta(seconds=15)


def contents(store: Store) -> dict[str, list[Any]]:
    """Every row of every table."""
    with store.read() as unit:
        connection = unit.alarms._bulk.connection  # the test looks at the tables themselves
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in metadata.sorted_tables}


class Deposable:
    """A service under leases, with something to do for each of its steps."""

    def __init__(self, house: House) -> None:
        self.house, self.store = house, house.store
        with self.store.begin() as unit:
            fences = unit.leases.take(ROLES, "a", NOON, LIFE)
            point = f"{house.lamp}/illuminanceLevel"
            program = Program.constant(0.4, NOON, NOON + timedelta(hours=1))
            unit.slots.put([Slot(point, Level.OPERATOR, "ben", program, NOON, "v1", "a fair")])
            assert settle_points(unit, house.territory, [point], NOON) == 1
            unit.audit.append("test", "say", "something", {}, NOON)
        assert fences is not None
        rules, link = house.files.first(), MqttLink(cast("Broker", Line()))
        led = self.store.under(fences)
        self.service = Service(house.settings, led, house.territory, rules, house.clock, link, house.files)

    def depose(self) -> None:
        with self.store.begin() as unit:
            assert unit.leases.take(ROLES, "b", NOON + LIFE, LIFE)

    def ingest(self) -> None:
        tell(self.service.store, self.house.territory, readings((self.house.lamp, "powerState", "off", NOON)), NOON)

    def job(self) -> None:
        run_occasion(self.service.context, JOBS["roll-up"], Occasion("roll-up", "noon", NOON))


STEPS: dict[str, Callable[[Deposable], object]] = {
    "ingest": lambda it: it.ingest(),
    "announce": lambda it: it.service.announce(),
    "cycle": lambda it: it.service.cycle(),
    "seal": lambda it: it.service.store.seal(),
    "dispatch": lambda it: it.service.dispatcher.step(0.0),
    "job": lambda it: it.job(),
    "prune": lambda it: it.service.store.prune(NOON, NOON),
}


@BOTH
def test_nothing_of_a_deposed_service_is_written(store: Store, territory: Territory, desk: Desk) -> None:
    it = Deposable(House(store, territory, desk, rule("on", ON)))
    try:
        it.service.announce()  # while it leads it may
        it.depose()
        before = contents(store)
        for name, step in STEPS.items():
            with pytest.raises(Deposed):
                step(it)
            assert contents(store) == before, name
    finally:
        it.service.close()
        it.house.service.close()
