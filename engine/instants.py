"""Instants: aware UTC inside, Europe/Paris at the edges, microseconds since 1970 in the store."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z. Raises ValueError for a naive instant."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone; an instant is always aware")
    return (at - _EPOCH) // _MICROSECOND


def in_us(duration: timedelta) -> int:
    """A duration in whole microseconds."""
    return duration // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """The instant, in UTC, that many microseconds after 1970-01-01T00:00Z."""
    return _EPOCH + microseconds * _MICROSECOND


@lru_cache(65_536)
def isoformat(at: datetime) -> str:
    """RFC 3339 in UTC with a final Z, as every payload and file of ours writes instants.

    Kept for instants seen lately: the programs of a whole territory switch at the same few.
    """
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def aware(text: str) -> datetime:
    """An RFC 3339 instant. Raises ValueError for what is none, or has no offset."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return at


def clock(at: datetime) -> str:
    """Hours and minutes in Paris, as people read them."""
    return f"{at.astimezone(PARIS):%H:%M}"


def noon(day: date) -> datetime:
    """Local noon of a day, in UTC: where a lighting day begins, so that a night is never cut."""
    return datetime.combine(day, time(12), PARIS).astimezone(UTC)


def days_before(at: datetime, days: int) -> datetime:
    """The same time of the clock in Paris so many days before, in UTC; where clocks skip it, the hour after."""
    local = at.astimezone(PARIS)
    return (local.replace(tzinfo=None) - timedelta(days=days)).replace(tzinfo=PARIS, fold=local.fold).astimezone(UTC)


def slots(start: datetime, end: datetime, width: timedelta) -> tuple[datetime, ...]:
    """Starts of the half-open slots of one width that cover [start, end). 92 or 100 quarter hours on a DST day."""
    count = -((start - end) // width)
    return tuple(start + k * width for k in range(count))


def parse_instant(text: str, *, today: date | None = None) -> datetime:
    """Read an instant as people type it: RFC 3339, or local Paris time with no offset.

    `23:40` alone is the one on `today`. A local time that DST skips or repeats is refused: give an offset.
    Raises ValueError, whose message says what is wanted.
    """
    if today is not None and "-" not in text and "T" not in text:
        text = f"{today.isoformat()}T{text}"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time → write 2026-11-22T23:40 (Paris) or 2026-11-22T22:40Z") from None
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    early, late = (at.replace(tzinfo=PARIS, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early != late:
        raise ValueError(
            f"{text!r} is skipped or repeated by the clock change in Paris → give an offset, as {text}+02:00"
        )
    return early
