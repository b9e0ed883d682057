"""The reference inference: what the conclusions and the gates mean, in plain Python."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter

from engine.rulebook.inference import (
    Answer,
    Circuit,
    Conclusion,
    Condition,
    Gate,
    GateOp,
    Implied,
    Program,
    Stand,
    Transaction,
)


class ReferenceInference:
    """The semantics itself. Every other inference is held to its answers."""

    def __init__(self) -> None:
        self._program = Program()

    def load(self, program: Program) -> None:
        self._program = program

    def decide(self, transactions: Sequence[Transaction]) -> list[Answer]:
        return [
            Answer(frozenset(self._implied(conditions)), tuple(map(_truth, circuits)))
            for conditions, circuits in transactions
        ]

    def take_faults(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        """Nothing runs behind it."""

    def _implied(self, conditions: frozenset[Condition]) -> Iterator[Implied]:
        standing = {(condition.rule, condition.asset) for condition in conditions}
        for rule, asset, over, fresh in conditions:
            if rule in self._program.alarms:
                yield Implied(Conclusion.ALARM, rule, asset)
            if rule in self._program.wants and fresh:
                yield Implied(Conclusion.WANT, rule, asset)
            if over and (self._program.silencer(rule), over) in standing:
                yield Implied(Conclusion.SUPPRESSED, rule, asset)


def _truth(circuit: Circuit) -> int:
    """Its root's, each gate after its inputs. Raises graphlib.CycleError, and KeyError for a key nothing drives."""
    values = dict(circuit.values)
    gates = {gate.out: gate for gate in circuit.gates}
    for key in TopologicalSorter({out: _inputs(gate) for out, gate in gates.items()}).static_order():
        if key in gates:
            values[key] = _output(gates[key], values, circuit.stands)
    return values[circuit.root]


def _inputs(gate: Gate) -> tuple[int, ...]:
    if gate.op == GateOp.TOGETHER:
        return ()
    return (gate.a, gate.b) if gate.op in {GateOp.AND, GateOp.OR} else (gate.a,)


def _output(gate: Gate, values: Mapping[int, int], stands: Sequence[Stand]) -> int:
    match gate.op:
        case GateOp.AND:
            return min(values[gate.a], values[gate.b])
        case GateOp.OR:
            return max(values[gate.a], values[gate.b])
        case GateOp.NOT:
            return 2 - values[gate.a]
        case GateOp.AT_LEAST:
            return 2 if values[gate.a] >= gate.m else 0
        case GateOp.TOGETHER:
            return 2 if _meet(gate, stands) else 0


def _meet(gate: Gate, stands: Sequence[Stand]) -> bool:
    ours = [stand for stand in stands if stand.key == gate.a]
    theirs = [stand for stand in stands if stand.key == gate.b]
    return any(one != other and abs(one.at_us - other.at_us) <= gate.m for one in ours for other in theirs)
