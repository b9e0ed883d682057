"""The vocabulary: what crosses the walls between rooms. Everything here is immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, IntEnum, StrEnum
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

    @property
    def is_life_safety(self) -> bool:
        return self <= Level.LIFE_SAFETY_AUTOMATIC


@dataclass(frozen=True, slots=True)
class Program:
    """A step function of time: `steps[i]` = (start, value) holds until the next start, the last one until `until`.

    Raises ValueError unless there is a step and the starts and `until` strictly increase.
    """

    steps: tuple[tuple[datetime, float], ...]
    until: datetime

    def __post_init__(self) -> None:
        following = self.until
        for start, _ in reversed(self.steps):
            if start >= following:
                raise ValueError(f"a program wants strictly increasing instants, found {start} before {following}")
            following = start
        if not self.steps:
            raise ValueError("a program wants at least one step")

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
    """A command's life. Every command ends in exactly one of the terminal states.

    UNVERIFIABLE: acknowledged, at a point that cannot be read back; never to be shown as verified.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    ACKED = "acked"
    UNKNOWN = "unknown"  # bytes left, nothing came back: only a read-back may say
    VERIFIED = "verified"
    UNVERIFIABLE = "unverifiable"
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
        CommandState.UNVERIFIABLE,
        CommandState.REJECTED,
        CommandState.EXPIRED,
        CommandState.SUPERSEDED,
        CommandState.CANCELLED,
        CommandState.FAILED,
    }
)


_NUMBERS = 2**30
"""Commands one point may have in one epoch. With epochs in minutes a sequence fits in JSON's 53 bits until 2035."""


def sequence(epoch: int, number: int) -> int:
    """The sequence (epoch, n) as the one integer that travels: any of a later epoch is greater than all before it.

    A new or restored database begins a later epoch, so that equipment never takes an old command for a new one.
    """
    return epoch * _NUMBERS + number


def spell_sequence(seq: int) -> str:
    """`n` in the first epoch of all, `epoch.n` in later ones: how people read a sequence."""
    epoch, number = divmod(seq, _NUMBERS)
    return f"{epoch}.{number}" if epoch else str(number)


@dataclass(frozen=True, slots=True)
class Command:
    """One order to one point. `id` is the idempotency key; `seq` (see `sequence`) grows with each command of the point.

    It is not sent before `not_before`, and after `expires_at` it must not be applied any more. `explanation` is what
    `consigne why` prints. `level` decided the value of its first instant. `urgent` ones go before all others and no
    approval holds them. One that belongs to a `batch` waits for that batch's release. `renew_at`: when the point is to
    be settled again, because its program reaches no further than equipment may go without hearing from us.
    `due_at`: when dispatch looks at it again if nothing comes; None once it is over. `asked_at`: when a read-back was
    asked for in its present state. `repeats`: times it was sent again to equipment that does not recognise it.
    `select`: only on the wire, the question before operating: is the equipment ready for this very command?
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
    level: Level = Level.SAFE_DEFAULT
    not_before: datetime | None = None
    supersedes: str | None = None
    urgent: bool = False
    batch: str | None = None
    renew_at: datetime | None = None
    due_at: datetime | None = None
    asked_at: datetime | None = None
    repeats: int = 0
    select: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a command's life, kept for ever."""

    command: str
    state: CommandState
    at: datetime
    detail: str


class AckStatus(StrEnum):
    """What the equipment answers to a command."""

    SELECTED = "selected"  # select-before-operate: the equipment is ready to execute this very command
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
    """What the equipment says is in action at a point: the program's digest and sequence, and the value itself.

    Equipment that keeps only a value (a register, an attribute) has neither sequence nor digest: None.
    """

    point: str
    gateway: str
    seq: int | None
    digest: str | None
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


class PlanState(StrEnum):
    """Where a plan is. A proposed one has written nothing yet: a person approves or refuses it."""

    IN_FORCE = "in_force"
    PROPOSED = "proposed"
    REFUSED = "refused"


class PlanOrigin(StrEnum):
    """Where a plan comes from: the solver or, where that failed, one of the fall-backs."""

    SOLVED = "solved"
    SHIFTED = "shifted"  # the last valid plan, put on today
    RULES_ONLY = "rules_only"  # what the domain does without a plan


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as it was made, enough to make it again: versions, digest of the inputs, outcome.

    `decided_at` and `decided_by` are of the person who approved or refused a proposed one.
    """

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
    state: PlanState = PlanState.IN_FORCE
    origin: PlanOrigin = PlanOrigin.SOLVED
    decided_at: datetime | None = None
    decided_by: str | None = None


class Scope(StrEnum):
    """What a hold speaks of."""

    DOMAIN = "domain"
    ZONE = "zone"
    POINT = "point"


@dataclass(frozen=True, slots=True)
class Hold:
    """People stop the automation of a domain, zone or point: levels 10 to 15 are not sent on [from_at, until_at).

    `ended_at` when it was resumed before its time; `id` is given by the store.
    """

    scope: Scope
    subject: str
    from_at: datetime
    until_at: datetime
    reason: str
    by: str
    ended_at: datetime | None = None
    id: int | None = None

    def active(self, at: datetime) -> bool:
        return self.from_at <= at < (self.until_at if self.ended_at is None else min(self.ended_at, self.until_at))


class BatchState(StrEnum):
    """Where a large batch of commands stands."""

    PENDING = "pending"  # waits for a second person
    CANARY = "canary"  # a hundredth is on its way
    RELEASED = "released"
    STOPPED = "stopped"  # too many of the canary, or of the rest, failed
    REFUSED = "refused"  # by the second person
    EXPIRED = "expired"  # nobody approved in time


class Verification(StrEnum):
    """How it is known that a value is in action."""

    READ_BACK = "read_back"
    CONSEQUENCE = "consequence"  # a meter shows what must follow from it
    NONE = "none"  # it cannot be known


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a point may be asked: bounds, largest step, shortest on and off, safe value, life of a command.

    `changes_per_hour`: how often the value may change. `safe_direction` +1 or -1: moves that way (more light, a closed
    valve), and to `safe`, are never held back; 0 where only `safe` itself is. `held_for`: how long equipment follows a
    want of levels 1 to 12 without hearing from us (dead-man). `critical`: select before operate. `longest_on`: whoever
    wants it, on for no longer at a stretch, and then off for as long.
    """

    minimum: float
    maximum: float
    largest_step: float | None
    shortest_on: timedelta
    shortest_off: timedelta
    safe: float
    time_to_live: timedelta
    verify_tolerance: float
    verify_within: timedelta
    changes_per_hour: int | None = None
    safe_direction: int = 0
    held_for: timedelta = timedelta(hours=1)
    critical: bool = False
    verification: Verification = Verification.READ_BACK
    longest_on: timedelta | None = None
