"""`consigne lighting traffic`: what is believed of each counter, and how well its forecasts have held."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from engine.instants import noon
from engine.settings import language
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
    store_and_territory,
    underway,
)
from jobs.demo import demo_night
from jobs.lighting.coverage import NIGHTS, PARTS, Coverage, Held, coverage
from jobs.outcome import DEMO_FOLDER
from jobs.words import Lang, aligned, number, percent, say

_HEADS = ("counter", "of", "hours", *PARTS, "night", "asked", "kept")


def traffic(
    at: Annotated[str | None, typer.Option(help="as it was known then; now by default")] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """What is believed of each counter, and how often its forecasts of past nights covered what it counted then.

    Example: consigne lighting traffic --at 2026-11-16T12:00
    """
    chosen = asked(settings(), lang, folder if of_demo else None)
    then = noon(demo_night(folder)) if of_demo and at is None else instant(at)
    store, ground = store_and_territory(chosen)
    with underway("coverage"), store.read() as unit:
        found = coverage(unit, ground, then, chosen)
    if as_json:
        emit(asdict(found))
        return
    show_lines(list(_told(found, language(chosen))))


def _told(found: Coverage, lang: Lang) -> Iterator[str]:
    """A table that a narrow terminal holds, what is doubted of counters, and sums."""
    yield say("traffic_head", lang, quantile=number(100 * found.quantile, lang), nights=NIGHTS)
    yield say("traffic_legend", lang)
    yield from aligned(
        [[say(f"traffic_{head}", lang) for head in _HEADS], *(list(_row(one, lang)) for one in found.counters)]
    )
    for one in found.counters:
        if one.doubts:
            yield f"{one.counter}: {'; '.join(say(f'doubt_{doubt}', lang) for doubt in one.doubts)}"
    yield say("traffic_all", lang, all=percent(found.all, lang), kept=percent(found.kept, lang))
    yield say("traffic_lamps", lang, own=found.own, borrowed=found.borrowed, without=found.without)


def _row(one: Held, lang: Lang) -> Iterator[str]:
    yield one.counter
    yield number(one.lamps, lang)
    yield number(one.hours, lang)
    yield from (percent(one.covered[part], lang) for part in PARTS)
    yield from (percent(share, lang) for share in (one.all, one.asked, one.kept))
