"""What the plan in force has each meter draw, as rules are told it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.catalogue import Catalogue
from engine.settings import Settings
from engine.store import Store
from jobs.energy.body import body, open_body
from jobs.energy.domain import DOMAIN
from jobs.energy.provided import PROPERTY, provided
from jobs.energy.sites import METER
from tests.conftest import ROOT

from .contracts_made import contract, edition, file
from .territory_made import save, school

AT = datetime(2026, 12, 7, 10, 20, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def block(store: Store, catalogue: Catalogue, tmp_path: Path) -> bytes:
    """A plan of two schools, made at 10:20: its first slot is that of 10:15."""
    (tmp_path / "contracts.yaml").write_text(file(contract(edition({"a": {"import_eur_kwh": 0.2}}, otherwise="a"))))
    (tmp_path / "forecasts.yaml").write_text(json.dumps({"sources": {}}))
    settings = Settings(rules_dir=tmp_path, database_url="sqlite://", datasets_dir=ROOT / "datasets")
    large = school("B2", contract="c", floor_area_m2=4000.0)
    territory = save(store, catalogue, *school(contract="c"), *large)
    with store.read() as unit:
        task, plan = DOMAIN.rules_only(unit, territory, AT, settings)
    return body(task, plan)


def test_each_meter_has_what_is_bought_less_what_is_fed_in_then(block: bytes) -> None:
    found = open_body(block)
    for slot in (0, 1, 50, len(found.slots) - 1):
        at = found.slots.starts[slot] + timedelta(minutes=7)
        told = provided(block, at)
        assert set(told) == {("M-B1", PROPERTY), ("M-B2", PROPERTY)}
        for row, meter in enumerate(("M-B1", "M-B2")):
            drawn = found.columns["import_w"][row, slot] - found.columns["export_w"][row, slot]
            assert told[meter, PROPERTY] == drawn > 0
        assert told["M-B2", PROPERTY] > told["M-B1", PROPERTY]


def test_outside_the_plan_nothing_is_provided_for(block: bytes) -> None:
    slots = open_body(block).slots
    assert slots.start == datetime(2026, 12, 7, 10, 15, tzinfo=UTC)
    assert provided(block, slots.start - timedelta(seconds=1)) == {}
    assert provided(block, slots.until) == {}
    assert len(provided(block, slots.until - QUARTER)) == 2


def test_the_domain_tells_it_of_meters(catalogue: Catalogue) -> None:
    assert DOMAIN.provides == (METER, PROPERTY)
    assert PROPERTY in catalogue.types[METER].properties
    assert DOMAIN.told_every == QUARTER
