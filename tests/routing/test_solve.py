"""What `solve` makes of problems small enough to know the answer of, on the real clock."""

import numpy as np

from optimizers.result import Limits, Status
from optimizers.routing import Matrices, Place, RoutingProblem, Site, Stop, Vehicle, Why, check, solve

FEW = Limits(work=200)


def line(stops: tuple[Stop, ...], vehicles: tuple[Vehicle, ...], sites: tuple[Site, ...] = ()) -> RoutingProblem:
    """Ten places on a road, 1,000 m and 100 s apart."""
    away = np.abs(np.subtract.outer(np.arange(10.0), np.arange(10.0)))
    return RoutingProblem(
        places=tuple(Place(f"p{k}") for k in range(10)),
        matrices=Matrices(distance_m=1000 * away, duration_s=100 * away),
        stops=stops, vehicles=vehicles, sites=sites, dimensions=("mass_kg",),
    )  # fmt: skip


def truck(name: str = "t", **more: object) -> Vehicle:
    given = {"start": 0, "end": 0, "shift": (0.0, 36000.0), "capacity": (10.0,), "per_m": 0.001} | more
    return Vehicle(id=name, **given)  # type: ignore[arg-type]


def bin_at(place: int, **more: object) -> Stop:
    return Stop(**({"id": f"b{place}", "place": place, "load": (4.0,)} | more))  # type: ignore[arg-type]


def test_two_full_trips_need_unloading_on_the_way() -> None:
    problem = line((bin_at(2), bin_at(3), bin_at(4)), (truck(empties=True),), (Site(id="dump", place=9, unload_s=60),))
    plan = solve(problem, FEW)
    assert not check(problem, plan)
    assert plan.routes[0].visits[-2].of == "dump"
    assert sum(visit.of == "dump" for visit in plan.routes[0].visits) == 2


def test_left_out_for_its_prize() -> None:
    problem = line((bin_at(1), bin_at(9, required=False, prize=5.0)), (truck(),))
    plan = solve(problem, FEW)
    assert not check(problem, plan)
    assert [(one.stop, one.why, one.cheapest) for one in plan.unserved] == [("b9", Why.PRIZE, 16.0)]


def test_what_two_trucks_cannot_carry_is_left_out_and_named() -> None:
    problem = line((bin_at(1), bin_at(2), bin_at(3)), (truck(),))
    plan = solve(problem, FEW)
    assert plan.status is Status.BEST_EFFORT
    assert [one.why for one in plan.unserved] == [Why.FULL]
    assert {one.constraint for one in check(problem, plan)} == {"required"}
