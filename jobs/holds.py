"""Holds: people stop the automation of a domain, a zone or a point, never without an end, and are told before it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from engine.alarms import Clear, Raise, Subject, current, move
from engine.errors import InputError, Problem
from engine.instants import isoformat
from engine.model import Hold, Priority, Scope
from engine.rulebook.naming import listed
from engine.store import Store, Unit
from jobs.bootstrap import Territory
from jobs.scopes import points_in
from jobs.settling import settle_points

RULE = "hold-ends-soon"
LONGEST = timedelta(days=7)
"""A hold that is needed for longer is a new decision every week."""
WARNED = timedelta(minutes=15)
"""How long before the end of a hold the alarm is raised; in its last third where it is shorter than thrice that."""


def put_hold(store: Store, hold: Hold) -> Hold:
    """Hold from `from_at` on. Raises InputError with everything that is wrong with it.

    Another hold of the same thing is replaced. What is held keeps or goes back to the program it has in itself.
    """
    problems = list(_problems(hold))
    if problems:
        raise InputError(problems)
    with store.begin() as unit:
        put = unit.holds.put(hold)
        _clear(unit, hold, hold.from_at)
        body = {"hold": put.id, "until": isoformat(hold.until_at), "reason": hold.reason}
        unit.audit.append(hold.by, "hold", _subject(hold), body, hold.from_at)
        return put


def _problems(hold: Hold) -> Iterable[Problem]:
    longest = isoformat(hold.from_at + LONGEST)
    if hold.until_at <= hold.from_at:
        yield Problem("--until", 0, 0, f"{isoformat(hold.until_at)} is over", "name an instant to come")
    elif hold.until_at > hold.from_at + LONGEST:
        hint = f"until {longest} at most; put it again then, if it is still wanted"
        yield Problem("--until", 0, 0, f"{isoformat(hold.until_at)} is more than {LONGEST.days} days away", hint)
    if not hold.reason.strip():
        yield Problem("--reason", 0, 0, "is empty", "say why: others will read it")


def resume(store: Store, territory: Territory, scope: Scope, subject: str, by: str, now: datetime) -> list[Hold]:
    """End the hold of exactly this, and settle its points at once. Raises InputError where it is not held by itself."""
    with store.begin() as unit:
        ended = list(unit.holds.end(scope, subject, now, by))
        if not ended:
            held = [_subject(hold) for hold in unit.holds.active(now)]
            hint = f"what is held: {listed(held)}"
            raise InputError([Problem(f"{scope.value} {subject}", 0, 0, "is not held by itself", hint)])
        _clear(unit, ended[0], now)
        commands = settle_points(unit, territory, points_in(territory, scope, subject), now, by)
        body = {"hold": ended[0].id, "commands": commands}
        unit.audit.append(by, "resume", _subject(ended[0]), body, now)
        return ended


def tend_holds(store: Store, territory: Territory, now: datetime) -> int:
    """Warn of holds that end soon, and settle the points of those that have ended; returns how many of either.

    What came due while nobody looked is done at the next look.
    """
    with store.read() as unit:
        if not (unit.holds.soon(now, WARNED) or unit.holds.run_out(now)):
            return 0
    with store.begin() as unit:
        soon, over = unit.holds.soon(now, WARNED), unit.holds.run_out(now)
        for hold in soon:
            _warn(unit, hold, now)
        for hold in over:
            unit.holds.close(hold)
            _clear(unit, hold, now)
            commands = settle_points(unit, territory, points_in(territory, hold.scope, hold.subject), now, "holds")
            unit.audit.append("holds", "end", _subject(hold), {"hold": hold.id, "commands": commands}, now)
        return len(soon) + len(over)


def _warn(unit: Unit, hold: Hold, now: datetime) -> None:
    subject = Subject(RULE, hold.subject, hold.subject if hold.scope is Scope.ZONE else "", Priority.MEDIUM)
    detail = {
        "scope": hold.scope.value,
        "until": isoformat(hold.until_at),
        "by": hold.by,
        "reason": hold.reason,
        "respond_within_s": (hold.until_at - now).total_seconds(),
    }
    move(unit.alarms, RULE, hold.subject, [Raise(subject, detail)], now, current(unit.alarms, RULE, hold.subject))
    unit.holds.warned(hold, now)
    unit.audit.append("holds", "warn", _subject(hold), {"hold": hold.id}, now)


def _clear(unit: Unit, hold: Hold, now: datetime) -> None:
    standing = current(unit.alarms, RULE, hold.subject)
    if standing is not None:
        move(unit.alarms, RULE, hold.subject, [Clear()], now, standing)


def _subject(hold: Hold) -> str:
    return f"{hold.scope.value}/{hold.subject}"
