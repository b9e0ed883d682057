"""Commands on their way: sent, acknowledged, verified, each to exactly one terminal state.

Every change is committed before what follows from it leaves the process, and every message may come twice: after
a crash between any two lines the next process finds in the log what to do. A repeated command has the same id and
sequence, and equipment recognises it; setpoints are absolute, so repeating one is safe. Several processes may
dispatch from one database. See `DispatchPolicy`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from engine.errors import Conflict, Unavailable, Undelivered
from engine.model import Command, CommandState
from engine.ports import Answers, Clock, DispatchUnit, Link, Transactions
from engine.setpoints.answers import Reception
from engine.setpoints.desk import Desk
from engine.setpoints.gate import ConditionsOf, Gate, SamplesOf
from engine.setpoints.overdue import Overdue
from engine.setpoints.points import PointInfo, Sample, Watch
from engine.setpoints.policy import Counts, DispatchPolicy
from engine.setpoints.selecting import Selections

__all__ = ["Counts", "DispatchPolicy", "Dispatcher"]

T = TypeVar("T")
_SWEEP_EVERY = timedelta(seconds=1)
_STRAYS_EVERY = timedelta(minutes=1)
_TRIES = 5
_ROUNDS = 8
_SENDING = {CommandState.SENDING}


class Dispatcher:
    """Sends what is due, takes what comes back, sweeps what waits too long. One step at a time, one thread.

    `conditions` is asked for the points of what is about to be sent (None: nothing stands against anything);
    `samples` for readings of points that a meter verifies.
    """

    def __init__(
        self, transactions: Transactions, link: Link, clock: Clock, policy: DispatchPolicy,
        points: Mapping[str, PointInfo], *, conditions: ConditionsOf | None = None, samples: SamplesOf | None = None,
    ) -> None:  # fmt: skip
        self._transactions = transactions
        self._link = link
        self._clock = clock
        self._policy = policy
        self._points = points
        read = samples or _nothing_read
        self._gate = Gate(points, link, policy, clock.now(), conditions, read)
        self._overdue = Overdue(policy, points, link, read)
        self._reception = Reception(points, self._overdue)
        self._selections = Selections(policy, points, link)
        self._swept_at: datetime | None = None
        self._strays_at: datetime | None = None

    def step(self, timeout_s: float) -> Counts:
        """Send, receive (waiting up to `timeout_s` for the first answer), sweep.

        Raises Unavailable when the carrier is away, after sweeping: expiry goes on without it.
        """
        tally: Counter[str] = Counter()
        try:
            self._carry(self._transact(self._claim, tally), tally)
            self._receive(timeout_s, tally)
        except Unavailable:
            self._sweep(tally)
            raise
        self._sweep(tally)
        return Counts(**tally)

    def settled(self) -> bool:
        """Whether every command is in a terminal state."""
        with self._transactions() as unit:
            return not unit.commands.pending()

    def _transact(self, work: Callable[[Desk], T], tally: Counter[str]) -> T:
        """One transaction, begun again where another writer stood in its way."""
        for tries in range(1, _TRIES + 1):
            try:
                with self._transactions() as unit:
                    desk = Desk(unit, self._points, self._clock.now(), self._policy)
                    result = work(desk)
                    desk.flush()
            except Conflict:
                if tries == _TRIES:
                    raise
            else:
                tally.update(desk.tally)
                return result
        raise AssertionError("unreachable")

    def _claim(self, desk: Desk) -> list[Command]:
        policy, now = self._policy, desk.now
        return desk.unit.commands.claim(
            policy.batch, policy.owner, now, policy.lease, lambda found: self._gate.admit(desk, found),
            without=self._gate.busy(now), hold_back=self._gate.hold_back(now),
        )  # fmt: skip

    def _carry(self, claimed: Sequence[Command], tally: Counter[str], *, selected: bool = False) -> None:
        """Hand commands to the carrier: those that want to be selected first as that question."""
        asking = set() if selected else {command.id for command in claimed if self._selections.wanted(command)}
        going = self._not_overtaken(claimed, tally, waited=selected)
        if not going:
            return
        try:
            self._link.send([replace(command, select=True) if command.id in asking else command for command in going])
        except Undelivered as error:
            # The other carriers work: what went by them is sent, and this step goes on.
            self._lost([command for command in going if command.id in error.commands], error, tally)
            going = [command for command in going if command.id not in error.commands]
        except Unavailable as error:
            self._lost(going, error, tally)
            raise
        ask = self._transact(lambda desk: self._sent(desk, going, asking), tally)
        self._ask(ask, tally)

    def _lost(self, commands: Sequence[Command], error: Unavailable, tally: Counter[str]) -> None:
        why = f"may not have left: {error}"
        self._transact(lambda desk: _move_all(desk, commands, CommandState.UNKNOWN, why), tally)

    def _not_overtaken(self, commands: Sequence[Command], tally: Counter[str], *, waited: bool) -> list[Command]:
        """Equipment without a memory for sequences must not get an older command after a newer: a second look.

        So must none that was asked whether it is ready, and `waited` with its answer.
        """
        doubtful = {c.point for c in commands if waited or not self._link.capabilities(c.gateway).key}
        if not doubtful:
            return list(commands)

        def end_older(desk: Desk) -> set[str]:
            heads = desk.unit.commands.heads(doubtful)
            older = [c for c in commands if c.point in heads and heads[c.point].seq > c.seq]
            _move_all(desk, older, CommandState.SUPERSEDED, "a newer one of the point has come")
            return {command.id for command in older}

        overtaken = self._transact(end_older, tally)
        return [command for command in commands if command.id not in overtaken]

    def _sent(self, desk: Desk, commands: Sequence[Command], asking: Collection[str]) -> list[Command]:
        """Returns the commands to ask a read-back of at once, as their equipment answers nothing by itself."""
        ask: list[Command] = []
        for command in commands:
            if command.id in asking:
                self._selections.asked(desk, command)
            elif self._link.capabilities(command.gateway).acknowledges:
                desk.move(command, CommandState.SENT, "taken by the carrier", _SENDING)
            elif desk.current(command).state is CommandState.SENDING:
                sent = "taken by the carrier; no acknowledgement is to come"
                ask += [command] if self._overdue.arrived(desk, command, CommandState.SENT, sent) else []
        return ask

    def _receive(self, timeout_s: float, tally: Counter[str]) -> None:
        """Answers go before sending more, up to a limit: a backlog of them would look like silence."""
        for _ in range(_ROUNDS):
            answers = self._link.receive(timeout_s)
            tally["malformed"] += len(answers.malformed)
            if answers.acks or answers.readbacks:
                self._enter(answers, tally)
            else:
                self._link.confirm(answers)
                return
            timeout_s = 0.0

    def _enter(self, answers: Answers, tally: Counter[str]) -> None:
        entered = self._transact(lambda desk: self._reception.enter(desk, answers), tally)
        self._link.confirm(answers)
        if entered.selected:
            execute = self._transact(lambda desk: self._selections.granted(desk, entered.selected, self._gate), tally)
            self._carry(execute, tally, selected=True)
        self._ask(list(entered.ask.values()), tally)

    def _sweep(self, tally: Counter[str]) -> None:
        now = self._clock.now()
        if self._swept_at is not None and now < self._swept_at + _SWEEP_EVERY:
            return
        ask, more = self._transact(self._look, tally)
        self._swept_at = None if more else now
        self._ask(ask, tally)
        if ask:
            self._transact(lambda desk: self._overdue.asked(desk, ask), tally)

    def _look(self, desk: Desk) -> tuple[list[Command], bool]:
        """Decide what is due, what was never selected, and now and then whatever slipped through."""
        self._selections.sweep(desk)
        if self._strays_at is None or desk.now >= self._strays_at + _STRAYS_EVERY:
            self._strays_at = desk.now
            self._overdue.stray(desk)
        return self._overdue.sweep(desk)

    def _ask(self, commands: Sequence[Command], tally: Counter[str]) -> None:
        if commands:
            self._link.ask({command.point: command.gateway for command in commands})
            tally["asked"] += len(commands)


def _move_all(desk: Desk, commands: Sequence[Command], to: CommandState, detail: str) -> None:
    for command in commands:
        desk.move(command, to, detail, _SENDING)


def _nothing_read(_unit: DispatchUnit, _watches: Collection[Watch]) -> Mapping[Watch, Sample]:
    return {}
