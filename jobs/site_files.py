"""A file of the site while a process runs: looked at for changes, gone by as it was last right."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson

from engine.errors import InputError
from engine.store import Unit
from jobs.law import refusal, stamp_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileRead(Generic[T]):
    """What a changed file says: its text and what that stands for, or what is wrong with it. `stamp` is the file's."""

    stamp: tuple[int, int] | None
    text: str = ""
    found: T | None = None
    problems: tuple[str, ...] = ()


class SiteFile(Generic[T]):
    """The file, looked at for changes. The first look reads it: it may have changed while nobody looked.

    `parse` makes of a text what it stands for, of an empty one what holds where there is no file.
    """

    def __init__(self, path: Path, parse: Callable[[str], T]) -> None:
        self._path, self._parse = path, parse
        self._kept: tuple[tuple[int, int] | None] | None = None

    def look(self) -> FileRead[T] | None:
        """What it says, where it was written to since what was kept last; None where it was not."""
        stamp = stamp_of(self._path)
        if self._kept == (stamp,):
            return None
        try:
            text = self._path.read_text("utf-8-sig") if stamp is not None else ""
            return FileRead(stamp, text, self._parse(text))
        except InputError as error:
            return FileRead(stamp, problems=tuple(map(str, error.problems)))
        except (OSError, UnicodeDecodeError) as error:
            return FileRead(stamp, problems=(f"{self._path} cannot be read: {error}",))

    def keep(self, reading: FileRead[T]) -> None:
        """It has been seen to: a database that was away meanwhile has it read again."""
        self._kept = (reading.stamp,)


def note_file(unit: Unit, key: str, reading: FileRead[Any], now: datetime) -> str | None:
    """Keep what a file says, under a key. Returns what was gone by before; None where nothing was.

    A file with a mistake changes nothing and is told by `refused_file`.
    """
    before = gone_by(unit, key)
    said: dict[str, Any] = {"text": reading.text, "refused": None}
    if reading.problems:
        said = {"text": before, "refused": refusal(reading.problems, now)}
    unit.state.put(key, orjson.dumps(said))
    return before


def gone_by(unit: Unit, key: str) -> str | None:
    """The text of the file as it was last right; None where it never was."""
    found: str | None = orjson.loads(unit.state.get(key) or b"{}").get("text")
    return found


def refused_file(unit: Unit, key: str) -> dict[str, Any] | None:
    """The changed file that a service refused last, and does not go by: at, problems, more."""
    found: dict[str, Any] = orjson.loads(unit.state.get(key) or b"{}")
    return found.get("refused")
