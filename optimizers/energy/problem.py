"""The energy problem and its plan: plain frozen arrays that have validated themselves."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optimizers.arrays import Bools, Floats
from optimizers.energy.contract import Groups, Horizon, Orders, Sites
from optimizers.energy.devices import Batteries, Loads, Sheddable, Solar, Thermal, Vehicles
from optimizers.result import InvalidProblem, Plan

EUR = "EUR"
TOLERANCE_W = 1e-3
"""By which a power may miss a constraint; energies by that over an hour, temperatures by a millionth of a K."""

PARTS: dict[str, Any] = {
    "horizon": Horizon,
    "sites": Sites,
    "groups": Groups,
    "orders": Orders,
    "solar": Solar,
    "batteries": Batteries,
    "vehicles": Vehicles,
    "rooms": Thermal,
    "tanks": Thermal,
    "loads": Loads,
    "sheddable": Sheddable,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyProblem:
    """How much each device draws in each of T slots. Of slot t, h hours long, with power in W and 1 kWh = 1000 Wh:

    site        import - export = base + rooms' and tanks' electricity + charging - discharging - solar + loads
                + sheddable given;   import, export >= 0, not both
    store       stored[t] = stored[t-1] * (1 - loss_h)^h + h * (charge * charge_efficiency
                - discharge / discharge_efficiency);   not both charge and discharge
    room        capacity * (T[t] - T[t-1]) / h = loss * (outdoor[t] - T[t]) + coupling * (M[t] - T[t])
                + gain + heat - cool, not both,   mass * (M[t] - M[t-1]) / h = coupling * (T[t] - M[t])
                (implicit Euler: stable for any length of a slot);   electricity = heat / cop where it is electric
                + cool / cool_cop;   fuel = heat / cop where it is not
    group       what it draws = sum over its sites of import - export, and over groups below it
    load        on or off, for no more than its slots within its stay, with its least times, off before and after the
                plan
    limits      are firm or not by `firm` of whose they are, those of import and of export alike; a site's import is
                kept with its `margin_w` more than expected, by which it is beyond its limit the sooner; a site's
                batteries without `from_grid` charge no more than its solar production in that slot, those without
                `to_grid` give no more than it draws itself (what stands with a plus above); a roof that is not
                curtailable gives what is available
    order       delivered in a slot = what the group draws less than its baseline, 0 at least, what is ordered at most

    Every problem has a plan: what may not be reached is wanted, and gives way (`optimizers.energy.wanted` names it).

    What is wanted comes in this order, each as good as what is before it allows:

    1. safety: firm limits, in kWh beyond; floors and ceilings of temperature, in K·h beyond; a boost, in K missed;
       what batteries lack of their floor, in kWh·h
    2. comfort: bands of temperature, in K·h beyond; what vehicles lack at departure, in kWh; loads not run, in kWh
    3. cost in EUR: energy bought - energy sold + fuel + carbon + wear + what is beyond limits that are not firm + peaks
       + shed - paid for orders + short of orders - worth of what is stored at the end
    4. smoothness: of plans that cost the same, one that moves power least from slot to slot, and buys earlier

    Raises InvalidProblem with everything that is wrong.
    """

    horizon: Horizon
    sites: Sites
    groups: Groups | None = None
    orders: Orders | None = None
    solar: Solar | None = None
    batteries: Batteries | None = None
    vehicles: Vehicles | None = None
    rooms: Thermal | None = None
    tanks: Thermal | None = None
    loads: Loads | None = None
    sheddable: Sheddable | None = None

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise InvalidProblem(problems)

    @property
    def shape(self) -> tuple[int, int]:
        """Sites, slots."""
        return len(self.sites.names), len(self.horizon)

    def _problems(self) -> Iterator[str]:
        n, slots = self.shape
        if not n:
            yield "there are no sites, wants one at least"
        groups = self.groups.names if self.groups is not None else ()
        yield from self.horizon.freeze()
        yield from self.sites.freeze(slots, len(groups))
        if self.groups is not None:
            yield from self.groups.freeze(slots)
        if self.orders is not None:
            yield from self.orders.freeze(slots, groups)
        if self.batteries is not None:
            yield from self.batteries.freeze(n)
        for part in (self.solar, self.vehicles, self.loads, self.sheddable):
            yield from part.freeze(slots, n) if part is not None else ()
        for kind, thermal in (("room", self.rooms), ("tank", self.tanks)):
            yield from thermal.freeze(kind, slots, n) if thermal is not None else ()


PLANNED = ("sites", "solar", "batteries", "vehicles", "rooms", "tanks", "loads", "sheddable")
"""The parts that a plan speaks of, one by one."""

KINDS = {
    "groups": "group", "sites": "site", "orders": "order", "solar": "solar", "batteries": "battery",
    "vehicles": "vehicle", "rooms": "room", "tanks": "tank", "loads": "load", "sheddable": "sheddable",
}  # fmt: skip
"""By part, what one of its members is called."""


def names_of(problem: EnergyProblem) -> dict[str, tuple[str, ...]]:
    """By part, the names of what a plan speaks of: fields of the plan."""
    parts = {part: getattr(problem, part) for part in PLANNED}
    return {part: () if found is None else found.names for part, found in parts.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Shortfall:
    """What a plan had to leave of what comes before cost. `safety` and `comfort` as the problem sums them."""

    safety: float = 0.0
    comfort: float = 0.0


def _none() -> Floats:
    return np.zeros((0, 0))


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyPlan(Plan):
    """What each device does, over T slots; objective and bound are the cost, given the shortfall.

    sites, solar, batteries, vehicles, rooms, tanks, loads, sheddable    names, as the problem has them: `names_of` it
    import_w, export_w (n, T)                      of sites
    solar_w (P, T)                                 taken
    charge_w, discharge_w, stored_wh (B, T)        of batteries; what is stored after each slot
    vehicle_charge_w, vehicle_discharge_w, vehicle_stored_wh (V, T)    stored is what it arrives with, before its stay
    room_heat_w, room_cool_w, room_c, room_mass_c (Z, T)               heat, and temperatures after each slot
    tank_heat_w, tank_c (Z, T)
    on (L, T)                                      of loads
    given_w (S, T)                                 of loads that can be shed
    value_eur_kwh (n, T)                           what a kWh more drawn by a site would cost: the price at its margin
    stored_eur_kwh (B, T)                          what a kWh more stored after a slot would be worth
    """

    sites: tuple[str, ...]
    import_w: Floats
    export_w: Floats
    solar: tuple[str, ...] = ()
    batteries: tuple[str, ...] = ()
    vehicles: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()
    tanks: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()
    sheddable: tuple[str, ...] = ()
    solar_w: Floats = field(default_factory=_none)
    charge_w: Floats = field(default_factory=_none)
    discharge_w: Floats = field(default_factory=_none)
    stored_wh: Floats = field(default_factory=_none)
    vehicle_charge_w: Floats = field(default_factory=_none)
    vehicle_discharge_w: Floats = field(default_factory=_none)
    vehicle_stored_wh: Floats = field(default_factory=_none)
    room_heat_w: Floats = field(default_factory=_none)
    room_cool_w: Floats = field(default_factory=_none)
    room_c: Floats = field(default_factory=_none)
    room_mass_c: Floats = field(default_factory=_none)
    tank_heat_w: Floats = field(default_factory=_none)
    tank_c: Floats = field(default_factory=_none)
    on: Bools = field(default_factory=lambda: np.zeros((0, 0), np.bool_))
    given_w: Floats = field(default_factory=_none)
    value_eur_kwh: Floats = field(default_factory=_none)
    stored_eur_kwh: Floats = field(default_factory=_none)
    shortfall: Shortfall = field(default_factory=Shortfall)
    unit: str = EUR
