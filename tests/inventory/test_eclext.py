"""The exchange with EclExt: there and back the same, and nothing wrong goes by."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import Problem
from engine.inventory import eclext
from engine.inventory.eclext import export_eclext, import_eclext
from engine.inventory.model import Territory
from engine.model import Asset

Refused = Callable[..., tuple[Problem, ...]]
TextAt = Callable[[Problem], str]


def lights(territory: Territory) -> tuple[Asset, ...]:
    """Cabinets, then lamps."""
    kinds = ("StreetlightControlCabinet", "Streetlight")
    return tuple(asset for kind in kinds for asset in territory.assets if asset.type == kind)


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def edit(folder: Path, table: str, change: Callable[[list[dict[str, str]]], object]) -> None:
    """Change the rows of a table as a foreign tool would."""
    some = rows(folder, table)
    change(some)
    with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(some[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(some)


@pytest.fixture
def exported(small: Territory, tmp_path: Path) -> Path:
    export_eclext(small, tmp_path / "eclext")
    return tmp_path / "eclext"


def test_what_is_exported_comes_back_the_same(small: Territory, exported: Path) -> None:
    back = import_eclext(exported, small)
    assert back.assets == lights(small)
    assert [list(a.attributes) for a in back.assets] == [list(a.attributes) for a in lights(small)]
    assert (back.communes, back.zones, back.origin) == (small.communes, small.zones, small.origin)


def test_exporting_what_came_back_gives_the_same_bytes(small: Territory, exported: Path, tmp_path: Path) -> None:
    export_eclext(import_eclext(exported, small), tmp_path / "again")
    first = {path.name: path.read_bytes() for path in exported.iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == first


def test_the_tables_of_the_standard_are_all_there(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == {
        "PointLumineux.csv",
        "ProfilNocturne.csv",
        "PlageVariation.csv",
        "ProfilContientPlage.csv",
        "Complement_Armoire.csv",
        "Complement_PointLumineux.csv",
    }


def test_a_light_point_says_what_we_know_and_no_more(exported: Path) -> None:
    point = rows(exported, "PointLumineux")[0]
    said = {column: cell for column, cell in point.items() if cell}
    assert said == {
        "identifiant": "L-1",
        "statut": "functional",
        "eclairagePublic": "true",
        "usage": "A",
        "typeSource": "LED",
        "structure": "XX",
        "support": "XX",
        "puissance": "36.0",
        "extinctionNuit": "false",
        "estAdaptatif": "true",
        "x": "-0.55",
        "y": "47.47",
    }


@pytest.mark.parametrize(("curve", "source"), [("led-b", "LED"), ("hps-a", "SHP"), ("mh-1", "IM"), ("other", "XX")])
def test_the_source_follows_the_curve(
    small: Territory, tmp_path: Path, make_lamp: Callable[..., Asset], curve: str, source: str
) -> None:
    lit = replace(small, assets=(small.assets[0], make_lamp("L-1", flux_curve=curve)))
    export_eclext(lit, tmp_path)
    assert rows(tmp_path, "PointLumineux")[0]["typeSource"] == source
    assert import_eclext(tmp_path, small).assets == lit.assets


def test_what_only_eclext_knows_is_kept_and_given_back(small: Territory, exported: Path, tmp_path: Path) -> None:
    told = {
        "structure": "LANT",
        "support": "MAT",
        "hauteurFeu": "8.5",
        "valideDe": "20240115",
        "fabricant": 'Ets "Durand", Angers',
    }
    edit(exported, "PointLumineux", lambda some: some[0].update(told))
    back = import_eclext(exported, small)
    assert back.assets[1].attributes["eclext"] == told
    assert "eclext" not in back.assets[2].attributes
    export_eclext(back, tmp_path / "again")
    assert rows(tmp_path / "again", "PointLumineux") == rows(exported, "PointLumineux")


def test_power_and_adaptation_are_those_of_eclext(small: Territory, exported: Path) -> None:
    edit(exported, "PointLumineux", lambda some: some[0].update(puissance="41.5", estAdaptatif="false"))
    attributes = import_eclext(exported, small).assets[1].attributes
    assert (attributes["power_w"], attributes["dimmable"]) == (41.5, False)
    assert "eclext" not in attributes


def test_colour_and_flux_are_told_and_read(small: Territory, tmp_path: Path, make_lamp: Callable[..., Asset]) -> None:
    lit = replace(small, assets=(small.assets[0], make_lamp("L-1", cct_k=2700, flux_lm=4200.5)))
    export_eclext(lit, tmp_path)
    (told,) = rows(tmp_path, "PointLumineux")
    assert (told["temperatureCouleur"], told["fluxLuminaire"]) == ("2700", "4200.5")
    assert import_eclext(tmp_path, small).assets == lit.assets
    edit(tmp_path, "PointLumineux", lambda some: some[0].update(temperatureCouleur="4000"))
    attributes = import_eclext(tmp_path, small).assets[1].attributes
    assert attributes["cct_k"] == 4000
    assert "eclext" not in attributes


def test_a_colour_that_is_no_number_is_told_at_its_cell(small: Territory, exported: Path, refused: Refused) -> None:
    edit(exported, "PointLumineux", lambda some: some[0].update(temperatureCouleur="chaud"))
    (problem,) = refused(import_eclext, exported, small)
    assert problem.what == "L-1: temperatureCouleur 'chaud' is not a number"


def test_optional_columns_may_be_absent_and_others_stand_in_any_order(small: Territory, exported: Path) -> None:
    path = exported / "PointLumineux.csv"
    some = rows(exported, "PointLumineux")
    columns = [column for column in reversed(list(some[0])) if column not in eclext.OPTIONAL]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(some)
    assert import_eclext(exported, small).assets == lights(small)


numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.one_of(st.text(), st.booleans(), st.integers(-(2**53), 2**53), numbers)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # they are never changed
@given(st.dictionaries(st.text(min_size=1), values, max_size=4), st.floats(0.6, 2000), st.floats(-0.6, -0.5))
def test_any_lamp_comes_back_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory,
    small: Territory,
    make_lamp: Callable[..., Asset],
    more: dict[str, Any],
    power_w: float,
    lon: float,
) -> None:
    lamp = make_lamp("L-1", lon=lon, power_w=power_w)
    other = {f"x-{key}": value for key, value in more.items()}
    lamp = replace(lamp, attributes={**other, **lamp.attributes})
    territory = replace(small, assets=(small.assets[0], lamp))
    folder = tmp_path_factory.mktemp("eclext")
    export_eclext(territory, folder)
    assert import_eclext(folder, territory) == territory


WRONG: list[tuple[str, str, dict[str, str], str, str]] = [
    ("statut", "PointLumineux", {"statut": "en service"}, "L-1: statut is 'en service'", "en service"),
    ("usage", "PointLumineux", {"usage": "Z"}, "L-1: usage is 'Z'", "Z,"),
    ("source", "PointLumineux", {"typeSource": "led"}, "L-1: typeSource is 'led'", "led,"),
    ("structure", "PointLumineux", {"structure": ""}, "L-1: structure is ''", ",XX"),
    ("support", "PointLumineux", {"support": "ARBRE"}, "L-1: support is 'ARBRE'", "ARBRE"),
    ("flag", "PointLumineux", {"extinctionNuit": "oui"}, "L-1: extinctionNuit is 'oui'", "oui,"),
    ("adaptive", "PointLumineux", {"eclairageAdaptatif": "ZZ"}, "L-1: eclairageAdaptatif is 'ZZ'", "ZZ,"),
    ("power", "PointLumineux", {"puissance": "36 W"}, "L-1: puissance '36 W' is not a number", "36 W,"),
    ("no power", "PointLumineux", {"puissance": "0"}, "L-1: power_w: Input should be greater than 0", '"{'),
    ("x", "PointLumineux", {"x": "0,55"}, "L-1: x '0,55' is not a number", '"0,55"'),
    ("swapped", "PointLumineux", {"x": "47.47", "y": "-0.55"}, "km from Angers", "47.47,"),
    ("cabinet", "Complement_PointLumineux", {"armoire": "A-9"}, "L-1 hangs on the unknown 'A-9'", "A-9,"),
    ("no cabinet", "Complement_PointLumineux", {"armoire": ""}, "L-1 hangs on nothing", ",A-1,"),
    ("zone", "Complement_PointLumineux", {"zone": "Z-9"}, "L-1 is in the unknown zone 'Z-9'", "Z-9,"),
    ("attributes", "Complement_PointLumineux", {"attributs": "[]"}, "L-1: attributs is not a JSON object", "[]"),
    ("missing", "Complement_PointLumineux", {"attributs": "{}"}, "'segment' is missing", "{}"),
    ("cabinet's place", "Complement_Armoire", {"y": "north"}, "A-1: y 'north' is not a number", "north,"),
    ("cabinet's zone", "Complement_Armoire", {"zone": "Z-9"}, "A-1 is in the unknown zone 'Z-9'", "Z-9,"),
    ("unknown lamp", "Complement_PointLumineux", {"identifiant": "L-9"}, "L-9 is not in PointLumineux.csv", "L-9,"),
    ("unknown point", "PointLumineux", {"identifiant": "L-9"}, "L-9 is not in Complement_PointLumineux.csv", "L-9,"),
    ("twice", "PointLumineux", {"identifiant": "L-2"}, "L-2 stands twice, first on line 2", "L-2,"),
]


@pytest.mark.parametrize(("table", "cells", "what", "place"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_told_at_its_cell(
    small: Territory,
    exported: Path,
    refused: Refused,
    text_at: TextAt,
    table: str,
    cells: dict[str, str],
    what: str,
    place: str,
) -> None:
    edit(exported, table, lambda some: some[0].update(cells))
    found = [problem for problem in refused(import_eclext, exported, small) if what in problem.what]
    assert len(found) == 1
    assert found[0].source.endswith(f"{table}.csv")
    assert text_at(found[0]).startswith(place)


def test_every_problem_of_every_table_is_told_at_once(small: Territory, exported: Path, refused: Refused) -> None:
    edit(exported, "PointLumineux", lambda some: some[0].update(usage="Z", puissance="x"))
    edit(exported, "PointLumineux", lambda some: some[1].update(support="Z"))
    edit(exported, "Complement_Armoire", lambda some: some[0].update(x=""))
    assert len(refused(import_eclext, exported, small)) == 4


@pytest.mark.parametrize("table", ["PointLumineux", "Complement_Armoire", "Complement_PointLumineux"])
def test_an_absent_table_is_told_once(small: Territory, exported: Path, refused: Refused, table: str) -> None:
    (exported / f"{table}.csv").unlink()
    problems = refused(import_eclext, exported, small)
    told = [problem for problem in problems if problem.source.endswith(f"/{table}.csv")]
    assert [problem.what for problem in told] == ["cannot be read: No such file or directory"]
    if table != "Complement_Armoire":
        assert problems == tuple(told)


def test_an_unknown_column_is_refused(small: Territory, exported: Path, refused: Refused) -> None:
    path = exported / "PointLumineux.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("puissance", "puisance", 1), encoding="utf-8")
    assert [problem.what for problem in refused(import_eclext, exported, small)] == [
        "the header has the unknown 'puisance'",
        "the header lacks 'puissance'",
    ]


def test_without_known_zones_each_light_says_so(small: Territory, exported: Path, refused: Refused) -> None:
    problems = refused(import_eclext, exported, Territory((), (), ()))
    assert {problem.what for problem in problems} == {
        "A-1 is in the unknown zone 'Z-1'",
        "L-1 is in the unknown zone 'Z-1'",
        "L-2 is in the unknown zone 'Z-1'",
    }
