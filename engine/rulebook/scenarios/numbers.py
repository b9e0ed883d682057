"""The numbers an author wrote into a rule, a blueprint or a derived quantity."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.documents import Loc
from engine.rulebook import syntax as syn
from engine.rulebook.syntax import ExpressionError, Syntax, Token, parse_syntax

_MEASURE = re.compile(r"(?P<number>-?\d+(?:\.\d+)?)\s*(?:[^\W\d][\w/.]*|%|°\w*|/\w+)?")
_TIME = re.compile(r"\d{1,2}:\d{2}")
_OFFSET = re.compile(r"\d+(?:\.\d+)?")
# Functions without a number that could be moved: names of rules, attributes, points, days.
_NUMBERLESS = {"any", "none", "attribute", "planned", "dates", "weekdays"}


@dataclass(frozen=True)
class Written:
    """A number as it stands in a scalar, `start` characters from its beginning. `whole`: it counts something."""

    text: str
    start: int
    whole: bool = False

    def replaced(self, scalar: object, text: str) -> object:
        """The scalar with another number in its place."""
        if not isinstance(scalar, str):
            return float(text) if "." in text else int(text)
        return f"{scalar[: self.start]}{text}{scalar[self.start + len(self.text) :]}"


Reader = Callable[[str], Iterator[Written]]


def numbers_of(item: Mapping[str, Any]) -> Iterator[tuple[Loc, Written]]:
    """The numbers of a rule, of a blueprint or of a derived quantity, each with the place of its scalar."""
    for loc, reader in _scalars(item):
        value: Any = item
        for key in loc:
            value = value[key]
        for written in reader(value) if isinstance(value, str) else _measure(str(value)):
            yield loc, written


def _scalars(item: Mapping[str, Any]) -> Iterator[tuple[Loc, Reader]]:
    """Where numbers may stand, and how they are read there."""
    yield from (((key,), _expression) for key in ("when", "clear_when", "is") if key in item)
    yield from (((key,), _measure) for key in ("for", "clear_after") if key in item)
    yield from ((("then", "want", "value"), _expression) for _ in _below(item, "then", "want", "value"))
    yield from ((("with", name), _measure) for name in item.get("with", ()))
    yield from ((("parameters", name), _measure) for name in item.get("parameters", ()))
    yield from ((("schedule", "sun", key), _offset) for key in _below(item, "schedule", "sun"))
    yield from _hours(item)
    for number, row in enumerate(_below(item, "table", "rows")):
        yield from ((("table", "rows", number, *loc), reader) for loc, reader in _scalars(row))
    if "parameters" in item:
        yield from ((("rule", *loc), reader) for loc, reader in _scalars(item["rule"]))


def _below(item: Any, *keys: str) -> list[Any]:
    """What a path leads to, as a list: its items, its keys, the scalar alone; empty where it leads nowhere."""
    for key in keys:
        if not isinstance(item, Mapping) or key not in item:
            return []
        item = item[key]
    return list(item) if isinstance(item, list | Mapping) else [item]


def _hours(item: Mapping[str, Any]) -> Iterator[tuple[Loc, Reader]]:
    given = _below(item, "schedule", "hours")
    if given and isinstance(item["schedule"]["hours"], str):
        yield ("schedule", "hours"), _times
    else:
        yield from ((("schedule", "hours", number), _times) for number in range(len(given)))


def _times(text: str) -> Iterator[Written]:
    yield from (Written(found.group(), found.start()) for found in _TIME.finditer(text) if not _midnight(found.group()))


def _midnight(time: str) -> bool:
    """Where a day ends is nobody's choice."""
    return time in {"0:00", "00:00", "24:00"}


def _offset(text: str) -> Iterator[Written]:
    yield from (Written(found.group(), found.start()) for found in _OFFSET.finditer(text))


def _measure(text: str) -> Iterator[Written]:
    """A number with or without a unit, and nothing else."""
    found = _MEASURE.fullmatch(text.strip())
    if found and text == text.strip():
        yield Written(found["number"], 0)


def _expression(text: str) -> Iterator[Written]:
    """The numbers of an expression; a hole of a blueprint counts as a name."""
    try:
        tree = parse_syntax(text.replace("$", "_"))
    except ExpressionError:
        return
    yield from _in(tree)


def _in(tree: Syntax) -> Iterator[Written]:
    match tree:
        case syn.Number(token):
            yield _written(token)
        case syn.Call(name, arguments):
            yield from _of_call(name, arguments)
        case syn.Infix(_, syn.Call(name, (_,)), syn.Number(token)) if name.text == "count":
            yield _written(token, whole=True)
        case syn.Infix(_, left, right):
            yield from (*_in(left), *_in(right))
        case syn.Junction(_, parts):
            yield from (written for part in parts for written in _in(part))
        case syn.Negation(part) | syn.Minus(_, part):
            yield from _in(part)
        case syn.Earlier(_, left, _, right, ago):
            yield from (*_in(left), *_in(right), _written(ago))
        case syn.Succession(_, first, second, within):
            yield from (*_in(first), *_in(second), _written(within))


def _written(token: Token, *, whole: bool = False) -> Written:
    return Written(token.text, token.offset, whole)


def _of_call(name: Token, arguments: tuple[tuple[Token, ...], ...]) -> Iterator[Written]:
    """A call's numbers; the names of rules may hold some that are none."""
    if name.text in _NUMBERLESS or (name.text == "count" and len(arguments) < 2):
        return
    for tokens in arguments[2:] if name.text == "together" else arguments:
        counts = tokens[0].text == "at"  # at least 3
        for token in tokens:
            if token.kind in {"number", "time"} and not _midnight(token.text):
                yield _written(token, whole=counts)
