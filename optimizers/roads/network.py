"""What one class of vehicle may drive of a road network, with its turns: ready for ways to be found in it."""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.roads.chains import Chains, chained
from optimizers.roads.graph import CLASSES, IMPORTANCE, RoadGraph
from optimizers.roads.joining import join
from optimizers.roads.plane import Plane
from optimizers.roads.profile import Profile


@dataclass(frozen=True, eq=False)
class Steps:
    """From the end of a chain onto another that begins there: both (T,), and what the turn takes, in seconds."""

    chain: Ints
    onto: Ints
    turn_s: Floats


@dataclass(frozen=True, eq=False)
class Network:
    """A road network for one profile.

    A place in it is a piece and how far along; a state is the end of a chain, so that turns have their time and banned
    ones do not exist (an edge-based graph, no approximation by nodes).

    used (E,)        pieces that the profile may drive
    seconds (E,)     that it takes over each; inf where it may not
    main (C,)        chains of the largest part in which every chain can be reached from every other
    """

    graph: RoadGraph
    profile: Profile
    plane: Plane
    used: Bools
    seconds: Floats
    chains: Chains
    steps: Steps
    main: Bools
    component: Ints

    @property
    def main_pieces(self) -> Bools:
        """(E,) pieces of the largest part."""
        pieces = np.zeros(self.graph.pieces, bool)
        pieces[self.used] = self.main[self.chains.of[self.used]]
        return pieces


def network(graph: RoadGraph, profile: Profile) -> Network:
    """What the profile may drive of the graph, prepared once for any number of matrices."""
    used, seconds = _driven(graph, profile)
    chains = chained(graph, used, seconds)
    plane = Plane.of(graph.lon_deg, graph.lat_deg)
    steps = _steps(graph, profile, chains, plane)
    component = _components(len(chains), steps)
    held = np.bincount(component[chains.of[used]], minlength=1)  # pieces of each component
    within = component[steps.chain] == component[steps.onto]
    lasting = np.bincount(component[steps.chain[within]], minlength=len(held)) > 0  # a chain alone leads nowhere
    main = (component == (held * lasting).argmax()) & lasting[component]
    return Network(graph, profile, plane, used, seconds, chains, steps, main, component)


def _driven(graph: RoadGraph, profile: Profile) -> tuple[Bools, Floats]:
    by_class = np.array([profile.speeds_m_s.get(name, 0.0) for name in CLASSES])
    speed = np.minimum(np.minimum(by_class[graph.road_class], graph.limit_m_s), profile.top_m_s)
    level = graph.heavy_access if profile.heavy else graph.access
    fits = (
        (profile.height_m <= graph.max_height_m)
        & (profile.width_m <= graph.max_width_m)
        & (profile.weight_kg <= graph.max_weight_kg)
    )
    used: Bools = (speed > 0) & (level <= profile.enters) & fits & (graph.tail != graph.head)
    seconds = np.full(graph.pieces, np.inf)
    seconds[used] = profile.pace * graph.length_m[used] / speed[used]
    return used, seconds


def _steps(graph: RoadGraph, profile: Profile, chains: Chains, plane: Plane) -> Steps:
    """All turns that are allowed, with their times."""
    chain, onto = join(graph.head[chains.last], graph.tail[chains.first])
    last, first = chains.last[chain], chains.first[onto]
    around = graph.back[last] == first
    allowed = ~_banned(graph, last, first)
    ahead = np.bincount(chain[allowed & ~around], minlength=len(chains))
    allowed &= ~around | (ahead[chain] == 0)  # round only where there is no way on
    chain, onto, last, first = chain[allowed], onto[allowed], last[allowed], first[allowed]
    free = np.bincount(chain, minlength=len(chains))[chain] == 1  # nothing to choose
    turn_s = np.where(free & ~around[allowed], 0.0, _turn_s(graph, profile, plane, last, first))
    return Steps(chain, onto, turn_s)


def _banned(graph: RoadGraph, last: Ints, first: Ints) -> Bools:
    ban = graph.banned[:, 0] * graph.pieces + graph.banned[:, 1]
    return np.isin(last * graph.pieces + first, ban)


def _turn_s(graph: RoadGraph, profile: Profile, plane: Plane, last: Ints, first: Ints) -> Floats:
    """What going from the end of one piece onto another takes."""
    turns = profile.turns
    at = plane.metres(graph.lon_deg, graph.lat_deg)
    came, goes = (at[graph.head[piece]] - at[graph.tail[piece]] for piece in (last, first))
    to_left = np.degrees(np.arctan2(came[:, 0] * goes[:, 1] - came[:, 1] * goes[:, 0], (came * goes).sum(axis=1)))
    left = (to_left > 0) | (to_left < -179.9)  # straight back, by another road, is to the left
    turn_s = np.where(left, turns.left_s, turns.right_s) * (np.abs(to_left) > turns.straight_deg)
    turn_s = np.where(graph.back[last] == first, turns.back_s, turn_s)
    rank = IMPORTANCE[graph.road_class]
    largest = np.full(len(graph.lon_deg), IMPORTANCE.min())
    for ends in (graph.tail, graph.head):
        np.maximum.at(largest, ends, rank)
    yields: Floats = turn_s + turns.give_way_s * (rank[last] < largest[graph.head[last]])
    return yields


def _components(chains: int, steps: Steps) -> Ints:
    """(C,) the strongly connected component of each chain."""
    from scipy.sparse import coo_array  # noqa: PLC0415 - half a second to import
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    links = coo_array((np.ones(len(steps.chain)), (steps.chain, steps.onto)), shape=(chains, chains))
    label: Ints = connected_components(links, connection="strong")[1].astype(np.int64)
    return label
