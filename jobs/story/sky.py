"""The weather of a story hour by hour: a month before the night, and its day; as it is, and as stations tell it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from engine.instants import PARIS, slots
from engine.model import Asset
from jobs.irrigation.tables import IrrigationTables
from jobs.lighting.night import Night
from optimizers.arrays import Bools, Floats, Ints
from optimizers.soil import et0_daily
from optimizers.soil.climate import saturation_kpa
from optimizers.soil.radiation import daylight_h, extraterrestrial_mj_m2, solar_from_sunshine_mj_m2
from twin.field.story import Measured
from twin.irrigation.plots import Sky
from twin.irrigation.weather import BRUSSELS, Days, hourly_et0_mm, made_days

HISTORY = timedelta(days=30)
"""What a plan replays of weather, water and probes."""

DRY = timedelta(days=18)
"""In months in which green spaces are watered no rain has fallen for so long before the night."""

_DRY_ROADS = timedelta(days=2)  # in others: the shower is news to lighting too
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_SHOWER_MM = 1.4  # an hour, enough to wet a road
_CALM_M_S = 4.0  # on the night's days no sprinkler stops for wind
_MJ_IN_WH = 1e6 / 3600
_WARMEST_H = 15


@dataclass(frozen=True, eq=False)
class Hours:
    """H hours in order, each by the instant it ends, and its (H,) values."""

    until: tuple[datetime, ...]
    et0_mm: Floats
    rain_mm: Floats
    air_c: Floats
    humidity: Floats
    wind_m_s: Floats
    solar_w_m2: Floats

    @property
    def sky(self) -> tuple[Sky, ...]:
        """What the ground gets."""
        columns = (values.tolist() for values in (self.et0_mm, self.rain_mm, self.air_c))
        return tuple(map(Sky, self.until, *columns))

    def told(self, stations: Sequence[Asset]) -> tuple[Measured, ...]:
        """What stations tell of it, once an hour."""
        values = {
            "precipitation": self.rain_mm.round(2),
            "temperature": self.air_c.round(1),
            "relativeHumidity": self.humidity.round(3),
            "windSpeed": self.wind_m_s.round(1),
            "solarRadiation": self.solar_w_m2.round(),
        }
        return tuple(
            Measured(station.id, name, at, float(column[h]))
            for h, at in enumerate(self.until)
            for station in stations
            for name, column in values.items()
        )


def made_hours(night: Night, tables: IrrigationTables, seed: int) -> Hours:
    """Weather of HISTORY before the night and of its day, the same for a seed: dry, and calm in the end.

    In the fifth and sixth hour after dusk it rains. The road has dried before a cabinet falls silent: what goes ahead
    of the plan of a dry road may be told there.
    """
    until = tuple(at + _HOUR for at in slots(night.start - HISTORY, night.until, _HOUR))
    first = until[0].astimezone(PARIS).date() - _DAY
    count = (night.until.astimezone(PARIS).date() - first).days + 1
    days = made_days(BRUSSELS, first, count, np.random.default_rng([seed, 1]))
    begins = [(at - _HOUR).astimezone(PARIS) for at in until]
    day = np.array([(at.date() - first).days for at in begins])
    hour = np.array([at.hour for at in begins])
    tonight = np.array([at > night.start for at in until])
    air_c = _air_c(days, day, hour)
    pick = partial(_picked, index=day * 24 + hour)
    return Hours(
        until=until,
        et0_mm=pick(_hourly(_et0_mm(days, tables), days)),
        rain_mm=_rain_mm(pick(days.rain_mm), until, night, tables),
        air_c=air_c,
        humidity=np.minimum(saturation_kpa(days.dewpoint_c[day]) / saturation_kpa(air_c), 1.0),
        wind_m_s=_wind_m_s(days, day, hour, tonight),
        solar_w_m2=pick(_hourly(_solar_mj_m2(days), days)) * _MJ_IN_WH,
    )


def _picked(hourly: Floats, index: Ints) -> Floats:
    return hourly[index]


def _hourly(daily: Floats, days: Days) -> Floats:
    return hourly_et0_mm(daily, BRUSSELS.latitude_deg, days.day_of_year)


def _et0_mm(days: Days, tables: IrrigationTables) -> Floats:
    return et0_daily(days.weather, BRUSSELS.site, np.array(tables.climate.et0_mm_day)).et0_mm


def _solar_mj_m2(days: Days) -> Floats:
    latitude, day = BRUSSELS.latitude_deg, days.day_of_year
    above = extraterrestrial_mj_m2(latitude, day)
    return solar_from_sunshine_mj_m2(days.sunshine_h, daylight_h(latitude, day), above)


def _air_c(days: Days, day: Ints, hour: Ints) -> Floats:
    middle, swing = (days.tmax_c + days.tmin_c) / 2, (days.tmax_c - days.tmin_c) / 2
    air: Floats = middle[day] + swing[day] * np.cos((hour - _WARMEST_H) / 24 * 2 * np.pi)
    return air


def _wind_m_s(days: Days, day: Ints, hour: Ints, calm: Bools) -> Floats:
    wind: Floats = days.wind_m_s[day] * (1 + 0.3 * np.cos((hour - _WARMEST_H) / 24 * 2 * np.pi))
    return np.where(calm, np.minimum(wind, _CALM_M_S), wind)


def _rain_mm(made: Floats, until: Sequence[datetime], night: Night, tables: IrrigationTables) -> Floats:
    first, last = tables.usual.months
    watered = first <= night.start.astimezone(PARIS).month <= last
    dry_from = night.start - (DRY if watered else _DRY_ROADS)
    shower = [night.on_at + timedelta(hours=k) for k in (4, 6)]
    dry = np.array([at > dry_from for at in until])
    showers = np.array([shower[0] <= at < shower[1] for at in until])
    return np.where(showers, _SHOWER_MM, np.where(dry, 0.0, made))
