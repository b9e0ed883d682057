"""`consigne db`: the database."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import ConsigneError
from engine.store import Store
from jobs.bootstrap import open_store
from jobs.cli.common import instant, person, sealing, settings, show_lines, underway

app = typer.Typer(help="The database.", no_args_is_help=True)
Archive = Annotated[Path, typer.Argument(help="the backup, a .zip")]
_AHEAD = timedelta(days=62)


@app.command()
def upgrade() -> None:
    """Bring the schema to this version; makes the database if there is none.

    Example: consigne db upgrade
    """
    store = Store.open(settings().database_url, create=True)
    with underway("upgrade"):
        store.upgrade()
        store.ensure_partitions(instant(None) + _AHEAD)
    show_lines(["the schema is up to date"])


@app.command()
def check() -> None:
    """Schema, integrity, counts, audit chain, partitions ahead, commands past their end. Exit 1 if anything is wrong.

    Example: consigne db check
    """
    with underway("check"):
        problems = Store.open(settings().database_url).check(instant(None))
    if problems:
        raise ConsigneError("\n".join(map(str, problems)))
    show_lines(["nothing wrong"])


@app.command()
def prune(days: Annotated[int, typer.Option(help="keep readings of this many days", min=1)] = 400) -> None:
    """Remove readings older than so many days; their roll-ups stay.

    Example: consigne db prune --days 400
    """
    store, now = sealing(open_store(settings())), instant(None)
    with underway("prune"):
        removed = store.prune(now - timedelta(days=days), now, person())
    show_lines([f"{name}: {count} removed" for name, count in removed.items()])


@app.command()
def backup(archive: Archive) -> None:
    """Write everything, as it is at one instant, into one file. The service may run.

    Example: consigne db backup consigne.zip
    """
    with underway("backup"):
        open_store(settings()).backup(archive)
    show_lines([str(archive)])


@app.command()
def restore(archive: Archive) -> None:
    """Read a backup into an empty database, of either kind.

    Example: consigne db restore consigne.zip
    """
    store = Store.open(settings().database_url, create=True)
    with underway("restore"):
        sealing(store).restore(archive, instant(None), person())
    show_lines(["restored"])
