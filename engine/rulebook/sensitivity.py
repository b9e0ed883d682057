"""Whether scenarios hold the numbers of a rule: each is moved both ways, and some scenario has to break.

Moved by the larger of 5 % and one unit of the last digit its author wrote; what counts something by whole numbers, a
time of day by a minute. A number whose move the checks of rule files refuse is held by those.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from engine.documents import Loc, read_document
from engine.errors import InputError
from engine.rulebook.definitions import Rule, Rulebook
from engine.rulebook.drafts import SCENARIOS
from engine.rulebook.loading import OWNERS, load_rules
from engine.rulebook.scenarios import Scenario, Stage, around, play
from engine.rulebook.scenarios.numbers import Written, numbers_of

SHARE = Decimal("0.05")


@dataclass(frozen=True)
class Number:
    """A number an author wrote, and the rules it is part of."""

    path: Path
    loc: Loc
    written: Written
    rules: tuple[str, ...]

    @property
    def moves(self) -> tuple[str, str]:
        """The number a little smaller, and a little larger."""
        text = self.written.text
        if ":" in text:
            hour, minute = map(int, text.split(":"))
            return _clock(hour * 60 + minute - 1), _clock(hour * 60 + minute + 1)
        value = Decimal(text)
        digit = Decimal(1).scaleb(int(value.as_tuple().exponent))
        share = abs(value) * SHARE
        step = max(share.to_integral_value(ROUND_FLOOR) if self.written.whole else share, digit)
        return _plain(value - step), _plain(value + step)


@dataclass(frozen=True)
class Survivor:
    """A number that was moved and no scenario noticed. `place` is file:line:col."""

    place: str
    number: Number
    moved: str


class Sensitivity:
    """The numbers of a folder of rules, and the scenarios that hold them. These are wanted to pass as they are."""

    def __init__(self, folder: Path, rulebook: Rulebook, scenarios: Sequence[Scenario], stage: Stage) -> None:
        self._folder = folder
        self._rulebook = rulebook
        self._scenarios = scenarios
        self._stage = stage
        files = [path for path in sorted(folder.glob("*/*.yaml")) if not path.match(SCENARIOS)]
        self._documents = {path: read_document(path) for path in files}

    @cached_property
    def numbers(self) -> tuple[Number, ...]:
        """Every number, once; one in a blueprint or a derived quantity belongs to all rules that use it."""
        parts = [part for path in self._documents for part in self._parts(path)]
        return tuple(
            Number(path, (*root, *loc), written, rules)
            for path, root, item, rules in parts
            for loc, written in numbers_of(item)
            if rules
        )

    def survivors(self, numbers: Iterable[Number]) -> Iterator[Survivor]:
        """The moves of these numbers that no scenario notices."""
        for number in numbers:
            for moved in number.moves:
                if not self._held(number, moved):
                    yield Survivor(self._place(number), number, moved)

    # what holds a number

    def _held(self, number: Number, moved: str) -> bool:
        """Whether a scenario of its rules breaks, or the file would not load."""
        try:
            book = self._with(number, moved)
        except InputError:
            return True
        return any(not play(scenario, book, self._stage).passed for scenario in self._about(number.rules))

    def _about(self, rules: tuple[str, ...]) -> Iterator[Scenario]:
        """The scenarios that test some of the rules, as if they tested no other."""
        for scenario in self._scenarios:
            tested = tuple(rule for rule in scenario.rules if rule in rules)
            if tested:
                expected = tuple(one for one in scenario.expected if one.rule in tested)
                looks = tuple(one for one in scenario.glances if one.rule in tested)
                yield replace(scenario, rules=tested, expected=expected, glances=looks)

    def _with(self, number: Number, moved: str) -> Rulebook:
        """The rules of a number and those around them, the number moved. Raises InputError."""
        needed = {_author_id(rule) for rule in around(self._rulebook, number.rules).rules}
        with TemporaryDirectory(prefix="consigne-") as name:
            folder = Path(name)
            (folder / OWNERS).write_bytes((self._folder / OWNERS).read_bytes())
            for path, document in self._documents.items():
                data = _with_moved(document.data, number, moved) if path == number.path else document.data
                kept = {**data, "rules": [item for item in data.get("rules", ()) if item["id"] in needed]}
                if kept["rules"] or "blueprints" in data:
                    target = folder / path.relative_to(self._folder)
                    target.parent.mkdir(exist_ok=True)
                    target.write_bytes(orjson.dumps(kept))
            return load_rules(folder, self._stage.catalogue)

    # where numbers stand

    def _parts(self, path: Path) -> Iterator[tuple[Path, Loc, Mapping[str, Any], tuple[str, ...]]]:
        """The parts of a file that hold numbers, each with the rules it belongs to."""
        data = self._documents[path].data
        for number, item in enumerate(data.get("rules", ())):
            yield path, ("rules", number), item, self._rows(item["id"])
        for name, plan in data.get("blueprints", {}).items():
            users = [item["id"] for item in self._items() if item.get("use") == name]
            yield path, ("blueprints", name), plan, tuple(row for user in users for row in self._rows(user))
        for name, derived in data.get("derive", {}).items():
            users = [rule.id for rule in self._rulebook.rules if self._uses(rule, name, derived["type"])]
            yield path, ("derive", name), derived, tuple(users)

    def _items(self) -> Iterator[Mapping[str, Any]]:
        for document in self._documents.values():
            yield from document.data.get("rules", ())

    def _rows(self, name: str) -> tuple[str, ...]:
        """The rules of an id as its author wrote it: itself, or the rows of its table."""
        return tuple(rule.id for rule in self._rulebook.rules if _author_id(rule) == name)

    def _uses(self, rule: Rule, name: str, asset_type: str) -> bool:
        """Whether a rule's expressions name a derived quantity, or one that is derived from it."""
        if rule.definition.for_each.type != asset_type:
            return False
        want = rule.definition.then.want
        texts = [rule.definition.when, rule.definition.clear_when or "", str(want.value) if want else ""]
        above = self._derived_from(name, asset_type)
        return any(re.search(rf"\b{one}\b", text) for one in {name, *above} for text in texts)

    def _derived_from(self, name: str, asset_type: str) -> Iterator[str]:
        for document in self._documents.values():
            for other, derived in document.data.get("derive", {}).items():
                if derived["type"] == asset_type and re.search(rf"\b{name}\b", derived["is"]):
                    yield other
                    yield from self._derived_from(other, asset_type)

    def _place(self, number: Number) -> str:
        """Where a number stands; of a text over several lines, where the text begins."""
        line, column = self._documents[number.path].places[number.loc]
        row = number.path.read_text(encoding="utf-8").splitlines()[line - 1]
        there = row.find(number.written.text, column - 1 + number.written.start)
        return f"{number.path}:{line}:{there + 1 if there >= 0 else column}"


def _with_moved(data: dict[str, Any], number: Number, moved: str) -> dict[str, Any]:
    """A file's data with one number replaced."""
    changed = deepcopy(data)
    inside: Any = changed
    for key in number.loc[:-1]:
        inside = inside[key]
    inside[number.loc[-1]] = number.written.replaced(inside[number.loc[-1]], moved)
    return changed


def _author_id(rule: Rule) -> str:
    return rule.id.partition(".")[0]


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _clock(minutes: int) -> str:
    hour, minute = divmod(minutes % 1440, 60)
    return f"{hour:02}:{minute:02}"
