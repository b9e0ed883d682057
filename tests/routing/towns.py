"""Made instances of any size, by stated recipes: to measure by, where published ones stop or are not at hand."""

import json
from dataclasses import replace

import numpy as np

from optimizers.routing.problem import (
    Coordinates,
    Matrices,
    Place,
    Rest,
    RoutingProblem,
    Site,
    Stop,
    Vehicle,
    Window,
)

_HOUR_S = 3_600.0
_LUNCH = Rest(earliest_s=11 * _HOUR_S, latest_s=12 * _HOUR_S, duration_s=_HOUR_S)
_SPEED_M_S = 40 * 1_609.344 / 3_600
"""40 mph, at which Kim's lorries drive."""


def landfills(stops: int, sites: int, vehicles: int, seed: int = 0) -> RoutingProblem:
    """A county as in Kim, Kim and Sahoo 2006: one depot, landfills, Manhattan distances at 40 mph, an hour of lunch
    begun between eleven and twelve, lorries of 280 yd³ a trip and 2,200 yd³ a day that unload before they return, out
    from five to five.

    Stops lie in towns, one for each 60 of them, on 90 km by 60 km; each has 5 to 25 yd³ (0.76 m³ each; the load is
    left in yards) and takes 3 to 8 minutes. One in ten opens for four hours only. Landfills and depot lie anywhere
    and are open from six to six. The price is the mile alone, after a lorry's 20 miles that no round is worth.
    """
    rng = np.random.default_rng(seed)
    span_m = np.array([90_000.0, 60_000.0])
    towns = rng.uniform(0, 1, (max(2, stops // 60), 2)) * span_m
    at = towns[rng.integers(len(towns), size=stops)] + rng.normal(0, 2_500.0, (stops, 2))
    places = np.concatenate([rng.uniform(0.2, 0.8, (1 + sites, 2)) * span_m, at]).round()
    metres = np.abs(places[:, None] - places[None]).sum(axis=2)
    first = 1 + sites
    opens = rng.choice([6.0, 8.0, 10.0], stops) * _HOUR_S
    narrow = rng.random(stops) < 0.1
    windows: list[tuple[Window, ...]] = [
        ((at_s, at_s + 4 * _HOUR_S),) if one else () for at_s, one in zip(opens.tolist(), narrow, strict=True)
    ]
    loads, service_s = rng.integers(5, 26, stops), rng.integers(3, 9, stops) * 60.0
    open_s = ((6 * _HOUR_S, 18 * _HOUR_S),)
    return RoutingProblem(
        places=tuple(Place(f"P-{i}", *xy) for i, xy in enumerate(places.tolist())),
        matrices=Matrices(distance_m=metres[None], duration_s=np.ceil(metres / _SPEED_M_S)[None]),
        stops=tuple(
            Stop(
                id=f"B-{k}", place=first + k, load=(float(loads[k]),), service_s=float(service_s[k]),
                windows=windows[k],
            )
            for k in range(stops)
        ),
        vehicles=tuple(
            Vehicle(
                id=f"T-{v}", start=0, end=0, shift=(5 * _HOUR_S, 17 * _HOUR_S), capacity=(280.0,), daily=(2_200.0,),
                empties=True, rests=(_LUNCH,), fixed=20.0, per_m=1 / 1_609.344,
            )
            for v in range(vehicles)
        ),
        sites=tuple(Site(id=f"L-{k}", place=1 + k, unload_s=900.0, windows=open_s) for k in range(sites)),
        dimensions=("volume_yd3",),
        coordinates=Coordinates.PLANE_M,
        unit="miles",
    )  # fmt: skip


def territory(stops: int, lorries: int, seed: int = 0) -> str:
    """Bins of many towns as the JSON of a problem, by their coordinates alone: towns of 60 on 90 km by 60 km, two bins
    in five optional with a prize of 1 to 15 €, one in ten from nine to eleven only, loads of 50 to 350 kg; lorries of
    9 t with lunch from four depots, and twelve sites at which they unload. A lorry does some 55 of them in its day.
    """
    rng = np.random.default_rng(seed)
    centre, span, optional, school = np.array([0.9, 47.5]), np.array([1.2, 0.54]), rng.random(stops), rng.random(stops)
    towns = rng.uniform(-0.5, 0.5, (max(2, stops // 60), 2)) * span
    at = (centre + towns[rng.integers(len(towns), size=stops)] + rng.normal(0, 0.02, (stops, 2))).round(5).tolist()
    some = (centre + rng.uniform(-0.3, 0.3, (16, 2)) * span).round(5).tolist()
    kg, prize = rng.integers(50, 351, stops).tolist(), rng.uniform(1, 15, stops).round(2).tolist()
    bins = [
        {"id": f"B-{k}", "lon": at[k][0], "lat": at[k][1], "load": {"mass_kg": kg[k]}, "service_s": 120}
        | ({"required": False, "prize": prize[k]} if optional[k] < 0.4 else {})
        | ({"windows": [[9 * _HOUR_S, 11 * _HOUR_S]]} if school[k] < 0.1 else {})
        for k in range(stops)
    ]
    lunch = {"earliest_s": _LUNCH.earliest_s, "latest_s": _LUNCH.latest_s, "duration_s": _LUNCH.duration_s}
    fleet = [
        {
            "id": f"T-{v}", "start": f"D-{v % 4}", "end": f"D-{v % 4}", "shift": [5 * _HOUR_S, 13 * _HOUR_S],
            "capacity": {"mass_kg": 9_000}, "empties": True, "rests": [lunch], "fixed": 60, "per_m": 0.001,
        }
        for v in range(lorries)
    ]  # fmt: skip
    sites = [{"id": f"S-{k}", "lon": x, "lat": y, "unload_s": 600} for k, (x, y) in enumerate(some[4:])]
    depots = [{"id": f"D-{k}", "lon": x, "lat": y} for k, (x, y) in enumerate(some[:4])]
    problem = {"places": depots, "profiles": [{"speed_kmh": 40}], "stops": bins, "sites": sites, "vehicles": fleet}
    return json.dumps({"dimensions": ["mass_kg"], **problem})


def uchoa(stops: int, seed: int = 0, route: int = 23) -> RoutingProblem:
    """Capacity only, as Uchoa et al. 2017 make instances: depot at random, stops half in clusters (probability falls by
    exp(-d/40) with the distance to one of five seeds) on a grid of 1,000 by 1,000, demands 1 to 100, some `route` stops
    to a route; distances rounded to whole ones, vehicles for as many routes as need be.
    """
    rng = np.random.default_rng(seed)
    seeds = rng.integers(0, 1_001, (5, 2))
    at = [*rng.integers(0, 1_001, (1 + stops // 2, 2))]
    while len(at) < stops + 1:
        one = rng.integers(0, 1_001, 2)
        if rng.random() < np.exp(-np.hypot(*(seeds - one).T) / 40).sum():
            at.append(one)
    demand = rng.integers(1, 101, stops)
    return _plain(np.array(at, np.float64), demand, round(route * demand.mean()), windows=None, scale=1.0)


def homberger(stops: int, seed: int = 0) -> RoutingProblem:
    """Windows, half of them in clusters, as in Gehring and Homberger's rc1 family, in the convention of DIMACS: times
    and distances of 0.1, cut off, as whole numbers. Centres of windows are when an earliest visit and a way home allow;
    all stops have one of 30 to 120 wide, service takes 10, loads are 10 to 50 and a vehicle's capacity 200.
    """
    rng = np.random.default_rng(seed)
    side, horizon = 10 * stops**0.5, 24 * stops**0.5
    clusters = rng.uniform(0.1, 0.9, (max(2, stops // 40), 2)) * side
    spread = rng.normal(0, side / 40, (stops // 2, 2))
    near = clusters[rng.integers(len(clusters), size=stops // 2)] + spread
    at = np.concatenate([[[side / 2, side / 2]], rng.uniform(0, side, (stops - stops // 2, 2)), near])
    home = np.hypot(*(at[1:] - at[0]).T)
    centre = rng.uniform(home, np.maximum(home + 1, horizon - home - 10))
    width = rng.uniform(15, 60, stops)
    windows = np.stack([np.maximum(home, centre - width), np.minimum(horizon - home - 10, centre + width)], axis=1)
    windows[:, 1] = np.maximum(windows[:, 1], windows[:, 0])
    demand = 10 * rng.integers(1, 6, stops)
    return _plain(at, demand, 200, windows=np.concatenate([windows, [[0, horizon]]]), scale=10.0)


def _plain(
    at: np.ndarray, demand: np.ndarray, capacity: int, *, windows: np.ndarray | None, scale: float
) -> RoutingProblem:
    """One depot, one kind of vehicle, the distance alone to be least."""
    apart = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
    apart = np.floor(scale * apart) if windows is not None else np.round(apart)
    stops, shift = len(demand), (0.0, 1e9)
    opens: list[tuple[Window, ...]] = [()] * stops
    if windows is not None:
        whole = np.floor(scale * windows)
        opens = [((a, b),) for a, b in whole[:-1].tolist()]
        shift = tuple(whole[-1].tolist())
    vehicle = Vehicle(id="", start=0, end=0, shift=shift, capacity=(float(capacity),), per_m=1.0)
    fleet = int(np.ceil(1.5 * demand.sum() / capacity)) + 5 if windows is None else stops // 4
    return RoutingProblem(
        places=tuple(Place(str(i), *xy) for i, xy in enumerate(at.tolist())),
        matrices=Matrices(distance_m=apart[None], duration_s=apart[None]),
        stops=tuple(
            Stop(
                id=str(k + 1), place=k + 1, load=(float(demand[k]),), windows=opens[k],
                service_s=0.0 if windows is None else 10 * scale,
            )
            for k in range(stops)
        ),
        vehicles=tuple(replace(vehicle, id=str(v)) for v in range(fleet)),
        dimensions=("load",),
        coordinates=Coordinates.PLANE_M,
        unit="length",
    )  # fmt: skip
