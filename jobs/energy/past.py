"""What buildings drew, quarter hour by quarter hour, as stored: what their meters have left without planned devices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from engine.calendar import SchoolCalendar, kind_of_day, school_holiday
from engine.instants import PARIS, days_before, from_us, in_us, to_us
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.energy.sites import ROOF, Site, Sites
from jobs.energy.tables import EnergyTables
from optimizers.arrays import Bools, Floats, Ints

QUARTER = timedelta(minutes=15)
_QUARTER_US = in_us(QUARTER)
_HELD = 4  # quarters that what a device told last is held for: those that tell changes only tell hourly at least
_DAY = timedelta(days=1)

Key = tuple[str, str]
"""An asset, and a property of it."""


@dataclass(frozen=True, eq=False)
class Past:
    """Means of the Q quarter hours from an instant on; NaN where nothing was told.

    base_w (Q, n)      of sites, without rooms' heat, tanks, vehicles, batteries and roofs
    meter_w (Q, n)     of their meters
    solar_w (Q, P)     of roofs
    outdoor_c (Q,)     of all buildings that measure it
    """

    start: datetime
    base_w: Floats
    meter_w: Floats
    solar_w: Floats
    outdoor_c: Floats

    def __len__(self) -> int:
        return int(self.outdoor_c.size)

    def places(self, at: Sequence[datetime]) -> Ints:
        """Which quarter each instant lies in; -1 for none of them."""
        found = np.array([(one - self.start) // QUARTER for one in at], np.int64)
        return np.where((found >= 0) & (found < len(self)), found, -1)


def past_of(
    unit: Unit, territory: Territory, sites: Sites, tables: EnergyTables, since: datetime, until: datetime
) -> Past:
    """The whole quarter hours of [since, until)."""
    start = from_us(-(-to_us(since) // _QUARTER_US) * _QUARTER_US)
    count = max((until - start) // QUARTER, 0)
    keys: dict[Key, None] = {}
    for site in sites:
        keys[site.meter, "totalActivePower"] = None
        keys[site.name, "outdoorTemperature"] = None
        keys |= dict.fromkeys((device, name) for device, name, _ in _parts(site))
        keys |= dict.fromkeys((meter, "power") for meter in _heated(site, tables))
    known = dict(zip(keys, quarters_of(unit, territory, list(keys), start, count).T, strict=True))
    outdoor = _mean_known(np.stack([known[site.name, "outdoorTemperature"] for site in sites])) if len(sites) else None
    outdoor_c = np.full(count, np.nan) if outdoor is None else outdoor
    meter = [known[site.meter, "totalActivePower"] for site in sites]
    base = [_base(site, known, outdoor_c, tables) for site in sites]
    solar = [np.maximum(held(known[roof.id, "power"]), 0.0) for _, roof in sites.hung(ROOF)]
    return Past(start, _columns(base, count), _columns(meter, count), _columns(solar, count), outdoor_c)


def _columns(rows: Sequence[Floats], count: int) -> Floats:
    return np.stack(rows, axis=1) if rows else np.zeros((count, 0))


def _parts(site: Site) -> list[tuple[str, str, float]]:
    """What is planned for itself, and which way its meter counts it."""
    kinds = ((site.batteries, 1.0), (site.roofs, -1.0), (site.chargers, 1.0), (site.heaters, 1.0))
    return [(asset.id, "power", sign) for assets, sign in kinds for asset in assets]


def _heated(site: Site, tables: EnergyTables) -> tuple[str, ...]:
    return site.heat_meters if site.heat and tables.heat[site.heat].electric else ()


def _base(site: Site, known: Mapping[Key, Floats], outdoor_c: Floats, tables: EnergyTables) -> Floats:
    """The meter less what is planned; of a device that has told nothing in all that time, nothing."""
    base = known[site.meter, "totalActivePower"].copy()
    for device, name, sign in _parts(site):
        base -= sign * _silent(held(known[device, name]))
    for meter in _heated(site, tables):
        warm = np.where(np.isfinite(outdoor_c), outdoor_c, 7.0)  # EN 14511's own reference where nobody measures it
        base -= _silent(held(known[meter, "power"])) / tables.heat[site.heat].cop_at(warm)
    return np.maximum(base, 0.0)


def _silent(values: Floats) -> Floats:
    return values if np.isfinite(values).any() else np.zeros_like(values)


def held(values: Floats, longest: int = _HELD) -> Floats:
    """(Q,) with what was told last where nothing is, for so many quarters."""
    told = np.isfinite(values)
    last = np.maximum.accumulate(np.where(told, np.arange(values.size), -1))
    near = (last >= 0) & (np.arange(values.size) - last <= longest)
    found: Floats = np.where(near, values[np.maximum(last, 0)], np.nan)
    return found


def _mean_known(values: Floats) -> Floats:
    """(Q,) of each column's known values."""
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    found: Floats = np.where(counts > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)
    return found


def quarters_of(unit: Unit, territory: Territory, keys: Sequence[Key], start: datetime, count: int) -> Floats:
    """(Q, K) means: rolled up as far as that has been done for any of them, of readings since."""
    until = start + count * QUARTER
    number = {of: n for n, of in territory.series_names.items()}
    place = {number[key]: k for k, key in enumerate(keys) if key in number}
    rolled = unit.readings.quarters(list(place), to_us(start), to_us(until))
    grid = np.full((count, len(keys)), np.nan)
    _fill(grid, rolled["series"].to_list(), rolled["bucket_start"], rolled["mean"], place, start)
    since = start if rolled.is_empty() else from_us(rolled["bucket_start"].max())  # type: ignore[arg-type] # µs
    fresh = unit.readings.history(list(place), to_us(since), to_us(until))
    fresh = fresh.cast({"series": pl.Int32, "observed_at": pl.Int64, "value": pl.Float64})  # no rows have no types
    bucket = (pl.col("observed_at") // _QUARTER_US * _QUARTER_US).alias("bucket_start")
    means = fresh.filter(pl.col("value").is_finite()).group_by("series", bucket).agg(pl.col("value").mean())
    _fill(grid, means["series"].to_list(), means["bucket_start"], means["value"], place, start)
    return grid


def _fill(
    grid: Floats, series: Sequence[int], starts: pl.Series, means: pl.Series, place: Mapping[int, int], start: datetime
) -> None:
    wanted = np.array([place.get(n, -1) for n in series], np.int64)
    row = (starts.to_numpy() - to_us(start)) // _QUARTER_US
    fits = (wanted >= 0) & (row >= 0) & (row < grid.shape[0])
    grid[row[fits], wanted[fits]] = means.to_numpy()[fits]


# days that are alike


def same_slots(starts: Sequence[datetime], days: int) -> list[list[datetime]]:
    """(D, T): the same time of the clock in Paris, so many days before, the day before last."""
    return [[days_before(start, back) for start in starts] for back in range(days, 0, -1)]


def like_days(starts: Sequence[datetime], days: int, calendar: SchoolCalendar, *, school: bool) -> Bools:
    """(D, T) whether those days are of the kind of each slot's: workday, Saturday, Sunday or public holiday; and with
    `school`, with school or without.
    """
    dates = [start.astimezone(PARIS).date() for start in starts]
    kinds: dict[date, tuple[str, bool | None]] = {}

    def kind(day: date) -> tuple[str, bool | None]:
        if day not in kinds:
            kinds[day] = (kind_of_day(day), school_holiday(day, calendar) if school else None)
        return kinds[day]

    return np.array([[kind(day - back * _DAY) == kind(day) for day in dates] for back in range(days, 0, -1)])
