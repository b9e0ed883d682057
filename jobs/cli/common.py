"""What the commands share: settings, who asks, output for people and machines."""

import os
import pwd
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from engine.errors import InputError, Problem
from engine.instants import PARIS, parse_instant
from engine.inventory.model import Territory as Inventory
from engine.inventory.territory import save_territory
from engine.settings import Settings, language, load_settings
from engine.store import Store, Unit
from engine.store.audit import PERSON
from jobs.bootstrap import Territory, WallClock, open_territory
from jobs.demo import demo_settings
from jobs.progress import Bar, progress
from jobs.words import LANGUAGES, Lang, say

Json = Annotated[bool, typer.Option("--json", help="for machines")]
OfDemo = Annotated[bool, typer.Option("--demo", help="ask the database of the last demo")]
DemoFolder = Annotated[Path, typer.Option(help="the demo's folder")]
Language = Annotated[str, typer.Option("--lang", help="fr or en; the locale's by default")]
DEGRADED = 3
_errors = Console(stderr=True)
_out = Console()
_written: list[Store] = []


def settings() -> Settings:
    """The settings of this command."""
    return load_settings()


def asked(found: Settings, lang: str = "", demo: Path | None = None) -> Settings:
    """The settings as a command asks for them: in a language, of the demo in a folder. Raises InputError where there is
    no such language, or no demo there.
    """
    if lang and lang not in LANGUAGES:
        raise InputError(
            [Problem("--lang", 0, 0, f"{lang!r} is no language of ours", f"one of: {', '.join(LANGUAGES)}")]
        )
    found = found if demo is None else demo_settings(found, demo)
    return found.model_copy(update={"lang": lang}) if lang else found


def chosen_in(lang: str, demo: Path | None = None) -> tuple[Settings, Lang]:
    """The settings as they are asked for, and the language of what is said."""
    found = asked(settings(), lang, demo)
    return found, language(found)


def who() -> str:
    """The name of the account that runs this command, as the system knows it: no variable of the environment says so.

    It is how people are named in the audit chain until there are accounts of ours.
    """
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container may run under a number without a name
        return f"uid {number}"


def person() -> str:
    """The account that runs this command as the actor of its acts: a pseudonym that only the system can resolve."""
    return f"{PERSON}{who()}"


def sealing(store: Store) -> Store:
    """The store, for a command that writes: `seal_written` seals its audit when the command ends."""
    _written.append(store)
    return store


def seal_written() -> None:
    """Seal what this command wrote, for perhaps no service runs."""
    while _written:
        _written.pop().seal()


def complain(text: str) -> None:
    """A line to standard error, as it stands."""
    _errors.print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def emit(data: Any) -> None:
    """One JSON document to standard output."""
    typer.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode())


def write(path: Path, text: str) -> None:
    """Raises InputError for a file that cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError([Problem(str(path), 0, 0, f"cannot be written: {error.strerror}", "check the path")]) from None


def write_learnt(unit: Unit, learnt: Mapping[str, Mapping[str, Any]], out: Path) -> None:
    """The inventory with attributes that were learnt of assets. All of it: a folder that `territory import` takes
    refers to nothing outside of it.
    """
    known = unit.inventory
    assets = tuple(replace(one, attributes={**one.attributes, **learnt.get(one.id, {})}) for one in known.assets())
    save_territory(Inventory(tuple(known.communes()), tuple(known.zones()), assets), out)


def show_lines(lines: Sequence[str]) -> None:
    for line in lines:
        _out.print(line, markup=False, highlight=False, soft_wrap=True)


def show_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool, heads: Sequence[str] = ()) -> None:
    """Rows as a table for people, under `heads` if there are any, or as a JSON list."""
    if as_json:
        emit(list(rows))
        return
    if not rows:
        return
    table = Table()
    for head in heads or rows[0]:
        table.add_column(head, overflow="fold")  # an id that is cut can be typed by nobody
    for row in rows:
        table.add_row(*map(str, row.values()))
    _out.print(table)


def underway(what: str, total: float | None = None, lang: Lang | None = None) -> AbstractContextManager[Bar]:
    """Progress of a command at a terminal, once it takes long; `what` names its word."""
    return progress(say(f"doing_{what}", lang or language(settings())), total)


def instant(text: str | None) -> datetime:
    """An instant as typed, or now. Raises InputError for what is no instant."""
    now = WallClock().now()
    if text is None:
        return now
    try:
        return parse_instant(text, today=now.astimezone(PARIS).date())
    except ValueError as error:
        raise InputError([Problem("time", 0, 0, str(error))]) from None


def local(at: datetime) -> str:
    return at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S %z")


def brief(at: datetime) -> str:
    """The same to the minute, for tables."""
    return at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M")


def store_and_territory(chosen: Settings) -> tuple[Store, Territory]:
    return open_territory(chosen)
