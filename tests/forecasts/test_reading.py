"""What a source gives → a table of values in slots, or a refusal that says where."""

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.forecasts import tables
from engine.forecasts.sources import Source, load_sources
from tests.forecasts.conftest import CSV, HOUR, JSON, NOW, ROOT, SAMPLES, hourly, read, source, told

SHIPPED = load_sources(ROOT / "rules" / "forecasts.yaml")
TODAY = datetime(2026, 11, 22, tzinfo=UTC)


def refused(of: Source, body: object, received_at: datetime = NOW) -> str:
    with pytest.raises(InputError) as error:
        read(of, body, received_at)
    return str(error.value)


def changed(body: Any, **hourly_values: Any) -> dict[str, Any]:
    return {"hourly": body["hourly"] | hourly_values}


class TestThreeShapes:
    """The samples, which have the shapes of the real ones."""

    def test_weather(self) -> None:
        """Open-Meteo: lists side by side, members of an ensemble, sums over the hour before."""
        document = orjson.loads((SAMPLES / "weather.json").read_bytes())["hourly"]
        found = told(read(SHIPPED["weather"], (SAMPLES / "weather.json").read_bytes(), TODAY))
        start = datetime(2025, 10, 25, tzinfo=UTC)
        for hour in range(len(document["time"])):
            assert found["rain", "angers", start + (hour - 1) * HOUR, None] == document["precipitation"][hour]
            members = sorted(values[hour] for name, values in document.items() if name.startswith("temperature"))
            assert len(members) == 5
            for quantile, place in ((0.1, 0), (0.5, 2), (0.9, 4)):
                assert found["temperature", "angers", start + hour * HOUR, quantile] == members[place]
        assert len(found) == 4 * len(document["time"])

    def test_prices(self) -> None:
        """A table of a day of 25 hours in local times, to quarters of an hour and EUR/kWh."""
        lines = (SAMPLES / "prices.csv").read_text().splitlines()[1:]
        found = told(read(SHIPPED["day-ahead-price"], (SAMPLES / "prices.csv").read_bytes(), TODAY))
        start = datetime(2025, 10, 25, 22, tzinfo=UTC)
        prices = [float(line.split(";")[2].replace(",", ".")) / 1000 for line in lines]
        wanted = {("price", "france", start + n * HOUR / 4, None): prices[n // 4] for n in range(100)}
        assert found.keys() == wanted.keys()
        assert all(math.isclose(found[key], wanted[key]) for key in wanted)
        assert read(SHIPPED["day-ahead-price"], (SAMPLES / "prices.csv").read_bytes(), TODAY).issued_at == datetime(
            2025, 10, 25, 10, 55, tzinfo=UTC
        )

    def test_prices_of_rte(self) -> None:
        """JSON of RTE's wholesale market service, as its field names are published."""
        hours = [datetime(2025, 10, 26, hour, tzinfo=UTC) for hour in range(24)]
        values = [
            {"start_date": f"{at:%Y-%m-%dT%H:%M:%S+00:00}", "end_date": f"{at + HOUR:%Y-%m-%dT%H:%M:%S+00:00}",
             "value": 1200, "price": 10.0 * at.hour}
            for at in hours
        ]  # fmt: skip
        body = {"france_power_exchanges": [{"updated_date": "2025-10-25T12:55:00+02:00", "values": values}]}
        rows = "france_power_exchanges[].values[]"
        rte = source(
            issued_at="france_power_exchanges[].updated_date", place="france", horizon="24h",
            variables={"price": {"unit": "EUR/kW.h", "unit_in": "€/MWh", "range": [-0.6, 5]}},
            read=[{"rows": rows, "valid_at": f"{rows}.start_date", "until": f"{rows}.end_date",
                   "value": f"{rows}.price"}],
        )  # fmt: skip
        issue = read(rte, body, TODAY)
        assert issue.issued_at == datetime(2025, 10, 25, 10, 55, tzinfo=UTC)
        assert told(issue) == {("price", "france", at, None): 10.0 * at.hour / 1000 for at in hours}

    def test_vigilance(self) -> None:
        """Periods by phenomenon and department; floods without a chronology; an hour of two colours has the worse."""
        found = told(read(SHIPPED["vigilance"], (SAMPLES / "vigilance.json").read_bytes(), TODAY))
        assert {key[1] for key in found} == {"maine-et-loire"}

        def colours(name: str) -> list[int]:
            keys = sorted(key for key in found if key[0] == name)
            assert all(after[2] - one[2] == HOUR for one, after in pairwise(keys))
            assert keys[0][2] == datetime(2025, 10, 25, 14, tzinfo=UTC)
            return [int(found[key]) for key in keys]

        assert colours("wind") == [1] * 6 + [2] * 7 + [3] * 7 + [1] * 13  # orange until 9:30: the hour from 9:00 too
        assert colours("rain_flood") == [1] * 8 + [2] * 25
        assert colours("storm") == [1] * 33
        assert colours("river_flood") == [2] * 8 + [1] * 25

    def test_an_archive_of_weather(self, reference: Path) -> None:
        """Three-hourly observations of Orly as if they had been foretold."""
        body = (reference / "irrigation" / "weather_orly_2023" / "orly_07149_2023_3h.csv").read_text().splitlines()
        orly = source(
            CSV, step="3h", place="orly",
            read=[{"valid_at": "time", "values": {"wind": "wind10_ms", "pressure": "pres_pa"}}],
            variables={"wind": {"unit": "km/h", "unit_in": "m/s", "range": [0, 200]},
                       "pressure": {"unit": "hPa", "unit_in": "Pa", "range": [900, 1100]}},
        )  # fmt: skip
        issue = read(orly, "\n".join(body[:41]), datetime(2023, 1, 1, tzinfo=UTC))
        assert issue.values.height == 80
        first = told(issue)["wind", "orly", datetime(2023, 1, 1, tzinfo=UTC), None]
        assert math.isclose(first, 7.0 * 3.6)


class TestRefusals:
    """Everything that is wrong at once, each at its place, and nothing of the issue."""

    def test_every_bad_value_at_its_place(self) -> None:
        text = refused(source(), hourly([1.0, -1.0, 101, "a lot", True, [], 5.0]))
        assert text.splitlines() == [
            "rain hourly.rain[1] -1 mm is outside 0 to 100 mm → see unit_in and range, or leave this issue out",
            "rain hourly.rain[2] 101 mm is outside 0 to 100 mm → see unit_in and range, or leave this issue out",
            "rain hourly.rain[3] 'a lot' is no finite number → an absent value is null or an empty field",
            "rain hourly.rain[4] True is no finite number → an absent value is null or an empty field",
            "rain hourly.rain[5] [] is no finite number → an absent value is null or an empty field",
        ]

    @pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "0x10", "1 000"])
    def test_what_is_no_number_in_a_table(self, value: str) -> None:
        text = refused(source(CSV), f"start,rain\n2025-10-25T13:00,{value}\n")
        assert f"rain:2:18 {value!r} is no finite number" in text

    def test_a_unit_of_another_quantity_is_refused_and_a_wrong_one_is_out_of_range(self) -> None:
        metres = source(variables={"rain": {"unit": "mm", "unit_in": "m", "range": [0, 100]}})
        assert "5000 mm is outside 0 to 100 mm" in refused(metres, hourly([5.0, 0.0, 0.0]))

    @pytest.mark.parametrize(
        ("body", "what"),
        [
            (hourly([1, None, 1, 1]), "rain rain at angers: the slot 2025-10-25T14:00:00Z is missing"),
            (hourly([1]), "rain at angers: ends at 2025-10-25T14:00:00Z, before 2025-10-25T15:00:00Z"),
            (hourly([None, None]), "holds no value that is wanted"),
            (hourly([]), "holds no row"),
            (hourly([1, 1, 1], NOW + timedelta(minutes=5)), "does not fit into slots of 60 min"),
            (hourly([1, 1, 1], NOW + timedelta(days=401)), "more than 400 days from its issue"),
            (hourly([1, 1, 1], NOW - timedelta(days=401)), "more than 400 days from its issue"),
            (changed(hourly([1, 2, 3]), time=[f"9999-12-31T{hour}:00" for hour in (21, 22, 23)]), "more than 400 days"),
            (changed(hourly([1, 2, 3]), time=["2025-10-25T13:00"] * 2 + ["2025-10-25T14:00"]),
             "rain hourly.time[1] the slot 2025-10-25T13:00:00Z of rain stands twice"),
            (changed(hourly([1, 2]), time=["2025-10-25T13:00", None]), "rain hourly.time[1] None is no time"),
            (changed(hourly([1, 2]), rain=[1]), "rain hourly.rain holds 1 values where there are 2 rows"),
            ({"daily": {}}, "the document has no key 'hourly'"),
            ([], "the document is a list, no object"),
            ({"error": True, "reason": "over the limit"}, "has no key 'hourly' → one of: error, reason"),
        ],
    )  # fmt: skip
    def test_of_a_whole(self, body: object, what: str) -> None:
        assert what in refused(source(), body)

    def test_an_issue_of_long_ago(self) -> None:
        body = hourly([1, 2, 3]) | {"issued": "0001-01-01T00:00Z"}
        assert "more than 400 days from its issue" in refused(source(issued_at="issued"), body)

    def test_trailing_nulls_are_no_values(self) -> None:
        assert len(told(read(source(), hourly([1, 2, None, None])))) == 2

    def test_an_issue_of_the_future(self) -> None:
        dated = source(issued_at="made")
        body = hourly([1, 2, 3])
        late = body | {"made": f"{NOW + timedelta(seconds=121):%Y-%m-%dT%H:%M:%SZ}"}
        assert "rain made says it was issued at 2025-10-25T13:02:01Z, after it was received" in refused(dated, late)
        almost = body | {"made": f"{NOW + timedelta(seconds=60):%Y-%m-%dT%H:%M:%SZ}"}
        assert read(dated, almost).issued_at == NOW + timedelta(seconds=60)
        assert "rain made is not there" in refused(dated, body)
        assert "'soon' is no time" in refused(dated, body | {"made": "soon"})

    def test_quantiles_that_cross(self) -> None:
        long = source(
            variables={"rain": {"unit": "mm", "range": [0, 9]}}, horizon="1h",
            read=[{"rows": "v[]", "valid_at": "v[].t", "quantile": "v[].q", "value": "v[].x"}],
        )  # fmt: skip

        def body(*rows: tuple[object, object]) -> dict[str, Any]:
            return {"v": [{"t": "2025-10-25T13:00", "q": q, "x": x} for q, x in rows]}

        assert told(read(long, body((0.9, 5), (0.1, 2), (0.5, 2)))).values()
        assert "rain at angers: quantiles cross at 2025-10-25T13:00:00Z" in refused(long, body((0.9, 1), (0.1, 2)))
        assert "rain v[0].q 90 is no quantile" in refused(long, body((90, 1)))

    def test_members_that_are_missing_in_part(self) -> None:
        members = source(quantiles=[0.5], read=[JSON["read"][0] | {"values": {}, "members": {"rain": "hourly.m*[]"}}])  # type: ignore[index]
        body = hourly([0, 0, 0], m1=[1, 2, None], m2=[3, None, None])
        assert "rain hourly.m*[1] has 1 of 2 members" in refused(members, body)
        assert list(told(read(members, hourly([0, 0, 0], m1=[1, 2, None], m2=[3, 4, None]))).values()) == [1, 2]

    def test_what_the_source_lacks_is_named(self) -> None:
        long = source(
            places={"49": "angers", "44": "nantes"}, horizon="1h",
            variables={"rain": {"unit": "mm", "range": [0, 9]}, "wind": {"unit": "m/s", "range": [0, 9], "code": "w"}},
            read=[{"rows": "v[]", "valid_at": "v[].t", "place": "v[].p", "variable": "v[].k", "value": "v[].x"}],
        )  # fmt: skip
        text = refused(long, {"v": [{"t": "2025-10-25T13:00", "p": 49, "k": "rain", "x": 1},
                                    {"t": "2025-10-25T13:00", "p": 35, "k": "w", "x": 1}]})  # fmt: skip
        assert "holds nothing of the variable wind" in text
        assert "holds nothing of the place nantes" in text

    def test_periods_that_overlap(self) -> None:
        row = JSON["read"][0]  # type: ignore[index]
        periods = {"read": [row | {"until": "hourly.until[]"}]}
        body = hourly([1, 3, 2], until=["2025-10-25T15:00", "2025-10-25T15:00", "2025-10-25T16:30"])
        text = refused(source(**periods), body)
        assert "the period from 2025-10-25T15:00:00Z does not fit into slots of 60 min" in text
        assert "the slot 2025-10-25T14:00:00Z of rain stands twice" in text
        worst = told(read(source(overlap="highest", **periods), body))
        assert list(worst.values()) == [1, 3, 2, 2]
        backwards = hourly([1], until=["2025-10-25T12:00"])
        assert "rain hourly.until[0] '2025-10-25T12:00' is not after" in refused(source(**periods), backwards)

    def test_a_day_of_the_clock_change_that_lacks_its_second_hour(self) -> None:
        hours = [f"2025-10-26T{hour:02}:00" for hour in range(24)]
        text = refused(source(CSV), "start,rain\n" + "".join(f"{at},1\n" for at in hours))
        assert "rain:4:1 '2025-10-26T02:00' happened twice in Europe/Paris and stands 1 times" in text

    def test_a_day_of_the_clock_change_that_has_the_skipped_hour(self) -> None:
        hours = [f"2026-03-29T{hour:02}:00" for hour in range(24)]
        text = refused(source(CSV), "start,rain\n" + "".join(f"{at},1\n" for at in hours), TODAY)
        assert "rain:4:1 '2026-03-29T02:00' was skipped in Europe/Paris" in text


