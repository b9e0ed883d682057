"""What is believed of root zones after some days: the balance of FAO-56, corrected by probes. Pure: nothing is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import cos, radians

import numpy as np

from jobs.irrigation.tables import IrrigationTables
from jobs.irrigation.zones import Zones
from optimizers.arrays import Bools, Floats, Shapes, freeze
from optimizers.result import InvalidProblem
from optimizers.soil import DayBalance, Moisture, advance
from optimizers.soil.estimate import (
    Belief,
    Refusals,
    believed_at_first,
    depletion_of,
    predicted,
    reconsidered,
)
from optimizers.soil.layers import Layers
from optimizers.soil.probes import (
    Judged,
    Loans,
    Offset,
    OwnCapacity,
    Verdict,
    at_day_end,
    borrowed,
    calibrated_field_capacity,
    corrected,
    judge,
    lent,
    offset_of,
)

_KM_PER_DEGREE = 111.195
_HOURS = 24


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """K days of 24 hours of n hydrozones, oldest first; the last one ends at the instant of the belief.

    et0_mm (K,)            reference evapotranspiration
    rain_mm (K, n)         that fell there
    irrigation_mm (K, n)   net depth that reached the soil, on average over the area
    raw_vwc (24 K, n)      what the probe of each told hour by hour, as it told it; NaN for nothing
    soil_c (24 K, n)       temperature of the soil, where its probe tells it
    wind_m_s, rh_min_pct (K,)   mean wind at 2 m, least relative humidity
    rain_known (K,)        whether a gauge was heard: a day of which nobody knows is not taken for a dry one where
                           field capacity is learnt

    Raises InvalidProblem.
    """

    et0_mm: Floats
    rain_mm: Floats
    irrigation_mm: Floats
    raw_vwc: Floats
    soil_c: Floats = field(default_factory=lambda: np.array(np.nan))
    wind_m_s: Floats = field(default_factory=lambda: np.array(2.0))
    rh_min_pct: Floats = field(default_factory=lambda: np.array(45.0))
    rain_known: Bools = field(default_factory=lambda: np.array(True))

    def __post_init__(self) -> None:
        days, zones = np.shape(self.et0_mm)[0], np.shape(self.raw_vwc)[-1]
        shapes: Shapes = dict.fromkeys(("et0_mm", "wind_m_s", "rh_min_pct"), (np.float64, (days,)))
        shapes |= dict.fromkeys(("rain_mm", "irrigation_mm"), (np.float64, (days, zones)))
        shapes["rain_known"] = (np.bool_, (days,))
        shapes |= dict.fromkeys(("raw_vwc", "soil_c"), (np.float64, (_HOURS * days, zones)))
        if problems := freeze(self, shapes):
            raise InvalidProblem(problems)

    @property
    def days(self) -> int:
        return len(self.et0_mm)


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """What a balance did in K days, (K, n) each but `moisture` and `belief`, which are those at the end.

    depletion_mm, of which upper_mm is in the upper layer, and variance_mm2 of the belief are those at the end of each
    day; water_mm is rain that came into the soil and irrigation.
    """

    belief: Belief
    moisture: Moisture
    depletion_mm: Floats
    upper_mm: Floats
    variance_mm2: Floats
    etc_mm: Floats
    water_mm: Floats
    percolation_mm: Floats
    raw_mm: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Believed:
    """What is known of n hydrozones at an instant.

    belief, moisture      depletion with its variance; surface layer
    run                   the days before it
    verdicts              of each probe that a hydrozone has
    converted             probes that told percent, which was understood
    lender                of each hydrozone, whose probe it borrows: '' for none
    measured (n,)         whether a reading of its own or a borrowed one stands behind it
    capacity, offset_mm   field capacity in each probe's own terms, and the offset (mm of depletion) taken off it
    """

    belief: Belief
    moisture: Moisture
    run: Run
    verdicts: Mapping[str, Verdict]
    converted: tuple[str, ...]
    lender: tuple[str, ...]
    measured: Bools
    capacity: OwnCapacity
    offset_mm: Floats


@dataclass(frozen=True, eq=False)
class _Probed:
    """What probes say of each day, in mm of depletion, and how far each may be off: (K, n) all of them."""

    measured_mm: Floats
    sd_mm: Floats
    lasting_mm: Floats


def replay_core(zones: Zones, past: Past, tables: IrrigationTables) -> Believed:
    """Replay the days: the balance alone first, by which probes are judged, then once more with those believed.

    Nothing is remembered from one evening to the next, so that any belief can be worked out again.
    """
    alone = _run(zones, past, tables, None)
    judged = _judged(zones, past, alone, tables)
    capacity = _capacity(zones, judged, alone, past, tables)
    own = _own(zones, judged, capacity, alone, tables)
    offset = _offset(zones, own, alone, tables)
    verdicts = _verdicts(zones, judged, offset)
    own, taken_off = _corrected(zones, own, offset, tables)
    loans = _loans(zones, verdicts, tables)
    run = _run(zones, past, tables, _with_loans(zones, own, loans, alone))
    return Believed(
        belief=run.belief,
        moisture=run.moisture,
        run=run,
        verdicts=verdicts,
        converted=tuple(p for p, told in zip(zones.probe, judged.converted, strict=True) if p and told),
        lender=tuple(zones.probe[donor] if donor >= 0 else "" for donor in loans.donor.tolist()),
        measured=np.array([bool(p) and verdicts[p].believed for p in zones.probe], np.bool_) | (loans.donor >= 0),
        capacity=capacity,
        offset_mm=taken_off,
    )


def _run(zones: Zones, past: Past, tables: IrrigationTables, probed: _Probed | None) -> Run:
    root, layers = zones.root_zone, _layers(zones)
    belief, refusals, days = believed_at_first(root.taw_mm, root.raw_mm(5.0)), Refusals.none(len(zones)), []
    moisture = Moisture(depletion_mm=belief.depletion_mm, surface_mm=root.tew_mm / 2.0)
    upper = belief.depletion_mm * layers.upper_m / root.root_depth_m
    for day in range(past.days):
        balance = advance(
            root, moisture, et0_mm=past.et0_mm[day], rain_mm=past.rain_mm[day],
            irrigation_mm=past.irrigation_mm[day], wind_m_s=past.wind_m_s[day], rh_min_pct=past.rh_min_pct[day],
        )  # fmt: skip
        water = past.rain_mm[day] - balance.intercepted_mm - balance.runoff_mm + past.irrigation_mm[day]
        before, belief = belief, _carried_on(zones, belief, balance, past, day, tables)
        if probed is not None:
            belief, _, refusals = _told(belief, probed, day, refusals, tables)
        upper = layers.upper_after(
            upper, before.depletion_mm, root.taw_mm, water_mm=water, evaporation_mm=balance.evaporation_mm,
            transpiration_mm=balance.transpiration_mm, depletion_after_mm=belief.depletion_mm,
        )  # fmt: skip
        moisture = replace(balance.moisture, depletion_mm=belief.depletion_mm)
        days.append((belief.depletion_mm, upper, belief.variance_mm2, balance.etc_mm, water, balance.percolation_mm,
                     balance.raw_mm))  # fmt: skip
    columns = np.array(days, np.float64).reshape(past.days, 7, len(zones)).swapaxes(0, 1)
    names = ("depletion_mm", "upper_mm", "variance_mm2", "etc_mm", "water_mm", "percolation_mm", "raw_mm")
    return Run(belief=belief, moisture=moisture, **dict(zip(names, columns, strict=True)))


def _layers(zones: Zones) -> Layers:
    return Layers.of(zones.root_zone.root_depth_m, zones.root_zone.field_capacity, zones.saturation)


def _carried_on(
    zones: Zones, belief: Belief, balance: DayBalance, past: Past, day: int, tables: IrrigationTables
) -> Belief:  # fmt: skip
    came = past.rain_mm[day] - balance.intercepted_mm - balance.runoff_mm
    return predicted(
        belief, etc_mm=balance.etc_mm, rain_mm=came, irrigation_mm=past.irrigation_mm[day],
        taw_mm=zones.root_zone.taw_mm, noise=tables.probes.noise.noise,
    )  # fmt: skip


def _told(
    belief: Belief, probed: _Probed, day: int, refusals: Refusals, tables: IrrigationTables
) -> tuple[Belief, Bools, Refusals]:  # fmt: skip
    return reconsidered(
        belief, probed.measured_mm[day], probed.sd_mm[day], refusals, tables.probes.gate_sd,
        after=tables.probes.reconsidered_after, lasting_mm=probed.lasting_mm[day],
    )  # fmt: skip


def _judged(zones: Zones, past: Past, alone: Run, tables: IrrigationTables) -> Judged:
    return judge(
        past.raw_vwc, past.soil_c, alone.etc_mm, alone.water_mm, field_capacity=zones.root_zone.field_capacity,
        saturation=zones.saturation, limits=tables.probes.limits,
    )  # fmt: skip


def _capacity(zones: Zones, judged: Judged, alone: Run, past: Past, tables: IrrigationTables) -> OwnCapacity:
    entry = tables.probes.field_capacity
    within, layer_m = _layers(zones).measured_m(zones.probe_depth_m)
    lacks = np.where(within, alone.upper_mm, alone.depletion_mm - alone.upper_mm)
    taken = np.diff(lacks, axis=0, prepend=lacks[:1]) / (1000.0 * layer_m)
    return calibrated_field_capacity(
        _daily(judged, tables), taken, alone.percolation_mm >= entry.filled_mm,
        past.rain_known[:, None] & (alone.water_mm < tables.probes.watered_mm), zones.root_zone.field_capacity,
        after_days=entry.after_days, events=entry.events, most=entry.most,
    )  # fmt: skip


def _daily(judged: Judged, tables: IrrigationTables) -> Floats:
    return at_day_end(judged.vwc, round(tables.probes.read_over.total_seconds() / 3600))


def _own(zones: Zones, judged: Judged, capacity: OwnCapacity, alone: Run, tables: IrrigationTables) -> _Probed:
    """Depletion by each probe: what its layer lacks to field capacity in its own terms, the other by the balance.

    How well field capacity is known is part of how far a probe may be off.
    """
    root, noise = zones.root_zone, tables.probes.noise
    within, layer_m = _layers(zones).measured_m(zones.probe_depth_m)
    other = np.where(within, alone.depletion_mm - alone.upper_mm, alone.upper_mm)
    holds = root.taw_mm * layer_m / root.root_depth_m
    measured = np.clip(other + depletion_of(_daily(judged, tables), capacity.vwc, layer_m, holds), 0.0, root.taw_mm)
    unsure_mm = 1000.0 * root.root_depth_m * capacity.sd(tables.probes.field_capacity.sd)
    sd, lasting = (np.hypot(share * root.taw_mm, unsure_mm) for share in (noise.sensor, noise.lasting))
    return _Probed(measured, np.broadcast_to(sd, measured.shape), np.broadcast_to(lasting, measured.shape))


def _offset(zones: Zones, own: _Probed, alone: Run, tables: IrrigationTables) -> Offset:
    """By the days on which the balance is surer than the probe: those soon after rain that filled the root zone."""
    sure = alone.variance_mm2 < own.sd_mm**2
    innovation = np.where(sure, own.measured_mm - alone.depletion_mm, np.nan)
    prior = np.hypot(tables.probes.offset.most_of_taw * zones.root_zone.taw_mm, own.lasting_mm[-1])
    return offset_of(innovation, alone.variance_mm2 + own.sd_mm**2, prior)


def _verdicts(zones: Zones, judged: Judged, offset: Offset) -> dict[str, Verdict]:
    """A probe that several hydrozones have is believed if each of them believes it."""
    found: dict[str, Verdict] = {}
    for z, probe in enumerate(zones.probe):
        if probe and found.get(probe, Verdict.SOUND).believed:
            verdict = judged.verdicts[z]
            found[probe] = Verdict.BIASED if verdict is Verdict.SOUND and offset.seen[z] else verdict
    return found


def _corrected(zones: Zones, own: _Probed, offset: Offset, tables: IrrigationTables) -> tuple[_Probed, Floats]:
    """The same with the offset taken off, a little more each day; and what is taken off in the end."""
    root, entry = zones.root_zone, tables.probes.offset
    taken_off, measured = np.zeros(len(zones)), []
    for today in own.measured_mm:
        taken_off = corrected(taken_off, offset, entry.most_of_taw * root.taw_mm, a_day=entry.a_day)
        measured.append(np.clip(today - taken_off, 0.0, root.taw_mm))
    return _Probed(np.array(measured).reshape(own.measured_mm.shape), own.sd_mm, own.lasting_mm), taken_off


def _loans(zones: Zones, verdicts: Mapping[str, Verdict], tables: IrrigationTables) -> Loans:
    own = np.array([bool(probe) and verdicts[probe].believed for probe in zones.probe], np.bool_)
    north = _KM_PER_DEGREE * zones.lat
    east = _KM_PER_DEGREE * cos(radians(tables.site.lat)) * zones.lon
    return borrowed(
        own, east, north, planting=zones.planting, soil=zones.soil, method=zones.method,
        lending=tables.probes.lending.lending,
    )  # fmt: skip


def _with_loans(zones: Zones, own: _Probed, loans: Loans, alone: Run) -> _Probed:
    """Of each hydrozone and day its own probe while that is believed, else what another's says of the balance."""
    taw, donor = zones.root_zone.taw_mm, np.maximum(loans.donor, 0)
    days = zip(own.measured_mm, alone.depletion_mm, strict=True)
    told = np.array([lent(loans, today, open_mm, taw) for today, open_mm in days]).reshape(own.measured_mm.shape)
    worth = np.where(loans.donor >= 0, loans.sd, 0.0) * taw
    measures = np.isfinite(own.measured_mm)
    sd, lasting = (
        np.where(measures, of, np.hypot(worth, (of / taw)[:, donor] * taw)) for of in (own.sd_mm, own.lasting_mm)
    )
    return _Probed(np.where(measures, own.measured_mm, told), sd, lasting)
