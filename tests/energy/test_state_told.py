"""What is known of devices at an instant: what was told lately, and what stands in for what was not."""

from datetime import datetime, timedelta

import pytest

from engine.catalogue import Catalogue
from engine.model import Asset
from engine.store import Store
from jobs.energy.sites import Sites
from jobs.energy.state import Now, state_of

from .devices_made import HOUR, PLAIN, START, battery, charger, heater, site
from .territory_made import asset, save, school, tell

MINUTE = timedelta(minutes=1)
DEVICES = (battery("BT1"), battery("BT2", reserve=0.0), charger("EV1"), charger("EV2"), heater())
PROBES = tuple(asset(f"I{k}", "IndoorEnvironmentObserved", "B1") for k in range(5))


def known(store: Store, catalogue: Catalogue, told: dict[tuple[str, str], dict[datetime, float]]) -> Now:
    whole: tuple[Asset, ...] = (*school(), *DEVICES, *PROBES)
    territory = save(store, catalogue, *whole)
    if told:
        tell(store, territory, told)
    one = site(*DEVICES, heat="boiler")
    sites = Sites((type(one)(**{**one.__dict__, "probes": tuple(probe.id for probe in PROBES)}),), {})
    with store.read() as unit:
        return state_of(unit, territory, sites, START, PLAIN)


def test_of_who_has_told_nothing_the_cautious_is_taken_and_said(store: Store, catalogue: Catalogue) -> None:
    found = known(store, catalogue, {})
    assert found.stored_wh == {"BT1": 2_000.0, "BT2": 0.0}, "its reserve"
    assert found.room_c == {"B1": PLAIN.of_use("office").absent}
    assert found.tank_c == {"WH": PLAIN.water.least}
    assert (found.hot_at, found.stays) == ({"WH": None}, {})
    said = " ".join(reason.en for reason in found.reasons)
    assert all(name in said for name in ("BT1", "BT2", "B1", "WH"))


@pytest.mark.parametrize(("ago", "heard"), [(119 * MINUTE, True), (121 * MINUTE, False)])
def test_what_was_told_two_hours_ago_says_nothing_of_now(
    ago: timedelta, heard: bool, store: Store, catalogue: Catalogue
) -> None:
    found = known(store, catalogue, {("BT1", "stateOfCharge"): {START - ago: 0.9}})
    assert found.stored_wh["BT1"] == (9_000.0 if heard else 2_000.0)


def test_the_last_that_was_told_counts_and_nothing_of_later(store: Store, catalogue: Catalogue) -> None:
    told = {("WH", "temperature"): {START - 30 * MINUTE: 61.0, START - MINUTE: 48.0, START + MINUTE: 70.0}}
    found = known(store, catalogue, told)
    assert found.tank_c == {"WH": 48.0}
    assert found.hot_at == {"WH": START - 30 * MINUTE}


def test_of_five_probes_the_lowest_and_highest_are_left_out(store: Store, catalogue: Catalogue) -> None:
    values = (5.0, 19.0, 20.0, 21.0, 40.0)
    told = {(f"I{k}", "temperature"): {START - MINUTE: value} for k, value in enumerate(values)}
    assert known(store, catalogue, told).room_c == {"B1": 20.0}


def test_a_room_that_is_not_heard_is_as_its_controller_holds_it_less_its_play(
    store: Store, catalogue: Catalogue
) -> None:
    assert known(store, catalogue, {("B1", "heatingSetpoint"): {START - MINUTE: 19.0}}).room_c == {"B1": 18.0}


def test_a_vehicle_without_a_target_wants_what_such_usually_do(store: Store, catalogue: Catalogue) -> None:
    told = {
        ("EV1", "vehicleConnected"): {START - MINUTE: 1.0},
        ("EV2", "vehicleConnected"): {START - MINUTE: 1.0},
        ("EV2", "energyWanted"): {START - MINUTE: 7_000.0},
        ("EV2", "departureIn"): {START - HOUR: 3 * 3600.0},
    }
    found = known(store, catalogue, told)
    assert found.stays["EV1"].wanted_wh == PLAIN.vehicle.wants_wh
    assert found.stays["EV1"].departs_at == START + PLAIN.vehicle.leaves_in
    assert found.stays["EV2"].wanted_wh == 7_000.0
    assert found.stays["EV2"].departs_at == START + 2 * HOUR, "counted from when it was told"
    (guessed,) = (reason.en for reason in found.reasons if "EV1" in reason.en)
    assert "EV2" not in guessed


@pytest.mark.parametrize(
    ("connected", "wanted_wh", "departs_s"), [(0.0, 5_000.0, 3600.0), (1.0, 0.0, 3600.0), (1.0, 5_000.0, 0.0)]
)
def test_who_has_gone_or_wants_nothing_is_not_planned(
    connected: float, wanted_wh: float, departs_s: float, store: Store, catalogue: Catalogue
) -> None:
    told = {
        ("EV1", "vehicleConnected"): {START - MINUTE: connected},
        ("EV1", "energyWanted"): {START - MINUTE: wanted_wh},
        ("EV1", "departureIn"): {START - MINUTE: departs_s},
    }
    assert known(store, catalogue, told).stays == {}
