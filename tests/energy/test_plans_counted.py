"""What is reckoned from plans and meters as stored: which plan was in force, and which quarter hours count."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from engine.catalogue import Catalogue
from engine.model import PlanRecord
from engine.settings import Settings
from engine.store import Store
from jobs.energy.body import body
from jobs.energy.domain import DOMAIN
from jobs.energy.reporting import energy_report
from jobs.nights import in_force_then
from jobs.planning.bodies import closed, opened
from tests.conftest import ROOT

from .contracts_made import contract, edition, file
from .territory_made import QUARTER, save, school, tell

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MIDNIGHT = datetime(2026, 6, 1, 22, tzinfo=UTC)  # of Tuesday 2 June in Paris


def settings_with(folder: Path, **more: object) -> Settings:
    prices = contract(edition({"a": {"import_eur_kwh": 0.20}}, otherwise="a", **more))
    (folder / "contracts.yaml").write_text(file(prices))
    (folder / "forecasts.yaml").write_text(json.dumps({"sources": {}}))
    return Settings(rules_dir=folder, database_url="sqlite://", datasets_dir=ROOT / "datasets")


def record(name: str, start: datetime, made_at: datetime, decided_at: datetime | None = None) -> PlanRecord:
    return PlanRecord(
        id=name, domain="energy", made_at=made_at, start=start, until=start + 36 * HOUR, status="optimal",
        objective=0.0, bound=0.0, solver="test", inputs_digest="", decided_at=decided_at,
    )  # fmt: skip


def test_a_plan_that_a_person_approved_is_in_force_from_then_on() -> None:
    first = record("first", MIDNIGHT, MIDNIGHT)
    second = record("second", MIDNIGHT, MIDNIGHT + HOUR, decided_at=MIDNIGHT + 3 * HOUR)
    instants = [MIDNIGHT + k * HOUR for k in (-1, 0, 2, 3, 36)]
    found = [in_force_then([first, second], at) for at in instants]
    assert [one and one.id for one in found] == [None, "first", "first", "second", None]


def test_a_plan_counts_from_the_beginning_of_its_span_however_early_it_was_made(
    store: Store, catalogue: Catalogue, tmp_path: Path
) -> None:
    """1 kW until noon by the one, 5 kW from then on by the other, which stood twenty minutes before: 72 kWh."""
    settings = settings_with(tmp_path)
    territory = save(store, catalogue, *school(contract="c"))
    noon = MIDNIGHT + 12 * HOUR
    for name, start, made_at, drawn_w in (
        ("a", MIDNIGHT, MIDNIGHT, 1000.0),
        ("b", noon, noon - 20 * MINUTE, 5000.0),
    ):
        with store.begin() as unit:
            head, columns = opened(body(*DOMAIN.rules_only(unit, territory, start, settings)))
            changed = {
                "import_w": np.full_like(columns["import_w"], drawn_w),
                "export_w": np.zeros_like(columns["export_w"]),
            }
            unit.plans.save(record(name, start, made_at), closed(head, columns | changed))
    found = energy_report(store, territory, settings, date(2026, 6, 2), date(2026, 6, 2))
    assert found.sites["B1"].planned_kwh == pytest.approx(12 * 1 + 12 * 5)


def test_a_quarter_hour_that_runs_makes_no_peak(store: Store, catalogue: Catalogue, tmp_path: Path) -> None:
    """A machine starts as a plan is made: its first minute is not a quarter of an hour."""
    settings = settings_with(tmp_path, peak_eur_kw=5.0)
    territory = save(store, catalogue, *school(contract="c"))
    noon = MIDNIGHT + 12 * HOUR
    meter = {noon - k * QUARTER + MINUTE: 10_000.0 + 1000 * k for k in (1, 2, 3)}
    tell(store, territory, {("M-B1", "totalActivePower"): meter | {noon + MINUTE: 60_000.0}})
    with store.read() as unit:
        seen = [DOMAIN.build(unit, territory, at, settings).problem for at in (noon + 2 * MINUTE, noon + QUARTER)]
    assert [float(one.sites.peak_so_far_w[0]) for one in seen] == [13_000.0, 60_000.0]
