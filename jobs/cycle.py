"""One rule cycle: telemetry since the cursor → decisions → alarms, slots and commands. One transaction, or nothing."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from engine.alarms import move
from engine.instants import from_us, isoformat, to_us
from engine.model import AlarmState, Level, Program, Slot
from engine.rulebook import (
    AlarmChange,
    Asking,
    Decisions,
    Inference,
    Request,
    Rule,
    Rulebook,
    RuleEngine,
    RuleFault,
    Want,
)
from engine.rulebook.conditions.arrays import Floats, Ints
from engine.rulebook.language import properties_of
from engine.setpoints.points import PointInfo
from engine.store import Store, Unit
from engine.store.workorders import WorkOrder
from jobs import metrics
from jobs.asking import URGENT, note_replans
from jobs.bootstrap import ORDERS, Territory
from jobs.groups.trays import CURSOR, memories, take_in
from jobs.provisions import Provisions
from jobs.settling import Watched, settle_points
from jobs.tracing import traced

BATCH = 200_000
_PLANS = (Level.OPTIMISER, Level.DAY_AHEAD_PLAN)
_NO_SERIES: Ints = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class CycleResult:
    """What one cycle did. `more`: readings are waiting that it did not take; `whole`: no zone was left to the next."""

    readings: int
    edges: int
    alarms_raised: int
    alarms_cleared: int
    commands: int
    work_orders: int
    faults: tuple[str, ...]
    more: bool
    whole: bool = True


class RulesAtWork:
    """A rule engine over the store's readings, with the inference behind it.

    It reads its memory from the store only where that is not the one it made itself: at first, and after a failure.
    """

    def __init__(
        self, engine: RuleEngine, territory: Territory, inference: Inference, key: str = CURSOR
    ) -> None:  # fmt: skip
        self.engine, self.inference = engine, inference
        self._territory, self._key = territory, key
        self._numbers = _numbers(engine, territory)
        self._plans, self._provisions = _Plans(engine), Provisions(engine)
        self._kept: tuple[bytes, ...] | None = None
        self._watched: tuple[Watched, Mapping[str, PointInfo]] | None = None
        self._early: tuple[RuleFault, ...] = ()

    @property
    def watched(self) -> Watched:
        """The readings that stand in the way of points, and the orders that bind them as the law is now."""
        points = self._territory.points
        if self._watched is None or self._watched[1] is not points:
            self._watched = Watched(points.values(), self._territory.series_names), points
        return self._watched[0]

    @property
    def rulebook(self) -> Rulebook:
        return self.engine.rulebook

    def close(self) -> None:
        """End whatever runs behind the inference."""
        self.inference.close()

    def recall(self, unit: Unit) -> tuple[bytes, ...]:
        """Have the committed memory, of all groups where it is shared out; empty before the first cycle of all.

        Unless `keep` follows, it is read again.
        """
        memory = memories(unit, self._key)
        if not memory or memory != self._kept:
            self.engine.restore(*memory)
            self._plans.forget()
            self._provisions.forget()
        self._kept = None
        return memory

    def keep(self, *memory: bytes) -> None:
        """What the engine remembers is committed, as `memory`."""
        self._kept = memory

    def rehearse(self, unit: Unit, now: datetime) -> dict[str, str]:
        """Go through a step and forget it, so that what is slow or fails at first is so now; returns rules that fail.

        Afterwards the engine has the memory that the unit sees.
        """
        self.recall(unit)
        said = self.engine.decide(_NO_SERIES, _NO_SERIES, np.empty(0), now)
        self._early = tuple(fault for fault in said.faults if fault.rule and not fault.quarantined)
        failing = dict(self.engine.quarantined)
        self.keep(*self.recall(unit))
        return failing

    def decide(self, unit: Unit, fresh: pl.DataFrame, now: datetime, *, more: bool = False) -> Decisions:
        """Decide on readings, on what plans say, and on the tick `now`; where `more` wait, on the readings alone.

        An earlier tick passes no reading that is still to come.
        """
        series = self._numbers[np.minimum(fresh["series"].to_numpy(), len(self._numbers) - 1)]
        at, value = fresh["observed_at"].to_numpy(), fresh["value"].to_numpy()
        if more:
            said = self.engine.decide(series, at, value, from_us(int(at.min())))
        else:
            (planned, says), (provided, most) = self._plans.news(unit, now), self._provisions.news(unit, now)
            at = np.concatenate([at, np.full(len(planned) + len(provided), to_us(now))])
            series, value = np.concatenate([series, planned, provided]), np.concatenate([value, says, most])
            said = self.engine.decide(series, at, value, now)
        early, self._early = self._early, ()
        return replace(said, faults=(*early, *said.faults)) if early else said


def _numbers(engine: RuleEngine, territory: Territory) -> Ints:
    """The engine's number of each series of the store; −1, as the last is, for what it does not know."""
    numbers = np.full(max(territory.series_names, default=0) + 2, -1)
    for series, names in territory.series_names.items():
        numbers[series] = engine.series_of(*names)
    return numbers


