"""From turns to edges, alarm changes, wants and requests: what one transaction brings, joined by the inference."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from operator import add, mul, sub, truediv
from typing import Any, NamedTuple

from engine.catalogue import Catalogue
from engine.instants import from_us, isoformat
from engine.model import Asset, Edge, Level, Priority, Truth
from engine.rulebook.crossing import Group, Task, Turn
from engine.rulebook.decisions import AlarmChange, Asking, Request, RuleFault, Want
from engine.rulebook.definitions import Over, ReplanEffect, Rule, Rulebook, TypedTargets, WantEffect
from engine.rulebook.inference import Answer, Conclusion, Condition, Implied, Inference, Program, Transaction
from engine.rulebook.language import Arithmetic, Attribute, Converted, Literal, Quantity, Scope
from engine.rulebook.roster import Roster


class _Subject(NamedTuple):
    """An alarm a transaction concerns: its own condition turned (`turn`), or its silencer did (None)."""

    rule: Rule
    subject: str
    turn: Turn | None
    stands: bool


class Question(NamedTuple):
    """One transaction, ready for the inference: what it concerns, and what stands."""

    at_us: int
    subjects: tuple[_Subject, ...]
    wanting: tuple[tuple[Rule, Turn], ...]
    rises: tuple[tuple[Rule, Turn], ...]
    conditions: frozenset[Condition]


class Said(NamedTuple):
    """What follows from some transactions, in order."""

    edges: tuple[Edge, ...]
    wants: tuple[Want, ...]
    alarms: tuple[AlarmChange, ...]
    requests: tuple[Request, ...]


class Consequences:
    """What follows from the turns of a rulebook's rules. `faults` are the targets that cannot be reached."""

    def __init__(self, rulebook: Rulebook, catalogue: Catalogue, roster: Roster, inference: Inference) -> None:
        self._inference = inference
        self._roster = roster
        self._rules = rulebook.by_id
        self._silenced: dict[str, list[Rule]] = defaultdict(list)
        for rule in rulebook.rules:
            if rule.definition.silenced_by is not None and raises(rule):
                for name in rule.over:
                    self._silenced[name].append(rule)
        self.faults: list[RuleFault] = []
        self._points = {
            rule.id: _Targets(rule, rule.definition.then.want, catalogue, roster, self.faults)
            for rule in rulebook.rules
            if rule.definition.then.want is not None
        }
        self.suppressed: set[tuple[str, str]] = set()
        self._overs = {rule.id: rule.definition.over for rule in rulebook.rules if rule.definition.over is not None}
        inference.load(_program(rulebook))

    def ask(self, task: Task) -> Question:
        """What a transaction leaves to be inferred, as things stand after it."""
        turned = [(self._rules[turn.rule], turn) for turn in task.turns]
        subjects = {(one.rule.id, one.subject): one for one in self._changed(task)}
        for rule, who in self._under(task):
            subjects.setdefault((rule.id, who), _Subject(rule, who, None, stands=True))
        rises = tuple((rule, turn) for rule, turn in turned if turn.rises and not turn.renews)
        wanting = tuple((rule, turn) for rule, turn in turned if turn.rises and rule.definition.then.want is not None)
        fresh = {(rule.id, turn.subject) for rule, turn in wanting}
        standing = {(s.rule.id, s.subject): s.rule for s in subjects.values() if s.stands}
        standing |= {(rule.id, turn.subject): rule for rule, turn in wanting}
        conditions = [
            condition
            for (_, who), rule in standing.items()
            for condition in self._conditions(task.group, rule, who, fresh=(rule.id, who) in fresh)
        ]
        return Question(task.key.decided, tuple(subjects.values()), wanting, rises, frozenset(conditions))

    def _changed(self, task: Task) -> Iterator[_Subject]:
        """The alarms whose own conditions turned; one that turned and turned back within the transaction did not."""
        turns: dict[tuple[str, str], list[Turn]] = defaultdict(list)
        for turn in task.turns:
            if not turn.renews and raises(self._rules[turn.rule]):
                turns[turn.rule, turn.subject].append(turn)
        for (rule, who), found in turns.items():
            if found[0].rises == found[-1].rises:
                yield _Subject(self._rules[rule], who, found[-1], found[-1].rises)
            elif found[-1].rises:
                yield _Subject(self._rules[rule], who, None, stands=True)

    def answer(self, tasks: Sequence[Task], questions: Sequence[Question]) -> Said:
        """Edges, wants, alarm changes and requests of some transactions, in their order."""
        asked = [question for question in questions if question.conditions]
        answers = self._inference.decide([Transaction(q.conditions) for q in asked]) if asked else []
        by_question = {id(question): answer for question, answer in zip(asked, answers, strict=True)}
        edges: list[Edge] = []
        wants: list[Want] = []
        alarms: list[AlarmChange] = []
        requests: list[Request] = []
        for task, question in zip(tasks, questions, strict=True):
            implied = by_question.get(id(question), _NOTHING).implied
            edges.extend(self._edge(turn) for turn in task.turns if not turn.renews)
            wants.extend(self._wants(question, implied))
            alarms.extend(self._alarms(question, implied))
            requests.extend(self._requests(question))
        return Said(tuple(edges), tuple(wants), tuple(alarms), tuple(requests))

    def over(self, rule: Rule, subject: str) -> str:
        """The subject on which the rule that silences or blocks it would stand; empty for none."""
        over = self._overs.get(rule.id)
        return "" if over is None else self._via(over, self._roster.by_id[subject])

    def _via(self, over: Over, asset: Asset) -> str:
        return {"self": asset.id, "parent": asset.parent or "", "zone": asset.zone}[over.via]

    def _under(self, task: Task) -> Iterator[tuple[Rule, str]]:
        """The standing alarms that what turned silences, or silences no more."""
        for turn in task.turns:
            for rule in () if turn.renews else self._silenced.get(turn.rule, ()):
                stands = task.group.standing.get(rule.id, {})
                below = self._roster.seen(self._roster.by_id[turn.subject], _BELOW[self._overs[rule.id].via])
                for who in below if len(below) < len(stands) else stands:
                    if who in stands and self.over(rule, who) == turn.subject:
                        yield rule, who

    def _conditions(self, group: Group, rule: Rule, who: str, *, fresh: bool) -> Iterator[Condition]:
        over = self.over(rule, who)
        yield Condition(_known_as(rule), who, over, fresh)
        if over and any(over in group.standing.get(name, ()) for name in rule.over if not self._rules[name].shadow):
            yield Condition(self._overs[rule.id].rule, over, "", fresh=False)

    def _edge(self, turn: Turn) -> Edge:
        truth = Truth.TRUE if turn.rises else Truth.FALSE
        cause = {"since": isoformat(from_us(turn.since)), **turn.cause}
        return Edge(turn.rule, turn.subject, self._zone(turn.subject), truth, from_us(turn.at), cause)

    def _zone(self, subject: str) -> str:
        return self._roster.by_id[subject].zone

    def _alarms(self, question: Question, implied: frozenset[Implied]) -> Iterator[AlarmChange]:
        for rule, who, turn, _ in question.subjects:
            raised = Implied(Conclusion.ALARM, _known_as(rule), who) in implied
            silenced = rule.definition.silenced_by is not None
            suppressed = silenced and Implied(Conclusion.SUPPRESSED, _known_as(rule), who) in implied
            if turn is None and suppressed == ((rule.id, who) in self.suppressed):
                continue
            (self.suppressed.add if suppressed else self.suppressed.discard)((rule.id, who))
            detail = self._detail(rule, who, turn, suppressed=suppressed)
            yield change(rule, self._roster.by_id[who], question.at_us, detail, raised=raised, suppressed=suppressed)

    def _detail(self, rule: Rule, who: str, turn: Turn | None, *, suppressed: bool) -> dict[str, Any]:
        alarm = rule.definition.then.alarm
        assert alarm is not None  # noqa: S101 - only rules with an alarm are subjects
        detail: dict[str, Any] = {
            "about": rule.definition.about.model_dump(),
            "consequence": alarm.consequence.model_dump(),
            "action": alarm.action.model_dump(),
            "respond_within_s": alarm.respond_within / timedelta(seconds=1),
        }
        if alarm.latched:
            detail["latched"] = True
        if turn is not None:
            detail["cause"] = {"since": isoformat(from_us(turn.since)), **turn.cause}
        if suppressed:
            detail["suppressed_by"] = {"rule": self._overs[rule.id].rule, "asset": self.over(rule, who)}
        return detail

    def _wants(self, question: Question, implied: frozenset[Implied]) -> Iterator[Want]:
        for rule, turn in question.wanting:
            blocked = rule.definition.blocked_by is not None
            blocked &= Implied(Conclusion.SUPPRESSED, _known_as(rule), turn.subject) in implied
            if Implied(Conclusion.WANT, _known_as(rule), turn.subject) in implied and not blocked:
                yield from self._points[rule.id].wants(turn, question.at_us)

    def _requests(self, question: Question) -> Iterator[Request]:
        for rule, turn in question.rises:
            then = rule.definition.then
            asked = [(Asking.REPLAN, _replan(then.replan))] if then.replan else []
            asked += [(Asking.WORK_ORDER, then.workorder.title.model_dump())] if then.workorder else []
            for asking, what in asked:
                zone, at = self._zone(turn.subject), from_us(question.at_us)
                yield Request(asking, rule.id, rule.version, turn.subject, zone, at, what, rule.shadow)


