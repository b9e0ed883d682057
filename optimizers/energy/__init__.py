"""Energy of buildings, their batteries, heat and vehicles: what each device draws, slot by slot, for one bill."""

from optimizers.energy.billing import Bill, bill, carbon_kg, shortfalls
from optimizers.energy.check import check
from optimizers.energy.contract import Groups, Horizon, Orders, Sites
from optimizers.energy.control import Bands, Cell, bands, battery_power_w
from optimizers.energy.devices import Batteries, Loads, Sheddable, Solar, Thermal, Vehicles
from optimizers.energy.documents import (
    plan_from_json,
    plan_schema,
    plan_to_json,
    problem_from_json,
    problem_schema,
    problem_to_json,
)
from optimizers.energy.doubts import doubts
from optimizers.energy.example import example, full_example
from optimizers.energy.explain import Explanation, explain
from optimizers.energy.holding import Held, Hold
from optimizers.energy.packing import pack, unpack
from optimizers.energy.problem import TOLERANCE_W, EnergyPlan, EnergyProblem, Shortfall, names_of
from optimizers.energy.selfuse import SelfUse
from optimizers.energy.solving import solve, solve_warm
from optimizers.energy.wanted import Wanted

__all__ = [
    "TOLERANCE_W",
    "Bands",
    "Batteries",
    "Bill",
    "Cell",
    "EnergyPlan",
    "EnergyProblem",
    "Explanation",
    "Groups",
    "Held",
    "Hold",
    "Horizon",
    "Loads",
    "Orders",
    "SelfUse",
    "Sheddable",
    "Shortfall",
    "Sites",
    "Solar",
    "Thermal",
    "Vehicles",
    "Wanted",
    "bands",
    "battery_power_w",
    "bill",
    "carbon_kg",
    "check",
    "doubts",
    "example",
    "explain",
    "full_example",
    "names_of",
    "pack",
    "plan_from_json",
    "plan_schema",
    "plan_to_json",
    "problem_from_json",
    "problem_schema",
    "problem_to_json",
    "shortfalls",
    "solve",
    "solve_warm",
    "unpack",
]
