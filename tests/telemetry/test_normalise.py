from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import Catalogue
from engine.instants import to_us
from engine.model import Reason
from engine.telemetry.batch import ACCEPTED, REFUSED, Normalised, Registry, normalise
from engine.telemetry.raw import RAW, complete

NAN, INF = float("nan"), float("inf")
Judge = Callable[[pl.DataFrame], Normalised]


def test_a_good_row(judge: Judge, series: pl.DataFrame) -> None:
    raw = pl.DataFrame({"asset": ["L-2"], "property": ["powerConsumption"], "number": [61.5], "unit": ["W"],
                        "observed_at": ["2026-11-22T12:00:00+01:00"], "gateway": ["gw-b"]})  # fmt: skip
    expected = series.row(
        by_predicate=(pl.col("asset") == "L-2") & (pl.col("property") == "powerConsumption"), named=True
    )
    accepted = judge(raw).accepted
    assert accepted.schema == dict(ACCEPTED)
    assert accepted.row(0) == (expected["series"], 2, to_us(datetime(2026, 11, 22, 11, tzinfo=UTC)), 61.5)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # not a number, next to the smallest thing that is one
        ({"number": 0.0}, 0.0),
        ({"number": None}, Reason.NOT_A_NUMBER),
        ({"number": NAN}, Reason.NOT_A_NUMBER),
        ({"number": INF}, Reason.NOT_A_NUMBER),
        ({"number": -INF}, Reason.NOT_A_NUMBER),
        ({"number": None, "text": "50"}, Reason.NOT_A_NUMBER),
        ({"number": None, "text": "true"}, Reason.NOT_A_NUMBER),
        # range 0…2000 W
        ({"number": 2000.0}, 2000.0),
        ({"number": 2000.001}, Reason.OUT_OF_RANGE),
        ({"number": -0.001}, Reason.OUT_OF_RANGE),
        ({"number": 2.0, "unit": "kW"}, 2000.0),
        ({"number": 2.001, "unit": "kW"}, Reason.OUT_OF_RANGE),
        ({"number": 1e308, "unit": "MW"}, Reason.OUT_OF_RANGE),
        ({"number": 50.0, "unit": "WTT"}, 50.0),
        ({"number": 50.0, "unit": "kWh"}, Reason.UNKNOWN_UNIT),
        ({"number": 50.0, "unit": "w"}, Reason.UNKNOWN_UNIT),
        ({"number": 50.0, "unit": ""}, Reason.UNKNOWN_UNIT),
        # a fraction, three ways
        ({"property": "illuminanceLevel", "number": 0.35}, 0.35),
        ({"property": "illuminanceLevel", "number": 35.0, "unit": "%"}, 0.35),
        ({"property": "illuminanceLevel", "number": 35.0, "unit": "P1"}, 0.35),
        ({"property": "illuminanceLevel", "number": 255.0, "unit": "255ths"}, 1.0),
        ({"property": "illuminanceLevel", "number": 256.0, "unit": "255ths"}, Reason.OUT_OF_RANGE),
        ({"property": "illuminanceLevel", "number": 35.0}, Reason.OUT_OF_RANGE),
        ({"property": "illuminanceLevel", "number": 1.01}, Reason.OUT_OF_RANGE),
        # choices and switches
        ({"property": "powerState", "number": None, "text": "low"}, 2.0),
        ({"property": "powerState", "number": None, "text": "Low"}, Reason.UNKNOWN_CHOICE),
        ({"property": "powerState", "number": None, "text": "automatic"}, Reason.UNKNOWN_CHOICE),
        ({"property": "powerState", "number": 1.0}, Reason.UNKNOWN_CHOICE),
        ({"property": "powerState", "number": None}, Reason.UNKNOWN_CHOICE),
        ({"property": "powerState", "number": None, "text": "low", "unit": "W"}, Reason.UNKNOWN_UNIT),
        ({"asset": "P-1", "property": "presence", "number": 1.0}, 1.0),
        ({"asset": "P-1", "property": "presence", "number": 0.0}, 0.0),
        ({"asset": "P-1", "property": "presence", "number": None, "text": "true"}, 1.0),
        ({"asset": "P-1", "property": "presence", "number": None, "text": "false"}, 0.0),
        ({"asset": "P-1", "property": "presence", "number": 0.5}, Reason.UNKNOWN_CHOICE),
        ({"asset": "P-1", "property": "presence", "number": 2.0}, Reason.UNKNOWN_CHOICE),
        ({"asset": "P-1", "property": "presence", "number": None, "text": "perhaps"}, Reason.UNKNOWN_CHOICE),
        ({"asset": "P-1", "property": "presence", "number": NAN}, Reason.NOT_A_NUMBER),
        ({"asset": "P-1", "property": "presence", "number": None}, Reason.NOT_A_NUMBER),
        # who and what
        ({"asset": "urn:ngsi-ld:Streetlight:L-1"}, 50.0),
        ({"asset": "streetlight:guadalajara:4567"}, 50.0),
        ({"asset": "urn:ngsi-ld:Streetlight:streetlight:guadalajara:4567"}, 50.0),
        ({"asset": "urn:ngsi-ld:Bin:L-1"}, Reason.UNKNOWN_ASSET),
        ({"asset": "L-3"}, Reason.UNKNOWN_ASSET),
        ({"asset": "l-1"}, Reason.UNKNOWN_ASSET),
        ({"asset": ""}, Reason.UNKNOWN_ASSET),
        ({"property": "intensity"}, Reason.UNKNOWN_PROPERTY),
        ({"property": "nothing"}, Reason.UNKNOWN_PROPERTY),
        ({"asset": None}, Reason.MALFORMED),
        ({"property": None}, Reason.MALFORMED),
        ({"fault": "not JSON"}, Reason.MALFORMED),
        ({"gateway": "gw-a"}, 50.0),
        ({"gateway": None}, 50.0),
        ({"gateway": "gw-b"}, Reason.WRONG_GATEWAY),
        ({"gateway": ""}, Reason.WRONG_GATEWAY),
        ({"asset": "L-free", "gateway": "gw-a"}, Reason.WRONG_GATEWAY),
        ({"asset": "L-free", "gateway": None}, 50.0),
        # when: received at noon, 120 s of skew
        ({"observed_at": "2026-11-22T12:02:00Z"}, 50.0),
        ({"observed_at": "2026-11-22T12:02:00.000001Z"}, Reason.FUTURE),
        ({"observed_at": "2026-11-22T13:02:00+01:00"}, 50.0),
        ({"observed_at": "2026-11-22T11:03:00-01:00"}, Reason.FUTURE),
        ({"observed_at": "1970-01-01T00:00:00Z"}, 50.0),
        ({"observed_at": "2026-11-22T12:00:00"}, Reason.NAIVE_TIME),
        ({"observed_at": "2026-11-22T12:00:00 o'clock"}, Reason.NO_TIME),
        ({"observed_at": None}, Reason.NO_TIME),
        ({"observed_at": "1795608000"}, Reason.NO_TIME),
    ],
)  # fmt: skip
def test_each_reason_beside_what_is_still_good(one: Callable[..., Any], row: dict[str, Any], expected: Any) -> None:
    assert one(**row) == expected