def _replan(asked: ReplanEffect) -> dict[str, str]:
    return {"domain": asked.domain} | ({"urgent": "yes"} if asked.urgent else {})


class _Targets:
    """The points each subject of a want rule reaches; what cannot be reached becomes a fault, once."""

    def __init__(
        self, rule: Rule, want: WantEffect, catalogue: Catalogue, roster: Roster, faults: list[RuleFault]
    ) -> None:  # fmt: skip
        self._rule, self._want = rule, want
        self._catalogue, self._roster = catalogue, roster
        self._points: dict[str, tuple[str, ...]] = {}
        if not _by_kind(want):
            faults.extend(filter(None, map(self._unreachable, roster.subjects_of(rule.id))))

    def _unreachable(self, subject: Asset) -> RuleFault | None:
        """A subject whose list names what has no such point."""
        reached = set(_reached(subject, self._want, self._roster))
        bad = sorted(name for name in reached if not self._has_point(name))
        if not bad:
            return None
        what = f"{self._want.targets} of {subject.id} names no asset here with the point {self._want.point}: "
        return RuleFault(self._rule.id, subject.id, what + ", ".join(bad), quarantined=False)

    def _has_point(self, name: str) -> bool:
        return _has_point(self._catalogue, self._roster.by_id.get(name), self._want.point)

    def _reach(self, subject: str) -> tuple[str, ...]:
        if subject not in self._points:
            reached = dict.fromkeys(_reached(self._roster.by_id[subject], self._want, self._roster))
            good = filter(self._has_point, reached)
            self._points[subject] = tuple(f"{name}/{self._want.point}" for name in good)
        return self._points[subject]

    def _value(self, turn: Turn) -> float | None:
        value = self._rule.value
        if value is None or isinstance(value, int | float):
            return value
        crosses = self._rule.crosses
        return of_attributes(value, self._roster.by_id[turn.subject].attributes) if crosses else turn.value

    def wants(self, turn: Turn, at_us: int) -> Iterator[Want]:
        rule, start, value = self._rule, from_us(at_us), self._value(turn)
        if value is None:
            return
        for point in self._reach(turn.subject):
            yield Want(
                rule.id, rule.version, turn.subject, point, Level(self._want.level), value,
                start, start + self._want.ttl, rule.definition.about, rule.shadow,
            )  # fmt: skip


