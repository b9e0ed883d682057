"""Everything that is not the lighting: placed beside the streets of a commune, or around what it hangs on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.inventory.outlines import Polygons
from engine.model import Asset, Commune
from twin.territory.apportion import apportion
from twin.territory.buildings import equipped
from twin.territory.cells import M_PER_DEGREE_LAT, M_PER_DEGREE_LON
from twin.territory.inventory import PREFIXES, Quantity
from twin.territory.lighting import Numbers, Site
from twin.territory.streets import round_degrees

Array = NDArray[np.float64]
Draw = Sequence[float]
# The first territory drew all of these from one stream, in the inventory's order. What came later has a stream each,
# and moves none of them.
SHARE_A_STREAM = frozenset(
    {
        "ParkingSpot",
        "IrrigationNetwork",
        "Garden",
        "GreenspaceRecord",
        "IrrigationValve",
        "Building",
        "ACMeasurement",
        "HeatMeter",
        "IndoorEnvironmentObserved",
        "WasteContainer",
        "PumpingStation",
        "Camera",
        "WeatherObserved",
    }
)
_FAR_M = {
    "Garden": 150.0,
    "GreenspaceRecord": 40.0,
    "IrrigationValve": 150.0,
    "VehicleDepot": 800.0,
    "DisposalSite": 2500.0,  # away from where people live
}
_BESIDE_M = 25.0
_INDOORS_M = 12.0


class Furniture:
    """Adds types one by one to the assets made so far, which it is given and grows."""

    def __init__(
        self,
        communes: Sequence[Commune],
        outlines: Mapping[str, Polygons],
        sites: Sequence[Site],
    ) -> None:
        self._communes = communes
        self._outlines = outlines
        self._lamps = {
            commune.insee: [
                (site, order)
                for site in sites
                if site.street.commune == commune.insee
                for order in range(site.street.lamps)
            ]
            for commune in communes
        }
        self._zone_commune = {site.zone: site.street.commune for site in sites}
        self._children: dict[str, list[Asset]] = {}
        self._numbers: dict[str, Numbers] = {}

    def add(
        self,
        name: str,
        count: int,
        quantity: Quantity,
        made: Mapping[str, Sequence[Asset]],
        random: np.random.Generator,
    ) -> list[Asset]:
        """That many assets of a type, shared out as the inventory says."""
        if quantity.over is None:
            anchors = self._beside_streets(count, quantity, random)
        else:
            parents = equipped(name, made[quantity.over])
            shares = apportion(count, [1] * len(parents))
            anchors = [
                (parent.zone, parent.lon, parent.lat, parent)
                for parent, share in zip(parents, shares, strict=True)
                for _ in range(share)
            ]
        places = self._scatter(name, anchors, random)
        return list(self._assets(name, anchors, places, random))

    def _beside_streets(self, count: int, quantity: Quantity, random: np.random.Generator) -> list["_Anchor"]:
        by_area = quantity.by == "area"
        weights = [round(c.area_km2 * 100) if by_area else c.population for c in self._communes]
        anchors: list[_Anchor] = []
        for commune, share in zip(self._communes, apportion(count, weights), strict=True):
            lamps = self._lamps[commune.insee]
            for draw in random.random(share):
                site, order = lamps[int(draw * len(lamps))]
                anchors.append((site.zone, *site.place(order), None))
        return anchors

    def _scatter(
        self, name: str, anchors: Sequence["_Anchor"], random: np.random.Generator
    ) -> list[tuple[float, float]]:
        """A place around each anchor, inside its commune; the anchor's own where the one drawn falls outside."""
        far_m = _FAR_M.get(name, _INDOORS_M if anchors and anchors[0][3] else _BESIDE_M)
        lon = np.array([anchor[1] for anchor in anchors])
        lat = np.array([anchor[2] for anchor in anchors])
        moved = (random.random((len(anchors), 2)) * 2 - 1) * far_m
        new_lon, new_lat = round_degrees(lon * M_PER_DEGREE_LON + moved[:, 0], lat * M_PER_DEGREE_LAT + moved[:, 1])
        commune = np.array([self._zone_commune[anchor[0]] for anchor in anchors])
        inside = np.zeros(len(anchors), dtype=bool)
        for insee in np.unique(commune):
            here = commune == insee
            inside[here] = self._outlines[insee].contains(new_lon[here], new_lat[here])
        lon, lat = np.where(inside, new_lon, lon), np.where(inside, new_lat, lat)
        return [(float(x), float(y)) for x, y in zip(lon, lat, strict=True)]

    def _assets(
        self,
        name: str,
        anchors: Sequence["_Anchor"],
        places: Sequence[tuple[float, float]],
        random: np.random.Generator,
    ) -> list[Asset]:
        numbers = self._numbers.setdefault(name, Numbers(PREFIXES[name]))
        attributes = _ATTRIBUTES.get(name, _nothing)
        assets: list[Asset] = []
        for (zone, _, _, parent), place, draw in zip(
            anchors, places, random.random((len(anchors), 2)).tolist(), strict=True
        ):
            siblings = self._children.setdefault(parent.id, []) if parent else []
            hung = parent.id if parent else None
            asset_id = numbers.next(self._zone_commune[zone])
            assets.append(Asset(asset_id, name, zone, *place, hung, f"GW-{zone}", attributes(draw, siblings)))
            siblings.append(assets[-1])
        return assets


