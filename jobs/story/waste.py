"""The containers of a story: five weeks under a collection calendar before, and the day of which rounds are made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl

from engine.instants import PARIS, isoformat
from engine.model import Asset
from engine.telemetry.raw import raw_frame
from jobs.lighting.night import Night
from twin.collection.containers import Bin, Containers, Dumped
from twin.faults import Fault, FaultKind, Faults

HISTORY = timedelta(days=35)

CALENDAR: Mapping[str, tuple[tuple[int, ...], int]] = {"other": ((1, 4), 1), "paper": ((3,), 1), "glass": ((2,), 2)}
"""Weekdays (0 Monday) on which all containers of a kind were emptied, and every how many weeks. Ours."""

_DAYS_TO_FILL = {"other": 5.0, "paper": 11.0, "glass": 24.0}
_KG_M3 = {"other": 130.0, "paper": 60.0, "glass": 300.0}  # in the container, uncompacted; ours, orders of magnitude
_UNLIKE = 0.35  # standard deviation of the logarithm of what containers of a kind are filled by
_EMPTIED = time(7)  # local, on days of the calendar
_BIAS = 0.01  # standard deviation of what sensors say too much
_MIS_ZEROED = 0.12
_BESIDE_DEG = 0.002  # some 150 m
_STUCK_FOR, _FOAM_FOR = timedelta(days=6), timedelta(days=4)
_BREAKS_AFTER, _BROKEN_FOR = timedelta(hours=21, minutes=10), timedelta(hours=10)  # after noon: ten past nine
_MOVES_AFTER = timedelta(hours=5, minutes=20)


@dataclass(frozen=True, eq=False)
class Waste:
    """What a story holds of containers and trucks, and a RAW frame of what was told of them before it."""

    history: pl.DataFrame
    bins: tuple[Bin, ...]
    dumped: tuple[Dumped, ...]
    faults: tuple[Fault, ...]
    pace: float


def made_waste(assets: Sequence[Asset], night: Night, seed: int) -> Waste:
    """Weeks of levels and weights under a calendar, then the day from noon to noon.

    One sensor is stuck, one sees foam, one is silent, one was set to zero over a bottom that was not empty; somebody
    clears out a house in the afternoon; of two trucks of one kind the last breaks down at ten past nine in the morning.
    The same seed makes the same.
    """
    random = np.random.default_rng([seed, 4])
    known = {asset.id: asset for asset in assets if asset.type == "WasteContainer"}
    bins = _bins(known, random)
    faults = _wrong(bins, night, random)
    start_at = night.start - HISTORY
    containers = Containers(bins, known, (), Faults(faults), start_at, seed)
    history = _weeks(containers, known, start_at, night.start)
    now = tuple(
        replace(one, content_l=float(containers.content_l[row]), said=_finite(containers.said[row]))
        for row, one in enumerate(bins)
    )
    return Waste(
        history=raw_frame(history),
        bins=now,
        dumped=_moves(now, night),
        faults=(*faults, *_broken(assets, night)),
        pace=1.05,
    )


def kind_of(asset: Asset) -> str:
    """What a container is for; of several kinds the first."""
    return str((asset.attributes.get("storedWasteKind") or ["other"])[0])


def calendar_kinds(day: date) -> frozenset[str]:
    """The kinds that the calendar has emptied on a day."""
    week = day.toordinal() // 7
    return frozenset(
        kind for kind, (weekdays, every) in CALENDAR.items() if day.weekday() in weekdays and week % every == 0
    )


def _bins(known: Mapping[str, Asset], random: np.random.Generator) -> tuple[Bin, ...]:
    unlike = np.exp(random.normal(0.0, _UNLIKE, len(known)))
    begun, bias = random.random(len(known)), random.normal(0.0, _BIAS, len(known))
    wrong = random.integers(max(len(known), 1))
    found = []
    for row, asset in enumerate(known.values()):
        kind, volume_l = kind_of(asset), float(asset.attributes.get("volume_l", 4000))
        found.append(
            Bin(
                asset.id,
                volume_l,
                content_l=float(begun[row] * 0.6 * volume_l),
                daily_l=float(unlike[row] * volume_l / _DAYS_TO_FILL.get(kind, 10.0)),
                kg_m3=_KG_M3.get(kind, 100.0),
                bias=float(bias[row]) + (_MIS_ZEROED if row == wrong else 0.0),
                beside=_beside(asset, known.values()),
            )
        )
    return tuple(found)


def _beside(asset: Asset, others: Iterable[Asset]) -> str:
    """The nearest of the same kind within a short walk."""
    near = [
        (abs(one.lon - asset.lon) + abs(one.lat - asset.lat), one.id)
        for one in others
        if one.id != asset.id and kind_of(one) == kind_of(asset)
    ]
    distance, name = min(near, default=(np.inf, ""))
    return name if distance <= _BESIDE_DEG else ""


def _weeks(
    containers: Containers, known: Mapping[str, Asset], start_at: datetime, until: datetime
) -> list[dict[str, Any]]:
    """What sensors and lifts told, crews coming by the calendar."""
    told: list[dict[str, Any]] = []
    day = start_at.astimezone(PARIS).date()
    while (emptied_at := datetime.combine(day, _EMPTIED, PARIS)) < until:
        kinds = calendar_kinds(day) if emptied_at > start_at else frozenset()
        for k, asset in enumerate(asset for asset in known.values() if kind_of(asset) in kinds):
            at = emptied_at + timedelta(minutes=4 * k)
            told += containers.readings(at)
            kg = containers.empty(asset.id, at)
            told += [
                {"asset": asset.id, "property": name, "value": value, "observed_at": isoformat(at)}
                for name, value in (("cargoWeight", round(kg, 1)), ("exception", "none"))
            ]
        day += timedelta(days=1)
    return told + containers.readings(until)


def _wrong(bins: Sequence[Bin], night: Night, random: np.random.Generator) -> tuple[Fault, ...]:
    if len(bins) < 3:
        return ()
    stuck, foamy, silent = (bins[k].asset for k in random.choice(len(bins), 3, replace=False))
    return (
        Fault(stuck, FaultKind.STUCK, night.start - _STUCK_FOR, night.until),
        Fault(foamy, FaultKind.FOAM, night.start - _FOAM_FOR, night.until),
        Fault(silent, FaultKind.SILENT, night.start - timedelta(days=3), night.until),
    )


def _moves(bins: Sequence[Bin], night: Night) -> tuple[Dumped, ...]:
    """Somebody clears out a house before the evening's plan."""
    if not bins:
        return ()
    emptiest = min(bins, key=lambda one: one.content_l / one.volume_l)
    return (Dumped(emptiest.asset, night.start + _MOVES_AFTER, 0.9 * emptiest.volume_l),)


def _broken(assets: Sequence[Asset], night: Night) -> tuple[Fault, ...]:
    """The last truck of those that another can stand in for."""
    trucks = [asset for asset in assets if asset.type == "Vehicle"]
    kinds = [tuple(truck.attributes.get("fractions", ())) for truck in trucks]
    for truck, kind in reversed(list(zip(trucks, kinds, strict=True))):
        if kinds.count(kind) > 1:
            breaks_at = night.start + _BREAKS_AFTER
            return (Fault(truck.id, FaultKind.FAILURE, breaks_at, breaks_at + _BROKEN_FOR),)
    return ()


def _finite(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
