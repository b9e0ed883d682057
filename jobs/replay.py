"""Past telemetry through the rules again: what they would say, and where two versions of them differ.

Readings come in the order they were observed, as if none had been late. What an optimiser had planned is not known:
`planned(…)` is UNKNOWN here.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from engine.catalogue import Catalogue
from engine.errors import InputError, Problem
from engine.instants import from_us, in_us, to_us
from engine.model import Asset
from engine.rulebook import language as lang
from engine.rulebook.almanac import Almanac
from engine.rulebook.definitions import Rule, Rulebook
from engine.rulebook.evaluation import RuleEngine
from engine.rulebook.reference import ReferenceInference
from engine.rulebook.scenarios import Happening, MakeEngine, around, happenings
from engine.store import Store
from engine.telemetry.batch import ACCEPTED, normalise
from engine.telemetry.files import read_file
from jobs.bootstrap import Territory

SLICE = timedelta(hours=6)
LONGEST = timedelta(days=62)  # looked back at most
_MICROSECOND = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)
_ANY_DAY = timedelta(days=36_500)
Watch = Callable[[datetime], None]  # told how far a replay has come
History = Callable[[datetime, datetime], pl.DataFrame]


def fast_engine(
    rulebook: Rulebook, catalogue: Catalogue, assets: Sequence[Asset], almanac: Almanac, communes: Mapping[str, str]
) -> RuleEngine:  # fmt: skip
    """The engine the service runs, with the inference that needs no process of its own."""
    return RuleEngine(rulebook, catalogue, assets, ReferenceInference(), almanac=almanac, communes=communes)


@dataclass(frozen=True)
class Ground:
    """What rules are played over."""

    territory: Territory
    almanac: Almanac
    make_engine: MakeEngine = fast_engine

    @property
    def types(self) -> dict[str, str]:
        return {asset.id: asset.type for asset in self.territory.assets}


@dataclass(frozen=True)
class Stretch:
    """A span of time [start, until], and what was observed in any [since, end): asset, property, observed_at, value."""

    start: datetime
    until: datetime
    history: History


@dataclass
class Tally:
    """How often a rule said a kind of thing: in the old version only, in the new only, in both. With examples."""

    old: int = 0
    new: int = 0
    both: int = 0
    only_old: list[Happening] = field(default_factory=list)
    only_new: list[Happening] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """What two versions said, by rule and kind; or what one said, as if it were all new.

    `rules` are those that were played: of two versions those that may differ, being changed or looking at a changed.
    """

    compared: bool
    rules: tuple[str, ...]
    tallies: Mapping[tuple[str, str], Tally]


# What can be replayed


def stored(store: Store, territory: Territory, books: Sequence[Rulebook], start: datetime, until: datetime) -> Stretch:
    """What the store holds of the series that the rules read."""
    series = series_of(territory, books)

    def history(since: datetime, end: datetime) -> pl.DataFrame:
        with store.read() as unit:
            return named(unit.readings.history(series, to_us(since), to_us(end)), territory)

    return Stretch(start, until, history)


def from_files(
    files: Sequence[Path], territory: Territory, books: Sequence[Rulebook],
    start: datetime | None = None, until: datetime | None = None,
) -> Stretch:  # fmt: skip
    """What files hold of the series that the rules read; from the first to the last of it where no span is given.

    Raises InputError for a file that cannot be read, and when there is nothing to replay.
    """
    chunks = [raw for path in files for raw in read_file(path, territory.catalogue)]
    accepted = [normalise(raw, territory.registry, received_at=from_us(0), skew=_ANY_DAY).accepted for raw in chunks]
    rows = pl.concat([pl.DataFrame(schema=ACCEPTED), *accepted])
    rows = rows.filter(pl.col("series").is_in(series_of(territory, books)))
    found = named(rows.unique(["series", "observed_at"], keep="last", maintain_order=True), territory)
    if found.is_empty():
        what = "holds no reading that one of the rules looks at"
        raise InputError([Problem(str(files[0]), 0, 0, what, "see consigne ingest for what is refused, and why")])

    def history(since: datetime, end: datetime) -> pl.DataFrame:
        return found.filter(pl.col("observed_at").is_between(to_us(since), to_us(end), closed="left"))

    first, last = found["observed_at"][0], found["observed_at"][-1]
    return Stretch(start or from_us(first), until or from_us(last), history)


def series_of(territory: Territory, books: Sequence[Rulebook], assets: Sequence[Asset] | None = None) -> list[int]:
    """The series that some rule reads, of these assets; of all by default."""
    read = {(rule.definition.for_each.type, name) for book in books for rule in book.rules for name in _read_by(rule)}
    types = {asset.id: asset.type for asset in (territory.assets if assets is None else assets)}
    return [number for number, (asset, name) in territory.series_names.items() if (types.get(asset), name) in read]


def _read_by(rule: Rule) -> set[str]:
    trees: list[lang.Node] = [*rule.trees]
    if rule.value is not None and not isinstance(rule.value, int | float):
        trees.append(rule.value)
    return {name for tree in trees for name in lang.properties_of(tree)}


def named(frame: pl.DataFrame, territory: Territory) -> pl.DataFrame:
    """Rows of series as the rules know them, in order of observation."""
    frame = frame.sort("observed_at", "series")
    names = [territory.series_names[number] for number in frame["series"]]
    return pl.DataFrame(
        {
            "asset": pl.Series([asset for asset, _ in names], dtype=pl.String),
            "property": pl.Series([name for _, name in names], dtype=pl.String),
            "observed_at": frame["observed_at"],
            "value": frame["value"],
        }
    )


# Replaying


def lookback(book: Rulebook, catalogue: Catalogue) -> timedelta:
    """How long before an instant a book's rules want to be at work to know what they would know then.

    A minute more than they look back: what never came is then absent before the instant, and not at it.
    """
    reach: dict[str, int] = {}

    def of(rule: Rule) -> int:
        if rule.id not in reach:
            below = max((of(book.rule(name)) for name in rule.looks_at), default=0)
            reach[rule.id] = below + _reach(rule, catalogue)
        return reach[rule.id]

    return min(LONGEST, max(map(of, book.rules), default=0) * _MICROSECOND + _MINUTE)


def _reach(rule: Rule, catalogue: Catalogue) -> int:
    """Of one rule by itself, in µs."""
    entry = rule.definition
    found = catalogue.types.get(str(entry.for_each.type))
    stale = {name: in_us(kind.stale_after) for name, kind in found.properties.items()} if found else {}
    widths = (_width(node, stale) for tree in rule.trees for node in lang.walk(tree))
    return in_us(entry.hold + entry.clear_after + entry.lateness) + max(widths, default=0)


def _width(node: lang.Node, stale: Mapping[str, int]) -> int:
    match node:
        case (
            lang.Window(width=width)
            | lang.Absent(after=width)
            | lang.Threshold(left=lang.Age(), constant=width)
            | lang.Sequence(within=width)
            | lang.Together(within=width)
        ):
            return width
        case lang.Was(property=name, ago=ago):
            return ago + stale.get(name, 0)
        case lang.Changed(property=name, within=within):
            return within or stale.get(name, 0)
        case lang.Value(property=name):
            return stale.get(name, 0)
        case _:
            return 0


def replay(book: Rulebook, ground: Ground, stretch: Stretch, on_slice: Watch) -> Iterator[Happening]:
    """What the rules say between the start and the end of a stretch, both included, in order.

    They are put in service before it, as early as they look back; `on_slice` is told how far it has come.
    """
    territory = ground.territory
    engine = ground.make_engine(book, territory.catalogue, territory.assets, ground.almanac, territory.communes)
    since = stretch.start - lookback(book, territory.catalogue)
    engine.step(stretch.history(since, since), since)
    while since <= stretch.until:
        end = min(since + SLICE, stretch.until + _MICROSECOND)
        decisions = engine.step(stretch.history(since, end), end - _MICROSECOND)
        for happening in happenings(decisions, end, territory.catalogue, ground.types):
            if happening.at >= stretch.start:
                yield happening
        on_slice(end)
        since = end


def tell(book: Rulebook, ground: Ground, stretch: Stretch, examples: int, on_slice: Watch) -> Comparison:
    """What the rules say over a stretch."""
    found = Counter(replay(book, ground, stretch, on_slice))
    return Comparison(False, tuple(book.by_id), _tallied(Counter(), found, examples))


def compare(
    old: Rulebook, new: Rulebook, ground: Ground, stretch: Stretch, examples: int, on_slice: Watch
) -> Comparison:  # fmt: skip
    """Where two versions of the rules differ over a stretch. Rules that cannot differ are not played."""
    rules = differing(old, new)

    def said(book: Rulebook) -> Counter[Happening]:
        near = around(book, [name for name in rules if name in book.by_id])
        return Counter(one for one in replay(near, ground, stretch, on_slice) if one.rule in rules)

    return Comparison(True, rules, _tallied(said(old), said(new), examples) if rules else {})


def _tallied(
    old: Counter[Happening], new: Counter[Happening], examples: int
) -> dict[tuple[str, str], Tally]:  # fmt: skip
    tallies: dict[tuple[str, str], Tally] = {}
    for one in sorted({*old, *new}, key=lambda one: (one.rule, one.kind, one.at, one.subject)):
        tally = tallies.setdefault((one.rule, str(one.kind)), Tally())
        both = min(old[one], new[one])
        tally.both += both
        tally.old += old[one] - both
        tally.new += new[one] - both
        if old[one] > both and len(tally.only_old) < examples:
            tally.only_old.append(one)
        if new[one] > both and len(tally.only_new) < examples:
            tally.only_new.append(one)
    return tallies


def differing(old: Rulebook, new: Rulebook) -> tuple[str, ...]:
    """The rules that are new, gone or say something else, and those that look at one of them."""
    changed = {
        name
        for name in {*old.by_id, *new.by_id}
        if name not in old.by_id or name not in new.by_id or old.rule(name).version != new.rule(name).version
    }
    return tuple(
        sorted(
            name
            for name in {*old.by_id, *new.by_id}
            if any(name in book.by_id and changed & {*around(book, [name]).by_id} for book in (old, new))
        )
    )
