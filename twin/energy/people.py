"""Who is in a public building and what they switch on, draw and plug in: by its use, quarter by quarter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
from pydantic import AwareDatetime

from engine.instants import PARIS
from twin.energy.charging import Stay
from twin.energy.outside import QUARTER

Hours = tuple[tuple[float, float, float], ...]
"""From an hour of the day, until one, and the share of its people that is in then."""


class Quarter(NamedTuple):
    """The quarter that ends at an instant: people in, what the building draws for itself in W, hot water in litres."""

    at: AwareDatetime
    people: float
    base_w: float
    drawn_l: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Habits:
    """Of a use.

    week             Monday first: the hours of each day
    people_m2        when all are in
    rest_w_m2        drawn at rest
    busy_w_m2        more when all are in
    hot_l_m2         hot water of an ordinary day
    closes           whether it is closed in school holidays
    """

    week: tuple[Hours, ...]
    people_m2: float
    rest_w_m2: float
    busy_w_m2: float
    hot_l_m2: float
    closes: bool = False


_SCHOOL: Hours = ((7.5, 8.25, 0.2), (8.25, 12.0, 1.0), (12.0, 13.5, 0.6), (13.5, 16.5, 1.0), (16.5, 18.0, 0.2))
_OFFICE: Hours = ((8.0, 9.0, 0.5), (9.0, 12.25, 1.0), (12.25, 13.75, 0.4), (13.75, 17.5, 1.0), (17.5, 18.5, 0.3))
_NURSERY: Hours = ((7.5, 9.0, 0.6), (9.0, 17.0, 1.0), (17.0, 18.5, 0.5))
_LIBRARY: Hours = ((9.0, 10.0, 0.15), (10.0, 12.5, 0.6), (12.5, 14.0, 0.4), (14.0, 19.0, 1.0))
_SPORTS: Hours = ((8.5, 12.0, 0.6), (13.5, 17.0, 0.6), (17.0, 22.0, 1.0))
_MATCH: Hours = ((9.0, 12.5, 0.7), (13.5, 19.0, 1.0))

HABITS = {
    "school": Habits(
        week=(_SCHOOL, _SCHOOL, (), _SCHOOL, _SCHOOL, (), ()),
        people_m2=0.11, rest_w_m2=1.0, busy_w_m2=6.0, hot_l_m2=0.04, closes=True,
    ),
    "nursery": Habits(
        week=(_NURSERY,) * 5 + ((), ()), people_m2=0.10, rest_w_m2=1.4, busy_w_m2=8.0, hot_l_m2=0.35
    ),
    "office": Habits(week=(_OFFICE,) * 5 + ((), ()), people_m2=0.06, rest_w_m2=1.8, busy_w_m2=9.0, hot_l_m2=0.03),
    "culture": Habits(
        week=((), _LIBRARY, _LIBRARY, _LIBRARY, _LIBRARY, _LIBRARY, ()),
        people_m2=0.06, rest_w_m2=1.2, busy_w_m2=9.0, hot_l_m2=0.02,
    ),
    "sports": Habits(
        week=(_SPORTS,) * 5 + (_MATCH, _MATCH), people_m2=0.03, rest_w_m2=1.6, busy_w_m2=8.0, hot_l_m2=0.25
    ),
}  # fmt: skip
"""Ours, after usual opening hours and figures of energy audits of public buildings."""

HEAT_W = 75.0
"""Sensible heat of a person who sits."""
KEPT = 0.85
"""Share of what a building draws for itself that warms it: the rest is outside, or goes down the drain."""


def hours_of(use: str, day: date, closed: Callable[[date], bool]) -> Hours:
    """When people are in on a day. `closed`: a day on which it stays closed for a holiday."""
    return () if closed(day) else HABITS[use].week[day.weekday()]


def share_in(hours: Hours, hour: float) -> float:
    return next((share for first, last, share in hours if first <= hour < last), 0.0)


def made_quarters(
    use: str, floor_m2: float, ends: Sequence[datetime], closed: Callable[[date], bool], random: np.random.Generator,
    *, rest_w: float | None = None,
) -> tuple[Quarter, ...]:  # fmt: skip
    """Of a building. `rest_w`: what it draws at rest where that is known. No day and no quarter is like another."""
    habits = HABITS[use]
    rest = habits.rest_w_m2 * floor_m2 if rest_w is None else rest_w
    shocks, days, off = random.standard_normal((2, len(ends))).tolist(), _days(ends, random), 0.0
    told = []
    for number, end in enumerate(ends):
        local = (end - QUARTER / 2).astimezone(PARIS)
        share = share_in(hours_of(use, local.date(), closed), local.hour + local.minute / 60) * days[local.date()]
        off = 0.85 * off + 0.06 * shocks[0][number]
        busy = habits.busy_w_m2 * floor_m2 * share * (1 + off)
        drawn = habits.hot_l_m2 * floor_m2 * share / 32 * max(1 + 0.8 * shocks[1][number], 0.0)
        base = max(rest * (0.92 + 0.5 * abs(off)) + busy, 0.3 * rest)
        told.append(Quarter(end, habits.people_m2 * floor_m2 * share, base, drawn))
    return tuple(told)


def _days(ends: Sequence[datetime], random: np.random.Generator) -> dict[date, float]:
    """How full each day is, over an ordinary one."""
    known = dict.fromkeys((end - QUARTER / 2).astimezone(PARIS).date() for end in ends)
    return {day: float(np.clip(1 + 0.08 * random.standard_normal(), 0.7, 1.2)) for day in known}


def made_stays(
    station: str, days: Sequence[date], charge_max_w: float, closed: Callable[[date], bool],
    random: np.random.Generator,
) -> tuple[Stay, ...]:  # fmt: skip
    """Vehicles of a town's services that come in the evening, or by day, and leave with what tomorrow's work takes."""
    told: list[Stay] = []
    for day in days:
        draw = random.random(5).tolist()
        if closed(day) or day.weekday() >= 5 or draw[0] > 0.85:
            continue
        begins = datetime(day.year, day.month, day.day, tzinfo=PARIS)
        evening = draw[1] < 0.7
        arrives = begins + timedelta(minutes=round((16.5 + 2 * draw[2] if evening else 8.0 + draw[2]) * 60))
        departs = begins + timedelta(minutes=round((31.0 + draw[3] if evening else 12.5 + 4 * draw[3]) * 60))
        if told and arrives < told[-1].departs_at:
            continue
        capacity, wanted = 52_000.0, 8_000.0 + 16_000.0 * draw[4]
        told.append(
            Stay(
                station=station, arrives_at=arrives, departs_at=departs, capacity_wh=capacity,
                stored_wh=min(0.9 * capacity - 0.9 * wanted, 0.45 * capacity), wanted_wh=wanted,
                charge_max_w=min(charge_max_w, 11_000.0),
            )
        )  # fmt: skip
    return tuple(told)
