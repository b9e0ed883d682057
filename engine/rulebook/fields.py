"""The kinds of value a rule file holds: texts, durations, names, lists; each says what it wants."""

import re
from datetime import timedelta
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from engine.catalogue import Text, parse_duration

LONGEST = timedelta(days=3_650)
LONGEST_NAME = 64


def _said(text: Text) -> Text:
    if not (text.fr.strip() and text.en.strip()):
        raise ValueError("wants words in fr and in en")
    return text


def _duration(value: object) -> timedelta:
    """As the catalogue reads durations, and none longer than ten years."""
    try:
        found = parse_duration(value)
    except OverflowError:
        found = timedelta.max
    if found > LONGEST:
        raise ValueError(f"a duration wants to be at most {LONGEST.days} d")
    return found


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("a duration wants to be above 0")
    return value


def _one_or_more(item: dict[str, object]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item}]})


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _spelled(pattern: str, example: str, longest: int = LONGEST_NAME) -> AfterValidator:
    """A name as the example is spelled."""
    compiled = re.compile(pattern)
    mark = "_" if "_" in example else "-"

    def check(value: str) -> str:
        if len(value) > longest or compiled.fullmatch(value) is None:
            raise ValueError(f"wants small letters, digits and {mark}, at most {LONGEST_NAME}, as {example}")
        return value

    return AfterValidator(check)


def _spelling(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "pattern": f"^{pattern}$", "maxLength": LONGEST_NAME, "examples": [example]}
    )


WORDS = (r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "lamp-failure")
ROWS = (r"[a-z][a-z0-9]*(-[a-z0-9]+)*(\.[0-9]+)?", "lamp-failure")
FACTS = (r"[a-z][a-z0-9]*(_[a-z0-9]+)*", "leak_suspected")
Said = Annotated[Text, AfterValidator(_said)]
_WRITTEN = WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? *(s|min|h|d)$", "examples": ["15min"]})
Delay = Annotated[timedelta, BeforeValidator(_duration), _WRITTEN]
Positive = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive), _WRITTEN]
Identifier = Annotated[str, _spelled(*WORDS), _spelling(*WORDS)]
RuleId = Annotated[str, _spelled(*ROWS, LONGEST_NAME + len(".100")), _spelling(*WORDS)]
Fact = Annotated[str, _spelled(*FACTS), _spelling(*FACTS)]
Several = Annotated[tuple[str, ...], BeforeValidator(_listed), _one_or_more({"type": "string"})]
Subject = Literal["zone", "commune", "territory"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Weekdays = Annotated[
    tuple[Weekday, ...], BeforeValidator(_listed), _one_or_more({"type": "string", "enum": list(get_args(Weekday))})
]
