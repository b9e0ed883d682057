"""The water of root zones from one day to the next, with the dual crop coefficient: FAO-56 chapters 7 and 8.

Order within a day, which the book leaves open and which is that of pyfao56: evaporation and stress go by the depletions
with which the day begins; then rain and irrigation come in, then water leaves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from optimizers.arrays import Floats
from optimizers.result import InvalidProblem
from optimizers.soil.climate import Values
from optimizers.soil.plants import RootZone, climate_term, stress_coefficient

LIGHT_RAIN = 0.2
"""Rain of less than this share of ET0 wets leaves only and is gone the same day (FAO-56, chapter 8)."""
_WETS_ALL_MM = 3.0  # rain of a day after which all ground is wet, as pyfao56 has it
_LEAST_WET = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Moisture:
    """What root zones lack at the end of a day, each (n,) or, for several weathers at once, (…, n).

    depletion_mm   below field capacity in the root zone, Dr, 0…TAW
    surface_mm     below field capacity in the wetted part of the surface layer, De, 0…TEW
    wetted         share of the ground that was wet last, fw: after rain all of it
    """

    depletion_mm: Floats
    surface_mm: Floats
    wetted: Floats = field(default_factory=lambda: np.array(1.0))

    def __post_init__(self) -> None:
        values = [np.array(value, np.float64) for value in (self.depletion_mm, self.surface_mm, self.wetted)]
        for name, array in zip(("depletion_mm", "surface_mm", "wetted"), np.broadcast_arrays(*values), strict=True):
            array.flags.writeable = False
            object.__setattr__(self, name, array)


@dataclass(frozen=True, kw_only=True, eq=False)
class DayBalance:
    """What a day did, shaped as its moisture. All water that moves is in mm over the zone's whole area.

    moisture             at its end
    etc_mm               what left to the air: evaporation + transpiration (ETc adj, eq. 80)
    etc_unstressed_mm    what plants that lack no water would have taken (ETc, eq. 69)
    evaporation_mm       from the soil
    transpiration_mm     through plants
    ks                   stress, 1 none (eq. 84)
    ke                   evaporation over ET0 (eq. 71)
    raw_mm               readily available water (eq. 83) at that day's ETc
    intercepted_mm       of the rain, what never reached the soil
    runoff_mm            of the rain, what ran off
    percolation_mm       what went below the roots (DP, eq. 88)

    Depletion grows by etc_mm + percolation_mm - irrigation - (rain - intercepted_mm - runoff_mm), exactly.
    """

    moisture: Moisture
    etc_mm: Floats
    etc_unstressed_mm: Floats
    evaporation_mm: Floats
    transpiration_mm: Floats
    ks: Floats
    ke: Floats
    raw_mm: Floats
    intercepted_mm: Floats
    runoff_mm: Floats
    percolation_mm: Floats


def advance(
    zone: RootZone, moisture: Moisture, *, et0_mm: Values, rain_mm: Values, irrigation_mm: Values,
    wind_m_s: Values = 2.0, rh_min_pct: Values = 45.0, light_rain: float = LIGHT_RAIN,
) -> DayBalance:  # fmt: skip
    """One day on.

    et0_mm, rain_mm, irrigation_mm   of the day, 0 or more, one for all zones or one for each; of irrigation the net
                                     depth that reaches the soil, over the whole area
    wind_m_s, rh_min_pct             mean wind at 2 m and least relative humidity of the day
    light_rain                       share of ET0 below which rain does not count

    Raises InvalidProblem for negative or unknown amounts.
    """
    amounts = [np.asarray(value, np.float64) for value in (et0_mm, rain_mm, irrigation_mm)]
    if problems := list(_wrong(("et0_mm", "rain_mm", "irrigation_mm"), amounts)):
        raise InvalidProblem(problems)
    et0, rain, irrigation, _ = np.broadcast_arrays(*amounts, moisture.depletion_mm)
    intercepted = np.where(rain < light_rain * et0, rain, 0.0)
    runoff = runoff_mm(rain - intercepted, zone.curve_number, moisture.surface_mm, zone.rew_mm, zone.tew_mm)
    infiltrated = rain - intercepted - runoff
    wetted = np.where(irrigation > 0, zone.wetted, np.where(rain >= _WETS_ALL_MM, 1.0, moisture.wetted))
    few = exposed_and_wetted(zone.cover, wetted)
    ke = _evaporation_coefficient(zone, moisture, few, wind_m_s, rh_min_pct)
    unstressed = (ke + zone.kcb) * et0
    raw = zone.raw_mm(unstressed)
    ks = stress_coefficient(moisture.depletion_mm, zone.taw_mm, raw)
    gained = infiltrated + irrigation - moisture.depletion_mm
    evaporation, transpiration = _held(zone.taw_mm + gained, ke * et0, ks * zone.kcb * et0)
    etc = evaporation + transpiration
    percolation = np.maximum(gained - etc, 0.0)  # eq. 88
    after = Moisture(
        depletion_mm=np.clip(etc - gained, 0.0, zone.taw_mm),  # eq. 85, 86
        surface_mm=_surface_mm(zone, moisture, infiltrated + irrigation / wetted, evaporation / few),
        wetted=wetted,
    )
    return DayBalance(
        moisture=after, etc_mm=etc, etc_unstressed_mm=unstressed, evaporation_mm=evaporation,
        transpiration_mm=transpiration, ks=ks, ke=ke, raw_mm=raw, intercepted_mm=intercepted, runoff_mm=runoff,
        percolation_mm=percolation,
    )  # fmt: skip


def _held(holds_mm: Floats, evaporation: Floats, transpiration: Floats) -> tuple[Floats, Floats]:
    """What can leave: soil does not lose what it does not hold, and evaporation, which no stress checks, gives way."""
    transpired = np.minimum(transpiration, np.maximum(holds_mm, 0.0))
    return np.minimum(evaporation, np.maximum(holds_mm - transpired, 0.0)), transpired


def exposed_and_wetted(cover: Values, wetted: Values) -> Floats:
    """few, 0.01…1 (eq. 75): the share of the ground from which most evaporation comes."""
    return np.clip(np.minimum(1.0 - np.asarray(cover), wetted), _LEAST_WET, 1.0)


def greatest_coefficient(kcb: Values, height_m: Values, wind_m_s: Values, rh_min_pct: Values) -> Floats:
    """Kc max (eq. 72): what wet ground and plants together reach after rain."""
    return np.maximum(1.2 + climate_term(height_m, wind_m_s, rh_min_pct), np.asarray(kcb) + 0.05)


def evaporation_reduction(surface_mm: Values, rew_mm: Values, tew_mm: Values) -> Floats:
    """Kr, 0…1 (eq. 74): falls once the readily evaporable water is gone."""
    kr: Floats = (np.asarray(tew_mm) - surface_mm) / (np.asarray(tew_mm) - rew_mm)
    return np.clip(kr, 0.0, 1.0)


def runoff_mm(rain_mm: Values, curve_number: Values, surface_mm: Values, rew_mm: Values, tew_mm: Values) -> Floats:
    """Of a day's rain, by the curve number of the SCS, moved by how wet the surface is; 0 where it is NaN.

    Jensen and Allen (2016), ASCE Manual 70, eq. 14-12 to 14-20.
    """
    rain, middle = np.asarray(rain_mm, np.float64), np.nan_to_num(curve_number, nan=100.0)
    dry, wet = middle / (2.281 - 0.01281 * middle), middle / (0.427 + 0.00573 * middle)
    first, last = 0.5 * np.asarray(rew_mm), 0.7 * np.asarray(rew_mm) + 0.3 * np.asarray(tew_mm)
    dryness = np.clip((np.asarray(surface_mm) - first) / (last - first), 0.0, 1.0)
    number = dry * dryness + wet * (1.0 - dryness)
    storage = 250.0 * (100.0 / number - 1.0)
    beyond = np.maximum(rain - 0.2 * storage, 0.0)
    ran = np.divide(
        beyond**2, rain + 0.8 * storage, out=np.zeros(np.broadcast(beyond, storage).shape), where=beyond > 0
    )
    return np.where(np.isnan(curve_number), 0.0, np.minimum(ran, rain))


def _evaporation_coefficient(
    zone: RootZone, moisture: Moisture, few: Floats, wind_m_s: Values, rh_min_pct: Values
) -> Floats:
    """Ke (eq. 71)."""
    greatest = greatest_coefficient(zone.kcb, zone.height_m, wind_m_s, rh_min_pct)
    reduction = evaporation_reduction(moisture.surface_mm, zone.rew_mm, zone.tew_mm)
    return np.minimum(reduction * (greatest - zone.kcb), few * greatest)


def _surface_mm(zone: RootZone, moisture: Moisture, gained: Floats, lost: Floats) -> Floats:
    """De (eq. 77–79): what it gains beyond field capacity drains, what it would lose beyond TEW comes from below."""
    drained = np.maximum(gained - moisture.surface_mm, 0.0)
    return np.clip(moisture.surface_mm - gained + lost + drained, 0.0, zone.tew_mm)


def _wrong(names: Sequence[str], amounts: Sequence[Floats]) -> Iterator[str]:
    for name, values in zip(names, amounts, strict=True):
        if not ((values >= 0) & (values <= 1_000)).all():
            found = values[~((values >= 0) & (values <= 1_000))].ravel()[0]
            yield f"{name} is {found:g}, wants 0 to 1000 mm a day"
