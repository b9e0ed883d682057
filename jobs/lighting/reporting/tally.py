"""One night counted by cabinet: whole numbers, so that communes and territory are exactly the sums of their parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.lighting.body import Body
from jobs.lighting.need import Need
from jobs.lighting.night import SLOT, Night, fixed_level
from jobs.lighting.reporting.ground import Ground
from optimizers.arrays import Bools, Floats, Ints

Levels = npt.NDArray[np.uint16]
_HOUR_S = 3600.0
_MILLI = 1000.0

SUMS = (
    "lamp_nights",
    "lamp_slots", "under", "under_deep", "under_budget", "over", "over_deep", "crossing_slots", "crossing_under",
    "fixed_under", "fixed_under_deep",
    "planned_mwh", "fixed_mwh", "full_mwh",
    "planned_meur", "fixed_meur", "full_meur",
    "planned_mg", "fixed_mg", "full_mg",
    "measured_mwh", "compared_mwh", "unmeasured",
    "switches",
    "area_cm2", "area_lamps", "area_lit_mwh", "area_dark_mwh", "area_lit",
)  # fmt: skip
"""Of each cabinet and night: lamps; burning lamp-slots, those below (two classes or more: deep; where light was to give
way for a budget) and above the class called for, those of crossings; the same of the fixed program. Energy in mWh, cost
in thousandths of a euro, CO2 in mg. What the meter measured and what was planned where it did; cabinets without a
measurement. Changes of level. Of lamps whose area is known: area, lamps, energy while lit and while not, and the
lx·m²·h of the lit hours."""


@dataclass(frozen=True, eq=False)
class Tally:
    """`sums` (k, len(SUMS)) by cabinet; `most_switches` (k,) of one lamp in one night; hours of darkness and of day."""

    sums: Ints
    most_switches: Ints
    lit_h: float
    dark_h: float

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.sums + other.sums,
            np.maximum(self.most_switches, other.most_switches),
            self.lit_h + other.lit_h,
            self.dark_h + other.dark_h,
        )


@dataclass(frozen=True, eq=False)
class Rates:
    """What a kWh costs in each slot (T, contracts), which contract each cabinet has (k,), and its carbon that night."""

    eur_per_kwh: Floats
    contract: Ints
    g_per_kwh: float


@dataclass(frozen=True, eq=False)
class Plans:
    """The plans of one night in force, from which slot on each was; the first also before."""

    bodies: tuple[Body, ...]
    since: tuple[int, ...]

    @property
    def night(self) -> Night:
        """As it was planned, whatever the tables say of dusk and dawn today."""
        last = self.bodies[-1]
        burning = last.columns["burning"].astype(np.bool_)
        return Night(tuple(last.slots), last.until, last.on_at, last.off_at, burning)

    def levels(self) -> Levels:
        """(n, T) level in steps of the grid that was in force in each slot, of the lamps of the last plan."""
        return self._in_force("flux")

    def gave_way(self) -> Bools:
        """(n, T) where the plan in force had light give way for a budget."""
        given: Bools = self._in_force("budget_by") > 0
        return given

    def _in_force(self, name: str) -> npt.NDArray[Any]:
        last = self.bodies[-1]
        found: npt.NDArray[Any] = last.columns[name].copy()
        for body, until in zip(reversed(self.bodies[:-1]), reversed(self.since[1:]), strict=True):
            rows = _rows(last.lamps, body.lamps)
            known = rows >= 0
            found[known, :until] = body.columns[name][rows[known], :until]
        return found


def _rows(lamps: Sequence[str], among: Sequence[str]) -> Ints:
    if tuple(lamps) == tuple(among):
        return np.arange(len(among))
    index = {lamp: i for i, lamp in enumerate(among)}
    return np.array([index.get(lamp, -1) for lamp in lamps], np.int64)


@dataclass(frozen=True, eq=False)
class Clock:
    """(T,) hours that lamps are lit and not in each slot, to the second; `piece` numbers slots of the same prices."""

    lit_h: Floats
    dark_h: Floats
    piece: Ints
    burning: Bools

    @classmethod
    def of(cls, night: Night, eur_per_kwh: Floats) -> "Clock":
        lit = [max((min(at + SLOT, night.off_at) - max(at, night.on_at)).total_seconds(), 0.0) for at in night.slots]
        lit_h = np.array(lit) / _HOUR_S
        _, piece = np.unique(eur_per_kwh, axis=0, return_inverse=True)
        return cls(lit_h, SLOT.total_seconds() / _HOUR_S - lit_h, piece.reshape(-1), night.burning)

    def split(self, share: Floats, standby: Floats) -> Floats:
        """Hours of full power by piece (n, pieces), from shares of it while burning (n, B) and by day (n,)."""
        lit = share * self.lit_h[self.burning]
        pieces = range(int(self.piece.max()) + 1)
        burning = self.piece[self.burning]
        return np.stack(
            [lit[:, burning == p].sum(axis=1) + standby * self.dark_h[self.piece == p].sum() for p in pieces], axis=1
        )


def tally(ground: Ground, plans: Plans, need: Need, rates: Rates, measured_kwh: Floats) -> Tally:
    """Count a night. `need` is of the lamps of the ground; `measured_kwh` (k,), NaN where nothing was measured."""
    body, night = plans.bodies[-1], plans.night
    rows = ground.rows(body.lamps)
    known = np.flatnonzero(rows >= 0)
    rows = rows[known]
    levels, gave = plans.levels()[known][:, night.burning], plans.gave_way()[known][:, night.burning]
    count = _Count(ground.cabinet[rows], len(ground.cabinets))
    clock, gear = Clock.of(night, rates.eur_per_kwh), Gear.of(body, known)
    wanted = _Wanted.of(ground, need, rows, night.burning, body.head["flux_grid"])
    fixed = fixed_steps(night, ground, rows, body.head["flux_grid"])
    switches = _switches(levels)
    sums = {
        "lamp_nights": count.rows(np.ones(rows.size)),
        "switches": count.rows(switches),
        **_light(count, wanted, levels, fixed, ground.fleet.constant[rows]),
        "under_budget": count.rows(((levels < wanted.enough) & gave).sum(axis=1)),
        **_money(count, gear, {"planned": levels, "fixed": fixed, "full": None}, clock, rates),
        **_surface(count, ground, rows, gear, levels, clock),
    }
    sums |= _measured(ground, sums["planned_mwh"], measured_kwh)
    most = np.zeros(len(ground.cabinets), np.int64)
    np.maximum.at(most, ground.cabinet[rows], switches)
    dark_h = float(clock.dark_h.sum())
    return Tally(np.stack([sums[name] for name in SUMS], axis=1), most, float(clock.lit_h.sum()), dark_h)


@dataclass(frozen=True, eq=False)
class Gear:
    """What lamps draw: share of full power (curves, steps) at each step of the grid, the curve of each (n,), its power.

    boost (r,) steps to which the lamps `lane` (r,) brighten for the share `detection` (r, B) of the time.
    """

    table: Floats
    curve: Ints
    power_w: Floats
    lane: Ints
    boost: Levels
    detection: Floats

    @classmethod
    def of(cls, body: Body, known: Ints) -> "Gear":
        grid, columns = body.head["flux_grid"], body.columns
        flux = np.round(np.arange(round(1 / grid) + 1) * grid, 12)
        table = np.stack([np.interp(flux, xs, ys) for _, xs, ys in body.head["curves"]])
        boost = columns.get("lanes.boost", np.zeros(len(body.lamps)))[known]
        lane = np.flatnonzero(boost > 0)
        detection = columns.get("lanes.detection", np.zeros((len(body.lamps), columns["burning"].size)))
        return cls(
            table,
            columns["curve"][known],
            columns["power_full_w"][known],
            lane,
            np.rint(boost[lane, None] / grid).astype(np.uint16),
            detection[known[lane]][:, columns["burning"]],
        )

    @property
    def standby(self) -> Floats:
        """(n,) share of full power while off."""
        found: Floats = self.table[self.curve, 0]
        return found

    def share(self, levels: Levels) -> Floats:
        """(n, B) share of full power at these levels, nobody being there."""
        shares: Floats = self.table[self.curve[:, None], levels]
        return shares

    def expected(self, levels: Levels) -> tuple[Floats, Floats]:
        """(n, B) shares of full power and steps of flux, with what detectors are expected to add."""
        share, steps = self.share(levels), levels.astype(np.float64)
        bright = np.maximum(levels[self.lane], self.boost)
        power = self.table[self.curve[self.lane, None], bright]
        share[self.lane] += self.detection * (power - share[self.lane])
        steps[self.lane] += self.detection * (bright - steps[self.lane])
        return share, steps


@dataclass(frozen=True, eq=False)
class _Count:
    """Sums over the lamps of each cabinet, in whole numbers."""

    cabinet: Ints
    size: int

    def rows(self, values: npt.NDArray[np.generic]) -> Ints:
        return np.rint(np.bincount(self.cabinet, values, self.size)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Wanted:
    """(n, B) steps of the grid from which on a lamp is not under-lit, not deeply so, is over-lit, is deeply so."""

    enough: Levels
    not_deep: Levels
    over: Levels
    over_deep: Levels

    @classmethod
    def of(cls, ground: Ground, need: Need, rows: Ints, burning: Bools, grid: float) -> "_Wanted":
        enough = np.rint(need.flux[:, burning] / grid).astype(np.uint16)
        number = need.number[:, burning]
        steps = [_steps(ground, number, off, grid) for off in (1, -1, -2)]
        not_deep = np.where(enough > 0, np.minimum(steps[0], enough), 0)
        # Where nothing is called for, any light is more than that.
        over, over_deep = (np.where(enough > 0, level, 1) for level in steps[1:])
        found = (enough, not_deep, over, over_deep)
        return cls(*(levels.astype(np.uint16)[rows] for levels in found))


def _steps(ground: Ground, number: Ints, off: int, grid: float) -> Levels:
    """(n, B) steps that the class `off` numbers from the one called for takes.

    Beyond the dimmest class: 0, which every level has. Beyond the brightest, or a lamp's full flux: more than any has.
    """
    fleet, found = ground.fleet, np.zeros(number.shape, np.uint16)
    never = np.uint16(round(1 / grid) + 1)
    for letter, family in ground.tables.families.items():
        rows = np.flatnonzero(fleet.family == letter)
        full = fleet.level_full[rows, None]
        brightest = family.delivered(full) if off > 0 else family.first
        wanted = np.maximum(number[rows], brightest) + off
        level = family.level(np.clip(wanted, family.first, family.last))
        steps = np.minimum(np.ceil(level / full / grid - 1e-9), never)
        found[rows] = np.where(wanted > family.last, 0, np.where(wanted < family.first, never, steps))
    return found


def fixed_steps(night: Night, ground: Ground, rows: Ints, grid: float) -> Levels:
    """(n, B) steps of the tables' one program; lamps that cannot dim are full."""
    program = dict(ground.tables.fixed_program)
    levels = np.array([fixed_level(at, program) for at in night.local])[night.burning]
    steps = np.rint(np.where(ground.fleet.dimmable[rows, None], levels, 1.0) / grid)
    return steps.astype(np.uint16)


