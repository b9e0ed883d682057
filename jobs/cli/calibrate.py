"""`consigne irrigation calibrate`: what a winter says of field capacity, and an inventory that knows it."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from engine.instants import PARIS
from jobs.cli.common import (
    Json,
    Language,
    chosen_in,
    emit,
    instant,
    show_lines,
    store_and_territory,
    underway,
    write_learnt,
)
from jobs.cli.nights import span
from jobs.irrigation.calibration import Calibration, Outcome, ZoneCapacity, calibrated, winter
from jobs.irrigation.tables import CapacityEntry, tables_of
from jobs.words import Lang, aligned, number, say

_HEADS = ("valve", "probe", "from", "in_use", "learnt", "events", "heard", "write")


def calibrate(
    first: Annotated[str | None, typer.Option("--from", help="the first day; that of last winter by default")] = None,
    last: Annotated[str | None, typer.Option("--to", help="the last day, included")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="write the inventory with what was learnt into this folder")
    ] = None,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """What probes say of field capacity by a winter's rain, and what to write into the inventory.

    Example: consigne irrigation calibrate --from 2025-11-01 --to 2026-03-31 --out var/calibrated
    """
    chosen, words = chosen_in(lang)
    days = span(first, last, "give both, or neither for last winter") or winter(instant(None).astimezone(PARIS).date())
    store, territory = store_and_territory(chosen)
    with store.read() as unit, underway("calibrate"):
        found = calibrated(unit, territory, chosen, *days)
        if out is not None and found.learnt:
            write_learnt(unit, found.learnt, out)
    if as_json:
        emit(asdict(found))
        return
    show_lines(list(_lines(found, tables_of(chosen).probes.field_capacity, out, words)))


def _lines(found: Calibration, entry: CapacityEntry, out: Path | None, lang: Lang) -> Iterator[str]:
    days = number((found.last - found.first).days + 1, lang)
    rain_days = number(found.rain_days, lang)
    yield say("capacity_head", lang, first=found.first, last=found.last, rain_days=rain_days, days=days)
    yield from found.reasons
    if found.zones:
        heads = [say(f"capacity_{head}", lang) for head in _HEADS]
        yield from aligned([heads, *(list(_row(zone, entry, lang)) for zone in found.zones)])
    if found.without_probe:
        yield say("capacity_without", lang, zones=number(found.without_probe, lang))
    count = number(len(found.learnt), lang)
    if not found.learnt:
        yield say("capacity_none", lang)
    elif out is None:
        yield say("capacity_out", lang, zones=count)
    else:
        yield say("capacity_written", lang, zones=count, folder=out)


def _row(zone: ZoneCapacity, entry: CapacityEntry, lang: Lang) -> Iterator[str]:
    yield zone.valve
    yield zone.probe
    yield say(f"stated_{zone.stated}", lang, soil=zone.soil)
    yield number(zone.field_capacity, lang, 3)
    known = zone.learnt is not None and zone.sd is not None
    yield f"{number(zone.learnt or 0, lang, 3)} ± {number(zone.sd or 0, lang, 3)}" if known else "–"
    yield number(zone.events, lang)
    yield number(zone.heard_days, lang)
    yield _to_write(zone, entry, lang)


def _to_write(zone: ZoneCapacity, entry: CapacityEntry, lang: Lang) -> str:
    if zone.outcome is Outcome.LEARNT:
        return " / ".join(number(value, lang, 3) for value in zone.attributes.values())
    verdict = say(f"verdict_{zone.verdict}", lang) if zone.outcome is Outcome.DOUBTED else ""
    most = number(entry.most, lang, 2)
    return say(f"calibrated_{zone.outcome}", lang, verdict=verdict, wanted=entry.events, most=most, why=zone.why)
