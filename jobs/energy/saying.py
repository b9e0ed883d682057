"""What a plan's body says of a device, in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.instants import clock, from_us
from jobs.words import Lang, number, say
from optimizers.arrays import Floats

if TYPE_CHECKING:
    from jobs.energy.body import Body

_DUST_W = 1.0
PARTS = {
    "heatingSetpoint": "rooms",
    "temperatureSetpoint": "tanks",
    "power": "batteries",
    "importLeast": "batteries",
    "importMost": "batteries",
}
"""The part of a problem that a point's device is in; `powerLimit` is a roof's or a charging point's."""


def part_of(found: "Body", point: str) -> tuple[str, int]:
    """The part and the index in it of a point's device; '' for one that the plan does not speak of."""
    asset, _, name = point.rpartition("/")
    roofs = found.problem.solar
    part = PARTS.get(name, "solar" if roofs is not None and asset in roofs.names else "vehicles")
    members = getattr(found.problem, part)
    if members is not None and asset in members.names:
        return part, members.names.index(asset)
    known = any(asset == charger[0] for charger in found.head["chargers"])
    return ("vehicles", -1) if known and part == "vehicles" else ("", -1)


def summary_of(found: "Body", part: str, index: int, lang: Lang) -> str:
    """What a device is to do over the whole plan."""
    hours = found.problem.horizon.hours
    if part == "batteries":
        power = found.power_w[index]
        taken, given = (float((np.maximum(side, 0.0) * hours).sum()) for side in (power, -power))
        return say("energy_battery_sum", lang, taken=_kwh(taken, lang), given=_kwh(given, lang))
    if part == "vehicles":
        return _vehicle_sum(found, index, lang)
    if part == "solar":
        taken = float((found.columns["solar_w"][index] * hours).sum())
        left = float((found.problem.solar.available_w[index] * hours).sum()) - taken  # type: ignore[union-attr]
        return say("energy_solar_sum", lang, taken=_kwh(taken, lang), left=_kwh(max(left, 0.0), lang))
    heat, warm = _heat_of(found, part)
    given = float((heat[index] * hours).sum())
    low, high = float(warm[index].min()), float(warm[index].max())
    key = f"energy_{part}_sum"
    return say(key, lang, kwh=_kwh(given, lang), low=number(low, lang, 1), high=number(high, lang, 1))


def dropped_said(dropped: Mapping[str, Any], lang: Lang) -> str:
    """Why a battery keeps to plain self-consumption."""
    loss, most = (number(float(dropped[name]), lang, 2) for name in ("loss_eur", "most_eur"))
    return say("energy_dropped", lang, loss=loss, most=most)


def _vehicle_sum(found: "Body", index: int, lang: Lang) -> str:
    if index < 0 or found.problem.vehicles is None:
        return say("energy_vehicle_none", lang)
    cars = found.problem.vehicles
    name, hours = cars.names[index], found.problem.horizon.hours
    given = float((found.columns["vehicle_charge_w"][index] * hours).sum())
    leaves = _moment(from_us(found.head["departs_us"][name]))
    return say(
        "energy_vehicle_sum", lang, kwh=_kwh(given, lang), wanted=_kwh(found.head["wanted_wh"][name], lang), at=leaves
    )


def _heat_of(found: "Body", part: str) -> tuple[Floats, Floats]:
    one = part.removesuffix("s")
    return found.columns[f"{one}_heat_w"], found.columns[f"{one}_c"]


def reason_at(found: "Body", part: str, index: int, t: int, lang: Lang) -> str:
    """What a device is to do in a slot, and for what price."""
    if part == "batteries":
        return _battery_at(found, index, t, lang)
    if part == "vehicles":
        if index < 0 or found.problem.vehicles is None:
            return say("energy_vehicle_none", lang)
        power = float(found.columns["vehicle_charge_w"][index, t])
        key = "energy_vehicle_charges" if power > _DUST_W else "energy_vehicle_waits"
        return say(key, lang, kw=_kw(power, lang), sum=_vehicle_sum(found, index, lang))
    if part == "solar":
        taken = float(found.columns["solar_w"][index, t])
        there = float(found.problem.solar.available_w[index, t])  # type: ignore[union-attr]
        key = "energy_solar_less" if taken < there - _DUST_W else "energy_solar_all"
        return say(key, lang, kw=_kw(taken, lang), there=_kw(there, lang))
    heat, warm = _heat_of(found, part)
    power = float(heat[index, t])
    low = float(getattr(found.problem, part).low_c[index, t])
    key = f"energy_{part}_heated" if power > _DUST_W else f"energy_{part}_rests"
    return say(key, lang, kw=_kw(power, lang), c=number(float(warm[index, t]), lang, 1), low=number(low, lang, 1))


def _battery_at(found: "Body", b: int, t: int, lang: Lang) -> str:
    power = float(found.power_w[b, t])
    key = "charges" if power > _DUST_W else "gives" if power < -_DUST_W else "rests"
    stored = float(found.held_wh[b, t]) / _capacity_wh(found, b)
    done = say(
        f"energy_battery_{key}", lang, kw=_kw(abs(power), lang), share=number(100 * stored, lang),
        band=band_words(found, b, t, lang),
    )  # fmt: skip
    by = by_words(found, b, t, lang)
    return f"{done} ; {by}" if by and lang == "fr" else f"{done}; {by}" if by else done


def _capacity_wh(found: "Body", b: int) -> float:
    return float(found.problem.batteries.capacity_wh[b])  # type: ignore[union-attr]


def by_words(found: "Body", b: int, t: int, lang: Lang) -> str:
    """What a battery goes by: its levels and what a stored kWh is worth, or why it goes by the plan's bands.
    Empty where it is not said.
    """
    if (apart := found.apart(b)) is None:
        return ""
    if apart:
        return say(f"energy_apart_{apart}", lang)
    levels = {
        name: number(100 * float(found.columns[f"{name}_wh"][b, t]) / _capacity_wh(found, b), lang)
        for name in ("reserve", "filled")
    }
    worth = number(float(found.columns["worth_eur_kwh"][b, t]), lang, 3)
    key = "energy_levels_filled" if float(found.columns["filled_wh"][b, t]) > _floor_wh(found, b) else "energy_levels"
    return say(key, lang, worth=worth, **levels)


def _floor_wh(found: "Body", b: int) -> float:
    return float(found.problem.batteries.floor_wh[b]) + 1.0  # type: ignore[union-attr]


def band_words(found: "Body", b: int, t: int, lang: Lang) -> str:
    """What its own controller keeps at the meter, whatever the forecast comes to."""
    least, most = (float(found.columns[name][b, t]) for name in ("least_w", "most_w"))
    if np.isinf(least) and np.isinf(most):
        return say("energy_band_open", lang)
    if np.isinf(least):
        return say("energy_band_most", lang, most=_kw(most, lang))
    if np.isinf(most):
        return say("energy_band_least", lang, least=_kw(least, lang))
    return say("energy_band", lang, least=_kw(least, lang), most=_kw(most, lang))


def _kw(power_w: float, lang: Lang) -> str:
    return number(power_w / 1000.0 + 0.0, lang, 1)


def _kwh(energy_wh: float, lang: Lang) -> str:
    return number(energy_wh / 1000.0, lang, 1)


def _moment(at: datetime) -> str:
    return clock(at)