WRONGS: dict[Reason, dict[str, Any]] = {
    Reason.MALFORMED: {"fault": "not JSON"},
    Reason.UNKNOWN_ASSET: {"asset": "L-3"},
    Reason.WRONG_GATEWAY: {"gateway": "gw-b"},
    Reason.UNKNOWN_PROPERTY: {"property": "nothing"},
    Reason.NO_TIME: {"observed_at": "?"},
    Reason.NAIVE_TIME: {"observed_at": "2027-01-01"},
    Reason.FUTURE: {"observed_at": "2027-01-01T00:00:00Z"},
    Reason.UNKNOWN_UNIT: {"unit": "lx"},
    Reason.NOT_A_NUMBER: {"number": NAN},
    Reason.OUT_OF_RANGE: {"number": -1.0},
}


@pytest.mark.parametrize("first", range(len(WRONGS)))
@pytest.mark.parametrize("second", range(len(WRONGS)))
def test_the_first_in_the_documented_order_is_the_reason(one: Callable[..., Any], first: int, second: int) -> None:
    if first >= second:
        return
    reasons = list(WRONGS)
    documented = (normalise.__doc__ or "").split("\n\n")[1]
    assert documented.index(reasons[first].value) < documented.index(reasons[second].value)
    assert one(**(WRONGS[reasons[second]] | WRONGS[reasons[first]])) == reasons[first]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"fault": "not JSON: x"}, ["not JSON: x"]),
        ({"asset": None}, ["null", "powerConsumption"]),
        ({"asset": "L-3"}, ["'L-3'", "inventory"]),
        ({"gateway": "gw-b"}, ["'gw-b'", "'gw-a'"]),
        ({"asset": "L-free", "gateway": "gw-b"}, ["'gw-b'", "no gateway"]),
        ({"property": "colour"}, ["'colour'"]),
        ({"observed_at": "noon"}, ["'noon'", "RFC 3339"]),
        ({"observed_at": "2026-11-22T12:00"}, ["'2026-11-22T12:00'", "offset"]),
        ({"observed_at": "2027-01-01T00:00:00Z"}, ["'2027-01-01T00:00:00Z'", "2026-11-22T12:02:00Z"]),
        ({"unit": "lx"}, ["'lx'", "'W'"]),
        ({"number": None, "text": "50"}, ["'50'", "number"]),
        ({"number": None}, ["null"]),
        ({"property": "powerState", "text": "dim"}, ["'dim'", "off, on, low, bootingUp"]),
        ({"number": 2.5, "unit": "kW"}, ["2500", "0.0 to 2000.0", "'W'"]),
        ({"number": -1.0, "line": 7}, ["line 7: "]),
    ],
)
def test_the_detail_says_what_was_found_and_what_was_wanted(
    judge: Judge, row: dict[str, Any], words: list[str]
) -> None:
    good = {"asset": "L-1", "property": "powerConsumption", "number": 50.0, "observed_at": "2026-11-22T12:00:00Z"}
    refused = judge(pl.DataFrame([good | row])).refused
    assert refused.schema == dict(REFUSED)
    assert [word for word in words if word not in refused["detail"][0]] == []