def of_attributes(node: Quantity, attributes: Mapping[str, Any]) -> float | None:
    """A quantity of constants and attributes, as a want of a rule that looks at others may have; None for UNKNOWN."""
    match node:
        case Literal(value):
            return value
        case Attribute(name):
            found = attributes.get(name)
            return None if isinstance(found, bool) or not isinstance(found, int | float) else float(found)
        case Converted(part, how):
            inner = of_attributes(part, attributes)
            return None if inner is None else how(inner)
        case Arithmetic(sign, left, right):
            one, two = of_attributes(left, attributes), of_attributes(right, attributes)
            return None if one is None or two is None or (sign == "/" and not two) else _SIGNS[sign](one, two)
    raise TypeError(f"{node!r} reads more than attributes")


_SIGNS = {"+": add, "-": sub, "*": mul, "/": truediv}


def raises(rule: Rule) -> bool:
    """Whether it raises alarms: a shadow rule does not."""
    return rule.definition.then.alarm is not None and not rule.shadow


def _known_as(rule: Rule) -> str:
    """A rule's name to the inference: a shadow rule stands under one that nobody is silenced by."""
    return f"shadow {rule.id}" if rule.shadow else rule.id


def change(
    rule: Rule, asset: Asset, at_us: int, detail: Mapping[str, Any], *, raised: bool, suppressed: bool
) -> AlarmChange:
    alarm = rule.definition.then.alarm
    assert alarm is not None  # noqa: S101 - only rules with an alarm are subjects
    at = from_us(at_us)
    return AlarmChange(rule.id, rule.version, asset.id, asset.zone, raised, suppressed, alarm.priority, at, detail)


