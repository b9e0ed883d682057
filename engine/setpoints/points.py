"""A point as arbitration and dispatch see it: what it may be asked, and the readings that speak of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from engine.model import Envelope
from engine.setpoints.orders import Order


@dataclass(frozen=True, slots=True)
class Watch:
    """A series that says something of a point. What it said longer ago than `stale_after` is not known any more."""

    asset: str
    property: str
    stale_after: timedelta


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest reading of a watch, in the property's canonical unit."""

    value: float
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Lockout:
    """Somebody works on the equipment while the watch reads `value`. The last word stands until another comes."""

    watch: Watch
    value: float


@dataclass(frozen=True, slots=True)
class Interlock:
    """While the watch is outside [at_least, at_most], or not known, the point is asked `otherwise` and nothing else."""

    id: str
    watch: Watch
    otherwise: float
    text: str
    at_least: float = -inf
    at_most: float = inf


@dataclass(frozen=True, slots=True)
class Meter:
    """The reading that confirms a value. `on` and `off`: what it must show while the point is on (not 0) and off;
    without them it reads the point's own value back."""

    watch: Watch
    on: tuple[float, float] | None = None
    off: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class PointInfo:
    """The gateway that speaks for a point, what it may be asked, where it lies and which service it belongs to.

    `load`: power or flow at its maximum, in the unit of its domain. `programs`: its equipment follows a program by
    itself; otherwise it holds the last value it was told. `rises`: it may rise above what it is asked by itself, as a
    lamp does whose detector sees somebody.
    """

    id: str
    gateway: str
    envelope: Envelope
    zone: str = ""
    domain: str = ""
    load: float = 0.0
    programs: bool = True
    lockout: Lockout | None = None
    interlocks: tuple[Interlock, ...] = ()
    orders: tuple[Order, ...] = ()
    meter: Meter | None = None
    rises: bool = False

    @property
    def asset(self) -> str:
        return self.id.rsplit("/", 1)[0]
