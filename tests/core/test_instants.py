"""Instants at both ends: local text, UTC, microseconds, and the two nights the clocks change."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instants import clock, from_us, isoformat, noon, parse_instant, slots, to_us

QUARTER = timedelta(minutes=15)


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_microseconds_lose_nothing(at: datetime) -> None:
    assert from_us(to_us(at)) == at


@given(st.integers(-(2**53), 2**53))
def test_microseconds_come_back(value: int) -> None:
    assert to_us(from_us(value)) == value


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_us(datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("day", "count"),
    [(date(2026, 3, 28), 92), (date(2026, 10, 24), 100), (date(2026, 6, 1), 96)],
    ids=["night that loses an hour", "night that gains one", "ordinary night"],
)
def test_slots_from_noon_to_noon(day: date, count: int) -> None:
    found = slots(noon(day), noon(day + timedelta(days=1)), QUARTER)
    assert len(found) == count
    assert found[0] == noon(day)
    assert found[-1] + QUARTER == noon(day + timedelta(days=1))


def test_a_last_slot_may_stick_out() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert len(slots(start, start + timedelta(minutes=16), QUARTER)) == 2
    assert slots(start, start, QUARTER) == ()


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-22T23:40", "2026-11-22T22:40:00Z"),
        ("2026-07-14T23:40", "2026-07-14T21:40:00Z"),
        ("2026-07-14T23:40Z", "2026-07-14T23:40:00Z"),
        ("2026-10-25T02:30+02:00", "2026-10-25T00:30:00Z"),
        ("2026-10-25T02:30+01:00", "2026-10-25T01:30:00Z"),
        ("23:40", "2026-11-22T22:40:00Z"),
    ],
)
def test_times_as_people_type_them(text: str, utc: str) -> None:
    assert isoformat(parse_instant(text, today=date(2026, 11, 22))) == utc


@pytest.mark.parametrize("text", ["2026-10-25T02:30", "2026-03-29T02:30"], ids=["repeated", "skipped"])
def test_a_local_time_the_clock_change_makes_unsure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="give an offset"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["", "tomorrow", "25:00", "2026-13-01T00:00", "23h40"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_instant(text, today=date(2026, 11, 22))


def test_the_clock_is_that_of_paris_on_both_nights_of_change() -> None:
    night = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    morning = [datetime(2026, 3, 29, hour, 59, tzinfo=UTC) for hour in (0, 1)]
    assert [clock(at) for at in night + morning] == ["02:30", "02:30", "01:59", "03:59"]
