from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from engine.catalogue import Catalogue
from engine.instants import from_us, isoformat
from engine.model import Reason
from engine.telemetry.batch import Normalised
from engine.telemetry.files import read_file
from engine.telemetry.jsonlines import parse_payloads
from engine.telemetry.ngsild import readings_of

Judge = Callable[[pl.DataFrame], Normalised]
Read = Callable[[Any], list[tuple[Any, ...]]]
AT = "2026-11-22T11:50:00Z"
SHAPES = ("example.json", "example-normalized.json", "example.jsonld", "example-normalized.jsonld")

KEY_VALUES = {"id": "L-1", "type": "Streetlight", "powerState": "on", "powerConsumption": 48.5,
              "observationDateTime": AT, "lanternHeight": 10, "dateLastLampChange": "2016-07-08T08:02:21Z"}  # fmt: skip
NGSI_V2 = {
    "id": "L-1", "type": "Streetlight", "powerState": {"type": "Text", "value": "on", "metadata": {}},
    "powerConsumption": {"type": "Number", "value": 48.5}, "observationDateTime": {"type": "DateTime", "value": AT},
    "lanternHeight": {"type": "Number", "value": 10},
}  # fmt: skip
LD_KEY_VALUES = {**KEY_VALUES, "id": "urn:ngsi-ld:Streetlight:L-1", "@context": ["https://example.org/context.jsonld"]}
LD_NORMALISED = {
    "id": "urn:ngsi-ld:Streetlight:L-1", "type": "Streetlight", "powerState": {"type": "Property", "value": "on"},
    "powerConsumption": {"type": "Property", "value": 48.5, "unitCode": "WTT"},
    "observationDateTime": {"type": "Property", "value": {"@type": "DateTime", "@value": AT}},
    "refStreetlightGroup": {"type": "Relationship", "object": "urn:ngsi-ld:StreetlightGroup:G"}, "@context": [],
}  # fmt: skip
ALL_SHAPES = [KEY_VALUES, NGSI_V2, LD_KEY_VALUES, LD_NORMALISED]


@pytest.fixture
def read(judge: Judge, catalogue: Catalogue, series: pl.DataFrame) -> Read:
    """(asset, property, value, instant) of what is accepted, (asset, property, reason) of what is refused."""

    def run(document: Any) -> list[tuple[Any, ...]]:
        result = judge(parse_payloads([orjson.dumps(document)], catalogue=catalogue))
        good = result.accepted.join(series, on="series", maintain_order="left")
        rows: list[tuple[Any, ...]] = [
            (row["asset"], row["property"], row["value"], isoformat(from_us(row["observed_at"])))
            for row in good.rows(named=True)
        ]
        return rows + result.refused.select("asset", "property", "reason").rows()

    return run


@pytest.mark.parametrize("entity", ALL_SHAPES)
def test_four_shapes_one_meaning(read: Read, entity: dict[str, Any]) -> None:
    assert read(entity) == [("L-1", "powerState", 1.0, AT), ("L-1", "powerConsumption", 48.5, AT)]


def test_a_list_and_a_notification_are_their_entities(read: Read) -> None:
    each = [reading for entity in ALL_SHAPES for reading in read(entity)]
    assert read(ALL_SHAPES) == each
    assert read({"id": "n", "type": "Notification", "subscriptionId": "s", "data": ALL_SHAPES}) == each


@pytest.mark.reference
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("Streetlighting/Streetlight", {"powerState": 0.0, "status": 0.0, "powerConsumption": 10.0}),
        # 197 vehicles from 11:10 to 11:15 are 2364 an hour.
        ("Transportation/TrafficFlowObserved", {"intensity": 2364.0, "occupancy": 0.76, "averageVehicleSpeed": 52.6}),
    ],
)
def test_published_examples(
    reference: Path, judge: Judge, catalogue: Catalogue, series: pl.DataFrame, model: str, expected: Any, shape: str
) -> None:
    (frame,) = read_file(reference / "payloads" / "sdm" / f"{model}.{shape}", catalogue)
    result = judge(frame)
    named = result.accepted.join(series, on="series")
    assert result.refused.height == 0
    assert dict(named.select("property", "value").rows()) == expected
    at = {"Streetlight": "2021-01-11T10:21:02Z", "TrafficFlowObserved": "2016-12-07T11:15:00Z"}[model.split("/")[1]]
    assert {isoformat(from_us(us)) for us in named["observed_at"]} == {at}


