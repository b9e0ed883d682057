"""A house of the twin for tests: a school under the same sky each day."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from twin.energy.battery import Cells
from twin.energy.charging import Stay
from twin.energy.kinds import Age, made_fabric, made_plant
from twin.energy.outside import QUARTER, Outside, quarters
from twin.energy.people import Quarter
from twin.energy.plant import Source
from twin.energy.premises import House, Premises, Store
from twin.energy.sun import Roof
from twin.energy.tank import LAYERS, Tank

START = datetime(2026, 1, 12, 5, tzinfo=UTC)
"""A Monday, 06:00 in Paris."""
ENDS = quarters(START - QUARTER, START + timedelta(days=3))


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def outside(air_c: float = 4.0, sun_w_m2: float = 0.0) -> list[Outside]:
    return [Outside(end, air_c, sun_w_m2) for end in ENDS]


def busy(base_w: float = 5_000.0, people: float = 0.0, drawn_l: float = 0.0) -> tuple[Quarter, ...]:
    return tuple(Quarter(end, people, base_w, drawn_l) for end in ENDS)


FABRIC = made_fabric("school", 1_000, Age.MIDDLE, np.random.default_rng(1))
STORE = Store(cells=Cells(capacity_wh=40_000, charge_max_w=20_000, discharge_max_w=20_000), stored_wh=20_000)
BARE = Premises(
    building="B-1",
    fabric=FABRIC,
    warmth=FABRIC.settled(4.0, 19.0),
    plant=made_plant(Source.BOILER, FABRIC),
    quarters=busy(),
)
FULL = replace(
    BARE,
    plant=made_plant(Source.HEAT_PUMP, FABRIC),
    batteries={"BT-1": STORE},
    roofs={"PV-1": Roof(peak_w=20_000)},
    stations={"EV-1": (11_040.0, 3)},
    tanks={"WH-1": (Tank(volume_l=300, heat_max_w=3_000), (58.0,) * LAYERS)},
    stays=(
        Stay(
            station="EV-1", arrives_at=at(2), departs_at=at(9), capacity_wh=50_000, stored_wh=20_000,
            wanted_wh=15_000, charge_max_w=11_000,
        ),
    ),
)  # fmt: skip


class Told:
    """Orders that stand: point -> what is asked at an instant."""

    def __init__(self, **points: float | Callable[[datetime], float]) -> None:
        self._points: Mapping[str, Any] = points

    def asked(self, asset: str, point: str, when: datetime) -> float | None:  # noqa: ARG002 - of every asset alike
        asked = self._points.get(point)
        return asked(when) if callable(asked) else asked


def house(what: Premises = BARE, **changes: Any) -> House:
    return House(what, changes.pop("outside", outside()), START, **changes)
