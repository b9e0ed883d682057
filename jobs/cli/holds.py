"""`consigne hold | resume`: stop the automation of a domain, zone or point, and let it go on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from engine.errors import InputError, Problem
from engine.instants import isoformat
from engine.model import Hold
from engine.settings import language
from jobs.bootstrap import open_store
from jobs.cli.common import (
    Json,
    brief,
    emit,
    instant,
    local,
    person,
    sealing,
    settings,
    show_lines,
    show_rows,
    store_and_territory,
)
from jobs.holds import put_hold
from jobs.holds import resume as end_hold
from jobs.scopes import points_in, scope_of
from jobs.words import Lang, say

Word = Annotated[str | None, typer.Argument(metavar="[DOMAIN|ZONE|POINT]", help="none: list what is held")]
HEADS = ("scope", "subject", "since", "until", "by", "reason")


def hold(
    word: Word = None,
    until: Annotated[str | None, typer.Option(help="when it ends by itself, at most 7 days away")] = None,
    reason: Annotated[str, typer.Option(help="why; shown to everybody")] = "",
    as_json: Json = False,
) -> None:
    """Stop sending what rules, plans and calendars want (levels 10 to 15); people and life safety are still heard.

    Example: consigne hold lighting --until 2026-11-22T23:00 --reason "works on the ring road"
    """
    chosen, now = settings(), instant(None)
    if word is None:
        with open_store(chosen).read() as unit:
            show_holds(unit.holds.active(now), language(chosen), as_json=as_json)
        return
    if until is None:
        raise InputError([Problem("--until", 0, 0, "is not given", "a hold always ends: say when")])
    store, ground = store_and_territory(chosen)
    scope, subject = scope_of(ground, word)
    put = put_hold(sealing(store), Hold(scope, subject, now, instant(until), reason, person()))
    if as_json:
        emit(hold_json(put))
        return
    points = len(points_in(ground, scope, subject))
    facts = {"scope": say(scope.value, language(chosen)), "subject": subject, "until": local(put.until_at)}
    show_lines([say("hold_put", language(chosen), points=points, **facts)])


def resume(word: Annotated[str, typer.Argument(metavar="DOMAIN|ZONE|POINT")]) -> None:
    """Let the automation of what is held go on at once.

    Example: consigne resume lighting
    """
    chosen = settings()
    store, ground = store_and_territory(chosen)
    scope, subject = scope_of(ground, word)
    end_hold(sealing(store), ground, scope, subject, person(), instant(None))
    lang = language(chosen)
    show_lines([say("hold_ended", lang, scope=say(scope.value, lang), subject=subject)])


def show_holds(holds: Sequence[Hold], lang: Lang, *, as_json: bool) -> None:
    if as_json:
        emit([hold_json(hold) for hold in holds])
    elif not holds:
        show_lines([say("hold_none", lang)])
    else:
        show_rows(
            [_row(hold, lang) for hold in holds], as_json=False, heads=[say(f"hold_{head}", lang) for head in HEADS]
        )


def hold_json(hold: Hold) -> dict[str, Any]:
    """For machines. Instants in RFC 3339."""
    at: dict[str, datetime] = {"since": hold.from_at, "until": hold.until_at}
    facts = {"id": hold.id, "scope": hold.scope.value, "subject": hold.subject, "by": hold.by, "reason": hold.reason}
    return facts | {name: isoformat(instant) for name, instant in at.items()}


def _row(hold: Hold, lang: Lang) -> dict[str, str]:
    span = brief(hold.from_at), brief(hold.until_at)
    values = (say(hold.scope.value, lang), hold.subject, *span, hold.by, hold.reason)
    return dict(zip(HEADS, values, strict=True))
