"""A network of three valves, the ground of one of them, and how they are told and looked at."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from engine.model import AckStatus, Asset, Command, Program
from twin.faults import Fault, FaultKind, Faults
from twin.irrigation.ground import Ground, textured
from twin.irrigation.network import Network
from twin.irrigation.plots import Plot, Sky

NOON = datetime(2026, 7, 14, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
PIPE = Asset("N-1", "IrrigationNetwork", "Z-1", 0, 47, None, "G-1", {"capacity_m3_h": 10.0})
V1 = Asset("V-1", "IrrigationValve", "Z-1", 0, 47, "N-1", "G-1", {"flow_m3_h": 3.0})
V2 = Asset("V-2", "IrrigationValve", "Z-1", 0, 47, "N-1", "G-1", {"flow_m3_h": 5.0})
V3 = Asset("V-3", "IrrigationValve", "Z-1", 0, 47, "N-1", "G-1", {"flow_m3_h": 8.0})
PROBE = Asset("S-1", "GreenspaceRecord", "Z-1", 0, 47, None, "G-2")
ASSETS = (PIPE, V1, V2, V3, PROBE)


def at(hours: float) -> datetime:
    return NOON + hours * HOUR


def fault(kind: FaultKind, asset: str = "V-1", start: float = 0, until: float = 1e3, **changes: Any) -> Fault:
    return Fault(asset, kind, at(start), at(until), **changes)


def a_network(*faults: Fault, **changes: Any) -> Network:
    return Network(PIPE, [V1, V2, V3], Faults(faults), NOON, **changes)


def opened(*spans: tuple[float, float], point: str = "V-1/opening", seq: int = 1, issued: float = 0) -> Command:
    """Open on these spans of hours after noon."""
    steps = [(at(hour), float(k == 0)) for span in spans or ((0, 1),) for k, hour in enumerate(span)]
    program = Program(tuple(steps), at(48))
    return Command(f"{point}#{seq}", point, "G-1", seq, program, at(issued), at(issued + 1))


def tell(network: Network, command: Command, hours: float = 0) -> AckStatus:
    (valve,) = (valve for valve in network.points if valve.point == command.point)
    return valve.obey(command, at(hours)).status


def shown(network: Network, hours: float) -> dict[tuple[str, str], Any]:
    """What it tells of itself at an instant, without what happened before."""
    told = [reading for reading in network.readings(at(hours)) if "observed_at" not in reading]
    return {(reading["asset"], reading["property"]): reading["value"] for reading in told}


def happened(network: Network, hours: float) -> list[tuple[str, str, float, float]]:
    """(asset, property, hours after noon, value) of each change since it was last asked."""
    return [
        (one["asset"], one["property"], (datetime.fromisoformat(one["observed_at"]) - NOON) / HOUR, one["value"])
        for one in network.readings(at(hours))
        if "observed_at" in one
    ]


def a_plot(probe: str | None = "S-1", **changes: Any) -> Plot:
    one = {name: np.array([value]) for name, value in {
        "field_capacity": 0.25, "wilting_point": 0.12, "root_depth_m": 0.3, "readily": 0.4, "kc": 0.8, "cover": 0.9,
        "uniformity": 0.7, "flow_m3_h": 2.5, "area_m2": 250.0,
    }.items()}  # fmt: skip
    ground = textured(**one)
    known = {field.name: float(getattr(ground, field.name)[0]) for field in fields(Ground)}
    plain = Plot("V-1", probe, 0.2, 0.0, None, known, surface_mm=8.0, root_mm=16.0, soil_c=18.0)
    return replace(plain, **changes)


def a_sky(hours: int, *, et0_mm: float = 0.0, rain_mm: float = 0.0, air_c: float = 18.0) -> tuple[Sky, ...]:
    return tuple(Sky(at(k + 1), et0_mm, rain_mm, air_c) for k in range(hours))
