"""Which nights a report is of."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import InputError, Problem
from engine.instants import PARIS, noon
from jobs.cli.common import instant
from jobs.demo import demo_night

Night = Annotated[str | None, typer.Option(help="by the day it begins, as 2026-11-16; last night by default")]
Day = Annotated[str | None, typer.Option(help="as 2026-11-16; yesterday by default")]
First = Annotated[str | None, typer.Option("--from", help="the first of several nights")]
Last = Annotated[str | None, typer.Option("--to", help="the last of them")]


def nights(night: str | None, first: str | None, last: str | None, told: date | None) -> tuple[date, date]:
    """The first night and the last. Raises InputError for what is no day, or not one thing."""
    if night is not None and (first is not None or last is not None):
        raise InputError([Problem("--night", 0, 0, "stands beside --from or --to", "give one of them")])
    if (found := span(first, last, "give both, or --night")) is not None:
        return found
    day = _day("--night", night) if night else told or _last_night(instant(None))
    return day, day


def days(day: str | None, first: str | None, last: str | None, told: date | None) -> tuple[date, date]:
    """The first day and the last, from midnight to midnight. Raises InputError for what is no day, or not one thing."""
    if day is not None and (first is not None or last is not None):
        raise InputError([Problem("--day", 0, 0, "stands beside --from or --to", "give one of them")])
    if (found := span(first, last, "give both, or --day")) is not None:
        return found
    yesterday = instant(None).astimezone(PARIS).date() - timedelta(days=1)
    one = _day("--day", day) if day else told or yesterday
    return one, one


def span(first: str | None, last: str | None, hint: str) -> tuple[date, date] | None:
    """From one day to another, None where neither is given. Raises InputError where one is, or is no day."""
    if first is not None and last is not None:
        return _day("--from", first), _day("--to", last)
    if first is not None or last is not None:
        raise InputError([Problem("--from", 0, 0, "wants --to, and --to wants --from", hint)])
    return None


def end_of_demo(folder: Path) -> datetime:
    """The last instant of a demo's night."""
    return noon(demo_night(folder) + timedelta(days=1)) - timedelta(microseconds=1)


def asked_at(at: str | None, folder: Path, *, of_demo: bool) -> datetime:
    """The instant that was given, else a demo's end, else now. Raises InputError for one that is none."""
    return end_of_demo(folder) if of_demo and at is None else instant(at)


def _last_night(now: datetime) -> date:
    """The newest that is over at a local noon."""
    return (now.astimezone(PARIS) - timedelta(hours=12)).date() - timedelta(days=1)


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError([Problem(option, 0, 0, f"{text!r} is not a day", "write it as 2026-11-16")]) from None
