"""How fast commands leave: token buckets, and many switches at once spread over time."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.model import Command
from engine.setpoints.points import PointInfo

CROWD = 10
"""From so many points of one gateway on, switching them at the same instant is an inrush."""


@dataclass(slots=True)
class Buckets:
    """One token bucket a name, holding one second's worth of `rate`."""

    rate: float
    _level: dict[str, tuple[float, datetime]] = field(default_factory=dict)

    def level(self, name: str, now: datetime) -> float:
        full = max(self.rate, 1.0)
        level, since = self._level.get(name, (full, now))
        if level >= full or now <= since:
            return level
        return min(full, level + self.rate * (now - since).total_seconds())

    def take(self, name: str, now: datetime) -> None:
        self._level[name] = (self.level(name, now) - 1, now)

    def low(self, now: datetime) -> set[str]:
        """Names with less than a tenth of a second's worth: not worth looking at yet."""
        return {name for name in self._level if self.level(name, now) < max(1.0, self.rate / 10)}


class Pace:
    """Commands a second to each gateway and in each domain. The urgent are paced, too: they only go first."""

    def __init__(self, per_gateway: float, per_domain: float, points: Mapping[str, PointInfo]) -> None:
        self._points = points
        self._gateways = Buckets(per_gateway)
        self._domains = Buckets(per_domain)
        self._served: defaultdict[str, set[str]] = defaultdict(set)

    def busy(self, now: datetime) -> set[str]:
        """Gateways that have had their share, or serve a domain that has."""
        return self._gateways.low(now).union(*(self._served[domain] for domain in self._domains.low(now)))

    def take(self, command: Command, now: datetime) -> bool:
        """Whether the command may go now."""
        domain = self._points[command.point].domain
        self._served[domain].add(command.gateway)
        if self._gateways.level(command.gateway, now) < 1 or self._domains.level(domain, now) < 1:
            return False
        self._gateways.take(command.gateway, now)
        self._domains.take(domain, now)
        return True


def spread(commands: Sequence[Command], jitter: timedelta) -> list[Command]:
    """Against inrush: where many points of a gateway would switch at once, each is sent at an instant of its own.

    It lies up to `jitter`, and a quarter of the command's life, later; the same command always gets the same.
    Urgent commands are left alone.
    """
    crowd = Counter(command.gateway for command in commands)
    return [
        _later(command, jitter) if crowd[command.gateway] >= CROWD and not command.urgent else command
        for command in commands
    ]


def _later(command: Command, jitter: timedelta) -> Command:
    share = int.from_bytes(hashlib.blake2b(command.id.encode(), digest_size=8).digest()) / 2**64
    start_at = command.not_before or command.issued_at
    longest = min(jitter, (command.expires_at - start_at) / 4)
    return replace(command, not_before=start_at + share * max(longest, timedelta(0)))
