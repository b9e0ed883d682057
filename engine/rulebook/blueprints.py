"""Blueprints: rules with holes, and the filling of them. A parameter is a word or a number, never more of a text."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from engine.documents import Document, Key, Loc, shown
from engine.errors import InputError, Problem
from engine.rulebook.definitions import Blueprint
from engine.rulebook.naming import listed
from engine.rulebook.syntax import KEYWORDS, MAX_LENGTH, UNIT

MAX_VALUES = 300
MAX_FILLED = 4_000_000
_LONGEST_FILLING = 64
_HOLE = re.compile(r"\$([a-z][a-z0-9_]*)")
_WORD = r"[^\W\d]\w*(?:-\w+)*(?:\.[0-9]+)?"
_NUMBER = rf"-?[0-9]+(?:\.[0-9]+)?(?:\s*{UNIT})?"
_FILLING = re.compile(rf"{_WORD}|{_NUMBER}")


@dataclass(slots=True)
class Plan:
    """A blueprint and its part of the file; `blueprint` is None where it has a flaw of its own."""

    document: Document
    blueprint: Blueprint | None = None


@dataclass(slots=True)
class Filler:
    """Fills the holes of blueprints, up to a total length: no small file grows without bound."""

    plans: Mapping[str, Plan]
    _letters: int = field(default=0)

    def filled(self, part: Document, plan: Blueprint) -> dict[str, Any]:
        """The blueprint's rule with the parameters of a rule that uses it. Raises InputError."""
        fillings = _fillings(part, plan)
        return {key: self._fill(value, fillings, part) for key, value in plan.rule.items()}

    def _fill(self, value: Any, fillings: Mapping[str, Any], part: Document) -> Any:
        if isinstance(value, Mapping):
            return {key: self._fill(inner, fillings, part) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._fill(inner, fillings, part) for inner in value]
        if not isinstance(value, str) or "$" not in value:
            return value
        whole = _HOLE.fullmatch(value)
        if whole:
            return fillings[whole[1]]
        text = _HOLE.sub(lambda hole: _text(fillings[hole[1]]), value)
        self._letters += len(text)
        if len(text) > MAX_LENGTH or self._letters > MAX_FILLED:
            what = f"the blueprint grows longer than {MAX_LENGTH} characters"
            raise InputError([part.problem(("use",), what, "write the rule out", "shape")])
        return text


def problems_of(plan: Plan) -> Iterator[Problem]:
    """What is wrong with a blueprint before anybody uses it."""
    blueprint, document = plan.blueprint, plan.document
    if blueprint is None:
        return
    if any(True for _ in islice(_texts(blueprint.rule, ()), MAX_VALUES, None)):
        yield document.problem(("rule",), f"holds more than {MAX_VALUES} values", "write it shorter", "shape")
        return
    holes: set[str] = set()
    for loc, text in _texts(blueprint.rule, ("rule",)):
        found = _HOLE.findall(text) if isinstance(text, str) else []
        holes.update(found)
        if found and loc[-1] == text:
            yield document.problem(loc, f"the key {text!r} has a hole", "holes are in values only", "shape")
        else:
            yield from _holes(plan.document, blueprint, loc, found, text)
    for name in sorted({"use", "with"} & set(blueprint.rule)):
        yield document.problem(("rule", name), "a blueprint uses no other", "write it out", "shape")
    for name, default in blueprint.parameters.items():
        if name not in holes:
            yield document.problem(("parameters", name), f"${name} stands nowhere in the rule", "remove it", "shape")
        elif default != "" and not _fits(default):
            what = f"{shown(default)} cannot fill ${name}"
            yield document.problem(("parameters", name), what, "a word, or a number with its unit", "shape")


def _holes(document: Document, blueprint: Blueprint, loc: Loc, found: list[str], text: str) -> Iterator[Problem]:
    for name in dict.fromkeys(found):
        if name not in blueprint.parameters:
            hint = f"add it to parameters, or one of: {listed(blueprint.parameters)}"
            yield document.problem(loc, f"${name} is not a parameter of this blueprint", hint, "shape")
    if found and len(text) > MAX_LENGTH:
        yield document.problem(loc, f"is longer than {MAX_LENGTH} characters", "shorten it", "shape")


def _fillings(part: Document, plan: Blueprint) -> dict[str, Any]:
    given = part.data.get("with", {})
    if not isinstance(given, dict):
        raise InputError([part.problem(("with",), "with wants its parameters by name", "as {after: 6h}", "shape")])
    known = listed(plan.parameters)
    problems = [
        part.problem(("with", name), f"{name!r} is not a parameter of {part.data['use']}", f"one of: {known}", "shape")
        for name in given
        if name not in plan.parameters
    ]
    filled = {name: given.get(name, default) for name, default in plan.parameters.items()}
    for name, value in filled.items():
        if value == "" or value is None:
            what = f"the parameter {name!r} is missing"
            problems.append(part.problem(("with", name), what, f"add it: with: {{{name}: …}}", "shape"))
        elif not _fits(value):
            what = f"{shown(value)} cannot fill ${name}"
            problems.append(part.problem(("with", name), what, "a word, or a number with its unit", "shape"))
    if problems:
        raise InputError(problems)
    return filled


def _fits(value: object) -> bool:
    """Whether it is one word or number: what it is put into keeps its meaning."""
    text = _text(value)
    return len(text) <= _LONGEST_FILLING and text not in KEYWORDS and _FILLING.fullmatch(text) is not None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(value: object, loc: Loc) -> Iterator[tuple[Loc, Any]]:
    """Every value, and every key, each with its place."""
    items: Iterator[tuple[Key, Any]]
    if isinstance(value, Mapping):
        items = iter(value.items())
        yield from (((*loc, key), key) for key in value)
    elif isinstance(value, list):
        items = iter(enumerate(value))
    else:
        yield loc, value
        return
    for key, inner in items:
        yield from _texts(inner, (*loc, key))
