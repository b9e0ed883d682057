"""What the rule engine remembers, as bytes: by the names of zones, assets, properties and rules, never by places.

A JSON header, then Arrow tables: the lanes' state, and the readings they wait with.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import polars as pl

from engine.rulebook.conditions.arrays import NEVER, UNKNOWN
from engine.rulebook.conditions.keeping import Kept, keep, take_back
from engine.rulebook.conditions.lane import Lane
from engine.rulebook.conditions.sequencer import Items
from engine.rulebook.conditions.state import IDLE
from engine.rulebook.consequences import raises
from engine.rulebook.crossing import Group, Key, Stand, Told, Turn
from engine.rulebook.definitions import Rule

if TYPE_CHECKING:
    from engine.rulebook.evaluation import RuleEngine

FORMAT = 5
_Part = tuple[dict[str, Any], dict[str, bytes]]  # header and tables of one memory


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
        "standing": {rule: stands for rule, stands in engine._transactions.standing.items() if stands},
        "groups": {name: found for name in engine.roster.groups if any((found := _group(engine, name)).values())},
        "suppressed": sorted(engine._consequences.suppressed),
        "lanes": {late: lane.names for late, lane in kept.items()},
        "tables": {name: len(table) for name, table in tables.items()},
    }
    if engine._withdrawn:  # restored, and no step since
        header["withdrawn"] = sorted(map(astuple, engine._withdrawn))
    head = orjson.dumps(header, option=orjson.OPT_SORT_KEYS)
    return b"".join([len(head).to_bytes(8, "big"), head, *tables.values()])


def load(states: Sequence[bytes], engine: "RuleEngine") -> list[Withdrawn]:
    """Put dumped memories into a fresh engine, of each what the engine holds. Returns the alarms that nothing stands
    for any more.

    A rule that changed or was quarantined keeps its latches and is born anew; one that was a shadow, and is none now,
    loses them, so that it acts on what stands. Raises ValueError for bytes of another format.
    """
    parts = [_parted(state) for state in states]
    clock = {name: at for header, _ in parts for name, at in header["clock"].items()}
    engine._clock[:] = [clock.get(name, NEVER) for name in engine.roster.groups]
    born, shifts = _births(parts), _shifts(parts, engine)
    withdrawn = [
        gone for part, shift in zip(parts, shifts, strict=True) for gone in _load_part(engine, *part, born, shift)
    ]
    for late, lane in engine._lanes.items():
        if any(str(late) in header["lanes"] for header, _ in parts):
            lane.resume(engine._clock)
    return withdrawn


def _shifts(parts: Sequence[_Part], engine: "RuleEngine") -> list[int]:
    """What is added to the message numbers of each memory, so that no two messages are one; sets what comes next."""
    engine._counter = max(header["counter"] for header, _ in parts)
    shifts = [0]
    if len(parts) > 1:
        shifts = []
        for header, tables in parts:
            held = [pl.read_ipc(t, use_pyarrow=False) for name, t in tables.items() if name.startswith("held ")]
            first = min([header["counter"], *(table["message"].min() for table in held if len(table))])
            shifts.append(engine._counter - first)
            engine._counter += header["counter"] - first
    return shifts


def _births(parts: Sequence[_Part]) -> dict[str, dict[str, int]]:
    """When each group was born, by lane, whichever memory says it: a subject may have moved between them."""
    found: dict[str, dict[str, int]] = {}
    for header, _ in parts:
        for late, names in header["lanes"].items():
            found.setdefault(late, {}).update(names["born"])
    return found


def _load_part(
    engine: "RuleEngine", header: dict[str, Any], tables: Mapping[str, bytes], born: Mapping[str, dict[str, int]],
    shift: int,
) -> Iterator[Withdrawn]:  # fmt: skip
    """One memory beside others."""
    versions = {rule: version for rule, (version, _) in header["rules"].items() if rule not in header["quarantined"]}
    reader = _Reader(engine, versions, frozenset(header["shadows"]), shift)
    for late, lane in engine._lanes.items():
        mine = {name.split(" ")[0]: t for name, t in tables.items() if name.split(" ")[1] == str(late)}
        if mine:
            reader.lane(lane, {**header["lanes"][str(late)], "born": born[str(late)]}, mine)
    reader.standing(header["standing"])
    for name, found in header["groups"].items():
        reader.group(name, found)
    kept, by_id, holds = engine.rulebook.by_id, engine.roster.by_id, engine.roster.holds
    engine._consequences.suppressed |= {
        (rule, who) for rule, who in header["suppressed"] if rule in kept and (who not in by_id or holds(who))
    }
    yield from reader.withdrawn(header["rules"])
    yield from (gone for row in header.get("withdrawn", ()) if holds((gone := Withdrawn(*row)).subject))


# out


def _held(engine: "RuleEngine", lane: Lane) -> bytes:
    """The readings a lane waits with."""
    held = engine._gates[lane.lateness].held
    columns = {name: getattr(held, name) for name in Items.__slots__}
    buffer = BytesIO()
    pl.DataFrame({**columns, **engine._directory.named(held.series)}, schema_overrides=_TEXT).write_ipc(buffer)
    return buffer.getvalue()


def _group(engine: "RuleEngine", name: str) -> dict[str, Any]:
    """What a group knows beside what stands in its zone: crossing rules, timers, what waits; above, what it heard."""
    group, waiting = engine._transactions.groups[name], engine._transactions.waiting[name]
    parts = {(told.rule, told.subject, told.part) for what in waiting.values() for told in what.told}
    heard = {rule: stands for rule, stands in group.standing.items() if stands} if engine.roster.reaches[name] else {}
    kept = {"kept": [[*key, stand.since, stand.raised_at] for key, stand in group.kept.items()]} if group.kept else {}
    return {
        **kept,  # restored, and not looked at since
        "standing": heard,
        "stands": [
            [rule, who, s.run, s.since, s.raised, s.raised_at, s.due] for (rule, who), s in group.stands.items()
        ],
        "timers": group.timers,
        "truths": [[*part, group.truths.get(part, UNKNOWN)] for part in sorted(parts)],
        "waiting": [[*key, list(map(list, what.heard)), list(map(list, what.told))] for key, what in waiting.items()],
    }


def _priority(rule: Rule) -> str | None:
    alarm = rule.definition.then.alarm
    return alarm.priority.value if alarm is not None and raises(rule) else None


# in


def _parted(state: bytes) -> _Part:
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

    `shadows` are the rules that were shadows: what they stood on counts only while they still are. `shift` is
    added to the numbers of its messages.
    """

    def __init__(
        self, engine: "RuleEngine", versions: Mapping[str, str], shadows: frozenset[str], shift: int
    ) -> None:  # fmt: skip
        self._engine, self._shift = engine, shift
        self._versions = versions
        self._latched = {rule.id for rule in engine.rulebook.rules if rule.shadow or rule.id not in shadows}
        self._gone: dict[str, set[str]] = {}

    def lane(self, lane: Lane, names: dict[str, Any], tables: Mapping[str, bytes]) -> None:
        same = {rule.id for rule in self._engine.rulebook.rules if self._same(rule.id)}
        kept = Kept(names, {name: table for name, table in tables.items() if name != "held"})
        for item, subject, truth in take_back(lane, kept, same, self._latched):
            group = self._engine._transactions.groups[self._engine.roster.by_id[subject].zone]
            group.truths[item.rule.id, subject, item.part or 0] = truth
        self._held(lane, pl.read_ipc(tables["held"], use_pyarrow=False))

    def _held(self, lane: Lane, table: pl.DataFrame) -> None:
        if not len(table):
            return
        names = zip(table["asset"], table["property"], strict=True)
        series = np.array([self._engine.series_of(*pair) for pair in names], np.int64)
        gate = self._engine._gates[lane.lateness]
        known = gate.reads(series)
        columns = {name: table[name].to_numpy()[known] for name in Items.__slots__ if name != "series"}
        columns["message"] = columns["message"] + self._shift
        gate.held = gate.held.followed_by(Items(series=series[known], **columns))

    def standing(self, found: Mapping[str, dict[str, int]]) -> None:
        """What stood in zones, and still may."""
        for rule, stands in found.items():
            self._engine._transactions.standing[rule].update(self._still(rule, stands))

    def _still(self, rule: str, stands: dict[str, int], above: str | None = None) -> dict[str, int]:
        """Those of some subjects that the rule still covers, if its latches count. What it covers no more is noted.

        A place `above` also knows what stands on subjects of others, maybe decided elsewhere: these are theirs to note,
        for what it knows may be a tick old.
        """
        found = self._engine.rulebook.by_id.get(rule)
        covered = frozenset() if found is None else self._engine.roster.covered(rule)
        if not stands.keys() <= covered:
            self._note(rule, stands.keys() - covered, above)
            if above and found is not None:
                covered |= {who for who in stands.keys() - covered if self._elsewhere(found, who)}
            stands = {who: at for who, at in stands.items() if who in covered}
        if stands and (found is None or _priority(found) is None):
            self._note(rule, stands, above)
        return stands if rule in self._latched else {}

    def _note(self, rule: str, subjects: Iterable[str], above: str | None) -> None:
        roster = self._engine.roster
        held = {who for who in subjects if roster.holds(who) and above in {None, roster.by_id[who].zone}}
        self._gone.setdefault(rule, set()).update(held)

    def _elsewhere(self, rule: Rule, who: str) -> bool:
        subject = self._engine.roster.by_id.get(who)
        return subject is not None and self._engine.roster.covers(rule, subject)

    def withdrawn(self, rules: Mapping[str, tuple[str, str | None]]) -> Iterator[Withdrawn]:
        """Alarms that stood, and whose rule or subject no longer does; `rules` had these versions and priorities."""
        for rule, who in self._gone.items():
            version, priority = rules.get(rule, ("", None))
            if priority is not None:
                yield from (Withdrawn(rule, version, priority, subject) for subject in sorted(who))

    def group(self, name: str, found: Mapping[str, Any]) -> None:
        engine, rules = self._engine, self._engine.rulebook.by_id
        group = engine._transactions.groups.get(name)
        if group is None:
            return
        for rule, stands in found["standing"].items():
            group.standing[rule].update(self._still(rule, stands, name))
        for rule, who, *stand in found["stands"]:
            if rule in self._latched and rules[rule].crosses and self._speaks(rule, who):
                self._stand(group, rule, who, stand)
        for rule, who, since, raised_at in found.get("kept", ()):
            if rule in self._latched and rules[rule].crosses and self._speaks(rule, who):
                group.kept[rule, who] = Stand(IDLE, since, True, raised_at, None)
        group.timers.extend((due, rule, who) for due, rule, who in found["timers"] if self._same(rule))
        self._waiting(name, group, found)

    def _waiting(self, name: str, group: Group, found: Mapping[str, Any]) -> None:
        """What was told and not worked through: until it is, own parts have the truths they had."""
        for rule, who, part, truth in found["truths"]:
            if self._same(rule):
                group.truths[rule, who, part] = truth
        for decided, phase, origin, heard, told in found["waiting"]:
            key, parts = Key(decided, phase, _tuples(origin)), [Told(*part) for part in told]
            known = [part for part in parts if self._same(part.rule) and self._speaks(part.rule, part.subject)]
            turns = [turn for turn in (Turn(*row) for row in heard) if self._stays(turn)]
            self._engine._transactions.put_back(name, key, turns, known)

    def _stays(self, turn: Turn) -> bool:
        """Whether what a place was told counts, as what stands there does: else it would stand there for good."""
        found = self._engine.rulebook.by_id.get(turn.rule)
        return found is not None and turn.rule in self._latched and self._elsewhere(found, turn.subject)

    def _speaks(self, rule: str, who: str) -> bool:
        return who in self._engine.roster.covered(rule)

    def _stand(self, group: Group, rule: str, who: str, stand: list[Any]) -> None:
        """A changed rule keeps its latch only, and is looked at anew."""
        run, since, raised, raised_at, due = stand
        if self._same(rule):
            group.stands[rule, who] = Stand(run, since, raised, raised_at, due)
        elif raised:
            group.kept[rule, who] = Stand(IDLE, since, raised, raised_at, None)

    def _same(self, rule: str) -> bool:
        found = self._engine.rulebook.by_id.get(rule)
        return found is not None and found.version == self._versions.get(rule)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


_TEXT = {"asset": pl.String, "property": pl.String}
