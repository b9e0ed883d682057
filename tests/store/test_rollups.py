"""15-minute and daily roll-ups against a model in plain Python."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.instants import PARIS, from_us, to_us
from engine.store import Intake, Store, rollups

Lines = dict[str, Any]
Put = Callable[..., Intake]
Row = tuple[int, int, int, float]
Rolled = dict[tuple[int, int], tuple[int, float, float, float, float]]
Sql = Callable[[str], list[tuple[Any, ...]]]
QUARTER_US = 900_000_000


@pytest.fixture
def rolled(sql: Sql) -> Callable[[], tuple[Rolled, Rolled]]:
    """What the two tables hold: (series, start) → n, sum, min, max, last."""

    def read() -> tuple[Rolled, Rolled]:
        names = "series, bucket_start, n, sum, min, max, last"
        quarters, days = (
            {row[:2]: row[2:] for row in sql(f"SELECT {names} FROM rollup_{kind}")} for kind in ("15min", "day")
        )
        return quarters, days  # type: ignore[return-value]

    return read


def model(rows: list[Row]) -> tuple[Rolled, Rolled]:
    """Both roll-ups of rows in order of arrival, of which the repeated ones are not stored."""
    seen, current = set(), {}
    for series, _, at, value in rows:
        if (series, at, value) not in seen:
            seen.add((series, at, value))
            current[series, at] = value
    quarters, days = defaultdict(list), defaultdict(list)
    for (series, at), value in sorted(current.items()):
        quarters[series, at - at % QUARTER_US].append(value)
        days[series, midnight(from_us(at).astimezone(PARIS).date())].append(value)
    return _summed(quarters), _summed(days)


def _summed(buckets: dict[tuple[int, int], list[float]]) -> Rolled:
    return {key: (len(v), sum(v), min(v), max(v), v[-1]) for key, v in buckets.items()}


def midnight(day: date) -> int:
    return to_us(datetime.combine(day, time(), PARIS))


def roll_up(store: Store) -> int:
    with store.begin() as unit:
        return unit.readings.roll_up()


def test_nothing_rolls_up_to_nothing(store: Store, rolled: Callable[[], Any]) -> None:
    assert roll_up(store) == 0
    assert rolled() == ({}, {})


def test_one_quarter_hour(store: Store, lamps: Lines, put: Put, rolled: Callable[[], Any]) -> None:
    line = lamps["L-1"]
    put(line(0, 3.0), line(14.99, 0.5), line(7, -1.0), line(15, 9.0))
    assert roll_up(store) == 4
    start = line(0)[2]
    quarters, days = rolled()
    assert quarters == {
        (line.series, start): (3, 2.5, -1.0, 3.0, 0.5),
        (line.series, start + QUARTER_US): (1, 9.0, 9.0, 9.0, 9.0),
    }
    assert days == {(line.series, midnight(date(2026, 11, 22))): (4, 11.5, -1.0, 9.0, 9.0)}


def test_a_boundary_belongs_to_what_begins(store: Store, lamps: Lines, put: Put, rolled: Callable[[], Any]) -> None:
    line, start = lamps["L-1"], midnight(date(2026, 11, 23))
    put(*((line.series, line.zone, start + shift, 1.0) for shift in (-1, 0, QUARTER_US - 1, QUARTER_US)))
    roll_up(store)
    quarters, days = rolled()
    assert {key[1] - start: found[0] for key, found in quarters.items()} == {-QUARTER_US: 1, 0: 2, QUARTER_US: 1}
    assert {key[1]: found[0] for key, found in days.items()} == {midnight(date(2026, 11, 22)): 1, start: 3}


def test_instants_before_1970_fall_into_their_quarter(
    store: Store, lamps: Lines, put: Put, rolled: Callable[[], Any]
) -> None:
    line = lamps["L-1"]
    put((line.series, line.zone, -1, 2.0))
    roll_up(store)
    assert list(rolled()[0]) == [(line.series, -QUARTER_US)]


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 22), 24), (date(2026, 7, 1), 24)],
)
def test_a_day_has_as_many_hours_as_in_paris(
    store: Store, lamps: Lines, put: Put, rolled: Callable[[], Any], day: date, hours: int
) -> None:
    """23 and 25 hours on the days of the clock change of 2026 (last Sundays of March and October)."""
    line, start, end = lamps["L-1"], midnight(day), midnight(day + timedelta(days=1))
    assert end - start == hours * 4 * QUARTER_US
    rows = [
        (line.series, line.zone, at, float(k)) for k, at in enumerate(range(start - QUARTER_US, end + 1, QUARTER_US))
    ]
    put(*rows)
    roll_up(store)
    quarters, days = rolled()
    assert (quarters, days) == model(rows)
    count = hours * 4
    assert days[line.series, start] == (count, count * (count + 1) / 2, 1.0, float(count), float(count))
    assert [found[0] for found in days.values()].count(1) == 2
    assert len(quarters) == count + 2


def test_the_repeated_hour_makes_quarters_of_its_own(
    store: Store, lamps: Lines, put: Put, rolled: Callable[[], Any]
) -> None:
    """02:30 in Paris on 25 October 2026 is 00:30Z, and an hour later 01:30Z."""
    line = lamps["L-1"]
    twice = [to_us(datetime(2026, 10, 25, 2, 30, tzinfo=PARIS, fold=fold)) for fold in (0, 1)]
    assert twice == [to_us(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1)]
    put(*((line.series, line.zone, at, 1.0) for at in twice))
    roll_up(store)
    quarters, days = rolled()
    assert sorted(key[1] for key in quarters) == twice
    assert [found[0] for found in days.values()] == [2]


@pytest.mark.parametrize("between", [True, False])
def test_late_readings_and_corrections_change_their_bucket(
    store: Store, lamps: Lines, put: Put, rolled: Callable[[], Any], between: bool
) -> None:
    line = lamps["L-1"]
    batches = [
        [line(0, 1.0), line(5, 2.0), line(60, 4.0)],
        [line(3, 8.0)],
        [line(5, 0.5)],
        [line(60, 4.0)],
        [line(60, -4.0)],
    ]
    taken = []
    for batch in batches:
        put(*batch)
        taken += [roll_up(store)] if between else []
    taken.append(roll_up(store))
    assert taken == ([3, 1, 1, 0, 1, 0] if between else [6])
    quarters, days = rolled()
    assert (quarters, days) == model([row for batch in batches for row in batch])
    assert quarters[line.series, line(0)[2]] == (3, 9.5, 0.5, 8.0, 0.5)
    assert quarters[line.series, line(60)[2]] == (1, -4.0, -4.0, -4.0, -4.0)


def test_rolling_up_again_changes_nothing(store: Store, lamps: Lines, put: Put, rolled: Callable[[], Any]) -> None:
    put(*(lamps[name](7 * k, k / 8) for k in range(40) for name in lamps))
    assert roll_up(store) == 160
    before = rolled()
    assert [roll_up(store) for _ in range(3)] == [0, 0, 0]
    assert rolled() == before


def test_a_roll_up_that_is_rolled_back_is_done_again(
    store: Store, lamps: Lines, put: Put, rolled: Callable[[], Any]
) -> None:
    rows = [lamps["L-1"](k, k / 4) for k in range(50)]
    put(*rows)
    with pytest.raises(ZeroDivisionError), store.begin() as unit:
        assert unit.readings.roll_up() == 50
        raise ZeroDivisionError
    assert rolled() == ({}, {})
    assert roll_up(store) == 50
    assert rolled() == model(rows)


@pytest.mark.parametrize("chunk", [1, 7, 1_000])
def test_how_much_is_taken_at_once_makes_no_difference(
    store: Store, lamps: Lines, put: Put, rolled: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(rollups, "_CHUNK", chunk)
    rng = np.random.default_rng(3)
    rows = [lamps[f"L-{1 + k % 4}"](int(rng.integers(0, 300)), k / 8) for k in range(60)]
    put(*rows[:40])
    assert roll_up(store) == 40
    put(*rows[40:])
    assert roll_up(store) == 20
    assert rolled() == model(rows)


def test_sums_of_awkward_values(store: Store, lamps: Lines, put: Put, rolled: Callable[[], Any]) -> None:
    rng = np.random.default_rng(8)
    rows = [lamps["L-1"](k, float(value)) for k, value in enumerate(rng.normal(1e6, 1e3, 2_000))]
    put(*rows)
    roll_up(store)
    for found, wanted in zip(rolled(), model(rows), strict=True):
        assert found.keys() == wanted.keys()
        for key, (n, total, *rest) in wanted.items():
            # The order in which the database adds is its own.
            assert found[key] == (n, pytest.approx(total, rel=1e-13), *rest)


def test_a_series_that_changed_its_zone_rolls_up_as_one(
    store: Store, lamps: Lines, put: Put, rolled: Callable[[], Any], catalogue: Any
) -> None:
    from engine.model import Asset

    line = lamps["L-3"]
    rows = [line(0, 1.0), line(20, 2.0)]
    put(*rows)
    roll_up(store)
    with store.begin() as unit:
        unit.inventory.save([], [], [Asset("L-3", "Streetlight", "B-1", 0, 0)], catalogue)
    line.zone = lamps["L-4"].zone
    rows += [line(1, 3.0), line(21, 4.0)]
    put(*rows[2:])
    roll_up(store)
    assert rolled() == model(rows)


# Incremental is from scratch -----------------------------------------------------------------------------------------

_READING = st.tuples(
    st.sampled_from(["L-1", "L-2", "L-3"]),
    st.integers(0, 12),
    st.integers(0, 2),
    st.sampled_from([0.0, 0.5, 1.0, -2.0]),
)
_BATCHES = st.lists(st.tuples(st.lists(_READING, max_size=8), st.booleans()), max_size=6)


def test_whenever_it_runs_the_roll_ups_are_those_of_the_readings(
    store: Store, sql: Sql, lamps: Lines, put: Put, rolled: Callable[[], Any]
) -> None:
    """Quarter hours around midnight in Paris on the longest day, with late readings, corrections and duplicates."""
    start = midnight(date(2026, 10, 25))

    def row(name: str, place: int, shift: int, value: float) -> Row:
        at = start + (place - 4) * 7 * QUARTER_US + shift * (QUARTER_US // 3)
        return lamps[name].series, lamps[name].zone, at, value

    @settings(max_examples=25)
    @given(_BATCHES)
    def holds(batches: list[tuple[list[tuple[str, int, int, float]], bool]]) -> None:
        for table in ("reading", "latest", "refusal", "intake", "rollup_15min", "rollup_day", "cursor"):
            sql(f"DELETE FROM {table}")
        sql("UPDATE zone SET last_seq = 0, epoch = epoch + 1")
        rows = []
        for readings, rolls in batches:
            rows += [row(*reading) for reading in readings]
            put(*(row(*reading) for reading in readings))
            if rolls:
                roll_up(store)
        roll_up(store)
        found = rolled()
        assert found == model(rows)
        for table in ("rollup_15min", "rollup_day", "cursor"):
            sql(f"DELETE FROM {table}")
        assert roll_up(store) == len({(series, at, value) for series, _, at, value in rows})
        assert rolled() == found

    holds()
