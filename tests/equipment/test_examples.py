"""The shipped examples of a register map and of a file of devices are good, and mean what their comments say."""

from datetime import UTC, datetime

import pytest

from engine.equipment.registers import load_register_map
from engine.lorawan.devices import load_devices
from tests.conftest import ROOT

EXAMPLES = ROOT / "datasets" / "reference"


def test_the_register_map() -> None:
    points = load_register_map(EXAMPLES / "modbus.example.yaml").points
    assert points["B-49007-0001/heatingSetpoint"].write.words_of(19.5) == [195]
    assert points["V-49007-0002/opening"].write.words_of(0.5) == [0, 0x3F00]
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
