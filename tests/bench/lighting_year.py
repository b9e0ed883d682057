"""A year of two streets: what was counted, when it was dark and wet, the light that called for, what a choice costs.

The streets are of one class, M4 when busy and so M5 and M6 when less so (30 km/h, mixed traffic, parked cars, moderate
ambient light: a collector of `datasets/reference/roads.yaml`), by the tables of `datasets/reference/lighting.yaml`.
Lamps give M4 at full and no more, so that nothing is saved by trimming; one of forty stands at a crossing and is full
all night. Energy is that of burning quarters, stand-by included; hours without a count are left out of everything.
A count holds for the whole of its hour.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from engine.instants import PARIS, noon
from engine.model import Asset
from jobs.lighting.hours import hourly_counts
from jobs.lighting.night import night_of
from jobs.lighting.tables import load_tables
from optimizers.forecast import HourlyCounts
from optimizers.forecast.hours import Bools, Floats, Ints
from optimizers.lighting_classes import required_flux, thousandths
from twin.traffic import made_counts

ROOT = Path(__file__).resolve().parents[2]
TABLES = load_tables(ROOT / "datasets" / "reference" / "lighting.yaml")
HOUR = timedelta(hours=1)

BUSY_CLASS = 4  # of M
LAMPS, CROSSING_LAMPS = 40, 1  # a street
POWER_W, STANDBY_W = 58.0, 0.5
DESIGN_HOUR = 1 - 30 / 8766  # streets are sized for the thirtieth busiest hour of a year …
DESIGN_SHARE = 0.85  # … which fills so much of them
_TOO_LITTLE_TO_TELL = 1e-9  # mm: a third of 0.6 is not quite 0.2 in a computer


@dataclass(frozen=True, eq=False)
class Year:
    """counts (S, H) from `start_at`; wet (H,) the road is; weather (H, W) what a station last said hours before, NaN
    where it said nothing; nights are judged from `judged_from` on, a noon. `reaction` is the share of a quarter of an
    hour that lamps take to be lifted once the road is wet.
    """

    names: tuple[str, ...]
    counts: HourlyCounts
    start_at: datetime
    wet: Bools
    weather: Floats
    judged_from: datetime
    reaction: float = 1.0
    led_in: int = 0

    def index(self, at: datetime) -> int:
        return int((at - self.start_at) / HOUR)

    def without_rain(self) -> "Year":
        """As if it never rained, and everybody knew."""
        return replace(self, wet=np.zeros_like(self.wet), reaction=0.0)

    @property
    def first_night(self) -> date:
        return self.judged_from.astimezone(PARIS).date() - timedelta(days=self.led_in)

    @cached_property
    def dark(self) -> tuple[Ints, Ints, Ints]:
        """Burning quarters of all nights that are lit: index of the hour, quarter of it, number of the night."""
        day, rows = self.first_night, []
        while self.index(noon(day + timedelta(days=1))) <= len(self.wet):
            night = night_of(noon(day), TABLES)
            rows += [
                (self.index(at), at.minute // 15, day.toordinal())
                for at, burns in zip(night.slots, night.burning, strict=True)
                if burns
            ]
            day += timedelta(days=1)
        hour, quarter, number = np.array(rows, np.int64).T
        return hour, quarter, number - number[0]

    @cached_property
    def month(self) -> Ints:
        """(H,) number of the local month."""
        local = [(self.start_at + k * HOUR).astimezone(PARIS) for k in range(len(self.wet))]
        return np.array([at.year * 12 + at.month for at in local])

    def months(self) -> list[tuple[Ints, int]]:
        """Places of each month's burning quarters, and the hour its first night's day begins: all before is earlier."""
        month = self.month[self.dark[0]]
        return [(np.flatnonzero(month == m), int(np.argmax(self.month == m))) for m in np.unique(month)]

    @cached_property
    def capacity(self) -> Floats:
        """(S,) veh/h: what the busiest hours before `judged_from` say a street was built for."""
        past = self.counts.value[:, : self.index(self.judged_from)]
        return np.nanquantile(past, DESIGN_HOUR, axis=1) / DESIGN_SHARE

    @cached_property
    def thresholds(self) -> Floats:
        """(S, 2) veh/h from which a street is no longer quiet, and above which it is busy."""
        bands = TABLES.systems["M"].traffic.two_lane.bands
        return self.capacity[:, None] * np.array([bands.quiet_below, bands.busy_above])

    @cached_property
    def called_for(self) -> Ints:
        """(S, N) level of each burning quarter that traffic called for, 0 quiet, 1 normal, 2 busy."""
        value = self.counts.value[:, self.dark[0]]
        quiet, busy = self.thresholds[:, :1], self.thresholds[:, 1:]
        return np.where(value < quiet, 0, np.where(value <= busy, 1, 2))

    @cached_property
    def wet_now(self) -> Bools:
        """(N,) burning quarters on a wet road."""
        return self.wet[self.dark[0]]

    @cached_property
    def surprised(self) -> Bools:
        """(N,) the first quarter of a wet road: the lamps still burn as they were told."""
        hour, quarter, _ = self.dark
        return self.wet_now & ~self.wet[hour - 1] & (quarter == 0)

    @cached_property
    def need(self) -> Ints:
        """(S, N) level called for: the busy one on a wet road."""
        return np.where(self.wet_now, 2, self.called_for)

    @cached_property
    def judged(self) -> Bools:
        """(S, N) quarters of nights that are judged, and whose traffic was counted."""
        return self.counted & (self.dark[2] >= self.led_in)

    @property
    def counted(self) -> Bools:
        """(S, N) quarters whose traffic was counted."""
        return self.counts.known[:, self.dark[0]]


@lru_cache
def level_powers() -> Floats:
    """Power of the three levels, quiet first, over that of full."""
    family = TABLES.families["M"]
    bands = TABLES.systems["M"].traffic.two_lane.bands
    relief = np.array([thousandths(bands.busy) - thousandths(w) for w in (bands.quiet, bands.normal, bands.busy)])
    number = family.number(thousandths(family.base) - 1000 * BUSY_CLASS - relief)
    flux, _ = required_flux(family.level(number), family.level(np.array([BUSY_CLASS])), TABLES.flux_grid)
    curve = TABLES.curve("led-a", STANDBY_W / POWER_W)
    return np.interp(flux, curve.flux, curve.power)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Shares, 0…1: energy of that of full LED; lamp-time below the class called for, on wet roads alone, and two
    classes below. Changes of level a lamp and night, dusk and dawn included. Lamps at crossings are told the busy level
    all night, and so are never below it.
    """

    name: str
    energy: float
    under_lit: float
    by_rain: float
    deep: float
    switches: float
    at_crossings: float = 0.0

    @property
    def saved(self) -> float:
        return 1 - self.energy


