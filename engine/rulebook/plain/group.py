"""A group of subjects with one clock: what happens in it, one transaction after another."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from functools import partial

from engine.instants import in_us
from engine.model import Asset
from engine.rulebook import language as lang
from engine.rulebook.definitions import Rule
from engine.rulebook.plain.consequences import Consequences, Key, Phase, Turn
from engine.rulebook.plain.samples import Lane, Message
from engine.rulebook.plain.timers import timers
from engine.rulebook.plain.truths import Kleene, Moment, Succession
from engine.rulebook.plain.world import Pair, World

_OBSERVING = (Phase.BIRTH, Phase.EXPIRY, Phase.MESSAGE)


class Run(Enum):
    """Which condition of a rule holds now."""

    SET = "set"
    RESET = "reset"
    IDLE = "idle"


@dataclass(slots=True)
class Latch:
    """Where a rule stands for a subject. `waiting`: the run that began at `since` has not turned it yet.

    `rise` is the turn that raised it, None while it is not raised.
    """

    run: Run
    since: int
    waiting: bool = False
    rise: Turn | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something to take in at `due`, as decided; what one sequence number brings at once is one transaction."""

    due: int
    sequence: int
    enter: Callable[[], None]


class Group:
    """A zone, a commune or the territory. Nothing in it stands before its `birth`.

    `raised` is what stands raised as this group knows it, with the `at` of the rises: its own, and what it was told of
    groups of lower reach. `told` are its turns of this step, for those above.
    """

    def __init__(self, name: str, world: World) -> None:
        self.name = name
        self.clock: int | None = None
        self.raised: dict[Pair, int] = {}
        self.told: list[tuple[Key, list[Turn]]] = []
        self.consequences = Consequences(world)
        self._world = world
        rules = world.rulebook.rules
        self._own = world.pairs(tuple(rule for rule in rules if not rule.crosses), name)
        self._strata = [world.pairs(stratum, name) for stratum in world.rulebook.strata]
        self._crossing = [pair for stratum in self._strata for pair in stratum]
        self._lanes = {lateness: Lane(lateness) for lateness in {0, *map(_lateness, rules)}}
        self._latches: dict[Pair, Latch] = {}
        self._held: dict[Pair, dict[lang.Truth, Kleene]] = {}
        self._successions: dict[tuple[Pair, lang.Sequence], Succession] = {}
        self._queue: list[Arrival] = []
        self._sequence = 0
        self._turns: list[Turn] = []

    # the clock

    @property
    def now(self) -> int:
        """The clock. Raises RuntimeError before the first step."""
        if self.clock is None:
            raise RuntimeError(f"group {self.name!r} has no clock before its first step")
        return self.clock

    def birth(self, at: int) -> None:
        """Put the rules in service."""
        self.clock = self.born = at
        for rule, subject in (*self._own, *self._crossing):
            self._latches[rule.id, subject.id] = Latch(Run.IDLE, at - _lateness(rule))
        self._transact(Phase.BIRTH)

    def take(self, message: Message) -> None:
        """A message, on its way into each lane; and the clock, to its instant."""
        clock = max(self.now, message.at)
        self._sequence += 1
        for lane in self._lanes.values():
            self._queue.append(
                Arrival(max(message.at + lane.lateness, clock), self._sequence, partial(lane.take, message))
            )
        self.advance(clock)

    def tell(self, at: int, turns: list[Turn]) -> None:
        """Turns of one transaction of a group of lower reach, to be taken at `at`."""
        self._sequence += 1
        self._queue.append(Arrival(at, self._sequence, partial(self._learn, turns)))

    def advance(self, to: int) -> None:
        """Move the clock, stopping at each instant at which something is due."""
        while (at := min(self._instants(), default=to + 1)) <= to:
            if at > self.now:
                self.clock = at
                for phase in (Phase.ZONE_DELAY, Phase.DELAY, Phase.EXPIRY):
                    self._transact(phase)
            self._take_arrivals()
        self.clock = to

    def _take_arrivals(self) -> None:
        """What is due now, each sequence number by itself."""
        while due := [arrival for arrival in self._queue if arrival.due == self.now]:
            sequence = min(arrival.sequence for arrival in due)
            for arrival in [arrival for arrival in due if arrival.sequence == sequence]:
                self._queue.remove(arrival)
                arrival.enter()
            self._transact(Phase.MESSAGE, sequence)

    def _instants(self) -> Iterator[int]:
        """When something is due: arrivals, and what time alone brings after now."""
        yield from (arrival.due for arrival in self._queue)
        for rule, subject in (*self._own, *self._crossing):
            later = (at + _lateness(rule) for at in self._timers(rule, subject))
            yield from (at for at in later if at > self.now)

    def _timers(self, rule: Rule, subject: Asset) -> Iterator[int]:
        """In time of the rule's lane."""
        latch, moment = self._latches[rule.id, subject.id], self._moment(rule, subject)
        if latch.waiting:
            yield latch.since + _delay(rule, latch.run)
        if latch.rise is not None and (every := _every(rule)):
            yield latch.rise.at + ((moment.at - latch.rise.at) // every + 1) * every
        for tree in rule.trees:
            yield from timers(moment, tree)

    # transactions

    def _transact(self, phase: Phase, sequence: int = 0) -> None:
        self._turns = []
        if phase is Phase.ZONE_DELAY:
            self._end_delays(self._crossing)
        elif phase is Phase.DELAY:
            self._end_delays(self._own)
        else:
            for rule, subject in (*self._own, *self._crossing):
                self._observe(rule, subject)
            for rule, subject in self._own:
                self._evaluate(rule, subject)
        for stratum in self._strata:
            for rule, subject in stratum:
                self._evaluate(rule, subject)
        renewing = {Phase.ZONE_DELAY: self._crossing, Phase.DELAY: self._own}.get(phase, [])
        self._conclude(Key(self.now, phase, sequence), [*self._renewals(renewing)])

    def _end_delays(self, pairs: list[tuple[Rule, Asset]]) -> None:
        for rule, subject in pairs:
            latch = self._latches[rule.id, subject.id]
            if latch.waiting and latch.since + _delay(rule, latch.run) + _lateness(rule) == self.now:
                self._turn(rule, subject)

    def _renewals(self, pairs: list[tuple[Rule, Asset]]) -> Iterator[Turn]:
        """The rises whose wants are made again: of rules that still stand, and rose before."""
        for rule, subject in pairs:
            rise, every, moment = self._latches[rule.id, subject.id].rise, _every(rule), self._moment(rule, subject)
            if rise is not None and every and rise.at < moment.at and (moment.at - rise.at) % every == 0:
                yield rise._replace(moment=moment)

    def _conclude(self, key: Key, renewed: list[Turn]) -> None:
        standing = {pair: latch.rise for pair, latch in self._latches.items() if latch.rise is not None}
        self.consequences.conclude(key, self._turns, renewed, standing)
        if self._turns:
            self.told.append((key, self._turns))

    # one rule, one subject

    def _moment(self, rule: Rule, subject: Asset) -> Moment:
        lateness, world = _lateness(rule), self._world
        held = self._held.get((rule.id, subject.id), {})
        return Moment(
            subject, self.now - lateness, self.born, self._lanes[lateness], world.kinds(subject), world.almanac,
            world.roster, self.raised, held,
        )  # fmt: skip

    def _observe(self, rule: Rule, subject: Asset) -> None:
        """Settle what is looked at once a transaction: sequences, and what a crossing rule sees for itself."""
        pair = rule.id, subject.id
        fresh: dict[lang.Truth, Kleene] = {}
        moment = replace(self._moment(rule, subject), held=fresh)
        for node in _sequences(rule):
            fresh[node] = self._successions.setdefault((pair, node), Succession()).settle(moment, node)
        if rule.crosses:
            fresh.update({part: moment.truth(part) for tree in rule.trees for part in _own_parts(tree)})
        self._held[pair] = fresh

    def _evaluate(self, rule: Rule, subject: Asset) -> None:
        latch, moment = self._latches[rule.id, subject.id], self._moment(rule, subject)
        run = run_of(rule, moment)
        if run is latch.run:
            return
        latch.run, latch.since, latch.waiting = run, moment.at, run is not Run.IDLE
        if latch.waiting and not _delay(rule, run):
            self._turn(rule, subject)

    def _turn(self, rule: Rule, subject: Asset) -> None:
        """The run has held long enough."""
        latch, moment = self._latches[rule.id, subject.id], self._moment(rule, subject)
        latch.waiting = False
        rises = latch.run is Run.SET
        if rises == (latch.rise is not None):
            return
        turn = Turn(rule, subject, rises, moment.at, latch.since, moment)
        latch.rise = turn if rises else None
        self._turns.append(turn)
        self._learn([turn])

    def _learn(self, turns: list[Turn]) -> None:
        for turn in turns:
            if turn.rises:
                self.raised[turn.pair] = turn.at
            else:
                self.raised.pop(turn.pair, None)

    # asked about

    def stand(self, rule: Rule, subject: Asset) -> tuple[Latch, Moment]:
        """Where a rule stands, and what it sees at the clock's instant. Raises KeyError where it is not of here."""
        return self._latches[rule.id, subject.id], self._moment(rule, subject)


def run_of(rule: Rule, moment: Moment) -> Run:
    """Set and reset, as `on_unknown` takes what cannot be told."""
    unknown = rule.definition.on_unknown
    sets, resets = moment.truth(rule.sets), moment.truth(rule.resets)
    if sets or (sets is None and unknown == "raise"):
        return Run.SET
    return Run.RESET if resets or (resets is None and unknown == "clear") else Run.IDLE


def _lateness(rule: Rule) -> int:
    return in_us(rule.definition.lateness)


def _delay(rule: Rule, run: Run) -> int:
    delays: Mapping[Run, timedelta] = {Run.SET: rule.definition.hold, Run.RESET: rule.definition.clear_after}
    return in_us(delays[run])


def _every(rule: Rule) -> int | None:
    want = rule.definition.then.want
    return None if want is None or want.every is None else in_us(want.every)


def _sequences(rule: Rule) -> list[lang.Sequence]:
    """Each once, inner ones first."""
    nodes = [node for tree in rule.trees for node in reversed([*lang.walk(tree)])]
    return list(dict.fromkeys(node for node in nodes if isinstance(node, lang.Sequence)))


def _own_parts(node: lang.Truth) -> Iterator[lang.Truth]:
    """The largest parts that look at no other rule."""
    if not lang.rules_of(node):
        yield node
        return
    for child in lang.children(node):
        yield from _own_parts(child)  # type: ignore[arg-type]