_Anchor = tuple[str, float, float, Asset | None]  # zone, longitude, latitude, parent


def _nothing(_draw: Draw, _siblings: Sequence[Asset]) -> dict[str, Any]:
    return {}


def _pick(draw: float, *choices: Any) -> Any:
    return choices[int(draw * len(choices))]


def _valve(draw: Draw, siblings: Sequence[Asset]) -> dict[str, Any]:
    """A valve waters one garden of its network, each in turn."""
    gardens = [asset.id for asset in siblings if asset.type == "Garden"]
    mine = sum(asset.type == "IrrigationValve" for asset in siblings)
    watered = {"garden": gardens[mine % len(gardens)]} if gardens else {}
    return {**watered, "method": _pick(draw[0], "sprinkler", "drip"), "flow_m3_h": round(1 + 3 * draw[1], 1)}


def _truck(_draw: Draw, siblings: Sequence[Asset]) -> dict[str, Any]:
    """One for each kind of waste, all narrow, before there is a second. The fourth of a depot runs on batteries."""
    fractions = ("other", "paper", "glass", "other", "other")
    mine = sum(asset.type == "Vehicle" for asset in siblings)
    narrow, electric = mine < 3 or mine % 2 == 1, mine % 4 == 3
    return {
        "fractions": [fractions[mine % len(fractions)]],
        "capacity_kg": 5500 if narrow else 9500,
        "volume_m3": 12 if narrow else 19,
        "shift": "05:00-12:20",
        **({"narrow": True} if narrow else {}),
        **({"quiet": True, "range_m": 120000} if electric else {}),
    }


_ATTRIBUTES: Mapping[str, Callable[[Draw, Sequence[Asset]], dict[str, Any]]] = {
    "ParkingSpot": lambda draw, _: {"category": [_pick(draw[0], "onStreet", "offStreet")]},
    "IrrigationNetwork": lambda draw, _: {"capacity_m3_h": float(_pick(draw[0], 8, 12, 16, 24))},
    "Garden": lambda draw, _: {
        "plants": _pick(draw[0], "lawn", "shrubs", "flowerbed", "trees"),
        "area_m2": 500 + 100 * int(draw[1] * 100),
    },
    "GreenspaceRecord": lambda draw, _: {"depth_cm": _pick(draw[0], 10, 20, 30)},
    "IrrigationValve": _valve,
    "Building": lambda draw, _: {
        "use": _pick(draw[0], "school", "nursery", "sports", "culture", "office"),
        "floor_area_m2": 300 + 50 * int(draw[1] * 120),
    },
    "WasteContainer": lambda draw, _: {
        "storedWasteKind": [_pick(draw[0], "glass", "paper", "other")],
        "volume_l": _pick(draw[1], 3000, 4000, 5000),
    },
    "Vehicle": _truck,
    "DisposalSite": lambda draw, _: {
        "fractions": ["glass", "paper", "other"],
        "hours": _pick(draw[0], "06:00-18:00", "05:00-16:00"),
        "unload_s": 60 * _pick(draw[1], 12, 15, 20),
        "queue_s": 300,
    },
    "PumpingStation": lambda draw, _: {
        "kind": _pick(draw[0], "drinking", "sewer"),
        "rated_power_w": 5000 * (1 + int(draw[1] * 12)),
    },
}
