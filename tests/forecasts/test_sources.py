"""The file of sources: everything that is wrong with it at once, each at its place."""

from pathlib import Path
from textwrap import dedent

import pytest

from engine.errors import InputError
from engine.forecasts.sources import load_sources
from tests.forecasts.conftest import ROOT

GOOD = """\
sources:
  rain:
    format: json
    url: https://weather.example/forecast
    max_age: 6h
    step: 1h
    horizon: 24h
    place: angers
    read:
      - rows: hourly.time[]
        valid_at: hourly.time[]
        values: {rain: "hourly.rain[]"}
    variables:
      rain: {unit: mm, range: [0, 100]}
"""


def load(folder: Path, text: str) -> object:
    path = folder / "forecasts.yaml"
    path.write_text(dedent(text))
    return load_sources(path)


def test_the_shipped_file_is_right() -> None:
    assert list(load_sources(ROOT / "rules" / "forecasts.yaml")) == ["weather", "day-ahead-price", "vigilance"]


def test_a_good_one_and_an_empty_one(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD)
    assert load(tmp_path, "sources: {}") == {}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("  rain:\n    format", "  Rain 1:\n    format", "wants small letters"),
        ("format: json", "format: xml", "'json' or 'csv'"),
        ("https://", "http://", ":3:5 sources.rain: url wants https"),
        ("weather.example", "me@weather.example", "no name or password"),
        ("https://weather.example", "https://météo.example", "url wants plain letters"),
        ("https://weather.example", "https://weather.example:99999", ":3:5 sources.rain: Port out of range"),
        ("    max_age: 6h\n", "", "'sources.rain.max_age' is missing"),
        ("max_age: 6h", "max_age: 0 h", "above 0"),
        ("step: 1h", "step: 7min", ":6:11 sources.rain.step: wants whole minutes that divide a day"),
        ("step: 1h", "step: 90 s", "wants whole minutes"),
        ("place: angers", "time_zone: Mars/Olympus", "IANA"),
        ("    place: angers\n", "", "wants a place"),
        ("    place: angers\n", "    place: angers\n    file: a.json\n", "wants file or url"),
        ("unit: mm", "unit: parsec", "no unit known here"),
        ("unit: mm", "unit: mm, unit_in: Cel", "cannot be turned into mm"),
        ("[0, 100]", "[100, 0]", "lower bound first"),
        ("[0, 100]", "[0, .nan]", "not a plain decimal number"),
        ("{rain: \"hourly", "{rian: \"hourly", ":12:24 rian is no variable of this source → did you mean rain?"),
        ("values: {rain: \"hourly.rain[]\"}", "until: x", "wants value, or values and members"),
        ("rows: hourly.time[]", "rows: hourly.time", ":10:15 does not end with []"),
        ("      - rows: hourly.time[]\n        valid_at", "      - valid_at", "'rows' is missing"),
        ("hourly.rain[]", "hourly.rain[][]", "has more [] than rows"),
        ("hourly.rain[]", "hourly..rain", "is no path"),
        ("hourly.rain[]", "hourly.rain*[]", "a * is for members"),
        ("values: {rain: ", "members: {rain: ", "members and quantiles go together"),
        ("    step: 1h\n", "    step: 1h\n    header: {name: apikey, file: none}\n", ":7:34 there is no file"),
        ("    step: 1h\n", "    step: 1h\n    networks: [10.0.0.0/99]\n", "networks"),
        ("    step: 1h\n", "    step: 1h\n    delimiter: .\n", "two characters"),
        ("    step: 1h\n", "    step: 1h\n    stepp: 1h\n", ":7:12 unknown key 'sources.rain.stepp'"),
        ("format: json", "format: csv", ":10:15 rows is for JSON"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as error:
        load(tmp_path, GOOD.replace(old, new))
    assert problem in str(error.value)
    assert all(" → " in str(one) or one.line for one in error.value.problems)


def test_every_problem_at_once(tmp_path: Path) -> None:
    second = GOOD.removeprefix("sources:\n").replace("  rain:\n    format", "  wind:\n    format")
    text = GOOD.replace("hourly.rain[]", "hourly.rain") + second.replace("rows: hourly.time[]", "rows: hourly")
    text = text.replace('hourly.rain"', 'hourly..rain"')
    with pytest.raises(InputError) as error:
        load(tmp_path, text)
    assert [one.line for one in error.value.problems] == [12, 23]


def test_two_variables_by_one_code(tmp_path: Path) -> None:
    text = GOOD.replace("    variables:\n", "    variables:\n      wind: {unit: m/s, range: [0, 99], code: rain}\n")
    with pytest.raises(InputError, match="the data call wind by the same code"):
        load(tmp_path, text)
