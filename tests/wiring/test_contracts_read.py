"""Contracts that change while a service runs: buildings are planned again by them; a mistake changes nothing."""

import json
from datetime import timedelta
from typing import Any, cast

import orjson
import pytest
from typer.testing import CliRunner

from engine.broker import Broker
from engine.equipment.mqtt import MqttLink
from engine.errors import InputError
from engine.instants import isoformat
from engine.store import Store
from jobs.asking import REPLAN, URGENT
from jobs.bootstrap import StoryClock, Territory
from jobs.cli.app import app
from jobs.doctor import examine
from jobs.energy.contracts_read import contracts_known, refused_contracts
from jobs.service import Service
from tests.conftest import BOTH, ROOT

from .conftest import NOON, Desk, at_work, audited, rule

HOUR = timedelta(hours=1)
TEXT = {"fr": "un", "en": "one"}


def file(price: float = 0.2, **head: Any) -> str:
    edition = {
        "from": "2026-01-01", "until": "2027-12-31", "reference": TEXT, "otherwise": "a",
        "classes": {"a": {"import_eur_kwh": price}},
    }  # fmt: skip
    return json.dumps({"contracts": {"c": {"text": TEXT, "editions": [edition]}}, **head})


class Town:
    """A service over the sample territory under contracts of a test's own."""

    def __init__(self, store: Store, territory: Territory, desk: Desk) -> None:
        self.store, self.territory, self.settings = store, territory, desk.settings
        desk.put(rule("never", "powerState == on and powerState == off"))
        self.file = desk.settings.rules_dir / "contracts.yaml"
        self.file.write_text(file())
        self.clock = StoryClock(NOON)
        self.begin()
        self.service.look_at_contracts()

    def begin(self) -> None:
        """A process begins."""
        link, rules = MqttLink(cast("Broker", object())), at_work(self.settings, self.territory)
        self.service = Service(self.settings, self.store, self.territory, rules, self.clock, link)

    def write(self, text: str, hours: int) -> None:
        self.file.write_text(text)
        self.clock.at = NOON + hours * HOUR
        self.service.look_at_contracts()

    def asked(self) -> dict[str, str] | None:
        with self.store.read() as unit:
            found: dict[str, str] | None = orjson.loads(unit.state.get(REPLAN + "energy" + URGENT) or b"null")
        return found

    def price(self) -> float:
        with self.store.read() as unit:
            known = contracts_known(unit, self.settings)
        return float(known.terms("c", [NOON], [900.0]).import_eur_kwh[0])


@pytest.fixture
def town(store: Store, territory: Territory, desk: Desk) -> Town:
    return Town(store, territory, desk)


@BOTH
def test_a_price_that_changes_has_buildings_planned_again_in_its_name(town: Town) -> None:
    assert town.asked() is None  # the first file of all is no change
    town.write(file(0.3), 1)
    at = isoformat(NOON + HOUR)
    assert town.asked() == {"requested_at": at, "noted_at": at, "rule": "contracts.yaml", "asset": "c"}
    assert audited(town.settings, "enact") == [{"changed": ["c"]}]
    assert town.price() == 0.3


@pytest.mark.parametrize(
    ("head", "changed"),
    [
        ({"power_factor": 1.0}, ["power_factor"]),
        ({"carbon": {"g_kwh": 50}}, ["carbon"]),
        ({"sites": {"B1": {"contract": "c"}}}, ["B1"]),
        ({"days": {"t": {"kinds": ["a", "b"], "otherwise": "a"}}}, ["t"]),
    ],
)
def test_whatever_changes_is_named(town: Town, head: dict[str, Any], changed: list[str]) -> None:
    town.write(file(**head), 1)
    assert audited(town.settings, "enact") == [{"changed": changed}]


def test_a_file_that_is_written_again_as_it_was_changes_nothing(town: Town) -> None:
    town.price()  # timetables that were made meanwhile make no other contract of it
    town.write(file() + "\n", 1)
    assert town.asked() is None
    assert audited(town.settings, "enact") == []


def test_a_mistake_changes_nothing_and_is_told_until_it_is_mended(town: Town) -> None:
    town.write(file(135.6), 1)
    assert town.asked() is None
    assert town.price() == 0.2
    with town.store.read() as unit:
        refused = refused_contracts(unit)
    assert refused is not None
    assert "contracts.yaml:1:" in refused["problems"][0]
    told = {finding.name: finding for finding in examine(town.settings, quick=True)}
    assert told["service"].state == "ok"  # none has run on this database
    town.service.announce()
    told = {finding.name: finding for finding in examine(town.settings, quick=True)}
    assert told["service"].state == "degraded"
    assert "changed contracts refused" in told["service"].what
    town.write(file(0.25), 2)
    with town.store.read() as unit:
        assert refused_contracts(unit) is None
    assert town.price() == 0.25
    assert town.asked() is not None


def test_what_changed_while_nobody_looked_counts_when_a_process_begins(town: Town) -> None:
    town.file.write_text(file(0.4))
    town.begin()
    town.clock.at = NOON + HOUR
    town.service.look_at_contracts()
    assert audited(town.settings, "enact") == [{"changed": ["c"]}]
    town.begin()
    town.service.look_at_contracts()
    assert len(audited(town.settings, "enact")) == 1


def test_a_file_that_was_never_right_cannot_be_planned_by(
    store: Store, territory: Territory, desk: Desk
) -> None:  # fmt: skip
    desk.write("contracts.yaml", {"contracts": 3})
    with store.read() as unit, pytest.raises(InputError, match=r"contracts.yaml:1:"):
        contracts_known(unit, desk.settings)


def test_a_day_of_a_contract_is_shown_with_its_hours_limits_and_orders(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = {
        "id": "soir", "text": {"fr": "effacement du soir", "en": "evening reduction"}, "sites": ["B1"],
        "from": "2026-11-16T18:00+01:00", "until": "2026-11-16T20:00+01:00", "ordered_w": 60000, "paid_eur_kwh": 0.25,
    }  # fmt: skip
    building = town.territory.of_type("Building")[0].id
    text = (ROOT / "rules" / "contracts.yaml").read_text()
    text = text.replace("orders: []", f"orders: [{json.dumps(order)}]")
    text = text.replace("sites: {}", f"sites: {{{building}: {{contract: hta, subscribed_kva: 100}}}}")
    town.file.write_text(text)
    for name, value in (("DATABASE_URL", town.settings.database_url), ("RULES_DIR", town.settings.rules_dir)):
        monkeypatch.setenv(f"CONSIGNE_{name}", str(value))
    at = ["--at", "2026-11-16T12:00"]
    shown = CliRunner().invoke(app, ["energy", "contracts", "tempo", *at, "--lang", "fr"])
    assert shown.exit_code == 0, shown.output
    assert "06:00  22:00  bleu-hp" in shown.stdout
    assert "soir : effacement du soir, de 2026-11-16 18:00 à 2026-11-16 20:00, 60,0 kW de moins, B1" in shown.stdout
    shown = CliRunner().invoke(app, ["energy", "contracts", "--site", building, *at, "--json"])
    found = json.loads(shown.stdout)
    assert [one["class"] for one in found["contracts"]["hta"]["stretches"]] == ["hch", "hph", "hch"]
    assert found["contracts"]["hta"]["stretches"][1]["import_limit_w"] == 93_000
    assert found["contracts"]["hta"]["stretches"][1]["from"] == "2026-11-16T05:00:00Z"
    assert found["orders"][0]["id"] == "soir"
    missing = CliRunner().invoke(app, ["energy", "contracts", "--site", "nowhere", *at])
    assert isinstance(missing.exception, InputError)
