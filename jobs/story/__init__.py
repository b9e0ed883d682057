"""The demo's story: a day of traffic and weather, people passing, equipment that fails, lies and goes silent."""

from jobs.story.buildings import Buildings, made_buildings
from jobs.story.greens import Greens, made_greens
from jobs.story.night import DEFAULT_NIGHT, make_story, seen_before
from jobs.story.traffic import HISTORY_DAYS, Traffic, made_traffic, real_traffic
from jobs.story.waste import Waste, made_waste

__all__ = [
    "DEFAULT_NIGHT", "HISTORY_DAYS", "Buildings", "Greens", "Traffic", "Waste", "made_buildings", "made_greens",
    "made_traffic", "made_waste", "make_story", "real_traffic", "seen_before",
]  # fmt: skip
