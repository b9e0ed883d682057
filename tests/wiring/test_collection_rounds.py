"""Rounds in force as crews and commands see them: tablets are told what changed, containers have their reasons."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import orjson
import pytest
from typer.testing import CliRunner

from engine.broker import Broker
from engine.errors import Unavailable
from engine.rounds import decode_round
from engine.settings import Settings
from engine.store import Store
from engine.wire import vehicle_of
from jobs.bootstrap import StoryClock, Territory
from jobs.cli import app
from jobs.collection.morning import measure_collection
from jobs.collection.rounds.in_force import rounds_ahead, rounds_on
from jobs.collection.tablets import Tablets
from jobs.collection.telling import ContainerState, container_states
from jobs.planning import PlanResult
from jobs.service import Service

from .conftest import readings, tell
from .test_collection_planning import AT, TUESDAY, fills_until, plan

_CALLED = AT + timedelta(hours=12)  # eight in the morning: trucks are out


@pytest.fixture
def planned(store: Store, territory: Territory, settings: Settings) -> PlanResult:
    fills_until(store, territory, AT)
    return plan(store, territory, settings)


def _told(store: Store, territory: Territory, tablets: Tablets, at: datetime = AT) -> dict[str, bytes]:
    with store.read() as unit:
        news = tablets.news(unit, territory, at)
    tablets.remember(news)
    return news


def test_every_truck_is_told_its_round_once(store: Store, territory: Territory, planned: PlanResult) -> None:
    tablets = Tablets()
    told = {vehicle_of(topic): decode_round(payload) for topic, payload in _told(store, territory, tablets).items()}
    trucks = {(asset.gateway, asset.id) for asset in territory.of_type("Vehicle")}
    assert set(told) == trucks
    assert all(found.vehicle == key[1] for key, found in told.items() if key)
    assert {found.plan for found in told.values()} == {planned.record.id}
    assert sum(len(found.stops) for found in told.values()) > 5
    assert _told(store, territory, tablets) == {}
    assert len(_told(store, territory, Tablets())) == len(trucks)  # one that begins anew


class _Line:
    """A session with a broker that may be away."""

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}
        self.away = False

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        assert retain
        self.retained[topic] = payload

    def flush(self) -> None:
        if self.away:
            raise Unavailable("away")


def test_the_service_tells_tablets_again_what_the_broker_did_not_take(
    store: Store, territory: Territory, settings: Settings, planned: PlanResult
) -> None:
    line = _Line()
    service = Service(settings, store, territory, None, StoryClock(AT), None, crews=cast("Broker", line))
    line.away = True
    with pytest.raises(Unavailable):
        service.tell_rounds()
    line.retained.clear()
    line.away = False
    assert service.tell_rounds() == len(territory.of_type("Vehicle")) == len(line.retained)
    assert service.tell_rounds() == 0
    assert decode_round(next(iter(line.retained.values()))).plan == planned.record.id
    alone = Service(settings, store, territory, None, StoryClock(AT), None)
    assert alone.tell_rounds() == 0
    for one in (service, alone):
        one.close()


def test_nobody_is_told_anything_without_a_plan(store: Store, territory: Territory) -> None:
    assert _told(store, territory, Tablets()) == {}


def test_rounds_are_of_their_day_alone_and_say_where_they_go(
    store: Store, territory: Territory, planned: PlanResult
) -> None:
    with store.read() as unit:
        found, ahead = rounds_on(unit, territory, TUESDAY), rounds_ahead(unit, territory, AT)
        assert rounds_on(unit, territory, TUESDAY + timedelta(days=1)) is None
        assert rounds_ahead(unit, territory, AT + timedelta(days=2)) is None
    assert found is not None
    assert ahead is not None
    assert (found.day, found.record.id) == (TUESDAY, planned.record.id)
    assert found.rounds == ahead.rounds
    assert all(line.place for one in found.rounds for line in one.stops)


def test_what_was_not_known_yet_is_not_told(store: Store, territory: Territory, planned: PlanResult) -> None:
    with store.read() as unit:
        assert rounds_ahead(unit, territory, AT, known_at=planned.record.made_at - timedelta(seconds=1)) is None


def test_every_container_is_said_once_with_its_reason(
    store: Store, territory: Territory, settings: Settings, planned: PlanResult
) -> None:
    with store.read() as unit:
        found = container_states(unit, territory, settings, AT)
    assert sorted(one.container for one in found) == sorted(a.id for a in territory.of_type("WasteContainer"))
    served = [one for one in found if one.truck]
    assert served
    assert all(one.number > 0 and one.at is not None and one.reason for one in served)
    assert all(one.reason and one.reason["fr"] != one.reason["en"] for one in found)
    fullest, emptiest = max(found, key=_level), min(found, key=_level)
    assert fullest.truck
    assert (fullest.by_next or 0.0) > (emptiest.by_next or 0.0)


def _level(one: ContainerState) -> float:
    return one.level or 0.0


def test_without_a_plan_containers_have_levels_and_no_reason(
    store: Store, territory: Territory, settings: Settings
) -> None:
    fills_until(store, territory, AT)
    with store.read() as unit:
        found = container_states(unit, territory, settings, AT)
    assert all(one.level is not None and one.reason is None for one in found)


def test_a_truck_that_breaks_down_before_it_served_anything_has_served_nothing(
    store: Store, territory: Territory, settings: Settings, planned: PlanResult
) -> None:
    with store.read() as unit:
        before = rounds_on(unit, territory, TUESDAY)
    assert before is not None
    longest = max(before.rounds, key=lambda one: len(one.stops))
    at = longest.stops[2].end_at  # by the plan it has served three
    rows = [(longest.vehicle, "stopNumber", 0, at), (longest.vehicle, "serviceStatus", "broken", at)]
    tell(store, territory, readings(*rows), at)
    plan(store, territory, settings, at)
    with store.read() as unit:
        after = rounds_on(unit, territory, TUESDAY)
    assert after is not None
    left = {one.vehicle: one for one in after.rounds}[longest.vehicle]
    assert [line.asset for line in left.stops] == []


def _run(monkeypatch: pytest.MonkeyPatch, settings: Settings, *words: str) -> str:
    monkeypatch.setenv("CONSIGNE_DATABASE_URL", settings.database_url)
    shown = CliRunner().invoke(app, ["collection", *words])
    assert shown.exit_code == 0, shown.output
    return shown.output


@pytest.mark.usefixtures("planned")
def test_commands_show_fills_reasons_and_rounds(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, territory: Territory
) -> None:
    containers = len(territory.of_type("WasteContainer"))
    at = (AT + timedelta(minutes=1)).isoformat()
    fills = _run(monkeypatch, settings, "fills", "--at", at, "--lang", "en")
    assert len(fills.splitlines()) == containers + 2
    assert len(orjson.loads(_run(monkeypatch, settings, "fills", "--at", at, "--json"))) == containers
    assert len(_run(monkeypatch, settings, "list", "--at", at, "--lang", "fr").splitlines()) == containers
    day = ("rounds", "--at", TUESDAY.isoformat())
    assert "household waste" in _run(monkeypatch, settings, *day, "--lang", "en")
    rounds = orjson.loads(_run(monkeypatch, settings, *day, "--json"))
    truck = next(one["vehicle"] for one in rounds if one["lines"])
    _run(monkeypatch, settings, *day, "--truck", truck, "--to", str(tmp_path / "out"))
    assert len(list((tmp_path / "out").iterdir())) == 5


@pytest.mark.usefixtures("planned")
@pytest.mark.parametrize(
    "words", [("--at", "tomorrow"), ("--at", "2026-01-01"), ("--at", "2026-09-08", "--truck", "VH-9")]
)
def test_what_cannot_be_asked_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CONSIGNE_DATABASE_URL", settings.database_url)
    shown = CliRunner().invoke(app, ["collection", "rounds", *words])
    assert shown.exit_code != 0


def test_what_a_morning_came_to_is_counted_from_what_crews_told(
    store: Store, territory: Territory, settings: Settings, planned: PlanResult
) -> None:
    with store.read() as unit:
        found = rounds_on(unit, territory, TUESDAY)
    assert found is not None
    stops = [line for one in found.rounds for line in one.stops]
    rows: list[tuple[str, str, object, datetime]] = []
    for line in stops[1:]:
        rows += [(line.asset, "cargoWeight", 100.0, line.end_at), (line.asset, "exception", "none", line.end_at)]
        rows += [(line.asset, "fillingLevel", 0.05, line.end_at)]
    rows += [(stops[0].asset, "exception", "blocked", stops[0].end_at)]
    tell(store, territory, readings(*rows), AT + timedelta(hours=18))
    with store.read() as unit:
        came = measure_collection(unit, territory, settings, TUESDAY, AT + timedelta(hours=18))
        none = measure_collection(unit, territory, settings, TUESDAY + timedelta(days=1), AT + timedelta(days=2))
    assert none is None
    assert came is not None
    assert (came.plans, came.planned, came.emptied, came.kg) == (
        1,
        len(stops),
        len(stops) - 1,
        100.0 * (len(stops) - 1),
    )
    assert came.left == {stops[0].asset: "blocked"}
    assert came.full_after <= came.full_before
    assert came.km == pytest.approx(sum(one.distance_m for one in found.rounds) / 1000)
    assert set(came.fixed_km) == {"glass", "other", "paper"}
    assert all(km > 0 for km in came.fixed_km.values())
    assert 0 < came.mean_fixed_km < sum(came.fixed_km.values())
