"""The store's types fit the ports of the core."""

import inspect
from pathlib import Path
from typing import Any

import pytest
from mypy import api

from engine import ports
from engine.store.alarms import Alarms
from engine.store.commands import Commands
from engine.store.slots import Slots

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
from engine.ports import DispatchUnit, Transactions
from engine.store import Store, Unit

def unit_fits(unit: Unit) -> DispatchUnit:
    return unit

def store_fits(store: Store) -> Transactions:
    return store.{method}
"""


@pytest.mark.parametrize(("method", "fits"), [("begin", True), ("upgrade", False)])
def test_a_unit_is_what_dispatch_asks_for(method: str, fits: bool, tmp_path: Path) -> None:
    program = tmp_path / "fits.py"
    program.write_text(PROGRAM.format(method=method), "utf-8")
    # A cache of its own: other options would throw away that of the whole tree.
    options = ["--config-file=", "--follow-imports=silent", "--strict", f"--cache-dir={ROOT / '.mypy_cache' / 'ports'}"]
    report, faults, status = api.run([*options, str(program)])
    assert faults == ""
    assert (status == 0) is fits, report


@pytest.mark.parametrize(
    ("port", "gateway"), [(ports.SlotLog, Slots), (ports.CommandLog, Commands), (ports.AlarmLog, Alarms)]
)
def test_parameters_have_the_names_of_the_port(port: Any, gateway: Any) -> None:
    asked = {name: inspect.signature(call) for name, call in vars(port).items() if inspect.isfunction(call)}
    for name, signature in asked.items():
        if not name.startswith("_"):
            assert list(inspect.signature(getattr(gateway, name)).parameters) == list(signature.parameters), name
