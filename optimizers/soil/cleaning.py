"""Weather as stations really report it, before it is believed: what is impossible becomes unknown, units are told.

Nothing is guessed in silence: each change is a Finding. A value that cannot be is taken as unknown (NaN), so that the
ladder of `et0_daily` takes its day one rung down; a whole series is converted where physics leaves one reading only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from optimizers.arrays import Bools, Floats
from optimizers.soil import radiation
from optimizers.soil.et0 import Site, Weather


class Wrong(StrEnum):
    """What is wrong with a quantity; `Finding` has the figures."""

    RANGE = "range"  # beyond least…most
    SEVERAL_ROWS = "several_rows"  # the day stands several times: hours, or two stations
    KELVIN = "kelvin"  # the whole series, as the next four
    FRACTION = "fraction"
    MINUTES = "minutes"
    UNIT = "unit"
    NO_FAIR_DAY = "no_fair_day"  # an hour's radiation, or kWh/m²
    EXCHANGED = "exchanged"  # Tmin and Tmax on most days
    COLD_DAY = "cold_day"  # Tmin above Tmax; either may be wrong
    DEWPOINT = "dewpoint"  # above Tmax
    DRY_DAWN = "dry_dawn"  # RHmin above RHmax; either may be wrong
    BEYOND_RA = "beyond_ra"  # more than reaches the atmosphere
    BEYOND_DAY = "beyond_day"  # more sunshine than daylight
    TRACE = "trace"  # of rain, as SYNOP writes it
    COUNTER = "counter"  # rain that only rises
    SCARCE = "scarce"  # rain in cm, or a drought


class Done(StrEnum):
    """What was done about it."""

    HELD = "held"  # to the limit
    UNKNOWN = "unknown"  # taken as
    ZERO = "zero"  # taken as
    CONVERTED = "converted"
    SWAPPED = "swapped"
    DIFFERENCED = "differenced"
    LEFT = "left"  # as it is


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found wrong with a quantity; `jobs.irrigation.findings.told_of` says it in words.

    days           indices, in order
    found          the value of the first of them
    done           what was done about all of them
    least, most    what is wanted, where it is a range; of scarce rain the normal one
    unit           the one that was recognised
    """

    quantity: str
    days: tuple[int, ...]
    found: float
    wrong: Wrong
    done: Done
    least: float = float("nan")
    most: float = float("nan")
    unit: str = ""


HUMID_PCT = 105.0
"""Up to here a humidity above 100 % is a sensor that is a little off; beyond, it is broken."""
_BELIEVABLE = {
    "tmin_c": (-60.0, 60.0), "tmax_c": (-60.0, 60.0), "dewpoint_c": (-80.0, 40.0), "wind_m_s": (0.0, 40.0),
    "rh_min_pct": (0.0, HUMID_PCT), "rh_max_pct": (0.0, HUMID_PCT), "rh_mean_pct": (0.0, HUMID_PCT),
    "solar_mj_m2": (0.0, np.inf), "sunshine_h": (0.0, np.inf),
}  # fmt: skip
_WANTED = {"rh_min_pct": 100.0, "rh_max_pct": 100.0, "rh_mean_pct": 100.0, "solar_mj_m2": 45.0, "sunshine_h": 24.0}
"""What is wanted at most where more is judged otherwise."""
_KELVIN_C = 273.15
_HUMIDITIES = ("rh_min_pct", "rh_max_pct", "rh_mean_pct")
_TEMPERATURES = ("tmin_c", "tmax_c", "dewpoint_c")
_RADIATION_UNITS = {"W/m²": 0.0864, "Langley": 0.041868, "J/cm²": 0.01, "Wh/m²": 0.0036}
"""MJ/m² a day in one of each."""
_CLEAREST = (0.55, 1.15)  # of Rso, within which the clearest days of a series lie; narrower than units are apart
_DULLEST = 0.3  # of Rso, that the clearest of many days pass: else it is an hour's sum, or another unit
_FEW, _MANY = 5, 20  # days that may tell of a unit; days among which one is surely fair
_MOST = 0.8  # of the days of a series, that make it a property of the series


def cleaned(weather: Weather, site: Site) -> tuple[Weather, list[Finding]]:
    """The weather that may be believed, and all that was found wrong with it, in the order of quantities.

    Units of whole series: temperatures in kelvin, humidity as a fraction, sunshine in minutes, radiation in W/m²,
    Langley, J/cm² or Wh/m² (recognised against Rso). Days: what no weather can be, Tmin above Tmax, dew points above
    Tmax, RHmin above RHmax, radiation above Ra, more sunshine than daylight. Wind is not judged by its height: the site
    has it. Hours where days are wanted are told by repeated days.
    """
    cleaning = _Cleaning(weather, site)
    for step in (_repeated, _units, _radiation_unit, _swapped, _believable, _humid, _contradictions, _sun):
        step(cleaning)
    return Weather(day_of_year=weather.day_of_year, **cleaning.values), cleaning.findings


