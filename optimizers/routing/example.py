"""Made problems to try the optimiser on: small ones to read, and ones of any size to measure it by."""

from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Floats
from optimizers.roads.crow import crow
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

_HOUR_S = 3_600.0
_DAY_S = 86_400.0
_CENTRE = (-0.55, 47.47)
"""Longitude and latitude: about Angers. The places themselves are made up."""
_M_PER_DEGREE = 111_195.0
_STREAM = "residual"
_LUNCH = Rest(earliest_s=11.5 * _HOUR_S, latest_s=12.5 * _HOUR_S, duration_s=0.75 * _HOUR_S)
_FIXED, _PER_M, _PER_S = 80.0, 0.0012, 45 / _HOUR_S
"""EUR a day, 1.20 EUR/km, 45 EUR/h: the order of a lorry's diesel and wear, and of a crew. Made, no measured costs."""


def example(seed: int = 0) -> RoutingProblem:
    """Ten bins, four of them optional, two lorries and a disposal site on one day. The same seed gives the same
    problem.
    """
    return generated(10, 2, 1, seed)


def full_example(seed: int = 0) -> RoutingProblem:
    """Eighteen bins over two days with everything that can be asked: two depots, two sites with queues, lorries and a
    narrow one with a battery that drives by other matrices, one that is out already, zones, sides that no way leads to,
    pinned, forbidden and joined stops, work rules, overtime, a plan in force, and weights for compact, even and stable
    rounds.
    """
    plain = generated(18, 2, 2, seed)
    stops = list(plain.stops)
    stops[0] = replace(stops[0], skills=("narrow",), windows=((6 * _HOUR_S, 7 * _HOUR_S), (9 * _HOUR_S, 11 * _HOUR_S)))
    stops[1] = replace(stops[1], only=("T-1",), former="T-1")
    stops[2] = replace(stops[2], never=("T-1",), former="T-1", required=False, prize=60.0)
    stops[3], stops[4] = (replace(stop, together="court") for stop in stops[3:5])
    stops[5] = replace(stops[5], windows=((30 * _HOUR_S, 34 * _HOUR_S),))
    vehicles = _full_fleet(plain.vehicles)
    distance_m = np.stack([plain.matrices.distance_m[0]] * 2)
    duration_s = np.stack([plain.matrices.duration_s[0], np.ceil(1.25 * plain.matrices.duration_s[0])])
    cut = stops[6].place
    for array in (distance_m, duration_s):
        array[0, :, cut] = array[0, cut, :] = np.inf
        array[0, cut, cut] = 0.0
    return replace(
        plain,
        matrices=Matrices(profiles=("lorry", "narrow"), distance_m=distance_m, duration_s=duration_s, approximate=True),
        stops=tuple(stops),
        sites=_queued(plain.sites),
        vehicles=vehicles,
        rules=(_RULES,),
        weights=Weights(moved=5.0, border=1.0, balance_per_s=0.001),
    )


_RULES = WorkRules(
    id="EU 561/2006",
    longest_drive_s=4.5 * _HOUR_S,
    drive_break_s=0.75 * _HOUR_S,
    split_s=(900.0, 1_800.0),
    most_drive_s=9 * _HOUR_S,
    longest_work_s=6 * _HOUR_S,
    work_break_s=0.5 * _HOUR_S,
    most_work_s=10 * _HOUR_S,
)
"""Articles 6 and 7 of the regulation; breaks from work as in article 5 of directive 2002/15."""


def _full_fleet(plain: tuple[Vehicle, ...]) -> tuple[Vehicle, ...]:
    """The two lorries on two days, the second out since six on the first, and a narrow one by battery."""
    first, second = (replace(one, rules=_RULES.id, longest_s=8 * _HOUR_S, overtime_s=_HOUR_S) for one in plain)
    first = replace(first, overtime_per_s=30 / _HOUR_S, daily=(14_000.0, 40.0), most_stops=12, most_trips=3)
    loads = (600.0, 5.0)
    out = Spent(
        loads=loads, stops=3, distance_m=12_000.0, duration_s=2 * _HOUR_S, drive_s=_HOUR_S, work_s=2 * _HOUR_S,
        drive_since_s=_HOUR_S, work_since_s=2 * _HOUR_S,
    )  # fmt: skip
    second = replace(second, shift=(8 * _HOUR_S, 14 * _HOUR_S), aboard=loads, spent=out, zones=("south",))
    narrow = Vehicle(
        id="N-1", start=1, end=None, shift=(5 * _HOUR_S, 12 * _HOUR_S), profile=1, capacity=(1_500.0, 6.0),
        most_m=90_000.0, empties=True, skills=(_STREAM, "narrow"), sites=("S-1",), fixed=40.0, per_m=0.0005,
        per_s=38 / _HOUR_S,
    )  # fmt: skip
    later = tuple(
        replace(one, id=f"{one.id} tomorrow", shift=(29 * _HOUR_S, 37 * _HOUR_S), rests=(_later(_LUNCH),))
        for one in plain
    )
    return first, second, narrow, *later


