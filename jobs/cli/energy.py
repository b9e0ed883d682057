"""`consigne energy`: buildings, their contracts, what days came to."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, time, timedelta
from math import isnan
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.instants import PARIS
from jobs.cli.common import (
    DemoFolder,
    Json,
    Language,
    OfDemo,
    chosen_in,
    emit,
    show_lines,
    store_and_territory,
    underway,
    write,
    write_learnt,
)
from jobs.cli.contracts import contracts
from jobs.cli.nights import Day, First, Last, asked_at, days
from jobs.cli.regret import regret
from jobs.demo import demo_night
from jobs.energy.calendar import calendar_of
from jobs.energy.contracts_read import contracts_known
from jobs.energy.identify import Learnt
from jobs.energy.identify import learn as learn_of
from jobs.energy.reporting import COLUMNS, Energy, EnergyReport, SiteState, energy_report, site_states
from jobs.energy.sites import Site, read_sites
from jobs.energy.tables import tables_of
from jobs.outcome import DEMO_FOLDER
from jobs.words import Lang, aligned, number, percent, say
from jobs.words.energy import USES

app = typer.Typer(help="Energy: buildings, their contracts, what days came to.", no_args_is_help=True)
app.command("contracts")(contracts)
app.command("regret")(regret)
_LEARN_DAYS = 60
_SITE_HEADS = ("site", "use", "contract", "limit", "heat", "room", "battery", "roof", "chargers", "meter")
_HEADS = (
    "of", "sites", "planned", "measured", "eur", "measured_eur", "peak", "over", "comfort", "carbon",
)  # fmt: skip


@app.callback()
def energy() -> None:
    """Energy: buildings, their contracts, what days came to."""


@app.command()
def sites(
    at: Annotated[str | None, typer.Option(help="as was known then; by default now, of a demo its end")] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """Every building: its contract, how warm it is, what its battery holds, who charges, what its meter is to show.

    Example: consigne energy sites --at 2026-11-24T06:20
    """
    chosen, words = chosen_in(lang, folder if of_demo else None)
    store, territory = store_and_territory(chosen)
    then = asked_at(at, folder, of_demo=of_demo)
    with store.read() as unit:
        found = site_states(unit, territory, chosen, then)
    if as_json:
        emit([asdict(one) for one in found])
        return
    planned = [one for one in found if one.left_out is None]
    counts = {"planned": number(len(planned), words), "left": number(len(found) - len(planned), words)}
    show_lines([say("sites_head", words, **counts)])
    heads = [say(f"sites_{head}", words) for head in _SITE_HEADS]
    show_lines(list(aligned([heads, *(list(_site_row(one, words)) for one in planned)])))
    left = ((one.site, one.left_out) for one in found if one.left_out is not None)
    show_lines([f"{site}: {say('energy_left_out', words, why=why[words])}" for site, why in left])


def _site_row(found: SiteState, lang: Lang) -> Iterator[str]:
    yield found.site
    yield _use_said(found.use, lang)
    yield found.contract
    yield _figure(found.limit_kw, lang)
    yield say(f"heat_{found.heat}", lang)
    yield _figure(found.room_c, lang)
    if found.stored_wh is None:
        yield "–"
    else:
        yield f"{percent(found.stored_wh / found.capacity_wh, lang, 0)} / {number(found.capacity_wh / 1000, lang)}"
    yield number(found.peak_power_w / 1000, lang, 1) if found.peak_power_w else "–"
    yield f"{found.vehicles} / {found.chargers}" if found.chargers else "–"
    yield _figure(None if found.meter_w is None else found.meter_w / 1000, lang)


def _use_said(use: str, lang: Lang) -> str:
    """What a building is used for; a kind that the territory has added, as it stands."""
    return say(f"use_{use}", lang) if use in USES else use


def _figure(value: float | None, lang: Lang, digits: int = 1) -> str:
    return "–" if value is None else number(value, lang, digits)


@app.command()
def report(
    day: Day = None,
    first: First = None,
    last: Last = None,
    table: Annotated[Path | None, typer.Option("--csv", help="write a line for each building to this file")] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """What days came to, by contract: energy and cost planned and metered, peaks, comfort, carbon.

    Example: consigne energy report --from 2026-11-01 --to 2026-11-30 --csv november.csv
    """
    chosen, words = chosen_in(lang, folder if of_demo else None)
    span = days(day, first, last, demo_night(folder) if of_demo else None)
    store, territory = store_and_territory(chosen)
    with underway("report", total=(span[1] - span[0]).days + 1) as bar:
        found = energy_report(store, territory, chosen, *span, heard=bar.reach)
    if table is not None:
        write(table, _to_csv(found))
    if as_json:
        emit(_as_json(found))
        return
    facts = {"first": found.first, "last": found.last, "days": number(len(found.planned), words)}
    show_lines([say("energy_report_head", words, **facts)])
    lines = {say("energy_report_all", words): found.territory, **found.contracts}
    heads = [say(f"energy_report_{head}", words) for head in _HEADS]
    show_lines(list(aligned([heads, *(list(_row(name, one, words)) for name, one in lines.items())])))
    if found.unplanned:
        count = number(len(found.unplanned), words)
        show_lines([say("energy_unplanned", words, days=count, first=found.unplanned[0])])


@app.command()
def learn(
    first: First = None,
    last: Last = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="write the inventory with what is believed into this folder")
    ] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """What buildings lose and hold, learnt from their rooms, heat meters and the cold, beside the inventory's figures.

    Of the last 60 days by default.

    Example: consigne energy learn --from 2026-11-01 --to 2026-12-31 --out var/learnt
    """
    chosen, words = chosen_in(lang, folder if of_demo else None)
    day = days(None, first, last, demo_night(folder) if of_demo else None)
    if first is None:
        day = (day[1] - timedelta(days=_LEARN_DAYS - 1), day[1])
    store, territory = store_and_territory(chosen)
    with store.read() as unit, underway("learn"):
        known = read_sites(territory, contracts_known(unit, chosen), tables_of(chosen))
        since, until = (datetime.combine(one, time(), PARIS) for one in (day[0], day[1] + timedelta(days=1)))
        found = learn_of(unit, territory, known, since, until, tables_of(chosen), calendar_of(chosen))
        believed = {name: one.attributes for name, one in found.items() if one.believed}
        if out is not None and believed:
            write_learnt(unit, believed, out)
    told = {site.name: site for site in known}
    if as_json:
        emit([{"site": name, **_learnt_json(one)} for name, one in found.items()])
        return
    heads = [say(f"learn_{head}", words) for head in ("site", "loss", "learnt", "holds", "held", "why")]
    rows = [list(_learnt_row(told[name], one, words)) for name, one in found.items()]
    key = "learn_none" if not believed else "learn_out" if out is None else "learn_written"
    said = say(key, words, sites=number(len(believed), words), folder=out)
    show_lines([*aligned([heads, *rows]), said])


def _learnt_json(found: Learnt) -> dict[str, Any]:
    figures = {name: None if isinstance(v, float) and isnan(v) else v for name, v in asdict(found).items()}
    return {**figures, "believed": found.believed}


def _learnt_row(site: Site, found: Learnt, lang: Lang) -> Iterator[str]:
    yield site.name
    yield number(site.loss_w_k, lang)
    yield "–" if isnan(found.loss_w_k) else f"{number(found.loss_w_k, lang)} ± {number(found.loss_sd_w_k, lang)}"
    yield number(site.capacity_wh_k, lang)
    held = (found.capacity_wh_k, found.capacity_sd_wh_k)
    yield "–" if isnan(held[0]) else " ± ".join(number(one, lang) for one in held)
    yield found.why_not or "–"


def _row(name: str, found: Energy, lang: Lang) -> Iterator[str]:
    yield name
    yield number(found.sites, lang)
    yield number(found.planned_kwh, lang)
    yield _figure(found.measured_kwh, lang, 0)
    yield number(found.planned_eur, lang, 2)
    yield _figure(found.measured_eur, lang, 2)
    yield percent(found.peak_share, lang, 0)
    yield _figure(found.over_h, lang, 2)
    yield _figure(found.cold_kh, lang, 1)
    yield _figure(found.carbon_kg, lang, 1)


def _to_csv(found: EnergyReport) -> str:
    """A line for each building, then one for all; empty where it is not known."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["site", *COLUMNS])
    named: Mapping[str, Energy] = {**found.sites, "": found.territory}
    for name, one in named.items():
        told = one.to_json()
        lines.writerow([name, *("" if told[column] is None else f"{told[column]:.10g}" for column in COLUMNS)])
    return text.getvalue()


def _as_json(found: EnergyReport) -> dict[str, Any]:
    return {
        "first": found.first,
        "last": found.last,
        "planned": found.planned,
        "unplanned": found.unplanned,
        "territory": found.territory.to_json(),
        "contracts": {name: one.to_json() for name, one in found.contracts.items()},
        "sites": {name: one.to_json() for name, one in found.sites.items()},
    }
