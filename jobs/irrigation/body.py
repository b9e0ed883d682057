"""A plan's body: what went in and what came out, in one compressed block from which `why` reads."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from engine.instants import isoformat, to_us
from jobs.irrigation.saying import bounds_of, held_of, reason_of
from jobs.irrigation.task import IrrigationTask
from jobs.planning.bodies import Opened, closed, opened
from jobs.words import LANGUAGES, say
from optimizers.arrays import Floats, Ints
from optimizers.irrigation import IrrigationPlan, IrrigationProblem, pack, unpack
from optimizers.irrigation.explain import Explanation
from optimizers.irrigation.explain import explain as weighed
from optimizers.irrigation.reckoning import depletion_mm
from optimizers.result import Status

_FORMAT = 1
_DECIDED = ("cycles", "opened", "start_s", "end_s", "later_cycles")
_MOMENT = timedelta(microseconds=1)
Opening = tuple[str, datetime, datetime]
"""A valve, open from an instant to another."""


def body(task: IrrigationTask, plan: IrrigationPlan) -> bytes:
    """The same task and plan give the same bytes. Raises ValueError for a task that does not say what is behind it."""
    behind, zones = task.behind, task.zones
    if behind is None:
        raise ValueError("the task does not say of which night it is: wants what is behind it")
    head = {
        "format": _FORMAT,
        "start_us": to_us(behind.start_at),
        "until_us": to_us(behind.until),
        "at_us": to_us(behind.at),
        "done": [[valve, start_s, end_s] for valve, start_s, end_s in behind.done],
        "ordered": [valve in behind.ordered for valve in zones.valves],
        "verdicts": behind.verdicts,
        "lender": behind.lenders or [""] * len(zones),
        "et0_source": behind.et0_source,
        "forecast": dict(behind.forecast),
        "garden": zones.garden,
        "method": zones.method,
        "planting": zones.planting,
        "probe": zones.probe,
        "why": [dict(why) for why in task.watering.why],
        "told": [dict(line) for line in task.watering.reasons],
        "left_out": zones.left_out,
        "reasons": [*task.reasons, *plan.reasons],
    }
    month = behind.start_at.month
    columns = {
        "problem": np.frombuffer(pack(task.problem), np.uint8),
        "sd_mm": task.belief.sd_mm,
        "raw_mm": task.raw_mm,
        "usual_m3": zones.usual_m3_day(task.tables, month),
        "probability": task.weather.probability,
        "et0_mm": task.weather.et0_mm,
        "rain_mm": task.weather.rain_mm,
        **_decided(plan),
    }
    return closed(head, columns)


def with_plan(block: bytes, plan: IrrigationPlan) -> bytes:
    """The same body with another plan of its problem. Raises ValueError for one of other hydrozones."""
    found = open_body(block)
    if plan.hydrozones != found.valves:
        raise ValueError(f"a plan of {len(plan.hydrozones)} hydrozones, wants the {len(found.valves)} of the body")
    return closed(found.head, {**found.columns, **_decided(plan)})


def explain(block: bytes, point: str, at: datetime) -> dict[str, Any]:
    """Why a valve's plan is what it is at an instant: its soil, the weather, what bounds it, and what a cycle more or
    less would cost. Empty for a point or an instant the plan does not speak of.
    """
    found = open_body(block)
    valve = point.partition("/")[0]
    if not found.start <= at < found.until:
        return {}
    if valve in found.head["left_out"]:
        why = found.head["left_out"][valve]
        return {"reason": {lang: say("water_left_out", lang, why=why) for lang in LANGUAGES}}
    if valve not in found.valves:
        return {}
    z = found.valves.index(valve)
    openings = [(start, end) for name, start, end in found.openings if name == valve]
    return {
        "open": any(start <= at < end for start, end in openings),
        "openings": [[isoformat(start), isoformat(end)] for start, end in openings],
        "reason": {lang: reason_of(found, z, lang) for lang in LANGUAGES},
        "bounded_by": {lang: bounds_of(found, z, lang) for lang in LANGUAGES},
        **_soil(found, z),
        **_weather(found),
        **_worth(found.weighed[z]),
    }


def _soil(found: "Body", z: int) -> dict[str, Any]:
    zones, probe = found.problem.hydrozones, found.head["probe"][z]
    return {
        "depletion_mm": round(float(zones.depletion_mm[z]), 2),
        "sd_mm": round(float(found.columns["sd_mm"][z]), 2),
        "raw_mm": round(float(found.columns["raw_mm"][z]), 2),
        "cautious_raw_mm": round(float(zones.raw_mm[z]), 2),
        "taw_mm": round(float(zones.taw_mm[z]), 2),
        "probe": probe or None,
        "probe_verdict": found.head["verdicts"].get(probe) if probe else None,
        "probe_borrowed": found.head["lender"][z] or None,
        "cycles": int(found.columns["cycles"][z]),
        "cycle_s": float(zones.cycle_s[z]),
        "cycle_mm": round(float(zones.cycle_mm[z]), 2),
        "cycle_m3": round(float(zones.cycle_m3[z]), 3),
    }


def _weather(found: "Body") -> dict[str, Any]:
    """Of the days looked ahead, expected over the ways the weather may go."""
    columns = found.columns
    return {
        "et0_mm": np.round(columns["probability"] @ columns["et0_mm"], 2).tolist(),
        "et0_source": found.head["et0_source"],
        "rain_mm": np.round(columns["probability"] @ columns["rain_mm"], 2).tolist(),
        "forecast": found.head["forecast"],
    }


def _worth(found: Explanation) -> dict[str, Any]:
    """What a cycle more or less tonight would cost, and what leaves no room for one more."""
    held = {"no_more_for": {lang: held_of(found, lang) for lang in LANGUAGES}} if found.held else {}
    return {
        "one_more_eur": round(found.more_eur, 4),
        "one_less_eur": None if found.fewer_eur is None else round(found.fewer_eur, 4),
        **held,
    }


def _decided(plan: IrrigationPlan) -> dict[str, Any]:
    return {name: np.asarray(getattr(plan, name)) for name in _DECIDED}


class Body(Opened):
    """A body that was read, and what is in it."""

    @cached_property
    def problem(self) -> IrrigationProblem:
        return unpack(self.columns["problem"].tobytes())

    @property
    def valves(self) -> tuple[str, ...]:
        return self.problem.hydrozones.names

    @property
    def cycles(self) -> Ints:
        """(n,) planned of what was left of the night."""
        cycles: Ints = self.columns["cycles"]
        return cycles

    @cached_property
    def weighed(self) -> tuple[Explanation, ...]:
        """Of each hydrozone, what its plan is worth."""
        columns = self.columns
        plan = IrrigationPlan(
            status=Status.FEASIBLE, objective=np.nan, bound=np.nan, seconds=0.0, seed=0, solver="", version="",
            hydrozones=self.valves, **{name: columns[name] for name in _DECIDED},
        )  # fmt: skip
        return weighed(self.problem, plan)

    @property
    def openings(self) -> list[Opening]:
        """Of the whole night in the order they begin, those before it was planned again too."""
        names, columns = self.valves, self.columns
        planned = zip(columns["opened"].tolist(), columns["start_s"].tolist(), columns["end_s"].tolist(), strict=True)
        every = [*self.head["done"], *((names[z], start_s, end_s) for z, start_s, end_s in planned)]
        return sorted(
            ((valve, self._after(a), self._after(b)) for valve, a, b in every), key=lambda one: (one[1], one[0])
        )

    @property
    def planned_m3(self) -> dict[str, float]:
        """By valve, of the whole night."""
        flow = dict(zip(self.valves, self.problem.hydrozones.flow_m3_h.tolist(), strict=True))
        found = dict.fromkeys(self.valves, 0.0)
        for valve, start, end in self.openings:
            if valve in flow:
                found[valve] += flow[valve] * (end - start).total_seconds() / 3600.0
        return found

    @property
    def expected_lack_mm(self) -> Floats:
        """(D, n) expected depletion beyond RAW after each day, with the water that is planned."""
        problem, later = self.problem, self.columns["later_cycles"]
        tonight = np.broadcast_to(self.cycles, (len(later), 1, self.cycles.size))
        depletion = depletion_mm(problem, np.concatenate([tonight, later], axis=1))
        beyond = np.maximum(depletion - self.columns["raw_mm"], 0.0)
        lacking: Floats = np.tensordot(problem.scenarios.probability, beyond, 1)
        return lacking

    def _after(self, seconds: float) -> datetime:
        return self.start + round(seconds * 1e6) * _MOMENT


def open_body(block: bytes) -> Body:
    return Body(*opened(block))


def in_force_at(openings: Sequence[Opening], at: datetime) -> list[Opening]:
    """Those that began before an instant, ended by it."""
    return [(valve, start, min(end, at)) for valve, start, end in openings if start < at]
