"""What comes before cost and may give way: under which name, and in what unit, a best effort tells what it left.

A plan names it in its `violations`: one for each constraint and object, with what it comes to over all slots, where
that is more than SHORTFALL_TOLERANCE. Its `shortfall` holds their sums. Its status is then BEST_EFFORT, or TIME_LIMIT
where the clock cut it short, and else never.
"""

from enum import StrEnum

SHORTFALL_TOLERANCE = 1e-3
"""In each unit: what one object lacks of one constraint, over all slots, that need not be told."""


class Wanted(StrEnum):
    """Objects are told by kind and name: `site school`, `group feeder`, `room hall`, `tank bath`, `battery cellar`."""

    IMPORT_LIMIT = "import limit"  # that is firm, of a site (with its margin) or a group
    EXPORT_LIMIT = "export limit"  # that is firm, of a site or a group
    FLOOR = "floor"  # of the temperature of a room or tank
    CEILING = "ceiling"
    BOOST = "boost"  # of a room or tank, by which the highest temperature in time missed it
    RESERVE = "reserve"  # of a battery, whose floor can be out of reach: it starts below it, or loses what it holds
    COMFORT_LOW = "comfort low"  # of a room or tank
    COMFORT_HIGH = "comfort high"
    DEPARTURE = "departure"  # of a vehicle, what it lacks of its target
    NOT_RUN = "not run"  # of a load, slots that it lacks, each as long as those of its stay on average

    @property
    def safety(self) -> bool:
        """Else it is comfort."""
        return self in _SAFETY

    @property
    def unit(self) -> str:
        """What is beyond a temperature or a reserve counts for as long as it is beyond."""
        return _UNITS.get(self, "kWh")


_SAFETY = frozenset(
    (Wanted.IMPORT_LIMIT, Wanted.EXPORT_LIMIT, Wanted.FLOOR, Wanted.CEILING, Wanted.BOOST, Wanted.RESERVE)
)
_UNITS = {
    Wanted.FLOOR: "K·h",
    Wanted.CEILING: "K·h",
    Wanted.COMFORT_LOW: "K·h",
    Wanted.COMFORT_HIGH: "K·h",
    Wanted.BOOST: "K",
    Wanted.RESERVE: "kWh·h",
}
