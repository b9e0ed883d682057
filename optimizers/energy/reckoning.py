"""What a plan costs, and what it leaves of what comes before cost."""

from collections.abc import Iterable, Iterator

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.energy.contract import Groups, Orders, Sites, during
from optimizers.energy.devices import Thermal
from optimizers.energy.problem import EnergyProblem, Shortfall
from optimizers.energy.reading import Flows
from optimizers.energy.wanted import SHORTFALL_TOLERANCE, Wanted
from optimizers.result import Violation

_K = 1e-3
_HAIR = 1e-6
"""In kW, K and kWh: what a power, a temperature or an amount misses in a slot is rounding."""


def drawn_w(problem: EnergyProblem, flows: Flows) -> Floats:
    """(G, T) of groups."""
    if problem.groups is None:
        return np.zeros((0, problem.shape[1]))
    return problem.groups.drawn(problem.sites.group, flows.import_w - flows.export_w)


def cost_eur(problem: EnergyProblem, flows: Flows) -> float:
    """The third of what is wanted."""
    hours, sites, drawn = problem.horizon.hours, problem.sites, drawn_w(problem, flows)
    carbon = sites.carbon_g_kwh * _K * sites.carbon_eur_kg[:, None]
    terms = [
        (flows.import_w * (sites.import_eur_kwh + carbon) - flows.export_w * sites.export_eur_kwh) * hours,
        *_limits_eur(sites, flows.import_w - flows.export_w, sites.margin_w, hours),
        sites.peak_eur_kw * np.maximum(flows.import_w.max(axis=1) - sites.peak_so_far_w, 0.0),
        *_stores_eur(problem, flows),
        *_fuel_eur(problem, problem.rooms, flows.room_heat_w),
        *_fuel_eur(problem, problem.tanks, flows.tank_heat_w),
    ]
    if (groups := problem.groups) is not None:
        terms += _limits_eur(groups, drawn, np.zeros_like(drawn), hours)
        terms.append(groups.peak_eur_kw * np.maximum(drawn.max(axis=1) - groups.peak_so_far_w, 0.0))
    if problem.orders is not None:
        terms.append(_orders_eur(problem.orders, drawn, hours))
    if (sheddable := problem.sheddable) is not None:
        terms.append(sheddable.shed_eur_kwh[:, None] * (sheddable.wanted_w - flows.given_w) * hours)
    return float(sum(term.sum() for term in terms)) * _K


def _beyond_w(part: Sites | Groups, net_w: Floats, margin_w: Floats) -> tuple[Floats, Floats]:
    """By how much limits of import and of export are passed."""
    over = np.maximum(net_w + margin_w - part.import_limit_w, 0.0)
    return over, np.maximum(-net_w - part.export_limit_w, 0.0)


def _limits_eur(part: Sites | Groups, net_w: Floats, margin_w: Floats, hours: Floats) -> list[Floats]:
    price = np.where(part.firm[:, None], 0.0, part.over_eur_kwh) * hours
    return [beyond * price for beyond in _beyond_w(part, net_w, margin_w)]


def _stores_eur(problem: EnergyProblem, flows: Flows) -> Iterator[Floats]:
    hours = problem.horizon.hours
    if (batteries := problem.batteries) is not None:
        yield batteries.wear_eur_kwh[:, None] * flows.discharge_w * hours
        yield -batteries.end_eur_kwh * flows.stored_wh[:, -1]
    if (vehicles := problem.vehicles) is not None:
        yield vehicles.wear_eur_kwh[:, None] * flows.vehicle_discharge_w * hours


def _fuel_eur(problem: EnergyProblem, part: Thermal | None, heat_w: Floats) -> Iterator[Floats]:
    if part is not None:
        carbon = part.fuel_g_kwh * _K * problem.sites.carbon_eur_kg[part.site]
        price = np.where(part.electric[:, None], 0.0, part.fuel_eur_kwh + carbon[:, None])
        yield heat_w / part.cop * price * problem.horizon.hours


def _orders_eur(orders: Orders, drawn: Floats, hours: Floats) -> Floats:
    asked = during(orders.first, orders.last, hours.size)
    ordered = np.where(asked, orders.ordered_w[:, None], 0.0)
    delivered = np.clip(orders.baseline_w - drawn[orders.group], 0.0, ordered)
    eur: Floats = (ordered - delivered) * orders.short_eur_kwh[:, None] - delivered * orders.paid_eur_kwh[:, None]
    return eur * hours


