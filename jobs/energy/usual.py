"""What is foreseen of buildings, and what stands in where nothing is: a usual day of the month, and no sun."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from engine.catalogue import Text
from engine.instants import PARIS
from jobs.bootstrap import Territory
from jobs.energy.occupancy import Occupancy
from jobs.energy.sites import Sites, Span
from jobs.energy.tables import EnergyTables
from optimizers.arrays import Floats

_COLDEST_H, _DAY_H = 5.0, 24.0  # by local time; it is warmest twelve hours later


@dataclass(frozen=True, kw_only=True, eq=False)
class Foreseen:
    """What is expected of n sites and their P roofs over T slots.

    base_w, margin_w (n, T)   drawn whatever is planned, without rooms' heat, tanks, vehicles, batteries and roofs; with
                              so much more drawn limits are kept
    solar_w (P, T)            what roofs would give, in the order of `Sites.hung(ROOF)`
    outdoor_c (n, T)
    reasons                   what stood in for what is not known
    """

    base_w: Floats
    margin_w: Floats
    solar_w: Floats
    outdoor_c: Floats
    reasons: tuple[Text, ...] = ()


def usual(
    territory: Territory, sites: Sites, span: Span, occupancies: list[Occupancy], tables: EnergyTables
) -> Foreseen:
    """What is drawn at rest by the inventory, and by people as usual; the mean day of the month outside; no sun."""
    present = np.stack([one.present for one in occupancies]) if occupancies else np.zeros((0, len(span)))
    floor = np.array([site.floor_m2 for site in sites])[:, None]
    night = np.array([_night_w(territory, site.meter, site.floor_m2, tables) for site in sites])[:, None]
    base = night + tables.usual.present_w_m2 * floor * present
    said = Text(
        fr="consommations, soleil et température d'un jour habituel du mois : rien n'est prévu",
        en="loads, sun and temperature of a usual day of the month: nothing is foreseen",
    )
    outdoor = np.array([outdoor_c(start + span.slot / 2, tables) for start in span.starts])
    return Foreseen(
        base_w=base,
        margin_w=tables.usual.margin * base,
        solar_w=np.zeros((len(sites.hung("PhotovoltaicDevice")), len(span))),
        outdoor_c=np.broadcast_to(outdoor, base.shape),
        reasons=(said,),
    )


def _night_w(territory: Territory, meter: str, floor_m2: float, tables: EnergyTables) -> float:
    told = territory.by_id[meter].attributes.get("night_load_w")
    return float(told) if isinstance(told, int | float) and told > 0 else tables.usual.night_w_m2 * floor_m2


def outdoor_c(at: datetime, tables: EnergyTables) -> float:
    """Of a mean day of the month, a sine between its night and its day."""
    local = at.astimezone(PARIS)
    low, high = (of[local.month - 1] for of in (tables.usual.outdoor_low_c, tables.usual.outdoor_high_c))
    hour = local.hour + local.minute / 60
    return float((low + high) / 2 - (high - low) / 2 * np.cos(2 * np.pi * (hour - _COLDEST_H) / _DAY_H))
