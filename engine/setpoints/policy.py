"""How patient dispatch is, and what one step of it did."""

from dataclasses import dataclass
from datetime import timedelta
from math import inf


@dataclass(frozen=True, slots=True)
class DispatchPolicy:
    """How patient dispatch is. `owner` names this process, and no other, in the history of commands.

    A command claimed and not sent within `lease` is UNKNOWN: its sender may have died. Without an acknowledgement
    `ack_within` the equipment is asked for a read-back, and `ack_within` after that the command is repeated,
    `max_attempts` times in all. What is not over `grace` after its expiry, or the time its point takes to verify where
    that is longer, is ended. Rates are in commands a second of the clock and of this process, with bursts of one
    second's worth; `batch` limits one step. After a start levels 8 to 15 wait for `settle`, and then for a reading
    of their point taken since, or until it would be stale; 0 lets them go at once. A selection is good for
    `select_within`.
    """

    owner: str
    lease: timedelta = timedelta(seconds=30)
    ack_within: timedelta = timedelta(seconds=30)
    max_attempts: int = 3
    rate_per_gateway: float = 500.0
    rate_per_domain: float = inf
    batch: int = 500
    grace: timedelta = timedelta(seconds=60)
    settle: timedelta = timedelta(0)
    select_within: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Counts:
    """What one step did. The first group counts moves into a state, `queued` being those to be sent again.

    `repeated` those sent again to equipment that does not recognise them; `selected` selections that equipment granted;
    `asked` read-backs asked for; `refused` forged or foreign answers; `late` answers to what is settled already.
    """

    queued: int = 0
    sending: int = 0
    sent: int = 0
    acked: int = 0
    unknown: int = 0
    verified: int = 0
    unverifiable: int = 0
    rejected: int = 0
    expired: int = 0
    superseded: int = 0
    cancelled: int = 0
    failed: int = 0
    repeated: int = 0
    selected: int = 0
    asked: int = 0
    refused: int = 0
    late: int = 0
    malformed: int = 0
