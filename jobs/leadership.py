"""Who leads: a process takes the leases of all its roles or none, renews them while it works, and stands by otherwise.

Its clock says when a lease has run out, so hosts keep theirs together (NTP). Where they do not, one may lead too early:
the other is then deposed, and by the fences writes nothing more.
"""

import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Self

import numpy as np
import psutil
import structlog

from engine.errors import Conflict, Unavailable
from engine.instants import isoformat
from engine.ports import Clock
from engine.store import Store
from engine.store.leases import Deposed

_log = structlog.get_logger()
_LOOK_EVERY_S = 0.1
_STAND_BY_S = 1.0  # one short read, so that what is given back is soon taken
_JITTER = 0.25


def this_process() -> str:
    """host:pid:start, which no other process is, nor this one's successor under the same pid."""
    born_ms = int(psutil.Process().create_time() * 1000)
    return f"{socket.gethostname()}:{os.getpid()}:{born_ms:x}"


class Leadership:
    """How one process comes to lead. The store is its own: a renewal must not wait for anybody's connection.

    `alone`: something surer than the table keeps others out (the lock of a SQLite file). Then a lease that somebody
    seems to hold is a dead one's and is taken at once, and one that could not be renewed in time is still ours.
    """

    def __init__(
        self, store: Store, names: Sequence[str], clock: Clock, life: timedelta, *, owner: str | None = None,
        alone: bool = False, seed: int = 0,
    ) -> None:  # fmt: skip
        self._store, self._names, self._clock, self._life, self._alone = store, tuple(names), clock, life, alone
        self.owner = owner or this_process()
        self._rng = np.random.default_rng([seed, *self.owner.encode()])

    def stand_by(self, stop: threading.Event, beat: Callable[[], object] = lambda: None) -> "Term | None":
        """Wait until all leases are ours; None once stopped. A database that is away is waited for.

        `beat` is called at every look.
        """
        waits_for = None
        while not stop.is_set():
            beat()
            try:
                term = self.take(stop)
                found = None if term else self._held_by()
            except (Unavailable, Conflict) as error:
                term, found = None, str(error)
            if term is not None:
                return term
            if found != waits_for:
                _log.info("standing by", owner=self.owner, leases=self._names, why=found)
                waits_for = found
            stop.wait(self._pause_s())
        return None

    def take(self, stop: threading.Event | None = None) -> "Term | None":
        """Take all leases now, or none: None while others hold one. Looks first, so as to keep no writer waiting."""
        now = self._clock.now()
        with self._store.read() as unit:
            held = {lease.name: lease for lease in unit.leases.all() if lease.name in self._names}
        others = {n: one.fence for n, one in held.items() if one.owner != self.owner and one.until_at > now}
        if others and not self._alone:
            return None
        with self._store.begin() as unit:
            unit.leases.release(others, now)  # only of the dead: see `alone`
            fences = unit.leases.take(self._names, self.owner, now, self._life)
        if fences is None:
            return None
        _log.info("leading", owner=self.owner, fences=fences)
        return Term(self._store, fences, self._clock, self._life, now + self._life, stop=stop, alone=self._alone)

    def _held_by(self) -> str:
        with self._store.read() as unit:
            held = [lease for lease in unit.leases.all() if lease.name in self._names and lease.owner != self.owner]
        owners = sorted({lease.owner for lease in held})
        said = [f"{one} leads {', '.join(lease.name for lease in held if lease.owner == one)}" for one in owners]
        return "; ".join(said) or "somebody was quicker"

    def _pause_s(self) -> float:
        pause_s = min(self._life / timedelta(seconds=3), _STAND_BY_S)
        return float(pause_s * self._rng.uniform(1 - _JITTER, 1 + _JITTER))


class Term:
    """One time of leading, as a context: two threads of its own renew the leases and watch that they have not run out.

    `over` is set once the work must end: told by `stop`, or `lost` says why others may lead by now. Leaving gives back
    what is still ours.
    """

    def __init__(
        self, store: Store, fences: Mapping[str, int], clock: Clock, life: timedelta, until_at: datetime, *,
        stop: threading.Event | None = None, alone: bool = False,
    ) -> None:  # fmt: skip
        self.fences = dict(fences)
        self.over = threading.Event()
        self.lost: str | None = None
        self._store, self._clock, self._life, self._alone = store, clock, life, alone
        self._until_at = until_at  # as the table has it: the taking may have waited
        self._stop = stop or threading.Event()
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for step in (self._renewing, self._watching):
            thread = threading.Thread(target=step, name=f"lease {step.__name__.strip('_')}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._closed.set()
        third_s = self._life / timedelta(seconds=3)
        for thread in self._threads:
            thread.join(third_s)  # one that hangs in a renewal finds its lease released, or runs it out
        try:
            with self._store.begin() as unit:
                unit.leases.release(self.fences, self._clock.now())
        except (Unavailable, Conflict) as error:
            _log.warning("leases not given back: they run out", why=str(error), until=isoformat(self._until_at))

    def renew(self) -> bool:
        """Hold the leases for another life. False where that came to nothing: try again soon, it may be over."""
        now = self._clock.now()
        try:
            with self._store.begin() as unit:
                unit.leases.renew(self.fences, now, self._life)
        except Deposed as error:
            self.lose(str(error))
        except (Unavailable, Conflict) as error:
            _log.warning("lease not renewed", why=str(error), until=isoformat(self._until_at))
        else:
            self._until_at = now + self._life
            return True
        return False

    def look(self) -> None:
        """Lose what has run out."""
        if not self._alone and self._clock.now() >= self._until_at:
            self.lose(f"not renewed before it ran out at {isoformat(self._until_at)}")

    def lose(self, why: str) -> None:
        """The work must end at once: others may lead."""
        if self.lost is None:
            self.lost = why
            _log.warning("lost the lead", leases=sorted(self.fences), why=why)
        self.over.set()

    def _renewing(self) -> None:
        third_s = self._life / timedelta(seconds=3)
        wait_s = third_s
        while not self._closed.wait(wait_s) and self.lost is None:
            wait_s = third_s if self.renew() else third_s / 4

    def _watching(self) -> None:
        while not self._closed.wait(_LOOK_EVERY_S) and self.lost is None:
            if self._stop.is_set():
                self.over.set()
            self.look()
