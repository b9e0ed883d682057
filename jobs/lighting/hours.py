"""Hourly counts as the forecaster takes them: one row of hours, and what the calendar says of each."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from engine.calendar import SchoolCalendar, kind_of_day, school_holiday
from engine.instants import PARIS, to_us
from jobs.lighting.night import KINDS
from optimizers.forecast import HourlyCounts
from optimizers.forecast.hours import Floats

_HOUR = timedelta(hours=1)


def hourly_counts(value: Floats, start_at: datetime, school: SchoolCalendar | None = None) -> HourlyCounts:
    """`value` (S, H), veh/h, of hours on end from `start_at`, which begins one, with the calendar of Paris.

    Beside hour and kind of day it tells the weekday; whether the day before and the day after are days off, as an
    evening goes by the morning that follows it; and whether school is out, as far as `school` knows. Raises ValueError
    for a start that is naive or inside an hour.
    """
    if to_us(start_at) % (3_600 * 10**6):
        raise ValueError(f"{start_at.isoformat()} is inside an hour; hourly counts start on the hour")
    local = [(start_at + k * _HOUR).astimezone(PARIS) for k in range(value.shape[1])]
    hour = np.array([at.hour for at in local], np.int64)
    kind = np.array([KINDS.index(kind_of_day(at.date())) for at in local], np.int64)
    return HourlyCounts(value, hour, kind, _days(local, school))


def _days(local: Sequence[datetime], school: SchoolCalendar | None) -> Floats:
    """(H, 10) of each hour: its weekday, Monday first; whether the day before and the day after are days off; whether
    school is out.
    """
    one = timedelta(days=1)
    rows = {
        day: [
            *(float(day.weekday() == weekday) for weekday in range(7)),
            *(float(kind_of_day(other) != "workday") for other in (day - one, day + one)),
            float(bool(school and school_holiday(day, school))),
        ]
        for day in {at.date() for at in local}
    }
    return np.array([rows[at.date()] for at in local]).reshape(-1, 10)