class _Plans:
    """`planned(point)` as readings: what the plan in force says of every point that some rule reads, when it changes.

    A change is told at the first cycle that sees it; where a plan has run out, what it said last stays. A value told
    again, after a restart, changes no condition.
    """

    def __init__(self, engine: RuleEngine) -> None:
        self._series = {
            f"{asset.id}/{point}": engine.series_of(asset.id, f"planned({point})")
            for rule in engine.rulebook.rules
            for point in _points_read(rule)
            for asset in engine.roster.held
            if engine.roster.covers(rule, asset)
        }
        self._told: dict[str, float] = {}

    def forget(self) -> None:
        """Tell everything anew."""
        self._told = {}

    def news(self, unit: Unit, now: datetime) -> tuple[Ints, Floats]:
        """Series and values that are not as they were told last."""
        arrays = unit.slots.arrays(self._series, now) if self._series else {}
        says = {point: _planned(array, now) for point, array in arrays.items()}
        news = {point: value for point, value in says.items() if value is not None and value != self._told.get(point)}
        self._told |= news
        return np.array([self._series[point] for point in news], np.int64), np.array(list(news.values()), np.float64)


def _points_read(rule: Rule) -> set[str]:
    """The points whose plan a rule reads."""
    trees = [*rule.trees, *(() if rule.value is None or isinstance(rule.value, int | float) else (rule.value,))]
    names = {name for tree in trees for name in properties_of(tree)}
    return {name.removeprefix("planned(").removesuffix(")") for name in names if name.startswith("planned(")}


def _planned(array: Sequence[Slot], now: datetime) -> float | None:
    """What the plan in force wants at an instant."""
    plans = sorted((slot for slot in array if slot.level in _PLANS), key=lambda slot: (slot.level, slot.source))
    return next((value for slot in plans if (value := slot.program.at(now)) is not None), None)


def run_cycle(store: Store, territory: Territory, rules: RulesAtWork, now: datetime) -> CycleResult:
    """Take what is new since the cursor, decide, and commit all of it with the rules' memory, or nothing.

    The first cycle of all puts the rules in service at `now`: what was stored before is history and decides nothing.
    """
    began = time.perf_counter()
    result = _cycle(store, territory, rules, now)
    metrics.count_cycle(time.perf_counter() - began)
    return result


@traced("cycle")
def _cycle(store: Store, territory: Territory, rules: RulesAtWork, now: datetime) -> CycleResult:
    with store.begin() as unit:
        begun = rules.recall(unit) != ()
        told = take_in(unit, rules.engine)
        cursor = unit.cursors.get(CURSOR) if begun else unit.readings.heads()
        taken = unit.readings.since(cursor, BATCH)
        fresh, more = whole_messages(taken), taken.height >= BATCH
        decisions = rules.decide(unit, fresh, now, more=more)
        raised, cleared = apply_alarms(unit, decisions.alarms)
        touched = told.touched | apply_wants(unit, decisions.wants, now)
        touched |= rules.watched.changed(unit, fresh, now)
        touched |= set(unit.renewals.due(now))
        commands = settle_points(unit, territory, touched, now)
        asked = {**told.asked, **replans(decisions.requests), **rebound(rules.watched, now)}
        note_replans(unit, asked, now)
        opened = open_orders(unit, rules.rulebook, decisions.requests)
        record(unit, rules.rulebook, decisions, now)
        unit.cursors.set(CURSOR, cursor | heads(fresh))
        memory = rules.engine.snapshot()
        unit.state.put(CURSOR, memory)
    rules.keep(memory)
    _measure(rules.engine, decisions, fresh, now)
    faults = tuple(f"{fault.rule or 'inference'}: {fault.error}" for fault in decisions.faults)
    return CycleResult(fresh.height, len(decisions.edges), raised, cleared, commands, opened, faults, more)


def whole_messages(fresh: pl.DataFrame) -> pl.DataFrame:
    """A full batch may end inside a message (an asset at one instant): leave its last rows to the next cycle.

    Only rows from the end are left: the cursor passes over whatever lies before a row that was taken.
    """
    if fresh.height < BATCH:
        return fresh
    last = (pl.col("zone") == pl.col("zone").last()) & (pl.col("observed_at") == pl.col("observed_at").last())
    whole = fresh.select((~last).arg_true().max()).item()
    return fresh if whole is None else fresh.head(whole + 1)


def heads(fresh: pl.DataFrame) -> dict[int, int]:
    """Zone → the last sequence taken."""
    found = fresh.group_by("zone").agg(pl.col("seq").max())
    return dict(zip(found["zone"], found["seq"], strict=True))


