"""Where energy may be worth wasting: only there must a model forbid what wastes it, with a whole column for each slot.

A store that charges and discharges at once, a room heated and cooled at once, a site that buys and sells at once: a
linear program does so only where it pays. What follows says, from prices and limits alone, where it cannot pay; there
the relaxation has an optimum without it, and needs no whole column.

Buying and selling at once. With both less by e, balance, limits and groups stay, peaks fall, and the cost changes by
e * (sell - buy), buy with its carbon: it never pays where sell <= buy.

Charging and discharging at once, in slot t. With charge less by e / charge_efficiency and discharge by
e * discharge_efficiency the store holds the same, wear is less, and the site draws less by
w = e * (1 / charge_efficiency - discharge_efficiency) >= 0. Something takes up w, for nothing or for a gain:

    the site buys less      a gain where buy > 0; every import limit, peak and order is the better for it
    or it sells more        no loss where sell >= 0 and no limit of export is reached, its own or a group's
    or a roof gives less    for nothing, where one that is curtailable gives anything
    or a store gives less   the store itself to begin with, as it discharges: it then holds more

What a store holds more it keeps to the end, where it is worth end_eur_kwh >= 0 (at a vehicle's departure, 0 or more).
Where it gets full before, it charges less in that slot by as much, the site draws less, and the same four ways are open
there: each step takes power off some store, in the same slot or a later one, so that there are finitely many. They all
are closed only in a slot where nothing is bought, no roof can be curtailed and no store discharges, while a store
charges: then what is forced on the site, roofs that cannot be curtailed less what it draws anyway, is more than may be
sold, or is sold at a loss. Such a slot, one with buy <= 0, and an end with end_eur_kwh < 0 are *roots*.

Within a group whose export reaches its limit, a site that draws less has another that sells to the grid sell less by as
much, from a roof or a store: that costs what it is paid, and is a loss only where it is paid more than the first one
gains. It cannot where it sells what is forced on it; and where groups lie between, their limits may forbid it. So of a
group that can reach its limit, a slot is a root where its sites' prices differ so, one has forced energy, or groups are
below it. Its sites are one *kin*: what one takes up another holds.

So charging and discharging at once in t pays only if there is a root in t or later, at the site or its kin (what is
stored may be worth less than nothing), and if the first step finds its first three ways closed in t itself: buy <= 0,
or the site may come to sell at sell < 0 or to a limit of export. Heating and cooling at once are a first step just so.

Batteries without `to_grid` give no more than the site draws, charging included. Where they may come to that, a slot is
*tied*: a site that draws less has them give less, the fourth way, whatever the other three would do. And another store
could charge with what they give and feed it to the grid at once, which pays at any price: there is no root to it.

With a least charge a store that also discharges has its whole columns anyway; but it cannot charge a little less. So
at a site with two stores that discharge, one of them with a least charge, all slots count as roots.
"""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.contract import during
from optimizers.energy.problem import EnergyProblem


@dataclass(frozen=True, slots=True, eq=False)
class Wasteful:
    """Of sites, by slot (n, T): where

    both     to buy and sell at once may pay
    wasted   to draw energy for nothing may pay: a battery without `to_grid` may charge and discharge at once, a room be
             heated and cooled
    stores   any other store may charge and discharge at once
    """

    both: Bools
    wasted: Bools
    stores: Bools