def shortfalls(problem: EnergyProblem, flows: Flows) -> tuple[Violation, ...]:
    """What a plan leaves of what comes before cost, object by object: all that is to be told."""
    hours, found = problem.horizon.hours, []
    for wanted, kind, names, missing in _missing(problem, flows):
        amount = np.where(missing > _HAIR, missing, 0.0) * (hours if _lasts(wanted, missing) else 1.0)
        for k in np.flatnonzero(amount.sum(axis=1) > SHORTFALL_TOLERANCE).tolist():
            detail = _slots(amount[k]) if amount.shape[1] > 1 else ""
            found.append(Violation(wanted.value, f"{kind} {names[k]}", float(amount[k].sum()), wanted.unit, detail))
    return tuple(found)


def shortfall_of(violations: Iterable[Violation]) -> Shortfall:
    """Their sums."""
    amounts = {True: 0.0, False: 0.0}
    for violation in violations:
        amounts[Wanted(violation.constraint).safety] += violation.amount
    return Shortfall(safety=amounts[True], comfort=amounts[False])


def _lasts(wanted: Wanted, missing: Floats) -> bool:
    return wanted not in (Wanted.DEPARTURE, Wanted.BOOST, Wanted.NOT_RUN) and missing.shape[1] > 0


def _slots(amount: Floats) -> str:
    """The slots in which something is missing, in runs."""
    at = np.flatnonzero(amount)
    runs = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
    return "slots " + ", ".join(str(run[0]) if run.size == 1 else f"{run[0]} to {run[-1]}" for run in runs)


Missing = tuple[Wanted, str, tuple[str, ...], Floats]


def _missing(problem: EnergyProblem, flows: Flows) -> Iterator[Missing]:
    """What each kind of object misses, in kW, K or kWh, by slot (k, T); of what counts once in a column (k, 1)."""
    sites = problem.sites
    yield from _limits("site", sites, flows.import_w - flows.export_w, sites.margin_w)
    if problem.groups is not None:
        drawn = drawn_w(problem, flows)
        yield from _limits("group", problem.groups, drawn, np.zeros_like(drawn))
    for kind, part, warm in (("room", problem.rooms, flows.room_c), ("tank", problem.tanks, flows.tank_c)):
        if part is not None:
            yield from _thermal(kind, part, warm)
    if (batteries := problem.batteries) is not None:
        yield Wanted.RESERVE, "battery", batteries.names, (batteries.floor_wh[:, None] - flows.stored_wh) * _K
    if (vehicles := problem.vehicles) is not None:
        left = np.take_along_axis(flows.vehicle_stored_wh, vehicles.depart[:, None] - 1, axis=1)
        yield Wanted.DEPARTURE, "vehicle", vehicles.names, (vehicles.target_wh[:, None] - left) * _K
    if (loads := problem.loads) is not None:
        lacking = (loads.slots - flows.on.sum(axis=1)) * loads.power_w * _K
        yield Wanted.NOT_RUN, "load", loads.names, (lacking * _mean_hours(loads.first, loads.last, problem))[:, None]


def _mean_hours(first: Ints, last: Ints, problem: EnergyProblem) -> Floats:
    """(L,) of the slots of each stay."""
    ends = np.concatenate([[0.0], np.cumsum(problem.horizon.hours)])
    mean: Floats = (ends[last] - ends[first]) / (last - first)
    return mean


def _limits(kind: str, part: Sites | Groups, net_w: Floats, margin_w: Floats) -> Iterator[Missing]:
    firm: Bools = part.firm[:, None]
    over, out = _beyond_w(part, net_w, margin_w)
    yield Wanted.IMPORT_LIMIT, kind, part.names, np.where(firm, over, 0.0) * _K
    yield Wanted.EXPORT_LIMIT, kind, part.names, np.where(firm, out, 0.0) * _K


def _thermal(kind: str, part: Thermal, warm: Floats) -> Iterator[Missing]:
    yield Wanted.FLOOR, kind, part.names, part.floor_c[:, None] - warm
    yield Wanted.CEILING, kind, part.names, warm - part.ceiling_c[:, None]
    hottest = np.maximum.accumulate(warm, axis=1)
    reached = np.take_along_axis(hottest, np.maximum(part.boost_slot, 0)[:, None], axis=1)
    asked = (part.boost_slot >= 0)[:, None]
    yield Wanted.BOOST, kind, part.names, np.where(asked, part.boost_c[:, None] - reached, 0.0)
    yield Wanted.COMFORT_LOW, kind, part.names, part.low_c - warm
    yield Wanted.COMFORT_HIGH, kind, part.names, warm - part.high_c
