"""Water between sky, plant and soil, after FAO Irrigation and Drainage Paper 56 (Allen et al. 1998), "FAO-56"."""

from optimizers.soil.balance import DayBalance, Moisture, advance
from optimizers.soil.et0 import Et0, Et0Source, Site, Weather, et0_daily
from optimizers.soil.plants import RootZone

__all__ = ["DayBalance", "Et0", "Et0Source", "Moisture", "RootZone", "Site", "Weather", "advance", "et0_daily"]
