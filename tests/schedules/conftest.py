"""Schedules of a test's own."""

from typing import Any

from engine.documents import parse_document
from jobs.schedules import Schedule
from jobs.schedules.loading import parse_schedule


def schedule(text: str) -> Schedule:
    """A schedule file's entries, as a test writes them."""
    return parse_schedule(parse_document("schedules:\n" + text, "schedules.yaml"))


def one(said: dict[str, Any], job: str = "roll-up") -> Schedule:
    """A schedule of one entry called `it`."""
    from orjson import dumps

    return parse_schedule(parse_document(dumps({"schedules": {"it": {"job": job, **said}}}).decode(), "schedules.yaml"))