def test_order_of_arrival_is_kept_on_both_sides(judge: Judge) -> None:
    numbers = [5.0, -1.0, 3.0, NAN, 9.0, 1.0, -2.0]
    raw = pl.DataFrame({"number": numbers, "raw": [str(number) for number in numbers]}).with_columns(
        asset=pl.lit("L-1"), property=pl.lit("powerConsumption"), observed_at=pl.lit("2026-11-22T12:00:00Z")
    )
    result = judge(raw)
    assert result.accepted["value"].to_list() == [5.0, 3.0, 9.0, 1.0]
    assert result.refused["raw"].to_list() == ["-1.0", "nan", "-2.0"]


def test_rounding_at_a_bound_is_no_offence(one: Callable[..., Any]) -> None:
    speed = {"asset": "T-1", "property": "averageVehicleSpeed", "unit": "m/s"}
    assert one(number=250 / 3.6, **speed) == 250.0
    assert one(number=250 / 3.6 + 1e-6, **speed) == Reason.OUT_OF_RANGE


def test_what_is_refused_can_be_stored(judge: Judge) -> None:
    raw = pl.DataFrame({"asset": ["L\x00"], "property": ["p" * 5000], "raw": ["\x00" * 5000]})
    refused = judge(raw).refused
    assert refused["asset"][0] == "L�"
    assert "\x00" not in "".join(refused.row(0))
    assert max(map(len, refused.row(0))) <= 1000


def test_a_row_without_its_text_is_told_by_its_fields(judge: Judge) -> None:
    raw = pl.DataFrame({"asset": ["L-9"], "property": ["powerState"], "text": ["on"], "observed_at": ["now"]})
    assert judge(raw).refused["raw"][0] == "L-9,powerState,on,now"


def test_an_empty_frame(judge: Judge) -> None:
    result = judge(pl.DataFrame(schema=dict(RAW)))
    assert (result.accepted.schema, result.refused.schema) == (dict(ACCEPTED), dict(REFUSED))


