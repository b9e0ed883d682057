"""The priority arrays, now and as they stood."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from engine.model import Level, Program, Slot
from engine.store import Store, schema

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
US = timedelta(microseconds=1)
POINT = "L-1/powerState"
NUMBERS = count()
WITH_STORE = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def minute(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


def want(value: float, at: float = 0, *, level: Level = Level.RULE, source: str = "dusk", point: str = POINT) -> Slot:
    program = Program.constant(value, NOW, NOW + timedelta(days=1))
    return Slot(point, level, source, program, minute(at), "v1", f"wants {value}")


def put(store: Store, *slots: Slot) -> None:
    with store.begin() as unit:
        unit.slots.put(slots)


def release(store: Store, at: float, *, level: Level = Level.RULE, source: str = "dusk", point: str = POINT) -> bool:
    with store.begin() as unit:
        return unit.slots.release(point, level, source, minute(at))


def values(store: Store, at: float, point: str = POINT) -> list[float]:
    with store.read() as unit:
        return [slot.program.steps[0][1] for slot in unit.slots.standing(point, minute(at))]


def rows(store: Store, point: str = POINT) -> int:
    with store.read() as unit:
        statement = select(func.count()).select_from(schema.slot).where(schema.slot.c.point == point)
        number: int = unit.slots._connection.execute(statement).scalar_one()
        return number


def test_a_slot_comes_back_as_it_went_in(bare: Store) -> None:
    steps = ((NOW, 0.1), (minute(90), 0.7), (minute(90) + US, 1e-300))
    slot = Slot(POINT, Level.DAY_AHEAD_PLAN, "plan é", Program(steps, minute(200)), minute(0) + US, "plan-7", "peak")
    put(bare, slot)
    with bare.read() as unit:
        (found,) = unit.slots.standing(POINT, minute(1))
    assert found.id is not None
    assert found == Slot(*(getattr(slot, name) for name in Slot.__slots__ if name != "id"), id=found.id)
    assert isinstance(found.level, Level)


def test_nobody_wants_anything_of_an_unknown_point(bare: Store) -> None:
    put(bare)
    with bare.read() as unit:
        assert unit.slots.standing("nobody/x", NOW) == []
        assert unit.slots.arrays(["nobody/x"], NOW) == {}
        assert unit.slots.arrays([], NOW) == {}


def test_the_newest_of_a_point_level_and_source_stands(bare: Store) -> None:
    put(bare, want(0.1, 0))
    put(bare, want(0.2, 10))
    assert values(bare, 20) == [0.2]


@pytest.mark.parametrize(
    ("other", "array"),
    [
        (want(0.2, 5, level=Level.OPERATOR), [0.2, 0.1]),
        (want(0.2, 5, source="dawn"), [0.2, 0.1]),
        (want(0.2, 5, source="night"), [0.1, 0.2]),
        (want(0.2, 5, point="L-2/powerState"), [0.1]),
        (want(0.2, 5), [0.2]),
    ],
    ids=["level", "source before", "source after", "point", "the same"],
)
def test_what_replaces_what_and_in_which_order(bare: Store, other: Slot, array: list[float]) -> None:
    put(bare, want(0.1), other)
    assert values(bare, 10) == array


def test_arrays_holds_the_points_asked_for(bare: Store) -> None:
    put(bare, *(want(number, point=f"L-{number}/x") for number in range(4)))
    with bare.read() as unit:
        arrays = unit.slots.arrays(["L-1/x", "L-3/x", "L-1/x", "L-9/x"], NOW)
    assert {point: [slot.reason for slot in array] for point, array in arrays.items()} == {
        "L-1/x": ["wants 1"],
        "L-3/x": ["wants 3"],
    }


def test_an_array_as_it_stood_at_every_past_instant(bare: Store) -> None:
    put(bare, want(0.1, 0))
    put(bare, want(0.5, 5, level=Level.OPERATOR, source="anne"))
    put(bare, want(0.2, 10))
    assert release(bare, 15, level=Level.OPERATOR, source="anne")
    us = US / timedelta(minutes=1)
    assert [values(bare, at) for at in (-us, 0, 5 - us, 5, 10 - us, 10, 15 - us, 15, 10_000)] == [
        [],
        [0.1],
        [0.1],
        [0.5, 0.1],
        [0.5, 0.1],
        [0.5, 0.2],
        [0.5, 0.2],
        [0.2],
        [0.2],
    ]


def test_a_slot_stands_in_and_out_of_its_validity(bare: Store) -> None:
    put(bare, want(0.1))
    assert values(bare, 60 * 24 * 400) == [0.1]


def test_everything_is_kept(bare: Store) -> None:
    for number in range(5):
        put(bare, want(number / 10, number))
    assert release(bare, 9)
    assert rows(bare) == 5
    assert values(bare, 9) == []
    assert [values(bare, number) for number in range(5)] == [[number / 10] for number in range(5)]


def test_release_says_whether_there_was_anything(bare: Store) -> None:
    assert not release(bare, 0)
    put(bare, want(0.1, 1))
    assert not release(bare, 0.5)
    assert not release(bare, 2, level=Level.OPERATOR)
    assert not release(bare, 2, source="dawn")
    assert not release(bare, 2, point="L-2/powerState")
    assert values(bare, 3) == [0.1]
    assert release(bare, 2)
    assert not release(bare, 2)
    assert not release(bare, 3)
    assert (values(bare, 1.9), values(bare, 2)) == ([0.1], [])


def test_released_and_wanted_again(bare: Store) -> None:
    put(bare, want(0.1, 0))
    assert release(bare, 5)
    put(bare, want(0.2, 10))
    assert [values(bare, at) for at in (4, 5, 9, 10)] == [[0.1], [], [], [0.2]]
    assert release(bare, 10)
    assert [values(bare, at) for at in (4, 9, 10, 11)] == [[0.1], [], [], []]


def test_of_two_written_at_one_instant_the_later_given_stands(bare: Store) -> None:
    put(bare, want(0.1), want(0.2))
    put(bare, want(0.3))
    assert values(bare, 0) == [0.3]
    assert rows(bare) == 3


def test_one_batch_may_hold_the_life_of_a_slot(bare: Store) -> None:
    put(bare, want(0.1, 0), want(0.9, 1, source="x"), want(0.2, 5), want(0.3, 10))
    assert [values(bare, at) for at in (0, 5, 10)] == [[0.1], [0.2, 0.9], [0.3, 0.9]]


def test_one_that_arrives_late_stands_until_the_newer_begins(bare: Store) -> None:
    put(bare, want(0.1, 0))
    put(bare, want(0.9, 10))
    put(bare, want(0.5, 5))
    assert [values(bare, at) for at in (4, 5, 9, 10, 99)] == [[0.1], [0.5], [0.5], [0.9], [0.9]]
    assert release(bare, 20)
    assert [values(bare, at) for at in (9, 19, 20)] == [[0.5], [0.9], []]


def test_an_exception_takes_back_versions_and_ends(bare: Store) -> None:
    put(bare, want(0.1))
    with pytest.raises(ZeroDivisionError), bare.begin() as unit:
        unit.slots.put([want(0.2, 1)])
        assert unit.slots.release(POINT, Level.RULE, "dusk", minute(2))
        raise ZeroDivisionError
    assert values(bare, 3) == [0.1]
    assert rows(bare) == 1


def test_another_process_sees_what_stands(bare: Store, another: Callable[[], Store]) -> None:
    other = another()
    put(bare, want(0.1))
    put(other, want(0.2, 1))
    assert values(bare, 1) == values(other, 1) == [0.2]


def test_a_whole_territory_in_one_call(bare: Store) -> None:
    points = [f"L-{number}/x" for number in range(2_000)]
    put(bare, *(want(0.1, 0, point=point) for point in points))
    put(bare, *(want(0.2, 5, point=point) for point in points))
    with bare.read() as unit:
        before, after = (unit.slots.arrays(points, minute(at)) for at in (4, 5))
    assert {slot.reason for array in before.values() for slot in array} == {"wants 0.1"}
    assert {slot.reason for array in after.values() for slot in array} == {"wants 0.2"}
    assert len(before) == len(after) == 2_000


Key = tuple[int, Level, str]
INSTANTS = range(-1, 14)
KEYS = st.tuples(st.integers(0, 1), st.sampled_from([Level.OPERATOR, Level.RULE]), st.sampled_from(["dawn", "dusk"]))
EVENTS = st.lists(st.tuples(st.integers(0, 12), st.booleans(), KEYS), max_size=14)


def play(events: Sequence[tuple[int, bool, Key]], until: float) -> dict[int, list[float]]:
    """What stands after the events up to an instant: a dictionary in which a put writes and a release deletes."""
    standing: dict[Key, float] = {}
    for number, (at, wanted, key) in enumerate(events):
        if at <= until and wanted:
            standing[key] = float(number)
        elif at <= until:
            standing.pop(key, None)
    arrays: dict[int, list[float]] = {}
    for (point, _, _), value in sorted(standing.items(), key=lambda item: item[0]):
        arrays.setdefault(point, []).append(value)
    return arrays


def stored(store: Store, names: Sequence[str]) -> dict[int, dict[int, list[float]]]:
    """Instant → point → what stands, from before the first event to after the last."""
    with store.read() as unit:
        arrays = {at: unit.slots.arrays(names, minute(at)) for at in INSTANTS}
    return {
        at: {names.index(name): [slot.program.steps[0][1] for slot in array] for name, array in points.items()}
        for at, points in arrays.items()
    }


@given(events=EVENTS)
@WITH_STORE
def test_arrays_equal_a_plain_model_in_order(bare: Store, events: list[tuple[int, bool, Key]]) -> None:
    events = sorted(events, key=lambda event: event[0])
    run = next(NUMBERS)
    names = [f"R-{run}/{number}" for number in range(2)]
    for number, (at, wanted, (point, level, source)) in enumerate(events):
        if wanted:
            put(bare, want(number, at, level=level, source=source, point=names[point]))
            continue
        standing = play(events[:number], at)
        gone = release(bare, at, level=level, source=source, point=names[point])
        assert gone == (play(events[: number + 1], at) != standing)
    assert stored(bare, names) == {at: play(events, at) for at in INSTANTS}
    assert sum(rows(bare, name) for name in names) == sum(wanted for _, wanted, _ in events)


@given(writes=st.lists(st.tuples(st.integers(0, 12), KEYS), max_size=14), cut=st.integers(0, 14))
@WITH_STORE
def test_arrays_equal_a_plain_model_in_any_order_of_arrival(
    bare: Store, writes: list[tuple[int, Key]], cut: int
) -> None:
    """The newest `written_at` up to an instant stands, the last to arrive among equals, however they were batched."""
    run = next(NUMBERS)
    names = [f"A-{run}/{number}" for number in range(2)]
    slots = [
        want(number, at, level=level, source=source, point=names[point])
        for number, (at, (point, level, source)) in enumerate(writes)
    ]
    put(bare, *slots[:cut])
    put(bare, *slots[cut:])
    found = stored(bare, names)
    for at in INSTANTS:
        expected: dict[Key, tuple[int, int]] = {}
        for number, (written, key) in enumerate(writes):
            if written <= at:
                expected[key] = max(expected.get(key, (-1, -1)), (written, number))
        arrays: dict[int, list[float]] = {}
        for point, level, source in sorted(expected):
            arrays.setdefault(point, []).append(float(expected[point, level, source][1]))
        assert found[at] == arrays


def span(value: float, starts: float, ends: float, at: float) -> Slot:
    program = Program.constant(value, minute(starts), minute(ends))
    return Slot(POINT, Level.DAY_AHEAD_PLAN, "plan", program, minute(at), f"{value}", "")


def test_tomorrows_program_does_not_end_todays(bare: Store) -> None:
    put(bare, span(0.1, 0, 60, at=0))
    put(bare, span(0.2, 60, 120, at=50))
    assert sorted(values(bare, 55)) == [0.1, 0.2]
    put(bare, span(0.3, 0, 60, at=56))  # today anew: tomorrow stays
    assert sorted(values(bare, 57)) == [0.2, 0.3]
    put(bare, span(0.4, 60, 120, at=58))  # tomorrow anew: today stays
    assert sorted(values(bare, 59)) == [0.3, 0.4]


def test_what_is_over_is_replaced_so_that_arrays_do_not_grow(bare: Store) -> None:
    for day in range(5):
        put(bare, span(day / 10, 60 * day, 60 * day + 60, at=60 * day - 10))
    assert sorted(values(bare, 235)) == [0.3, 0.4]


@pytest.mark.parametrize(("starts", "ends"), [(59, 119), (0, 60), (-10, 1), (10, 20)])
def test_what_overlaps_is_replaced(bare: Store, starts: float, ends: float) -> None:
    put(bare, span(0.1, 0, 60, at=0))
    put(bare, span(0.2, starts, ends, at=5))
    assert values(bare, 6) == [0.2]
