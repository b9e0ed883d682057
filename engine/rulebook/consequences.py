"""From rises and falls to edges, alarm changes and wants: zone transactions, joined by the inference."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import IntEnum
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from engine.catalogue import Catalogue
from engine.instants import from_us
from engine.model import Asset, Edge, Level, Priority, Truth
from engine.rulebook.conditions import Fleet
from engine.rulebook.decisions import AlarmChange, RuleFault, Want
from engine.rulebook.definitions import Rule, Rulebook
from engine.rulebook.inference import Conclusion, Condition, Implied, Inference, Program, Transaction
from engine.rulebook.memory import FleetMemory

Fleets = Mapping[str, FleetMemory]


class Turn(IntEnum):
    """What happened to a rule's condition for an asset."""

    FALL = 0
    RISE = 1
    RENEWAL = 2


class Event(NamedTuple):
    """One turn. Ordered: instant, zone, phase and message name the transaction it belongs to."""

    at_us: int
    zone: str
    phase: int
    message: int
    rule: str
    place: int
    turn: Turn
    cause: Mapping[str, Any]

    @property
    def transaction(self) -> tuple[int, str, int, int]:
        return self[:4]


class _Subject(NamedTuple):
    """An alarm instance a transaction concerns: its own condition turned (`event`), or its silencer's did (None)."""

    rule: str
    place: int
    event: Event | None
    stands: bool


class _Joined(NamedTuple):
    """One transaction, ready for the inference."""

    at_us: int
    subjects: tuple[_Subject, ...]
    wanting: tuple[Event, ...]
    conditions: Transaction


