"""Magnitudes that no building has: numbers told in another unit than their field's name says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from optimizers.arrays import Floats
from optimizers.energy.problem import KINDS, EnergyProblem

FEW: Final = 50.0
"""W or Wh: no battery, charging point, heat source or meter is that small; a thousandth of any is."""

LONGEST_H: Final = 1_000.0
"""To fill a battery with all that it can take, or with the sun's highest power: six weeks."""

SHORTEST_H: Final = 0.01
"""Likewise: 36 seconds."""

LOOSEST: Final = 1_000.0
"""Times what a site ever draws that its contracted power is."""

DEAREST_EUR_KWH: Final = 5.0
"""For most of a plan: the day-ahead exchange stops at 4."""

HOTTEST_C: Final = 60.0
"""Of the air outside."""


@dataclass(frozen=True)
class _Doubt:
    """A field whose highest value, where there is any, is odd below `least` or above `most`."""

    field: str
    hint: str
    least: float = 0.0
    most: float = np.inf


_POWER = "is it in kW?"
_OF_STORES = (
    _Doubt("capacity_wh", "is it in kWh?", FEW),
    _Doubt("charge_max_w", _POWER, FEW),
    _Doubt("discharge_max_w", _POWER, FEW),
)
_DOUBTS: dict[str, tuple[_Doubt, ...]] = {
    "sites": (
        _Doubt("import_limit_w", "is it in kW or kVA?", FEW),
        _Doubt("carbon_g_kwh", "is it in g/MWh?", most=3_000),
    ),
    "groups": (_Doubt("import_limit_w", "is it in kW or kVA?", FEW),),
    "orders": (_Doubt("ordered_w", _POWER, FEW),),
    "batteries": _OF_STORES,
    "vehicles": _OF_STORES,
    "rooms": (
        _Doubt("capacity_wh_k", "is it in kWh/K?", 10),
        _Doubt("loss_w_k", "is it in kW/K?", 1),
        _Doubt("outdoor_c", "is it in K, or °F?", most=HOTTEST_C),
        _Doubt("heat_max_w", _POWER, FEW),
    ),
    "tanks": (
        _Doubt("capacity_wh_k", "is it in kWh/K?", 1),
        _Doubt("outdoor_c", "is it in K, or °F?", most=HOTTEST_C),
        _Doubt("heat_max_w", _POWER, FEW),
    ),
    "loads": (_Doubt("power_w", _POWER, 1),),
}


def doubts(problem: EnergyProblem) -> tuple[str, ...]:
    """Each in a sentence with who, what was found, what would be plausible and which unit may be meant."""
    return (*_odd(problem), *_odd_prices(problem), *_odd_loads(problem), *_odd_times(problem))


def _odd(problem: EnergyProblem) -> Iterator[str]:
    for part, asked in _DOUBTS.items():
        found = getattr(problem, part)
        for one in asked if found is not None else ():
            for name, values in zip(found.names, getattr(found, one.field), strict=True):
                highest = _highest(values)
                if highest > 0 and not one.least <= highest <= one.most:
                    wanted = f"{one.least:g} or more" if highest < one.least else f"{one.most:g} at most"
                    yield f"{KINDS[part]} {name!r}: {one.field} is {highest:g}, wants {wanted} ({one.hint})"


def _highest(values: Any) -> float:
    finite: Floats = np.atleast_1d(values)[np.isfinite(np.atleast_1d(values))]
    return float(finite.max(initial=0.0))


def _odd_prices(problem: EnergyProblem) -> Iterator[str]:
    for field in ("import_eur_kwh", "export_eur_kwh"):
        for name, values in zip(problem.sites.names, getattr(problem.sites, field), strict=True):
            if (usual := float(np.median(np.abs(values)))) > DEAREST_EUR_KWH:
                hint = "is it in EUR/MWh, or cents?"
                yield f"site {name!r}: {field} is {usual:g} in most slots, wants {DEAREST_EUR_KWH:g} at most ({hint})"


def _odd_loads(problem: EnergyProblem) -> Iterator[str]:
    """What a site draws beside its contracted power: a thousandth of it is in kW, or in kWh a slot."""
    sites = problem.sites
    for i, name in enumerate(sites.names):
        base, limit = _highest(sites.base_w[i]), _highest(sites.import_limit_w[i])
        if 0 < base * LOOSEST < limit:
            found = f"base_w is {base:g} at most where import_limit_w is {limit:g}"
            yield f"site {name!r}: {found}, wants a thousandth of it at least (is it in kW, or kWh a slot?)"


def _odd_times(problem: EnergyProblem) -> Iterator[str]:
    for part in (problem.batteries, problem.vehicles):
        for i, name in enumerate(part.names if part is not None else ()):
            capacity, most = float(part.capacity_wh[i]), float(part.charge_max_w[i])  # type: ignore[union-attr]
            if most > 0 and not SHORTEST_H <= capacity / most <= LONGEST_H:
                found = f"capacity_wh is {capacity:g} where charge_max_w is {most:g}: full in {capacity / most:g} h"
                wanted = f"wants {SHORTEST_H:g} to {LONGEST_H:g} h (is one of them in thousands?)"
                yield f"{part.kind} {name!r}: {found}, {wanted}"  # type: ignore[union-attr]
