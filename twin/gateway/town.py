"""Which points there are at which gateway: a real territory's, or those of a made town."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.catalogue import Catalogue
from engine.errors import InputError, Problem
from engine.inventory.model import Territory
from engine.model import Asset, Commune, Zone


@dataclass(frozen=True, slots=True)
class Outlet:
    """One point at a gateway: its bounds, where it goes without a program, and whether it is selected before use."""

    point: str
    gateway: str
    minimum: float
    maximum: float
    safe: float
    critical: bool

    def takes(self, value: float) -> bool:
        return self.minimum <= value <= self.maximum


@dataclass(frozen=True, slots=True)
class Cabinet:
    """The asset whose `workingMode` says that somebody works there, and the gateway that tells it."""

    id: str
    gateway: str


def outlets_of(assets: Sequence[Asset], catalogue: Catalogue) -> list[Outlet]:
    """Every point that a gateway can reach."""
    return [
        Outlet(f"{asset.id}/{name}", asset.gateway, own.minimum, own.maximum, own.safe, kind.critical)
        for asset in assets
        if asset.gateway is not None
        for name, kind in catalogue.types[asset.type].points.items()
        if kind.stands_at(asset.attributes)
        for own in (kind.envelope_of(asset.attributes),)
    ]


def cabinets_of(assets: Sequence[Asset], catalogue: Catalogue) -> list[Cabinet]:
    return [
        Cabinet(asset.id, asset.gateway)
        for asset in assets
        if asset.gateway is not None and "workingMode" in catalogue.types[asset.type].properties
    ]


def names_of(text: str) -> list[str]:
    """`A-1..A-20` or `A-1,B-7`: gateways by name. Raises InputError for what is neither."""
    return [name for part in text.split(",") for name in _spread(part.strip())]


def _spread(part: str) -> Iterator[str]:
    ends = re.fullmatch(r"(.*?)(\d+)\.\.(.*?)(\d+)", part)
    if ends is None and part and ".." not in part:
        yield part
        return
    if ends is None or ends[1] != ends[3] or int(ends[2]) > int(ends[4]):
        raise InputError([Problem("--gateways", 0, 0, f"{part!r} names no gateways", "write A-1..A-20, or A-1,B-7")])
    yield from (f"{ends[1]}{number}" for number in range(int(ends[2]), int(ends[4]) + 1))


def made_town(gateways: Sequence[str], points_per: int) -> Territory:
    """A cabinet for each gateway with so many lamps and a silent counting loop, a zone each, all in one commune."""
    commune = Commune("49007", "Angers", 157_555, -0.5514, 47.4736, 42.7)
    zones, assets = [], []
    for gateway in gateways:
        zones.append(Zone(f"Z-{gateway}", commune.insee))
        place = (f"Z-{gateway}", commune.lon, commune.lat)
        assets.append(Asset(gateway, "StreetlightControlCabinet", *place, None, gateway))
        assets.append(Asset(f"T-{gateway}", "TrafficFlowObserved", *place, attributes=_LOOP))
        for number in range(1, points_per + 1):
            lamp = f"L-{gateway}-{number:04}"
            assets.append(Asset(lamp, "Streetlight", *place, gateway, gateway, _lamp(gateway, number)))
    return Territory((commune,), tuple(zones), tuple(assets))


_LOOP = {"road_class": "residential", "capacity_veh_h": 800}


def _lamp(gateway: str, number: int) -> dict[str, object]:
    """What a lamp is said to be; nothing here is measured."""
    return {
        "power_w": 60.0, "standby_w": 0.5, "flux_curve": "led", "dimmable": True, "segment": gateway, "order": number,
        "road_class": "residential", "class_full": "M5", "class_normal": "M6", "luminance_full": 0.6, "speed_kmh": 30.0,
        "composition": "mixed", "parked_vehicles": True, "ambient": "low", "crossing": False,
        "counter": f"T-{gateway}",
    }  # fmt: skip
