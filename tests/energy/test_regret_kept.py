"""Whose plans are dropped in a running service: reckoned from stored readings alone, told, and taken up again."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest

from engine.catalogue import Catalogue
from engine.instants import PARIS, slots
from engine.model import PlanRecord
from engine.notify.texts import said_of
from engine.settings import Settings
from engine.store import Store
from jobs.asking import REPLAN, URGENT
from jobs.bootstrap import Territory
from jobs.energy.body import body, open_body
from jobs.energy.domain import DOMAIN
from jobs.energy.explaining import explain
from jobs.energy.regret import RULE, Regret, dropped_sites, keep_regrets, regrets
from jobs.energy.setpoints import to_setpoints
from jobs.energy.tables import EnergyTables, tables_of
from jobs.planning.bodies import closed, opened
from tests.conftest import BOTH, ROOT

from .contracts_made import contract, edition, file
from .territory_made import QUARTER, asset, save, school, tell

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAY = date(2026, 6, 1)
LOAD_W, SUN_W = 2000.0, 6000.0
Battery = Callable[[datetime], float]


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), PARIS).astimezone(UTC)


def net_w(at: datetime) -> float:
    """2 kW drawn all day, 6 kW of sun from ten to two."""
    return LOAD_W - (SUN_W if 10 <= at.astimezone(PARIS).hour < 14 else 0.0)


def rest(_: datetime) -> float:
    return 0.0


def wasteful(at: datetime) -> float:
    """Charges from the grid in the evening, at 0.20, and feeds it in at night for 0.04: what no plan should do."""
    hour = at.astimezone(PARIS).hour
    return 4000.0 if 18 <= hour < 20 else -3600.0 if 2 <= hour < 4 else 0.0


class Desk:
    """A school with a battery of 10 kWh, full reserve none, one price for all hours."""

    def __init__(self, store: Store, catalogue: Catalogue, folder: Path) -> None:
        cell = asset(
            "BT", "StorageBatteryDevice", "B1", capacity_wh=10_000.0, charge_max_w=4000.0, discharge_max_w=4000.0,
            charge_efficiency=0.95, discharge_efficiency=0.95, reserve=0.0,
        )  # fmt: skip
        self.store = store
        self.territory: Territory = save(store, catalogue, *school(contract="c"), cell)
        prices = contract(edition({"a": {"import_eur_kwh": 0.20, "export_eur_kwh": 0.04}}, otherwise="a"))
        (folder / "contracts.yaml").write_text(file(prices))
        (folder / "forecasts.yaml").write_text(json.dumps({"sources": {}}))
        self.settings = Settings(rules_dir=folder, database_url="sqlite://", datasets_dir=ROOT / "datasets")

    def live(self, power: Battery, since: datetime, until: datetime, stored_wh: float = 0.0) -> float:
        """What meter and battery told while the battery did that, as far as it could. Returns what it then holds."""
        meter, did, held = {}, {}, {}
        for start in slots(since, until, QUARTER):
            wanted = power(start)
            most = min(4000.0, (10_000.0 - stored_wh) / 0.95 * 4)
            least = -min(4000.0, stored_wh * 0.95 * 4)
            moved = min(max(wanted, least), most)
            stored_wh += (moved * 0.95 if moved > 0 else moved / 0.95) / 4
            at = start + QUARTER / 2
            meter[at], did[at], held[at] = net_w(start) + moved, moved, stored_wh / 10_000.0
        told = {("M-B1", "totalActivePower"): meter, ("BT", "power"): did, ("BT", "stateOfCharge"): held}
        tell(self.store, self.territory, told)
        return stored_wh

    def plan(self, at: datetime) -> None:
        """A plan comes in force that has the battery charge from the grid at night, and covers by day."""
        with self.store.begin() as unit:
            task, plan = DOMAIN.rules_only(unit, self.territory, at, self.settings)
            head, columns = opened(body(task, plan))
            night = np.array([not 6 <= start.astimezone(PARIS).hour < 22 for start in task.slots.starts])
            changed = {"least_w": np.where(night, 6000.0, 0.0)[None], "most_w": np.where(night, np.inf, 0.0)[None]}
            record = PlanRecord(
                id=f"energy-{at:%d}", domain="energy", made_at=at, start=task.span[0], until=task.span[1],
                status="optimal", objective=0.0, bound=0.0, solver="test", inputs_digest="",
            )  # fmt: skip
            unit.plans.save(record, closed(head, columns | changed))

    def look(self, at: datetime) -> Regret:
        with self.store.read() as unit:
            (found,) = regrets(unit, self.territory, self.settings, at)
        return found

    def keep(self, at: datetime) -> dict[str, object]:
        with self.store.begin() as unit:
            return dict(keep_regrets(unit, [self.look(at)], at).counts)

    def asked(self) -> str | None:
        with self.store.read() as unit:
            found = unit.state.get(REPLAN + "energy" + URGENT)
        return None if found is None else str(orjson.loads(found)["rule"])


def by_itself(at: datetime) -> float:
    """Plain self-consumption."""
    return -net_w(at)


@pytest.fixture
def desk(store: Store, catalogue: Catalogue, tmp_path: Path) -> Desk:
    """There were plans before, of days on which nothing was measured."""
    found = Desk(store, catalogue, tmp_path)
    found.plan(midnight(MONDAY) - 3 * DAY)
    return found


@BOTH
def test_a_battery_that_does_what_the_rule_does_loses_nothing(desk: Desk) -> None:
    desk.live(by_itself, midnight(MONDAY), midnight(MONDAY + 3 * DAY))
    found = desk.look(midnight(MONDAY + 3 * DAY))
    assert found.loss_eur == pytest.approx(0.0, abs=1e-9)
    assert found.paid_eur == pytest.approx(found.rule_eur)
    assert found.rule_eur > 0
    assert found.known == 1.0
    assert found.since is None


def test_what_batteries_did_before_the_first_plan_is_no_plans_doing(
    store: Store, catalogue: Catalogue, tmp_path: Path
) -> None:
    desk, first = Desk(store, catalogue, tmp_path), midnight(MONDAY + 2 * DAY)
    desk.live(rest, midnight(MONDAY), first)
    with store.read() as unit:
        assert regrets(unit, desk.territory, desk.settings, first) == []
    desk.plan(first + timedelta(minutes=7))
    desk.live(by_itself, first, first + DAY)
    found = desk.look(first + DAY)
    assert found.loss_eur == pytest.approx(0.0, abs=1e-9)
    assert 0 < found.paid_eur == pytest.approx(found.rule_eur)
    assert found.since is None


def test_a_battery_at_rest_loses_what_its_sun_was_worth(desk: Desk) -> None:
    """Each day the rule stores 10 kWh of sun, worth 0.04 if fed in, and saves 9.5 kWh at 0.20, less wear at 0.02."""
    desk.live(rest, midnight(MONDAY), midnight(MONDAY + 3 * DAY))
    found = desk.look(midnight(MONDAY + 3 * DAY))
    a_day = 9.5 * (0.20 - 0.02) - 10 / 0.95 * 0.04
    assert found.paid_eur - found.rule_eur == pytest.approx(3 * a_day, rel=1e-6)
    # By midnight the rule's battery is empty again: nothing is behind.
    assert found.loss_eur == pytest.approx(3 * a_day, rel=1e-6)


def test_what_is_stored_less_than_by_the_rule_counts_at_its_worst(desk: Desk) -> None:
    desk.live(rest, midnight(MONDAY), midnight(MONDAY) + 14 * HOUR)
    found = desk.look(midnight(MONDAY) + 14 * HOUR)
    assert found.paid_eur < found.rule_eur  # it fed all of its sun in
    assert found.loss_eur == pytest.approx(found.paid_eur - found.rule_eur + 10 * 0.95 * 0.20, rel=1e-6)


def test_what_is_behind_counts_with_its_carbon_as_what_is_paid_does(desk: Desk) -> None:
    """100 g a kWh at 1 EUR/kg: each kWh bought weighs 0.10 more."""
    prices = contract(edition({"a": {"import_eur_kwh": 0.20, "export_eur_kwh": 0.04}}, otherwise="a"), carbon_eur_kg=1)
    (desk.settings.rules_dir / "contracts.yaml").write_text(file(prices, carbon={"g_kwh": 100}))
    desk.live(rest, midnight(MONDAY), midnight(MONDAY) + 14 * HOUR)
    found = desk.look(midnight(MONDAY) + 14 * HOUR)
    assert found.loss_eur == pytest.approx(found.paid_eur - found.rule_eur + 10 * 0.95 * 0.30, rel=1e-6)


def test_what_a_plan_leaves_in_a_battery_is_worth_its_carbon_too(desk: Desk) -> None:
    prices = contract(edition({"a": {"import_eur_kwh": 0.20}}, otherwise="a"), carbon_eur_kg=1)
    (desk.settings.rules_dir / "contracts.yaml").write_text(file(prices, carbon={"g_kwh": 100}))
    with desk.store.read() as unit:
        task, _ = DOMAIN.rules_only(unit, desk.territory, midnight(MONDAY), desk.settings)
    assert task.problem.batteries is not None
    assert task.problem.batteries.end_eur_kwh == pytest.approx(0.95 * (0.20 + 0.10 - task.tables.battery.wear_eur_kwh))


def test_a_plan_that_loses_more_than_was_stated_is_dropped_told_and_planned_without(desk: Desk) -> None:
    until = midnight(MONDAY + 5 * DAY)
    desk.live(wasteful, midnight(MONDAY), until)
    found = desk.look(until)
    assert found.most_eur == 5.0
    assert found.since is not None
    assert midnight(MONDAY) < found.since < until
    assert desk.keep(until) == {"watched": 1, "dropped": 1, "changed": 1}
    assert desk.asked() == RULE
    with desk.store.read() as unit:
        assert set(dropped_sites(unit)) == {"B1"}
        (alarm,) = unit.alarms.of_rule(RULE)
    assert alarm.asset == "B1"
    assert alarm.cleared_at is None
    assert (
        said_of(alarm, "about", "fr") == "Suivre le plan des batteries d'un bâtiment a coûté plus que le montant fixé"
    )
    # Looked at again nothing is told or asked for again.
    assert desk.keep(until + HOUR) == {"watched": 1, "dropped": 1, "changed": 0}
    with desk.store.read() as unit:
        assert len(list(unit.alarms.of_rule(RULE))) == 1


def test_it_is_dropped_from_the_quarter_hour_after_the_loss_was_made(desk: Desk) -> None:
    until = midnight(MONDAY + 5 * DAY)
    desk.live(wasteful, midnight(MONDAY), until)
    since = desk.look(until).since
    assert since is not None
    assert desk.look(since - QUARTER).since is None
    assert desk.look(since - QUARTER).loss_eur < 5.0
    assert desk.look(since).since == since
    assert desk.look(since).loss_eur >= 5.0


def test_nothing_hangs_on_what_was_kept_before(desk: Desk) -> None:
    """A database restored without it comes to the same."""
    until = midnight(MONDAY + 5 * DAY)
    desk.live(wasteful, midnight(MONDAY), until)
    first = desk.look(until)
    desk.keep(until)
    assert desk.look(until) == first


def test_the_amount_grows_with_what_a_building_spends(desk: Desk) -> None:
    tables = (ROOT / "datasets" / "reference" / "energy.yaml").read_text()
    assert "most_share: 0.03" in tables
    desk.live(by_itself, midnight(MONDAY), midnight(MONDAY + 7 * DAY))
    found = desk.look(midnight(MONDAY + 7 * DAY) - QUARTER)
    assert 0.03 * found.rule_eur < 5.0
    assert found.most_eur == 5.0


def test_while_the_rule_is_followed_the_loss_stays_and_a_new_week_begins_with_none(desk: Desk) -> None:
    friday = midnight(MONDAY + 4 * DAY)
    held = desk.live(wasteful, midnight(MONDAY), friday)
    before = desk.look(friday)
    assert before.since is not None
    desk.live(by_itself, friday, midnight(MONDAY + 8 * DAY), held)
    sunday = desk.look(midnight(MONDAY + 6 * DAY))
    assert sunday.since == before.since
    assert sunday.loss_eur <= before.loss_eur + 1e-9
    # No plan was made meanwhile that could have been better: the rule goes on.
    tuesday = desk.look(midnight(MONDAY + 8 * DAY))
    assert tuesday.since == before.since
    assert abs(tuesday.loss_eur) < 1.0


def test_hours_that_were_not_measured_count_for_nothing(desk: Desk) -> None:
    desk.live(rest, midnight(MONDAY), midnight(MONDAY + DAY))
    one_day = desk.look(midnight(MONDAY + DAY))
    later = desk.look(midnight(MONDAY + 2 * DAY))
    assert later.paid_eur == one_day.paid_eur
    assert later.loss_eur == pytest.approx(one_day.loss_eur, abs=1e-9)
    assert later.known == pytest.approx(0.5)


def test_a_territory_without_batteries_has_nothing_to_watch(store: Store, catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "contracts.yaml").write_text(file(contract(edition({"a": {"import_eur_kwh": 0.2}}, otherwise="a"))))
    territory = save(store, catalogue, *school(contract="c"))
    settings = Settings(rules_dir=tmp_path, database_url="sqlite://", datasets_dir=ROOT / "datasets")
    with store.begin() as unit:
        assert regrets(unit, territory, settings, midnight(MONDAY)) == []
        assert keep_regrets(unit, [], midnight(MONDAY)).counts == {"watched": 0, "dropped": 0, "changed": 0}


def test_a_plan_made_while_it_is_dropped_has_the_battery_keep_to_self_consumption_and_says_why(desk: Desk) -> None:
    until = midnight(MONDAY + 5 * DAY)
    desk.live(wasteful, midnight(MONDAY), until)
    desk.keep(until)
    with desk.store.read() as unit:
        task, plan = DOMAIN.rules_only(unit, desk.territory, until, desk.settings)
    block = body(task, plan)
    asked = {slot.point: slot for slot in to_setpoints(block, "v", until)}
    for name in ("power", "importLeast", "importMost"):
        slot = asked[f"BT/{name}"]
        assert {value for _, value in slot.program.steps} == {0.0}
        assert "the plan is dropped: following it has cost" in slot.reason
    told = explain(block, "BT/importMost", until + HOUR)
    assert told["reason"]["fr"].startswith("le plan est abandonné : le suivre a coûté")
    # What the plan itself would have is kept beside: by it is judged when it may come back.
    assert open_body(block).columns["least_w"].shape == (1, len(task.slots))


def test_once_plans_have_been_better_for_a_week_they_are_followed_again(desk: Desk) -> None:
    """Meanwhile plans had the battery charge at night, at 0.10, for the day, at 0.30: better than the rule alone. They
    come back on the Monday that ends the first whole week of it, and only if they did.
    """
    prices = {"night": {"import_eur_kwh": 0.10}, "day": {"import_eur_kwh": 0.30}}
    when = [{"class": "night", "hours": "22:00-06:00"}, {"class": "day", "hours": "06:00-22:00"}]
    (desk.settings.rules_dir / "contracts.yaml").write_text(file(contract(edition(prices, when=when))))
    friday, monday, after = (midnight(MONDAY + n * DAY) for n in (4, 14, 15))
    held = desk.live(wasteful, midnight(MONDAY), friday)
    assert desk.look(friday).since is not None
    desk.live(by_itself, friday, after, held)
    assert desk.look(after).since is not None  # no plan was in force: nothing would have been better
    for day in range(4, 15):
        desk.plan(midnight(MONDAY + day * DAY))
    assert desk.look(monday - QUARTER).since is not None
    assert desk.look(midnight(MONDAY + 7 * DAY)).since is not None  # three days are not a week
    assert desk.look(monday).since is None
    assert desk.look(after).since is None


def test_way_back_clears_the_alarm_and_asks_for_a_plan(desk: Desk) -> None:
    until = midnight(MONDAY + 5 * DAY)
    desk.live(wasteful, midnight(MONDAY), until)
    found = desk.look(until)
    desk.keep(until)
    with desk.store.begin() as unit:
        counts = keep_regrets(unit, [replace(found, since=None)], until + HOUR).counts
        assert counts == {"watched": 1, "dropped": 0, "changed": 1}
    with desk.store.read() as unit:
        assert dropped_sites(unit) == {}
        (alarm,) = unit.alarms.of_rule(RULE)
    assert alarm.cleared_at == until + HOUR


def test_the_shipped_amounts_are_stated() -> None:
    tables: EnergyTables = tables_of(Settings(datasets_dir=ROOT / "datasets", database_url="sqlite://"))
    assert (tables.regret.most_eur, tables.regret.most_share, tables.regret.weeks) == (5.0, 0.03, 4)
