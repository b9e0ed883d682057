"""The green spaces of a story: ground that is not quite what is believed, and a month under old timers before."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from engine.instants import PARIS, isoformat
from engine.model import Asset, Command, Program
from engine.telemetry.raw import raw_frame
from jobs.irrigation.tables import IrrigationTables
from jobs.irrigation.zones import Zones, read_zones
from jobs.lighting.night import Night
from jobs.story.sky import HISTORY, Hours, made_hours
from optimizers.arrays import Floats
from twin.faults import Fault, FaultKind, Faults
from twin.field.greens import networks_of
from twin.field.story import Measured, Story
from twin.irrigation.ground import Ground, depletion_mm, drawn, filled, textured
from twin.irrigation.network import Network
from twin.irrigation.plots import Plot, Plots, Sky
from twin.irrigation.timers import Clock, Evening

_HOUR = timedelta(hours=1)
_TIMERS_AT_H = 22
_TIMERS_OFF = timedelta(days=14)  # before the night their controllers were exchanged for those that take plans
_MISSING = {True: 0.9, False: 0.2}  # of RAW, a month before a night in months of watering, and in others
_BIAS = 0.01  # m³/m³, standard deviation of what probes are wrong by
_STUCK_FOR = timedelta(days=8)
_LEAK_M3_H = 1.5
_LEAK_FROM = timedelta(hours=20, minutes=30)  # after noon: watering is over
_TYPES = ("IrrigationValve", "IrrigationNetwork", "Garden", "GreenspaceRecord", "WeatherObserved")


@dataclass(frozen=True, eq=False)
class Greens:
    """What a story holds of green spaces, and a RAW frame of what was told of them before it."""

    history: pl.DataFrame
    weather: tuple[Measured, ...]
    sky: tuple[Sky, ...]
    plots: tuple[Plot, ...]
    meters: Mapping[str, float]
    faults: tuple[Fault, ...]


def made_greens(assets: Sequence[Asset], night: Night, tables: IrrigationTables, seed: int) -> Greens:
    """A month of weather, of timers that water as usual, but for its end, and of probes; then the night's weather.

    One probe is stuck since a week before; the valve of the driest ground opens and nothing flows; in the morning a
    network leaks. The same seed makes the same.
    """
    random = np.random.default_rng([seed, 2])
    valves, networks, gardens, probes, stations = ([a for a in assets if a.type == name] for name in _TYPES)
    zones = read_zones(valves, networks, gardens, probes, tables, night.start.astimezone(PARIS).date())
    hours = made_hours(night, tables, seed)
    plots = _plots(zones, probes, tables, night, hours, random)
    stuck = _stuck(zones, night, random)
    before = Story(night.start - HISTORY, slots=0, nights=(), plots=plots, sky=hours.sky, faults=stuck, seed=seed)
    pipes = networks_of(assets, before, Faults(stuck))
    ground = Plots(plots, hours.sky, pipes, Faults(stuck), before.start_at, seed)
    known = [one for one in hours.told(stations) if one.at <= night.start]
    told = [*_month(ground, pipes, zones, night, tables), *map(_reading, known)]
    return Greens(
        history=raw_frame(told),
        weather=tuple(one for one in hours.told(stations) if one.at > night.start),
        sky=tuple(hour for hour in hours.sky if hour.at > night.start),
        plots=tuple(_as_it_is(plot, ground, z) for z, plot in enumerate(plots)),
        meters={pipe.id: pipe.meter_m3 for pipe in pipes},
        faults=(*stuck, *_faults(zones, ground, night, {fault.asset for fault in stuck})),
    )


def _reading(told: Measured) -> dict[str, Any]:
    return {"asset": told.asset, "property": told.property, "value": told.value, "observed_at": isoformat(told.at)}


def _plots(
    zones: Zones, probes: Sequence[Asset], tables: IrrigationTables, night: Night, hours: Hours,
    random: np.random.Generator,
) -> tuple[Plot, ...]:  # fmt: skip
    """The ground as it was a month before: drawn around what is believed of it."""
    root, (first, last) = zones.root_zone, tables.usual.months
    believed = textured(
        field_capacity=root.field_capacity, wilting_point=root.wilting_point, root_depth_m=root.root_depth_m,
        readily=root.p_table, kc=root.kcb, cover=root.cover,
        uniformity=zones.cycle_mm * 3600.0 / (zones.rate_mm_h * zones.cycle_s),
        flow_m3_h=zones.flow_m3_h, area_m2=zones.area_m2,
    )  # fmt: skip
    ground = drawn(believed, random)
    watered = first <= night.start.astimezone(PARIS).month <= last
    water = filled(ground, _MISSING[watered] * ground.raw_mm(float(hours.et0_mm[:24].sum())))
    depth_m = {probe.id: float(probe.attributes.get("depth_cm", 20)) / 100 for probe in probes}
    return tuple(
        Plot(
            valve=valve,
            probe=probe or None,
            depth_m=min(depth_m.get(probe, 0.2), float(ground.root_depth_m[z])),
            bias=bias,
            said=None,
            ground={one.name: float(getattr(ground, one.name)[z]) for one in fields(Ground)},
            surface_mm=float(water.surface_mm[z]),
            root_mm=float(water.root_mm[z]),
            soil_c=float(hours.air_c[:24].mean()),
        )
        for z, (valve, probe, bias) in enumerate(
            zip(zones.valves, zones.probe, random.normal(0.0, _BIAS, len(zones)).tolist(), strict=True)
        )
    )


def _month(
    ground: Plots, pipes: Sequence[Network], zones: Zones, night: Night, tables: IrrigationTables
) -> Iterator[dict[str, Any]]:
    """What probes, valves and networks told hour by hour, under timers that are set anew each month."""
    gross_mm_day = np.array(
        [
            [tables.usual_mm_day(p, m, month) for p, m in zip(zones.planting, zones.method, strict=True)]
            for month in range(1, 13)
        ]
    )
    unread: Floats = np.full(len(zones), np.nan)  # a timer asks no probe
    clock, at = Clock(gross_mm_day=gross_mm_day), night.start - HISTORY
    while (at := at + _HOUR) <= night.start:
        yield from ground.readings(at)
        for pipe in pipes:
            found = pipe.readings(at)
            if at < night.start:  # the field tells those of that instant itself
                yield from ({"observed_at": isoformat(at), **told} for told in found)
        if at.astimezone(PARIS).hour == _TIMERS_AT_H - 1 and at < night.start - _TIMERS_OFF:
            evening = Evening(day=at.astimezone(PARIS).date(), rain_mm=0.0, depletion_mm=unread)
            _set(pipes, zones, clock.wanted_mm(evening) / zones.rate_mm_h, at)


def _set(pipes: Sequence[Network], zones: Zones, wanted_h: Floats, at: datetime) -> None:
    """Have valves opened for so many hours, one after the other on each network."""
    turn: defaultdict[int, datetime] = defaultdict(lambda: at + _HOUR)
    points = {point.id: point for pipe in pipes for point in pipe.points}
    for valve, network, hours in zip(zones.valves, zones.network.tolist(), wanted_h.tolist(), strict=True):
        if hours > 0:
            point, opens = points[valve], turn[network]
            turn[network] = closes = opens + timedelta(seconds=round(3600 * hours))
            program, seq = Program.constant(1.0, opens, closes), round(at.timestamp())
            point.obey(Command(f"timer-{seq}", point.point, point.gateway, seq, program, at, closes), at)


def _as_it_is(plot: Plot, ground: Plots, z: int) -> Plot:
    """A plot as the month has left it."""
    said = float(ground.said[z])
    return replace(
        plot,
        said=None if np.isnan(said) else said,
        surface_mm=float(ground.water.surface_mm[z]),
        root_mm=float(ground.water.root_mm[z]),
        soil_c=float(ground.soil_c[z]),
    )


def _stuck(zones: Zones, night: Night, random: np.random.Generator) -> tuple[Fault, ...]:
    probes = [probe for probe in zones.probe if probe]
    if not probes:
        return ()
    return (Fault(probes[random.integers(len(probes))], FaultKind.STUCK, night.start - _STUCK_FOR, night.until),)


def _faults(zones: Zones, ground: Plots, night: Night, stuck: set[str]) -> tuple[Fault, ...]:
    if not len(zones):
        return ()
    lack = depletion_mm(ground.ground, ground.water) / ground.ground.taw_mm
    driest = int(np.argmax(np.where([probe in stuck for probe in zones.probe], -1.0, lack)))
    pipe = zones.networks[zones.network[driest]]
    return (
        Fault(zones.valves[driest], FaultKind.FAILURE, night.start, night.until),
        Fault(pipe, FaultKind.LEAK, night.start + _LEAK_FROM, night.until, flow_m3_h=_LEAK_M3_H),
    )
