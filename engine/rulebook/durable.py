"""The inference in durable_rules, supervised: its process may hang, crash or lie, and the answers stay right."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from functools import cache
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, NamedTuple, Self

from engine.errors import Unavailable
from engine.rulebook.inference import (
    Answer,
    Circuit,
    Conclusion,
    Condition,
    Gate,
    GateOp,
    Implied,
    Program,
    Transaction,
)
from engine.rulebook.reference import ReferenceInference

WORKER = (sys.executable, "-m", "engine.rulebook.rete")
MAX_FACTS = 2_000
LIMIT = 2**53  # every number of a fact stays under it, so that sums of two stay right in 64 bits
SAME = 6  # an AND or OR of one key with itself, which is that key's value
_MAX_PAIRS = 10_000  # of stands that may meet: what a transaction's TOGETHER gates may try, in some 20 ms
_BATCH_FACTS = 1_000  # so that a request fits the socket's buffer, and sending never waits for a worker that hangs
_LONGEST_PAUSE = 64


class Kind(IntEnum):
    """What a fact of the network says. A fact is its kind and the numbers the far side lists for that kind."""

    PRIME = 1
    DECIDE = 2
    CONDITION = 3
    VALUE = 4
    GATE = 5
    STAND = 6
    ROOT = 7


Fact = tuple[int, ...]


@cache
def durable_available() -> bool:
    """Whether durable_rules can be imported here. It has no wheels, and does not on Python 3.13."""
    try:
        import_module("durable_rules_engine")
    except ImportError:
        return False
    return True


class DurableInference:
    """Answers from a worker process, which starts at the first question and again after each failure.

    While it is down the reference answers, for twice as many calls after each failure in a row, 64 at most.
    One transaction in `check_every` is answered by both; where they differ the reference's word stands.
    """

    def __init__(
        self,
        *,
        answer_within_s: float = 5.0,
        start_within_s: float = 30.0,
        check_every: int = 100,
        worker: Sequence[str] = WORKER,
    ) -> None:
        self._answer_within_s = answer_within_s
        self._start_within_s = start_within_s
        self._check_every = check_every
        self._command = tuple(worker)
        self._reference = ReferenceInference()
        self._program = Program()
        self._worker: _Worker | None = None
        self._faults: list[str] = []
        self._failures = 0
        self._pause = 0
        self._answered = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id; None while none runs."""
        return None if self._worker is None else self._worker.pid

    def load(self, program: Program) -> None:
        self._program = program
        self._reference.load(program)

    def decide(self, transactions: Sequence[Transaction]) -> list[Answer]:
        if self._pause:
            self._pause -= 1
            return self._reference.decide(transactions)
        done: list[Answer] = []
        try:
            for batch in _batches(_question(self._program, transaction) for transaction in transactions):
                done.extend(self._ask(batch))
        except Unavailable as error:
            self._fail(str(error))
            return done + self._reference.decide(transactions[len(done) :])
        self._failures = 0
        return done

    def take_faults(self) -> tuple[str, ...]:
        faults, self._faults = tuple(self._faults), []
        return faults

    def close(self) -> None:
        """End the worker and collect it. A later question starts another."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def _ask(self, batch: Sequence["_Question"]) -> list[Answer]:
        asked = [question for question in batch if question.facts is not None]
        answers = iter(self._ask_worker(asked) if asked else ())
        found = [
            self._reference.decide([question.transaction])[0] if question.facts is None else next(answers)
            for question in batch
        ]
        self._check(batch, found)
        return found

    def _ask_worker(self, asked: Sequence["_Question"]) -> list[Answer]:
        if self._worker is None:
            self._worker = _Worker(self._command, self._start_within_s)
        answers = self._worker.ask([question.facts for question in asked], self._answer_within_s)
        return [_answer(question, answer) for question, answer in zip(asked, answers, strict=True)]

    def _check(self, batch: Sequence["_Question"], found: list[Answer]) -> None:
        first = -self._answered % self._check_every
        self._answered += len(batch)
        for index in range(first, len(batch), self._check_every):
            right = self._reference.decide([batch[index].transaction])[0]
            if found[index] != right:
                raise Unavailable(f"durable_rules answered {_said(found[index])}, the reference {_said(right)}")

    def _fail(self, why: str) -> None:
        self.close()
        self._pause = min(2**self._failures, _LONGEST_PAUSE)
        self._failures += 1
        self._faults.append(f"{why}; the reference answers, the worker starts again")


class _Worker:
    """One worker process and the line to it. Every failure is Unavailable; after one, only `end` may be called."""

    def __init__(self, command: Sequence[str], start_within_s: float) -> None:
        self._line, theirs = Pipe()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*command, str(number)], pass_fds=[number], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        try:
            self._receive(start_within_s)
        except Unavailable:
            self.end()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, batch: Sequence[list[Fact] | None], within_s: float) -> list[object]:
        try:
            self._line.send(batch)
        except OSError as error:
            raise Unavailable(f"the durable_rules worker is gone: {error}") from None
        answers = self._receive(within_s)
        if not isinstance(answers, list) or len(answers) != len(batch):
            raise Unavailable(f"the durable_rules worker answered {len(batch)} transactions with {answers!r:.80}")
        return answers

    def end(self) -> None:
        """Kill and collect the process; nothing of it stays, not even a zombie."""
        self._line.close()
        self._process.kill()
        self._process.wait()

    def _receive(self, within_s: float) -> object:
        line: Connection = self._line
        try:
            if line.poll(within_s):
                return line.recv()
        except (OSError, EOFError):
            raise Unavailable("the durable_rules worker ended") from None
        raise Unavailable(f"the durable_rules worker did not answer within {within_s:g} s")


class _Question(NamedTuple):
    """A transaction, its conditions in the order their facts say, and the facts; None where the reference answers."""

    transaction: Transaction
    conditions: list[Condition]
    facts: list[Fact] | None


def _question(program: Program, transaction: Transaction) -> _Question:
    conditions, circuits = sorted(transaction.conditions), transaction.circuits
    if not all(map(_suits, circuits)):
        return _Question(transaction, conditions, None)
    facts = _condition_facts(program, conditions)
    since = min((stand.at_us for circuit in circuits for stand in circuit.stands), default=0)
    for place, circuit in enumerate(circuits):
        facts.extend(_circuit_facts(circuit, place, len(circuits), since))
    least, most = min(map(min, facts), default=0), max(map(max, facts), default=0)
    fit = len(facts) <= MAX_FACTS and least >= -1 and most < LIMIT
    return _Question(transaction, conditions, facts if fit else None)


def _suits(circuit: Circuit) -> bool:
    """Whether the network answers it: no NOT above a TOGETHER, and not too many pairs of stands to try."""
    joins = [gate for gate in circuit.gates if gate.op == GateOp.TOGETHER]
    if not joins:
        return True
    stands = Counter(stand.key for stand in circuit.stands)
    if sum(stands[gate.a] * stands[gate.b] for gate in joins) > _MAX_PAIRS:
        return False
    others = [gate for gate in circuit.gates if gate.op != GateOp.TOGETHER]
    above = _above({gate.out for gate in joins}, others)
    return not any(gate.op == GateOp.NOT and gate.a in above for gate in others)


def _above(keys: set[int], gates: Sequence[Gate]) -> set[int]:
    """The keys, and the outputs of all gates they reach."""
    while reached := {gate.out for gate in gates if gate.a in keys or gate.b in keys} - keys:
        keys = keys | reached
    return keys


def _condition_facts(program: Program, conditions: Sequence[Condition]) -> list[Fact]:
    """Each pair (rule, asset) has a number of its own within the transaction."""
    keys: dict[tuple[str, str], int] = {}

    def key(rule: str, asset: str) -> int:
        return keys.setdefault((rule, asset), len(keys))

    facts: list[Fact] = []
    for n, (rule, asset, over, fresh) in enumerate(conditions):
        silencer = program.silencer(rule) if over else None
        alarm, want = int(rule in program.alarms), int(rule in program.wants)
        silenced_by = -1 if silencer is None else key(silencer, over)
        facts.append((Kind.CONDITION.value, n, key(rule, asset), alarm, want, int(fresh), silenced_by))
    return facts


def _circuit_facts(circuit: Circuit, place: int, circuits: int, since_us: int) -> Iterator[Fact]:
    """Key k of a circuit is k × circuits + place: no two circuits share one."""
    yield Kind.ROOT.value, place, circuit.root * circuits + place
    for key, value in circuit.values:
        yield Kind.VALUE.value, key * circuits + place, value
    for op, out, a, b, m in circuit.gates:
        told = SAME if a == b and op in {GateOp.AND, GateOp.OR} else int(op)
        second = b * circuits + place if b >= 0 else -1
        yield Kind.GATE.value, told, out * circuits + place, a * circuits + place, second, m
        if op == GateOp.TOGETHER:  # what it says unless two stands meet
            yield Kind.VALUE.value, out * circuits + place, 0
    for stand in dict.fromkeys(circuit.stands):
        yield Kind.STAND.value, stand.key * circuits + place, stand.at_us - since_us


def _answer(question: _Question, answer: Any) -> Answer:
    try:
        concluded, truths = answer
        pairs = [(Conclusion(what), question.conditions[n]) for what, n in concluded]
        found = tuple(truths)
        if len(found) == len(question.transaction.circuits) and {0, 1, 2}.issuperset(found):
            return Answer(frozenset(Implied(what, rule, asset) for what, (rule, asset, *_) in pairs), found)
    except (TypeError, ValueError, IndexError):
        pass
    raise Unavailable(f"the durable_rules worker answered {answer!r:.80}")


def _said(answer: Answer) -> str:
    return f"{sorted(answer.implied)} {answer.truths}"


def _batches(questions: Iterable[_Question]) -> Iterator[list[_Question]]:
    """Neighbours together up to the facts one request may hold; a transaction is never cut."""
    batch: list[_Question] = []
    size = 0
    for question in questions:
        more = 1 + len(question.facts or ())
        if batch and size + more > _BATCH_FACTS:
            yield batch
            batch, size = [], 0
        batch.append(question)
        size += more
    if batch:
        yield batch
