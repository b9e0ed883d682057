"""A day's rounds as a routing problem, and a router's plan as rounds. The unit is metres: kilometres count."""

from collections.abc import Callable, Sequence

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.routing.problem import Matrices, Place, RoutingProblem, Site, Stop, Vehicle
from twin.collection.year import Rounds, Today, Town

Router = Callable[[RoutingProblem], Sequence[Sequence[str]]]
"""Of each vehicle used, the ids of its stops and sites in order."""

SURELY_M = 300_000.0
"""Prize of a stop that has to be visited where there is room: more than a detour to anywhere costs, so that a day with
too few trucks leaves out the emptiest and still has a plan."""


def rounds_for(
    town: Town, today: Today, bins: Ints, load_kg: Floats, router: Router, *, prize_m: Floats | None = None,
    required: Bools | None = None, urgency: Floats | None = None,
) -> Rounds:  # fmt: skip
    """Rounds that visit `bins` (k,), all of them wherever possible, or those that are `required` and what pays.

    load_kg (k,)    to allow for
    prize_m (k,)    of a visit that is not required
    urgency (k,)    0…1, which of the required ones matter most where there is no room for all
    """
    if not len(bins):
        return ()
    must = np.ones(len(bins), np.bool_) if required is None else required
    urgent = np.ones(len(bins)) if urgency is None else urgency
    prizes = np.where(must, SURELY_M * (0.5 + 0.5 * urgent), 0.0 if prize_m is None else prize_m)
    routes = router(_problem(town, today, bins, np.minimum(load_kg, town.fleet.capacity_kg), prizes))
    names = {f"bin {bin_}": int(bin_) for bin_ in bins} | {f"site {site}": -1 - site for site in range(town.sites)}
    return tuple(tuple(names[one] for one in route) for route in routes)


def _problem(town: Town, today: Today, bins: Ints, load_kg: Floats, prizes: Floats) -> RoutingProblem:
    fleet = town.fleet
    at = [0, *(1 + site for site in today.open), *(town.place(int(bin_)) for bin_ in bins)]
    cut = np.ix_(at, at)
    first = 1 + len(today.open)
    return RoutingProblem(
        places=tuple(Place(str(place), *town.xy_m[place].tolist()) for place in at),
        matrices=Matrices(distance_m=town.distance_m[cut][None], duration_s=town.duration_s[cut][None]),
        dimensions=("mass_kg",),
        stops=tuple(
            Stop(  # by its number in the town
                id=f"bin {bin_}", place=first + k, load=(load,), service_s=fleet.service_s, required=False, prize=prize
            )
            for k, (bin_, load, prize) in enumerate(zip(bins.tolist(), load_kg.tolist(), prizes.tolist(), strict=True))
        ),
        sites=tuple(
            Site(id=f"site {site}", place=1 + k, unload_s=fleet.unload_s) for k, site in enumerate(today.open)
        ),
        vehicles=tuple(
            Vehicle(
                id=f"truck {k}", start=0, end=0, shift=(0.0, fleet.planned_s), capacity=(fleet.capacity_kg,),
                empties=True, per_m=1.0, longest_s=fleet.planned_s,
            )
            for k in range(today.trucks)
        ),
        unit="m",
    )  # fmt: skip
