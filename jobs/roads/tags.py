"""OpenStreetMap's tags of a way, as what a vehicle makes of them: https://wiki.openstreetmap.org/wiki/Key:access."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from optimizers.roads.graph import CLASSES, Access

_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z/\"']*)\s*(?:(\d+)\s*(?:\"|in|''))?")
_KM_H = 1 / 3.6
# What a country's signs mean by default in France (Code de la route, R413-2, R413-3: UNVERIFIED beyond their numbers).
_ZONES_KM_H = {"urban": 50.0, "zone30": 30.0, "30": 30.0, "20": 20.0, "rural": 80.0, "trunk": 110.0, "motorway": 130.0}
_M = {"": 1.0, "m": 1.0, "meter": 1.0, "metres": 1.0, "cm": 0.01, "'": 0.3048, "ft": 0.3048}
_KG = {"": 1_000.0, "t": 1_000.0, "kg": 1.0, "st": 907.18474, "lbs": 0.45359237, "lb": 0.45359237}
_M_S = {"": _KM_H, "km/h": _KM_H, "kmh": _KM_H, "kph": _KM_H, "mph": 0.44704}
_LEVELS = {
    **dict.fromkeys(("yes", "permissive", "designated", "official", "public", "local"), Access.OPEN),
    **dict.fromkeys(("destination", "delivery", "customers", "permit", "residents"), Access.DESTINATION),
    **dict.fromkeys(("private", "agricultural", "forestry", "agricultural;forestry", "employees"), Access.PRIVATE),
    **dict.fromkeys(("no", "emergency", "military", "psv", "bus", "use_sidepath"), Access.CLOSED),
}  # fmt: skip
_BY_DEFAULT = {"track": Access.PRIVATE, "pedestrian": Access.PRIVATE}
_BLOCKING = frozenset({"bollard", "block", "jersey_barrier", "log", "chain", "debris", "planter", "cycle_barrier"})


@dataclass(frozen=True, slots=True)
class Road:
    """What is read of a way. forward, backward: whether it may be driven along its nodes, and against them."""

    road_class: int
    forward: bool
    backward: bool
    limit_m_s: float
    max_height_m: float
    max_width_m: float
    max_weight_kg: float
    access: Access
    heavy_access: Access


def road_of(tags: Mapping[str, str]) -> Road | None:
    """A way as a road; None where it is none for motor vehicles."""
    name = tags.get("highway", "")
    if name not in _NUMBERS or tags.get("area") == "yes" or tags.get("impassable") == "yes":
        return None
    access = _level(tags, ("motor_vehicle", "vehicle", "access"), _BY_DEFAULT.get(name, Access.OPEN))
    heavy = _level(tags, ("hgv", "goods"), access)
    if min(access, heavy) is Access.CLOSED:
        return None
    forward, backward = _directions(tags, name)
    return Road(
        _NUMBERS[name],
        forward,
        backward,
        speed_m_s(tags.get("maxspeed", "")),
        _amount(tags, ("maxheight", "maxheight:physical"), _M),
        _amount(tags, ("maxwidth", "maxwidth:physical"), _M),
        _amount(tags, ("maxweight", "maxweightrating", "maxweight:hgv"), _KG),
        access,
        heavy,
    )


_NUMBERS = {name: number for number, name in enumerate(CLASSES)}


def blocks(tags: Mapping[str, str]) -> bool:
    """Whether no motor vehicle passes a node."""
    open_ = _level(tags, ("motor_vehicle", "vehicle", "access"), Access.CLOSED) <= Access.DESTINATION
    return tags.get("barrier") in _BLOCKING and not open_


def speed_m_s(text: str) -> float:
    """A sign's speed: 50, 30 mph, FR:urban; inf where none is told."""
    if ":" in text:
        zone = text.rsplit(":", 1)[1].lower()
        return _ZONES_KM_H.get(zone, inf) * _KM_H
    return measured(text, _M_S)


def measured(text: str, units: Mapping[str, float]) -> float:
    """An amount with its unit, such as 3.5, 3,5 m or 12'6"; inf for what is none."""
    found = _NUMBER.match(text.strip().lower())
    if found is None or found[2] not in units:
        return inf
    amount = float(found[1].replace(",", ".")) * units[found[2]] + float(found[3] or 0) * 0.0254
    return amount if amount > 0 else inf


def _amount(tags: Mapping[str, str], keys: tuple[str, ...], units: Mapping[str, float]) -> float:
    return min(measured(tags.get(key, ""), units) for key in keys)


def _level(tags: Mapping[str, str], keys: tuple[str, ...], default: Access) -> Access:
    """By the first key that says something we know: they are in the order of what they mean most closely."""
    for key in keys:
        if (level := _LEVELS.get(tags.get(key, ""))) is not None:
            return level
    return default


def _directions(tags: Mapping[str, str], name: str) -> tuple[bool, bool]:
    told = tags.get("oneway:motor_vehicle", tags.get("oneway", ""))
    if told in {"-1", "reverse"}:
        return False, True
    implied = tags.get("junction") in {"roundabout", "circular"} or name in {"motorway", "motorway_link"}
    one_way = told in {"yes", "true", "1", "reversible", "alternating"} or (
        implied and told not in {"no", "false", "0"}
    )
    return True, not one_way
