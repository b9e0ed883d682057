"""Sites' meters with their contracts, what sites share, and orders to draw less."""

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.assembling.draft import Draft, K, chosen
from optimizers.energy.assembling.layout import Meters
from optimizers.energy.contract import NONE, Groups, Orders, Sites, during
from optimizers.energy.problem import EnergyProblem
from optimizers.energy.wanted import Wanted

_ROOM = 1.001  # above what can be bought at all, so that this bound never is what a price comes from


def most_kw(problem: EnergyProblem) -> tuple[Floats, Floats]:
    """(n, T) that sites may buy and sell at the very most, everything on, or everything that gives giving."""
    bought, sold = problem.sites.base_w.copy(), np.zeros(problem.shape)
    slots = problem.shape[1]
    if (solar := problem.solar) is not None:
        np.add.at(sold, solar.site, solar.available_w)
    if (batteries := problem.batteries) is not None:
        np.add.at(bought, batteries.site, batteries.charge_max_w[:, None])
        np.add.at(sold, batteries.site, batteries.discharge_max_w[:, None])
    if (vehicles := problem.vehicles) is not None:
        there = during(vehicles.arrive, vehicles.depart, slots)
        np.add.at(bought, vehicles.site, vehicles.charge_max_w[:, None] * there)
        np.add.at(sold, vehicles.site, vehicles.discharge_max_w[:, None] * there)
    for heated in (problem.rooms, problem.tanks):
        if heated is not None:
            heat = heated.heat_max_w / heated.cop * heated.electric[:, None]
            np.add.at(bought, heated.site, heat + heated.cool_max_w / heated.cool_cop)
    if (loads := problem.loads) is not None:
        np.add.at(bought, loads.site, loads.power_w[:, None] * during(loads.first, loads.last, slots))
    if (sheddable := problem.sheddable) is not None:
        np.add.at(bought, sheddable.site, sheddable.wanted_w)
    return bought * K * _ROOM, sold * K * _ROOM


def add_meters(draft: Draft) -> Meters:
    """Bought - sold is what the balance asks for; bought and sold have their prices, limits and peaks."""
    sites, hours = draft.problem.sites, draft.hours
    slots = hours.size
    carbon = sites.carbon_g_kwh * K * sites.carbon_eur_kg[:, None]
    most_bought, most_sold = most_kw(draft.problem)
    bought = draft.columns(
        "import", sites.names, slots, upper=most_bought, cost=(sites.import_eur_kwh + carbon) * hours
    )
    sold = draft.columns("export", sites.names, slots, upper=most_sold, cost=-sites.export_eur_kwh * hours)
    draft.put(draft.balance, bought)
    draft.put(draft.balance, sold, -1.0)
    plus, minus = np.stack([bought, sold]), np.array([1.0, -1.0])[:, None, None]
    margin = sites.margin_w
    _add_limit(draft, Wanted.IMPORT_LIMIT, "site", sites, sites.import_limit_w - margin, (plus, minus))
    _add_limit(draft, Wanted.EXPORT_LIMIT, "site", sites, sites.export_limit_w, (plus, -minus))
    _add_peak(draft, sites, bought)
    return Meters(bought, sold, draft.balance)


def _add_limit(
    draft: Draft, wanted: Wanted, kind: str, part: Sites | Groups, limit_w: Floats, net: tuple[Ints, Floats]
) -> None:
    """What goes beyond a limit that is not firm costs; beyond a firm one is a shortfall. `net` are terms (*, k, T)."""
    for firm in (False, True):
        held = np.flatnonzero(np.isfinite(limit_w).any(axis=1) & (part.firm == firm))
        if not held.size:
            continue
        names, slots = chosen(part.names, held), draft.hours.size
        rows = draft.rows(f"{kind}'s {wanted.value}", names, slots, upper=limit_w[held] * K)
        columns, value = net
        draft.put(rows, columns[:, held], value)
        if firm:
            beyond = draft.lack(wanted, kind, names, draft.hours)
        else:
            cost = part.over_eur_kwh[held] * draft.hours
            beyond = draft.columns(f"{kind} beyond {wanted.value}", names, slots, cost=cost)
        draft.put(rows, beyond, -1.0)


