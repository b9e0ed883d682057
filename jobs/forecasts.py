"""Forecasts: importing what sources have now, and what was known of the future at an instant."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import orjson
import polars as pl

from engine.alarms import Clear, Raise, Subject, current, move
from engine.documents import shown
from engine.errors import Conflict, ConsigneError, InputError, Problem
from engine.forecasts.fetching import Fetched, fetch, read_file
from engine.forecasts.slots import Issue, read_issue
from engine.forecasts.sources import RECEIPT, Source, site_sources
from engine.forecasts.tables import parse
from engine.instants import in_us, isoformat, to_us
from engine.model import Priority
from engine.rulebook.naming import nearest
from engine.settings import Settings
from engine.store import Unit
from engine.store.forecasts import ForecastIssue, digest_of
from engine.store.ledger import RunReport, RunState
from jobs.tracing import traced

RULE = "forecast-stale"
_AT_ONCE = 8


class Freshness(StrEnum):
    """How far a source can be relied on at an instant: STALE past its max_age, MISSING without an issue at all."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True)
class Known:
    """What was known of a span at an instant: `values` as `Forecasts.as_of` has them, and how good that is.

    `issue`: the newest one known. `lacking`: how many slots, of each variable and place asked for, have no value.
    """

    values: pl.DataFrame
    freshness: Freshness
    issue: ForecastIssue | None
    lacking: int


def sources_in(settings: Settings) -> dict[str, Source]:
    """The sources of the site; none without a file of them. Raises InputError with every problem of it."""
    return site_sources(settings.rules_dir)


def freshness_of(unit: Unit, name: str, source: Source, at: datetime) -> tuple[Freshness, ForecastIssue | None]:
    """Of a source at an instant, as it was known then, with its newest issue."""
    issue = unit.forecasts.newest(name, at)
    if issue is None:
        return Freshness.MISSING, None
    return Freshness.STALE if at - issue.issued_at > source.max_age else Freshness.FRESH, issue


def known(
    unit: Unit, name: str, source: Source, at: datetime, since: datetime, until: datetime, *,
    variables: Collection[str] | None = None, places: Collection[str] | None = None,
    quantiles: Collection[float | None] | None = None,
) -> Known:  # fmt: skip
    """What was known at `at` of the slots that begin in [since, until). A problem built from it may be built again.

    Unless they are named, all variables of the source, and the places it names or those that have a value.
    """
    values = unit.forecasts.as_of(at, name, since, until, variables=variables, places=places, quantiles=quantiles)
    freshness, issue = freshness_of(unit, name, source, at)
    stated = {*source.places.values(), *([source.place] if source.place else [])} or set(values["place"])
    wanted = len(set(variables or source.variables)) * len(set(places or stated)) * _slots(since, until, source.step)
    there = values.select("variable", "place", "valid_at").n_unique()
    return Known(values, freshness, issue, wanted - there)


def _slots(since: datetime, until: datetime, step: timedelta) -> int:
    """How many slots begin in [since, until): they begin at whole steps of the day in UTC."""
    first, end = (-(-to_us(at) // in_us(step)) for at in (since, until))
    return max(0, end - first)


@dataclass(frozen=True)
class Arrival:
    """What came of asking a source: an issue; nothing new; or a problem, in `problem`."""

    name: str
    source: Source
    issue: Issue | None = None
    problem: str = ""
    validators: Mapping[str, str] = field(default_factory=dict)


def chosen_sources(sources: Mapping[str, Source], names: Sequence[str]) -> dict[str, Source]:
    """The named ones, or all, in the order of the file: importers that wait for each other then do so one way round.

    Raises InputError with every name that is none.
    """
    problems = [Problem(name, 0, 0, "is no source", nearest(name, sources)) for name in names if name not in sources]
    if problems:
        raise InputError(problems)
    return {name: source for name, source in sources.items() if not names or name in names}


def validators_of(unit: Unit, sources: Mapping[str, Source], at: datetime) -> dict[str, dict[str, str]]:
    """What the sources said last by which they tell whether they have changed; none where ours have."""
    found = {}
    for name, source in sources.items():
        kept = orjson.loads(unit.state.get(_key(name)) or b"{}")
        same = kept.get("source") == _digest(source) and unit.forecasts.newest(name, at) is not None
        found[name] = kept["validators"] if same else {}
    return found


@traced("ask-forecasts")
def ask(
    sources: Mapping[str, Source], folder: Path, validators: Mapping[str, Mapping[str, str]], at: datetime,
    skew: timedelta,
) -> list[Arrival]:  # fmt: skip
    """Fetch and read the sources, side by side. Raises nothing: what went wrong with one is in its arrival."""

    def one(name: str) -> Arrival:
        source = sources[name]
        try:
            fetched = fetch(source, folder, validators.get(name, {}))
            return Arrival(name, source) if fetched is None else arrival_of(name, source, fetched, at, skew)
        except ConsigneError as error:
            return Arrival(name, source, problem=str(error))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, sources))


