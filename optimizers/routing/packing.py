"""A problem as bytes: what a worker on another machine solves, and what is kept to solve it again."""

from dataclasses import asdict
from typing import Any

from optimizers.packed import packed, unpacked
from optimizers.routing.problem import (
    Coordinates,
    Matrices,
    Place,
    Rest,
    RoutingProblem,
    Site,
    Spent,
    Stop,
    Vehicle,
    Weights,
    WorkRules,
)


def pack(problem: RoutingProblem) -> bytes:
    """The same problem gives the same bytes, uncompressed. `unpack` gives it again, to the last bit."""
    matrices = problem.matrices
    head = {
        "places": [asdict(place) for place in problem.places],
        "stops": [asdict(stop) for stop in problem.stops],
        "vehicles": [asdict(vehicle) for vehicle in problem.vehicles],
        "sites": [asdict(site) for site in problem.sites],
        "rules": [asdict(rules) for rules in problem.rules],
        "weights": asdict(problem.weights),
        "dimensions": problem.dimensions,
        "coordinates": problem.coordinates,
        "unit": problem.unit,
        "profiles": matrices.profiles,
        "approximate": matrices.approximate,
    }
    return packed(head, {"distance_m": matrices.distance_m, "duration_s": matrices.duration_s})


def unpack(block: bytes) -> RoutingProblem:
    """Raises InvalidProblem for one that contradicts itself."""
    listed, arrays = unpacked(block)
    head = _tuples(listed)
    return RoutingProblem(
        places=tuple(Place(**place) for place in head["places"]),
        matrices=Matrices(profiles=head["profiles"], approximate=head["approximate"], **arrays),
        stops=tuple(Stop(**stop) for stop in head["stops"]),
        vehicles=tuple(_vehicle(**vehicle) for vehicle in head["vehicles"]),
        sites=tuple(Site(**site) for site in head["sites"]),
        rules=tuple(WorkRules(**rules) for rules in head["rules"]),
        weights=Weights(**head["weights"]),
        dimensions=head["dimensions"],
        coordinates=Coordinates(head["coordinates"]),
        unit=head["unit"],
    )


def _vehicle(rests: tuple[dict[str, Any], ...], spent: dict[str, Any], **plain: Any) -> Vehicle:
    return Vehicle(**plain, rests=tuple(Rest(**rest) for rest in rests), spent=Spent(**spent))


def _tuples(value: Any) -> Any:
    """JSON knows lists alone; every sequence of a problem is a tuple."""
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
