"""What equipment answers, entered: acknowledgements, selections and read-backs, the forged and the late among them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.model import Ack, AckStatus, Command, CommandState, ReadBack
from engine.ports import Answers, Head
from engine.setpoints.desk import UNANSWERED, Desk
from engine.setpoints.overdue import Overdue
from engine.setpoints.points import PointInfo
from engine.setpoints.verify import Finding, Proof, judge

_NOTED = 10_000


@dataclass(slots=True)
class Entered:
    """What follows: commands just acknowledged that no read-back speaks of yet, and those that may be executed."""

    ask: dict[str, Command] = field(default_factory=dict)
    selected: list[Command] = field(default_factory=list)


class Reception:
    """Enters answers into the transaction of a desk."""

    def __init__(self, points: Mapping[str, PointInfo], overdue: Overdue) -> None:
        self._points = points
        self._overdue = overdue
        self._noted: set[tuple[str, str]] = set()

    def enter(self, desk: Desk, answers: Answers) -> Entered:
        named = {readback.point for readback in answers.readbacks}
        heads = desk.unit.commands.heads(named | {ack.point for ack in answers.acks})
        spoken_of = {heads[point].id for point in named if point in heads}
        known = desk.unit.commands.lock(spoken_of | {ack.id for ack in answers.acks})
        entered = Entered()
        for ack in answers.acks:
            self._ack(desk, ack, known.get(ack.id), heads, entered)
        of_point: defaultdict[str, list[Command]] = defaultdict(list)
        for command in known.values():
            of_point[command.point].append(command)
        for readback in answers.readbacks:
            for command in of_point[readback.point]:
                if self._readback(desk, readback, command, heads):
                    entered.ask.pop(command.id, None)
        return entered

    def _ack(
        self, desk: Desk, ack: Ack, command: Command | None, heads: Mapping[str, Head], entered: Entered
    ) -> None:  # fmt: skip
        forged = _forgery(ack, command)
        if forged or command is None:
            self._refuse(desk, ack.gateway, command, forged)
            return
        said = f"equipment: {ack.status.value}" + (f", {ack.reason}" if ack.reason else "")
        if ack.status is AckStatus.SELECTED:
            entered.selected.append(command)
        elif ack.status in {AckStatus.ACCEPTED, AckStatus.DUPLICATE}:
            self._accepted(desk, command, said, entered)
        else:
            # A command that is ACKED already stays so: its read-back decides between two answers that disagree.
            end = desk.move if _replaced(command, heads) else desk.give_up
            desk.tally["late"] += not end(command, CommandState(ack.status.value), said, UNANSWERED)

    def _accepted(self, desk: Desk, command: Command, said: str, entered: Entered) -> None:
        if desk.current(command).state not in UNANSWERED:
            desk.tally["late"] += 1
        elif command.point not in self._points:
            desk.move(command, CommandState.ACKED, said, due_at=desk.now)
        elif self._overdue.arrived(desk, command, CommandState.ACKED, said):
            entered.ask[command.id] = command

    def _readback(self, desk: Desk, readback: ReadBack, command: Command, heads: Mapping[str, Head]) -> bool:
        """Returns whether it decided the command."""
        if readback.gateway != command.gateway:
            self._refuse(desk, readback.gateway, command, f"a read-back of {command.gateway}'s point")
            return False
        info = self._points.get(command.point)
        if info is None or _says_nothing(readback, desk.current(command)):
            return False
        finding, detail = judge(command, readback, info.envelope.verify_tolerance, rises=info.rises)
        if finding is Finding.NEWER:
            end = desk.move if _replaced(command, heads) else desk.give_up
            end(command, CommandState.SUPERSEDED, detail)
        elif finding is Finding.CONTRADICTED:
            desk.give_up(command, CommandState.FAILED, detail)
        elif finding is Finding.APPLIED and self._overdue.proof(command) is Proof.READ_BACK:
            desk.confirm(command, detail)
        elif finding is Finding.APPLIED:
            # It is there; that it has its effect, a meter is to show.
            if desk.current(command).state in UNANSWERED:
                self._overdue.arrived(desk, command, CommandState.ACKED, detail)
        else:
            self._overdue.evidence(desk, command, finding, detail)
            return False
        return True

    def _refuse(self, desk: Desk, gateway: str, command: Command | None, why: str) -> None:
        desk.tally["refused"] += 1
        # One line for each gateway and command: a flood of forged answers must not flood the log.
        if command is not None and (command.id, gateway) not in self._noted and len(self._noted) < _NOTED:
            self._noted.add((command.id, gateway))
            desk.note(command, f"refused: {gateway} sent {why}")


def _replaced(command: Command, heads: Mapping[str, Head]) -> bool:
    return heads[command.point].seq > command.seq


def _says_nothing(readback: ReadBack, command: Command) -> bool:
    """Whether a bare value may be there for another reason: the command has not left, or was not yet made."""
    waiting = {CommandState.QUEUED, CommandState.SENDING}
    return readback.seq is None and (command.state in waiting or readback.observed_at < command.issued_at)


def _forgery(ack: Ack, command: Command | None) -> str:
    """What is false about an acknowledgement; empty when nothing is."""
    if command is None:
        return f"an acknowledgement of the unknown command {ack.id!r}"
    if ack.gateway != command.gateway:
        return f"an acknowledgement for {command.gateway}"
    if (ack.point, ack.seq) != (command.point, command.seq):
        return f"an acknowledgement of {ack.point} seq {ack.seq}, the command is {command.point} seq {command.seq}"
    if command.attempts == 0:
        return "an acknowledgement of what was never sent"
    return ""
