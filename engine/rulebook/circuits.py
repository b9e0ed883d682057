"""Rules that look at other rules, taken apart: their own parts, which conditions observe, and the circuit over them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.rulebook.definitions import Rule
from engine.rulebook.inference import Circuit, Gate, GateOp, Stand
from engine.rulebook.language import And, Not, Or, Scope, Tally, Together, Truth, rules_of

# How many subjects in scope some of the rules stand on; and those standing: (rule, subject) → since when.
Count = Callable[[tuple[str, ...], Scope], int]
Standing = Callable[[tuple[str, ...], Scope], Mapping[tuple[str, str], int]]


class Split(NamedTuple):
    """A rule that looks at others: the own parts of its three conditions, each once."""

    rule: Rule
    parts: tuple[Truth, ...]


def split(rule: Rule) -> Split:
    """The largest parts of its conditions that look at no other rule."""
    found: dict[Truth, None] = {}
    for tree in rule.trees:
        for part in _own(tree):
            found.setdefault(part)
    return Split(rule, tuple(found))


def _own(tree: Truth) -> list[Truth]:
    if not rules_of(tree):
        return [tree]
    match tree:
        case And(parts) | Or(parts):
            return [own for part in parts for own in _own(part)]
        case Not(part):
            return _own(part)
        case _:
            return []


@dataclass(slots=True)
class _Wiring:
    """A circuit under construction."""

    values: list[tuple[int, int]]
    stands: list[Stand]
    gates: list[Gate]
    next: int = 0

    def key(self) -> int:
        self.next += 1
        return self.next - 1


def wire(tree: Truth, truths: Mapping[Truth, int], count: Count, standing: Standing) -> Circuit:
    """The circuit of a condition, given what its own parts are and what stands in scope."""
    wiring = _Wiring([], [], [])
    root = _wire(tree, wiring, truths, count, standing)
    return Circuit(tuple(wiring.values), tuple(wiring.stands), tuple(wiring.gates), root)


def _wire(tree: Truth, w: _Wiring, truths: Mapping[Truth, int], count: Count, standing: Standing) -> int:
    if tree in truths:
        return _value(w, truths[tree])
    match tree:
        case And(parts) | Or(parts):
            op = GateOp.AND if isinstance(tree, And) else GateOp.OR
            return _joined(w, op, [_wire(part, w, truths, count, standing) for part in parts])
        case Not(part):
            return _gate(w, GateOp.NOT, _wire(part, w, truths, count, standing))
        case Tally(rules, scope, at_least):
            return _gate(w, GateOp.AT_LEAST, _value(w, count(rules, scope)), m=at_least)
        case Together():
            return _together(tree, w, standing)
    raise TypeError(f"{tree!r} is neither an own part nor a look at rules")


def _together(tree: Together, w: _Wiring, standing: Standing) -> int:
    """One gate for each pair of rules, so that nothing that stands is ever paired with itself."""
    keys: dict[str, int] = {}
    for rule in dict.fromkeys(tree.first + tree.second):
        keys[rule] = w.key()
        stands = enumerate(standing((rule,), tree.scope).values())
        w.stands.extend(Stand(keys[rule], number, at) for number, at in stands)
    pairs = dict.fromkeys(tuple(sorted((keys[a], keys[b]))) for a in tree.first for b in tree.second)
    return _joined(w, GateOp.OR, [_gate(w, GateOp.TOGETHER, a, b, m=tree.within) for a, b in pairs])


def _joined(w: _Wiring, op: GateOp, keys: list[int]) -> int:
    while len(keys) > 1:
        keys.append(_gate(w, op, keys.pop(0), keys.pop(0)))
    return keys[0]


def _value(w: _Wiring, value: int) -> int:
    key = w.key()
    w.values.append((key, value))
    return key


def _gate(w: _Wiring, op: GateOp, a: int, b: int = -1, m: int = 0) -> int:
    out = w.key()
    w.gates.append(Gate(op, out, a, b, m))
    return out