class TestTables:
    """Lines of text."""

    @pytest.mark.parametrize(
        ("body", "what"),
        [
            (b"", "rain is empty"),
            (b"start,rain\n", "holds no row"),
            (b"start,rian\n2025-10-25T13:00,1\n", "rain:1:1 has no column 'rain' → did you mean rian?"),
            (b"start,rain,rain\n2025-10-25T13:00,1,1\n", "has the column 'rain' twice"),
            (b"start,rain\n2025-10-25T13:00\n\n2025-10-25T14:00,1,2\n", "rain:2:1 has 1 fields where its head has 2"),
            (b"start,rain\n2025-10-25T13:00,\xff\n", "rain:2:1 is not UTF-8"),
            (b'start,rain\n2025-10-25T13:00,"1\n', "is no table separated by ','"),
            (b"start;rain\n2025-10-25T13:00;1\n", "has no column 'start'"),
            (b"\0" * 40, "has no column 'start'"),
        ],
    )  # fmt: skip
    def test_what_is_no_table(self, body: bytes, what: str) -> None:
        assert what in refused(source(CSV), body)

    def test_decimal_commas_marks_of_order_and_empty_fields(self) -> None:
        french = source(CSV, delimiter=";", decimal=",")
        body = '\ufeffstart;rain;note\n2025-10-25T15:00; 1,5 ;\n2025-10-25T16:00;;"a;b"\n'
        assert list(told(read(french, body)).values()) == [1.5]

    def test_one_time_of_issue(self) -> None:
        dated = source(CSV, issued_at="made", horizon="2h")
        body = "made,start,rain\n 2025-10-25T14:00 ,2025-10-25T14:00,1\n{},2025-10-25T15:00,1\n"
        assert read(dated, body.format("2025-10-25T14:00")).issued_at == NOW - HOUR
        assert "made holds 2 times of issue" in refused(dated, body.format("2025-10-25T15:00"))


