"""Buildings of a field: their points obey programs, their devices tell of themselves, and both fail as stories say."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest

from engine.model import AckStatus, Asset, Command, Program
from engine.wire import COMMAND, STATE, decode_readback, encode_command, gateway_of, topic
from tests.energy.houses import FULL, START, at, outside
from twin.controller import Wire
from twin.faults import Fault, FaultKind
from twin.field.power import OPEN_W, Powered
from twin.field.site import Site
from twin.field.story import Story

QUARTER = timedelta(minutes=15)


def asset(name: str, kind: str) -> Asset:
    parent = None if kind == "Building" else "B-1"
    return Asset(name, kind, "Z-1", -0.6, 47.4, parent, "GW-1")


ASSETS = (
    asset("B-1", "Building"), asset("M-1", "ACMeasurement"), asset("H-1", "HeatMeter"),
    asset("I-1", "IndoorEnvironmentObserved"), asset("BT-1", "StorageBatteryDevice"),
    asset("PV-1", "PhotovoltaicDevice"), asset("EV-1", "EVChargingStation"), asset("WH-1", "WaterHeater"),
    asset("BT-2", "StorageBatteryDevice"),
)  # fmt: skip


def site(*faults: Fault) -> Site:
    return Site(ASSETS, Story(START, 40, (), premises=(FULL,), outside=tuple(outside(6.0, 300.0)), faults=faults))


def told(one: Site, when: datetime) -> dict[tuple[str, str], float]:
    return {
        (reading["asset"], reading["property"]): reading["value"]
        for message in one.telemetry(when)
        for reading in orjson.loads(message.payload)["readings"]
    }


def order(one: Site, point: str, value: float, when: datetime, *, hours: float = 2.0, seq: int = 1) -> AckStatus:
    program = Program.constant(value, when, when + timedelta(hours=hours))
    command = Command(f"{point}#{seq}", point, "GW-1", seq, program, when, when + timedelta(minutes=5))
    served = one.serve([Wire(topic("GW-1", COMMAND), encode_command(command))], when)
    return AckStatus(orjson.loads(served.answers[0].payload)["status"])


def house(one: Site) -> Powered:
    (found,) = (device for device in one.devices if isinstance(device, Powered))
    return found


def test_every_device_tells_of_itself_from_the_first_instant() -> None:
    values = told(site(), START)
    assert values["M-1", "totalActivePower"] != 0
    assert values["I-1", "temperature"] == pytest.approx(19.0, abs=1.0)
    assert (values["BT-1", "importLeast"], values["BT-1", "importMost"]) == (-OPEN_W, OPEN_W)
    assert values["EV-1", "vehicleConnected"] == 0.0
    assert ("EV-1", "stateOfCharge") not in values
    assert values["WH-1", "temperatureSetpoint"] == 60.0
    assert values["B-1", "heatingSetpoint"] == 19.0
    assert values["B-1", "outdoorTemperature"] == 6.0
    assert values["EV-1", "powerLimit"] == 4_140.0, "6 A on three phases: below, nobody would charge"
    assert not any(name == "BT-2" for name, _ in values), "the story knows nothing of it: it is dead"


def test_points_obey_while_their_program_lasts_and_fall_back_to_themselves() -> None:
    one = site()
    told_first = told(one, START)
    for point, value in (
        ("B-1/heatingSetpoint", 21.0), ("BT-1/importMost", 1_000.0), ("PV-1/powerLimit", 0.0),
        ("EV-1/powerLimit", 6_000.0), ("WH-1/temperatureSetpoint", 50.0),
    ):  # fmt: skip
        assert order(one, point, value, START, hours=4) is AckStatus.ACCEPTED, point
    values = told(one, at(3))
    assert values["B-1", "heatingSetpoint"] == 21.0
    assert values["PV-1", "power"] == values["PV-1", "powerLimit"] == 0.0
    assert values["EV-1", "power"] == pytest.approx(6_000.0)
    assert values["EV-1", "vehicleConnected"] == 1.0
    assert values["EV-1", "departureIn"] == 6 * 3600
    assert values["EV-1", "energyWanted"] == pytest.approx(15_000 - 6_000, rel=0.02)
    assert values["BT-1", "stateOfCharge"] < told_first["BT-1", "stateOfCharge"] - 0.1
    over = told(one, at(4.25))
    assert over["B-1", "heatingSetpoint"] == 19.0
    assert over["PV-1", "power"] > 0
    assert over["BT-1", "importMost"] == OPEN_W


def test_what_a_point_does_not_know_it_refuses() -> None:
    one = site()
    assert order(one, "B-1/heatingSetpoint", 45.0, START) is AckStatus.REJECTED
    assert order(one, "WH-1/temperatureSetpoint", 20.0, START) is AckStatus.REJECTED
    assert order(one, "BT-2/power", 0.0, START) is AckStatus.REJECTED


def test_it_reads_back_what_is_in_action() -> None:
    one = site()
    program = Program.constant(18.0, START, at(2))
    command = Command("B-1/heatingSetpoint#1", "B-1/heatingSetpoint", "GW-1", 7, program, START, at(1))
    served = one.serve([Wire(topic("GW-1", COMMAND), encode_command(command))], START)
    (back,) = (
        decode_readback(payload, gateway_of(name)) for name, payload in served.answers if name.endswith(f"/{STATE}")
    )
    assert (back.seq, back.value) == (7, 18.0)


def fault(kind: FaultKind, name: str, start: float, until: float) -> Fault:
    return Fault(name, kind, at(start), at(until))


def run(one: Site, first: float, until: float) -> Mapping[tuple[str, str], float]:
    """Quarter by quarter; what it tells last."""
    values: dict[tuple[str, str], float] = {}
    for quarter in range(int(first * 4), int(until * 4) + 1):
        values = told(one, START + quarter * QUARTER)
    return values


def test_a_state_of_charge_that_is_stuck_is_not_the_true_one() -> None:
    one = site(fault(FaultKind.STUCK, "BT-1", 1, 4))
    told(one, START)
    order(one, "BT-1/importMost", 0.0, START, hours=6)
    stuck, later = run(one, 0.25, 1), run(one, 1.25, 3)
    assert later["BT-1", "stateOfCharge"] == stuck["BT-1", "stateOfCharge"]
    assert house(one).house.batteries["BT-1"].state_of_charge < later["BT-1", "stateOfCharge"] - 0.02
    assert told(one, at(4.25))["BT-1", "stateOfCharge"] < later["BT-1", "stateOfCharge"] - 0.02


def test_a_meter_that_is_silent_is_not_heard_by_its_battery_either() -> None:
    one = site(fault(FaultKind.SILENT, "M-1", 1, 2))
    told(one, START)
    for seq, (point, value) in enumerate((("power", 2_500.0), ("importLeast", -OPEN_W), ("importMost", OPEN_W)), 1):
        order(one, f"BT-1/{point}", value, START, hours=4, seq=seq)
    before, silent, after = run(one, 0.25, 0.75), told(one, at(1.5)), told(one, at(2.25))
    assert ("M-1", "totalActivePower") in before and ("M-1", "totalActivePower") not in silent
    assert (before["BT-1", "power"], silent["BT-1", "power"], after["BT-1", "power"]) == (0.0, 2_500.0, 0.0)


@pytest.mark.parametrize(("name", "hour"), [("EV-1", 2.5), ("PV-1", 2.5), ("WH-1", 0.5), ("H-1", 2.5)])
def test_what_has_failed_does_nothing_whatever_it_is_told(name: str, hour: float) -> None:
    broken = "B-1" if name == "H-1" else name
    sound, failed = site(), site(fault(FaultKind.FAILURE, broken, 0, 9))
    for one in (sound, failed):
        told(one, START)
        order(one, "EV-1/powerLimit", 6_000.0, START, hours=6)
        order(one, "WH-1/temperatureSetpoint", 70.0, START, hours=6)
        order(one, "B-1/heatingSetpoint", 22.0, START, hours=6)
    assert told(sound, at(hour))[name, "power"] > 0
    assert told(failed, at(hour))[name, "power"] == 0.0


def test_a_story_with_buildings_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    story = Story(START, 4, (), premises=(replace(FULL, limit_w=8_000.0),), outside=tuple(outside()))
    story.save(tmp_path / "story.json")
    assert Story.load(tmp_path / "story.json") == story
