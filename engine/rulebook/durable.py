"""The inference in durable_rules, supervised: its process may hang, crash or lie, and the answers stay right."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from engine.errors import Unavailable
from engine.rulebook.inference import Conclusion, Condition, Implied, Program, Transaction
from engine.rulebook.reference import ReferenceInference

WORKER = (sys.executable, "-m", "engine.rulebook.rete")
_ROLE_ALARM, _ROLE_WANT = 1, 2
_MAX_FACTS = 2_000
_BATCH_FACTS = 1_000  # so that a request fits the socket's buffer, and sending never waits for a worker that hangs
_LONGEST_PAUSE = 64

_Fact = tuple[int, int, int, int]


@cache
def durable_available() -> bool:
    """Whether durable_rules can be imported here. It has no wheels, and does not on Python 3.13."""
    try:
        import_module("durable_rules_engine")
        import_module("durable.engine")
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

    def decide(self, transactions: Sequence[Transaction]) -> list[frozenset[Implied]]:
        if self._pause:
            self._pause -= 1
            return self._reference.decide(transactions)
        done: list[frozenset[Implied]] = []
        try:
            for batch in _batches(transactions):
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

    def _ask(self, batch: Sequence[Transaction]) -> list[frozenset[Implied]]:
        if len(batch) == 1 and len(batch[0]) > _MAX_FACTS:
            return self._reference.decide(batch)
        if self._worker is None:
            self._worker = _Worker(self._command, self._start_within_s)
        ordered = [sorted(transaction) for transaction in batch]
        answers = self._worker.ask([self._facts(conditions) for conditions in ordered], self._answer_within_s)
        found = [_implied(conditions, answer) for conditions, answer in zip(ordered, answers, strict=True)]
        self._check(batch, found)
        return found

    def _facts(self, conditions: Sequence[Condition]) -> list[_Fact]:
        """The conditions as integers. Each pair (rule, asset) has a number of its own within the transaction."""
        keys: dict[tuple[str, str], int] = {}

        def key(rule: str, asset: str) -> int:
            return keys.setdefault((rule, asset), len(keys))

        facts = []
        for rule, asset, parent, fresh in conditions:
            silencer = self._program.silencers.get(rule) if parent else None
            role = _ROLE_ALARM if rule in self._program.alarms else _ROLE_WANT if rule in self._program.wants else 0
            facts.append((role, key(rule, asset), -1 if silencer is None else key(silencer, parent), int(fresh)))
        return facts

    def _check(self, batch: Sequence[Transaction], found: list[frozenset[Implied]]) -> None:
        first = -self._answered % self._check_every
        self._answered += len(batch)
        for index in range(first, len(batch), self._check_every):
            right = self._reference.decide([batch[index]])[0]
            if found[index] != right:
                raise Unavailable(f"durable_rules answered {sorted(found[index])}, the reference {sorted(right)}")

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

    def ask(self, batch: list[list[_Fact]], within_s: float) -> list[list[tuple[int, int]]]:
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


def _implied(conditions: Sequence[Condition], answer: Sequence[tuple[int, int]]) -> frozenset[Implied]:
    try:
        return frozenset(Implied(Conclusion(what), *conditions[n][:2]) for what, n in answer)
    except (TypeError, ValueError, IndexError):
        raise Unavailable(f"the durable_rules worker answered {answer!r:.80}") from None


def _batches(transactions: Sequence[Transaction]) -> Iterator[Sequence[Transaction]]:
    """Neighbours together up to the facts one request may hold; a transaction is never cut."""
    start, size = 0, 0
    for index, transaction in enumerate(transactions):
        if size and size + len(transaction) + 1 > _BATCH_FACTS:
            yield transactions[start:index]
            start, size = index, 0
        size += len(transaction) + 1
    if start < len(transactions):
        yield transactions[start:]
