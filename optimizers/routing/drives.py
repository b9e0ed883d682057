"""Drives and openings as PyVRP is to see them, where ours are richer."""

from collections.abc import Sequence
from itertools import pairwise
from math import inf

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.routing.problem import RoutingProblem, Vehicle, Window


def openings(windows: Sequence[Window], queue: Sequence[tuple[Window, float]]) -> list[tuple[Window, float]]:
    """When a site is open, cut where the wait changes, with the wait of each piece."""
    answer = []
    for opens_s, closes_s in sorted(windows) or [(-inf, inf)]:
        cuts = {opens_s, closes_s}
        cuts |= {at for window, _ in queue for at in window if opens_s < at < closes_s}
        for start_s, end_s in pairwise(sorted(cuts)) if len(cuts) > 1 else [(opens_s, closes_s)]:
            waits = [wait_s for (q0, q1), wait_s in queue if q0 < end_s and start_s < q1]
            answer.append(((start_s, end_s), max(waits, default=0.0)))
    return answer


def ending(
    problem: RoutingProblem, vehicle: Vehicle, places: Ints, end: int | None, sites: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """Metres and seconds from everywhere to the end, by the best site where one has to unload before."""
    if not sites:
        none = np.zeros(len(places))
        return none, none
    at = [problem.sites[k].place for k in sites]
    metres, seconds = problem.matrices.between(vehicle.profile, places, at)
    if end is not None:
        on_m, on_s = problem.matrices.between(vehicle.profile, at, [end])
        metres, seconds = metres + on_m[:, 0], seconds + on_s[:, 0]
    seconds = seconds + np.array([problem.sites[k].unload_s for k in sites])
    best = np.argmin(vehicle.per_m * metres + (vehicle.per_s + 1e-9) * seconds, axis=1)
    rows = np.arange(len(places))
    return metres[rows, best], seconds[rows, best]


def speed(problem: RoutingProblem, profile: int) -> float:
    """Metres a second over all drives."""
    metres, seconds = problem.matrices.distance_m[profile], problem.matrices.duration_s[profile]
    known = np.isfinite(metres) & np.isfinite(seconds)
    return float(metres[known].sum(dtype=np.float64) / max(seconds[known].sum(dtype=np.float64), 1e-9))
