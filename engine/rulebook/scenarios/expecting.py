"""What a scenario expects: happenings of the rules under test, and glances into conditions."""

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from fractions import Fraction

from engine.documents import Loc
from engine.model import Truth
from engine.rulebook.definitions import Rulebook
from engine.rulebook.naming import nearest
from engine.rulebook.scenarios.definitions import KINDS, Expectation, ScenarioEntry
from engine.rulebook.scenarios.notation import parse_offset
from engine.rulebook.scenarios.story import Glance, Happening, Kind
from engine.rulebook.scenarios.telling import Told

MOST = 10_000  # of one expectation
_SAID = {Kind.EDGE: ("true", "false"), Kind.ALARM: ("raised", "suppressed", "cleared")}
_WORDS = {
    Kind.EDGE: "RULE SUBJECT true or false",
    Kind.ALARM: "RULE SUBJECT raised, suppressed or cleared",
    Kind.REPLAN: "RULE SUBJECT DOMAIN",
    Kind.WORK_ORDER: "RULE SUBJECT",
}
_WANT = re.compile(r"(\S+) (\S+/\S+) (-?\d+(?:\.\d+)?)(?: ?(?!for\b)(\S+))?(?: for (.+))?")
_TRUTHS = {True: Truth.TRUE, False: Truth.FALSE, "unknown": Truth.UNKNOWN}


def expected(
    entry: ScenarioEntry, told: Told, rules: Collection[str], places: Collection[str]
) -> Iterator[Happening]:  # fmt: skip
    """Every happening that is expected, in the order written."""
    subjects = {*told.assets, *places}
    for number, expectation in enumerate(entry.expect):
        for kind in map(Kind, KINDS):
            text = getattr(expectation, kind)
            if text is None:
                continue
            loc: Loc = ("expect", number, str(kind))
            found = _want(text, loc, told) if kind is Kind.WANT else _happening(kind, text, loc, told, subjects)
            if found is not None and found.rule not in rules:
                what = f"{found.rule!r} is not a rule under test"
                told.complaints.add(loc, what, nearest(found.rule, rules), "reference")
            for at in _instants(expectation, number, told):
                if found is not None:
                    yield found._replace(at=at)


def _instants(expectation: Expectation, number: int, told: Told) -> list[datetime]:
    first = told.at(("expect", number, "at"), expectation.at)
    if first is None or expectation.every is None or expectation.until is None:
        return [] if first is None else [first]
    last = told.at(("expect", number, "until"), expectation.until)
    count = 0 if last is None else (last - first) // expectation.every + 1
    if count > MOST:
        told.complaints.add(("expect", number, "every"), f"is {count} times", f"at most {MOST}", "range")
    return [first + k * expectation.every for k in range(min(count, MOST))]


def _happening(kind: Kind, text: str, loc: Loc, told: Told, subjects: Collection[str]) -> Happening | None:
    words = text.split()
    if len(words) != (2 if kind is Kind.WORK_ORDER else 3):
        told.complaints.add(loc, f"{text!r} is not a {kind}", f"write {_WORDS[kind]}", "shape")
        return None
    rule, subject, said = (*words, "")[:3]
    if subject not in subjects:
        told.complaints.add(loc, f"{subject!r} is no subject here", nearest(subject, subjects), "reference")
    if said not in _SAID.get(kind, (said,)):
        told.complaints.add(loc, f"{said!r} is nothing that an {kind} becomes", nearest(said, _SAID[kind]), "name")
    return Happening(told.start, kind, rule, subject, said)


def _want(text: str, loc: Loc, told: Told) -> Happening | None:
    match = _WANT.fullmatch(text.strip())
    if match is None:
        hint = "write RULE ASSET/POINT VALUE UNIT, perhaps for 15min"
        told.complaints.add(loc, f"{text!r} is not a want", hint, "shape")
        return None
    rule, name, number, unit, length = match.groups()
    point = told.point(loc, name)
    value = told.in_unit(loc, Fraction(number), unit or "", point.unit) if point else None
    lasts = told.complaints.read(loc, parse_offset, length) if length else None
    if point is None or value is None:
        return None
    return Happening(told.start, Kind.WANT, rule, name, "", value, lasts, point.unit)


def glances(entry: ScenarioEntry, told: Told, rulebook: Rulebook, places: Collection[str]) -> Iterator[Glance]:
    """Every look into a condition, in the order written."""
    subjects = {*told.assets, *places}
    for number, glance in enumerate(entry.trace):
        loc: Loc = ("trace", number, "rule")
        rule, _, subject = glance.rule.partition(" ")
        if rule not in rulebook.by_id:
            told.complaints.add(loc, f"{rule!r} is not a rule", nearest(rule, rulebook.by_id), "reference")
        if subject not in subjects:
            told.complaints.add(loc, f"{subject!r} is no subject here", nearest(subject, subjects), "reference")
        at = told.at(("trace", number, "at"), glance.at)
        if at is not None:
            yield Glance(at, rule, subject, _TRUTHS[glance.truth], glance.because)
