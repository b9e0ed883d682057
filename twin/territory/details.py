"""What rules read of an asset beyond what it is: levels, flows, rests, regulations, tags.

Each type draws from a stream of its own, and what it has already stays: a detail more moves nothing that stands.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from engine.model import Asset
from twin.territory.buildings import battery, building, charger, contracted_w, roof, water_heater
from twin.territory.chance import stream

_WEIGHT_N_M3 = 9_810.0  # of water
_SECONDS_PER_HOUR = 3_600.0
_CHILDREN = {"ACMeasurement"}
"""Types whose details go by those of their parents, and come after them."""


class Place(NamedTuple):
    """An asset that wants details: what it has, what its parent and its garden have, and three draws in [0, 1).

    `order` is its own among those of its type on the same parent, from 0.
    """

    own: Mapping[str, Any]
    parent: Mapping[str, Any]
    garden: Mapping[str, Any]
    order: int
    draw: Sequence[float]


def detailed(made: Mapping[str, list[Asset]], seed: int) -> dict[str, list[Asset]]:
    """The same assets in the same order, with their details after the attributes they have."""
    known = {asset.id: asset.attributes for assets in made.values() for asset in assets}
    told: dict[str, list[Asset]] = {}
    for name in sorted(_DETAILS, key=_CHILDREN.__contains__):
        if name in made:
            told[name] = list(_told(made[name], known, _DETAILS[name], stream(seed, "details", name)))
            known |= {asset.id: asset.attributes for asset in told[name]}
    return {**made, **told}


def _told(
    assets: Sequence[Asset], known: Mapping[str, Mapping[str, Any]], detail: "_Detail", random: np.random.Generator
) -> Iterator[Asset]:
    orders: Counter[str | None] = Counter()
    for asset, draw in zip(assets, random.random((len(assets), 3)).tolist(), strict=True):
        parent, garden = (known.get(name or "", {}) for name in (asset.parent, asset.attributes.get("garden")))
        place = Place(asset.attributes, parent, garden, orders[asset.parent], draw)
        orders[asset.parent] += asset.parent is not None
        yield replace(asset, attributes={**asset.attributes, **detail(place)})


_Detail = Callable[[Place], dict[str, Any]]


def _between(low: float, high: float, draw: float) -> float:
    """In tenths."""
    return round(low + (high - low) * draw, 1)


def _one_of(draw: float, **shares: float) -> str | None:
    """The name whose share the draw falls in; None beyond them all."""
    for name, share in shares.items():
        draw -= share
        if draw < 0:
            return name
    return None


def _spot(place: Place) -> dict[str, Any]:
    """Sensors are put where stays are short: seven in ten in a blue zone, two for dropping off, one anywhere else."""
    regulation = _one_of(place.draw[0], blueZone=0.7, dropOff=0.2)
    return {} if regulation is None else {"regulation": regulation}


def _container(place: Place) -> dict[str, Any]:
    """What is neither glass nor paper is household waste. One in 25 stands at a Wednesday market; as many, Saturday.
    One in six has a lid with a motor, one in twelve stands in a narrow street.
    """
    market = _one_of(place.draw[0], wed=0.04, sat=0.04)
    return {
        **({"tags": ["putrescible"]} if "other" in place.own["storedWasteKind"] else {}),
        **({} if market is None else {"market_day": market}),
        **({"motor_lid": True} if place.draw[1] < 1 / 6 else {}),
        **({"narrow": True} if place.draw[2] < 1 / 12 else {}),
    }


def _electricity(place: Place) -> dict[str, Any]:
    """At rest a building draws 1 to 3 W/m²: emergency lights, network, refrigerators."""
    floor_m2, kva = place.parent.get("floor_area_m2"), place.parent.get("subscribed_kva")
    at_rest = {} if floor_m2 is None else {"night_load_w": 50 * max(1, round(floor_m2 * (1 + 2 * place.draw[0]) / 50))}
    return at_rest if kva is None else at_rest | {"contracted_w": contracted_w(kva)}


def _heat(place: Place) -> dict[str, Any]:
    """The first heat meter of a building counts its heating, any other its hot water."""
    return {"serves": "heating" if place.order == 0 else "hotWater"}


def _room(place: Place) -> dict[str, Any]:
    """Every room of a nursery; the reading room of a library, open to all; the day room of old people in an office."""
    use = place.parent.get("use")
    if use == "nursery":
        return {"tags": ["nursery"]}
    if use == "culture" and place.order == 0:
        return {"tags": ["cool-place"]}
    if use == "office" and place.order == 0 and place.draw[0] < 0.25:
        return {"tags": ["care-home"]}
    return {}


def _station(place: Place) -> dict[str, Any]:
    return _lift(place) if place.own["kind"] == "sewer" else _tank(place)


def _lift(place: Place) -> dict[str, Any]:
    """A sewer lift: raises by 8 to 15 m with a wheel that lets rags pass; its weir is 1.2 to 2 m above the start."""
    start_m = _between(1.2, 2.0, place.draw[1])
    return {
        "rated_flow_m3_h": _flow_m3_h(place.own["rated_power_w"], 0.55, _between(8, 15, place.draw[0])),
        "start_level_m": start_m,
        "overflow_level_m": round(start_m + _between(1.2, 2.0, place.draw[2]), 1),
    }


def _tank(place: Place) -> dict[str, Any]:
    """Drinking water: raised by 40 to 70 m into a tank 4 to 6 m deep, whose lowest quarter or so is for fires."""
    spillway_m = _between(4.0, 6.0, place.draw[1])
    return {
        "rated_flow_m3_h": _flow_m3_h(place.own["rated_power_w"], 0.7, _between(40, 70, place.draw[0])),
        "overflow_level_m": spillway_m,
        "reserve_level_m": round(spillway_m * (0.2 + 0.1 * place.draw[2]), 1),
    }


def _flow_m3_h(power_w: float, efficiency: float, head_m: float) -> float:
    """What a pump moves at its duty point: P η = ρ g Q H."""
    return round(power_w * efficiency * _SECONDS_PER_HOUR / (_WEIGHT_N_M3 * head_m), 1)


def _network(place: Place) -> dict[str, Any]:
    """Some 3,800 inhabitants: 2 to 6 m³/h of cisterns, bakers and hospitals by night. Served at 3.5 to 5 bar."""
    return {
        "night_flow_m3_h": _between(2, 6, place.draw[0]),
        "service_pressure_kpa": 350.0 + 50 * int(place.draw[1] * 4),
    }


def _water(place: Place) -> dict[str, Any]:
    return {"use": place.parent["use"]} if "use" in place.parent else {}


def _garden(place: Place) -> dict[str, Any]:
    """The valley's soils: loams mostly, sand along the rivers, clay on the schist."""
    return {"soil": _one_of(place.draw[0], loam=0.4, sandy_loam=0.25, silt_loam=0.2, clay_loam=1.0)}


