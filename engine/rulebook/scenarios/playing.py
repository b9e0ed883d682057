"""Scenarios played: what was expected and did not happen, and what happened and was not expected."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isclose
from operator import itemgetter
from typing import Protocol

import polars as pl

from engine.catalogue import Catalogue
from engine.model import Asset, Truth
from engine.rulebook.almanac import Almanac
from engine.rulebook.decisions import AlarmChange, Asking, Decisions, Request
from engine.rulebook.definitions import Rulebook
from engine.rulebook.plain import PlainEngine
from engine.rulebook.roster import Roster
from engine.rulebook.scenarios.deciding import deciding
from engine.rulebook.scenarios.story import Glance, Happening, Kind, Scenario


class Engine(Protocol):
    """Any evaluator of the language."""

    def step(self, readings: pl.DataFrame, now: datetime) -> Decisions: ...


class MakeEngine(Protocol):
    """How an evaluator is made."""

    def __call__(
        self, rulebook: Rulebook, catalogue: Catalogue, assets: Sequence[Asset], almanac: Almanac,
        communes: Mapping[str, str],
    ) -> Engine: ...  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """Where scenarios are played."""

    catalogue: Catalogue
    almanac: Almanac
    make_engine: MakeEngine = PlainEngine


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario. `misread` are glances with what was there instead.

    `rose` are the rules under test that rose, `silent` those that spoke of an asset of it and did not.
    """

    scenario: Scenario
    missing: tuple[Happening, ...]
    extra: tuple[Happening, ...]
    misread: tuple[tuple[Glance, str], ...]
    rose: frozenset[str]
    silent: frozenset[str]

    @property
    def passed(self) -> bool:
        return not (self.missing or self.extra or self.misread)

    def differences(self) -> list[tuple[bool, str]]:
        """What was expected (True) and not found, and found (False) and not expected, in order of time."""
        pairs = [(one.at, True, one.text) for one in self.missing] + [(one.at, False, one.text) for one in self.extra]
        for glance, instead in self.misread:
            because = f", because {glance.because}" if glance.because else ""
            trace = f"trace: {glance.rule} {glance.subject}"
            pairs.append((glance.at, True, f"{trace} is {glance.truth.name.lower()}{because}"))
            pairs.append((glance.at, False, f"{trace} is {instead}"))
        return [(wanted, f"{self.scenario.when(at)}  {text}") for at, wanted, text in sorted(pairs, key=itemgetter(0))]


def play(scenario: Scenario, rulebook: Rulebook, stage: Stage) -> Outcome:
    """One scenario, with the rules under test and all that they look at."""
    book = around(rulebook, scenario.rules)
    engine = stage.make_engine(book, stage.catalogue, scenario.assets, stage.almanac, scenario.communes)
    types = {asset.id: asset.type for asset in scenario.assets}
    found = [
        happening
        for turn in scenario.turns
        for happening in happenings(engine.step(turn.readings, turn.now), turn.now, stage.catalogue, types)
        if happening.rule in {*scenario.rules, ""}
    ]
    missing, extra = compared(scenario.expected, found)
    rose = frozenset(one.rule for one in found if one.kind is Kind.EDGE and one.said == "true")
    silent = frozenset(_speaking(scenario, book)) - rose
    misread = tuple(_misread(scenario, rulebook, stage)) if scenario.glances else ()
    return Outcome(scenario, tuple(missing), tuple(extra), misread, rose, silent)


def around(rulebook: Rulebook, names: Iterable[str]) -> Rulebook:
    """The rules named, and those they look at or that stand over them, and so on."""
    kept: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept[name] = None
            rule = rulebook.rule(name)
            waiting += [*rule.looks_at, *rule.over]
    return Rulebook(tuple(rule for rule in rulebook.rules if rule.id in kept), rulebook.owners)


