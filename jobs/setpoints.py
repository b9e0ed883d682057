"""What people ask of points by hand, and what stands at each: every act one transaction with its audit line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from engine.errors import InputError, Problem
from engine.instants import isoformat
from engine.model import Command, CommandState, Hold, Level, Program, Slot
from engine.setpoints.arbitration import Piece
from engine.setpoints.envelope import check_value
from engine.setpoints.points import PointInfo
from engine.setpoints.wanted import want
from engine.store import Store, Unit
from engine.store.audit import PERSON
from engine.units import alternatives, convert_exact, spelled
from jobs.bootstrap import Territory
from jobs.settling import conditions_of, settle_points

USUAL, LONGEST = timedelta(hours=2), timedelta(hours=72)
"""How long what a person asks for lasts, unless said, and at most."""
ACT = "audit:"
"""What the version of a slot that a person wrote begins with; the number of its audit line follows."""
_NUMBER = re.compile(r"\s*([+-]?\d+(?:[.,]\d+)?)\s*(\S*)\s*")


class Manual(StrEnum):
    """The levels that people write at."""

    OPERATOR = "operator"
    FIELD_AGENT = "field-agent"
    LIFE_SAFETY = "life-safety"

    @property
    def level(self) -> Level:
        return _LEVELS[self]


_LEVELS = {
    Manual.OPERATOR: Level.OPERATOR,
    Manual.FIELD_AGENT: Level.FIELD_AGENT,
    Manual.LIFE_SAFETY: Level.LIFE_SAFETY_MANUAL,
}


@dataclass(frozen=True, slots=True)
class Override:
    """A value that a person asks of a point until an instant, in the point's unit. `by`: the actor of the audit."""

    point: str
    value: float
    level: Level
    until: datetime
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is asked of a point now: who decides (None: nobody ever asked anything), what stops it, what was sent."""

    point: PointInfo
    piece: Piece | None
    blocked: str
    hold: Hold | None
    locked_out: bool
    command: Command | None


def unit_of(territory: Territory, point: str) -> str:
    """The unit of a point's values."""
    asset, _, name = point.rpartition("/")
    return territory.catalogue.types[territory.by_id[asset].type].points[name].unit


