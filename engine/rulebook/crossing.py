"""The second stage: rules that look at other rules, group by group, transaction by transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, NamedTuple

from engine.instants import in_us
from engine.model import Asset
from engine.rulebook.circuits import Split, wire
from engine.rulebook.conditions.arrays import TRUE, UNKNOWN
from engine.rulebook.conditions.state import IDLE, RESET, SET
from engine.rulebook.conditions.turns import ZONE_DELAY
from engine.rulebook.definitions import Rule, Rulebook
from engine.rulebook.inference import Circuit, Inference, Transaction
from engine.rulebook.language import Scope, Tally, Together, Truth, walk
from engine.rulebook.roster import Roster


class Turn(NamedTuple):
    """A rule's latch rose or fell for a subject, or is renewed; `at` by the rule's time, `since` its run's start.

    `value` is what its want works out, None for the constant.
    """

    rule: str
    subject: str
    rises: bool
    renews: bool
    at: int
    since: int
    cause: Mapping[str, Any]
    value: float | None = None


class Told(NamedTuple):
    """An own part took a truth."""

    rule: str
    part: int
    subject: str
    truth: int


class Key(NamedTuple):
    """Which transaction of a group, in their order.

    `origin` orders what other groups hand up: their reach and name, and phase and message there (or, of a group that
    was itself told, its origin).
    """

    decided: int
    phase: int
    origin: tuple[int, str, int, Any]


@dataclass(slots=True)
class Stand:
    """Where a crossing rule stands for a subject."""

    run: int = IDLE
    since: int = 0
    raised: bool = False
    raised_at: int = 0
    due: int | None = None


@dataclass(slots=True)
class Group:
    """What is remembered of a group: what stands (rule → subject → rise; zones share one), own parts, crossing rules,
    timers.

    `kept` are the latches of crossing rules that were changed, until these are looked at anew.
    """

    standing: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    truths: dict[tuple[str, str, int], int] = field(default_factory=dict)
    stands: dict[tuple[str, str], Stand] = field(default_factory=dict)
    timers: list[tuple[int, str, str]] = field(default_factory=list)
    kept: dict[tuple[str, str], Stand] = field(default_factory=dict)


class Crossing:
    """Decides the rules that look at others. `splits` are those rules, in the order of their strata."""

    def __init__(self, rulebook: Rulebook, roster: Roster, inference: Inference, splits: Sequence[Split]) -> None:
        self._roster = roster
        self._inference = inference
        self._parts = {found.rule.id: found.parts for found in splits}
        self._strata = rulebook.strata
        self._layers = {rule.id: (layer, rule) for layer, rules in enumerate(self._strata) for rule in rules}
        self._covered = {
            rule.id: tuple(subject.id for subject in roster.subjects_of(rule.id))
            for layer in self._strata
            for rule in layer
        }
        self._subjects = {rule: roster.covered(rule) for rule in self._covered}
        self._of_subject: dict[str, list[tuple[int, Rule]]] = defaultdict(list)
        for layer, rule in self._layers.values():
            for who in self._covered[rule.id]:
                self._of_subject[who].append((layer, rule))
        self._lookers = self._looked_at()
        self._seen: dict[tuple[str, Scope], frozenset[str]] = {}

    @property
    def any(self) -> bool:
        """Whether there is any rule to decide here."""
        return bool(self._strata)

    def _looked_at(self) -> dict[str, list[tuple[int, Rule, Scope]]]:
        """Rule → who looks at it: layer, rule and scope."""
        found: dict[str, list[tuple[int, Rule, Scope]]] = defaultdict(list)
        for layer, rules in enumerate(self._strata):
            for rule in rules:
                for node in (node for tree in rule.trees for node in walk(tree)):
                    if isinstance(node, Tally):
                        self._note(found, layer, rule, node.rules, node.scope)
                    elif isinstance(node, Together):
                        self._note(found, layer, rule, node.first + node.second, node.scope)
        return found

    def _note(self, found: Any, layer: int, rule: Rule, rules: Iterable[str], scope: Scope) -> None:
        for name in rules:
            if (layer, rule, scope) not in found[name]:
                found[name].append((layer, rule, scope))

    def born(self, group: Group, subject: Asset) -> list[tuple[int, Rule, str]]:
        """The crossing rules to be looked at for the first time for a subject of the group."""
        return [
            (layer, rule, subject.id)
            for layer, rule in self._of_subject.get(subject.id, ())
            if (rule.id, subject.id) not in group.stands
        ]

    def next_timer(self, group: Group) -> int | None:
        """When a delay or a renewal of a crossing rule is due next."""
        return group.timers[0][0] if group.timers else None

    def take(self, tasks: "Sequence[Task]") -> None:
        """Work one transaction of each of some groups; every turn of a crossing rule is added to its task."""
        for task in tasks:
            task.begin(self)
        for layer in range(len(self._strata)):
            asked = [(task, *who) for task in tasks for who in task.waiting(layer)]
            circuits = [self._circuits(task.group, rule, subject) for task, rule, subject in asked]
            answers = self._answers(tasks, asked, circuits)
            for (task, rule, subject), truths in zip(asked, answers, strict=True):
                self._settle(task, rule, subject, truths)

    def _answers(
        self, tasks: "Sequence[Task]", asked: Sequence[tuple["Task", Rule, str]], circuits: Sequence[list[Circuit]]
    ) -> Iterator[tuple[int, ...]]:
        """The truths of each question's circuits; the questions of one task are one transaction."""
        by_task: dict[int, list[Circuit]] = {id(task): [] for task in tasks}
        for (task, _, _), found in zip(asked, circuits, strict=True):
            by_task[id(task)].extend(found)
        busy = {key: found for key, found in by_task.items() if found}
        decided = self._inference.decide([Transaction(frozenset(), tuple(f)) for f in busy.values()]) if busy else []
        rest = {key: iter(answer.truths) for key, answer in zip(busy, decided, strict=True)}
        for (task, _, _), found in zip(asked, circuits, strict=True):
            yield tuple(next(rest[id(task)]) for _ in found)

    def _circuits(self, group: Group, rule: Rule, subject: str) -> list[Circuit]:
        """Of `when`, of `clear_when` and of the schedule, where it has them."""
        truths = self._own(group, rule, subject)

        def count(rules: tuple[str, ...], scope: Scope) -> int:
            return len({who for _, who in self._standing(group, rules, self._scope(subject, scope))})

        def standing(rules: tuple[str, ...], scope: Scope) -> Mapping[tuple[str, str], int]:
            return self._standing(group, rules, self._scope(subject, scope))

        return [wire(tree, truths, count, standing) for tree in rule.trees]

    def _own(self, group: Group, rule: Rule, subject: str) -> dict[Truth, int]:
        parts = enumerate(self._parts[rule.id])
        return {part: group.truths.get((rule.id, subject, n), UNKNOWN) for n, part in parts}

    def _standing(
        self, group: Group, rules: tuple[str, ...], scope: frozenset[str]
    ) -> dict[tuple[str, str], int]:  # fmt: skip
        found: dict[tuple[str, str], int] = {}
        for rule in rules:
            stands = group.standing.get(rule, {})
            few, many = (stands, scope) if len(stands) < len(scope) else (scope, stands)
            found.update(((rule, who), stands[who]) for who in few if who in many)
        return found

    def _scope(self, subject: str, scope: Scope) -> frozenset[str]:
        key = subject, scope
        if key not in self._seen:
            self._seen[key] = frozenset(self._roster.seen(self._roster.by_id[subject], scope))
        return self._seen[key]

    def _settle(self, task: "Task", rule: Rule, subject: str, truths: tuple[int, ...]) -> None:
        definition = rule.definition
        when, rest = truths[0], list(truths[1:])
        clear = rest.pop(0) if rule.clear_when is not None else TRUE - when
        work = rest.pop(0) if rule.schedule is not None else TRUE
        sets, resets = min(when, work), max(clear, TRUE - work)
        is_set = sets == TRUE or (sets == UNKNOWN and definition.on_unknown == "raise")
        is_reset = not is_set and (resets == TRUE or (resets == UNKNOWN and definition.on_unknown == "clear"))
        run = SET if is_set else RESET if is_reset else IDLE
        key = rule.id, subject
        stand = task.group.stands.setdefault(key, task.group.kept.pop(key, Stand()))
        if run == stand.run:
            return
        stand.run, stand.since, stand.due = run, task.key.decided, None
        if run == IDLE or stand.raised == (run == SET):
            return
        delay = in_us(definition.hold if run == SET else definition.clear_after)
        if delay:
            stand.due = task.key.decided + delay
            heappush(task.group.timers, (stand.due, rule.id, subject))
        else:
            self.turn(task, rule, subject, stand)

    def turn(self, task: "Task", rule: Rule, subject: str, stand: Stand) -> None:
        """The latch turns the way of its run, and whoever looks at it is to be looked at."""
        stand.raised, stand.due = stand.run == SET, None
        if stand.raised:
            stand.raised_at = task.key.decided
            self._renew_after(task, rule, subject, stand)
        behind = {who for tree in rule.trees for who in self._behind(task.group, tree, subject)}
        cause = {"rules": [{"rule": name, "asset": asset} for name, asset in sorted(behind)[:20]]}
        turn = Turn(rule.id, subject, stand.raised, False, task.key.decided, stand.since, cause)
        task.add(self, turn)

    def _behind(self, group: Group, tree: Truth, subject: str) -> Iterator[tuple[str, str]]:
        for node in walk(tree):
            if isinstance(node, Tally):
                yield from self._standing(group, node.rules, self._scope(subject, node.scope))
            elif isinstance(node, Together):
                yield from self._standing(group, node.first + node.second, self._scope(subject, node.scope))

    def _renew_after(self, task: "Task", rule: Rule, subject: str, stand: Stand) -> None:
        want = rule.definition.then.want
        if want is not None and want.every is not None:
            every = in_us(want.every)
            times = (task.key.decided - stand.raised_at) // every + 1
            heappush(task.group.timers, (stand.raised_at + times * every, rule.id, subject))

    def fire(self, task: "Task") -> None:
        """The delays and renewals of crossing rules that are due at the task's instant."""
        due = []
        while task.group.timers and task.group.timers[0][0] <= task.key.decided:
            due.append(heappop(task.group.timers)[1:])
        for rule_id, subject in dict.fromkeys(sorted(due)):
            stand = task.group.stands.get((rule_id, subject))
            if stand is not None and rule_id in self._layers and stand.due == task.key.decided:
                self.turn(task, self._layers[rule_id][1], subject, stand)
        for rule_id, subject in dict.fromkeys(sorted(due)):
            stand = task.group.stands.get((rule_id, subject))
            if stand is not None and rule_id in self._layers and stand.raised and stand.raised_at < task.key.decided:
                self._renew(task, self._layers[rule_id][1], subject, stand)

    def _renew(self, task: "Task", rule: Rule, subject: str, stand: Stand) -> None:
        want = rule.definition.then.want
        if want is None or want.every is None or (task.key.decided - stand.raised_at) % in_us(want.every):
            return
        task.turns.append(Turn(rule.id, subject, True, True, task.key.decided, stand.since, {}))
        self._renew_after(task, rule, subject, stand)

    def lookers(self, turn: Turn, group: str) -> Iterator[tuple[int, Rule, str]]:
        """Who of a group looks at a turn: layer, rule and subject."""
        for layer, rule, scope in self._lookers.get(turn.rule, ()):
            for who in self._lookers_in(turn.subject, scope, rule):
                if self._roster.by_id[who].zone == group:
                    yield layer, rule, who

    def _lookers_in(self, subject: str, scope: Scope, rule: Rule) -> Iterable[str]:
        if scope in {Scope.COMMUNE, Scope.TERRITORY}:
            return [who for who in self._covered[rule.id] if subject in self._scope(who, scope)]
        mirrored = {Scope.PARENT: Scope.CHILDREN, Scope.CHILDREN: Scope.PARENT}.get(scope, scope)
        covered = self._subjects[rule.id]
        return [who for who in self._roster.seen(self._roster.by_id[subject], mirrored) if who in covered]

    def layer_of(self, rule: str) -> tuple[int, Rule]:
        """A rule that looks at others, with its layer."""
        return self._layers[rule]