def outcome(year: Year, name: str, told: Ints, *, rain: bool = True, streets: slice = slice(None)) -> Outcome:
    """What comes of `told` (S, N), the level of each burning quarter where it does not rain.

    `rain`: an observed wet road lifts every lamp to the busy class at once, but for its first quarter of an hour.
    """
    level = np.where(year.wet_now & ~year.surprised, 2, told) if rain else told
    judged, share = year.judged[streets], (LAMPS - CROSSING_LAMPS) / LAMPS
    below, enough_dry = level < year.need, level >= year.called_for
    late = below & enough_dry & year.surprised

    def part(where: Bools) -> float:
        return float(share * where[streets][judged].mean())

    return Outcome(
        name,
        energy=share * float(level_powers()[level[streets][judged]].mean()) + 1 - share,
        under_lit=part(below) - part(late) * (1 - year.reaction),
        by_rain=part(below & enough_dry) - part(late) * (1 - year.reaction),
        deep=part(level + 1 < year.need),
        switches=_switches(year, level[streets]),
    )


def full_kwh(year: Year, streets: slice = slice(None)) -> float:
    """Energy of full LED over the quarters judged, all lamps of all or some of the streets."""
    return float(year.judged[streets].sum() * LAMPS * POWER_W / 4 / 1000)


def _switches(year: Year, level: Ints) -> float:
    judged = year.dark[2] >= year.led_in
    level, night = level[:, judged], year.dark[2][judged]
    inner = (np.diff(level) != 0) & (np.diff(night) == 0)
    return float(inner.sum() / len(level) / len(np.unique(night)) + 2)


