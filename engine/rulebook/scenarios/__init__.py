"""Scenarios: stories beside the rules, of what was measured and what the rules must make of it."""

from engine.rulebook.scenarios.playing import Engine, MakeEngine, Outcome, Stage, around, compared, happenings, play
from engine.rulebook.scenarios.reading import read_scenarios
from engine.rulebook.scenarios.running import Coverage, Results, coverage, run_scenarios
from engine.rulebook.scenarios.story import Glance, Happening, Kind, Scenario, Turn

__all__ = [
    "Coverage",
    "Engine",
    "Glance",
    "Happening",
    "Kind",
    "MakeEngine",
    "Outcome",
    "Results",
    "Scenario",
    "Stage",
    "Turn",
    "around",
    "compared",
    "coverage",
    "happenings",
    "play",
    "read_scenarios",
    "run_scenarios",
]
