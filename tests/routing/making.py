"""Small routing problems made at random, with every word of the problem in some of them."""

import numpy as np

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
    Window,
    WorkRules,
)

_DAY_S = 36000.0
_RULES = (
    WorkRules(id="short", longest_drive_s=4000.0, drive_break_s=900.0, split_s=(300.0, 600.0), most_drive_s=20000.0),
    WorkRules(id="day", longest_work_s=9000.0, work_break_s=1200.0, most_work_s=24000.0),
)


def made(seed: int, stops: int = 12, vehicles: int = 3) -> RoutingProblem:
    """A problem of places in a square of 20 km, some of whose streets are one-way or closed."""
    rng = np.random.default_rng(seed)
    places = stops + 4
    xy = rng.uniform(0, 20000, (places, 2))
    metres = np.abs(xy[:, None] - xy[None, :]).sum(axis=2) * rng.uniform(1.0, 1.2, (places, places))
    np.fill_diagonal(metres, 0.0)
    seconds = metres / rng.choice([8.0, 12.0])
    if rng.random() < 0.2:
        closed = (rng.random((places, places)) < 0.05) & ~np.eye(places, dtype=bool)
        metres, seconds = np.where(closed, np.inf, metres), np.where(closed, np.inf, seconds)
    return RoutingProblem(
        places=tuple(Place(f"p{k}", *xy[k]) for k in range(places)),
        matrices=Matrices(
            profiles=("one", "slower"),
            distance_m=np.stack([metres, metres]),
            duration_s=np.stack([seconds, seconds * 1.25]),
        ),
        stops=tuple(_stop(rng, k, vehicles) for k in range(stops)),
        vehicles=tuple(_vehicle(rng, k, stops) for k in range(vehicles)),
        sites=tuple(_site(rng, k, stops) for k in range(2)),
        dimensions=("mass_kg", "volume_m3"),
        rules=_RULES,
        weights=_weights(rng),
    )


def _weights(rng: np.random.Generator) -> Weights:
    moved, border, balance = (rng.choice([0.0, value]) for value in (3.0, 1.0, 0.001))
    return Weights(moved=float(moved), border=float(border), balance_per_s=float(balance))


def _windows(rng: np.random.Generator) -> tuple[Window, ...]:
    starts = np.sort(rng.uniform(0, _DAY_S, rng.choice([0, 0, 1, 2])))
    return tuple((float(at), float(at + rng.uniform(1000, 9000))) for at in starts)


def _stop(rng: np.random.Generator, k: int, vehicles: int) -> Stop:
    names = [f"v{v}" for v in range(vehicles)]
    return Stop(
        id=f"s{k}",
        place=k,
        load=(float(rng.integers(0, 300)), float(rng.uniform(0, 2))),
        service_s=float(rng.uniform(0, 600)),
        windows=_windows(rng),
        required=bool(rng.random() < 0.6),
        prize=float(rng.uniform(0, 30)),
        skills=("crane",) if rng.random() < 0.15 else (),
        zone=str(rng.choice(["", "north", "south"])),
        only=tuple(rng.choice(names, 1)) if rng.random() < 0.1 else None,
        never=tuple(rng.choice(names, 1)) if rng.random() < 0.1 else (),
        together="pair" if rng.random() < 0.15 else "",
        former=str(rng.choice(["", *names])),
    )


def _site(rng: np.random.Generator, k: int, stops: int) -> Site:
    queue = (((8000.0, 15000.0), 600.0), ((15000.0, 20000.0), 200.0)) if rng.random() < 0.3 else ()
    return Site(
        id=f"d{k}",
        place=stops + k,
        unload_s=float(rng.uniform(0, 1200)),
        windows=_windows(rng) if k else (),
        queue=queue,
        accepts=("crane",) if k and rng.random() < 0.3 else (),
    )


def _vehicle(rng: np.random.Generator, k: int, stops: int) -> Vehicle:
    def some(value: object, otherwise: object, chance: float = 0.25) -> object:
        return value if rng.random() < chance else otherwise

    given = {
        "profile": some(1, 0, 0.3),
        "end": some(None, stops + 3),
        "capacity": (float(rng.integers(400, 900)), float(rng.uniform(4, 8))),
        "daily": some((float(rng.integers(600, 1200)), 12.0), ()),
        "most_stops": some(int(rng.integers(1, 6)), None),
        "most_trips": some(int(rng.integers(1, 4)), None),
        "most_m": some(float(rng.uniform(40000, 120000)), np.inf),
        "longest_s": some(float(rng.uniform(10000, 25000)), np.inf),
        "overtime_s": some(3000.0, 0.0),
        "overtime_per_s": 0.01,
        "empties": some(True, False, 0.6),
        "skills": some(("crane",), (), 0.6),
        "zones": some(("north",), None, 0.1),
        "sites": some(("d0",), None, 0.2),
        "fixed": some(20.0, 0.0, 0.5),
        "per_s": some(0.002, 0.0, 0.7),
        "rests": some((Rest(earliest_s=14000.0, latest_s=18000.0, duration_s=2700.0),), (), 0.4),
        "rules": some(str(rng.choice(["short", "day"])), "", 0.3),
    }
    if rng.random() < 0.2:
        given["spent"] = Spent(
            loads=(100.0, 1.0), stops=1, distance_m=9000.0, duration_s=2000.0, drive_s=1000.0, work_s=2000.0,
            drive_since_s=1000.0, work_since_s=1500.0,
        )  # fmt: skip
        given["aboard"] = (100.0, 1.0)
    return Vehicle(id=f"v{k}", start=stops + 2, shift=(float(rng.uniform(0, 6000)), _DAY_S), per_m=0.001, **given)
