import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.model import Reason
from engine.telemetry import files
from engine.telemetry.batch import Normalised
from engine.telemetry.counts import read_counts
from engine.telemetry.files import read_file
from engine.telemetry.raw import RAW, empty

Judge = Callable[[pl.DataFrame], Normalised]
AT = "2026-11-22T11:50:00Z"
HEADER = "asset,property,value,unit,observed_at\n"
ROWS = [
    ("L-1", "powerConsumption", 50.0, "W", AT),
    ("L-2", "powerState", "on", None, AT),
    ("P-1", "presence", 1.0, None, AT),
]


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def whole(path: Path, catalogue: Catalogue | None = None) -> pl.DataFrame:
    return pl.concat([empty(), *read_file(path, catalogue)])


def written(folder: Path, ending: str) -> Path:
    """The same readings in each format."""
    path = folder / f"readings.{ending}"
    documents = [dict(zip(("asset", "property", "value", "unit", "observed_at"), row, strict=True)) for row in ROWS]
    if ending == "csv":
        return write(path, HEADER + "".join(",".join("" if v is None else str(v) for v in row) + "\n" for row in ROWS))
    if ending == "parquet":
        # A Parquet column has one type: the choice among the numbers is left out.
        pl.DataFrame([one for one in documents if one["value"] != "on"]).write_parquet(path)
        return path
    if ending == "json":
        return write(path, json.dumps(documents))
    return write(path, "\n".join(map(json.dumps, documents)))


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "ndjson", "parquet"])
def test_every_format_says_the_same(tmp_path: Path, judge: Judge, ending: str) -> None:
    result = judge(whole(written(tmp_path, ending)))
    expected = [50.0, 1.0] if ending == "parquet" else [50.0, 1.0, 1.0]
    assert result.accepted["value"].to_list() == expected
    assert result.refused.height == 0


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_chunks_are_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    path = written(tmp_path, ending)
    expected = whole(path)
    monkeypatch.setattr(files, "_ROWS", 1)
    monkeypatch.setattr(files, "_BLOCK_BYTES", 7)
    chunks = list(read_file(path))
    assert len(chunks) >= expected.height
    assert all(chunk.schema == dict(RAW) for chunk in chunks)
    assert pl.concat(chunks).equals(expected)


def test_a_bad_row_of_a_csv_is_refused_alone_with_its_line(tmp_path: Path, judge: Judge) -> None:
    rows = ["L-1,powerConsumption,1,W," + AT, "L-1,powerConsumption", "", "L-1,powerConsumption,x,W," + AT,
            'L-1,"power\nConsumption",1,W,' + AT, "L-1,powerConsumption,nan,W," + AT, "L-1,powerConsumption,2,," + AT,
            ",powerConsumption,3,W," + AT, "L-\xff1,powerConsumption,3,W," + AT]  # fmt: skip
    result = judge(whole(write(tmp_path / "a.csv", (HEADER + "\n".join(rows)).encode("latin-1"))))
    assert result.accepted["value"].to_list() == [1.0, 2.0]
    assert result.refused["reason"].to_list() == [
        Reason.MALFORMED, Reason.NOT_A_NUMBER, Reason.UNKNOWN_PROPERTY, Reason.NOT_A_NUMBER, Reason.MALFORMED,
        Reason.UNKNOWN_ASSET,
    ]  # fmt: skip
    assert [detail.split(":")[0] for detail in result.refused["detail"]] == [
        "line 3", "line 5", "line 7", "line 8", "line 10", "line 11",
    ]  # fmt: skip


def test_a_field_too_long_costs_its_row_only(tmp_path: Path, judge: Judge) -> None:
    long = f"L-1,powerConsumption,{'9' * 200_000},W,{AT}\n"
    good = f"L-1,powerConsumption,5,W,{AT}\n"
    result = judge(whole(write(tmp_path / "a.csv", HEADER + good + long + good)))
    assert result.accepted["value"].to_list() == [5.0, 5.0]
    assert result.refused["reason"].to_list() == [Reason.MALFORMED]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    for ending in ("csv", "json", "jsonl"):
        path = written(tmp_path, ending)
        plain = whole(path)
        assert whole(write(path, mark + path.read_bytes())).equals(plain)


def test_columns_stand_in_any_order_and_unit_is_optional(tmp_path: Path, judge: Judge) -> None:
    path = write(tmp_path / "a.csv", f"observed_at,value,property,asset\n{AT},5,powerConsumption,L-1\n")
    assert judge(whole(path)).accepted["value"].to_list() == [5.0]


