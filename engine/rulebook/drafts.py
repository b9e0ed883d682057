"""Rule files → drafts: each rule by itself, blueprints filled in and tables written out, with every value's place."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from engine.documents import Document, Limits, Loc, read_document
from engine.errors import InputError, Problem
from engine.rulebook.blueprints import Filler, Plan, problems_of
from engine.rulebook.definitions import (
    MAX_RULES,
    Blueprint,
    Derived,
    RuleDefinition,
    RuleFile,
    Table,
)
from engine.rulebook.naming import nearest

SCENARIOS = "*.test.yaml"
OWNERS = "owners.yaml"
_NEIGHBOURS = {
    OWNERS, "orders.yaml", "drought.yaml", "events.yaml", "closures.yaml", "contracts.yaml", "blast.yaml",
    "notify.yaml", "schedules.yaml", "forecasts.yaml",
}  # fmt: skip
"""Files beside the domains that hold no rules."""
RULE_FILE = Limits(bytes=2 * 1024 * 1024, values=60_000, letters=10_000)
MAX_PROBLEMS = 500
_NAMES = re.compile(rb"(?:\b(?:id|fact): *[\"']?|^  )([a-z][a-z0-9_-]{0,63})", re.MULTILINE)
_MOST_LOST = 5_000


@dataclass(slots=True, eq=False)
class Draft:
    """One rule on its way: its part of the file, its definition where the shape is right.

    `name` is the id its author wrote, of the table for a row of one; `above` are the rows that go before it.
    `borrowed` are the keys whose text stands elsewhere, in a blueprint: their columns mean nothing here.
    """

    document: Document
    name: str
    definition: RuleDefinition | None = None
    above: tuple["Draft", ...] = ()
    borrowed: frozenset[str] = frozenset()

    @property
    def raw(self) -> dict[str, Any]:
        return self.document.data if isinstance(self.document.data, dict) else {}

    @property
    def id(self) -> str:
        return str(self.raw.get("id", ""))

    @property
    def origin(self) -> tuple[object, ...]:
        """Where its author wrote it: the same for all rows of a table."""
        return self.document.source, self.document.places.get(())

    def problem(self, loc: Loc, what: str, hint: str, code: str) -> Problem:
        return self.document.problem(loc, what, hint, code)


@dataclass(slots=True)
class Derivation:
    """A quantity with a name, for the rules of one asset type."""

    document: Document
    name: str
    derived: Derived


@dataclass(slots=True)
class Drafts:
    """Every rule of a folder, its quantities, and what is wrong so far.

    `lost` are the ids, facts and blueprints that files seem to name that are no YAML: these are not called unknown.
    """

    rules: list[Draft] = field(default_factory=list)
    derivations: list[Derivation] = field(default_factory=list)
    plans: dict[str, Plan] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)

    @property
    def full(self) -> bool:
        """Whether so much is wrong that no more is looked at."""
        return len(self.problems) > MAX_PROBLEMS

    @property
    def derived(self) -> dict[str, dict[str, str]]:
        """Asset type → quantity → what it is."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for item in self.derivations:
            found[item.derived.type].setdefault(item.name, item.derived.is_)
        return found


def read_drafts(folder: Path) -> Drafts:
    """The rules of `<folder>/<domain>/*.yaml`, scenario files left out."""
    found = Drafts()
    found.problems.extend(_misplaced(folder))
    paths = [path for path in sorted(folder.glob("*/*.yaml")) if not path.match(SCENARIOS)]
    documents = [document for path in paths if (document := _read(path, found)) is not None]
    parts = [_parts(document) for document in documents]
    for document, places in zip(documents, parts, strict=True):
        _blueprints(document, places, found)
        _derivations(document, places, found)
    for document, places in zip(documents, parts, strict=True):
        _rules(document, places, found)
    return found


def coded(problems: Iterable[Problem], code: str) -> list[Problem]:
    """The problems under a code, but for those that have one, and each with a hint."""
    return [replace(found, code=found.code or code, hint=found.hint or "see docs/rules.md") for found in problems]


def _misplaced(folder: Path) -> Iterator[Problem]:
    """Files that look like rules and would be passed over."""
    for path in sorted((*folder.glob("*/*.yml"), *folder.glob("*.yml"), *folder.glob("*.yaml"))):
        if path.parent != folder or path.name not in _NEIGHBOURS:
            hint = f"name it <domain>/{path.stem}.yaml"
            yield Problem(str(path), 0, 0, "is not looked at", hint, "shape")


def _read(path: Path, found: Drafts) -> Document | None:
    """A file of rules, whose shape may be wrong."""
    try:
        document = read_document(path, RULE_FILE)
    except InputError as error:
        found.problems.extend(coded(error.problems, "yaml"))
        found.lost.update(_names_in(path))
        return None
    try:
        document.validate(RuleFile)
    except InputError as error:
        found.problems.extend(coded(error.problems, "shape"))
    return document


def _names_in(path: Path) -> Iterator[str]:
    """What a file that cannot be read as YAML seems to name."""
    try:
        if not path.is_file():
            return
        with path.open("rb") as file:
            raw = file.read(RULE_FILE.bytes)
    except OSError:
        return
    for found in islice(_NAMES.finditer(raw), _MOST_LOST):
        name = found[1].decode("ascii")
        yield from {name, name.replace("_", "-")}


_Places = dict[str, dict[Any, dict[Loc, tuple[int, int]]]]


