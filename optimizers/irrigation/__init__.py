"""Watering for the coming night, a week ahead: as little as keeps the root zones from lacking water."""

from optimizers.irrigation.check import check
from optimizers.irrigation.documents import (
    plan_from_json,
    plan_schema,
    plan_to_json,
    problem_from_json,
    problem_schema,
    problem_to_json,
)
from optimizers.irrigation.example import example, full_example, generated
from optimizers.irrigation.explain import Explanation, Held, explain
from optimizers.irrigation.packing import pack, unpack
from optimizers.irrigation.problem import (
    TOLERANCE,
    Budgets,
    Hydrozones,
    IrrigationPlan,
    IrrigationProblem,
    Networks,
    Scenarios,
    Windows,
)
from optimizers.irrigation.reckoning import Costs, every_cycle, reckoned
from optimizers.result import Limits

__all__ = [
    "TOLERANCE",
    "Budgets",
    "Costs",
    "Explanation",
    "Held",
    "Hydrozones",
    "IrrigationPlan",
    "IrrigationProblem",
    "Networks",
    "Scenarios",
    "Windows",
    "check",
    "every_cycle",
    "example",
    "explain",
    "full_example",
    "generated",
    "pack",
    "plan_from_json",
    "plan_schema",
    "plan_to_json",
    "problem_from_json",
    "problem_schema",
    "problem_to_json",
    "reckoned",
    "solve",
    "unpack",
]


def solve(problem: IrrigationProblem, limits: Limits | None = None) -> IrrigationPlan:
    """The plan of least expected cost, with a proved bound: see `optimizers.irrigation.solving`."""
    from optimizers.irrigation import solving  # noqa: PLC0415 - solvers: a second that every command would pay

    return solving.solve(problem, limits)
