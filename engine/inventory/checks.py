"""What must hold of a territory. Each rule is one function that yields what breaks it."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import cos, hypot, isfinite, radians, sqrt
from typing import Literal

from engine.catalogue import Catalogue
from engine.inventory.lamps import read_lamp
from engine.inventory.model import Territory
from engine.model import Asset, Commune

MAX_ZONES = 1_000
REQUIRED_PARENT = {
    "Streetlight": "StreetlightControlCabinet",
    "StreetlightFeeder": "StreetlightControlCabinet",
    "PresenceDetector": "StreetlightControlCabinet",
    "GreenspaceRecord": "Garden",
    "IrrigationValve": "IrrigationNetwork",
}
_ID = re.compile(r"[A-Za-z0-9_.:-]+")
_KM_PER_DEGREE = 111.2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with one row: which table, which row from 0, which column."""

    table: Literal["communes", "zones", "assets"]
    row: int
    column: str
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """A territory with its indexes, so that each rule is a look-up.

    `unread` names what is there but could not be read: no rule blames others for it.
    """

    territory: Territory
    types: Collection[str]
    communes: Mapping[str, Commune]
    zones: Mapping[str, str]
    assets: Mapping[str, Asset]
    unread: Collection[str]


Rule = Callable[[Context], Iterator[Finding]]


def findings(territory: Territory, catalogue: Catalogue, unread: Collection[str] = ()) -> Iterator[Finding]:
    """Everything that is wrong, rule by rule. `unread` names assets left out because their row cannot be read."""
    return _found(RULES, territory, catalogue.types, unread)


def light_findings(territory: Territory, unread: Collection[str] = ()) -> Iterator[Finding]:
    """What is wrong with lights and cabinets that come without the rest of their territory."""
    return _found(LIGHT_RULES, territory, (), unread)


def _found(
    rules: Sequence[Rule], territory: Territory, types: Collection[str], unread: Collection[str]
) -> Iterator[Finding]:
    context = Context(
        territory,
        types,
        {commune.insee: commune for commune in territory.communes},
        {zone.id: zone.commune for zone in territory.zones},
        {asset.id: asset for asset in territory.assets},
        frozenset(unread),
    )
    return chain.from_iterable(rule(context) for rule in rules)


def _communes(context: Context) -> Iterator[Finding]:
    seen: set[str] = set()
    for row, commune in enumerate(context.territory.communes):
        if commune.insee in seen:
            yield Finding("communes", row, "insee", f"the commune {commune.insee} stands twice", "keep one of the two")
        seen.add(commune.insee)


def _zones(context: Context) -> Iterator[Finding]:
    zones = context.territory.zones
    seen: set[str] = set()
    for row, zone in enumerate(zones):
        if zone.id in seen:
            yield Finding("zones", row, "id", f"the zone {zone.id} stands twice", "keep one of the two")
        seen.add(zone.id)
        if not _ID.fullmatch(zone.id):
            yield Finding("zones", row, "id", f"the zone name {zone.id!r} is not plain", _PLAIN)
        if zone.commune not in context.communes:
            yield Finding(
                "zones", row, "commune", f"{zone.id} lies in the unknown commune {zone.commune!r}", "add the commune"
            )
    if len(zones) > MAX_ZONES:
        yield Finding(
            "zones", MAX_ZONES, "id", f"{len(zones)} zones, at most {MAX_ZONES} are allowed", "merge neighbours"
        )


_PLAIN = "use letters, digits and - _ . :"


def _ids(context: Context) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for row, asset in enumerate(context.territory.assets):
        if not _ID.fullmatch(asset.id):
            yield Finding("assets", row, "id", f"the name {asset.id!r} is not plain", _PLAIN)
        if asset.gateway is not None and not _ID.fullmatch(asset.gateway):
            yield Finding("assets", row, "gateway", f"{asset.id}: the gateway {asset.gateway!r} is not plain", _PLAIN)
        before = first.setdefault(asset.id, row)
        if before != row:
            yield _twice(row, asset, context.territory.assets[before])


def _twice(row: int, asset: Asset, before: Asset) -> Finding:
    where, hint = "", "an asset is in exactly one zone"
    if before.zone != asset.zone:
        where = f", in the two zones {before.zone} and {asset.zone}"
    elif before.parent != asset.parent:
        where, hint = f", hung on both {before.parent} and {asset.parent}", "an asset hangs on one: keep the right row"
    return Finding("assets", row, "id", f"{asset.id} stands twice{where}", hint)


def _types(context: Context) -> Iterator[Finding]:
    for row, asset in enumerate(context.territory.assets):
        if asset.type not in context.types:
            yield Finding(
                "assets", row, "type", f"{asset.id} is of the unknown type {asset.type!r}", "add it to the catalogue"
            )


def _homes(context: Context) -> Iterator[Finding]:
    for row, asset in enumerate(context.territory.assets):
        if asset.zone not in context.zones:
            yield Finding(
                "assets",
                row,
                "zone",
                f"{asset.id} is in the unknown zone {asset.zone!r}",
                "add the zone, or correct it",
            )


def _parents(context: Context) -> Iterator[Finding]:
    for row, asset in enumerate(context.territory.assets):
        for what, hint in _wrong_parent(context, asset):
            yield Finding("assets", row, "parent", f"{asset.id} {what}", hint)


