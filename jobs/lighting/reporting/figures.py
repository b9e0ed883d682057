"""What is reported of a group of cabinets, from their tallies: energy, light, money, carbon, EN 13201-5."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import nan
from typing import Any

import numpy as np

from jobs.lighting.reporting.ground import Cabinet, Ground
from jobs.lighting.reporting.tally import SUMS, Tally
from optimizers.arrays import Ints
from optimizers.lighting_energy import Period, annual, energy_density_wh_m2, power_density

BAND = 0.1
"""Measured energy further than this from what was planned is told: a meter, a lamp or the inventory is wrong."""


class By(StrEnum):
    """What the lines of a report are."""

    CABINET = "cabinet"
    COMMUNE = "commune"
    TERRITORY = "territory"


@dataclass(frozen=True)
class Group:
    """A line: its id (of a cabinet, INSEE code of a commune, empty for a territory), the sums, the time they cover."""

    id: str
    commune: str
    sums: Mapping[str, int]
    most_switches: int
    lit_h: float
    dark_h: float
    lit_h_of_year: float

    def figures(self) -> dict[str, Any]:
        """Everything reported, with the unit in each name; None for what nobody knows."""
        found = self._energy() | self._light() | self._money() | self._performance()
        return {name: None if value != value else value for name, value in found.items()}  # noqa: PLR0124 - NaN

    def _energy(self) -> dict[str, Any]:
        sums = self.sums
        compared = sums["compared_mwh"]
        off = sums["measured_mwh"] / compared - 1 if compared else nan
        return {
            "planned_kwh": sums["planned_mwh"] / 1e6,
            "measured_kwh": sums["measured_mwh"] / 1e6 if compared else nan,
            "planned_where_measured_kwh": compared / 1e6,
            "measured_over_planned": off,
            "within_band": abs(off) <= BAND if compared else nan,
            "cabinet_nights_unmeasured": sums["unmeasured"],
            "fixed_kwh": sums["fixed_mwh"] / 1e6,
            "full_kwh": sums["full_mwh"] / 1e6,
            "saved_against_fixed": _saved(sums["planned_mwh"], sums["fixed_mwh"]),
            "saved_against_full": _saved(sums["planned_mwh"], sums["full_mwh"]),
        }

    def _light(self) -> dict[str, Any]:
        sums = self.sums
        slots, nights = sums["lamp_slots"], sums["lamp_nights"]
        shares = ("under", "under_deep", "under_budget", "over", "over_deep", "fixed_under", "fixed_under_deep")
        return {
            "lamp_nights": nights,
            **{f"{name}_share": _ratio(sums[name], slots) for name in shares},
            "crossing_under_share": _ratio(sums["crossing_under"], sums["crossing_slots"]),
            "switches_mean": _ratio(sums["switches"], nights),
            "switches_most": self.most_switches,
        }

    def _money(self) -> dict[str, Any]:
        sums = self.sums
        ways = ("planned", "fixed", "full")
        costs = {f"{way}_eur": sums[f"{way}_meur"] / 1e3 for way in ways}
        return costs | {f"{way}_co2_kg": sums[f"{way}_mg"] / 1e6 for way in ways}

    def _performance(self) -> dict[str, Any]:
        """PDI and AECI of the lamps whose area is known, and how many lamps are left out."""
        sums, nights = self.sums, (self.lit_h + self.dark_h) / 24
        area_m2 = sums["area_cm2"] / 1e4 / max(round(nights), 1)
        periods = self._periods()
        year = annual(periods, self.lit_h_of_year, 365 * 24 - self.lit_h_of_year)
        return {
            "area_m2": area_m2,
            "lamp_nights_without_area": sums["lamp_nights"] - sums["area_lamps"],
            "power_density_w_per_lx_m2": power_density(periods),
            "energy_density_wh_per_m2": energy_density_wh_m2(periods, area_m2),
            "energy_density_kwh_per_m2_year": energy_density_wh_m2(year, area_m2) / 1e3,
        }

    def _periods(self) -> tuple[Period, ...]:
        """The hours of darkness and those of day, each as its mean."""
        sums, found = self.sums, []
        for hours, energy, lit in (
            (self.lit_h, sums["area_lit_mwh"], sums["area_lit"]),
            (self.dark_h, sums["area_dark_mwh"], 0),
        ):
            if hours:
                found.append(Period(hours, energy / _MILLI / hours, lit / hours))
        return tuple(found)


_MILLI = 1000.0


def groups(ground: Ground, tally: Tally, by: By, lit_h_of_year: float) -> tuple[Group, ...]:
    """One line for each cabinet, commune or the territory, in the order of their ids."""
    keys = [_key(cabinet, by) for cabinet in ground.cabinets]
    order = {key: i for i, key in enumerate(sorted(set(keys)))}
    index = np.array([order[key] for key in keys])
    sums = np.zeros((len(order), len(SUMS)), np.int64)
    np.add.at(sums, index, tally.sums)
    most = np.zeros(len(order), np.int64)
    np.maximum.at(most, index, tally.most_switches)
    return tuple(
        Group(id_, commune, _named(sums[i]), int(most[i]), tally.lit_h, tally.dark_h, lit_h_of_year)
        for (commune, id_), i in order.items()
    )


def members(ground: Ground, by: By, group: Group) -> Ints:
    """Indices of the cabinets of a line."""
    key = (group.commune, group.id)
    return np.array([k for k, cabinet in enumerate(ground.cabinets) if _key(cabinet, by) == key], np.int64)


def _key(cabinet: Cabinet, by: By) -> tuple[str, str]:
    """(commune, id), which sorts cabinets by commune."""
    if by is By.CABINET:
        return cabinet.commune, cabinet.id
    return (cabinet.commune, cabinet.commune) if by is By.COMMUNE else ("", "")


def _named(row: Ints) -> dict[str, int]:
    return dict(zip(SUMS, map(int, row), strict=True))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else nan


def _saved(planned: int, other: int) -> float:
    return 1 - planned / other if other else nan


def outside_band(found: Sequence[Group]) -> list[str]:
    """Ids of the groups whose meters are further from the plan than the band."""
    return [group.id for group in found if group.figures()["within_band"] is False]