def withdrawal(rule: str, version: str, priority: Priority, asset: Asset, at_us: int) -> AlarmChange:
    """The fall of an alarm whose rule no longer speaks of the asset."""
    at = from_us(at_us)
    return AlarmChange(rule, version, asset.id, asset.zone, False, False, priority, at, {"withdrawn": True})


def _program(rulebook: Rulebook) -> Program:
    """Shadow rules raise and silence nothing; their wants are made, marked, and move nothing."""
    rules = rulebook.rules
    return Program(
        frozenset(rule.id for rule in rules if raises(rule)),
        frozenset(_known_as(rule) for rule in rules if rule.definition.then.want is not None),
        {_known_as(rule): over.rule for rule in rules if (over := rule.definition.over) is not None},
    )


def _reached(subject: Asset, want: WantEffect, roster: Roster) -> Iterable[str]:
    targets = want.targets
    if isinstance(targets, TypedTargets):
        place = {"commune": Scope.COMMUNE, "territory": Scope.TERRITORY}.get(subject.type, Scope.ZONE)
        seen = roster.seen(subject, Scope.CHILDREN if targets.via == "children" else place)
        return [name for name in seen if targets.reaches(roster.by_id[name], subject.id)]
    if targets in {Scope.SELF, Scope.PARENT, Scope.CHILDREN}:
        return roster.seen(subject, Scope(targets))
    listed = subject.attributes.get(targets, ())
    return map(str, (listed,) if isinstance(listed, str) else listed)


def _by_kind(want: WantEffect) -> bool:
    """Whether the targets are found by what they are, so that one without the point is simply none."""
    return isinstance(want.targets, TypedTargets) or want.targets in {Scope.SELF, Scope.PARENT, Scope.CHILDREN}


def _has_point(catalogue: Catalogue, asset: Asset | None, point: str) -> bool:
    return asset is not None and asset.type in catalogue.types and point in catalogue.types[asset.type].points


# From a subject that silences: where those lie that look to it.
_BELOW = {"self": Scope.SELF, "parent": Scope.CHILDREN, "zone": Scope.ZONE}
_NOTHING = Answer(frozenset(), ())
