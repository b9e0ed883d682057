"""The shipped examples of an equipment file and of what it names are good, and mean what their comments say."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.equipment.file import load_equipment
from engine.equipment.registers import load_register_map
from engine.equipment.talq import read_devices
from engine.lorawan.devices import load_devices
from tests.conftest import ROOT

KINDS = {"mqtt", "ngsild", "talq", "webhook", "modbus", "chirpstack", "ttn"}
EXAMPLES = ROOT / "datasets" / "reference"


def test_the_equipment_file(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    named = re.findall(r"secrets/[\w-]+", (tmp_path / "equipment.example.yaml").read_text())
    (tmp_path / "secrets").mkdir()
    for secret in named:
        (tmp_path / secret).write_text("a secret\n")
    connections = {connection.id: connection for connection in load_equipment(tmp_path / "equipment.example.yaml")}
    assert not connections["plc-heating"].capabilities.programs
    assert connections["lora-angers"].capabilities.round_trip == timedelta(minutes=10)
    assert {connection.kind for connection in connections.values()} == KINDS
    assert connections["lamps-west"].capabilities.programs
    pools = connections["pool-heating"].capabilities
    assert (pools.programs, pools.expiry, pools.key, pools.reads_back) == (False, True, True, True)
    assert set(read_devices(EXAMPLES / "talq.example.csv")) == {"L-49007-00001", "L-49007-00002"}


def test_the_register_map() -> None:
    points = load_register_map(EXAMPLES / "modbus.example.yaml").points
    assert points["B-49007-0001/heatingSetpoint"].write.words_of(19.5) == [195]
    assert points["V-49007-0002/opening"].write.words_of(0.5) == [0, 0x3F00]
    assert points["L-49007-00001/illuminanceLevel"].write.words_of(0.5) == [229]
    with pytest.raises(ValueError, match="coil"):
        points["V-49007-0001/opening"].write.words_of(0.5)


def test_the_devices() -> None:
    devices = load_devices(EXAMPLES / "lorawan.example.yaml")
    exchanged = datetime(2026, 3, 2, 8, tzinfo=UTC)
    old, new = (devices.speaking(name, exchanged) for name in ("a84041ffff16c2d7", "a84041ffff16d001"))
    assert (old, new and new.asset) == (None, "G-49007-0001")
    assert new is not None
    (layout,) = devices.profile(new).layouts
    assert layout.decode(bytes.fromhex("0dac fe0c 0d")) == {"moisture": 35.0, "temperature": -5.0, "battery": 3.3}
    found = devices.setting("V-49007-0003/opening", exchanged)
    assert found is not None
    assert found[1].frame_of(0.35) == bytes([1, 35])
