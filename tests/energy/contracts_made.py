"""Contracts that tests write down."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from engine.instants import PARIS, slots
from jobs.energy.contracts import Contracts, parse_contracts

QUARTER = timedelta(minutes=15)
TEXT = {"fr": "un", "en": "one"}


def edition(
    classes: dict[str, Any], start: str = "2025-01-01", until: str = "2027-12-31", **more: Any
) -> dict[str, Any]:
    """Prices of some dates; a key of None is left out."""
    said = {"from": start, "until": until, "reference": TEXT, "classes": classes, **more}
    return {key: value for key, value in said.items() if value is not None}


def contract(*editions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"text": TEXT, "editions": list(editions), **more}


def file(entry: dict[str, Any], **head: Any) -> str:
    """The text of a file of one contract, `c`. JSON is YAML, too."""
    return json.dumps({**head, "contracts": {"c": entry}})


def made(entry: dict[str, Any], **head: Any) -> Contracts:
    return parse_contracts(file(entry, **head))


def day_of(day: date) -> Sequence[datetime]:
    """Starts of the 92, 96 or 100 quarters of a day in Paris."""
    start, end = (datetime.combine(one, time(), PARIS).astimezone(UTC) for one in (day, day + timedelta(days=1)))
    return slots(start, end, QUARTER)
