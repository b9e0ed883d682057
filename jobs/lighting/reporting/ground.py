"""What a report knows of the lamps of a territory before any night: where they hang, what they light, what they can."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from engine.errors import InputError
from engine.model import Asset
from jobs.lighting.cabinets import CABINET, cabinet_of
from jobs.lighting.fleet import Fleet, read_fleet
from jobs.lighting.tables import LightingTables
from optimizers.arrays import Floats, Ints
from optimizers.lighting_energy import illuminance_lx

METER = "energyConsumed"


@dataclass(frozen=True, slots=True)
class Cabinet:
    """A cabinet and its commune (INSEE code). Without an id: the lamps of that commune that hang at none."""

    id: str
    commune: str


@dataclass(frozen=True, eq=False)
class Ground:
    """n lamps, k cabinets.

    cabinet (n,)      index into `cabinets`
    area_m2 (n,)      road surface that a lamp lights; NaN where it is not known
    full_lx (n,)      maintained illuminance at full flux; of an M class by the luminance coefficient of the tables
    unread            lamps whose data cannot be read, which no report counts
    meter             cabinet → series number of its energy meter
    """

    fleet: Fleet
    tables: LightingTables
    cabinets: tuple[Cabinet, ...]
    cabinet: Ints
    area_m2: Floats
    full_lx: Floats
    unread: int
    meter: Mapping[str, int]

    def rows(self, lamps: Sequence[str]) -> Ints:
        """Index of each lamp, -1 for those that are not there any more."""
        if tuple(lamps) == self.fleet.lamps:
            return np.arange(len(lamps))
        index = {lamp: i for i, lamp in enumerate(self.fleet.lamps)}
        return np.array([index.get(lamp, -1) for lamp in lamps], np.int64)


def read_ground(
    assets: Sequence[Asset],
    communes: Mapping[str, str],
    series: Mapping[int, tuple[str, str]],
    tables: LightingTables,
    on: date | None = None,
) -> Ground:
    """Lamps as old as they are `on` a day. `communes`: zone → INSEE code; `series`: number → (asset, property).

    Raises InputError if no lamp is fit.
    """
    lamps = [asset for asset in assets if asset.type == "Streetlight"]
    counters = [asset for asset in assets if asset.type == "TrafficFlowObserved"]
    fleet = _readable(lamps, counters, tables, on)
    by_id = {asset.id: asset for asset in assets}
    found = [_cabinet_of(by_id[lamp], by_id, communes) for lamp in fleet.lamps]
    bare = [Cabinet(asset.id, communes[asset.zone]) for asset in assets if asset.type == CABINET]
    cabinets = tuple(sorted({*found, *bare}, key=lambda cabinet: (cabinet.commune, cabinet.id)))
    index = {cabinet: k for k, cabinet in enumerate(cabinets)}
    q0 = tables.surface_q0
    full = [
        illuminance_lx(level, q0) if family == "M" else level
        for family, level in zip(fleet.family.tolist(), fleet.level_full.tolist(), strict=True)
    ]
    return Ground(
        fleet=fleet,
        tables=tables,
        cabinets=cabinets,
        cabinet=np.array([index[cabinet] for cabinet in found]),
        area_m2=np.array([_area_m2(by_id[lamp].attributes) for lamp in fleet.lamps]),
        full_lx=np.array(full),
        unread=len(lamps) - len(fleet.lamps),
        meter={asset: number for number, (asset, name) in series.items() if name == METER},
    )


def _readable(
    lamps: Sequence[Asset], counters: Sequence[Asset], tables: LightingTables, on: date | None
) -> Fleet:  # fmt: skip
    """The fleet of all that can be read: one lamp that cannot is no reason to report nothing."""
    try:
        return read_fleet(lamps, counters, tables, on)
    except InputError as error:
        unfit = {problem.source for problem in error.problems}
        fit = [[asset for asset in assets if asset.id not in unfit] for assets in (lamps, counters)]
        if not fit[0] or fit == [list(lamps), list(counters)]:
            raise
        return read_fleet(fit[0], fit[1], tables, on)


def _cabinet_of(lamp: Asset, by_id: Mapping[str, Asset], communes: Mapping[str, str]) -> Cabinet:
    cabinet = cabinet_of(lamp, by_id)
    return Cabinet("", communes[lamp.zone]) if cabinet is None else Cabinet(cabinet.id, communes[cabinet.zone])


def _area_m2(attributes: Mapping[str, Any]) -> float:
    area = attributes.get("area_m2")
    known = isinstance(area, int | float) and not isinstance(area, bool) and 0 < area < float("inf")
    return float(area) if known else float("nan")  # type: ignore[arg-type]