class TestHostileFiles:
    """Nothing of these takes long or falls over."""

    @pytest.mark.parametrize(
        ("body", "what"),
        [
            (b"[" * 100_000, "is not JSON"),
            (b'{"hourly":' * 2_000 + b"1" + b"}" * 2_000, "JSON"),
            (b"\xff\xfe\x00", "is not JSON"),
            (b"NaN", "is not JSON"),
            (b'{"hourly": {"time": ["2025-10-25T13:00"], "rain": [1e999]}}', "no finite number|not JSON"),
            (b'{"hourly": {"time": ["2025-10-25T13:00"], "rain": [%s]}}' % (b"9" * 5_000), "no finite|not JSON"),
            (b"<html>Welcome</html>", "is not JSON"),
        ],
    )  # fmt: skip
    def test_of_json(self, body: bytes, what: str) -> None:
        with pytest.raises(InputError, match=what):
            read(source(), body)

    @pytest.mark.parametrize("base", [JSON, CSV])
    def test_of_too_many_bytes(self, base: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tables, "LARGEST", 100)
        assert "is larger than 100 bytes" in refused(source(base), b" " * 101)

    @pytest.mark.parametrize("base", [JSON, CSV])
    def test_of_too_many_rows(self, base: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tables, "MOST_ROWS", 10)
        body: Any = hourly([1.0] * 11) if base is JSON else "start,rain\n" + "2025-10-25T13:00,1\n" * 11
        assert "more than 10 " in refused(source(base), body)

    def test_of_too_long_a_period(self) -> None:
        row = JSON["read"][0]  # type: ignore[index]
        until = source(step="1min", read=[row | {"until": "hourly.until[]"}])
        assert "has more than 5000000 slots" in refused(until, hourly([1], until=["9999-01-01T00:00"]))

    def test_of_many_problems_the_first_are_told(self) -> None:
        lines = refused(source(), hourly(["x"] * 2_000)).splitlines()
        assert len(lines) == 51
        assert any("has 1950 more problems" in line for line in lines)


