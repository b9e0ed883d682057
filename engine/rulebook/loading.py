"""Rule files → a rulebook, or every problem of every file at once."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from engine.catalogue import Catalogue
from engine.documents import read_document
from engine.errors import InputError, Problem
from engine.rulebook.checking import Checker
from engine.rulebook.definitions import Owner, Owners, Rulebook
from engine.rulebook.drafts import MAX_PROBLEMS, OWNERS, RULE_FILE, Drafts, coded, read_drafts

__all__ = ["OWNERS", "load_rules"]


def load_rules(folder: Path, catalogue: Catalogue) -> Rulebook:
    """The rules of `<folder>/<domain>/*.yaml`, owned as `<folder>/owners.yaml` says.

    Raises InputError with every problem of every file (of a folder with hundreds, the first ones); nothing
    of the folder is then in service.
    """
    drafts = read_drafts(folder)
    problems = drafts.problems
    owners = _owners(folder / OWNERS, problems)
    if not drafts.rules and not problems:
        problems.append(Problem(str(folder), 0, 0, "holds no rule", "put rule files in <domain>/*.yaml", "shape"))
    checker = Checker(catalogue, owners, drafts)
    for problem in _problems(checker, drafts):
        problems.append(problem)
        if drafts.full:
            problems.append(Problem(str(folder), 0, 0, "has more problems than these", "mend these first", "shape"))
            break
    if problems:
        raise InputError(problems)
    rules = sorted(map(checker.rule, drafts.rules), key=lambda rule: rule.id)
    return Rulebook(tuple(rules), owners)


def _owners(path: Path, problems: list[Problem]) -> Mapping[str, Owner]:
    code = "yaml"
    try:
        document = read_document(path, RULE_FILE)
        code = "shape"
        return document.validate(Owners).owners
    except InputError as error:
        problems.extend(coded(error.problems, code))
        return {}


def _problems(checker: Checker, drafts: Drafts) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for item in drafts.derivations:
        yield from checker.derivation(item, seen)
    for draft in drafts.rules:
        yield from checker.problems(draft)
    yield from _circles(checker, drafts)


def _circles(checker: Checker, drafts: Drafts) -> Iterator[Problem]:
    """Rules that look at each other in a circle, and rules that silence each other."""
    by_id = {draft.id: draft for draft in drafts.rules}
    looks = {draft.id: checker.looks_at(draft) for draft in drafts.rules}
    for trail in islice(circles(looks), MAX_PROBLEMS):
        what = f"looks at itself: {_shown(trail)}"
        yield by_id[trail[0]].problem(("when",), what, "take one of these out", "cycle")
    overs = {draft.id: checker.over(draft) for draft in drafts.rules}
    for trail in islice(circles(overs), MAX_PROBLEMS):
        if len(trail) == 2:
            continue  # has been told
        draft = by_id[trail[0]]
        key = "silenced_by" if "silenced_by" in draft.raw else "blocked_by"
        what = f"keeps itself quiet: {_shown(trail)}"
        yield draft.problem((key, "rule"), what, "take one of these out", "cycle")


def _shown(trail: list[str]) -> str:
    return " → ".join(trail if len(trail) <= 12 else [*trail[:10], "…", trail[-1]])


def circles(edges: Mapping[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """Trails from a name back to itself: one for each circle met on a walk from every name."""
    done: set[str] = set()
    for start in edges:
        trail: dict[str, int] = {}
        ahead = [iter((start,))]
        while ahead:
            name = next(ahead[-1], None)
            if name is None:
                ahead.pop()
                done.update(trail.popitem()[:1] if trail else ())
            elif name in trail:
                yield [*list(trail)[trail[name] :], name]
            elif name not in done:
                trail[name] = len(trail)
                ahead.append(iter(edges.get(name, ())))
