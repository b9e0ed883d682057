"""What was really done, kept by the equipment itself: the witness that nothing is applied twice, or too late."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson

from engine.instants import isoformat
from engine.model import Command, Program
from engine.wire import digest, program_to_json


class Effect(NamedTuple):
    """One program put into action. `at` is the true time, whatever the equipment's own clock said."""

    point: str
    seq: int
    id: str
    at: datetime
    digest: str
    expires_at: datetime
    program: Program


def effect_of(command: Command, at: datetime) -> Effect:
    return Effect(
        command.point, command.seq, command.id, at, digest(command.program), command.expires_at, command.program
    )


class EffectLog:
    """An append-only file of JSON lines, on the disk before anybody is told."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        if path.stat().st_size:
            # A line that a crash cut short was never told to anybody.
            self._file.truncate(path.read_bytes().rfind(b"\n") + 1)

    def append(self, effects: Sequence[Effect]) -> None:
        if not effects:
            return
        self._file.writelines(map(_line, effects))
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()


def _line(effect: Effect) -> bytes:
    plain = {**effect._asdict(), "at": isoformat(effect.at), "expires_at": isoformat(effect.expires_at)}
    return orjson.dumps({**plain, "program": program_to_json(effect.program)}) + b"\n"


def read_effects(path: Path) -> list[dict[str, Any]]:
    """The lines of a log, keys as in `Effect`. A last line cut short by a crash is left out."""
    return [orjson.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
