"""Times as sources write them, on ordinary days and on the two nights the clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.forecasts.times import Times, Unreadable
from engine.instants import PARIS, from_us, to_us

SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=UTC), datetime(2025, 10, 26, tzinfo=UTC)


def utc(*parts: int) -> int:
    return to_us(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("raw", "zone", "time_format", "wanted"),
    [
        ("2026-07-01T12:00+02:00", None, None, utc(2026, 7, 1, 10)),
        ("2026-07-01T12:00Z", "Europe/Paris", None, utc(2026, 7, 1, 12)),
        ("2026-07-01T12:00", "Europe/Paris", None, utc(2026, 7, 1, 10)),
        ("2026-07-01T12:00", "UTC", None, utc(2026, 7, 1, 12)),
        ("01/07/2026 12:00", "Europe/Paris", "%d/%m/%Y %H:%M", utc(2026, 7, 1, 10)),
        ("01/07/2026 12:00 +0000", None, "%d/%m/%Y %H:%M %z", utc(2026, 7, 1, 12)),
        (1_782_907_200, None, "unix", utc(2026, 7, 1, 12)),
    ],
)
def test_one_time(raw: object, zone: str | None, time_format: str | None, wanted: int) -> None:
    assert Times(zone, time_format).one(raw) == wanted


@pytest.mark.parametrize(
    ("raw", "zone", "time_format", "what"),
    [
        ("2026-07-01T12:00", None, None, "has no offset → name its zone"),
        ("2026-02-30T12:00", "UTC", None, "is no time"),
        ("yesterday", "UTC", None, "is no time"),
        ("2026-07-01T12:00", "UTC", "%d/%m/%Y", "is no time → as %d/%m/%Y"),
        (12, "UTC", None, "is no time"),
        (None, "UTC", None, "is no time"),
        (True, None, "unix", "no time in seconds"),
        (1_782_907_200_000, None, "unix", "no time in seconds"),
        (float("nan"), None, "unix", "no time in seconds"),
        ({"a": []}, None, None, "is no time"),
        ("2026-03-29T02:30", "Europe/Paris", None, "was skipped in Europe/Paris"),
        ("2025-10-26T02:30", "Europe/Paris", None, "happened twice in Europe/Paris"),
        ("0001-01-01T00:00", "Europe/Paris", None, "is no time of ours"),
        ("9999-12-31T23:59", "America/Los_Angeles", None, "is no time of ours"),
    ],
)
def test_what_is_no_time(raw: object, zone: str | None, time_format: str | None, what: str) -> None:
    with pytest.raises(Unreadable, match=what):
        Times(zone, time_format).one(raw)


@given(
    night=st.sampled_from([SPRING, AUTUMN]),
    step=st.sampled_from([15, 30, 60]),
    start=st.integers(-8, 0),
    count=st.integers(24, 60),
    series=st.integers(1, 3),
)
def test_a_night_written_in_local_times_reads_as_it_was(
    night: datetime, step: int, start: int, count: int, series: int
) -> None:
    """Whole series, side by side: the hour that comes twice is told by its order, the skipped one is not there."""
    instants = [night + timedelta(hours=start, minutes=step * n) for n in range(count * 60 // step)]
    rows = [(at, key) for at in instants for key in range(series)]
    texts = [f"{at.astimezone(PARIS):%Y-%m-%dT%H:%M}" for at, _ in rows]
    found = Times("Europe/Paris", None).series(texts, [key for _, key in rows])
    assert [from_us(at) for at in found if isinstance(at, int)] == [at for at, _ in rows]


@pytest.mark.parametrize("often", [1, 3])
def test_an_hour_that_came_twice_and_stands_otherwise_cannot_be_told(often: int) -> None:
    texts = ["2025-10-26T01:00", *["2025-10-26T02:00"] * often, "2025-10-26T03:00"]
    found = Times("Europe/Paris", None).series(texts, [0] * len(texts))
    assert [isinstance(at, int) for at in found] == [True, *[False] * often, True]
    assert f"stands {often} times" in str(found[1])


def test_the_end_of_a_period_is_after_its_beginning() -> None:
    times = Times("Europe/Paris", None)
    first, second = times.series(["2025-10-26T02:00"] * 2, [0, 0])
    assert isinstance(first, int)
    assert isinstance(second, int)
    assert times.after("2025-10-26T02:00", first) == second
    assert times.after("2025-10-26T03:00", second) == utc(2025, 10, 26, 2)
