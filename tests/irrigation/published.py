"""Published answers: worked examples of FAO-56, values of RefET, and the readers of two reference seasons.

Figures are typed in from FAO Irrigation and Drainage Paper 56 (Allen, Pereira, Raes, Smith 1998), by example, and from
the tests of RefET (Morton, Desert Research Institute, Apache-2.0), which were made with Ref-ET 4.1.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from optimizers.soil import DayBalance, Moisture, RootZone, Site, Weather, advance, climate, et0_daily, radiation
from optimizers.soil.balance import greatest_coefficient
from optimizers.soil.conventions import FAO_56, REF_ET
from optimizers.soil.et0 import penman_monteith_mm
from optimizers.soil.growth import Season, cover
from optimizers.soil.hourly import HourlyWeather, et0_hourly
from optimizers.soil.plants import total_evaporable_mm

NO_CLIMATE = np.full(12, 3.0)
MJ_LANGLEY = 0.041868
M_S_MPH = 0.44704


def celsius(fahrenheit: np.ndarray | float) -> np.ndarray:
    return (np.asarray(fahrenheit) - 32.0) * 5.0 / 9.0


@dataclass(frozen=True)
class Row:
    """An example: what is computed, the answer as printed, by how much ours may miss it, and what to know of it."""

    name: str
    what: str
    unit: str
    expected: float
    tolerance: float
    compute: Callable[[], float]
    note: str = ""

    @property
    def computed(self) -> float:
        return float(np.ravel(self.compute())[0])


FALLON = Site(39.4575, 1208.5, wind_height_m=3.0, longitude_deg=-118.77388)
"""AgriMet station Fallon, Nevada."""
_SEPTEMBER, _MAY = 246, 135
_HARGREAVES_LYON = 40.6, 14.8, 26.6


def _bangkok() -> float:
    return penman_monteith_mm(14.33, 0.14, 30.2, 2.0, 4.42 - 2.85, 0.0674, 0.246)


def _brussels() -> float:
    return penman_monteith_mm(13.28, 0.0, 16.9, 2.078, 1.997 - 1.409, 0.0666, 0.122)


def _brussels_whole() -> float:
    """From what was measured, nothing rounded between: u10 10 km/h, RH 84 and 63 %, 9.25 h of sun."""
    weather = Weather(
        day_of_year=[187], tmin_c=12.3, tmax_c=21.5, rh_max_pct=84, rh_min_pct=63, wind_m_s=10 / 3.6, sunshine_h=9.25
    )
    return et0_daily(weather, Site(50.8, 100.0, wind_height_m=10.0), NO_CLIMATE).et0_mm


def _rio() -> float:
    latitude = -(22 + 54 / 60)
    extraterrestrial = radiation.extraterrestrial_mj_m2(latitude, _MAY)
    return radiation.solar_from_sunshine_mj_m2(220 / 31, radiation.daylight_h(latitude, _MAY), extraterrestrial)


def _lyon(by_hargreaves: bool) -> float:
    """Without an elevation there is no Penman–Monteith, and the ladder comes to eq. 52."""
    weather = Weather(day_of_year=[196], tmin_c=14.8, tmax_c=26.6)
    elevation_m = float("nan") if by_hargreaves else 200.0
    return et0_daily(weather, Site(45 + 43 / 60, elevation_m), NO_CLIMATE).et0_mm


def _senegal(night: bool) -> float:
    """Example 19, N'Diaye on 1 October: hours 14–15 and 2–3, clouds of the night those of an hour of Rs/Rso 0.8."""
    site = Site(16.22, 8.0, longitude_deg=-16.25)
    solar = 2.450
    if night:
        extraterrestrial = radiation.extraterrestrial_hourly_mj_m2(site.latitude_deg, site.longitude_deg, 274, 15.5)
        solar = float(0.8 * radiation.clear_sky_mj_m2(extraterrestrial, site.elevation_m))
    hours = HourlyWeather(
        day_of_year=[274, 275], utc_h=[15.0, 3.0], temperature_c=[38.0, 28.0], rh_pct=[52.0, 90.0],
        wind_m_s=[3.3, 1.9], solar_mj_m2=[solar, 0.0],
    )  # fmt: skip
    return float(et0_hourly(hours, site, FAO_56)[int(night)])


def _fallon_day() -> float:
    weather = Weather(
        day_of_year=[182], tmin_c=celsius(66.65), tmax_c=celsius(102.80), dewpoint_c=celsius(49.84),
        wind_m_s=4.80 * M_S_MPH, solar_mj_m2=674.07 * MJ_LANGLEY,
    )  # fmt: skip
    return et0_daily(weather, FALLON, NO_CLIMATE, REF_ET).et0_mm


