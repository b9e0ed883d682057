"""Rule files → a rulebook, or every problem of every file at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any

from engine.catalogue import AssetType, Catalogue, PointType
from engine.documents import Document, Loc, read_document
from engine.errors import InputError, Problem
from engine.model import Level
from engine.rulebook.definitions import (
    Owner,
    Owners,
    Rule,
    Rulebook,
    RuleDefinition,
    RuleFile,
    WantEffect,
    definition_version,
)
from engine.rulebook.expressions import Constant, ExpressionError, exact_number, leaves, parse_expression
from engine.units import alternatives, convert

OWNERS = "owners.yaml"


def load_rules(folder: Path, catalogue: Catalogue) -> Rulebook:
    """The rules of `<folder>/<domain>/*.yaml`, owned as `<folder>/owners.yaml` says.

    Raises InputError with every problem of every file; nothing of the folder is then in service.
    """
    problems: list[Problem] = []
    owners = _owners(folder / OWNERS, problems)
    drafts = [draft for path in sorted(folder.glob("*/*.yaml")) for draft in _drafts(path, problems)]
    if not drafts and not problems:
        problems.append(Problem(str(folder), 0, 0, "holds no rule", "put rule files in <domain>/*.yaml"))
    checker = _Checker(catalogue, owners, drafts)
    for draft in drafts:
        problems.extend(checker.problems(draft))
    if problems:
        raise InputError(problems)
    return Rulebook(tuple(sorted(map(checker.compiled, drafts), key=lambda rule: rule.id)), owners)


@dataclass(slots=True)
class _Draft:
    """One rule on its way: its part of the file, and its definition where the shape is right."""

    path: Path
    document: Document
    definition: RuleDefinition | None

    @property
    def raw(self) -> dict[str, Any]:
        return self.document.data if isinstance(self.document.data, dict) else {}

    @property
    def id(self) -> str:
        return str(self.raw.get("id", ""))


def _owners(path: Path, problems: list[Problem]) -> Mapping[str, Owner]:
    try:
        return read_document(path).validate(Owners).owners
    except InputError as error:
        problems.extend(error.problems)
        return {}


def _drafts(path: Path, problems: list[Problem]) -> Iterator[_Draft]:
    try:
        document = read_document(path)
        items = document.validate(RuleFile).rules
    except InputError as error:
        problems.extend(error.problems)
        return
    for index, item in enumerate(items):
        root: Loc = ("rules", index)
        places = {loc[2:]: place for loc, place in document.places.items() if loc[:2] == root}
        part = Document(document.source, item, places)
        try:
            definition = part.validate(RuleDefinition)
        except InputError as error:
            problems.extend(error.problems)
            definition = None
        yield _Draft(path, part, definition)


class _Checker:
    """What a definition's shape cannot show: the catalogue, the owners, the other rules."""

    def __init__(self, catalogue: Catalogue, owners: Mapping[str, Owner], drafts: list[_Draft]) -> None:
        self._catalogue = catalogue
        self._owners = owners
        self._first: dict[str, _Draft] = {}
        for draft in drafts:
            self._first.setdefault(draft.id, draft)

    def compiled(self, draft: _Draft) -> Rule:
        definition = draft.definition
        assert definition is not None  # noqa: S101 - a draft without a definition left a problem behind
        properties = self._catalogue.types[definition.for_each.type].properties
        clear = definition.clear_when
        want = definition.then.want
        return Rule(
            definition=definition,
            when=parse_expression(definition.when, properties),
            clear_when=None if clear is None else parse_expression(clear, properties),
            value=None if want is None else _value(want, self._points(definition, want)[0]),
            version=definition_version(definition),
        )

    def problems(self, draft: _Draft) -> Iterator[Problem]:
        yield from self._duplicate(draft)
        yield from self._expressions(draft)
        if draft.definition is not None:
            yield from self._owner(draft, draft.definition)
            yield from self._silencer(draft, draft.definition)
            if draft.definition.then.want is not None:
                yield from self._want(draft, draft.definition, draft.definition.then.want)

    def _duplicate(self, draft: _Draft) -> Iterator[Problem]:
        first = self._first[draft.id]
        if draft.id and first is not draft:
            line, _ = first.document.places[("id",)]
            what = f"the rule {draft.id!r} stands twice, first at {first.document.source}:{line}"
            yield draft.document.problem(("id",), what, "give one of the two another id")

    def _expressions(self, draft: _Draft) -> Iterator[Problem]:
        scope = draft.raw.get("for_each")
        name = scope.get("type") if isinstance(scope, dict) else None
        if not isinstance(name, str):
            return
        found = self._catalogue.types.get(name)
        if found is None:
            hint = _nearest(name, self._catalogue.types)
            yield draft.document.problem(("for_each", "type"), f"{name!r} is not an asset type of the catalogue", hint)
            return
        for key in ("when", "clear_when"):
            if isinstance(draft.raw.get(key), str):
                yield from _expression(draft, key, found)

    def _owner(self, draft: _Draft, definition: RuleDefinition) -> Iterator[Problem]:
        if definition.owner not in self._owners:
            what = f"{definition.owner!r} is not an owner of {OWNERS}"
            yield draft.document.problem(("owner",), what, _nearest(definition.owner, self._owners))

    def _silencer(self, draft: _Draft, definition: RuleDefinition) -> Iterator[Problem]:
        if definition.silenced_by is None:
            return
        name = definition.silenced_by.rule
        other = self._first.get(name)
        if other is None:
            hint = _nearest(name, self._first)
            yield draft.document.problem(("silenced_by", "rule"), f"{name!r} is not a rule", hint)
        elif other is draft or (other.definition is not None and other.definition.then.alarm is None):
            what = f"{name!r} cannot silence {definition.id!r}"
            yield draft.document.problem(("silenced_by", "rule"), what, "name another rule that raises an alarm")

    def _want(self, draft: _Draft, definition: RuleDefinition, want: WantEffect) -> Iterator[Problem]:
        owner = self._owners.get(definition.owner)
        granted = {Level.RULE, *(owner.levels if owner else ())}
        if want.level not in granted:
            what = f"level {want.level} is not granted to {definition.owner!r}"
            allowed = ", ".join(str(int(level)) for level in sorted(granted))
            yield draft.document.problem(("then", "want", "level"), what, f"use {allowed}, or a grant in {OWNERS}")
        points = self._points(definition, want)
        if not points and (want.targets != "self" or definition.for_each.type in self._catalogue.types):
            every = {name for entry in self._catalogue.types.values() for name in entry.points}
            what = f"{want.point!r} is not a point of {self._reached(definition, want)}"
            yield draft.document.problem(("then", "want", "point"), what, _nearest(want.point, every))
        for point in points:
            yield from _reachable(draft, want, point)

    def _points(self, definition: RuleDefinition, want: WantEffect) -> list[PointType]:
        types = self._catalogue.types
        reached = [types[definition.for_each.type]] if want.targets == "self" else list(types.values())
        return [entry.points[want.point] for entry in reached if want.point in entry.points]

    def _reached(self, definition: RuleDefinition, want: WantEffect) -> str:
        return definition.for_each.type if want.targets == "self" else "any asset type"


