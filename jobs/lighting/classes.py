"""The class tables as they are configured, and the class that the weights of a street add up to."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from engine.errors import InputError, Problem
from jobs.lighting.tables import Family, LightingTables
from optimizers.lighting_classes import thousandths
from optimizers.result import InvalidProblem

TRAFFIC = "traffic"
"""What changes over the night, beside the parameters of the tables: busy, normal or quiet."""

_EXAMPLE = {"travel_speed": "low", "traffic_composition": "pedestrians_cyclists", "parked_vehicles": "not_present"}
WORKED_EXAMPLE: Mapping[str, Mapping[str, str]] = {
    "evening": {**_EXAMPLE, "ambient_luminosity": "moderate", TRAFFIC: "normal"},
    "small hours": {**_EXAMPLE, "ambient_luminosity": "low", TRAFFIC: "quiet"},
}
"""CEN/TR 13201-1:2014, table A.2: the weights of a P street add up to 2 and give P4; after midnight to 0, and P6."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A weight for each parameter, their sum, the class and the level it requires in `unit`."""

    weights: Mapping[str, Decimal]
    sum: Decimal
    label: str
    level: float
    unit: str


def class_rows(tables: LightingTables, letter: Family) -> list[dict[str, Any]]:
    """What each class of a family requires, brightest first."""
    system, family = tables.systems[letter], tables.families[letter]
    return [
        {"class": family.label(family.first + k), system.unit: level}
        | {name: values[k] for name, values in system.quality.items()}
        for k, level in enumerate(system.levels)
    ]


def weigh(tables: LightingTables, letter: Family, options: Mapping[str, str]) -> Weighed:
    """The class of a street whose every parameter is given, or assumed by the tables. Raises InputError."""
    system, family = tables.systems[letter], tables.families[letter]
    bands = system.traffic.two_lane
    of_traffic = {"busy": bands.busy, "normal": bands.normal, "quiet": bands.quiet}
    street = {**system.assumed, **options}
    traffic = street.pop(TRAFFIC, "busy")
    wrong = [] if traffic in of_traffic else [f"{letter}: {TRAFFIC} is {traffic!r}, wants one of busy, normal, quiet"]
    try:
        static = family.static_sum(street)
    except InvalidProblem as error:
        wrong += error.problems
    if wrong:
        raise InputError([Problem("weights", 0, 0, what) for what in wrong])
    weights = {name: family.weights[name][option] for name, option in street.items()} | {TRAFFIC: of_traffic[traffic]}
    number = family.number(np.array(static + thousandths(of_traffic[traffic])))
    label, level = family.label(int(number)), float(family.level(number))
    return Weighed(weights, sum(weights.values(), Decimal(0)), label, level, system.unit)
