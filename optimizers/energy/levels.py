"""What goes to a battery: bands at its meter that follow from levels which do best over many ways the day may go.

A plan's single value of a stored kWh is sure of a day that will not come. Here the plan says what everything else of
a site does, what limits, peaks and orders make a kWh worth, and where they bind; what a battery keeps, covers and
buys is weighed by `valued` over the load as it is expected and as far off as it has been.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from optimizers.arrays import Bools, Floats
from optimizers.energy.control import G_KG, Bands, Cell, bands, battery_power_w, limits, prices
from optimizers.energy.devices import Batteries
from optimizers.energy.problem import TOLERANCE_W, EnergyPlan, EnergyProblem
from optimizers.energy.selfuse import SelfUse
from optimizers.energy.valuing import STEPS, Futures, Valued, valued

TURNING_H, LEAST_GAIN = 0.1, 0.06
"""As chosen on CityLearn's buildings 1 and 2: `valued` says what they are."""
OFF = np.array([-1.0, -0.409, 0.0, 0.409, 1.0])
"""By how much of its margin a load is off, each as likely: the margin is the 90 % quantile of a normal error."""
_AT_STAKE_EUR = 1e-6
_HAIR_WH = 1e-3


class Apart(StrEnum):
    """Why a battery goes by the plan's bands instead."""

    NOT = ""
    SEVERAL = "several"  # at one meter: levels know one
    LEAST = "least"  # when it charges, then at no less than so much
    GIVES = "gives"  # the plan empties it into the grid


@dataclass(frozen=True, kw_only=True, eq=False)
class Steered:
    """Of B batteries over T slots.

    bands                   what is sent
    rule                    the levels that they follow from, (B, T)
    stored_wh (B, T)        after each slot, on the expected way
    worth_eur_kwh (B, T)    of a kWh more stored then
    apart (B,)              why a battery goes by the plan's bands; `Apart.NOT` for one that goes by levels
    """

    bands: Bands
    rule: SelfUse
    stored_wh: Floats
    worth_eur_kwh: Floats
    apart: tuple[Apart, ...]


def steered(problem: EnergyProblem, plan: EnergyPlan) -> Steered:
    """What batteries are told. The plan says what a kWh more stored is worth: it is `solve`'s.

    Where a kWh costs a site more than its price (a limit, a peak, an order, a group binds), no more is bought than the
    plan's band allows. Raises ValueError without batteries.
    """
    if (batteries := problem.batteries) is None:
        raise ValueError("the problem has no batteries, wants one at least")
    planned = bands(problem, plan)
    apart = _apart(batteries, plan)
    own = np.array([one is not Apart.NOT for one in apart])[:, None]
    found, net = _valued(problem, plan, batteries), _net_w(plan, batteries)
    rule = _kept_for_limits(problem, plan, batteries, found.rule, net)
    bound, stored = _followed(problem, plan, batteries, rule, net, planned)
    place = np.clip((stored - batteries.floor_wh[:, None]) / _part_wh(batteries)[:, None], 0, STEPS - 1)
    worth = np.take_along_axis(found.stored_eur_kwh, place.astype(np.int64)[..., None], axis=-1)[..., 0]
    chosen = Bands(
        import_least_w=np.where(own, planned.import_least_w, bound.import_least_w),
        import_most_w=np.where(own, planned.import_most_w, bound.import_most_w),
        power_w=np.where(own, planned.power_w, bound.power_w),
    )
    return Steered(
        bands=chosen,
        rule=rule,
        stored_wh=np.where(own, plan.stored_wh, stored),
        worth_eur_kwh=np.where(own, plan.stored_eur_kwh, worth),
        apart=apart,
    )


def _apart(batteries: Batteries, plan: EnergyPlan) -> tuple[Apart, ...]:
    several = np.bincount(batteries.site)[batteries.site] > 1
    least = batteries.charge_least_w > 0
    fed = plan.export_w[batteries.site] > TOLERANCE_W
    gives = np.any((plan.discharge_w > TOLERANCE_W) & fed, axis=1)
    chosen = np.select([several, least, gives], [Apart.SEVERAL, Apart.LEAST, Apart.GIVES], Apart.NOT)
    return tuple(Apart(one) for one in chosen.tolist())


def _part_wh(batteries: Batteries) -> Floats:
    return np.maximum(batteries.capacity_wh - batteries.floor_wh, _HAIR_WH) / STEPS


def _net_w(plan: EnergyPlan, batteries: Batteries) -> Floats:
    """(B, T) what the site of each draws by the plan without batteries."""
    net = plan.import_w - plan.export_w
    np.add.at(net, batteries.site, plan.discharge_w - plan.charge_w)
    found: Floats = net[batteries.site]
    return found


def _valued(problem: EnergyProblem, plan: EnergyPlan, batteries: Batteries) -> Valued:
    """What is known of limits, peaks, orders and groups is in the price by the plan. In a group nothing more is bought
    for a battery than what the plan has its site draw: what others leave of a shared limit is not known here.
    """
    sites, site = problem.sites, batteries.site
    buy, sell = (price[site] for price in prices(problem, plan))
    base = sites.base_w[site]
    drawn = np.maximum(base[:, None] + OFF[:, None] * sites.margin_w[site][:, None], 0.0)
    net = (_net_w(plan, batteries) - base)[:, None] + drawn
    limit = np.maximum(limits(problem, plan), 0.0)
    limit = np.where(sites.group[:, None] >= 0, np.minimum(limit, plan.import_w), limit)[site]
    limit = np.where(batteries.from_grid[:, None], limit, 0.0)
    cell = replace(Cell.of(batteries), floor_wh=np.minimum(batteries.floor_wh, batteries.capacity_wh - _HAIR_WH))
    return valued(
        Futures(net_w=net, weight=np.ones(net.shape)), buy, sell, cell, problem.horizon.hours, batteries.end_eur_kwh,
        limit, TURNING_H, LEAST_GAIN, batteries.wear_eur_kwh, batteries.loss_h,
    )  # fmt: skip


