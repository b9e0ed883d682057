"""A stretch of the audit in a file of its own, which anybody can verify without the database.

JSON lines. The first names the form, the place and hash before the stretch (`after`) and those of its last line
(`last`); each of the others is one line of the audit, canonical (sorted keys, no spaces), with `seq` and `hash`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from engine.errors import Conflict, InputError, Problem
from engine.instants import from_us, isoformat, to_us
from engine.store.audit import Audit
from engine.store.chain import Broken, Chain, Row, follow
from engine.store.schema import to_json

_FORM = "consigne-audit-1"


def export(audit: Audit, start: datetime, until: datetime, path: Path) -> int:
    """Write the sealed lines from the first to the last of [start, until); returns how many.

    Raises Conflict where the file exists, InputError where there is no such line.
    """
    if path.exists():
        raise Conflict(f"{path} exists already; nothing was written → name a new file")
    places = audit.places(start, until)
    if places is None:
        span = f"from {isoformat(start)} to {isoformat(until)}"
        raise InputError([Problem("audit", 0, 0, f"holds no sealed line {span}", "widen the time, or wait a second")])
    first, last = places
    ends = {"after": [first - 1, audit.hash_at(first - 1)], "last": [last, audit.hash_at(last)]}
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(to_json({"form": _FORM, **ends}) + "\n")
        file.writelines(f"{_text(row)}\n" for row in audit.rows(first, last))
    return last - first + 1


def verify_file(path: Path, head: str | None = None) -> Chain:
    """Compare the lines of a file with their chain. `head` as of `Audit.verify`.

    A file that ends before the last line it announces is broken there. Raises InputError for what is no such file.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            begin = _header(file.readline())
            if begin is not None:
                (seq, before), (last, last_hash) = begin
                found = follow(_rows(file, seq), head, seq, before)
                if found.broken is None and (seq + found.lines, found.head) != (last, last_hash):
                    cut = Broken(seq + found.lines + 1, None, f"the file was cut: its last line was {last}")
                    return replace(found, broken=cut)
                return found
    except OSError as error:
        raise InputError([Problem(str(path), 0, 0, f"cannot be read: {error.strerror}", "check the path")]) from None
    hint = "name a file that consigne audit export wrote"
    raise InputError([Problem(str(path), 1, 1, f"is no file of the form {_FORM}", hint)])


def _header(line: str) -> tuple[tuple[int, str], tuple[int, str]] | None:
    try:
        found = orjson.loads(line)
        (seq, before), (last, last_hash) = found["after"], found["last"]
        whole = found["form"] == _FORM and isinstance(seq, int) and isinstance(last, int)
    except (LookupError, TypeError, ValueError):
        return None
    return ((seq, str(before)), (last, str(last_hash))) if whole else None


def _rows(lines: Iterable[str], seq: int) -> Iterator[Row]:
    for place, line in enumerate(lines, start=seq + 1):
        yield _row(line.rstrip("\n")) or Row(place, 0, 0, "", "", "", "", None)


def _row(line: str) -> Row | None:
    """The line, if it is written exactly as `export` would."""
    try:
        found: dict[str, Any] = orjson.loads(line)
        at, body = to_us(datetime.fromisoformat(found["at"])), to_json(found["body"])
        words = (found["actor"], found["action"], found["subject"])
        row = Row(found["seq"], found["id"], at, *words, body, found["hash"])
        return row if _text(row) == line else None
    except (LookupError, TypeError, ValueError, OverflowError):
        return None


def _text(row: Row) -> str:
    texts = {name: _str(getattr(row, name)) for name in ("actor", "action", "subject", "hash")}
    numbers = {"seq": row.seq, "id": row.id, "at": isoformat(from_us(row.at))}
    return to_json(numbers | texts | {"body": orjson.Fragment(row.body)})


def _str(value: str | bytes | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value
