"""Why a device does in a slot what a plan says: the price it saw, what a kWh more would cost, and what binds it."""

from collections.abc import Callable
from dataclasses import dataclass

from optimizers.energy.billing import electricity_w, fuel_w, thermals
from optimizers.energy.holding import Asked, Hold, held
from optimizers.energy.problem import KINDS, PLANNED, EnergyPlan, EnergyProblem
from optimizers.result import InvalidProblem


@dataclass(frozen=True, slots=True)
class Explanation:
    """One device of a plan in one slot.

    power_w                      what it draws of the site's electricity; below 0 for what it gives
    fuel_w                       gas or heat that it takes otherwise
    before, after                what it holds before and after the slot in Wh, or its temperature; None for others
    buy_eur_kwh, sell_eur_kwh    prices of its site
    meter_w                      what its site draws, below 0 where it feeds in
    value_eur_kwh                what a kWh more drawn by the site would cost; None of a plan that does not say
    stored_eur_kwh               of a battery, what a kWh more stored would be worth after the slot
    charge_gain_eur_kwh          of a battery, what a kWh more charged would bring: above 0 something holds it back
    discharge_gain_eur_kwh       what a kWh more discharged would
    used_eur_kwh                 what one more unit of its service costs: a kWh of heat, of electricity given, of sun
    held                         what leaves no room
    """

    kind: str
    name: str
    site: str
    t: int
    power_w: float
    fuel_w: float
    before: float | None
    after: float | None
    buy_eur_kwh: float
    sell_eur_kwh: float
    meter_w: float
    value_eur_kwh: float | None
    stored_eur_kwh: float | None
    charge_gain_eur_kwh: float | None
    discharge_gain_eur_kwh: float | None
    used_eur_kwh: float | None
    held: tuple[Hold, ...]


def explain(problem: EnergyProblem, plan: EnergyPlan, part: str, index: int, t: int) -> Explanation:
    """Of the device `index` of a part (a field of the problem: `batteries`) in slot t. The plan is one that `check`
    lets pass. Raises InvalidProblem for a device or a slot that there is not.
    """
    _exists(problem, part, index, t)
    asked = Asked(problem, plan, getattr(problem, part), index, t)
    site = asked.site
    before, after = _STATES.get(part, _stateless)(asked)
    return Explanation(
        kind=KINDS[part],
        name=asked.part.names[index],
        site=problem.sites.names[site],
        t=t,
        power_w=_POWERS[part](asked),
        fuel_w=_fuel_w(asked) if part in {"rooms", "tanks"} else 0.0,
        before=before,
        after=after,
        buy_eur_kwh=float(problem.sites.import_eur_kwh[site, t]),
        sell_eur_kwh=float(problem.sites.export_eur_kwh[site, t]),
        meter_w=float(plan.import_w[site, t] - plan.export_w[site, t]),
        value_eur_kwh=asked.value_eur_kwh,
        stored_eur_kwh=asked.stored_eur_kwh if part == "batteries" else None,
        **_gains(asked, part),
        used_eur_kwh=_used_eur_kwh(asked, part),
        held=tuple(held(part, asked)),
    )


def _exists(problem: EnergyProblem, part: str, index: int, t: int) -> None:
    if part not in PLANNED:
        raise InvalidProblem([f"part is {part!r}, wants one of {', '.join(PLANNED)}"])
    members = 0 if (found := getattr(problem, part)) is None else len(found.names)
    wrong = [(f"{part}: index is {index}", members, index), (f"slot is {t}", len(problem.horizon), t)]
    if problems := [f"{what}, wants one below {most}" for what, most, value in wrong if not 0 <= value < most]:
        raise InvalidProblem(problems)


def _electricity_w(one: Asked) -> float:
    return next(
        float(electricity_w(part, heat, cool)[one.i, one.t])
        for part, heat, cool in thermals(one.problem, one.plan)
        if part is one.part
    )


def _fuel_w(one: Asked) -> float:
    return next(
        float(fuel_w(part, heat)[one.i, one.t])
        for part, heat, _ in thermals(one.problem, one.plan)
        if part is one.part
    )  # fmt: skip


_POWERS: dict[str, Callable[[Asked], float]] = {
    "sites": lambda one: one.planned("import_w") - one.planned("export_w"),
    "solar": lambda one: -one.planned("solar_w"),
    "batteries": lambda one: one.planned("charge_w") - one.planned("discharge_w"),
    "vehicles": lambda one: one.planned("vehicle_charge_w") - one.planned("vehicle_discharge_w"),
    "rooms": _electricity_w,
    "tanks": _electricity_w,
    "loads": lambda one: one.planned("on") * one.of("power_w"),
    "sheddable": lambda one: one.planned("given_w"),
}


def _stateless(_: Asked) -> tuple[None, None]:
    return None, None


def _state(field: str, initial: str) -> Callable[[Asked], tuple[float | None, float | None]]:
    def found(one: Asked) -> tuple[float | None, float | None]:
        values = getattr(one.plan, field)[one.i]
        return float(values[one.t - 1]) if one.t else one.of(initial), float(values[one.t])

    return found


_STATES: dict[str, Callable[[Asked], tuple[float | None, float | None]]] = {
    "batteries": _state("stored_wh", "initial_wh"),
    "vehicles": _state("vehicle_stored_wh", "initial_wh"),
    "rooms": _state("room_c", "initial_c"),
    "tanks": _state("tank_c", "initial_c"),
}


def _gains(one: Asked, part: str) -> dict[str, float | None]:
    nothing: dict[str, float | None] = {"charge_gain_eur_kwh": None, "discharge_gain_eur_kwh": None}
    if part != "batteries":
        return nothing
    value, stored = one.value_eur_kwh, one.stored_eur_kwh
    if value is None or stored is None:
        return nothing
    return {
        "charge_gain_eur_kwh": stored * one.of("charge_efficiency") - value,
        "discharge_gain_eur_kwh": value - one.of("wear_eur_kwh") - stored / one.of("discharge_efficiency"),
    }


def _used_eur_kwh(one: Asked, part: str) -> float | None:
    """Of a room or tank a kWh of heat, of others a kWh of electricity."""
    if part in {"rooms", "tanks"} and not one.part.electric[one.i]:
        carbon = one.of("fuel_g_kwh") / 1000 * float(one.problem.sites.carbon_eur_kg[one.site])
        return (one.of("fuel_eur_kwh") + carbon) / one.of("cop")
    value = one.value_eur_kwh
    return value / one.of("cop") if value is not None and part in {"rooms", "tanks"} else value
