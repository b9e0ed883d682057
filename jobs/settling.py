"""From what is wanted to the outbox: points settled when a want, the field or the time changes."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np
import orjson
import polars as pl

from engine.alarms import Clear, Raise, Subject, move
from engine.model import Command, Priority, Slot, sequence
from engine.setpoints.conditions import NOTHING_KNOWN, Conditions
from engine.setpoints.desk import BLOCKED
from engine.setpoints.outbox import Settled, settle
from engine.setpoints.pacing import spread
from engine.setpoints.points import Interlock, Lockout, PointInfo, Watch
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.weighing import guard

_WATCHED = "watched"  # the key of what the watches said when they were last looked at
_BOUND = "bound-by"  # the key of the epoch and, by domain, the orders that points were last settled by
_LOOK_EVERY = timedelta(seconds=30)
_MEANWHILE = timedelta(minutes=10)


def conditions_of(unit: Unit, points: Iterable[PointInfo], now: datetime) -> Conditions:
    """What the field and people say of these points."""
    watches = {condition.watch for point in points for condition in _conditions(point)}
    return Conditions(unit.readings.samples(watches), tuple(unit.holds.active(now)))


def _conditions(point: PointInfo) -> tuple[Lockout | Interlock, ...]:
    return ((point.lockout,) if point.lockout else ()) + point.interlocks


def settle_points(
    unit: Unit, territory: Territory, points: Iterable[str], now: datetime, made_by: str = "rules", under: str = ""
) -> int:
    """Resolve the arrays of these points and put into the outbox what their equipment does not do yet.

    `made_by` (rules, holds, plan:DOMAIN, person:ACCOUNT) answers for it where it is so much that it is held; what
    belongs to the batch `under` has been let go already. Points that the territory does not have are passed over.
    Returns how many commands are new.
    """
    known = territory.points
    chosen = [known[point] for point in sorted(set(points)) if point in known]
    names = [point.id for point in chosen]
    # The newest command first: a want that comes between the two readings then takes the sequence that we would give.
    newest, arrays = unit.commands.newest(names), unit.slots.arrays(names, None)
    conditions = replace(conditions_of(unit, chosen, now), unkept=_unkept(unit, chosen, arrays))
    first = sequence(unit.epochs.current(now), 1)
    commands: list[Command] = []
    renewals: dict[str, datetime | None] = {}
    blocked: dict[str, Settled] = {}
    for point in chosen:
        before = newest.get(point.id)
        found = _settled(point, arrays.get(point.id, []), before, now, conditions, first)
        if found and found.command:
            commands.append(found.command)
        if found and _life_safety(found):
            blocked[point.id] = found
        # A command enters with its own time; of those before it only what stays the newest keeps one.
        renew_at = None if found is None or found.command else found.renew_at
        # One that is held in a batch is not renewed.
        if before is not None and before.batch in {None, under} and renew_at != before.renew_at:
            renewals[before.id] = renew_at
    _tell_blocked(unit, chosen, blocked, now)
    unit.renewals.set(renewals)
    going = guard(unit, territory, commands, newest, now, made_by, under)
    return unit.commands.enqueue(spread(going, territory.jitter))


def _unkept(
    unit: Unit, points: Iterable[PointInfo], arrays: Mapping[str, Sequence[Slot]]
) -> dict[tuple[str, str], set[str]]:  # fmt: skip
    """See `Conditions`. What a plan lights against an order, because its keeper takes no more programs, stays lit: an
    order that bound it here would make programs of its own, which the equipment may refuse.
    """
    wants = (slot for point in points if point.orders for slot in arrays.get(point.id, ()))
    found: dict[tuple[str, str], set[str]] = {}
    for plan in sorted({slot.version for slot in wants if slot.source.startswith("plan:")}):
        for order, named in unit.plans.detail(plan).get("unkept", {}).items():
            for point in named:
                found.setdefault((plan, point), set()).add(order)
    return found


def _settled(
    point: PointInfo, array: Sequence[Slot], before: Command | None, now: datetime, conditions: Conditions, first: int
) -> Settled | None:
    """See `settle`. None where nobody ever wanted anything, or all is over and the equipment at its safe value."""
    at = _moment(now, array, before)
    until = max([slot.program.until for slot in array] + ([before.program.until] if before else []), default=now)
    if until <= at:
        if point.programs or before is None:
            return None
        until = at + point.envelope.time_to_live  # it goes on with what it was told last
    found = settle(point, array, before, at, until, conditions, first)
    if not (conditions.locked_out(point) or conditions.broken(point, at)):
        return found
    # What frees the point may come and go between two looks at its readings.
    renew_at = min(filter(None, (found.renew_at, at + _LOOK_EVERY)))
    command = replace(found.command, renew_at=renew_at) if found.command else None
    return replace(found, command=command, renew_at=renew_at)


def _moment(now: datetime, array: Sequence[Slot], newest: Command | None) -> datetime:
    """When a point is settled: `now`, but not before what is known of it: a plan thinks for minutes, and what a person
    asked meanwhile would be undone. What lies further ahead is another clock's error."""
    known = [slot.written_at for slot in array] + ([newest.issued_at] if newest else [])
    return max([now, *(at for at in known if at <= now + _MEANWHILE)])


