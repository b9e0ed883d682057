"""A made town of containers and trucks, and the way to a field of it in the same process."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.inventory.model import Territory as Inventory
from engine.model import Asset, Command, Commune, Zone
from engine.ports import Answers, Capabilities
from engine.wire import (
    ACK,
    COMMAND,
    GET,
    STATE,
    decode_ack,
    decode_readback,
    encode_command,
    encode_get,
    gateway_of,
    topic,
)  # fmt: skip
from jobs.bootstrap import StoryClock
from twin.controller import Wire
from twin.field.site import Site

_COMMUNE = Commune("49007", "Angers", 157_555, -0.5514, 47.4736, 42.7)
_LAT_M, _LON_M = 111_195.0, 75_100.0  # metres a degree at that latitude


@dataclass(frozen=True, kw_only=True)
class Town:
    """Containers of household waste strewn evenly over a square around a depot; two disposal sites; zones by quarter.

    side_m      of the square
    shift       local hours of every truck
    """

    containers: int
    trucks: int
    side_m: float
    shift: str = "06:00-14:30"
    seed: int = 1

    def inventory(self) -> Inventory:
        random = np.random.default_rng(self.seed)
        places = random.uniform(-0.5, 0.5, (self.containers, 2)) * self.side_m
        assets = [
            self._at(f"VH-49007-{k + 1:04}", "Vehicle", 0, 0, fractions=["other"], capacity_kg=9500, volume_m3=19,
                     shift=self.shift)
            for k in range(self.trucks)
        ]  # fmt: skip
        assets += [
            self._at(
                f"DS-49007-{k + 1:04}", "DisposalSite", x, y, fractions=["other"], hours="05:00-18:00", unload_s=900
            )
            for k, (x, y) in enumerate([(0.4 * self.side_m, 0.0), (-0.4 * self.side_m, 0.1 * self.side_m)])
        ]
        assets += [
            self._at(f"R-49007-{k + 1:04}", "WasteContainer", *place, storedWasteKind=["other"], volume_l=4000)
            for k, place in enumerate(places.tolist())
        ]
        zones = tuple(Zone(f"Z-49007-{n:03}", _COMMUNE.insee) for n in range(4))
        return Inventory((_COMMUNE,), zones, tuple(assets))

    def _at(self, name: str, kind: str, x: float, y: float, **attributes: Any) -> Asset:
        zone = f"Z-49007-{2 * (x > 0) + (y > 0):03}"
        place = (_COMMUNE.lon + x / _LON_M, _COMMUNE.lat + y / _LAT_M)
        return Asset(name, kind, zone, *place, None, f"GW-{name}", attributes)


class FieldLink:
    """The way to a field in this process: it answers at once, as of the clock."""

    def __init__(self, site: Site, clock: StoryClock) -> None:
        self._site, self._clock = site, clock
        self._answers: deque[Wire] = deque()

    def capabilities(self, _gateway: str) -> Capabilities:
        return Capabilities(selects=True)

    def send(self, commands: Sequence[Command]) -> None:
        self._serve([Wire(topic(one.gateway, COMMAND), encode_command(one)) for one in commands])

    def ask(self, points: Mapping[str, str]) -> None:
        self._serve([Wire(topic(gateway, GET), encode_get([point])) for point, gateway in points.items()])

    def receive(self, timeout_s: float) -> Answers:  # noqa: ARG002 - nothing is under way
        wires, self._answers = list(self._answers), deque()
        heard = {kind: [one for one in wires if one.topic.endswith(f"/{kind}")] for kind in (ACK, STATE)}
        return Answers(
            acks=tuple(decode_ack(one.payload, gateway_of(one.topic)) for one in heard[ACK]),
            readbacks=tuple(decode_readback(one.payload, gateway_of(one.topic)) for one in heard[STATE]),
        )

    def confirm(self, answers: Answers) -> None:
        pass

    def _serve(self, wires: Sequence[Wire]) -> None:
        self._answers += self._site.serve(wires, self._clock.now()).answers