class Consequences:
    """What follows from the turns of a rulebook's conditions. `faults` are the targets that cannot be reached."""

    def __init__(
        self, rulebook: Rulebook, catalogue: Catalogue, assets: Mapping[str, Asset],
        fleets: Mapping[str, Fleet], inference: Inference,
    ) -> None:  # fmt: skip
        self._inference = inference
        self._assets = assets
        self._fleets = fleets
        self._rules = {rule.id: rule for rule in rulebook.rules}
        self._program = _program(rulebook)
        self._silences: dict[str, list[str]] = {}
        for silenced, silencer in self._program.silencers.items():
            self._silences.setdefault(silencer, []).append(silenced)
        self._children = {rule: self._by_parent(rule) for rule in self._program.silencers}
        self.faults: list[RuleFault] = []
        self._targets = {
            rule.id: _Targets(rule, catalogue, assets, self._members(rule.id), self.faults)
            for rule in rulebook.rules
            if rule.definition.then.want is not None
        }
        inference.load(self._program)

    def of(
        self, events: Iterable[Event], before: Fleets, after: Fleets
    ) -> tuple[tuple[Edge, ...], tuple[Want, ...], tuple[AlarmChange, ...]]:
        """Edges, wants and alarm changes, in order. Suppressions are written into `after`."""
        ordered = sorted(events, key=lambda event: event[:7])
        standing = self._standing(before) if ordered else set()
        joined = [
            self._join(key[0], tuple(group), standing)
            for key, group in groupby(ordered, key=lambda event: event.transaction)
        ]
        asked = [transaction for transaction in joined if transaction.conditions]
        answers = self._inference.decide([transaction.conditions for transaction in asked]) if asked else []
        implied = {id(transaction): answer for transaction, answer in zip(asked, answers, strict=True)}
        wants: list[Want] = []
        alarms: list[AlarmChange] = []
        for transaction in joined:
            found = implied.get(id(transaction), frozenset())
            wants.extend(self._wants(transaction, found))
            alarms.extend(self._alarms(transaction, found, after))
        return tuple(map(self._edge, _turned(ordered))), tuple(wants), tuple(alarms)

    def _members(self, rule: str) -> list[Asset]:
        return self._fleets[self._rules[rule].definition.for_each.type].assets

    def _by_parent(self, rule: str) -> dict[str, list[int]]:
        children: dict[str, list[int]] = {}
        for place, asset in enumerate(self._members(rule)):
            if asset.parent is not None:
                children.setdefault(asset.parent, []).append(place)
        return children

    def _standing(self, before: Fleets) -> set[tuple[str, str]]:
        """The conditions of silencing and silenced rules that stood before the step."""
        standing: set[tuple[str, str]] = set()
        for rule in {*self._program.silencers, *self._silences}:
            members = self._members(rule)
            raised = before[self._rules[rule].definition.for_each.type].rules[rule].raised
            standing.update((rule, members[place].id) for place in np.flatnonzero(raised))
        return standing

    def _join(self, at_us: int, events: Sequence[Event], standing: set[tuple[str, str]]) -> _Joined:
        turned = [event for event in events if event.rule in self._program.alarms]
        for event in turned:
            pair = (event.rule, self._members(event.rule)[event.place].id)
            (standing.add if event.turn is Turn.RISE else standing.discard)(pair)
        subjects = {(e.rule, e.place): _Subject(e.rule, e.place, e, e.turn is Turn.RISE) for e in turned}
        for rule, place in self._silenced(turned, standing):
            subjects.setdefault((rule, place), _Subject(rule, place, None, stands=True))
        wanting = tuple(e for e in events if e.rule in self._program.wants and e.turn is not Turn.FALL)
        conditions = {self._condition(e.rule, e.place, fresh=True) for e in wanting}
        for subject in subjects.values():
            if subject.stands:
                conditions.update(self._conditions(subject, standing))
        return _Joined(at_us, tuple(subjects.values()), wanting, frozenset(conditions))

    def _silenced(self, turned: Sequence[Event], standing: set[tuple[str, str]]) -> Iterator[tuple[str, int]]:
        """The standing conditions that the turned ones silence, or silence no more."""
        for event in turned:
            parent = self._members(event.rule)[event.place].id
            for rule in self._silences.get(event.rule, ()):
                members = self._members(rule)
                for place in self._children[rule].get(parent, ()):
                    if (rule, members[place].id) in standing:
                        yield rule, place

    def _conditions(self, subject: _Subject, standing: set[tuple[str, str]]) -> Iterator[Condition]:
        condition = self._condition(subject.rule, subject.place, fresh=False)
        yield condition
        silencer = self._program.silencers.get(subject.rule)
        if silencer is not None and (silencer, condition.parent) in standing:
            yield Condition(silencer, condition.parent, self._assets[condition.parent].parent or "", fresh=False)

    def _condition(self, rule: str, place: int, *, fresh: bool) -> Condition:
        asset = self._members(rule)[place]
        return Condition(rule, asset.id, asset.parent or "", fresh)

    def _edge(self, event: Event) -> Edge:
        asset = self._members(event.rule)[event.place]
        truth = Truth.TRUE if event.turn is Turn.RISE else Truth.FALSE
        return Edge(event.rule, asset.id, asset.zone, truth, from_us(event.at_us), event.cause)

    def _alarms(self, joined: _Joined, implied: frozenset[Implied], after: Fleets) -> Iterator[AlarmChange]:
        for rule_id, place, event, _ in joined.subjects:
            rule, asset = self._rules[rule_id], self._members(rule_id)[place]
            raised = Implied(Conclusion.ALARM, rule_id, asset.id) in implied
            suppressed = Implied(Conclusion.SUPPRESSED, rule_id, asset.id) in implied
            held = after[asset.type].rules[rule_id].suppressed
            if event is not None or suppressed != held[place]:
                held[place] = suppressed
                detail = self._detail(rule, asset, event, suppressed=suppressed)
                yield _change(rule, asset, joined.at_us, detail, raised=raised, suppressed=suppressed)

    def _detail(self, rule: Rule, asset: Asset, event: Event | None, *, suppressed: bool) -> dict[str, Any]:
        alarm = rule.definition.then.alarm
        assert alarm is not None  # noqa: S101 - only rules with an alarm are subjects
        detail: dict[str, Any] = {
            "about": rule.definition.about.model_dump(),
            "consequence": alarm.consequence.model_dump(),
            "action": alarm.action.model_dump(),
            "respond_within_s": alarm.respond_within / timedelta(seconds=1),
        }
        if event is not None:
            detail["cause"] = dict(event.cause)
        if suppressed:
            detail["suppressed_by"] = {"rule": self._program.silencers[rule.id], "asset": asset.parent}
        return detail

    def _wants(self, joined: _Joined, implied: frozenset[Implied]) -> Iterator[Want]:
        for event in joined.wanting:
            asset = self._members(event.rule)[event.place]
            if Implied(Conclusion.WANT, event.rule, asset.id) in implied:
                yield from self._targets[event.rule].wants(event.place, asset, event.at_us)


