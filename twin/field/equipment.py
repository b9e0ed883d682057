"""What a field is made of, whatever it is: devices that live in time and tell of themselves, points that obey."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from engine.model import Ack, Command, ReadBack
from engine.rounds import Round

Reading = dict[str, Any]
"""One reading of a message. What happened has its own `observed_at`; without one it is how things are as it is told."""


class Point(Protocol):
    """What is told programs. Messages to it suffer the faults of `id`, its asset, and of its gateway."""

    @property
    def id(self) -> str: ...
    @property
    def gateway(self) -> str: ...
    @property
    def point(self) -> str: ...

    def obey(self, command: Command, at: datetime) -> Ack:
        """Put a command in action, or say why not."""

    def judge(self, command: Command, at: datetime) -> Ack:
        """What `obey` would answer; nothing changes."""

    def readback(self, at: datetime) -> ReadBack:
        """What is in action."""


class Device(Protocol):
    """Something that tells of itself, by the gateways of its assets. Instants given to it must not go back."""

    @property
    def points(self) -> Sequence[Point]: ...

    def readings(self, at: datetime) -> list[Reading]:
        """How it is at an instant, and what happened to it since it was last asked."""


@runtime_checkable
class Tablet(Protocol):
    """What shows a crew its round."""

    @property
    def id(self) -> str: ...
    @property
    def gateway(self) -> str: ...

    def take_round(self, found: Round, at: datetime) -> None:
        """It is sent a round, perhaps one that it has."""
