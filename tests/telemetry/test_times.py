from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instants import from_us, to_us
from engine.telemetry.times import microseconds, naive


def read(text: str | None) -> datetime | None:
    found = microseconds(pl.Series([text], dtype=pl.String))[0]
    return None if found is None else from_us(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-11-01T03:04:05Z", "2022-11-01T03:04:05+00:00"),
        ("2022-11-01t03:04:05z", "2022-11-01T03:04:05+00:00"),
        ("2022-11-01 03:04:05Z", "2022-11-01T03:04:05+00:00"),
        ("2022-11-01T03:04:05+05:30", "2022-10-31T21:34:05+00:00"),
        ("2022-11-01T03:04:05+0530", "2022-10-31T21:34:05+00:00"),
        ("2022-11-01T03:04:05-08", "2022-11-01T11:04:05+00:00"),
        ("2022-11-01T03:04:05.6Z", "2022-11-01T03:04:05.600000+00:00"),
        ("2022-11-01T03:04:05,6Z", "2022-11-01T03:04:05.600000+00:00"),
        ("2022-11-01T03:04:05.123456789Z", "2022-11-01T03:04:05.123456+00:00"),
        ("2022-11-01T03:04:05.123456789012Z", "2022-11-01T03:04:05.123456+00:00"),
        ("2022-11-01T03Z", "2022-11-01T03:00:00+00:00"),
        ("2022-11-01T03+01", "2022-11-01T02:00:00+00:00"),
        ("2022-11-01T03:04Z", "2022-11-01T03:04:00+00:00"),
        ("2022-11-01T0304Z", "2022-11-01T03:04:00+00:00"),
        ("2022-11-01T030405+0100", "2022-11-01T02:04:05+00:00"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999+00:00"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00+00:00"),
        # The clocks of Paris: 2026-03-29 02:00 does not exist, 2026-10-25 02:30 comes twice. An offset tells.
        ("2026-03-29T01:59:59+01:00", "2026-03-29T00:59:59+00:00"),
        ("2026-03-29T03:00:00+02:00", "2026-03-29T01:00:00+00:00"),
        ("2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00+00:00"),
    ],
)
def test_instants(text: str, expected: str) -> None:
    assert read(text) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "text",
    [None, "", "now", "2022-02-29T00:00:00Z", "2022-11-31T00:00:00Z", "2022-13-01T00:00:00Z", "2022-11-01T24:00:00Z",
     "2022-11-01T03:60:00Z", "2022-11-01T03:04:05", "2022-11-01", "1667271845", "20221101T030405Z", "01/11/2022 03:04",
     "2022-1-1T3:4:5Z", " 2022-11-01T03:04:05Z", "2022-11-01T03:04:05Z ", "2022-11-01T03:04:05+99:00",
     "2022-11-01T03:04:05−02:00", "2022-11-01T03:04:05 Europe/Paris", "+12022-11-01T03:04:05Z",
     "２022-11-01T03:04:05Z"],
)  # fmt: skip
def test_not_instants(text: str | None) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2022-11-01T03:04:05", True), ("2022-11-01 03:04", True), ("2022-11-01T03", True), ("2022-11-01", True),
     ("2022-11-01T03:04:05.5", True), ("2022-11-01T03:04:05Z", False), ("03:04", False), ("", False), (None, False)],
)  # fmt: skip
def test_naive_is_a_time_that_lacks_its_offset(text: str | None, expected: bool) -> None:
    assert pl.DataFrame({"t": pl.Series([text], dtype=pl.String)}).select(naive(pl.col("t"))).item() is expected


OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


EARLIEST, LATEST = datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2200-01-01")


@given(st.lists(st.datetimes(EARLIEST, LATEST, timezones=OFFSETS), min_size=1))
def test_reads_what_python_writes(instants: list[datetime]) -> None:
    written = pl.Series([at.isoformat() for at in instants])
    assert microseconds(written).to_list() == [to_us(at) for at in instants]


@given(st.lists(st.text(alphabet="0123456789-+:.,TZtz ", max_size=30)))
def test_never_raises_and_keeps_length(texts: list[str]) -> None:
    found = microseconds(pl.Series(texts, dtype=pl.String))
    assert found.dtype == pl.Int64
    assert found.len() == len(texts)


def test_each_row_is_read_alone() -> None:
    texts = ["x", "2022-11-01T03Z", None, "2022-11-01T04:00:00Z", "2022-11-01T05:00:00"]
    hour = to_us(datetime(2022, 11, 1, 3, tzinfo=UTC))
    assert microseconds(pl.Series(texts)).to_list() == [None, hour, None, hour + 3_600_000_000, None]
