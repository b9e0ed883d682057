"""Weather that could be, day by day, and what forecasts would have said of it.

A generator after Richardson (1981): a day is wet or dry as the day before lets expect (first-order Markov chain), a wet
one brings an amount by a gamma distribution, temperatures follow the season and whether it rains, and remember
yesterday. What is drawn of one day leaves the draws of all others as they are, whatever is asked for.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.soil import Site, Weather
from optimizers.soil.radiation import daylight_h

WET_MM = 0.2
"""Rain of a day from which it counts as wet."""


@dataclass(frozen=True, kw_only=True)
class Climate:
    """Of a place, by month, January first.

    wet_after_dry, wet_after_wet   chance of a wet day
    wet_mm, wet_shape              mean and gamma shape of a wet day's rain
    tmin_c, tmax_c                 of dry days and of wet days
    tmin_sd_c, tmax_sd_c           about them
    sunny                          share of daylight with sun, of dry days and of wet days
    wind_m_s                       at 10 m
    """

    latitude_deg: float
    elevation_m: float
    wet_after_dry: tuple[float, ...]
    wet_after_wet: tuple[float, ...]
    wet_mm: tuple[float, ...]
    wet_shape: tuple[float, ...]
    tmin_c: tuple[tuple[float, ...], tuple[float, ...]]
    tmax_c: tuple[tuple[float, ...], tuple[float, ...]]
    tmin_sd_c: tuple[float, ...]
    tmax_sd_c: tuple[float, ...]
    sunny: tuple[tuple[float, ...], tuple[float, ...]]
    wind_m_s: tuple[float, ...]

    @property
    def site(self) -> Site:
        return Site(self.latitude_deg, self.elevation_m, wind_height_m=10.0)


BRUSSELS = Climate(
    latitude_deg=50.8,
    elevation_m=100.0,
    wet_after_dry=(0.37, 0.31, 0.32, 0.30, 0.27, 0.32, 0.27, 0.27, 0.31, 0.32, 0.41, 0.38),
    wet_after_wet=(0.75, 0.72, 0.74, 0.70, 0.72, 0.67, 0.64, 0.65, 0.67, 0.67, 0.68, 0.76),
    wet_mm=(4.13, 4.07, 4.19, 3.60, 4.31, 5.09, 5.70, 5.20, 4.42, 4.60, 4.48, 4.36),
    wet_shape=(0.88, 0.92, 0.99, 0.92, 0.84, 0.81, 0.78, 0.67, 0.73, 0.76, 0.87, 0.82),
    tmin_c=(
        (-1.2, -0.3, 2.8, 5.2, 9.1, 11.9, 13.8, 13.6, 10.7, 7.7, 3.3, 0.4),
        (2.1, 1.9, 3.8, 5.2, 8.7, 11.2, 13.4, 13.3, 11.3, 8.3, 4.6, 2.8),
    ),
    tmax_c=(
        (3.7, 5.9, 10.7, 14.7, 19.5, 21.9, 23.7, 23.9, 19.8, 15.3, 8.9, 4.8),
        (6.6, 7.0, 9.8, 12.2, 16.1, 18.8, 20.8, 20.7, 17.8, 14.1, 9.6, 7.3),
    ),
    tmin_sd_c=(4.3, 4.2, 3.5, 3.3, 3.2, 2.9, 2.6, 2.7, 2.8, 3.4, 3.8, 3.9),
    tmax_sd_c=(4.1, 4.4, 3.9, 4.2, 4.4, 4.2, 4.0, 3.6, 3.2, 3.5, 3.9, 3.7),
    sunny=(
        (0.35, 0.40, 0.45, 0.49, 0.56, 0.51, 0.47, 0.50, 0.45, 0.40, 0.35, 0.30),
        (0.10, 0.13, 0.15, 0.18, 0.21, 0.19, 0.17, 0.20, 0.15, 0.15, 0.10, 0.10),
    ),
    wind_m_s=(4.1, 3.9, 3.9, 3.5, 3.3, 3.1, 3.1, 3.0, 3.1, 3.5, 3.6, 3.9),
)
"""Rain and temperatures of 30 years, 1976 to 2005, by day: the series of Brussels that comes with AquaCrop (FAO), of
which these figures were counted. It has no sun and no wind: wind is the usual one of inland Belgium, and sun such that
Penman–Monteith gives the ET0 of the series on dry and on wet days, April to August; from September to March ours."""

_YESTERDAY = np.array([[0.40, 0.41], [0.11, 0.60]])  # of Tmin, Tmax (rows) on both, standardised: counted as above
_TODAY = np.linalg.cholesky(np.array([[0.414, 0.260], [0.260, 0.529]]))
_SUNNY_YEAR, _DRY_YEAR, _WARM_YEAR_C = 0.13, 0.04, 0.5
"""How far a year goes (standard deviations; the first two of logarithms), sunny ones being warm and dry: without it
seasons would be too alike, as days remember only yesterday. Such that the ET0 of April to September varies as measured,
by 42 mm, and rain by 75."""
_DEWPOINT_C = (-0.5, 1.0)  # over Tmin, of dry and of wet days
_LONGEST_SHOWER_H = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Days:
    """D calendar days from `first` on, each (D,); `rain_mm` is of the hours (24 D,), local ones."""

    first: date
    tmin_c: Floats
    tmax_c: Floats
    dewpoint_c: Floats
    wind_m_s: Floats
    sunshine_h: Floats
    rain_mm: Floats

    @property
    def day_of_year(self) -> Ints:
        days = [self.first + timedelta(days=d) for d in range(self.tmin_c.size)]
        return np.array([day.timetuple().tm_yday for day in days])

    @property
    def weather(self) -> Weather:
        """As a station tells of them that measures everything."""
        return Weather(
            day_of_year=self.day_of_year,
            tmin_c=self.tmin_c,
            tmax_c=self.tmax_c,
            dewpoint_c=self.dewpoint_c,
            wind_m_s=self.wind_m_s,
            sunshine_h=self.sunshine_h,
        )


def made_days(climate: Climate, first: date, count: int, random: np.random.Generator) -> Days:
    """`count` days of weather from `first` on, all of one year, which is sunnier or wetter than others."""
    year = random.standard_normal()
    days = [first + timedelta(days=d) for d in range(count)]
    month = np.array([day.month - 1 for day in days])
    day_of_year = np.array([day.timetuple().tm_yday for day in days])
    chance, shares, gusts = random.random(count), random.beta(4.0, 4.0, count), random.gamma(6.0, 1 / 6, count)
    amounts = random.standard_gamma(np.array(climate.wet_shape)[month]) / np.array(climate.wet_shape)[month]
    wet = _wet(climate, month, chance * np.exp(_DRY_YEAR * year))
    tmin, tmax = _temperatures(climate, month, wet, random.standard_normal((count, 2)), _WARM_YEAR_C * year)
    sunny = np.array(climate.sunny)[wet.astype(int), month] * np.exp(_SUNNY_YEAR * year)
    return Days(
        first=first,
        tmin_c=tmin,
        tmax_c=tmax,
        dewpoint_c=tmin + np.array(_DEWPOINT_C)[wet.astype(int)],
        wind_m_s=np.array(climate.wind_m_s)[month] * gusts,
        sunshine_h=np.minimum(2.0 * shares * sunny, 1.0) * daylight_h(climate.latitude_deg, day_of_year),
        rain_mm=_showers(np.where(wet, np.maximum(amounts * np.array(climate.wet_mm)[month], WET_MM), 0.0), random),
    )


def _wet(climate: Climate, month: Ints, chance: Floats) -> Bools:
    after = np.array([climate.wet_after_dry, climate.wet_after_wet])
    wet, today = np.zeros(month.size, bool), False
    for d, m in enumerate(month):
        today = bool(chance[d] < after[int(today), m])
        wet[d] = today
    return wet


def _temperatures(climate: Climate, month: Ints, wet: Bools, shocks: Floats, warmer_c: float) -> tuple[Floats, Floats]:
    off, state = np.empty_like(shocks), np.zeros(2)
    for d, shock in enumerate(shocks):
        off[d] = state = _YESTERDAY @ state + _TODAY @ shock
    kind = wet.astype(int)
    low = np.array(climate.tmin_c)[kind, month] + off[:, 0] * np.array(climate.tmin_sd_c)[month]
    high = np.array(climate.tmax_c)[kind, month] + off[:, 1] * np.array(climate.tmax_sd_c)[month]
    return low, np.maximum(high + warmer_c, low + 1.0)


def _showers(rain_mm: Floats, random: np.random.Generator) -> Floats:
    """Rain of each hour: a day's falls in one shower, evenly, of so many hours from an hour on."""
    length = random.integers(1, _LONGEST_SHOWER_H, rain_mm.size, endpoint=True)
    start = random.integers(0, 24 - length, endpoint=True)
    hour = np.arange(24)
    falls = (hour >= start[:, None]) & (hour < (start + length)[:, None])
    return (falls * (rain_mm / length)[:, None]).ravel()