def _wrong_parent(context: Context, asset: Asset) -> Iterator[tuple[str, str]]:
    wanted = REQUIRED_PARENT.get(asset.type)
    parent = context.assets.get(asset.parent or "")
    if asset.parent is None:
        if wanted:
            yield "hangs on nothing", f"name its {wanted}"
    elif parent is None:
        if asset.parent not in context.unread:
            yield f"hangs on the unknown {asset.parent!r}", "add it, or correct it"
    else:
        if wanted and parent.type != wanted:
            yield f"hangs on {parent.id}, a {parent.type}", f"name its {wanted}"
        if parent.zone != asset.zone:
            hint = "a cabinet or a network never crosses zones"
            yield f"is in {asset.zone} and hangs on {parent.id} in {parent.zone}", hint


def _cycles(context: Context) -> Iterator[Finding]:
    sound: set[str] = set()
    for row, asset in enumerate(context.territory.assets):
        path: dict[str, None] = {}
        here: Asset | None = asset
        while here is not None and here.id not in sound and here.id not in path:
            path[here.id] = None
            here = context.assets.get(here.parent) if here.parent else None
        if here is not None and here.id in path:
            loop = " → ".join([*path, here.id])
            yield Finding("assets", row, "parent", f"{asset.id} hangs on itself: {loop}", "break the circle")
        sound.update(path)


def _positions(context: Context) -> Iterator[Finding]:
    for row, asset in enumerate(context.territory.assets):
        commune = context.communes.get(context.zones.get(asset.zone, ""))
        if not (isfinite(asset.lon) and isfinite(asset.lat) and abs(asset.lon) <= 180 and abs(asset.lat) <= 90):
            yield Finding(
                "assets",
                row,
                "lon",
                f"{asset.id} at lon {asset.lon:g}, lat {asset.lat:g} is outside WGS 84",
                "give degrees, longitude first",
            )
        elif commune and (away := _km(commune, asset.lon, asset.lat)) > _reach_km(commune):
            swapped = _km(commune, asset.lat, asset.lon) <= _reach_km(commune)
            what = f"{asset.id} is {away:.0f} km from {commune.name}, where its zone is"
            hint = "longitude and latitude look swapped" if swapped else "correct its place or its zone"
            yield Finding("assets", row, "lon", what, hint)


def _km(commune: Commune, lon: float, lat: float) -> float:
    east = (lon - commune.lon) * cos(radians(commune.lat))
    return _KM_PER_DEGREE * hypot(east, lat - commune.lat)


def _reach_km(commune: Commune) -> float:
    """Generous: a place further than this from the centroid is a mistake, however long the commune."""
    return 5 + 5 * sqrt(commune.area_km2)


def _lamps(context: Context) -> Iterator[Finding]:
    for row, asset in enumerate(context.territory.assets):
        if asset.type != "Streetlight":
            continue
        _, wrong = read_lamp(asset.attributes)
        for what, hint in wrong:
            yield Finding("assets", row, "attributes", f"{asset.id}: {what}", hint)


def _addresses(context: Context) -> Iterator[Finding]:
    taken: dict[tuple[str, str], str] = {}
    for row, asset in enumerate(context.territory.assets):
        address, gateway = asset.attributes.get("address"), asset.gateway or asset.parent
        if asset.type != "Streetlight" or address is None or gateway is None:
            continue
        other = taken.setdefault((gateway, str(address)), asset.id)
        if other != asset.id:
            what = f"{asset.id} and {other} both have the address {address} at {gateway}"
            yield Finding("assets", row, "attributes", what, "a command would reach both: give each its own")


def _segments(context: Context) -> Iterator[Finding]:
    zone_of: dict[str, str] = {}
    taken: dict[tuple[str, int], str] = {}
    for row, asset in enumerate(context.territory.assets):
        segment, order = asset.attributes.get("segment"), asset.attributes.get("order")
        if asset.type != "Streetlight" or not isinstance(segment, str) or not isinstance(order, int):
            continue
        zone = zone_of.setdefault(segment, asset.zone)
        if zone != asset.zone:
            what = f"{asset.id}: the segment {segment} is in {zone} and in {asset.zone}"
            yield Finding("assets", row, "attributes", what, "cut the segment at the border of the zones")
        other = taken.setdefault((segment, order), asset.id)
        if other != asset.id:
            what = f"{asset.id} and {other} are both number {order} of the segment {segment}"
            yield Finding("assets", row, "attributes", what, "number the lamps along the segment")


_REFERENCES = (("counter", "TrafficFlowObserved"), ("lamps", "Streetlight"), ("detector", "PresenceDetector"))


def _references(context: Context) -> Iterator[Finding]:
    for row, asset in enumerate(context.territory.assets):
        for key, wanted in _REFERENCES:
            named = asset.attributes.get(key)
            for name in named if isinstance(named, list) else [named] if isinstance(named, str) else []:
                other = context.assets.get(name)
                if name not in context.unread and (other is None or other.type != wanted):
                    what = f"{asset.id}: {key} names {name!r}, which is not a {wanted} of this territory"
                    yield Finding("assets", row, "attributes", what, "correct the name, or add the asset")


LIGHT_RULES: tuple[Rule, ...] = (_ids, _homes, _parents, _positions, _lamps, _addresses, _segments)
RULES: tuple[Rule, ...] = (_communes, _zones, _types, _cycles, _references, *LIGHT_RULES)
