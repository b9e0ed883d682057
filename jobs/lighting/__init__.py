"""Street lighting: from lamps, counters and traffic history to a problem, and from its plan to setpoints."""

from jobs.lighting.baseline import UnderLit, actual_need, energy_wh, fixed_program, under_lit
from jobs.lighting.body import body, explain, read_body
from jobs.lighting.fleet import Fleet
from jobs.lighting.need import Need
from jobs.lighting.night import Night
from jobs.lighting.setpoints import SOURCE, to_setpoints
from jobs.lighting.tables import LightingTables, load_tables
from jobs.lighting.task import LightingTask, build_problem
from jobs.lighting.traffic import Traffic

__all__ = [
    "SOURCE",
    "Fleet",
    "LightingTables",
    "LightingTask",
    "Need",
    "Night",
    "Traffic",
    "UnderLit",
    "actual_need",
    "body",
    "build_problem",
    "energy_wh",
    "explain",
    "fixed_program",
    "load_tables",
    "read_body",
    "to_setpoints",
    "under_lit",
]
