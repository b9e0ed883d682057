"""The figures of alarms as people and machines read them: each beside what is recommended for one operator."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.alarms.figures import Figures, figures
from engine.instants import isoformat
from engine.model import Priority
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.notify import places_of
from jobs.standing import local
from jobs.words import Lang, number, say

_LISTED = 10
# EEMUA 191 (3rd ed.) and ISA-18.2-2016, table 7. Of four priorities the highest is the rarest.
_SHARES: Mapping[Priority, float] = {
    Priority.CRITICAL: 0.01,
    Priority.HIGH: 0.05,
    Priority.MEDIUM: 0.15,
    Priority.LOW: 0.80,
}


@dataclass(frozen=True, slots=True)
class Line:
    """A figure, what is recommended, and whether it is met; None where it is a target and no limit."""

    name: str
    found: float
    recommended: float
    met: bool | None


def gather(unit: Unit, territory: Territory, rules: frozenset[str] | None, start: datetime, until: datetime) -> Figures:
    """The figures of [start, until); of some rules only, where they are named."""
    rings = [one for one in unit.alarms.activations(start, until) if rules is None or one.rule in rules]
    active = [one for one in unit.alarms.active() if rules is None or one.rule in rules]
    return figures(rings, active, places_of(territory), start, until)


def lines_of(found: Figures) -> Iterator[Line]:
    """Each figure that has a recommended value."""
    yield _limit("average", found.average, 1)
    yield _limit("peak", found.peak, 10)
    yield _limit("flooded", found.flooded, 0.01)
    yield _limit("chattering", len(found.chattering), 0)
    yield _limit("stale", len(found.stale), 5)
    yield _limit("frequent", found.frequent_share, 0.05)
    for priority, share in _SHARES.items():
        yield Line(f"share_{priority.value}", found.shares[priority], share, None)


def _limit(name: str, found: float, most: float) -> Line:
    return Line(name, found, most, found <= most)


def to_json(found: Figures) -> dict[str, Any]:
    return {
        "from": isoformat(found.start),
        "until": isoformat(found.until),
        "alarms": found.count,
        "figures": {
            line.name: {"found": line.found, "recommended": line.recommended, "met": line.met}
            for line in lines_of(found)
        },
        "most_frequent": [{"rule": rule, "alarms": count} for rule, count in found.frequent],
        "chattering": [{"rule": one.rule, "asset": one.asset, "alarms": one.times} for one in found.chattering],
        "stale": [{"id": a.id, "rule": a.rule, "asset": a.asset, "since": isoformat(a.raised_at)} for a in found.stale],
        "floods": [
            {
                "from": isoformat(flood.start),
                "until": isoformat(flood.until),
                "alarms": flood.count,
                "causes": [{"rule": one.rule, "place": one.place, "alarms": one.count} for one in flood.causes],
            }
            for flood in found.floods
        ],
    }


def to_lines(found: Figures, words: Lang) -> Iterator[str]:
    """Short lines: the figures, then what is behind them, ten of each at most."""
    yield say("figures_head", words, count=found.count, start=local(found.start), until=local(found.until))
    for line in lines_of(found):
        mark = {True: "✓", False: "✗", None: " "}[line.met]
        key = "figures_about" if line.met is None else "figures_most"
        name = say(f"figures_{line.name}", words)
        wanted = say(key, words, value=_written(line.name, line.recommended, words))
        yield f"{mark} {name:<58} {_written(line.name, line.found, words):>8}   {wanted}"
    for rule, count in found.frequent:
        yield f"    {count:>5} × {rule}"
    for one in found.chattering[:_LISTED]:
        yield say("figures_chatters", words, rule=one.rule, asset=one.asset, count=one.times)
    for alarm in found.stale[:_LISTED]:
        since = local(alarm.raised_at)
        yield say("figures_stands", words, id=alarm.id, rule=alarm.rule, asset=alarm.asset, since=since)
    for flood in found.floods[:_LISTED]:
        yield say("figures_flood", words, start=local(flood.start), until=local(flood.until), count=flood.count)
        yield from (f"    {one.count:>5} × {one.rule} : {one.place}" for one in flood.causes[:_LISTED])


_PERCENT = ("flooded", "frequent", *(f"share_{priority.value}" for priority in Priority))


def _written(name: str, value: float, words: Lang) -> str:
    if name in _PERCENT:
        return f"{number(100 * value, words, 1)} %"
    return number(value, words, 2 if name == "average" else 0)
