"""What nights came to, by cabinet, commune and territory: energy, light, money, carbon; planned and measured."""

from jobs.lighting.reporting.figures import BAND, By, Group
from jobs.lighting.reporting.making import LightingReport, make_report
from jobs.lighting.reporting.review import Review, review
from jobs.lighting.reporting.telling import name_of, notes, short_lines, to_csv, to_json, to_lines

__all__ = [
    "BAND",
    "By",
    "Group",
    "LightingReport",
    "Review",
    "make_report",
    "name_of",
    "notes",
    "review",
    "short_lines",
    "to_csv",
    "to_json",
    "to_lines",
]
