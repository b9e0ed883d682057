"""What a domain adds to a planning run, and what a run is asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from engine.errors import ConsigneError
from engine.model import Slot
from engine.settings import Settings
from engine.store import Store, Unit
from jobs.bootstrap import Territory
from jobs.compute import Compute
from jobs.words import Lang
from optimizers.result import Limits, Plan


class StaleInputs(ConsigneError):
    """What a plan is made of is missing, or too old to plan by. The message names it, its age and the age allowed."""


class Task(Protocol):
    """A problem with what was behind it."""

    @property
    def problem(self) -> Any: ...


class Context(Protocol):
    """What a planning run works with (see `jobs.table.JobContext`)."""

    @property
    def settings(self) -> Settings: ...
    @property
    def store(self) -> Store: ...
    @property
    def territory(self) -> Territory: ...
    @property
    def compute(self) -> Compute: ...


@dataclass(frozen=True, slots=True)
class Conflict:
    """An order that a plan does not keep, because people need what it forbids. `detail` tells who, and what to do."""

    order: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What people should read of a plan, by language. `gives_way`: it has less than is called for, as was decided."""

    text: Mapping[str, str]
    gives_way: bool = False


def _no_notes(_body: bytes) -> Sequence[Note]:
    return ()


def _no_facts(_told: Mapping[str, Any], _lang: Lang) -> Sequence[str]:
    return ()


def _none(_body: bytes) -> Sequence[Conflict]:
    return ()


@dataclass(frozen=True, slots=True)
class Part:
    """What of a span is planned again, while the rest of the plan `of` stands. `standing`: what stands, where the
    domain knows it from the task; otherwise its `standing` says it of the body of `of`.
    """

    of: str
    named: tuple[str, ...]
    standing: bytes = b""


def _changed(_unit: Unit, _task: Any) -> str:
    return ""


def _whole(_unit: Unit, _task: Any) -> Part | None:
    return None


def _nothing(_body: bytes, _at: datetime) -> Mapping[tuple[str, str], float]:
    return {}


@dataclass(frozen=True)
class Domain:
    """How a domain's problem is built and how its plan becomes slots. Whatever raises in it leads to a fall-back.

    optimizer     name of the module that packs, solves and checks its problems (see `jobs.solving.Optimizer`)
    build         the task of the span that holds the instant a time ahead of another, from what was known at that other
    rules_only    a task and a plan for it that need neither solver, forecast nor history: what the domain does without
    shift         the plan that a body holds, put on the slots and assets of today's task; raises where it cannot be
    body          one compressed block of what `to_setpoints` and `explain` read; the same input gives the same bytes
    with_plan     the body again with another plan of the same problem in it
    to_setpoints  the slots of a body, for a version, written at an instant
    explain       why a body asks what it asks of one point at one instant
    span          the noon to noon, day or week that a plan made at an instant covers
    conflicts     the orders that the plan in a body does not keep
    notes         what people should read of the plan in a body
    facts         what `explain` says as people read it, a line each; empty where it has no words of its own
    left_out      what of a body's plan is left out and why, as people read it; None where the plan's reasons are told
    provides      an asset type and the property of it that rules compare what is measured with: the plan provides for
                  so much; empty for none
    provided      what a body provides for at an instant, by asset and property
    told_every    how often rules are told so
    unit          of the objective
    part          what is other than in the plan in force of the task's span, where that is little; None for all of it
    unchanged     why the plan in force of the task's span need not be made again, where all that it was made of is as
                  it was, or nothing of it is left to do; empty where it is to be
    standing      of a body, what stands while the parts named are planned again, as its optimiser wants it
    """

    name: str
    optimizer: str
    build: Callable[[Unit, Territory, datetime, Settings, timedelta], Any]
    rules_only: Callable[[Unit, Territory, datetime, Settings, timedelta], tuple[Any, Any]]
    shift: Callable[[Any, bytes], Any]
    body: Callable[[Any, Any], bytes]
    with_plan: Callable[[bytes, Any], bytes]
    to_setpoints: Callable[[bytes, str, datetime], Sequence[Slot]]
    explain: Callable[[bytes, str, datetime], dict[str, Any]]
    span: Callable[[datetime], tuple[datetime, datetime]]
    conflicts: Callable[[bytes], Sequence[Conflict]] = _none
    notes: Callable[[bytes], Sequence[Note]] = _no_notes
    facts: Callable[[Mapping[str, Any], Lang], Sequence[str]] = _no_facts
    left_out: Callable[[bytes, Lang], Sequence[str]] | None = None
    provides: tuple[str, str] = ("", "")
    provided: Callable[[bytes, datetime], Mapping[tuple[str, str], float]] = _nothing
    told_every: timedelta = timedelta(minutes=15)
    unit: str = ""
    part: Callable[[Unit, Any], Part | None] = _whole
    unchanged: Callable[[Unit, Any], str] = _changed
    standing: Callable[[bytes, Sequence[str]], bytes] = lambda _body, _named: b""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Plan the span that holds the instant `ahead` of `at`, with what was known at `at`.

    `propose`: a person decides before anything is asked. `only_changed`: where little is other than in the plan in
    force, only that is planned again. `asked`: who asked for it, as a rule and its subject, where one did; with
    `only_changed` nothing is planned then where nothing is other than it was.
    """

    at: datetime
    limits: Limits = field(default_factory=Limits)
    memory_bytes: int | None = None
    propose: bool = False
    ahead: timedelta = timedelta(0)
    only_changed: bool = False
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plan that passed its check and the guard. `points`: of how many it speaks; `of`: the plan it is a shift of;
    `unkept`: by order, the points of which the plan says that it does not keep it."""

    plan: Plan
    body: bytes
    points: int
    orders: dict[str, int]
    of: str = ""
    unkept: Mapping[str, Sequence[str]] = field(default_factory=dict)
