"""Closures that change while a service runs: rounds under way that they concern are planned again, and no others."""

from datetime import date, datetime, timedelta
from threading import Event, Thread
from typing import Any, cast

import orjson
import pytest

from engine.broker import Broker
from engine.equipment.mqtt import MqttLink
from engine.errors import InputError, Unavailable
from engine.instants import PARIS
from engine.store import Store
from jobs.asking import REPLAN, URGENT
from jobs.bootstrap import StoryClock, Territory
from jobs.collection.body import Body, open_body
from jobs.collection.closures_read import closures_known, refused_closures
from jobs.doctor import examine
from jobs.domains import DOMAINS
from jobs.planning import PlanRequest, run_plan
from jobs.schedules.loading import built_in
from jobs.schedules.running import Runner
from jobs.service import Role, Service, serve
from optimizers.result import Limits
from tests.conftest import BOTH
from tests.waiting import wait_for

from .conftest import Desk, at_work, audited, rule
from .test_collection_planning import AT, TUESDAY, evening, fills_until

COLLECTION = DOMAINS["collection"]
SIX = datetime(2026, 9, 8, 6, tzinfo=PARIS)
NOTHING = "closures: []\n"


class Line:
    """A broker that nobody hears."""

    name = "nobody"


class Town:
    """A service over the sample territory under a file of closures, with rounds planned in the evening."""

    def __init__(self, store: Store, territory: Territory, desk: Desk) -> None:
        self.store, self.territory, self.settings = store, territory, desk.settings
        desk.put(rule("never", "powerState == on and powerState == off"))
        self.file = desk.settings.rules_dir / "closures.yaml"
        self.file.write_text(NOTHING)
        self.clock = StoryClock(AT)
        self.begin()
        self.service.look_at_closures()
        fills_until(
            store, territory, AT, lambda n, before: 0.95 - 0.005 * n - 0.05 * before if n < 40 else 0.2 - 0.015 * before
        )
        request = PlanRequest(AT, Limits(seconds=20, work=20))
        run_plan(store, territory, COLLECTION, AT, self.settings, request)

    def begin(self) -> None:
        """A process begins."""
        link, rules = MqttLink(cast("Broker", Line())), at_work(self.settings, self.territory)
        self.service = Service(self.settings, self.store, self.territory, rules, self.clock, link)

    def body(self) -> Body:
        return open_body(self._newest()[1])

    def detail(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self._newest()[0].detail)

    def _newest(self) -> Any:
        with self.store.read() as unit:
            return unit.plans.get(unit.plans.list("collection", 1)[0].id)

    def close(self, name: str, container: str, at: datetime, hours: str = "", day: date = TUESDAY, **more: str) -> None:
        """The file closes a place of one container on a day, and is looked at at an instant."""
        said = {"hours": hours, **more} if hours else more
        extra = "".join(f"    {key}: {value}\n" for key, value in said.items())
        entry = f"  - id: {name}\n    text: {{fr: travaux, en: works}}\n    place: {{assets: [{container}]}}\n"
        self.write(f"closures:\n{entry}    from: {day}\n    until: {day}\n{extra}", at)

    def write(self, text: str, at: datetime) -> None:
        self.file.write_text(text)
        self.clock.at = at
        self.service.look_at_closures()

    def asked(self) -> dict[str, str] | None:
        with self.store.read() as unit:
            found: dict[str, str] | None = orjson.loads(unit.state.get(REPLAN + "collection" + URGENT) or b"null")
        return found


@pytest.fixture
def town(store: Store, territory: Territory, desk: Desk) -> Town:
    return Town(store, territory, desk)


def last_served(body: Body) -> tuple[str, datetime]:
    """The container that is emptied last of all, and when its truck comes."""
    name, (_, one) = max(body.served.items(), key=lambda pair: pair[1][1].visit.begin_s)
    return name, body.instant(one.visit.begin_s)


@BOTH
def test_a_street_closed_in_the_morning_is_planned_around_by_itself_and_named(town: Town) -> None:
    name, comes_at = last_served(town.body())
    assert comes_at > SIX
    town.close("rue-basse", name, SIX)

    at = "2026-09-08T04:00:00Z"
    assert town.asked() == {"requested_at": at, "noted_at": at, "rule": "closures.yaml", "asset": "rue-basse"}
    assert audited(town.settings, "close") == [{"changed": ["rue-basse"], "asked": ["rue-basse"]}]
    before = town.body()
    Runner(town.service.context, built_in()).look_at_events()
    after = town.body()
    assert town.detail()["asked"] == "closures.yaml rue-basse"
    assert town.detail()["part"]
    assert name in before.served and name not in after.served
    done = {one for one, (_, visit) in before.served.items() if before.instant(visit.visit.end_s) <= SIX}
    assert done <= set(after.served)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("tomorrow", {"day": date(2026, 9, 9)}),
        ("over by now", {"hours": "04:00-05:30"}),
        ("when all trucks are home", {"hours": "18:00-19:00"}),
    ],
)
def test_a_closure_of_another_time_asks_for_nothing(town: Town, what: str, said: dict[str, Any]) -> None:
    name, _ = last_served(town.body())
    town.close("rue-basse", name, SIX, **said)
    assert town.asked() is None, what
    assert audited(town.settings, "close") == [{"changed": ["rue-basse"], "asked": []}]


