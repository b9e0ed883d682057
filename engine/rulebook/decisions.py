"""What a step of the rule engine says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from engine.alarms import Clear, Event, Raise, Subject, Suppress, Unsuppress
from engine.catalogue import Text
from engine.model import Edge, Level, Priority


@dataclass(frozen=True, slots=True)
class Want:
    """What a rule wants of one point on [start_at, until_at), in the point's unit. A shadow want moves nothing."""

    rule: str
    version: str
    source_asset: str
    point: str
    level: Level
    value: float
    start_at: datetime
    until_at: datetime
    reason: Text
    shadow: bool


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm's condition rose, fell, or came under or out of suppression by design, at `at`."""

    rule: str
    version: str
    asset: str
    zone: str
    raised: bool
    suppressed: bool
    priority: Priority
    at: datetime
    detail: Mapping[str, Any]

    @property
    def events(self) -> tuple[Event, ...]:
        """The change as the alarm's state machine takes it, in order."""
        if not self.raised:
            return Clear(), Unsuppress()
        risen = Raise(Subject(self.rule, self.asset, self.zone, self.priority), self.detail)
        if not self.suppressed:
            return risen, Unsuppress()
        silencer = self.detail["suppressed_by"]
        return risen, Suppress(f"{silencer['rule']} {silencer['asset']}")


@dataclass(frozen=True, slots=True)
class RuleFault:
    """Something a rule could not do. `rule` is empty for the inference itself, `asset` for a whole rule.

    A quarantined rule keeps its alarms and decides nothing more until it is put in service again.
    """

    rule: str
    asset: str
    error: str
    quarantined: bool


class Asking(StrEnum):
    """What a rule may ask of people and planners."""

    REPLAN = "replan"
    WORK_ORDER = "workorder"


@dataclass(frozen=True, slots=True)
class Request:
    """A plan wanted again (`what` names its domain, and says whether it is `urgent`), or a work order (`what` is its
    title), asked at a rise.
    """

    asking: Asking
    rule: str
    version: str
    asset: str
    zone: str
    at: datetime
    what: Mapping[str, str]
    shadow: bool


@dataclass(frozen=True, slots=True)
class Decisions:
    """Everything one step decided; of each zone in the order it happened."""

    edges: tuple[Edge, ...] = ()
    wants: tuple[Want, ...] = ()
    alarms: tuple[AlarmChange, ...] = ()
    faults: tuple[RuleFault, ...] = ()
    requests: tuple[Request, ...] = ()