def happenings(
    decisions: Decisions, now: datetime, catalogue: Catalogue, types: Mapping[str, str]
) -> Iterator[Happening]:  # fmt: skip
    """What a step up to `now` decided, one by one; `types` names each asset's type."""
    for edge in decisions.edges:
        yield Happening(edge.at, Kind.EDGE, edge.rule, edge.asset, edge.truth.name.lower())
    for change in decisions.alarms:
        yield Happening(change.at, Kind.ALARM, change.rule, change.asset, alarm_state(change))
    for want in decisions.wants:
        asset, _, name = want.point.partition("/")
        unit, lasts = catalogue.point(types[asset], name).unit, want.until_at - want.start_at
        yield Happening(want.start_at, Kind.WANT, want.rule, want.point, "", want.value, lasts, unit)
    yield from map(_asked, decisions.requests)
    for fault in decisions.faults:
        yield Happening(now, Kind.FAULT, fault.rule, fault.asset, fault.error)


def alarm_state(change: AlarmChange) -> str:
    """How an alarm stands after a change: cleared, suppressed or raised."""
    if not change.raised:
        return "cleared"
    return "suppressed" if change.suppressed else "raised"


def _asked(request: Request) -> Happening:
    if request.asking is Asking.REPLAN:
        return Happening(request.at, Kind.REPLAN, request.rule, request.asset, request.what["domain"])
    return Happening(request.at, Kind.WORK_ORDER, request.rule, request.asset)


def compared(
    expected: Iterable[Happening], found: Iterable[Happening]
) -> tuple[list[Happening], list[Happening]]:  # fmt: skip
    """What was expected and is not found, and what was found and is not expected, each in order of time."""
    extra = list(found)
    missing = []
    for wanted in expected:
        number = next((n for n, one in enumerate(extra) if _same(wanted, one)), None)
        if number is None:
            missing.append(wanted)
        else:
            extra.pop(number)
    return sorted(missing, key=lambda one: one.at), sorted(extra, key=lambda one: one.at)


def _same(wanted: Happening, found: Happening) -> bool:
    """Values alike to a millionth; a length only where one is wanted."""
    if wanted[:5] != found[:5] or (wanted.lasts is not None and wanted.lasts != found.lasts):
        return False
    if wanted.value is None or found.value is None:
        return wanted.value is found.value
    return isclose(wanted.value, found.value, rel_tol=1e-6, abs_tol=1e-9)


def _speaking(scenario: Scenario, book: Rulebook) -> Iterator[str]:
    """The rules under test that have a subject in the scenario."""
    roster = Roster(book, scenario.assets, scenario.communes)
    for name in scenario.rules:
        rule = book.rule(name)
        if any(roster.covers(rule, subject) for subject in roster.subjects):
            yield name


def _misread(scenario: Scenario, rulebook: Rulebook, stage: Stage) -> Iterator[tuple[Glance, str]]:
    """The glances that see something else, by the reference engine."""
    book = around(rulebook, [*scenario.rules, *(glance.rule for glance in scenario.glances)])
    engine = PlainEngine(book, stage.catalogue, scenario.assets, stage.almanac, scenario.communes)
    turns = list(scenario.turns)
    for turn, later in zip(turns, [*turns[1:], None], strict=True):
        engine.step(turn.readings, turn.now)
        if later is None or later.now > turn.now:
            for glance in scenario.glances:
                if glance.at == turn.now and (instead := _instead(engine, glance)):
                    yield glance, instead


def _instead(engine: PlainEngine, glance: Glance) -> str:
    """What is there in place of what a glance expects; empty when it is as expected."""
    try:
        sets = engine.tree(glance.rule, glance.subject).sets
    except KeyError:
        return f"{glance.rule} does not speak of {glance.subject}"
    parts = list(deciding(sets))
    right = sets.truth is glance.truth and glance.because in {None, *parts}
    truth = sets.truth.name.lower() if isinstance(sets.truth, Truth) else "unknown"
    return "" if right else f"{truth}, because {'; '.join(parts)}"
