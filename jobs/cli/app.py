"""The commands by themselves: demo, doctor, serve, run, ingest, why; the nouns are in the modules beside."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import InputError, Problem
from engine.settings import language
from jobs import why as reasons
from jobs.cli import (
    alarms,
    approvals,
    audit,
    collection,
    database,
    energy,
    forecasts,
    holds,
    irrigation,
    lighting,
    operators,
    optimise,
    plans,
    roads,
    rules,
    schedules,
    setpoints,
    territory,
)
from jobs.cli.common import (
    DEGRADED,
    DemoFolder,
    Json,
    Language,
    OfDemo,
    asked,
    emit,
    instant,
    settings,
    show_lines,
    store_and_territory,
    underway,
)
from jobs.demo import DemoOptions, run_demo
from jobs.doctor import examine
from jobs.health import Finding
from jobs.ingest import store_file, sum_intakes
from jobs.logs import set_up_logging
from jobs.outcome import DEMO_FOLDER
from jobs.progress import Bar
from jobs.scopes import find_point
from jobs.service import Role
from jobs.service.ending import Ending
from jobs.service.process import Process
from jobs.service.roles import parse_roles
from jobs.words import say

app = typer.Typer(
    name="consigne",
    help="From a territory's telemetry to safe, explained, verified setpoints.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(territory.app, name="territory")
app.add_typer(database.app, name="db")
app.add_typer(plans.app, name="plan")
app.add_typer(operators.commands, name="command")
app.add_typer(setpoints.app, name="setpoint")
app.command("hold")(holds.hold)
app.command("resume")(holds.resume)
app.add_typer(approvals.app, name="approval")
app.add_typer(alarms.app, name="alarm")
app.add_typer(alarms.workorders, name="workorder")
app.add_typer(audit.app, name="audit")
app.add_typer(roads.app, name="roads")
app.add_typer(rules.app, name="rules")
app.add_typer(collection.app, name="collection")
app.add_typer(energy.app, name="energy")
app.add_typer(forecasts.app, name="forecast")
app.add_typer(irrigation.app, name="irrigation")
app.add_typer(lighting.app, name="lighting")
app.add_typer(schedules.app, name="schedule")
app.command("run")(schedules.run)
optimise.register(app)

_STATES = {"ok": 0, "degraded": 1, "down": 2}


@app.command()
def demo(
    counts: Annotated[
        list[Path] | None, typer.Option(help="real hourly counts: arc,time,flow_veh_h,occupancy_pct")
    ] = None,
    night: Annotated[str | None, typer.Option(help="the day whose noon the night begins at, as 2026-11-16")] = None,
    seed: Annotated[int, typer.Option(help="of everything made")] = 1,
    folder: Annotated[Path, typer.Option(help="where database, log and report go")] = DEMO_FOLDER,
    attach: Annotated[bool, typer.Option(help="go on with the field and the database that are in the folder")] = False,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """A night of the sample territory and the morning after it, through the whole loop.

    Example: consigne demo --counts convention_hourly.csv
    """
    chosen = asked(settings(), lang)
    options = DemoOptions(
        folder=folder,
        counts=tuple(counts or ()),
        night=_day(night) if night else None,
        seed=seed,
        attach=attach,
        quiet=as_json,
    )
    result = run_demo(chosen, options)
    if as_json:
        emit(result.as_json())
    if not result.all_explained:
        raise typer.Exit(1)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError([Problem("--night", 0, 0, f"{text!r} is not a day", "write it as 2026-11-16")]) from None


@app.command()
def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="leave out solvers and integrity checks")] = False,
    as_json: Json = False,
) -> None:
    """What is installed, reachable, degraded, and what to do about it.

    Example: consigne doctor
    """
    chosen = settings()
    with underway("doctor") as bar:
        findings = list(_told(bar, examine(chosen, quick=quick)))
    if as_json:
        emit([{"name": f.name, "state": f.state, "what": f.what} for f in findings])
    else:
        lang = language(chosen)
        show_lines([f"{say(f.state, lang):<9} {f.name:<14} {f.what}" for f in findings])
    worst = max(_STATES[finding.state] for finding in findings)
    raise typer.Exit({0: 0, 1: DEGRADED, 2: 1}[worst])


def _told(bar: Bar, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The same, each named as it is found."""
    for finding in findings:
        bar.tell(finding.name)
        yield finding


@app.command()
def serve(
    roles: Annotated[str, typer.Option(help="what it does, with commas between")] = ",".join(Role),
    name: Annotated[str | None, typer.Option(help="of one of several senders, whose only role is dispatch")] = None,
) -> None:
    """The service: ingest, rules, plans, dispatch, until SIGTERM. Another process that leads a role is stood by for.

    Example: CONSIGNE_BROKER_URL=mqtt://consigne:secret@127.0.0.1 consigne serve
    """
    wanted = parse_roles(roles, name)
    chosen = settings()
    set_up_logging(chosen)
    ending = Ending(chosen.stop_within_s)
    ending.on_signals()
    Process(chosen, wanted, name, ending).run()


@app.command()
def ingest(
    files: Annotated[list[Path], typer.Argument(help="CSV, JSON, JSON lines or Parquet")],
    as_json: Json = False,
) -> None:
    """Read telemetry files into the store; stored + refused = received.

    Example: consigne ingest history.jsonl
    """
    chosen = settings()
    store, ground = store_and_territory(chosen)
    now, skew = instant(None), timedelta(seconds=chosen.clock_skew_s)
    with underway("ingest") as bar:
        heard = _counting(bar)
        intakes = [store_file(store, ground, path, received_at=now, skew=skew, on_chunk=heard) for path in files]
    intake = sum_intakes(intakes)
    facts = {"received": intake.received, "stored": intake.stored, "refused": dict(intake.refused)}
    if as_json:
        emit(facts)
    else:
        show_lines([f"{name}: {value}" for name, value in facts.items()])


def _counting(bar: Bar) -> Callable[[int], None]:
    """Shows how many readings have been taken so far."""
    total = 0

    def heard(readings: int) -> None:
        nonlocal total
        total += readings
        bar.tell(f"{total}")

    return heard


@app.command()
def why(
    point: Annotated[str, typer.Argument(help="a point, an asset with one point, or a waste container")],
    at: Annotated[
        str | None, typer.Argument(help="2026-11-22T23:40 in Paris, or with an offset; now by default")
    ] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """One setpoint, back to its readings.

    Example: consigne why L-49028-00012 2026-11-22T23:40
    """
    chosen = asked(settings(), lang, folder if of_demo else None)
    store, ground = store_and_territory(chosen)
    if collection.asks_of(ground, point):
        collection.why(store, ground, point, instant(at), language(chosen), as_json=as_json)
        return
    explanation = reasons.explain(store, ground, find_point(ground, point), instant(at))
    if as_json:
        emit(reasons.to_json(explanation))
    else:
        show_lines(reasons.to_lines(explanation, language(chosen)))
