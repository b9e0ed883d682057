"""What stands between the brackets of a function: durations, units, rules and where to look for them, calendars."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

from engine.catalogue import parse_duration
from engine.instants import in_us
from engine.rulebook.almanac import (
    Atom,
    Dates,
    Hours,
    PublicHoliday,
    SchoolHoliday,
    SunBetween,
    SunInstant,
    Weekdays,
)
from engine.rulebook.syntax import Flaw, Token, cut

LONGEST = timedelta(days=400)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CALENDAR_WORDS: dict[str, Atom] = {"public_holiday": PublicHoliday(), "school_holiday": SchoolHoliday()}
Argument = tuple[Token, ...]
_MOST_SAMPLES = 1_000_000
_DAY = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{1,2}):([0-5][0-9])")


class Misread(ValueError):
    """A part that means nothing; the flaw says why."""

    def __init__(self, token: Token, what: str, hint: str, code: str = "argument") -> None:
        self.flaw = Flaw(token.offset, cut(what), hint, code)
        super().__init__(what)


class TooLong(Misread):
    """A part that grows out of bounds: nothing beside it is looked at."""


def one(argument: Argument) -> Token:
    """The only token of an argument. Raises Misread."""
    if len(argument) > 1:
        raise Misread(argument[1], f"{argument[1].text!r} is one word too many", "part arguments with commas")
    return argument[0]


def name_of(argument: Argument) -> str:
    """A name, or a text in quotes. Raises Misread."""
    token = one(argument)
    if token.kind not in {"name", "text"}:
        raise Misread(token, f"{token.text!r} stands where a name is wanted", "names of other letters go in quotes")
    return token.word


def duration_us(token: Token) -> int:
    """A duration in µs, above 0 and at most 400 days. Raises Misread."""
    try:
        found = parse_duration(token.text + token.unit) if token.kind == "number" else timedelta(0)
    except (ValueError, OverflowError):
        found = timedelta(0)
    if not timedelta(0) < found <= LONGEST:
        what = f"{(token.text + token.unit)!r} is not a duration above 0"
        raise Misread(token, what, "a number and s, min, h or d, as 45min; at most 400 d")
    return in_us(found)


def unit_of(argument: Argument) -> str:
    """A unit as written, its parts put together again."""
    return "".join(token.word + token.unit for token in argument)


def at_least(argument: Argument) -> int:
    """`at least 3` → 3. Raises Misread."""
    words = [token.text for token in argument]
    number = argument[-1]
    if len(words) != 3 or words[:2] != ["at", "least"] or number.kind != "number" or number.unit:
        raise Misread(argument[0], "is not a number of samples", "as at least 3")
    if not number.text.isdigit() or not 0 < float(number.text) <= _MOST_SAMPLES:
        raise Misread(number, f"{number.text} is not a number of samples", f"from 1 to {_MOST_SAMPLES}")
    return int(number.text)


def rule_and_scope(argument: Argument) -> tuple[Token, str, str]:
    """`lamp-failure in children` → the first token, the rule's name, the scope's; the scope may be left out.

    Raises Misread.
    """
    placed = len(argument) > 2 and argument[-2].text == "in"
    named = argument[:-2] if placed else argument
    for before, after in pairwise(named):
        if before.end != after.offset:
            raise Misread(after, f"{after.text!r} is one word too many", "as any(lamp-failure in children)")
    return argument[0], "".join(token.text + token.unit for token in named), argument[-1].text if placed else ""


def hours(text: str) -> Hours:
    """`22:00-06:00`. Raises ValueError."""
    first, _, last = text.partition("-")
    return Hours(_second(first), _second(last))


def weekdays(names: list[str]) -> Weekdays:
    """Days by their English names, three letters. Raises ValueError."""
    odd = [name for name in names if name not in WEEKDAYS]
    if odd or not names:
        raise ValueError(f"{odd[0] if odd else ''!r} is not a weekday: one of {', '.join(WEEKDAYS)}")
    return Weekdays(frozenset(map(WEEKDAYS.index, names)))


def dates(text: str) -> Dates:
    """`05-15/09-15`, every year, or `2026-07-01/2026-07-31`; both days included. Raises ValueError."""
    first, _, last = text.partition("/")
    return Dates(_day(first), _day(last))


def sun_instant(text: str) -> SunInstant:
    """`sunset`, `sunset - 30min`, `sunrise + 1h`; at most 6 h away. Raises ValueError."""
    compact = text.replace(" ", "")
    for event in ("sunrise", "sunset"):
        rest = compact.removeprefix(event)
        if rest == compact:
            continue
        if not rest:
            return SunInstant(event)
        if rest[0] in "+-" and parse_duration(rest[1:]) <= timedelta(hours=6):
            seconds = round(parse_duration(rest[1:]).total_seconds())
            return SunInstant(event, seconds if rest[0] == "+" else -seconds)
    raise ValueError("is sunrise or sunset, and a duration of at most 6h before or after, as sunset - 30min")


def sun_between(start: str, end: str) -> SunBetween:
    """From one instant of the sun to the next of another. Raises ValueError."""
    return SunBetween(sun_instant(start), sun_instant(end))


def calendar_atom(name: Token, arguments: tuple[Argument, ...]) -> Atom:
    """The atom of a calendar function's arguments. Raises Misread."""
    texts = ["".join(token.text + token.unit for token in argument) for argument in arguments]
    wanted, read, example = CALENDAR_CALLS[name.text]
    try:
        if wanted is not None and len(texts) != wanted:
            raise ValueError(f"wants {wanted} of them, found {len(texts)}")
        return read(texts)
    except (ValueError, OverflowError) as error:
        raise Misread(name, f"{name.text}({', '.join(texts)}): {error}", f"as {example}") from None


# How many arguments, the reading of them, an example.
CALENDAR_CALLS: dict[str, tuple[int | None, Callable[[list[str]], Atom], str]] = {
    "hours": (1, lambda texts: hours(texts[0]), "hours(22:00-06:00)"),
    "weekdays": (None, weekdays, "weekdays(mon, fri)"),
    "dates": (1, lambda texts: dates(texts[0]), "dates(05-15/09-15)"),
    "between": (2, lambda texts: sun_between(*texts), "between(sunset - 30min, sunrise)"),
}


def _second(text: str) -> int:
    found = _TIME.fullmatch(text.strip())
    seconds = int(found[1]) * 3600 + int(found[2]) * 60 if found else 86_401
    if seconds > 86_400:
        raise ValueError(f"{text.strip()!r} is not a time of day, as 22:00")
    return seconds


def _day(text: str) -> tuple[int | None, int, int]:
    found = _DAY.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text.strip()!r} is not a day, as 05-15 or 2026-05-15")
    year, month, day = (int(part) if part else None for part in found.groups())
    try:
        date(year or 2000, month or 0, day or 0)
    except ValueError:
        raise ValueError(f"{text.strip()!r} is no day of the calendar") from None
    return year, month or 0, day or 0
