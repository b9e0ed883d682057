"""What a winter says of field capacity: rain fills the soil again and again, and probes tell what it keeps.

Thirty days of a dry summer do not fill it, so that what evenings learn is forgotten by July. What a winter says is put
into the inventory, where it stands until the next one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

import numpy as np

from engine.errors import ConsigneError
from engine.instants import PARIS
from engine.model import Asset
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.irrigation.belief import past_of
from jobs.irrigation.domain import zones_of
from jobs.irrigation.history import HOURS
from jobs.irrigation.replay import Believed, Past, replay_core
from jobs.irrigation.tables import IrrigationTables, tables_of
from jobs.irrigation.weather import observed_weather
from jobs.irrigation.zones import Zones
from jobs.nights import named_days

CAPACITY, WILTING = "field_capacity", "wilting_point"
_DAY = timedelta(days=1)
_DIGITS = 3  # a probe resolves no more
_NOVEMBER, _APRIL = (11, 1), (4, 1)


class Outcome(StrEnum):
    """Of a hydrozone with a probe."""

    LEARNT = "learnt"
    DOUBTED = "doubted"  # its probe is not believed at the end of the days
    FEW = "few"  # the soil was filled and drained too seldom
    FAR = "far"  # as far from what is in use as may be: it is the probe that is wrong, or the soil's name
    REFUSED = "refused"  # the inventory would not have it


class Stated(StrEnum):
    """Where the field capacity that is in use comes from."""

    VALVE = "valve"
    GARDEN = "garden"
    TABLE = "table"


@dataclass(frozen=True, kw_only=True)
class ZoneCapacity:
    """Field capacity of a hydrozone, m³/m³, in use and by its probe.

    verdict       of the probe at the end of the days; heard_days, on how many of them it told anything
    learnt, sd    None where it is too seldom that the soil was filled and drained; `events` is how often
    attributes    what to write into the inventory; nothing where the outcome is another than LEARNT
    why           of REFUSED
    """

    valve: str
    probe: str
    soil: str
    stated: Stated
    field_capacity: float
    learnt: float | None
    sd: float | None
    events: int
    verdict: str
    heard_days: int
    outcome: Outcome
    attributes: Mapping[str, float] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What days from `first` to `last` say; `rain_days` of them a rain gauge was heard. `without_probe` hydrozones."""

    first: date
    last: date
    rain_days: int
    zones: Sequence[ZoneCapacity]
    without_probe: int
    reasons: Sequence[str]

    @property
    def learnt(self) -> dict[str, Mapping[str, float]]:
        """By valve, the attributes to write."""
        return _learnt(self.zones)


def written(assets: Sequence[Asset], learnt: Mapping[str, Mapping[str, float]]) -> tuple[Asset, ...]:
    """The assets of an inventory, valves with what was learnt of them."""
    return tuple(replace(one, attributes={**one.attributes, **learnt.get(one.id, {})}) for one in assets)


def winter(today: date) -> tuple[date, date]:
    """The last 1 November to 31 March that is over, or so much of it as is when it goes on."""
    year = today.year if today > date(today.year, *_NOVEMBER) else today.year - 1
    return date(year, *_NOVEMBER), min(date(year + 1, *_APRIL), today) - _DAY


def calibrated(unit: Unit, territory: Territory, settings: Settings, first: date, last: date) -> Calibration:
    """What probes say of field capacity by days from one to another, both included.

    Raises InputError for no days or more than 400, ConsigneError where no rain gauge was heard on any of them.
    """
    count = len(named_days(first, last, "irrigation calibrate", "days"))
    tables, until = tables_of(settings), datetime.combine(last + _DAY, time(), PARIS).astimezone(UTC)
    zones = zones_of(territory, tables, until)
    observed = observed_weather(unit, territory, until, count, tables)
    if not observed.rain_known.any():
        hint = "name days that are stored: consigne irrigation calibrate --from DAY --to DAY"
        raise ConsigneError(
            f"irrigation: no rain gauge told anything from {first} to {last}, so that nobody knows when soil was full"
            f" → {hint}"
        )
    past = past_of(unit, territory, zones, observed, tables)
    found = list(_zones(territory, zones, past, replay_core(zones, past, tables), tables))
    return Calibration(
        first=first,
        last=last,
        rain_days=int(observed.rain_known.sum()),
        zones=_accepted(territory, tables, until, found),
        without_probe=sum(not probe for probe in zones.probe),
        reasons=(*observed.reasons, *(f"{valve}: {why}" for valve, why in zones.left_out.items())),
    )


def _zones(
    territory: Territory, zones: Zones, past: Past, replayed: Believed, tables: IrrigationTables
) -> Iterator[ZoneCapacity]:  # fmt: skip
    root, own = zones.root_zone, replayed.capacity
    heard = np.isfinite(past.raw_vwc).reshape(past.days, HOURS, len(zones)).any(axis=1).sum(axis=0)
    sd = own.sd(tables.probes.field_capacity.sd)
    for z in (z for z, probe in enumerate(zones.probe) if probe):
        outcome = _outcome(zones, z, replayed, tables)
        learnt, in_use = round(float(own.vwc[z]), _DIGITS), float(root.field_capacity[z])
        # Roots can take as much as before: what a probe is off by is no water.
        wilting = round(float(root.wilting_point[z]) + learnt - in_use, _DIGITS)
        yield ZoneCapacity(
            valve=zones.valves[z],
            probe=zones.probe[z],
            soil=zones.soil[z],
            stated=_stated(territory, zones.valves[z], zones.garden[z]),
            field_capacity=in_use,
            learnt=learnt if own.events[z] else None,
            sd=float(sd[z]) if own.events[z] else None,
            events=int(own.events[z]),
            verdict=replayed.verdicts[zones.probe[z]].value,
            heard_days=int(heard[z]),
            outcome=outcome,
            attributes={CAPACITY: learnt, WILTING: wilting} if outcome is Outcome.LEARNT else {},
        )


def _outcome(zones: Zones, z: int, replayed: Believed, tables: IrrigationTables) -> Outcome:
    moved = abs(float(replayed.capacity.vwc[z] - zones.root_zone.field_capacity[z]))
    if not replayed.verdicts[zones.probe[z]].believed:
        return Outcome.DOUBTED
    if not replayed.capacity.events[z]:
        return Outcome.FEW
    return Outcome.FAR if moved > tables.probes.field_capacity.most - 1e-9 else Outcome.LEARNT


def _stated(territory: Territory, valve: str, garden: str) -> Stated:
    if CAPACITY in territory.by_id[valve].attributes:
        return Stated.VALVE
    of_garden = garden and CAPACITY in territory.by_id[garden].attributes
    return Stated.GARDEN if of_garden else Stated.TABLE


def _learnt(found: Sequence[ZoneCapacity]) -> dict[str, Mapping[str, float]]:
    return {zone.valve: zone.attributes for zone in found if zone.outcome is Outcome.LEARNT}


def _accepted(
    territory: Territory, tables: IrrigationTables, until: datetime, found: Sequence[ZoneCapacity]
) -> list[ZoneCapacity]:  # fmt: skip
    """The same; what would make an inventory that cannot be read is refused, with the reason."""
    changed = replace(territory, assets=written(territory.assets, _learnt(found)))
    refused = zones_of(changed, tables, until).left_out
    return [
        replace(zone, outcome=Outcome.REFUSED, attributes={}, why=refused[zone.valve])
        if zone.valve in refused
        else zone
        for zone in found
    ]
