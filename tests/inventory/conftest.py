"""A territory small enough to break by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError, Problem
from engine.inventory.model import Origin, Territory
from engine.model import Asset, Commune, Zone

LAMP: dict[str, Any] = {
    "segment": "SEG-1",
    "order": 0,
    "road_class": "residential",
    "dimmable": True,
    "power_w": 36.0,
    "standby_w": 0.5,
    "flux_curve": "led-a",
    "class_full": "P2",
    "luminance_full": 10.5,
    "class_normal": "P2",
    "counter": "T-1",
    "speed_kmh": 30.0,
    "composition": "pedestrians_cyclists_motorised",
    "parked_vehicles": False,
    "ambient": "moderate",
    "crossing": False,
}


def lamp(name: str, order: int = 0, **changed: Any) -> Asset:
    """A sound lamp of the small territory, but for what is changed. `zone`, `parent`, `lon`, `lat` are its own."""
    own = {key: changed.pop(key) for key in ("zone", "parent", "lon", "lat", "gateway") if key in changed}
    place = {"zone": "Z-1", "lon": -0.55, "lat": 47.47, "parent": "A-1", "gateway": "A-1"} | own
    return Asset(name, "Streetlight", attributes=LAMP | {"order": order} | changed, **place)


@pytest.fixture
def make_lamp() -> Callable[..., Asset]:
    return lamp


@pytest.fixture
def small() -> Territory:
    """Two communes, three zones; a cabinet with two lamps, a detector and a feeder; a counting loop; a garden."""
    return Territory(
        (
            Commune("49007", "Angers", 157175, -0.5562, 47.4766, 44.30),
            Commune("49028", "Béhuard", 122, -0.6509, 47.3782, 2.26),
        ),
        (Zone("Z-1", "49007"), Zone("Z-2", "49007"), Zone("Z-3", "49028")),
        (
            Asset("A-1", "StreetlightControlCabinet", "Z-1", -0.55, 47.47, None, "A-1"),
            lamp("L-1", 0),
            lamp("L-2", 1),
            Asset("F-1", "StreetlightFeeder", "Z-1", -0.55, 47.47, "A-1", "A-1", {"segments": ["SEG-1"]}),
            Asset("D-1", "PresenceDetector", "Z-1", -0.55, 47.47, "A-1", "A-1", {"lamps": ["L-1", "L-2"]}),
            Asset("T-1", "TrafficFlowObserved", "Z-2", -0.551, 47.471, None, "GW-Z-2", {"capacity_veh_h": 500.0}),
            Asset("N-1", "IrrigationNetwork", "Z-3", -0.65, 47.378, None, "GW-Z-3"),
            Asset("G-1", "Garden", "Z-3", -0.65, 47.378, "N-1", "GW-Z-3"),
            Asset("S-1", "GreenspaceRecord", "Z-3", -0.65, 47.378, "G-1", "GW-Z-3"),
            Asset("V-1", "IrrigationValve", "Z-3", -0.65, 47.378, "N-1", "GW-Z-3"),
        ),
        Origin("by hand", "CC0-1.0", 7, 0.5),
    )


@pytest.fixture
def refused() -> Callable[..., tuple[Problem, ...]]:
    """Calls what must raise InputError and returns its problems."""

    def call(function: Callable[..., object], *arguments: object) -> tuple[Problem, ...]:
        with pytest.raises(InputError) as caught:
            function(*arguments)
        return caught.value.problems

    return call


@pytest.fixture
def text_at() -> Callable[[Problem], str]:
    """What stands at the place of a problem."""

    def read(problem: Problem) -> str:
        line = Path(problem.source).read_text(encoding="utf-8").split("\n")[problem.line - 1]
        return line[problem.column - 1 :]

    return read
