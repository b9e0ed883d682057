"""Orders as data: their hours on both nights the clock changes, what they cover, and what is wrong with a file."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import load_catalogue
from engine.errors import InputError
from engine.instants import PARIS
from engine.model import Asset
from engine.setpoints.orders import Order, load_orders, orders_of

CATALOGUE = load_catalogue(Path("datasets/reference/catalogue.yaml"))
NIGHT = Order("n", "night", hours=(time(23, 30), time(5, 30)))
WRITTEN = """
orders:
  - id: cut-1
    authority: {fr: maire, en: mayor}
    number: "2026-031"
    dated: 2026-03-02
    text: {fr: coupure, en: switch-off}
    points: {type: Streetlight, point: illuminanceLevel, communes: ["49020"]}
    from: 2026-04-01
    until: 2026-10-31
    hours: 23:30-05:30
    days: [mon, sun]
    at_most: 0
"""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spans(order: Order, start: str, until: str) -> list[tuple[str, str]]:
    found = order.spans(utc(start), utc(until))
    return [(a.strftime("%d %H:%M"), b.strftime("%d %H:%M")) for a, b in found]


def test_a_night_over_midnight() -> None:
    assert spans(NIGHT, "2026-11-22T12:00", "2026-11-24T12:00") == [("22 22:30", "23 04:30"), ("23 22:30", "24 04:30")]
    assert spans(NIGHT, "2026-11-22T02:00", "2026-11-22T03:00") == [("22 02:00", "22 03:00")]


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-10-24", 7), ("2026-03-28", 5), ("2026-06-01", 6)]
)  # the clocks go back, forward, stay
def test_the_night_the_clock_changes_is_bound_for_as_long_as_the_clock_says(day: str, hours: int) -> None:
    start = datetime.combine(date.fromisoformat(day), time(12), PARIS).astimezone(UTC)
    ((begins, ends),) = NIGHT.spans(start, start + timedelta(hours=24))
    assert ends - begins == timedelta(hours=hours)


@pytest.mark.parametrize(("hours", "expected"), [((time(2, 0), time(3, 0)), 2), ((time(2, 30), time(3, 0)), 1.5)])
def test_an_hour_that_comes_twice_is_bound_twice(hours: tuple[time, time], expected: float) -> None:
    order = Order("n", "night", hours=hours)
    ((begins, ends),) = order.spans(utc("2026-10-24T12:00"), utc("2026-10-25T12:00"))
    assert ends - begins == timedelta(hours=expected)


def test_an_hour_that_is_skipped_is_not_bound() -> None:
    order = Order("n", "night", hours=(time(2, 0), time(3, 0)))
    assert spans(order, "2026-03-28T12:00", "2026-03-29T12:00") == []


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ((time(23, 30), time(2, 30)), ("28 22:30", "29 01:00")),
        ((time(2, 30), time(5, 0)), ("29 01:00", "29 03:00")),
    ],
)
def test_a_time_that_is_skipped_is_the_instant_at_which_it_is(
    hours: tuple[time, time], expected: tuple[str, str]
) -> None:
    assert spans(Order("n", "night", hours=hours), "2026-03-28T12:00", "2026-03-29T12:00") == [expected]


def test_days_and_dates_are_of_the_beginning() -> None:
    order = Order("n", "x", start=date(2026, 11, 22), until=date(2026, 11, 23), hours=NIGHT.hours, days=frozenset({6}))
    assert spans(order, "2026-11-20T12:00", "2026-11-30T12:00") == [("22 22:30", "23 04:30")]  # Sunday the 22nd


def test_all_day_is_from_midnight_to_midnight() -> None:
    order = Order("n", "x", start=date(2026, 11, 22), until=date(2026, 11, 22))
    assert spans(order, "2026-11-20T12:00", "2026-11-30T12:00") == [("21 23:00", "22 23:00")]


@given(st.integers(0, 400), st.integers(1, 60), st.integers(0, 23), st.integers(0, 23))
def test_an_instant_is_bound_if_the_clock_says_so(day: int, minutes: int, begins: int, ends: int) -> None:
    order = Order("n", "x", hours=(time(begins), time(ends)))
    now = utc("2026-01-01T00:00") + timedelta(days=day, minutes=37 * minutes)
    clock = now.astimezone(PARIS).time()
    inside = begins <= clock.hour < ends if begins < ends else clock.hour >= begins or clock.hour < ends
    assert bool(list(order.spans(now, now + timedelta(seconds=1)))) == inside


def test_a_file_and_what_its_orders_cover(tmp_path: Path) -> None:
    path = tmp_path / "orders.yaml"
    path.write_text(WRITTEN)
    entries = load_orders(path, CATALOGUE)
    lamp = Asset("L-1", "Streetlight", "Z-1", 0, 0)
    (order,) = orders_of(entries, lamp, "illuminanceLevel", {"Z-1": "49020"})
    assert (order.at_most, order.hours, order.days) == (0, (time(23, 30), time(5, 30)), frozenset({0, 6}))
    assert order.text == "switch-off (mayor, order 2026-031 of 2026-03-02)"
    assert orders_of(entries, lamp, "illuminanceLevel", {"Z-1": "49007"}) == ()
    assert orders_of(entries, lamp, "other", {"Z-1": "49020"}) == ()


def test_no_file_is_no_orders(tmp_path: Path) -> None:
    assert load_orders(tmp_path / "none.yaml", CATALOGUE) == ()
    assert load_orders(Path("rules/orders.yaml"), CATALOGUE) == ()


@pytest.mark.parametrize(
    ("wrong", "line", "words"),
    [
        (("    at_most: 0\n", ""), 3, "an order bounds something"),
        (("at_most: 0", "at_most: 0\n    at_least: 1"), 3, "at_least 1 is above at_most 0"),
        (("until: 2026-10-31", "until: 2026-01-01"), 3, "is before from"),
        (("hours: 23:30-05:30", "hours: all night"), 11, "hours are two local times"),
        (("days: [mon, sun]", "days: [monday]"), 12, "days"),
        (("type: Streetlight", "type: Lantern"), 8, "'Lantern' is no type with points → one of: Streetlight"),
        (("point: illuminanceLevel", "point: flux"), 8, "Streetlight has no point 'flux' → one of: illuminanceLevel"),
        (("    number:", "    nr:"), 3, "'orders.0.number' is missing"),
    ],
)
def test_what_is_wrong_is_named_at_its_line(tmp_path: Path, wrong: tuple[str, str], line: int, words: str) -> None:
    path = tmp_path / "orders.yaml"
    assert wrong[0] in WRITTEN
    path.write_text(WRITTEN.replace(*wrong))
    with pytest.raises(InputError) as error:
        load_orders(path, CATALOGUE)
    assert any(f"orders.yaml:{line}:" in str(p) and words in str(p) for p in error.value.problems), str(error.value)


def test_two_orders_of_one_id(tmp_path: Path) -> None:
    path = tmp_path / "orders.yaml"
    path.write_text(WRITTEN + WRITTEN.removeprefix("\norders:\n"))
    with pytest.raises(InputError, match="'cut-1' is another order's id"):
        load_orders(path, CATALOGUE)
