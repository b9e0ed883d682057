"""What a routing problem and its plan look like as JSON: ids as the user wrote them, units in the field names."""

from typing import Annotated

from pydantic import Field

from optimizers.documents import Document, PlanHead
from optimizers.routing.problem import EUR, Act, Why

Index = Annotated[int, Field(ge=0, lt=2**31)]
WindowDocument = Annotated[
    tuple[float | None, float | None],
    Field(description="from when to when, in seconds since the start of the horizon; null where it has no end"),
]
LoadDocument = Annotated[dict[str, float], Field(description="amount by dimension")]
Rows = list[list[float | None]]


class PlaceDocument(Document):
    """Where something is: longitude and latitude in degrees (WGS 84), or metres of a plane; the same way for all."""

    id: str
    lon: float | None = Field(None, ge=-180, le=180)
    lat: float | None = Field(None, ge=-90, le=90)
    x_m: float | None = None
    y_m: float | None = None


class ProfileDocument(Document):
    """Drives of a class of vehicle: two matrices, or a speed. Without matrices they are great circles (or straight
    lines) times 1.3 at that speed, and the plan is flagged approximate.
    """

    name: str = ""
    distance_m: Rows | None = Field(None, description="from each place (row) to each place; null where there is no way")
    duration_s: Rows | None = Field(None, description="likewise")
    speed_kmh: float | None = Field(None, gt=0, le=200, description="without matrices, 30 by default")


class PlacedDocument(PlaceDocument):
    place: str | None = Field(None, description="id of a place, unless it has coordinates of its own")


class StopDocument(PlacedDocument):
    load: LoadDocument = Field({}, description="what the vehicle takes on, by dimension; 0 of those left out")
    service_s: float = Field(0.0, description="how long the vehicle stands there")
    windows: list[WindowDocument] = Field(
        [], description="service begins in one of them; any time where there are none"
    )
    required: bool = Field(True, description="to be served wherever possible")
    prize: float = Field(0.0, description="what leaving it out costs where it is not required, in the problem's unit")
    skills: list[str] = Field([], description="the vehicle has them all")
    zone: str = ""
    only: list[str] | None = Field(None, description="ids of the vehicles that alone may serve it; null for any")
    never: list[str] = Field([], description="ids of vehicles that must not")
    together: str = Field("", description="stops of one such name are served by one vehicle, or not at all")
    former: str = Field("", description="id of the vehicle that serves it in the plan in force")


class QueueDocument(Document):
    window: WindowDocument
    wait_s: float = Field(description="expected before unloading, of whoever arrives in the window")


class SiteDocument(PlacedDocument):
    unload_s: float = Field(0.0, description="weighing included")
    windows: list[WindowDocument] = Field([], description="unloading begins in one of them")
    queue: list[QueueDocument] = Field([])
    accepts: list[str] = Field([], description="a vehicle with one of these skills may unload; any where it is empty")


class RestDocument(Document):
    earliest_s: float = Field(description="it begins no earlier")
    latest_s: float = Field(description="nor later")
    duration_s: float


class SpentDocument(Document):
    """What a vehicle that is already out has done before the problem begins."""

    loads: LoadDocument = Field({}, description="over all trips, by dimension; 0 of those left out")
    stops: int = 0
    trips: int = 0
    distance_m: float = 0.0
    duration_s: float = 0.0
    drive_s: float = 0.0
    work_s: float = 0.0
    drive_since_s: float = Field(0.0, description="since the last break")
    work_since_s: float = 0.0
    split_taken: int = Field(0, description="parts of a split break taken since the last whole one")