def _expression(draft: _Draft, key: str, asset_type: AssetType) -> Iterator[Problem]:
    text: str = draft.raw[key]
    try:
        tree = parse_expression(text, asset_type.properties)
        if key == "when" and all(isinstance(leaf, Constant) for leaf in leaves(tree)):
            yield draft.document.problem((key,), "never changes", "name a property, as powerConsumption < 2 W")
    except ExpressionError as error:
        where = _Locator(draft.path, draft.document.places[(key,)], text)
        for flaw in error.flaws:
            line, column = where(flaw.offset)
            yield Problem(draft.document.source, line, column, flaw.what, flaw.hint)


def _reachable(draft: _Draft, want: WantEffect, point: PointType) -> Iterator[Problem]:
    value = _value(want, point)
    place = ("then", "want", "value")
    if value is None:
        units = ", ".join(alternatives(point.unit))
        what = f"{want.value!r} is not a value of {want.point}"
        yield draft.document.problem(place, what, f"a number and a unit among {units}")
    elif not point.minimum <= value <= point.maximum:
        what = f"{want.value} is outside the envelope of {want.point}"
        yield draft.document.problem(place, what, f"from {point.minimum:g} to {point.maximum:g} {point.unit}")


def _value(want: WantEffect, point: PointType) -> float | None:
    """The wanted value in the point's unit; None when it is no number, or in no unit of the point's quantity."""
    if not isinstance(want.value, str):
        return convert(Fraction(want.value), "1", point.unit)
    number, _, unit = want.value.strip().partition(" ")
    try:
        exact = exact_number(number)
    except ValueError:
        return None
    return None if exact is None else convert(exact, unit.strip() or "1", point.unit)


def _nearest(name: str, known: Any) -> str:
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"one of: {', '.join(sorted(known)) or 'none'}"


class _Locator:
    """Line and column of each character of a scalar, whatever its YAML style: folding moves spaces, never letters."""

    def __init__(self, path: Path, start: tuple[int, int], text: str) -> None:
        lines = path.read_text(encoding="utf-8").splitlines()[start[0] - 1 :]
        self._text = text
        self._places: list[tuple[int, int]] = []
        first = start[1] - 1
        opening = lines[0][first]
        if opening in "|>":
            lines[0], first = "", 0
        elif opening in "\"'":
            first += 1
        for index, line in enumerate(lines):
            skip = first if index == 0 else 0
            marks = (
                (start[0] + index, column) for column, mark in enumerate(line[skip:], skip + 1) if not mark.isspace()
            )
            self._places.extend(marks)
            if len(self._places) > len(text):
                break

    def __call__(self, offset: int) -> tuple[int, int]:
        letters = sum(not mark.isspace() for mark in self._text[:offset])
        if offset >= len(self._text.rstrip()) and letters:
            line, column = self._places[letters - 1]
            return line, column + 1
        return self._places[letters]
