"""Hydrozones read from the inventory: what they are made of, what is assumed, and what is left out with its reason."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Asset
from jobs.irrigation.tables import IrrigationTables, load_tables
from jobs.irrigation.zones import Zones, read_zones

TABLES = load_tables(Path(__file__).parents[2] / "datasets" / "reference" / "irrigation.yaml")
DAY = date(2026, 7, 1)
NETWORK = Asset("N", "IrrigationNetwork", "Z", -0.67, 47.40, attributes={"capacity_m3_h": 12.0})
GARDEN = Asset("G", "Garden", "Z", -0.67, 47.40, "N", attributes={"plants": "lawn"})


def valve(name: str = "V", parent: str | None = "N", **attributes: Any) -> Asset:
    return Asset(name, "IrrigationValve", "Z", -0.67, 47.40, parent, attributes={"flow_m3_h": 3.0, **attributes})


def probe(name: str, metres: float, garden: str = "G") -> Asset:
    """So far north of the valves."""
    return Asset(name, "GreenspaceRecord", "Z", -0.67, 47.40 + metres / 111_195, garden)


def zones(*valves: Asset, network: Asset = NETWORK, probes: tuple[Asset, ...] = ()) -> Zones:
    return read_zones(valves, [network], [GARDEN], probes, TABLES, DAY)


def test_a_sprinkler_on_loam_opens_for_the_longest_cycle_and_soaks_until_the_water_is_in() -> None:
    found = zones(valve(area_m2=250.0, method="sprinkler", soil="loam", planting="turf"))

    assert found.rate_mm_h.tolist() == [12.0]
    assert found.cycle_s.tolist() == [1800.0]
    standing_mm = (12.0 - 8.9) * 0.5
    assert found.soak_s.tolist() == [np.ceil(standing_mm / 8.9 * 60) * 60]
    assert found.cycle_mm.tolist() == pytest.approx([12.0 * 0.5 * 0.70])
    assert found.cycle_m3.tolist() == [1.5]


def test_steep_clay_takes_short_cycles() -> None:
    found = zones(valve(area_m2=250.0, method="sprinkler", soil="clay", slope_pct=10.0))

    until_runoff_min = 5.1 * 0.5 / (12.0 - 2.5) * 60
    assert found.cycle_s.tolist() == [np.floor(until_runoff_min) * 60]
    assert found.soak_s[0] >= until_runoff_min * 60


def test_what_soaks_in_as_fast_as_it_comes_needs_no_pause() -> None:
    found = zones(valve(area_m2=750.0, method="drip", soil="loam"))

    assert (found.cycle_s.tolist(), found.soak_s.tolist()) == ([3600.0], [0.0])


@given(
    rate=st.floats(1, 60),
    soil=st.sampled_from(sorted(TABLES.soils)),
    slope=st.floats(0, 40),
    method=st.sampled_from(["sprinkler", "drip"]),
)
def test_what_stands_after_a_cycle_is_no_more_than_the_ground_keeps_and_is_in_after_the_soak(
    rate: float, soil: str, slope: float, method: str
) -> None:
    found = zones(valve(flow_m3_h=rate / 4, area_m2=250.0, soil=soil, slope_pct=slope, method=method),
                  network=Asset("N", "IrrigationNetwork", "Z", 0, 0, attributes={"capacity_m3_h": 100.0}))  # fmt: skip
    entry = TABLES.soils[soil]
    cycle_h, soak_h = found.cycle_s[0] / 3600, found.soak_s[0] / 3600
    standing_mm = max(rate - entry.intake_mm_h, 0) * cycle_h

    assert found.cycle_s[0] % 60 == found.soak_s[0] % 60 == 0
    assert standing_mm <= entry.intake_mm_h * soak_h + 1e-9
    assert found.cycle_s[0] <= TABLES.methods[method].longest.total_seconds()
    if found.cycle_s[0] > TABLES.shortest_cycle.total_seconds():
        assert standing_mm <= entry.surface_mm * TABLES.keeps(slope) + 1e-9


def test_what_nobody_states_is_taken_from_tables_and_said() -> None:
    found = zones(valve(garden="G"))

    assert found.area_m2.tolist() == [250.0]
    assert (found.method, found.planting, found.soil) == (("sprinkler",), ("turf",), ("loam",))
    assert [reason.partition(",")[0] for reason in found.reasons] == [
        "no method stated", "no source stated", "no soil stated", "no area_m2 stated",
    ]  # fmt: skip


def test_prices_are_the_networks_or_its_sources_or_of_its_dearest_valve() -> None:
    def price(valves: tuple[Asset, ...], **attributes: Any) -> float:
        network = Asset("N", "IrrigationNetwork", "Z", 0, 0, attributes={"capacity_m3_h": 12.0, **attributes})
        return float(zones(*valves, network=network).price_eur_m3[0])

    river, drinking = valve("V", source="river"), valve("W", source="drinking")
    assert price((river, drinking), price_eur_m3=0.7, source="river") == 0.7
    assert price((river, drinking), source="river") == TABLES.prices_eur_m3["river"]
    assert price((river, drinking)) == TABLES.prices_eur_m3["drinking"]
    assert price((river,)) == TABLES.prices_eur_m3["river"]


def test_probes_go_to_the_nearest_valve_of_their_garden_once_and_to_whoever_names_them() -> None:
    found = zones(
        valve("V1", garden="G"), valve("V2", garden="G", probe="far"), valve("V3", garden="G"), valve("V4"),
        probes=(probe("near", 10), probe("far", 90), probe("elsewhere", 1, garden="H")),
    )  # fmt: skip

    assert found.probe == ("near", "far", "", "")


def test_a_probe_that_is_named_and_is_not_there_is_replaced_by_the_nearest() -> None:
    found = zones(valve(garden="G", probe="gone"), probes=(probe("near", 10),))
    assert found.probe == ("near",)
    assert any(reason.startswith("no such probe") and "V" in reason for reason in found.reasons)


def test_trees_have_the_roots_of_young_ones_for_three_years() -> None:
    found = zones(
        valve("V1", planting="trees", planted="2024-11-20"), valve("V2", planting="trees", planted="2019-11-20"),
        valve("V3", planting="trees"),
    )  # fmt: skip

    assert found.planting == ("young_trees", "trees", "trees")
    assert found.use == ("trees", "trees", "trees")


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"flow_m3_h": 14.0}, "flow_m3_h is 14, its network carries 12: wants a valve that its network can feed"),
        ({"flow_m3_h": 0}, "flow_m3_h: Input should be greater than 0"),
        ({"flow_m3_h": float("nan")}, "flow_m3_h: Input should be a finite number"),
        ({"area_m2": 0.0}, "area_m2: Input should be greater than 0"),
        ({"area_m2": 10.0}, "3 m³/h on 10 m² is 300 mm/h, wants 0.5 to 80"),
        ({"area_m2": 90_000.0}, "3 m³/h on 90000 m² is 0.0333 mm/h, wants 0.5 to 80"),
        ({"planting": "wheat"}, "planting: Input should be 'turf'"),
        ({"soil": "peat"}, "soil 'peat' is not in irrigation.yaml: one of sand, loamy_sand"),
        ({"field_capacity": 0.10}, "wilting_point, field_capacity and saturation are 0.12, 0.1, 0.46"),
        ({"field_capacity": 25.0}, "25 is no water content of soil (in m³/m³, more than 0 and less than 0.9: divide"),
        ({"wilting_point": 0.30, "field_capacity": 0.20}, "want to grow: correct what was measured"),
        (
            {"wilting_point": 0.30, "field_capacity": 0.301},
            "wilting_point 0.3 and field_capacity 0.301 leave 0.3 mm of water in 0.3 m of roots, want 1 mm or more",
        ),
        ({"wilting_point": 0.005, "field_capacity": 0.015}, "field_capacity is 0.015 m³/m³, wants 0.02 or more"),
        ({"parent": None}, "its network None: is none (name its IrrigationNetwork)"),
        ({"parent": "X"}, "its network X: is none"),
    ],
)  # fmt: skip
def test_a_zone_that_cannot_be_planned_is_left_out_with_its_reason_and_stops_no_other(
    attributes: Mapping[str, Any], told: str
) -> None:
    found = zones(valve("good"), valve("bad", **attributes))

    assert found.valves == ("good",)
    assert list(found.left_out) == ["bad"]
    assert told in found.left_out["bad"]
    assert any(reason.startswith("left out, it stays closed: bad: ") for reason in found.reasons)


def test_everything_that_is_wrong_with_a_zone_is_told_at_once() -> None:
    found = zones(valve(flow_m3_h=14.0, area_m2=10.0))

    assert "its network can feed" in found.left_out["V"]
    assert "1.4e+03 mm/h" in found.left_out["V"]


def test_a_network_that_cannot_be_read_leaves_out_its_valves_alone() -> None:
    broken = Asset("M", "IrrigationNetwork", "Z", 0, 0, attributes={"capacity_m3_h": "many"})
    found = read_zones([valve("V1"), valve("V2", "M")], [NETWORK, broken], [], [], TABLES, DAY)

    assert (found.valves, found.networks) == (("V1",), ("N",))
    assert "its network M: capacity_m3_h: Input should be a valid number" in found.left_out["V2"]


def test_a_valve_that_stands_twice_is_left_out() -> None:
    assert zones(valve("V"), valve("V"), valve("W")).left_out == {"V": "stands more than once, wants once"}


def test_a_territory_without_a_valve_has_no_zone() -> None:
    found = zones()

    assert (len(found), found.networks, found.root_zone.taw_mm.size) == (0, (), 0)


def test_usual_water_is_what_the_timer_gives_of_the_month() -> None:
    found, tables = zones(valve(area_m2=250.0, planting="turf", method="sprinkler")), TABLES

    assert found.usual_m3_day(tables, 7).tolist() == pytest.approx([0.85 * 4.70 / 0.70 * 0.250])
    assert found.usual_m3_day(tables, 12).tolist() == [0.0]


def test_zones_do_not_depend_on_the_order_of_gardens_and_probes(tables: IrrigationTables = TABLES) -> None:
    valves = [valve("V1", garden="G"), valve("V2", garden="G")]
    probes = [probe("P1", 10), probe("P2", 20)]

    assert (
        read_zones(valves, [NETWORK], [GARDEN], probes, tables, DAY).probe
        == read_zones(valves, [NETWORK], [GARDEN], probes[::-1], tables, DAY).probe
    )
