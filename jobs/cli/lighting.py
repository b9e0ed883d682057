"""`consigne lighting`: what light streets need, and what their lamps can give."""

from typing import Annotated, Any

import typer

from engine.errors import InputError, Problem
from engine.settings import language
from jobs.cli.common import Json, emit, settings, show_lines, show_rows
from jobs.lighting.classes import WORKED_EXAMPLE, Weighed, class_rows, weigh
from jobs.lighting.domain import tables_of
from jobs.lighting.tables import Family
from jobs.words import Lang, say

app = typer.Typer(help="Street lighting: classes, lamps.", no_args_is_help=True)


@app.command()
def classes(as_json: Json = False) -> None:
    """The class tables as configured, and the worked example of CEN/TR 13201-1.

    Example: consigne lighting classes
    """
    chosen = settings()
    tables, lang = tables_of(chosen), language(chosen)
    found = {letter: class_rows(tables, letter) for letter in tables.systems}
    examples = {when: weigh(tables, "P", options) for when, options in WORKED_EXAMPLE.items()}
    if as_json:
        emit({"classes": found, "example": {when: _as_json(weighed) for when, weighed in examples.items()}})
        return
    for rows in found.values():
        show_rows(rows, as_json=False)
    show_lines([say("lighting_p7", lang)])
    for when, weighed in examples.items():
        show_lines([say("lighting_example", lang, when=say(f"lighting_{when}", lang)), *_as_lines(weighed, lang)])


@app.command("class")
def class_of(
    family: Annotated[Family, typer.Argument(help="M, C or P")],
    options: Annotated[list[str], typer.Argument(metavar="PARAMETER=OPTION…", help="traffic: busy, normal or quiet")],
    as_json: Json = False,
) -> None:
    """The class that a street's weights add up to; decimals are rounded to the brighter class.

    Example: consigne lighting class P travel_speed=low traffic_composition=pedestrians_cyclists
    parked_vehicles=not_present ambient_luminosity=moderate traffic=normal
    """
    chosen = settings()
    wrong = [option for option in options if "=" not in option]
    if wrong:
        hint = "write PARAMETER=OPTION, as traffic=quiet"
        raise InputError([Problem("weights", 0, 0, f"{option!r} is no choice", hint) for option in wrong])
    weighed = weigh(tables_of(chosen), family, dict(option.split("=", 1) for option in options))
    if as_json:
        emit(_as_json(weighed))
    else:
        show_lines(_as_lines(weighed, language(chosen)))


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
