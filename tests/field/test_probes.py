"""Probes and the ground they are in: what valves and the sky bring, and what is told of it each hour."""

from collections.abc import Sequence

import pytest

from tests.field.watering import NOON, a_network, a_plot, a_sky, at, fault, opened, tell
from twin.faults import Fault, FaultKind, Faults
from twin.irrigation.network import Network
from twin.irrigation.plots import Plot, Plots, Sky


def some_ground(network: Network, sky: Sequence[Sky], *faults: Fault, plot: Plot | None = None) -> Plots:
    return Plots([plot or a_plot()], sky, [network], Faults(faults), NOON, seed=1)


def moistures(ground: Plots, hours: float) -> list[float]:
    return [one["value"] for one in ground.readings(at(hours)) if one["property"] == "soilMoistureVwc"]


def test_a_probe_tells_each_full_hour_what_is_in_its_ground() -> None:
    ground = some_ground(a_network(), a_sky(6))
    told = ground.readings(at(2.5))
    assert [(one["asset"], one["property"], one["observed_at"]) for one in told] == [
        ("S-1", name, f"2026-07-14T{hour}:00:00Z")
        for hour in (11, 12)
        for name in ("soilMoistureVwc", "soilTemperature")
    ]
    assert told[0]["value"] == pytest.approx(0.12 + 16 / 200, abs=0.01)
    assert told[1]["value"] == 18.0
    assert ground.readings(at(2.9)) == []


def test_the_ground_gets_what_flows_and_dries_between() -> None:
    """2.5 m³/h on 250 m² for an hour: 10 mm, of which the driest quarter gets seven."""
    network = a_network(flows_m3_h={"V-1": 2.5})
    tell(network, opened((4, 5)))
    ground = some_ground(network, a_sky(24, et0_mm=0.2))
    before = ground.water.total_mm[0]
    ground.readings(at(4))
    dried = ground.water.total_mm[0]
    ground.readings(at(5))
    assert dried < before
    assert ground.water.total_mm[0] - dried == pytest.approx(7.0, abs=0.3)


def test_rain_reaches_the_ground_of_a_valve_that_was_never_opened() -> None:
    dry, wet = (some_ground(a_network(), a_sky(10, rain_mm=rain)) for rain in (0.0, 2.0))
    for ground in (dry, wet):
        ground.readings(at(10))
    assert wet.water.total_mm[0] - dry.water.total_mm[0] == pytest.approx(20.0, abs=2.0)


def test_a_stuck_probe_repeats_what_it_said_also_before_the_story() -> None:
    stuck = fault(FaultKind.STUCK, "S-1", -48, 5)
    ground = some_ground(a_network(), a_sky(10, et0_mm=0.5), stuck, plot=a_plot(said=0.3111))
    values = moistures(ground, 10)
    assert values[:4] == [0.3111] * 4
    assert 0.3111 not in values[4:]


def test_a_silent_probe_tells_nothing() -> None:
    ground = some_ground(a_network(), a_sky(6), fault(FaultKind.SILENT, "S-1", 2, 4))
    assert len(moistures(ground, 6)) == 4


def test_ground_without_a_probe_tells_nothing() -> None:
    assert some_ground(a_network(), a_sky(3), plot=a_plot(probe=None)).readings(at(3)) == []


def test_soil_follows_the_air_slowly() -> None:
    ground = some_ground(a_network(), a_sky(24, air_c=30.0))
    values = [one["value"] for one in ground.readings(at(24)) if one["property"] == "soilTemperature"]
    assert values == sorted(values)
    assert 18 < values[0] < 19.5
    assert 28 < values[-1] < 30
