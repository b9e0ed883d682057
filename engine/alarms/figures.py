"""How well people can live with their alarms: the figures of EEMUA 191 (3rd ed.) and ISA-18.2-2016, clause 16.

What is counted is what came before an operator: an alarm that was suppressed by design from its first instant, or
shelved, was not heard. The recommended values are for one operator's position.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from engine.alarms.causes import Cause, Places, by_cause
from engine.model import Alarm, AlarmState, Priority

PERIOD = timedelta(minutes=10)
FLOOD = 10
"""Alarms in `PERIOD` that a person can follow; above it is a flood."""
CHATTER, CHATTER_WITHIN = 3, timedelta(minutes=1)
STALE = timedelta(hours=24)
FREQUENT = 10
K = TypeVar("K")
_IN_SIGHT = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RTN_UNACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class Activation:
    """An alarm came before an operator, unacknowledged."""

    rule: str
    asset: str
    zone: str
    priority: Priority
    at: datetime


@dataclass(frozen=True, slots=True)
class Chatter:
    """A rule and an asset that rang `CHATTER` times or more within a minute; `times` in all."""

    rule: str
    asset: str
    times: int


@dataclass(frozen=True, slots=True)
class Flood:
    """Adjacent periods of ten minutes with more than `FLOOD` alarms each, and what they had in common."""

    start: datetime
    until: datetime
    count: int
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of [start, until). `average` and `peak` are alarms in ten minutes, the peak at the worst moment.

    `flooded` is the share of its ten-minute periods that hold a flood; `shares` of each priority; `frequent` the ten
    rules that ring most with how often, `frequent_share` their part of all. Shares lie in 0…1; without alarms, 0.
    """

    start: datetime
    until: datetime
    count: int
    average: float
    peak: int
    flooded: float
    floods: tuple[Flood, ...]
    chattering: tuple[Chatter, ...]
    stale: tuple[Alarm, ...]
    shares: Mapping[Priority, float]
    frequent: tuple[tuple[str, int], ...]
    frequent_share: float


def figures(
    activations: Iterable[Activation], active: Iterable[Alarm], places: Places, start: datetime, until: datetime
) -> Figures:  # fmt: skip
    """The figures of [start, until), which must not be empty; `active`: the alarms that are so at its end."""
    rings = sorted((one for one in activations if start <= one.at < until), key=lambda one: one.at)
    periods = -(-(until - start) // PERIOD)
    crowded = _crowded(rings, start)
    of_rule = Counter(one.rule for one in rings).most_common(FREQUENT)
    of_priority = Counter(one.priority for one in rings)
    return Figures(
        start=start,
        until=until,
        count=len(rings),
        average=len(rings) * (PERIOD / (until - start)),
        peak=densest([one.at for one in rings], PERIOD),
        flooded=len(crowded) / periods,
        floods=tuple(_floods(crowded, places, start)),
        chattering=tuple(_chattering(rings)),
        stale=tuple(_stale(active, until)),
        shares={priority: _share(of_priority[priority], len(rings)) for priority in Priority},
        frequent=tuple(of_rule),
        frequent_share=_share(sum(count for _, count in of_rule), len(rings)),
    )


def densest(instants: Sequence[datetime], within: timedelta) -> int:
    """The most of some instants, in order, that any half-open span of a length holds."""
    most, window = 0, deque[datetime]()
    for at in instants:
        window.append(at)
        while at - window[0] >= within:
            window.popleft()
        most = max(most, len(window))
    return most


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _crowded(rings: Sequence[Activation], start: datetime) -> dict[int, list[Activation]]:
    """The periods with too many alarms, by their number."""
    periods = _grouped(rings, lambda one: (one.at - start) // PERIOD)
    return {number: several for number, several in periods.items() if len(several) > FLOOD}


def _floods(crowded: Mapping[int, Sequence[Activation]], places: Places, start: datetime) -> Iterator[Flood]:
    for number in sorted(crowded):
        if number - 1 in crowded:
            continue
        end = number
        while end in crowded:
            end += 1
        inside = [(one.rule, one.asset) for n in range(number, end) for one in crowded[n]]
        yield Flood(start + number * PERIOD, start + end * PERIOD, len(inside), tuple(by_cause(inside, places)))


def _chattering(rings: Sequence[Activation]) -> list[Chatter]:
    """The worst first."""
    found = [
        Chatter(*of, len(several))
        for of, several in _grouped(rings, lambda one: (one.rule, one.asset)).items()
        if densest([one.at for one in several], CHATTER_WITHIN) >= CHATTER
    ]
    return sorted(found, key=lambda one: (-one.times, one.rule, one.asset))


def _stale(active: Iterable[Alarm], until: datetime) -> list[Alarm]:
    """What has been before the operators for more than a day, the oldest first."""
    old = [alarm for alarm in active if alarm.state in _IN_SIGHT and until - alarm.raised_at > STALE]
    return sorted(old, key=lambda alarm: (alarm.raised_at, alarm.rule, alarm.asset))


def _grouped(rings: Iterable[Activation], key: Callable[[Activation], K]) -> dict[K, list[Activation]]:
    groups: dict[K, list[Activation]] = defaultdict(list)
    for one in rings:
        groups[key(one)].append(one)
    return groups
