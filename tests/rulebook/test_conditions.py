"""The parts of the conditions by themselves, each against the plainest way to say the same."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instants import to_us
from engine.rulebook.almanac import Hours, Place, SchoolHoliday, SunElevation, Weekdays
from engine.rulebook.conditions.agenda import Agenda
from engine.rulebook.conditions.arrays import ALWAYS, distinct, grouped, lowest, spread
from engine.rulebook.conditions.calendars import Calendars
from engine.rulebook.conditions.cuts import UNSEEN, Cuts, Table
from engine.rulebook.conditions.samples import Samples, rate
from engine.rulebook.language import WindowFunction
from tests.rulebook.fuzz import ALMANAC

MINUTE = 60_000_000
INTS = st.lists(st.integers(-5, 30), max_size=12)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=8))
def test_spread_is_every_index_of_every_stretch(stretches: list[tuple[int, int]]) -> None:
    start, count = (np.array([pair[k] for pair in stretches], np.int64) for k in (0, 1))
    index, owner = spread(start, count)
    assert index.tolist() == [first + k for first, length in stretches for k in range(length)]
    assert owner.tolist() == [n for n, (_, length) in enumerate(stretches) for _ in range(length)]


@given(INTS)
def test_distinct_and_grouped_are_a_sorted_set_and_where_each_stands(values: list[int]) -> None:
    array = np.array(values, np.int64)
    assert distinct(array).tolist() == sorted(set(values))
    found = {key: rows.tolist() for key, rows in grouped(array)}
    assert found == {key: [n for n, value in enumerate(values) if value == key] for key in sorted(set(values))}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-9, 9)), max_size=10))
def test_lowest_is_the_least_of_each_owner(pairs: list[tuple[int, int]]) -> None:
    pairs.sort(key=lambda pair: pair[0])
    owner, value = (np.array([pair[k] for pair in pairs], np.int64) for k in (0, 1))
    expected = [min((v for o, v in pairs if o == n), default=ALWAYS) for n in range(5)]
    assert lowest(5, owner, value).tolist() == expected


# Samples

PLAIN = {
    WindowFunction.SUM: sum, WindowFunction.AVG: sum, WindowFunction.MIN: min, WindowFunction.MAX: max,
    WindowFunction.P95: lambda values: sorted(values)[-(-95 * len(values) // 100) - 1],
}  # fmt: skip
STREAM = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=40)


def told(stream: list[tuple[int, int, int]], *, counter: bool) -> tuple[Samples, dict[int, int], int]:
    """Samples (minute, value, how late) in one ring; what a dictionary keeps of them; and when it is."""
    samples, kept, now = Samples(2, 30 * MINUTE, counter=counter), {}, 0
    for minute, value, late in stream:
        now = max(now, minute)
        at = max(0, minute - late)
        samples.add(np.array([1]), np.array([at * MINUTE]), np.array([value]), np.array([now * MINUTE]))
        kept[at] = value
    return samples, kept, now


@given(STREAM, st.integers(1, 30), st.sampled_from(list(PLAIN)))
def test_a_window_is_what_a_list_says(stream: list[tuple[int, int, int]], width: int, function: WindowFunction) -> None:
    samples, kept, now = told(stream, counter=False)
    inside = {at: value for at, value in kept.items() if now - width < at <= now}
    row, at, wide = np.array([1]), np.array([now * MINUTE]), np.array([width * MINUTE])
    made, count, span = samples.window(function, row, at, wide)
    assert count[0] == len(inside)
    departs = samples.departs(row, at, wide)[0]
    if inside:
        assert made[0] == PLAIN[function](list(inside.values()))
        assert span[0] == (max(inside) - min(inside)) * MINUTE
        assert departs == (min(inside) + width) * MINUTE
    low, high, _ = samples.extent(row, at, wide, np.array([1]))
    assert not inside or (low[0], high[0]) == (min(inside.values()), max(inside.values()))


@given(STREAM, st.booleans())
def test_growth_goes_over_resets_of_a_counter(stream: list[tuple[int, int, int]], counter: bool) -> None:
    samples, kept, now = told(stream, counter=counter)
    values = [kept[at] for at in sorted(kept) if now - 30 < at <= now]
    if len(values) < 2:
        return
    made, _, _ = samples.window(
        WindowFunction.DELTA, np.array([1]), np.array([now * MINUTE]), np.array([30 * MINUTE])
    )  # fmt: skip
    steps = [b - a if b >= a else b for a, b in pairwise(values)]
    assert made[0] == (sum(steps) if counter else values[-1] - values[0])


@given(STREAM, st.integers(0, 20))
def test_before_is_the_newest_sample_up_to_then(stream: list[tuple[int, int, int]], ago: int) -> None:
    samples, kept, now = told(stream, counter=False)
    then = now - ago
    known = [at for at in kept if at <= then and at > now - 30]
    at, value = samples.before(np.array([1]), np.array([then * MINUTE]))
    assert not known or (at[0], value[0]) == (max(known) * MINUTE, kept[max(known)])


def test_what_is_held_can_be_put_back() -> None:
    samples, _, now = told([(n, n, 0) for n in range(25)], counter=False)
    other = Samples(2, 30 * MINUTE, counter=False)
    other.fill(*samples.held())
    at, wide = np.array([now * MINUTE]), np.array([30 * MINUTE])
    for function in PLAIN:
        assert samples.window(function, np.array([1]), at, wide) == other.window(function, np.array([1]), at, wide)


def test_a_rate_is_per_hour_and_unknown_over_no_time() -> None:
    found = rate(np.array([3.0, 3.0]), np.array([30 * MINUTE, 0]))
    assert found[0] == 6.0
    assert np.isnan(found[1])


# Cuts


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-9, 9), st.integers(0, 3)), max_size=15), INTS, INTS)
def test_only_the_cuts_between_two_values_are_concerned(
    rows: list[tuple[int, int, int]], one: list[int], two: list[int]
) -> None:
    cuts = Cuts(rows, 3)
    for group in range(3):
        for before, after in zip(one, two, strict=False):
            spots = [cuts.spot(np.array([group]), np.array([value])) for value in (before, after)]
            ranks, _ = cuts.between(np.array([group]), *spots)
            low, high = sorted((before, after))
            assert sorted(ranks.tolist()) == sorted(r for g, at, r in set(rows) if g == group and low < at <= high)


@pytest.mark.parametrize(
    ("before", "after", "all_of_it"), [(-1, 0, True), (1, -1, True), (-1, -1, False), (UNSEEN, -1, True)]
)
def test_to_and_from_unknown_everything_is_concerned(before: int, after: int, all_of_it: bool) -> None:
    cuts = Cuts([(0, 5, 1), (0, 7, 2)], 1)
    ranks, _ = cuts.between(np.array([0]), np.array([before]), np.array([after]))
    assert ranks.tolist() == ([1, 2] if all_of_it else [])


def test_a_table_lists_ranks_by_group() -> None:
    table = Table([(1, 4), (0, 2), (1, 3), (1, 4)], 3)
    assert [table.rank[s : s + c].tolist() for s, c in zip(table.start, table.count, strict=True)] == [[2], [3, 4], []]


# Agenda


@given(st.lists(st.one_of(st.sets(st.integers(0, 19), max_size=6), st.none()), max_size=12))
def test_an_agenda_is_a_set(acts: list[set[int] | None]) -> None:
    """Sets are added; at None what is odd waits no more, and the agenda is tidied."""
    agenda, expected = Agenda(20), set()
    due = np.full(20, ALWAYS)
    for act in acts:
        if act is None:
            due[1::2] = ALWAYS
            agenda.tidy(due, due)
        else:
            chosen = np.array(sorted(act), np.int64)
            due[chosen] = 1
            agenda.add(chosen)
        expected = {n for n in range(20) if due[n] == 1}
        found = [n for part, _ in agenda.of(np.array([0, 7]), np.array([5, 13])) for n in part.tolist()]
        assert len(found) == len(set(found))
        assert set(found) >= {n for n in expected if n < 5 or n >= 7}


# Calendars

ATOMS = (Hours(22 * 3600, 6 * 3600), Weekdays(frozenset({6})), SunElevation(True, -6.0), SchoolHoliday())
PLACES = (Place(-0.55, 47.47), None, Place(-1.2, 47.1))
NIGHT = to_us(datetime(2026, 10, 24, 20, tzinfo=UTC))


@given(st.lists(st.integers(0, 24 * 60 * 60), min_size=1, max_size=20))
def test_calendars_say_what_the_almanac_says_over_the_night_the_clocks_go_back(seconds: list[int]) -> None:
    calendars = Calendars(ALMANAC, ATOMS, PLACES)
    calendars.cover(NIGHT, NIGHT + 24 * 3600 * 1_000_000)
    t = np.array([NIGHT + second * 1_000_000 for second in seconds])
    for number, atom in enumerate(ATOMS):
        for spot in (0, 2):
            truth, change = calendars.look(np.full(len(t), number), np.full(len(t), spot), t)
            for k, at in enumerate(t.tolist()):
                expected = ALMANAC.truth(atom, PLACES[spot], at)
                assert truth[k] == {None: 1, False: 0, True: 2}[expected]
                following = ALMANAC.next_change(atom, PLACES[spot], at)
                assert change[k] == following or change[k] > at + 2 * timedelta(days=1) // timedelta(microseconds=1)


def test_calendars_move_on_with_time() -> None:
    calendars = Calendars(ALMANAC, ATOMS, PLACES)
    day = 24 * 3600 * 1_000_000
    for days in (0, 1, 9, 40):
        calendars.cover(NIGHT + days * day, NIGHT + (days + 1) * day)
        truth, _ = calendars.look(np.array([0]), np.array([0]), np.array([NIGHT + days * day]))
        assert truth[0] == 2 * bool(ALMANAC.truth(ATOMS[0], PLACES[0], NIGHT + days * day))
