"""The school calendar that buildings follow."""

from engine.calendar import SchoolCalendar, load_school_calendar
from engine.settings import Settings


def calendar_of(settings: Settings) -> SchoolCalendar:
    """That of the reference data that the settings name."""
    return load_school_calendar(settings.datasets_dir / "reference" / "school_holidays.yaml")
