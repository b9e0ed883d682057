"""`consigne energy regret`: what following plans of batteries has cost this week beside plain self-consumption."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import typer

from engine.instants import PARIS
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
)
from jobs.cli.nights import asked_at
from jobs.energy.regret import Regret, regrets
from jobs.outcome import DEMO_FOLDER
from jobs.words import Lang, aligned, number, say

_HEADS = ("site", "paid", "rule", "loss", "most", "known", "state")


def regret(
    at: Annotated[
        str | None, typer.Option(help="by what was stored until then; now by default, of a demo its end")
    ] = None,
    of_demo: OfDemo = False,
    folder: DemoFolder = DEMO_FOLDER,
    lang: Language = "",
    as_json: Json = False,
) -> None:
    """What following plans of batteries has cost this week beside plain self-consumption, and whose are dropped.

    Example: consigne energy regret --at 2026-12-04T18:00
    """
    chosen, words = chosen_in(lang, folder if of_demo else None)
    store, territory = store_and_territory(chosen)
    then = asked_at(at, folder, of_demo=of_demo)
    with store.read() as unit:
        found = regrets(unit, territory, chosen, then)
    if as_json:
        emit([one.to_json() for one in found])
        return
    local = then.astimezone(PARIS)
    monday = (local - timedelta(days=local.weekday())).date()
    head = say("regret_head", words, day=monday, at=brief(then)) if found else say("regret_none", words)
    heads = [say(f"regret_{head}", words) for head in _HEADS]
    show_lines([head, *(aligned([heads, *(list(_row(one, words)) for one in found)]) if found else ())])


def _row(one: Regret, lang: Lang) -> Iterator[str]:
    yield one.site
    for eur in (one.paid_eur, one.rule_eur, one.loss_eur, one.most_eur):
        yield number(eur, lang, 2)
    yield number(100 * one.known, lang)
    yield say("regret_followed", lang) if one.since is None else say("regret_dropped", lang, at=brief(one.since))
