"""`consigne irrigation`: what is known of hydrozones, and what nights of watering came to."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from jobs.cli.calibrate import calibrate
from jobs.cli.common import (
    DemoFolder,
    Json,
    Language,
    OfDemo,
    brief,
    chosen_in,
    emit,
    show_lines,
    store_and_territory,
    underway,
)
from jobs.cli.drought import drought
from jobs.cli.nights import First, Last, Night, asked_at, nights
from jobs.demo import demo_night
from jobs.irrigation.reporting import Water, WaterReport, ZoneState, water_report, zone_states
from jobs.outcome import DEMO_FOLDER
from jobs.words import Lang, aligned, change, number, say

app = typer.Typer(help="Irrigation: hydrozones, their soil, what nights came to.", no_args_is_help=True)
app.command("drought")(drought)
app.command("calibrate")(calibrate)
_ZONE_HEADS = ("valve", "planting", "depletion", "raw", "known_by", "watered", "cycles", "m3")
_WATER_HEADS = ("of", "zones", "planned", "measured", "timer", "saved", "stress")


@app.command()
def zones(
    at: Annotated[str | None, typer.Option(help="as was known then; by default now, of a demo its end")] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """Every hydrozone: what its root zone lacks, how that is known, when it was watered, what it gets tonight.

    Example: consigne irrigation zones --at 2026-07-06T18:00
    """
    chosen, words = chosen_in(lang, folder if of_demo else None)
    store, territory = store_and_territory(chosen)
    then = asked_at(at, folder, of_demo=of_demo)
    with store.read() as unit:
        found = zone_states(unit, territory, chosen, then)
    if as_json:
        emit([asdict(one) | {"lacks": one.lacks} for one in found])
        return
    read = [one for one in found if not one.left_out]
    lacking = sum(one.lacks for one in read)
    show_lines([say("hydrozones_head", words, zones=number(len(read), words), lacking=number(lacking, words))])
    heads = [say(f"hydrozones_{head}", words) for head in _ZONE_HEADS]
    show_lines(list(aligned([heads, *(list(_zone_row(one, words)) for one in read)])))
    show_lines([f"{one.valve}: {say('water_left_out', words, why=one.left_out)}" for one in found if one.left_out])


def _zone_row(found: ZoneState, lang: Lang) -> Iterator[str]:
    yield found.valve
    yield say(f"planting_{found.planting}", lang)
    yield f"{_figure(found.depletion_mm, lang)} ± {_figure(found.sd_mm, lang)} / {_figure(found.taw_mm, lang)}"
    yield _figure(found.raw_mm, lang) + (" !" if found.lacks else "")
    known = say(f"known_{found.known_by}", lang, probe=found.probe)
    yield known + (f" ({say(f'verdict_{found.verdict}', lang)})" if found.verdict not in {"", "sound"} else "")
    yield brief(found.watered_at) if found.watered_at else "–"
    yield "–" if found.cycles is None else number(found.cycles, lang)
    yield _figure(found.m3, lang)


def _figure(value: float | None, lang: Lang) -> str:
    return "–" if value is None else number(value, lang, 1)


@app.command()
def report(
    night: Night = None,
    first: First = None,
    last: Last = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """What nights came to, by network and garden: water planned and measured, the monthly timer's, days of stress.

    Example: consigne irrigation report --from 2026-07-01 --to 2026-07-31
    """
    chosen, words = chosen_in(lang, folder if of_demo else None)
    days = nights(night, first, last, demo_night(folder) if of_demo else None)
    store, territory = store_and_territory(chosen)
    with underway("report", total=(days[1] - days[0]).days + 1) as bar:
        found = water_report(store, territory, chosen, *days, heard=bar.reach)
    if as_json:
        emit(_as_json(found))
        return
    facts = {"first": found.first, "last": found.last, "nights": number(len(found.planned), words)}
    show_lines([say("water_report_head", words, **facts)])
    lines = {say("report_territory", words): found.territory, **found.networks}
    lines |= {name or say("water_no_garden", words): water for name, water in found.gardens.items()}
    heads = [say(f"water_report_{head}", words) for head in _WATER_HEADS]
    show_lines(list(aligned([heads, *(list(_water_row(name, water, words)) for name, water in lines.items())])))
    if found.unplanned:
        count = number(len(found.unplanned), words)
        show_lines([say("report_unplanned", words, nights=count, first=found.unplanned[0])])


def _water_row(name: str, water: Water, lang: Lang) -> Iterator[str]:
    yield name
    yield number(water.zones, lang)
    yield number(water.planned_m3, lang, 1)
    yield _figure(water.measured_m3, lang)
    yield number(water.timer_m3, lang, 1)
    yield change(water.planned_m3 / water.timer_m3 - 1 if water.timer_m3 else None, lang)
    yield number(water.stress_days, lang)


def _as_json(found: WaterReport) -> dict[str, Any]:
    return {
        "first": found.first,
        "last": found.last,
        "planned": found.planned,
        "unplanned": found.unplanned,
        "territory": found.territory.to_json(),
        "networks": {name: water.to_json() for name, water in found.networks.items()},
        "gardens": {name: water.to_json() for name, water in found.gardens.items()},
    }
