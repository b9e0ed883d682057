"""`consigne collection`: what is known of containers, and a day's rounds as drivers take them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from engine.errors import InputError, Problem
from engine.instants import clock, noon
from engine.rounds import Round, encode_round
from engine.store import Store
from jobs.bootstrap import Territory, WallClock
from jobs.cli.common import (
    DemoFolder,
    Json,
    Language,
    OfDemo,
    brief,
    chosen_in,
    emit,
    instant,
    show_lines,
    store_and_territory,
)
from jobs.collection.explaining import explain
from jobs.collection.facts import facts_of
from jobs.collection.rounds.files import write_rounds
from jobs.collection.rounds.in_force import DayRounds, rounds_ahead, rounds_on
from jobs.collection.saying import fraction_name
from jobs.collection.telling import ContainerState, container_states
from jobs.demo import demo_night
from jobs.outcome import DEMO_FOLDER
from jobs.words import Lang, aligned, number, percent, say

app = typer.Typer(help="Waste collection: containers, how full they are, a day's rounds.", no_args_is_help=True)
_FILL_HEADS = ("container", "fraction", "level", "risk", "heard", "sensor", "emptied")
_ROUND_HEADS = ("truck", "fraction", "stops", "km", "kg", "leaves", "back")
_LIKELY = 0.5
_MAKE = "consigne run plan-collection makes one"
At = Annotated[str | None, typer.Option(help="as was known then; by default now, of a demo the eve of its rounds")]


@app.command()
def fills(
    at: At = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """How full every container is believed to be, how likely it overflows before the next round, and who empties it.

    Example: consigne collection fills --demo
    """
    words, found, asked_at = _states(at, of_demo, folder, lang)
    if as_json:
        emit([asdict(one) for one in found])
        return
    known = [one for one in found if not one.left_out]
    likely = sum((one.by_next or 0.0) >= _LIKELY for one in known)
    facts = {"all": number(len(known), words), "likely": number(likely, words), "at": brief(asked_at)}
    show_lines([say("fills_head", words, **facts)])
    heads = [say(f"fills_{head}", words) for head in _FILL_HEADS]
    show_lines(list(aligned([heads, *(list(_fill_row(one, words)) for one in known)])))
    show_lines(_left_out(found, words))


@app.command("list")
def list_(
    at: At = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """Every container with the reason why the plan in force empties it, or does not.

    Example: consigne collection list --demo --lang fr
    """
    words, found, _ = _states(at, of_demo, folder, lang)
    if as_json:
        emit([asdict(one) for one in found])
        return
    known = [one for one in found if not one.left_out]
    show_lines([f"{one.container}: {(one.reason or {}).get(words, say('rounds_no_plan', words))}" for one in known])
    show_lines(_left_out(found, words))


def _left_out(found: Sequence[ContainerState], lang: Lang) -> list[str]:
    out = [(one.container, one.left_out) for one in found if one.left_out]
    return [f"{name}: {say('collect_out_of_plan', lang, why=why[lang])}" for name, why in out]


def _states(
    at: str | None, of_demo: bool, folder: Path, lang: str
) -> tuple[Lang, list[ContainerState], datetime]:  # fmt: skip
    chosen, words = chosen_in(lang, folder if of_demo else None)
    store, territory = store_and_territory(chosen)
    asked_at = _eve(demo_night(folder)) if of_demo and at is None else instant(at)
    with store.read() as unit:
        return words, container_states(unit, territory, chosen, asked_at), asked_at


def _eve(night: date) -> datetime:
    """Ten in the evening of a demo's night: its rounds are made by then."""
    return noon(night) + timedelta(hours=10)


def _fill_row(found: ContainerState, lang: Lang) -> Iterator[str]:
    yield found.container
    yield fraction_name(found.fraction, lang)
    yield f"{percent(found.level, lang, 0)} ± {number(100 * (found.sd or 0.0), lang)}"
    yield percent(found.by_next, lang, 0)
    yield "–" if found.heard_days is None else number(found.heard_days, lang, 1)
    yield say(f"bin_{found.verdict}", lang)
    yield f"{found.truck} {found.number}, {clock(found.at)}" if found.at else "–"


