"""Two made days of other people than refuse collectors, for the same optimiser: visits under a heat plan, lamp repairs.

Quarters are named after some of Angers, about where these lie; people, work orders and all figures are made up.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from optimizers.routing.forms import (
    PlaceDocument,
    ProblemDocument,
    ProfileDocument,
    RestDocument,
    RulesDocument,
    SiteDocument,
    StopDocument,
    VehicleDocument,
    WeightsDocument,
)

_HOUR_S = 3_600.0
_MIN_S = 60.0
_DAY_S = 86_400.0
_QUARTERS = {"Centre": (-0.556, 47.472), "Monplaisir": (-0.545, 47.492), "La Roseraie": (-0.553, 47.451)}
_AROUND = {"Centre": 0.005, "Monplaisir": 0.004, "La Roseraie": 0.004}  # degrees of latitude, half a kilometre
_AGENT_EUR_H = 10.0
"""Made: agents are called out for the day whatever they do in it; this is what else they could do."""

_CREW_EUR_H = 60.0
_EUR_A_DAY_OF_WAITING = 8.0
_CAR, _FOOT = "car", "foot"

AGENT = RulesDocument(id="agent", longest_work_s=6 * _HOUR_S, work_break_s=20 * _MIN_S, most_work_s=10 * _HOUR_S)
"""As datasets/reference/working_time.yaml has it: Code du travail, L3121-16 and L3121-18."""

DRIVER = RulesDocument(
    id="driver-9h",
    longest_drive_s=4.5 * _HOUR_S,
    drive_break_s=45 * _MIN_S,
    split_s=[15 * _MIN_S, 30 * _MIN_S],
    most_drive_s=9 * _HOUR_S,
    longest_work_s=6 * _HOUR_S,
    work_break_s=30 * _MIN_S,
    most_work_s=9 * _HOUR_S,
)
"""Likewise: regulation 561/2006, articles 6 and 7, and directive 2002/15, article 5."""


def heat_plan(seed: int = 0) -> ProblemDocument:
    """A day of the heat plan: people of the town's register are visited at home.

    The mayor keeps a register of old and disabled people who ask to be on it (CASF L121-6-1), so that somebody looks
    after them when the heat plan is in force. Whoever did not answer the telephone is seen this morning before the heat
    (required, `urgent`); those who answered badly by day's end if at all possible, the others by what a visit is worth
    to them. Some were promised an hour or two, some need a nurse, couples are seen together, and people are glad of the
    face they know (`former`). Who walks is back before the hottest hours and stays in one quarter.
    """
    rng = np.random.default_rng(seed)
    walkers = [f"walks-{quarter}" for quarter in _QUARTERS]
    return ProblemDocument(
        places=[_place("town hall", -0.5560, 47.4720)],
        profiles=[ProfileDocument(name=_CAR, speed_kmh=22.0), ProfileDocument(name=_FOOT, speed_kmh=4.5)],
        stops=list(_people(rng, 64, [*walkers, "drives-1", "drives-nurse"])),
        vehicles=[
            *(_walker(name, quarter) for name, quarter in zip(walkers, _QUARTERS, strict=True)),
            _driver("drives-1", []),
            _driver("drives-nurse", ["nurse"]),
        ],
        rules=[AGENT],
        weights=WeightsDocument(moved=3.0),
    )


def maintenance(seed: int = 0) -> ProblemDocument:
    """Two days of three crews that mend lamps.

    What is dangerous or has waited for a month is required, `urgent` today; else a repair is worth more the longer it
    has waited. High lamps need the lorry with the bucket, cabinets an electrician, main roads a lane closed, which the
    town allows between 9:30 and 16:00 of one of the days. Old fittings are brought back to the workshop, of which a van
    holds eight.
    """
    rng = np.random.default_rng(seed)
    workshop = _place("workshop", -0.5810, 47.4800)
    crews = [_crew(name, day) for day in range(2) for name in ("van-1", "van-2", "bucket")]
    return ProblemDocument(
        dimensions=["fittings"],
        places=[workshop],
        profiles=[ProfileDocument(name="car", speed_kmh=25.0), ProfileDocument(name="lorry", speed_kmh=20.0)],
        stops=list(_orders(rng, 60)),
        sites=[SiteDocument(id="workshop scrap", place="workshop", unload_s=10 * _MIN_S)],
        vehicles=crews,
        rules=[AGENT, DRIVER],
        weights=WeightsDocument(border=2.0),
    )


def _place(name: str, lon: float, lat: float) -> PlaceDocument:
    return PlaceDocument(id=name, lon=lon, lat=lat)


def _people(rng: np.random.Generator, n: int, agents: list[str]) -> Iterator[StopDocument]:
    for k in range(n):
        quarter = list(_QUARTERS)[int(rng.integers(len(_QUARTERS)))]
        kind = str(rng.choice(["urgent", "poorly", "well"], p=[0.15, 0.35, 0.5]))
        nurse = bool(rng.random() < 0.2)
        yield _stop(
            f"{kind}-{k + 1:02d}",
            *_somewhere(rng, quarter),
            service_s=float(rng.choice([15, 20, 30])) * _MIN_S + 10 * _MIN_S * nurse,
            windows=_promised(rng, kind),
            required=kind == "urgent",
            prize={"urgent": 0.0, "poorly": 60.0, "well": float(rng.integers(10, 30))}[kind],
            skills=["nurse"] * nurse,
            zone=quarter,
            former=str(rng.choice(["", *agents])),
        )
    lon, lat = _somewhere(rng, "Monplaisir")
    for k in range(2):
        yield _stop(
            f"couple-{k + 1}", lon, lat, service_s=15 * _MIN_S, required=False, prize=40.0, zone="Monplaisir",
            together="couple",
        )  # fmt: skip


def _promised(rng: np.random.Generator, kind: str) -> list[tuple[float, float]]:
    if kind == "urgent":
        return [(8.5 * _HOUR_S, 11 * _HOUR_S)]
    if rng.random() < 0.25:
        start = float(rng.choice([9, 10, 11, 13.5, 14.5, 15.5])) * _HOUR_S
        return [(start, start + float(rng.choice([1, 2])) * _HOUR_S)]
    return []


def _walker(name: str, quarter: str) -> VehicleDocument:
    return _out(name, (8.5, 14.5), profile=_FOOT, zones=[quarter], skills=[], per_s=_AGENT_EUR_H / _HOUR_S)


def _driver(name: str, skills: list[str]) -> VehicleDocument:
    return _out(name, (8.5, 17.5), profile=_CAR, zones=None, skills=skills, per_s=_AGENT_EUR_H / _HOUR_S, per_m=0.0003)


def _out(name: str, hours: tuple[float, float], **more: Any) -> VehicleDocument:
    lunch = RestDocument(earliest_s=12 * _HOUR_S, latest_s=13 * _HOUR_S, duration_s=45 * _MIN_S)
    return VehicleDocument(
        id=name, start="town hall", end="town hall", shift=(hours[0] * _HOUR_S, hours[1] * _HOUR_S), rests=[lunch],
        rules=AGENT.id, **more,
    )  # fmt: skip


def _orders(rng: np.random.Generator, n: int) -> Iterator[StopDocument]:
    for k in range(n):
        quarter = list(_QUARTERS)[int(rng.integers(len(_QUARTERS)))]
        age_days = int(np.ceil(rng.exponential(12.0)))
        urgent = bool(rng.random() < 0.08)
        kind = str(rng.choice(["lamp", "cabinet", "high"], p=[0.6, 0.15, 0.25]))
        yield _stop(
            f"{'urgent-' * urgent}{kind}-{k + 1:02d}",
            *_somewhere(rng, quarter),
            load={} if kind == "cabinet" else {"fittings": float(rng.integers(1, 3))},
            service_s=float({"lamp": 25, "cabinet": 60, "high": 40}[kind]) * _MIN_S,
            windows=[(0.0, _DAY_S)] if urgent else _closed_lane(rng, kind),
            required=urgent or age_days > 30,
            prize=0.0 if urgent or age_days > 30 else _EUR_A_DAY_OF_WAITING * age_days,
            skills={"lamp": [], "cabinet": ["electrician"], "high": ["bucket"]}[kind],
            zone=quarter,
        )


def _closed_lane(rng: np.random.Generator, kind: str) -> list[tuple[float, float]]:
    if kind != "high" or rng.random() < 0.5:
        return []
    day = float(rng.integers(2)) * _DAY_S
    return [(day + 9.5 * _HOUR_S, day + 15.5 * _HOUR_S)]  # begun half an hour before the lane is opened again


def _crew(name: str, day: int) -> VehicleDocument:
    start_s, bucket = day * _DAY_S, name == "bucket"
    lunch = RestDocument(earliest_s=start_s + 11.5 * _HOUR_S, latest_s=start_s + 13 * _HOUR_S, duration_s=_HOUR_S)
    skills = ["bucket", "electrician"] if bucket else ["electrician"] * (name == "van-1")
    return VehicleDocument(
        id=f"{name} day {day + 1}",
        start="workshop",
        end="workshop",
        shift=(start_s + 8 * _HOUR_S, start_s + 17 * _HOUR_S),
        profile="lorry" if bucket else "car",
        capacity={"fittings": 20.0 if bucket else 8.0},
        empties=True,
        longest_s=8.5 * _HOUR_S,
        overtime_s=0.5 * _HOUR_S,
        overtime_per_s=_CREW_EUR_H / 2 / _HOUR_S,
        skills=skills,
        fixed=40.0 if bucket else 15.0,
        per_m=0.0008 if bucket else 0.0004,
        per_s=_CREW_EUR_H / _HOUR_S,
        rests=[lunch],
        rules=(DRIVER if bucket else AGENT).id,
    )


def _stop(name: str, lon: float, lat: float, **more: Any) -> StopDocument:
    return StopDocument(id=name, lon=lon, lat=lat, **more)


def _somewhere(rng: np.random.Generator, quarter: str) -> tuple[float, float]:
    """Longitude and latitude, to a metre or so."""
    (lon, lat), spread = _QUARTERS[quarter], _AROUND[quarter]
    return round(lon + float(rng.normal(0, 1.5 * spread)), 5), round(lat + float(rng.normal(0, spread)), 5)
