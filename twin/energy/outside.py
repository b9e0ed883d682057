"""What is outside a building, quarter by quarter: how warm the air is, and what sun falls on the ground."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
from pydantic import AwareDatetime

from optimizers.arrays import Floats
from twin.energy.sun import clear_sky_w_m2, sine_of_elevation
from twin.irrigation.weather import Climate, made_days

QUARTER = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
_WARMEST_H = 14.0  # UTC: the air is warmest some two hours after the sun is highest
_CLOUDED = 0.25  # what a closed sky lets through of a clear one (Kasten and Czeplak 1980)


class Outside(NamedTuple):
    """The quarter that ends at an instant: air in °C, sun in W/m² on the horizontal."""

    at: AwareDatetime
    air_c: float
    sun_w_m2: float


def quarters(first: datetime, until: datetime) -> list[datetime]:
    """The end of each quarter after one instant until another."""
    count = (until - first) // QUARTER
    return [first + k * QUARTER for k in range(1, count + 1)]


def between(hours: Sequence[datetime], air_c: Floats, sun_w_m2: Floats, ends: Sequence[datetime]) -> list[Outside]:
    """Quarters of what is known by the hour, or by three: air is drawn straight from one to the next, sun is the mean
    of the hours that end. What comes after the last is as the last."""
    known = np.array([hour.timestamp() for hour in hours])
    middles = np.array([(end - QUARTER / 2).timestamp() for end in ends])
    air = np.interp(middles, known, air_c)
    index = np.minimum(np.searchsorted(known, middles), known.size - 1)
    return [
        Outside(end, float(c), float(sun))
        for end, c, sun in zip(ends, air, np.maximum(sun_w_m2[index], 0.0), strict=True)
    ]


def made_outside(
    climate: Climate, longitude_deg: float, first: date, days: int, random: np.random.Generator
) -> list[Outside]:
    """Made days of weather from midnight UTC: sun through clouds that come and go with a memory of some two hours."""
    made = made_days(climate, first, days + 1, random)
    start = datetime.fromisoformat(f"{first.isoformat()}T00:00:00+00:00")
    ends = quarters(start, start + timedelta(days=days))
    through = _clouds(len(ends), random)
    told = []
    for number, end in enumerate(ends):
        middle = end - QUARTER / 2
        day = (middle - start).days
        sine = sine_of_elevation(middle, climate.latitude_deg, longitude_deg)
        longest = _daylight_h(climate.latitude_deg, middle, longitude_deg)
        clear = min(float(made.sunshine_h[day]) / max(longest, 1.0), 1.0)
        share = _CLOUDED + (1 - _CLOUDED) * min(max(clear + (through[number] - 0.5) * min(clear, 1 - clear), 0.0), 1.0)
        told.append(Outside(end, _air_c(made.tmin_c, made.tmax_c, middle, start), share * clear_sky_w_m2(sine)))
    return told


def _daylight_h(latitude_deg: float, at: datetime, longitude_deg: float) -> float:
    noon = at.replace(hour=12, minute=0)
    return sum(sine_of_elevation(noon + k * _HOUR / 2, latitude_deg, longitude_deg) > 0 for k in range(-24, 24)) / 2


def _air_c(tmin_c: Floats, tmax_c: Floats, at: datetime, start: datetime) -> float:
    """A cosine from the night's lowest, before dawn, to the day's highest, and on to the next lowest."""
    hours = (at - start).total_seconds() / 3600
    day = int(hours // 24)
    hour = hours - 24 * day
    lowest_h = _WARMEST_H - 10.0
    if hour < lowest_h:
        before, after, share = tmax_c[max(day - 1, 0)], tmin_c[day], (hour + 24 - _WARMEST_H) / (24 - 10.0)
    elif hour < _WARMEST_H:
        before, after, share = tmin_c[day], tmax_c[day], (hour - lowest_h) / 10.0
    else:
        before, after, share = tmax_c[day], tmin_c[min(day + 1, tmin_c.size - 1)], (hour - _WARMEST_H) / (24 - 10.0)
    return float(before + (after - before) * (1 - np.cos(np.pi * share)) / 2)


def _clouds(count: int, random: np.random.Generator) -> Floats:
    """0 to 1, remembered over some two hours: 0.5 in the mean."""
    shocks, state, found = random.standard_normal(count), 0.0, np.empty(count)
    for number, shock in enumerate(shocks):
        state = 0.88 * state + np.sqrt(1 - 0.88**2) * shock
        found[number] = state
    clouds: Floats = np.clip(0.5 + 0.35 * found, 0.0, 1.0)
    return clouds