def _later(rest: Rest) -> Rest:
    return replace(rest, earliest_s=rest.earliest_s + _DAY_S, latest_s=rest.latest_s + _DAY_S)


def _queued(sites: tuple[Site, ...]) -> tuple[Site, ...]:
    morning = (9 * _HOUR_S, 11 * _HOUR_S)
    both_days = tuple((start + day, end + day) for day in (0.0, _DAY_S) for start, end in sites[0].windows)
    first = replace(sites[0], windows=both_days, queue=((morning, 600.0),), accepts=(_STREAM,))
    return first, replace(sites[1], windows=both_days)


def generated(stops: int, vehicles: int, sites: int, seed: int = 0) -> RoutingProblem:
    """A made day of waste collection, without a map: bins in quarters of a town of one stop for each 8 ha, a tenth of
    them near schools and open from nine to eleven only, two in five optional with a prize; lorries of 9 t and 18 m3
    with a lunch, from two depots, and sites at the edge. Half a tonne and 3 m3 are the most that a bin gives. Shares
    of the fleet and sites that are too small make stops impossible, as in life. Raises InvalidProblem where there is no
    vehicle.
    """
    rng = np.random.default_rng(seed)
    town = _town(rng, stops, sites)
    return RoutingProblem(
        places=town.places,
        matrices=town.matrices,
        stops=tuple(_bins(rng, town, stops)),
        vehicles=tuple(_lorry(k) for k in range(vehicles)),
        sites=tuple(_site(k) for k in range(sites)),
        dimensions=("mass_kg", "volume_m3"),
        coordinates=Coordinates.WGS84,
    )


@dataclass(frozen=True)
class _Town:
    """Depots are places 0 and 1, then sites, then bins. `north` by place."""

    places: tuple[Place, ...]
    matrices: Matrices
    north: list[bool]
    first: int


def _town(rng: np.random.Generator, stops: int, sites: int) -> _Town:
    side_m = max(2_500.0, float(np.sqrt(stops * 80_000.0)))
    quarters = rng.uniform(-0.5, 0.5, (max(2, stops // 40), 2)) * side_m
    bins = quarters[rng.integers(len(quarters), size=stops)] + rng.normal(0, 0.12 * side_m, (stops, 2))
    around = rng.uniform(0, 2 * np.pi, 2 + sites)
    edge = np.stack([np.cos(around), np.sin(around)], axis=1) * side_m * 0.7
    lon, lat = _degrees(np.concatenate([edge, bins]))
    names = ["D-1", "D-2", *(f"S-{k + 1}" for k in range(sites)), *(f"B-{k + 1:04d}" for k in range(stops))]
    distance_m, duration_s = crow(lon, lat, 25 / 3.6)
    return _Town(
        places=tuple(Place(name, x, y) for name, x, y in zip(names, lon.tolist(), lat.tolist(), strict=True)),
        # Rounded up, as whole numbers read better and still no way round is shorter than the straight one.
        matrices=Matrices(distance_m=np.ceil(distance_m), duration_s=np.ceil(duration_s), approximate=True),
        north=(lat > _CENTRE[1]).tolist(),
        first=2 + sites,
    )


def _degrees(metres: Floats) -> tuple[Floats, Floats]:
    """Longitudes and latitudes of points by their metres east and north of the centre, to a metre or so."""
    lat = _CENTRE[1] + metres[:, 1] / _M_PER_DEGREE
    lon = _CENTRE[0] + metres[:, 0] / (_M_PER_DEGREE * np.cos(np.radians(_CENTRE[1])))
    return lon.round(5), lat.round(5)


def _bins(rng: np.random.Generator, town: _Town, n: int) -> list[Stop]:
    volume_m3 = rng.uniform(0.4, 3.0, n).round(1)
    mass_kg = (volume_m3 * rng.uniform(80, 160, n)).round()
    service_s = rng.choice([90.0, 120.0, 180.0], n)
    school, optional = rng.random(n) < 0.1, rng.random(n) < 0.4
    prize = rng.uniform(2, 30, n).round(1)
    return [
        Stop(
            id=town.places[town.first + k].id,
            place=town.first + k,
            load=(float(mass_kg[k]), float(volume_m3[k])),
            service_s=float(service_s[k]),
            windows=((9 * _HOUR_S, 11 * _HOUR_S),) if school[k] else (),
            required=not optional[k],
            prize=float(prize[k]) if optional[k] else 0.0,
            skills=(_STREAM,),
            zone="north" if town.north[town.first + k] else "south",
        )
        for k in range(n)
    ]


def _lorry(k: int) -> Vehicle:
    return Vehicle(
        id=f"T-{k + 1}", start=k % 2, end=k % 2, shift=(5 * _HOUR_S, 13 * _HOUR_S), capacity=(9_000.0, 18.0),
        empties=True, skills=(_STREAM, "crane"), rests=(_LUNCH,), fixed=_FIXED, per_m=_PER_M,
        per_s=_PER_S,
    )  # fmt: skip


def _site(k: int) -> Site:
    return Site(id=f"S-{k + 1}", place=2 + k, unload_s=600.0, windows=((6 * _HOUR_S, 17 * _HOUR_S),))
