"""Roads: how far and how long from everywhere to everywhere, for each class of vehicle."""

from optimizers.roads.between import between
from optimizers.roads.closing import Closure, closed
from optimizers.roads.coverage import Coverage, coverage
from optimizers.roads.crow import DETOUR, crow, great_circle_m
from optimizers.roads.graph import CLASSES, Access, RoadGraph
from optimizers.roads.network import Network, network
from optimizers.roads.profile import CAR, CAR_M_S, LORRY, PROFILES, SMALL_LORRY, VAN, Profile, Turns
from optimizers.roads.snapping import REACH_M, Snapped, snap

__all__ = [
    "CAR",
    "CAR_M_S",
    "CLASSES",
    "DETOUR",
    "LORRY",
    "PROFILES",
    "REACH_M",
    "SMALL_LORRY",
    "VAN",
    "Access",
    "Closure",
    "Coverage",
    "Network",
    "Profile",
    "RoadGraph",
    "Snapped",
    "Turns",
    "between",
    "closed",
    "coverage",
    "crow",
    "great_circle_m",
    "network",
    "snap",
]