def test_neither_does_one_where_the_crew_has_been_nor_one_where_nobody_goes(town: Town) -> None:
    body = town.body()
    name, comes_at = last_served(body)
    first = min(body.served, key=lambda one: body.served[one][1].visit.end_s)
    idle = next(one for one in body.containers if one not in {stop.id for stop in body.problem.stops})
    for container in (first, idle):
        town.close("rue-basse", container, comes_at - timedelta(minutes=1))
    assert town.asked() is None
    town.close("rue-basse", name, comes_at - timedelta(minutes=1))
    assert town.asked() is not None


def test_nor_does_any_once_all_rounds_are_over_or_on_a_day_without_rounds(town: Town) -> None:
    name, _ = last_served(town.body())
    town.close("rue-basse", name, SIX + timedelta(hours=12))
    assert town.asked() is None
    wednesday = TUESDAY + timedelta(days=1)
    town.close("rue-haute", name, evening(wednesday) + timedelta(minutes=1), day=wednesday)
    assert town.asked() is None, "it has no plan yet"


def test_a_closure_that_is_taken_back_is_one_that_changed(town: Town) -> None:
    name, _ = last_served(town.body())
    town.close("rue-basse", name, SIX)
    Runner(town.service.context, built_in()).look_at_events()
    town.write(NOTHING, SIX + timedelta(minutes=5))
    asked = town.asked()
    assert asked is not None
    assert (asked["requested_at"], asked["asset"]) == ("2026-09-08T04:05:00Z", "rue-basse")
    Runner(town.service.context, built_in()).look_at_events()
    assert name in town.body().served


def test_a_road_that_nobody_may_take_concerns_all_who_drive(town: Town) -> None:
    place = "place: {around: {lat: 47.3, lon: -0.6, radius_m: 10}}"
    text = "closures:\n  - id: pont\n    text: {fr: pont, en: bridge}\n    through: true\n"
    town.write(f"{text}    {place}\n    from: {TUESDAY}\n    until: {TUESDAY}\n", SIX)
    asked = town.asked()
    assert asked is not None
    assert asked["asset"] == "pont"


def test_what_is_written_again_unchanged_is_no_change(town: Town) -> None:
    name, _ = last_served(town.body())
    town.close("rue-basse", name, AT - timedelta(hours=3), day=TUESDAY)
    before = len(audited(town.settings, "close"))
    town.file.write_text("# a remark\n" + town.file.read_text())
    town.clock.at = SIX
    town.service.look_at_closures()
    assert town.asked() is None
    assert len(audited(town.settings, "close")) == before


def test_the_first_file_of_all_is_no_change_and_one_changed_while_nobody_served_is(town: Town) -> None:
    assert town.asked() is None
    name, _ = last_served(town.body())
    town.file.unlink()
    town.begin()
    town.close("rue-basse", name, SIX)
    assert town.asked() is not None


def test_a_mistake_changes_nothing_is_told_and_plans_go_by_what_was_right(town: Town) -> None:
    name, _ = last_served(town.body())
    town.close("rue-basse", name, AT)
    before = town.asked()
    assert before is not None
    town.write(town.file.read_text().replace("until:", "untill:"), SIX)
    assert town.asked() == before
    with town.store.read() as unit:
        refused = refused_closures(unit)
        known = closures_known(unit, town.settings)
    assert refused is not None
    assert "untill" in " ".join(refused["problems"])
    assert [one.id for one in known] == ["rue-basse"]
    town.service.announce()
    found = next(one for one in examine(town.settings, quick=True) if one.name == "service")
    assert found.state == "degraded"
    assert "changed closures refused" in found.what
    town.close("rue-basse", name, SIX)
    with town.store.read() as unit:
        assert refused_closures(unit) is None
    assert audited(town.settings, "close")[1:] == []


def test_where_no_file_was_ever_right_a_mistake_stops_planning(store: Store, desk: Desk) -> None:
    (desk.settings.rules_dir / "closures.yaml").write_text("closures: {}\n")
    with store.read() as unit, pytest.raises(InputError):
        closures_known(unit, desk.settings)


def test_a_database_that_is_away_has_the_file_read_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _ = last_served(town.body())

    def away(_store: Store) -> object:
        raise Unavailable("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "begin", away)
        with pytest.raises(Unavailable):
            town.close("rue-basse", name, SIX)
    town.service.look_at_closures()
    assert town.asked() is not None


def test_the_service_looks_by_itself(town: Town) -> None:
    """What `serve` does with a running service is not only what is called by hand."""
    stop = Event()
    serving = Thread(target=serve, args=(town.service, None, stop, frozenset({Role.RULES})))
    serving.start()
    try:
        name, _ = last_served(town.body())
        town.clock.at = SIX
        text = f"closures:\n  - id: rue-basse\n    text: {{fr: a, en: a}}\n    place: {{assets: [{name}]}}\n"
        town.file.write_text(f"{text}    from: {TUESDAY}\n    until: {TUESDAY}\n")
        wait_for(lambda: town.asked() is not None)
    finally:
        stop.set()
        serving.join(20)