def wasteful(problem: EnergyProblem) -> Wasteful:
    """See above."""
    sites = problem.sites
    buy = sites.import_eur_kwh + sites.carbon_g_kwh * 1e-3 * sites.carbon_eur_kg[:, None]
    sell = sites.export_eur_kwh
    forced, most = forced_w(problem), most_sold_w(problem)
    paid = buy <= 0
    drawn = paid | ((sell < 0) & (most >= 0)) | (most >= sites.export_limit_w)
    root = paid | ((sell < 0) & (forced > 0)) | (forced > sites.export_limit_w)
    root |= _hard_to_lower(problem)[:, None]
    root[:, -1] |= _worthless_at_the_end(problem)
    kin = np.arange(len(sites.names))
    if problem.groups is not None:
        within = problem.groups.within(sites.group)
        for g in range(len(problem.groups.names) - 1, -1, -1):
            members = within[g]
            if not members.any() or not np.isfinite(problem.groups.export_limit_w[g]).any():
                continue
            reached = most[members].sum(axis=0) >= problem.groups.export_limit_w[g]
            drawn[members] |= reached
            unlike = sell[members].max(axis=0) > np.minimum(sell, buy)[members].min(axis=0)
            between = bool((problem.groups.parent == g).any())
            root[members] |= reached & (unlike | (forced[members] > 0).any(axis=0) | between)
            kin[members] = kin[members].min()
    tied = _own_w(problem)[:, None] > sites.base_w
    wasted = (drawn | tied) & _from_here_on(root, kin)
    return Wasteful(both=sell > buy, wasted=wasted, stores=wasted | tied)


def _from_here_on(root: Bools, kin: Ints) -> Bools:
    """Whether a site or its kin has a root in a slot or later."""
    of_kin = np.zeros_like(root)
    np.logical_or.at(of_kin, kin, root)
    later: Bools = np.logical_or.accumulate(of_kin[:, ::-1], axis=1)[:, ::-1]
    return later[kin]


def forced_w(problem: EnergyProblem) -> Floats:
    """(n, T) what roofs that cannot be curtailed give more than a site draws whatever is planned."""
    forced = -problem.sites.base_w
    if (solar := problem.solar) is not None:
        np.add.at(forced, solar.site, np.where(solar.curtailable[:, None], 0.0, solar.available_w))
    return forced


def most_sold_w(problem: EnergyProblem) -> Floats:
    """(n, T) what sites can sell at most; less than 0 where they always buy."""
    most, base = np.zeros(problem.shape), problem.sites.base_w
    if (solar := problem.solar) is not None:
        np.add.at(most, solar.site, solar.available_w)
    if (vehicles := problem.vehicles) is not None:
        np.add.at(most, vehicles.site, vehicles.discharge_max_w[:, None] * there(problem))
    if (batteries := problem.batteries) is not None:
        np.add.at(most, batteries.site, np.where(batteries.to_grid, batteries.discharge_max_w, 0.0)[:, None])
    return most - np.maximum(base - _own_w(problem)[:, None], 0.0)


def _own_w(problem: EnergyProblem) -> Floats:
    """(n,) that batteries can give which do not feed the grid."""
    own = np.zeros(problem.shape[0])
    if (batteries := problem.batteries) is not None:
        np.add.at(own, batteries.site, np.where(batteries.to_grid, 0.0, batteries.discharge_max_w))
    return own


def there(problem: EnergyProblem) -> Bools:
    """(V, T) of vehicles."""
    vehicles, slots = problem.vehicles, problem.shape[1]
    return np.zeros((0, slots), np.bool_) if vehicles is None else during(vehicles.arrive, vehicles.depart, slots)


def _worthless_at_the_end(problem: EnergyProblem) -> Bools:
    """(n,) sites with a battery whose energy left at the end costs."""
    batteries, sites = problem.batteries, np.zeros(problem.shape[0], np.bool_)
    if batteries is not None:
        sites[batteries.site[batteries.end_eur_kwh < 0]] = True
    return sites


def _hard_to_lower(problem: EnergyProblem) -> Bools:
    """(n,) sites with two stores that discharge, one of which has a least charge."""
    giving, least = np.zeros(problem.shape[0], np.int64), np.zeros(problem.shape[0], np.bool_)
    for part in (problem.batteries, problem.vehicles):
        if part is not None:
            gives = part.discharge_max_w > 0
            np.add.at(giving, part.site, gives)
            least[part.site[gives & (part.charge_least_w > 0)]] = True
    return least & (giving > 1)
