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

    `parent` is the asset it hangs on, empty for none.
    """

    rule: str
    asset: str
    parent: str
    fresh: bool


class Implied(NamedTuple):
    """One conclusion for a rule and an asset."""

    conclusion: Conclusion
    rule: str
    asset: str


# The conditions one instant of one zone ties together. None of them outlives its transaction.
Transaction = frozenset[Condition]


@dataclass(frozen=True, slots=True)
class Program:
    """What is joined: which rules raise alarms, which want, and silenced rule → silencing rule of the parent.

    No rule silences itself.
    """

    alarms: frozenset[str] = frozenset()
    wants: frozenset[str] = frozenset()
    silencers: Mapping[str, str] = field(default_factory=dict)


class Inference(Protocol):
    """Answers each transaction by itself: the same conditions imply the same, whatever came before."""

    def load(self, program: Program) -> None:
        """Put a program in service in place of the one before."""
        ...

    def decide(self, transactions: Sequence[Transaction]) -> list[frozenset[Implied]]:
        """What each transaction implies, in their order. A fault of the machinery behind it never shows here."""
        ...

    def take_faults(self) -> tuple[str, ...]:
        """The faults since the last call, oldest first."""
        ...

    def close(self) -> None:
        """End whatever runs behind it."""
        ...
