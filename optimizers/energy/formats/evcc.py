"""evcc's charge schedules: its requests, read into arrays.

A house buys from the grid and sells to it, its batteries charge and discharge; vehicles are batteries with goals. What
is wanted is money at the end: sold - bought + what the batteries hold, each kWh at its battery's price - what the
highest import beyond the limit costs, where that has a price. Goals and limits that cannot be met cost so much a kWh
that money hardly ever outweighs them; of schedules of the same money one is chosen by the strategies.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers.arrays import Bools, Floats, Ints
from optimizers.documents import read as read_document
from optimizers.energy.formats.evcc_forms import EvccBattery, EvccRequest
from optimizers.result import InvalidProblem, Plan

LEAST_PRICE_EUR_KWH = 0.1
"""Below which penalties do not go, however cheap the energy."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EvccProblem:
    """A request of B batteries over T slots. EUR stands for its currency; energies are of a slot.

    hours, drawn_kwh, sun_kwh, buy_eur_kwh, sell_eur_kwh (T,)    selling may pay more than buying costs
    import_limit_kw, export_limit_kw                             inf for none
    beyond_eur_kw                                                of the highest import beyond its limit; nan where the
                                                                 limit is to be kept
    capacity_kwh, low_kwh, high_kwh, initial_kwh (B,)            it is to hold from low to high, and may begin outside
    charge_max_kw, charge_least_kw, discharge_max_kw (B,)        when it charges at all, at least so much
    worth_eur_kwh, priority (B,)                                 of what it holds at the end; 2 before 1 before 0
    from_grid, to_grid (B,)                                      whether it may charge while energy is bought, discharge
                                                                 while it is sold
    goal_kwh, demand_kwh (B, T)                                  to hold after a slot, to be given in it; 0 for nothing
    demanding (B,)                                               whether it was told what it is to be given
    """

    names: tuple[str, ...]
    hours: Floats
    drawn_kwh: Floats
    sun_kwh: Floats
    buy_eur_kwh: Floats
    sell_eur_kwh: Floats
    import_limit_kw: float
    export_limit_kw: float
    beyond_eur_kw: float
    capacity_kwh: Floats
    low_kwh: Floats
    high_kwh: Floats
    initial_kwh: Floats
    charge_max_kw: Floats
    charge_least_kw: Floats
    discharge_max_kw: Floats
    worth_eur_kwh: Floats
    priority: Ints
    from_grid: Bools
    to_grid: Bools
    goal_kwh: Floats
    demand_kwh: Floats
    demanding: Bools
    charge_efficiency: float
    discharge_efficiency: float
    charging: str
    discharging: str

    @property
    def slots(self) -> int:
        return self.hours.size

    @property
    def limited(self) -> bool:
        """Whether import has a limit."""
        return bool(np.isfinite(self.import_limit_kw))

    @property
    def rated(self) -> bool:
        """Whether import beyond its limit has a price, instead of being what is to be avoided."""
        return self.limited and bool(np.isfinite(self.beyond_eur_kw))

    @property
    def penalty_eur_kwh(self) -> float:
        """At least what any kWh can earn: penalties are many times that."""
        highest = [self.buy_eur_kwh.max(), self.sell_eur_kwh.max(), self.worth_eur_kwh.max(), LEAST_PRICE_EUR_KWH]
        if self.rated:
            highest.append(self.beyond_eur_kw / self.hours.min())  # what a kWh less in the shortest slot saves
        return float(max(highest))


@dataclass(frozen=True, kw_only=True, eq=False)
class EvccPlan(Plan):
    """A schedule. Its objective is what it costs, as all plans' is: evcc's own has the other sign.

    What batteries hold more is reckoned from the end of the first slot, as evcc does in the answers that it has stored
    (later it took to reckoning from the beginning): that changes what is told, and nothing of what is best.

    charge_kwh, discharge_kwh (B, T)     at the terminals, of a slot
    stored_kwh (B, T)                    after each slot
    import_kwh, export_kwh (T,)          all that is bought, all that is sold
    import_over_kwh (T,)                 of the import, what is beyond the limit
    lost_kwh (T,)                        what the limit of export leaves no place for
    exporting (T,)                       whether power flows out
    proved                               whether nothing better exists

    Where there was no schedule in time, arrays are empty and the objective is infinite.
    """

    charge_kwh: Floats
    discharge_kwh: Floats
    stored_kwh: Floats
    import_kwh: Floats
    export_kwh: Floats
    import_over_kwh: Floats
    lost_kwh: Floats
    exporting: Bools
    proved: bool
    unit: str = "EUR"


def looks_like(text: str) -> bool:
    """Whether a text is a request, or a stored case with one."""
    try:
        data = _request(json.loads(text))
    except ValueError:
        return False
    return isinstance(data, dict) and {"batteries", "time_series"} <= {*data}


