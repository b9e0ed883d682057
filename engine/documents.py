"""Strict YAML: plain data with a line and column for every value, and every problem of a file at once.

YAML's traps are errors here: `no`, `on`, `1:30`, duplicate keys, tags, aliases. Nothing in a document is executable.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.events import MappingStartEvent, ScalarEvent, SequenceStartEvent

from engine.errors import InputError, Problem

Key = str | int
Loc = tuple[Key, ...]
M = TypeVar("M", bound=BaseModel)

MAX_DEPTH = 64
MAX_PROBLEMS = 1_000
_MAX_DIGITS = 18
_TRAPS = {"yes", "no", "on", "off", "y", "n"}
_SCALARS = {"null": None, "~": None, "": None, "true": True, "false": False}
_NO_KEYS = {*_TRAPS, *_SCALARS}
_NO_KEYS_HELD = {"model_type", "dict_type", "mapping_type"}
_PREFIX = "tag:yaml.org,2002:"
# What YAML takes for a number, or for `<<`, by its first letter.
_IMPLICIT: dict[str, list[tuple[str, Any]]] = {
    letter: [(tag.removeprefix(_PREFIX), pattern) for tag, pattern in found]
    for letter, found in yaml.resolver.Resolver.yaml_implicit_resolvers.items()
    if letter in set("+-.0123456789<")
}


class Limits(NamedTuple):
    """How much of a file is read before it is refused: bytes, values, and characters of one value."""

    bytes: int = 32 * 1024 * 1024
    values: int = 10_000_000
    letters: int = 1024 * 1024


ANY_FILE = Limits()


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data (dict, list, str, int, float, bool, None) and the place of each value in its source."""

    source: str
    data: Any
    places: dict[Loc, tuple[int, int]]
    lines: Sequence[str] = ()

    def problem(self, loc: Sequence[Key], what: str, hint: str = "", code: str = "") -> Problem:
        """A problem at the value `loc` leads to, or at the nearest value above it that the source holds."""
        loc = tuple(loc)
        while loc not in self.places and loc:
            loc = loc[:-1]
        line, column = self.places.get(loc, (1, 1))
        return Problem(self.source, line, column, what, hint, code)

    def validate(self, model: type[M], context: dict[str, Any] | None = None) -> M:
        """The data as a pydantic model, whose validators see `context`. Raises InputError with every problem."""
        try:
            return model.model_validate(self.data, context=context)
        except ValidationError as error:
            found = islice(error.errors(include_url=False), MAX_PROBLEMS)
            raise InputError(self._explain(dict(item)) for item in found) from None

    def _explain(self, item: dict[str, Any]) -> Problem:
        loc = tuple(item["loc"])
        # Unions and custom validators add names of their own to the path: keep the part the source knows.
        known: Loc = ()
        for part in loc:
            known = (*known, part) if (*known, part) in self.places else known
        path = ".".join(map(str, loc)) or "the document"
        if item["type"] == "extra_forbidden":
            return self.problem(known or loc, f"unknown key {shown(path)}", "remove it or correct its spelling")
        if item["type"] == "missing":
            return self.problem(known or loc, f"{path!r} is missing", f"add the key {loc[-1]!r}")
        found = "" if isinstance(item["input"], dict | list) else f", found {shown(item['input'])}"
        said = "wants keys with values" if item["type"] in _NO_KEYS_HELD else item["msg"].removeprefix("Value error, ")
        return self.problem(known or loc, f"{path}: {said}{found}")


def shown(value: object) -> str:
    """A value as a message shows it: what is long is cut."""
    text = repr(value[:80] if isinstance(value, str) else value)
    return text if len(text) <= 80 else f"{text[:60]}…"


