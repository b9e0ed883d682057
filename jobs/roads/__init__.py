"""Roads: extracts read and kept, and what they say of how far it is between places."""

from jobs.roads.keeping import kept_file, kept_roads
from jobs.roads.matrices import Drives, Far, drives, osrm_matrices, road_matrices
from jobs.roads.remembering import Memory, memory_of

__all__ = [
    "Drives",
    "Far",
    "Memory",
    "drives",
    "kept_file",
    "kept_roads",
    "memory_of",
    "osrm_matrices",
    "road_matrices",
]
