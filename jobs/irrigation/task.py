"""The problem of one night and the days after it, with all that was behind it. Pure: seasons are planned by it too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from jobs.irrigation.tables import IrrigationTables
from jobs.irrigation.windows import Watering
from jobs.irrigation.zones import Zones
from optimizers.arrays import Floats
from optimizers.irrigation import Hydrozones, IrrigationProblem, Networks, Scenarios
from optimizers.soil import DayBalance, Moisture, advance
from optimizers.soil.estimate import Belief

Done = tuple[str, float, float]
"""A valve that was open, in seconds since the noon of its night from and to."""


class Weather(Protocol):
    """Of an outlook (see `jobs.irrigation.outlook.Outlook`) what a problem is made of: S ways the weather may go.

    probability (S,); et0_mm, rain_mm (S, D) of days of 24 hours from the instant the plan is asked, the first of which
    holds its night.
    """

    @property
    def probability(self) -> Floats: ...
    @property
    def et0_mm(self) -> Floats: ...
    @property
    def rain_mm(self) -> Floats: ...
    @property
    def reasons(self) -> Sequence[str]: ...


@dataclass(frozen=True, eq=False)
class Foreseen:
    """The simplest weather: one way it may go."""

    probability: Floats
    et0_mm: Floats
    rain_mm: Floats
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Behind:
    """What `why` tells beside the problem: when it was asked of which night, verdicts of probes, where ET0 came from.

    lenders    of each hydrozone, whose probe it borrows: '' for none
    forecast   of the weather to come: issued_at and age_h, rain as it is told, the share of it that is counted on
    done       what valves did earlier that night
    ordered    the valves that orders leave less than their usual hours tonight
    """

    start_at: datetime
    until: datetime
    at: datetime
    verdicts: dict[str, str] = field(default_factory=dict)
    lenders: tuple[str, ...] = ()
    et0_source: str = ""
    forecast: Mapping[str, Any] = field(default_factory=dict)
    done: tuple[Done, ...] = ()
    ordered: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class IrrigationTask:
    """A problem to solve, and what it was made of. `raw_mm` (n,) is RAW without the caution that the problem's has;
    `behind` is None where nobody will ask (a season).
    """

    problem: IrrigationProblem
    raw_mm: Floats
    zones: Zones
    belief: Belief
    weather: Weather
    watering: Watering
    tables: IrrigationTables
    reasons: tuple[str, ...]
    behind: Behind | None = None


def build_problem(
    zones: Zones, belief: Belief, weather: Weather, watering: Watering, tables: IrrigationTables, *,
    moisture: Moisture | None = None, behind: Behind | None = None, reasons: Sequence[str] = (),
) -> IrrigationTask:  # fmt: skip
    """The problem of the night that begins at a local noon.

    `belief` of the soil when it is asked, `moisture` of its surface then: half dry by default. Plants are taken to lack
    water a little before RAW, the more the less is known of their soil (`caution_sd` of the tables). Raises
    InvalidProblem for what contradicts itself, as a territory without a hydrozone.
    """
    taw = zones.root_zone.taw_mm
    depletion = np.clip(belief.depletion_mm, 0.0, taw)
    days = _days(zones, depletion, moisture, weather)
    raw = np.mean([weather.probability @ day.raw_mm for day in days], axis=0)
    problem = IrrigationProblem(
        networks=Networks(
            names=zones.networks, capacity_m3_h=zones.capacity_m3_h, price_eur_m3=zones.price_eur_m3
        ),
        hydrozones=Hydrozones(
            names=zones.valves,
            network=zones.network,
            flow_m3_h=zones.flow_m3_h,
            cycle_s=zones.cycle_s,
            soak_s=zones.soak_s,
            cycle_mm=zones.cycle_mm,
            taw_mm=taw,
            raw_mm=np.maximum(tables.plan.least_raw * raw, raw - tables.plan.caution_sd * belief.sd_mm),
            depletion_mm=depletion,
            stress_eur_mm=zones.stress_eur_mm,
            wilting_eur_mm=zones.wilting_eur_mm,
            terminal_eur_mm=_terminal(zones, tables),
        ),
        windows=watering.windows,
        scenarios=_scenarios(weather, days),
        budgets=watering.budgets,
    )  # fmt: skip
    told = (*zones.reasons, *weather.reasons, *(line["en"] for line in watering.reasons), *reasons)
    return IrrigationTask(problem, raw, zones, belief, weather, watering, tables, told, behind)


def _days(zones: Zones, depletion: Floats, moisture: Moisture | None, weather: Weather) -> list[DayBalance]:
    """The D days of each scenario, (S, n) each, of ground that is refilled whenever its plants begin to lack water: how
    wet its surface is decides what evaporates.
    """
    roots, scenarios = zones.root_zone, weather.et0_mm.shape[0]
    wide = (scenarios, len(zones))
    known = moisture or Moisture(depletion_mm=depletion, surface_mm=roots.tew_mm / 2, wetted=roots.wetted)
    now = Moisture(depletion_mm=np.broadcast_to(depletion, wide), surface_mm=known.surface_mm, wetted=known.wetted)
    found = []
    for et0, rain in zip(weather.et0_mm.T, weather.rain_mm.T, strict=True):
        dry = now.depletion_mm > roots.raw_mm(roots.kcb * et0[:, None])
        watered = np.where(dry, now.depletion_mm, 0.0)
        day = advance(roots, now, et0_mm=et0[:, None], rain_mm=rain[:, None], irrigation_mm=watered)
        found.append(day)
        now = day.moisture
    return found


def _scenarios(weather: Weather, days: Sequence[DayBalance]) -> Scenarios:
    rain = weather.rain_mm.T[:, :, None]
    reaches = [rain[d] - day.intercepted_mm - day.runoff_mm for d, day in enumerate(days)]
    return Scenarios(
        probability=weather.probability,
        etc_mm=np.stack([day.etc_unstressed_mm for day in days], axis=1),
        rain_mm=np.maximum(np.stack(reaches, axis=1), 0.0),
    )


def _terminal(zones: Zones, tables: IrrigationTables) -> Floats:
    """(n,) EUR that a mm lacking after the last day is worth: a share of what it costs to bring it."""
    worth: Floats = tables.plan.terminal_share * zones.price_eur_m3[zones.network] * zones.cycle_m3 / zones.cycle_mm
    return worth