@app.command()
def rounds(
    at: Annotated[
        str | None, typer.Option(help="the day, as 2026-09-29; by default the one that is planned last")
    ] = None,
    truck: Annotated[str | None, typer.Option(help="of this one alone")] = None,
    to: Annotated[
        Path | None, typer.Option(help="write GeoJSON, GPX, iCalendar, sheets and tablets' JSON there")
    ] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """A day's rounds: a line for each truck, or files for drivers, maps and calendars.

    Example: consigne collection rounds --demo --to rounds
    """
    chosen, words = chosen_in(lang, folder if of_demo else None)
    store, territory = store_and_territory(chosen)
    day = _day(at) if at is not None else (demo_night(folder) + timedelta(days=1) if of_demo else None)
    with store.read() as unit:
        found = rounds_on(unit, territory, day) if day else rounds_ahead(unit, territory, WallClock().now())
    if found is None:
        raise InputError(
            [Problem("--at", 0, 0, say("rounds_no_plan", words), "consigne run plan-collection makes one")]
        )
    chosen_rounds = _of_truck(found.rounds, truck)
    if to is not None:
        for path in write_rounds(chosen_rounds, to, found.record.made_at, words):
            show_lines([str(path)])
    elif as_json:
        emit([orjson.loads(encode_round(one)) for one in chosen_rounds])
    else:
        _show(found, chosen_rounds, words)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError([Problem("--at", 0, 0, f"{text!r} is not a day", "write it as 2026-09-29")]) from None


def _of_truck(found: Sequence[Round], truck: str | None) -> tuple[Round, ...]:
    chosen = tuple(one for one in found if truck in {None, one.vehicle})
    if truck is not None and not chosen:
        known = ", ".join(one.vehicle for one in found)
        raise InputError([Problem("--truck", 0, 0, f"{truck!r} is none of the plan", f"one of: {known}")])
    return chosen


def _show(found: DayRounds, chosen: Sequence[Round], lang: Lang) -> None:
    facts: dict[str, Any] = {"day": found.day, "plan": found.record.id, "made": brief(found.record.made_at)}
    show_lines([say("rounds_head", lang, **facts)])
    heads = [say(f"rounds_{head}", lang) for head in _ROUND_HEADS]
    show_lines(list(aligned([heads, *(list(_round_row(one, lang)) for one in chosen)])))
    if any(one.approximate for one in chosen):
        show_lines([say("round_approximate", lang)])


def _round_row(found: Round, lang: Lang) -> Iterator[str]:
    yield found.vehicle
    yield ", ".join(fraction_name(name, lang) for name in found.fractions) or "–"
    yield number(len(found.stops), lang)
    yield number(found.distance_m / 1000, lang, 1)
    yield number(found.mass_kg, lang)
    yield clock(found.start_at) if found.lines else "–"
    yield clock(found.end_at) if found.lines else "–"


def asks_of(territory: Territory, name: str) -> bool:
    """Whether somebody means a container that has no point: nothing is told it, yet rounds have reasons."""
    asset = territory.by_id.get(name)
    has_point = any(point.startswith(f"{name}/") for point in territory.points)
    return asset is not None and asset.type == "WasteContainer" and not has_point


def why(store: Store, territory: Territory, container: str, at: datetime, lang: Lang, *, as_json: bool) -> None:
    """Why the plan in force at an instant has a container emptied, or not, and what it knew of it."""
    with store.read() as unit:
        found = rounds_ahead(unit, territory, at, known_at=at)
        block = unit.plans.get(found.record.id) if found is not None else None
    if found is None or block is None:
        raise InputError([Problem(container, 0, 0, say("rounds_no_plan", lang), _MAKE)])
    told = {"plan": found.record.id, **explain(block[1], container, max(at, found.body.start))}
    if as_json:
        emit(told)
        return
    reason = told.get("reason", {}).get(lang, "")
    plan = say("why_plan", lang, plan=found.record.id, made=brief(found.record.made_at))
    show_lines([f"{container}: {reason}", *(f"  {line}" for line in [plan, *facts_of(told, lang)])])
