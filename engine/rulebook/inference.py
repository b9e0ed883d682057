"""Inference: what the conditions that stand in a zone imply together. It collects and chooses nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple, Protocol


class Conclusion(IntEnum):
    """What may follow for a rule and an asset."""

    ALARM = 1
    SUPPRESSED = 2
    WANT = 3


class Condition(NamedTuple):
    """A rule's condition that stands for an asset. `fresh`: it rose, or is renewed, in this very transaction.

    `over` is the subject on which the condition that silences it would stand, empty for none.
    """

    rule: str
    asset: str
    over: str
    fresh: bool


class Implied(NamedTuple):
    """One conclusion for a rule and an asset."""

    conclusion: Conclusion
    rule: str
    asset: str


class GateOp(IntEnum):
    """What a gate makes of its inputs. Truths are 0 false, 1 unknown, 2 true, joined as Kleene does."""

    AND = 1
    OR = 2
    NOT = 3
    AT_LEAST = 4
    TOGETHER = 5


class Gate(NamedTuple):
    """One step of a circuit. `out`, `a` and `b` are keys; `b` is -1 for a gate of one input.

    AND, OR and NOT take truths. AT_LEAST is true when the count at `a` is `m` or more, else false. TOGETHER is true
    when a stand of key `a` and another of key `b` began within `m` µs of each other, else false.
    """

    op: GateOp
    out: int
    a: int
    b: int = -1
    m: int = 0


class Stand(NamedTuple):
    """Something that stands for a subject since an instant of event time, in µs. Equal stands are one."""

    key: int
    subject: int
    at_us: int


@dataclass(frozen=True, slots=True)
class Circuit:
    """A boolean question. Keys from 0, its own; each input of a gate is a value or the output of one other gate.

    `values` are (key, truth or count). Without cycles. No NOT stands above a TOGETHER in a rulebook that compiles;
    where one does, the answer is right and slower.
    """

    values: tuple[tuple[int, int], ...]
    stands: tuple[Stand, ...]
    gates: tuple[Gate, ...]
    root: int


class Transaction(NamedTuple):
    """What one instant of one zone ties together. Nothing of it outlives its answer."""

    conditions: frozenset[Condition]
    circuits: tuple[Circuit, ...] = ()


class Answer(NamedTuple):
    """What follows from a transaction, and the truth of each of its circuits: 0 false, 1 unknown, 2 true."""

    implied: frozenset[Implied]
    truths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """What is joined: which rules raise alarms, which want (a rule may do both), and silenced rule → silencing rule."""

    alarms: frozenset[str] = frozenset()
    wants: frozenset[str] = frozenset()
    silencers: Mapping[str, str] = field(default_factory=dict)

    def silencer(self, rule: str) -> str | None:
        """The rule that silences one that raises or wants: an alarm is suppressed, a want blocked. Never itself."""
        found = self.silencers.get(rule)
        return found if found != rule and (rule in self.alarms or rule in self.wants) else None


class Inference(Protocol):
    """Answers each transaction by itself: the same facts imply the same, whatever came before."""

    def load(self, program: Program) -> None:
        """Put a program in service in place of the one before."""
        ...

    def decide(self, transactions: Sequence[Transaction]) -> list[Answer]:
        """What follows from each transaction, in their order. A fault of the machinery behind it never shows here."""
        ...

    def take_faults(self) -> tuple[str, ...]:
        """The faults since the last call, oldest first."""
        ...

    def close(self) -> None:
        """End whatever runs behind it."""
        ...