@dataclass(slots=True)
class Task:
    """One transaction of a group: what happened, what is to be looked at because of it, and every turn it brings.

    `heard` are turns of other groups, which change what stands here and are told there.
    """

    name: str
    group: Group
    key: Key
    turns: list[Turn]
    told: Sequence[Told] = ()
    heard: Sequence[Turn] = ()
    fresh: Sequence[tuple[int, Rule, str]] = ()
    _waiting: dict[int, dict[tuple[str, str], tuple[Rule, str]]] = field(default_factory=lambda: defaultdict(dict))

    def begin(self, crossing: Crossing) -> None:
        """Take down what happened."""
        for name, part, subject, truth in self.told:
            self.group.truths[name, subject, part] = truth
            self.look(*crossing.layer_of(name), subject)
        for layer, rule, subject in self.fresh:
            self.look(layer, rule, subject)
        for turn in (*self.heard, *self.turns):
            self._apply(crossing, turn)
        if self.key.phase == ZONE_DELAY:
            crossing.fire(self)

    def add(self, crossing: Crossing, turn: Turn) -> None:
        self.turns.append(turn)
        self._apply(crossing, turn)

    def _apply(self, crossing: Crossing, turn: Turn) -> None:
        if turn.renews:
            return
        stands = self.group.standing[turn.rule]
        if turn.rises:
            stands[turn.subject] = turn.at
        else:
            stands.pop(turn.subject, None)
        for layer, rule, subject in crossing.lookers(turn, self.name):
            self.look(layer, rule, subject)

    def look(self, layer: int, rule: Rule, subject: str) -> None:
        self._waiting[layer][rule.id, subject] = rule, subject

    def waiting(self, layer: int) -> list[tuple[Rule, str]]:
        return [self._waiting[layer][key] for key in sorted(self._waiting[layer])]
