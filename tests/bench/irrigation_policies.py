"""What waters the parks of a season: clocks, a threshold, and the plan that is deployed."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from jobs.irrigation.outlook import Ways, relied_on, ways_of
from jobs.irrigation.replay import replay_core
from jobs.irrigation.task import build_problem
from optimizers.arrays import Floats
from optimizers.irrigation import solve
from optimizers.result import Limits
from tests.bench.irrigation_season import Evening, Season
from tests.bench.irrigation_town import Town
from twin.irrigation import timers
from twin.irrigation.timers import Clock, Openings, Threshold, Timer, opened_for, peak

RAIN_SWITCH_MM = 5.0
TURF = "turf"


@dataclass(frozen=True, eq=False)
class Timed:
    """A timer: it waters for so long as brings the depth that it wants, by the rate that the town knows."""

    timer: Timer

    def opened(self, evening: Evening) -> Openings:
        season, hour = evening.season, evening.hour
        told = timers.Evening(
            day=season.day(evening.night),
            rain_mm=float(season.sky.rain_mm[hour - 24 : hour].sum()),
            depletion_mm=_by_probe(evening),
        )
        zones = season.town.zones
        seconds = self.timer.wanted_mm(told) / zones.rate_mm_h * 3600
        return opened_for(seconds, season.town.pipes, season.waterings[evening.night].windows)


def _by_probe(evening: Evening) -> Floats:
    """Depletion by the mean of the last six hours, from the field capacity of the table; NaN where nothing is said."""
    roots, last = evening.season.town.zones.root_zone, evening.vwc[-6:]
    vwc = np.nan_to_num(last).sum(axis=0) / np.maximum(np.isfinite(last).sum(axis=0), 1)
    missing = np.clip(1000 * (roots.field_capacity - vwc) * roots.root_depth_m, 0.0, roots.taw_mm)
    return np.where(np.isfinite(last).any(axis=0), missing, np.nan)


def clocks(season: Season) -> dict[str, Timed]:
    """By normal ET0: as lawns want it for all plants, sports grounds as they do; or each planting by its own share."""
    town = season.town
    alike = _gross_mm_day(season, [p if p == "sports_turf" else TURF for p in town.zones.planting])
    by_plant = _gross_mm_day(season, list(town.zones.planting))
    found: dict[str, Timed] = {}
    for switch, said in ((None, ""), (RAIN_SWITCH_MM, ", rain sensor")):
        found["clock set for July" + said] = Timed(peak(alike, switch))
        found["clock set each month" + said] = Timed(Clock(gross_mm_day=alike, rain_switch_mm=switch))
        found["clock set each month, by plant" + said] = Timed(Clock(gross_mm_day=by_plant, rain_switch_mm=switch))
    return found


def _gross_mm_day(season: Season, plantings: list[str]) -> Floats:
    town = season.town
    share = np.array([town.tables.plantings[planting].timer for planting in plantings])  # type: ignore[index]
    depth: Floats = season.sky.normal_mm_day[:, None] * share / town.uniformity
    return depth


def threshold(town: Town, share: float = 1.0) -> Timed:
    """Fill up where the probe says that more than a share of RAW is missing."""
    roots = town.zones.root_zone
    return Timed(Threshold(from_mm=share * roots.raw_mm(5.0), uniformity=town.uniformity))


LIMITS = Limits(seconds=60.0, gap=0.005)


@dataclass(eq=False)
class Planned:
    """The plan that is deployed: what is believed after the last days, the ways the weather may go, hours, optimum."""

    limits: Limits = LIMITS

    def opened(self, evening: Evening) -> Openings:
        season, town = evening.season, evening.season.town
        known = replay_core(town.zones, evening.past(), town.tables)
        task = build_problem(
            town.zones, known.belief, weather(evening), season.waterings[evening.night], town.tables,
            moisture=known.moisture,
        )  # fmt: skip
        plan = solve(task.problem, self.limits)
        return Openings(plan.opened, plan.start_s, plan.end_s)


def weather(evening: Evening) -> Ways:
    """The days to come, as they are told and as far as what was told came true in the days that are replayed."""
    season, entry = evening.season, evening.season.town.tables.outlook
    days = season.town.tables.plan.days
    earlier = range(max(0, evening.night - season.town.tables.plan.replay // timedelta(days=1)), evening.night)
    told = [float(season.forecasts[night][0][0]) for night in earlier]
    caught = [float(season.sky.rain_mm[season.asked_h(night) : season.asked_h(night + 1)].sum()) for night in earlier]
    rain, et0 = (foretold[:days] for foretold in season.forecasts[evening.night])
    ways = np.array([way.times for way in entry.ways])[:, None] * rain
    return ways_of(ways, et0, relied_on(told, caught, entry), entry)
