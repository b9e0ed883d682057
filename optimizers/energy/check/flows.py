"""Meters, roofs and loads to shed: that nothing is drawn which nobody gives."""

from collections.abc import Iterator

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.billing import by_site, own_w, produced_w
from optimizers.energy.check.told import Constraint, missed, outside, worst
from optimizers.energy.problem import TOLERANCE_W, EnergyPlan, EnergyProblem
from optimizers.result import Violation


def meters(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """What is bought and what is fed in are not negative."""
    of = "site", problem.sites.names
    yield from outside("import", of, plan.import_w, 0.0, np.inf, "W", TOLERANCE_W)
    yield from outside("export", of, plan.export_w, 0.0, np.inf, "W", TOLERANCE_W)


def balance(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """A meter shows what the site draws less what it is given."""
    wanted = own_w(problem, plan) - produced_w(problem, plan)
    yield from missed("balance", ("site", problem.sites.names), plan.import_w - plan.export_w, wanted, "W", TOLERANCE_W)


def one_way(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """No site buys and feeds in, no store charges and discharges, no room is heated and cooled in one slot."""
    yield from _both(("site", problem.sites.names), plan.import_w, plan.export_w)
    if problem.batteries is not None:
        yield from _both(("battery", problem.batteries.names), plan.charge_w, plan.discharge_w)
    if problem.vehicles is not None:
        yield from _both(("vehicle", problem.vehicles.names), plan.vehicle_charge_w, plan.vehicle_discharge_w)
    if problem.rooms is not None:
        yield from _both(("room", problem.rooms.names), plan.room_heat_w, plan.room_cool_w)


def _both(of: tuple[str, tuple[str, ...]], one: Floats, other: Floats) -> Iterator[Violation]:
    def why(i: int, t: int) -> str:
        return f"{one[i, t]:.9g} W in and {other[i, t]:.9g} W out"

    yield from worst("one way", of, np.minimum(one, other), "W", TOLERANCE_W, why)


def solar(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """A roof gives no more than the sun; all of it, where it cannot be told to give less."""
    if (roofs := problem.solar) is not None:
        least = np.where(roofs.curtailable[:, None], 0.0, roofs.available_w)
        yield from outside("solar", ("solar", roofs.names), plan.solar_w, least, roofs.available_w, "W", TOLERANCE_W)


def given(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """A load that can be shed is given from nothing to what it wants."""
    if (loads := problem.sheddable) is not None:
        of = "sheddable", loads.names
        yield from outside("given", of, plan.given_w, 0.0, loads.wanted_w, "W", TOLERANCE_W)


def shed(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """And in all it is given less by no more than may be."""
    if (loads := problem.sheddable) is not None:
        less = ((loads.wanted_w - plan.given_w) * problem.horizon.hours).sum(axis=1)
        for s in np.flatnonzero(less > loads.most_wh + _energy_wh(problem)).tolist():
            excess, detail = (
                float(less[s] - loads.most_wh[s]),
                f"{less[s]:.9g} Wh, wants {loads.most_wh[s]:.9g} at most",
            )
            yield Violation("shed", f"sheddable {loads.names[s]}", excess, "Wh", detail)


def from_grid(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """Batteries that may not be charged with energy bought charge no more than their site's roofs give."""
    if (part := problem.batteries) is not None:
        n, slots = problem.shape
        charged = by_site(part.site, np.where(part.from_grid[:, None], 0.0, plan.charge_w), n, slots)
        sun = np.zeros((n, slots))
        if problem.solar is not None:
            sun = by_site(problem.solar.site, plan.solar_w, n, slots)
        yield from _no_more("from grid", problem, charged, sun)


def to_grid(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """Batteries that may not be emptied into the grid give no more than their site draws itself."""
    if (part := problem.batteries) is not None:
        n, slots = problem.shape
        emptied = by_site(part.site, np.where(part.to_grid[:, None], 0.0, plan.discharge_w), n, slots)
        yield from _no_more("to grid", problem, emptied, own_w(problem, plan))


def _no_more(constraint: str, problem: EnergyProblem, found: Floats, most: Floats) -> Iterator[Violation]:
    def why(i: int, t: int) -> str:
        return f"{found[i, t]:.9g} W of its batteries, wants {most[i, t]:.9g} at most"

    yield from worst(constraint, ("site", problem.sites.names), found - most, "W", TOLERANCE_W, why)


def _energy_wh(problem: EnergyProblem) -> float:
    """By which a sum over all slots may miss."""
    return TOLERANCE_W * float(problem.horizon.hours.sum())


CONSTRAINTS: tuple[Constraint, ...] = (meters, balance, one_way, solar, given, shed, from_grid, to_grid)
