"""Rounds: which stops, which vehicles, in which order and when."""

from collections.abc import Callable
from dataclasses import replace

from optimizers.result import Limits
from optimizers.routing.again import Stability, replan, solve_again, stability
from optimizers.routing.check import check
from optimizers.routing.documents import (
    plan_from_json,
    plan_schema,
    plan_to_json,
    problem_from_json,
    problem_schema,
    problem_to_json,
)
from optimizers.routing.doubts import doubts
from optimizers.routing.example import example, full_example, generated
from optimizers.routing.packing import pack, unpack
from optimizers.routing.problem import (
    EUR,
    TOLERANCE,
    Act,
    Coordinates,
    Loads,
    Matrices,
    Place,
    Rest,
    Route,
    RoutingPlan,
    RoutingProblem,
    Site,
    Spent,
    Stop,
    Unserved,
    Vehicle,
    Visit,
    Weights,
    Why,
    Window,
    WorkRules,
)
from optimizers.routing.standing import pack_standing
from optimizers.routing.underway import Underway, at_instant, underway

__all__ = [
    "EUR",
    "TOLERANCE",
    "Act",
    "Coordinates",
    "Loads",
    "Matrices",
    "Place",
    "Rest",
    "Route",
    "RoutingPlan",
    "RoutingProblem",
    "Site",
    "Spent",
    "Stability",
    "Stop",
    "Underway",
    "Unserved",
    "Vehicle",
    "Visit",
    "Weights",
    "Why",
    "Window",
    "WorkRules",
    "at_instant",
    "check",
    "doubts",
    "example",
    "full_example",
    "generated",
    "pack",
    "pack_standing",
    "plan_from_json",
    "plan_schema",
    "plan_to_json",
    "problem_from_json",
    "problem_schema",
    "problem_to_json",
    "replan",
    "solve",
    "solve_again",
    "stability",
    "underway",
    "unpack",
]


def solve(
    problem: RoutingProblem, limits: Limits | None = None, told: Callable[[float, float], None] | None = None
) -> RoutingPlan:
    """The rounds of least cost, with every stop left out and why: see `optimizers.routing.solving`. What looks odd in
    the problem is among the plan's reasons: see `doubts`.
    """
    from optimizers.routing import solving  # noqa: PLC0415 - PyVRP: a second that every command would pay

    plan = solving.solve(problem, limits, told)
    return replace(plan, reasons=(*doubts(problem), *plan.reasons))
