"""Rounds as GeoJSON, GPX, iCalendar, a printed sheet and the document of a tablet, each read back by another reader."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import icalendar
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.rounds import Doing, Line, Round, decode_round, encode_round
from jobs.collection.rounds.calendar import to_icalendar
from jobs.collection.rounds.files import write_rounds
from jobs.collection.rounds.geojson import to_geojson
from jobs.collection.rounds.gpx import NAMESPACE, to_gpx
from jobs.collection.rounds.sheet import to_sheet

_START = datetime(2026, 9, 29, 3, 0, tzinfo=UTC)  # 05:00 in Paris
_MADE = datetime(2026, 9, 28, 18, 0, tzinfo=UTC)
_GPX = {"g": NAMESPACE}


def _line(minute: int, doing: Doing, **told: object) -> Line:
    at = _START + timedelta(minutes=minute)
    known = {"lon": -0.66 + minute / 10_000, "lat": 47.4, "arrive_at": at, "begin_at": at, **told}
    return Line(doing=doing, end_at=at + timedelta(minutes=2), **known)  # type: ignore[arg-type]


def _round(vehicle: str = "T-1", **changes: object) -> Round:
    lines = (
        _line(0, Doing.START, place="Dépôt <nord>"),
        _line(10, Doing.STOP, number=1, asset="R-1", place="rue & place", fill=0.83, mass_kg=120.5, distance_m=2500.0),
        _line(15, Doing.STOP, number=2, asset="R-2", fill=0.5, mass_kg=80.0, distance_m=900.0),
        _line(30, Doing.REST),
        _line(50, Doing.UNLOAD, asset="S-1", mass_kg=200.5, distance_m=4000.0),
        _line(70, Doing.END, distance_m=2600.0),
    )
    found = Round(vehicle=vehicle, day=date(2026, 9, 29), plan="abc123", fractions=("other",), lines=lines)
    return replace(found, **changes)  # type: ignore[arg-type]


def test_geojson_is_what_the_standard_says() -> None:
    found = orjson.loads(to_geojson([_round(), _round("T-2", lines=())]))
    assert found["type"] == "FeatureCollection"
    line, *points = found["features"]
    assert line["geometry"]["type"] == "LineString"
    assert len(line["geometry"]["coordinates"]) >= 2
    assert [point["geometry"]["coordinates"] for point in points] == line["geometry"]["coordinates"]
    assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in line["geometry"]["coordinates"])
    assert len({feature["id"] for feature in found["features"]}) == len(found["features"])
    assert line["properties"]["distance_m"] == 10_000
    assert points[1]["properties"]["begin_at"] == "2026-09-29T05:10:00+02:00"
    assert points[1]["properties"]["number"] == 1
    assert "crs" not in found  # RFC 7946, section 4


def test_gpx_has_what_its_schema_requires_in_its_order() -> None:
    root = ET.fromstring(to_gpx([_round()], "fr"))  # noqa: S314 - our own
    assert root.tag == f"{{{NAMESPACE}}}gpx"
    assert (root.attrib["version"], root.attrib["creator"]) == ("1.1", "Consigne")
    assert [child.tag.rpartition("}")[2] for child in root] == ["metadata", "wpt", "wpt", "rte"]
    points = root.findall("g:rte/g:rtept", _GPX)
    assert len(points) == 5  # a break is no place
    order = {"time": 0, "name": 1, "cmt": 2, "type": 3}
    for point in [*root.findall("g:wpt", _GPX), *points]:
        assert -90 <= float(point.attrib["lat"]) <= 90
        places = [order[child.tag.rpartition("}")[2]] for child in point]
        assert places == sorted(places)
        time = point.find("g:time", _GPX)
        assert time is not None
        assert datetime.fromisoformat(str(time.text)).utcoffset() == timedelta(0)
    comment = root.find("g:wpt/g:cmt", _GPX)
    assert comment is not None
    assert comment.text == "rue & place"


def test_a_calendar_is_read_again_in_the_time_of_paris() -> None:
    calendar = icalendar.Calendar.from_ical(to_icalendar([_round(), _round("T-2")], _MADE, "fr"))
    events = calendar.walk("VEVENT")
    assert [str(event["uid"]) for event in events] == [
        "T-1-2026-09-29@consigne.invalid", "T-2-2026-09-29@consigne.invalid"
    ]  # fmt: skip
    assert events[0]["dtstart"].dt == _START
    assert events[0]["dtstart"].params["TZID"] == "Europe/Paris"
    assert events[0]["duration"].dt == timedelta(minutes=72)
    assert [str(zone["tzid"]) for zone in calendar.walk("VTIMEZONE")] == ["Europe/Paris"]
    assert not calendar.errors


@pytest.mark.parametrize(
    "start_at",
    [
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),  # 01:30, clocks go on at 02:00
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # 02:30 for the first time
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),  # 02:30 for the second
    ],
)
def test_a_round_in_the_night_clocks_change_begins_and_lasts_as_it_does(start_at: datetime) -> None:
    by = start_at - _START
    lines = [
        replace(line, arrive_at=line.arrive_at + by, begin_at=line.begin_at + by, end_at=line.end_at + by)
        for line in _round().lines
    ]
    told = to_icalendar([_round(lines=tuple(lines))], _MADE, "en")
    (event,) = icalendar.Calendar.from_ical(told).walk("VEVENT")
    assert event["dtstart"].dt.astimezone(UTC) == start_at
    assert event["duration"].dt == timedelta(minutes=72)


def test_a_calendar_of_no_round_is_one_without_events() -> None:
    assert not icalendar.Calendar.from_ical(to_icalendar([], _MADE, "fr")).walk("VEVENT")


def test_a_sheet_numbers_its_stops_and_escapes_what_people_wrote() -> None:
    page = to_sheet([_round(approximate=True), _round("T-2", lines=())], "fr")
    assert page.count("<section>") == 2
    assert "Dépôt &lt;nord&gt;" in page
    assert "<nord>" not in page
    assert "83 %" in page
    assert "05:10" in page  # local
    assert "sans carte" in page
    assert "Pas de tournée" in page


@given(st.lists(st.floats(0, 1), max_size=5), st.booleans())
def test_the_document_of_a_tablet_is_read_as_it_was_written(fills: list[float], approximate: bool) -> None:
    lines = [_line(k, Doing.STOP, number=k + 1, asset=f"R-{k}", fill=fill) for k, fill in enumerate(fills)]
    found = _round(lines=tuple(lines), approximate=approximate)
    assert decode_round(encode_round(found)) == found


def test_what_is_no_round_is_a_value_error() -> None:
    for payload in (b"", b"[]", b'{"vehicle": "T-1"}', b'{"vehicle": "T-1", "day": "no", "plan": ""}'):
        with pytest.raises(ValueError, match="not a round"):
            decode_round(payload)


def test_all_of_it_is_written_into_a_folder(tmp_path: Path) -> None:
    written = write_rounds([_round("../T 1")], tmp_path / "new", _MADE, "en")
    assert sorted(path.name for path in written) == [
        "_T_1-2026-09-29.json",
        "rounds-2026-09-29.geojson",
        "rounds-2026-09-29.gpx",
        "rounds-2026-09-29.html",
        "rounds-2026-09-29.ics",
    ]
    assert sorted((tmp_path / "new").iterdir()) == sorted(written)
    assert write_rounds([], tmp_path / "none", _MADE, "en") == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file"):
        write_rounds([_round()], tmp_path / "file", _MADE, "en")
