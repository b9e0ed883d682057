"""A charging station in software: vehicles that come, want energy and leave, and the limit that it obeys."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import AwareDatetime

LEAST_A = 6.0
"""IEC 61851: a vehicle is told 6 A or more, or to wait."""
REST_LIMIT_W = 3_700.0
"""What a station allows that is told nothing: 16 A on one phase, which no contract is too small for."""
_PHASE_V = 230.0
_TAPERS_FROM = 0.8


def least_w(phases: int) -> float:
    """Below which charging pauses."""
    return LEAST_A * _PHASE_V * phases


@dataclass(frozen=True, kw_only=True)
class Stay:
    """A vehicle at a station: when, how full it comes, what its driver wants by its leave, what it can take."""

    station: str
    arrives_at: AwareDatetime
    departs_at: AwareDatetime
    capacity_wh: float
    stored_wh: float
    wanted_wh: float
    charge_max_w: float
    efficiency: float = 0.9


class Station:
    """A charging point and its stays, in order. Instants given to it must not go back."""

    def __init__(self, name: str, stays: Sequence[Stay], *, charge_max_w: float, phases: int = 3) -> None:
        self.name = name
        self.charge_max_w = charge_max_w
        self.least_w = least_w(phases)
        self.charged_wh: list[tuple[Stay, float]] = []
        self._coming = sorted(
            (stay for stay in stays if stay.station == name), key=lambda s: s.arrives_at, reverse=True
        )
        self.stay: Stay | None = None
        self._given_wh = 0.0

    def at(self, at: datetime) -> Stay | None:
        """Who is connected. Whoever has left is written down with what it got."""
        if self.stay is not None and self.stay.departs_at <= at:
            self.charged_wh.append((self.stay, self._given_wh))
            self.stay = None
        while self._coming and self.stay is None and self._coming[-1].arrives_at <= at:
            stay = self._coming.pop()
            self._given_wh = 0.0
            if stay.departs_at > at:
                self.stay = stay
        return self.stay

    def rest(self, at: datetime) -> Stay:
        """What is left from an instant on of the stay of who is connected. Raises ValueError without anybody."""
        if self.stay is None:
            raise ValueError(f"{self.name}: nobody is connected, wants a vehicle")
        return replace(self.stay, arrives_at=at, stored_wh=self._stored_wh(self.stay), wanted_wh=self.still_wanted_wh)

    @property
    def rest_w(self) -> float:
        """What it allows that is told nothing: below its least it would charge nobody."""
        return min(max(REST_LIMIT_W, self.least_w), self.charge_max_w)

    @property
    def still_wanted_wh(self) -> float:
        """At its terminals, of who is connected."""
        return 0.0 if self.stay is None else max(self.stay.wanted_wh - self._given_wh, 0.0)

    @property
    def state_of_charge(self) -> float | None:
        stay = self.stay
        return None if stay is None else self._stored_wh(stay) / stay.capacity_wh

    def passed(self, limit_w: float, seconds: float) -> float:
        """Power drawn in a step. Charging goes on past what is wanted until the vehicle is full; it tapers then."""
        stay = self.stay
        if stay is None:
            return 0.0
        allowed = min(limit_w, self.charge_max_w, stay.charge_max_w)
        if allowed < self.least_w - 1e-6:
            return 0.0
        full = 1.0 - self._stored_wh(stay) / stay.capacity_wh
        power = min(allowed, stay.charge_max_w * max(full, 0.0) / (1.0 - _TAPERS_FROM))
        power = min(power, full * stay.capacity_wh / stay.efficiency * 3600.0 / seconds)
        if power < 0.02 * stay.charge_max_w:
            return 0.0
        self._given_wh += power * seconds / 3600.0
        return power

    def _stored_wh(self, stay: Stay) -> float:
        return min(stay.stored_wh + stay.efficiency * self._given_wh, stay.capacity_wh)
