"""A day's rounds as files in a folder: one for each format, and the sheet that a tablet is sent for each truck."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from engine.errors import InputError, Problem
from engine.rounds import Round, encode_round
from jobs.collection.rounds.geojson import to_geojson
from jobs.collection.rounds.gpx import to_gpx
from jobs.collection.rounds.sheet import to_sheet
from jobs.words import Lang

_Made = Callable[[Sequence[Round], datetime, Lang], bytes]


def _calendar(rounds: Sequence[Round], made_at: datetime, lang: Lang) -> bytes:
    from jobs.collection.rounds.calendar import to_icalendar  # noqa: PLC0415 - its library is slow to import

    return to_icalendar(rounds, made_at, lang)


FORMATS: Mapping[str, _Made] = {
    "geojson": lambda rounds, _at, _lang: to_geojson(rounds),
    "gpx": lambda rounds, _at, lang: to_gpx(rounds, lang),
    "html": lambda rounds, _at, lang: to_sheet(rounds, lang).encode(),
    "ics": _calendar,
}
"""By the ending of the file."""


def write_rounds(
    rounds: Sequence[Round], folder: Path, made_at: datetime, lang: Lang, formats: Sequence[str] = tuple(FORMATS)
) -> list[Path]:
    """`rounds-DAY.<ending>` for each format, and `VEHICLE-DAY.json` for each truck. Returns what was written.

    Each file is whole or not there. Raises InputError for a folder that cannot be written to.
    """
    if not rounds:
        return []
    day = rounds[0].day
    files = {f"rounds-{day}.{name}": FORMATS[name](rounds, made_at, lang) for name in formats}
    files |= {f"{_plain(found.vehicle)}-{day}.json": encode_round(found) for found in rounds}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_written(folder / name, content) for name, content in files.items()]
    except OSError as error:
        raise InputError(
            [Problem(str(folder), 0, 0, f"cannot be written: {error.strerror}", "check the path")]
        ) from None


def _written(path: Path, content: bytes) -> Path:
    draft = path.with_name(f"{path.name}.part")
    draft.write_bytes(content)
    return draft.replace(path)


def _plain(name: str) -> str:
    """An id as a file's name: nothing of it leaves the folder."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name).lstrip(".") or "_"