def _fallon_hour() -> float:
    hour = HourlyWeather(
        day_of_year=[182], utc_h=18.0, temperature_c=celsius(91.80), dewpoint_c=celsius(49.36),
        wind_m_s=3.33 * M_S_MPH, solar_mj_m2=61.16 * MJ_LANGLEY,
    )  # fmt: skip
    return et0_hourly(hour, FALLON)


def _longwave() -> float:
    return radiation.net_longwave_mj_m2(19.1, 25.1, 2.1, radiation.clearness(14.5, 18.8))


ROWS = (
    Row("2", "pressure at 1800 m", "kPa", 81.8, 0.05, lambda: climate.pressure_kpa(1800)),
    Row("2", "psychrometric constant at 81.8 kPa", "kPa/°C", 0.054, 0.0005, lambda: climate.psychrometric_kpa_c(81.8)),
    Row("3", "saturation of 15 and 24.5 °C", "kPa", 2.39, 0.005, lambda: climate.mean_saturation_kpa(15, 24.5)),
    Row("4", "vapour by wet bulb 19.5, dry 25.6 °C, 1200 m", "kPa", 1.91, 0.005,
        lambda: climate.vapour_from_wet_bulb_kpa(25.6, 19.5, climate.pressure_kpa(1200))),
    Row("5", "vapour by RHmin 54, RHmax 82 %", "kPa", 1.70, 0.005, lambda: climate.vapour_from_rh_kpa(18, 25, 54, 82)),
    Row("5", "vapour by RHmean 68 %", "kPa", 1.78, 0.005, lambda: climate.vapour_from_rh_mean_kpa(18, 25, 68)),
    Row("8", "inverse distance of the sun, 3 September", "-", 0.985, 0.0005,
        lambda: radiation.inverse_distance(_SEPTEMBER)),
    Row("8", "declination", "rad", 0.120, 0.0005, lambda: radiation.declination_rad(_SEPTEMBER)),
    Row("8", "hour angle of sunset at 20° S", "rad", 1.527, 0.0005, lambda: radiation.sunset_rad(-20, _SEPTEMBER)),
    Row("8", "Ra at 20° S", "MJ/m²/d", 32.2, 0.05, lambda: radiation.extraterrestrial_mj_m2(-20, _SEPTEMBER)),
    Row("9", "daylight at 20° S", "h", 11.7, 0.05, lambda: radiation.daylight_h(-20, _SEPTEMBER)),
    Row("10", "Rs by 220 h of sun in May, Rio", "MJ/m²/d", 14.5, 0.05, _rio,
        "by n, N and Ra as the book rounds them 14.4498: 0.0002 beyond"),
    Row("11", "Rnl", "MJ/m²/d", 3.5, 0.05, _longwave),
    Row("12", "Rns", "MJ/m²/d", 11.1, 0.1, lambda: radiation.net_shortwave_mj_m2(14.5),
        "11.13 of the unrounded 14.45 of example 10"),
    Row("13", "G of April", "MJ/m²/d", 0.33, 0.005, lambda: radiation.soil_heat_monthly_mj_m2(14.1, 18.8)),
    Row("14", "wind 3.2 m/s of 10 m", "m/s", 2.4, 0.05, lambda: climate.wind_2m_m_s(3.2, 10.0)),
    Row("15", "Rs by Hargreaves, Lyon, July", "MJ/m²/d", 22.3, 0.05,
        lambda: radiation.solar_from_temperature_mj_m2(*_HARGREAVES_LYON)),
    Row("17", "ET0 of April, Bangkok", "mm/d", 5.72, 0.05, _bangkok, "the book adds parts rounded to 0.01"),
    Row("18", "ET0 of 6 July, Brussels, by its parts", "mm/d", 3.88, 0.05, _brussels, "printed as 3.9"),
    Row("18", "ET0 of 6 July, Brussels, by what was measured", "mm/d", 3.88, 0.05, _brussels_whole),
    Row("19", "ET0 of 14–15 h, N'Diaye", "mm/h", 0.63, 0.005, lambda: _senegal(False)),
    Row("19", "ET0 of 2–3 h, N'Diaye", "mm/h", 0.00, 0.005, lambda: _senegal(True)),
    Row("20", "ET0 by temperature alone (eq. 52), Lyon, July", "mm/d", 5.0, 0.1, lambda: _lyon(True),
        "eq. 6 with ea, Rs and u2 estimated gives 4.56"),
    Row("RefET", "ET0 of Fallon, 2015-07-01, constants of Ref-ET", "mm/d", 7.9422320475712835, 1e-6, _fallon_day),
    Row("RefET", "ET0 of Fallon, 2015-07-01 18 h UTC, ASCE", "mm/h", 0.6063515410076268, 1e-6, _fallon_hour),
)  # fmt: skip


@dataclass(frozen=True)
class Fallon:
    """The year 2015: computed by the constants of Ref-ET and of FAO-56, and what Ref-ET 4.1 printed. mm a day."""

    ref_et: np.ndarray
    fao_56: np.ndarray
    printed: np.ndarray
    no_wind: np.ndarray


