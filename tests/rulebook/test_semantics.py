"""The engine against a plain evaluator that does one thing at a time, on random rules, sequences, cuts and restarts."""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.catalogue import Catalogue
from engine.instants import to_us
from engine.model import Asset, Truth
from engine.rulebook import READINGS, ReferenceInference, Rule, Rulebook, RuleEngine
from engine.rulebook.expressions import Absent, And, Compare, Constant, Expression, Not, Or

BIRTH = datetime(2026, 11, 22, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ASSETS = (
    Asset("C1", "Cabinet", "east", 0, 0),
    Asset("C2", "Cabinet", "west", 0, 0),
    Asset("L1", "Lamp", "east", 0, 0, parent="C1", attributes={"near": ["L1", "L2"], "led": True}),
    Asset("L2", "Lamp", "east", 0, 0, parent="C1", attributes={"near": []}),
    Asset("L3", "Lamp", "west", 0, 0, parent="C2", attributes={"near": ["L3"], "led": True}),
)
ZONES = ("east", "west")


@dataclass(frozen=True)
class Message:
    """All of a device's words at one instant."""

    asset: str
    at: datetime
    values: tuple[tuple[str, float], ...]


# A tick of the clock is its instant.
Item = Message | datetime


@dataclass
class Standing:
    """Where one rule stands for one asset."""

    run: str = ""
    since: datetime = BIRTH
    done: bool = True
    raised: bool = False
    raised_at: datetime = BIRTH


COMPARE = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def kleene(tree: Expression, known: dict[str, float], last: dict[str, datetime], now: datetime) -> bool | None:
    """Three-valued truth; None is UNKNOWN."""
    match tree:
        case Constant(value):
            return value
        case Compare(name, sign, value):
            return COMPARE[sign](known[name], value) if name in known else None
        case Absent(name, after):
            return now >= last.get(name, BIRTH) + after
        case Not(part):
            inner = kleene(part, known, last, now)
            return None if inner is None else not inner
        case And(parts) | Or(parts):
            decisive = isinstance(tree, Or)
            found = [kleene(part, known, last, now) for part in parts]
            return decisive if decisive in found else None if None in found else not decisive
    raise AssertionError(tree)


@dataclass
class Plain:
    """One zone, one thing at a time."""

    zone: str
    rules: tuple[Rule, ...]
    catalogue: Catalogue
    clock: datetime = BIRTH
    samples: dict[tuple[str, str], tuple[datetime, float]] = field(default_factory=dict)
    standing: dict[tuple[str, str], Standing] = field(default_factory=dict)
    shown: dict[tuple[str, str], tuple[bool, bool]] = field(default_factory=dict)
    edges: list[Any] = field(default_factory=list)
    alarms: list[Any] = field(default_factory=list)
    wants: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.assets = [asset for asset in ASSETS if asset.zone == self.zone]
        for rule, asset in self.pairs():
            self.standing[rule.id, asset.id] = Standing()
        self.transaction(BIRTH, self.evaluate)

    def pairs(self) -> Iterator[tuple[Rule, Asset]]:
        return ((r, a) for r in self.rules for a in self.assets if r.definition.for_each.covers(a))

    def take(self, item: Item) -> None:
        if isinstance(item, datetime):
            self.advance(max(item, self.clock))
            return
        at = max(item.at, self.clock)
        self.advance(at)
        for name, value in item.values:
            held = self.samples.get((item.asset, name))
            if held is None or item.at >= held[0]:
                self.samples[item.asset, name] = (item.at, value)
        self.transaction(at, self.evaluate)

    def advance(self, to: datetime) -> None:
        while instants := [t for t in self.instants() if self.clock < t <= to]:
            self.clock = min(instants)
            self.transaction(self.clock, self.delays)
            self.transaction(self.clock, self.evaluate)
        self.clock = to

    def instants(self) -> Iterator[datetime]:
        for rule, asset in self.pairs():
            now = self.standing[rule.id, asset.id]
            if not now.done:
                yield now.since + delay(rule, now.run)
            every = rule.definition.then.want.every if rule.definition.then.want else None
            if every and now.raised:
                yield now.raised_at + ((self.clock - now.raised_at) // every + 1) * every
            for tree in (rule.when, rule.clear_when):
                yield from self.ages(tree, asset.id)
        for (asset_id, name), (at, _) in self.samples.items():
            kind = next(a.type for a in ASSETS if a.id == asset_id)
            yield at + self.catalogue.types[kind].properties[name].stale_after

    def ages(self, tree: Expression | None, asset: str) -> Iterator[datetime]:
        match tree:
            case Absent(name, after):
                yield self.samples.get((asset, name), (BIRTH, 0))[0] + after
            case Not(part):
                yield from self.ages(part, asset)
            case And(parts) | Or(parts):
                for part in parts:
                    yield from self.ages(part, asset)

    def transaction(self, at: datetime, work: Callable[[datetime], list[tuple[Rule, Asset]]]) -> None:
        risen = work(at)
        for rule, asset in sorted(risen, key=lambda pair: (pair[0].id, pair[1].id)):
            want = rule.definition.then.want
            if want is not None:
                named = [asset.id] if want.targets == "self" else asset.attributes[want.targets]
                self.wants.extend((rule.id, asset.id, f"{name}/{want.point}", at, at + want.ttl) for name in named)
        changes = []
        for rule, asset in self.pairs():
            if rule.definition.then.alarm is not None and not rule.shadow:
                raised = self.standing[rule.id, asset.id].raised
                silencer = rule.definition.silenced_by
                over = silencer and self.standing.get((silencer.rule, asset.parent or ""))
                shadow = silencer and any(r.shadow for r in self.rules if r.id == silencer.rule)
                now = (raised, bool(raised and over and over.raised and not shadow))
                if now != self.shown.get((rule.id, asset.id), (False, False)):
                    changes.append((rule.id, asset.id, *now, at))
                self.shown[rule.id, asset.id] = now
        self.alarms.extend(sorted(changes))

    def delays(self, at: datetime) -> list[tuple[Rule, Asset]]:
        turned = []
        for rule, asset in self.pairs():
            now = self.standing[rule.id, asset.id]
            if not now.done and now.since + delay(rule, now.run) == at:
                turned += self.turn(rule, asset, now, at)
        for rule, asset in self.pairs():
            now = self.standing[rule.id, asset.id]
            want = rule.definition.then.want
            if want and want.every and now.raised and now.raised_at < at and not (at - now.raised_at) % want.every:
                turned.append((rule, asset))
        return turned

    def evaluate(self, at: datetime) -> list[tuple[Rule, Asset]]:
        turned = []
        for rule, asset in self.pairs():
            now, run = self.standing[rule.id, asset.id], self.run(rule, asset, at)
            if run != now.run:
                now.run, now.since, now.done = run, at, not run
                if run and not delay(rule, run):
                    turned += self.turn(rule, asset, now, at)
        return turned

    def turn(self, rule: Rule, asset: Asset, now: Standing, at: datetime) -> list[tuple[Rule, Asset]]:
        now.done = True
        rises = now.run == "set"
        if rises == now.raised:
            return []
        now.raised, now.raised_at = rises, at if rises else now.raised_at
        self.edges.append((rule.id, asset.id, Truth.TRUE if rises else Truth.FALSE, at, now.since))
        return [(rule, asset)] if rises else []

    def run(self, rule: Rule, asset: Asset, at: datetime) -> str:
        types = self.catalogue.types[asset.type].properties
        mine = {name: held for (owner, name), held in self.samples.items() if owner == asset.id}
        known = {name: value for name, (ts, value) in mine.items() if at < ts + types[name].stale_after}
        last = {name: ts for name, (ts, _) in mine.items()}
        when = kleene(rule.when, known, last, at)
        unknown = rule.definition.on_unknown
        if when or (when is None and unknown == "raise"):
            return "set"
        clear = kleene(rule.clear_when or Not(rule.when), known, last, at)
        return "reset" if clear or (clear is None and unknown == "clear") else ""


def delay(rule: Rule, run: str) -> timedelta:
    return rule.definition.hold if run == "set" else rule.definition.clear_after


def seen(said: Any) -> dict[str, list[Any]]:
    """Decisions in the plain evaluator's words, zone by zone."""
    zone = {asset.id: asset.zone for asset in ASSETS}
    found: dict[str, list[Any]] = {f"{what} {z}": [] for what in ("edges", "alarms", "wants") for z in ZONES}
    for edge in said.edges:
        since = datetime.fromisoformat(edge.cause["since"])
        found[f"edges {edge.zone}"].append((edge.rule, edge.asset, edge.truth, edge.at, since))
    for alarm in said.alarms:
        change = (alarm.rule, alarm.asset, alarm.raised, alarm.suppressed, alarm.at)
        found[f"alarms {alarm.zone}"].append(change)
    for want in said.wants:
        about = (want.rule, want.source_asset, want.point, want.start_at, want.until_at)
        found[f"wants {zone[want.source_asset]}"].append(about)
    assert not said.faults
    return found


def settled(found: list[Any], instant: int) -> list[Any]:
    """In order of instants; what one instant says of different rules and assets has no order of its own."""
    return sorted(found, key=lambda said: (said[instant], said[0], said[1]))


def plainly(rulebook: Rulebook, catalogue: Catalogue, items: list[Item]) -> dict[str, list[Any]]:
    zones = {zone: Plain(zone, rulebook.rules, catalogue) for zone in ZONES}
    for item in items:
        for zone, plain in zones.items():
            if isinstance(item, datetime) or next(a.zone for a in ASSETS if a.id == item.asset) == zone:
                plain.take(item)
    return {
        f"{what} {zone}": getattr(plain, what) for what in ("edges", "alarms", "wants") for zone, plain in zones.items()
    }


def frame(messages: list[Message]) -> pl.DataFrame:
    rows = [(m.asset, name, to_us(m.at), value) for m in messages for name, value in m.values]
    return pl.DataFrame(rows, schema=READINGS, orient="row")


def quickly(
    rulebook: Rulebook, catalogue: Catalogue, items: list[Item], cuts: set[int], restarts: set[int]
) -> dict[str, list[Any]]:
    """The engine, fed the items in batches that end at ticks and at cuts; some followed by a restart."""

    def fresh() -> RuleEngine:
        return RuleEngine(rulebook, catalogue, ASSETS, ReferenceInference())

    engine = fresh()
    total = seen(engine.step(frame([]), BIRTH))
    waiting: list[Message] = []
    for index, item in enumerate([*items, BIRTH]):
        if isinstance(item, Message):
            waiting.append(item)
        if isinstance(item, datetime) or index in cuts:
            said = seen(engine.step(frame(waiting), item if isinstance(item, datetime) else BIRTH))
            for key, found in said.items():
                total[key] += found
            waiting = []
        if index in restarts and not waiting:
            state = engine.snapshot()
            engine = fresh()
            engine.restore(state)
            assert engine.snapshot() == state
    return total


def agree(left: dict[str, list[Any]], right: dict[str, list[Any]]) -> None:
    for key, found in left.items():
        instant = {"edges": 3, "alarms": 4, "wants": 3}[key.split()[0]]
        assert [x[instant] for x in found] == sorted(x[instant] for x in found), f"{key} out of order"
        assert settled(found, instant) == settled(right[key], instant), key


LEAVES = st.sampled_from(
    ["power < 20 W", "power >= 50 W", "mode == on", "mode != low", "door", "not door",
     "absent(power, 9min)", "absent(mode, 4min)", "absent(door, 13min)"]
)  # fmt: skip
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=4,
)
DELAYS = st.sampled_from(["0 s", "1min", "3min", "7min"])
WANT = {"point": "level", "value": 1, "ttl": "6min"}
THENS = st.sampled_from(
    [{"want": {**WANT}}, {"want": {**WANT, "targets": "near"}}, {"want": {**WANT, "targets": "near", "every": "3min"}}]
)


@st.composite
def rulebooks(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Fields for: a lamp alarm that a cabinet silences, the cabinet's alarm, and a want."""
    common = {
        "for": DELAYS,
        "clear_after": DELAYS,
        "on_unknown": st.sampled_from(["hold", "clear", "raise"]),
        "mode": st.sampled_from(["active", "active", "shadow"]),
    }
    rules = [{key: draw(value) for key, value in common.items()} for _ in range(3)]
    for fields in rules:
        fields["when"] = draw(CONDITIONS)
        fields["clear_when"] = draw(st.none() | CONDITIONS)
    rules[0] |= {"id": "failure", "silenced_by": {"rule": "silent", "via": "parent"}}
    where = draw(st.sampled_from([{}, {"led": True}]))
    rules[0]["for_each"] = {"type": "Lamp", "where": where}
    cabinet = st.sampled_from(["absent(power, 4min)", "power < 20 W", "power > 50 W or absent(power, 9min)"])
    rules[1] |= {"id": "silent", "for_each": {"type": "Cabinet"}, "when": draw(cabinet)}
    rules[1].pop("clear_when", None)
    rules[2] |= {"id": "boost", "then": draw(THENS)}
    return rules


@st.composite
def sequences(draw: st.DrawFn) -> list[Item]:
    """Messages and ticks on a grid of minutes, so that much falls on one instant; some readings late."""
    values = {"power": (10.0, 50.0, 90.0), "mode": (0.0, 1.0, 2.0), "door": (0.0, 1.0)}
    items: list[Item] = []
    now, last = BIRTH, dict.fromkeys(ZONES)
    for _ in range(draw(st.integers(1, 25))):
        now += draw(st.sampled_from([0, 0, 1, 1, 2, 5])) * MINUTE
        if draw(st.integers(0, 4)) == 0:
            items.append(now)
            last = dict.fromkeys(ZONES)
            continue
        asset = draw(st.sampled_from(ASSETS))
        names = ["power"] if asset.type == "Cabinet" else draw(st.permutations(sorted(values)))
        kept = names[: draw(st.integers(1, len(names)))]
        at = now - draw(st.sampled_from([0, 0, 0, 0, 1, 4, 12])) * MINUTE
        message = Message(asset.id, at, tuple((name, draw(st.sampled_from(values[name]))) for name in kept))
        before = last[asset.zone]
        if before and (before.asset, before.at) == (asset.id, at) and kept[0] not in dict(before.values):
            continue  # the engine would take the two for one message
        items.append(message)
        last[asset.zone] = message
    return [*items, now + draw(st.integers(0, 40)) * MINUTE]


@settings(max_examples=70)
@given(data=st.data(), fields=rulebooks(), items=sequences())
def test_any_cut_with_any_restarts_says_what_the_plain_evaluator_says(
    data: st.DataObject, fields: list[dict[str, Any]], items: list[Item], rule: Any, book: Any, small: Catalogue
) -> None:
    rulebook = book(*(rule(f.pop("id"), f.pop("when"), **f) for f in map(dict, fields)))
    places = st.sets(st.integers(0, len(items)))
    expected = plainly(rulebook, small, items)
    agree(quickly(rulebook, small, items, set(), set()), expected)
    agree(quickly(rulebook, small, items, data.draw(places), data.draw(places)), expected)
    agree(quickly(rulebook, small, items, set(range(len(items))), set(range(len(items)))), expected)


@settings(max_examples=40)
@given(data=st.data(), fields=rulebooks(), items=sequences())
def test_more_ticks_none_later_than_the_next_item_change_nothing(
    data: st.DataObject, fields: list[dict[str, Any]], items: list[Item], rule: Any, book: Any, small: Catalogue
) -> None:
    rulebook = book(*(rule(f.pop("id"), f.pop("when"), **f) for f in map(dict, fields)))
    refined: list[Item] = []
    clocks = dict.fromkeys(ZONES, BIRTH)
    for index, item in enumerate(items):
        at = item if isinstance(item, datetime) else item.at
        # A tick moves the clock of every zone: it may not pass what comes later in any of them.
        ahead = [x if isinstance(x, datetime) else x.at for x in items[index:]]
        room = (min(at, *ahead) - max(clocks.values())) // timedelta(seconds=20)
        steps = sorted(data.draw(st.lists(st.integers(0, room), max_size=3))) if room > 0 else []
        refined.extend(max(clocks.values()) + step * timedelta(seconds=20) for step in steps)
        refined.append(item)
        moved = ZONES if isinstance(item, datetime) else [a.zone for a in ASSETS if a.id == item.asset]
        clocks |= {zone: max(clocks[zone], at) for zone in moved}
    agree(quickly(rulebook, small, refined, set(), set()), quickly(rulebook, small, items, set(), set()))


@settings(max_examples=25)
@given(data=st.data(), fields=rulebooks(), items=sequences())
def test_zones_mixed_in_any_way_decide_the_same(
    data: st.DataObject, fields: list[dict[str, Any]], items: list[Item], rule: Any, book: Any, small: Catalogue
) -> None:
    rulebook = book(*(rule(f.pop("id"), f.pop("when"), **f) for f in map(dict, fields)))
    zone = {asset.id: asset.zone for asset in ASSETS}
    mixed: list[Item] = []
    stretch: list[Message] = []
    for item in items:
        if isinstance(item, Message):
            stretch.append(item)
            continue
        queues = {name: [m for m in stretch if zone[m.asset] == name] for name in ZONES}
        while any(queues.values()):
            name = data.draw(st.sampled_from([name for name in ZONES if queues[name]]))
            mixed.append(queues[name].pop(0))
        mixed.append(item)
        stretch = []
    agree(quickly(rulebook, small, mixed, set(), set()), quickly(rulebook, small, items, set(), set()))


def test_the_plain_evaluator_on_a_story_told_by_hand(rule: Any, book: Any, small: Catalogue) -> None:
    """A delay ends at the instant of the reading against it."""
    rulebook = book(rule("failure", "power < 20 W", **{"for": "3min"}))
    dark = Message("L1", BIRTH, (("power", 10.0),))
    bright = Message("L1", BIRTH + 3 * MINUTE, (("power", 90.0),))
    found = plainly(rulebook, small, [dark, bright])["edges east"]
    assert [(truth, at) for _, _, truth, at, _ in found] == [
        (Truth.TRUE, BIRTH + 3 * MINUTE),
        (Truth.FALSE, BIRTH + 3 * MINUTE),
    ]
    agree(quickly(rulebook, small, [dark, bright], set(), set()), plainly(rulebook, small, [dark, bright]))


@pytest.mark.parametrize(
    ("unknown", "expected"),
    [("hold", []), ("clear", [(Truth.FALSE, 7)]), ("raise", [])],
    ids=["holds", "clears at the very instant", "keeps raised"],
)
def test_a_raised_rule_meets_unknown(
    unknown: str, expected: list[tuple[Truth, int]], rule: Any, book: Any, small: Catalogue
) -> None:
    rulebook = book(
        rule("failure", "power < 20 W", on_unknown=unknown, for_each={"type": "Lamp", "where": {"led": True}})
    )
    items: list[Item] = [Message("L1", BIRTH, (("power", 10.0),)), BIRTH + 60 * MINUTE]
    found = quickly(rulebook, small, items, set(), set())["edges east"]
    first = (Truth.TRUE, 0)
    assert [(truth, (at - BIRTH) // MINUTE) for _, _, truth, at, _ in found] == [first, *expected]
