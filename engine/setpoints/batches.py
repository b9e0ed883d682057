"""A large batch of commands on its way: it waits for a second person, sends its canary, and lets the rest follow.

A pure machine; the store says how its commands fare.

    PENDING → CANARY → RELEASED      REFUSED by the second person      EXPIRED: nobody approved in time
                  ↘        ↘
                    STOPPED: too many failed
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from engine.errors import Conflict
from engine.instants import isoformat
from engine.model import BatchState, CommandState

TELLING = 20
"""Of fewer commands that ended than this, a single failure does not stop the rest: one of 20 is 5 %. It does where that
is all that a canary has to tell."""

_FAILED = frozenset({CommandState.FAILED, CommandState.REJECTED, CommandState.EXPIRED})
_MUTE = frozenset({CommandState.UNVERIFIABLE, CommandState.SUPERSEDED, CommandState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Batch:
    """Commands of one domain that were held together.

    `made_by` is `rules`, `plan:DOMAIN` or `person:ACCOUNT`. It leaves its state by `until_at` at the latest; after
    `ended_at` nothing more will happen to it. `stop_above` is the share of failures (0…1) that is too many, `within`
    how long the canary has, `life_until` when the last of its commands is of no use any more. `facts`: what it was
    weighed by.
    """

    id: str
    domain: str
    made_at: datetime
    made_by: str
    state: BatchState
    until_at: datetime
    stop_above: float
    within: timedelta
    life_until: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)
    decided_at: datetime | None = None
    decided_by: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many commands of a batch, or of its canary, are in each state."""

    states: Counter[CommandState]

    @property
    def open(self) -> int:
        return sum(count for state, count in self.states.items() if not state.terminal)

    @property
    def failed(self) -> int:
        return sum(count for state, count in self.states.items() if state in _FAILED)

    @property
    def verified(self) -> int:
        return self.states[CommandState.VERIFIED]

    @property
    def telling(self) -> int:
        """All but those that cannot say whether the equipment obeys."""
        return sum(count for state, count in self.states.items() if state not in _MUTE)

    def __str__(self) -> str:
        return ", ".join(f"{count} {state.value}" for state, count in sorted(self.states.items()))


class Act(Enum):
    """What is to be done with the commands of a batch."""

    NOTHING = "nothing"
    SEND_CANARY = "send the canary"
    SEND_REST = "send the rest"
    CANCEL = "cancel what was not sent"
    EXPIRE = "let what was not sent expire"
    REJECT = "reject what was not sent"


@dataclass(frozen=True, slots=True)
class Step:
    """A batch after a step, what is to be done with its commands, and why."""

    batch: Batch
    act: Act = Act.NOTHING
    why: str = ""


def advance(batch: Batch, canary: Tally, everything: Tally, now: datetime) -> Step:
    """Move a batch on by how its commands fare. Without a change the batch is returned as it is."""
    if batch.ended_at is not None:
        return Step(batch)
    if batch.state is BatchState.PENDING:
        return _wait(batch, everything, now)
    if batch.state is BatchState.CANARY:
        return _judge_canary(batch, canary, now)
    if batch.state is BatchState.RELEASED:
        return _watch(batch, everything, now)
    return Step(replace(batch, ended_at=now)) if now >= batch.until_at else Step(batch)


def approve(batch: Batch, by: str, now: datetime) -> Step:
    """A second person (`person:ACCOUNT`) lets a batch out.

    Raises Conflict for the person who made it, or when it does not wait.
    """
    _check(batch, by, now)
    decided = replace(batch, state=BatchState.CANARY, until_at=now + batch.within, decided_at=now, decided_by=by)
    return Step(decided, Act.SEND_CANARY, f"approved by {by}")


def refuse(batch: Batch, by: str, reason: str, now: datetime) -> Step:
    """A second person refuses a batch. Raises Conflict as `approve` does."""
    _check(batch, by, now)
    decided = replace(batch, state=BatchState.REFUSED, decided_at=now, decided_by=by, ended_at=now)
    return Step(decided, Act.REJECT, f"refused by {by}: {reason}")


def _check(batch: Batch, by: str, now: datetime) -> None:
    if batch.state is not BatchState.PENDING:
        raise Conflict(f"batch {batch.id} is {batch.state.value}; only one that is pending can be decided")
    if now >= batch.until_at:
        raise Conflict(f"batch {batch.id} could be decided until {isoformat(batch.until_at)}")
    if by == batch.made_by:
        raise Conflict(f"batch {batch.id} was made by {by} → somebody else has to decide it")


def _wait(batch: Batch, everything: Tally, now: datetime) -> Step:
    if everything.open and now < batch.until_at:
        return Step(batch)
    why = "nobody approved it in time" if everything.open else "newer commands replaced all of it"
    return Step(replace(batch, state=BatchState.EXPIRED, ended_at=now), Act.EXPIRE, why)


def _judge_canary(batch: Batch, canary: Tally, now: datetime) -> Step:
    late = canary.open if now >= batch.until_at else 0
    failed, telling = canary.failed + late, canary.telling
    if failed > batch.stop_above * max(telling, TELLING) or failed == telling > 0:
        unproved = f", {late} of them not confirmed within {batch.within}" if late else ""
        return _stop(batch, f"{failed} of {telling} failed in the canary{unproved}")
    if canary.open and not late:
        return Step(batch)
    released = replace(batch, state=BatchState.RELEASED, until_at=batch.life_until)
    return Step(released, Act.SEND_REST, f"released: the canary ended {canary}")


def _watch(batch: Batch, everything: Tally, now: datetime) -> Step:
    ended = everything.telling - everything.open
    if everything.failed > batch.stop_above * max(ended, TELLING):
        return _stop(batch, f"{everything.failed} of the {ended} that ended failed")
    return Step(batch) if everything.open else Step(replace(batch, ended_at=now))


def _stop(batch: Batch, why: str) -> Step:
    return Step(replace(batch, state=BatchState.STOPPED, until_at=batch.life_until), Act.CANCEL, why)
