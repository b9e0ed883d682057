"""`consigne command`: looking at what was sent."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from engine.errors import InputError, Problem
from engine.model import Command, CommandState, spell_sequence
from engine.settings import language
from jobs.bootstrap import open_store
from jobs.cli.common import Json, local, settings, show_rows
from jobs.words import say

commands = typer.Typer(help="What was sent.", no_args_is_help=True)


@commands.command("list")
def list_commands(
    state: Annotated[CommandState | None, typer.Option(help="only those in this state")] = None,
    as_json: Json = False,
) -> None:
    """Counts of every state, or the commands in one.

    Example: consigne command list --state failed
    """
    with open_store(settings()).read() as unit:
        if state is None:
            counts = unit.commands.counts()
            _show([{"state": str(s), "commands": n} for s, n in counts.items()], as_json=as_json)
            return
        found = unit.commands.in_states([state])
    rows = [{"id": c.id[:12], "point": c.point, **_facts(c), "issued at": local(c.issued_at)} for c in found]
    _show(rows, as_json=as_json)


def _show(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    lang = language(settings())
    heads = [say(f"command_{name.replace(' ', '_')}", lang) for name in rows[0]] if rows else []
    show_rows(rows, as_json=as_json, heads=heads)


def _facts(command: Command) -> dict[str, Any]:
    """What tells one command of a point from the others. `repeats`: sent again to who does not recognise it."""
    return {
        "seq": spell_sequence(command.seq),
        "level": int(command.level),
        "gateway": command.gateway,
        "not before": local(command.not_before or command.issued_at),
        "repeats": command.repeats,
    }


@commands.command("show")
def show_command(point: str, as_json: Json = False) -> None:
    """Every command of a point, with its transitions.

    Example: consigne command show L-49028-00012/illuminanceLevel
    """
    with open_store(settings()).read() as unit:
        found = unit.commands.of_point(point)
        rows = [
            {**_facts(c), "state": t.state.value, "at": local(t.at), "detail": t.detail}
            for c in found
            for t in unit.commands.history(c.id)
        ]
    if not rows:
        raise InputError([Problem(point, 0, 0, "has no commands", "a point is written ASSET/NAME")])
    _show(rows, as_json=as_json)
