"""How long a point may be on at a stretch: the command itself ends it, whoever wants it, and it rests as long after."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.catalogue import load_catalogue
from engine.errors import InputError
from engine.model import Command, CommandState, Level, Program
from engine.setpoints.envelope import Outcome, Running, admit
from engine.setpoints.outbox import settle
from tests.setpoints.fakes import MINUTE, a_point, a_slot, an_envelope, at

CATALOGUE = Path("datasets/reference/catalogue.yaml")
LONGEST = 10 * MINUTE
VALVE = an_envelope(safe=0, longest_on=LONGEST)
END = 90


def program(*steps: tuple[float, float], until: float = END) -> Program:
    return Program(tuple((at(minute), value) for minute, value in steps), at(until))


def stretches(found: Program) -> list[tuple[float, float]]:
    """From and to which minute it is on."""
    steps = [*found.steps, (found.until, 0.0)]
    on: list[tuple[float, float]] = []
    for (begins, value), (ends, _) in pairwise(steps):
        if value:
            start = on.pop()[0] if on and at(on[-1][1]) == begins else (begins - at(0)) / MINUTE
            on.append((start, (ends - at(0)) / MINUTE))
    return on


def test_what_is_on_for_longer_ends_in_the_command_and_rests_as_long() -> None:
    verdict = admit(program((0, 1), until=35), VALVE, Running())
    assert verdict.program == program((0, 1), (10, 0), (20, 1), (30, 0), until=35)
    assert verdict.outcome is Outcome.CLAMPED
    assert [change.clause for change in verdict.changes] == ["longest_on", "longest_on"]
    assert "1 since 2026-11-22T11:00:00Z may last 0:10:00 at most" in str(verdict.changes[0])


def test_what_is_short_enough_stays_as_it_is() -> None:
    asked = program((0, 1), (10, 0), (12, 0.5), (22, 0))
    verdict = admit(asked, VALVE, Running())
    assert (verdict.program, verdict.outcome) == (asked, Outcome.ACCEPTED)


def test_another_value_is_the_same_stretch() -> None:
    assert admit(program((0, 1), (6, 0.5), until=15), VALVE, Running()).program == program(
        (0, 1), (6, 0.5), (10, 0), until=15
    )


def test_what_runs_already_counts_and_what_ran_too_long_ends_at_once() -> None:
    since = Running(1.0, at(-4), at(-4))
    assert stretches(admit(program((0, 1), until=12), VALVE, since).program or program((0, 0))) == [(0, 6)]
    long_ago = Running(1.0, at(-30), at(-30))
    assert stretches(admit(program((0, 1), until=12), VALVE, long_ago).program or program((0, 0))) == [(10, 12)]


def test_it_binds_levels_that_nothing_else_binds() -> None:
    found = admit(program((0, 1), until=12), VALVE, Running(), free=[(at(0), at(12))]).program
    assert found is not None
    assert stretches(found) == [(0, 10)]


asked_programs = st.sets(st.integers(1, END - 1), max_size=8).flatmap(
    lambda cuts: st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=len(cuts) + 1, max_size=len(cuts) + 1).map(
        lambda values: program(*zip([0, *sorted(cuts)], values, strict=True))
    )
)


@given(asked_programs, st.sampled_from([Running(), Running(0.0, at(-3), at(-3)), Running(1.0, at(-7), at(-7))]))
def test_nothing_is_ever_on_for_longer(asked: Program, running: Running) -> None:
    found = admit(asked, VALVE, running).program
    assert found is not None
    for start, end in stretches(found):
        began = -7 if start == 0 and running.value else start
        assert end - began <= 10
    for begins, value in found.steps:
        assert value in {0.0, asked.at(begins)}


def obeyed(asked: Program, level: Level, *, programs: bool) -> list[float | None]:
    """Minute by minute, each settled anew, what the newest command makes of the point."""
    point = replace(a_point(safe=0, longest_on=LONGEST, held_for=timedelta(days=10)), programs=programs)
    array = [replace(a_slot(0.0, level=level), program=asked)]
    newest: Command | None = None
    values: list[float | None] = []
    for minute in range(END):
        found = settle(point, array, newest, at(minute), at(END)).command
        newest = newest if found is None else replace(found, state=CommandState.VERIFIED)
        if newest is None:
            values.append(0.0)
        else:  # what holds no programs keeps the last value it was told
            values.append(newest.program.at(at(minute)) if programs else newest.program.steps[-1][1])
    return values


@given(asked_programs, st.booleans())
@settings(max_examples=40, deadline=None)
def test_settling_again_at_any_time_changes_nothing(asked: Program, programs: bool) -> None:
    found = admit(asked, VALVE, Running()).program
    assert found is not None
    assert obeyed(asked, Level.RULE, programs=programs) == [found.at(at(minute)) for minute in range(END)]


@pytest.mark.parametrize("level", [Level.LIFE_SAFETY_MANUAL, Level.PROTECTION, Level.OPERATOR, Level.OPTIMISER])
@pytest.mark.parametrize("programs", [True, False])
def test_equipment_of_either_kind_closes_and_rests_whoever_wants_it_open(level: Level, programs: bool) -> None:
    values = obeyed(program((0, 1)), level, programs=programs)
    assert values == [float(minute // 10 % 2 == 0) for minute in range(END)]


def test_a_valve_of_the_catalogue_is_open_for_four_hours_at_most() -> None:
    assert load_catalogue(CATALOGUE).point("IrrigationValve", "opening").envelope.longest_on == timedelta(hours=4)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("longest_on: 4h", "longest_on: 4h\n        shortest_on: 5h"), "longest_on wants to be at least shortest_on"),
        (("longest_on: 4h", "longest_on: 0 s"), "more than nothing"),
        (("        safe: 0\n        safe_direction: down\n        critical: true\n        # Four",
          "        safe: 1\n        safe_direction: down\n        critical: true\n        # Four"), "found safe 1"),
    ],
)  # fmt: skip
def test_a_longest_time_that_cannot_be_kept_is_refused(tmp_path: Path, wrong: tuple[str, str], words: str) -> None:
    text = CATALOGUE.read_text()
    assert wrong[0] in text
    path = tmp_path / "catalogue.yaml"
    path.write_text(text.replace(*wrong, 1))
    with pytest.raises(InputError, match=words):
        load_catalogue(path)