def _supply(place: Place) -> dict[str, Any]:
    return {"source": _one_of(place.draw[0], drinking=0.6, groundwater=0.2, river=1.0)}


def _valve(place: Place) -> dict[str, Any]:
    """Laid out for 12 mm an hour under sprinklers, 4 over drippers. Drippers are where no mower goes."""
    drips, plants = place.own["method"] == "drip", place.garden.get("plants", "lawn")
    shares = (_DRIPPED if drips else _SPRINKLED)[plants]
    planting = _one_of(place.draw[0], **shares)
    area_m2 = 10 * round(100 * place.own["flow_m3_h"] / (4 if drips else 12))
    young = {"planted": f"{2024 + int(2 * place.draw[1])}-11-25"} if planting == "young_trees" else {}
    return {"area_m2": area_m2, "planting": planting, **young}


_SPRINKLED: Mapping[str, Mapping[str, float]] = {
    "lawn": {"turf": 0.8, "sports_turf": 1.0},
    "shrubs": {"shrubs": 0.6, "turf": 1.0},
    "flowerbed": {"flowerbed": 0.5, "turf": 1.0},
    "trees": {"turf": 1.0},
}
_DRIPPED: Mapping[str, Mapping[str, float]] = {
    "lawn": {"shrubs": 0.5, "flowerbed": 0.3, "young_trees": 1.0},
    "shrubs": {"shrubs": 0.8, "young_trees": 1.0},
    "flowerbed": {"flowerbed": 1.0},
    "trees": {"trees": 0.5, "young_trees": 1.0},
}
"""What grows where in a garden of such plants: shares of valves, the last one takes the rest."""


def _floor_m2(place: Place) -> float:
    return float(place.parent.get("floor_area_m2", 1000.0))


_DETAILS: Mapping[str, _Detail] = {
    "ParkingSpot": _spot,
    "IrrigationNetwork": _supply,
    "Garden": _garden,
    "IrrigationValve": _valve,
    "WasteContainer": _container,
    "ACMeasurement": _electricity,
    "HeatMeter": _heat,
    "IndoorEnvironmentObserved": _room,
    "PumpingStation": _station,
    "WaterNetwork": _network,
    "WaterConsumptionObserved": _water,
    "Building": lambda place: building(place.own, place.draw),
    "PhotovoltaicDevice": lambda place: roof(_floor_m2(place), place.draw),
    "StorageBatteryDevice": lambda place: battery(_floor_m2(place), place.draw),
    "EVChargingStation": lambda place: charger(place.draw),
    "WaterHeater": lambda place: water_heater(str(place.parent.get("use", "")), place.draw),
}
