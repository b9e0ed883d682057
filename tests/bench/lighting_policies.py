"""What lamps are told through the year: by the best fixed programs, by forecast, and by one who knew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

import numpy as np

from engine.instants import PARIS, noon
from jobs.lighting.night import fixed_level
from optimizers.forecast import cheapest, learn, predict
from optimizers.forecast.hours import DAY, Bools, Floats, Ints
from tests.bench.lighting_year import HOUR, TABLES, Outcome, Year, level_powers, outcome

PRICES = np.geomspace(0.3, 3000, 70)
"""Of a lamp-hour below class, in lamp-hours of full power: one price over the year gives one point of a curve."""

RAINS = 0.3 / 24
"""Chance that a road turns wet in an hour, before a month has taught it: three days in ten bring rain to Paris."""
DELAY_QUARTERS = 1  # after its end until an hour's count is acted upon
_NEWTON_STEPS = 25


@dataclass(frozen=True, eq=False)
class Curve:
    """What one way of choosing comes to at each price, least under-lit first, and what only better ones leave."""

    name: str
    outcomes: tuple[Outcome, ...]

    def energy_at(self, under_lit: float) -> float:
        """Least energy, of that of full, at a share of under-lit lamp-time: between two points by time shared."""
        x, y = [0.0, *(o.under_lit for o in self.outcomes)], [1.0, *(o.energy for o in self.outcomes)]
        return float(np.interp(under_lit, x, y))

    def at(self, under_lit: float) -> Outcome:
        """The point with the least energy that is under-lit no longer than that."""
        return min((o for o in self.outcomes if o.under_lit <= under_lit), key=lambda o: o.energy)


def curve(year: Year, name: str, told: Callable[[float], Ints], prices: Floats = PRICES) -> Curve:
    return envelope(name, [outcome(year, name, told(price)) for price in prices])


def envelope(name: str, found: Sequence[Outcome]) -> Curve:
    """Of all points those that no other beats, on both counts, with hindsight."""
    kept: list[Outcome] = []
    for one in sorted(found, key=lambda o: (o.under_lit, o.energy)):
        if not kept or one.energy < kept[-1].energy:
            kept.append(one)
    return Curve(name, tuple(kept))


# Ours


def chances(year: Year, leads: Sequence[int]) -> Floats:
    """(S, N, 2) probability that more than the quiet, and more than the normal level is called for by traffic.

    `leads`, of each quarter of an hour: hours from the last one counted. Each month by what the earlier ones taught.
    """
    hour, quarter, _ = year.dark
    result = np.full((*year.called_for.shape, 2), np.nan)
    for places, until in year.months():
        own = np.array(leads)[quarter[places]]
        clock = year.counts.hour[hour[places]]
        learned = learn(year.counts, until, {(int(h), int(lead)) for h, lead in zip(clock, own, strict=True)})
        for t, lead in np.unique(np.stack([hour[places], own]), axis=1).T:
            outlook = predict(learned, year.counts, int(t - lead + 1), np.array([t]))
            result[:, places[(hour[places] == t) & (own == lead)]] = outlook.exceeds(year.thresholds)
    return result


def live(year: Year) -> Floats:
    """Chances by the counts of the night so far: an hour's is acted upon some quarters after it ended."""
    return chances(year, [2 if quarter < DELAY_QUARTERS else 1 for quarter in range(4)])


def at_noon(year: Year) -> Floats:
    """Chances as the plan of noon sees them: each hour by what was counted until then."""
    hour, _, night = year.dark
    result = np.full((*year.called_for.shape, 2), np.nan)
    noons = np.array([year.index(at) for at in _noons(year)])
    for places, until in year.months():
        ahead = hour[places] - noons[night[places]] + 1
        clock = year.counts.hour[hour[places]]
        learned = learn(year.counts, until, {(int(h), int(a)) for h, a in zip(clock, ahead, strict=True)})
        for number in np.unique(night[places]):
            own = places[night[places] == number]
            hours, place = np.unique(hour[own], return_inverse=True)
            outlook = predict(learned, year.counts, int(noons[number]), hours)
            result[:, own] = outlook.exceeds(year.thresholds)[:, place]
    return result


