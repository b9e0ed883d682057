"""Parks to be watered for a season, and the sky above them: made towns, made weather, and that of Orly in 2023."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from functools import cached_property
from pathlib import Path

import numpy as np

from engine.model import Asset, Envelope
from engine.setpoints.orders import Order
from engine.setpoints.points import PointInfo
from jobs.irrigation.tables import IrrigationTables, load_tables
from jobs.irrigation.windows import POINT
from jobs.irrigation.zones import Zones, read_zones
from optimizers.arrays import Floats
from optimizers.soil import Site, et0_daily
from optimizers.soil.radiation import clear_sky_mj_m2, extraterrestrial_mj_m2
from twin.irrigation.ground import Ground, textured
from twin.irrigation.timers import Pipes
from twin.irrigation.weather import BRUSSELS, Days, hourly_et0_mm, made_days

ROOT = Path(__file__).resolve().parents[2]
TABLES = load_tables(ROOT / "datasets" / "reference" / "irrigation.yaml")
FIRST, NIGHTS = date(2023, 4, 1), 183
"""Of a season: noon of that day begins the first night; the last ends on 1 October."""
SPIN_UP = 89
"""Days before it, from 2 January on, without watering: what the town knows of its soil in spring it knows from them."""
LOOKED_AHEAD = 7
PER_NETWORK = 10
AT_ONCE = 0.28  # of what all valves of a network take together: what it is said to carry,
ANNOUNCED = 0.9  # of what its pipe does: flows of valves are known to 5 % only, so that towns leave a margin
_KINDS = (  # planting, method, area in m², and their share: parks are lawns first
    ("turf", "sprinkler", 900.0, 0.45),
    ("sports_turf", "sprinkler", 1500.0, 0.10),
    ("shrubs", "drip", 400.0, 0.15),
    ("flowerbed", "drip", 200.0, 0.12),
    ("trees", "drip", 500.0, 0.08),
    ("young_trees", "drip", 300.0, 0.10),
)
_SOILS = ("sandy_loam", "loam", "silt_loam", "clay_loam")
_SUMMER_TIME = timezone(timedelta(hours=2))  # of a season: March is taken to have it, too
_NIGHT = (time(0), time(6))
ORDERS = (
    Order("alerte", "nights only", at_most=0.0, start=date(2023, 7, 1), until=date(2023, 7, 21), hours=_NIGHT,
          outside=True),
    Order("renforcee", "three nights a week", at_most=0.0, start=date(2023, 7, 22), until=date(2023, 8, 11),
          hours=_NIGHT, days=frozenset({1, 3, 5}), outside=True),
)  # fmt: skip
"""Three weeks in which valves are closed but from midnight to six, then three in which that is left on three nights of
a week alone: those on which the clocks of `twin.irrigation.timers` water, so that they are not worse off."""


@dataclass(frozen=True, eq=False)
class Town:
    """What a town knows of its parks. `points` have the orders that bind them."""

    zones: Zones
    points: Mapping[str, PointInfo]
    tables: IrrigationTables

    @cached_property
    def uniformity(self) -> Floats:
        return np.array([self.tables.methods[method].uniformity for method in self.zones.method])  # type: ignore[index]

    @cached_property
    def pipes(self) -> Pipes:
        zones = self.zones
        return Pipes(
            network=zones.network, flow_m3_h=zones.flow_m3_h, cycle_s=zones.cycle_s, soak_s=zones.soak_s,
            capacity_m3_h=zones.capacity_m3_h,
        )  # fmt: skip

    @cached_property
    def ground(self) -> Ground:
        """As it is believed to be. Beds with drip are mulched: bare ground counts as far as it is wetted."""
        roots = self.zones.root_zone
        known = textured(
            field_capacity=roots.field_capacity, wilting_point=roots.wilting_point, root_depth_m=roots.root_depth_m,
            readily=roots.p_table, kc=roots.kcb, cover=1 - np.minimum(1 - roots.cover, roots.wetted),
            uniformity=self.uniformity, flow_m3_h=self.zones.flow_m3_h, area_m2=self.zones.area_m2,
        )  # fmt: skip
        return replace(known, saturation=self.zones.saturation)


def made_town(networks: int, seed: int, tables: IrrigationTables = TABLES, orders: Sequence[Order] = ORDERS) -> Town:
    """So many networks of ten hydrozones, each with its probe, read as any inventory is."""
    random = np.random.default_rng([seed, 1])
    valves, pipes, probes = [], [], []
    for n in range(networks):
        mine = [_valve(n, k, random) for k in range(PER_NETWORK)]
        flows = [float(valve.attributes["flow_m3_h"]) for valve in mine]
        capacity = round(max(AT_ONCE * sum(flows), *flows), 1) + 0.1
        pipes.append(Asset(f"N-{n}", "IrrigationNetwork", "Z", -0.55, 47.47, attributes={"capacity_m3_h": capacity}))
        valves += mine
        probes += [
            Asset(valve.attributes["probe"], "GreenspaceRecord", "Z", valve.lon, valve.lat, attributes={"depth_cm": 20})
            for valve in mine
        ]
    zones = read_zones(valves, pipes, [], probes, tables)
    if zones.left_out:
        raise ValueError(f"hydrozones that cannot be read: {zones.left_out}")
    still = timedelta(0)
    envelope = Envelope(0.0, 1.0, None, still, still, 0.0, timedelta(minutes=10), 0.0, timedelta(minutes=1))
    names = [f"{valve}/{POINT}" for valve in zones.valves]
    points = {name: PointInfo(name, "G", envelope, "Z", "irrigation", orders=tuple(orders)) for name in names}
    return Town(zones, points, tables)


def _valve(network: int, number: int, random: np.random.Generator) -> Asset:
    planting, method, mean_m2, _ = _KINDS[int(random.choice(len(_KINDS), p=[share for *_, share in _KINDS]))]
    area = round(mean_m2 * float(np.exp(0.3 * np.clip(random.standard_normal(), -2, 2))), 0)
    rate = TABLES.methods[method].rate_mm_h * float(random.uniform(0.8, 1.2))  # type: ignore[index]
    attributes = {
        "planting": planting, "method": method, "area_m2": area, "flow_m3_h": round(area * rate / 1000, 2),
        "soil": str(random.choice(_SOILS)), "source": "drinking", "probe": f"P-{network}-{number}",
    }  # fmt: skip
    lat, lon = 47.47 + 0.01 * random.random(), -0.55 + 0.01 * random.random()
    return Asset(f"V-{network}-{number}", "IrrigationValve", "Z", lon, lat, f"N-{network}", attributes=attributes)


@dataclass(frozen=True, eq=False)
class Sky:
    """Weather from SPIN_UP days before `first` on, by local hours, from midnight to midnight.

    first                     of whose noon the first night begins
    rain_mm, et0_mm (24 D,)   what falls and is evaporated
    told_mm (24 D,)           ET0 by what the station measures, by the hour as the town spreads it over the day
    normal_mm_day (12,)       ET0 of a mean day of the month, for clocks: of other years
    """

    name: str
    first: date
    rain_mm: Floats
    et0_mm: Floats
    told_mm: Floats
    normal_mm_day: Floats

    @property
    def days(self) -> int:
        return self.et0_mm.size // 24


def days_wanted(nights: int) -> int:
    return SPIN_UP + nights + LOOKED_AHEAD + 1


def made_sky(seed: int, normal_mm_day: Floats, nights: int = NIGHTS, first: date = FIRST) -> Sky:
    """Weather of no year. The station measures no sun, as most do not: the town estimates it."""
    random = np.random.default_rng([seed, 2])
    days = made_days(BRUSSELS, first - timedelta(days=SPIN_UP), days_wanted(nights), random)
    true = et0_daily(days.weather, BRUSSELS.site, normal_mm_day).et0_mm
    sunless = replace(days.weather, sunshine_h=np.array(np.nan))
    told = et0_daily(sunless, BRUSSELS.site, normal_mm_day).et0_mm
    return Sky(
        f"made season {seed}",
        first,
        days.rain_mm,
        hourly_et0_mm(true, BRUSSELS.latitude_deg, days.day_of_year),
        hourly_et0_mm(told, BRUSSELS.latitude_deg, days.day_of_year),
        normal_mm_day,
    )


def normal_mm_day(seeds: Iterator[int] | Sequence[int]) -> Floats:
    """(12,) ET0 of a mean day of each month in made years of these seeds."""
    found = np.zeros(12)
    years = [made_days(BRUSSELS, date(2023, 1, 1), 365, np.random.default_rng([seed, 2])) for seed in seeds]
    for days in years:
        et0 = et0_daily(days.weather, BRUSSELS.site, np.full(12, 2.0)).et0_mm
        month = np.array([(days.first + timedelta(days=d)).month for d in range(365)])
        found += np.array([et0[month == m].mean() for m in range(1, 13)])
    return found / len(years)


ORLY = Site(48.72, 89.0, wind_height_m=10.0)


def orly_sky(folder: Path, tables: IrrigationTables = TABLES) -> Sky:
    """What station 07149 of Météo-France measured from March to October 2023, every three hours.

    It measures clouds, of which the true sun is made (Kasten and Czeplak 1980); the town, which has no such eye,
    estimates the sun by temperatures.
    """
    first = FIRST - timedelta(days=SPIN_UP)
    with (folder / "orly_07149_2023_daily.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if date.fromisoformat(row["date"]) >= first]
    rows = rows[: days_wanted(NIGHTS)]
    cloud, rain = _three_hourly(folder, first, len(rows))
    column = {name: np.array([float(row[name]) for row in rows]) for name in ("tmin", "tmax", "td", "wind10")}
    days = Days(
        first=first, tmin_c=column["tmin"], tmax_c=column["tmax"], dewpoint_c=column["td"], wind_m_s=column["wind10"],
        sunshine_h=np.full(len(rows), np.nan), rain_mm=rain,
    )  # fmt: skip
    normal = np.array(tables.climate.et0_mm_day)
    sunny = replace(days.weather, solar_mj_m2=_by_clouds(cloud, days))
    true, told = (et0_daily(weather, ORLY, normal).et0_mm for weather in (sunny, days.weather))
    return Sky(
        "Orly 2023",
        FIRST,
        rain,
        hourly_et0_mm(true, ORLY.latitude_deg, days.day_of_year),
        hourly_et0_mm(told, ORLY.latitude_deg, days.day_of_year),
        normal,
    )


def _three_hourly(folder: Path, first: date, days: int) -> tuple[Floats, Floats]:
    """(D,) how much less sun clouds let through, and (24 D,) rain of local summer time; what lacks is as before."""
    lost, rain = np.zeros((days, 8)), np.zeros(24 * days)
    cloud = 0.0
    with (folder / "orly_07149_2023_3h.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["time"]).astimezone(_SUMMER_TIME)
            cloud = float(row["cloud_pct"]) / 100 if row["cloud_pct"] else cloud
            hour = int((at - datetime.combine(first, time(), _SUMMER_TIME)) / timedelta(hours=1))
            if 3 <= hour < 24 * days:
                lost[hour // 24, at.hour // 3] = 0.75 * cloud**3.4
                rain[hour - 3 : hour] = max(float(row["rr3_mm"] or 0), 0.0) / 3
    return lost[:, 2:7].mean(axis=1), rain


def _by_clouds(lost: Floats, days: Days) -> Floats:
    top = extraterrestrial_mj_m2(ORLY.latitude_deg, days.day_of_year)
    solar: Floats = clear_sky_mj_m2(top, ORLY.elevation_m) * (1 - lost)
    return solar
