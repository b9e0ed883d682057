"""The vocabulary: what crosses the walls between rooms. Everything here is immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, IntEnum, StrEnum
from itertools import pairwise
from typing import Any


class Truth(Enum):
    """Kleene's three values. UNKNOWN means "cannot tell", which is neither true nor false."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2


class Quality(IntEnum):
    """How far a stored reading can be trusted."""

    GOOD = 0
    LATE = 1  # older than the newest of its series: enters history, never decides


class Reason(StrEnum):
    """Why a reading was refused."""

    MALFORMED = "malformed"
    UNKNOWN_ASSET = "unknown_asset"
    UNKNOWN_PROPERTY = "unknown_property"
    UNKNOWN_UNIT = "unknown_unit"
    UNKNOWN_CHOICE = "unknown_choice"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    NO_TIME = "no_time"
    NAIVE_TIME = "naive_time"
    FUTURE = "future"
    WRONG_GATEWAY = "wrong_gateway"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune of the territory. Centroid in degrees WGS 84, area in km²."""

    insee: str
    name: str
    population: int
    lon: float
    lat: float
    area_km2: float


@dataclass(frozen=True, slots=True)
class Zone:
    """The unit of order, of transaction and of distribution. Lies in one commune."""

    id: str
    commune: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A thing of the territory, named by its Smart Data Models type.

    `parent` is the asset it hangs on (lamp → cabinet, valve → network) and lies in the same zone.
    `gateway` is the broker identity that speaks for it. Degrees WGS 84.
    """

    id: str
    type: str
    zone: str
    lon: float
    lat: float
    parent: str | None = None
    gateway: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Level(IntEnum):
    """The sixteen levels of a point's priority array; the lowest number wins (after BACnet, ISO 16484-5 §19)."""

    LIFE_SAFETY_MANUAL = 1
    LIFE_SAFETY_AUTOMATIC = 2
    LOCAL_LOCKOUT = 3
    PROTECTION_CRITICAL = 4
    PROTECTION = 5
    MINIMUM_ON_OFF = 6
    RESERVED_7 = 7
    OPERATOR = 8
    FIELD_AGENT = 9
    CRISIS_PLAN = 10
    RESERVED_11 = 11
    RULE = 12
    OPTIMISER = 13
    DAY_AHEAD_PLAN = 14
    CALENDAR = 15
    SAFE_DEFAULT = 16


@dataclass(frozen=True, slots=True)
class Program:
    """A step function of time: `steps[i]` = (start, value) holds until the next start, the last one until `until`.

    Raises ValueError unless there is a step and the starts and `until` strictly increase.
    """

    steps: tuple[tuple[datetime, float], ...]
    until: datetime

    def __post_init__(self) -> None:
        instants = [start for start, _ in self.steps] + [self.until]
        if not self.steps or any(a >= b for a, b in pairwise(instants)):
            raise ValueError(f"a program wants at least one step and strictly increasing instants, found {instants}")

    @classmethod
    def constant(cls, value: float, start: datetime, until: datetime) -> "Program":
        """One value on [start, until)."""
        return cls(((start, value),), until)

    @property
    def start(self) -> datetime:
        return self.steps[0][0]

    def at(self, instant: datetime) -> float | None:
        """The value that holds at an instant; None outside [start, until)."""
        if not self.start <= instant < self.until:
            return None
        return next(value for start, value in reversed(self.steps) if start <= instant)

    def clip(self, start: datetime, until: datetime) -> "Program | None":
        """The part inside [start, until), equal neighbours merged; None where nothing is left."""
        start, until = max(start, self.start), min(until, self.until)
        if start >= until:
            return None
        steps: list[tuple[datetime, float]] = []
        for at, value in self.steps:
            if at >= until:
                break
            if at <= start:
                steps = [(start, value)]
            elif value != steps[-1][1]:
                steps.append((at, value))
        return Program(tuple(steps), until)


@dataclass(frozen=True, slots=True)
class Slot:
    """What one source wants of one point at one level. A scalar want is a program of one step.

    `version` names the plan or the rule text behind it; `id` is given by the store.
    """

    point: str
    level: Level
    source: str
    program: Program
    written_at: datetime
    version: str
    reason: str
    id: int | None = None


class CommandState(StrEnum):
    """A command's life. Every command ends in exactly one of the terminal states."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    ACKED = "acked"
    UNKNOWN = "unknown"  # bytes left, nothing came back: only a read-back may say
    VERIFIED = "verified"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset(
    {
        CommandState.VERIFIED,
        CommandState.REJECTED,
        CommandState.EXPIRED,
        CommandState.SUPERSEDED,
        CommandState.CANCELLED,
        CommandState.FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class Command:
    """One order to one point. `id` is the idempotency key, `seq` grows by one for each command of the point.

    After `expires_at` it must not be applied any more. `explanation` is what `consigne why` prints.
    """

    id: str
    point: str
    gateway: str
    seq: int
    program: Program
    issued_at: datetime
    expires_at: datetime
    state: CommandState = CommandState.QUEUED
    attempts: int = 0
    changed_at: datetime | None = None
    explanation: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a command's life, kept for ever."""

    command: str
    state: CommandState
    at: datetime
    detail: str


class AckStatus(StrEnum):
    """What the equipment answers to a command."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Ack:
    """The equipment's answer to one command."""

    id: str
    point: str
    gateway: str
    seq: int
    status: AckStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What the equipment says is in action at a point: the program's digest and sequence, and the value itself."""

    point: str
    gateway: str
    seq: int
    digest: str
    value: float
    observed_at: datetime


class AlarmState(StrEnum):
    """ISA-18.2 / IEC 62682 alarm states."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RTN_UNACKNOWLEDGED = "rtn_unacknowledged"
    SHELVED = "shelved"
    SUPPRESSED_BY_DESIGN = "suppressed_by_design"
    OUT_OF_SERVICE = "out_of_service"


class Priority(StrEnum):
    """Alarm priorities, the most urgent first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One occurrence of an alarm: the rule (or internal source) and the asset it speaks of."""

    rule: str
    asset: str
    zone: str
    state: AlarmState
    priority: Priority
    raised_at: datetime
    changed_at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)
    cleared_at: datetime | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A rule's condition changed truth for an asset at `at`. `cause` holds the readings behind it."""

    rule: str
    asset: str
    zone: str
    truth: Truth
    at: datetime
    cause: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as it was made, enough to make it again: versions, digest of the inputs, outcome."""

    id: str
    domain: str
    made_at: datetime
    start: datetime
    until: datetime
    status: str
    objective: float
    bound: float
    solver: str
    inputs_digest: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a point may be asked: bounds, largest step, shortest on and off, safe value, life of a command."""

    minimum: float
    maximum: float
    largest_step: float | None
    shortest_on: timedelta
    shortest_off: timedelta
    safe: float
    time_to_live: timedelta
    verify_tolerance: float
    verify_within: timedelta
