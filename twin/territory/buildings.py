"""Buildings of a made territory: how they are heated, what they subscribe, and the equipment that energy goes through.

Sizes are ours: what such buildings have in France, none of them surveyed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from engine.model import Asset

_HOT_WATER = ("sports", "nursery", "school")
"""Uses that want a water heater most, in that order."""
_STEPS_KVA = (9, 12, 15, 18, 24, 30, 36)
_COLDEST_K = 27.0
"""From 20 °C inside to -7 °C outside: what heating is laid out for along the Loire (EN 12831, UNVERIFIED)."""
_TRIPS_KVA = 36


def equipped(name: str, parents: Sequence[Asset]) -> Sequence[Asset]:
    """The order in which parents get one of a type: what energy goes through is spread over the town, and buildings
    that have the rarest have the others. Anything else is hung as the parents come.
    """
    if name not in {"PhotovoltaicDevice", "StorageBatteryDevice", "EVChargingStation", "WaterHeater"}:
        return parents
    first = _HOT_WATER if name == "WaterHeater" else ()
    return sorted(parents, key=lambda asset: (_rank(asset, first), hashlib.sha256(asset.id.encode()).digest()))


def _rank(asset: Asset, first: Sequence[str]) -> int:
    use = asset.attributes.get("use")
    return first.index(use) if use in first else len(first)


def building(own: Mapping[str, Any], draw: Sequence[float]) -> dict[str, Any]:
    """1.2 to 2.4 W/K lost and 40 to 80 Wh/K held for each m² of floor; heating for the coldest day and a third more."""
    floor_m2 = own["floor_area_m2"]
    heat = "heatPump" if draw[2] < 0.3 else "boiler" if draw[2] < 0.85 else "district"
    loss_w_k = 10 * round(floor_m2 * (1.2 + 1.2 * draw[1]) / 10)
    heat_max_w = 1000 * round(loss_w_k * _COLDEST_K * 1.33 / 1000)
    subscribed_kva = _subscribed_kva(floor_m2, heat_max_w if heat == "heatPump" else 0.0)
    return {
        "heat": heat,
        "heat_loss_w_k": float(loss_w_k),
        "heat_capacity_wh_k": float(100 * round(floor_m2 * (40 + 40 * draw[0]) / 100)),
        "heat_max_w": float(heat_max_w),
        "subscribed_kva": subscribed_kva,
        "contract": _contract(subscribed_kva, draw[0]),
    }


def _subscribed_kva(floor_m2: float, heat_pump_w: float) -> int:
    """15 W/m² for light, kitchens and ventilation, and a heat pump that gives 2.5 times what it draws."""
    wanted = (floor_m2 * 15 + heat_pump_w / 2.5) / 1000
    return next((step for step in _STEPS_KVA if wanted <= step), 6 * -(-int(wanted + 1) // 6))


def _contract(subscribed_kva: int, draw: float) -> str:
    """Small ones by peak and off-peak hours, or the days of Tempo; large ones by the four time classes of the year."""
    if subscribed_kva > _TRIPS_KVA:
        return "c4"
    return "tempo" if int(draw * 1000) % 3 == 0 else "bleu-hphc"


def contracted_w(subscribed_kva: float) -> int:
    """Active power that a meter counts: up to 36 kVA all of it, above so much of it as Enedis has (0.93)."""
    return round(subscribed_kva * (1000 if subscribed_kva <= _TRIPS_KVA else 930))


def roof(floor_m2: float, draw: Sequence[float]) -> dict[str, Any]:
    """10 to 25 Wp for each m² of floor; 100 kWp at most, above which another contract begins."""
    return {"peak_power_w": float(min(100_000, 500 * max(6, round(floor_m2 * (10 + 15 * draw[0]) / 500))))}


def battery(floor_m2: float, draw: Sequence[float]) -> dict[str, Any]:
    """For the evening after a day of sun: some 15 Wh for each m² of floor, given in two to three hours."""
    capacity_wh = 5000 * max(2, round(floor_m2 * (12 + 8 * draw[0]) / 5000))
    power_w = 500 * round(capacity_wh / (2 + draw[1]) / 500)
    return {
        "capacity_wh": float(capacity_wh),
        "charge_max_w": float(power_w),
        "discharge_max_w": float(power_w),
        "charge_efficiency": 0.95,
        "discharge_efficiency": 0.95,
        "reserve": 0.1,
    }


def charger(draw: Sequence[float]) -> dict[str, Any]:
    """32 A on one phase, 16 A or 32 A on three; the least is 6 A on as many (IEC 61851-1)."""
    most_w, least_w = ((7_360, 1_380), (11_040, 4_140), (22_080, 4_140))[int(3 * draw[0])]
    return {"charge_max_w": float(most_w), "charge_least_w": float(least_w)}


def water_heater(use: str, draw: Sequence[float]) -> dict[str, Any]:
    """Where many shower, 500 to 1,000 l; elsewhere 100 to 300. Heated through in some five hours."""
    low, high = (500, 1000) if use == "sports" else (100, 300)
    volume_l = 50 * round((low + (high - low) * draw[0]) / 50)
    return {"volume_l": volume_l, "heat_max_w": float(500 * round(volume_l * 1.163 * 50 / 5 / 500))}