def wetting(year: Year) -> Floats:
    """(N,) chance that a quarter is the first on a wet road, and its lamps late: by what the station said hours before,
    each month by earlier ones, and `RAINS` before there are any. Once it is wet, that is seen, and no chance.
    """
    hour = year.dark[0]
    dry_before = np.r_[True, ~year.wet[:-1]]
    turns = year.wet & dry_before
    told = np.isfinite(year.weather).all(axis=1) & (np.arange(len(turns)) >= year.index(year.judged_from))
    result = np.full(len(hour), np.nan)
    for places, until in year.months():
        past = np.flatnonzero((told & dry_before)[:until])
        chance = np.full(len(turns), RAINS)
        if turns[past].sum():
            chance = _logistic(year.weather, turns, past)
        # An hour's chance is any of its quarters'.
        result[places] = np.where(dry_before[hour[places]], chance[hour[places]] / 4 * year.reaction, 0.0)
    return result


def _logistic(inputs: Floats, true: Bools, rows: Ints) -> Floats:
    """(H,) probability by logistic regression on the rows: ridge 1, Newton's method; the mean where nothing is told."""
    middle, scale = inputs[rows].mean(axis=0), inputs[rows].std(axis=0) + 1e-9
    design = np.hstack([np.ones((len(inputs), 1)), np.nan_to_num((inputs - middle) / scale)])
    x, y = design[rows], true[rows]
    slopes, ridge = np.zeros(x.shape[1]), np.diag([1e-6, *np.ones(x.shape[1] - 1)])
    for _ in range(_NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(np.einsum("nf,f->n", x, slopes), -30, 30)))
        hessian = np.einsum("nf,n,ng->fg", x, p * (1 - p), x) + ridge
        slopes += np.linalg.solve(hessian, np.einsum("nf,n->f", x, y - p) - np.einsum("fg,g->f", ridge, slopes))
    return 1 / (1 + np.exp(-np.clip(np.einsum("nf,f->n", design, slopes), -30, 30)))


def either(traffic: Floats, turns_wet: Floats) -> Floats:
    """Probability of either, (S, N, 2), where traffic and rain have nothing to do with each other."""
    return 1 - (1 - traffic) * (1 - turns_wet[None, :, None])


def choose(exceeds: Floats) -> Callable[[float], Ints]:
    return lambda price: cheapest(exceeds, level_powers(), price)


def by_quantile(exceeds: Floats, quantile: float) -> Ints:
    """(S, N) levels of the count that is not exceeded with that probability."""
    return np.asarray((exceeds > 1 - quantile).sum(axis=-1))


# Fixed programs


def todays(year: Year) -> Ints:
    """The tables' program for every street, as levels: each the brightest class its flux gives."""
    powers = level_powers()
    program = dict(TABLES.fixed_program)
    local = [(year.start_at + h * HOUR).astimezone(PARIS) for h in range(len(year.wet))]
    curve_ = TABLES.curve("led-a", 0.0)
    power = np.interp([fixed_level(at, program) for at in local], curve_.flux, curve_.power)
    level = np.searchsorted(powers, power * (1 + 1e-9) + 0.02, side="right") - 1
    return np.broadcast_to(np.maximum(level, 0)[year.dark[0]], year.called_for.shape)


def fixed(year: Year, tried: Sequence[Ints], name: str) -> Curve:
    """Curve of the best of fixed programs: with hindsight, out of all that were tried, at each share."""
    return envelope(name, [outcome(year, name, told) for levels in tried for told in levels])


def search(year: Year, *, by_day: bool, switches: int = 8) -> list[Ints]:
    """Fixed programs to choose from, each (prices, S, N) levels.

    A program is one street's levels by local hour, one for all nights or one for each kind of today and tomorrow, with
    at most `switches` changes a night, the best of them for the earlier months at a price: exact. Tried are what it is
    fitted on, all or the last two months; counts as they were, or a tenth or a quarter higher for safety; and seeing an
    hour by itself, or by the busiest of its neighbours.
    """
    ways = product((None, 61 * DAY), (1.0, 1.1, 1.25), (0, 1))
    return [
        programs(year, by_day=by_day, switches=switches, recent=recent, margin=margin, near=near)
        for recent, margin, near in ways
    ]


