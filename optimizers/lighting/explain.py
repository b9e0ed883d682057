"""Why a lamp burns as bright as it does: the chain of neighbours and ramps back to the floor that lifts it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats
from optimizers.lighting.problem import TOLERANCE, LightingProblem

_Place = tuple[int, int]
_Asked = tuple[_Place, float]  # a place, and the flux asked of it


@dataclass(frozen=True, slots=True)
class Link:
    """One end of a step in the chain: what holds it (`floor`, `ramp`, `neighbour`, `program`, or `unknown`),
    where, and at what flux.
    """

    by: str
    lamp: str
    slot: int
    flux: float

    def __str__(self) -> str:
        return f"{self.by} {self.lamp} slot {self.slot} at {self.flux:.6g}"


def explain(problem: LightingProblem, flux: Floats, lamp: int, slot: int) -> tuple[Link, ...]:
    """A chain that lifts a lamp to its flux in a slot; its last link is the floor behind it.

    Empty where the lamp is out. One `unknown` link where no constraint asks for that much: `flux` (n, T) is then no
    least point. A lamp that cannot dim needs no more than a reason to be on.
    """
    if flux[lamp, slot] <= TOLERANCE:
        return ()
    start: _Asked = ((lamp, slot), float(flux[lamp, slot]))
    came: dict[_Asked, tuple[_Asked, str] | None] = {start: None}
    least = dict([start])
    queue = deque([start])
    while queue:
        asked = queue.popleft()
        if _on_floor(problem, asked):
            return _chain(problem, flux, came, asked)
        for other, by in _askers(problem, flux, asked):
            place, level = other
            if level < least.get(place, np.inf):
                least[place] = level
                came[other] = (asked, by)
                queue.append(other)
    return (Link("unknown", problem.lamps[lamp], slot, float(flux[lamp, slot])),)


def _on_floor(problem: LightingProblem, asked: _Asked) -> bool:
    place, level = asked
    floor = float(problem.floor[place])
    return floor >= level - TOLERANCE if problem.dimmable[place[0]] else floor > 0


def _askers(problem: LightingProblem, flux: Floats, asked: _Asked) -> Iterator[tuple[_Asked, str]]:
    """The places one constraint away that can ask as much of this one, and the flux it takes them to do so."""
    (lamp, slot), level = asked
    dims = problem.dimmable[lamp]
    level = level if dims else 2 * TOLERANCE
    if dims:
        ramp = float(problem.ramp_per_slot[lamp])
        for t in (slot - 1, slot + 1):
            if _ramps(problem, lamp, slot, t) and flux[lamp, t] >= level + ramp - TOLERANCE:
                yield ((lamp, t), level + ramp), "ramp"
    a, b = problem.neighbours.T
    for mine, theirs in ((a, b), (b, a)):
        for k in np.flatnonzero(mine == lamp).tolist():
            other, step = int(theirs[k]), float(problem.neighbour_step[k])
            if flux[other, slot] >= level + step - TOLERANCE:
                yield ((other, slot), level + step), "neighbour"


def _ramps(problem: LightingProblem, lamp: int, slot: int, other: int) -> bool:
    """Whether the ramp holds between two slots: not at dusk, at dawn, nor where the law is dark or steps by more."""
    if not (0 <= other < problem.burning.size and problem.burning[other]):
        return False
    here, there = float(problem.ceiling[lamp, slot]), float(problem.ceiling[lamp, other])
    return min(here, there) > 0 and abs(here - there) <= float(problem.ramp_per_slot[lamp]) + TOLERANCE


def _chain(
    problem: LightingProblem, flux: Floats, came: dict[_Asked, tuple[_Asked, str] | None], end: _Asked
) -> tuple[Link, ...]:
    def link(by: str, place: _Place) -> Link:
        return Link(by, problem.lamps[place[0]], place[1], float(flux[place]))

    links = [link("floor", end[0])]
    while (step := came[end]) is not None:
        before, by = step
        links.append(link(by, end[0]))
        end = before
    return tuple(reversed(links))