class VehicleDocument(Document):
    id: str
    count: int = Field(1, ge=1, le=10_000, description="so many alike: of 3 the ids end in -1, -2 and -3")
    start: str = Field(description="id of the place where it starts")
    end: str | None = Field(description="id of the place where it ends; null: wherever its last stop is")
    shift: WindowDocument = Field(description="leaves no earlier and is back no later")
    profile: str | None = Field(None, description="name of its profile; the first one by default")
    capacity: LoadDocument = Field({}, description="most on board at once, of every dimension; {} for no limit")
    daily: LoadDocument = Field({}, description="most over all trips of the day, likewise")
    most_stops: int | None = None
    most_trips: int | None = None
    most_m: float | None = Field(None, description="range over the day; null for no limit")
    longest_s: float | None = Field(None, description="from start to end, rests included; null for no limit")
    overtime_s: float = Field(0.0, description="more than that, at most")
    overtime_per_s: float = 0.0
    aboard: LoadDocument = Field({}, description="at the start, of every dimension; {} for nothing")
    empties: bool = Field(False, description="whether it unloads at a site before its end")
    skills: list[str] = Field([])
    zones: list[str] | None = Field(None, description="of the stops it may serve; null for any")
    sites: list[str] | None = Field(None, description="ids of those it may unload at; null for any that accepts it")
    fixed: float = Field(0.0, description="cost in the problem's unit, once it serves anything")
    per_m: float = 0.0
    per_s: float = 0.0
    rests: list[RestDocument] = Field([])
    rules: str = Field("", description="id of its work rules; '' for none")
    spent: SpentDocument = SpentDocument()


class RulesDocument(Document):
    """What the law allows a driver, in seconds; null for no limit."""

    id: str
    longest_drive_s: float | None = Field(None, description="driving without a break")
    drive_break_s: float = 0.0
    split_s: list[float] = Field([], description="parts of that break, in their order")
    most_drive_s: float | None = Field(None, description="driving in a day")
    longest_work_s: float | None = Field(None, description="driving, serving, unloading and waiting without a break")
    work_break_s: float = 0.0
    most_work_s: float | None = Field(None, description="of those in a day")


class WeightsDocument(Document):
    """What is wanted beside low cost, in the problem's unit."""

    moved: float = Field(0.0, description="for each stop that another vehicle serves than `former`")
    border: float = Field(0.0, description="for each drive from a stop of one zone to a stop of another")
    balance_per_s: float = Field(0.0, description="for each second that a route lasts beyond the mean of those used")


class ProblemDocument(Document):
    """A routing problem: which stops, which vehicles, in which order and when; see optimizers.routing."""

    unit: str = Field(EUR, description="of costs and prizes")
    dimensions: list[str] = Field([], description="of loads, with their unit: mass_kg, volume_m3")
    places: list[PlaceDocument] = Field([], description="those with matrices come in the order of rows and columns")
    profiles: list[ProfileDocument] = Field([ProfileDocument()], description="classes of vehicles: how they drive")
    approximate: bool = Field(False, description="whether the matrices given were made without a map")
    stops: list[StopDocument]
    vehicles: list[VehicleDocument]
    sites: list[SiteDocument] = Field([])
    rules: list[RulesDocument] = Field([])
    weights: WeightsDocument = WeightsDocument()


class VisitDocument(Document):
    act: Act
    of: str = Field("", description="id of the stop or site")
    place: Index = Field(description="index among the problem's places, then those of stops and sites without one")
    arrive_s: float = Field(description="seconds since the start of the horizon")
    begin_s: float
    end_s: float
    aboard: list[float] = Field([], description="load when it is over, in the order of the problem's dimensions")


class RouteDocument(Document):
    vehicle: str
    distance_m: float
    drive_s: float
    visits: list[VisitDocument]


class UnservedDocument(Document):
    stop: str
    why: Why
    detail: str = ""
    cheapest: float | None = Field(None, description="what serving it would add to the objective, where known")


class PlanDocument(PlanHead):
    """Rounds, and every stop that none of them serves. Objective and bound are in `unit`."""

    unit: str = EUR
    reproducible: bool = Field(True, description="false where the clock cut the solve short")
    approximate: bool = Field(False, description="drives were reckoned without a map")
    routes: list[RouteDocument]
    unserved: list[UnservedDocument] = Field([])