def programs(
    year: Year, *, by_day: bool, switches: int, recent: int | None = None, margin: float = 1.0, near: int = 0
) -> Ints:
    """(prices, S, N) levels of fitted programs, see `search`."""
    hour, _, night = year.dark
    kind = _kinds(year, by_day)
    told = np.zeros((len(PRICES), *year.called_for.shape), np.int8)
    clock = (year.counts.hour[hour] - 12) % DAY
    for places, until in year.months():
        busier = _shares(year, kind, until, 0 if recent is None else max(until - recent, 0), margin, near)
        today_of, tomorrow_of = (kinds[night[places]] for kinds in _night_kinds(year, kind))
        for today, tomorrow in sorted(set(zip(today_of.tolist(), tomorrow_of.tolist(), strict=True))):
            mine = places[(today_of == today) & (tomorrow_of == tomorrow)]
            share = np.concatenate([busier[:, today, 12:], busier[:, tomorrow, :12]], axis=1)
            best = staircases(share, switches - 2)
            told[:, :, mine] = best[:, :, clock[mine]]
    return told


def staircases(share: Floats, changes: int) -> Ints:
    """(prices, S, 24) levels from noon to noon of least energy and price, with at most so many changes: exact.

    share (S, 24, 2) of nights on which an hour called for more than the quiet, and more than the normal level.
    """
    beyond = np.concatenate([share, np.zeros((*share.shape[:-1], 1))], axis=-1)
    cost = level_powers() + PRICES[:, None, None, None] * beyond
    shape = (*cost.shape[:2], changes + 1, cost.shape[3])
    least = np.full(shape, np.inf)
    least[:, :, 0] = cost[:, :, 0]
    came: list[Ints] = []
    for t in range(1, DAY):
        other = np.argmin(least, axis=-1)
        change = np.full(shape, np.inf)
        change[:, :, 1:] = np.min(least, axis=-1)[:, :, :-1, None]
        moved = change < least
        source = np.broadcast_to(np.arange(shape[3]), shape).copy()
        jumped = np.concatenate([np.zeros_like(other[:, :, :1]), other[:, :, :-1]], axis=2)
        source = np.where(moved, jumped[..., None], source)
        came.append(np.where(moved, source + shape[3], source))
        least = np.minimum(least, change) + cost[:, :, t][:, :, None]
    return _walk_back(least, came)


def _walk_back(least: Floats, came: Sequence[Ints]) -> Ints:
    prices, streets, _, levels = least.shape
    end = np.argmin(least.reshape(prices, streets, -1), axis=-1)
    used, level = end // levels, end % levels
    p, s = np.ogrid[:prices, :streets]
    path = [level]
    for step in reversed(came):
        origin = step[p, s, used, level]
        used, level = used - (origin >= levels), origin % levels
        path.append(level)
    return np.stack(path[::-1], axis=-1)


def _shares(year: Year, kind: Ints, until: int, since: int, margin: float, near: int) -> Floats:
    """(S, kinds, 24, 2) shares of past hours that called for more than each level, half an hour never seen added."""
    kinds = int(kind.max()) + 1
    value = year.counts.value[:, since:until] * margin
    group = kind[since:until] * DAY + year.counts.hour[since:until]
    known = year.counts.known[:, since:until]
    size = kinds * DAY
    counted = np.stack([np.bincount(group[row], minlength=size) for row in known])
    above = np.empty((*counted.shape, 2))
    for band in range(2):
        more = known & (value > year.thresholds[:, band : band + 1] - (1e-9 if band == 0 else 0))
        above[:, :, band] = np.stack([np.bincount(group[row], minlength=size) for row in more])
    shares = ((above + 0.5) / (counted[..., None] + 1)).reshape(-1, kinds, DAY, 2)
    return np.max([np.roll(shares, k, axis=2) for k in range(-near, near + 1)], axis=0)


def _kinds(year: Year, by_day: bool) -> Ints:
    return year.counts.kind if by_day else np.zeros_like(year.counts.kind)


def _night_kinds(year: Year, kind: Ints) -> tuple[Ints, Ints]:
    """Kind of the day each night begins on, and of the day it ends on."""
    first = np.array([year.index(at) for at in _noons(year)])
    return kind[first], kind[np.minimum(first + DAY, len(kind) - 1)]


def _noons(year: Year) -> list[datetime]:
    return [noon(year.first_night + timedelta(days=int(number))) for number in np.unique(year.dark[2])]