def read_year(reference: Path, end_at: datetime = datetime(2023, 12, 1, tzinfo=UTC)) -> Year:
    """Hourly counts of two arcs of Paris from November 2022 on, and what the station of Orly measured from January.

    Lamps are lit from December, and judged from January on.
    """
    start_at = datetime(2022, 11, 1, tzinfo=UTC)
    hours = int((end_at - start_at) / HOUR)
    value = np.full((2, hours), np.nan)
    for street, name in enumerate(("saints_peres", "convention")):
        frame = pl.read_csv(reference / "lighting" / "paris_counts" / f"{name}_hourly.csv").drop_nulls("flow_veh_h")
        for text, flow in frame.select("time", "flow_veh_h").iter_rows():
            at = datetime.strptime(text, "%Y-%m-%dT%HZ").replace(tzinfo=UTC)
            if start_at <= at < end_at:
                value[street, int((at - start_at) / HOUR)] = flow
    rain_mm, weather = _orly(reference, start_at, hours)
    judged_from = noon(date(2022, 12, 31))
    names = ("rue des Saints-Pères", "rue de la Convention")
    return Year(names, hourly_counts(value, start_at), start_at, wet_after(rain_mm), weather, judged_from, led_in=30)


def wet_after(rain_mm: Floats) -> Bools:
    """(H,) it rains enough in the hour to wet the road, or did in the hours it takes to dry."""
    rains, hours = rain_mm >= TABLES.rain.wet_from_mm - _TOO_LITTLE_TO_TELL, round(TABLES.rain.dries_after / HOUR)
    return np.any([np.r_[np.zeros(k, bool), rains[: len(rains) - k]] for k in range(hours + 1)], axis=0)


def _orly(reference: Path, start_at: datetime, hours: int) -> tuple[Floats, Floats]:
    """Rain of each hour, mm, a third of what three hours brought; and the station's last words three hours earlier.

    A figure of three hours is reported at their end: told as of their start, it would know what is to come.
    """
    frame = pl.read_csv(reference / "irrigation" / "weather_orly_2023" / "orly_07149_2023_3h.csv", null_values="")
    at = [datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC) for text in frame["time"]]
    names = ("rh_pct", "t_c", "td_c", "pres_pa", "wind10_ms", "rr3_mm")
    table = {name: frame[name].cast(pl.Float64).fill_null(strategy="forward").to_numpy() for name in names}
    fall = np.diff(table["pres_pa"], prepend=table["pres_pa"][0])
    said = [table["rh_pct"], np.maximum(table["rh_pct"] - 80, 0), table["t_c"] - table["td_c"], table["t_c"]]
    said += [fall, np.r_[0, fall[:-1]], table["pres_pa"], table["wind10_ms"], table["rr3_mm"] > 0]
    rain_mm, weather = np.zeros(hours), np.full((hours, len(said)), np.nan)
    for time, mm, words in zip(at, table["rr3_mm"], np.stack(said, axis=1), strict=True):
        first = int((time - start_at) / HOUR)
        rain_mm[first - 3 : first] = mm / 3
        weather[first + 3 : first + 6] = words
    return rain_mm, weather


def made_year(days: int = 84, judged: int = 42) -> Year:
    """Counts and showers that are made: two loops of `twin/traffic` over some weeks, for want of the real ones."""
    start_at = datetime(2026, 8, 31, 22, tzinfo=UTC)
    roads = {"made street 1": "main", "made street 2": "collector"}
    loops = [
        Asset(name, "TrafficFlowObserved", "Z-1", 47.4, -0.5, attributes={"road_class": road, "capacity_veh_h": 1100.0})
        for name, road in roads.items()
    ]
    frame = made_counts(loops, start_at, days, seed=1)
    value = np.stack([frame.filter(pl.col("asset") == name)["intensity"].to_numpy() for name in roads])
    hours = value.shape[1]
    rng = np.random.default_rng(1)
    rain_mm = np.repeat(rng.random(hours // 3) < 0.08, 3) * 0.5
    judged_from = noon(start_at.date() + timedelta(days=1 + days - judged))
    weather = np.full((hours, 0), np.nan)
    return Year(tuple(roads), hourly_counts(value, start_at), start_at, wet_after(rain_mm), weather, judged_from)
