"""A problem that contradicts itself is refused with all that is wrong; what merely looks odd is told and solved."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from optimizers.result import InvalidProblem
from optimizers.routing import (
    Coordinates,
    Matrices,
    Place,
    Rest,
    RoutingProblem,
    Spent,
    Weights,
    WorkRules,
    doubts,
    example,
    full_example,
    generated,
)

PROBLEM = example(0)
STOP, SITE, VEHICLE = PROBLEM.stops[3], PROBLEM.sites[0], PROBLEM.vehicles[0]


def wrong(**changed: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidProblem) as refused:
        replace(PROBLEM, **changed)
    return refused.value.problems


def stop(**changed: Any) -> dict[str, Any]:
    return {"stops": tuple(replace(one, **changed) if one is STOP else one for one in PROBLEM.stops)}


def vehicle(**changed: Any) -> dict[str, Any]:
    return {"vehicles": (replace(VEHICLE, **changed), *PROBLEM.vehicles[1:])}


def ways(field: str, value: float, at: tuple[int, int] = (3, 5)) -> dict[str, Any]:
    both = {name: getattr(PROBLEM.matrices, name).copy() for name in ("distance_m", "duration_s")}
    both[field][0][at] = value
    return {"matrices": Matrices(**both)}


_RULES = WorkRules(id="r", longest_drive_s=3600, drive_break_s=900)

REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"vehicles": ()}, "there are no vehicles, wants one at least"),
    ({"stops": (*PROBLEM.stops, STOP)}, f"stop '{STOP.id}' stands 2 times, wants once"),
    ({"places": (*PROBLEM.places[:-1], PROBLEM.places[0])}, "place 'D-1' stands 2 times"),
    ({"dimensions": ("mass_kg", "mass_kg")}, "dimension 'mass_kg' stands 2 times"),
    (ways("distance_m", nan), "distance_m from 'B-0001' to 'B-0003' is nan, wants 0 to 1e+12; inf for no way"),
    (ways("duration_s", -1.0), "duration_s from 'B-0001' to 'B-0003' is -1.0"),
    (ways("duration_s", 2.0**50), "duration_s from 'B-0001' to 'B-0003' is 1125899906842624.0"),
    (ways("duration_s", 7.0, (3, 3)), "duration_s from 'B-0001' to itself is 7.0, wants 0"),
    (ways("duration_s", inf), "m take inf s, wants both or, for no way, neither"),
    (stop(place=99), f"stop '{STOP.id}': place is 99, wants a whole index below 13"),
    (stop(place=1.5), f"stop '{STOP.id}': place is 1.5, wants a whole index"),
    (stop(load=(-1.0, 2.0)), "load is -1.0, wants 0 to 1e+12"),
    (stop(load=(1.0,)), "load has 1 values, wants 2: mass_kg, volume_m3"),
    (stop(service_s=nan), "service_s is nan"),
    (stop(prize=2.0**62), "prize is 4.6"),
    (stop(windows=((100.0, 50.0),)), "a window from 100 s to 50 s closes before it opens"),
    (stop(only=("T-9",)), "only: no vehicle 'T-9'"),
    (stop(never=("T-9",)), "never: no vehicle 'T-9'"),
    ({"sites": (replace(SITE, unload_s=-5.0),)}, "site 'S-1': unload_s is -5.0"),
    ({"sites": (replace(SITE, queue=(((5.0, 1.0), 60.0),)),)}, "closes before it opens"),
    ({"sites": (replace(SITE, queue=(((0.0, 1.0), nan),)),)}, "site 'S-1': queue is nan"),
    (vehicle(start=-1), "vehicle 'T-1': place is -1"),
    (vehicle(shift=(10.0, 5.0)), "a shift from 10 s to 5 s closes before it opens"),
    (vehicle(shift=(-inf, 5.0)), "its shift begins at -inf, wants an instant"),
    (vehicle(capacity=(nan, 1.0)), "capacity is nan"),
    (vehicle(aboard=(9500.0, 0.0)), "has 9500 mass_kg aboard, its capacity is 9000"),
    (vehicle(most_m=nan), "most_m is nan, wants 0 or more; inf for no limit"),
    (vehicle(longest_s=-1.0), "longest_s is -1.0"),
    (vehicle(most_stops=-1), "most_stops is -1"),
    (vehicle(profile=1), "profile is 1, wants an index below 1"),
    (vehicle(rules="EU"), "no work rules 'EU'"),
    (vehicle(sites=("S-9",)), "vehicle 'T-1': sites: no site 'S-9'"),
    (vehicle(rests=(Rest(earliest_s=9.0, latest_s=8.0, duration_s=1.0),)), "a rest from 9 s to 8 s closes before"),
    (vehicle(rests=(Rest(earliest_s=9.0, latest_s=9.0, duration_s=-1.0),)), "a rest's duration_s is -1.0"),
    (vehicle(spent=Spent(drive_s=-1.0)), "spent.drive_s is -1.0"),
    (vehicle(spent=Spent(loads=(1.0,))), "spent.loads has 1 values"),
    ({"rules": (replace(_RULES, drive_break_s=0.0),)}, "longest_drive_s is 3600, wants a drive_break_s that ends it"),
    ({"rules": (replace(_RULES, split_s=(-1.0,)),)}, "rules 'r': split_s is -1.0"),
    ({"rules": (_RULES, _RULES)}, "rules 'r' stands 2 times"),
    ({"weights": Weights(moved=-1.0)}, "weights: moved is -1.0"),
)


@pytest.mark.parametrize(("changed", "told"), REFUSED, ids=[told for _, told in REFUSED])
def test_what_contradicts_itself_is_refused(changed: dict[str, Any], told: str) -> None:
    (found,) = wrong(**changed)
    assert told in found


def test_everything_wrong_is_told_at_once() -> None:
    found = wrong(**stop(load=(nan, -1.0), windows=((9.0, 1.0),)), **vehicle(shift=(10.0, 5.0)), sites=(SITE, SITE))
    assert len(found) == 5


def test_a_million_wrong_ways_are_told_briefly() -> None:
    (*first, last) = wrong(matrices=Matrices(distance_m=PROBLEM.matrices.distance_m, duration_s=np.full((13, 13), nan)))
    assert len(first) < 25
    assert "from 'D-1' to 'D-1' is nan" in first[0]
    assert "149 more like these" in last


def test_made_problems_raise_no_doubt() -> None:
    assert doubts(full_example(3)) == ()
    assert doubts(generated(300, 5, 2, 1)) == ()


def _at(coordinates: dict[str, tuple[float, float]]) -> RoutingProblem:
    """The example with some of its places elsewhere, its matrices as they were."""
    return replace(
        PROBLEM,
        places=tuple(Place(one.id, *coordinates.get(one.id, (one.x, one.y))) for one in PROBLEM.places),
    )


def test_swapped_coordinates_are_told() -> None:
    place = PROBLEM.places[4]
    found = doubts(_at({place.id: (place.y, place.x)}))
    assert f"longitude and latitude look swapped of {place.id}" in found[0]
    assert "shorter than the straight line" in found[1]


def test_a_place_far_from_all_others_is_told() -> None:
    assert "more than 500 km from the middle of all places: B-0002" in doubts(_at({"B-0002": (5.37, 43.29 - 6)}))[0]


def test_kilometres_for_metres_are_told() -> None:
    matrices = PROBLEM.matrices
    found = doubts(
        replace(PROBLEM, matrices=Matrices(distance_m=matrices.distance_m / 1000, duration_s=matrices.duration_s))
    )
    assert ["shorter than the straight line" in one for one in found] == [True]


def test_minutes_for_seconds_are_told() -> None:
    matrices = PROBLEM.matrices
    found = doubts(
        replace(PROBLEM, matrices=Matrices(distance_m=matrices.distance_m, duration_s=matrices.duration_s / 60))
    )
    assert "faster than" in found[0]


def test_lopsided_ways_and_long_ones_are_told() -> None:
    found = doubts(replace(PROBLEM, **ways("duration_s", 20_000.0)))
    assert "more than 10 times as long as back: 'B-0001' to 'B-0003' 20000 s, back" in found[0]
    assert "longer than by another place, taken as they are: 'B-0001' to 'B-0003' 20000 s" in found[1]


def test_a_plane_has_no_longitudes() -> None:
    assert doubts(replace(_at({"B-0002": (9e7, 9e7)}), coordinates=Coordinates.PLANE_M)) == ()
