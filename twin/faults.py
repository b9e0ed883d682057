"""What goes wrong in the field: on the way to a point, or in the equipment itself."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime


class FaultKind(StrEnum):
    """What can go wrong on the way to equipment, or in it."""

    DROP_COMMAND = "drop_command"  # the command never arrives
    DROP_ACK = "drop_ack"  # it is obeyed, nothing is answered
    DELAY = "delay"  # it arrives `delay_s` later
    DOUBLE = "double"  # every message arrives twice, both ways
    REJECT = "reject"  # the controller says no
    LIE = "lie"  # the controller says yes and does nothing
    STUCK = "stuck"  # the program is held, a lamp's level or a valve does not move; a probe repeats its last value
    JAMMED = "jammed"  # a valve that opens does not close again
    FAILURE = "failure"  # dead lamp, dry valve, truck broken down; the controller is alive
    BURST = "burst"  # of a valve: sprinklers are broken, it lets 40 % more through
    JUMP = "jump"  # of a level sensor: something lies on it, it says `by` more
    FOAM = "foam"  # of a level sensor: foam or film echoes, it says up to `by` more, each time another
    SLOW = "slow"  # of a truck: streets are jammed, drives and stops take half as long again
    BLOCKED = "blocked"  # of a container: a parked car is in the way, the crew drives on without emptying it
    LEAK = "leak"  # of a network: so much flows off below its master valve, see `flow_m3_h`
    LOCAL = "local"  # of a cabinet: somebody works on it, mode manual; what is sent is refused
    SILENT = "silent"  # of a gateway: nothing in or out; what is sent to it waits at the broker


OF_MESSAGES = frozenset(
    {
        FaultKind.DROP_COMMAND,
        FaultKind.DROP_ACK,
        FaultKind.DELAY,
        FaultKind.DOUBLE,
        FaultKind.REJECT,
        FaultKind.LIE,
    }
)
"""Those that strike a message, each with its probability."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of an asset (of a cabinet: of all its lamps) on [from_at, until_at).

    `probability` is drawn for each message, where the fault is one of messages.
    """

    asset: str
    kind: FaultKind
    from_at: AwareDatetime
    until_at: AwareDatetime
    probability: float = 1.0
    delay_s: float = 60.0
    flow_m3_h: float = 1.0
    by: float = 0.4

    def active(self, at: datetime) -> bool:
        return self.from_at <= at < self.until_at


class Faults:
    """The faults of a story, by the asset that has them."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._by_asset: defaultdict[str, list[Fault]] = defaultdict(list)
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Something else goes wrong."""
        self._by_asset[fault.asset].append(fault)

    def of(self, *assets: str | None) -> tuple[Fault, ...]:
        """All faults of some assets."""
        return tuple(fault for asset in assets if asset is not None for fault in self._by_asset.get(asset, ()))

    def active(self, asset: str, kind: FaultKind, at: datetime) -> list[Fault]:
        """Those of a kind that an asset has at an instant."""
        return [fault for fault in self._by_asset.get(asset, ()) if fault.kind is kind and fault.active(at)]
