"""What looks odd in a routing problem and may yet be right: told beside the plan, never in its way."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.roads.crow import great_circle_m
from optimizers.routing.problem import Coordinates, RoutingProblem

FAR_M: Final = 500_000.0
"""Nobody drives so far and back in a shift: a place further than that from the middle of the others is misplaced."""

NEAR_M: Final = 100_000.0
"""Within it a misplaced place lies once its coordinates are swapped."""

FASTEST_M_S: Final = 130 / 3.6 * 1.5
"""Half as fast again as French motorways allow: beyond it metres or seconds are in another unit."""

LOPSIDED: Final = 10.0
"""One-way streets lengthen a way, and not tenfold where it is longer than LONG_S."""

LONG_S: Final = 1800.0
SNAPPED_M: Final = 100.0
"""What lies between a place and the street that it is reached from, at both ends."""

DETOUR_S: Final = 30.0
"""Rounding, and a turn, make no detour."""

_SAMPLE = 200  # places by which detours are looked for: all of them would take their cube
_TOLD = 3  # examples of each


@dataclass(frozen=True)
class _Ways:
    """Metres and seconds of a profile between some of the places, names of these."""

    names: list[str]
    of: str
    metres: Floats
    seconds: Floats

    def told(self, which: Bools, words: str, *figures: Floats) -> str:
        """The first of some ways, each with its figures."""
        pairs = np.argwhere(which)
        first = [
            f"{self.names[a]!r} to {self.names[b]!r} {words.format(*(one[a, b] for one in figures))}"
            for a, b in pairs[:_TOLD].tolist()
        ]
        return "; ".join(first) + f" and {len(pairs) - _TOLD} more" * (len(pairs) > _TOLD)


def doubts(problem: RoutingProblem) -> tuple[str, ...]:
    """Each oddity in a sentence with examples; none of a problem that looks right. Of more than 200 places ways between
    200 of them are looked at, the same ones each time.
    """
    some = np.unique(np.linspace(0, len(problem.places) - 1, min(_SAMPLE, len(problem.places))).astype(np.int64))
    found = list(_misplaced(problem))
    for p, profile in enumerate(problem.matrices.profiles):
        names, of = [problem.places[k].id for k in some.tolist()], f" of profile {profile!r}" * bool(profile)
        ways = _Ways(names, of, *problem.matrices.between(p, some, some))
        found += chain(_too_short(problem, ways, some), _odd(ways), _detours(ways))
    return tuple(found)


def _misplaced(problem: RoutingProblem) -> Iterator[str]:
    """Places far from all others, first those that would not be with longitude and latitude swapped."""
    if problem.coordinates is not Coordinates.WGS84 or len(problem.places) < 3:
        return
    x, y = _coordinates(problem)
    middle_x, middle_y = (np.array([np.median(values)]) for values in (x, y))
    far = great_circle_m(x, y, middle_x, middle_y) > FAR_M
    swapped = far & (np.abs(x) <= 90) & (great_circle_m(y, x, middle_x, middle_y) < NEAR_M)
    if swapped.any():
        yield f"longitude and latitude look swapped of {_some(problem, swapped)}: swapped back they are near the others"
    if (lost := far & ~swapped).any():
        yield f"more than {FAR_M / 1000:g} km from the middle of all places: {_some(problem, lost)}"


def _too_short(problem: RoutingProblem, ways: _Ways, some: Ints) -> Iterator[str]:
    """Ways shorter than the great circle: kilometres for metres, swapped coordinates, matrices of other places."""
    if problem.coordinates is Coordinates.WGS84:
        x, y = (values[some] for values in _coordinates(problem))
        straight_m = great_circle_m(x[:, None], y[:, None], x, y)
        short = ways.metres < 0.98 * straight_m - SNAPPED_M
        if short.any():
            told = ways.told(short, "{:.0f} m, {:.0f} m straight", ways.metres, straight_m)
            yield f"ways{ways.of} shorter than the straight line: {told}"


def _odd(ways: _Ways) -> Iterator[str]:
    """Ways that are faster than any vehicle, or lopsided beyond what one-way streets do."""
    known = np.isfinite(ways.metres) & np.isfinite(ways.seconds)
    if (fast := known & (ways.metres > FASTEST_M_S * ways.seconds + SNAPPED_M)).any():
        told = ways.told(fast, "{:.0f} m in {:.0f} s", ways.metres, ways.seconds)
        yield f"ways{ways.of} faster than {FASTEST_M_S:.0f} m/s: {told}"
    back = ways.seconds.T
    if (lopsided := known & (ways.seconds > LOPSIDED * back) & (ways.seconds > LONG_S)).any():
        told = ways.told(lopsided, "{:.0f} s, back {:.0f} s", ways.seconds, back)
        yield f"ways{ways.of} more than {LOPSIDED:g} times as long as back: {told}"


def _detours(ways: _Ways) -> Iterator[str]:
    """Ways that are longer than by another place."""
    best = ways.seconds.copy()
    for k in range(len(best)):
        np.minimum(best, ways.seconds[:, k, None] + ways.seconds[None, k], out=best)
    if (longer := np.isfinite(best) & (ways.seconds > 1.05 * best + DETOUR_S)).any():
        told = ways.told(longer, "{:.0f} s, {:.0f} s by another place", ways.seconds, best)
        yield f"ways{ways.of} longer than by another place, taken as they are: {told}"


def _coordinates(problem: RoutingProblem) -> tuple[Floats, Floats]:
    return np.array([place.x for place in problem.places]), np.array([place.y for place in problem.places])


def _some(problem: RoutingProblem, which: Bools) -> str:
    names = [problem.places[k].id for k in np.flatnonzero(which).tolist()]
    return ", ".join(names[:_TOLD]) + f" and {len(names) - _TOLD} more" * (len(names) > _TOLD)
