"""What a rule file may say: the models of `rules/<domain>/*.yaml` and `rules/owners.yaml`, and the compiled rule."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, model_validator

from engine.model import Asset, Level, Priority
from engine.rulebook.fields import Delay, Fact, Identifier, Positive, RuleId, Said, Several, Subject, Weekdays
from engine.rulebook.language import And, Not, Or, Quantity, Truth, rules_of, shape

__all__ = [
    "MAX_RULES",
    "AlarmEffect",
    "Blueprint",
    "Derived",
    "ForEach",
    "Over",
    "Owner",
    "Owners",
    "Positive",
    "ReplanEffect",
    "Rule",
    "RuleDefinition",
    "RuleFile",
    "Rulebook",
    "ScheduleEntry",
    "Several",
    "SunWindow",
    "Table",
    "TableRow",
    "Then",
    "TypedTargets",
    "WantEffect",
    "WorkOrderEffect",
    "version_of",
]

RESTRICTED_LEVELS = (Level.LIFE_SAFETY_AUTOMATIC, Level.PROTECTION_CRITICAL, Level.PROTECTION, Level.CRISIS_PLAN)
MAX_RULES = 2_000


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class ForEach(_Entry):
    """The subjects of a rule: the assets of one type, narrowed by what they are and where; or every zone, every
    commune, or the territory as a whole."""

    type: str | None = None
    each: Subject | None = None
    where: Mapping[str, str | int | float | bool] = {}
    tag: Several = ()
    zone: Several = ()
    commune: Several = ()

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.type is None) == (self.each is None):
            raise ValueError("wants exactly one of type, each")
        if self.each is not None and (self.where or self.tag):
            raise ValueError("where and tag narrow assets; each: speaks of places")
        return self

    def covers(self, asset: Asset, commune: str = "") -> bool:
        """Whether an asset (or a place, which is an asset of type zone, commune or territory) is a subject."""
        tags = asset.attributes.get("tags", ())
        return (
            asset.type == (self.type or self.each)
            and all(_same(asset.attributes.get(k), v) for k, v in self.where.items())
            and (not self.tag or any(tag in tags for tag in self.tag))
            and (not self.zone or asset.zone in self.zone)
            and (not self.commune or commune in self.commune)
        )


def _same(found: object, wanted: object) -> bool:
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


class AlarmEffect(_Entry):
    """What happens if nothing is done, what to do and how soon: without these an alarm is refused. ISA-18.2 §6."""

    priority: Priority
    consequence: Said
    action: Said
    respond_within: Positive
    latched: StrictBool = Field(False, description="it stays, though its condition is gone, until a person resets it")


class TypedTargets(_Entry):
    """All assets of a type that lie in the subject's zone, commune or territory, or hang on the subject.

    With `named_by`, only those whose attribute of that name is the subject, as a lamp names its counter.
    """

    type: str
    via: Literal["children", "zone"] = "zone"
    named_by: str = ""

    def reaches(self, target: Asset, subject: str) -> bool:
        """Whether an asset seen from a subject is a target."""
        named = not self.named_by or target.attributes.get(self.named_by) == subject
        return target.type == self.type and named


class WantEffect(_Entry):
    """A value wanted at a point for `ttl`, from the edge on. `value`: a number with its unit (without one where the
    point has none), or an expression over the subject's own readings and attributes, worked out when the want is made.

    `targets` is `self`, `parent`, `children`, the attribute that lists the asset ids, or a type in the subject's place.
    Without `every` the want is made once, at the edge, and runs out its `ttl` whatever follows; with it, it is made
    again at each `every` while the rule holds.
    """

    point: str
    value: StrictFloat | str
    level: int = Field(Level.RULE, ge=1, le=16)
    ttl: Positive
    targets: str | TypedTargets = "self"
    every: Positive | None = None

    @model_validator(mode="after")
    def _unbroken(self) -> Self:
        if self.every is not None and not timedelta(minutes=1) <= self.every < self.ttl:
            raise ValueError("every wants to be at least 1min and shorter than ttl, or the want has gaps")
        return self


class ReplanEffect(_Entry):
    """The plan of a domain is asked to be made again. `urgent`: at once; else when it was not made again for as long as
    the schedule says (`at_most_every`).
    """

    domain: Identifier
    urgent: StrictBool = False


class WorkOrderEffect(_Entry):
    """Somebody has to go there: a work order, opened once while one of this rule and subject is open."""

    title: Said
    within: Positive


class Then(_Entry):
    """What follows while the rule stands, or when it rises. At least one."""

    alarm: AlarmEffect | None = None
    want: WantEffect | None = None
    fact: Fact | None = Field(None, description="a name under which other rules may look at this one")
    replan: ReplanEffect | None = None
    workorder: WorkOrderEffect | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any(getattr(self, name) is not None for name in type(self).model_fields):
            raise ValueError(f"wants at least one of {', '.join(type(self).model_fields)}")
        return self


class Over(_Entry):
    """Another rule, standing on this subject, on its parent, or on its zone."""

    rule: str
    via: Literal["self", "parent", "zone"]


class SunWindow(_Entry):
    """From one instant of the sun to another, as `sunset - 30min`."""

    since: str = Field(alias="from")
    until: str = Field(alias="to")


class ScheduleEntry(_Entry):
    """When a rule is at work: every key given must hold. Outside, its condition is false and it lets go."""

    hours: Several = Field((), description="of the local day, as 22:00-06:00; one of them")
    weekdays: Weekdays = ()
    dates: Several = Field((), description="as 05-15/09-15, both included; one of them")
    public_holidays: Literal["only", "never"] | None = None
    school_holidays: Literal["only", "never"] | None = None
    sun: SunWindow | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError(f"wants at least one of {', '.join(type(self).model_fields)}")
        return self


class TableRow(_Entry):
    """One row of a decision table: its condition, and what follows."""

    when: str
    then: Then


class Table(_Entry):
    """Rows looked at in order. `first`: a row holds only where none above it does. `all`: each by itself."""

    hits: Literal["first", "all"]
    rows: tuple[TableRow, ...] = Field(min_length=1, max_length=100)


class RuleDefinition(_Entry):
    """One rule as its author wrote it, blueprint and table rows already written out."""

    id: RuleId
    about: Said
    owner: str
    for_each: ForEach
    when: str
    hold: Delay = Field(timedelta(0), alias="for")
    clear_when: str | None = None
    clear_after: Delay = timedelta(0)
    schedule: ScheduleEntry | None = None
    on_unknown: Literal["hold", "clear", "raise"] = "hold"
    lateness: Delay = Field(timedelta(0), description="how long to wait for readings that come late; 0 acts at once")
    mode: Literal["active", "shadow"] = "active"
    then: Then
    silenced_by: Over | None = Field(None, description="while that rule stands, this alarm is suppressed by design")
    blocked_by: Over | None = Field(None, description="while that rule stands, this rule wants nothing")

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.silenced_by is not None and self.then.alarm is None:
            raise ValueError("silenced_by belongs to a rule that raises an alarm")
        if self.blocked_by is not None and self.then.want is None:
            raise ValueError("blocked_by belongs to a rule that wants something")
        if self.silenced_by is not None and self.blocked_by is not None and self.silenced_by != self.blocked_by:
            raise ValueError("silenced_by and blocked_by want to name the same rule")
        return self

    @property
    def over(self) -> Over | None:
        """The rule that silences its alarm or blocks its want."""
        return self.silenced_by or self.blocked_by


class Derived(_Entry):
    """A quantity with a name, for the rules of one asset type."""

    type: str
    is_: str = Field(alias="is")


class Blueprint(_Entry):
    """A rule with holes: `$name` stands for a parameter, alone as a value or as a word of an expression."""

    about: Said
    parameters: Mapping[Fact, StrictInt | StrictFloat | str] = Field(
        description="each with the value it has when none is given; empty: wanted"
    )
    rule: Mapping[str, object]


class RuleFile(_Entry):
    """A rule file. Each of its parts is validated by itself, so that one wrong rule hides no other's problems."""

    derive: Mapping[str, object] = {}
    blueprints: Mapping[Identifier, object] = {}
    rules: list[object] = Field([], max_length=MAX_RULES)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.rules or self.blueprints or self.derive):
            raise ValueError("wants rules")
        return self


