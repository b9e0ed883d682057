"""Why a rule stands as it does for a subject at an instant: its condition part by part, with what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine.catalogue import AssetType
from engine.errors import InputError, Problem
from engine.instants import PARIS, isoformat, to_us
from engine.model import Asset, Truth
from engine.rulebook import language as lang
from engine.rulebook.almanac import Atom, Dates, Hours, SunBetween, SunElevation, SunInstant, Weekdays
from engine.rulebook.calls import CALENDAR_WORDS, WEEKDAYS
from engine.rulebook.decisions import AlarmChange
from engine.rulebook.definitions import Rule, Rulebook
from engine.rulebook.naming import nearest
from engine.rulebook.plain import Part, PlainEngine
from engine.rulebook.roster import Roster
from engine.rulebook.scenarios import around
from engine.rulebook.scenarios.deciding import decides, written
from engine.rulebook.scenarios.story import span
from engine.store import Store
from jobs.replay import Ground, lookback, named, series_of
from jobs.words import Lang, say

_MICROSECOND = timedelta(microseconds=1)
_UNKNOWN = "?"


@dataclass(frozen=True)
class Line:
    """A part of a condition: how deep it lies, whether it decided, what was measured (in words) and how old that is."""

    depth: int
    decided: bool
    label: str
    truth: Truth
    measured: str
    age: timedelta | None


@dataclass(frozen=True)
class Standing:
    """A rule and a subject at an instant: whether it stands, since when its present run holds, and the parts.

    `run` is set, reset or idle: which of its conditions holds. `whole`: it began while we were looking, not before.
    `silenced` is the rule and subject over it, if any.
    """

    rule: Rule
    subject: str
    at: datetime
    raised: bool
    run: str
    since: datetime
    whole: bool
    silenced: str
    sets: tuple[Line, ...]
    resets: tuple[Line, ...]


def stand(store: Store, ground: Ground, book: Rulebook, rule_id: str, subject_id: str, at: datetime) -> Standing:
    """Play the rule again over what is stored, as far back as it looks. Raises InputError for an unknown name."""
    if rule_id not in book.by_id:
        raise InputError([Problem(rule_id, 0, 0, "is not a rule", nearest(rule_id, book.by_id))])
    near = around(book, [rule_id])
    roster = Roster(near, ground.territory.assets, ground.territory.communes)
    subject, rule = _subject(roster, near.rule(rule_id), subject_id), near.rule(rule_id)
    engine, alarms = _played(store, ground, near, roster, subject, at)
    found = engine.tree(rule_id, subject_id)
    shown = [change.detail for change in alarms if (change.rule, change.asset) == (rule_id, subject_id)]
    silenced = " ".join(shown[-1].get("suppressed_by", {}).values()) if shown else ""
    kind = ground.territory.catalogue.types.get(subject.type)
    sets, resets = (tuple(_lines(*pair, kind)) for pair in ((rule.sets, found.sets), (rule.resets, found.resets)))
    whole = found.since > at - lookback(near, ground.territory.catalogue)
    return Standing(rule, subject_id, at, found.raised, found.run, found.since, whole, silenced, sets, resets)


def _subject(roster: Roster, rule: Rule, name: str) -> Asset:
    found = roster.by_id.get(name)
    if found is None or not roster.covers(rule, found):
        known = sorted(one.id for one in roster.subjects if roster.covers(rule, one))
        hint = nearest(name, known) if len(known) < 20 else f"one such as {', '.join(known[:3])}"
        raise InputError([Problem(name, 0, 0, f"is not a subject of {rule.id}", hint)])
    return found


def _played(
    store: Store, ground: Ground, near: Rulebook, roster: Roster, subject: Asset, at: datetime
) -> tuple[PlainEngine, list[AlarmChange]]:
    """The reference engine, brought to an instant, and what became of alarms on the way."""
    territory, assets = ground.territory, _seen(roster, near, subject)
    engine = PlainEngine(near, territory.catalogue, assets, ground.almanac, territory.communes)
    start = at - lookback(near, territory.catalogue)
    with store.read() as unit:
        series = series_of(territory, [near], assets)
        readings = named(unit.readings.history(series, to_us(start), to_us(at) + 1), territory)
    alarms = [*engine.step(readings.clear(), start).alarms, *engine.step(readings, at).alarms]
    return engine, alarms


def _seen(roster: Roster, near: Rulebook, subject: Asset) -> list[Asset]:
    """The assets that matter: the subject and its parent; or, where rules look at others, all of its place."""
    reach = roster.reach(subject)
    assets = [asset for asset in roster.subjects if roster.reach(asset) == 0 and asset.type != "zone"]
    if reach == 0 and not any(rule.crosses for rule in near.rules):
        # Moved to the middle of the zone, where the sun is looked at.
        place = roster.place_of(subject)
        kept = [asset for asset in assets if asset.id in {subject.id, subject.parent}]
        return [replace(asset, lon=place.lon, lat=place.lat) for asset in kept]
    if reach == 0:
        return [asset for asset in assets if asset.zone == subject.zone]
    commune = roster.commune_of(subject)
    return [asset for asset in assets if reach == 2 or roster.commune_of(asset) == commune]


def _lines(
    node: lang.Node, part: Part, kind: AssetType | None, depth: int = 0, *, decided: bool = True
) -> Iterator[Line]:
    """A condition and what is below it; comparisons of quantities on one line."""
    age = None if part.age_us is None else part.age_us * _MICROSECOND
    truth = Truth.UNKNOWN if part.truth is None else part.truth
    leaf = not any(child.truth is not None for child in part.parts)
    label = (calendar_text(node.atom) if isinstance(node, lang.Calendar) else written(part)) if leaf else part.label
    yield Line(depth, decided, label, truth, _measured(node, part, kind), age)
    for child, below in zip(lang.children(node), part.parts, strict=False):
        if not leaf:
            yield from _lines(child, below, kind, depth + 1, decided=decided and decides(part, below))


def calendar_text(atom: Atom) -> str:
    """An atom of calendar or sun as a condition writes it."""
    match atom:
        case Hours(start, end):
            return f"hours({_clock(start)}-{_clock(end)})"
        case Weekdays(days):
            return f"weekdays({', '.join(WEEKDAYS[day] for day in sorted(days))})"
        case Dates(first, last):
            return f"dates({_day(first)}/{_day(last)})"
        case SunBetween(start, end):
            return f"between({_sun(start)}, {_sun(end)})"
        case SunElevation(below, degrees):
            return f"sun_elevation {'<' if below else '>'} {degrees:g} deg"
        case _:
            return next(word for word, one in CALENDAR_WORDS.items() if one == atom)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}"


def _day(day: tuple[int | None, int, int]) -> str:
    return "-".join([*([f"{day[0]}"] if day[0] else []), f"{day[1]:02}", f"{day[2]:02}"])


def _sun(instant: SunInstant) -> str:
    moved = timedelta(seconds=abs(instant.offset_s))
    return f"{instant.event} {'+' if instant.offset_s > 0 else '-'} {span(moved)}" if moved else instant.event


def _measured(node: lang.Node, part: Part, kind: AssetType | None) -> str:
    """What was measured, in the property's unit or the choice's word; empty where there is nothing to show."""
    match node:
        case lang.Threshold(left=lang.Value() | lang.Window() as left):
            return _in_words(left, part.value, kind)
        case lang.Tally() if part.value is not None:
            return f"{part.value:g}"
        case lang.Relation():
            leaves = _quantities(node, part)
            return ", ".join(f"{below.label} = {_in_words(one, below.value, kind)}" for one, below in leaves)
        case _:
            return ""


def _quantities(node: lang.Node, part: Part) -> Iterator[tuple[lang.Node, Part]]:
    """The quantities that were measured, below a comparison."""
    if isinstance(node, lang.Value | lang.Window | lang.Attribute):
        yield node, part
    for child, below in zip(lang.children(node), part.parts, strict=False):
        yield from _quantities(child, below)


def _in_words(node: lang.Node, value: float | None, kind: AssetType | None) -> str:
    if value is None:
        return _UNKNOWN
    found = kind.properties.get(getattr(node, "property", "")) if kind else None
    if found is not None and isinstance(node, lang.Value) and found.kind in {"choice", "switch"}:
        return (found.choices or ("false", "true"))[int(value)]
    counted = isinstance(node, lang.Window) and node.function is lang.WindowFunction.COUNT
    rate = "/h" if isinstance(node, lang.Window) and node.function is lang.WindowFunction.RATE else ""
    unit = "" if found is None or found.unit == "1" or counted else f" {found.unit}"
    return f"{value:.6g}{unit}{rate}"


# For machines and for people


def to_json(standing: Standing) -> dict[str, Any]:
    """Instants in RFC 3339, ages in seconds."""
    return {
        "rule": standing.rule.id,
        "version": standing.rule.version,
        "subject": standing.subject,
        "at": isoformat(standing.at),
        "stands": standing.raised,
        "run": standing.run,
        "since": isoformat(standing.since),
        "silenced_by": standing.silenced or None,
        "when": [_line_json(line) for line in standing.sets],
        "clear_when": [_line_json(line) for line in standing.resets],
    }


def _line_json(line: Line) -> dict[str, Any]:
    return {
        "depth": line.depth,
        "decided": line.decided,
        "part": line.label,
        "truth": line.truth.name.lower(),
        "measured": line.measured or None,
        "age_s": None if line.age is None else line.age.total_seconds(),
    }


def to_lines(standing: Standing, language: Lang) -> list[str]:
    """Short lines, times in Paris; ▶ marks what decided."""
    head = "rule_stands" if standing.raised else "rule_rests"
    lines = [say(head, language, rule=standing.rule.id, subject=standing.subject, at=local(standing.at))]
    lines += [say("rule_silenced", language, by=standing.silenced)] if standing.silenced else []
    lines += _waiting(standing, language)
    lines += [say("rule_sets", language), *(_shown(line, language) for line in standing.sets)]
    if standing.raised:
        lines += [say("rule_resets", language), *(_shown(line, language) for line in standing.resets)]
    return lines


def _waiting(standing: Standing, language: Lang) -> list[str]:
    """How long the condition has held, and how much longer it would have to."""
    definition = standing.rule.definition
    since = local(standing.since)
    since = since if standing.whole else say("rule_at_least", language, since=since)
    if standing.run == "idle":
        return [say("rule_idle", language, since=since)]
    held = standing.at - definition.lateness - standing.since
    lines = [say(f"rule_{standing.run}", language, since=since, held=span(held))]
    if standing.raised == (standing.run == "set"):
        return lines
    delay = definition.hold if standing.run == "set" else definition.clear_after
    return [*lines, say("rule_waits", language, delay=span(delay), rest=span(delay - held))]


def _shown(line: Line, language: Lang) -> str:
    mark = "▶" if line.decided else "·"
    facts = [line.measured] if line.measured else []
    if line.age is not None:
        facts.append(say("rule_age", language, age=span(line.age)))
    elif line.measured == _UNKNOWN:
        facts = [say("rule_never", language)]
    part = f"{'  ' * line.depth}{mark} {line.label}"
    return f"  {part:<48} {say(_TRUTHS[line.truth], language):<8} {', '.join(facts)}".rstrip()


_TRUTHS = {Truth.TRUE: "true", Truth.FALSE: "false", Truth.UNKNOWN: "unknown"}


def local(at: datetime) -> str:
    """An instant on the clock in Paris."""
    return at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S %z")
