"""The far side of `DurableInference`: a durable_rules network in a process of its own, so that its crashes are too.

Run as `python -m engine.rulebook.rete <file descriptor>`; speaks pickled lists of integers over that socket.
The network is the same whatever the rulebook: facts carry what differs. It is driven by the calls of the C library;
the Python host beside it, its threads and timers are not used. Guards against durable_rules 2.0.28:

- an event is consumed by the first rule that matches it: everything, the decision too, is a fact;
- a fact retracted after an action that joined it with another writes outside its memory, what is not retracted stays
  for ever: each transaction has a state of its own, retracts nothing in it, and deletes it whole;
- to delete a state that has not completed an action frees memory it never had, and a first message that matches
  nothing may crash: the first fact of each state fires a rule of its own;
- where the last test of a pattern fails, memory is read past its end: each pattern ends in a test that holds;
- `none` over facts that live is wrong: no rule says it. What a TOGETHER that does not hold would say is a fact from
  the start; where it holds a greater one is derived, gates are monotone above it, and the greatest of a root counts;
- a fact never joins with itself: a gate whose inputs are one key, and a condition that silences itself, are refused;
- more than 64 matches of one message, or 511 rules, fail or never end: the network has twelve rules;
- names are told apart by a 32-bit hash alone: fields, sids and ids come from pools without collision;
- floats, booleans and text compare across types or do not parse: every field is an integer under 2⁵³;
- a fact said twice is refused: ids are never shared, and a value derived twice is said once;
- the Python host swallows what an action raises: here it ends the process.
"""

import ctypes
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from multiprocessing.connection import Connection
from typing import NamedTuple

import durable_rules_engine as durable
import orjson

from engine.rulebook.durable import LIMIT, MAX_FACTS, SAME, Fact, Kind
from engine.rulebook.inference import Conclusion, GateOp

_SID = "s"
_FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.PRIME: (),
    Kind.DECIDE: (),
    Kind.CONDITION: ("n", "key", "alarm", "want", "fresh", "silencer"),
    Kind.VALUE: ("key", "value"),
    Kind.GATE: ("op", "out", "a", "b", "m"),
    Kind.STAND: ("key", "at"),
    Kind.ROOT: ("n", "key"),
}
_NAMES = tuple(dict.fromkeys(("id", "sid", "kind", "$s", *(name for names in _FIELDS.values() for name in names))))
_TEXTS = {
    kind: f'{{"id":"%s","sid":"{_SID}","kind":{kind:d}{"".join(f""","{name}":%d""" for name in names)}}}'
    for kind, names in _FIELDS.items()
}
_MATCHED, _UNMATCHED = 0, 1
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h

# The facts a rule matched, by the names the rule gives them.
Matched = Mapping[str, Mapping[str, int]]
# Conclusion and place of its condition; the truth of each root, -1 where nothing drives it.
FarAnswer = tuple[list[tuple[int, int]], list[int]]


def fnv1a32(text: str) -> int:
    """The hash by which durable_rules tells names apart. Fowler–Noll–Vo 1a, 32 bits."""
    state = 0x811C9DC5
    for byte in text.encode():
        state = (state ^ byte) * 0x01000193 & 0xFFFFFFFF
    return state


def distinct(prefix: str, taken: set[int]) -> Iterator[str]:
    """Names `<prefix>0`, `<prefix>1`, … less those whose hash is taken; each one's hash is taken from then on."""
    for number in count():
        name = f"{prefix}{number}"
        if fnv1a32(name) not in taken:
            taken.add(fnv1a32(name))
            yield name


