"""A budget in a planning run: asked by the tables, planned, committed, told by plan show, why and the report."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from engine.model import PlanOrigin, PlanRecord
from engine.store import Store
from engine.store.ledger import RunState
from jobs.cli.plans import _told
from jobs.domains import DOMAINS
from jobs.lighting.body import open_body, read_body
from jobs.lighting.budget_entries import BudgetEntry
from jobs.lighting.reporting import By, make_report, notes
from jobs.planning import PlanRequest, commit_plan, make_plan, replay
from jobs.planning.committing import PlanResult, report_of
from jobs.planning.making import MadePlan
from jobs.table import JobContext
from jobs.why import explain, to_lines
from optimizers.lighting import lamp_energy_wh

from .conftest import NOON

LIGHTING = DOMAINS["lighting"]
Planned = tuple[PlanRecord, MadePlan, PlanResult]


@pytest.fixture
def plan(service: JobContext, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Planned]:
    """Plans the night with budgets in the tables and puts it in force."""
    load = LIGHTING.build.__globals__["tables_of"]

    def once(*budgets: BudgetEntry, domain: Any = LIGHTING, at: Any = NOON, **request: Any) -> Planned:
        asked = lambda settings: load(settings).model_copy(update={"budgets": budgets})
        monkeypatch.setitem(LIGHTING.build.__globals__, "tables_of", asked)
        made = make_plan(service, domain, PlanRequest(at, **request))
        with service.store.begin() as unit:
            result = commit_plan(unit, service.territory, domain, made, at)
        assert result is not None
        return result.record, made, result

    return once


def budget(kwh: float, **changes: Any) -> BudgetEntry:
    told = {
        "id": "winter",
        "authority": {"fr": "conseil", "en": "council"},
        "number": "7",
        "dated": "2026-01-01",
        "text": {"fr": "sobriété", "en": "savings"},
        "from": "2026-01-01",
        "until": "2027-12-31",
        "gives_way": 1,
        "energy_kwh": kwh,
    }
    return BudgetEntry.model_validate(told | changes)


def taken_kwh(store: Store, record: PlanRecord, lamps: Any = None) -> float:
    with store.read() as unit:
        found = unit.plans.get(record.id)
    assert found is not None
    problem, flux = read_body(found[1])
    wh = lamp_energy_wh(problem, flux)
    return float(wh.sum() if lamps is None else wh[[problem.lamps.index(lamp) for lamp in lamps]].sum()) / 1000


def test_a_budget_of_a_commune_is_kept_told_and_exits_with_three(
    plan: Callable[..., Planned], service: JobContext, store: Store, history: int
) -> None:
    ground = service.territory
    free, made, result = plan()
    assert report_of(made, result).state is RunState.DONE
    assert "notes" not in free.detail
    commune = sorted(set(ground.communes.values()))[0]
    mine = [one.id for one in ground.of_type("Streetlight") if ground.communes[one.zone] == commune]
    most = 0.93 * taken_kwh(store, free, mine)
    record, made, result = plan(budget(most, place={"communes": [commune]}), at=NOON + timedelta(minutes=1))
    assert record.origin is PlanOrigin.SOLVED
    assert taken_kwh(store, record, mine) <= most
    assert not result.violations
    assert report_of(made, result).state is RunState.DEGRADED
    assert record.detail["gives_way"] is True
    assert record.detail["unit"] == "Wh given up"
    assert replay(service, LIGHTING, record.id).equal
    shown = "\n".join(_told(record, 0, "en"))
    assert "budget winter: " in shown
    assert "Wh given up" in shown
    assert "lampes" in "\n".join(_told(record, 0, "fr"))
    _told_by_why(service, store, record)


def _told_by_why(service: JobContext, store: Store, record: PlanRecord) -> None:
    with store.read() as unit:
        found = unit.plans.get(record.id)
    assert found is not None
    opened = open_body(found[1])
    lamp, slot = map(int, np.argwhere(opened.columns["budget_by"])[-1])
    assert not opened.columns["constant"][lamp]
    said = explain(store, service.territory, f"{opened.lamps[lamp]}/illuminanceLevel", opened.slots[slot])
    assert said.behind["gives_way"]["en"].endswith("savings (council, decision 7 of 2026-01-01, until 2027-12-31)")
    assert any("seulement, pour winter" in line for line in to_lines(said, "fr"))


def test_the_report_tells_apart_what_a_budget_left_under_lit(
    plan: Callable[..., Planned], service: JobContext, store: Store, history: int
) -> None:
    free, *_ = plan()
    record, *_ = plan(budget(0.9 * taken_kwh(store, free)), at=NOON + timedelta(minutes=1))
    night = record.start.date()
    report = make_report(store, service.territory, service.settings, night, night)
    (whole,) = report.lines(By.TERRITORY)
    found = whole.figures()
    assert 0 < found["under_budget_share"] <= found["under_share"]
    assert found["crossing_under_share"] == 0
    assert any(line.startswith("Under-lit because light gave way") for line in notes(report, "en"))


def test_a_fall_back_keeps_the_light_and_says_that_it_passes_the_budget(
    plan: Callable[..., Planned], store: Store, history: int
) -> None:
    def fails(*_: Any) -> Any:
        raise ValueError("out of order")

    record, _, result = plan(budget(1.0), domain=replace(LIGHTING, build=fails))
    assert record.origin is PlanOrigin.RULES_ONLY
    assert [(v.constraint, v.object) for v in result.violations] == [("energy budget", "plan")]
    assert "It cannot be kept" in record.detail["notes"][0]["en"]


def test_a_night_planned_again_takes_what_is_left_of_its_budget(
    plan: Callable[..., Planned], service: JobContext, store: Store, history: int
) -> None:
    free, *_ = plan()
    most = 0.97 * taken_kwh(store, free)
    first, *_ = plan(budget(most), at=NOON + timedelta(minutes=1))
    later = NOON + timedelta(hours=9)
    record, _, result = plan(budget(most), at=later, only_changed=True)
    assert record.origin is PlanOrigin.SOLVED
    assert not result.violations
    assert taken_kwh(store, record) <= most
    over = (later - record.start) // timedelta(minutes=15)
    with store.read() as unit:
        bodies = [unit.plans.get(one.id) for one in (first, record)]
    told, now = (open_body(one[1]).flux for one in bodies if one is not None)
    assert (now[:, :over] >= told[:, :over] - 1e-9).all()


def test_a_budget_that_changes_plans_all_of_the_night_again(
    plan: Callable[..., Planned], store: Store, history: int
) -> None:
    free, *_ = plan()
    most = 0.97 * taken_kwh(store, free)
    plan(budget(most), at=NOON + timedelta(minutes=1))
    record, made, _ = plan(budget(0.99 * most), at=NOON + timedelta(minutes=2), only_changed=True)
    assert made.part is None
    assert taken_kwh(store, record) <= 0.99 * most
