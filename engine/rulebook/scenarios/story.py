"""A scenario ready to be played, and what can happen in one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import polars as pl

from engine.instants import PARIS
from engine.model import Asset, Truth

READINGS = {"asset": pl.String, "property": pl.String, "observed_at": pl.Int64, "value": pl.Float64}


class Kind(StrEnum):
    """What a rule can do."""

    EDGE = "edge"
    ALARM = "alarm"
    WANT = "want"
    REPLAN = "replan"
    WORK_ORDER = "workorder"
    FAULT = "fault"


class Happening(NamedTuple):
    """One thing a rule does. `subject` is a point for a want; `said` a truth, an alarm's state, a domain, a fault.

    `value` is a want's, in the point's `unit`, and `lasts` its length, None where nobody asks for it.
    """

    at: datetime
    kind: Kind
    rule: str
    subject: str
    said: str = ""
    value: float | None = None
    lasts: timedelta | None = None
    unit: str = ""

    @property
    def text(self) -> str:
        """As a scenario would expect it; a fraction in percent."""
        words = [f"{self.kind}:", self.rule, self.subject, self.said]
        if self.value is not None:
            value, unit = (self.value * 100, "%") if self.unit == "1" else (self.value, self.unit)
            words += [f"{value:.7g}", unit]
        if self.lasts is not None:
            words += ["for", span(self.lasts)]
        return " ".join(filter(None, words))


class Glance(NamedTuple):
    """What a rule's `when` is expected to be for a subject at an instant; `because` is a part that decided, if said."""

    at: datetime
    rule: str
    subject: str
    truth: Truth
    because: str | None


class Turn(NamedTuple):
    """One step of the engine: readings in order of arrival (READINGS), then the clock."""

    now: datetime
    readings: pl.DataFrame


@dataclass(frozen=True)
class Scenario:
    """One story. `place` is file:line:col; `rules` are the ids under test; `turns` end at `until`."""

    place: str
    name: str
    rules: tuple[str, ...]
    start: datetime
    until: datetime
    assets: tuple[Asset, ...]
    communes: Mapping[str, str]
    turns: tuple[Turn, ...]
    expected: tuple[Happening, ...]
    glances: tuple[Glance, ...]

    def when(self, at: datetime) -> str:
        """An instant as its author counts: after the start, and on the clock in Paris."""
        clock = "%H:%M:%S" if at - self.start < timedelta(days=1) else "%Y-%m-%d %H:%M:%S"
        return f"{span(at - self.start)} ({at.astimezone(PARIS).strftime(clock)})"


def span(length: timedelta) -> str:
    """A length of time as it is written in rules: 1h 25min; to the second."""
    rest, parts = round(length.total_seconds()), []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        parts += [f"{count} d" if unit == "d" else f"{count}{unit}"] if count else []
    return " ".join(parts) or "0min"