class _Targets:
    """The points each asset of a want rule reaches; what cannot be reached becomes a fault, once."""

    def __init__(
        self, rule: Rule, catalogue: Catalogue, assets: Mapping[str, Asset], members: Sequence[Asset],
        faults: list[RuleFault],
    ) -> None:  # fmt: skip
        want = rule.definition.then.want
        assert want is not None  # noqa: S101 - made for want rules only
        self._rule, self._want = rule, want
        self._points: list[tuple[str, ...]] = []
        for member in members:
            reached = list(_named(member, want.targets)) if rule.definition.for_each.covers(member) else []
            good = [name for name in reached if _has_point(catalogue, assets.get(name), want.point)]
            bad = sorted(set(reached) - set(good))
            if bad:
                what = (
                    f"{want.targets} of {member.id} names no asset here with the point {want.point}: {', '.join(bad)}"
                )
                faults.append(RuleFault(rule.id, member.id, what, quarantined=False))
            self._points.append(tuple(f"{name}/{want.point}" for name in good))

    def wants(self, place: int, source: Asset, at_us: int) -> Iterator[Want]:
        rule, start = self._rule, from_us(at_us)
        assert rule.value is not None  # noqa: S101 - a want rule compiles with its value
        for point in self._points[place]:
            yield Want(
                rule.id, rule.version, source.id, point, Level(self._want.level), rule.value,
                start, start + self._want.ttl, rule.definition.about, rule.shadow,
            )  # fmt: skip


def withdrawal(rule: str, version: str, priority: Priority, asset: Asset, at_us: int) -> AlarmChange:
    """The fall of an alarm whose rule no longer speaks of the asset."""
    detail = {"withdrawn": True}
    return AlarmChange(rule, version, asset.id, asset.zone, False, False, priority, from_us(at_us), detail)


def _change(
    rule: Rule, asset: Asset, at_us: int, detail: Mapping[str, Any], *, raised: bool, suppressed: bool
) -> AlarmChange:
    alarm = rule.definition.then.alarm
    assert alarm is not None  # noqa: S101 - only rules with an alarm are subjects
    at = from_us(at_us)
    return AlarmChange(rule.id, rule.version, asset.id, asset.zone, raised, suppressed, alarm.priority, at, detail)


def _program(rulebook: Rulebook) -> Program:
    """Shadow rules raise and silence nothing; their wants are made, marked, and move nothing."""
    alarms = {rule.id for rule in rulebook.rules if rule.definition.then.alarm is not None and not rule.shadow}
    silencers = {
        rule.id: rule.definition.silenced_by.rule
        for rule in rulebook.rules
        if rule.definition.silenced_by is not None and {rule.id, rule.definition.silenced_by.rule} <= alarms
    }
    wants = {rule.id for rule in rulebook.rules if rule.definition.then.want is not None}
    return Program(frozenset(alarms), frozenset(wants), silencers)


def _turned(events: Iterable[Event]) -> Iterator[Event]:
    return (event for event in events if event.turn is not Turn.RENEWAL)


def _named(asset: Asset, targets: str) -> Iterator[str]:
    if targets == "self":
        yield asset.id
        return
    listed = asset.attributes.get(targets, ())
    yield from map(str, (listed,) if isinstance(listed, str) else listed)


def _has_point(catalogue: Catalogue, asset: Asset | None, point: str) -> bool:
    return asset is not None and asset.type in catalogue.types and point in catalogue.types[asset.type].points
