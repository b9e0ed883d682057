"""The budgets of a night as the optimiser wants them, and what became of them in a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.model import Asset
from jobs.bootstrap import Territory
from jobs.lighting.around import Around, bounded, touched
from jobs.lighting.budget_entries import BudgetEntry
from jobs.lighting.cabinets import cabinet_of
from jobs.lighting.fleet import Fleet
from jobs.lighting.holders import steady
from jobs.lighting.need import Need, flux_of
from jobs.lighting.night import Night
from jobs.lighting.tables import LightingTables
from optimizers.arrays import Bools, Floats, Ints
from optimizers.lighting import Budget, LightingProblem, Shares, lamp_energy_wh, power_w

_FIRST_EVENT = 2  # of `Need.raised_by`
_USED = 0.98  # of a budget: what gives way does so for one that is about used up
_ROUNDING = 1e-6

_Standing = tuple[Asset, str, str]


@dataclass(frozen=True, eq=False)
class Budgets:
    """Budgets that hold in a night, those of fewest lamps first; which lamps each has, and what light of each lamp is
    worth where it is not 1.
    """

    entries: tuple[BudgetEntry, ...] = ()
    lamps: Mapping[str, frozenset[str]] = field(default_factory=dict)
    weight: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    def of(self, lamps: Sequence[str]) -> Bools:
        """(b, n) which of these lamps each budget has."""
        rows = [[lamp in self.lamps[entry.id] for lamp in lamps] for entry in self.entries]
        return np.array(rows, np.bool_).reshape(len(rows), len(lamps))


NO_BUDGET = Budgets()


def budgets_of(territory: Territory, tables: LightingTables, night: Night) -> Budgets:
    """Those of the tables that hold in a night. Of lamps in several places the greatest weight counts."""
    held = [entry for entry in tables.budgets if entry.on(night.local[0].date())]
    if not held:
        return NO_BUDGET
    lamps = _standing(territory)
    of = _feeding(lamps, held)
    weight: dict[str, float] = {}
    for mine, heavy in ((of[entry.id], heavy) for entry in held for heavy in entry.weights):
        for one, *at in lamps:
            if one.id in mine and heavy.place.feeds(one, *at):
                weight[one.id] = max(weight.get(one.id, 0.0), heavy.weight)
    used = sorted((entry for entry in held if of[entry.id]), key=lambda entry: (len(of[entry.id]), entry.id))
    reasons = tuple(f"budget {entry.id} is of no lamp" for entry in held if not of[entry.id])
    return Budgets(tuple(used), of, weight, reasons)


def lamps_of(territory: Territory, entries: Sequence[BudgetEntry]) -> dict[str, frozenset[str]]:
    """The lamps of each budget."""
    return _feeding(_standing(territory), entries) if entries else {}


def _feeding(lamps: Sequence[_Standing], entries: Sequence[BudgetEntry]) -> dict[str, frozenset[str]]:
    return {entry.id: frozenset(one.id for one, *at in lamps if entry.place.feeds(one, *at)) for entry in entries}


def _standing(territory: Territory) -> list[_Standing]:
    """Each lamp with its commune (INSEE) and its cabinet, empty where there is none."""
    by_id = {asset.id: asset for asset in territory.assets}
    lamps = [(lamp, cabinet_of(lamp, by_id)) for lamp in territory.of_type("Streetlight")]
    return [(lamp, territory.communes.get(lamp.zone, ""), above.id if above else "") for lamp, above in lamps]


def parts_of(
    budgets: Budgets, fleet: Fleet, night: Night, need: Need, tables: LightingTables, around: Around
) -> tuple[Budget | None, Shares | None]:
    """How far light may give way, with the budget of all lamps if there is one, and those of some lamps.

    A lamp of several budgets gives way no further than each of them allows. Crossings and other conflict areas never
    do, nor does what an event or an order asks for.
    """
    if not budgets.entries:
        return None, None
    of = budgets.of(fleet.lamps)
    classes = np.full(len(fleet.lamps), 99)
    for mine, entry in zip(of, budgets.entries, strict=True):
        classes[mine] = np.minimum(classes[mine], entry.gives_way)
    classes[~of.any(axis=0) | fleet.constant] = 0
    weight = np.array([budgets.weight.get(lamp, 1.0) for lamp in fleet.lamps])
    lower = _relaxed(fleet, night, need, tables, around, classes)
    relaxed = steady(lower, need.ceiling, night, tables.ramp_per_slot, fleet.dimmable)
    whole = Budget(relaxed=relaxed, weight=weight)
    limits = [_limits(entry, night) for entry in budgets.entries]
    everybody = np.flatnonzero(of.all(axis=1)).tolist()
    if len(everybody) == 1:
        energy_wh, peak_w = limits[everybody[0]]
        whole = replace(whole, energy_wh=energy_wh, peak_w=peak_w)
    some = [b for b in range(len(limits)) if len(everybody) != 1 or b != everybody[0]]
    if not some:
        return whole, None
    return whole, Shares(
        names=tuple(budgets.entries[b].id for b in some),
        lamps=of[some],
        energy_wh=np.array([limits[b][0] for b in some]),
        peak_w=np.array([limits[b][1] for b in some]),
    )


def _relaxed(
    fleet: Fleet, night: Night, need: Need, tables: LightingTables, around: Around, classes: Ints
) -> Floats:  # fmt: skip
    """(n, T) flux of so many classes (n,) below the one called for; never below the dimmest there is."""
    dimmest = np.array([tables.families[letter].last for letter in fleet.family])
    number = np.minimum(need.number + classes[:, None], np.maximum(dimmest[:, None], need.number))
    flux = np.where(night.burning, flux_of(fleet, number, tables)[0], 0.0)
    stays = (classes == 0)[:, None] | (need.raised_by >= _FIRST_EVENT)
    lower = bounded(fleet, night, tables, around, np.where(stays, need.flux, np.minimum(flux, need.flux))).floor
    return np.minimum(lower, need.flux)


def _limits(entry: BudgetEntry, night: Night) -> tuple[float, Floats]:
    """Wh, and W (T,) in each slot; one that a peak touches is bound whole."""
    peak_w = np.full(len(night.slots), np.inf)
    for one in entry.peaks:
        slots = touched(night, one.peak)
        peak_w[slots] = np.minimum(peak_w[slots], one.kw * 1000)
    return np.inf if entry.energy_kwh is None else entry.energy_kwh * 1000, peak_w


def eased(budget: Budget | None, floor: Floats, over: int) -> Budget | None:
    """The same below other floors (n, T), of which those of `over` slots are over and give way no more."""
    if budget is None:
        return None
    relaxed = np.minimum(budget.relaxed, floor)
    relaxed[:, :over] = floor[:, :over]
    return replace(budget, relaxed=relaxed)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of budgets in a plan.

    by (n, T)      for which of them a lamp gives way: 0 none, 1… one of `told`
    number (n, T)  of the class that a lamp is given where it gives way, else of the one called for
    told           of each budget, for people and machines
    """

    by: Ints
    number: Ints
    told: tuple[Mapping[str, Any], ...]


