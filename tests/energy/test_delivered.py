"""Orders to draw less that were kept, and that were not: told once, in both languages, ended when long over."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.catalogue import Catalogue
from engine.instants import slots
from engine.notify.texts import said_of
from engine.settings import Settings
from engine.store import Store
from jobs.energy.delivered import RULE, Delivered, delivered, tell_orders
from tests.conftest import ROOT

from .contracts_made import TEXT, contract, edition, file
from .territory_made import QUARTER, save, school, tell

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BEGINS = datetime(2026, 12, 3, 17, tzinfo=UTC)  # a Thursday
ENDS = BEGINS + 2 * HOUR
USUAL_W, ORDERED_W = 30_000.0, 10_000.0


class Desk:
    """A school that draws 30 kW, and an order to draw 10 kW less for two hours."""

    def __init__(self, store: Store, catalogue: Catalogue, folder: Path) -> None:
        self.store, self.territory = store, save(store, catalogue, *school(contract="c"))
        prices = contract(edition({"a": {"import_eur_kwh": 0.20}}, otherwise="a"))
        order = {
            "id": "evening", "text": TEXT, "sites": ["B1"], "from": BEGINS.isoformat(), "until": ENDS.isoformat(),
            "ordered_w": ORDERED_W, "paid_eur_kwh": 0.25,
        }  # fmt: skip
        (folder / "contracts.yaml").write_text(file(prices, orders=[order]))
        (folder / "forecasts.yaml").write_text(json.dumps({"sources": {}}))
        self.settings = Settings(rules_dir=folder, database_url="sqlite://", datasets_dir=ROOT / "datasets")

    def live(self, during_w: float | None, days: int = 20) -> None:
        told = {
            start + QUARTER / 2: during_w if BEGINS <= start < ENDS else USUAL_W
            for start in slots(BEGINS - days * DAY, ENDS, QUARTER)
        }
        known = {at: value for at, value in told.items() if value is not None}
        tell(self.store, self.territory, {("M-B1", "totalActivePower"): known})

    def look(self, at: datetime) -> list[Delivered]:
        with self.store.read() as unit:
            return delivered(unit, self.territory, self.settings, at)

    def alarms(self, at: datetime) -> list[str]:
        """Orders whose alarm stands after a look."""
        found = self.look(at)
        with self.store.begin() as unit:
            tell_orders(unit, found, at)
            return [alarm.asset for alarm in unit.alarms.of_rule(RULE) if alarm.cleared_at is None]


@pytest.fixture
def desk(store: Store, catalogue: Catalogue, tmp_path: Path) -> Desk:
    return Desk(store, catalogue, tmp_path)


@pytest.mark.parametrize(
    ("less_w", "told"), [(0.0, True), (7_900.0, True), (8_100.0, False), (10_000.0, False), (-5_000.0, True)]
)
def test_an_order_is_held_to_what_like_days_drew(desk: Desk, less_w: float, told: bool) -> None:
    desk.live(USUAL_W - less_w)
    (found,) = desk.look(ENDS + HOUR)
    assert found.delivered_w == pytest.approx(max(less_w, 0.0))
    assert found.ordered_w == ORDERED_W
    assert desk.alarms(ENDS + HOUR) == (["evening"] if told else [])


def test_it_is_told_once_and_ends_by_itself(desk: Desk) -> None:
    desk.live(USUAL_W)
    assert desk.alarms(ENDS - QUARTER) == [], "not before its end"
    assert [desk.alarms(ENDS + k * HOUR) for k in (1, 2)] == [["evening"], ["evening"]]
    with desk.store.read() as unit:
        assert len(list(unit.alarms.of_rule(RULE))) == 1
    assert desk.alarms(ENDS + 3 * DAY) == []


def test_nothing_is_said_of_what_was_not_measured(desk: Desk) -> None:
    desk.live(None)
    assert desk.look(ENDS + HOUR) == [], "no meter in those hours"


def test_nothing_is_said_without_like_days(desk: Desk) -> None:
    desk.live(USUAL_W, days=0)
    assert desk.look(ENDS + HOUR) == []


def test_the_alarm_speaks_both_languages_and_has_its_figures(desk: Desk) -> None:
    desk.live(USUAL_W - 2_000.0)
    desk.alarms(ENDS + HOUR)
    with desk.store.read() as unit:
        (alarm,) = unit.alarms.of_rule(RULE)
    assert (alarm.detail["delivered_w"], alarm.detail["ordered_w"]) == (2_000, 10_000)
    assert said_of(alarm, "about", "fr") == "Un ordre d'effacement n'a pas été tenu"
    assert said_of(alarm, "about", "en") == "An order to draw less was not kept"
