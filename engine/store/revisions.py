"""Which schema a database has, and bringing it to this version's."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from engine.errors import Conflict, Problem

_MIGRATIONS = Path(__file__).parent / "migrations"


def head() -> str:
    """The revision of this version."""
    found = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert found is not None  # noqa: S101 - the first migration is there
    return found


def current(connection: Connection) -> str | None:
    """The revision of a database; None when it has no schema of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection, name: str) -> None:
    """Run the missing migrations inside the caller's transaction. Raises Conflict when there is nothing we know."""
    found = current(connection)
    if found is not None and found not in {
        script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()
    }:
        raise Conflict(f"{name}: its schema {found!r} is of a newer version; nothing was changed → run that version")
    if found is None and inspect(connection).has_table("reading"):
        raise Conflict(f"{name}: holds somebody else's tables; nothing was changed → name an empty database")
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def check(connection: Connection, name: str) -> list[Problem]:
    """One problem unless the schema is this version's."""
    found, wanted = current(connection), head()
    if found == wanted:
        return []
    what = f"its schema is {found!r}, this version's is {wanted!r}" if found else "has no schema"
    return [Problem(name, 0, 0, what, "consigne db upgrade")]