class Owner(_Entry):
    """A service that answers for rules, and the restricted priority levels granted to it."""

    name: Said
    levels: tuple[Level, ...] = ()

    @model_validator(mode="after")
    def _grantable(self) -> Self:
        never = sorted(set(self.levels) - {*RESTRICTED_LEVELS, Level.RULE})
        if never:
            raise ValueError(f"levels {[int(level) for level in never]} are granted to nobody; 2, 4, 5 and 10 may be")
        return self


class Owners(_Entry):
    owners: Mapping[Identifier, Owner]


@dataclass(frozen=True)
class Rule:
    """A rule that compiled. `clear_when` None means: when `when` is false, or the schedule is over.

    `schedule` is the truth of being at work (None: always). `value` is the want's, in the point's unit: a constant, or
    a quantity to work out. `version` is the digest of what it says; comments, spacing and place do not change it.
    """

    definition: RuleDefinition
    when: Truth
    clear_when: Truth | None
    schedule: Truth | None
    value: float | Quantity | None
    version: str
    over: tuple[str, ...] = field(default=())

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def shadow(self) -> bool:
        return self.definition.mode == "shadow"

    @cached_property
    def trees(self) -> tuple[Truth, ...]:
        return tuple(tree for tree in (self.when, self.clear_when, self.schedule) if tree is not None)

    @cached_property
    def sets(self) -> Truth:
        """The set condition: `when`, within the schedule."""
        return self.when if self.schedule is None else And((self.when, self.schedule))

    @cached_property
    def resets(self) -> Truth:
        """The reset condition, before "and not set": `clear_when`, else not `when`; or the schedule is over."""
        clear = Not(self.when) if self.clear_when is None else self.clear_when
        return clear if self.schedule is None else Or((clear, Not(self.schedule)))

    @cached_property
    def looks_at(self) -> tuple[str, ...]:
        """The other rules its condition is about."""
        return tuple(dict.fromkeys(name for tree in self.trees for name in rules_of(tree)))

    @property
    def crosses(self) -> bool:
        """Whether it is decided in the zone's second stage, from other rules' edges."""
        return bool(self.looks_at) or self.definition.for_each.each is not None


