"""Hydrozones of a test's own over ground that is not what is believed of it, and the days that pass there."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from engine.model import Asset
from jobs.irrigation.replay import Past
from jobs.irrigation.tables import IrrigationTables, load_tables
from jobs.irrigation.zones import Zones, read_zones
from optimizers.arrays import Floats
from optimizers.soil import et0_daily
from twin.irrigation.ground import Ground, depletion_mm, drawn, filled, passed, textured
from twin.irrigation.probes import Probes, biased
from twin.irrigation.weather import BRUSSELS, hourly_et0_mm, made_days

TABLES: IrrigationTables = load_tables(Path(__file__).parents[2] / "datasets" / "reference" / "irrigation.yaml")
NOON = 12


def asset(name: str, kind: str, parent: str | None = None, at: tuple[float, float] = (47.47, -0.55), **of: object) -> Asset:  # fmt: skip # noqa: E501
    return Asset(id=name, type=kind, zone="Z", lat=at[0], lon=at[1], parent=parent, attributes=of)


def hydrozones(count: int, probes: int, seed: int = 0, tables: IrrigationTables = TABLES) -> Zones:
    """So many lawns and beds on one network within some kilometres, the first `probes` of them with a probe."""
    random, assets = np.random.default_rng(seed), []
    for z in range(count):
        at = (47.47 + random.uniform(-0.03, 0.03), -0.55 + random.uniform(-0.03, 0.03))
        planting, soil = ("turf", "shrubs", "flowerbed")[z % 3], ("loam", "sandy_loam")[z % 2]
        assets.append(asset(f"G{z}", "Garden", "N", at, planting=planting, soil=soil))
        stated = {"garden": f"G{z}", "method": "sprinkler", "flow_m3_h": 3.0, "area_m2": 250.0}
        assets.append(asset(f"V{z}", "IrrigationValve", "N", at, **stated))
        if z < probes:
            assets.append(asset(f"S{z}", "GreenspaceRecord", f"G{z}", at, depth_cm=20))
    kinds = [[a for a in assets if a.type == kind] for kind in ("IrrigationValve", "Garden", "GreenspaceRecord")]
    network = asset("N", "IrrigationNetwork", capacity_m3_h=50.0)
    return read_zones(kinds[0], [network], kinds[1], kinds[2], tables)


@dataclass(frozen=True, eq=False)
class Lived:
    """What happened (past), and what the ground really lacked at the end of each day (K, n)."""

    past: Past
    depletion_mm: Floats
    ground: Ground


def lived(zones: Zones, days: int, seed: int, *, first: date = date(2026, 7, 1), bias: float = 0.05) -> Lived:
    """Days from noon to noon, on which whoever lacks 0.8 RAW at midnight gets half of it back at four."""
    random, root, n = np.random.default_rng(seed), zones.root_zone, len(zones)
    uniformity = np.full(n, TABLES.methods["sprinkler"].uniformity)
    ground = drawn(
        textured(
            field_capacity=root.field_capacity, wilting_point=root.wilting_point, root_depth_m=root.root_depth_m,
            readily=root.p_table, kc=root.kcb, cover=root.cover, uniformity=uniformity, flow_m3_h=zones.flow_m3_h,
            area_m2=zones.area_m2,
        ), random,
    )  # fmt: skip
    probes = biased(ground, random, share=bias)
    weather = made_days(BRUSSELS, first, days + 1, random)
    daily = et0_daily(weather.weather, BRUSSELS.site, np.array(TABLES.climate.et0_mm_day)).et0_mm
    hourly = hourly_et0_mm(daily, BRUSSELS.latitude_deg, weather.day_of_year)[NOON : NOON + 24 * days]
    rain = weather.rain_mm[NOON : NOON + 24 * days]
    return _lived(zones, ground, probes, hourly, rain, uniformity, random)


def _lived(
    zones: Zones, ground: Ground, probes: Probes, et0: Floats, rain: Floats, uniformity: Floats,
    random: np.random.Generator,
) -> Lived:  # fmt: skip
    has_probe = np.array([bool(probe) for probe in zones.probe])
    water, told, lacked, valves = filled(ground, 0.3 * ground.taw_mm), [], [], []
    said, wanted = np.zeros(len(zones)), np.zeros(len(zones))
    for hour in range(et0.size):
        if hour % 24 == NOON:
            lack = depletion_mm(ground, water)
            wanted = np.where(lack > 0.8 * ground.raw_mm(), 0.5 * lack / uniformity, 0.0)
        valves.append(wanted if hour % 24 == NOON + 4 else np.zeros(len(zones)))
        water, _ = passed(ground, water, et0_mm=et0[hour], rain_mm=rain[hour], valve_mm=valves[-1])
        said = probes.says(ground, water, hour, said, random)
        told.append(np.where(has_probe, said, np.nan))
        if hour % 24 == 23:
            lacked.append(depletion_mm(ground, water))
    days = (et0.size // 24, 24)
    past = Past(
        et0_mm=et0.reshape(days).sum(axis=1),
        rain_mm=np.repeat(rain.reshape(days).sum(axis=1)[:, None], len(zones), axis=1),
        irrigation_mm=uniformity * np.array(valves).reshape(*days, -1).sum(axis=1),
        raw_vwc=np.array(told),
    )
    return Lived(past, np.array(lacked), ground)