def _at_stake(problem: EnergyProblem, plan: EnergyPlan, batteries: Batteries) -> Bools:
    """(B, T) where a kWh costs the site more than its price: a limit, a peak, an order, a group binds."""
    sites = problem.sites
    paid = sites.import_eur_kwh + sites.carbon_g_kwh / G_KG * sites.carbon_eur_kg[:, None]
    found: Bools = (prices(problem, plan)[0] > paid + _AT_STAKE_EUR)[batteries.site]
    return found


def _kept_for_limits(
    problem: EnergyProblem, plan: EnergyPlan, batteries: Batteries, rule: SelfUse, net_w: Floats
) -> SelfUse:
    """With what limits, peaks and orders to come will take kept, and bought where the plan buys it: by price alone,
    the plan is indifferent to what else it might serve.
    """
    hours = problem.horizon.hours
    over = np.maximum(net_w - np.maximum(limits(problem, plan)[batteries.site], 0.0), 0.0)
    over = np.maximum(over, np.where(_at_stake(problem, plan, batteries), plan.discharge_w, 0.0))
    out = np.minimum(over, batteries.discharge_max_w[:, None]) / batteries.discharge_efficiency[:, None] * hours
    into = plan.charge_w * batteries.charge_efficiency[:, None] * hours
    floor, most = batteries.floor_wh, batteries.capacity_wh
    after = np.empty(net_w.shape)
    needed = floor
    for t in range(net_w.shape[1] - 1, -1, -1):
        after[:, t] = needed
        needed = np.clip(needed + out[:, t] - into[:, t], floor, most)
    buys = (plan.charge_w > TOLERANCE_W) & batteries.from_grid[:, None] & (after > floor[:, None] + _HAIR_WH)
    return replace(
        rule,
        reserve_wh=np.maximum(rule.reserve_wh, after),
        filled_wh=np.where(buys, np.maximum(rule.filled_wh, np.minimum(after, plan.stored_wh)), rule.filled_wh),
        kept_wh=np.maximum(rule.kept_wh, after),
    )


def _followed(
    problem: EnergyProblem, plan: EnergyPlan, batteries: Batteries, rule: SelfUse, net: Floats, planned: Bands
) -> tuple[Bands, Floats]:
    """Bands by levels for what is stored on the expected way, and what is stored after each slot of it."""
    cell, seconds = Cell.of(batteries), problem.horizon.duration_s
    stake = _at_stake(problem, plan, batteries)
    limit = np.maximum(limits(problem, plan)[batteries.site], 0.0)
    least, most, power, held = (np.empty(net.shape) for _ in range(4))
    stored = np.minimum(batteries.initial_wh, batteries.capacity_wh)
    for t in range(net.shape[1]):
        stored = stored * (1.0 - batteries.loss_h) ** (seconds[t] / 3600.0)
        low, high = _band(rule, t, net[:, t], stored, cell, float(seconds[t]))
        high = np.minimum(high, limit[:, t])
        high = np.where(stake[:, t], np.minimum(high, planned.import_most_w[:, t]), high)
        low = np.minimum(low, np.where(batteries.from_grid, high, np.minimum(high, 0.0)))
        least[:, t], most[:, t] = low, high
        power[:, t] = battery_power_w(net[:, t], low, high, stored, cell, seconds[t])
        stored = cell.after_wh(stored, power[:, t], seconds[t])
        held[:, t] = stored
    return Bands(import_least_w=least, import_most_w=most, power_w=power), held


def _band(rule: SelfUse, t: int, net_w: Floats, stored_wh: Floats, cell: Cell, seconds: float) -> tuple[Floats, Floats]:
    """Least and most at the meter in a slot. Where a level is come to within it, what the meter then is on average."""
    power = rule.power_w(t, net_w, stored_wh, cell, seconds)
    plain = battery_power_w(net_w, 0.0, 0.0, stored_wh, cell, seconds)
    meter = net_w + power
    reserve, kept, filled = rule.reserve_wh[:, t], rule.kept_wh[:, t], rule.filled_wh[:, t]
    fills: Bools = (filled > stored_wh + _HAIR_WH) & (power > np.maximum(plain, 0.0) + TOLERANCE_W)
    freely = np.abs(power - plain) <= TOLERANCE_W
    covers = (stored_wh > reserve + _HAIR_WH) | (reserve <= cell.floor_wh + _HAIR_WH)
    stores = (stored_wh < kept - _HAIR_WH) | (kept >= cell.capacity_wh - _HAIR_WH)
    short = (net_w > 0) & ~freely
    over = (net_w < 0) & ~freely
    least = np.where(stores, np.where(over, meter, 0.0), -np.inf)
    most = np.where(covers, np.where(short, meter, 0.0), np.inf)
    return np.where(fills, meter, least), np.where(fills, np.inf, most)
