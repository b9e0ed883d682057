"""How full containers are believed to be, and how likely they overflow by when: the last weeks' readings, read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl

from engine.instants import PARIS, to_us
from engine.store import Unit
from jobs.bootstrap import Territory
from jobs.collection.day import is_holiday
from jobs.collection.fleet import Fleet
from jobs.collection.tables import CollectionTables
from jobs.irrigation.history import Days, read_history
from optimizers.arrays import Bools, Floats, Ints
from optimizers.fill import (
    Belief,
    History,
    Verdict,
    believed,
    believed_at_first,
    kinds_of,
    level_quantile,
    on_grid,
    overflow_probability,
)
from optimizers.fill.belief import FULL

_DAY = timedelta(days=1)
_US = 1e6
MOST = 1.5
"""Level beyond which nobody guesses what lies beside a container."""


@dataclass(frozen=True, eq=False)
class Fills:
    """What is believed of n containers at an instant.

    verdicts     of their sensors
    heard_days   (n,) since a believed reading or an emptying; inf where there was none in all the days looked at
    last_level   (n,) the last reading as it was told; NaN for none
    overflown    of each whole week looked at, oldest first: container-days on which one was full, of how many
    """

    at: datetime
    belief: Belief
    verdicts: tuple[Verdict, ...]
    heard_days: Floats
    last_level: Floats
    markets: Ints
    overflown: tuple[tuple[float, float], ...] = ()

    def __len__(self) -> int:
        return len(self.verdicts)

    def days(self, *ends: datetime) -> Floats:
        """(n, D) day-equivalents from when it is believed to each of D instants in order, from the one before."""
        return np.column_stack([self._days(a, b) for a, b in zip((self.at, *ends), ends, strict=False)])

    def overflow(self, *by: datetime) -> Floats:
        """(n, D) probability that each overflows by D instants in order, if nobody empties it."""
        return overflow_probability(self.belief, self.days(*by))

    def level(self, at: datetime, share: float = 0.5) -> Floats:
        """(n,) the level under which each is with this probability at an instant; MOST at most."""
        quantile: Floats = np.minimum(level_quantile(self.belief, self.days(at), share)[:, 0], MOST)
        return quantile

    def _days(self, start: datetime, until: datetime) -> Floats:
        total = np.zeros(len(self))
        for day, share in _shares(start, until):
            kinds = kinds_of([day.weekday()], [is_holiday(day)], self.markets)
            total += self.belief.habits.days(kinds, share)[:, 0]
        return total


def fills_of(unit: Unit, territory: Territory, fleet: Fleet, at: datetime, tables: CollectionTables) -> Fills:
    """What is believed at an instant, from what was stored by then."""
    days = Days(at, max(1, -(-tables.fill.replay // _DAY)))
    rows = read_history(unit, territory, fleet.names, ("fillingLevel", "cargoWeight"), days)
    raw, gone, found = _grid(rows, fleet, at, tables)
    usual = np.array([1.0 / tables.fractions[name].usual_days for name in fleet.fractions], np.float64)
    known = sorted(tables.fractions)
    group = np.array([known.index(name) for name in fleet.fractions], np.int64)
    kinds = _kinds(at, fleet.markets, tables)
    told = np.isfinite(raw).any(axis=1) | gone.any(axis=1)
    first = int(np.argmax(told))  # before anything was told there is nothing to carry on
    history = History(raw[first:], gone[first:], found[first:], kinds[first:], tables.fill.slot_h)
    belief, judged = believed(believed_at_first(group, usual), history)
    heard = np.isfinite(judged.level) | history.emptied | judged.emptied
    return Fills(
        at, belief, judged.verdicts, _ago(heard, tables), _last(raw), fleet.markets, _weeks(judged.level, tables)
    )


def levels_told(
    unit: Unit, territory: Territory, fleet: Fleet, at: datetime, tables: CollectionTables
) -> tuple[Floats, Floats]:  # fmt: skip
    """(n,) the last reading of each, whatever it is worth, and how many days ago it was; NaN and inf for none."""
    days = Days(at, max(1, -(-tables.fill.replay // _DAY)))
    rows = read_history(unit, territory, fleet.names, ("fillingLevel",), days)
    last = rows.group_by("asset", maintain_order=True).last()
    told = dict(zip(last["asset"].to_list(), zip(last["value"], last["observed_at"], strict=True), strict=True))
    level = np.array([told[name][0] if name in told else np.nan for name in fleet.names], np.float64)
    ago = [(to_us(at) - told[name][1]) / _US / 86400 if name in told else np.inf for name in fleet.names]
    return level, np.array(ago, np.float64)


def _grid(
    rows: pl.DataFrame, fleet: Fleet, at: datetime, tables: CollectionTables
) -> tuple[Floats, Bools, Floats]:  # fmt: skip
    """What a weighing finds is a level by the density of its kind of waste."""
    slot_s = tables.fill.slot_h * 3600
    start_s = to_us(at) / _US - tables.fill.slots * slot_s
    place = {name: n for n, name in enumerate(fleet.names)}
    levels, weighed = (rows.filter(pl.col("property") == name) for name in ("fillingLevel", "cargoWeight"))
    full_kg = fleet.volume_m3 * [tables.fractions[name].density_kg_m3 for name in fleet.fractions]
    emptied_bins = _places(weighed, place)
    return on_grid(
        _places(levels, place),
        _seconds(levels),
        levels["value"].to_numpy(),
        emptied_bins=emptied_bins,
        emptied_at_s=_seconds(weighed),
        found=weighed["value"].to_numpy() / full_kg[emptied_bins],
        shape=(tables.fill.slots, len(fleet.names)),
        start_s=start_s - 1e-3,  # what is told at the very instant belongs to the last slot
        slot_s=slot_s,
    )


def _places(rows: pl.DataFrame, place: dict[str, int]) -> Ints:
    return np.array([place[name] for name in rows["asset"].to_list()], np.int64)


def _seconds(rows: pl.DataFrame) -> Floats:
    seconds: Floats = rows["observed_at"].to_numpy() / _US
    return seconds


def _kinds(at: datetime, markets: Ints, tables: CollectionTables) -> Ints:
    """(T, n) of the local days in which the middles of the slots lie."""
    slot = timedelta(hours=tables.fill.slot_h)
    middles = [at - (tables.fill.slots - t - 0.5) * slot for t in range(tables.fill.slots)]
    dates = [middle.astimezone(PARIS).date() for middle in middles]
    return kinds_of([day.weekday() for day in dates], [is_holiday(day) for day in dates], markets).T


def _ago(heard: Bools, tables: CollectionTables) -> Floats:
    """(n,) days since the last slot in which something was heard."""
    since = np.argmax(heard[::-1], axis=0) * tables.fill.slot_h / 24.0
    ago: Floats = np.where(heard.any(axis=0), since, np.inf)
    return ago


def _weeks(level: Floats, tables: CollectionTables) -> tuple[tuple[float, float], ...]:
    """By believed readings: a container is full in a slot in which it says so, and all slots are of one length."""
    week, day = round(7 * 24 / tables.fill.slot_h), 24 / tables.fill.slot_h
    whole = level[len(level) % week :].reshape(-1, week * level.shape[1]) if level.shape[1] else level[:0]
    return tuple((float((told >= FULL).sum() / day), float(np.isfinite(told).sum() / day)) for told in whole)


def _last(raw: Floats) -> Floats:
    known = np.isfinite(raw)
    newest = len(raw) - 1 - np.argmax(known[::-1], axis=0)
    last: Floats = np.where(known.any(axis=0), raw[newest, np.arange(raw.shape[1])], np.nan)
    return last


def _shares(start: datetime, until: datetime) -> Iterator[tuple[date, float]]:
    """The local days between two instants, and which share of 24 hours of each lies between them."""
    at = start
    while at < until:
        day = at.astimezone(PARIS).date()
        midnight = datetime.combine(day + _DAY, time(0), PARIS).astimezone(at.tzinfo)
        end = min(midnight, until)
        yield day, (end - at) / _DAY
        at = end


def silent(fills: Fills, unseen_days: Sequence[float]) -> Bools:
    """(n,) whether nobody has heard of each for longer than may be."""
    gone: Bools = fills.heard_days > np.asarray(unseen_days, np.float64)
    return gone
