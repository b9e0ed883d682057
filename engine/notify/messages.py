"""A message to one recipient by one channel, and its life."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.instants import isoformat
from engine.model import Priority


class Channel(StrEnum):
    """How a recipient is reached."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class Kind(StrEnum):
    """Why a message is written."""

    ALARM = "alarm"  # the first step of the chain hears of an occurrence
    ESCALATION = "escalation"  # nobody has acknowledged it in time: the next step hears of it
    DIGEST = "digest"  # many at once, counted by cause


class MessageState(StrEnum):
    """QUEUED → SENDING → SENT; in a flood HELD → DIGESTED, when a digest tells of it."""

    HELD = "held"
    DIGESTED = "digested"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def lost(self) -> bool:
        """Whether it is known that nobody will hear it."""
        return self in {MessageState.FAILED, MessageState.EXPIRED, MessageState.CANCELLED}


@dataclass(frozen=True, slots=True)
class Notification:
    """What one recipient is told by one channel. Who that is, and where, only the file of recipients says.

    `key` is unique: one message an occurrence, recipient and channel. `step` is the place in the chain that it was
    written for, from 0. Written anew because it was not sent in time, it keeps `created_at` and counts from a later
    `not_before` on. It is not sent after `expires_at`. `alarm` is None for a digest; `detail` says how its state came
    about, and of a message told by a digest, which. `id` is given by the store.
    """

    key: str
    alarm: int | None
    recipient: str
    channel: Channel
    kind: Kind
    step: int
    priority: Priority
    subject: str
    body: str
    created_at: datetime
    not_before: datetime
    expires_at: datetime
    state: MessageState
    attempts: int
    changed_at: datetime
    detail: str = ""
    id: int | None = None

    @property
    def message_id(self) -> str:
        """The same however often it is sent: by it a receiver knows a second copy. 32 hexadecimal digits."""
        return hashlib.sha256(f"{self.key} {isoformat(self.created_at)}".encode()).hexdigest()[:32]

    @property
    def heard_at(self) -> datetime | None:
        """From when on the recipient is counted on to answer; None while it is held, or when it was lost."""
        if self.state is MessageState.HELD or self.state.lost:
            return None
        return self.changed_at if self.state is MessageState.DIGESTED else self.not_before


def key_of(alarm: int, recipient: str, channel: Channel) -> str:
    return f"{alarm}/{recipient}/{channel.value}"
