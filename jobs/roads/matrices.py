"""How far it is between places: one function for every job, with a map, and without."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from engine.errors import Unavailable
from engine.settings import Settings
from jobs.roads.keeping import kept_roads
from jobs.roads.osrm import osrm_reach
from jobs.roads.reading import LICENCE
from jobs.roads.remembering import Memory, Points, Reach, memory_of, reach
from jobs.words import Lang, number, say
from optimizers.result import InvalidProblem
from optimizers.roads import REACH_M, Profile, RoadGraph, crow
from optimizers.roads.crow import off_earth
from optimizers.routing import Matrices, Place


@dataclass(frozen=True, slots=True)
class Far:
    """A place that lies on no road of a profile: `off_m` to the nearest that leads everywhere, inf where none does.

    `swapped`: with longitude and latitude the other way round it would lie on the map.
    """

    place: str
    profile: str
    off_m: float
    swapped: bool = False

    def said(self, lang: Lang) -> str:
        """The reason, for people."""
        word = "roads_far" if self.off_m < inf else "roads_nowhere"
        text = say(word, lang, place=self.place, profile=self.profile, off=number(self.off_m, lang))
        return f"{text} ({say('roads_swapped', lang)})" if self.swapped else text


@dataclass(frozen=True, slots=True)
class Drives:
    """Matrices for a routing problem; places without a road, to which there is no way in them; whose data it is.

    `missed`: why they are not by the OSRM server that the settings name; '' where they are, or none is named.
    """

    matrices: Matrices
    far: tuple[Far, ...] = ()
    licence: str = ""
    missed: str = ""


def drives(
    chosen: Settings, profiles: Sequence[Profile], places: Sequence[Place], *, kerb: Collection[str] = ()
) -> Drives:
    """By the OSRM server that the settings name; else on the roads in the data folder, out of memory as far as they are
    in it; else approximate.

    Raises InputError for a file of roads that cannot be read, InvalidProblem for coordinates that are none on earth.
    """
    missed = ""
    if chosen.osrm_url:
        try:
            return osrm_matrices(chosen.osrm_url, profiles, places, kerb=kerb)
        except Unavailable as error:
            missed = str(error)
    found = road_matrices(kept_roads(chosen), profiles, places, kerb=kerb, memory=memory_of(chosen))
    return replace(found, missed=missed)


def road_matrices(
    graph: RoadGraph | None,
    profiles: Sequence[Profile],
    places: Sequence[Place],
    *,
    kerb: Collection[str] = (),
    memory: Memory | None = None,
    reach_m: float = REACH_M,
) -> Drives:
    """From every place (x longitude, y latitude, in degrees) to every other, by profile.

    Without a graph they are great circles times 1.3 at the profile's speed, and approximate. A place farther than
    `reach_m` from a road is `far`, and out of reach. `kerb`: ids of places at which a vehicle stops with them on its
    right. What is in `memory` is not reckoned again.

    Raises InvalidProblem for coordinates that are none on earth.
    """
    points = Points.of(places, kerb)
    if graph is None:
        flown = [crow(points.lon_deg, points.lat_deg, profile.crow_m_s) for profile in profiles]
        distance_m, duration_s = (np.stack([pair[k] for pair in flown]) for k in (0, 1))
        names = tuple(profile.name for profile in profiles)
        return Drives(Matrices(profiles=names, distance_m=distance_m, duration_s=duration_s, approximate=True))
    driven = [reach(graph, profile, points, memory) for profile in profiles]
    found = _drives(driven, profiles, places, reach_m, lambda place: _swapped(graph, place), graph.licence)
    return replace(found, matrices=replace(found.matrices, approximate=graph.approximate))


def osrm_matrices(
    url: str,
    profiles: Sequence[Profile],
    places: Sequence[Place],
    *,
    kerb: Collection[str] = (),
    reach_m: float = REACH_M,
) -> Drives:
    """The same by an OSRM server: of a profile it takes the name and the pace, all else is as the server was prepared.

    Raises Unavailable where it does not answer, InvalidProblem for coordinates that are none on earth.
    """
    points = Points.of(places, kerb)
    if problems := off_earth(points.lon_deg, points.lat_deg):
        raise InvalidProblem(problems)
    driven = [osrm_reach(url, profile.name, points).at_pace(profile.pace) for profile in profiles]
    return _drives(driven, profiles, places, reach_m, lambda _: False, LICENCE)


def _drives(
    driven: Sequence[Reach],
    profiles: Sequence[Profile],
    places: Sequence[Place],
    reach_m: float,
    swapped: Callable[[Place], bool],
    licence: str,
) -> Drives:
    far = tuple(
        Far(places[k].id, profile.name, float(one.off_m[k]), swapped(places[k]))
        for profile, one in zip(profiles, driven, strict=True)
        for k in np.flatnonzero(one.off_m > reach_m).tolist()
    )
    near = [_cut_off(one, reach_m) for one in driven]
    matrices = Matrices(
        profiles=tuple(profile.name for profile in profiles),
        distance_m=np.stack([one.distance_m for one in near]),
        duration_s=np.stack([one.duration_s for one in near]),
    )
    return Drives(matrices, far, licence)


def _swapped(graph: RoadGraph, place: Place) -> bool:
    def on_map(lon_deg: float, lat_deg: float) -> bool:
        return all(
            axis.min() <= value <= axis.max() for axis, value in ((graph.lon_deg, lon_deg), (graph.lat_deg, lat_deg))
        )

    return on_map(place.y, place.x) and not on_map(place.x, place.y)


def _cut_off(driven: Reach, reach_m: float) -> Reach:
    """No way to or from what is far, save from a place to itself."""
    away = driven.off_m > reach_m
    none = (away[:, None] | away) & ~np.eye(len(away), dtype=bool)
    distance_m, duration_s = (np.where(none, np.inf, one) for one in (driven.distance_m, driven.duration_s))
    return Reach(distance_m, duration_s, driven.off_m)
