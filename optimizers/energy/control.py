"""From a plan to a controller: what a battery does about the power that its meter shows, minute by minute.

A plan of power is right only if its forecast is. What goes to a battery is therefore a band for the power at its
site's meter, drawn from what a stored kWh is worth: storing what the sun leaves pays or not, covering what is drawn
pays or not. Within the band the battery rests; beyond it, it moves as little as brings the meter back.
"""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats
from optimizers.energy.devices import Batteries
from optimizers.energy.problem import TOLERANCE_W, EnergyPlan, EnergyProblem

G_KG = 1000.0
_SAME_EUR = 1e-6
"""Prices that lie closer are the same: then the plan itself, which has settled the tie, is followed."""

Number = float | Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Bands:
    """What B batteries are told for T slots.

    import_least_w, import_most_w (B, T)   power at the site's meter to be kept, negative for fed in; inf is no bound
    power_w (B, T)                         planned, positive when it charges: for want of a meter
    """

    import_least_w: Floats
    import_most_w: Floats
    power_w: Floats


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A battery as its controller knows it; of several, arrays of one shape. Powers at its terminals."""

    capacity_wh: Number
    charge_max_w: Number
    discharge_max_w: Number
    charge_efficiency: Number
    discharge_efficiency: Number
    floor_wh: Number = 0.0

    @classmethod
    def of(cls, batteries: Batteries) -> "Cell":
        """All of a problem's, (B,)."""
        return cls(
            capacity_wh=batteries.capacity_wh,
            charge_max_w=batteries.charge_max_w,
            discharge_max_w=batteries.discharge_max_w,
            charge_efficiency=batteries.charge_efficiency,
            discharge_efficiency=batteries.discharge_efficiency,
            floor_wh=batteries.floor_wh,
        )

    def range_w(self, stored_wh: Number, seconds: Number) -> tuple[Floats, Floats]:
        """Least (negative: it gives) and most power that it can hold for so long, from what is stored."""
        hours = np.asarray(seconds) / 3600.0
        above = np.maximum(np.asarray(stored_wh) - self.floor_wh, 0.0)
        below = np.maximum(self.capacity_wh - np.asarray(stored_wh), 0.0)
        least = -np.minimum(self.discharge_max_w, above * self.discharge_efficiency / hours)
        return least, np.minimum(self.charge_max_w, below / self.charge_efficiency / hours)

    def after_wh(self, stored_wh: Number, power_w: Number, seconds: Number) -> Floats:
        """What is stored after a power was held for so long."""
        power = np.asarray(power_w, np.float64)
        through = np.where(power > 0, power * self.charge_efficiency, power / self.discharge_efficiency)
        return np.asarray(stored_wh + through * np.asarray(seconds) / 3600.0)


def battery_power_w(
    meter_without_w: Number, least_w: Number, most_w: Number, stored_wh: Number, cell: Cell, seconds: Number,
    planned_w: Number = 0.0,
) -> Floats:  # fmt: skip
    """Power of a battery, positive when it charges, for the next `seconds`.

    `meter_without_w`: power that its site draws without it (meter less battery); NaN where no meter has told it
    lately, then `planned_w` is followed. Otherwise the battery moves as little as keeps the meter between `least_w`
    and `most_w`: (0, 0) is plain self-consumption, (-inf, inf) rest. Always within its power, its capacity and its
    reserve; the band gives way. All arguments broadcast.
    """
    meter = np.asarray(meter_without_w, np.float64)
    told = np.isfinite(meter)
    known = np.where(told, meter, 0.0)
    wanted = np.maximum(np.minimum(0.0, np.asarray(most_w) - known), np.asarray(least_w) - known)
    lowest, highest = cell.range_w(stored_wh, seconds)
    return np.clip(np.where(told, wanted, planned_w), lowest, highest)


def bands(problem: EnergyProblem, plan: EnergyPlan) -> Bands:
    """The band of each battery of a problem in each slot. Of slot t, with mu what a kWh more stored would be worth:

    least   the planned import, where the plan charges from the grid; 0, where storing what would be fed in pays
            (mu * charge_efficiency > sell) or is planned; else none
    most    what the plan feeds in (below 0), where it empties the battery into the grid; 0, where covering what is
            drawn pays (mu / discharge_efficiency + wear < buy) or is planned in full; the planned import, where only a
            part of it is covered, or a limit or peak binds; else the contracted power less margin

    `buy` and `sell` are prices with carbon, `buy` never below and `sell` never above what a kWh more is worth to the
    site by the plan. A battery that may not charge from the grid never has its least above 0; one that may not feed
    the grid never its most below 0. The least is never above the most. Raises ValueError without batteries.
    """
    batteries = problem.batteries
    if batteries is None:
        raise ValueError("the problem has no batteries, wants one at least")
    site = batteries.site
    buy, sell = (price[site] for price in prices(problem, plan))
    imported, exported = plan.import_w[site], plan.export_w[site]
    limit = limits(problem, plan)[site]
    most = _most(batteries, plan, buy, imported, exported, limit)
    least = _least(batteries, plan, sell, imported)
    most = np.maximum(most, np.where(batteries.to_grid, -np.inf, 0.0)[:, None])
    least = np.minimum(np.minimum(least, np.where(batteries.from_grid, np.inf, 0.0)[:, None]), most)
    return Bands(import_least_w=least, import_most_w=most, power_w=plan.charge_w - plan.discharge_w)


def prices(problem: EnergyProblem, plan: EnergyPlan) -> tuple[Floats, Floats]:
    """(n, T) what a kWh more bought costs each site, and what one more fed in brings."""
    sites = problem.sites
    carbon = sites.carbon_g_kwh / G_KG * sites.carbon_eur_kg[:, None]
    value = plan.value_eur_kwh if plan.value_eur_kwh.size else sites.import_eur_kwh + carbon
    return np.maximum(sites.import_eur_kwh + carbon, value), np.minimum(sites.export_eur_kwh, value)


def limits(problem: EnergyProblem, plan: EnergyPlan) -> Floats:
    """(n, T) most that each site should draw: its contract less margin, and the peak that the plan pays for anyhow."""
    sites = problem.sites
    peak = np.maximum(plan.import_w.max(axis=1), sites.peak_so_far_w)
    paid = np.where(sites.peak_eur_kw > 0, peak, np.inf)
    return np.minimum(sites.import_limit_w - sites.margin_w, paid[:, None])


def _most(
    batteries: Batteries, plan: EnergyPlan, buy: Floats, imported: Floats, exported: Floats, limit: Floats
) -> Floats:
    spent = plan.stored_eur_kwh / batteries.discharge_efficiency[:, None] + batteries.wear_eur_kwh[:, None]
    gives = plan.discharge_w > TOLERANCE_W
    pays = spent < buy - _SAME_EUR
    in_full = gives & (imported <= TOLERANCE_W)
    band = np.where(gives, imported, limit)
    band = np.where(pays | in_full, 0.0, band)
    return np.minimum(np.where(gives & (exported > TOLERANCE_W), -exported, band), np.maximum(limit, 0.0))


def _least(batteries: Batteries, plan: EnergyPlan, sell: Floats, imported: Floats) -> Floats:
    kept = plan.stored_eur_kwh * batteries.charge_efficiency[:, None]
    takes = plan.charge_w > TOLERANCE_W
    pays: Bools = kept > sell + _SAME_EUR
    return np.where(takes & (imported > TOLERANCE_W), imported, np.where(pays | takes, 0.0, -np.inf))
