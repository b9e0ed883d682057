"""When valves may be open: usual hours by method, less orders, less what is over; both nights the clock changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instants import PARIS, noon
from engine.model import Envelope
from engine.setpoints.orders import Order
from engine.setpoints.points import PointInfo
from jobs.irrigation.windows import HEAD_START, soaked, windows_of
from optimizers.arrays import Floats
from optimizers.irrigation import Budgets, Windows

SUMMER = date(2026, 7, 6)
NIGHT, EVENING = (time(22), time(6)), (time(20), time(8))


@dataclass(frozen=True)
class Method:
    hours: tuple[tuple[time, time], ...]


@dataclass(frozen=True)
class Tables:
    methods: Mapping[str, Method] = field(
        default_factory=lambda: {"sprinkler": Method((NIGHT,)), "drip": Method((EVENING,))}
    )


@dataclass(frozen=True)
class Zones:
    valves: tuple[str, ...] = ("V-1", "V-2")
    method: tuple[str, ...] = ("sprinkler", "drip")
    cycle_s: Floats = field(default_factory=lambda: np.array([600.0, 3600.0]))

    def usual_m3_day(self, _tables: object, month: int) -> Floats:
        return np.array([10.0, 4.0]) * (month == 7)


@dataclass(frozen=True)
class Territory:
    points: Mapping[str, PointInfo]


def territory(**orders: tuple[Order, ...]) -> Territory:
    envelope = Envelope(0, 1, None, *([timedelta(0)] * 2), 0, *([timedelta(minutes=15)]), 0.05, timedelta(minutes=5))
    envelope = replace(envelope, longest_on=timedelta(hours=2.5))
    named = {f"V-{n}/opening": orders.get(f"v{n}", ()) for n in (1, 2)}
    return Territory({name: PointInfo(name, "GW", envelope, orders=found) for name, found in named.items()})


def night(day: date = SUMMER, at: datetime | None = None, days: int = 1, **orders: tuple[Order, ...]) -> Windows:
    start = noon(day)
    return windows_of(Zones(), territory(**orders), start, days, at or start, Tables()).windows


def clock(windows: Windows, day: date, valve: int) -> list[tuple[str, str]]:
    """The stretches of a valve, neighbours put together, on the clock in Paris."""
    found: list[tuple[float, float]] = []
    for k in np.flatnonzero(windows.allowed[valve]).tolist():
        start, end = float(windows.start_s[k]), float(windows.end_s[k])
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, end))
    zero = noon(day)
    said = [[(zero + timedelta(seconds=s)).astimezone(PARIS).strftime("%d %H:%M") for s in pair] for pair in found]
    return [(start, end) for start, end in said]


def test_no_more_cycles_than_the_command_leaves_a_valve_open_for() -> None:
    assert night(days=2).most_cycles.tolist() == [[15, 15], [2, 2]]


def ban(**changes: Any) -> Order:
    return Order("o", "an order", at_most=0, **changes)


def test_usual_hours_by_method() -> None:
    windows = night(days=2)
    sprinkler = [("06 22:00", "07 06:00"), ("07 22:00", "08 06:00")]
    assert clock(windows, SUMMER, 0) == sprinkler
    assert clock(windows, SUMMER, 1) == [("06 20:00", "07 08:00"), ("07 20:00", "08 08:00")]
    assert windows.night.tolist() == [0, 0, 0, 1, 1, 1]


def test_an_order_takes_its_hours_from_the_valves_it_binds() -> None:
    windows = night(v1=(ban(hours=(time(23), time(1))),))
    assert clock(windows, SUMMER, 0) == [("06 22:00", "06 23:00"), ("07 01:00", "07 06:00")]
    assert clock(windows, SUMMER, 1) == [("06 20:00", "07 08:00")]


def test_an_order_of_all_hours_but_some_leaves_what_both_allow() -> None:
    windows = night(v1=(ban(hours=(time(4), time(11)), outside=True),))
    assert clock(windows, SUMMER, 0) == [("07 04:00", "07 06:00")]


def test_an_order_that_ends_at_midnight_ends_there() -> None:
    windows = night(v2=(ban(until=SUMMER),))
    assert clock(windows, SUMMER, 1) == [("07 00:00", "07 08:00")]


def test_two_orders_leave_what_neither_takes_and_a_half_open_valve_is_no_way_out() -> None:
    half = Order("h", "half", at_most=0.5, hours=(time(3), time(5)))
    windows = night(v1=(ban(hours=(time(22), time(2))), half))
    assert clock(windows, SUMMER, 0) == [("07 02:00", "07 03:00"), ("07 05:00", "07 06:00")]


def test_a_lifted_or_open_order_takes_nothing() -> None:
    assert clock(night(v1=(Order("f", "floor", at_least=0, at_most=1),)), SUMMER, 0) == [("06 22:00", "07 06:00")]


def test_of_a_night_that_goes_on_only_the_rest_is_left() -> None:
    at = datetime(2026, 7, 7, 0, 40, tzinfo=PARIS).astimezone(UTC)
    windows = night(at=at, days=2)
    assert clock(windows, SUMMER, 0) == [("07 00:45", "07 06:00"), ("07 22:00", "08 06:00")]
    assert clock(night(at=at, v1=(ban(),)), SUMMER, 0) == []


def test_a_night_planned_again_lets_what_was_watered_last_soak_in() -> None:
    """Each valve by its own cycle, and tonight only."""
    at = datetime(2026, 7, 7, 0, 40, tzinfo=PARIS).astimezone(UTC)
    one_o_clock = (datetime(2026, 7, 7, 1, tzinfo=PARIS) - noon(SUMMER)).total_seconds()
    windows = soaked(night(at=at, days=2), np.array([one_o_clock, -np.inf]))
    assert clock(windows, SUMMER, 0) == [("07 01:00", "07 06:00"), ("07 22:00", "08 06:00")]
    assert clock(windows, SUMMER, 1) == clock(night(at=at, days=2), SUMMER, 1)
    assert (windows.end_s[:-1] <= windows.start_s[1:]).all()
    dawn = one_o_clock + 7 * 3600
    assert clock(soaked(night(at=at, v2=(ban(),)), np.array([dawn, dawn])), SUMMER, 0) == []


def test_no_window_at_all_is_no_error_and_a_valve_without_gateway_has_none() -> None:
    empty = night(v1=(ban(),), v2=(ban(),))
    assert empty.allowed.shape == (2, 0)
    lone = Territory({k: v for k, v in territory().points.items() if k.startswith("V-1/")})
    found = windows_of(Zones(), lone, noon(SUMMER), 1, noon(SUMMER), Tables())
    assert not found.windows.allowed[1].any()
    assert found.why[1]["fr"] == "aucune passerelle n'atteint la vanne"


def test_what_bounds_a_valve_is_said_in_both_languages() -> None:
    order = Order("o", "a ban (prefect, order 7)", at_most=0, hours=NIGHT, text_fr="interdit (préfet, arrêté 7)")
    found = windows_of(Zones(), territory(v1=(order,)), noon(SUMMER), 1, noon(SUMMER), Tables())
    assert found.why[0]["en"] == "usual hours 22:00–06:00; bounded by a ban (prefect, order 7)"
    assert found.why[0]["fr"] == "heures habituelles 22:00–06:00; limité par interdit (préfet, arrêté 7)"
    assert found.why[1]["en"] == "usual hours 20:00–08:00"
    later = replace(order, start=SUMMER + timedelta(days=9))
    found = windows_of(Zones(), territory(v1=(later,)), noon(SUMMER), 5, noon(SUMMER), Tables())
    assert found.why[0]["en"] == "usual hours 22:00–06:00"


def budgets(day: date = SUMMER, days: int = 3, **orders: tuple[Order, ...]) -> Budgets | None:
    start = noon(day)
    return windows_of(Zones(), territory(**orders), start, days, start, Tables()).budgets


def test_a_share_is_of_what_the_timer_gives_and_is_never_moved_to_another_night() -> None:
    half = Order("d", "half", at_most=1, share=0.5)
    found = budgets(v1=(half,), v2=(half,))
    assert found is not None
    assert found.names == ("d 50% tonight", "d 50% later")
    assert found.limit_m3.tolist() == [7.0, 14.0]
    assert found.nights.tolist() == [[True, False, False], [False, True, True]]
    assert found.member.all()


def test_each_order_and_share_is_a_budget_of_its_valves_on_the_nights_it_is_in_force() -> None:
    first = Order("d", "half", share=0.5, until=SUMMER + timedelta(days=1))
    second = Order("d", "less", share=0.25, start=SUMMER + timedelta(days=1))
    found = budgets(v1=(first,), v2=(second,))
    assert found is not None
    assert dict(zip(found.names, found.limit_m3.tolist(), strict=True)) == {
        "d 50% tonight": 5.0, "d 50% later": 5.0, "d 25% later": 2.0,
    }  # fmt: skip
    assert found.member.tolist() == [[True, False], [True, False], [False, True]]
    assert budgets(v1=(Order("o", "all"),)) is None


def test_out_of_season_a_share_of_nothing_is_nothing() -> None:
    found = budgets(date(2026, 1, 10), v1=(Order("d", "half", share=0.5),))
    assert found is not None
    assert found.limit_m3.tolist() == [0.0, 0.0]


def test_people_are_told_whom_an_order_closes_and_what_a_share_comes_to() -> None:
    half = Order("d", "half", at_most=0, hours=(time(20), time(8)), share=0.5)
    found = windows_of(Zones(), territory(v1=(half,)), noon(SUMMER), 1, noon(SUMMER), Tables())
    assert [line["en"] for line in found.reasons] == [
        "the order d leaves no hour tonight to V-1 (in all: 1)",
        "the order d 50% of usual water leaves 5.0 m³ tonight (valves: 1)",
    ]
    assert found.reasons[1]["fr"] == "l'arrêté d 50% du volume habituel laisse 5,0 m³ ce soir (vannes : 1)"


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 10, 24), 9), (date(2026, 3, 28), 7), (SUMMER, 8)])
def test_the_nights_the_clock_changes_are_as_long_as_they_are(day: date, hours: int) -> None:
    windows = night(day)
    assert float((windows.end_s - windows.start_s)[windows.allowed[0]].sum()) == hours * 3600


@pytest.mark.parametrize(
    ("hours", "left"),
    [
        ((time(22), time(2, 30)), ("24 22:00", "25 02:30", timedelta(hours=4.5))),  # the first 2:30
        ((time(2, 30), time(6)), ("25 02:30", "25 06:00", timedelta(hours=3.5))),  # the second
    ],
)
def test_of_the_hour_that_comes_twice_what_is_in_doubt_stays_closed(
    hours: tuple[time, time], left: tuple[str, str, timedelta]
) -> None:
    day = date(2026, 10, 24)
    windows = night(day, v1=(ban(hours=hours, outside=True),))
    assert clock(windows, day, 0) == [left[:2]]
    assert float((windows.end_s - windows.start_s)[windows.allowed[0]].sum()) == left[2].total_seconds()


HOUR = st.integers(0, 23).map(time)


@given(st.integers(0, 364), st.lists(st.tuples(HOUR, HOUR, st.booleans()), max_size=3), st.integers(0, 24 * 60))
def test_no_stretch_is_ever_in_a_bound_hour_nor_over_already(
    days: int, bound: list[tuple[time, time, bool]], minutes: int
) -> None:
    day = date(2026, 1, 1) + timedelta(days=days)
    orders = tuple(ban(hours=(a, b), outside=outside) for a, b, outside in bound)
    at = noon(day) + timedelta(minutes=minutes)
    windows = night(day, at=at, v1=orders)
    for k in np.flatnonzero(windows.allowed[0]).tolist():
        start, end = (noon(day) + timedelta(seconds=float(s)) for s in (windows.start_s[k], windows.end_s[k]))
        assert start >= at + HEAD_START
        for instant in (start, start + (end - start) / 2, end - timedelta(seconds=1)):
            local = instant.astimezone(PARIS).time()
            assert local >= NIGHT[0] or local < NIGHT[1]
            assert not any(list(order.spans(instant, instant + timedelta(microseconds=1))) for order in orders)
