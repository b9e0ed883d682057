"""Times as sources write them → instants, both nights of the clock change included."""

from collections import Counter
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.documents import shown
from engine.instants import to_us

UNIX = "unix"
_FURTHEST_S = 4_102_444_800  # the year 2100: beyond it a number is no time in seconds


class Unreadable(ValueError):
    """Why a text is no time."""


def parse_time(raw: Any, time_format: str | None) -> datetime:
    """A time, aware or naive as it was written. Raises Unreadable."""
    if time_format == UNIX:
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw <= _FURTHEST_S:
            raise Unreadable(f"{shown(raw)} is no time in seconds since 1970")
        return datetime.fromtimestamp(raw, UTC)
    if not isinstance(raw, str):
        raise Unreadable(f"{shown(raw)} is no time")
    try:
        if time_format is None:
            return datetime.fromisoformat(raw)
        return datetime.strptime(raw, time_format)  # noqa: DTZ007 - `Clock` gives it its zone
    except (ValueError, OverflowError):
        raise Unreadable(f"{shown(raw)} is no time → as {time_format or '2026-11-22T23:40+01:00'}") from None


class Times:
    """Reads the times of one source. `zone` is that of times without an offset."""

    def __init__(self, zone: str | None, time_format: str | None) -> None:
        self._zone = None if zone is None else ZoneInfo(zone)
        self._format = time_format
        self._parsed: dict[Any, tuple[int, int] | Unreadable] = {}

    def one(self, raw: Any) -> int:
        """An instant in µs. Raises Unreadable, also for a local time that happened twice."""
        early, late = self._both(raw)
        if early != late:
            raise Unreadable(f"{shown(raw)} happened twice in {self._zone}")
        return early

    def series(self, raws: Sequence[Any], keys: Sequence[Hashable]) -> list[int | Unreadable]:
        """The instants of rows in order; `keys` say which rows make up a series.

        Where clocks go back, a local time stands twice in each series, the earlier one first: one that stands once, or
        thrice, cannot be told.
        """
        often = Counter(zip(keys, map(_hashable, raws), strict=True))
        seen: Counter[tuple[Hashable, Any]] = Counter()
        found: list[int | Unreadable] = []
        for key, raw in zip(keys, raws, strict=True):
            try:
                early, late = self._both(raw)
            except Unreadable as error:
                found.append(error)
                continue
            one = (key, _hashable(raw))
            if early != late and often[one] != 2:
                what = f"{shown(raw)} happened twice in {self._zone} and stands {often[one]} times"
                found.append(Unreadable(f"{what} → ask the source for times in UTC"))
                continue
            found.append(late if seen[one] else early)
            seen[one] += early != late
        return found

    def after(self, raw: Any, start: int) -> int:
        """The first instant after `start` that a time can mean; the end of a period. Raises Unreadable."""
        early, late = self._both(raw)
        return early if early > start else late

    def _both(self, raw: Any) -> tuple[int, int]:
        """The one or two instants that a time can mean, µs. Raises Unreadable."""
        key = _hashable(raw)
        if key not in self._parsed:
            try:
                self._parsed[key] = self._read(raw)
            except Unreadable as error:
                self._parsed[key] = error
        found = self._parsed[key]
        if isinstance(found, Unreadable):
            raise found
        return found

    def _read(self, raw: Any) -> tuple[int, int]:
        at = parse_time(raw, self._format)
        try:
            if at.tzinfo is not None:
                return (to_us(at),) * 2
            if self._zone is None:
                raise Unreadable(f"{shown(raw)} has no offset → name its zone: time_zone")
            early, late = (at.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        except OverflowError:
            raise Unreadable(f"{shown(raw)} is no time of ours") from None
        if early > late:  # in a gap the offsets of before and after change sides
            raise Unreadable(f"{shown(raw)} was skipped in {self._zone} → ask the source for times in UTC")
        return to_us(early), to_us(late)


def _hashable(raw: Any) -> Any:
    return raw if isinstance(raw, str | int | float) else repr(raw)[:80]
