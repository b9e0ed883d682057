"""`consigne setpoint`: what stands at each point, and asking something of it by hand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from engine.catalogue import parse_duration
from engine.errors import InputError, Problem
from engine.instants import isoformat
from engine.model import Level, spell_sequence
from engine.settings import language
from jobs.bootstrap import Territory
from jobs.cli.common import (
    DEGRADED,
    Json,
    brief,
    emit,
    instant,
    person,
    sealing,
    settings,
    show_lines,
    show_rows,
    store_and_territory,
)
from jobs.cli.holds import hold_json
from jobs.scopes import find_point, points_in, scope_of
from jobs.setpoints import USUAL, Manual, Override, Standing, counts, set_override, shown, standing, unit_of, value_in
from jobs.setpoints import release as give_back
from jobs.words import Lang, say

app = typer.Typer(help="Points: what is asked of them, and asking by hand.", no_args_is_help=True)

Point = Annotated[str, typer.Argument(metavar="POINT", help="a point, or an asset with one point")]
Reason = Annotated[str, typer.Option("--reason", help="why; it stays with the setpoint")]
AtLevel = Annotated[Manual, typer.Option("--level", help="who asks")]
HEADS = ("point", "value", "level", "source", "until", "command", "marks")


@app.command("list")
def list_points(
    word: Annotated[str | None, typer.Argument(metavar="[POINT|ZONE|DOMAIN]")] = None,
    overridden: Annotated[bool, typer.Option("--overridden", help="where people or protections decide")] = False,
    as_json: Json = False,
) -> None:
    """Each point: the value asked of it now, who decides, until when, what was sent, and what stops it.

    Example: consigne setpoint list lighting --overridden
    """
    chosen, now = settings(), instant(None)
    store, ground = store_and_territory(chosen)
    names = sorted(ground.points) if word is None else points_in(ground, *scope_of(ground, word))
    with store.read() as unit:
        found = standing(unit, ground, names, now)
    if overridden:
        found = [one for one in found if _level(one) <= Level.FIELD_AGENT]
    if as_json:
        emit([_as_json(one, ground) for one in found])
        return
    lang = language(chosen)
    heads = [say(f"setpoint_{head}", lang) for head in HEADS]
    show_rows([_row(one, ground, lang) for one in found], as_json=False, heads=heads)


@app.command("set")
def set_point(
    point: Point,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="with a unit, or in the point's own: 40%, 0.4, 19.5")],
    reason: Reason,
    for_: Annotated[str | None, typer.Option("--for", help="how long: 2h unless said, 72h at most")] = None,
    until: Annotated[str | None, typer.Option(help="or until when")] = None,
    level: AtLevel = Manual.OPERATOR,
    confirmed: Annotated[bool, typer.Option("--confirm-life-safety", help="level 1 stands above everything")] = False,
) -> None:
    """Ask a value of a point by hand, for a time. Exit 3 where it is written and does not take effect as asked.

    Example: consigne setpoint set L-49028-00012 40% --for 2h --reason "complaint of glare"
    """
    chosen, now = settings(), instant(None)
    store, ground = store_and_territory(chosen)
    if level is Manual.LIFE_SAFETY and not confirmed:
        hint = "add --confirm-life-safety: nothing but a lock-out in the field stands above it"
        raise InputError([Problem("--level life-safety", 0, 0, "is not confirmed", hint)])
    name = find_point(ground, point)
    wanted = value_in(value, unit_of(ground, name))
    asked = Override(name, wanted, level.level, _end(for_, until, now), reason, person())
    set_override(sealing(store), ground, asked, now)
    with store.read() as unit:
        (found,) = standing(unit, ground, [name], now)
    lang, longest = language(chosen), _longest(found, asked, now)
    show_lines(
        [*_told(found, ground, now, lang), *([say("setpoint_longest", lang, at=brief(longest))] if longest else [])]
    )
    if _level(found) != level.level or found.locked_out or longest or _changed(found, now):
        raise typer.Exit(DEGRADED)


@app.command("release")
def release(point: Point, level: AtLevel = Manual.OPERATOR) -> None:
    """Give back what was asked by hand: the next level decides again.

    Example: consigne setpoint release L-49028-00012
    """
    chosen, now = settings(), instant(None)
    store, ground = store_and_territory(chosen)
    name = find_point(ground, point)
    give_back(sealing(store), ground, name, level.level, person(), now)
    with store.read() as unit:
        (found,) = standing(unit, ground, [name], now)
    show_lines(_told(found, ground, now, language(chosen)))


def _end(for_: str | None, until: str | None, now: datetime) -> datetime:
    if for_ is not None and until is not None:
        raise InputError([Problem("--for, --until", 0, 0, "are both given", "one of them says it all")])
    if until is not None:
        return instant(until)
    try:
        return now + (USUAL if for_ is None else parse_duration(for_))
    except (ValueError, OverflowError) as error:
        raise InputError([Problem("--for", 0, 0, f"{for_!r}: {error}")]) from None


def _longest(one: Standing, asked: Override, now: datetime) -> datetime | None:
    """When the point goes off although more is asked: a command of an hour at a time does not say so yet."""
    longest = one.point.envelope.longest_on
    ends = now + longest if longest is not None and asked.value else asked.until
    return ends if ends < asked.until else None


def _level(one: Standing) -> int:
    return one.piece.winner.level if one.piece and one.piece.winner else Level.SAFE_DEFAULT


def _value(one: Standing) -> float:
    return one.piece.value if one.piece else one.point.envelope.safe


def _changed(one: Standing, now: datetime) -> list[str]:
    """What envelope, law and interlocks made of the value, where the command of this instant says so."""
    if one.command is None or one.command.issued_at != now:
        return []
    reasons: list[str] = one.command.explanation.get("verdict", {}).get("reasons", [])
    return reasons


def _told(one: Standing, ground: Territory, now: datetime, lang: Lang) -> list[str]:
    row = _row(one, ground, lang)
    facts = [f"{say(f'setpoint_{name}', lang)} {row[name]}" for name in ("level", "source", "until") if row[name]]
    lines = [f"{row['point']}: {row['value']}, {', '.join(facts)}"]
    lines += [f"  {say('setpoint_command', lang)} {row['command']}"] if row["command"] else []
    return lines + [f"  {text}" for text in (row["marks"], one.blocked, *_changed(one, now)) if text]


def _row(one: Standing, ground: Territory, lang: Lang) -> dict[str, str]:
    winner = one.piece.winner if one.piece else None
    level = _level(one)
    command = one.command
    return {
        "point": one.point.id,
        "value": shown(_value(one), unit_of(ground, one.point.id), counts=counts(one.point)),
        "level": f"{level:d} ({Level(level).name.lower().replace('_', ' ')})",
        "source": winner.source if winner else "",
        "until": brief(winner.program.until) if winner else "",
        "command": f"{command.state.value} {spell_sequence(command.seq)}" if command else "",
        "marks": ", ".join(_marks(one, lang)),
    }


def _marks(one: Standing, lang: Lang) -> list[str]:
    held = [say("held_until", lang, until=brief(one.hold.until_at))] if one.hold else []
    return ([say("locked_out", lang)] if one.locked_out else []) + held


def _as_json(one: Standing, ground: Territory) -> dict[str, Any]:
    winner, command = one.piece.winner if one.piece else None, one.command
    sent: Mapping[str, Any] | None = None
    if command is not None:
        sent = {"id": command.id, "seq": command.seq, "state": command.state.value}
    return {
        "point": one.point.id,
        "zone": one.point.zone,
        "domain": one.point.domain,
        "value": _value(one),
        "unit": unit_of(ground, one.point.id),
        "level": _level(one),
        "source": winner.source if winner else None,
        "reason": winner.reason if winner else None,
        "until": isoformat(winner.program.until) if winner else None,
        "locked_out": one.locked_out,
        "hold": hold_json(one.hold) if one.hold else None,
        "command": sent,
    }
