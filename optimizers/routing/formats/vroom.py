"""VROOM's JSON: problems in (see `vroom_solution` for solutions).

VROOM serves as many jobs as it can, the more urgent ones first, and then drives as little time as it can. Here a job
left out costs more than any round can save, and the more the higher its priority. Where the file gives distances, a
vehicle's hour is priced from its start to its end: VROOM prices driving alone. Where it gives none, a metre stands for
a second, and the objective is VROOM's. A setup is part of the service, also where the job before is at the same place.
A break is taken at a place, never in the middle of a drive. Shipments, setups by type of vehicle, tables of costs and
limits of load during a break are not known here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from optimizers.arrays import Floats
from optimizers.documents import read as read_document
from optimizers.result import InvalidProblem
from optimizers.roads.crow import crow
from optimizers.routing.formats.vroom_forms import (
    Coordinate,
    Table,
    VroomBreak,
    VroomJob,
    VroomProblem,
    VroomVehicle,
)
from optimizers.routing.problem import (
    Coordinates,
    Loads,
    Matrices,
    Place,
    Rest,
    RoutingProblem,
    Stop,
    Vehicle,
    WorkRules,
)
from optimizers.routing.reading import KMH_PER_M_S, SPEED_KMH

UNIT = "vroom"
DELIVERY = "delivery"
_HOUR_S = 3_600.0
_Profile = tuple[str, float]
"""Name and speed factor: vehicles of one profile may be slower or faster than its table."""


def looks_like(text: str) -> bool:
    """Whether a text is one: an object with jobs and vehicles, or with jobs' tables."""
    try:
        data = json.loads(text)
    except ValueError:
        return False
    return (
        isinstance(data, dict) and "vehicles" in data and "stops" not in data and bool({"jobs", "shipments"} & {*data})
    )


def read(text: str | bytes, vehicles: int | None = None) -> RoutingProblem:
    """The problem of a text; of its first so many vehicles where so asked. Raises InvalidProblem."""
    document = read_document(VroomProblem, text)
    if vehicles is not None:
        document = document.model_copy(update={"vehicles": document.vehicles[:vehicles]})
    if problems := list(chain(_wrong_jobs(document), _wrong_vehicles(document), _wrong_tables(document))):
        raise InvalidProblem(problems)
    return _Reading.of(document).problem()


def _wrong_jobs(document: VroomProblem) -> Iterator[str]:
    given = bool(document.matrices)
    if document.shipments:
        yield f"shipments: there are {len(document.shipments)}, wants none: only jobs are known here"
    for k, job in enumerate(document.jobs):
        where = f"jobs.{k} {job.id}"
        yield from _nowhere(where, "location", job.location, job.location_index, given)
        if any(job.pickup) and any([*job.delivery, *job.amount]):
            yield f"{where}: both picks up and delivers, wants one of them"
    deliver = [job for job in document.jobs if any([*job.delivery, *job.amount])]
    collect = [job for job in document.jobs if any(job.pickup)]
    if deliver and collect:
        yield f"jobs: {deliver[0].id} delivers and {collect[0].id} picks up, wants all of them the same"


def _nowhere(where: str, name: str, at: Coordinate | None, index: int | None, given: bool) -> Iterator[str]:
    if given and index is None:
        yield f"{where}: there are matrices, wants a {name}_index"
    elif not given and at is None:
        yield f"{where}: there are no matrices, wants a {name}"


def _wrong_vehicles(document: VroomProblem) -> Iterator[str]:
    given = bool(document.matrices)
    if not document.vehicles:
        yield "there are no vehicles, wants one at least"
    for k, vehicle in enumerate(document.vehicles):
        where = f"vehicles.{k} {vehicle.id}"
        yield from _nowhere(where, "start", vehicle.start, vehicle.start_index, given)
        if given and vehicle.end is not None and vehicle.end_index is None:
            yield f"{where}: there are matrices, wants an end_index beside its end"
        if given and vehicle.profile not in document.matrices:
            yield f"{where}: no matrices of profile {vehicle.profile!r}, there is {', '.join(document.matrices)}"
        for one in vehicle.breaks:
            if len(one.time_windows) != 1:
                yield f"{where}: break {one.id} has {len(one.time_windows)} time windows, wants one"


