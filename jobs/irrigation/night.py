"""What a night of watering came to: planned, flowed and metered water, who stayed dry, and who was open unlawfully."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from engine.instants import PARIS, from_us, to_us
from engine.model import PlanState
from engine.setpoints.dated import Span, without
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.irrigation.body import Body, open_body
from jobs.irrigation.saying import reason_of
from jobs.irrigation.tables import IrrigationTables
from jobs.irrigation.windows import windows_of
from jobs.irrigation.zones import read_zones
from jobs.metering import LOOK_BACK, consumed
from jobs.words import LANGUAGES, Lang, say
from optimizers.irrigation import Windows
from twin.irrigation.timers import NIGHTS

DOMAIN = "irrigation"
_FLOWS_M3 = 0.02
"""Less is what fills a pipe."""
_OPEN = 0.05  # the play of a position sensor
_TYPES = ("IrrigationValve", "IrrigationNetwork", "Garden", "GreenspaceRecord")
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_Steps = Sequence[tuple[Span, float]]


@dataclass(frozen=True)
class ValveNight:
    """Of one hydrozone: water planned, and that flowed by its own flow readings; minutes its valve was open, and of
    these in hours in which it may not be. `opens_at`: when it was first to open; `reason`: by language, why so much was
    planned."""

    valve: str
    planned_m3: float
    flowed_m3: float
    open_min: float
    forbidden_min: float
    opens_at: datetime | None
    reason: Mapping[Lang, str]

    @property
    def watered(self) -> bool:
        return self.flowed_m3 > _FLOWS_M3

    def why_dry(self, lang: Lang) -> str:
        """Why nothing flowed."""
        return say("water_none_flowed", lang) if self.planned_m3 > _FLOWS_M3 else self.reason[lang]


@dataclass(frozen=True)
class WaterNight:
    """All valves of a plan; m³ that meters of networks counted, and that monthly timers would have given on a mean day.

    `timer_m3` is for that night, which is one of three a week, or none.
    """

    start: datetime
    valves: tuple[ValveNight, ...]
    metered_m3: float
    timer_m3_day: float

    @property
    def timer_m3(self) -> float:
        return self.timer_m3_day * 7 / len(NIGHTS) if self.start.astimezone(PARIS).weekday() in NIGHTS else 0.0

    def totals(self) -> dict[str, float]:
        """What follows from the rest."""
        names = ("planned_m3", "lost_m3", "timer_m3", "forbidden_min")
        return {name: getattr(self, name) for name in names}

    @property
    def planned_m3(self) -> float:
        return sum(valve.planned_m3 for valve in self.valves)

    @property
    def lost_m3(self) -> float:
        """What meters counted and no valve let through: it leaked."""
        return max(self.metered_m3 - sum(valve.flowed_m3 for valve in self.valves), 0.0)

    @property
    def forbidden_min(self) -> float:
        return sum(valve.forbidden_min for valve in self.valves)


def plan_of_night(unit: Unit, start: datetime) -> Body | None:
    """The newest plan in force of the day that begins at a local noon."""
    records = (one for one in unit.plans.list(DOMAIN, 100) if one.state is PlanState.IN_FORCE and one.start == start)
    record = next(records, None)
    found = unit.plans.get(record.id) if record is not None else None
    return None if found is None else open_body(found[1])


def measure_water(
    unit: Unit, territory: Territory, tables: IrrigationTables, start: datetime, until: datetime
) -> WaterNight | None:
    """What came of the day from one local noon to the next; None where nothing was planned."""
    plan = plan_of_night(unit, start)
    if plan is None:
        return None
    opened, flowed = (_steps(unit, territory, name, start, until) for name in ("opening", "flow"))
    allowed = _allowed(territory, tables, start)
    planned = plan.planned_m3
    first = {valve: at for valve, at, _ in reversed(plan.openings)}
    valves = tuple(
        ValveNight(
            valve=valve,
            planned_m3=planned[valve],
            flowed_m3=sum(value * (b - a) / _HOUR for (a, b), value in flowed.get(valve, ())),
            open_min=_minutes(spans := [span for span, value in opened.get(valve, ()) if value > _OPEN]),
            forbidden_min=_minutes([left for span in spans for left in without(span, allowed.get(valve, ()))]),
            opens_at=first.get(valve),
            reason={lang: reason_of(plan, z, lang) for lang in LANGUAGES},
        )
        for z, valve in enumerate(plan.valves)
    )
    networks = {asset.id for asset in territory.of_type("IrrigationNetwork")}
    meters = {
        number for number, name in territory.series_names.items() if name[0] in networks and name[1] == "waterConsumed"
    }
    metered_m3 = sum(consumed(unit, meters, start, until).values())
    return WaterNight(start, valves, metered_m3, float(plan.columns["usual_m3"].sum()))


def _steps(unit: Unit, territory: Territory, name: str, start: datetime, until: datetime) -> dict[str, _Steps]:
    """By valve, what was told of it: each value from when it was told to the next, at most LOOK_BACK long."""
    valves = {asset.id for asset in territory.of_type("IrrigationValve")}
    series = {
        number: asset for number, (asset, told) in territory.series_names.items() if asset in valves and told == name
    }
    read = unit.readings.history(sorted(series), to_us(start - LOOK_BACK), to_us(until))
    found: dict[str, _Steps] = {}
    for rows in read.partition_by("series", maintain_order=True):
        at = [from_us(us) for us in rows["observed_at"]]
        held = zip(pairwise([*at, until]), rows["value"], strict=True)
        found[series[rows["series"][0]]] = list(_within(held, start))
    return found


def _within(held: Iterator[tuple[Span, float]], start: datetime) -> Iterator[tuple[Span, float]]:
    for (told, next_told), value in held:
        begins, ends = max(told, start), min(next_told, told + LOOK_BACK)
        if begins < ends:
            yield (begins, ends), value


def _allowed(territory: Territory, tables: IrrigationTables, start: datetime) -> dict[str, list[Span]]:
    """By valve, when it may be open in the night, by its method and by orders."""
    valves, networks, gardens, probes = map(territory.of_type, _TYPES)
    zones = read_zones(valves, networks, gardens, probes, tables, start.date())
    windows: Windows = windows_of(zones, territory, start, 1, start, tables).windows
    return {
        valve: [
            (start + timedelta(seconds=windows.start_s[k]), start + timedelta(seconds=windows.end_s[k]))
            for k in np.flatnonzero(windows.allowed[z]).tolist()
        ]
        for z, valve in enumerate(zones.valves)
    }


def _minutes(spans: Sequence[Span]) -> float:
    return sum(((b - a) / _MINUTE for a, b in spans), 0.0)
