"""Small made problems with everything that a routing problem can ask, some of which cannot be kept."""

from dataclasses import replace
from typing import Any

import numpy as np

from optimizers.arrays import Floats
from optimizers.routing import (
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

_RULES = WorkRules(
    id="r", longest_drive_s=3000, drive_break_s=1800, split_s=(600, 1200), most_drive_s=9000, longest_work_s=6000,
    work_break_s=1200, most_work_s=14_000,
)  # fmt: skip
_SKILLS = ("a", "b")


def made(seed: int, stops: int = 6, vehicles: int = 3) -> RoutingProblem:
    """Times within some 20,000 s, places in 10 km by 10 km, 10 m/s and a little more one way than the other."""
    rng = np.random.default_rng(seed)
    places = 2 + stops + 2
    distance_m = _ways(rng, places)
    sites = int(rng.integers(0, 3))
    return RoutingProblem(
        places=tuple(Place(f"p{k}") for k in range(places)),
        matrices=Matrices(
            profiles=("one", "two"),
            distance_m=np.stack([distance_m, distance_m]),
            duration_s=np.stack([distance_m / 10, distance_m / 8]),
        ),
        stops=tuple(_stop(rng, k, vehicles) for k in range(stops)),
        vehicles=tuple(_vehicle(rng, k, sites) for k in range(vehicles)),
        sites=tuple(_site(rng, k, 2 + stops + k) for k in range(sites)),
        dimensions=("kg", "m3"),
        rules=(_RULES,),
        weights=_maybe(rng, 0.3, Weights(moved=5.0, border=2.0, balance_per_s=0.01), Weights()),
    )


def _ways(rng: np.random.Generator, places: int) -> Floats:
    at = rng.uniform(0, 10_000, (places, 2))
    distance_m: Floats = np.abs(at[:, None] - at[None]).sum(axis=-1)
    distance_m *= rng.uniform(1.0, 1.1, distance_m.shape)
    np.fill_diagonal(distance_m, 0.0)
    if rng.random() < 0.2:
        island = int(rng.integers(2, places))
        distance_m[island] = distance_m[:, island] = np.inf
        distance_m[island, island] = 0.0
    return distance_m


def _stop(rng: np.random.Generator, k: int, vehicles: int) -> Stop:
    opens = float(rng.integers(0, 15_000))
    windows = ((opens, opens + 3000), (opens + 5000, opens + 6000))[: int(rng.integers(1, 3))]
    names = [f"v{v}" for v in range(vehicles)]
    return Stop(
        id=f"s{k}",
        place=2 + k,
        load=(float(rng.integers(0, 400)), float(rng.integers(0, 40)) / 10),
        service_s=float(rng.integers(0, 600)),
        windows=_maybe(rng, 0.4, windows, ()),
        required=bool(rng.random() < 0.6),
        prize=float(rng.integers(0, 200)),
        skills=_maybe(rng, 0.3, (_SKILLS[int(rng.integers(2))],), ()),
        zone=("", "x", "y")[int(rng.integers(3))],
        only=_maybe(rng, 0.1, (names[int(rng.integers(vehicles))],), None),
        never=_maybe(rng, 0.1, (names[int(rng.integers(vehicles))],), ()),
        together=_maybe(rng, 0.5, "pair", "") if k < 2 else "",
        former=_maybe(rng, 0.3, names[int(rng.integers(vehicles))], ""),
    )


def _maybe(rng: np.random.Generator, chance: float, then: Any, other: Any) -> Any:
    return then if rng.random() < chance else other


def _site(rng: np.random.Generator, k: int, place: int) -> Site:
    return Site(
        id=f"t{k}",
        place=place,
        unload_s=float(rng.integers(0, 600)),
        windows=_maybe(rng, 0.5, ((1000.0, 12_000.0), (14_000.0, 18_000.0)), ()),
        queue=_maybe(rng, 0.5, (((4000.0, 8000.0), 700.0),), ()),
        accepts=_maybe(rng, 0.3, ("a",), ()),
    )


def _vehicle(rng: np.random.Generator, k: int, sites: int) -> Vehicle:
    start = int(rng.integers(0, 2))
    plain = Vehicle(
        id=f"v{k}",
        start=start,
        end=_maybe(rng, 0.8, start, None),
        shift=(float(rng.integers(0, 3000)), float(rng.integers(12_000, 20_000))),
        profile=int(rng.integers(0, 2)),
        capacity=_maybe(rng, 0.8, (900.0, 8.0), ()),
        daily=_maybe(rng, 0.2, (1500.0, 20.0), ()),
        most_stops=_maybe(rng, 0.2, 4, None),
        most_trips=_maybe(rng, 0.2, 2, None),
        most_m=_maybe(rng, 0.2, 60_000.0, np.inf),
        longest_s=_maybe(rng, 0.3, 12_000.0, np.inf),
        overtime_s=600.0,
        overtime_per_s=0.05,
        empties=bool(sites and rng.random() < 0.6),
        skills=_maybe(rng, 0.7, _SKILLS, ("b",)),
        zones=_maybe(rng, 0.2, ("x",), None),
        sites=_maybe(rng, 0.1, ("t0",), None) if sites else None,
        fixed=float(rng.integers(0, 50)),
        per_m=0.002,
        per_s=0.005,
        rests=_maybe(rng, 0.3, (Rest(earliest_s=5000, latest_s=7000, duration_s=1800),), ()),
        rules=_maybe(rng, 0.3, "r", ""),
    )
    if rng.random() < 0.15:
        spent = Spent(
            loads=(200.0, 2.0), stops=1, distance_m=4000, duration_s=900, drive_s=400, work_s=900, drive_since_s=400,
            work_since_s=900,
        )  # fmt: skip
        return replace(plain, aboard=(200.0, 2.0), spent=spent)
    return plain
