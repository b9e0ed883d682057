"""Commands for equipment that holds one value at a time and keeps no program."""

from datetime import datetime

from engine.instants import isoformat
from engine.model import Ack, AckStatus, Command


class Refused(Exception):
    """Nothing is sent: the answer to the command says why."""

    def __init__(self, command: Command, status: AckStatus, reason: str) -> None:
        self.ack = answer(command, status, reason)
        super().__init__(reason)


def answer(command: Command, status: AckStatus, reason: str = "") -> Ack:
    """An acknowledgement in the equipment's stead."""
    return Ack(command.id, command.point, command.gateway, command.seq, status, reason)


def no_question(command: Command) -> None:
    """Raises Refused for a question before operating: who cannot be asked must not take it for the order."""
    if command.select:
        raise Refused(command, AckStatus.REJECTED, "it cannot be asked whether it is ready")


def value_now(command: Command, now: datetime) -> float:
    """The value to bring to the equipment at an instant. Raises Refused when there is none any more, or not yet."""
    no_question(command)
    if now >= command.expires_at:
        raise Refused(command, AckStatus.EXPIRED, "its life was over before it could be sent")
    value = command.program.at(now)
    if value is None or len(command.program.steps) > 1:
        why = f"its program has {len(command.program.steps)} steps from {isoformat(command.program.start)} on"
        raise Refused(command, AckStatus.REJECTED, f"{why}, and the equipment takes one value, for now")
    return value
