"""`consigne forecast`: where forecasts come from, importing them, and what was known when."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import InputError, Problem
from engine.forecasts.sources import FORECASTS, Source, load_sources
from engine.instants import from_us, in_us, isoformat, to_us
from engine.settings import language
from engine.store.ledger import RunReport
from jobs.bootstrap import open_store
from jobs.cli.common import (
    DEGRADED,
    Json,
    brief,
    complain,
    emit,
    instant,
    local,
    person,
    sealing,
    settings,
    show_lines,
    show_rows,
    underway,
)
from jobs.forecasts import (
    Known,
    ask,
    chosen_sources,
    forget_others,
    freshness_of,
    known,
    read_arrival,
    sources_in,
    take_in,
    validators_of,
)
from jobs.words import Lang, say

app = typer.Typer(help="Forecasts from elsewhere: weather, prices, vigilance.", no_args_is_help=True)
_MINUTE = timedelta(minutes=1)


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="the file of sources; the site's own by default")] = None,
) -> None:
    """The file of sources: every problem of it at once.

    Example: consigne forecast check rules/forecasts.yaml
    """
    chosen = settings()
    sources = load_sources(file or chosen.rules_dir / FORECASTS)
    show_lines([say("forecast_checked", language(chosen), count=len(sources))])


@app.command("import")
def import_forecasts(
    names: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]…", help="all of them by default")] = None,
    file: Annotated[Path | None, typer.Option(help="read this file as if the source had given it")] = None,
    as_json: Json = False,
) -> None:
    """What the sources have now. Exit 3 when one is away, refused or stale; the others are imported.

    Example: consigne forecast import weather
    """
    chosen, now = settings(), instant(None)
    everything = sources_in(chosen)
    sources = chosen_sources(everything, names or [])
    skew = timedelta(seconds=chosen.clock_skew_s)
    store = sealing(open_store(chosen))
    if file is not None:
        if len(names or []) != 1:
            raise InputError([Problem("--file", 0, 0, "goes with one source", "name the source whose file it is")])
        arrivals = [read_arrival(name, source, file, now, skew) for name, source in sources.items()]
    else:
        with store.read() as unit:
            validators = validators_of(unit, sources, now)
        with underway("forecast"):
            arrivals = ask(sources, chosen.rules_dir, validators, now, skew)
    with store.begin() as unit:
        forget_others(unit, everything, instant(None))
        report = take_in(unit, arrivals, instant(None))
        unit.audit.append(person(), "import", "forecasts", {**report.counts}, now)
    if as_json:
        emit(report.counts)
    else:
        _tell(report, language(chosen))
    if report.error:
        raise typer.Exit(DEGRADED)


def _tell(report: RunReport, lang: Lang) -> None:
    counts = report.counts
    show_lines([say("forecast_imported", lang, source=name, values=n) for name, n in counts["imported"].items()])
    show_lines([say("forecast_unchanged", lang, source=name) for name in counts["unchanged"]])
    for name, why in counts["failed"].items():
        complain(say("forecast_failed", lang, source=name, why=why))


@app.command("list")
def list_sources(as_json: Json = False) -> None:
    """The sources, their newest issue, its age, and whether it is stale.

    Example: consigne forecast list
    """
    chosen, now = settings(), instant(None)
    sources, lang = sources_in(chosen), language(chosen)
    if not sources and not as_json:
        show_lines([say("forecast_none", lang, file=chosen.rules_dir / FORECASTS)])
        return
    with open_store(chosen).read() as unit:
        found = [(name, source, *freshness_of(unit, name, source, now)) for name, source in sources.items()]
    rows: list[dict[str, Any]] = []
    for name, source, freshness, issue in found:
        row: dict[str, Any] = {"source": name, "newest": None, "until": None, "age": None, "limit": source.max_age}
        if issue is not None:
            row |= {"newest": issue.issued_at, "until": issue.until, "age": now - issue.issued_at}
        rows.append(row | {"state": freshness.value})
    if as_json:
        emit([_plain(row) for row in rows])
        return
    heads = [say(f"forecast_{head}", lang) for head in rows[0]]
    show_rows([_readable(row, lang) for row in rows], as_json=False, heads=heads)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="SOURCE")],
    at: Annotated[str | None, typer.Option(help="the first slot; now by default")] = None,
    hours: Annotated[float, typer.Option(help="how long from there", min=0, max=10_000)] = 24,
    as_of: Annotated[str | None, typer.Option(help="what was known then; now by default")] = None,
    as_json: Json = False,
) -> None:
    """What was known at an instant of the slots of a span.

    Example: consigne forecast show weather --at 2025-10-26T00:00+02:00 --as-of 2025-10-25T18:00
    """
    chosen = settings()
    source = chosen_sources(sources_in(chosen), [name])[name]
    since, then = instant(at), instant(as_of)
    since = from_us(to_us(since) // in_us(source.step) * in_us(source.step))  # the slot that has begun
    with open_store(chosen).read() as unit:
        found = known(unit, name, source, then, since, since + timedelta(hours=hours))
    if as_json:
        emit(_shown(name, found, then, source))
        return
    lang = language(chosen)
    state = say(found.freshness.value, lang)
    show_lines([say("forecast_head", lang, source=name, at=local(then), state=state, lacking=found.lacking)])
    heads = ("valid", "variable", "place", "quantile", "value", "issued")
    rows = [dict(zip(heads, row, strict=True)) for row in _lines(found, source)]
    show_rows(rows, as_json=False, heads=[say(f"forecast_{head}", lang) for head in heads])


def _lines(found: Known, source: Source) -> Iterator[tuple[str, ...]]:
    for variable, place, at, quantile, value, issued in found.values.iter_rows():
        unit = source.variables[variable].unit if variable in source.variables else ""
        told = f"{value:.6g} {unit}".removesuffix(" 1").strip()
        share = "" if quantile is None else f"{quantile:g}"
        yield local(from_us(at)), variable, place, share, told, brief(from_us(issued))


def _shown(name: str, found: Known, at: datetime, source: Source) -> dict[str, Any]:
    names = ("variable", "place", "valid_at", "quantile", "value", "issued_at")
    values = [dict(zip(names, row, strict=True)) for row in found.values.iter_rows()]
    for value in values:
        value |= {key: isoformat(from_us(value[key])) for key in ("valid_at", "issued_at")}
    return {
        "source": name,
        "as_of": isoformat(at),
        "state": found.freshness.value,
        "issued_at": None if found.issue is None else isoformat(found.issue.issued_at),
        "lacking": found.lacking,
        "units": {variable: told.unit for variable, told in source.variables.items()},
        "values": values,
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """For machines: instants in RFC 3339, durations in seconds."""
    named = {"newest": "issued_at", "until": "until_at", "age": "age_s", "limit": "max_age_s"}
    return {named.get(key, key): _machine(value) for key, value in row.items()}


def _machine(value: Any) -> Any:
    if isinstance(value, datetime):
        return isoformat(value)
    return value.total_seconds() if isinstance(value, timedelta) else value


def _readable(row: dict[str, Any], lang: Lang) -> dict[str, str]:
    told = {key: _human(value) for key, value in row.items()}
    return told | {"state": say(row["state"], lang)}


def _human(value: Any) -> str:
    if isinstance(value, datetime):
        return brief(value)
    if isinstance(value, timedelta):
        return str(value - value % _MINUTE).removesuffix(":00")
    return "" if value is None else str(value)