def value_in(text: str, unit: str) -> float:
    """A value as people write it, with a unit or in the point's own: 40 %, 0.4, 19.5 Cel. Raises InputError."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        hint = f"write a number, with a unit or in {spelled(unit)}"
        raise InputError([Problem("value", 0, 0, f"{text!r} is not a number", hint, "type")])
    value = convert_exact(Fraction(found[1].replace(",", ".")), found[2] or unit, unit)
    if value is None:
        hint = f"one of: {', '.join(alternatives(unit)[:6])}"
        raise InputError([Problem("value", 0, 0, f"{found[2]} is no unit of this point", hint, "type")])
    return float(value)


def shown(value: float, unit: str, *, counts: bool = False) -> str:
    """A value with its unit, a fraction as a percentage, what a point `counts` as a number."""
    if unit == "1":
        return f"{value:g}" if counts else f"{value:.0%}"
    return f"{value:g} {unit}"


def counts(point: PointInfo) -> bool:
    """Whether values of a point without a unit are numbers of something, as it takes more than 1."""
    return point.envelope.maximum > 1


def set_override(store: Store, territory: Territory, asked: Override, now: datetime) -> int:
    """Write the slot, settle the point, say so in the audit: all or nothing. Returns the number of the audit line.

    What other people asked of the point at the level ends: the last who asks is heard. Raises InputError with every
    clause that refuses it, before anything is written.
    """
    problems = list(_refusals(territory, asked, now))
    if problems:
        raise InputError(problems)
    body = {"level": int(asked.level), "value": asked.value, "until": isoformat(asked.until), "reason": asked.reason}
    with store.begin() as unit:
        line = unit.audit.append(asked.by, "set", asked.point, body, now)
        for slot in _by_hand(unit, asked.point, asked.level, now):
            unit.slots.release(slot.point, slot.level, slot.source, now)
        program = Program.constant(asked.value, now, asked.until)
        slot = Slot(asked.point, asked.level, asked.by, program, now, f"{ACT}{line}", asked.reason)
        unit.slots.put([slot])
        settle_points(unit, territory, [asked.point], now, asked.by)
    return line


def _refusals(territory: Territory, asked: Override, now: datetime) -> Iterator[Problem]:
    if asked.level not in _LEVELS.values():
        yield Problem(asked.point, 0, 0, f"people do not write at level {asked.level:d}", "8, 9 or 1", "level")
    broken = check_value(asked.value, territory.points[asked.point].envelope, now)
    if broken is not None:
        envelope, unit = territory.points[asked.point].envelope, spelled(unit_of(territory, asked.point))
        hint = f"from {envelope.minimum:g} to {envelope.maximum:g}, {unit}"
        yield Problem(asked.point, 0, 0, broken.text, hint, broken.clause)
    if not now < asked.until <= now + LONGEST:
        hint = f"after now, and until {isoformat(now + LONGEST)} at most (72 h)"
        yield Problem("until", 0, 0, f"{isoformat(asked.until)} is no end it may have", hint)
    if not asked.reason.strip():
        yield Problem("reason", 0, 0, "is empty", "say why: others will read it")


def release(store: Store, territory: Territory, point: str, level: Level, by: str, now: datetime) -> list[Slot]:
    """Give back what people asked of a point at a level, whoever it was; returns it. The next level decides again.

    Raises InputError where there is nothing.
    """
    with store.begin() as unit:
        found = _by_hand(unit, point, level, now)
        if not found:
            levels = {slot.level for slot in unit.slots.standing(point, now) if _lasts(slot, now)}
            hint = f"what is asked is at level {', '.join(f'{one:d}' for one in sorted(levels))}" if levels else ""
            what = f"nobody asks anything by hand at level {level:d}"
            raise InputError([Problem(point, 0, 0, what, hint or "see consigne setpoint list")])
        for slot in found:
            unit.slots.release(point, level, slot.source, now)
        unit.audit.append(by, "release", point, {"level": int(level), "of": [slot.version for slot in found]}, now)
        if not settle_points(unit, territory, [point], now, by):
            _cancel(unit, point, level, now)
    return found


def _cancel(unit: Unit, point: str, level: Level, now: datetime) -> None:
    """Where a hold or a lock-out lets nothing follow, what was released must not leave either."""
    command = unit.commands.newest([point]).get(point)
    if command is not None and command.level == level:
        unit.commands.move(
            command.id, CommandState.CANCELLED, now, "what it carries was released", {CommandState.QUEUED}
        )


def _by_hand(unit: Unit, point: str, level: Level, now: datetime) -> list[Slot]:
    standing = unit.slots.standing(point, now)
    return [slot for slot in standing if slot.level == level and slot.source.startswith(PERSON) and _lasts(slot, now)]


def _lasts(slot: Slot, now: datetime) -> bool:
    return slot.program.until > now


def standing(unit: Unit, territory: Territory, points: Sequence[str], now: datetime) -> list[Standing]:
    """What is asked of these points, in the order given."""
    infos = [territory.points[point] for point in points]
    arrays, newest = unit.slots.arrays(points, now), unit.commands.newest(points)
    conditions = conditions_of(unit, infos, now)
    found = []
    for info in infos:
        array = arrays.get(info.id, [])
        until = max((slot.program.until for slot in array), default=now)
        wanted = want(info, array, now, until, conditions) if until > now else None
        piece = wanted.resolution.at(now) if wanted else None
        hold, locked_out = conditions.held(info, now), conditions.locked_out(info)
        blocked = wanted.blocked if wanted else ""
        found.append(Standing(info, piece, blocked, hold, locked_out, newest.get(info.id)))
    return found
