"""Zones, cabinets, feeders, lamps, detectors, counting loops and crossings, from streets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from engine.errors import InputError, Problem
from engine.inventory.lamps import CLASS_LEVELS
from engine.model import Asset, Zone
from twin.territory.apportion import apportion
from twin.territory.cells import M_PER_DEGREE_LAT, M_PER_DEGREE_LON
from twin.territory.inventory import Roads, Variant
from twin.territory.streets import SPACING_M, Street, bisect

LOOP_GROUPS = (("main",), ("collector",), ("residential", "path"))
_LOOP_SHARES = (2, 2, 1)
_DETECTOR_FIRST = ("path", "residential", "collector", "main")
_CROSSING_POWER = 1.5
_CABINET_TAKES = {"programs": 6, "switch_points": 8}
"""Of one night, as a small cabinet controller does. Ours."""


@dataclass(frozen=True, eq=False)
class Site:
    """A street and what its lamps hang on. `first` is the number of its first lamp in the commune."""

    street: Street
    zone: str
    cabinet: str
    first: int

    def lamp(self, order: int) -> str:
        return f"L-{self.street.commune}-{self.first + order:05d}"

    def place(self, order: int) -> tuple[float, float]:
        return float(self.street.lon[order]), float(self.street.lat[order])


def settle(streets: Mapping[str, Sequence[Street]], zones: int, cabinets: int) -> tuple[list[Zone], list[Site]]:
    """Cut each commune's streets into zones and those into cabinets, as many lamps in each as can be.

    Raises InputError where there are more cabinets than streets.
    """
    lamps = [sum(street.lamps for street in some) for some in streets.values()]
    zones_of = apportion(zones, lamps, at_least=1)
    extra_of = apportion(cabinets - zones, lamps)
    made: list[Zone] = []
    sites: list[Site] = []
    for (insee, some), count, extra in zip(streets.items(), zones_of, extra_of, strict=True):
        groups = _cut(some, count)
        extras = apportion(extra, [sum(street.lamps for street in group) for group in groups])
        first, number = 1, 1
        for k, (group, more) in enumerate(zip(groups, extras, strict=True), start=1):
            made.append(Zone(f"Z-{insee}-{k:03d}", insee))
            for hung in _cut(group, 1 + more):
                for street in hung:
                    sites.append(Site(street, made[-1].id, f"A-{insee}-{number:04d}", first))
                    first += street.lamps
                number += 1
    return made, sites


def _cut(streets: Sequence[Street], parts: int) -> list[list[Street]]:
    try:
        return bisect(streets, parts)
    except ValueError as error:
        where = streets[0].commune
        hint = "lower the number of zones or cabinets in the inventory"
        raise InputError([Problem("territory", 0, 0, f"{where}: {error}", hint)]) from None


def light(
    sites: Sequence[Site], counts: Mapping[str, int], dimmable: int, roads: Roads, random: np.random.Generator
) -> dict[str, list[Asset]]:
    """Every asset of the streets, by type."""
    led = _led(sites, min(dimmable, counts["Streetlight"]), random)
    crossings = _crossings(sites, counts["PedestrianCrossing"], random)
    loops = _loops(sites, counts["TrafficFlowObserved"], roads, random)
    draws = random.random((len(sites), 2))
    detectors, lane_of = _detectors(sites, led, counts["PresenceDetector"], random)
    cabinets = [list(group) for _, group in groupby(sites, key=lambda site: site.cabinet)]
    counters = _Counters(loops)
    return {
        "StreetlightControlCabinet": [_cabinet(group) for group in cabinets],
        "StreetlightFeeder": list(_feeders(cabinets, counts["StreetlightFeeder"])),
        "Streetlight": [
            lamp
            for k, site in enumerate(sites)
            for lamp in _lamps(
                site, led[k], crossings.get(k, frozenset()), counters.nearest(site), draws[k], roads, lane_of
            )
        ],
        "PresenceDetector": detectors,
        "TrafficFlowObserved": loops,
        "PedestrianCrossing": list(_crossing_assets(sites, crossings)),
    }


def _led(sites: Sequence[Site], dimmable: int, random: np.random.Generator) -> list[int]:
    """How many lamps of each street, from its first, are LED: whole streets in any order, the last one in part."""
    led = [0] * len(sites)
    for k in np.argsort(random.random(len(sites)), kind="stable"):
        led[k] = min(sites[k].street.lamps, dimmable)
        dimmable -= led[k]
    return led


def _crossings(sites: Sequence[Site], count: int, random: np.random.Generator) -> dict[int, frozenset[int]]:
    """Lamps at a crossing, by street; on a path only when there is no other lamp left."""
    lamps = [(k, order) for k, site in enumerate(sites) for order in range(site.street.lamps)]
    draw = random.random(len(lamps)) + [sites[k].street.road_class == "path" for k, _ in lamps]
    chosen = sorted(lamps[k] for k in np.argsort(draw, kind="stable")[:count])
    return {k: frozenset(order for _, order in group) for k, group in groupby(chosen, key=lambda lamp: lamp[0])}


def _loops(sites: Sequence[Site], count: int, roads: Roads, random: np.random.Generator) -> list[Asset]:
    groups = [[site for site in sites if site.street.road_class in classes] for classes in LOOP_GROUPS]
    shares = apportion(count, [share if group else 0 for share, group in zip(_LOOP_SHARES, groups, strict=True)])
    where: list[tuple[Site, str]] = []
    for classes, group, share in zip(LOOP_GROUPS, groups, shares, strict=True):
        order = np.argsort(random.random(len(group)), kind="stable")
        where += [(group[order[k % len(order)]], classes[0]) for k in range(share)]
    where.sort(key=lambda pair: (pair[0].street.commune, pair[0].street.number))
    loops: list[Asset] = []
    numbers = Numbers("T")
    for site, road_class in where:
        attributes = {"road_class": road_class, "capacity_veh_h": roads.roads[road_class].capacity_veh_h}  # type: ignore[index]
        place = site.place(site.street.lamps // 2)
        name = numbers.next(site.street.commune)
        loops.append(Asset(name, "TrafficFlowObserved", site.zone, *place, None, f"GW-{site.zone}", attributes))
    return loops


class Numbers:
    """Names of one type: prefix, commune, number from 1 in the commune."""

    def __init__(self, prefix: str, digits: int = 4) -> None:
        self._prefix, self._digits = prefix, digits
        self._last: dict[str, int] = {}

    def next(self, commune: str) -> str:
        self._last[commune] = self._last.get(commune, 0) + 1
        return f"{self._prefix}-{commune}-{self._last[commune]:0{self._digits}d}"


class _Counters:
    """The counting loop a street reads its traffic from: the nearest of its group, or of all if the group has none."""

    def __init__(self, loops: Sequence[Asset]) -> None:
        self._of: dict[str, tuple[list[Asset], np.ndarray, np.ndarray]] = {}
        for classes in LOOP_GROUPS:
            group = [loop for loop in loops if loop.attributes["road_class"] == classes[0]] or list(loops)
            x = np.array([loop.lon * M_PER_DEGREE_LON for loop in group])
            y = np.array([loop.lat * M_PER_DEGREE_LAT for loop in group])
            self._of |= dict.fromkeys(classes, (group, x, y))

    def nearest(self, site: Site) -> str:
        group, x, y = self._of[site.street.road_class]
        lon, lat = site.place(0)
        return group[int(np.argmin((x - lon * M_PER_DEGREE_LON) ** 2 + (y - lat * M_PER_DEGREE_LAT) ** 2))].id


def _cabinet(group: Sequence[Site]) -> Asset:
    """A cabinet stands by the first lamp of the street in the middle of its own."""
    site = group[len(group) // 2]
    return Asset(
        site.cabinet, "StreetlightControlCabinet", site.zone, *site.place(0), None, site.cabinet, dict(_CABINET_TAKES)
    )


def _feeders(cabinets: Sequence[Sequence[Site]], count: int) -> Iterator[Asset]:
    """Feeders of each cabinet, which share its streets; `segments` names those each one feeds."""
    lamps = [sum(site.street.lamps for site in group) for group in cabinets]
    many = count >= len(cabinets)
    numbers = Numbers("F")
    for group, share in zip(cabinets, apportion(count, lamps, at_least=int(many)), strict=True):
        fed = apportion(len(group), [1] * share) if share else []
        start = 0
        for streets in fed:
            segments = [site.street.id for site in group[start : start + streets]]
            site = group[min(start, len(group) - 1)]
            name = numbers.next(site.street.commune)
            place = group[len(group) // 2].place(0)
            yield Asset(
                name, "StreetlightFeeder", site.zone, *place, site.cabinet, site.cabinet, {"segments": segments}
            )
            start += streets


def _lamps(
    site: Site,
    led: int,
    crossings: frozenset[int],
    counter: str,
    draw: np.ndarray,
    roads: Roads,
    lane_of: Mapping[str, str],
) -> Iterator[Asset]:
    margin = 105 + 5 * int(draw[0] * 6)  # per cent of what the class asks: lamps come in steps
    curve = ("led-a", 0.5) if draw[1] < 0.6 else ("led-b", 1.0)
    for order in range(site.street.lamps):
        dimmable = order < led
        attributes = {
            "segment": site.street.id,
            "order": order,
            "road_class": site.street.road_class,
            "dimmable": dimmable,
            **_power(site.street.variant, dimmable, order in crossings, curve),
            **_class(site.street.variant, order in crossings, margin, roads),
            "counter": counter,
            "speed_kmh": site.street.variant.speed_kmh,
            "composition": site.street.variant.composition,
            "parked_vehicles": site.street.variant.parked_vehicles,
            "ambient": site.street.variant.ambient,
            "crossing": order in crossings,
            "area_m2": SPACING_M * roads.roads[site.street.road_class].width_m,
            **_lane(lane_of.get(site.lamp(order)), order in crossings),
        }
        place = site.place(order)
        yield Asset(site.lamp(order), "Streetlight", site.zone, *place, site.cabinet, site.cabinet, attributes)


def _power(variant: Variant, dimmable: bool, crossing: bool, curve: tuple[str, float]) -> dict[str, Any]:
    watts = (variant.led_w if dimmable else variant.old_w) * (_CROSSING_POWER if crossing else 1)
    name, standby_w = curve if dimmable else ("hps-a", 0.0)
    return {"power_w": round(watts, 1), "standby_w": standby_w, "flux_curve": name}


def _class(variant: Variant, crossing: bool, margin: int, roads: Roads) -> dict[str, Any]:
    full, normal = variant.class_full, variant.class_normal
    if crossing:
        full, normal = roads.crossing_classes[full], roads.crossing_classes[normal]
    return {
        "class_full": full,
        "luminance_full": round(CLASS_LEVELS[full] * margin / 100, 4),
        "class_normal": normal,
    }


def _lane(detector: str | None, crossing: bool) -> dict[str, Any]:
    """Lamps of a path with a detector brighten by themselves; a crossing is at its class all night."""
    return {} if detector is None or crossing else {"detector": detector, "boost": 1.0, "hold_s": 120.0}


def _detectors(
    sites: Sequence[Site], led: Sequence[int], count: int, random: np.random.Generator
) -> tuple[list[Asset], dict[str, str]]:
    """Detectors over the LED lamps of quiet streets first, one a street until all have one; and whose lamps those of
    paths are, which brighten by themselves. The lamps of the others, named in `lamps`, are for rules to brighten.
    """
    draw = random.random(len(sites)) + [_DETECTOR_FIRST.index(site.street.road_class) for site in sites]
    ranked = [int(k) for k in np.argsort(draw, kind="stable") if led[k]]
    held = dict.fromkeys(ranked, 0)
    while count > 0:
        for k in [k for k in ranked if held[k] < led[k]][:count]:
            held[k] += 1
            count -= 1
    numbers = Numbers("D")
    detectors: list[Asset] = []
    lane_of: dict[str, str] = {}
    for k in sorted(held):
        site, start = sites[k], 0
        for lamps in apportion(led[k], [1] * held[k]) if held[k] else []:
            served = [site.lamp(order) for order in range(start, start + lamps)]
            name, place = numbers.next(site.street.commune), site.place(start)
            alone = site.street.road_class == "path"
            lane_of |= dict.fromkeys(served, name) if alone else {}
            attributes = {} if alone else {"lamps": served}
            detectors.append(Asset(name, "PresenceDetector", site.zone, *place, site.cabinet, site.cabinet, attributes))
            start += lamps
    return detectors, lane_of


def _crossing_assets(sites: Sequence[Site], crossings: Mapping[int, frozenset[int]]) -> Iterator[Asset]:
    numbers = Numbers("X")
    for k, orders in crossings.items():
        site = sites[k]
        for order in sorted(orders):
            name, place = numbers.next(site.street.commune), site.place(order)
            attributes = {"lamp": site.lamp(order)}
            yield Asset(name, "PedestrianCrossing", site.zone, *place, None, f"GW-{site.zone}", attributes)
