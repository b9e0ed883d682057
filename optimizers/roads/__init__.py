"""Roads: how far and how long from everywhere to everywhere, for each class of vehicle."""

from optimizers.roads.crow import DETOUR, crow, great_circle_m

__all__ = ["DETOUR", "crow", "great_circle_m"]
