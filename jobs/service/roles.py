"""What a process of the service does: the roles, and the leases under which it has them."""

import re
from collections.abc import Collection
from enum import StrEnum

from engine.errors import InputError, Problem

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")


class Role(StrEnum):
    """A share of the service's work. Each is led by one process at a time, but for the console, which only reads."""

    INGEST = "ingest"
    RULES = "rules"
    PLAN = "plan"
    DISPATCH = "dispatch"
    CONSOLE = "console"


ALL = frozenset(Role)


def parse_roles(text: str, name: str | None = None) -> frozenset[Role]:
    """Roles by their names, with commas between. Raises InputError for others, and for a `name` beside other roles."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = {role.value for role in Role}
    unknown = [repr(word) for word in words if word not in known]
    problems = []
    if unknown or not words:
        what = f"{', '.join(unknown)}: no such role" if unknown else "no role is named"
        problems.append(Problem("--roles", 0, 0, what, f"some of {', '.join(Role)}"))
    if name is not None and words != [Role.DISPATCH]:
        problems.append(Problem("--name", 0, 0, "only senders have names", "say --roles dispatch --name N"))
    if name is not None and not _NAME.fullmatch(name):
        problems.append(Problem("--name", 0, 0, f"{name!r} is no name", "up to 40 letters, digits, - _ and ."))
    if problems:
        raise InputError(problems)
    return frozenset(map(Role, words))


def lease_names(roles: Collection[Role], name: str | None = None) -> list[str]:
    """The leases that go with these roles. Senders of different names work side by side."""
    leased = sorted(role.value for role in roles if role is not Role.CONSOLE)
    return [f"{lease}/{name}" if name is not None else lease for lease in leased]
