"""Alarms to those who must hear them: the file of recipients, what is written, and what is sent."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import structlog

from engine.errors import InputError
from engine.model import Alarm, AlarmState
from engine.notify.messages import Channel, MessageState
from engine.notify.planning import FLOOD_WITHIN, Planned, Situation, plan
from engine.notify.recipients import NOTIFY, Recipients, load_recipients
from engine.notify.sending import Carrier, Courier
from engine.notify.smtp import Mail, MailServer
from engine.notify.webhook import Post
from engine.ports import Clock
from engine.rulebook import Rulebook
from engine.settings import Settings
from engine.store import Store, Unit
from jobs import metrics
from jobs.alarms import end_shelvings, shelving_over
from jobs.bootstrap import Territory

_log = structlog.get_logger()
_WANTED = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.RTN_UNACKNOWLEDGED})


class RecipientsFile:
    """`notify.yaml`, read again when it changes. While it has a mistake, what it said before stays in force."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._book: Recipients | None = None

    def now(self, services: Sequence[str]) -> Recipients | None:
        """Who is to be told; None where there is no such file, or never was one without mistakes."""
        try:
            seen = self._path.stat()
        except FileNotFoundError:
            self._stamp = self._book = None
            return None
        stamp = (seen.st_mtime_ns, seen.st_size)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._book = load_recipients(self._path, services)
            except InputError as error:
                for problem in error.problems:
                    _log.error("recipients refused", problem=str(problem))
        return self._book


class Notifier:
    """Writes messages and sends them: two steps that may run beside each other, and in several processes."""

    def __init__(
        self, settings: Settings, store: Store, territory: Territory, clock: Clock,
        carriers: dict[Channel, Carrier] | None = None,
    ) -> None:  # fmt: skip
        self._file = RecipientsFile(settings.rules_dir / NOTIFY)
        self._store, self._territory, self._clock = store, territory, clock
        self._book: Recipients | None = None
        ways = carriers_of(settings) if carriers is None else carriers
        self._courier = Courier(store.read, store.begin, ways, clock)

    def tell(self, rulebook: Rulebook) -> int:
        """End shelvings whose time is over, and write what is to be told now. Returns how many messages are new."""
        now = self._clock.now()
        self._book = self._file.now(tuple(rulebook.owners))
        with self._store.read() as unit:
            active = unit.alarms.active()
            idle = not any(shelving_over(alarm, now) for alarm in active)
            idle = idle and not self._plan(unit, rulebook, active, now)
        if idle:
            return 0
        with self._store.begin() as unit:
            end_shelvings(unit, now)
            return _write(unit, self._plan(unit, rulebook, unit.alarms.active(), now), now)

    def post(self) -> Counter[str]:
        """Send what is due. Returns how many messages came to which state."""
        tally = self._courier.step(self._book)
        metrics.count_messages(tally)
        return tally

    def _plan(self, unit: Unit, rulebook: Rulebook, active: Sequence[Alarm], now: datetime) -> Planned:
        if self._book is None:
            return Planned()
        return plan(self._book, _service_of(rulebook), places_of(self._territory), situation(unit, active, now))


def carriers_of(settings: Settings) -> dict[Channel, Carrier]:
    """The ways that are set up."""
    ways: dict[Channel, Carrier] = {Channel.WEBHOOK: Post(settings.rules_dir)}
    if settings.smtp_url:
        server = MailServer.at(settings.smtp_url, settings.smtp_from, settings.smtp_password_file)
        ways[Channel.EMAIL] = Mail(server)
    return ways


def situation(unit: Unit, active: Sequence[Alarm], now: datetime) -> Situation:
    """What planning looks at, as a transaction sees it."""
    alarms = {alarm.id: alarm for alarm in active if alarm.state in _WANTED}
    recent = unit.notifications.recent(now - FLOOD_WITHIN)
    held = {one.alarm for one in recent if one.state is MessageState.HELD and one.alarm is not None}
    others = [alarm for one in sorted(held - alarms.keys()) if (alarm := unit.alarms.get(one)) is not None]
    told = unit.notifications.of([one for one in alarms if one is not None])
    return Situation(now, (*alarms.values(), *others), told, recent)


def places_of(territory: Territory) -> Callable[[str], Sequence[str]]:
    """An asset → its parent, zone and commune."""

    def places(asset: str) -> Sequence[str]:
        found = territory.by_id.get(asset)
        if found is None:
            return ()
        return (found.parent or asset, found.zone, territory.communes.get(found.zone, ""))

    return places


def _service_of(rulebook: Rulebook) -> Callable[[Alarm], str]:
    def service(alarm: Alarm) -> str:
        rule = rulebook.by_id.get(alarm.rule)
        return "" if rule is None else rule.definition.owner

    return service


def _write(unit: Unit, planned: Planned, now: datetime) -> int:
    """The messages, and one audit line; what another process has written meanwhile stays as it is."""
    written = unit.notifications.add(planned.messages)
    for digest, keys in planned.digested.items():
        if digest in written:
            unit.notifications.fold(keys, digest, now)
    if written:
        alarms = sorted({one.alarm for one in planned.messages if one.key in written and one.alarm is not None})
        body = {"alarms": alarms, "messages": len(written), "digests": len(written & planned.digested.keys())}
        unit.audit.append("notify", "write", "notifications", body, now)
    return len(written)