@dataclass(frozen=True)
class Rulebook:
    """Every rule in service, in the order of their ids, and who answers for them."""

    rules: tuple[Rule, ...]
    owners: Mapping[str, Owner]

    @property
    def version(self) -> str:
        return _digest([[rule.id, rule.version] for rule in self.rules])

    @cached_property
    def by_id(self) -> Mapping[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    def rule(self, name: str) -> Rule:
        """Raises KeyError for a rule that is not in the book."""
        return self.by_id[name]

    @cached_property
    def strata(self) -> tuple[tuple[Rule, ...], ...]:
        """The rules that look at others, in layers: each looks only at rules of the layers before, and at the rest."""
        level: dict[str, int] = {}
        layers: dict[int, list[Rule]] = {}
        looks = {rule.id: rule.looks_at for rule in self.rules if rule.crosses}
        for name in TopologicalSorter(looks).static_order():
            if name in looks:
                level[name] = 1 + max((level.get(other, 0) for other in looks[name]), default=0)
        for rule in self.rules:
            if rule.id in level:
                layers.setdefault(level[rule.id], []).append(rule)
        return tuple(tuple(layers[n]) for n in sorted(layers))


def version_of(definition: RuleDefinition, trees: tuple[Truth | Quantity | None, ...]) -> str:
    """Digest of what a rule says: its definition, with its conditions and its value as they are understood."""
    content = definition.model_dump(
        mode="json", exclude={"when": True, "clear_when": True, "schedule": True, "then": {"want": {"value"}}}
    )
    return _digest([content, [None if tree is None else shape(tree) for tree in trees]])


def _digest(content: object) -> str:
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS, default=_ordered)).hexdigest()[:16]


def _ordered(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(value)