def _parts(document: Document) -> _Places:
    """The places of the values in each part of a file, from the part's own root."""
    parts: _Places = defaultdict(lambda: defaultdict(dict))
    for loc, place in document.places.items():
        if len(loc) >= 2:
            parts[str(loc[0])][loc[1]][loc[2:]] = place
    return parts


def _items(document: Document, key: str, places: _Places) -> Iterator[tuple[Any, Document]]:
    """The entries under a key of a file, each as a document of its own."""
    held = document.data.get(key) if isinstance(document.data, dict) else None
    pairs = held.items() if isinstance(held, dict) else enumerate(held) if isinstance(held, list) else ()
    for name, item in pairs:
        yield name, replace(document, data=item, places=places[key][name])


def _blueprints(document: Document, places: _Places, found: Drafts) -> None:
    for name, part in _items(document, "blueprints", places):
        plan = Plan(part)
        try:
            plan.blueprint = part.validate(Blueprint)
        except InputError as error:
            found.problems.extend(coded(error.problems, "shape"))
        problems = list(problems_of(plan))
        if problems:
            plan.blueprint = None
        if name in found.plans:
            first = found.plans[name].document
            what = f"the blueprint {name!r} stands twice, first at {first.source}:{first.places[()][0]}"
            problems.append(part.problem((), what, "give one of the two another name", "duplicate"))
        found.plans.setdefault(name, plan)
        found.problems.extend(problems)


def _derivations(document: Document, places: _Places, found: Drafts) -> None:
    for name, part in _items(document, "derive", places):
        try:
            derived = part.validate(Derived)
        except InputError as error:
            found.problems.extend(coded(error.problems, "shape"))
            continue
        found.derivations.append(Derivation(part, str(name), derived))


def _rules(document: Document, places: _Places, found: Drafts) -> None:
    filler = Filler(found.plans)
    first = len(found.rules)
    items = list(_items(document, "rules", places))
    for _, part in items if len(items) <= MAX_RULES else ():
        found.rules.extend(_drafts(part, filler, found))
        if len(found.rules) - first > MAX_RULES:
            what = f"is rule {MAX_RULES + 1} of its file, rows of tables counted"
            found.problems.append(part.problem((), what, "split the file", "shape"))
            return
        if found.full:
            return


def _drafts(part: Document, filler: Filler, found: Drafts) -> list[Draft]:
    """A rule, or the rows of its table; those whose shape is right have a definition."""
    name = str(part.data.get("id", "")) if isinstance(part.data, dict) else ""
    drafts = [Draft(part, name)]
    try:
        draft = _filled(part, name, filler, found)
        drafts = [draft]
        if "table" in draft.raw:
            drafts = list(_rows(draft))
        elif "." in name:
            raise InputError([part.problem(("id",), "a point in an id is for the rows of a table", "use -", "shape")])
        elif "use" in draft.raw:
            return drafts  # the flaws of its blueprint are told there
    except InputError as error:
        found.problems.extend(coded(error.problems, "shape"))
        return drafts
    for draft in drafts:
        try:
            draft.definition = draft.document.validate(RuleDefinition)
        except InputError as error:
            found.problems.extend(coded(error.problems, "shape"))
    return drafts


def _filled(part: Document, name: str, filler: Filler, found: Drafts) -> Draft:
    """The rule with its blueprint's holes filled. What the rule itself says goes before what the blueprint does."""
    item = part.data
    if not isinstance(item, dict) or "use" not in item:
        return Draft(part, name)
    plan = filler.plans.get(str(item["use"]))
    if plan is None and str(item["use"]) not in found.lost:
        what = f"{item['use']!r} is not a blueprint"
        raise InputError([part.problem(("use",), what, nearest(str(item["use"]), filler.plans), "reference")])
    if plan is None or plan.blueprint is None:
        return Draft(part, name)
    body = filler.filled(part, plan.blueprint)
    own = {key: value for key, value in item.items() if key not in {"use", "with"}}
    place = part.places.get(("use",), (1, 1))
    places = dict.fromkeys(((key,) for key in body if key not in own), place) | part.places
    data = body | own
    return Draft(
        replace(part, data=data, places=places), str(data.get("id", "")), borrowed=frozenset(body.keys() - own)
    )


def _rows(draft: Draft) -> Iterator[Draft]:
    """A rule with a table, as one rule a row: `id.1`, `id.2`, …"""
    document = draft.document
    both = {"when", "then"} & set(draft.raw)
    if both:
        what = f"{min(both)} stands beside a table"
        raise InputError([document.problem((min(both),), what, "a table's rows say when and then", "shape")])
    inside = {loc[1:]: place for loc, place in document.places.items() if loc[:1] == ("table",)}
    table = replace(document, data=draft.raw["table"], places=inside).validate(Table)
    below: dict[Any, dict[Loc, tuple[int, int]]] = defaultdict(dict)
    for loc, place in inside.items():
        if len(loc) > 2 and loc[0] == "rows":
            below[loc[1]][loc[2:]] = place
    shared = {key: value for key, value in draft.raw.items() if key != "table"}
    around = {loc: place for loc, place in document.places.items() if loc[:1] != ("table",)}
    borrowed = draft.borrowed | ({"when", "then"} if "table" in draft.borrowed else set())
    above: list[Draft] = []
    for number, row in enumerate(draft.raw["table"]["rows"]):
        data = shared | row | ({"id": f"{draft.id}.{number + 1}"} if "id" in shared else {})
        part = replace(document, data=data, places=around | below[number])
        found = Draft(part, draft.name, above=tuple(above), borrowed=borrowed)
        if table.hits == "first":
            above.append(found)
        yield found
