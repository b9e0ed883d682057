"""The chain of the audit: what a line's hash covers, and where a row of lines ceases to fit. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from engine.store.schema import to_json

GENESIS = "0" * 64
"""The hash before the first line."""


class Row(NamedTuple):
    """A line as it is kept. `at` in µs since 1970; `body` is its JSON text. Texts may come as UTF-8 bytes."""

    seq: int | None
    id: int
    at: int
    actor: str | bytes
    action: str | bytes
    subject: str | bytes
    body: str | bytes
    hash: str | bytes | None


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place of the chain that does not fit. `id` of the line found there; None where none is."""

    seq: int
    id: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Chain:
    """What a chain was found to be: the lines that fit, from the first on, the hash of the last of them, the first
    break, and how many lines wait to be sealed (not known of a file)."""

    lines: int
    head: str
    broken: Broken | None = None
    unsealed: int = 0


def digest(before: str, seq: int, row: Row) -> str:
    """SHA-256, in hex, over the hash before and the line at the place `seq`.

    A line's own number is written only where it is not its place too, so that chains of before the two differed fit.
    Raises TypeError or ValueError for a row that no line of ours looks like.
    """
    line: dict[str, Any] = {"seq": seq, "at": row.at, "body": orjson.Fragment(row.body)}
    line |= {"actor": _text(row.actor), "action": _text(row.action), "subject": _text(row.subject)}
    if row.id != seq:
        line["id"] = row.id
    return hashlib.sha256(f"{before}{to_json(line)}".encode()).hexdigest()


def follow(rows: Iterable[Row], wanted: str | None = None, after: int = 0, before: str = GENESIS) -> Chain:
    """Compare rows, in the order of their places, with the chain from the place and hash `after` and `before` on.

    `wanted` is a hash somebody kept: a chain that does not hold it has lost its end, or another was put in its place.
    """
    first, seen = after, wanted in {None, before}
    for row in rows:
        broken = _misfit(row, after + 1, before)
        if broken is not None:
            return Chain(after - first, before, broken)
        after, before = after + 1, _text(row.hash)
        seen = seen or before == wanted
    lost = None if seen else Broken(after + 1, None, f"no line has the hash {wanted}: the end was cut or made anew")
    return Chain(after - first, before, lost)


def _misfit(row: Row, seq: int, before: str) -> Broken | None:
    if row.seq != seq:
        found = f"there is line {row.seq} where line {seq} should be"
        return Broken(seq, None, f"{found}: removed, or moved") if _later(row, seq) else Broken(seq, row.id, found)
    try:
        fits = _text(row.hash) == digest(before, seq, row)
    except (TypeError, ValueError):
        return Broken(seq, row.id, "cannot be read as a line any more")
    return None if fits else Broken(seq, row.id, "not what was sealed: changed, put in, or moved")


def _later(row: Row, seq: int) -> bool:
    return isinstance(row.seq, int) and row.seq > seq


def _text(value: str | bytes | None) -> str:
    """Raises TypeError or ValueError for what is no text."""
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value
