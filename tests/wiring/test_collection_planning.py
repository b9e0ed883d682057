"""An evening's rounds in a territory: made, checked, guarded, sent; replanned in the day; fall-backs and replays."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from engine.instants import PARIS
from engine.model import PlanOrigin
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.collection.body import Body, open_body
from jobs.collection.day import BEGINS
from jobs.domains import DOMAINS
from jobs.planning import PlanRequest, PlanResult, run_plan
from optimizers.result import Limits

from .conftest import readings, tell

HOUR = timedelta(hours=1)
COLLECTION = DOMAINS["collection"]
TUESDAY = date(2026, 9, 8)
LIMITS = Limits(seconds=20, work=150)


def evening(day: date) -> datetime:
    """Before the morning of a day."""
    return datetime.combine(day - timedelta(days=1), BEGINS, PARIS)


AT = evening(TUESDAY)


def fills_until(
    store: Store, territory: Territory, at: datetime, level: Callable[[int, float], float] | None = None, days: int = 10
) -> None:
    """Every six hours the level of each container before an instant: of container n, so many days before."""

    def rising(n: int, before: float) -> float:
        return 0.98 - 0.022 * n - 0.05 * before

    level = level or rising
    rows: list[tuple[str, str, object, datetime]] = [
        (asset.id, "fillingLevel", float(np.clip(level(n, k / 4), 0.02, 1.0)), at - k * 6 * HOUR)
        for n, asset in enumerate(territory.of_type("WasteContainer"))
        for k in range(days * 4, -1, -1)
    ]
    tell(store, territory, readings(*rows), at)


@pytest.fixture
def filled(store: Store, territory: Territory) -> datetime:
    fills_until(store, territory, AT)
    return AT


def plan(store: Store, territory: Territory, settings: Settings, at: datetime = AT, **wanted: Any) -> PlanResult:
    return run_plan(store, territory, COLLECTION, at, settings, PlanRequest(at, LIMITS, **wanted))


def body_of(store: Store, result: PlanResult) -> Body:
    with store.read() as unit:
        found = unit.plans.get(result.record.id)
        assert found is not None
        return open_body(found[1])


def test_full_containers_are_emptied_in_the_morning_by_trucks_of_their_kind(
    store: Store, territory: Territory, settings: Settings, filled: datetime
) -> None:
    result = plan(store, territory, settings)
    found = body_of(store, result)

    assert result.record.origin is PlanOrigin.SOLVED, result.record.detail
    assert found.served
    kinds = dict(zip(found.containers, found.head["fractions"], strict=True))
    for name, (truck, one) in found.served.items():
        assert territory.by_id[truck].attributes["fractions"] == [kinds[name]]
        assert 5 <= found.instant(one.visit.begin_s).astimezone(PARIS).hour <= 12
