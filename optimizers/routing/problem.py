"""The routing problem and its plan: plain frozen values that have validated themselves (see `wrong`)."""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from optimizers.arrays import Floats, Shapes, freeze
from optimizers.result import InvalidProblem, Plan

EUR = "EUR"
NARROW = 4_000
"""Places beyond which matrices are kept in 32 bits: of 10,000 places each is 0.4 GB then, 0.8 in 64."""

_ROWS = 256  # of a matrix looked at together
TOLERANCE = 1e-6
"""By which a second, a metre or a load may miss a constraint: what adding up floats leaves."""

Window = tuple[float, float]
"""From when to when something may begin, both included, in seconds since the start of the horizon."""

Loads = tuple[float, ...]
"""An amount in each of the problem's load dimensions, such as mass_kg and volume_m3."""


class Coordinates(StrEnum):
    NONE = ""
    WGS84 = "wgs84"  # x is the longitude in degrees, y the latitude
    PLANE_M = "plane_m"  # metres


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is. Row and column of the matrices are its position in the problem's places."""

    id: str
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Matrices:
    """From every place to every other, by profile (a class of vehicle); inf where there is no way.

    distance_m, duration_s (P, L, L)    asymmetric is right: streets are one-way; 0 from a place to itself
    approximate                         made without a map

    In 32 bits, of more than NARROW places, where they are given so or lose nothing by it: reckon with what `between`
    gives.
    """

    profiles: tuple[str, ...] = ("",)
    distance_m: Floats
    duration_s: Floats
    approximate: bool = False

    def freeze(self, places: int) -> list[str]:
        cube = (len(self.profiles), places, places)
        shapes: Shapes = {name: (_kind(getattr(self, name), places), cube) for name in ("distance_m", "duration_s")}
        return freeze(self, shapes)

    def between(self, profile: int, rows: npt.ArrayLike, columns: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Metres and seconds from each place of `rows` to each of `columns`: copies in 64 bits."""
        at = np.ix_(np.asarray(rows, np.int64), np.asarray(columns, np.int64))
        metres, seconds = (
            one[profile][at].astype(np.float64, copy=False) for one in (self.distance_m, self.duration_s)
        )
        return metres, seconds


def _kind(values: object, places: int) -> type[np.floating[Any]]:
    """How many bits a matrix's values are kept in."""
    if places <= NARROW or not isinstance(values, np.ndarray):
        return np.float64
    if values.dtype == np.float32:
        return np.float32
    rows = values.reshape(-1, values.shape[-1]) if values.ndim else values[None, None]
    blocks = (rows[top : top + _ROWS] for top in range(0, len(rows), _ROWS))
    return np.float32 if all(_lossless(block) for block in blocks) else np.float64


def _lossless(block: Floats) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array_equal(block.astype(np.float32), block)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A client: a bin to empty, a person to visit, a lamp to mend.

    place         index among the problem's places
    load          what the vehicle takes on
    service_s     how long the vehicle stands there
    windows       service begins in one of them; at any time where there are none
    required      to be served wherever possible; else it is left out where it costs more than `prize`
    prize         in the problem's unit, what leaving it out costs; of a required one it is no part of the objective
    skills        the vehicle has them all: waste fraction, crane, narrow street, quiet, electrician
    zone          of the territory; '' for none
    only, never   ids of the vehicles that alone may serve it (None: any), and of those that must not
    together      stops of one such name are served by one vehicle, or not at all; '' for none
    former        id of the vehicle that serves it in the plan in force: another costs `Weights.moved`; '' for none
    """

    id: str
    place: int
    load: Loads = ()
    service_s: float = 0.0
    windows: tuple[Window, ...] = ()
    required: bool = True
    prize: float = 0.0
    skills: tuple[str, ...] = ()
    zone: str = ""
    only: tuple[str, ...] | None = None
    never: tuple[str, ...] = ()
    together: str = ""
    former: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where vehicles unload all they carry, as often as they like: a disposal site, a depot with a container.

    unload_s   how long that takes, weighing included
    windows    unloading begins in one of them; at any time where there are none
    queue      expected wait before unloading, in seconds, of an arrival in each window: (window, wait_s)
    accepts    a vehicle with one of these skills may unload there; any vehicle where it is empty
    """

    id: str
    place: int
    unload_s: float = 0.0
    windows: tuple[Window, ...] = ()
    queue: tuple[tuple[Window, float], ...] = ()
    accepts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A pause that a vehicle's crew takes where it stands, begun in a window: lunch. Nothing else is done meanwhile.

    Due where the vehicle is out from `earliest_s` or before until after `latest_s`.
    """

    earliest_s: float
    latest_s: float
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRules:
    """What the law allows a driver, in seconds; inf for no limit. Rests and waits of `break_s` or more count as breaks.

    longest_drive_s         driving without a break; the break is `drive_break_s`, or two in the order of `split_s`
    most_drive_s            driving in a day
    longest_work_s          driving, serving, unloading and waiting without a break of `work_break_s`
    most_work_s             of those in a day
    """

    id: str
    longest_drive_s: float = inf
    drive_break_s: float = 0.0
    split_s: tuple[float, ...] = ()
    most_drive_s: float = inf
    longest_work_s: float = inf
    work_break_s: float = 0.0
    most_work_s: float = inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a vehicle that is already out has done before the problem begins: it counts in its day's limits.

    `drive_s`, `work_s` of the day; `drive_since_s`, `work_since_s` since the last break; loads over all trips.
    `split_taken`: parts of a split break that were taken since the last whole one.
    `duration_s` reaches from when it went out to the start of its shift, at which it goes on.
    """

    loads: Loads = ()
    stops: int = 0
    trips: int = 0
    distance_m: float = 0.0
    duration_s: float = 0.0
    drive_s: float = 0.0
    work_s: float = 0.0
    drive_since_s: float = 0.0
    work_since_s: float = 0.0
    split_taken: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One vehicle with its crew on one day: of several days there are several, each with its own shift.

    start, end           indices of places; end None: wherever the last stop is
    shift                leaves no earlier and is back no later
    profile              index of the matrices' profile
    capacity             most on board at once; () for no limit
    daily                most over all trips of the day; () for no limit
    most_stops           served in the day
    most_trips           a trip ends with unloading, at a site or at the end
    most_m               range of its battery or tank, over the day
    longest_s            from start to end, rests included; up to `overtime_s` more at `overtime_per_s`
    aboard               load at the start
    empties              whether what is aboard has to be unloaded at a site before the end
    skills, zones        zones None: any; a stop without a zone is anybody's
    sites                ids of those it may unload at; None: any that accepts it
    fixed, per_m, per_s  in the problem's unit; fixed once it serves anything (one that is out has paid it)
    rests, rules         rules: id of the problem's work rules, '' for none
    """

    id: str
    start: int
    end: int | None
    shift: Window
    profile: int = 0
    capacity: Loads = ()
    daily: Loads = ()
    most_stops: int | None = None
    most_trips: int | None = None
    most_m: float = inf
    longest_s: float = inf
    overtime_s: float = 0.0
    overtime_per_s: float = 0.0
    aboard: Loads = ()
    empties: bool = False
    skills: tuple[str, ...] = ()
    zones: tuple[str, ...] | None = None
    sites: tuple[str, ...] | None = None
    fixed: float = 0.0
    per_m: float = 0.0
    per_s: float = 0.0
    rests: tuple[Rest, ...] = ()
    rules: str = ""
    spent: Spent = field(default_factory=Spent)

    @property
    def out(self) -> bool:
        """Whether it is under way already: its time runs from the start of its shift on, it cannot leave later."""
        return self.spent != Spent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What is wanted beside low cost, in the problem's unit.

    moved          for each stop that another vehicle serves than `former`: stability of the plan
    border         for each drive from a stop of one zone to a stop of another: compact rounds, which drivers recognise
    balance_per_s  for each second that a route lasts beyond the mean of the routes used
    """

    moved: float = 0.0
    border: float = 0.0
    balance_per_s: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class RoutingProblem:
    """Which stops to serve, by which vehicle, in which order and when.

    Least is wanted, in `unit`, of

        fixed of vehicles used + per_m * metres + per_s * seconds from start to end + overtime_per_s * overtime
        + prize of stops left out that are not required + what `weights` ask for

    A vehicle that is out already drives home, and pays for it, whether it serves anything or not.
    A vehicle waits where a window is not open yet. It is empty at the end where it `empties`, unloads all it has at a
    site, and may drive on. Required stops that cannot be served are left out with a reason: the plan is then a best
    effort, and each is a violation.

    Raises InvalidProblem with everything that is wrong.
    """

    places: tuple[Place, ...]
    matrices: Matrices
    stops: tuple[Stop, ...]
    vehicles: tuple[Vehicle, ...]
    sites: tuple[Site, ...] = ()
    dimensions: tuple[str, ...] = ()
    rules: tuple[WorkRules, ...] = ()
    weights: Weights = field(default_factory=Weights)
    coordinates: Coordinates = Coordinates.NONE
    unit: str = EUR

    def __post_init__(self) -> None:
        from optimizers.routing.wrong import problems_of  # noqa: PLC0415 - it reads these classes

        if problems := self.matrices.freeze(len(self.places)) or list(problems_of(self)):
            raise InvalidProblem(problems)


class Act(StrEnum):
    START = "start"
    STOP = "stop"
    UNLOAD = "unload"
    REST = "rest"
    END = "end"


@dataclass(frozen=True, slots=True)
class Visit:
    """One thing that a vehicle does. What it drove before lies between the end of the visit before and `arrive_s`.

    of                        id of the stop or site; '' for a start, an end and a rest
    place                     index; of a rest that of the visit before, of an end None: the last place
    arrive_s, begin_s, end_s  waits between arriving and beginning; an unloading's queue too
    aboard                    load when it is over
    """

    act: Act
    of: str
    place: int
    arrive_s: float
    begin_s: float
    end_s: float
    aboard: Loads = ()


@dataclass(frozen=True, slots=True)
class Route:
    """What a vehicle does, from its START to its END; sums over it."""

    vehicle: str
    visits: tuple[Visit, ...]
    distance_m: float
    drive_s: float

    @property
    def stops(self) -> tuple[str, ...]:
        return tuple(visit.of for visit in self.visits if visit.act is Act.STOP)

    @property
    def duration_s(self) -> float:
        return self.visits[-1].end_s - self.visits[0].begin_s


class Why(StrEnum):
    """Why a stop is left out: the first of these that explains it."""

    UNREACHABLE = "unreachable"  # there is no way to it, or from it
    SKILL = "skill"  # no vehicle has what it takes, or only ones that must not
    CAPACITY = "capacity"  # no vehicle that may holds so much at once
    WINDOW = "window"  # no vehicle that may gets there and back while it is open
    TOGETHER = "together"  # one that must be served with it cannot be
    PRIZE = "prize"  # serving it would cost more than leaving it out
    FULL = "full"  # alone it could be served, beside the others it found no room: time, load or distance


@dataclass(frozen=True, slots=True)
class Unserved:
    """A stop left out. `detail`: the figures behind the reason; `cheapest`: what serving it would add, if known."""

    stop: str
    why: Why
    detail: str = ""
    cheapest: float | None = None

    def pays(self, prize: float) -> bool:
        """Whether it is known that serving the stop would add less than its prize."""
        return self.cheapest is not None and self.cheapest < prize


@dataclass(frozen=True, kw_only=True, eq=False)
class RoutingPlan(Plan):
    """The rounds, in the order of the problem's vehicles, unused ones left out; and every stop that none serves.

    `approximate`: drives were reckoned without a map.
    """

    routes: tuple[Route, ...]
    unserved: tuple[Unserved, ...] = ()
    unit: str = EUR
    approximate: bool = False
