"""One rule cycle: telemetry since the cursor → decisions → alarms, slots and commands. One transaction, or nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from engine.alarms import transition
from engine.instants import isoformat
from engine.model import AlarmState, Program, Slot
from engine.rulebook import AlarmChange, Decisions, RuleEngine, Want
from engine.setpoints.outbox import settle
from engine.store import Store, Unit
from jobs import metrics
from jobs.bootstrap import Territory

CURSOR = "rules"  # the key of the cursor and of the engine's memory
BATCH = 200_000


@dataclass(frozen=True, slots=True)
class CycleResult:
    """What one cycle did."""

    readings: int
    edges: int
    alarms_raised: int
    alarms_cleared: int
    commands: int
    faults: tuple[str, ...]


def run_cycle(store: Store, territory: Territory, engine: RuleEngine, now: datetime) -> CycleResult:
    """Take what is new since the cursor, decide, and commit all of it. The engine's state is read from the store.

    The first cycle of all puts the rules in service at `now`: what was stored before is history and decides nothing.
    After a failure the engine is restored by the next cycle, so nothing decided outside a commit is remembered.
    """
    with store.begin() as unit:
        memory = unit.state.get(CURSOR)
        engine.restore(memory)
        cursor = unit.cursors.get(CURSOR) if memory is not None else unit.readings.heads()
        fresh = _whole_messages(unit.readings.since(cursor, BATCH))
        decisions = engine.step(_named(fresh, territory), now)
        raised, cleared = _apply_alarms(unit, decisions.alarms)
        touched = _apply_wants(unit, decisions.wants, now)
        commands = settle_points(unit, territory, touched, now)
        _record(unit, decisions, now)
        unit.cursors.set(CURSOR, cursor | _heads(fresh))
        unit.state.put(CURSOR, engine.snapshot())
    _measure(decisions, fresh, now)
    faults = tuple(f"{fault.rule or 'inference'}: {fault.error}" for fault in decisions.faults)
    return CycleResult(fresh.height, len(decisions.edges), raised, cleared, commands, faults)


def settle_points(unit: Unit, territory: Territory, points: Iterable[str], now: datetime) -> int:
    """Resolve the arrays of these points and put into the outbox what their equipment does not do yet."""
    known = [territory.points[point] for point in sorted(set(points)) if point in territory.points]
    names = [point.id for point in known]
    arrays = unit.slots.arrays(names, now)
    newest = unit.commands.newest(names)
    commands = []
    for point in known:
        array = arrays.get(point.id, [])
        before = newest.get(point.id)
        until = max([slot.program.until for slot in array] + ([before.program.until] if before else []), default=now)
        command = settle(point, array, before, now, until).command if until > now else None
        if command is not None:
            commands.append(command)
    return unit.commands.enqueue(commands)


def _named(fresh: pl.DataFrame, territory: Territory) -> pl.DataFrame:
    """The readings as the rules know them, by asset and property, in order of arrival within each zone."""
    names = [territory.series_names[series] for series in fresh["series"]]
    return pl.DataFrame(
        {
            "asset": [asset for asset, _ in names],
            "property": [name for _, name in names],
            "observed_at": fresh["observed_at"],
            "value": fresh["value"],
        },
        schema_overrides={"asset": pl.String, "property": pl.String},
    )


def _whole_messages(fresh: pl.DataFrame) -> pl.DataFrame:
    """A full batch may end inside a message (an asset at one instant): leave its last rows to the next cycle.

    Only rows from the end are left: the cursor passes over whatever lies before a row that was taken.
    """
    if fresh.height < BATCH:
        return fresh
    last = (pl.col("zone") == pl.col("zone").last()) & (pl.col("observed_at") == pl.col("observed_at").last())
    whole = fresh.select((~last).arg_true().max()).item()
    return fresh if whole is None else fresh.head(whole + 1)


def _heads(fresh: pl.DataFrame) -> dict[int, int]:
    heads = fresh.group_by("zone").agg(pl.col("seq").max())
    return dict(zip(heads["zone"], heads["seq"], strict=True))


def _apply_alarms(unit: Unit, changes: Sequence[AlarmChange]) -> tuple[int, int]:
    """Move each alarm by the ISA-18.2 machine. Returns how many were raised and how many returned to normal."""
    assets = {change.asset for change in changes}
    standing = {(alarm.rule, alarm.asset): alarm for alarm in unit.alarms.active(assets)} if assets else {}
    raised = cleared = 0
    for change in changes:
        key = change.rule, change.asset
        before = alarm = standing.pop(key, None)
        for event in change.events:
            alarm = transition(alarm, event, change.at).alarm
        if alarm is None:
            continue
        alarm = unit.alarms.save(alarm) if alarm != before else alarm
        raised += before is None
        cleared += before is not None and before.cleared_at is None and alarm.cleared_at is not None
        if alarm.state is not AlarmState.NORMAL:
            standing[key] = alarm
    return raised, cleared


def _apply_wants(unit: Unit, wants: Sequence[Want], now: datetime) -> set[str]:
    """Write what active rules want into their level. A shadow rule's wants are recorded by `_record` only."""
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


def _record(unit: Unit, decisions: Decisions, now: datetime) -> None:
    """One audit line a cycle that decided anything."""
    if not (decisions.edges or decisions.faults):
        return
    body = {
        "edges": [[e.rule, e.asset, e.truth.name.lower(), isoformat(e.at)] for e in decisions.edges],
        "shadow": [[w.rule, w.point, w.value] for w in decisions.wants if w.shadow],
        "faults": [[fault.rule, fault.error] for fault in decisions.faults],
    }
    unit.audit.append("rules", "decide", "rule-cycle", body, now)


def _measure(decisions: Decisions, fresh: pl.DataFrame, now: datetime) -> None:
    metrics.count_edges(Counter(e.rule for e in decisions.edges), Counter(f.rule for f in decisions.faults))
    newest = fresh["observed_at"].max()
    if isinstance(newest, int):
        metrics.show_cycle(now.timestamp() - newest / 1e6)
