"""What a scenario file may say: the models of `rules/<domain>/<name>.test.yaml`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.rulebook.definitions import Positive, Several

ANGERS = "49007"
LON, LAT = -0.55, 47.47


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _text(value: object) -> object:
    """A plain number or truth where a text is wanted: what the author wrote, as far as YAML left it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Words = Annotated[str, BeforeValidator(_text)]


class AssetEntry(_Entry):
    """An asset of a scenario, in zone Z1 in the centre of Angers where nothing else is said."""

    type: str
    parent: str | None = None
    zone: str = "Z1"
    tags: Several = ()
    attributes: Mapping[str, Any] = {}
    lon: float = Field(LON, ge=-180, le=180)
    lat: float = Field(LAT, ge=-90, le=90)


class Rhythm(_Entry):
    """A series whose values do not come every `every` of the scenario from its start on."""

    since: Words = Field("0min", alias="from")
    every: Positive | None = None
    values: Words


class Expectation(_Entry):
    """What happens at an instant; with `every` and `until` at each of several."""

    at: Words
    every: Positive | None = None
    until: Words | None = None
    edge: Words | None = None
    alarm: Words | None = None
    want: Words | None = None
    replan: Words | None = None
    workorder: Words | None = None

    @model_validator(mode="after")
    def _said(self) -> Self:
        if (self.every is None) != (self.until is None):
            raise ValueError("every and until go together")
        if not any(getattr(self, kind) is not None for kind in KINDS):
            raise ValueError(f"wants at least one of {', '.join(KINDS)}")
        return self


KINDS = ("edge", "alarm", "want", "replan", "workorder")


class GlanceEntry(_Entry):
    """What the condition of a rule is for a subject at an instant."""

    at: Words
    rule: Words
    truth: bool | Literal["unknown"] = Field(alias="is")
    because: Words | None = None


class ScenarioEntry(_Entry):
    """One story: what was measured, and what the rules under test make of it."""

    name: str = Field(min_length=1)
    rules: Annotated[Several, Field(min_length=1)]
    start: Words
    until: Words
    every: Positive | None = None
    assets: Mapping[str, AssetEntry] = {}
    zones: Mapping[str, Words] = {}
    series: Mapping[str, Words | Rhythm] = {}
    expect: tuple[Expectation, ...]
    trace: tuple[GlanceEntry, ...] = ()


class ScenarioFile(_Entry):
    """A scenario file. What stands beside `scenarios` holds for each that does not say otherwise.

    Each scenario is validated by itself, so that one wrong scenario hides no other's problems.
    """

    scenarios: Annotated[list[object], Field(min_length=1)]
    start: object = None
    every: object = None
    assets: dict[str, object] = {}
    zones: dict[str, object] = {}
