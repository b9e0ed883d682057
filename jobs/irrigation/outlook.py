"""The weather to come, as a few ways it may go: what is forecast, believed as far as forecasts were right lately."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl

from engine.errors import InputError
from engine.forecasts.sources import Source
from engine.instants import PARIS, isoformat, to_us
from engine.settings import Settings
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.forecasts import Known, known, sources_in
from jobs.irrigation.tables import IrrigationTables, OutlookEntry, Way
from jobs.irrigation.weather import Observed, observed_weather
from optimizers.arrays import Floats
from optimizers.soil.et0 import hargreaves_mm
from optimizers.soil.radiation import extraterrestrial_hourly_mj_m2, extraterrestrial_mj_m2

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_HOUR_US, _HOURS = 3_600_000_000, 24
_ENOUGH_HOURS = 20  # of a day, whose least and greatest temperature are then those of the day
_LEAST_TOLD_MM = 0.2  # less is no rain worth a scenario
_SURE = 0.95  # nothing foreseen is surer


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlook:
    """S ways the weather may go over D days of 24 hours from an instant.

    probability (S,)           of each; the first is that what is told does not fall
    et0_mm, rain_mm (S, D)
    told_mm (D,)               rain as it is told, before any is doubted
    reliability                share of rain told that falls, as was learnt
    rain_from, et0_from (D,)   'forecast', 'climatology' or 'lately', by which most of the day is known
    issued_at                  of the forecast, None where none was used
    """

    probability: Floats
    et0_mm: Floats
    rain_mm: Floats
    told_mm: Floats
    reliability: float
    rain_from: tuple[str, ...]
    et0_from: tuple[str, ...]
    issued_at: datetime | None
    reasons: tuple[str, ...]

    @property
    def credited_mm(self) -> Floats:
        """(D,) rain that is counted on: the mean over the ways."""
        credited: Floats = self.probability @ self.rain_mm
        return credited


def outlook(
    unit: Unit, territory: Territory, at: datetime, days: int, settings: Settings, tables: IrrigationTables,
    observed: Observed | None = None,
) -> Outlook:  # fmt: skip
    """What was known at an instant of so many days from it. `observed`: the days before, where they are read already.

    A forecast that is too old is not used: rain is then that of an average month, ET0 goes on as it was lately.
    """
    past = observed or observed_weather(unit, territory, at, tables.plan.replay // _DAY, tables)
    source, reasons = _source(settings, tables.outlook)
    forecast = None if source is None else _fresh(unit, source, at, at + days * _DAY, tables.outlook)
    if source is not None and (forecast is None or forecast.values.is_empty()):
        reasons = [*reasons, _unused(forecast, at, tables.outlook)]
    reliability, compared = learned(unit, source, past, tables.outlook)
    told, rain_from = _rain(forecast, source, at, days, tables)
    et0, et0_from = _et0(unit, source, past, at, days, tables)
    ways = ways_of(told, et0, reliability, tables.outlook)
    issued = None if forecast is None or forecast.values.is_empty() else forecast.issue
    return Outlook(
        probability=ways.probability,
        et0_mm=ways.et0_mm,
        rain_mm=ways.rain_mm,
        told_mm=np.array([way.share for way in tables.outlook.ways]) @ told,
        reliability=reliability,
        rain_from=rain_from,
        et0_from=et0_from,
        issued_at=issued.issued_at if issued else None,
        reasons=(*reasons, *_reasons(rain_from, et0_from, reliability, compared)),
    )


@dataclass(frozen=True, eq=False)
class Ways:
    """probability (S,) of each way, its et0_mm and rain_mm (S, D): what a plan is made with."""

    probability: Floats
    et0_mm: Floats
    rain_mm: Floats
    reasons: tuple[str, ...] = ()


def ways_of(told_mm: Floats, et0_mm: Floats, reliability: float, entry: OutlookEntry) -> Ways:
    """The ways weather may go: rain (W, D) is told way by way, ET0 (D,) on average. In the first one it stays dry."""
    chances = _chances(reliability, entry.ways)
    rain = np.concatenate([np.zeros((1, et0_mm.size)), told_mm])
    return Ways(chances, _spread(et0_mm, chances, entry), np.where(rain.max(axis=0) < _LEAST_TOLD_MM, 0.0, rain))


def relied_on(told_mm: Sequence[float], caught_mm: Sequence[float], entry: OutlookEntry) -> float:
    """The share of rain told for so many days that gauges caught on them.

    Rain that fell beyond what was told does not make up for other rain that did not. `prior_mm` of rain is taken to
    have been told before, of which `reliability` fell.
    """
    fell = sum(min(told, caught) for told, caught in zip(told_mm, caught_mm, strict=True))
    return (entry.prior_mm * entry.reliability + fell) / (entry.prior_mm + sum(told_mm))


def learned(unit: Unit, source: Source | None, past: Observed, entry: OutlookEntry) -> tuple[float, int]:
    """The share of rain told for the 24 hours after each past evening that gauges caught then; of how many evenings."""
    told_mm: list[float] = []
    caught_mm: list[float] = []
    for day, caught in enumerate(past.territory_rain_mm.tolist()):
        at = past.days.start + day * _DAY
        forecast = None if source is None else _fresh(unit, source, at, at + _DAY, entry)
        if source is None or forecast is None or forecast.values.is_empty() or not np.isfinite(caught):
            continue
        hours = _hourly(forecast.values, entry.rain, source, at, _HOURS, 0.5)
        told_mm.append(float(np.nansum(hours)))
        caught_mm.append(caught)
    return relied_on(told_mm, caught_mm, entry), len(told_mm)


def _source(settings: Settings, entry: OutlookEntry) -> tuple[Source | None, list[str]]:
    try:
        source = sources_in(settings).get(entry.source)
    except InputError as error:  # no reason to leave plants without a plan
        return None, [f"the weather is not forecast: {error.problems[0]}"]
    if source is None or entry.rain not in source.variables:
        return None, [f"rain is not forecast: no {entry.rain} of {entry.source} in forecasts.yaml"]
    return source, []


def _fresh(unit: Unit, source: Source, at: datetime, until: datetime, entry: OutlookEntry) -> Known | None:
    """What was known then of the slots to come, but for what issues said that were too old; None without an issue."""
    since = at - source.step + timedelta(microseconds=1)
    found = known(unit, entry.source, source, at, since, until, variables=[entry.rain])
    if found.issue is None:
        return None
    young = found.values.filter(pl.col("issued_at") >= to_us(at - entry.oldest))
    return Known(young, found.freshness, found.issue, found.lacking)


def _unused(forecast: Known | None, at: datetime, entry: OutlookEntry) -> str:
    if forecast is None or forecast.issue is None:
        return f"the weather is not forecast: no issue of {entry.source}"
    age_h, most_h = ((of / _HOUR) for of in (at - forecast.issue.issued_at, entry.oldest))
    return (
        f"the forecast of {isoformat(forecast.issue.issued_at)} is {age_h:.0f} h old, {most_h:.0f} h at most: not used"
    )


def _rain(
    forecast: Known | None, source: Source | None, at: datetime, days: int, tables: IrrigationTables
) -> tuple[Floats, tuple[str, ...]]:  # fmt: skip
    """(W, D) rain of each way, where it falls; and by which most of each day is known."""
    mean = _usual_rain_mm_h(at, days, tables)
    ways, known_hours = [], np.zeros(days * _HOURS, np.bool_)
    for way in tables.outlook.ways:
        hours = np.full(days * _HOURS, np.nan)
        if forecast is not None and source is not None:
            hours = _way(forecast.values, tables.outlook.rain, source, at, days * _HOURS, way)
        known_hours = np.isfinite(hours)
        ways.append(np.where(known_hours, hours, way.times * mean).reshape(days, _HOURS).sum(axis=1))
    mostly = known_hours.reshape(days, _HOURS).mean(axis=1) > 0.5
    return np.array(ways), tuple("forecast" if of else "climatology" for of in mostly.tolist())


def _way(values: pl.DataFrame, variable: str, source: Source, at: datetime, hours: int, way: Way) -> Floats:
    """(H,) by the quantile of the way where the forecast has quantiles, else so many times what is told."""
    told = _hourly(values, variable, source, at, hours, way.quantile)
    plain = values.filter(pl.col("quantile").is_not_null()).is_empty()
    return told * way.times if plain else told


def _hourly(
    values: pl.DataFrame, variable: str, source: Source, at: datetime, hours: int, quantile: float, *,
    mean: bool = False,
) -> Floats:  # fmt: skip
    """(H,) of a variable in the hours from an instant on, by the quantile told that is nearest; NaN where unknown.

    Amounts of longer slots are spread evenly over them, of a slot that has begun the part that is to come.
    """
    of = values.filter(pl.col("variable") == variable).with_columns(
        ((pl.col("quantile").fill_null(0.5)) - quantile).abs().alias("far")
    )
    slots = of.sort("far", maintain_order=True).unique(["place", "valid_at"], keep="first", maintain_order=True)
    slots = slots.group_by("valid_at").agg(pl.col("value").mean()).sort("valid_at")
    begins, value = slots["valid_at"].to_numpy() - to_us(at), slots["value"].to_numpy()
    step = source.step // timedelta(microseconds=1)
    edges = np.arange(hours)[:, None] * _HOUR_US
    overlap = np.minimum(edges + _HOUR_US, begins + step) - np.maximum(edges, begins)
    overlap = np.maximum(overlap, 0)
    covered = overlap.sum(axis=1)
    per = overlap / np.maximum(covered, 1)[:, None] if mean else overlap / step
    return np.where(covered * 2 > _HOUR_US, per @ value, np.nan)


def _usual_rain_mm_h(at: datetime, days: int, tables: IrrigationTables) -> Floats:
    """(24 D,) of an average month, spread evenly."""
    dates = [(at + h * _HOUR).astimezone(PARIS).date() for h in range(days * _HOURS)]
    return np.array([tables.climate.rain_mm[day.month - 1] / 30.4 / _HOURS for day in dates], np.float64)


def _chances(reliability: float, ways: Sequence[Way]) -> Floats:
    """(S,) that nothing of what is told falls, and that it does in each of the ways."""
    falls = float(np.clip(reliability, 1.0 - _SURE, _SURE))
    return np.array([1.0 - falls, *(falls * way.share for way in ways)])


def _spread(et0_mm: Floats, chances: Floats, entry: OutlookEntry) -> Floats:
    """(S, D): sunnier than told where it stays dry, duller the more it rains; as told on average."""
    duller = np.linspace(1.0, -1.0, chances.size)
    duller = duller - chances @ duller
    duller = duller / np.sqrt(chances @ duller**2)
    sd = entry.et0_sd + entry.et0_sd_a_day * np.arange(et0_mm.size)
    return np.maximum(et0_mm * (1.0 + duller[:, None] * sd), 0.0)


def _et0(
    unit: Unit, source: Source | None, past: Observed, at: datetime, days: int, tables: IrrigationTables
) -> tuple[Floats, tuple[str, ...]]:  # fmt: skip
    """(D,) of days of 24 hours: by the share of the sun of each calendar day that shines in it."""
    first = at.astimezone(PARIS).date()
    dates = [first + k * _DAY for k in range(days + 1)]
    by_forecast = _by_temperature(unit, source, at, dates, tables)
    by_lately = _lately(past, dates, tables)
    foreseen = np.isfinite(by_forecast)
    et0 = np.where(foreseen, by_forecast, by_lately)
    after = np.array([_sun_after(at + k * _DAY, tables) for k in range(days)])
    told = ["forecast" if of else "lately" for of in (foreseen[1:] | (foreseen[:-1] & (after > 0.5))).tolist()]
    return after * et0[:-1] + (1.0 - after) * et0[1:], tuple(told)


def _by_temperature(
    unit: Unit, source: Source | None, at: datetime, dates: Sequence[date], tables: IrrigationTables
) -> Floats:  # fmt: skip
    """ET0 of calendar days by their forecast temperatures (Hargreaves, eq. 52); NaN where too few hours are known.

    Hours of today that are over are taken as they were foreseen; of those to come nothing is that is too old.
    """
    entry, found = tables.outlook, np.full(len(dates), np.nan)
    if source is None or entry.temperature not in source.variables:
        return found
    edges = [_midnight(day) for day in (*dates, dates[-1] + _DAY)]
    all_days = known(unit, entry.source, source, at, edges[0], edges[-1], variables=[entry.temperature])
    over = pl.col("valid_at") < to_us(at)
    oldest = pl.when(over).then(to_us(at - entry.oldest - _DAY)).otherwise(to_us(at - entry.oldest))
    young = all_days.values.filter(pl.col("issued_at") >= oldest)
    for k, day in enumerate(dates):
        hours = _hourly(young, entry.temperature, source, edges[k], (edges[k + 1] - edges[k]) // _HOUR, 0.5, mean=True)
        if np.isfinite(hours).sum() >= _ENOUGH_HOURS:
            sun = extraterrestrial_mj_m2(tables.site.lat, day.timetuple().tm_yday)
            found[k] = hargreaves_mm(sun, float(np.nanmin(hours)), float(np.nanmax(hours)))
    return found


def _lately(past: Observed, dates: Sequence[date], tables: IrrigationTables) -> Floats:
    """As it was over the last days against what is usual, and ever less of that."""
    entry, usual = tables.outlook, np.array(tables.climate.et0_mm_day, np.float64)
    measured = past.et0.et0_mm[-entry.lately_days :]
    was = usual[np.array([day.month - 1 for day in past.days.dates[-entry.lately_days :]])]
    ratio = float(measured.sum() / was.sum()) if measured.size else 1.0
    left = entry.shrinks ** np.arange(len(dates))
    comes = usual[np.array([day.month - 1 for day in dates])]
    expected: Floats = comes * (1.0 + left * (ratio - 1.0))
    return expected


def _sun_after(at: datetime, tables: IrrigationTables) -> float:
    """Share of the radiation of a calendar day that comes after an instant of it."""
    day = at.astimezone(PARIS).date()
    starts = [_midnight(day) + h * _HOUR for h in range((_midnight(day + _DAY) - _midnight(day)) // _HOUR)]
    middle = np.array([s.hour + s.minute / 60.0 + 0.5 for s in starts])
    sun = extraterrestrial_hourly_mj_m2(tables.site.lat, tables.site.lon, day.timetuple().tm_yday, middle)
    to_come = np.clip([1.0 - (at - s) / _HOUR for s in starts], 0.0, 1.0)
    return float(sun @ to_come / sun.sum()) if sun.sum() > 0 else 0.0


def _midnight(day: date) -> datetime:
    """Of Paris, in UTC: days are 23 or 25 hours long where the clock changes."""
    return datetime.combine(day, time(), PARIS).astimezone(UTC)


def _reasons(
    rain_from: Sequence[str], et0_from: Sequence[str], reliability: float, compared: int
) -> Iterator[str]:  # fmt: skip
    if by_month := rain_from.count("climatology"):
        yield f"rain of an average month: {by_month} of {len(rain_from)} days to come"
    if lately := et0_from.count("lately"):
        yield f"ET0 as it was lately: {lately} of {len(et0_from)} days to come"
    stands = f"learnt on {compared} days" if compared else "nothing learnt yet"
    yield f"of rain that is told {100 * reliability:.0f} % is counted on, {stands}"
