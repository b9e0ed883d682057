"""What of the service works, by what it last did: the parts of this process, and who leads by the database."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from engine.errors import ConsigneError
from engine.settings import Settings
from engine.store import Unit
from engine.store.leases import Lease
from jobs.vitals import Sign, Vitals

State = Literal["ok", "degraded", "down"]
STATES: tuple[State, ...] = ("ok", "degraded", "down")
Read = Callable[[], AbstractContextManager[Unit]]
"""Opens a reading transaction; raises Unavailable where the database is away."""
_ANSWERS_WITHIN_S = 5.0  # whoever asks for the status has a patience of some ten seconds
LOOP = "loop"  # the mark of the loop that takes turns, and of what waits in its place


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `down` means the service cannot work without it; `degraded` that it works with less.

    `age_s` since it last succeeded, `bound_s` how long that may be; `hint`: what to do.
    """

    name: str
    state: State
    what: str
    age_s: float | None = None
    bound_s: float | None = None
    hint: str = ""


Look = Callable[[Unit, datetime], Iterable[Finding]]
"""What else the database tells, at an instant."""


def role_of(lease: str) -> str:
    """The role that goes with a lease; a sender's carries its name as well."""
    return lease.partition("/")[0]


def worst(findings: Collection[Finding]) -> State:
    """Of all states the worst; ok for none."""
    return max((finding.state for finding in findings), key=STATES.index, default="ok")


@dataclass(frozen=True, slots=True)
class Part:
    """Work of a role that marks its successes under its name. Overdue, it is `lost`."""

    name: str
    role: str
    done: str
    hint: str
    lost: State = "down"


PARTS = (
    Part("broker", "ingest", "the session with the broker stood", "start the broker, or see CONSIGNE_BROKER_URL"),
    Part("cycle", "rules", "a rule cycle was committed", "see the log: consigne_rule_faults, or the database"),
    Part("zones", "rules", "every group of zones was decided", "see the log: rules failed, group N", "degraded"),
    Part("seal", "rules", "the audit was sealed", "see the log, and consigne audit verify", "degraded"),
    Part("messages", "rules", "messages to people were seen to", "see the log, and consigne doctor", "degraded"),
    Part("schedule", "plan", "the schedule was looked at", "see the log, and consigne schedule runs"),
    Part(
        "dispatch", "dispatch", "commands were sent and answers taken", "see the log: the broker or equipment is away"
    ),
)
"""What a process with a role marks in its `Vitals`."""


def is_live(settings: Settings, vitals: Vitals) -> Finding:
    """Whether the loop still turns. Waiting for what is away is turning; hanging is not, though the process is up."""
    sign = vitals.signs().get(LOOP)
    silent_s = vitals.leads_s if sign is None else sign.silent_s
    bound_s = max(settings.live_s, settings.lead_s)  # who stands by looks for the lead three times in its life
    state: State = "ok" if silent_s <= bound_s else "down"
    what = f"gave a sign of life {silent_s:.1f} s ago"
    return Finding(LOOP, state, what, silent_s, bound_s, "" if state == "ok" else "start the process again")


class Readiness:
    """Whether this process does what it is there for, looked at when asked."""

    def __init__(
        self, settings: Settings, read: Read, vitals: Vitals, roles: Collection[str], now: Callable[[], datetime],
        also: Look = lambda _unit, _now: (),
    ) -> None:  # fmt: skip
        """`also` looks at the database for more."""
        self._settings, self._vitals, self._roles, self._now = settings, vitals, frozenset(roles), now
        self._also = also
        self._database = Probe(read, _ANSWERS_WITHIN_S)

    def findings(self) -> list[Finding]:
        """The database first; what cannot be known without it is left out while it is away."""
        now = self._now()
        found, seen = self._database.ask(lambda unit: (unit.leases.all(), list(self._also(unit, now))))
        leases, more = seen or (None, [])
        return [found, *self._leads(leases), *self._parts(leases), *more]

    def _leads(self, leases: Collection[Lease] | None) -> Iterator[Finding]:
        """Of each of our roles, or of any for who only looks on, who holds it; senders of several names share one."""
        only_looks = not self._roles - {"console"}
        if only_looks and leases is not None and not leases:
            yield Finding("leases", "down", "nobody has ever led", hint="start consigne serve")
        for role in sorted({role_of(lease.name) for lease in leases or ()}):
            if role in self._roles or only_looks:
                of_role = [lease for lease in leases or () if role_of(lease.name) == role]
                yield self._led(f"lease {role}", of_role, self._now(), only_looks)

    def _led(self, name: str, leases: Collection[Lease], now: datetime, only_looks: bool) -> Finding:
        for lease in leases:
            if self._vitals.fences.get(lease.name) == lease.fence:
                return Finding(name, "ok", f"held under fence {lease.fence}")
        leading = [f"{lease.owner} leads under fence {lease.fence}" for lease in leases if lease.until_at > now]
        if leading:
            what = ", ".join(leading)
            return Finding(name, "ok", what if only_looks else f"standing by: {what}")
        last = max(leases, key=lambda lease: lease.until_at)
        age_s = (now - last.until_at).total_seconds()
        state: State = "down" if age_s > self._settings.ready_s else "degraded"
        what = f"nobody leads since {last.owner} did, {age_s:.0f} s ago"
        return Finding(name, state, what, age_s, self._settings.ready_s, "start consigne serve with this role")

    def _parts(self, leases: Collection[Lease] | None) -> Iterator[Finding]:
        """Of each part of our roles, how it does; where we do not lead, who does. None: who does is not known."""
        now, signs = self._now(), self._vitals.signs()
        led = {role_of(lease.name): lease for lease in leases or () if lease.until_at > now}
        leads = {role_of(name) for name in self._vitals.fences}
        for part in PARTS:
            if part.role not in self._roles or (part.role not in leads and leases is None):
                continue
            if part.role not in leads and part.role in led:
                yield Finding(part.name, "ok", f"standing by: {led[part.role].owner} leads {part.role}")
            else:
                yield self._part(part, signs.get(part.name))

    def _part(self, part: Part, sign: Sign | None) -> Finding:
        bound_s, age_s = self._settings.ready_s, None if sign is None else sign.success_s
        why = f": {sign.why}" if sign is not None and sign.why else ""
        if age_s is None:
            return Finding(part.name, part.lost, f"not yet: {part.done}{why}", None, bound_s, part.hint)
        if age_s > bound_s:
            what = f"{age_s:.0f} s since {part.done}{why}"
            return Finding(part.name, part.lost, what, age_s, bound_s, part.hint)
        return Finding(part.name, "ok", f"{part.done} {age_s:.1f} s ago", age_s, bound_s)


class Probe:
    """Asks the database, and waits no longer than a bound: one that hangs must not hang whoever asks."""

    def __init__(self, read: Read, bound_s: float) -> None:
        self._read, self._bound_s = read, bound_s
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, "database probe")
        self._asked: Future[Any] | None = None

    def ask(self, look: Callable[[Unit], Any]) -> tuple[Finding, Any]:
        """What is found of the database, and what the look returns; None where it does not answer."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = self._pool.submit(self._look, look)
            try:
                return Finding("database", "ok", "answers"), self._asked.result(self._bound_s)
            except TooLate:
                what = f"has not answered within {self._bound_s:g} s"
            except ConsigneError as error:
                what = str(error)
        return Finding("database", "down", what, None, self._bound_s, "see consigne doctor"), None

    def _look(self, look: Callable[[Unit], Any]) -> Any:
        with self._read() as unit:
            return look(unit)
