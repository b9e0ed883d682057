"""The inventory: saved as often as one likes, with a numbered series for every property."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.model import Asset, Commune, Zone
from engine.store import Intake, Store

Lines = dict[str, Any]
ANGERS = Commune("49007", "Angers", 157_555, -0.5514, 47.4736, 42.7)
LAMP_PROPERTIES = {"powerState", "status", "illuminanceLevel", "powerConsumption"}


def _lamp(name: str, zone: str = "A-1", **changes: Any) -> Asset:
    return replace(Asset(name, "Streetlight", zone, -0.55, 47.47), **changes)


def _contents(store: Store) -> tuple[Any, ...]:
    with store.read() as unit:
        inventory = unit.inventory
        series = inventory.series().rows()
        return inventory.communes(), inventory.zones(), inventory.assets(), inventory.zone_numbers(), series


def _save(store: Store, catalogue: Catalogue, *assets: Asset, zones: tuple[Zone, ...] = ()) -> None:
    with store.begin() as unit:
        unit.inventory.save([], zones, assets, catalogue)


def _problems(store: Store, catalogue: Catalogue, *what: Any) -> set[str]:
    before = _contents(store)
    with pytest.raises(InputError) as caught, store.begin() as unit:
        unit.inventory.save(*what, catalogue)
    assert _contents(store) == before
    return {str(problem) for problem in caught.value.problems}


def test_what_was_saved_comes_back(bare: Store, catalogue: Catalogue) -> None:
    zones = [Zone("B", "49007"), Zone("A", "49007")]
    attributes = {"nom": "Beaucouzé", "poles": [1, 2.5, None], "deep": {"tab": "\t", "slash": "\\N", "quote": '"'}}
    assets = [
        _lamp("L-9", "B", parent="C-1", gateway="gw-1", attributes=attributes),
        Asset("C-1", "StreetlightControlCabinet", "B", 1e-300, -0.1 - 0.2),
        _lamp("L-1", "A", gateway=""),
    ]
    with bare.begin() as unit:
        unit.inventory.save([ANGERS], zones, assets, catalogue)
    communes, found_zones, found, numbers, _ = _contents(bare)
    assert communes == [ANGERS]
    assert found_zones == [Zone("A", "49007"), Zone("B", "49007")]
    assert found == sorted(assets, key=lambda asset: asset.id)
    assert numbers == {"A": 1, "B": 2}


def test_saving_the_same_again_changes_nothing(
    store: Store, another: Callable[[], Store], catalogue: Catalogue
) -> None:
    before = _contents(store)
    other = another()
    communes, zones, assets, *_ = before
    for one in (store, other, store):
        with one.begin() as unit:
            unit.inventory.save(communes, zones, assets, catalogue)
        assert _contents(one) == before
    with store.begin() as unit:
        unit.inventory.save([], [], [], catalogue)
    assert _contents(other) == before


def test_saving_again_does_not_touch_the_readings(
    store: Store, lamps: Lines, put: Callable[..., Intake], catalogue: Catalogue
) -> None:
    put(lamps["L-1"](5), lamps["L-3"](5))
    communes, zones, assets, *_ = _contents(store)
    with store.begin() as unit:
        unit.inventory.save(communes, zones, assets, catalogue)
        assert unit.readings.heads()[lamps["L-1"].zone] == 1
    assert put(lamps["L-1"](5), lamps["L-1"](4)).late == 1


def test_every_property_of_the_catalogue_has_a_series(bare: Store, catalogue: Catalogue) -> None:
    assets = [Asset(f"X-{kind}", kind, "A-1", 0, 0, gateway=f"gw-{kind}") for kind in catalogue.types]
    with bare.begin() as unit:
        unit.inventory.save([ANGERS], [Zone("A-1", "49007")], assets, catalogue)
        series = unit.inventory.series()
    wanted = {(kind, name) for kind, entry in catalogue.types.items() for name in entry.properties}
    assert len(wanted) > 20
    assert sorted(zip(series["type"], series["property"], strict=True)) == sorted(wanted)
    assert series["series"].to_list() == list(range(1, len(wanted) + 1))
    assert series["asset"].to_list() == [f"X-{kind}" for kind in series["type"]]
    assert series["gateway"].to_list() == [f"gw-{kind}" for kind in series["type"]]
    assert set(series["zone"]) == {1}
    assert dict(series.schema) == {
        "series": pl.Int32,
        "asset": pl.String,
        "type": pl.String,
        "property": pl.String,
        "zone": pl.Int32,
        "gateway": pl.String,
    }


def test_series_of_one_zone_have_neighbouring_numbers(store: Store) -> None:
    with store.read() as unit:
        zones = unit.inventory.series()["zone"].to_list()
    assert zones == sorted(zones)
    assert len(zones) == 3 + 4 * 4


def test_new_assets_are_numbered_after_the_old_ones(store: Store, catalogue: Catalogue) -> None:
    before = _contents(store)
    _save(store, catalogue, _lamp("A-first"), _lamp("L-0", "Z-0"), zones=(Zone("Z-0", "49007"),))
    after = _contents(store)
    assert after[4][: len(before[4])] == before[4]
    assert [row[0] for row in after[4]] == list(range(1, len(before[4]) + 9))
    assert after[3] == before[3] | {"Z-0": 4}


def test_a_property_new_in_the_catalogue_gets_a_series(store: Store, catalogue: Catalogue) -> None:
    streetlight = catalogue.types["Streetlight"]
    fewer = {name: entry for name, entry in streetlight.properties.items() if name != "status"}
    poorer = catalogue.model_copy(
        update={"types": {**catalogue.types, "Streetlight": streetlight.model_copy(update={"properties": fewer})}}
    )
    _save(store, poorer, _lamp("L-9"))
    with store.read() as unit:
        assert set(unit.inventory.series().filter(asset="L-9")["property"]) == LAMP_PROPERTIES - {"status"}
        there = unit.inventory.series().rows()
    _save(store, catalogue, _lamp("L-9"))
    with store.read() as unit:
        series = unit.inventory.series()
    assert series.rows()[:-1] == there
    assert series.row(-1)[1:4] == ("L-9", "Streetlight", "status")


def test_an_asset_that_moves_keeps_the_numbers_of_its_series(store: Store, catalogue: Catalogue) -> None:
    before = {row[0]: row for row in _contents(store)[4]}
    moved = _lamp("L-3", "B-1", gateway="gw-9", lon=1.0)
    _save(store, catalogue, moved)
    _, _, assets, numbers, series = _contents(store)
    assert next(asset for asset in assets if asset.id == "L-3") == moved
    for row in series:
        number, asset, *_ = row
        expected = (*before[number][:4], numbers["B-1"], "gw-9") if asset == "L-3" else before[number]
        assert row == expected
    assert len(series) == len(before)


def test_a_cabinet_moves_with_its_lamps(store: Store, catalogue: Catalogue) -> None:
    assets = {asset.id: asset for asset in _contents(store)[2]}
    family = [replace(assets[name], zone="A-2") for name in ("L-1", "C-1", "L-2")]
    _save(store, catalogue, *family)
    with store.read() as unit:
        assert set(unit.inventory.series().filter(zone=unit.inventory.zone_numbers()["A-1"])["asset"]) == set()
        assert [asset.zone for asset in unit.inventory.assets(ids=["C-1", "L-1", "L-2"])] == ["A-2"] * 3


def test_a_lamp_cannot_leave_its_cabinet_behind(store: Store, catalogue: Catalogue) -> None:
    found = _problems(store, catalogue, [], [], [_lamp("L-1", "A-2", parent="C-1")])
    assert found == {"asset L-1 hangs on 'C-1', which is in zone 'A-1' → a parent lies in its child's zone, here 'A-2'"}
    _save(store, catalogue, _lamp("L-1", "A-2"))


def test_another_process_learns_that_an_asset_moved(
    store: Store, lamps: Lines, put: Callable[..., Intake], catalogue: Catalogue, another: Callable[[], Store]
) -> None:
    other = another()
    put(lamps["L-3"](5), into=other)
    _save(store, catalogue, _lamp("L-3", "B-1"))
    lamps["L-3"].zone = lamps["L-4"].zone
    assert put(lamps["L-3"](4), lamps["L-3"](5), into=other) == Intake(2, 1, 1, {"duplicate": 1})  # type: ignore[dict-item]


def test_a_zone_changes_its_commune_and_keeps_its_number(store: Store, catalogue: Catalogue) -> None:
    numbers = _contents(store)[3]
    _save(store, catalogue, zones=(Zone("A-2", "49020"),))
    _, zones, _, after, _ = _contents(store)
    assert Zone("A-2", "49020") in zones
    assert after == numbers


def test_a_commune_is_replaced(store: Store, catalogue: Catalogue) -> None:
    grown = replace(ANGERS, population=160_000, area_km2=43.1)
    with store.begin() as unit:
        unit.inventory.save([grown], [], [], catalogue)
        assert unit.inventory.communes()[0] == grown
        assert len(unit.inventory.communes()) == 2


def test_assets_by_type_and_by_id(store: Store) -> None:
    with store.read() as unit:
        find = unit.inventory.assets
        assert [asset.id for asset in find()] == ["C-1", "L-1", "L-2", "L-3", "L-4"]
        assert [asset.id for asset in find("StreetlightControlCabinet")] == ["C-1"]
        assert [asset.id for asset in find(ids=["L-4", "L-1", "L-4", "nobody", "l-1"])] == ["L-1", "L-4"]
        assert [asset.id for asset in find("Streetlight", ["C-1", "L-2"])] == ["L-2"]
        assert find(ids=[]) == find("Garden") == find("streetlight") == []


def test_everything_that_leads_nowhere_is_told_at_once(store: Store, catalogue: Catalogue) -> None:
    found = _problems(
        store,
        catalogue,
        [ANGERS, ANGERS],
        [Zone("Q", "99999"), Zone("R", "49007"), Zone("R", "49007")],
        [
            _lamp("L-8", "nowhere"),
            _lamp("L-9", type="Lighthouse"),
            _lamp("L-10", parent="C-99"),
            _lamp("L-11", "R", parent="C-1"),
            _lamp("L-12"),
            _lamp("L-12"),
        ],
    )
    assert len(found) == 8
    for words in (
        "commune 49007 stands twice",
        "zone Q lies in the unknown commune '99999'",
        "zone R stands twice",
        "asset L-8 lies in the unknown zone 'nowhere'",
        "asset L-9 is of the unknown type 'Lighthouse'",
        "asset L-10 hangs on 'C-99', which is unknown",
        "asset L-11 hangs on 'C-1', which is in zone 'A-1'",
        "asset L-12 stands twice",
    ):
        assert any(words in problem for problem in found), words


def test_parents_may_come_after_their_children(bare: Store, catalogue: Catalogue) -> None:
    assets = [_lamp("L-1", parent="Z-1"), Asset("Z-1", "StreetlightControlCabinet", "A-1", 0, 0)]
    with bare.begin() as unit:
        unit.inventory.save([ANGERS], [Zone("A-1", "49007")], assets, catalogue)
    with bare.read() as unit:
        assert unit.inventory.assets() == assets


def test_a_town_of_six_thousand_assets(bare: Store, catalogue: Catalogue) -> None:
    zones = [Zone(f"Z-{number:02}", "49007") for number in range(30)]
    assets = [_lamp(f"L-{number:05}", f"Z-{number % 30:02}", gateway=f"gw-{number % 60}") for number in range(6_000)]
    for count in (3_000, 6_000, 6_000):
        with bare.begin() as unit:
            unit.inventory.save([ANGERS], zones, assets[:count], catalogue)
    with bare.read() as unit:
        series = unit.inventory.series()
        assert unit.inventory.assets() == assets
    assert series["series"].to_list() == list(range(1, 24_001))
    assert series.group_by("zone").len()["len"].to_list() == [800] * 30
    assert series.select("asset", "property").n_unique() == 24_000