def _tell_blocked(unit: Unit, points: Sequence[PointInfo], blocked: Mapping[str, Settled], now: datetime) -> None:
    """Raise the alarm of each asset with a blocked life-safety want, and end those of the ones that have none now."""
    lockable = [point for point in points if point.lockout]
    if not lockable:
        return
    standing = {alarm.asset: alarm for alarm in unit.alarms.of_rule(BLOCKED)}
    for asset, group in groupby(lockable, key=lambda point: point.asset):
        of_asset, alarm = {point.id: point for point in group}, standing.get(asset)
        named = alarm.detail.get("point") if alarm and alarm.cleared_at is None else None
        if named in of_asset and named not in blocked:
            alarm, named = move(unit.alarms, BLOCKED, asset, [Clear()], now, alarm).after, None
        stuck = next((point for point in of_asset if point in blocked), None)
        if stuck is not None and named is None:
            subject = Subject(BLOCKED, asset, of_asset[stuck].zone, Priority.CRITICAL)
            move(unit.alarms, BLOCKED, asset, [Raise(subject, _wanted_by(stuck, blocked[stuck]))], now, alarm)


def _life_safety(found: Settled) -> bool:
    winner = found.resolution.pieces[0].winner
    return bool(found.blocked) and winner is not None and winner.level.is_life_safety


def _wanted_by(point: str, found: Settled) -> dict[str, Any]:
    piece = found.resolution.pieces[0]
    agent = piece.winner.source if piece.winner else ""
    return {"point": point, "agent": agent, "value": piece.value, "why": found.blocked}


class Watched:
    """The readings that lock points out, free them, or hold and break their interlocks.

    `series`: number of the store → asset and property. What they said last is kept in the store, so that whoever
    looks next, in this process or another, sees the change.
    """

    def __init__(self, points: Collection[PointInfo], series: Mapping[int, tuple[str, str]]) -> None:
        self._domain = {point.id: point.domain for point in points}
        self._orders = _digests(points)
        self._sure = False
        self.bound_anew: frozenset[str] = frozenset()
        """The domains whose orders the last look found to be others: what was planned there weighed what is no more."""
        self._points: dict[Watch, list[PointInfo]] = {}
        for point in points:
            for condition in _conditions(point):
                self._points.setdefault(condition.watch, []).append(point)
        names = {(watch.asset, watch.property): watch for watch in self._points}
        self._series = {number: names[name] for number, name in series.items() if name in names}
        self._numbers = np.array(sorted(self._series), np.int64)
        # A lock-out stands until another word comes; an interlock also breaks when its reading grows old.
        self._ageing = [watch for watch, named in self._points.items() if any(point.interlocks for point in named)]
        self._looked_at: datetime | None = None

    @property
    def series(self) -> list[int]:
        """The numbers of what is watched."""
        found: list[int] = self._numbers.tolist()
        return found

    def changed(self, unit: Unit, fresh: pl.DataFrame, now: datetime) -> set[str]:
        """The points of which the field says something else than when they were last looked at; all of a domain whose
        orders are others, and every point where the database was restored.

        `fresh`: the readings that have come. At first all are looked at; later, each half minute, also those whose age
        counts.
        """
        if self._looked_at is None:
            watches = set(self._points)
        else:
            named = fresh["series"].unique().to_numpy()
            watches = {self._series[int(number)] for number in named[np.isin(named, self._numbers)]}
        if self._looked_at is None or now >= self._looked_at + _LOOK_EVERY:
            watches.update(self._ageing)
            self._looked_at = now
        touched = self._look(unit, watches, now) if watches else set()
        return touched | self._anew(unit, now)

    def _anew(self, unit: Unit, now: datetime) -> set[str]:
        """The points, once, of domains that were last settled by other orders; every point in another epoch."""
        self.bound_anew = frozenset()
        if self._sure:
            return set()
        bound: dict[str, Any] = {"epoch": unit.epochs.current(now), "orders": self._orders}
        kept = unit.state.get(_BOUND)
        before: dict[str, Any] = orjson.loads(kept) if kept else bound
        # Not before it is seen as committed: this transaction may still fail.
        self._sure = kept is not None and before == bound
        if not self._sure:
            unit.state.put(_BOUND, orjson.dumps(bound, option=orjson.OPT_SORT_KEYS))
        self.bound_anew = frozenset(name for name, _ in self._orders.items() ^ before["orders"].items())
        restored = before["epoch"] != bound["epoch"]
        return {point for point, domain in self._domain.items() if restored or domain in self.bound_anew}

    def _look(self, unit: Unit, watches: set[Watch], now: datetime) -> set[str]:
        kept = unit.state.get(_WATCHED)
        before: dict[str, str] = orjson.loads(kept) if kept else {}
        after = dict(before)
        conditions = Conditions(unit.readings.samples(watches))
        touched: set[str] = set()
        for watch in watches:
            key, said = f"{watch.asset}/{watch.property}", self._says(watch, conditions, now)
            if said != before.get(key, self._says(watch, NOTHING_KNOWN, now)):
                after[key] = said
                touched.update(point.id for point in self._points[watch])
        if after != before:
            unit.state.put(_WATCHED, orjson.dumps(after, option=orjson.OPT_SORT_KEYS))
        return touched

    def _says(self, watch: Watch, conditions: Conditions, now: datetime) -> str:
        """One letter a condition of the watch: what stands in the way of its points."""
        letters: dict[Lockout | Interlock, str] = {}
        for point in self._points[watch]:
            locked, broken = conditions.locked_out(point), conditions.broken(point, now)
            for condition in _conditions(point):
                if condition.watch == watch:
                    stands = locked if isinstance(condition, Lockout) else condition in broken
                    letters[condition] = "x" if stands else "-"
        return "".join(letters.values())


def _digests(points: Collection[PointInfo]) -> dict[str, str]:
    """By domain, of the orders of its points; none where none has any."""
    bound: dict[str, list[str]] = {}
    for point in points:
        for order in point.orders:
            bound.setdefault(point.domain, []).append(f"{point.id} {order}")
    return {domain: hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest() for domain, found in bound.items()}
