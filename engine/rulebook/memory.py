"""What the rule engine remembers, as bytes: by the names of zones, assets, properties and rules, never by places.

A JSON header, then Arrow tables: the lanes' state, and the readings they wait with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import polars as pl

from engine.rulebook.conditions.arrays import NEVER
from engine.rulebook.conditions.keeping import Kept, keep, take_back
from engine.rulebook.conditions.lane import Lane
from engine.rulebook.conditions.sequencer import Items
from engine.rulebook.conditions.state import IDLE
from engine.rulebook.consequences import raises
from engine.rulebook.crossing import Key, Stand, Turn
from engine.rulebook.definitions import Rule

if TYPE_CHECKING:
    from engine.rulebook.evaluation import RuleEngine

FORMAT = 3


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An alarm that stood when its rule, or the subject's place in it, was withdrawn."""

    rule: str
    version: str
    priority: str
    subject: str


def dump(engine: "RuleEngine") -> bytes:
    """The engine's memory after a step."""
    kept = {str(late): keep(lane) for late, lane in engine._lanes.items()}
    tables = {f"{kind} {late}": table for late, lane in kept.items() for kind, table in lane.tables.items()}
    tables |= {f"held {late}": _held(engine, lane) for late, lane in engine._lanes.items()}
    tables = {name: tables[name] for name in sorted(tables)}  # as the header sorts them
    header = {
        "format": FORMAT,
        "clock": dict(zip(engine.roster.groups, engine._clock.tolist(), strict=True)),
        "counter": engine._counter,
        "rules": {rule.id: [rule.version, _priority(rule)] for rule in engine.rulebook.rules},
        "shadows": sorted(rule.id for rule in engine.rulebook.rules if rule.shadow),
        "quarantined": sorted(engine.quarantined),
        "groups": {name: _group(engine, name) for name in engine.roster.groups},
        "suppressed": sorted(engine._consequences.suppressed),
        "lanes": {late: lane.names for late, lane in kept.items()},
        "tables": {name: len(table) for name, table in tables.items()},
    }
    head = orjson.dumps(header, option=orjson.OPT_SORT_KEYS)
    return b"".join([len(head).to_bytes(8, "big"), head, *tables.values()])


def load(state: bytes, engine: "RuleEngine") -> list[Withdrawn]:
    """Put a dumped memory into a fresh engine. Returns the alarms that nothing stands for any more.

    A rule that changed or was quarantined keeps its latches and is born anew; one that was a shadow, and is none now,
    loses them, so that it acts on what stands. Raises ValueError for bytes of another format.
    """
    header, tables = _parted(state)
    for number, name in enumerate(engine.roster.groups):
        engine._clock[number] = header["clock"].get(name, NEVER)
    engine._counter = header["counter"]
    versions = {rule: version for rule, (version, _) in header["rules"].items() if rule not in header["quarantined"]}
    reader = _Reader(engine, versions, frozenset(header["shadows"]))
    for late, lane in engine._lanes.items():
        mine = {name.split(" ")[0]: t for name, t in tables.items() if name.split(" ")[1] == str(late)}
        if mine:
            reader.lane(lane, header["lanes"][str(late)], mine)
    for name, found in header["groups"].items():
        reader.group(name, found)
    kept = engine.rulebook.by_id
    engine._consequences.suppressed = {(rule, who) for rule, who in header["suppressed"] if rule in kept}
    return list(reader.withdrawn(header))


# out


def _held(engine: "RuleEngine", lane: Lane) -> bytes:
    """The readings a lane waits with."""
    held = engine._gates[lane.lateness].held
    columns = {name: getattr(held, name) for name in Items.__slots__}
    buffer = BytesIO()
    pl.DataFrame({**columns, **engine._directory.named(held.series)}, schema_overrides=_TEXT).write_ipc(buffer)
    return buffer.getvalue()


def _group(engine: "RuleEngine", name: str) -> dict[str, Any]:
    group, waiting = engine._transactions.groups[name], engine._transactions.waiting[name]
    return {
        "standing": {rule: stands for rule, stands in group.standing.items() if stands},
        "stands": [
            [rule, who, s.run, s.since, s.raised, s.raised_at, s.due] for (rule, who), s in group.stands.items()
        ],
        "timers": group.timers,
        "heard": [[key.decided, key.phase, key.origin, [list(turn) for turn in w.heard]] for key, w in waiting.items()],
    }


