"""Detectors of paths, from their readings in the store to the plan of the night and why."""

from datetime import timedelta

import pytest

from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory
from jobs.domains import DOMAINS
from jobs.lighting.domain import task_of
from jobs.planning import run_plan
from jobs.why import explain, to_json

from .conftest import NOON, readings, tell

MINUTE = timedelta(minutes=1)


def a_lane(territory: Territory) -> tuple[str, str]:
    """A lamp that brightens by itself, and its detector."""
    lamp = next(lamp for lamp in territory.of_type("Streetlight") if "detector" in lamp.attributes)
    return lamp.id, lamp.attributes["detector"]


def somebody_every_evening(store: Store, territory: Territory, detector: str, days: int) -> None:
    """Ten minutes from ten hours after each noon on."""
    rows = []
    for back in range(days, 0, -1):
        at = NOON - timedelta(days=back) + timedelta(hours=10)
        rows += [(detector, "presence", True, at), (detector, "presence", False, at + 10 * MINUTE)]
    tell(store, territory, readings(*rows), NOON)


def test_the_plan_of_a_lane_knows_how_often_somebody_comes(
    store: Store, territory: Territory, settings: Settings
) -> None:
    lamp, detector = a_lane(territory)
    somebody_every_evening(store, territory, detector, 20)  # since clocks went back
    run_plan(store, territory, DOMAINS["lighting"], NOON, settings)
    with store.read() as unit:
        task = task_of(unit, territory, NOON, settings)
    row = task.problem.lamps.index(lamp)
    assert task.fleet.lane[row]
    assert task.problem.lanes is not None
    night = task.problem.lanes.detection[row]
    assert sorted(set(night.round(4))) == [0.0, pytest.approx(1 / 6, abs=1e-3)]
    told = to_json(explain(store, territory, f"{lamp}/illuminanceLevel", NOON + timedelta(hours=10)))
    assert f"by itself while {detector} sees somebody" in str(told)


def test_a_detector_that_fell_silent_leaves_its_lamps_to_traffic(
    store: Store, territory: Territory, settings: Settings
) -> None:
    lamp, _ = a_lane(territory)
    with store.read() as unit:
        task = task_of(unit, territory, NOON, settings)
    assert task.problem.lanes is None
    assert not task.fleet.lane[task.problem.lamps.index(lamp)]
    assert any(reason.startswith("lit for traffic, their detectors say nothing") for reason in task.reasons)
