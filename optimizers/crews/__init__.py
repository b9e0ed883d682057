"""Crews: who drives which round on which day."""

from optimizers.crews.check import check
from optimizers.crews.documents import (
    pack,
    plan_from_json,
    plan_schema,
    plan_to_json,
    problem_from_json,
    problem_schema,
    problem_to_json,
    unpack,
)
from optimizers.crews.example import example, full_example, generated
from optimizers.crews.problem import (
    EUR,
    REST_S,
    Crew,
    CrewPlan,
    CrewProblem,
    CrewWeights,
    Driven,
    Round,
    Span,
    Uncovered,
    Why,
    Wish,
)
from optimizers.result import Limits

__all__ = [
    "EUR",
    "REST_S",
    "Crew",
    "CrewPlan",
    "CrewProblem",
    "CrewWeights",
    "Driven",
    "Round",
    "Span",
    "Uncovered",
    "Why",
    "Wish",
    "check",
    "example",
    "full_example",
    "generated",
    "pack",
    "plan_from_json",
    "plan_schema",
    "plan_to_json",
    "problem_from_json",
    "problem_schema",
    "problem_to_json",
    "solve",
    "unpack",
]


def solve(problem: CrewProblem, limits: Limits | None = None) -> CrewPlan:
    """As many required rounds as can be have a crew, at the least cost: see `optimizers.crews.solving`."""
    from optimizers.crews import solving  # noqa: PLC0415 - solvers: a second that every command would pay

    return solving.solve(problem, limits)
