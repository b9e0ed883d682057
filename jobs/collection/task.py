"""The problem of a day's rounds, with all that was behind it. Pure: a year in the twin may be planned by it too."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from engine.inventory.collection import ContainerAttributes, SiteAttributes, TruckAttributes
from engine.model import Asset
from engine.setpoints.dated import Span, without
from jobs.collection.choosing import Wanted, wanted_of
from jobs.collection.closures import Closure, closed_at
from jobs.collection.day import named, open_but, serves, spans_in, windows
from jobs.collection.fills import Fills
from jobs.collection.fleet import Fleet, Said, said
from jobs.collection.roads import NARROW as NARROW_PROFILE
from jobs.collection.roads import WIDE as WIDE_PROFILE
from jobs.collection.roads import WITHOUT_MAP, Finder
from jobs.collection.state import State
from jobs.collection.tables import CollectionTables
from optimizers.routing import (
    Act,
    Coordinates,
    Matrices,
    Place,
    Rest,
    Route,
    RoutingProblem,
    Site,
    Stop,
    Unserved,
    Vehicle,
    Visit,
    Window,
    WorkRules,
)

NARROW = "narrow"
DIMENSIONS = ("mass_kg", "volume_m3")
"""Volume is that in the truck, compacted."""

_HEAD_START_S = 300.0
"""After a plan is asked, before a truck that is in the depot may leave by it."""

_NEWS = 0.15
"""By which a level must be other than it was expected to be, for a container to be looked at again in the day."""

_LEAST = timedelta(minutes=45)
"""Of a shift, for which nobody is sent out."""


@dataclass(frozen=True, eq=False)
class Underway:
    """What of a day is done already.

    done       by truck, what it has done, is at or has left for, in the seconds and places of the plan in force
    places     of the plan in force: its indices stay
    vehicles   as they go on; indices as above
    routes     what is left of the rounds in force; `unserved` the stops that they leave out
    former     by container, the truck that serves it in the plan in force
    fills      by container that was served, the level and the mass in kg that were expected then
    of         id of the plan in force
    missed     containers that a crew came to and could not empty: they are wanted again
    stops      by container, as the plan in force wants it; `levels` what it expected of each at pick-up
    """

    done: Mapping[str, tuple[Visit, ...]]
    places: tuple[Place, ...]
    vehicles: tuple[Vehicle, ...]
    routes: tuple[Route, ...]
    unserved: tuple[Unserved, ...]
    former: Mapping[str, str]
    fills: Mapping[str, tuple[float, float]]
    of: str
    missed: frozenset[str] = frozenset()
    stops: Mapping[str, Stop] = field(default_factory=dict)
    levels: Mapping[str, float] = field(default_factory=dict)

    @property
    def served(self) -> frozenset[str]:
        """Emptied, or about to be."""
        there = (visit.of for visits in self.done.values() for visit in visits if visit.act is Act.STOP)
        return frozenset(there) - self.missed

    def stands(self, container: str, level: float, required: bool) -> bool:
        """Whether nothing has happened to a container since: then it is wanted as it was, and its round may stand."""
        before = self.stops.get(container)
        if container in self.missed or (required and (before is None or not before.required)):
            return False
        return abs(level - self.levels.get(container, 0.0)) <= _NEWS


@dataclass(frozen=True, eq=False)
class Behind:
    """What `why` tells beside the problem: of which day it is, when it was asked, what is left out and closed.

    closed   why nobody drives at all; empty where somebody does
    """

    start_at: datetime
    until: datetime
    at: datetime
    left_out: Mapping[str, Said] = field(default_factory=dict)
    closed: Said = field(default_factory=dict)
    told: tuple[Said, ...] = ()


@dataclass(frozen=True, eq=False)
class CollectionTask:
    """A problem to solve, and what it was made of. `trucks`: the kind of waste that each vehicle takes today."""

    problem: RoutingProblem
    fleet: Fleet
    fills: Fills
    wanted: Wanted
    tables: CollectionTables
    behind: Behind
    trucks: Mapping[str, str]
    underway: Underway | None = None
    reasons: tuple[str, ...] = ()


def build_problem(
    fleet: Fleet, fills: Fills, state: State, tables: CollectionTables, day: Span, *,
    closures: Sequence[Closure] = (), underway: Underway | None = None, wanted: Wanted | None = None,
    find: Finder = WITHOUT_MAP, rules: Sequence[WorkRules] = (),
) -> CollectionTask:  # fmt: skip
    """The problem of a collection day as it is seen at `fills.at`.

    A day without service, or without a truck, has no stops, and says why. `rules`: those that `trucks.work` names.
    Raises InvalidProblem for what contradicts itself, as a territory without a truck.
    """
    wanted = wanted or wanted_of(fleet, fills, tables, day)
    trucks = shared_out(fleet, state, wanted, tables)
    closed = _closed(day, fleet, trucks, tables) or _over(day, fleet, fills.at, tables)
    roads = [one for one in closures if one.through and _while_out(one, day, fills.at)]
    made = _Maker(fleet, fills, state, tables, day, closures, underway, wanted, {} if closed else trucks, rules)
    places, sites = made.places, made.sites
    found = find(places, roads)
    problem = RoutingProblem(
        places=places,
        matrices=_whole(found.matrices),
        stops=() if closed else tuple(made.stops()),
        vehicles=tuple(made.vehicles()),
        sites=sites,
        dimensions=DIMENSIONS,
        rules=tuple(rules),
        weights=tables.weights.weights,
        coordinates=Coordinates.WGS84,
    )
    behind = Behind(*day, fills.at, {**fleet.left_out, **state.out}, closed, found.told)
    if not closed:  # one that is out goes on with what it has aboard
        trucks = {vehicle.id: vehicle.skills[0] for vehicle in problem.vehicles}
    return CollectionTask(problem, fleet, fills, wanted, tables, behind, trucks, underway)


def _whole(matrices: Matrices) -> Matrices:
    """In whole metres and seconds, these rounded up: more is not known, and a body takes a third of the room."""
    return replace(matrices, distance_m=np.rint(matrices.distance_m), duration_s=np.ceil(matrices.duration_s))


def _while_out(closure: Closure, day: Span, at: datetime) -> bool:
    return bool(closure.spans(max(day[0], at), day[1]))


def shared_out(fleet: Fleet, state: State, wanted: Wanted, tables: CollectionTables) -> dict[str, str]:
    """By truck in service, the one kind of waste that it takes today: of several the one whose containers to be emptied
    hold most for the trucks that take it.
    """
    load: dict[str, float] = dict.fromkeys(tables.fractions, 0.0)
    for n, (_, stated) in enumerate(fleet.containers):
        if wanted.required[n] or wanted.candidate[n]:
            load[stated.fraction] += load_of(stated, float(wanted.load_level[n]), tables)[1]
    room = dict.fromkeys(load, 0.0)
    there = [(asset.id, of) for asset, of in fleet.trucks if asset.id not in state.out]
    found: dict[str, str] = {}
    for truck, one in sorted(there, key=lambda pair: (len(pair[1].fractions), pair[0])):
        chosen = max(one.fractions, key=lambda name: load[name] / (room[name] + one.volume_m3))
        room[chosen] += one.volume_m3
        found[truck] = chosen
    return {truck: found[truck] for truck, _ in there}


def load_of(stated: ContainerAttributes, level: float, tables: CollectionTables) -> tuple[float, float]:
    """Mass in kg, and volume in m³ once compacted, of what a container holds at a level."""
    kind, volume_m3 = tables.fractions[stated.fraction], level * stated.volume_l / 1000.0
    return volume_m3 * kind.density_kg_m3, volume_m3 / kind.compaction


def _closed(day: Span, fleet: Fleet, trucks: Mapping[str, str], tables: CollectionTables) -> Said:
    if not serves(named(day[0]), tables.service):
        return said("collect_no_service", day=named(day[0]))
    return said("collect_no_truck") if fleet.trucks and not trucks else {}


def _over(day: Span, fleet: Fleet, at: datetime, tables: CollectionTables) -> Said:
    """Whether every shift is as good as over: what is full then is for the next day."""
    ends = [until for _, of in fleet.trucks for _, until in spans_in(*day, of.shift or tables.trucks.shift)]
    return said("collect_over") if ends and max(ends) <= at + _LEAST else {}


_NOT_WANTED = Stop(id="", place=0)


@dataclass
class _Maker:
    """The parts of the problem."""

    fleet: Fleet
    fills: Fills
    state: State
    tables: CollectionTables
    day: Span
    closures: Sequence[Closure]
    underway: Underway | None
    wanted: Wanted
    trucks: Mapping[str, str]
    rules: Sequence[WorkRules]

    def __post_init__(self) -> None:
        some = (self.wanted.required | self.wanted.candidate).tolist()
        served = self.underway.served if self.underway is not None else frozenset()
        self._before = {n: self._as_before(n) for n in range(len(some))}
        self._chosen = [
            n
            for n, name in enumerate(self.fleet.names)
            if name not in served and (some[n] if self._before[n] is None else self._before[n] is not _NOT_WANTED)
        ]
        self.places = self._places()
        self._place = {place.id: p for p, place in enumerate(self.places)}
        self.sites = tuple(self._site(*one) for one in self.fleet.sites if one[0].id not in self.state.out)

    def _as_before(self, n: int) -> "Stop | None":
        """The stop that stands of the plan in force, _NOT_WANTED where it stands that there is none; None for news."""
        if self.underway is None:
            return None
        name, level = self.fleet.names[n], float(self.wanted.level[n])
        if not self.underway.stands(name, level, bool(self.wanted.required[n])):
            return None
        return self.underway.stops.get(name, _NOT_WANTED)

    def _places(self) -> tuple[Place, ...]:
        """Those of the plan in force first, in its order."""
        assets = [*(a for a, _ in self.fleet.trucks), *(a for a, _ in self.fleet.sites)]
        assets += [self.fleet.containers[n][0] for n in self._chosen]
        known = {place.id: place for place in self.underway.places} if self.underway is not None else {}
        return tuple((known | {a.id: Place(a.id, a.lon, a.lat) for a in assets}).values())

    def stops(self) -> Iterator[Stop]:
        former = self.underway.former if self.underway is not None else {}
        for n in self._chosen:
            asset, stated = self.fleet.containers[n]
            windows = open_but(self.day, self._shut(asset))
            before = self._before[n]
            if before is not None:
                yield replace(before, windows=windows, former=former.get(asset.id, ""))
                continue
            yield Stop(
                id=asset.id,
                place=self._place[asset.id],
                load=load_of(stated, float(self.wanted.load_level[n]), self.tables),
                service_s=self.tables.fractions[stated.fraction].service_s,
                windows=windows,
                required=bool(self.wanted.required[n]),
                prize=float(self.wanted.prize_eur[n]),
                skills=(stated.fraction, *((NARROW,) if stated.narrow else ())),
                zone=asset.zone,
                former=former.get(asset.id, ""),
            )

    def _shut(self, asset: Asset) -> list[Span]:
        return closed_at(self.closures, asset, self.fleet.commune(asset), *self.day)

    def vehicles(self) -> Iterator[Vehicle]:
        """In the fleet's order; those that are out go on. Where nobody drives, all of them, who may not leave."""
        out = {vehicle.id: vehicle for vehicle in self.underway.vehicles} if self.underway is not None else {}
        for asset, stated in self.fleet.trucks:
            if not self.trucks:
                yield replace(self._vehicle(asset, stated, stated.fractions[0]), shift=(0.0, 0.0), rests=())
            elif asset.id in out and asset.id in self.trucks:
                yield replace(out[asset.id], sites=None)
            elif asset.id in self.trucks:
                yield self._vehicle(asset, stated, self.trucks[asset.id])

    def _vehicle(self, asset: Asset, stated: TruckAttributes, fraction: str) -> Vehicle:
        place, tables = self._place[asset.id], self.tables
        costs = tables.costs
        return Vehicle(
            id=asset.id,
            start=place,
            end=place,
            profile=NARROW_PROFILE if stated.narrow else WIDE_PROFILE,
            shift=self._shift(stated),
            capacity=(stated.capacity_kg, stated.volume_m3),
            most_m=stated.range_m if stated.range_m is not None else np.inf,
            empties=True,
            skills=(fraction, *((NARROW,) if stated.narrow else ())),
            fixed=costs.truck_day_eur,
            per_m=costs.per_km_eur / 1000.0,
            per_s=costs.per_hour_eur / 3600.0,
            rests=tuple(self._rests()),
            rules=self.rules[0].id if self.rules else "",
        )

    def _shift(self, stated: TruckAttributes) -> Window:
        """The longest stretch of its hours in which it may be out, and that has not gone by."""
        spans = list(spans_in(*self.day, stated.shift or self.tables.trucks.shift))
        quiet = self.tables.trucks.quiet
        if quiet is not None and not stated.quiet:
            taken = list(spans_in(*self.day, quiet))
            spans = [left for span in spans for left in without(span, taken)]
        found = max(windows(self.day, spans), key=lambda one: one[1] - one[0], default=(0.0, 0.0))
        now_s = (self.fills.at - self.day[0]).total_seconds()
        begins = max(found[0], now_s + _HEAD_START_S)
        return (begins, found[1]) if begins <= found[1] else (found[1], found[1])

    def _rests(self) -> Iterator[Rest]:
        rest = self.tables.trucks.rest
        if rest is not None:
            for begins, ends in windows(self.day, spans_in(*self.day, (rest.start, rest.until))):
                yield Rest(earliest_s=begins, latest_s=ends, duration_s=rest.lasts.total_seconds())

    def _site(self, asset: Asset, stated: SiteAttributes) -> Site:
        defaults = self.tables.sites
        unload_s = stated.unload_s if stated.unload_s is not None else defaults.unload.total_seconds()
        wait_s = stated.queue_s if stated.queue_s is not None else defaults.queue.total_seconds()
        hours = windows(self.day, spans_in(*self.day, stated.hours or defaults.hours))
        return Site(
            id=asset.id,
            place=self._place[asset.id],
            unload_s=unload_s,
            windows=hours or ((0.0, 0.0),),
            queue=tuple((window, wait_s) for window in hours) if wait_s else (),
            accepts=stated.fractions,
        )
