"""Why, where people, holds, lock-outs and the envelope had their word."""

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from engine.instants import isoformat
from engine.model import Hold, Level, Program, Scope, Slot
from engine.settings import Settings
from engine.store import Store
from jobs.bootstrap import Territory, blast_in, catalogue_of, read_territory
from jobs.holds import put_hold, resume
from jobs.scopes import points_in
from jobs.setpoints import Override, release, set_override
from jobs.settling import settle_points
from jobs.why import explain, to_json, to_lines
from tests.conftest import BOTH
from tests.wiring.conftest import NOON, readings, tell

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ANN = "person:ann"


@pytest.fixture
def lamp(territory: Territory) -> str:
    return points_in(territory, Scope.DOMAIN, "lighting")[0]


def by_hand(point: str, value: float, reason: str = "glare") -> Override:
    return Override(point, value, Level.OPERATOR, NOON + 2 * HOUR, reason, ANN)


@BOTH
def test_an_override_leads_back_to_the_person_and_the_audit_line(
    store: Store, territory: Territory, settings: Settings, lamp: str
) -> None:
    number = set_override(store, territory, by_hand(lamp, 0.4), NOON)
    at = NOON + MINUTE
    told = to_json(explain(store, territory, lamp, at))
    assert told["behind"] == {
        "by": ANN,
        "asked_at": isoformat(NOON),
        "reason": "glare",
        "audit": f"line {number}, not sealed yet",
    }
    assert (told["command"]["level"], told["hold"], told["locked_out"]) == (8, None, None)
    store.seal()
    assert to_json(explain(store, territory, lamp, at))["behind"]["audit"] == f"line {number}, sealed as {number}"
    english, french = (to_lines(explain(store, territory, lamp, at), lang) for lang in ("en", "fr"))  # type: ignore[arg-type]
    assert len(english) == len(french)
    assert english[0].endswith(": 40%")
    over = to_json(explain(store, territory, lamp, NOON + 80 * HOUR))
    assert (over["winner"], over["command"]) == (None, None)
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE slot SET reason = 'another'"))
    engine.dispose()
    behind = to_json(explain(store, territory, lamp, at))["behind"]
    assert behind["audit"].endswith("the reason is not the one that was written then")


def test_a_hold_and_a_lock_out_show_as_they_were_then(store: Store, territory: Territory, lamp: str) -> None:
    lockout = territory.points[lamp].lockout
    assert lockout is not None
    with store.begin() as unit:
        program = Program.constant(0.7, NOON, NOON + 12 * HOUR)
        unit.slots.put([Slot(lamp, Level.DAY_AHEAD_PLAN, "rule:x:y", program, NOON, "p", "a test")])
        settle_points(unit, territory, [lamp], NOON)
    put_hold(store, Hold(Scope.DOMAIN, "lighting", NOON + HOUR, NOON + 5 * HOUR, "works", ANN))
    resume(store, territory, Scope.DOMAIN, "lighting", ANN, NOON + 2 * HOUR)
    for hours, mode in ((3, "manual"), (4, "automatic")):
        at = NOON + hours * HOUR
        tell(store, territory, readings((lockout.watch.asset, "workingMode", mode, at)), at)

    def stopped(hours: float) -> tuple[object, object]:
        told = to_json(explain(store, territory, lamp, NOON + hours * HOUR))
        return told["hold"] and told["hold"]["reason"], told["locked_out"] and told["locked_out"]["observed_at"]

    since = isoformat(NOON + 3 * HOUR)
    assert [stopped(hours) for hours in (0.5, 1, 1.5, 2, 3, 3.5, 4)] == [
        (None, None), ("works", None), ("works", None), (None, None), (None, since), (None, since), (None, None)
    ]  # fmt: skip
    lines = to_lines(explain(store, territory, lamp, NOON + 1.5 * HOUR), "en")
    assert any(line.startswith("Held until") and "domain lighting" in line for line in lines)
    lines = to_lines(explain(store, territory, lamp, NOON + 3.5 * HOUR), "fr")
    assert any(line.startswith("Verrouillé sur place") for line in lines)


def test_values_have_their_unit_and_the_envelope_its_clauses(store: Store, territory: Territory) -> None:
    heating = points_in(territory, Scope.DOMAIN, "energy")[0]
    set_override(store, territory, by_hand(heating, 17), NOON)
    set_override(store, territory, by_hand(heating, 24), NOON + MINUTE)
    explanation = explain(store, territory, heating, NOON + 2 * MINUTE)
    assert to_lines(explanation, "en")[0].endswith(": 24 Cel")
    told = to_json(explanation)
    assert (told["envelope"]["outcome"], told["envelope"]["clauses"]) == ("clamped", ["step"])
    assert told["command"]["supersedes"] is not None


def test_after_a_release_the_command_still_shows(store: Store, territory: Territory, lamp: str) -> None:
    set_override(store, territory, by_hand(lamp, 0.4), NOON)
    release(store, territory, lamp, Level.OPERATOR, ANN, NOON + MINUTE)
    told = to_lines(explain(store, territory, lamp, NOON + 2 * MINUTE), "en")
    assert told[0].startswith("Nothing was asked")
    assert any(line.startswith("Command ") for line in told)


def test_a_large_move_names_its_batch(store: Store, settings: Settings, lamp: str) -> None:
    catalogue = catalogue_of(settings)
    territory = read_territory(store, catalogue, blast=blast_in(settings, catalogue))
    lamps = points_in(territory, Scope.DOMAIN, "lighting")
    program = Program.constant(0.0, NOON, NOON + HOUR)
    with store.begin() as unit:
        unit.slots.put([Slot(point, Level.OPERATOR, ANN, program, NOON, "v1", "dark") for point in lamps])
        settle_points(unit, territory, lamps, NOON, ANN)
    explanation = explain(store, territory, lamp, NOON + MINUTE)
    told = to_json(explanation)
    assert (told["batch"]["state"], told["batch"]["made_by"], told["batch"]["decided_by"]) == ("canary", ANN, None)
    assert told["batch"]["id"] == told["command"]["batch"]
    assert any("made_by: person:ann" in line for line in to_lines(explanation, "en"))
