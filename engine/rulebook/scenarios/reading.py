"""Scenario files → scenarios, or every problem of every file at once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.catalogue import Catalogue
from engine.documents import Document, Loc, read_document
from engine.errors import InputError, Problem
from engine.instants import parse_instant
from engine.model import Asset
from engine.rulebook.definitions import Rulebook
from engine.rulebook.drafts import SCENARIOS, coded
from engine.rulebook.naming import nearest
from engine.rulebook.roster import TERRITORY
from engine.rulebook.scenarios.definitions import ANGERS, ScenarioEntry, ScenarioFile
from engine.rulebook.scenarios.expecting import expected, glances
from engine.rulebook.scenarios.measuring import turns
from engine.rulebook.scenarios.notation import parse_at
from engine.rulebook.scenarios.story import Scenario
from engine.rulebook.scenarios.telling import Complaints, Told

_SHARED = ("start", "every", "assets", "zones")


def read_scenarios(path: Path, rulebook: Rulebook, catalogue: Catalogue) -> tuple[Scenario, ...]:
    """The scenarios of all `*.test.yaml` of a folder of rules, of one domain's, or of one file; in their order.

    Raises InputError with every problem of every file.
    """
    files = [path] if path.is_file() else sorted([*path.glob(SCENARIOS), *path.glob(f"*/{SCENARIOS}")])
    problems: list[Problem] = []
    found = [scenario for file in files for scenario in _file(file, rulebook, catalogue, problems)]
    if problems:
        raise InputError(problems)
    return tuple(found)


def _file(path: Path, rulebook: Rulebook, catalogue: Catalogue, problems: list[Problem]) -> Iterator[Scenario]:
    try:
        document = read_document(path)
        document.validate(ScenarioFile)
    except InputError as error:
        problems.extend(coded(error.problems, "shape"))
        return
    names: dict[str, int] = {}
    for part in _parts(document):
        try:
            entry = part.validate(ScenarioEntry)
        except InputError as error:
            problems.extend(coded(error.problems, "shape"))
            continue
        line, _ = part.places.get(("name",), (1, 1))
        if names.setdefault(entry.name, line) != line:
            what = f"the name stands twice, first on line {names[entry.name]}"
            problems.append(part.problem(("name",), what, "give one of the two another", "duplicate"))
        complaints = Complaints(part)
        scenario = _scenario(entry, rulebook, catalogue, complaints)
        problems.extend(complaints.problems)
        if scenario is not None:
            yield scenario


def _parts(document: Document) -> Iterator[Document]:
    """Each scenario as a document of its own, with what the file says for all of them."""
    shared = {key: document.data[key] for key in _SHARED if key in document.data}
    places: dict[int, dict[Loc, tuple[int, int]]] = defaultdict(dict)
    for loc, place in document.places.items():
        if loc[:1] == ("scenarios",) and len(loc) > 1:
            places[loc[1]][loc[2:]] = place  # type: ignore[index]
    above = {loc: place for loc, place in document.places.items() if loc and loc[0] in shared}
    for number, item in enumerate(document.data["scenarios"]):
        data = _merged(shared, item) if isinstance(item, dict) else item
        yield Document(document.source, data, above | places[number])


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    both = {key: {**shared[key], **own[key]} for key in ("assets", "zones") if _maps(shared.get(key), own.get(key))}
    return {**shared, **own, **both}


def _maps(*values: object) -> bool:
    return all(isinstance(value, dict) for value in values)


def _scenario(
    entry: ScenarioEntry, rulebook: Rulebook, catalogue: Catalogue, complaints: Complaints
) -> Scenario | None:  # fmt: skip
    span = _span(entry, complaints)
    rules = _rules(entry.rules, rulebook, complaints)
    assets = _assets(entry, catalogue, complaints)
    if span is None:
        return None
    told = Told(*span, assets, catalogue, complaints)
    communes = {zone: entry.zones.get(zone, ANGERS) for zone in sorted({asset.zone for asset in assets.values()})}
    places = {*communes, *communes.values(), TERRITORY}
    happenings = tuple(expected(entry, told, rules, places))
    looks = tuple(glances(entry, told, rulebook, places))
    played = turns(entry, told, {glance.at for glance in looks})
    if complaints.problems:
        return None
    line, column = complaints.document.places.get(("name",), (1, 1))
    place = f"{complaints.document.source}:{line}:{column}"
    return Scenario(place, entry.name, rules, *span, tuple(assets.values()), communes, played, happenings, looks)


def _span(entry: ScenarioEntry, complaints: Complaints) -> tuple[datetime, datetime] | None:
    """The first and the last instant."""
    start = complaints.read(("start",), parse_instant, entry.start)
    until = None if start is None else complaints.read(("until",), parse_at, entry.until, start)
    if start is None or until is None:
        return None
    if until < start:
        complaints.add(("until",), "comes before the start", "write a later one", "argument")
        return None
    return start, until


def _rules(names: Sequence[str], rulebook: Rulebook, complaints: Complaints) -> tuple[str, ...]:
    """The ids under test; a table's name stands for its rows."""
    known: dict[str, list[str]] = defaultdict(list)
    for rule in rulebook.rules:
        for name in {rule.id, rule.id.partition(".")[0]}:
            known[name].append(rule.id)
    for number, name in enumerate(names):
        if name not in known:
            complaints.add(("rules", number), f"{name!r} is not a rule", nearest(name, known), "reference")
    return tuple(dict.fromkeys(rule for name in names for rule in known.get(name, ())))


def _assets(entry: ScenarioEntry, catalogue: Catalogue, complaints: Complaints) -> dict[str, Asset]:
    for name, asset in entry.assets.items():
        if asset.type not in catalogue.types:
            hint = nearest(asset.type, catalogue.types)
            complaints.add(("assets", name, "type"), f"{asset.type!r} is not an asset type", hint, "name")
        parent = entry.assets.get(asset.parent or "")
        if asset.parent is not None and (parent is None or parent.zone != asset.zone):
            what = f"the parent {asset.parent!r} is not an asset of zone {asset.zone}"
            complaints.add(("assets", name, "parent"), what, nearest(asset.parent, entry.assets), "reference")
    return {
        name: Asset(
            name, a.type, a.zone, a.lon, a.lat, a.parent, None, {**a.attributes, **({"tags": a.tags} if a.tags else {})}
        )
        for name, a in entry.assets.items()
    }
