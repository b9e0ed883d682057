"""A plan of a day in six slots written by hand, and the same plan with one word broken, for each word that can be."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimizers.energy import (
    Batteries,
    EnergyPlan,
    EnergyProblem,
    Groups,
    Horizon,
    Loads,
    Orders,
    Sheddable,
    Shortfall,
    Sites,
    Solar,
    Thermal,
    Vehicles,
)
from optimizers.result import Status, Violation
from tests.energy.followed import followed, honest

SCHOOL, POOL = 0, 1

PROBLEM = EnergyProblem(
    horizon=Horizon(duration_s=np.array([3600.0, 3600.0, 3600.0, 1800.0, 1800.0, 7200.0])),
    sites=Sites(
        names=("school", "pool"),
        group=np.array([1, 0]),
        base_w=np.array([[2e3, 2e3, 6e3, 6e3, 6e3, 2e3], [8e3] * 6]),
        margin_w=np.array([[500.0], [0.0]]) * np.ones(6),
        import_eur_kwh=np.array([0.1, 0.1, 0.2, 0.2, 0.3, 0.1]) * np.ones((2, 1)),
        export_eur_kwh=np.array(0.05),
        import_limit_w=np.array([[24e3], [18e3]]) * np.ones(6),
        firm=np.array([False, True]),
        over_eur_kwh=np.array([[10.0], [0.0]]) * np.ones(6),
        export_limit_w=np.array([[np.inf], [3e3]]) * np.ones(6),
        peak_eur_kw=np.array([0.5, 0.0]),
        peak_so_far_w=np.array([9e3, 0.0]),
        carbon_g_kwh=np.array(50.0),
        carbon_eur_kg=np.array(0.1),
    ),
    groups=Groups(
        names=("campus", "wing"),
        parent=np.array([-1, 0]),
        import_limit_w=np.array([[40e3], [25e3]]) * np.ones(6),
        firm=np.array([True, False]),
        over_eur_kwh=np.array([[0.0], [2.0]]) * np.ones(6),
        peak_eur_kw=np.array([0.2, 0.0]),
    ),
    orders=Orders(
        names=("evening",),
        group=np.array([0]),
        first=np.array([3]),
        last=np.array([5]),
        baseline_w=np.full((1, 6), 30e3),
        ordered_w=np.array([6e3]),
        paid_eur_kwh=np.array([0.4]),
        short_eur_kwh=np.array([0.2]),
    ),
    solar=Solar(
        names=("roof", "shed"),
        site=np.array([SCHOOL, POOL]),
        available_w=np.array([[0, 4e3, 8e3, 8e3, 4e3, 0], [0, 1e3, 2e3, 2e3, 1e3, 0]]),
        curtailable=np.array([True, False]),
    ),
    batteries=Batteries(
        names=("cellar", "attic"),
        site=np.array([SCHOOL, POOL]),
        capacity_wh=np.array([10e3, 8e3]),
        floor_wh=np.array([1e3, 0.0]),
        initial_wh=np.array([4e3, 2e3]),
        charge_max_w=np.array([5e3, 4e3]),
        charge_least_w=np.array([0.0, 500.0]),
        discharge_max_w=np.array([5e3, 4e3]),
        charge_efficiency=np.array([0.9, 1.0]),
        discharge_efficiency=np.array([0.9, 0.8]),
        loss_h=np.array([0.01, 0.0]),
        wear_eur_kwh=np.array([0.02, 0.0]),
        end_eur_kwh=np.array([0.1, 0.1]),
        from_grid=np.array([True, False]),
        to_grid=np.array([True, False]),
    ),
    vehicles=Vehicles(
        names=("van",),
        site=np.array([SCHOOL]),
        arrive=np.array([1]),
        depart=np.array([5]),
        capacity_wh=np.array([30e3]),
        initial_wh=np.array([10e3]),
        target_wh=np.array([16e3]),
        charge_max_w=np.array([7e3]),
        charge_least_w=np.array([1400.0]),
        discharge_max_w=np.array([3e3]),
        charge_efficiency=np.array([0.9]),
        discharge_efficiency=np.array([0.9]),
        wear_eur_kwh=np.array([0.05]),
    ),
    rooms=Thermal(
        names=("classes", "hall"),
        site=np.array([SCHOOL, POOL]),
        capacity_wh_k=np.array([2e3, 3e3]),
        loss_w_k=np.array([300.0, 400.0]),
        outdoor_c=np.array(5.0),
        gain_w=np.array([[0, 0, 1e3, 1e3, 0, 0], [500.0] * 6]),
        mass_wh_k=np.array([10e3, 0.0]),
        coupling_w_k=np.array([800.0, 0.0]),
        initial_c=np.array([18.0, 26.0]),
        mass_initial_c=np.array([18.0, 0.0]),
        low_c=np.array([[15.0], [20.0]]) * np.ones(6),
        high_c=np.array([[24.0], [29.0]]) * np.ones(6),
        floor_c=np.array([7.0, 15.0]),
        ceiling_c=np.array([30.0, 32.0]),
        heat_max_w=np.array([[9e3], [15e3]]) * np.ones(6),
        heat_least_w=np.array([0.0, 5e3]),
        cop=np.array([[3.0], [0.9]]) * np.ones(6),
        electric=np.array([True, False]),
        fuel_eur_kwh=np.array([[0.0], [0.09]]) * np.ones(6),
        fuel_g_kwh=np.array([0.0, 200.0]),
        cool_max_w=np.array([[2e3], [0.0]]) * np.ones(6),
        cool_cop=np.array(4.0),
    ),
    tanks=Thermal(
        names=("bath",),
        site=np.array([POOL]),
        capacity_wh_k=np.array([500.0]),
        loss_w_k=np.array([5.0]),
        outdoor_c=np.array(15.0),
        gain_w=np.array([[0, -500.0, -500.0, 0, 0, -300.0]]),
        initial_c=np.array([50.0]),
        low_c=np.array(45.0),
        floor_c=np.array([40.0]),
        ceiling_c=np.array([75.0]),
        boost_c=np.array([60.0]),
        boost_slot=np.array([3]),
        heat_max_w=np.array(4e3),
        cop=np.array(1.0),
    ),
    loads=Loads(
        names=("kiln", "pump"),
        site=np.array([SCHOOL, POOL]),
        power_w=np.array([4e3, 1e3]),
        first=np.array([0, 0]),
        last=np.array([3, 6]),
        slots=np.array([2, 3]),
        least_on=np.array([2, 1]),
        least_off=np.array([1, 2]),
        most_starts=np.array([1, 2]),
    ),
    sheddable=Sheddable(
        names=("fans",),
        site=np.array([SCHOOL]),
        wanted_w=np.full((1, 6), 1e3),
        shed_eur_kwh=np.array([0.5]),
        most_wh=np.array([800.0]),
    ),
)

TOLD: dict[str, Any] = {
    "solar_w": np.array([[0, 4e3, 6e3, 8e3, 4e3, 0], [0, 1e3, 2e3, 2e3, 1e3, 0]]),
    "charge_w": np.array([[2e3, 0, 0, 0, 0, 0], [0, 1e3, 0, 2e3, 0, 0]]),
    "discharge_w": np.array([[0, 0, 0, 0, 3e3, 0], [0, 0, 800.0, 0, 0, 0]]),
    "vehicle_charge_w": np.array([[0, 4e3, 3e3, 2e3, 0, 0]]),
    "vehicle_discharge_w": np.array([[0, 0, 0, 0, 500.0, 0]]),
    "room_heat_w": np.array([[6e3, 6e3, 3e3, 0, 0, 3e3], [9e3, 9e3, 9e3, 0, 9e3, 9e3]]),
    "room_cool_w": np.array([[0, 0, 0, 1e3, 0, 0], [0.0] * 6]),
    "tank_heat_w": np.array([[3e3, 2e3, 0, 0, 0, 500.0]]),
    "on": np.array([[0, 1, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0]], np.bool_),
    "given_w": np.array([[1e3, 1e3, 1e3, 500.0, 0, 1e3]]),
}

PLAN = followed(PROBLEM, **TOLD)
"""The pump lacks a slot of its three, and the boost half a K or so: it is a best effort that says so."""


@dataclass(frozen=True)
class Planted:
    """What is broken, in which constraint, whose, and by how much at the worst."""

    what: str
    constraint: str
    object: str
    amount: float
    plan: EnergyPlan
    problem: EnergyProblem = PROBLEM


def told(**changes: dict[tuple[int, int], float]) -> EnergyPlan:
    """The plan that follows where devices are told otherwise in some slots."""
    return followed(PROBLEM, **(TOLD | {name: _changed(TOLD[name], at) for name, at in changes.items()}))


def said(name: str, at: dict[tuple[int, int], float], *, by: bool = False) -> EnergyPlan:
    """The plan with figures of its own changed, or moved by so much, and nothing that follows from them."""
    return replace(PLAN, **{name: _changed(getattr(PLAN, name), at, by=by)})


def _changed(values: Any, at: dict[tuple[int, int], float], *, by: bool = False) -> Any:
    changed = np.array(values)
    for where, value in at.items():
        changed[where] = value + changed[where] if by else value
    return changed


def _of(part: str, **changes: Any) -> EnergyProblem:
    """The problem with something of a part changed."""
    return EnergyProblem(**{**vars(PROBLEM), part: replace(getattr(PROBLEM, part), **changes)})


def _left(change: Callable[[list[Violation]], list[Violation]]) -> EnergyPlan:
    return replace(PLAN, violations=tuple(change(list(PLAN.violations))))


PUMP = next(one for one in PLAN.violations if one.object == "load pump")
BATH = next(one for one in PLAN.violations if one.object == "tank bath")


def _without(broken: EnergyPlan, *names: str) -> EnergyPlan:
    """A plan that does not name what it leaves of some objects, and reckons its sums right."""
    return replace(broken, violations=tuple(one for one in broken.violations if one.object not in names))


def _hidden(what: str, constraint: str, name: str, plan: EnergyPlan, problem: EnergyProblem = PROBLEM) -> Planted:
    """One that leaves something and does not name it."""
    left = next(one for one in plan.violations if (one.constraint, one.object) == (constraint, name))
    return Planted(what, constraint, name, left.amount, _without(plan, name), problem)


_FIRM = _of("sites", firm=np.array([True, True]), over_eur_kwh=np.array(0.0), import_limit_w=np.array([[8e3], [18e3]]))
_TIGHT = _of("groups", import_limit_w=np.array([[18.5e3], [25e3]]) * np.ones(6))
_FED = _of("sites", base_w=np.array([[2e3] * 6, [900.0] * 6]), import_limit_w=np.array(np.inf),
           export_limit_w=np.array([[np.inf], [500.0]]))  # fmt: skip
_QUIET = _of("sites", base_w=np.array([[2e3] * 6, [8e3, 8e3, 700.0, 8e3, 8e3, 8e3]]))
_COLD = _of("rooms", floor_c=np.array([17.5, 15.0]))
_HOT = _of("rooms", ceiling_c=np.array([30.0, 26.2]))
_HIGH = _of("rooms", high_c=np.array([[24.0], [26.2]]))
_LOW = _of("rooms", low_c=np.array([[18.0], [20.0]]))
_FULL = _of("batteries", floor_wh=np.array([3.9e3, 0.0]))
_SMALL = _of("batteries", capacity_wh=np.array([10e3, 2.9e3]))
_BRISK = _of("loads", least_off=np.array([1, 1]))
_FAR = _of("vehicles", target_wh=np.array([20e3]))


def _on(problem: EnergyProblem) -> EnergyPlan:
    """The same orders, in a problem that wants more."""
    return followed(problem, **TOLD)


def _often() -> EnergyPlan:
    """Three starts of the pump, where a slot's pause is enough."""
    on = _changed(TOLD["on"], {(1, 3): 0, (1, 2): 1, (1, 4): 1})
    return followed(_BRISK, **(TOLD | {"on": on}))


