"""Hydrozones as columns, read from valves, gardens, networks and probes. One that cannot be read stops no other."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import cos, hypot, radians

import numpy as np

from engine.inventory.valves import (
    GardenAttributes,
    NetworkAttributes,
    ValveAttributes,
    Watered,
    read_garden,
    read_network,
    read_probe_depth_m,
    read_valve,
    watered,
)
from engine.model import Asset
from jobs.irrigation.tables import IrrigationTables, Soil
from jobs.words import some
from optimizers.arrays import Floats, Ints
from optimizers.irrigation.problem import LEAST_TAW_MM
from optimizers.soil import RootZone

_M_PER_DEGREE = 111_195.0
_LEAST_FIELD_CAPACITY = 0.02  # m³/m³: no root zone is drier (`RootZone`)
_MINUTE_S = 60.0
_SAID_OF = {
    "method": "no method stated, taken for sprinklers",
    "planting": "no planting stated, taken for turf",
    "source": "no source stated, taken for drinking water",
    "soil": "no soil stated, taken for {soil}",
    "area_m2": "no area_m2 stated, taken from flow and the usual rate of their method",
}


@dataclass(frozen=True, eq=False)
class Zones:
    """n hydrozones, each what one valve waters, on N networks. All per-zone fields are (n,) or have n entries.

    network            index into `networks`; capacity_m3_h, price_eur_m3 (N,)
    garden, probe      ids, '' for none. A probe is its own, or the nearest of its garden that no other has
    probe_depth_m      where it sits; NaN without one
    rate_mm_h          gross depth an hour: flow over area
    cycle_s, soak_s    the longest opening after which nothing runs off, and the pause until the water is in
    cycle_mm           net depth of a cycle: what uneven distribution loses is off
    saturation         m³/m³
    stress_eur_mm, wilting_eur_mm   see `optimizers.irrigation.Hydrozones`
    planted            the day, None where nobody states it
    left_out           by valve, why it is not planned; it stays closed
    reasons            what was assumed, for people
    """

    valves: tuple[str, ...]
    networks: tuple[str, ...]
    capacity_m3_h: Floats
    price_eur_m3: Floats
    network: Ints
    garden: tuple[str, ...]
    method: tuple[str, ...]
    planting: tuple[str, ...]
    use: tuple[str, ...]
    source: tuple[str, ...]
    soil: tuple[str, ...]
    planted: tuple[date | None, ...]
    probe: tuple[str, ...]
    probe_depth_m: Floats
    area_m2: Floats
    flow_m3_h: Floats
    rate_mm_h: Floats
    cycle_s: Floats
    soak_s: Floats
    cycle_mm: Floats
    root_zone: RootZone
    saturation: Floats
    stress_eur_mm: Floats
    wilting_eur_mm: Floats
    lat: Floats
    lon: Floats
    left_out: Mapping[str, str]
    reasons: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.valves)

    @property
    def cycle_m3(self) -> Floats:
        """(n,) water that a cycle takes from the network."""
        volume: Floats = self.flow_m3_h * self.cycle_s / 3600.0
        return volume

    def usual_m3_day(self, tables: IrrigationTables, month: int) -> Floats:
        """(n,) water that the monthly timer gives on a mean day of a month."""
        depth = [tables.usual_mm_day(p, m, month) for p, m in zip(self.planting, self.method, strict=True)]
        volume: Floats = np.array(depth, np.float64) * self.area_m2 / 1000.0
        return volume


@dataclass(frozen=True)
class _Row:
    """A hydrozone that can be planned, its soil and the depth an hour of its open valve."""

    valve: Asset
    network: str
    garden: str
    stated: ValveAttributes
    what: Watered
    soil: Soil
    soil_name: str
    area_m2: float
    assumed: tuple[str, ...]

    @property
    def rate_mm_h(self) -> float:
        return self.stated.flow_m3_h * 1000.0 / self.area_m2


def read_zones(
    valves: Sequence[Asset], networks: Sequence[Asset], gardens: Sequence[Asset], probes: Sequence[Asset],
    tables: IrrigationTables, day: date | None = None,
) -> Zones:  # fmt: skip
    """The hydrozones that can be planned, in the order of their valves. Trees planted lately have young roots on a day.

    Raises nothing for what is wrong with one of them: it is in `left_out`, with the reason.
    """
    read_networks = {one.id: read_network(one.attributes) for one in networks}
    ground = {one.id: read_garden(one.attributes) for one in gardens}
    twice = {one for one, times in Counter(valve.id for valve in valves).items() if times > 1}
    rows: list[_Row] = []
    left_out: dict[str, str] = {}
    for valve in valves:
        found = (
            "stands more than once, wants once"
            if valve.id in twice
            else _row(valve, read_networks, ground, tables, day)
        )
        if isinstance(found, _Row):
            rows.append(found)
        else:
            left_out[valve.id] = found
    known = {name: row for name, (row, _) in read_networks.items() if row is not None}
    depth_m = {probe.id: read_probe_depth_m(probe.attributes) for probe in probes}
    return _zones(rows, known, _probes(rows, probes), depth_m, tables, left_out)


def _row(
    valve: Asset,
    networks: Mapping[str, tuple[NetworkAttributes | None, list[tuple[str, str]]]],
    gardens: Mapping[str, tuple[GardenAttributes | None, list[tuple[str, str]]]],
    tables: IrrigationTables,
    day: date | None,
) -> _Row | str:
    """A hydrozone, or everything for which it cannot be planned."""
    stated, wrong = read_valve(valve.attributes)
    network, wrong_network = networks.get(valve.parent or "", (None, [("is none", "name its IrrigationNetwork")]))
    told = [_said(what, hint) for what, hint in wrong]
    told += [f"its network {valve.parent}: {_said(what, hint)}" for what, hint in wrong_network]
    garden = stated.garden if stated is not None and stated.garden in gardens else ""
    around, wrong_garden = gardens.get(garden or "", (None, []))
    told += [f"its garden {garden}: {_said(what, hint)}" for what, hint in wrong_garden]
    if stated is None or network is None or told:
        return "; ".join(told)
    what = _rooted(watered(stated, around, network), tables, day)
    name = what.soil or tables.default_soil
    soil = tables.soils.get(name)
    if soil is None:
        return f"soil {name!r} is not in irrigation.yaml: one of {', '.join(tables.soils)}"
    soil = soil.model_copy(update=what.measured)
    area_m2 = stated.area_m2 or stated.flow_m3_h * 1000.0 / tables.methods[what.method].rate_mm_h
    assumed = (*what.assumed, *(["area_m2"] if stated.area_m2 is None else []))
    row = _Row(valve, valve.parent or "", garden or "", stated, what, soil, name, area_m2, assumed)
    return "; ".join(_unbelievable(row, network, tables)) or row


def _rooted(what: Watered, tables: IrrigationTables, day: date | None) -> Watered:
    """Trees planted lately are young ones."""
    if what.planting != "trees" or what.planted is None or day is None:
        return what
    young = (day - what.planted).days < tables.young_trees_years * 365.25
    return replace(what, planting="young_trees") if young else what


def _unbelievable(row: _Row, network: NetworkAttributes, tables: IrrigationTables) -> Iterator[str]:
    flow, least, most = row.stated.flow_m3_h, *tables.believable_rate_mm_h
    if flow > network.capacity_m3_h:
        carries = f"its network carries {network.capacity_m3_h:g}"
        yield f"flow_m3_h is {flow:g}, {carries}: wants a valve that its network can feed (is it in l/min?)"
    if not least <= row.rate_mm_h <= most:
        found = f"{flow:g} m³/h on {row.area_m2:g} m² is {row.rate_mm_h:.3g} mm/h"
        yield f"{found}, wants {least:g} to {most:g}: correct flow_m3_h (m³/h) or area_m2"
    soil = row.soil
    if not soil.wilting_point < soil.field_capacity < soil.saturation:
        found = f"{soil.wilting_point:g}, {soil.field_capacity:g}, {soil.saturation:g}"
        yield f"wilting_point, field_capacity and saturation are {found}, want to grow: correct what was measured"
        return
    if soil.field_capacity < _LEAST_FIELD_CAPACITY:
        wants = f"wants {_LEAST_FIELD_CAPACITY:g} or more: correct what was measured"
        yield f"field_capacity is {soil.field_capacity:g} m³/m³, {wants}"
    root_depth_m = tables.plantings[row.what.planting].root_depth_m
    taw_mm = 1000.0 * (soil.field_capacity - soil.wilting_point) * root_depth_m
    if taw_mm < LEAST_TAW_MM:
        found = f"wilting_point {soil.wilting_point:g} and field_capacity {soil.field_capacity:g}"
        wants = f"want {LEAST_TAW_MM:g} mm or more: correct what was measured"
        yield f"{found} leave {taw_mm:.2g} mm of water in {root_depth_m:g} m of roots, {wants}"


def _said(what: str, hint: str) -> str:
    return f"{what} ({hint})" if hint else what


def _zones(
    rows: Sequence[_Row], networks: Mapping[str, NetworkAttributes], probe: Sequence[str],
    depth_m: Mapping[str, float], tables: IrrigationTables, left_out: Mapping[str, str],
) -> Zones:  # fmt: skip
    names = tuple(sorted({row.network for row in rows}))
    index = {name: n for n, name in enumerate(names)}
    plant = [tables.plantings[row.what.planting] for row in rows]
    cycle_s, soak_s = _cycles(rows, tables)
    rate = _column([row.rate_mm_h for row in rows])
    area = _column([row.area_m2 for row in rows])
    uniformity = _column([tables.methods[row.what.method].uniformity for row in rows])
    return Zones(
        valves=tuple(row.valve.id for row in rows),
        networks=names,
        capacity_m3_h=_column([networks[name].capacity_m3_h for name in names]),
        price_eur_m3=_column([_price(networks[name], name, rows, tables) for name in names]),
        network=np.array([index[row.network] for row in rows], np.int64),
        garden=tuple(row.garden for row in rows),
        method=tuple(row.what.method for row in rows),
        planting=tuple(row.what.planting for row in rows),
        use=tuple(row.what.use for row in rows),
        source=tuple(row.what.source for row in rows),
        soil=tuple(row.soil_name for row in rows),
        planted=tuple(row.what.planted for row in rows),
        probe=tuple(probe),
        probe_depth_m=_column([depth_m.get(name, np.nan) for name in probe]),
        area_m2=area,
        flow_m3_h=_column([row.stated.flow_m3_h for row in rows]),
        rate_mm_h=rate,
        cycle_s=cycle_s,
        soak_s=soak_s,
        cycle_mm=rate * cycle_s / 3600.0 * uniformity,
        root_zone=_root_zone(rows, tables),
        saturation=_column([row.soil.saturation for row in rows]),
        stress_eur_mm=_column([entry.stress_eur_m3 for entry in plant]) * area / 1000.0,
        wilting_eur_mm=_column([entry.wilting_eur_m3 for entry in plant]) * area / 1000.0,
        lat=_column([row.valve.lat for row in rows]),
        lon=_column([row.valve.lon for row in rows]),
        left_out=dict(left_out),
        reasons=tuple(_reasons(rows, probe, left_out, tables)),
    )


def _column(values: Sequence[float]) -> Floats:
    return np.array(values, np.float64)


def _price(network: NetworkAttributes, name: str, rows: Sequence[_Row], tables: IrrigationTables) -> float:
    """Its own, else that of its source, which is that of its dearest valve where it states none."""
    if network.price_eur_m3 is not None:
        return network.price_eur_m3
    if network.source is not None:
        return tables.prices_eur_m3[network.source]
    return max(tables.prices_eur_m3[row.what.source] for row in rows if row.network == name)


def _cycles(rows: Sequence[_Row], tables: IrrigationTables) -> tuple[Floats, Floats]:
    """How long a valve may be open until what stands on the ground would run off, and until it has sunk in.

    Both in whole minutes: storage over (rate - intake), and what then stands over the intake.
    """
    rate = _column([row.rate_mm_h for row in rows])
    intake = _column([row.soil.intake_mm_h for row in rows])
    stands = _column([row.soil.surface_mm * tables.keeps(row.what.slope_pct) for row in rows])
    longest = _column([tables.methods[row.what.method].longest.total_seconds() for row in rows])
    excess = np.maximum(rate - intake, 0.0)
    until_runoff_s = np.divide(stands * 3600.0, excess, out=np.full(rate.shape, np.inf), where=excess > 0)
    cycle_s = np.floor(np.minimum(longest, until_runoff_s) / _MINUTE_S) * _MINUTE_S
    cycle_s = np.maximum(cycle_s, min(tables.shortest_cycle.total_seconds(), *longest.tolist(), np.inf))
    soak_s = np.ceil(excess * cycle_s / intake / _MINUTE_S) * _MINUTE_S
    return cycle_s, soak_s


def _root_zone(rows: Sequence[_Row], tables: IrrigationTables) -> RootZone:
    plant = [tables.plantings[row.what.planting] for row in rows]
    return RootZone(
        field_capacity=_column([row.soil.field_capacity for row in rows]),
        wilting_point=_column([row.soil.wilting_point for row in rows]),
        root_depth_m=_column([entry.root_depth_m for entry in plant]),
        p_table=_column([entry.p for entry in plant]),
        kcb=_column([entry.kcb for entry in plant]),
        height_m=_column([entry.height_m for entry in plant]),
        cover=_column([entry.cover for entry in plant]),
        wetted=_column([tables.methods[row.what.method].wetted for row in rows]),
        rew_mm=_column([row.soil.rew_mm for row in rows]),
        tew_mm=_column([row.soil.tew_mm for row in rows]),
        curve_number=_column([row.soil.curve_number for row in rows]),
    )


def _probes(rows: Sequence[_Row], probes: Sequence[Asset]) -> list[str]:
    """The probe of each hydrozone: the one it names, else the nearest of its garden not taken, nearest pairs first."""
    there = {probe.id for probe in probes}
    found = [row.stated.probe if row.stated.probe in there else "" for row in rows]
    taken = set(found)
    pairs = sorted(
        (_metres(row.valve, probe), row.valve.id, probe.id, z)
        for z, row in enumerate(rows)
        for probe in probes
        if not found[z] and row.garden and probe.parent == row.garden
    )
    for _, _, probe_id, z in pairs:
        if not found[z] and probe_id not in taken:
            found[z] = probe_id
            taken.add(probe_id)
    return [probe or "" for probe in found]


def _metres(a: Asset, b: Asset) -> float:
    """Between two places of one territory."""
    east = (b.lon - a.lon) * cos(radians((a.lat + b.lat) / 2))
    return hypot(east, b.lat - a.lat) * _M_PER_DEGREE


def _reasons(
    rows: Sequence[_Row], probe: Sequence[str], left_out: Mapping[str, str], tables: IrrigationTables
) -> Iterator[str]:  # fmt: skip
    for valve, why in left_out.items():
        yield f"left out, it stays closed: {valve}: {why}"
    for name, said in _SAID_OF.items():
        if of := [row.valve.id for row in rows if name in row.assumed]:
            yield f"{said.format(soil=tables.default_soil)}: {some(of)} valves"
    if lost := [row.valve.id for row in rows if row.stated.garden and not row.garden]:
        yield f"no such garden: {some(lost)} valves"
    named = zip(rows, probe, strict=True)
    if lost := [row.valve.id for row, found in named if row.stated.probe and row.stated.probe != found]:
        yield f"no such probe, the nearest of their garden is taken if there is one: {some(lost)} valves"