@pytest.mark.reference
@pytest.mark.parametrize("shape", SHAPES)
def test_published_cabinet_does_not_say_when(reference: Path, judge: Judge, catalogue: Catalogue, shape: str) -> None:
    (frame,) = read_file(reference / "payloads/sdm/Streetlighting" / f"StreetlightControlCabinet.{shape}", catalogue)
    refused = judge(frame).refused
    assert refused.select("property", "reason").sort("property").rows() == [
        ("energyConsumed", Reason.NO_TIME), ("workingMode", Reason.NO_TIME),
    ]  # fmt: skip


@pytest.mark.reference
def test_every_published_example_is_read_without_a_fault(reference: Path, judge: Judge, catalogue: Catalogue) -> None:
    files = [path for path in (reference / "payloads" / "sdm").glob("*/*example*.json*") if "geojson" not in path.name]
    assert len(files) > 40
    for path in files:
        for frame in read_file(path, catalogue):
            judge(frame)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"dateObserved": "2026-11-22T10:00:00Z"}, "2026-11-22T10:00:00Z"),
        ({"dateObserved": "2026-11-22T10:00:00Z/2026-11-22T11:00:00Z"}, "2026-11-22T11:00:00Z"),
        ({"dateObserved": "2026-11-22T10:00:00", "dateObservedTo": "2026-11-22T11:00:00Z"}, "2026-11-22T11:00:00Z"),
        (
            {"dateModified": "2026-11-22T09:00:00Z", "observationDateTime": "2026-11-22T10:00:00Z"},
            "2026-11-22T10:00:00Z",
        ),
        ({"dateModified": "2026-11-22T09:00:00Z"}, "2026-11-22T09:00:00Z"),
        ({"dateModified": {"type": "Property", "value": {"@value": "2026-11-22T09:00:00Z"}}}, "2026-11-22T09:00:00Z"),
    ],
)
def test_when_an_entity_was_observed(read: Read, times: dict[str, Any], expected: str) -> None:
    assert read({"id": "L-1", "type": "Streetlight", "powerConsumption": 5, **times})[0][3] == expected


@pytest.mark.parametrize(
    "attribute",
    [
        {"type": "Property", "value": 5, "observedAt": "2026-11-22T08:00:00Z"},
        {"value": 5, "observedAt": "2026-11-22T08:00:00Z"},
        {
            "type": "Number",
            "value": 5,
            "metadata": {"TimeInstant": {"type": "DateTime", "value": "2026-11-22T08:00:00Z"}},
        },
    ],
)
def test_an_attribute_s_own_time_wins(read: Read, attribute: dict[str, Any]) -> None:
    entity = {"id": "L-1", "type": "Streetlight", "dateObserved": AT, "powerConsumption": attribute, "powerState": "on"}
    assert [row[3] for row in read(entity)] == ["2026-11-22T08:00:00Z", AT]


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ({"type": "Property", "value": 35, "unitCode": "P1"}, 0.35),
        ({"type": "Property", "value": 0.35, "unitCode": "C62"}, 0.35),
        ({"type": "Number", "value": 35, "metadata": {"unitCode": {"type": "Text", "value": "P1"}}}, 0.35),
        ({"type": "Property", "value": 0.35}, 0.35),
        ({"type": "Property", "value": 35}, Reason.OUT_OF_RANGE),
        ({"type": "Property", "value": 35, "unitCode": "KWH"}, Reason.UNKNOWN_UNIT),
        ({"type": "Property", "value": "bright"}, Reason.NOT_A_NUMBER),
        ({"type": "Relationship", "object": "urn:x"}, Reason.NOT_A_NUMBER),
        ("0.35", Reason.NOT_A_NUMBER),
        (None, Reason.NOT_A_NUMBER),
    ],
)
def test_units_and_wrong_values_of_a_known_property(read: Read, attribute: Any, expected: Any) -> None:
    entity = {"id": "L-1", "type": "Streetlight", "observationDateTime": AT, "illuminanceLevel": attribute}
    assert read(entity)[0][2] == expected


