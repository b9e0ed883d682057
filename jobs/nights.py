"""Days that people name, and the plans that were put in force in their nights."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from engine.errors import InputError, Problem
from engine.instants import PARIS
from engine.model import PlanRecord, PlanState
from engine.store import Unit

LONGEST = 400
"""Days at most that one report is of."""


def named_days(first: date, last: date, by: str, what: str = "nights") -> list[date]:
    """From one day to another, both included. Raises InputError, as of `by`, for none or more than LONGEST."""
    days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    if not 0 < len(days) <= LONGEST:
        found = f"from {first} to {last} are {len(days)} {what}"
        raise InputError([Problem(by, 0, 0, found, f"name 1 to {LONGEST}")])
    return days


def plans_in_force(unit: Unit, domain: str, start: datetime, until: datetime) -> dict[date, list[PlanRecord]]:
    """A domain's plans of each night, by the day it begins, that were put in force, in the order they were."""
    found: dict[date, list[PlanRecord]] = {}
    for record in in_turn(unit, domain, start, until):
        found.setdefault(record.start.astimezone(PARIS).date(), []).append(record)
    return found


def in_turn(unit: Unit, domain: str, start: datetime, until: datetime) -> list[PlanRecord]:
    """A domain's plans whose span begins in [start, until), that were put in force, in the order they were."""
    made = (one for one in unit.plans.between(domain, start, until) if one.state is PlanState.IN_FORCE)
    return sorted(made, key=in_force_at)


def in_force_then(plans: Sequence[PlanRecord], at: datetime) -> PlanRecord | None:
    """Of plans in turn the one in force at an instant that speaks of it."""
    return next((one for one in reversed(plans) if in_force_at(one) <= at and one.start <= at < one.until), None)


def in_force_at(record: PlanRecord) -> datetime:
    """When a person approved it, where one had to."""
    return record.decided_at or record.made_at
