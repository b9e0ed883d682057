"""Messages on their way: claimed, carried, settled. At least once; a second copy has the same id."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from engine.notify.messages import Channel, MessageState, Notification
from engine.notify.recipients import Recipient, Recipients
from engine.ports import Clock

_LEASE = timedelta(minutes=5)  # longer than any carrier takes for one message
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(minutes=15)


class Fate(Enum):
    """What a carrier knows of a message it was given."""

    DELIVERED = "the next server has taken it"
    LATER = "it may not have arrived: to be tried again"
    NEVER = "it was refused for good"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`detail` says in a few words how; it is stored, and so holds no address and nothing that a server wrote."""

    fate: Fate
    detail: str


class Carrier(Protocol):
    """A way to bring messages."""

    def carry(self, message: Notification, to: Recipient, at: datetime) -> Outcome:
        """Bring one; returns within a minute or so, whatever the other side does."""
        ...


class MessageLog(Protocol):
    """What sending needs of the messages. All methods work inside the caller's transaction."""

    def open(self) -> bool: ...
    def withdraw(self, at: datetime) -> int: ...
    def expire(self, at: datetime) -> int: ...
    def claim(self, limit: int, now: datetime, lease: timedelta) -> Sequence[Notification]: ...
    def settle(self, message: Notification, state: MessageState, at: datetime, detail: str) -> bool: ...
    def postpone(self, message: Notification, until: datetime, at: datetime, detail: str) -> bool: ...


class MessageUnit(Protocol):
    @property
    def notifications(self) -> MessageLog: ...


Transactions = Callable[[], AbstractContextManager[MessageUnit]]


class Courier:
    """Sends what is due. Several may run at once: each message is claimed by one, until its lease ends."""

    def __init__(
        self, read: Transactions, begin: Transactions, carriers: Mapping[Channel, Carrier], clock: Clock
    ) -> None:
        self._read, self._begin = read, begin
        self._carriers = carriers
        self._clock = clock

    def step(self, book: Recipients | None, most: int = 20) -> Counter[str]:
        """Cancel, expire, then send up to `most`, one by one. Returns how many came to which state.

        Without a file of recipients nothing is sent: it may come back before the messages run out of time.
        """
        tally: Counter[str] = Counter()
        with self._read() as unit:
            if not unit.notifications.open():
                return tally
        for _ in range(most):
            message = self._claimed(tally, 0 if book is None else 1)
            if message is None or book is None:
                break
            tally[self._settle(message, self._carried(message, book)).value] += 1
        return tally

    def _claimed(self, tally: Counter[str], most: int) -> Notification | None:
        """The next to be sent. Somebody may have acknowledged while the one before was on its way."""
        now = self._clock.now()
        with self._begin() as unit:
            tally[MessageState.CANCELLED.value] += unit.notifications.withdraw(now)
            tally[MessageState.EXPIRED.value] += unit.notifications.expire(now)
            return next(iter(unit.notifications.claim(most, now, _LEASE)), None)

    def _carried(self, message: Notification, book: Recipients) -> Outcome:
        recipient = book.recipients.get(message.recipient)
        if recipient is None or message.channel not in recipient.channels:
            return Outcome(Fate.NEVER, "the file of recipients no longer names this one")
        carrier = self._carriers.get(message.channel)
        if carrier is None:
            return Outcome(Fate.LATER, f"no way is set up for {message.channel.value}")
        return carrier.carry(message, recipient, self._clock.now())

    def _settle(self, message: Notification, outcome: Outcome) -> MessageState:
        now = self._clock.now()
        with self._begin() as unit:
            if outcome.fate is Fate.LATER:
                wait = min(_FIRST_WAIT * 2 ** min(message.attempts - 1, 10), _LONGEST_WAIT)
                unit.notifications.postpone(message, now + wait, now, outcome.detail)
                return MessageState.QUEUED
            state = MessageState.SENT if outcome.fate is Fate.DELIVERED else MessageState.FAILED
            unit.notifications.settle(message, state, now, outcome.detail)
            return state