def _light(
    count: _Count, wanted: _Wanted, levels: Levels, fixed: Levels, crossing: Bools
) -> dict[str, Ints]:  # fmt: skip
    burning = np.full(count.cabinet.size, levels.shape[1])
    under = (levels < wanted.enough).sum(axis=1)
    below = fixed < wanted.enough
    return {
        "lamp_slots": count.rows(burning),
        "under": count.rows(under),
        "under_deep": count.rows((levels < wanted.not_deep).sum(axis=1)),
        "over": count.rows((levels >= wanted.over).sum(axis=1)),
        "over_deep": count.rows((levels >= wanted.over_deep).sum(axis=1)),
        "crossing_slots": count.rows(burning * crossing),
        "crossing_under": count.rows(under * crossing),
        "fixed_under": count.rows(below.sum(axis=1)),
        "fixed_under_deep": count.rows((fixed < wanted.not_deep).sum(axis=1)),
    }


def _money(
    count: _Count, gear: Gear, ways: Mapping[str, Levels | None], clock: Clock, rates: Rates
) -> dict[str, Ints]:  # fmt: skip
    """Energy, cost and carbon of each way of lighting; None is full light. Only what is planned knows detectors."""
    first = np.unique(clock.piece, return_index=True)[1]
    price = rates.eur_per_kwh[first][:, rates.contract].T  # (k, pieces)
    found: dict[str, Ints] = {}
    for name, levels in ways.items():
        if levels is None:
            share = np.ones((gear.curve.size, int(clock.burning.sum())))
        else:
            share = gear.expected(levels)[0] if name == "planned" else gear.share(levels)
        spent = gear.power_w[:, None] * clock.split(share, gear.standby)
        by_piece = np.stack([np.bincount(count.cabinet, each, count.size) for each in spent.T], axis=1)
        whole = np.rint(by_piece.sum(axis=1) * _MILLI).astype(np.int64)
        found |= {
            f"{name}_mwh": whole,
            f"{name}_meur": np.rint((by_piece * price).sum(axis=1)).astype(np.int64),
            f"{name}_mg": np.rint(whole * rates.g_per_kwh / _MILLI).astype(np.int64),
        }
    return found