@pytest.mark.parametrize(
    ("name", "text", "problems"),
    [
        ("a.csv", "", ["a.csv:1:1 the column 'asset' is missing", "'property'", "'value'", "'observed_at'"]),
        (
            "a.csv",
            "asset,property,value,when\n",
            ["a.csv:1:1 the column 'observed_at' is missing", "a.csv:1:4", "'when'"],
        ),
        ("a.csv", "asset,asset,property,value,observed_at\n", ["a.csv:1:2 unknown or repeated column 'asset'"]),
        ("a.json", '{"asset": "L-1",\n "x" }', ["a.json:2:6 is not JSON"]),
        ("a.json", b"\xff", ["a.json:1:1 is not JSON"]),
        ("a.json", "[" * 200_000, ["a.json:1:1 is not JSON"]),
        ("a.parquet", "PAR1", ["a.parquet cannot be read as Parquet"]),
        ("a.xlsx", "", ["a.xlsx ends in '.xlsx'", ".csv, .jsonl"]),
    ],
)
def test_a_wrong_file_says_where_and_what(tmp_path: Path, name: str, text: str | bytes, problems: list[str]) -> None:
    with pytest.raises(InputError) as error:
        whole(write(tmp_path / name, text))
    assert [problem for problem in problems if problem not in str(error.value)] == []


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "ndjson", "jsonld", "parquet"])
def test_a_file_that_is_not_there(tmp_path: Path, ending: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        whole(tmp_path / f"absent.{ending}")
    (tmp_path / f"folder.{ending}").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        whole(tmp_path / f"folder.{ending}")


def test_memory_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LONGEST_BYTES", 100)
    monkeypatch.setattr(files, "_BLOCK_BYTES", 10)
    with pytest.raises(InputError, match="longer than 100 bytes"):
        whole(write(tmp_path / "a.jsonl", "x" * 500))
    with pytest.raises(InputError, match="larger than 100 bytes"):
        whole(write(tmp_path / "a.json", "[" + " " * 500 + "]"))


@pytest.mark.parametrize(
    ("instants", "expected"),
    [
        (pl.Series([datetime(2026, 11, 22, 11, tzinfo=UTC)]), 1),
        (pl.Series([datetime(2026, 11, 22, 11, tzinfo=UTC)]).dt.convert_time_zone("Europe/Paris"), 1),
        (pl.Series([datetime.fromisoformat("2026-11-22T11:00:00")]), 0),
        (pl.Series([AT]), 1),
    ],
)
def test_parquet_instants_need_a_zone(tmp_path: Path, judge: Judge, instants: pl.Series, expected: int) -> None:
    frame = pl.DataFrame({"asset": ["L-1"], "property": ["powerConsumption"], "value": [5], "observed_at": instants})
    frame.write_parquet(tmp_path / "a.parquet")
    result = judge(whole(tmp_path / "a.parquet"))
    assert result.accepted.height == expected
    assert result.refused["reason"].to_list() == [Reason.NAIVE_TIME] * (1 - expected)


def test_parquet_choices_and_wrong_columns(tmp_path: Path, judge: Judge) -> None:
    frame = pl.DataFrame({"asset": ["L-1"], "property": ["powerState"], "value": ["on"], "observed_at": [AT]})
    frame.write_parquet(tmp_path / "a.parquet")
    assert judge(whole(tmp_path / "a.parquet")).accepted["value"].to_list() == [1.0]
    frame.rename({"asset": "lamp"}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="'asset' is missing"):
        whole(tmp_path / "b.parquet")


def test_entities_in_lines_and_in_a_document(tmp_path: Path, judge: Judge, catalogue: Catalogue) -> None:
    entity: dict[str, Any] = {"id": "L-1", "type": "Streetlight", "powerConsumption": 5, "dateObserved": AT}
    for name, text in (("a.json", [entity]), ("a.jsonld", entity), ("a.jsonl", entity)):
        path = write(tmp_path / name, json.dumps(text))
        assert judge(whole(path, catalogue)).accepted["value"].to_list() == [5.0]
        assert judge(whole(path)).refused["reason"].to_list() == [Reason.MALFORMED]


COUNTS = "arc,time,flow_veh_h,occupancy_pct\n"


def test_counts_are_two_readings_a_line(tmp_path: Path, judge: Judge) -> None:
    text = (
        COUNTS
        + "5672,2022-11-01T03Z,34.0,0.28667\n5672,2022-11-01T04Z,,0.4\n7,2022-11-01T04Z,1,2\n5672,2022-11-01T05Z,x,\n"
    )
    frame = read_counts(write(tmp_path / "counts.csv", text), {"5672": "T-1"})
    assert frame.select("asset", "property", "number", "unit", "line").rows() == [
        ("T-1", "intensity", 34.0, "/h", 2), ("T-1", "occupancy", 0.28667, "%", 2), ("T-1", "occupancy", 0.4, "%", 3),
        ("7", "intensity", 1.0, "/h", 4), ("7", "occupancy", 2.0, "%", 4), ("T-1", "intensity", None, "/h", 5),
    ]  # fmt: skip
    result = judge(frame)
    assert result.accepted["value"].to_list() == [34.0, pytest.approx(0.0028667), pytest.approx(0.004)]
    assert result.refused["reason"].to_list() == [Reason.UNKNOWN_ASSET, Reason.UNKNOWN_ASSET, Reason.NOT_A_NUMBER]


def test_a_short_line_of_counts_is_refused_once(tmp_path: Path, judge: Judge) -> None:
    frame = read_counts(write(tmp_path / "counts.csv", COUNTS + "5672,2022-11-01T03Z\n"), {"5672": "T-1"})
    assert judge(frame).refused["reason"].to_list() == [Reason.MALFORMED]


def test_counts_with_other_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'occupancy_pct' is missing"):
        read_counts(write(tmp_path / "counts.csv", "arc,time,flow_veh_h\n"), {})


@pytest.mark.reference
def test_real_counts(reference: Path, judge: Judge) -> None:
    path = reference / "lighting" / "paris_counts" / "convention_hourly.csv"
    result = judge(read_counts(path, {"5672": "T-1"}))
    lines = len(path.read_text().splitlines()) - 1
    assert result.accepted.height == 2 * lines - path.read_text().count(",,") - path.read_text().count(",\n")
    assert result.refused.height == 0
