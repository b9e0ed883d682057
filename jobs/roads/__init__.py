"""Roads: extracts read and kept, and what they say of how far it is between places."""

from jobs.roads.keeping import kept_file, roads_of
from jobs.roads.matrices import Drives, Far, road_matrices
from jobs.roads.remembering import Memory, memory_of

__all__ = ["Drives", "Far", "Memory", "kept_file", "memory_of", "road_matrices", "roads_of"]