def apply_alarms(unit: Unit, changes: Sequence[AlarmChange]) -> tuple[int, int]:
    """Move each alarm by the ISA-18.2 machine. Returns how many were raised and how many returned to normal."""
    assets = {change.asset for change in changes}
    standing = {(alarm.rule, alarm.asset): alarm for alarm in unit.alarms.active(assets)} if assets else {}
    raised = cleared = 0
    for change in changes:
        key = change.rule, change.asset
        moved = move(unit.alarms, *key, change.events, change.at, standing.pop(key, None))
        before, alarm = moved.before, moved.after
        if alarm is None:
            continue
        raised += before is None
        cleared += before is not None and before.cleared_at is None and alarm.cleared_at is not None
        if alarm.state is not AlarmState.NORMAL:
            standing[key] = alarm
    return raised, cleared


def apply_wants(unit: Unit, wants: Sequence[Want], now: datetime) -> set[str]:
    """Write what active rules want into their level; returns the points. A shadow rule's wants are recorded only."""
    slots = [
        Slot(
            point=want.point,
            level=want.level,
            source=f"rule:{want.rule}:{want.source_asset}",
            program=Program.constant(want.value, max(want.start_at, now), want.until_at),
            written_at=now,
            version=want.version,
            reason=want.reason.en,
        )
        for want in wants
        if not want.shadow and want.until_at > now
    ]
    unit.slots.put(slots)
    return {slot.point for slot in slots}


def replans(requests: Sequence[Request]) -> dict[str, dict[str, str]]:
    """Domain, as `note_replans` has it, → who asked last that its plan be made again. What a shadow rule asks is
    recorded only.
    """
    return {
        request.what["domain"] + (URGENT if "urgent" in request.what else ""): {
            "requested_at": isoformat(request.at), "rule": request.rule, "asset": request.asset
        }
        for request in requests
        if request.asking is Asking.REPLAN and not request.shadow
    }  # fmt: skip


def rebound(watched: Watched, now: datetime) -> dict[str, dict[str, str]]:
    """Domain → that its plan is wanted again, where other orders bind its points than when it was made."""
    by = {"requested_at": isoformat(now), "rule": ORDERS, "asset": ""}
    return {name + URGENT: by for name in sorted(watched.bound_anew)}


def open_orders(unit: Unit, rulebook: Rulebook, requests: Sequence[Request]) -> int:
    """Open work orders; returns how many are new. What a shadow rule asks is recorded only."""
    asked = [request for request in requests if request.asking is Asking.WORK_ORDER and not request.shadow]
    return unit.workorders.open([_order(rulebook.rule(request.rule), request) for request in asked])


def _order(rule: Rule, request: Request) -> WorkOrder:
    wanted = rule.definition.then.workorder
    assert wanted is not None  # noqa: S101 - it asked for one
    within_s = wanted.within / timedelta(seconds=1)
    return WorkOrder(rule.id, request.asset, request.zone, request.at, request.what, within_s)


def record(unit: Unit, rulebook: Rulebook, decisions: Decisions, now: datetime) -> None:
    """One audit line a cycle that decided anything, with the version of every rule it names."""
    withdrawn = [change for change in decisions.alarms if change.detail.get("withdrawn")]
    if not (decisions.edges or decisions.faults or withdrawn):
        return
    body: dict[str, Any] = {
        "edges": [[e.rule, e.asset, e.truth.name.lower(), isoformat(e.at)] for e in decisions.edges],
        "shadow": [[w.rule, w.point, w.value] for w in decisions.wants if w.shadow],
        "requests": [_request_json(request) for request in decisions.requests],
        "withdrawn": [[change.rule, change.version, change.asset] for change in withdrawn],
        "faults": [[fault.rule, fault.error] for fault in decisions.faults],
        "versions": {rule: rulebook.rule(rule).version for rule in _speaking(decisions)},
    }
    unit.audit.append("rules", "decide", "rule-cycle", body, now)


def _request_json(request: Request) -> list[Any]:
    domain = request.what.get("domain", "")
    return [request.asking.value, domain, request.rule, request.asset, isoformat(request.at), request.shadow]


def _speaking(decisions: Decisions) -> set[str]:
    """The rules in service that decided or failed."""
    said = {edge.rule for edge in decisions.edges} | {want.rule for want in decisions.wants}
    return said | {fault.rule for fault in decisions.faults if fault.rule}


def _measure(engine: RuleEngine, decisions: Decisions, fresh: pl.DataFrame, now: datetime) -> None:
    metrics.count_edges(Counter(e.rule for e in decisions.edges), Counter(f.rule for f in decisions.faults))
    metrics.show_rules(len(engine.rulebook.rules), len(engine.quarantined))
    newest = fresh["observed_at"].max()
    if isinstance(newest, int):
        metrics.show_cycle(now.timestamp() - newest / 1e6)