PLANTED: tuple[Planted, ...] = (
    Planted("another problem's batteries", "names", "plan", 1, replace(PLAN, batteries=("attic", "cellar"))),
    Planted("a site too few", "names", "plan", 1, replace(PLAN, sites=("school",))),
    Planted("a slot too few", "shape", "plan", 1, replace(PLAN, room_c=PLAN.room_c[:, :5])),
    Planted("margins of another shape", "shape", "plan", 1, replace(PLAN, value_eur_kwh=np.zeros((2, 5)))),
    Planted("a power that is no number", "finite", "battery cellar", 1, said("charge_w", {(0, 3): np.nan})),
    Planted("a power without end", "finite", "site pool", 1, said("import_w", {(1, 0): np.inf})),
    Planted("a cost that is no number", "finite", "plan", 1, replace(PLAN, objective=np.nan)),
    Planted(
        "a site that buys below nothing",
        "import",
        "site school",
        50,
        honest(
            PROBLEM,
            replace(said("import_w", {(0, 4): -50.0}), export_w=_changed(PLAN.export_w, {(0, 4): -50.0}, by=True)),
        ),
    ),
    Planted(
        "energy from nowhere", "balance", "site school", 1e3, honest(PROBLEM, said("import_w", {(0, 0): -1e3}, by=True))
    ),
    Planted(
        "bought and fed in at once",
        "one way",
        "site pool",
        700,
        honest(
            PROBLEM,
            replace(said("import_w", {(1, 0): 700.0}, by=True), export_w=_changed(PLAN.export_w, {(1, 0): 700.0})),
        ),
    ),
    Planted("charged and discharged at once", "one way", "battery cellar", 600, told(charge_w={(0, 4): 600.0})),
    Planted("a vehicle likewise", "one way", "vehicle van", 200, told(vehicle_discharge_w={(0, 3): 200.0})),
    Planted("more than the sun gives", "solar", "solar roof", 500, told(solar_w={(0, 2): 8.5e3})),
    Planted("a roof curtailed that cannot be", "solar", "solar shed", 300, told(solar_w={(1, 4): 700.0})),
    Planted("fans given more than they want", "given", "sheddable fans", 250, told(given_w={(0, 0): 1250.0})),
    Planted("fans shed for too long", "shed", "sheddable fans", 450, told(given_w={(0, 0): 500.0})),
    Planted("charged from the grid", "from grid", "site pool", 900, told(charge_w={(1, 0): 900.0})),
    Planted("emptied into the grid", "to grid", "site pool", 100, _on(_QUIET), _QUIET),
    Planted("charged harder than it can", "charge", "battery cellar", 500, told(charge_w={(0, 0): 0.0, (0, 1): 5.5e3})),
    Planted("emptied harder than it can", "discharge", "battery cellar", 400, told(discharge_w={(0, 4): 5.4e3})),
    Planted("charged less than its least", "least charge", "battery attic", 200, told(charge_w={(1, 1): 300.0})),
    Planted(
        "more stored than goes in",
        "stored",
        "battery cellar",
        100,
        honest(PROBLEM, said("stored_wh", {(0, 5): 100.0}, by=True)),
    ),
    Planted("fuller than full", "capacity", "battery attic", 100, _on(_SMALL), _SMALL),
    Planted("a vehicle charged that is away", "away", "vehicle van", 1e3, told(vehicle_charge_w={(0, 0): 1e3})),
    Planted("a vehicle harder than its point", "charge", "vehicle van", 200, told(vehicle_charge_w={(0, 1): 7.2e3})),
    Planted(
        "a vehicle emptied harder",
        "discharge",
        "vehicle van",
        300,
        told(vehicle_discharge_w={(0, 4): 3.3e3}, vehicle_charge_w={(0, 3): 7e3}),
    ),
    Planted(
        "a vehicle below 6 A", "least charge", "vehicle van", 400, told(vehicle_charge_w={(0, 3): 1e3, (0, 2): 4e3})
    ),
    Planted(
        "a vehicle that gained on the way",
        "stored",
        "vehicle van",
        50,
        said("vehicle_stored_wh", {(0, 5): 50.0}, by=True),
    ),
    Planted("more heat than there is", "heat", "room classes", 1e3, told(room_heat_w={(0, 0): 1e4})),
    Planted("cooled more than can be", "cool", "room classes", 500, told(room_cool_w={(0, 3): 2.5e3})),
    Planted("a boiler below its least", "least heat", "room hall", 2e3, told(room_heat_w={(1, 3): 2e3})),
    Planted("a tank hotter than its heat", "temperature", "tank bath", 0.5, said("tank_c", {(0, 5): 0.5}, by=True)),
    Planted("a room warmer than its heat", "temperature", "room hall", 0.3, said("room_c", {(1, 5): 0.3}, by=True)),
    Planted("a kiln outside its stay", "stay", "load kiln", 1, told(on={(0, 1): 0, (0, 3): 1})),
    Planted("a pump that runs too long", "slots", "load pump", 1, told(on={(1, 1): 1, (1, 2): 1})),
    Planted("a kiln too short", "least on", "load kiln", 1, told(on={(0, 2): 0})),
    Planted("a pump on again too soon", "least off", "load pump", 1, told(on={(1, 3): 0, (1, 2): 1})),
    Planted("a pump started too often", "starts", "load pump", 1, _often(), _BRISK),
    _hidden("a firm limit passed in silence", "import limit", "site school", _on(_FIRM), _FIRM),
    _hidden("a group's firm limit likewise", "import limit", "group campus", _on(_TIGHT), _TIGHT),
    _hidden("fed in beyond what may be", "export limit", "site pool", _on(_FED), _FED),
    _hidden("frost in silence", "floor", "room classes", _on(_COLD), _COLD),
    _hidden("too hot in silence", "ceiling", "room hall", _on(_HOT), _HOT),
    _hidden("a boost that is missed in silence", "boost", "tank bath", PLAN),
    _hidden("a reserve that is spent in silence", "reserve", "battery cellar", _on(_FULL), _FULL),
    _hidden("a cold room in silence", "comfort low", "room classes", _on(_LOW), _LOW),
    _hidden("a warm room in silence", "comfort high", "room hall", _on(_HIGH), _HIGH),
    _hidden("a vehicle that leaves short in silence", "departure", "vehicle van", _on(_FAR), _FAR),
    _hidden("a load not run in silence", "not run", "load pump", PLAN),
    Planted(
        "less told than is left",
        "claim",
        "load pump",
        0.25,
        _left(lambda all_: [replace(one, amount=one.amount - 0.25) if one is PUMP else one for one in all_]),
    ),
    Planted(
        "told in another unit",
        "claim",
        "tank bath",
        0,
        _left(lambda all_: [replace(one, unit="°C") if one is BATH else one for one in all_]),
    ),
    Planted(
        "told of what is not so",
        "claim",
        "room hall",
        2,
        _left(lambda all_: [*all_, Violation("floor", "room hall", 2.0, "K·h")]),
    ),
    Planted(
        "told of what nobody wants",
        "claim",
        "plan",
        1,
        _left(lambda all_: [*all_, Violation("beauty", "plan", 1.0, "1")]),
    ),
    Planted(
        "safety reckoned too small",
        "shortfall",
        "plan",
        0.5,
        replace(PLAN, shortfall=Shortfall(safety=PLAN.shortfall.safety - 0.5, comfort=PLAN.shortfall.comfort)),
    ),
    Planted(
        "comfort reckoned too small",
        "shortfall",
        "plan",
        0.5,
        replace(PLAN, shortfall=Shortfall(safety=PLAN.shortfall.safety, comfort=PLAN.shortfall.comfort - 0.5)),
    ),
    Planted(
        "optimal said of a best effort", "status", "plan", 1, replace(PLAN, status=Status.OPTIMAL, bound=PLAN.objective)
    ),
    Planted("costs told in dollars", "unit", "plan", 1, replace(PLAN, unit="USD")),
    Planted("costs told too low", "objective", "plan", 0.25, replace(PLAN, objective=PLAN.objective - 0.25)),
    Planted("a bound above the objective", "bound", "plan", 2, replace(PLAN, bound=PLAN.objective + 2)),
)