def _wrong_tables(document: VroomProblem) -> Iterator[str]:
    sizes = {name: len(tables.durations) for name, tables in document.matrices.items()}
    for name, tables in document.matrices.items():
        for key, table in (("durations", tables.durations), ("distances", tables.distances)):
            size = next(iter(sizes.values()))
            if table is not None and (len(table) != size or any(len(row) != size for row in table)):
                yield f"matrices.{name}.{key}: not every row and column has {size} values"
    if sizes:
        for where, index in _indices(document):
            if index is not None and index >= min(sizes.values()):
                yield f"{where} is {index}, wants an index below {min(sizes.values())}"


def _indices(document: VroomProblem) -> Iterator[tuple[str, int | None]]:
    for k, job in enumerate(document.jobs):
        yield f"jobs.{k} {job.id}: location_index", job.location_index
    for k, vehicle in enumerate(document.vehicles):
        yield f"vehicles.{k} {vehicle.id}: start_index", vehicle.start_index
        yield f"vehicles.{k} {vehicle.id}: end_index", vehicle.end_index


@dataclass(frozen=True)
class _Reading:
    """A document without contradictions, where everything in it is, and which tables its vehicles drive by."""

    document: VroomProblem
    places: tuple[Place, ...]
    coordinates: Coordinates
    spots: dict[Coordinate, int]
    profiles: tuple[_Profile, ...]

    @classmethod
    def of(cls, document: VroomProblem) -> "_Reading":
        profiles = tuple(dict.fromkeys((one.profile, one.speed_factor) for one in document.vehicles))
        if document.matrices:
            known = _told(document)
            size = len(next(iter(document.matrices.values())).durations)
            whole = len(known) == size
            places = tuple(Place(f"{k}", *(known[k] if whole else (0.0, 0.0))) for k in range(size))
            return cls(document, places, Coordinates.WGS84 if whole else Coordinates.NONE, {}, profiles)
        ends = (at for one in document.vehicles for at in (one.start, one.end))
        all_at = [at for at in (*ends, *(job.location for job in document.jobs)) if at is not None]
        spots = {at: k for k, at in enumerate(dict.fromkeys(all_at))}
        places = tuple(Place(f"{k}", lon, lat) for (lon, lat), k in spots.items())
        return cls(document, places, Coordinates.WGS84, spots, profiles)

    def problem(self) -> RoutingProblem:
        document = self.document
        matrices = self._matrices()
        dear = self._dear(matrices)
        former = {step.id: f"{one.id}" for one in document.vehicles for step in one.steps if step.type == "job"}
        return RoutingProblem(
            places=self.places,
            matrices=matrices,
            stops=tuple(self._stop(job, dear, former.get(job.id, "")) for job in document.jobs),
            vehicles=tuple(self._vehicle(one) for one in document.vehicles),
            dimensions=tuple(f"{self._kind}_{k + 1}" for k in range(self._amounts)),
            rules=tuple(
                WorkRules(id=_rules_of(one), most_drive_s=float(one.max_travel_time))
                for one in document.vehicles
                if one.max_travel_time is not None
            ),
            coordinates=self.coordinates,
            unit=UNIT,
        )

    @property
    def _amounts(self) -> int:
        told = [len(row) for job in self.document.jobs for row in (job.pickup, job.delivery, job.amount)]
        return max([*told, *(len(one.capacity) for one in self.document.vehicles)], default=0)

    @property
    def _kind(self) -> str:
        """Whether loads are brought or fetched; to the capacity it is the same."""
        return DELIVERY if any(any([*job.delivery, *job.amount]) for job in self.document.jobs) else "pickup"

    @property
    def _driven(self) -> bool:
        """Whether driving alone is priced: no distances are known, so that a metre may stand for a second."""
        known = not self.document.matrices or any(one.distances is not None for one in self.document.matrices.values())
        return not known

    def _matrices(self) -> Matrices:
        pairs = [self._tables(name, factor) for name, factor in self.profiles]
        return Matrices(
            profiles=tuple(f"{name} x {factor:g}" if factor != 1 else name for name, factor in self.profiles),
            distance_m=np.stack([distance for distance, _ in pairs]),
            duration_s=np.stack([duration for _, duration in pairs]),
            approximate=not self.document.matrices,
        )

    def _tables(self, name: str, factor: float) -> tuple[Floats, Floats]:
        if not self.document.matrices:
            lon, lat = (np.array([getattr(place, axis) for place in self.places], np.float64) for axis in "xy")
            return crow(lon, lat, SPEED_KMH / KMH_PER_M_S * factor)
        tables = self.document.matrices[name]
        duration = _square(tables.durations) / factor
        return duration if tables.distances is None else _square(tables.distances), duration

    def _dear(self, matrices: Matrices) -> float:
        """More than serving any one job can add, whichever vehicle does."""
        far_m, long_s = float(matrices.distance_m.max()), float(matrices.duration_s.max())
        costs = [one.costs for one in self.document.vehicles]
        service = max((job.setup + job.service for job in self.document.jobs), default=0)
        waits = max((end for job in self.document.jobs for _, end in job.time_windows), default=0)
        hour = max((one.per_hour for one in costs), default=0) / _HOUR_S
        km = max((one.per_km for one in costs), default=0) / 1e3
        fixed = max((one.fixed for one in costs), default=0)
        return 1.0 + fixed + hour * (2 * max(long_s, far_m) + service + (0 if self._driven else waits)) + 2 * km * far_m

    def _stop(self, job: VroomJob, dear: float, former: str) -> Stop:
        amount = job.pickup if any(job.pickup) else job.delivery or job.amount
        return Stop(
            id=f"{job.id}",
            place=self._at(job.location, job.location_index),
            load=self._loads(amount),
            service_s=float(job.setup + job.service),
            windows=tuple((float(start), float(end)) for start, end in job.time_windows),
            required=False,
            prize=dear * (1 + job.priority),
            skills=tuple(f"{skill}" for skill in job.skills),
            former=former,
        )

    def _vehicle(self, one: VroomVehicle) -> Vehicle:
        hour, km = one.costs.per_hour / _HOUR_S, one.costs.per_km / 1e3
        start = self._at(one.start, one.start_index)
        nowhere = one.end is None and one.end_index is None
        return Vehicle(
            id=f"{one.id}",
            start=start,
            end=None if nowhere else self._at(one.end, one.end_index),
            shift=self._shift(one),
            profile=self.profiles.index((one.profile, one.speed_factor)),
            capacity=self._loads(one.capacity) if one.capacity else (),
            most_stops=one.max_tasks,
            most_m=np.inf if one.max_distance is None else float(one.max_distance),
            skills=tuple(f"{skill}" for skill in one.skills),
            fixed=float(one.costs.fixed),
            per_m=hour if self._driven else km,
            per_s=0.0 if self._driven else hour,
            rests=tuple(map(_rest, one.breaks)),
            rules=_rules_of(one) if one.max_travel_time is not None else "",
        )

    def _at(self, at: Coordinate | None, index: int | None) -> int:
        if self.spots and at is not None:
            return self.spots[at]
        return index or 0

    def _loads(self, amount: list[int]) -> Loads:
        return tuple(float(value) for value in [*amount, *[0] * (self._amounts - len(amount))])

    def _shift(self, one: VroomVehicle) -> tuple[float, float]:
        """Its own, or one in which everything that is asked for can be done."""
        if one.time_window is not None:
            return float(one.time_window[0]), float(one.time_window[1])
        latest = max((end for job in self.document.jobs for _, end in job.time_windows), default=0)
        latest = max([latest, *(end for rest in one.breaks for _, end in rest.time_windows)])
        service = sum(job.setup + job.service for job in self.document.jobs)
        duration = self._tables(one.profile, one.speed_factor)[1]
        return 0.0, float(latest + service + 2 * duration.max(axis=1).sum() + sum(rest.service for rest in one.breaks))


def _rest(one: VroomBreak) -> Rest:
    (start, end), *_ = one.time_windows
    return Rest(earliest_s=float(start), latest_s=float(end), duration_s=float(one.service))


def _rules_of(one: VroomVehicle) -> str:
    return f"vehicle {one.id}"


def _told(document: VroomProblem) -> dict[int, Coordinate]:
    """Where rows of the matrices are, as far as anything says so."""
    pairs = [(job.location_index, job.location) for job in document.jobs]
    for one in document.vehicles:
        pairs += [(one.start_index, one.start), (one.end_index, one.end)]
    return {index: at for index, at in pairs if index is not None and at is not None}


def _square(table: Table) -> Floats:
    values = np.array(table, np.float64)
    np.fill_diagonal(values, 0.0)
    return values
