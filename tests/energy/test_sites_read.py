"""Buildings read from an inventory: what hangs on them, what is assumed, and who is left out with the reason."""

from pathlib import Path

import pytest

from engine.catalogue import Catalogue
from engine.model import Asset
from engine.store import Store
from jobs.energy.contracts import load_contracts
from jobs.energy.sites import BATTERY, CHARGER, ROOF, Sites, read_sites
from jobs.energy.tables import load_tables

from .territory_made import asset, save, school

ROOT = Path(__file__).resolve().parents[2]
TABLES = load_tables(ROOT / "datasets/reference/energy.yaml")
CONTRACTS = load_contracts(ROOT / "rules/contracts.yaml")


def read(store: Store, catalogue: Catalogue, *assets: Asset) -> Sites:
    return read_sites(save(store, catalogue, *assets), CONTRACTS, TABLES)


def test_what_hangs_on_a_building_is_its_own(store: Store, catalogue: Catalogue) -> None:
    size = {"capacity_wh": 10_000.0, "charge_max_w": 5_000.0, "discharge_max_w": 5_000.0}
    found = read(
        store, catalogue, *school("B2"), *school("B1"), asset("BT", BATTERY, "B2", **size),
        asset("P1", "IndoorEnvironmentObserved", "B1"), asset("P2", "IndoorEnvironmentObserved", "B2"),
        asset("H1", "HeatMeter", "B1", serves="heating"), asset("H2", "HeatMeter", "B1", serves="hotWater"),
    )  # fmt: skip
    first, second = found
    assert found.names == ("B1", "B2")
    assert (first.probes, first.heat_meters, first.batteries) == (("P1",), ("H1",), ())
    assert [one.id for one in second.batteries] == ["BT"]
    assert found.hung(BATTERY) == [(1, second.batteries[0])]


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"contract": None}, "contract – is not in contracts.yaml"),
        ({"contract": "C9"}, "contract C9 is not in contracts.yaml"),
    ],
)
def test_one_without_a_contract_is_left_out(
    store: Store, catalogue: Catalogue, attributes: dict[str, object], why: str
) -> None:
    found = read(store, catalogue, *school("B1", **attributes), *school("B2"))
    assert found.names == ("B2",)
    assert found.left_out["B1"].en == why


def test_one_without_a_meter_is_left_out(store: Store, catalogue: Catalogue) -> None:
    found = read(store, catalogue, school("B1")[0], *school("B2"))
    assert found.left_out["B1"].en == "no electricity meter"


def test_what_the_inventory_does_not_say_of_heat_is_taken_by_floor_area_and_said(
    store: Store, catalogue: Catalogue
) -> None:
    told = {"heat_loss_w_k": 900.0, "heat_capacity_wh_k": 40_000.0, "heat_max_w": 60_000.0}
    found = read(
        store, catalogue, *school("B1", heat="boiler", heat_loss_w_k=900.0), *school("B2", heat="boiler", **told),
        *school("B3"), *school("B4", heat="stove"),
    )  # fmt: skip
    one, two, three, four = found
    assert (one.loss_w_k, one.capacity_wh_k, one.heat_max_w) == (900.0, 55_000.0, 65_000.0)
    assert (two.loss_w_k, two.capacity_wh_k, two.heat_max_w) == (900.0, 40_000.0, 60_000.0)
    assert (three.heat, four.heat) == ("", ""), "not planned"
    assert [reason.en for reason in found.reasons] == [
        "B1: heat_capacity_wh_k, heat_max_w not in the inventory, taken by floor area"
    ]


@pytest.mark.parametrize("size", [{}, {"charge_max_w": 0}, {"charge_max_w": "much"}, {"charge_max_w": True}])
def test_a_charging_point_of_no_known_size_is_not_planned(
    store: Store, catalogue: Catalogue, size: dict[str, object]
) -> None:
    found = read(store, catalogue, *school(), asset("EV", CHARGER, "B1", **size), asset("PV", ROOF, "B1"))
    assert found.hung(CHARGER) == [] and found.hung(ROOF) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("charge_efficiency", 95.0), ("discharge_efficiency", 0.0), ("reserve", 10.0), ("reserve", -0.1),
        ("charge_efficiency", "good"),
    ],
)  # fmt: skip
def test_what_a_battery_cannot_be_is_taken_as_usual_and_said(
    store: Store, catalogue: Catalogue, name: str, found: object
) -> None:
    size = {"capacity_wh": 10_000.0, "charge_max_w": 5_000.0, "discharge_max_w": 5_000.0}
    sites = read(store, catalogue, *school("B1"), asset("BT", BATTERY, "B1", **size, **{name: found}))
    ((_, battery),) = sites.hung(BATTERY)
    assert name not in battery.attributes
    assert battery.attributes["capacity_wh"] == 10_000.0
    assert [said.en for said in sites.reasons if said.en.startswith(f"BT: {name} is {found} in the inventory, wants ")]


def test_what_a_battery_can_be_stays_and_nothing_is_said(store: Store, catalogue: Catalogue) -> None:
    told = {"capacity_wh": 10_000.0, "charge_max_w": 5_000.0, "discharge_max_w": 5_000.0, "reserve": 0.0}
    sites = read(store, catalogue, *school("B1"), asset("BT", BATTERY, "B1", **told, charge_efficiency=1.0))
    ((_, battery),) = sites.hung(BATTERY)
    assert battery.attributes == told | {"charge_efficiency": 1.0}
    assert not [said for said in sites.reasons if said.en.startswith("BT")]


@pytest.mark.parametrize("kva", [0.0, -36.0, True, "36 kVA"])
def test_a_contracted_power_that_is_none_is_not_known(store: Store, catalogue: Catalogue, kva: object) -> None:
    (site,) = read(store, catalogue, *school("B1", subscribed_kva=kva))
    assert site.subscribed is None