@given(
    values=st.lists(st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=5), st.booleans()), max_size=6),
    times=st.lists(st.one_of(st.none(), st.datetimes().map(str), st.integers(), st.text(max_size=20)), max_size=6),
)
def test_whatever_comes_is_whole_or_refused(values: list[Any], times: list[Any]) -> None:
    body = orjson.dumps({"hourly": {"time": times, "rain": values}}, option=orjson.OPT_PASSTHROUGH_DATETIME)
    try:
        issue = read(source(), body)
    except InputError as error:
        assert all(problem.hint for problem in error.problems)
    else:
        assert issue.values["value"].is_finite().all()
        assert issue.values["value"].is_between(0, 100).all()


@given(members=st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=40), min_size=3, max_size=3))
def test_a_quantile_is_the_least_member_that_so_many_do_not_exceed(members: list[list[float]]) -> None:
    count = min(map(len, members))
    of = source(
        quantiles=[0.1, 0.5, 0.9], read=[JSON["read"][0] | {"values": {}, "members": {"rain": "hourly.m*[]"}}]  # type: ignore[index]
    )  # fmt: skip
    body = hourly([0] * 3, **{f"m{n}": [row[n] for row in members] for n in range(count)})
    found = told(read(of, body))
    for hour, row in enumerate(members):
        ordered = np.sort(row[:count])
        for quantile in (0.1, 0.5, 0.9):
            value = found["rain", "angers", NOW + hour * HOUR, quantile]
            assert value in ordered
            assert (ordered <= value).mean() >= quantile - 1e-9
            assert (ordered < value).mean() < quantile + 1e-9
