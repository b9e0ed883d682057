"""What rules ask for in vain: rounds are planned again where something is other than they knew, and not otherwise."""

from datetime import datetime, timedelta

import pytest

from engine.instants import PARIS
from engine.settings import Settings
from engine.store.ledger import RunState
from jobs.collection.body import Body, open_body
from jobs.domains import DOMAINS
from jobs.planning import PlanRequest, commit_plan, make_plan, report_of, run_plan
from jobs.table import JobContext
from optimizers.result import Limits
from optimizers.routing import Act

from .conftest import Desk, readings, tell
from .test_collection_planning import AT, fills_until, truck_at

COLLECTION = DOMAINS["collection"]
LIMITS = Limits(seconds=20, work=20)
LATER = AT + timedelta(hours=1)
SIX = datetime(2026, 9, 8, 6, tzinfo=PARIS)


class Rounds:
    """Rounds of a Tuesday, planned in the evening before it, and a rule that asks for them again."""

    def __init__(self, service: JobContext, settings: Settings) -> None:
        self.context = JobContext(settings, service.store, service.territory, service.clock)
        self.store, self.territory, self.settings = service.store, service.territory, settings
        fills_until(
            self.store,
            self.territory,
            AT,
            lambda n, before: 0.95 - 0.014 * n - 0.05 * before if n < 40 else 0.2 - 0.015 * before,
        )

    def plan(self, at: datetime = AT, **wanted: bool) -> Body:
        run_plan(self.store, self.territory, COLLECTION, at, self.settings, PlanRequest(at, LIMITS, **wanted))
        with self.store.read() as unit:
            found = unit.plans.get(unit.plans.list("collection", 1)[0].id)
        assert found is not None
        return open_body(found[1])

    def ask(self, at: datetime, by: str = "bin-nearly-full R-1") -> str:
        """A rule asks at an instant. Returns why nothing was planned; empty where it was."""
        made = make_plan(self.context, COLLECTION, PlanRequest(at, LIMITS, only_changed=True, asked=by))
        with self.store.begin() as unit:
            result = commit_plan(unit, self.territory, COLLECTION, made, at)
            alarms = unit.alarms.of_rule("plan-failed")
        report = report_of(made, result)
        assert (report.state is RunState.SKIPPED) == (result is None) == bool(report.error)
        assert not alarms
        return report.error or ""

    def tell(self, at: datetime, *rows: tuple[str, str, object]) -> None:
        tell(self.store, self.territory, readings(*((*row, at) for row in rows)), at)


@pytest.fixture
def rounds(service: JobContext, desk: Desk) -> Rounds:
    return Rounds(service, desk.settings)


def keeps_to_it(rounds: Rounds, found: Body, at: datetime) -> None:
    """Every truck that is out tells the stop that it is at by its plan, and what it emptied is empty."""
    for truck, visits in found.days.items():
        for one in visits:
            if one.number and found.instant(one.visit.begin_s) <= at:
                rounds.tell(found.instant(one.visit.begin_s), (truck, "stopNumber", float(one.number)))
                rounds.tell(found.instant(one.visit.end_s), (one.visit.of, "fillingLevel", 0.02))


def test_without_rounds_of_the_day_there_is_nothing_to_plan_again(rounds: Rounds) -> None:
    assert rounds.ask(AT) == "no rounds are planned of this day"
    rounds.plan()
    assert rounds.ask(AT + timedelta(hours=24)) == "no rounds are planned of this day"


def test_where_nothing_has_happened_nothing_is_planned_again_in_the_night_nor_in_the_morning(rounds: Rounds) -> None:
    found = rounds.plan()
    assert rounds.ask(LATER).startswith("nothing is other than collection-2026-09-07T18:00:00Z")
    assert rounds.ask(SIX).startswith("nothing is other than")
    truck, at = truck_at(found)
    keeps_to_it(rounds, found, at)
    assert rounds.ask(at).startswith("nothing is other than"), truck
    with rounds.store.read() as unit:
        assert len(unit.plans.list("collection", 9)) == 1


def test_once_every_truck_is_home_nothing_is(rounds: Rounds) -> None:
    found = rounds.plan()
    ends = max(found.instant(visits[-1].visit.end_s) for visits in found.days.values())
    assert rounds.ask(ends + timedelta(minutes=1)).endswith("is left to drive")


def test_a_person_has_it_planned_again_whatever_is(rounds: Rounds) -> None:
    rounds.plan()
    assert rounds.ask(LATER, by="") == ""


