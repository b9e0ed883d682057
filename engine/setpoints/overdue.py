"""What to do with commands that wait too long: ask, repeat, give up. Never blind, never for ever."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from engine.model import Command, CommandState, spell_sequence
from engine.ports import Link
from engine.setpoints.desk import Desk, end_by
from engine.setpoints.gate import SamplesOf, out_of_time
from engine.setpoints.points import Meter, PointInfo, Sample
from engine.setpoints.policy import DispatchPolicy
from engine.setpoints.verify import Finding, Proof, judge_meter, proof_of

_LOOKS = 5
"""How many times a meter is looked at within the time a point takes to verify."""
_SENT = CommandState.SENT
_LEFT = frozenset({_SENT, CommandState.UNKNOWN, CommandState.ACKED})
_ASK_AGAIN = timedelta(seconds=5)
"""When a read-back is asked for again that could not be, the broker being away."""
_REMEMBERED = 100_000


class Overdue:
    """Decides every command that is due to be looked at. Remembers, for the words of an alarm, what was last seen."""

    def __init__(self, policy: DispatchPolicy, points: Mapping[str, PointInfo], link: Link, samples: SamplesOf) -> None:
        self._policy = policy
        self._points = points
        self._link = link
        self._samples = samples
        self._seen: dict[str, str] = {}

    def proof(self, command: Command) -> Proof:
        return proof_of(self._points[command.point], self._link.capabilities(command.gateway))

    def within(self, command: Command) -> timedelta:
        return self._points[command.point].envelope.verify_within

    def arrived(self, desk: Desk, command: Command, to: CommandState, detail: str) -> bool:
        """The equipment has it, or the carrier of equipment that never answers. Returns whether to ask a read-back."""
        proof = self.proof(command)
        look = self.within(command) / (_LOOKS if proof is Proof.METER else 1)
        moved = desk.move(command, to, detail, due_at=desk.now + look)
        if moved and proof is Proof.NONE:
            desk.move(command, CommandState.UNVERIFIABLE, "nothing can tell whether it is in action")
        return moved and proof is Proof.READ_BACK

    def evidence(self, desk: Desk, command: Command, finding: Finding, detail: str) -> None:
        """A read-back that decides nothing by itself; an UNKNOWN command that is not there is sent again."""
        self._remember(command, detail)
        absent = {Finding.OLDER} if self._link.capabilities(command.gateway).key else {Finding.OLDER, Finding.DIFFERENT}
        if desk.current(command).state is CommandState.UNKNOWN and finding in absent:
            self._repeat(desk, command, detail)

    def sweep(self, desk: Desk) -> tuple[list[Command], bool]:
        """Decide open commands whose wait is over. Returns those to ask a read-back of, and whether more may be due."""
        due = desk.unit.commands.due(desk.now, self._policy.batch)
        heads = desk.unit.commands.heads({command.point for command in due})
        meters = {command.id: meter for command in due if (meter := self._meter(command))}
        samples = self._samples(desk.unit, {meter.watch for meter in meters.values()}) if meters else {}
        ask: list[Command] = []
        for command in due:
            meter = meters.get(command.id)
            if command.point not in self._points:
                out_of_time(desk, command, known=False)
            elif (newest := heads[command.point].seq) > command.seq:
                desk.move(command, CommandState.SUPERSEDED, f"seq {spell_sequence(newest)} of the point replaces it")
            elif meter is None or not self._metered(desk, command, meter, samples.get(meter.watch)):
                ask += [command] if self._decide(desk, command) else []
        for command in ask:
            desk.put(command, due_at=self._at_latest(command, desk.now + _ASK_AGAIN))
        return ask, len(due) == self._policy.batch > 0

    def asked(self, desk: Desk, commands: Collection[Command]) -> None:
        """Read-backs of these have been asked for: the answers have their time now."""
        for command in commands:
            due_at = self._at_latest(command, desk.now + self._policy.ack_within)
            desk.put(command, asked_at=desk.now, due_at=due_at)

    def stray(self, desk: Desk) -> int:
        """End what is open past the last instant at which it may be, whatever it waits for. There should be none."""
        late = desk.unit.commands.overdue(desk.now, self._policy.grace)
        found = desk.unit.commands.lock(late) if late else {}
        ended = [command for command in found.values() if not command.state.terminal and self._over(desk, command)]
        for command in ended:
            self._give_up(desk, command)
        return len(ended)

    def _remember(self, command: Command, detail: str) -> None:
        if len(self._seen) > _REMEMBERED:
            self._seen.clear()
        self._seen[command.id] = detail

    def _meter(self, command: Command) -> Meter | None:
        """The meter to look at for a command that has left."""
        if command.state not in _LEFT or command.point not in self._points:
            return None
        return self._points[command.point].meter if self.proof(command) is Proof.METER else None

    def _metered(self, desk: Desk, command: Command, meter: Meter, sample: Sample | None) -> bool:
        """Whether that was enough for now: the meter shows the value, or there is time to look again."""
        until = (command.changed_at or command.issued_at) + self.within(command)
        if sample is not None and sample.observed_at > (command.changed_at or command.issued_at):
            info = self._points[command.point]
            tolerance = info.envelope.verify_tolerance
            finding, detail = judge_meter(command, meter, sample, tolerance, rises=info.rises)
            if finding is Finding.APPLIED:
                return desk.confirm(command, detail)
            self._remember(command, detail)
            # By then it would show, had it come; before, the reading may be older than its coming (LoRaWAN class A).
            late = command.state is CommandState.UNKNOWN and sample.observed_at >= until
            if late and finding is Finding.DIFFERENT and self._repeat(desk, command, detail):
                return True
        silent = not self._link.capabilities(command.gateway).acknowledges
        if desk.now >= until or not (command.state is CommandState.ACKED or (silent and command.state is _SENT)):
            return False
        desk.put(command, due_at=min(until, desk.now + self.within(command) / _LOOKS))
        return True

    def _decide(self, desk: Desk, command: Command) -> bool:
        """Returns whether to ask a read-back."""
        if self._over(desk, command):
            self._give_up(desk, command)
        elif command.state is CommandState.QUEUED:
            # Nobody claimed it; attempts are counted before it is sent, so none means it never left.
            out_of_time(desk, command, known=True)
        elif command.state in {CommandState.SENDING, CommandState.SENT}:
            self._doubt(desk, command)
        elif command.asked_at is None and self.proof(command) is Proof.READ_BACK:
            return True
        elif command.asked_at is None and command.state is CommandState.UNKNOWN:
            self.asked(desk, [command])  # the meter has its time, too
        elif command.state is CommandState.ACKED:
            self._mismatch(desk, command)
        else:
            self._unanswered(desk, command)
        return desk.current(command).state is CommandState.UNKNOWN and self.proof(command) is Proof.READ_BACK

    def _doubt(self, desk: Desk, command: Command) -> None:
        lapsed = command.state is CommandState.SENDING
        said = "may not have left: its sender's lease is over" if lapsed else "no acknowledgement"
        desk.move(command, CommandState.UNKNOWN, f"attempt {command.attempts}: {said}")

    def _unanswered(self, desk: Desk, command: Command) -> None:
        """Neither acknowledgement nor read-back came."""
        # Equipment that would not recognise it is only sent it again when a read-back shows that it is not there.
        known = self._link.capabilities(command.gateway).key
        if not (known and self._repeat(desk, command, "neither acknowledgement nor read-back")):
            desk.put(command, asked_at=None, due_at=self._at_latest(command, desk.now + self._policy.ack_within))

    def _repeat(self, desk: Desk, command: Command, why: str, wait: timedelta = timedelta(0)) -> bool:
        if command.attempts >= self._policy.max_attempts or desk.now + wait >= command.expires_at:
            return False
        return desk.move(command, CommandState.QUEUED, f"to be repeated: {why}", not_before=desk.now + wait)

    def _mismatch(self, desk: Desk, command: Command) -> None:
        """Acknowledged, and not in action within its time: say so, try again more and more slowly, then give up."""
        seen = self._seen.get(command.id, "no read-back came")
        wait = self._policy.ack_within * 2 ** (command.attempts - 1)
        if self._repeat(desk, command, f"acknowledged, and not confirmed in time: {seen}", wait):
            desk.complain(command, CommandState.QUEUED, seen)
        else:
            self._give_up(desk, command)

    def _give_up(self, desk: Desk, command: Command) -> None:
        seen = self._seen.pop(command.id, "no read-back came")
        if command.state is CommandState.ACKED:
            desk.give_up(command, CommandState.FAILED, f"acknowledged, and not confirmed in time: {seen}")
        elif command.attempts == 0:
            out_of_time(desk, command, known=True)
        else:
            desk.give_up(command, CommandState.EXPIRED, f"not acknowledged in {command.attempts} attempts: {seen}")

    def _over(self, desk: Desk, command: Command) -> bool:
        return desk.now >= end_by(command, self._points.get(command.point), self._policy.grace)

    def _at_latest(self, command: Command, at: datetime) -> datetime:
        return min(at, end_by(command, self._points.get(command.point), self._policy.grace))
