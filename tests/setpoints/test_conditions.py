"""What the field, people and authorities say of a point."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.model import Hold, Scope
from engine.setpoints.conditions import NOTHING_KNOWN, Conditions
from engine.setpoints.points import Interlock, Lockout, Sample, Watch
from tests.setpoints.fakes import a_point, at

MODE = Watch("C-1", "workingMode", timedelta(minutes=30))
LEVEL = Watch("P-1", "suctionLevel", timedelta(minutes=30))
SUCTION = Interlock("suction", LEVEL, 0.0, "the pump needs water", at_least=0.3)
LAMP = replace(a_point(), domain="lighting", lockout=Lockout(MODE, 2.0))
PUMP = replace(a_point("P-1/pumpEnabled"), domain="water", interlocks=(SUCTION,))


def test_nothing_known_locks_nothing_out_and_breaks_every_interlock() -> None:
    assert not NOTHING_KNOWN.locked_out(LAMP)
    assert NOTHING_KNOWN.broken(LAMP, at(0)) == []
    assert NOTHING_KNOWN.broken(PUMP, at(0)) == [SUCTION]
    assert NOTHING_KNOWN.held(LAMP, at(0)) is None


@pytest.mark.parametrize(("value", "locked"), [(2.0, True), (0.0, False), (1.0, False)])
def test_the_last_word_on_a_lock_out_stands_however_old(value: float, locked: bool) -> None:
    said = Conditions({MODE: Sample(value, at(-10_000))})
    assert said.locked_out(LAMP) is locked
    assert not said.locked_out(PUMP)


@pytest.mark.parametrize(
    ("value", "minutes", "holds"), [(0.3, -30, True), (0.3, -30.01, False), (0.29, 0, False), (5, 0, True)]
)
def test_an_interlock_holds_on_a_fresh_reading_within_its_bounds(value: float, minutes: float, holds: bool) -> None:
    said = Conditions({LEVEL: Sample(value, at(minutes))})
    assert (said.broken(PUMP, at(0)) == []) is holds


@pytest.mark.parametrize(
    ("scope", "subject", "held"),
    [
        (Scope.DOMAIN, "lighting", True),
        (Scope.DOMAIN, "water", False),
        (Scope.ZONE, "Z-1", True),
        (Scope.POINT, "L-1/illuminanceLevel", True),
        (Scope.POINT, "lighting", False),
    ],
)
def test_a_hold_of_domain_zone_or_point(scope: Scope, subject: str, held: bool) -> None:
    hold = Hold(scope, subject, at(0), at(60), "market", "person:ana")
    said = Conditions(holds=(hold,))
    assert (said.held(LAMP, at(0)) == hold) is held
    assert said.held(LAMP, at(60)) is None
    assert said.held(LAMP, at(-1)) is None
    assert Conditions(holds=(replace(hold, ended_at=at(10)),)).held(LAMP, at(10)) is None


def test_of_several_holds_the_longest_is_named() -> None:
    holds = tuple(Hold(Scope.ZONE, "Z-1", at(0), at(until), "r", "person:ana") for until in (30, 90, 60))
    found = Conditions(holds=holds).held(LAMP, at(0))
    assert found is not None and found.until_at == at(90)
