"""The second stage, in order: what the conditions say, cut into the transactions of each group, and worked through."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.rulebook.conditions.turns import BIRTH, MESSAGE, ZONE_DELAY
from engine.rulebook.consequences import Consequences, Question, Said
from engine.rulebook.crossing import Crossing, Group, Key, Task, Told, Turn
from engine.rulebook.handing import Heard
from engine.rulebook.roster import Roster

_OWN = (0, "", 0, -1)


@dataclass(slots=True)
class _Waiting:
    """What happens at one key: turns and own parts of the group, and turns heard from others."""

    turns: list[Turn] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    heard: list[Turn] = field(default_factory=list)


class Transactions:
    """The groups, their memories, and what waits to be worked through.

    Zones first, then communes, then the territory: each is told the turns of those below it, once the tick has
    passed them. What concerns groups that are decided elsewhere is put aside in `handed`.
    """

    def __init__(self, roster: Roster, crossing: Crossing, consequences: Consequences) -> None:
        self._crossing, self._consequences = crossing, consequences
        here = frozenset(roster.groups)
        self._reach = {name: reach for name, reach in roster.reaches.items() if name in here}
        # Of zones in one place: a subject lies in one zone, and a zone looks at its own subjects only.
        self.standing: dict[str, dict[str, int]] = defaultdict(dict)
        self.groups = {name: Group() if self._reach[name] else Group(self.standing) for name in roster.groups}
        self._above = self._listeners(roster)
        self._roster = roster
        self.waiting: dict[str, dict[Key, _Waiting]] = {name: defaultdict(_Waiting) for name in roster.groups}
        self._fresh = set(roster.groups) if crossing.any else set()
        self._order: dict[str, list[Key]] = {}
        self.handed: list[Heard] = []

    def _listeners(self, roster: Roster) -> Mapping[str, tuple[str, ...]]:
        """The groups above each group."""
        above: dict[str, tuple[str, ...]] = {}
        for name, reach in roster.reaches.items():
            commune = f"commune {roster.communes.get(name, '')}" if reach == 0 else ""
            higher = [commune] if commune in roster.reaches else []
            if reach < 2 and "territory" in roster.reaches:
                higher.append("territory")
            above[name] = tuple(higher)
        return above

    def feed(self, happenings: Iterable[tuple[str, Key, Turn | Told]]) -> None:
        """Add what the conditions say."""
        for group, key, what in happenings:
            waiting = self.waiting[group][key]
            if isinstance(what, Turn):
                waiting.turns.append(what)
            else:
                waiting.told.append(what)

    def put_back(self, group: str, key: Key, heard: list[Turn], told: list[Told]) -> None:
        """Put back what a group was told and has not worked through."""
        self.waiting[group][key].heard.extend(heard)
        self.waiting[group][key].told.extend(told)

    def hear(self, heard: Iterable[Heard]) -> None:
        """Add what zones that are decided elsewhere tell."""
        for decided, origin, turns in ((one.decided, one.origin, one.turns) for one in heard):
            for above in self._above.get(origin[1], ()):
                self.waiting[above][Key(decided, MESSAGE, origin)].heard.extend(turns)

    def run(self, start: Mapping[str, int], end: Mapping[str, int], now_us: int) -> Said:
        """Work through everything up to each group's `end`; of communes and the territory, before the tick.

        What is decided at the tick itself may still be joined by what another zone decides there.
        """
        said: dict[str, list[Task]] = defaultdict(list)
        questions: dict[str, list[Question]] = defaultdict(list)
        for reach in (0, 1, 2):
            names = [name for name, found in self._reach.items() if found == reach]
            self._birth(names, start)
            self._order = {name: sorted(self.waiting[name], reverse=True) for name in names}
            until = end if reach == 0 else dict.fromkeys(names, now_us - 1)
            while tasks := self._next(names, until):
                names = [task.name for task in tasks]  # who has nothing more to do now is done for this run
                self._crossing.take(tasks)
                for task in tasks:
                    said[task.name].append(task)
                    questions[task.name].append(self._consequences.ask(task))
                    self._pass_on(reach, task)
        order = [name for name in self.groups if said[name]]
        return self._consequences.answer(
            [task for name in order for task in said[name]], [q for name in order for q in questions[name]]
        )

    def _birth(self, names: Iterable[str], start: Mapping[str, int]) -> None:
        """Crossing rules that were never looked at are looked at when their group starts."""
        for name in names:
            if name in self._fresh:
                self.waiting[name][Key(start[name], BIRTH, _OWN)]

    def _next(self, names: Iterable[str], end: Mapping[str, int]) -> list[Task]:
        """The next transaction of each group that has one."""
        return [task for name in names if (task := self._task(name, end[name])) is not None]

    def _task(self, name: str, end: int) -> Task | None:
        group, waiting = self.groups[name], self.waiting[name]
        order = self._order[name]
        key = order[-1] if order else None
        due = self._crossing.next_timer(group)
        if due is not None and (key is None or Key(due, ZONE_DELAY, _OWN) < key):
            key = Key(due, ZONE_DELAY, _OWN)
        if key is None or (key.decided > end and key.phase != BIRTH):
            return None
        if order and order[-1] == key:
            order.pop()
        what = waiting.pop(key, None) or _Waiting()
        fresh = []
        if name in self._fresh:
            self._fresh.discard(name)
            fresh = [who for subject in self._roster.in_group(name) for who in self._crossing.born(group, subject)]
        turns = sorted(what.turns, key=lambda turn: (turn.rule, turn.subject))
        return Task(name, group, key, turns, what.told, what.heard, fresh)

    def _pass_on(self, reach: int, task: Task) -> None:
        """Tell the groups above what turned here."""
        turned = [turn for turn in task.turns if not turn.renews]
        if not turned:
            return
        decided, phase, origin = task.key
        key = Key(decided, MESSAGE, (reach + 1, task.name, phase, origin if reach else origin[-1]))
        listeners = self._above[task.name]
        for above in listeners:
            if above in self.groups:
                self.waiting[above][key].heard.extend(turned)
        if any(above not in self.groups for above in listeners):
            plain = tuple(turn._replace(cause={}) for turn in turned)  # who is told looks at no reading
            self.handed.append(Heard(decided, key.origin, plain))