class Network:
    """Answers one transaction at a time. After an exception it is not to be used again."""

    def __init__(self) -> None:
        # durable_rules itself makes the fact `sid-<sid>`. At most three values are derived for the output of a gate.
        taken = {fnv1a32(name) for name in (*_NAMES, _SID, f"sid-{_SID}")}
        self._ids = list(islice(distinct("f", taken), 4 * MAX_FACTS + 2))
        rules = {name: {"all": rule.patterns} for name, rule in _RULES.items()}
        self._handle = durable.create_ruleset("consigne", orjson.dumps(rules).decode())

    def answer(self, facts: Sequence[Fact]) -> FarAnswer:
        """What a transaction's facts imply. Raises ValueError for facts outside the allow-list."""
        _check(facts)
        turn = _Turn(self._handle, iter(self._ids))
        turn.run(turn.tell(Kind.PRIME))
        for fact in facts:
            turn.tell(*fact)
        turn.run(turn.tell(Kind.DECIDE))
        durable.delete_state(self._handle, _SID)
        roots = sum(fact[0] == Kind.ROOT for fact in facts)
        return turn.concluded, [turn.truths.get(n, -1) for n in range(roots)]


class _Turn:
    """One transaction: what is told to its state and what comes of it."""

    def __init__(self, handle: int, ids: Iterator[str]) -> None:
        self._handle = handle
        self._ids = ids
        self._derived: set[tuple[int, int]] = set()
        self.concluded: list[tuple[int, int]] = []
        self.truths: dict[int, int] = {}

    def tell(self, kind: int, *values: int) -> int:
        """Assert a fact; where its state is."""
        code, state = durable.assert_fact(self._handle, _TEXTS[Kind(kind)] % (next(self._ids), *values))
        if code not in {_MATCHED, _UNMATCHED}:
            raise RuntimeError(f"durable_rules refuses a fact with {code}")
        return int(state)

    def run(self, state: int) -> None:
        """Do what the rules that match say, and what follows from that, until none matches any more."""
        started = durable.start_action_for_state(self._handle, state)
        message = None if started is None else started[1]
        while message is not None:
            ((name, matched),) = orjson.loads(message).items()
            _RULES[name].action(self, matched)
            message = durable.complete_and_start_action(self._handle, state)

    def derive(self, key: int, value: int) -> None:
        if (key, value) not in self._derived:
            self._derived.add((key, value))
            self.tell(Kind.VALUE, key, value)

    def conclude(self, conclusion: Conclusion, condition: int) -> None:
        self.concluded.append((conclusion.value, condition))

    def collect(self, root: int, value: int) -> None:
        self.truths[root] = max(value, self.truths.get(root, -1))


# Of a pattern's tests the last one must hold: true of every fact but the decision.
_LAST = {"$gt": {"kind": {"d": "kind"}}}


class _Rule(NamedTuple):
    patterns: list[dict[str, object]]
    action: Callable[[_Turn, Matched], None]


def _rule(action: Callable[[_Turn, Matched], None], **patterns: list[object]) -> _Rule:
    """A rule that waits for the decision and for a fact of each pattern, which meets all the pattern's tests."""
    waits: list[dict[str, object]] = [{"d": {"kind": Kind.DECIDE}}]
    return _Rule(waits + [{name: {"$and": [*tests, _LAST]}} for name, tests in patterns.items()], action)


def _of(kind: Kind, **fields: object) -> list[object]:
    return [{"kind": kind}, *({name: value} for name, value in fields.items())]


def _condition(**fields: object) -> list[object]:
    return _of(Kind.CONDITION, **fields)


def _gate(op: int) -> list[object]:
    return _of(Kind.GATE, op=op)


def _value(name: str) -> list[object]:
    return _of(Kind.VALUE, key={"g": name})


def _sum(operator: str) -> dict[str, object]:
    return {operator: {"$l": {"s": "at"}, "$r": {"g": "m"}}}


def _conclude(conclusion: Conclusion) -> Callable[[_Turn, Matched], None]:
    return lambda turn, matched: turn.conclude(conclusion, matched["c"]["n"])


def _derive(value: Callable[[Matched], int]) -> Callable[[_Turn, Matched], None]:
    return lambda turn, matched: turn.derive(matched["g"]["out"], value(matched))