def read(text: str | bytes) -> EvccProblem:
    """The problem of a request, or of a stored case. Raises InvalidProblem with everything that is wrong."""
    request = read_document(EvccRequest, json.dumps(_request(loaded(text))))
    if problems := [*_wrong_lengths(request), *_wrong_batteries(request)]:
        raise InvalidProblem(problems)
    return _problem(request)


def loaded(text: str | bytes) -> Any:
    """What a JSON text says. Raises InvalidProblem."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidProblem([f"document: is no JSON, {error}"]) from None


def _request(data: Any) -> Any:
    """That of a stored case stands beside the answer expected."""
    return data["request"] if isinstance(data, dict) and "request" in data else data


def _wrong_lengths(request: EvccRequest) -> Iterator[str]:
    series = request.time_series
    told = {f"time_series.{name}": getattr(series, name) for name in ("dt", "ft", "p_N", "p_E")}
    told |= {f"time_series.gt_add.{k}": more for k, more in enumerate(series.gt_add or [])}
    for b, battery in enumerate(request.batteries):
        told |= {f"batteries.{b}.{name}": getattr(battery, name) for name in ("s_goal", "p_demand")}
    slots = len(series.gt)
    if not slots:
        yield "time_series.gt: there are no slots, wants one at least"
    for name, values in told.items():
        if values is not None and len(values) != slots:
            yield f"{name}: has {len(values)} values, wants {slots}, as many as time_series.gt"


def _wrong_batteries(request: EvccRequest) -> Iterator[str]:
    for b, one in enumerate(request.batteries):
        where, capacity = f"batteries.{b}", _capacity(one)
        if one.s_initial > capacity:
            wanted = "what it holds at most (is s_capacity missing, or one of them in another unit?)"
            yield f"{where}.s_initial: is {one.s_initial:g}, wants 0 to {capacity:g}, {wanted}"
        for least, most, limit in (("s_min", "s_max", one.s_max), ("s_max", "s_capacity", capacity)):
            if (found := getattr(one, least)) > limit:
                yield f"{where}.{least}: is {found:g}, wants no more than {most}, {limit:g}"
        if one.c_min > one.c_max > 0:  # evcc tells of what cannot charge by a c_max of 0 alone
            yield f"{where}.c_min: is {one.c_min:g}, wants no more than c_max, {one.c_max:g}"
    if request.grid.prc_p_exc_imp is not None and request.grid.p_max_imp is None:
        yield "grid.prc_p_exc_imp: is the price of what is beyond a limit, wants p_max_imp beside it"


def _capacity(battery: EvccBattery) -> float:
    return battery.s_max if battery.s_capacity is None else battery.s_capacity


def _problem(request: EvccRequest) -> EvccProblem:
    series, grid, batteries = request.time_series, request.grid, request.batteries
    none, slots = float("inf"), len(series.gt)

    def of(name: str) -> Any:
        return np.array([getattr(one, name) for one in batteries])

    def by_slot(name: str) -> Floats:
        rows: Floats = np.array([getattr(one, name) or [0.0] * slots for one in batteries]) / 1e3
        return rows

    return EvccProblem(
        names=tuple(f"batteries.{b}" for b in range(len(batteries))),
        hours=np.array(series.dt) / 3600.0,
        drawn_kwh=np.sum([series.gt, *(series.gt_add or [])], axis=0) / 1e3, sun_kwh=np.array(series.ft) / 1e3,
        buy_eur_kwh=np.array(series.p_N) * 1e3, sell_eur_kwh=np.array(series.p_E) * 1e3,
        import_limit_kw=none if grid.p_max_imp is None else grid.p_max_imp / 1e3,
        export_limit_kw=none if grid.p_max_exp is None else grid.p_max_exp / 1e3,
        beyond_eur_kw=float("nan") if grid.prc_p_exc_imp is None else grid.prc_p_exc_imp * 1e3,
        capacity_kwh=np.array([_capacity(one) for one in batteries]) / 1e3,
        low_kwh=of("s_min") / 1e3, high_kwh=of("s_max") / 1e3, initial_kwh=of("s_initial") / 1e3,
        charge_max_kw=of("c_max") / 1e3, charge_least_kw=of("c_min") / 1e3, discharge_max_kw=of("d_max") / 1e3,
        worth_eur_kwh=of("p_a") * 1e3, priority=of("c_priority"),
        from_grid=of("charge_from_grid"), to_grid=of("discharge_to_grid"),
        goal_kwh=by_slot("s_goal"), demand_kwh=by_slot("p_demand"),
        demanding=np.array([one.p_demand is not None for one in batteries]),
        charge_efficiency=request.eta_c, discharge_efficiency=request.eta_d,
        charging=request.strategy.charging_strategy, discharging=request.strategy.discharging_strategy,
    )  # fmt: skip
