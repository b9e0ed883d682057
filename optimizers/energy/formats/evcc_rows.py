"""evcc's charge schedules as a linear program with either-or: one function for each thing that a schedule must keep.

Energies are in kWh a slot, and every cost is a multiple of the problem's penalty, so that numbers are of one size.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.contract import NONE
from optimizers.energy.formats.evcc import EvccProblem
from optimizers.energy.linear import Builder, Linear

OUTSIDE, MISSED = 1e3, 1e2
"""Times the penalty, for each kWh: held outside of low to high; goals, demands and limits not met."""

EXPORT, IMPORT, PRIORITY, LOST = 2e-5, 5e-6, 5e-5, 1e-3
"""Of what is preferred, for each kWh and slot that it comes earlier: exported, imported, through a battery of priority,
lost or beyond a limit that is to be kept."""

PEAK, RAMP = 1e-3, 1e-5
"""Of the strategies that level, for a kW: of the highest power, of each change from slot to slot."""

PEAKS = {
    "attenuate_demand_peaks": (True, False),
    "attenuate_feedin_peaks": (False, True),
    "attenuate_grid_peaks": (True, True),
}
"""Whether a strategy levels what is imported, what is exported."""

GRID = ("grid",)
Wishes = Iterator[tuple[Ints, float | Floats]]
"""Columns, and what a unit of each weighs against it."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a solution what is: of slots (T,), of batteries and slots (B, T), NONE where it is not needed.

    beyond (1,)       kW by which the highest import passes its limit, where that has a price
    exporting (T,)    1 where power flows out, 0 where it flows in
    """

    buy: Ints
    over: Ints
    sell: Ints
    lost: Ints
    charge: Ints
    discharge: Ints
    stored: Ints
    exporting: Ints
    beyond: Ints


def money(problem: EvccProblem) -> tuple[Builder, Columns]:
    """What a schedule must keep, and what it earns and misses. Its value is -money, in units of the penalty."""
    build = Builder()
    columns = _columns(build, problem)
    for rows in (_balance, _one_way, _over, _lost, _stores, _not_both, _least, _outside, _goals, _demands):
        rows(build, problem, columns)
    _pay(build, problem, columns)
    return build, columns


def _columns(build: Builder, p: EvccProblem) -> Columns:
    slots, hours, names = p.slots, p.hours, p.names
    none = np.full(slots, NONE)
    out, into = _most(p)

    def grid(kind: str, upper: Floats, needed: bool = True) -> Ints:
        return build.columns(kind, GRID, slots, upper=upper)[0] if needed else none

    def stores(kind: str, upper: Floats) -> Ints:
        return build.columns(kind, names, slots, upper=upper)

    return Columns(
        buy=grid("buy", np.minimum(into, p.import_limit_kw * hours)),
        over=grid("over", into, needed=p.limited),
        sell=grid("sell", np.minimum(out, p.export_limit_kw * hours)),
        lost=grid("lost", out, needed=bool(np.isfinite(p.export_limit_kw))),
        charge=stores("charge", p.charge_max_kw[:, None] * hours),
        discharge=stores("discharge", p.discharge_max_kw[:, None] * hours),
        stored=stores("stored", p.capacity_kwh[:, None]),
        exporting=build.columns("exporting", GRID, slots, upper=1.0, whole=True)[0],
        beyond=build.columns("beyond", GRID, 1)[0] if p.rated else np.full(1, NONE),
    )


def _most(p: EvccProblem) -> tuple[Floats, Floats]:
    """Most that can flow out and in: what batteries may not give to the grid, or take from it, is not among it."""
    out = p.sun_kwh + p.discharge_max_kw[p.to_grid].sum() * p.hours
    return out, p.drawn_kwh + p.charge_max_kw[p.from_grid].sum() * p.hours


def _balance(build: Builder, p: EvccProblem, c: Columns) -> None:
    net = p.drawn_kwh - p.sun_kwh
    rows = build.rows("balance", GRID, p.slots, lower=net, upper=net)[0]
    for columns, sign in ((c.buy, 1.0), (c.over, 1.0), (c.sell, -1.0), (c.lost, -1.0)):
        build.put(rows, columns, sign)
    build.put(rows, c.discharge, 1.0)
    build.put(rows, c.charge, -1.0)


def _one_way(build: Builder, p: EvccProblem, c: Columns) -> None:
    """Nothing is bought while power flows out, nothing sold while it flows in, and batteries keep to their leave."""
    out, into = _most(p)
    rows = build.rows("out", GRID, p.slots, upper=0.0)[0]
    for columns in (c.sell, c.lost):
        build.put(rows, columns)
    build.put(rows, c.exporting, -out)
    rows = build.rows("in", GRID, p.slots, upper=into)[0]
    for columns in (c.buy, c.over):
        build.put(rows, columns)
    build.put(rows, c.exporting, into)
    sunny, keeping = _some(~p.from_grid & (p.charge_max_kw > 0)), _some(~p.to_grid & (p.discharge_max_kw > 0))
    rows = build.rows("from sun", _names(p, sunny), p.slots, upper=0.0)
    build.put(rows, c.charge[sunny])
    build.put(rows, c.exporting, -p.charge_max_kw[sunny, None] * p.hours)
    most = p.discharge_max_kw[keeping, None] * p.hours
    rows = build.rows("kept home", _names(p, keeping), p.slots, upper=most)
    build.put(rows, c.discharge[keeping])
    build.put(rows, c.exporting, most)


def _over(build: Builder, p: EvccProblem, c: Columns) -> None:
    """The highest import beyond the limit, where that has a price."""
    if p.rated:
        rows = build.rows("beyond", GRID, p.slots, upper=0.0)[0]
        build.put(rows, c.over)
        build.put(rows, c.beyond, -p.hours)


def _lost(build: Builder, p: EvccProblem, c: Columns) -> None:
    """Nothing is lost before the limit of export is reached: a rule only where selling costs more than losing."""
    paying = _some((p.sell_eur_kwh < -MISSED * p.penalty_eur_kwh) & np.isfinite(p.export_limit_kw))
    if not paying.size:
        return
    most = np.minimum(_most(p)[0], p.export_limit_kw * p.hours)[paying]
    short = build.columns("below limit", GRID, paying.size, upper=1.0, whole=True)[0]
    rows = build.rows("sold first", GRID, paying.size, lower=most)[0]
    build.put(rows, c.sell[paying])
    build.put(rows, short, most)
    rows = build.rows("lost last", GRID, paying.size, upper=_most(p)[0][paying])[0]
    build.put(rows, c.lost[paying])
    build.put(rows, short, _most(p)[0][paying])


def _stores(build: Builder, p: EvccProblem, c: Columns) -> None:
    first = np.zeros((len(p.names), p.slots))
    first[:, 0] = p.initial_kwh
    rows = build.rows("store", p.names, p.slots, lower=first, upper=first)
    build.put(rows, c.stored)
    build.put(rows[:, 1:], c.stored[:, :-1], -1.0)
    build.put(rows, c.charge, -p.charge_efficiency)
    build.put(rows, c.discharge, 1.0 / p.discharge_efficiency)


def _not_both(build: Builder, p: EvccProblem, c: Columns) -> None:
    """No battery charges and discharges in one slot."""
    both = _some((p.charge_max_kw > 0) & (p.discharge_max_kw > 0))
    giving = build.columns("giving", _names(p, both), p.slots, upper=1.0, whole=True)
    most = p.discharge_max_kw[both, None] * p.hours
    rows = build.rows("gives", _names(p, both), p.slots, upper=0.0)
    build.put(rows, c.discharge[both])
    build.put(rows, giving, -most)
    most = p.charge_max_kw[both, None] * p.hours
    rows = build.rows("takes", _names(p, both), p.slots, upper=most)
    build.put(rows, c.charge[both])
    build.put(rows, giving, most)


def _least(build: Builder, p: EvccProblem, c: Columns) -> None:
    """Nothing, or the least charge at least: less only where it is asked for, to fill a store that is nearly full."""
    some = _some((p.charge_least_kw > 0) & (p.charge_max_kw > 0))
    least, most = (kw[some, None] * p.hours for kw in (p.charge_least_kw, p.charge_max_kw))
    on = build.columns("on", _names(p, some), p.slots, upper=1.0, whole=True)
    rows = build.rows("no more than on", _names(p, some), p.slots, upper=0.0)
    build.put(rows, c.charge[some])
    build.put(rows, on, -most)
    rows = build.rows("at least", _names(p, some), p.slots, lower=0.0)
    build.put(rows, c.charge[some])
    build.put(rows, on, -least)
    of, slot = np.nonzero(_demand(p)[some] > 0)
    nearly = build.columns("nearly full", GRID, of.size, upper=1.0, whole=True)[0]
    build.put(rows[of, slot], nearly, least[of, slot])
    rows = build.rows("nearly full", GRID, of.size, lower=-least[of, slot])[0]
    build.put(rows, c.stored[some][of, slot])
    build.put(rows, nearly, -p.high_kwh[some][of])


def _outside(build: Builder, p: EvccProblem, c: Columns) -> None:
    """What is held above the highest and below the lowest is missed, as a battery may begin there."""
    for kind, lower, upper, sign in (
        ("above", -np.inf, p.high_kwh[:, None], -1.0),
        ("below", p.low_kwh[:, None], np.inf, 1.0),
    ):
        beside = build.columns(kind, p.names, p.slots, cost=OUTSIDE)
        rows = build.rows(kind, p.names, p.slots, lower=lower, upper=upper)
        build.put(rows, c.stored)
        build.put(rows, beside, sign)


def _goals(build: Builder, p: EvccProblem, c: Columns) -> None:
    """What is to be held. evcc counts no goal of the first slot."""
    of, slot = np.nonzero(p.goal_kwh[:, 1:] > 0)
    slot += 1
    missed = build.columns("goal missed", GRID, of.size, cost=MISSED)[0]
    rows = build.rows("goal", GRID, of.size, lower=p.goal_kwh[of, slot])[0]
    build.put(rows, c.stored[of, slot])
    build.put(rows, missed)


def _demands(build: Builder, p: EvccProblem, c: Columns) -> None:
    """What is to be given, unless the store is full; what is not given weighs more the earlier."""
    demand = _demand(p)
    of, slot = np.nonzero(demand > 0)
    wanted = demand[of, slot]
    missed = build.columns("demand missed", GRID, of.size, cost=MISSED * (2.0 - slot / p.slots))[0]
    full = build.columns("full", GRID, of.size, upper=1.0, whole=True)[0]
    rows = build.rows("full", GRID, of.size, lower=0.0)[0]
    build.put(rows, c.stored[of, slot])
    build.put(rows, full, -p.high_kwh[of])
    rows = build.rows("demand", GRID, of.size, lower=wanted)[0]
    build.put(rows, c.charge[of, slot])
    build.put(rows, missed)
    build.put(rows, full, wanted)


def _demand(p: EvccProblem) -> Floats:
    """No more than can be given."""
    return np.minimum(p.demand_kwh, p.charge_max_kw[:, None] * p.hours)


def _pay(build: Builder, p: EvccProblem, c: Columns) -> None:
    one = p.penalty_eur_kwh
    build.pay(c.buy, p.buy_eur_kwh / one)
    build.pay(c.over, p.buy_eur_kwh / one + (0.0 if p.rated else MISSED))
    build.pay(c.sell, -p.sell_eur_kwh / one)
    build.pay(c.lost, MISSED)
    build.pay(c.stored[:, -1], -p.worth_eur_kwh / one)
    build.offset += float(p.initial_kwh @ p.worth_eur_kwh) / one
    if p.rated:
        build.pay(c.beyond, p.beyond_eur_kw / one)


def _some(mask: Bools) -> Ints:
    return np.flatnonzero(mask)


def _names(p: EvccProblem, some: Ints) -> tuple[str, ...]:
    return tuple(p.names[b] for b in some)


def preferred(problem: EvccProblem, build: Builder, columns: Columns) -> Wishes:
    """What strategies prefer among schedules of the same money, and rows that it needs. Losses always come late."""
    p, c = problem, columns
    imported, exported = PEAKS.get(p.charging, (False, False))
    if imported:
        yield from _levelled(build, p, "imported", (c.buy, c.over))
    if exported:
        yield from _levelled(build, p, "exported", (c.sell, c.lost))
    left = p.slots - np.arange(p.slots, dtype=np.float64)
    if np.isfinite(p.export_limit_kw):
        yield c.lost, LOST * left
    if p.limited and not p.rated:
        yield c.over, LOST * left
    if p.charging == "charge_before_export":
        yield c.sell, EXPORT * len(p.names) * left
    if p.discharging == "discharge_before_import":
        yield c.buy, IMPORT * len(p.names) * left
    if p.priority.any():
        for through in (c.charge, c.discharge):
            yield through, -PRIORITY * p.priority[:, None] * left


def counted(problem: EvccProblem, columns: Columns) -> Wishes:
    """Among schedules that are preferred alike, that of most value as evcc counts it: see `EvccPlan`."""
    yield columns.stored[:, 0], problem.worth_eur_kwh


def among(build: Builder, costs: Floats, most: float, wishes: Wishes) -> Linear:
    """Of schedules whose costs come to no more than that, the program for one that is wished for."""
    build.put(build.rows("no more", GRID, 1, upper=most)[0], np.arange(costs.size), costs)
    wanted = list(wishes)  # may add rows and columns
    linear = build.linear()
    wished = np.zeros_like(linear.cost)
    for those, weight in wanted:
        np.add.at(wished, those, weight)
    scale = float(np.abs(wished).max())
    return replace(linear, cost=wished / scale if scale else wished, offset=0.0)


def _levelled(build: Builder, p: EvccProblem, kind: str, energies: tuple[Ints, ...]) -> Wishes:
    """The highest power, and all changes of power, of energies that together are what flows one way."""
    highest = build.columns(f"highest {kind}", GRID, 1)[0]
    change = build.columns(f"change {kind}", GRID, p.slots - 1)[0]
    rows = build.rows(f"highest {kind}", GRID, p.slots, upper=0.0)[0]
    rises = build.rows(f"rise {kind}", GRID, p.slots - 1, upper=0.0)[0]
    falls = build.rows(f"fall {kind}", GRID, p.slots - 1, upper=0.0)[0]
    for energy in energies:
        build.put(rows, energy, 1.0 / p.hours)
        for those, sign in ((rises, 1.0), (falls, -1.0)):
            build.put(those, energy[1:], sign / p.hours[1:])
            build.put(those, energy[:-1], -sign / p.hours[:-1])
    build.put(rows, highest, -1.0)
    for those in (rises, falls):
        build.put(those, change, -1.0)
    yield highest, PEAK
    yield change, RAMP