def test_the_same_attribute_from_two_sources(read: Read) -> None:
    twice = [{"type": "Property", "value": 5, "observedAt": AT, "datasetId": "urn:a"},
             {"type": "Property", "value": 6, "observedAt": AT, "datasetId": "urn:b"}]  # fmt: skip
    assert [row[2] for row in read({"id": "L-1", "type": "Streetlight", "powerConsumption": twice})] == [5.0, 6.0]


@pytest.mark.parametrize(
    ("period", "count", "expected"),
    [
        ({"dateObservedFrom": "2026-11-22T10:45:00Z", "dateObservedTo": "2026-11-22T11:00:00Z"}, 100, 400.0),
        ({"dateObserved": "2026-11-22T10:00:00Z/2026-11-22T11:00:00Z"}, 100, 100.0),
        ({"dateObserved": "2026-11-22T10:59:00Z/2026-11-22T11:00:00Z"}, 10, 600.0),
        ({"dateObserved": "2026-11-22T11:00:00Z"}, 100, Reason.UNKNOWN_UNIT),
        ({"dateObserved": "2026-11-22T11:00:00Z/2026-11-22T11:00:00Z"}, 100, Reason.UNKNOWN_UNIT),
        ({"dateObservedFrom": "tea", "dateObservedTo": "2026-11-22T11:00:00Z"}, 100, Reason.UNKNOWN_UNIT),
        ({"dateObserved": AT}, {"type": "Property", "value": 5, "unitCode": "C94"}, 300.0),
        ({"dateObserved": AT}, {"type": "Property", "value": 500, "unitCode": "H10"}, 500.0),
    ],
)
def test_vehicles_counted_in_a_period_become_a_rate(read: Read, period: Any, count: Any, expected: Any) -> None:
    entity = {"id": "T-1", "type": "TrafficFlowObserved", "intensity": count, **period}
    assert read(entity)[0][2] == expected


@pytest.mark.parametrize(
    "kind",
    ["Streetlight", ["Streetlight"], ["Device", "Streetlight"],
     "https://smartdatamodels.org/dataModel.Streetlighting/Streetlight", "https://uri.fiware.org/ns/data-models#Streetlight"],
)  # fmt: skip
def test_types_may_be_several_or_written_out(read: Read, kind: Any) -> None:
    entity = {"id": "L-1", "type": kind, "observationDateTime": AT,
              "https://smartdatamodels.org/dataModel.Streetlighting/powerConsumption": 5}  # fmt: skip
    assert read(entity) == [("L-1", "powerConsumption", 5.0, AT)]


@pytest.mark.parametrize(
    "entity", [{"id": "X", "type": "Fountain"}, {"id": 5, "type": "Streetlight"}, {"id": "X", "type": None}]
)
def test_what_is_no_entity_of_ours_is_counted(read: Read, entity: dict[str, Any]) -> None:
    assert read(entity) == [(None, None, Reason.MALFORMED)]


def test_an_entity_that_says_nothing_we_measure_is_no_reading(catalogue: Catalogue) -> None:
    assert readings_of({"id": "L-1", "type": "Streetlight", "lanternHeight": 10}, catalogue) == []


def test_the_id_must_be_of_its_type(read: Read) -> None:
    entity = {
        "id": "urn:ngsi-ld:TrafficFlowObserved:L-1",
        "type": "Streetlight",
        "powerConsumption": 5,
        "dateObserved": AT,
    }
    assert read(entity)[0][2] == Reason.UNKNOWN_ASSET


def test_aliases_name_a_property(catalogue: Catalogue) -> None:
    light = catalogue.types["Streetlight"]
    entry = light.properties["powerConsumption"].model_copy(update={"aliases": ("activePower",)})
    changed = light.model_copy(update={"properties": {"powerConsumption": entry}})
    aliased = catalogue.model_copy(update={"types": {"Streetlight": changed}})
    (reading,) = readings_of({"id": "L-1", "type": "Streetlight", "activePower": 5}, aliased) or []
    assert reading["property"] == "powerConsumption"
