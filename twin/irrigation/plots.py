"""The ground of a field: what valves and the sky bring to it hour by hour, and what probes in it tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from math import exp
from typing import Any, NamedTuple

import numpy as np
from pydantic import AwareDatetime

from engine.instants import isoformat
from optimizers.arrays import Floats
from twin.faults import FaultKind, Faults
from twin.irrigation.ground import Ground, Water, passed
from twin.irrigation.network import Network
from twin.irrigation.probes import ProbeFault, Probes

NOISE = 0.002
"""m³/m³, standard deviation of a probe's readings."""

_HOUR = timedelta(hours=1)
_WARMS = 1 - exp(-1 / 12)  # share of its difference to the air that the soil loses in an hour, a hand's breadth deep
_WRONG = {FaultKind.STUCK: ProbeFault.STUCK, FaultKind.SILENT: ProbeFault.SILENT}


class Sky(NamedTuple):
    """The hour that ends at an instant: what grass would have transpired (ET0), what rained, how warm the air is."""

    at: AwareDatetime
    et0_mm: float
    rain_mm: float
    air_c: float


@dataclass(frozen=True)
class Plot:
    """A hydrozone of the field at the story's start.

    probe             of its ground, None without one; at `depth_m`, wrong by `bias` (m³/m³); `said` last, None never
    ground            each value of `twin.irrigation.ground.Ground`
    surface_mm, root_mm   water in its layers (see `Water`); soil_c how warm it is at the probe
    """

    valve: str
    probe: str | None
    depth_m: float
    bias: float
    said: float | None
    ground: Mapping[str, float]
    surface_mm: float
    root_mm: float
    soil_c: float


class Plots:
    """The plots of a story. A probe tells at each full hour. Instants given to it must not go back."""

    points: Sequence[Any] = ()

    def __init__(
        self,
        plots: Sequence[Plot],
        sky: Sequence[Sky],
        networks: Sequence[Network],
        faults: Faults,
        start_at: datetime,
        seed: int,
    ) -> None:
        self._plots, self._networks = plots, networks
        self._sky = [hour for hour in reversed(sky) if hour.at > start_at]
        self.ground = Ground(**{f.name: _column([plot.ground[f.name] for plot in plots]) for f in fields(Ground)})
        self.water = Water(
            surface_mm=_column([plot.surface_mm for plot in plots]),
            root_mm=_column([plot.root_mm for plot in plots]),
            standing_mm=np.zeros(len(plots)),
            leaves_mm=np.zeros(len(plots)),
        )
        self._probes = _probes(plots, faults, start_at)
        self.said = _column([np.nan if plot.said is None else plot.said for plot in plots])
        self.soil_c = _column([plot.soil_c for plot in plots])
        self._start_at = start_at
        self._poured_m3 = np.zeros(len(plots))
        self._random = np.random.default_rng(seed)

    def readings(self, at: datetime) -> list[dict[str, Any]]:
        """What probes told since they were last asked."""
        told: list[dict[str, Any]] = []
        while self._sky and self._sky[-1].at <= at:
            told += self._hour(self._sky.pop())
        return told

    def _hour(self, hour: Sky) -> list[dict[str, Any]]:
        poured = self._poured(hour.at)
        valve_mm = 1000.0 * (poured - self._poured_m3) / self.ground.area_m2
        self.water, _ = passed(
            self.ground, self.water, et0_mm=hour.et0_mm, rain_mm=hour.rain_mm, valve_mm=valve_mm
        )  # fmt: skip
        self._poured_m3 = poured
        self.soil_c = self.soil_c + _WARMS * (hour.air_c - self.soil_c)
        number = (hour.at - self._start_at) // _HOUR
        self.said = self._probes.says(self.ground, self.water, number, self.said, self._random)
        return [
            {"asset": plot.probe, "property": name, "value": round(float(values[z]), digits), "observed_at": told_at}
            for told_at in (isoformat(hour.at),)
            for z, plot in enumerate(self._plots)
            if plot.probe is not None and np.isfinite(self.said[z])
            for name, values, digits in (("soilMoistureVwc", self.said, 4), ("soilTemperature", self.soil_c, 1))
        ]

    def _poured(self, at: datetime) -> Floats:
        """m³ through each valve since the start."""
        known: dict[str, float] = {}
        for network in self._networks:
            network.advance(at)
            known |= network.poured_m3
        return _column([known.get(plot.valve, 0.0) for plot in self._plots])


def _probes(plots: Sequence[Plot], faults: Faults, start_at: datetime) -> Probes:
    wrong = tuple(
        (z, _WRONG[fault.kind], (fault.from_at - start_at) // _HOUR, (fault.until_at - start_at) // _HOUR)
        for z, plot in enumerate(plots)
        for fault in faults.of(plot.probe)
        if fault.kind in _WRONG
    )
    depth_m, bias = _column([plot.depth_m for plot in plots]), _column([plot.bias for plot in plots])
    return Probes(depth_m=depth_m, bias=bias, noise=NOISE, faults=wrong)


def _column(values: Sequence[float]) -> Floats:
    return np.array(values, np.float64)
