"""The far side of `DurableInference`: a durable_rules network in a process of its own, so that its crashes are too.

Run as `python -m engine.rulebook.rete <file descriptor>`; speaks pickled lists of integers over that socket.
The network is the same whatever the rulebook: facts carry what differs. Guards against durable_rules 2.0.28:

- an event is consumed by the first rule that matches it: everything, the decision too, is a fact, and is retracted;
- `none` over facts that live is wrong, and memory grows with what stays: no fact outlives its transaction;
- a new sid whose first message is unmatched crashes in a ruleset with joins: every sid of a small pool is primed;
- more than about 64 matches of one message, or 511 rules, fail or never end: the network has four rules;
- names are told apart by a 32-bit hash alone: field names, sids and ids come from pools without collision;
- floats, booleans and text compare across types: every field is a small integer;
- timers, threads and asynchronous actions run on a clock of their own: none is used, the host runs no thread;
- an exception in an action is swallowed into the state: the state is read after each transaction.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count, islice
from multiprocessing.connection import Connection

from durable import engine as durable
from durable_rules_engine import get_state

MAX_FACTS = 2_000
ROLE_ALARM, ROLE_WANT = 1, 2
_PRIME, _DECIDE, _CONDITION = 1, 2, 3
_RULESET = "consigne"
_FIELDS = ("id", "sid", "kind", "n", "role", "key", "silencer", "fresh")

# role, key of (rule, asset), key of (silencing rule, parent), fresh
Fact = tuple[int, int, int, int]
# conclusion, place of the fact in its transaction
Answer = list[tuple[int, int]]


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

    def __init__(self, sids: int = 16) -> None:
        taken = {fnv1a32(field) for field in _FIELDS}
        self._sids = list(islice(distinct("s", taken), sids))
        self._ids = list(islice(distinct("f", taken), MAX_FACTS + 1))
        self._found: Answer = []
        self._turn = 0
        self._host = _Host({_RULESET: self._rules()})
        self._ruleset = self._host.get_ruleset(_RULESET)
        for sid in self._sids:
            self._host.post(_RULESET, {"id": self._ids[0], "sid": sid, "kind": _PRIME})

    def answer(self, facts: Sequence[Fact]) -> Answer:
        """What a transaction's facts imply. Raises ValueError for facts outside the allow-list."""
        _check(facts)
        sid = self._sids[self._turn % len(self._sids)]
        self._turn += 1
        self._found = []
        live = [
            {"id": name, "sid": sid, "kind": _CONDITION, "n": n, **dict(zip(_FIELDS[4:], fact, strict=True))}
            for n, (name, fact) in enumerate(zip(self._ids, facts, strict=False))
        ]
        live.append({"id": self._ids[-1], "sid": sid, "kind": _DECIDE})
        for fact in live:
            self._assert(fact)
        for fact in live:
            self._host.retract_fact(_RULESET, dict(fact))
        if b"exception" in get_state(self._ruleset._handle, sid).encode():
            raise RuntimeError("an action of durable_rules raised")
        return self._found

    def _assert(self, fact: dict[str, object]) -> None:
        with suppress(durable.MessageNotHandledException):  # the fact is kept: it has matched no whole rule yet
            self._host.assert_fact(_RULESET, dict(fact))

    def _rules(self) -> dict[str, object]:
        decide = {"d": {"kind": _DECIDE}}
        alarm = {"c": _all(kind=_CONDITION, role=ROLE_ALARM)}
        want = {"c": _all(kind=_CONDITION, role=ROLE_WANT, fresh=1)}
        silencer = {"s": {"$and": [{"kind": _CONDITION}, {"key": {"c": "silencer"}}]}}
        return {
            "prime": {"all": [{"p": {"kind": _PRIME}}], "run": lambda _closure: None},
            "alarm": {"all": [decide, alarm], "run": self._collect(1)},
            "suppressed": {"all": [decide, alarm, silencer], "run": self._collect(2)},
            "want": {"all": [decide, want], "run": self._collect(3)},
        }

    def _collect(self, conclusion: int) -> object:
        def run(closure: durable.Closure) -> None:
            self._found.append((conclusion, closure._m["c"]["n"]))

        return run


class _Host(durable.Host):  # type: ignore[misc]
    """A host without the two threads of its own."""

    def _run(self) -> None:
        """Nothing runs but what is asked."""


def _all(**fields: int) -> dict[str, object]:
    return {"$and": [{name: value} for name, value in fields.items()]}


def _check(facts: Sequence[Fact]) -> None:
    if len(facts) > MAX_FACTS:
        raise ValueError(f"{len(facts)} facts in one transaction; at most {MAX_FACTS}")
    for fact in facts:
        if len(fact) != 4 or any(type(value) is not int or not -1 <= value < 2**31 for value in fact):
            raise ValueError(f"a fact wants four small integers, found {fact!r}")
        if fact[1] == fact[2]:
            raise ValueError("a fact cannot silence itself: one fact never joins with itself")


def serve(descriptor: int) -> None:
    """Answer batches of transactions until the other end closes."""
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
