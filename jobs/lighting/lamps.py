"""What lamps give beside what their streets ask: surplus light to trim, lamps too small, and what the law allows."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from math import fsum
from typing import Any

import numpy as np

from engine.inventory.lamps import LampAttributes, read_lamp
from engine.model import Asset
from jobs.lighting.fleet import Fleet, read_fleet
from jobs.lighting.tables import LightingTables
from optimizers.arrays import Ints
from optimizers.lighting_classes import required_flux


@dataclass(frozen=True, slots=True)
class Fit:
    """How a lamp fits a class: the level this wants and the lamp gives at full today, in `unit`; the flux that takes;
    and, where the lamp can dim, the energy of a year that burning at this flux instead of at full saves.
    """

    lamp: str
    label: str
    wanted: float
    given: float
    unit: str
    flux: float
    trim_kwh: float

    @property
    def short(self) -> bool:
        return self.given < self.wanted * (1 - 1e-9)

    @property
    def times(self) -> float:
        """How many times its light a lamp that meets the class gives."""
        return self.wanted / self.given

    def __str__(self) -> str:
        lacks = f"{self.lamp} gives {self.given:.3g} of the {self.wanted:.3g} {self.unit} of {self.label}"
        return f"{lacks}: {self.times:.2f} times the light is wanted"


def fits(fleet: Fleet, tables: LightingTables, number: Ints) -> list[Fit]:
    """How each lamp fits a class of its family, by number (n,). Its normal one: `fleet.number`."""
    wanted = np.empty(len(fleet.lamps))
    for letter, family in tables.families.items():
        rows = np.flatnonzero(fleet.family == letter)
        wanted[rows] = family.level(number[rows])
    flux, _ = required_flux(wanted, fleet.level_full, tables.flux_grid)
    share = np.empty(len(fleet.lamps))
    for k, curve in enumerate(fleet.curves):
        rows = np.flatnonzero(fleet.curve == k)
        share[rows] = np.interp(flux[rows], curve.flux, curve.power)
    saved = np.where(fleet.dimmable, fleet.power_w * (1 - share), 0.0) * tables.burning_h_per_year / 1000
    return [
        Fit(lamp, f"{letter}{n}", level, full, tables.systems[letter].unit, at, kwh)
        for lamp, letter, n, level, full, at, kwh in zip(
            fleet.lamps,
            fleet.family.tolist(),
            number.tolist(),
            wanted.tolist(),
            fleet.level_full.tolist(),
            flux.tolist(),
            saved.tolist(),
            strict=True,
        )
    ]


@dataclass(frozen=True, slots=True)
class Nuisance:
    """What a lamp, or the lamps of a segment together, have more of than the arrêté of 27 December 2018 allows."""

    where: str
    what: str
    found: float
    limit: float
    unit: str


def nuisances(lamps: Sequence[Asset], tables: LightingTables) -> Iterator[Nuisance]:
    """Flux over the surface lit, segment by segment; colour temperature; light that goes up. What lamps do not state is
    not judged: a segment counts those of its lamps that state both flux and surface. Lamps that cannot be read are left
    out: the inventory's check names them.
    """
    limits = tables.light_nuisance
    segments: defaultdict[str, list[LampAttributes]] = defaultdict(list)
    for asset in lamps:
        lamp, _ = read_lamp(asset.attributes)
        if lamp is None:
            continue
        segments[lamp.segment].append(lamp)
        if lamp.cct_k is not None and lamp.cct_k > limits.cct_k:
            yield Nuisance(asset.id, "colour temperature", lamp.cct_k, limits.cct_k, "K")
        if lamp.ulr is not None and lamp.ulr > limits.ulr:
            yield Nuisance(asset.id, "light that goes up", 100 * lamp.ulr, 100 * limits.ulr, "%")
    for segment, standing in segments.items():
        known = [(lamp.flux_lm, lamp.area_m2) for lamp in standing if lamp.flux_lm and lamp.area_m2]
        inside = all(lamp.agglomeration for lamp in standing)
        limit = limits.lm_m2.agglomeration if inside else limits.lm_m2.outside
        density = fsum(lm for lm, _ in known) / fsum(m2 for _, m2 in known) if known else 0.0
        if density > limit:
            yield Nuisance(segment, "luminous flux installed", density, limit, "lm/m2")


def lamp_report(assets: Sequence[Asset], tables: LightingTables, on: date) -> dict[str, Any]:
    """Everything above for normal classes and lamps as old as they are `on` a day, as plain data: most to save, and
    most lacking, first. Raises InputError for lamps and counters by which nothing can be planned.
    """
    lamps = [asset for asset in assets if asset.type == "Streetlight"]
    fleet = read_fleet(lamps, [asset for asset in assets if asset.type == "TrafficFlowObserved"], tables, on)
    found = fits(fleet, tables, fleet.number)
    short = sorted((fit for fit in found if fit.short), key=lambda fit: (-fit.times, fit.lamp))
    trimmed = sorted((fit for fit in found if fit.trim_kwh > 0), key=lambda fit: (-fit.trim_kwh, fit.lamp))
    return {
        "lamps": len(found),
        "trim_kwh_per_year": fsum(fit.trim_kwh for fit in found),
        "trimmed": [_row(fit) | {"flux": fit.flux, "kwh_per_year": round(fit.trim_kwh, 1)} for fit in trimmed],
        "too_small": [_row(fit) | {"times": round(fit.times, 2)} for fit in short],
        "over_the_law": [asdict(one) | {"found": round(one.found, 2)} for one in nuisances(lamps, tables)],
    }


def _row(fit: Fit) -> dict[str, Any]:
    return {
        "lamp": fit.lamp,
        "class": fit.label,
        "wanted": fit.wanted,
        "given": round(fit.given, 3),
        "unit": fit.unit,
    }
