"""What follows from the turns of a transaction: edges, wants, requests, and what alarms show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from engine.instants import from_us, isoformat
from engine.model import Asset, Edge, Level, Truth
from engine.rulebook.decisions import AlarmChange, Asking, Request, Want
from engine.rulebook.definitions import Rule, TypedTargets, WantEffect
from engine.rulebook.language import Scope, properties_of
from engine.rulebook.plain.truths import Moment
from engine.rulebook.plain.world import Pair, World


class Phase(IntEnum):
    """The order of what one instant of a group holds."""

    BIRTH = 0
    ZONE_DELAY = 1
    DELAY = 2
    EXPIRY = 3
    MESSAGE = 4


class Key(NamedTuple):
    """A transaction: its instant as decided, in µs, its phase, and the number of its message."""

    decided: int
    phase: Phase
    sequence: int


class Turn(NamedTuple):
    """A rule rose or fell for a subject, at an instant of its lane; the run behind it began at `since`."""

    rule: Rule
    subject: Asset
    rises: bool
    at: int
    since: int
    moment: Moment

    @property
    def pair(self) -> Pair:
        return self.rule.id, self.subject.id


@dataclass
class Said:
    """What a step has said so far, in order."""

    edges: list[Edge] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)
    alarms: list[AlarmChange] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)


class Consequences:
    """Of one group. Remembers what each alarm shows: whether raised, and by which (rule, subject) suppressed."""

    def __init__(self, world: World) -> None:
        self.said = Said()
        self._world = world
        self._shown: dict[Pair, tuple[bool, bool]] = {}

    def conclude(
        self, key: Key, turns: list[Turn], renewed: list[Turn], standing: Mapping[Pair, Turn]
    ) -> None:  # fmt: skip
        """End a transaction: `standing` is what stands raised after it, each with its rise."""
        self.said.edges += map(_edge, turns)
        for rise in [turn for turn in turns if turn.rises]:
            self.said.requests += _requests(rise, key.decided)
        for rise in [*(turn for turn in turns if turn.rises), *renewed]:
            if not (rise.rule.definition.blocked_by and self._over(rise.rule, rise.subject, standing)):
                self.said.wants += self._wants(rise, key.decided)
        for pair in sorted({*standing, *self._shown}):
            self._show(pair, key.decided, standing)

    def _over(self, rule: Rule, subject: Asset, standing: Mapping[Pair, Turn]) -> Pair | None:
        """What stands over a rule for a subject, if anything: a shadow rule never does."""
        over = rule.definition.over
        if over is None:
            return None
        where = {"self": subject.id, "parent": subject.parent or "", "zone": subject.zone}[over.via]
        pairs = ((name, where) for name in rule.over)
        return next((pair for pair in pairs if pair in standing and not standing[pair].rule.shadow), None)

    def _show(self, pair: Pair, decided: int, standing: Mapping[Pair, Turn]) -> None:
        rule, subject = self._world.rulebook.rule(pair[0]), self._world.roster.by_id[pair[1]]
        if rule.definition.then.alarm is None or rule.shadow:
            return
        rise = standing.get(pair)
        over = self._over(rule, subject, standing) if rise and rule.definition.silenced_by else None
        shown = (rise is not None, over is not None)
        if shown == self._shown.get(pair, (False, False)):
            return
        self._shown[pair] = shown
        detail: dict[str, Any] = {} if rise is None else {"since": isoformat(from_us(rise.since))}
        if over is not None:
            detail["suppressed_by"] = {"rule": over[0], "asset": over[1]}
        priority, at = rule.definition.then.alarm.priority, from_us(decided)
        change = AlarmChange(rule.id, rule.version, subject.id, subject.zone, *shown, priority, at, detail)
        self.said.alarms.append(change)

    def _wants(self, rise: Turn, decided: int) -> Iterator[Want]:
        rule, want = rise.rule, rise.rule.definition.then.want
        if want is None or rule.value is None:
            return
        value = rule.value if isinstance(rule.value, int | float) else rise.moment.number(rule.value)
        if value is None:
            return
        start = from_us(decided)
        for point in self._points(rise.subject, want):
            yield Want(
                rule.id, rule.version, rise.subject.id, point, Level(want.level), value,
                start, start + want.ttl, rule.definition.about, rule.shadow,
            )  # fmt: skip

    def _points(self, subject: Asset, want: WantEffect) -> Iterator[str]:
        """The targets that exist and have the point, each once."""
        types = self._world.catalogue.types
        for name in dict.fromkeys(self._targets(subject, want.targets)):
            found = self._world.roster.by_id.get(name)
            if found is not None and found.type in types and want.point in types[found.type].points:
                yield f"{name}/{want.point}"

    def _targets(self, subject: Asset, targets: str | TypedTargets) -> tuple[str, ...]:
        roster = self._world.roster
        if isinstance(targets, TypedTargets):
            place = (Scope.ZONE, Scope.COMMUNE, Scope.TERRITORY)[roster.reach(subject)]
            seen = roster.seen(subject, Scope.CHILDREN if targets.via == "children" else place)
            return tuple(name for name in seen if targets.reaches(roster.by_id[name], subject.id))
        if targets in {"self", "parent", "children"}:
            return roster.seen(subject, Scope(targets))
        listed = subject.attributes.get(targets, ())
        return tuple(map(str, (listed,) if isinstance(listed, str) else listed))


def _requests(rise: Turn, decided: int) -> Iterator[Request]:
    then, subject, at = rise.rule.definition.then, rise.subject, from_us(decided)
    asked: list[tuple[Asking, Mapping[str, str]]] = []
    if then.replan is not None:
        urgent = {"urgent": "yes"} if then.replan.urgent else {}
        asked.append((Asking.REPLAN, {"domain": then.replan.domain, **urgent}))
    if then.workorder is not None:
        asked.append((Asking.WORK_ORDER, {"fr": then.workorder.title.fr, "en": then.workorder.title.en}))
    for asking, what in asked:
        about = (rise.rule.id, rise.rule.version, subject.id, subject.zone)
        yield Request(asking, *about, at, what, rise.rule.shadow)


def _edge(turn: Turn) -> Edge:
    names = dict.fromkeys(name for tree in turn.rule.trees for name in properties_of(tree))
    readings = [_reading(turn.moment, name) for name in names]
    cause = {"since": isoformat(from_us(turn.since)), "readings": readings}
    truth = Truth.TRUE if turn.rises else Truth.FALSE
    return Edge(turn.rule.id, turn.subject.id, turn.subject.zone, truth, from_us(turn.at), cause)


def _reading(moment: Moment, name: str) -> dict[str, Any]:
    """The newest sample, stale or not."""
    series = moment.series(name)
    if series.newest_at is None:
        return {"property": name, "value": None, "observed_at": None}
    value = series.value / moment.kinds[name].scale
    return {"property": name, "value": value, "observed_at": isoformat(from_us(series.newest_at))}
