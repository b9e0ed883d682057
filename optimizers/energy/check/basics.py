"""What stands in the way of judging a plan at all: names, shapes, numbers that are none."""

from collections.abc import Iterator
from itertools import zip_longest

import numpy as np

from optimizers.energy.problem import KINDS, EnergyPlan, EnergyProblem, names_of
from optimizers.result import Violation

ROWS = {
    "sites": ("import_w", "export_w"),
    "solar": ("solar_w",),
    "batteries": ("charge_w", "discharge_w", "stored_wh"),
    "vehicles": ("vehicle_charge_w", "vehicle_discharge_w", "vehicle_stored_wh"),
    "rooms": ("room_heat_w", "room_cool_w", "room_c", "room_mass_c"),
    "tanks": ("tank_heat_w", "tank_c"),
    "loads": ("on",),
    "sheddable": ("given_w",),
}
"""By part, the arrays of a plan with a row for each of its members."""

MARGINS = {"sites": "value_eur_kwh", "batteries": "stored_eur_kwh"}
"""Arrays that a plan may leave out."""


def names(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """The plan speaks of the problem's devices in their order."""
    for part, wanted in names_of(problem).items():
        for i, (told, meant) in enumerate(zip_longest(getattr(plan, part), wanted)):
            if told != meant:
                detail = f"{part} {i} is {told!r}, wants {meant!r}: the problem's {len(wanted)} in their order"
                yield Violation("names", "plan", 1.0, "1", detail)
                break


def shape(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """A row for each device with a value for each slot."""
    slots = len(problem.horizon)
    for part, members in names_of(problem).items():
        for name in ROWS[part]:
            found = np.shape(getattr(plan, name))
            if found != (len(members), slots) and not (not members and 0 in found):
                yield Violation("shape", "plan", 1.0, "1", f"{name} is {found}, wants {(len(members), slots)}")
    for part, name in MARGINS.items():
        found, wanted = np.shape(getattr(plan, name)), (len(names_of(problem)[part]), slots)
        if found != wanted and 0 not in found:
            yield Violation("shape", "plan", 1.0, "1", f"{name} is {found}, wants {wanted}, or none")


def finite(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """No figure is infinite or no number."""
    figures = {
        "objective": plan.objective, "bound": plan.bound,
        "shortfall.safety": plan.shortfall.safety, "shortfall.comfort": plan.shortfall.comfort,
    }  # fmt: skip
    for name, value in figures.items():
        if not np.isfinite(value):
            yield Violation("finite", "plan", 1.0, "1", f"{name} is {value}")
    for part, members in names_of(problem).items():
        arrays = (*ROWS[part], *((MARGINS[part],) if part in MARGINS else ()))
        for name in arrays:
            values = np.asarray(getattr(plan, name))
            for i, t in np.argwhere(~np.isfinite(values)).tolist()[:1]:
                yield Violation(
                    "finite", f"{KINDS[part]} {members[i]}", 1.0, "1", f"{name} of slot {t} is {values[i, t]}"
                )