def read_document(path: Path, limits: Limits = ANY_FILE) -> Document:
    """Parse one YAML file. Raises InputError for a file that cannot be read or holds a YAML trap."""
    if path.exists() and not path.is_file():
        raise InputError([Problem(str(path), 0, 0, "is not a file", "take it away, or put a file there")])
    try:
        with path.open("rb") as file:
            raw = file.read(limits.bytes + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise InputError([Problem(str(path), 0, 0, f"cannot be read: {error.strerror}", "check the path")]) from None
    except UnicodeDecodeError as error:
        if len(raw) > limits.bytes:
            raise _too_large(str(path), limits) from None
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError([Problem(str(path), line, 1, "is not UTF-8", "save the file as UTF-8")]) from None
    if len(raw) > limits.bytes:
        raise _too_large(str(path), limits)
    return parse_document(text, str(path), limits)


def parse_document(text: str, source: str, limits: Limits = ANY_FILE) -> Document:
    """Parse YAML text; `source` names it in problems. Raises InputError with every problem found."""
    if len(text) > limits.bytes:
        raise _too_large(source, limits)
    reader = _Reader(source, limits)
    try:
        data = reader.document(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        hint = "check brackets, quotes and indentation up to there"
        reader.problems.append(Problem(source, line, column, str(error.problem or error.context), hint))
    except yaml.YAMLError as error:
        reader.problems.append(Problem(source, 1, 1, f"is not YAML: {shown(str(error))}"))
    except _Refused as refused:
        reader.problems.append(refused.problem)
    if reader.problems:
        raise InputError(reader.problems)
    return Document(source, data, reader.places, text.splitlines())


def _too_large(source: str, limits: Limits) -> InputError:
    return InputError([Problem(source, 0, 0, f"is larger than {limits.bytes} bytes", "split the file")])


class _Refused(Exception):
    """What ends the reading of a document."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.what)


class _Reader:
    """Turns the events of the C parser into plain data; collects places and problems on the way.

    The C composer is not used: it recurses without a limit and takes the process down with it.
    """

    def __init__(self, source: str, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._next: Any = None
        self._values = 0
        self.places: dict[Loc, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def document(self, text: str) -> Any:
        """The plain data of the one document a text holds; None for an empty one."""
        parser = yaml.CSafeLoader(text)
        try:
            self._next = parser.get_event
            self._next()  # the stream's start
            data = self._read(self._next(), ()) if isinstance(self._next(), yaml.DocumentStartEvent) else None
            while event := self._next():
                if isinstance(event, yaml.DocumentStartEvent):
                    raise self._refused(event, "another document begins here", "put it in a file of its own")
            return data
        finally:
            parser.dispose()

    def _read(self, event: Any, loc: Loc) -> Any:
        mark = event.start_mark
        self.places[loc] = (mark.line + 1, mark.column + 1)
        self._values += 1
        if self._values > self._limits.values:
            raise self._refused(event, f"holds more than {self._limits.values} values", "split the file")
        kind = type(event)
        if kind is yaml.AliasEvent:
            return self._refuse(event, f"the alias *{event.anchor} repeats another place", "write it out")
        if event.tag is not None:
            self._refuse(event, f"the tag {shown(event.tag)} is not allowed", "remove it")
        if kind is ScalarEvent:
            return self._scalar(event) if event.tag is None else None
        if len(loc) >= MAX_DEPTH:
            raise self._refused(event, f"is nested more than {MAX_DEPTH} deep", "flatten it")
        return self._map(loc) if kind is MappingStartEvent else self._list(loc)

    def _list(self, loc: Loc) -> list[Any]:
        found: list[Any] = []
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            found.append(self._read(event, (*loc, len(found))))
        return found

    def _map(self, loc: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        first: dict[str, int] = {}
        while type(event := self._next()) is not yaml.MappingEndEvent:
            key = self._key(event, loc)
            line = event.start_mark.line + 1
            if key in first:
                what = f"the key {shown(key)} stands twice, first on line {first[key]}"
                self._refuse(event, what, "keep one of the two")
            first.setdefault(key, line)
            found[key] = self._read(self._next(), (*loc, key))
        return found

    def _key(self, event: Any, loc: Loc) -> str:
        if type(event) is not ScalarEvent or (not event.style and _kind(event.value) == "merge"):
            self._refuse(event, "a key must be a plain word", "write the keys out")
            if isinstance(event, MappingStartEvent | SequenceStartEvent):
                self._read(event, (*loc, "?"))
            return f"? {event.start_mark.line}:{event.start_mark.column}"
        key: str = event.value
        if not event.style and key.lower() in _NO_KEYS:
            self._refuse(event, f"the key {key!r} is not a word to YAML", f'write "{key}"')
        return key

    def _scalar(self, event: ScalarEvent) -> Any:
        text: str = event.value
        if len(text) > self._limits.letters:
            return self._refuse(event, f"is longer than {self._limits.letters} characters", "shorten it")
        if event.style:
            return text
        if len(text) <= 5:
            word = text.lower()
            if word in _TRAPS:
                hint = f'write "{text}", true or false'
                return self._refuse(event, f"{text!r} is true or false to some readers of YAML", hint)
            if word in _SCALARS:
                return _SCALARS[word]
        return self._number(event, text) if _kind(text) in {"int", "float"} else text

    def _number(self, event: ScalarEvent, text: str) -> Any:
        if ":" in text:
            return self._refuse(event, f"{shown(text)} is a number in base 60 to YAML", f'write "{text:.20}"')
        digits = text.lstrip("+-")
        if digits.startswith("0") and digits.isdigit() and len(digits) > 1:
            return self._refuse(event, f"{shown(text)} is an octal number to YAML", f'write "{text:.20}"')
        try:
            found = float(text)
        except ValueError:
            hint = f'write it in decimals, or "{text:.20}" as text'
            return self._refuse(event, f"{shown(text)} is not a plain decimal number", hint)
        whole = digits.replace("_", "").isdigit()
        if not math.isfinite(found) or (whole and len(digits) > _MAX_DIGITS):
            hint = f"at most {_MAX_DIGITS} digits; in quotes it is a text"
            return self._refuse(event, f"{shown(text)} is too large a number", hint)
        return int(text) if whole else found

    def _refuse(self, event: Any, what: str, hint: str) -> None:
        self.problems.append(self._refused(event, what, hint).problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise self._refused(event, "is the last problem looked at, after so many", "mend those before it first")

    def _refused(self, event: Any, what: str, hint: str) -> _Refused:
        mark = event.start_mark
        return _Refused(Problem(self._source, mark.line + 1, mark.column + 1, what, hint))


def _kind(text: str) -> str:
    """What YAML takes a plain scalar for: int, float, merge; anything else is text."""
    for kind, pattern in _IMPLICIT.get(text[:1], ()):
        if pattern.match(text):
            return kind
    return "str"