class _Cleaning:
    """Values that change, and what is found on the way."""

    def __init__(self, weather: Weather, site: Site) -> None:
        self.values: dict[str, Floats] = {name: getattr(weather, name).copy() for name in Weather.arrays}
        self.day_of_year = weather.day_of_year
        self.extraterrestrial = radiation.extraterrestrial_mj_m2(site.latitude_deg, weather.day_of_year)
        # A site of unknown elevation is taken to be low: clear days are then a little over Rso, which is let pass.
        self.clear_sky = radiation.clear_sky_mj_m2(self.extraterrestrial, np.nan_to_num(site.elevation_m))
        self.daylight = radiation.daylight_h(site.latitude_deg, weather.day_of_year)
        self.findings: list[Finding] = []

    def tell(self, quantity: str, where: Bools, wrong: Wrong, done: Done, **figures: Any) -> bool:
        found = list(_found(quantity, self.values[quantity], where, wrong, done, **figures))
        self.findings += found
        return bool(found)

    def unknown(self, quantity: str, where: Bools, wrong: Wrong, **figures: Any) -> None:
        if self.tell(quantity, where, wrong, Done.UNKNOWN, **figures):
            self.values[quantity][where] = np.nan

    def mostly(self, quantity: str, test: Callable[[Floats], Bools]) -> bool:
        """Whether a series has values enough, and most of them pass."""
        known = self.values[quantity][np.isfinite(self.values[quantity])]
        return known.size >= _FEW and bool(test(known).mean() >= _MOST)

    def convert(self, quantity: str, wrong: Wrong, factor: float = 1.0, offset: float = 0.0, unit: str = "") -> None:
        self.tell(quantity, np.isfinite(self.values[quantity]), wrong, Done.CONVERTED, unit=unit)
        self.values[quantity] = self.values[quantity] * factor + offset


def _found(quantity: str, values: Floats, where: Bools, wrong: Wrong, done: Done, **figures: Any) -> Iterator[Finding]:
    """One finding, or none where nothing is wrong."""
    days = tuple(np.flatnonzero(where).tolist())
    if days:
        yield Finding(quantity, days, float(values[days[0]]), wrong, done, **figures)


def _repeated(cleaning: _Cleaning) -> None:
    """Rows of hours, or of two stations, in place of days: none of them is a day's."""
    day = cleaning.day_of_year
    again = np.r_[False, day[1:] == day[:-1]] if day.size else np.zeros(0, np.bool_)
    again |= np.r_[again[1:], False] if day.size else again
    for name in Weather.arrays:
        cleaning.unknown(name, again & np.isfinite(cleaning.values[name]), Wrong.SEVERAL_ROWS)


def _units(cleaning: _Cleaning) -> None:
    for name in _TEMPERATURES:
        if cleaning.mostly(name, lambda values: (values > 200) & (values < 340)):
            cleaning.convert(name, Wrong.KELVIN, offset=-_KELVIN_C)
    for name in _HUMIDITIES:
        if cleaning.mostly(name, lambda values: (values > 0) & (values <= 1.05)):
            cleaning.convert(name, Wrong.FRACTION, 100.0)
    if cleaning.mostly("sunshine_h", lambda values: values == np.rint(values)) and cleaning.mostly(
        "sunshine_h", lambda values: (values > 24) | (values == 0)
    ):
        cleaning.convert("sunshine_h", Wrong.MINUTES, 1 / 60)


def _radiation_unit(cleaning: _Cleaning) -> None:
    """Nearly all days beyond what reaches the top of the atmosphere: another unit, told by the clearest days."""
    solar = cleaning.values["solar_mj_m2"]
    known = np.isfinite(solar) & (cleaning.clear_sky > 1)
    if (known & (solar > 0)).sum() < _FEW:
        return
    beyond = (solar > cleaning.extraterrestrial)[known].mean()
    clearest = float(np.quantile(solar[known] / cleaning.clear_sky[known], 0.95))
    if beyond >= _MOST:
        fits = [unit for unit, factor in _RADIATION_UNITS.items() if _CLEAREST[0] <= clearest * factor < _CLEAREST[1]]
        if len(fits) == 1:
            cleaning.convert("solar_mj_m2", Wrong.UNIT, _RADIATION_UNITS[fits[0]], unit=fits[0])
    elif known.sum() >= _MANY and clearest < _DULLEST:
        cleaning.unknown("solar_mj_m2", known, Wrong.NO_FAIR_DAY)


def _swapped(cleaning: _Cleaning) -> None:
    """Tmin above Tmax on most days: the columns were exchanged."""
    low, high = cleaning.values["tmin_c"], cleaning.values["tmax_c"]
    known = np.isfinite(low) & np.isfinite(high)
    wrong = known & (low > high)
    if known.sum() >= _FEW and wrong.sum() >= _MOST * known.sum():
        cleaning.tell("tmin_c", wrong, Wrong.EXCHANGED, Done.SWAPPED)
        cleaning.values["tmin_c"], cleaning.values["tmax_c"] = high, low


def _believable(cleaning: _Cleaning) -> None:
    for name, (least, most) in _BELIEVABLE.items():
        values = cleaning.values[name]
        beyond = ~np.isnan(values) & ~((values >= least) & (values <= most))
        cleaning.unknown(name, beyond, Wrong.RANGE, least=least, most=min(most, _WANTED.get(name, most)))