def _add_peak(draft: Draft, part: Sites | Groups, drawn: Ints) -> None:
    held = np.flatnonzero(part.peak_eur_kw > 0)
    if not held.size:
        return
    names = chosen(part.names, held)
    peak = draft.columns("peak", names, 1, cost=part.peak_eur_kw[held, None])
    rows = draft.rows("peak", names, draft.hours.size, upper=part.peak_so_far_w[held, None] * K)
    draft.put(rows, drawn[held])
    draft.put(rows, peak, -1.0)


def add_groups(draft: Draft, meters: Meters) -> None:
    """What a group draws, within its limits, less than its baseline by what orders ask for."""
    if (groups := draft.problem.groups) is None or not groups.names:
        return
    slots = draft.hours.size
    drawn = draft.columns("drawn", groups.names, slots, lower=-np.inf)
    rows = draft.rows("drawn", groups.names, slots, lower=0.0, upper=0.0)
    draft.put(rows, drawn)
    of = _rows_of(rows, draft.problem.sites.group)
    draft.put(of, meters.bought, -1.0)
    draft.put(of, meters.sold, 1.0)
    draft.put(_rows_of(rows, groups.parent), drawn, -1.0)
    for wanted, limit_w, sign in (
        (Wanted.IMPORT_LIMIT, groups.import_limit_w, 1.0), (Wanted.EXPORT_LIMIT, groups.export_limit_w, -1.0)
    ):  # fmt: skip
        _add_limit(draft, wanted, "group", groups, limit_w, (drawn[None], np.array(sign)))
    _add_peak(draft, groups, drawn)
    if draft.problem.orders is not None:
        _add_orders(draft, draft.problem.orders, drawn)


def _rows_of(rows: Ints, group: Ints) -> Ints:
    """(k, T) of groups' rows, NONE for those of no group."""
    return np.where((group >= 0)[:, None], rows[np.maximum(group, 0)], NONE)


def _add_orders(draft: Draft, orders: Orders, drawn: Ints) -> None:
    """Delivered is what is drawn less than the baseline, 0 where more is: only where that is possible is it a choice
    whether an order is followed at all in a slot (whole, else the relaxation is exact: more delivered never costs).
    """
    slots = draft.hours.size
    asked = during(orders.first, orders.last, slots)
    ordered, baseline = np.where(asked, orders.ordered_w[:, None], 0.0) * K, orders.baseline_w * K
    gain = orders.paid_eur_kwh + orders.short_eur_kwh
    draft.offset += float((orders.short_eur_kwh[:, None] * ordered * draft.hours).sum())
    above = np.where(asked & (gain > 0)[:, None], _most_drawn(draft.problem)[orders.group] - baseline, 0.0)
    open_ones: Bools = above > 0
    names = orders.names
    delivered = draft.columns("delivered", names, slots, upper=ordered, cost=-gain[:, None] * draft.hours)
    follows = draft.columns("follows", names, slots, lower=np.where(open_ones, 0.0, 1.0), upper=1.0, whole=open_ones)
    above = np.maximum(above, 0.0)
    rows = draft.rows("baseline", names, slots, upper=np.where(asked, baseline + above, np.inf))
    draft.put(rows, np.stack([drawn[orders.group], delivered, follows]), np.stack([above**0, above**0, above]))
    draft.put(
        draft.rows("ordered", names, slots, upper=np.where(open_ones, 0.0, np.inf)),
        np.stack([delivered, follows]), np.stack([ordered**0, -ordered]),
    )  # fmt: skip


def _most_drawn(problem: EnergyProblem) -> Floats:
    """(G, T) kW."""
    assert problem.groups is not None  # noqa: S101 - an order has a group
    bought, _ = most_kw(problem)
    return problem.groups.drawn(problem.sites.group, bought)
