"""What is believed of the soil at an instant: the days before it are read from the store and replayed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.irrigation.history import HOURS, Days, held, hourly, portions, read_history
from jobs.irrigation.replay import Believed, Past, replay_core
from jobs.irrigation.tables import IrrigationTables
from jobs.irrigation.weather import Observed, observed_weather
from jobs.irrigation.zones import Zones
from jobs.words import some
from optimizers.arrays import Floats
from optimizers.soil import Et0, Moisture
from optimizers.soil.estimate import Belief
from optimizers.soil.probes import Verdict

_DAY = timedelta(days=1)
_TOLD = {
    Verdict.SILENT: "silent",
    Verdict.STUCK: "stuck on one value while plants drank",
    Verdict.SATURATED: "wetter than soil stays",
    Verdict.OUT_OF_SOIL: "out of the soil: dry, and warm and cold as the air",
    Verdict.UNIT_MIXED: "in units that are not to be understood (fraction, percent, counts?)",
    Verdict.BIASED: "off by more than chance, believed after correction",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class SoilNow:
    """What is believed of n hydrozones at an instant, and all it was worked out from.

    replayed   the belief, its verdicts and the days behind it
    past       what was put in: rain, irrigation, ET0, raw readings of probes
    observed   the weather of the stations
    reasons    what was missing, what is not believed, who borrows
    """

    replayed: Believed
    past: Past
    observed: Observed
    reasons: tuple[str, ...]

    @property
    def belief(self) -> Belief:
        return self.replayed.belief

    @property
    def moisture(self) -> Moisture:
        return self.replayed.moisture

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """By probe."""
        return self.replayed.verdicts

    @property
    def et0(self) -> Et0:
        return self.observed.et0


def believed(
    unit: Unit, territory: Territory, zones: Zones, at: datetime, tables: IrrigationTables
) -> SoilNow:  # fmt: skip
    """What is known at an instant of the soil of hydrozones, by the days that the tables replay.

    Nothing is carried over from an earlier evening, so that forecast rain never enters: what was told and did not fall
    is not there to be taken back.
    """
    observed = observed_weather(unit, territory, at, tables.plan.replay // _DAY, tables)
    past = past_of(unit, territory, zones, observed, tables)
    replayed = replay_core(zones, past, tables)
    reasons = (*observed.reasons, *_reasons(zones, replayed))
    return SoilNow(replayed=replayed, past=past, observed=observed, reasons=reasons)


def past_of(
    unit: Unit, territory: Territory, zones: Zones, observed: Observed, tables: IrrigationTables
) -> Past:  # fmt: skip
    """What happened to hydrozones on the days of which the weather is given, and what their probes told."""
    return Past(
        et0_mm=observed.et0.et0_mm,
        rain_mm=observed.rain_at(zones.lat, zones.lon),
        irrigation_mm=irrigated_mm(unit, territory, zones, observed.days, tables),
        wind_m_s=observed.wind_m_s,
        rh_min_pct=observed.rh_min_pct,
        rain_known=observed.rain_known,
        **_probes(unit, territory, zones, observed.days),
    )


def irrigated_mm(
    unit: Unit, territory: Territory, zones: Zones, days: Days, tables: IrrigationTables
) -> Floats:  # fmt: skip
    """(K, n) net depth that each valve brought: by its meter, else by how long it was open at its nominal flow."""
    volume = watered_m3(unit, territory, zones, days, tables)
    net: Floats = volume * zones.cycle_mm / zones.cycle_m3
    return net


def watered_m3(
    unit: Unit, territory: Territory, zones: Zones, days: Days, tables: IrrigationTables
) -> Floats:  # fmt: skip
    """(K, n) water that each valve gave, day by day; a meter that tells nothing of a day is no meter on it."""
    volume = np.zeros((days.count, len(zones)))
    for some_of in portions(len(zones), days):
        valves = zones.valves[some_of]
        rows = read_history(unit, territory, valves, ("flow", "opening"), days)
        flow, opening = (rows.filter(pl.col("property") == name) for name in ("flow", "opening"))
        by_meter = held(flow, valves, days, tables.weather.flow_holds)
        by_time = held(opening, valves, days, tables.weather.flow_holds) * zones.flow_m3_h[some_of]
        told = np.isfinite(hourly(flow, valves, days)).reshape(days.count, HOURS, -1).any(axis=1)
        volume[:, some_of] = np.where(told | (by_meter > 0), by_meter, by_time)
    return volume


def _probes(unit: Unit, territory: Territory, zones: Zones, days: Days) -> dict[str, Floats]:
    """Hourly moisture and temperature as each hydrozone's probe told them; several may have one probe."""
    names = list(dict.fromkeys(probe for probe in zones.probe if probe))
    place = [z for z, probe in enumerate(zones.probe) if probe]
    of = [names.index(zones.probe[z]) for z in place]
    found = {}
    for field, name in (("raw_vwc", "soilMoistureVwc"), ("soil_c", "soilTemperature")):
        told = np.full((HOURS * days.count, len(names)), np.nan)
        for some_of in portions(len(names), days):
            rows = read_history(unit, territory, names[some_of], (name,), days)
            told[:, some_of] = hourly(rows, names[some_of], days)
        found[field] = np.full((HOURS * days.count, len(zones)), np.nan)
        found[field][:, place] = told[:, of]
    return found


def _reasons(zones: Zones, replayed: Believed) -> Iterator[str]:
    for verdict, said in _TOLD.items():
        if of := [probe for probe, found in replayed.verdicts.items() if found is verdict]:
            yield f"probes {said}: {some(of)}"
    if replayed.converted:
        yield f"probes that told percent, taken as such: {some(replayed.converted)}"
    if borrowers := _where(zones, [bool(lender) for lender in replayed.lender]):
        yield f"soil known by the probe of another place: {some(borrowers)} valves"
    if alone := _where(zones, [not measured for measured in replayed.measured.tolist()]):
        yield f"soil known by the water balance alone: {some(alone)} valves"


def _where(zones: Zones, true: Sequence[bool]) -> list[str]:
    return [valve for valve, so in zip(zones.valves, true, strict=True) if so]
