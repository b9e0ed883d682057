"""The problem of one night, with all that was behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from engine.calendar import SchoolCalendar
from engine.model import Asset
from jobs.lighting.around import Around
from jobs.lighting.budgets import NO_BUDGET, Budgets, parts_of
from jobs.lighting.fleet import Fleet, read_fleet
from jobs.lighting.holders import NOBODY_LIMITED, Keepers, steady
from jobs.lighting.lamps import fits
from jobs.lighting.lanes import NOBODY_SEEN, awake, lanes_of
from jobs.lighting.need import Need, need_of
from jobs.lighting.night import Night, night_of
from jobs.lighting.tables import LightingTables
from jobs.lighting.traffic import Traffic, forecast_traffic
from jobs.words import some
from optimizers.lighting import LightingProblem


@dataclass(frozen=True, eq=False)
class LightingTask:
    """A problem to solve, and what `why` tells of it. `classes` (n, T) are labels as `M4`. `over`: how many slots were
    over already, whose floors are what lamps had been told.
    """

    problem: LightingProblem
    fleet: Fleet
    night: Night
    traffic: Traffic
    need: Need
    tables: LightingTables
    reasons: tuple[str, ...]
    around: Around
    budgets: Budgets = NO_BUDGET
    over: int = 0

    @property
    def classes(self) -> np.ndarray[Any, np.dtype[np.str_]]:
        return np.char.add(self.fleet.family[:, None], self.need.number.astype(np.str_))


def build_problem(
    lamps: Sequence[Asset],
    counters: Sequence[Asset],
    history: pl.DataFrame,
    *,
    start_at: datetime,
    tables: LightingTables,
    quantile: float,
    presence: pl.DataFrame | None = None,
    around: Around | None = None,
    at: datetime | None = None,
    keepers: Keepers = NOBODY_LIMITED,
    budgets: Budgets = NO_BUDGET,
    school: SchoolCalendar | None = None,
) -> LightingTask:
    """The problem of the lighting day that starts at a local noon.

    `history` holds asset, observed_at (µs since 1970) and intensity (veh/h) of whatever was counted before. A lamp
    whose counter tells nothing of an hour keeps its normal class then. `presence` is what detectors told, see
    `lanes_of`; `keepers` are those who keep programs, `budgets` those of the night; `at` is when it is asked, the start
    by default. Raises InputError with every problem of every lamp and counter, ValueError for a start that is no local
    noon.
    """
    night = night_of(start_at, tables)
    presence = NOBODY_SEEN if presence is None else presence
    fleet = awake(read_fleet(lamps, counters, tables, night.local[0].date()), night, presence, tables)
    traffic = forecast_traffic(fleet, night, history, tables, quantile, at or start_at, school)
    around = around or Around()
    need = need_of(fleet, night, traffic, tables, around)
    floor = steady(need.flux, need.ceiling, night, tables.ramp_per_slot, fleet.dimmable)
    budget, shares = parts_of(budgets, fleet, night, need, tables, around)
    problem = LightingProblem(
        lamps=fleet.lamps,
        floor=floor,
        ceiling=need.ceiling,
        burning=night.burning,
        power_full_w=fleet.power_w,
        ramp_per_slot=np.array(tables.ramp_per_slot),
        neighbours=fleet.pairs,
        neighbour_step=np.full(len(fleet.pairs), tables.neighbour_step),
        dimmable=fleet.dimmable,
        curves=fleet.curves,
        curve=fleet.curve,
        holders=keepers.holders(fleet.lamps, tables.fleet_programs),
        budget=budget,
        shares=shares,
        lanes=lanes_of(fleet, night, presence, tables),
    )
    reasons = [
        *fleet.reasons,
        *traffic.reasons,
        *around.reasons,
        *keepers.reasons(),
        *budgets.reasons,
        *_too_small(fleet, night, need, tables),
    ]
    return LightingTask(problem, fleet, night, traffic, need, tables, tuple(reasons), around, budgets)


def _too_small(fleet: Fleet, night: Night, need: Need, tables: LightingTables) -> list[str]:
    """Lamps that do not reach the brightest class asked of them, and what would."""
    if not need.short.any():
        return []
    brightest = need.number[:, night.burning].min(axis=1)
    short = sorted((fit for fit in fits(fleet, tables, brightest) if fit.short), key=lambda fit: (-fit.times, fit.lamp))
    named, lacks = some([fit.lamp for fit in short]), "; ".join(map(str, short[:3]))
    return [f"under-sized, full all the time they are asked for more: {named} lamps. {lacks}"]
