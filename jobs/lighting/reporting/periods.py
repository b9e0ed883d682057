"""The operational periods of one night (EN 13201-5): stretches in which nothing a group lights changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from engine.instants import PARIS
from jobs.lighting.night import SLOT, Night
from jobs.lighting.reporting.ground import Ground
from jobs.lighting.reporting.tally import Clock, Gear, Plans
from optimizers.arrays import Floats, Ints
from optimizers.lighting_energy import Period, power_density


@dataclass(frozen=True, eq=False)
class Profile:
    """Of the lamps whose area is known, by cabinet and burning slot: power (k, B) in W and ΣĒ·A (k, B) in lx·m², with
    what detectors are expected to add; `full` (k,) is ΣĒ·A at full flux. `hours` (B,) that lamps are lit in each."""

    night: Night
    power_w: Floats
    lit: Floats
    full: Floats
    hours: Floats

    def periods(self, cabinets: Ints) -> list[dict[str, Any]]:
        """Of some cabinets together: when, power, share of the light at full flux, power density. Empty without areas.

        Instants are local times of Paris.
        """
        power, lit = (np.round(state[cabinets].sum(axis=0), 6) for state in (self.power_w, self.lit))
        full = float(self.full[cabinets].sum())
        if not full:
            return []
        begins = [0, *(np.flatnonzero((np.diff(power) != 0) | (np.diff(lit) != 0)) + 1).tolist()]
        ends = [*begins[1:], power.size]
        return [self._told(a, b, float(power[a]), float(lit[a]), full) for a, b in zip(begins, ends, strict=True)]

    def _told(self, begin: int, end: int, power_w: float, lit: float, full: float) -> dict[str, Any]:
        hours = float(self.hours[begin:end].sum())
        density = power_density([Period(hours, power_w, lit)])
        return {
            "from": self._at(begin).isoformat(),
            "until": self._at(end).isoformat(),
            "hours": round(hours, 4),
            "power_w": power_w,
            "share_of_full_light": lit / full,
            "power_density_w_per_lx_m2": None if density != density else density,  # noqa: PLR0124 - NaN
        }

    def _at(self, edge: int) -> datetime:
        slots = np.flatnonzero(self.night.burning)
        at: datetime = self.night.slots[slots[edge]] if edge < slots.size else self.night.slots[slots[-1]] + SLOT
        return min(max(at, self.night.on_at), self.night.off_at).astimezone(PARIS)


def profile(ground: Ground, plans: Plans) -> Profile:
    """The state of every cabinet in each burning slot of a night."""
    body, night = plans.bodies[-1], plans.night
    rows = ground.rows(body.lamps)
    known = np.flatnonzero(rows >= 0)
    rows = rows[known]
    area = np.nan_to_num(ground.area_m2[rows])
    share, steps = Gear.of(body, known).expected(plans.levels()[known][:, night.burning])
    light = area * ground.full_lx[rows]
    power = body.columns["power_full_w"][known] * (area > 0)
    size, cabinet = len(ground.cabinets), ground.cabinet[rows]
    return Profile(
        night,
        _by_cabinet(power[:, None] * share, cabinet, size),
        _by_cabinet(light[:, None] * steps * body.head["flux_grid"], cabinet, size),
        _by_cabinet(light[:, None], cabinet, size)[:, 0],
        Clock.of(night, np.zeros((len(night.slots), 1))).lit_h[night.burning],
    )


def _by_cabinet(values: Floats, cabinet: Ints, size: int) -> Floats:
    summed: Floats = np.stack([np.bincount(cabinet, column, size) for column in values.T], axis=1)
    return summed
