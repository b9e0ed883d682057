"""Lamps and counters as columns, read once and checked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import numpy as np

from engine.errors import InputError, Problem
from engine.inventory.lamps import LampAttributes, read_lamp
from engine.model import Asset
from jobs.lighting.roads import Roads, roads_of
from jobs.lighting.tables import LightingTables
from jobs.words import some
from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting import PowerCurve
from optimizers.lighting_classes import required_flux, thousandths
from optimizers.lighting_lamp import drive_now, held_back, level_now, light_left
from optimizers.result import InvalidProblem


@dataclass(frozen=True, eq=False)
class Fleet:
    """n lamps, C counters.

    family (n,) letter of the normal class, number (n,) its number
    constant (n,)  true where traffic lowers nothing: crossings and other conflict areas (class C)
    level_full (n,)  level at full flux, maintained and of that age, in the unit of the normal class
    power_w (n,)   power at full flux, of that age
    counter (n,)   index of the counter, -1 for none; capacity_veh_h (C,)
    detector (n,)  index of the detector at which a lamp brightens by itself, to `boost` (n,) for `hold_s` (n,); -1 for
                   none. Conflict areas never dim, and have none
    """

    lamps: tuple[str, ...]
    family: np.ndarray[Any, np.dtype[np.str_]]
    number: Ints
    constant: Bools
    level_full: Floats
    power_w: Floats
    dimmable: Bools
    curves: tuple[PowerCurve, ...]
    curve: Ints
    pairs: Ints
    counters: tuple[str, ...]
    counter: Ints
    capacity_veh_h: Floats
    detectors: tuple[str, ...]
    detector: Ints
    boost: Floats
    hold_s: Floats
    roads: Roads
    reasons: tuple[str, ...]

    @property
    def lane(self) -> Bools:
        """(n,) whether a lamp brightens by itself."""
        return self.detector >= 0


def read_fleet(
    lamps: Sequence[Asset], counters: Sequence[Asset], tables: LightingTables, on: date | None = None
) -> Fleet:
    """Lamps as old as they are `on` a day. Raises InputError with every problem of every lamp and counter."""
    rows, capacity = _read(lamps, counters, tables)
    ids = tuple(lamp.id for lamp in lamps)
    age = _age(rows, tables, on)
    curves, curve, power_w = _curves(rows, age, tables)
    index = {counter: i for i, counter in enumerate(capacity)}
    constant = np.array([row.crossing or row.class_normal[0] == "C" for row in rows])
    maintained = np.array([_maintained(row, tables) for row in rows])
    level_full = level_now(maintained, age.maintenance, age.left, age.clo)
    detectors, detector = _detectors(rows, constant)
    return Fleet(
        lamps=ids,
        family=np.array([row.class_normal[0] for row in rows]),
        number=np.array([int(row.class_normal[1:]) for row in rows]),
        constant=constant,
        level_full=level_full,
        power_w=power_w,
        dimmable=np.array([row.dimmable for row in rows]),
        curves=curves,
        curve=curve,
        pairs=_pairs(rows),
        counters=tuple(capacity),
        counter=np.array([index.get(row.counter, -1) for row in rows]),
        capacity_veh_h=np.array(list(capacity.values()), np.float64),
        detectors=detectors,
        detector=detector,
        boost=np.where(detector >= 0, _boost(rows, maintained, tables), 0.0),
        hold_s=np.array([row.hold_s or tables.lanes.hold.total_seconds() for row in rows]),
        roads=roads_of(lamps, rows, counters),
        reasons=tuple(_reasons(ids, rows, index, tables)),
    )


def _read(
    lamps: Sequence[Asset], counters: Sequence[Asset], tables: LightingTables
) -> tuple[list[LampAttributes], dict[str, float]]:
    """What each lamp says, and the capacity of the road of each counter. Raises InputError."""
    problems: list[Problem] = []
    capacity = _capacities(counters, problems)
    rows = [attributes for lamp in lamps if (attributes := _attributes(lamp, tables, problems))]
    problems += _twice([lamp.id for lamp in lamps]) + _twice([counter.id for counter in counters])
    if not lamps:
        problems.append(Problem("lighting", 0, 0, "no lamp", "import or generate a territory"))
    if problems:
        raise InputError(problems)
    return rows, capacity


def _attributes(lamp: Asset, tables: LightingTables, problems: list[Problem]) -> LampAttributes | None:
    row, wrong = read_lamp(lamp.attributes)
    problems += [Problem(lamp.id, 0, 0, what, hint) for what, hint in wrong]
    if row is None:
        return None
    found_problems = list(_not_plannable(lamp.id, row, tables))
    problems += found_problems
    return None if found_problems else row


def _not_plannable(lamp: str, row: LampAttributes, tables: LightingTables) -> Iterator[Problem]:
    if row.flux_curve not in tables.flux_curves:
        known = ", ".join(tables.flux_curves)
        yield Problem(lamp, 0, 0, f"flux_curve: no curve {row.flux_curve!r} in lighting.yaml", f"one of: {known}")
    family = tables.families[row.class_normal[0]]
    try:
        family.number_of(row.class_normal)
    except InvalidProblem:
        classes = f"{family.label(family.first)}…{family.label(family.last)}"
        yield Problem(lamp, 0, 0, f"class_normal {row.class_normal} requires no level", f"one of {classes}")


def _capacities(counters: Sequence[Asset], problems: list[Problem]) -> dict[str, float]:
    found: dict[str, float] = {}
    for counter in counters:
        capacity = counter.attributes.get("capacity_veh_h")
        if isinstance(capacity, int | float) and 0 < capacity < float("inf"):
            found[counter.id] = float(capacity)
        else:
            problems.append(
                Problem(counter.id, 0, 0, f"capacity_veh_h is {capacity!r}", "vehicles an hour, more than 0")
            )
        lanes = counter.attributes.get("lanes", 1)
        if not isinstance(lanes, int) or isinstance(lanes, bool) or lanes < 1:
            problems.append(
                Problem(counter.id, 0, 0, f"lanes is {lanes!r}", "how many are counted together, 1 or more")
            )
    return found


def _twice(ids: Sequence[str]) -> list[Problem]:
    seen: set[str] = set()
    again = {one for one in ids if one in seen or seen.add(one)}  # type: ignore[func-returns-value]
    return [Problem(one, 0, 0, "stands more than once", "keep one of them") for one in again]


def _maintained(row: LampAttributes, tables: LightingTables) -> float:
    """Luminance L and illuminance E of a road surface compare by L = Q0 · E."""
    to_luminance = row.class_normal[0] == "M"
    if to_luminance == (row.class_full[0] == "M"):
        return row.luminance_full
    return row.luminance_full * tables.surface_q0 if to_luminance else row.luminance_full / tables.surface_q0


@dataclass(frozen=True, eq=False)
class _Age:
    """maintenance (n,) 1 where it is not stated, which corrects nothing; left (n,) see `light_left`."""

    maintenance: Floats
    left: Floats
    clo: Bools


def _age(rows: Sequence[LampAttributes], tables: LightingTables, on: date | None) -> _Age:
    maintenance = np.array([row.maintenance_factor or 1.0 for row in rows])
    burned = np.array([_burned_h(row, tables, on) for row in rows])
    life_h = np.array([tables.life_h[row.flux_curve] for row in rows])
    return _Age(maintenance, light_left(burned, life_h, maintenance), np.array([row.clo for row in rows]))


def _burned_h(row: LampAttributes, tables: LightingTables, on: date | None) -> float:
    if row.burning_h is not None:
        return row.burning_h
    if row.installed is None or on is None:
        return float("nan")
    years = (on - date.fromisoformat(row.installed)).days / 365.25
    return max(years, 0.0) * tables.burning_h_per_year


def _curves(
    rows: Sequence[LampAttributes], age: _Age, tables: LightingTables
) -> tuple[tuple[PowerCurve, ...], Ints, Floats]:
    """The curves there are, which each lamp has, and its power at full flux."""
    drive = drive_now(age.maintenance, age.left, age.clo).tolist()
    kinds = [(row.flux_curve, row.standby_w / row.power_w, held) for row, held in zip(rows, drive, strict=True)]
    index = {kind: i for i, kind in enumerate(dict.fromkeys(kinds))}
    held = [held_back(tables.curve(name, standby), held) for name, standby, held in index]
    curve = np.array([index[kind] for kind in kinds])
    power_w = np.array([row.power_w for row in rows]) * np.array([full for _, full in held])[curve]
    return tuple(curve for curve, _ in held), curve, power_w


def _detectors(rows: Sequence[LampAttributes], constant: Bools) -> tuple[tuple[str, ...], Ints]:
    of = [None if stays else row.detector for row, stays in zip(rows, constant.tolist(), strict=True)]
    index = {detector: i for i, detector in enumerate(dict.fromkeys(name for name in of if name is not None))}
    return tuple(index), np.array([-1 if name is None else index[name] for name in of])


def _boost(rows: Sequence[LampAttributes], maintained: Floats, tables: LightingTables) -> Floats:
    """What each lamp says, or the flux at which it maintains its normal class: a lamp is set up once, for life."""
    of_class = {
        family.label(family.first + k): level
        for family in tables.families.values()
        for k, level in enumerate(family.levels)
    }
    levels = np.array([of_class[row.class_normal] for row in rows])
    normal, _ = required_flux(levels, maintained, tables.flux_grid)
    said = np.array([np.nan if row.boost_flux is None else row.boost_flux for row in rows])
    return np.where(np.isnan(said), normal, said)


def _pairs(rows: Sequence[LampAttributes]) -> Ints:
    """Lamps that follow each other in a segment."""
    order = sorted(range(len(rows)), key=lambda i: (rows[i].segment, rows[i].order))
    pairs = [(a, b) for a, b in pairwise(order) if rows[a].segment == rows[b].segment]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _reasons(
    ids: Sequence[str], rows: Sequence[LampAttributes], counters: Mapping[str, int], tables: LightingTables
) -> Iterator[str]:
    unknown = [lamp for lamp, row in zip(ids, rows, strict=True) if row.counter not in counters]
    if unknown:
        yield f"no such counter: {some(unknown)} lamps"
    weighed = lru_cache(maxsize=None)(partial(weighed_class, tables))
    differing = [
        lamp
        for lamp, row in zip(ids, rows, strict=True)
        if not row.crossing and weighed(*_described(row)) != row.class_normal
    ]
    if differing:
        yield f"declared class kept where the weights give another: {some(differing)} lamps"


def _described(row: LampAttributes) -> tuple[str, float, str, bool, str]:
    return row.class_normal[0], row.speed_kmh, row.composition, row.parked_vehicles, row.ambient


def weighed_class(
    tables: LightingTables, letter: str, speed_kmh: float, composition: str, parked: bool, ambient: str
) -> str | None:
    """Class the weights give a busy street; None where the family has no weight for what the street says of itself."""
    system, family = tables.systems[letter], tables.families[letter]  # type: ignore[index]
    options = {
        **system.assumed,
        system.speed.parameter: system.speed.option(speed_kmh),
        "traffic_composition": composition,
        "parked_vehicles": "present" if parked else "not_present",
        "ambient_luminosity": ambient,
    }
    try:
        total = family.static_sum(options) + thousandths(system.traffic.two_lane.busy)
    except InvalidProblem:
        return None
    return family.label(int(family.number(np.array(total))))
