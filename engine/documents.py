"""Strict YAML: plain data with a line and column for every value, and every problem of a file at once.

YAML's traps are errors here: `no`, `on`, `1:30`, duplicate keys, tags, aliases. Nothing in a document is executable.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode

from engine.errors import InputError, Problem

Key = str | int
Loc = tuple[Key, ...]
M = TypeVar("M", bound=BaseModel)

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 64
_TRAPS = {"yes", "no", "on", "off", "y", "n"}
_KINDS = ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "value")
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in _KINDS}
_SCALARS = {"null": None, "~": None, "": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data (dict, list, str, int, float, bool, None) and the place of each value in its source."""

    source: str
    data: Any
    places: dict[Loc, tuple[int, int]]

    def problem(self, loc: Sequence[Key], what: str, hint: str = "") -> Problem:
        """A problem at the value `loc` leads to, or at the nearest value above it that the source holds."""
        loc = tuple(loc)
        while loc not in self.places and loc:
            loc = loc[:-1]
        line, column = self.places.get(loc, (1, 1))
        return Problem(self.source, line, column, what, hint)

    def validate(self, model: type[M]) -> M:
        """The data as a pydantic model. Raises InputError with every problem and its place."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise InputError(self._explain(dict(item)) for item in error.errors()) from None

    def _explain(self, item: dict[str, Any]) -> Problem:
        loc = tuple(item["loc"])
        # Unions and custom validators add names of their own to the path: keep the part the source knows.
        known = tuple(part for i, part in enumerate(loc) if loc[: i + 1] in self.places)
        path = ".".join(map(str, loc)) or "the document"
        if item["type"] == "extra_forbidden":
            return self.problem(known or loc, f"unknown key {path!r}", "remove it or correct its spelling")
        if item["type"] == "missing":
            return self.problem(known or loc, f"{path!r} is missing", f"add the key {loc[-1]!r}")
        found = "" if isinstance(item["input"], dict | list) else f", found {item['input']!r}"
        return self.problem(known or loc, f"{path}: {item['msg']}{found}")


def read_document(path: Path) -> Document:
    """Parse one YAML file. Raises InputError for a file that cannot be read or holds a YAML trap."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        raise InputError([Problem(str(path), 0, 0, f"cannot be read: {error.strerror}", "check the path")]) from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError([Problem(str(path), line, 1, "is not UTF-8", "save the file as UTF-8")]) from None
    return parse_document(text, str(path))


def parse_document(text: str, source: str) -> Document:
    """Parse YAML text; `source` names it in problems. Raises InputError with every problem found."""
    if len(text) > MAX_BYTES:
        raise InputError([Problem(source, 0, 0, f"is larger than {MAX_BYTES} characters", "split the file")])
    try:
        _refuse_traps_of_shape(text, source)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise InputError([Problem(source, line, column, str(error.problem or error.context))]) from None
    except yaml.YAMLError as error:
        raise InputError([Problem(source, 1, 1, f"is not YAML: {error}")]) from None
    reader = _Reader(source)
    data = None if root is None else reader.read(root, ())
    if reader.problems:
        raise InputError(reader.problems)
    return Document(source, data, reader.places)


def _refuse_traps_of_shape(text: str, source: str) -> None:
    """Refuse aliases, and depth: the C composer recurses without a limit and takes the process down with it."""
    depth = 0
    aliases: list[Problem] = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        mark = event.start_mark
        place = (source, mark.line + 1, mark.column + 1) if mark else (source, 1, 1)
        if depth > MAX_DEPTH:
            raise InputError([Problem(*place, f"is nested more than {MAX_DEPTH} deep", "flatten it")])
        if isinstance(event, yaml.AliasEvent):
            aliases.append(Problem(*place, f"the alias *{event.anchor} repeats another place", "write it out"))
    if aliases:
        raise InputError(aliases)


class _Reader:
    """Turns the node tree into plain data; collects places and problems on the way."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.places: dict[Loc, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def read(self, node: Node, loc: Loc) -> Any:
        self.places[loc] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if node.tag not in _TAGS:
            return self._refuse(node, f"the tag {node.tag!r} is not allowed", "remove it")
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, MappingNode):
            return dict(self._pairs(node, loc))
        return [self.read(child, (*loc, i)) for i, child in enumerate(node.value)]

    def _pairs(self, node: MappingNode, loc: Loc) -> Iterator[tuple[str, Any]]:
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                self._refuse(key_node, "a key must be a plain word", "write the keys out")
                continue
            key = key_node.value
            if not key_node.style and key.lower() in _TRAPS | {"true", "false", "null", "~", ""}:
                self._refuse(key_node, f"the key {key!r} is not a word to YAML", f'write "{key}"')
            if key in first:
                self._refuse(
                    key_node, f"the key {key!r} stands twice, first on line {first[key]}", "keep one of the two"
                )
            first.setdefault(key, key_node.start_mark.line + 1)
            yield key, self.read(value_node, (*loc, key))

    def _scalar(self, node: ScalarNode) -> Any:
        text: str = node.value
        if node.style:
            return text
        if text.lower() in _TRAPS:
            return self._refuse(
                node, f"{text!r} is true or false to some readers of YAML", f'write "{text}", true or false'
            )
        kind = node.tag.rsplit(":", 1)[1]
        if text.lower() in _SCALARS:
            return _SCALARS[text.lower()]
        if kind in {"int", "float"}:
            return self._number(node, text)
        return text

    def _number(self, node: ScalarNode, text: str) -> Any:
        if ":" in text:
            return self._refuse(node, f"{text} is a number in base 60 to YAML", f'write "{text}"')
        if text.lstrip("+-").startswith("0") and text.lstrip("+-").isdigit() and len(text.lstrip("+-")) > 1:
            return self._refuse(node, f"{text} is an octal number to YAML", f'write "{text}"')
        try:
            return int(text)
        except ValueError:
            pass
        try:
            return float(text)
        except ValueError:
            return self._refuse(
                node, f"{text} is not a plain decimal number", f'write it in decimals, or "{text}" as text'
            )

    def _refuse(self, node: Node, what: str, hint: str) -> None:
        mark = node.start_mark
        self.problems.append(Problem(self._source, mark.line + 1, mark.column + 1, what, hint))