def test_an_empty_inventory_knows_nobody(catalogue: Catalogue, series: pl.DataFrame) -> None:
    raw = complete(pl.DataFrame({"asset": ["L-1"], "property": ["powerState"]}))
    nobody = Registry(catalogue, series.clear())
    result = normalise(raw, nobody, received_at=datetime(2026, 1, 1, tzinfo=UTC), skew=timedelta(0))
    assert result.refused["reason"].to_list() == [Reason.UNKNOWN_ASSET]


def test_a_type_the_catalogue_does_not_know_is_left_out(catalogue: Catalogue, series: pl.DataFrame) -> None:
    strange = series.with_columns(
        pl.when(pl.col("asset") == "L-1").then(pl.lit("Fountain")).otherwise("type").alias("type")
    )
    raw = pl.DataFrame({"asset": ["L-1", "L-2"], "property": "powerConsumption", "number": 5.0,
                        "observed_at": "2026-01-01T00:00:00Z"}, schema_overrides=RAW)  # fmt: skip
    result = normalise(
        raw, Registry(catalogue, strange), received_at=datetime(2026, 1, 1, tzinfo=UTC), skew=timedelta(0)
    )
    assert result.refused["reason"].to_list() == [Reason.UNKNOWN_PROPERTY]
    assert result.accepted["zone"].to_list() == [2]


def test_a_series_the_inventory_lacks_is_an_unknown_property(catalogue: Catalogue, series: pl.DataFrame) -> None:
    raw = pl.DataFrame({"asset": ["L-1"], "property": ["powerConsumption"], "number": [5.0],
                        "observed_at": ["2026-01-01T00:00:00Z"]})  # fmt: skip
    fewer = Registry(catalogue, series.filter(pl.col("property") != "powerConsumption"))
    result = normalise(raw, fewer, received_at=datetime(2026, 1, 1, tzinfo=UTC), skew=timedelta(0))
    assert result.refused["reason"].to_list() == [Reason.UNKNOWN_PROPERTY]


@given(data=st.data())
def test_every_series_is_found_by_its_own_name(registry: Registry, series: pl.DataFrame, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.sampled_from(series.rows(named=True)), min_size=1))
    raw = complete(
        pl.DataFrame({"asset": [row["asset"] for row in rows], "property": [row["property"] for row in rows]})
    )
    found = registry.look_up(raw)
    assert found["series"].to_list() == [row["series"] for row in rows]
    assert found["zone"].to_list() == [row["zone"] for row in rows]
    assert found["owner"].to_list() == [row["gateway"] for row in rows]


def test_aliases_and_the_unit_of_the_published_model(catalogue: Catalogue, series: pl.DataFrame) -> None:
    light = catalogue.types["Streetlight"]
    entry = light.properties["powerConsumption"].model_copy(update={"aliases": ("power",), "unit_in": "kW"})
    changed = light.model_copy(update={"properties": {**light.properties, "powerConsumption": entry}})
    registry = Registry(catalogue.model_copy(update={"types": {**catalogue.types, "Streetlight": changed}}), series)
    raw = pl.DataFrame(
        {
            "asset": "L-1",
            "property": ["power", "powerConsumption", "power"],
            "number": [0.05, 0.05, 50.0],
            "unit": [None, None, "W"],
            "observed_at": "2026-01-01T00:00:00Z",
        }
    )
    result = normalise(raw, registry, received_at=datetime(2026, 1, 1, tzinfo=UTC), skew=timedelta(0))
    assert result.accepted["value"].to_list() == [50.0, 50.0, 50.0]
    assert result.accepted["series"].n_unique() == 1


TEXTS = st.none() | st.sampled_from(["L-1", "P-1", "powerState", "presence", "on", "W", "gw-a"]) | st.text(max_size=8)
ROWS = st.fixed_dictionaries(
    {name: TEXTS for name, dtype in RAW.items() if dtype == pl.String}
    | {"number": st.none() | st.floats(), "line": st.none() | st.integers(0, 9)}
)


@given(st.lists(ROWS))
def test_whatever_comes_is_stored_or_refused_with_one_known_reason(judge: Judge, rows: list[dict[str, Any]]) -> None:
    result = judge(pl.DataFrame(rows, schema=dict(RAW)))
    assert set(result.refused["reason"]) <= {reason.value for reason in Reason} - {Reason.DUPLICATE.value}
