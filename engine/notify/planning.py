"""Who is to be told now: of each alarm that nobody has acknowledged, the step of its chain whose turn it is."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.alarms.causes import Places
from engine.model import Alarm, AlarmState, Priority
from engine.notify.messages import Channel, Kind, MessageState, Notification, key_of
from engine.notify.recipients import Chain, Recipients, Step
from engine.notify.texts import alarm_text, digest_text

FLOOD_WITHIN = timedelta(minutes=10)
UNSAID = timedelta(minutes=30)
"""How long an alarm waits for an answer before it goes to the next step, where its source names no time."""
LIFE = timedelta(hours=4)
"""How long a message may be on its way; it ends sooner where the duty of those it is for does."""

_HEARD = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.RTN_UNACKNOWLEDGED})
_PRIORITIES = tuple(Priority)
_Box = tuple[str, Channel]


@dataclass(frozen=True, slots=True)
class Situation:
    """What planning looks at.

    `alarms`: those that want to be acknowledged, and those that held messages speak of. `told`: by alarm, what was
    written of them. `recent`: what was written in the last `FLOOD_WITHIN`, digests among it, and all that is held.
    """

    now: datetime
    alarms: Sequence[Alarm] = ()
    told: Mapping[int, Sequence[Notification]] = field(default_factory=dict)
    recent: Sequence[Notification] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """Messages to be written, digests among them; and for each digest's key, the keys of those it tells of."""

    messages: tuple[Notification, ...] = ()
    digested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.messages or self.digested)


def plan(book: Recipients, service_of: Callable[[Alarm], str], places: Places, seen: Situation) -> Planned:
    """What is to be written at an instant. Planned again after it was written, nothing is."""
    fresh = [
        message
        for alarm in seen.alarms
        if alarm.id is not None
        for message in _messages(book, book.chain(service_of(alarm)), alarm, seen)
    ]
    fresh = _held_in_flood(book.flood, fresh, seen)
    held = [one for one in (*seen.recent, *fresh) if one.state is MessageState.HELD]
    digests = dict(_digests(book, held, places, seen))
    return Planned((*fresh, *digests), {one.key: keys for one, keys in digests.items()})


def due(chain: Chain, alarm: Alarm, told: Sequence[Notification], book: Recipients, now: datetime) -> int | None:
    """The step of a chain that is to hear of an alarm now, by its place; None for nobody.

    The first on duty that has not heard of it and where somebody listens to its priority: at once where nobody has
    heard of it yet, else once those told last have let their time pass while its condition stands. When all have been
    told, those whose message was not sent in time are told again.
    """
    told = _written_of(told)
    if alarm.state not in _HEARD or (told and not _unanswered(alarm, told, now)):
        return None
    had = {one.step for one in told}
    turns = [n for n, step in enumerate(chain) if step.on_duty(now) and _listening(step, alarm, told, book)]
    return min(turns, key=lambda number: (number in had, number), default=None)


def _written_of(told: Sequence[Notification]) -> Sequence[Notification]:
    """But for what was cancelled: it may be written again."""
    return [one for one in told if one.state is not MessageState.CANCELLED]


def _listening(step: Step, alarm: Alarm, told: Sequence[Notification], book: Recipients) -> list[str]:
    """Those of a step who are still to hear of an alarm."""
    reached = {one.recipient for one in told if one.state is not MessageState.EXPIRED}
    return [name for name in step.to if name not in reached and book.recipients[name].hears(alarm.priority)]


def _unanswered(alarm: Alarm, told: Sequence[Notification], now: datetime) -> bool:
    """Whether those told last have let their time to respond pass, or will never hear."""
    if alarm.state is not AlarmState.UNACKNOWLEDGED:
        return False
    newest = max(told, key=lambda one: one.not_before).step
    last = [one for one in told if one.step == newest]
    if any(one.state is MessageState.HELD for one in last):
        return False
    heard = [one.heard_at for one in last if one.heard_at is not None]
    within_s = alarm.detail.get("respond_within_s")
    within = UNSAID if within_s is None else timedelta(seconds=float(within_s))
    return not heard or now >= max(heard) + within


def _messages(book: Recipients, chain: Chain, alarm: Alarm, seen: Situation) -> Iterable[Notification]:
    assert alarm.id is not None  # noqa: S101 - only saved alarms are looked at
    told = _written_of(seen.told.get(alarm.id, ()))
    number = due(chain, alarm, told, book, seen.now)
    if number is None:
        return
    kind = Kind.ESCALATION if told else Kind.ALARM
    for name in _listening(chain[number], alarm, told, book):
        recipient = book.recipients[name]
        subject, body = alarm_text(alarm, recipient.lang, escalated=kind is Kind.ESCALATION)
        for channel in recipient.channels:
            key = key_of(alarm.id, name, channel)
            yield _written(key, alarm, name, channel, kind, number, chain[number], subject, body, seen.now)


def _written(
    key: str, alarm: Alarm, name: str, channel: Channel, kind: Kind, number: int, step: Step, subject: str, body: str,
    now: datetime,
) -> Notification:  # fmt: skip
    return Notification(
        key=key,
        alarm=alarm.id,
        recipient=name,
        channel=channel,
        kind=kind,
        step=number,
        priority=alarm.priority,
        subject=subject,
        body=body,
        created_at=now,
        not_before=now,
        expires_at=step.off_duty(now, now + LIFE),
        state=MessageState.QUEUED,
        attempts=0,
        changed_at=now,
    )


def _held_in_flood(flood: int, fresh: Sequence[Notification], seen: Situation) -> list[Notification]:
    """The same messages, those held that are too many. Critical ones are counted apart, so that no crowd hides them."""
    since = seen.now - FLOOD_WITHIN
    recent = [one for one in seen.recent if one.kind is not Kind.DIGEST and one.not_before > since]
    counts = Counter(map(_lane, (*recent, *fresh)))
    return [replace(one, state=MessageState.HELD) if counts[_lane(one)] > flood else one for one in fresh]


def _lane(one: Notification) -> tuple[str, Channel, bool]:
    return one.recipient, one.channel, one.priority is Priority.CRITICAL


def _digests(
    book: Recipients, held: Sequence[Notification], places: Places, seen: Situation
) -> Iterable[tuple[Notification, tuple[str, ...]]]:
    """For each recipient with held messages, one that tells of all; not sooner than `FLOOD_WITHIN` after the last."""
    since = seen.now - FLOOD_WITHIN
    rests = {_box(one) for one in seen.recent if one.kind is Kind.DIGEST and one.not_before > since}
    boxes: dict[_Box, list[Notification]] = defaultdict(list)
    for one in held:
        if _box(one) not in rests:
            boxes[_box(one)].append(one)
    by_id = {alarm.id: alarm for alarm in seen.alarms}
    for several in boxes.values():
        recipient = book.recipients.get(several[0].recipient)
        told = [alarm for one in several if (alarm := by_id.get(one.alarm)) is not None]
        subject, body = digest_text(told, places, recipient.lang if recipient else "fr")
        yield (
            replace(
                several[0],
                id=None,
                key=f"digest/{several[0].key}",
                alarm=None,
                kind=Kind.DIGEST,
                priority=min((one.priority for one in several), key=_PRIORITIES.index),
                subject=subject,
                body=body,
                created_at=seen.now,
                not_before=seen.now,
                expires_at=max(one.expires_at for one in several),
                state=MessageState.QUEUED,
                changed_at=seen.now,
            ),
            tuple(one.key for one in several),
        )


def _box(one: Notification) -> _Box:
    return one.recipient, one.channel