def read_arrival(name: str, source: Source, path: Path, at: datetime, skew: timedelta) -> Arrival:
    """A file in the place of what a source would give. Raises ConsigneError."""
    return arrival_of(name, source, read_file(path), at, skew)


def arrival_of(name: str, source: Source, fetched: Fetched, at: datetime, skew: timedelta) -> Arrival:
    """Raises InputError with what is wrong with the file."""
    issue = read_issue(source, parse(source, fetched.body, fetched.name), fetched.name, at, skew)
    return Arrival(name, source, issue, validators=fetched.validators)


@traced("import-forecasts")
def take_in(unit: Unit, arrivals: Iterable[Arrival], now: datetime) -> RunReport:
    """Store what came, move the alarms of age, and say what became of each source.

    DEGRADED when a source is away, refused or stale; the others are imported all the same.
    """
    imported: dict[str, int] = {}
    unchanged: list[str] = []
    failed: dict[str, str] = {}
    for arrival in arrivals:
        problem = arrival.problem
        try:
            saved = _save(unit, arrival, now)
        except Conflict as conflict:
            saved, problem = None, str(conflict)
        if saved is not None:
            imported[arrival.name] = arrival.issue.values.height if arrival.issue else 0
        elif not problem:
            unchanged.append(arrival.name)
        # What was just stored may count as received a moment later.
        problem = _age(unit, replace(arrival, problem=problem), now if saved is None else max(now, saved.received_at))
        if problem:
            failed[arrival.name] = problem
    counts = {"imported": imported, "unchanged": unchanged, "failed": failed}
    error = "; ".join(f"{name}: {why}" for name, why in failed.items())
    return RunReport(RunState.DEGRADED if failed else RunState.DONE, counts, error=error or None)


def forget_others(unit: Unit, sources: Collection[str], now: datetime) -> None:
    """End the alarms of what is no source any more: nothing that is imported would."""
    for standing in unit.alarms.of_rule(RULE):
        if standing.asset not in sources and standing.cleared_at is None:
            move(unit.alarms, RULE, standing.asset, [Clear()], now, standing)


def _save(unit: Unit, arrival: Arrival, now: datetime) -> ForecastIssue | None:
    """None where there is nothing new. What comes again without a time of its own is no newer for coming again."""
    name, source, issue = arrival.name, arrival.source, arrival.issue
    if issue is None:
        return None
    saved = None
    newest = unit.forecasts.newest(name, now)
    again = newest is not None and newest.digest == digest_of(issue.values, source.step)
    if not (again and source.issued_at == RECEIPT):
        saved = unit.forecasts.save(
            name, issue.values, issued_at=issue.issued_at, received_at=now, step=source.step,
            detail={"from": str(source.file or (source.url or "").partition("?")[0])},
        )  # fmt: skip
    body = {"source": _digest(source), "validators": dict(arrival.validators)}
    unit.state.put(_key(name), orjson.dumps(body))
    return saved


def _age(unit: Unit, arrival: Arrival, now: datetime) -> str:
    """Raise or clear the alarm of a source's age; returns what is wrong with the source, in a line."""
    name, source = arrival.name, arrival.source
    freshness, issue = freshness_of(unit, name, source, now)
    first = arrival.problem.partition("\n")[0]
    standing = current(unit.alarms, RULE, name)
    if freshness is Freshness.FRESH:
        if standing is not None:
            move(unit.alarms, RULE, name, [Clear()], now, standing)
        return first
    issued = None if issue is None else isoformat(issue.issued_at)
    limit_s = source.max_age.total_seconds()
    detail = {"issued_at": issued, "max_age_s": limit_s, "problem": shown(first) if first else ""}
    move(unit.alarms, RULE, name, [Raise(Subject(RULE, name, "", Priority.MEDIUM), detail)], now, standing)
    return first or f"its newest issue is of {issued}: older than {source.max_age}"


def _key(name: str) -> str:
    return f"forecast.{name}"


def _digest(source: Source) -> str:
    return hashlib.sha256(source.model_dump_json().encode()).hexdigest()
