"""What runs when: the schedule file, and the occurrences it means."""

from jobs.schedules.definitions import CatchUp, Entry
from jobs.schedules.loading import SCHEDULES, load_schedule, schedule_of
from jobs.schedules.occurrences import Due, Schedule

__all__ = ["SCHEDULES", "CatchUp", "Due", "Entry", "Schedule", "load_schedule", "schedule_of"]
