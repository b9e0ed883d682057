"""How far and how long it is between depots, sites and containers, on roads that are not closed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import cos, pi, radians, sin

from engine.errors import Unavailable
from engine.settings import Settings
from jobs.collection.closures import Closure
from jobs.collection.fleet import Said, said
from jobs.roads.keeping import kept_roads
from jobs.roads.matrices import Far, osrm_matrices, road_matrices
from jobs.roads.remembering import Memory, memory_of
from jobs.words import some
from optimizers import roads
from optimizers.routing import Matrices, Place

WIDE, NARROW = 0, 1
PROFILES = (roads.LORRY, roads.SMALL_LORRY)
"""Of trucks, by their index in the matrices."""

_CORNERS = 24
_M_PER_DEGREE = 111_195.0


@dataclass(frozen=True)
class Ways:
    """Matrices between places for both classes of truck, and what people should know of them."""

    matrices: Matrices
    told: tuple[Said, ...] = ()
    far: tuple[Far, ...] = ()


Finder = Callable[[Sequence[Place], Sequence[Closure]], Ways]
"""From places, and roads that are closed, to the ways between them."""


@dataclass(frozen=True)
class Roads:
    """A network, or none: then drives are reckoned by great circles. An OSRM server, which knows of no closed roads,
    is asked before while none is.
    """

    graph: roads.RoadGraph | None = None
    memory: Memory | None = field(default=None, compare=False)
    osrm_url: str = ""

    def ways(self, places: Sequence[Place], shut: Sequence[Closure]) -> Ways:
        if not self.osrm_url or shut:
            return self._own(places, shut)
        try:
            found = osrm_matrices(self.osrm_url, PROFILES, places)
        except Unavailable as error:
            own = self._own(places, shut)
            return replace(own, told=(said("collect_no_osrm", why=str(error)), *own.told))
        return Ways(found.matrices, tuple(_told(shut, found.far)), found.far)

    def _own(self, places: Sequence[Place], shut: Sequence[Closure]) -> Ways:
        if self.graph is None:
            found = road_matrices(None, PROFILES, places)
            return Ways(found.matrices, (said("collect_closed_unknown", names=_names(shut)),) if shut else ())
        graph = self.graph
        if shut:
            graph = graph.without(roads.closed(graph, roads.Closure(outlines=[_outline(one) for one in shut])))
        found = road_matrices(graph, PROFILES, places, memory=self.memory if not shut else None)
        return Ways(found.matrices, tuple(_told(shut, found.far)), found.far)


WITHOUT_MAP: Finder = Roads().ways


def roads_known(settings: Settings) -> Roads:
    """The network of the data folder, where there is one, and the OSRM server of the settings.

    Raises InputError for a file that is no network.
    """
    return Roads(kept_roads(settings), memory_of(settings), settings.osrm_url)


def _told(shut: Sequence[Closure], far: Sequence[Far]) -> Iterator[Said]:
    if shut:
        yield said("collect_roads_closed", names=_names(shut))
    if far:
        yield said("collect_far", names=some(sorted({one.place for one in far})))


def _names(shut: Sequence[Closure]) -> str:
    return ", ".join(closure.id for closure in shut)


def _outline(closure: Closure) -> list[tuple[float, float]]:
    """A circle as corners."""
    circle = closure.place.around
    assert circle is not None  # noqa: S101 - a closure to all traffic has one
    north = circle.radius_m / _M_PER_DEGREE
    east = north / cos(radians(circle.lat))
    turns = [2 * pi * k / _CORNERS for k in range(_CORNERS)]
    return [(circle.lon + east * cos(turn), circle.lat + north * sin(turn)) for turn in turns]
