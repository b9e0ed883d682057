"""What a rule file may say: the models of `rules/<domain>/*.yaml` and `rules/owners.yaml`, and the compiled rule."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, Self

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from engine.catalogue import Duration, Text
from engine.model import Asset, Level, Priority
from engine.rulebook.expressions import Expression

RESTRICTED_LEVELS = (Level.LIFE_SAFETY_AUTOMATIC, Level.PROTECTION_CRITICAL, Level.PROTECTION, Level.CRISIS_PLAN)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


def _said(text: Text) -> Text:
    if not (text.fr.strip() and text.en.strip()):
        raise ValueError("wants words in fr and in en")
    return text


def _positive(value: timedelta) -> timedelta:
    if not timedelta(0) < value <= timedelta(days=3_650):
        raise ValueError("a duration wants to be above 0")
    return value


Said = Annotated[Text, AfterValidator(_said)]
Positive = Annotated[Duration, AfterValidator(_positive)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]


class ForEach(_Entry):
    """The assets a rule speaks of: one type, narrowed by attributes that equal a value."""

    type: str
    where: Mapping[str, str | int | float | bool] = {}

    def covers(self, asset: Asset) -> bool:
        return asset.type == self.type and all(_same(asset.attributes.get(k), v) for k, v in self.where.items())


def _same(found: object, wanted: object) -> bool:
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


class AlarmEffect(_Entry):
    """What happens if nothing is done, what to do and how soon: without these an alarm is refused. ISA-18.2 §6."""

    priority: Priority
    consequence: Said
    action: Said
    respond_within: Positive


class WantEffect(_Entry):
    """A value wanted at a point for `ttl`, from the edge on. `value` in the point's unit, or with a unit of its own.

    `targets` is `self`, or the attribute that lists the asset ids. Without `every` the want is made once, at the
    edge, and runs out its `ttl` whatever follows; with it, it is made again at each `every` while the rule holds.
    """

    point: str
    value: float | str
    level: int = Field(Level.RULE, ge=1, le=16)
    ttl: Positive
    targets: str = "self"
    every: Positive | None = None

    @model_validator(mode="after")
    def _unbroken(self) -> Self:
        if self.every is not None and not timedelta(minutes=1) <= self.every < self.ttl:
            raise ValueError("every wants to be at least 1min and shorter than ttl, or the want has gaps")
        return self


class Then(_Entry):
    """Exactly one effect."""

    alarm: AlarmEffect | None = None
    want: WantEffect | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.alarm is None) == (self.want is None):
            raise ValueError("wants exactly one of alarm, want")
        return self


class SilencedBy(_Entry):
    """While that rule's condition stands for the asset's parent, this rule's alarm is suppressed by design."""

    rule: str
    via: Literal["parent"]


class RuleDefinition(_Entry):
    """One rule as its author wrote it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: Identifier
    about: Said
    owner: str
    for_each: ForEach
    when: str
    hold: Duration = Field(timedelta(0), alias="for")
    clear_when: str | None = None
    clear_after: Duration = timedelta(0)
    on_unknown: Literal["hold", "clear", "raise"] = "hold"
    mode: Literal["active", "shadow"] = "active"
    then: Then
    silenced_by: SilencedBy | None = None

    @model_validator(mode="after")
    def _silenced_alarm(self) -> Self:
        if self.silenced_by is not None and self.then.alarm is None:
            raise ValueError("silenced_by belongs to a rule that raises an alarm")
        return self


class RuleFile(_Entry):
    """A rule file: its rules. Each is validated by itself, so that one wrong rule hides no other's problems."""

    rules: list[object] = Field(min_length=1)


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


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that compiled. `clear_when` None means: when `when` is false. `value` is in the point's unit.

    `version` is the digest of its content; comments, spacing and place in the file do not change it.
    """

    definition: RuleDefinition
    when: Expression
    clear_when: Expression | None
    value: float | None
    version: str

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def shadow(self) -> bool:
        return self.definition.mode == "shadow"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Every rule in service, in the order of their ids, and the digest of them all."""

    rules: tuple[Rule, ...]
    owners: Mapping[str, Owner]

    @property
    def version(self) -> str:
        return _digest([[rule.id, rule.version] for rule in self.rules])

    def rule(self, name: str) -> Rule:
        """Raises KeyError for a rule that is not in the book."""
        return {rule.id: rule for rule in self.rules}[name]


def definition_version(definition: RuleDefinition) -> str:
    """Digest of what a definition says."""
    content = definition.model_dump(mode="json")
    for key in ("when", "clear_when"):
        content[key] = " ".join(content[key].split()) if content[key] else None
    return _digest(content)


def _digest(content: object) -> str:
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