def _humid(cleaning: _Cleaning) -> None:
    for name in _HUMIDITIES:
        if cleaning.tell(name, cleaning.values[name] > 100, Wrong.RANGE, Done.HELD, least=0.0, most=100.0):
            cleaning.values[name] = np.minimum(cleaning.values[name], 100.0)


def _contradictions(cleaning: _Cleaning) -> None:
    values = cleaning.values
    cold = values["tmin_c"] > values["tmax_c"]
    wet = values["rh_min_pct"] > values["rh_max_pct"]
    cleaning.unknown("dewpoint_c", values["dewpoint_c"] > values["tmax_c"], Wrong.DEWPOINT)
    for names, where, wrong in (
        (("tmin_c", "tmax_c"), cold, Wrong.COLD_DAY), (("rh_min_pct", "rh_max_pct"), wet, Wrong.DRY_DAWN),
    ):  # fmt: skip
        for name in names:
            cleaning.unknown(name, where, wrong)


def _sun(cleaning: _Cleaning) -> None:
    solar, sunshine = cleaning.values["solar_mj_m2"], cleaning.values["sunshine_h"]
    cleaning.unknown("solar_mj_m2", solar > cleaning.extraterrestrial, Wrong.BEYOND_RA)
    cleaning.unknown("sunshine_h", sunshine > cleaning.daylight + 0.5, Wrong.BEYOND_DAY)
    if cleaning.tell("sunshine_h", cleaning.values["sunshine_h"] > cleaning.daylight, Wrong.BEYOND_DAY, Done.HELD):
        cleaning.values["sunshine_h"] = np.minimum(cleaning.values["sunshine_h"], cleaning.daylight)


TRACE_MM = -0.1
"""How SYNOP writes rain that wet the gauge and could not be measured."""
_MOST_RAIN_MM = 300.0
_RISES, _HOLDS = 4, 3  # of a series that all but never falls, which make it a counter
_STEPS = 8  # from above 0, among which no rain of intervals is without a fall
_DRY_SHARE = 0.2  # of normal rain, with rain on many days: tenths of it are missing, or the unit is cm


def cleaned_rain(rain_mm: Floats, normal_mm: float | None = None) -> tuple[Floats, list[Finding]]:
    """Rain (K,) of days, or of any other equal intervals, in mm, and what was found wrong with it.

    -0.1 is a trace: 0. A counter, which rises and holds but for resets, is differenced; its first interval is unknown.
    Other negative and impossible amounts are unknown. By `normal_mm`, of the whole stretch by climatology, a series in
    cm is suspected; that is told and left, as a dry season looks alike.
    """
    values = np.array(rain_mm, np.float64)
    findings = list(_found("rain_mm", values, _traces(values), Wrong.TRACE, Done.ZERO))
    values[_traces(values)] = 0.0
    if _counts(values):
        findings += _found("rain_mm", values, np.isfinite(values), Wrong.COUNTER, Done.DIFFERENCED)
        values = _differenced(values)
    beyond = ~np.isnan(values) & ~((values >= 0) & (values <= _MOST_RAIN_MM))
    findings += _found("rain_mm", values, beyond, Wrong.RANGE, Done.UNKNOWN, least=0.0, most=_MOST_RAIN_MM)
    values[beyond] = np.nan
    if normal_mm is not None and _scarce(values, normal_mm):
        findings += _found("rain_mm", values, values > 0, Wrong.SCARCE, Done.LEFT, most=normal_mm)
    return values, findings


def _traces(values: Floats) -> Bools:
    return np.isclose(values, TRACE_MM, rtol=0, atol=1e-6)


def _counts(values: Floats) -> bool:
    """Whether it stands or rises and all but never falls once it is above 0, as rain of intervals does at each end.

    One that begins anew each midnight is a counter too.
    """
    known = values[np.isfinite(values)]
    known = known[np.argmax(known > 0) :] if (known > 0).any() else known[:0]
    steps = np.diff(known)
    rises, falls = int((steps > 0).sum()), int((steps < 0).sum())
    wet, zeros = known[:-1] > 0, int((known == 0).sum())
    holds = int((wet & (steps == 0)).sum())
    rose = rises >= _RISES and holds >= _HOLDS and falls * 3 <= rises and zeros <= falls
    return rose or (wet.sum() >= _STEPS and falls * _STEPS <= wet.sum())


def _differenced(values: Floats) -> Floats:
    """What each interval added; at a reset what was counted since. What fell in a gap is given to the one after it."""
    known = np.flatnonzero(np.isfinite(values))
    added = np.full(values.shape, np.nan)
    steps = np.diff(values[known])
    added[known[1:]] = np.where(steps < 0, values[known[1:]], steps)
    return added


def _scarce(values: Floats, normal_mm: float) -> bool:
    known = values[np.isfinite(values)]
    wet = int((known > 0).sum())
    return wet >= _MANY / 2 and known.size >= _MANY and bool(known.sum() < _DRY_SHARE * normal_mm)