def outcome(
    budgets: Budgets, problem: LightingProblem, fleet: Fleet, night: Night, tables: LightingTables, number: Ints,
    flux: Floats,
) -> Outcome:  # fmt: skip
    """Of a plan at `flux` (n, T), beside the classes (n, T) that are called for."""
    less = flux < problem.floor - _ROUNDING
    given = _given(fleet, tables, flux, number, less)
    of, wanted = budgets.of(fleet.lamps), np.maximum(flux, problem.floor)
    told = []
    for entry, mine in zip(budgets.entries, of, strict=True):
        rows = np.flatnonzero(mine)
        taken = _taken(_limits(entry, night), problem, rows, flux)
        told.append(
            {
                "id": entry.id,
                "en": entry.english,
                "fr": entry.french,
                **taken,
                "lamps": rows.size,
                "gave": int(less[rows].any(axis=1).sum()),
                "classes": int((given[rows] - number[rows]).max(initial=0)),
                "saved_wh": float(lamp_energy_wh(problem, wanted[rows], rows).sum()) - taken["energy_wh"],
            }
        )
    by = np.zeros(number.shape, np.int64)
    for k in sorted(range(len(told)), key=lambda k: (told[k]["used"] < _USED, k)):
        by = np.where(less & of[k][:, None] & (by == 0), k + 1, by)
    return Outcome(by, given, tuple(told))


def _given(fleet: Fleet, tables: LightingTables, flux: Floats, number: Ints, less: Bools) -> Ints:
    """(n, T) number of the class that each lamp is given where it is less, else of the one called for."""
    found = number.copy()
    for letter, family in tables.families.items():
        rows = np.flatnonzero((fleet.family == letter) & less.any(axis=1))
        reached = family.delivered(fleet.level_full[rows, None] * flux[rows])
        found[rows] = np.where(less[rows], np.maximum(reached, number[rows]), number[rows])
    return found


def _taken(limits: tuple[float, Floats], problem: LightingProblem, rows: Ints, flux: Floats) -> dict[str, Any]:
    """What lamps take of a budget: Wh of the night, and W where they come nearest to its peak; `used` of 1."""
    limit_wh, limit_w = limits
    energy_wh, power = float(lamp_energy_wh(problem, flux[rows], rows).sum()), power_w(problem, flux[rows], rows)
    slot = int((power / limit_w).argmax())
    peaks = bool(np.isfinite(limit_w[slot]))
    return {
        "energy_wh": energy_wh,
        "limit_wh": limit_wh if np.isfinite(limit_wh) else None,
        "peak_w": float(power[slot]) if peaks else None,
        "peak_limit_w": float(limit_w[slot]) if peaks else None,
        "peak_slot": slot if peaks else None,
        "used": max(energy_wh / limit_wh, float(power[slot] / limit_w[slot])),
    }