def _surface(
    count: _Count, ground: Ground, rows: Ints, gear: Gear, levels: Levels, clock: Clock
) -> dict[str, Ints]:  # fmt: skip
    """What PDI and AECI are made of, over the lamps whose area is known."""
    area = np.nan_to_num(ground.area_m2[rows])
    has = area > 0
    power = gear.power_w * has * _MILLI
    lit_h = clock.lit_h[clock.burning]
    share, steps = gear.expected(levels)
    full_steps = gear.table.shape[1] - 1
    return {
        "area_cm2": count.rows(area * 1e4),
        "area_lamps": count.rows(has),
        "area_lit_mwh": count.rows(power * (share * lit_h).sum(axis=1)),
        "area_dark_mwh": count.rows(power * gear.standby * clock.dark_h.sum()),
        "area_lit": count.rows(area * ground.full_lx[rows] * (steps * lit_h).sum(axis=1) / full_steps),
    }


def _switches(levels: Levels) -> Ints:
    """(n,) changes of level over the night, on at dusk and off at dawn being two."""
    inside: Ints = (levels[:, 1:] != levels[:, :-1]).sum(axis=1) + (levels[:, 0] > 0) + (levels[:, -1] > 0)
    return inside


def _measured(ground: Ground, planned_mwh: Ints, measured_kwh: Floats) -> dict[str, Ints]:
    missing = np.isnan(measured_kwh)
    cabinet = np.array([bool(one.id) for one in ground.cabinets])
    return {
        "measured_mwh": np.rint(np.nan_to_num(measured_kwh) * 1e6).astype(np.int64),
        "compared_mwh": np.where(missing, 0, planned_mwh),
        "unmeasured": (missing & cabinet).astype(np.int64),
    }
