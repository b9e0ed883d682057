"""What a crew problem and its plan look like as JSON: ids as the user wrote them, units in the field names."""

from pydantic import Field

from optimizers.crews.problem import EUR, REST_S, Why
from optimizers.documents import Document, PlanHead


class SpanDocument(Document):
    start_s: float = Field(description="seconds since the start of the horizon")
    end_s: float


class RoundDocument(Document):
    id: str
    spans: list[SpanDocument] = Field(description="when it may be done, from beginning to end, one of them")
    skills: list[str] = Field([], description="that its crew has")
    quarter: str = ""
    vehicle: str = Field("", description="that it takes, one round at a time")
    required: bool = True
    worth: float = Field(0.0, description="in unit, what leaving it out costs, if it is not required")


class WishDocument(Document):
    cost: float = Field(description="in unit, of each round that is all that is named")
    quarter: str = ""
    vehicle: str = ""
    begins: SpanDocument | None = Field(None, description="rounds that begin within it, its end left out")


class CrewDocument(Document):
    id: str
    there: list[SpanDocument] = Field(description="a round lies within one of these")
    skills: list[str] = Field([], description="that it has")
    most_s: float | None = Field(None, description="of work over the horizon; null for no limit")
    most_day_s: float | None = Field(None, description="of work in a day; null for no limit")
    rest_s: float = Field(REST_S, description="between a round and the next one of another day")
    quarters: list[str] = Field([], description="that it knows")
    wishes: list[WishDocument] = Field([], description="what it would rather not do")


class WeightsDocument(Document):
    stranger: float = Field(0.0, description="in unit, for each round in a quarter that its crew does not know")
    change: float = Field(0.0, description="in unit, for each crew beyond the first in a quarter")
    uneven_per_h: float = Field(0.0, description="in unit, for each hour of a crew beyond its fair share")


class ProblemDocument(Document):
    """Rounds and the crews that may drive them, see optimizers.crews."""

    rounds: list[RoundDocument]
    crews: list[CrewDocument]
    day_starts_s: list[float] = Field([0.0], description="where days begin; a round is of the day in which it begins")
    weights: WeightsDocument = WeightsDocument(stranger=0.0, change=0.0, uneven_per_h=0.0)
    unit: str = EUR


class DrivenDocument(Document):
    round: str
    crew: str
    start_s: float
    end_s: float


class UncoveredDocument(Document):
    round: str
    why: Why
    detail: str = ""


class PlanDocument(PlanHead):
    """Who drives what and when. Objective and bound are in `unit`."""

    unit: str = EUR
    reproducible: bool = Field(True, description="false where the clock cut the solve short")
    driven: list[DrivenDocument]
    uncovered: list[UncoveredDocument]