def _priority(rule: Rule) -> str | None:
    alarm = rule.definition.then.alarm
    return alarm.priority.value if alarm is not None and raises(rule) else None


# in


def _parted(state: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    size = int.from_bytes(state[:8], "big")
    try:
        header = orjson.loads(state[8 : 8 + size])
    except orjson.JSONDecodeError:
        header = {}
    if header.get("format") != FORMAT:
        raise ValueError(f"not a rule engine state of format {FORMAT}; start it without one")
    tables, offset = {}, 8 + size
    for name, length in header["tables"].items():
        tables[name] = state[offset : offset + length]
        offset += length
    return header, tables


class _Reader:
    """Moves tables into the arrays of what is still there. `versions` are those of the rules whose memory is sound.

    `shadows` are the rules that were shadows: what they stood on counts only while they still are.
    """

    def __init__(self, engine: "RuleEngine", versions: Mapping[str, str], shadows: frozenset[str]) -> None:
        self._engine = engine
        self._versions = versions
        self._latched = {rule.id for rule in engine.rulebook.rules if rule.shadow or rule.id not in shadows}
        self._standing: list[tuple[str, str]] = []

    def lane(self, lane: Lane, names: dict[str, Any], tables: Mapping[str, bytes]) -> None:
        same = {rule.id for rule in self._engine.rulebook.rules if self._same(rule.id)}
        kept = Kept(names, {name: table for name, table in tables.items() if name != "held"})
        for item, subject, truth in take_back(lane, kept, self._engine._clock, same, self._latched):
            group = self._engine._transactions.groups[self._engine.roster.by_id[subject].zone]
            group.truths[item.rule.id, subject, item.part or 0] = truth
        self._held(lane, pl.read_ipc(tables["held"], use_pyarrow=False))

    def _held(self, lane: Lane, table: pl.DataFrame) -> None:
        if not len(table):
            return
        names = zip(table["asset"], table["property"], strict=True)
        series = np.array([self._engine.series_of(*pair) for pair in names], np.int64)
        known = series >= 0
        columns = {name: table[name].to_numpy()[known] for name in Items.__slots__ if name != "series"}
        self._engine._gates[lane.lateness].held = Items(series=series[known], **columns)

    def group(self, name: str, found: Mapping[str, Any]) -> None:
        engine, rules = self._engine, self._engine.rulebook.by_id
        for rule, stands in found["standing"].items():
            self._standing.extend((rule, who) for who in stands)
        group = engine._transactions.groups.get(name)
        if group is None:
            return
        for rule, stands in found["standing"].items():
            if rule in self._latched:
                covered = {who: at for who, at in stands.items() if self._covers(rules[rule], who)}
                group.standing[rule].update(covered)
        for rule, who, *stand in found["stands"]:
            if rule in self._latched and rules[rule].crosses and self._covers(rules[rule], who):
                self._stand(group, rule, who, stand)
        group.timers.extend((due, rule, who) for due, rule, who in found["timers"] if self._same(rule))
        for decided, phase, origin, heard in found["heard"]:
            engine._transactions.hear(name, Key(decided, phase, _tuples(origin)), [Turn(*turn) for turn in heard])

    def _stand(self, group: Any, rule: str, who: str, stand: list[Any]) -> None:
        """A changed rule keeps its latch only, and is looked at anew."""
        run, since, raised, raised_at, due = stand
        if self._same(rule):
            group.stands[rule, who] = Stand(run, since, raised, raised_at, due)
        elif raised:
            group.kept[rule, who] = Stand(IDLE, since, raised, raised_at, None)

    def _same(self, rule: str) -> bool:
        found = self._engine.rulebook.by_id.get(rule)
        return found is not None and found.version == self._versions.get(rule)

    def _covers(self, rule: Rule, who: str) -> bool:
        subject = self._engine.roster.by_id.get(who)
        return subject is not None and self._engine.roster.covers(rule, subject)

    def withdrawn(self, header: Mapping[str, Any]) -> Any:
        """Alarms that stood, and whose rule or subject no longer does."""
        rules = self._engine.rulebook.by_id
        for rule, who in self._standing:
            version, priority = header["rules"].get(rule, ("", None))
            now = rules.get(rule)
            kept = now is not None and _priority(now) is not None and self._covers(now, who)
            if priority is not None and not kept:
                yield Withdrawn(rule, version, priority, who)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


_TEXT = {"asset": pl.String, "property": pl.String}
