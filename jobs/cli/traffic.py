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
    OfDemo,
    emit,
    instant,
    settings,
    show_lines,
    show_rows,
    store_and_territory,
    underway,
)
from jobs.demo import demo_night, demo_settings
from jobs.lighting.coverage import NIGHTS, PARTS, Held, coverage
from jobs.outcome import DEMO_FOLDER
from jobs.words import Lang, number, say

_HEADS = ("counter", "of", "hours", *PARTS, "night", "asked", "kept", "doubts")


def traffic(
    at: Annotated[str | None, typer.Option(help="as it was known then; now by default")] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    as_json: Json = False,
) -> None:
    """What is believed of each counter, and how often its forecasts of past nights covered what it counted then.

    Example: consigne lighting traffic --at 2026-11-16T12:00
    """
    chosen = demo_settings(settings(), folder) if of_demo else settings()
    then = noon(demo_night(folder)) if of_demo and at is None else instant(at)
    store, ground = store_and_territory(chosen)
    with underway("coverage"), store.read() as unit:
        found = coverage(unit, ground, then, chosen)
    if as_json:
        emit(asdict(found))
        return
    lang = language(chosen)
    facts = {"quantile": number(100 * found.quantile, lang), "nights": NIGHTS}
    show_lines([say("traffic_head", lang, **facts)])
    heads = [say(f"traffic_{head}", lang) for head in _HEADS]
    show_rows([dict(zip(_HEADS, _row(one, lang), strict=True)) for one in found.counters], as_json=False, heads=heads)
    show_lines(
        [
            say("traffic_all", lang, all=_share(found.all, lang), kept=_share(found.kept, lang)),
            say("traffic_lamps", lang, own=found.own, borrowed=found.borrowed, without=found.without),
        ]
    )


def _row(one: Held, lang: Lang) -> Iterator[str]:
    yield one.counter
    yield number(one.lamps, lang)
    yield number(one.hours, lang)
    yield from (_share(one.covered[part], lang) for part in PARTS)
    yield from (_share(share, lang) for share in (one.all, one.asked, one.kept))
    yield "; ".join(say(f"doubt_{doubt}", lang) for doubt in one.doubts)


def _share(share: float | None, lang: Lang) -> str:
    return "–" if share is None else f"{number(100 * share, lang, 1)} %"
