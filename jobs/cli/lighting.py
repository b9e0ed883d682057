"""`consigne lighting`: what light streets need, what their lamps can give, and what nights came to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import InputError, Problem
from engine.instants import PARIS
from engine.inventory.territory import load_territory
from engine.model import Asset
from engine.settings import Settings, language
from jobs.bootstrap import catalogue_of, open_store
from jobs.cli.budgets import budgets
from jobs.cli.common import (
    DemoFolder,
    Json,
    Language,
    OfDemo,
    asked,
    emit,
    instant,
    settings,
    show_lines,
    show_rows,
    store_and_territory,
    underway,
    write,
)
from jobs.cli.nights import First, Last, Night, nights
from jobs.cli.traffic import traffic
from jobs.demo import demo_night
from jobs.lighting.classes import WORKED_EXAMPLE, Weighed, class_rows, weigh
from jobs.lighting.lamps import lamp_report
from jobs.lighting.reporting import By, make_report, notes, to_csv, to_json, to_lines
from jobs.lighting.tables import Family, tables_of
from jobs.outcome import DEMO_FOLDER
from jobs.words import Lang, number, say

app = typer.Typer(help="Street lighting: classes, lamps, what nights came to.", no_args_is_help=True)
app.command()(traffic)
app.command()(budgets)


@app.command()
def classes(lang: Language = "", as_json: Json = False) -> None:
    """The class tables as configured, and the worked example of CEN/TR 13201-1.

    Example: consigne lighting classes
    """
    chosen = asked(settings(), lang)
    tables, words = tables_of(chosen), language(chosen)
    found = {letter: class_rows(tables, letter) for letter in tables.systems}
    examples = {when: weigh(tables, "P", options) for when, options in WORKED_EXAMPLE.items()}
    if as_json:
        emit({"classes": found, "example": {when: _as_json(weighed) for when, weighed in examples.items()}})
        return
    for rows in found.values():
        show_rows(rows, as_json=False)
    show_lines([say("lighting_p7", words)])
    for when, weighed in examples.items():
        show_lines([say("lighting_example", words, when=say(f"lighting_{when}", words)), *_as_lines(weighed, words)])


@app.command("class")
def class_of(
    family: Annotated[Family, typer.Argument(help="M, C or P")],
    options: Annotated[list[str], typer.Argument(metavar="PARAMETER=OPTION…", help="traffic: busy, normal or quiet")],
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """The class that a street's weights add up to; decimals are rounded to the brighter class.

    Example: consigne lighting class P travel_speed=low traffic_composition=pedestrians_cyclists
    parked_vehicles=not_present ambient_luminosity=moderate traffic=normal
    """
    chosen = asked(settings(), lang)
    wrong = [option for option in options if "=" not in option]
    if wrong:
        hint = "write PARAMETER=OPTION, as traffic=quiet"
        raise InputError([Problem("weights", 0, 0, f"{option!r} is no choice", hint) for option in wrong])
    weighed = weigh(tables_of(chosen), family, dict(option.split("=", 1) for option in options))
    if as_json:
        emit(_as_json(weighed))
    else:
        show_lines(_as_lines(weighed, language(chosen)))


@app.command()
def lamps(
    folder: Annotated[Path | None, typer.Argument(help="a territory's folder; the database's own by default")] = None,
    rows: Annotated[int, typer.Option(min=0, help="how many lamps of each kind are shown")] = 20,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """What lamps give beside what their streets ask: light to trim, lamps too small, and what the law forbids.

    Example: consigne lighting lamps datasets/sample
    """
    chosen = asked(settings(), lang)
    words, tables = language(chosen), tables_of(chosen)
    report = lamp_report(_assets(chosen, folder), tables, instant(None).astimezone(PARIS).date())
    if as_json:
        emit(report)
        return
    for kind in ("trimmed", "too_small", "over_the_law"):
        found = report[kind]
        total = number(report["trim_kwh_per_year"], words)
        show_lines([say(f"lighting_{kind}", words, count=number(len(found), words), kwh=total)])
        show_rows(found[:rows], as_json=False)


def _assets(chosen: Settings, folder: Path | None) -> Sequence[Asset]:
    if folder is not None:
        return load_territory(folder, catalogue_of(chosen)).assets
    with open_store(chosen).read() as unit:
        return unit.inventory.assets()


def _as_json(weighed: Weighed) -> dict[str, Any]:
    return {
        "weights": {name: float(weight) for name, weight in weighed.weights.items()},
        "sum": float(weighed.sum),
        "class": weighed.label,
        "level": weighed.level,
        "unit": weighed.unit,
    }


def _as_lines(weighed: Weighed, lang: Lang) -> list[str]:
    lines = [f"  {name:<26} {weight:>5}" for name, weight in weighed.weights.items()]
    total = say("lighting_weighed", lang, sum=weighed.sum, label=weighed.label, level=weighed.level, unit=weighed.unit)
    return [*lines, f"  {total}"]


@app.command()
def report(
    night: Night = None,
    first: First = None,
    last: Last = None,
    by: Annotated[By, typer.Option(help="what a line is")] = By.COMMUNE,
    table: Annotated[Path | None, typer.Option("--csv", help="write the lines to this file")] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """What nights came to: energy planned and measured, light called for and given, money, carbon, EN 13201-5.

    Example: consigne lighting report --from 2026-11-01 --to 2026-11-30 --by commune
    """
    chosen = asked(settings(), lang, folder if of_demo else None)
    days = nights(night, first, last, demo_night(folder) if of_demo else None)
    store, ground = store_and_territory(chosen)
    with underway("report", total=(days[1] - days[0]).days + 1) as bar:
        found = make_report(store, ground, chosen, *days, heard=bar.reach)
    if table is not None:
        write(table, to_csv(found, by))
    if as_json:
        emit(to_json(found, by))
    else:
        show_lines([*to_lines(found, by, language(chosen)), *notes(found, language(chosen))])
