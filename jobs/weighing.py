"""How much a batch of commands moves: weighed before it enters the outbox, and held where that is too much."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine.alarms import Raise, Subject, move
from engine.instants import isoformat
from engine.model import BatchState, Command, CommandState, Priority
from engine.setpoints.batches import Batch
from engine.setpoints.blast import Move, Verdict, Weight, choose_canary, is_small, is_urgent, move_of, weigh
from engine.setpoints.courses import IN_ACTION, Course, Deed
from engine.setpoints.limits import Bounds
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.words import LANGUAGES, say

NOT_APPROVED, STOPPED = "batch-not-approved", "batch-stopped"
ALARMS = {BatchState.PENDING: NOT_APPROVED, BatchState.STOPPED: STOPPED}
"""The alarm of a batch that waits for a second person, and of one of which too much failed. Its asset is the batch."""


def guard(
    unit: Unit,
    territory: Territory,
    settled: Sequence[Command],
    newest: Mapping[str, Command],
    now: datetime,
    made_by: str,
    under: str = "",
) -> list[Command]:
    """The commands as they may enter the outbox: urgent ones marked, those of a large batch held.

    `newest` is the newest command of each point before these. A held command lives longer by the time it may have to
    wait, but not past its program: a program is a function of time, and says the right thing late as well. What
    replaces commands of the batch `under`, which is let go, takes their places in it.
    """
    scales = _Scales(unit, territory, newest, now, made_by)
    marked = [scales.marked(command) for command in settled]
    if under:
        unit.batches.join(under, {newest[command.point].id: command.id for command in marked})
        return marked
    groups: defaultdict[str, list[Command]] = defaultdict(list)
    for command in marked:
        if not command.urgent:
            groups[territory.points[command.point].domain].append(command)
    held: dict[str, Command] = {}
    for domain, commands in sorted(groups.items()):
        held |= {command.id: command for command in scales.held(domain, commands)}
    return [held.get(command.id, command) for command in marked]


@dataclass(frozen=True, slots=True)
class _Scales:
    """What commands are weighed with: what points do now and did, at one instant, for one maker."""

    unit: Unit
    territory: Territory
    newest: Mapping[str, Command]
    now: datetime
    made_by: str

    def marked(self, command: Command) -> Command:
        """The command, urgent where it is never to be held."""
        point, last = self.territory.points[command.point], self._last(command.point)
        sure = last is not None or command.point not in self.newest
        urgent = (
            command.urgent or self._replaces_urgent(command) or is_urgent(command, point, last, self.now, sure=sure)
        )
        return replace(command, urgent=True) if urgent and not command.urgent else command

    def _replaces_urgent(self, command: Command) -> bool:
        """Whether it takes the place of an urgent one that has not left yet, and brings what that one was to bring."""
        newest = self.newest.get(command.point)
        if newest is None or not newest.urgent or newest.state is not CommandState.QUEUED:
            return False
        return command.program.at(self.now) == newest.program.at(self.now)

    def held(self, domain: str, commands: Sequence[Command]) -> list[Command]:
        """Of one domain's commands those that move points, as they are held; none where they are not too much."""
        if self.territory.blast is None:
            return []
        bounds, of = self.territory.blast.of(domain), self.territory.domain_sizes[domain]
        load = sum(self.territory.points[command.point].load for command in commands)
        if is_small(len(commands), load, bounds, of):
            return []
        moves = [move for move in self._moves(commands) if move.share]
        weight = weigh(moves, bounds, of)
        if weight.verdict is Verdict.APPROVAL:
            # What points did on any day of the week is nothing that a person need look at: a night of rain, lit
            # throughout, makes every plan after it unlike the day before. Seven days cost too much to read for less.
            moves = [move for move in self._moves(commands, days=7) if move.share]
            weight = weigh(moves, bounds, of)
        if weight.verdict is Verdict.FREE:
            return []
        return self._batch(domain, [move.command for move in moves], weight, bounds)

    def _moves(self, commands: Sequence[Command], days: int = 1) -> list[Move]:
        commanded = {command.point for command in commands} & self.newest.keys()
        deeds = self.unit.deeds.of_last_days({point: self._last(point) for point in commanded}, self.now, days)
        measured: dict[Any, Move] = {}
        moves = []
        for command in commands:
            point = self.territory.points[command.point]
            done = tuple(deeds.get(command.point, ()))
            # A plan gives thousands of lamps one program: what is alike is measured once.
            alike = (command.program, done, point.envelope, point.load, point.programs)
            if alike not in measured:
                measured[alike] = move_of(command, point, Course(done, keeps=not point.programs), self.now, days=days)
            moves.append(replace(measured[alike], command=command))
        return moves

    def _batch(self, domain: str, commands: Sequence[Command], weight: Weight, bounds: Bounds) -> list[Command]:
        """Write a batch down; returns its commands, all of them waiting but a canary that needs no approval."""
        digest = hashlib.sha256("".join(sorted(command.id for command in commands)).encode()).hexdigest()
        name = f"{domain}-{isoformat(self.now)}-{digest[:8]}"
        canary = choose_canary(commands, bounds.canary, self._gateway, self._obeyed)
        approval = bounds.approve_within if weight.verdict is Verdict.APPROVAL else timedelta(0)
        held = [
            command
            if command.id in canary and not approval
            else _waiting(command, name, approval + (timedelta(0) if command.id in canary else bounds.within))
            for command in commands
        ]
        facts = _facts(commands, canary, weight)
        batch = Batch(
            id=name,
            domain=domain,
            made_at=self.now,
            made_by=self.made_by,
            state=BatchState.PENDING if approval else BatchState.CANARY,
            until_at=self.now + (approval or bounds.within),
            stop_above=bounds.stop_above,
            within=bounds.within,
            life_until=max(command.expires_at for command in held),
            facts=facts,
        )
        if self.unit.batches.put(batch, [command.id for command in commands], canary):
            self.unit.audit.append(self.made_by, "batch", name, {"state": batch.state.value, **facts}, self.now)
            sound(self.unit, batch, "; ".join(weight.over), self.now)
        return held

    def _last(self, point: str) -> Deed | None:
        """What the newest command of a point made it do, if it is in action."""
        newest = self.newest.get(point)
        if newest is None or newest.state not in IN_ACTION:
            return None
        renewed_by = newest.issued_at + self.territory.points[point].envelope.held_for if newest.renew_at else None
        return Deed(newest.issued_at, newest.program, renewed_by)

    def _gateway(self, point: str) -> str:
        return self.territory.points[point].gateway

    def _obeyed(self, point: str) -> bool:
        return point in self.newest and self.newest[point].state is CommandState.VERIFIED


