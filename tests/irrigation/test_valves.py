"""What valves, gardens and networks say of themselves, and whose word counts where several speak."""

from datetime import date

import pytest

from engine.inventory.valves import (
    GardenAttributes,
    NetworkAttributes,
    ValveAttributes,
    read_network,
    read_valve,
    watered,
    watered_by,
)
from engine.model import Asset

VALVE = {"flow_m3_h": 2.4}


def test_a_valve_needs_only_its_flow_and_what_is_assumed_is_what_orders_bind_most() -> None:
    row, wrong = read_valve(VALVE)

    assert wrong == []
    assert row is not None
    found = watered(row)
    assert (found.method, found.planting, found.use, found.source) == ("sprinkler", "turf", "lawn", "drinking")
    assert found.assumed == ("method", "planting", "source", "soil")
    assert (found.soil, found.planted, found.slope_pct) == (None, None, 0.0)


def test_the_valves_own_word_is_before_its_gardens_and_that_before_its_networks() -> None:
    network = NetworkAttributes(capacity_m3_h=12.0, source="river")
    garden = GardenAttributes(plants="shrubs", soil="clay", planted="2025-03-01", slope_pct=5.0, use="nursery")
    own = ValveAttributes(flow_m3_h=1.0, planting="trees", soil="sand", source="reused", slope_pct=0.0)

    said = watered(ValveAttributes(flow_m3_h=1.0, method="drip"), garden, network)
    assert (said.planting, said.soil, said.source, said.use) == ("shrubs", "clay", "river", "nursery")
    assert (said.planted, said.slope_pct, said.assumed) == (date(2025, 3, 1), 5.0, ())
    mine = watered(own, garden, network)
    assert (mine.planting, mine.soil, mine.source, mine.slope_pct) == ("trees", "sand", "reused", 0.0)


@pytest.mark.parametrize(
    ("plants", "planting", "use"),
    [("lawn", "turf", "lawn"), ("shrubs", "shrubs", "shrubs"), ("flowerbed", "flowerbed", "flowerbed"),
     ("trees", "trees", "trees")],
)  # fmt: skip
def test_gardens_say_what_grows_in_their_own_words(plants: str, planting: str, use: str) -> None:
    found = watered(ValveAttributes(flow_m3_h=1.0), GardenAttributes.model_validate({"plants": plants}))

    assert (found.planting, found.use) == (planting, use)


def test_everything_that_is_wrong_with_a_valve_is_told_at_once() -> None:
    row, wrong = read_valve({"flow_m3_h": 0, "method": "hose", "planted": "spring", "area_m2": -1.0})

    assert row is None
    told = [what for what, _ in wrong]
    assert [what.partition(":")[0] for what in told] == ["planted", "flow_m3_h", "area_m2", "method"]
    assert wrong[0] == ("planted: 'spring' is not a day", "write it as 2021-05-31")


def test_a_flow_that_is_missing_is_named() -> None:
    assert read_valve({"method": "drip"})[1] == [("'flow_m3_h' is missing", "add the key 'flow_m3_h'")]
    assert read_network({})[1] == [("'capacity_m3_h' is missing", "add the key 'capacity_m3_h'")]


def test_a_valve_of_the_inventory_is_read_with_its_garden_and_its_network() -> None:
    assets = {
        asset.id: asset
        for asset in (
            Asset("N", "IrrigationNetwork", "Z", 0, 0, attributes={"capacity_m3_h": 9, "source": "groundwater"}),
            Asset("G", "Garden", "Z", 0, 0, "N", attributes={"plants": "trees", "planted": "2024-11-25"}),
            Asset("V", "IrrigationValve", "Z", 0, 0, "N", attributes={"flow_m3_h": 1, "garden": "G"}),
            Asset("W", "IrrigationValve", "Z", 0, 0, "N", attributes={"garden": "G"}),
        )
    }

    found = watered_by(assets["V"], assets)
    assert found is not None
    assert (found.use, found.source, found.planted) == ("trees", "groundwater", date(2024, 11, 25))
    assert watered_by(assets["W"], assets) is None
