"""The breaker of a meter up to 36 kVA: trips when what passes is too much for too long."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp

_HEATS_S = 60.0
_TRIPS_AT = 1.1
_SHUT_FOR = timedelta(minutes=20)


@dataclass
class Breaker:
    """Warm by the square of the load over its limit, with a time constant of a minute; trips when 10 % over what the
    limit itself warms it to: at 1.05 times the limit never, at 1.1 after some two and a half minutes, at 1.4 after
    50 s, at twice after 20. A simplified curve: real ones differ by maker. Somebody resets it after twenty minutes.
    """

    limit_w: float
    warm: float = 0.0
    trips: list[datetime] = field(default_factory=list)
    _until: datetime | None = None

    def open_at(self, at: datetime) -> bool:
        """Whether nothing passes now."""
        if self._until is not None and at >= self._until:
            self._until, self.warm = None, 0.0
        return self._until is not None

    def passed(self, power_w: float, at: datetime, seconds: float) -> None:
        """So much passed until an instant."""
        toward = (max(power_w, 0.0) / self.limit_w) ** 2
        self.warm = toward + (self.warm - toward) * exp(-seconds / _HEATS_S)
        if self.warm > _TRIPS_AT:
            self.trips.append(at)
            self._until = at + _SHUT_FOR