_RULES: Mapping[str, _Rule] = {
    "prime": _Rule([{"p": {"kind": Kind.PRIME}}], lambda _turn, _matched: None),
    "alarm": _rule(_conclude(Conclusion.ALARM), c=_condition(alarm=1)),
    "want": _rule(_conclude(Conclusion.WANT), c=_condition(want=1, fresh=1)),
    "suppressed": _rule(_conclude(Conclusion.SUPPRESSED), c=_condition(), s=_condition(key={"c": "silencer"})),
    "and": _rule(
        _derive(lambda m: min(m["v"]["value"], m["w"]["value"])), g=_gate(GateOp.AND), v=_value("a"), w=_value("b")
    ),
    "or": _rule(
        _derive(lambda m: max(m["v"]["value"], m["w"]["value"])), g=_gate(GateOp.OR), v=_value("a"), w=_value("b")
    ),
    "same": _rule(_derive(lambda m: m["v"]["value"]), g=_gate(SAME), v=_value("a")),
    "not": _rule(_derive(lambda m: 2 - m["v"]["value"]), g=_gate(GateOp.NOT), v=_value("a")),
    "enough": _rule(_derive(lambda _: 2), g=_gate(GateOp.AT_LEAST), v=[*_value("a"), {"$gte": {"value": {"g": "m"}}}]),
    "few": _rule(_derive(lambda _: 0), g=_gate(GateOp.AT_LEAST), v=[*_value("a"), {"$lt": {"value": {"g": "m"}}}]),
    "together": _rule(
        _derive(lambda _: 2),
        g=_gate(GateOp.TOGETHER),
        s=_of(Kind.STAND, key={"g": "a"}),
        t=[*_of(Kind.STAND, key={"g": "b"}), {"$gte": {"at": _sum("$sub")}}, {"$lte": {"at": _sum("$add")}}],
    ),
    "root": _rule(
        lambda turn, m: turn.collect(m["r"]["n"], m["v"]["value"]),
        r=_of(Kind.ROOT),
        v=_of(Kind.VALUE, key={"r": "key"}),
    ),
}
_TOLD = frozenset({Kind.CONDITION, Kind.VALUE, Kind.GATE, Kind.STAND, Kind.ROOT})


def _check(facts: Sequence[Fact]) -> None:
    if len(facts) > MAX_FACTS:
        raise ValueError(f"{len(facts)} facts in one transaction; at most {MAX_FACTS}")
    for fact in facts:
        if not fact or any(type(value) is not int or not -1 <= value < LIMIT for value in fact):
            raise ValueError(f"a fact wants integers from -1 to {LIMIT - 1}, found {fact!r}")
        if fact[0] not in _TOLD or len(fact) != 1 + len(_FIELDS[Kind(fact[0])]):
            raise ValueError(f"no such fact: {fact!r}")
        _, *values = fact
        if fact[0] == Kind.CONDITION and values[1] == values[5]:
            raise ValueError(f"a fact cannot silence itself: {fact!r}")
        if fact[0] == Kind.GATE and values[0] in {GateOp.AND, GateOp.OR} and values[2] == values[3]:
            raise ValueError(f"a fact never joins with itself, so a gate's inputs differ: {fact!r}")


def _keep_memory() -> None:
    """Each transaction takes memory anew and frees it: glibc is told to keep it, or each page is fetched anew."""
    with suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**28)
        libc.mallopt(_M_MMAP_THRESHOLD, 2**25)


def serve(descriptor: int) -> None:
    """Answer batches of transactions until the other end closes."""
    _keep_memory()
    with Connection(descriptor) as line:
        network = Network()
        line.send("ready")
        while True:
            try:
                batch = line.recv()
            except EOFError:
                return
            line.send([network.answer(facts) for facts in batch])


if __name__ == "__main__":
    serve(int(sys.argv[1]))
