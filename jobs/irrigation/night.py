"""What a night of watering came to: planned, flowed and metered water, who stayed dry, and who was open unlawfully."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from engine.instants import PARIS, from_us
from engine.setpoints.dated import Span, without
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.irrigation.domain import zones_of
from jobs.irrigation.history import Days, read_history
from jobs.irrigation.reporting import body_of, metered_m3
from jobs.irrigation.saying import reason_of
from jobs.irrigation.tables import IrrigationTables
from jobs.irrigation.windows import windows_of
from jobs.metering import LOOK_BACK
from jobs.nights import plans_in_force
from jobs.words import LANGUAGES, Lang, say
from twin.irrigation.timers import NIGHTS

_FLOWS_M3 = 0.02
"""Less is what fills a pipe."""
_OPEN = 0.05  # the play of a position sensor
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


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


def measure_water(
    unit: Unit, territory: Territory, tables: IrrigationTables, start: datetime, until: datetime
) -> WaterNight | None:
    """What came of the day from one local noon to the next; None where nothing was planned."""
    plan = body_of(unit, plans_in_force(unit, "irrigation", start, until).get(start.astimezone(PARIS).date(), []))
    if plan is None:
        return None
    opened, flowed = (_steps(unit, territory, plan.valves, name, start, until) for name in ("opening", "flow"))
    allowed = _allowed(territory, tables, start)
    planned = plan.planned_m3
    first = {valve: at for valve, at, _ in reversed(plan.openings)}
    valves = tuple(
        ValveNight(
            valve=valve,
            planned_m3=planned[valve],
            flowed_m3=sum(value * (b - a) / _HOUR for (a, b), value in flowed[valve]),
            open_min=_minutes(spans := [span for span, value in opened[valve] if value > _OPEN]),
            forbidden_min=_minutes([left for span in spans for left in without(span, allowed.get(valve, ()))]),
            opens_at=first.get(valve),
            reason={lang: reason_of(plan, z, lang) for lang in LANGUAGES},
        )
        for z, valve in enumerate(plan.valves)
    )
    networks = {asset.id for asset in territory.of_type("IrrigationNetwork")}
    metered = sum(metered_m3(unit, territory, networks, start, until).values())
    return WaterNight(start, valves, metered, float(plan.columns["usual_m3"].sum()))


def _steps(
    unit: Unit, territory: Territory, valves: Sequence[str], name: str, start: datetime, until: datetime
) -> dict[str, list[tuple[Span, float]]]:
    """By valve, what was told of it: each value from when it was told to the next, at most LOOK_BACK long."""
    rows = read_history(unit, territory, valves, (name,), Days(until, 2))
    found: dict[str, list[tuple[Span, float]]] = {valve: [] for valve in valves}
    for of in rows.partition_by("asset", maintain_order=True):
        at = [from_us(us) for us in of["observed_at"]]
        for (told, next_told), value in zip(pairwise([*at, until]), of["value"], strict=True):
            begins, ends = max(told, start), min(next_told, told + LOOK_BACK)
            if begins < ends:
                found[of["asset"][0]].append(((begins, ends), value))
    return found


def _allowed(territory: Territory, tables: IrrigationTables, start: datetime) -> dict[str, list[Span]]:
    """By valve, when it may be open in the night, by its method and by orders."""
    zones = zones_of(territory, tables, start)
    windows = windows_of(zones, territory, start, 1, start, tables).windows
    return {
        valve: [
            (start + timedelta(seconds=windows.start_s[k]), start + timedelta(seconds=windows.end_s[k]))
            for k in np.flatnonzero(windows.allowed[z]).tolist()
        ]
        for z, valve in enumerate(zones.valves)
    }


def _minutes(spans: Sequence[Span]) -> float:
    return sum(((b - a) / _MINUTE for a, b in spans), 0.0)