def test_a_container_that_jumps_is_news_once(rounds: Rounds) -> None:
    found = rounds.plan()
    low = next(one for one in reversed(found.containers) if one not in found.served)
    for k in range(4):
        rounds.tell(AT + timedelta(hours=6 * k, minutes=1), (low, "fillingLevel", 0.97))
    at = AT + timedelta(hours=9)
    rounds.tell(at, (low, "fillingLevel", 0.97))
    assert rounds.ask(at) == ""
    assert rounds.ask(at + timedelta(minutes=10)).startswith("nothing is other than")


@pytest.mark.parametrize("status", ["broken", "outOfService"])
def test_a_truck_that_does_not_drive_is_news_where_it_has_a_round_and_again_when_it_is_back(
    rounds: Rounds, status: str
) -> None:
    found = rounds.plan()
    truck = next(iter(found.days))
    rounds.tell(LATER, (truck, "serviceStatus", status))
    assert rounds.ask(LATER, f"truck-broken {truck}") == ""
    assert rounds.ask(LATER + timedelta(minutes=5)).startswith("nothing is other than")
    rounds.tell(LATER + timedelta(minutes=10), (truck, "serviceStatus", "onRoute"))
    assert rounds.ask(LATER + timedelta(minutes=15)) == ""


def test_a_truck_that_stays_in_anyway_is_none(rounds: Rounds) -> None:
    found = rounds.plan()
    idle = [one.id for one in rounds.territory.of_type("Vehicle") if one.id not in found.days]
    assert idle, "the sample's evening needs fewer trucks than it has"
    rounds.tell(LATER, (idle[0], "serviceStatus", "broken"))
    assert rounds.ask(LATER).startswith("nothing is other than")


def test_the_last_truck_that_breaks_down_is_news(rounds: Rounds) -> None:
    found = rounds.plan()
    rounds.tell(LATER, *((one.id, "serviceStatus", "broken") for one in rounds.territory.of_type("Vehicle")))
    assert found.days
    assert rounds.ask(LATER) == ""
    later = LATER + timedelta(minutes=10)
    rounds.tell(later, (next(iter(found.days)), "serviceStatus", "onRoute"))
    assert rounds.ask(later) == "", "one is back, and no other has a round"


def test_a_site_that_closes_is_news(rounds: Rounds) -> None:
    found = rounds.plan()
    used = next(v.visit.of for visits in found.days.values() for v in visits if v.visit.act is Act.UNLOAD)
    rounds.tell(LATER, (used, "serviceStatus", "closed"))
    assert rounds.ask(LATER) == ""
    assert rounds.ask(LATER + timedelta(minutes=5)).startswith("nothing is other than")


def test_a_crew_that_could_not_empty_a_container_is_news_once(rounds: Rounds) -> None:
    found = rounds.plan()
    truck, at = truck_at(found)
    keeps_to_it(rounds, found, at)
    first = next(one for one in found.days[truck] if one.number == 1)
    rounds.tell(at, (first.visit.of, "exception", "blocked"), (first.visit.of, "fillingLevel", 0.9))
    assert rounds.ask(at + timedelta(seconds=10), f"bin-not-reached {first.visit.of}") == ""
    assert rounds.ask(at + timedelta(seconds=40)).startswith("nothing is other than")


def test_a_truck_that_is_late_is_news(rounds: Rounds) -> None:
    found = rounds.plan()
    truck, at = truck_at(found, 3)
    keeps_to_it(rounds, found, at - timedelta(minutes=30))
    rounds.tell(at - timedelta(minutes=1), (truck, "stopNumber", 1.0))
    assert rounds.ask(at) == ""


CLOSED = """closures:
  - id: works
    text: {{fr: travaux, en: works}}
    place: {{assets: [{place}]}}
    from: 2026-09-08
    until: 2026-09-08
"""


def test_a_closure_is_news_where_somebody_has_to_stop_alone(rounds: Rounds) -> None:
    found = rounds.plan()
    wanted = {stop.id for stop in found.problem.stops}
    beside = next(one for one in found.containers if one not in wanted)
    file = rounds.settings.rules_dir / "closures.yaml"
    file.write_text(CLOSED.format(place=beside))
    assert rounds.ask(LATER, "closures.yaml works").startswith("nothing is other than")
    file.write_text(CLOSED.format(place=next(iter(found.served))))
    assert rounds.ask(LATER, "closures.yaml works") == ""
