"""What goes wrong at gateways: a JSON file, and draws that are the same for the same seed however messages interleave.

    [{"kind": "drop", "probability": 0.1},                            every tenth message is lost
     {"kind": "delay", "probability": 0.05, "seconds": 30},           arrives 30 s later
     {"kind": "brown_out", "probability": 0.002, "seconds": 2},       no power for 2 s
     {"kind": "skew", "on": ["A-3"], "seconds": -2},                  its clock is 2 s late
     {"kind": "lock_out", "on": ["A-4"], "from_s": 10, "until_s": 60}]

`on` names gateways or points, all where it is left out; `from_s` and `until_s` count from the start of the process.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from engine.errors import InputError, Problem


class Kind(StrEnum):
    """All but the last two strike single messages: a command, or a request for a read-back."""

    DROP = "drop"  # it never arrives
    DROP_ACK = "drop_ack"  # it is obeyed, and nothing is answered
    DELAY = "delay"  # it arrives `seconds` later, also when it has expired by then
    REORDER = "reorder"  # the next message to the gateway passes it by; none within `seconds`, then it arrives
    DUPLICATE = "duplicate"  # it arrives twice
    REJECT = "reject"  # the controller says no
    LIE = "lie"  # the controller says yes, and does nothing
    BROWN_OUT = "brown_out"  # the gateway loses its power for `seconds`, before it obeys or before it answers
    SKEW = "skew"  # the gateway's clock is ahead by `seconds`, which may be negative
    LOCK_OUT = "lock_out"  # somebody works at the cabinet: it says manual, and refuses


_STANDING = frozenset({Kind.SKEW, Kind.LOCK_OUT})


@dataclass(frozen=True)
class Fault:
    """One line of the file. `probability` is drawn for each message."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Kind
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    seconds: float = 5.0
    on: tuple[str, ...] = ()
    from_s: Annotated[float, Field(ge=0)] = 0.0
    until_s: float = inf

    @property
    def lasts(self) -> timedelta:
        return timedelta(seconds=self.seconds)


class Faults:
    """The faults of one process, drawn by what a message is about and how often it has come: not by when."""

    def __init__(self, faults: Sequence[Fault], seed: int, began_at: datetime) -> None:
        self._faults = faults
        self._seed = seed
        self._began_at = began_at
        self._seen: Counter[tuple[str, int]] = Counter()
        self._struck: Counter[Kind] = Counter()

    def strike(self, gateway: str, point: str, seq: int, at: datetime) -> dict[Kind, Fault]:
        """The faults that strike a message about a point: of each kind the first that is drawn.

        One that is lost strikes nobody else.
        """
        self._seen[point, seq] += 1
        chance = random.Random(f"{self._seed} {point} {seq} {self._seen[point, seq]}")  # noqa: S311 - faults, not secrets
        struck: dict[Kind, Fault] = {}
        for fault in self._faults:
            drawn = chance.random() < fault.probability
            if drawn and fault.kind not in _STANDING and self._active(fault, at, gateway, point):
                struck.setdefault(fault.kind, fault)
        if Kind.DROP in struck:
            struck = {Kind.DROP: struck[Kind.DROP]}
        self._struck.update(list(struck))
        return struck

    def counts(self) -> dict[str, int]:
        """How often each kind has struck."""
        return {kind.value: count for kind, count in sorted(self._struck.items())}

    def skew(self, gateway: str, at: datetime) -> timedelta:
        """How far ahead the gateway's clock is."""
        return next((fault.lasts for fault in self._standing(Kind.SKEW, gateway, at)), timedelta(0))

    def locked_out(self, gateway: str, at: datetime) -> bool:
        """Whether somebody works at the gateway's cabinet."""
        return any(self._standing(Kind.LOCK_OUT, gateway, at))

    def _standing(self, kind: Kind, gateway: str, at: datetime) -> Iterator[Fault]:
        return (fault for fault in self._faults if fault.kind is kind and self._active(fault, at, gateway))

    def _active(self, fault: Fault, at: datetime, *names: str) -> bool:
        elapsed_s = (at - self._began_at).total_seconds()
        return fault.from_s <= elapsed_s < fault.until_s and (not fault.on or not set(names).isdisjoint(fault.on))


_ADAPTER = TypeAdapter(tuple[Fault, ...])


def load_faults(path: Path) -> tuple[Fault, ...]:
    """Raises InputError with everything that is wrong with the file."""
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except OSError as error:
        problem = Problem(str(path), 0, 0, f"cannot be read: {error.strerror}", "name a file of faults")
        raise InputError([problem]) from None
    except ValidationError as error:
        raise InputError(
            Problem(f"{path} {'.'.join(map(str, item['loc']))}", 0, 0, item["msg"], "see twin/gateway/faults.py")
            for item in error.errors()
        ) from None


def save_faults(faults: Sequence[Fault], path: Path) -> None:
    path.write_bytes(_ADAPTER.dump_json(tuple(faults), exclude_defaults=True))