def hourly_et0_mm(et0_mm: Floats, latitude_deg: float, day_of_year: Ints) -> Floats:
    """ET0 of each local hour (24 D,) of days of which it is known: while the sun is up, most when it is highest.

    The sun is taken to be highest at 14 o'clock, as by summer time in France.
    """
    half_h = daylight_h(latitude_deg, day_of_year)[:, None] / 2
    from_noon = np.arange(24) + 0.5 - 14.0
    shape = np.where(np.abs(from_noon) < half_h, np.cos(from_noon / half_h * np.pi / 2), 0.0)
    hourly: Floats = (shape / shape.sum(axis=1, keepdims=True) * et0_mm[:, None]).ravel()
    return hourly


@dataclass(frozen=True, kw_only=True)
class Skill:
    """How well weather is foreseen, by days ahead, today first; the last holds for all later days.

    hit            chance that a wet day is foreseen as wet
    false_alarm    chance that a dry day is
    amount_sd      of the logarithm of foreseen over true rain
    et0_sd         of foreseen over true ET0

    Ours, and rather too low than too high: two of three days of rain are still seen five days ahead, at the price of
    one false alarm in four dry days.
    """

    hit: tuple[float, ...] = (0.90, 0.85, 0.80, 0.74, 0.68, 0.62, 0.56)
    false_alarm: tuple[float, ...] = (0.10, 0.13, 0.16, 0.20, 0.24, 0.27, 0.30)
    amount_sd: tuple[float, ...] = (0.50, 0.55, 0.65, 0.75, 0.85, 0.95, 1.00)
    et0_sd: tuple[float, ...] = (0.10, 0.12, 0.14, 0.17, 0.20, 0.22, 0.24)
    usual_mm: float = 4.0  # a rain that is foreseen and does not come


ORDINARY = Skill()


def foreseen(
    rain_mm: Floats, et0_mm: Floats, random: np.random.Generator, skill: Skill = ORDINARY
) -> tuple[Floats, Floats]:
    """Rain and ET0 (L,) as they are foreseen, of those that come in L days from today on."""
    ahead = np.minimum(np.arange(rain_mm.size), len(skill.hit) - 1)
    hit, alarm, amount_sd, et0_sd = (
        np.array(of)[ahead] for of in (skill.hit, skill.false_alarm, skill.amount_sd, skill.et0_sd)
    )
    chance, errors = random.random(rain_mm.size), random.standard_normal((2, rain_mm.size))
    amount = np.where(rain_mm >= WET_MM, rain_mm, skill.usual_mm) * np.exp(amount_sd * errors[0] - amount_sd**2 / 2)
    wet = chance < np.where(rain_mm >= WET_MM, hit, alarm)
    return np.where(wet, amount, 0.0), et0_mm * np.clip(1.0 + et0_sd * errors[1], 0.3, 2.0)