def _facts(commands: Sequence[Command], canary: Collection[str], weight: Weight) -> dict[str, Any]:
    return {
        "commands": len(commands),
        "canary": len(canary),
        "points": weight.points,
        "share": round(weight.share, 4),
        "load": round(weight.load, 1),
        "over": list(weight.over),
    }


def _waiting(command: Command, batch: str, wait: timedelta) -> Command:
    expires_at = max(command.expires_at, min(command.expires_at + wait, command.program.until))
    # While it waits it is not renewed; once it is over, what is still wanted is asked again.
    return replace(command, batch=batch, expires_at=expires_at, renew_at=expires_at if command.renew_at else None)


def sound(unit: Unit, batch: Batch, why: str, now: datetime) -> None:
    """Raise the alarm of the state a batch has come to, where it has one."""
    if batch.state in ALARMS:
        rule = ALARMS[batch.state]
        told = {"domain": batch.domain, "batch": batch.id, "commands": batch.facts["commands"]}
        texts = {key: {lang: say(f"{rule}-{key}", lang, **told) for lang in LANGUAGES} for key in ("about", "action")}
        # Half of what there is, so that who is told next can still decide.
        respond = {"respond_within_s": (batch.until_at - now).total_seconds() / 2} if rule == NOT_APPROVED else {}
        detail = {"domain": batch.domain, "batch": batch.id, "why": why, **batch.facts, **texts, **respond}
        move(unit.alarms, rule, batch.id, [Raise(Subject(rule, batch.id, "", Priority.HIGH), detail)], now, None)