def fallon(reference: Path) -> Fallon:
    """Where a day has no wind Ref-ET took 0 m/s, and prints it: so do we, to compare."""
    folder = reference / "irrigation" / "refet"
    raw = list(csv.DictReader((folder / "FALN_Agrimet_daily_raw_2015.csv").read_text().splitlines()))
    column = {name: np.array([_number(row[name]) for row in raw]) for name in ("MN", "MX", "SR", "YM", "UA")}
    no_wind = np.isnan(column["UA"])
    weather = Weather(
        day_of_year=np.arange(1, len(raw) + 1), tmin_c=celsius(column["MN"]), tmax_c=celsius(column["MX"]),
        dewpoint_c=celsius(column["YM"]), wind_m_s=np.where(no_wind, 0.0, column["UA"]) * M_S_MPH,
        solar_mj_m2=column["SR"] * MJ_LANGLEY,
    )  # fmt: skip
    lines = (line.split() for line in (folder / "FALN_Agrimet_daily_raw_2015.out").read_text().splitlines())
    printed = np.array([float(line[9]) for line in lines if len(line) == 11 and line[2] == "2015"])
    return Fallon(
        et0_daily(weather, FALLON, NO_CLIMATE, REF_ET).et0_mm,
        et0_daily(weather, FALLON, NO_CLIMATE).et0_mm,
        printed,
        no_wind,
    )


def _number(text: str) -> float:
    return float("nan") if text == "NO RECORD" else float(text)


COTTON = Season(
    lengths_d=(31, 52, 50, 21), kcb_initial=0.15, kcb_middle=1.20, kcb_end=0.573, height_m=(0.05, 1.20),
    root_depth_m=(0.6, 1.7),
)  # fmt: skip
"""Parameters of the file cotton2013.par, as is the soil below."""
_CAPACITY, _WILTING, _LAYER_M, _REW_MM = 0.225, 0.100, 0.1143, 9.0
_BASE = RootZone(
    field_capacity=np.array([_CAPACITY]), wilting_point=_WILTING, root_depth_m=0.6, p_table=0.65, kcb=0.15,
    height_m=0.05, cover=0.0, wetted=1.0, rew_mm=_REW_MM, tew_mm=total_evaporable_mm(_CAPACITY, _WILTING, _LAYER_M),
)  # fmt: skip


def cotton(reference: Path) -> Iterator[tuple[str, RootZone, DayBalance, dict[str, float]]]:
    """Each day of the season of wet cotton, Maricopa 2013: its zone, ours, and what pyfao56 1.4.0 printed of it."""
    folder = reference / "irrigation" / "pyfao56_cc0"
    weather, irrigation = _by_day(folder / "cotton2013.wth"), _by_day(folder / "cottonwet2013.irr")
    header = next(
        line.split() for line in (folder / "cottonwet2013.out").read_text().splitlines() if line.startswith("Year-DOY")
    )
    # The soil begins dry to the wilting point, its surface as dry as evaporation makes it.
    moisture = Moisture(depletion_mm=_BASE.taw_mm, surface_mm=_BASE.tew_mm)
    wetted = 1.0
    for day, (name, printed) in enumerate(_by_day(folder / "cottonwet2013.out").items()):
        rh_min, wind, rain, et0 = (float(weather[name][column]) for column in (7, 8, 9, 10))
        wind_2m = float(climate.wind_2m_m_s(wind, 3.0))
        depth, wetted = (
            (float(irrigation[name][1]), float(irrigation[name][2])) if name in irrigation else (0.0, wetted)
        )
        zone = _grown(day, wetted, wind_2m, rh_min)
        balance = advance(
            zone, moisture, et0_mm=et0, rain_mm=rain, irrigation_mm=depth, wind_m_s=wind_2m, rh_min_pct=rh_min,
            light_rain=0.0,
        )  # fmt: skip
        moisture = balance.moisture
        values = {key: float(value) for key, value in zip(header, printed, strict=True) if _is_number(value)}
        yield name, zone, balance, values


def _grown(day: int, wetted: float, wind_m_s: float, rh_min_pct: float) -> RootZone:
    kcb, height = COTTON.kcb(day), COTTON.height(day)
    greatest = greatest_coefficient(kcb, height, wind_m_s, rh_min_pct)
    return replace(
        _BASE, root_depth_m=COTTON.root_depth(day), kcb=kcb, height_m=height,
        cover=cover(kcb, COTTON.kcb_initial, greatest, height), wetted=wetted,
    )  # fmt: skip


def _by_day(path: Path) -> dict[str, list[str]]:
    return {line.split()[0]: line.split() for line in path.read_text().splitlines() if line.startswith("2013-")}


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()
