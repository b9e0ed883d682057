"""Problems and plans in the forms of others: evcc's charge schedules, beside our JSON.

evcc's rules are its own (goals after every slot, limits that give way, strategies among equals, no tariffs and no
heat), so a request of its is a problem of its own kind, solved and checked by them. Which of both a text is follows
from its content.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optimizers.energy import check as check_ours
from optimizers.energy import solve as solve_ours
from optimizers.energy.documents import plan_from_json, plan_to_json, problem_from_json
from optimizers.energy.formats import evcc, evcc_answers, evcc_check
from optimizers.energy.formats.evcc import EvccPlan, EvccProblem
from optimizers.energy.problem import EnergyPlan, EnergyProblem
from optimizers.result import InvalidProblem, Limits, Violation

__all__ = [
    "FORMATS",
    "EvccPlan",
    "EvccProblem",
    "check",
    "plan_form",
    "problem_form",
    "read_plan",
    "read_problem",
    "solve",
    "write_plan",
]

AnyProblem = EnergyProblem | EvccProblem
AnyPlan = EnergyPlan | EvccPlan


@dataclass(frozen=True)
class _Format:
    looks_like: Callable[[str], bool]
    read: Callable[[str | bytes], AnyProblem]


FORMATS = {
    "evcc": _Format(evcc.looks_like, evcc.read),
    "json": _Format(lambda text: text.lstrip()[:1] in ("{", "["), problem_from_json),
}
"""By name, in the order in which they are tried."""


def problem_form(text: str | bytes, name: str = "") -> str:  # noqa: ARG001
    """The format of a problem's text, by its content: json by default."""
    plain = text if isinstance(text, str) else text.decode("utf-8-sig", errors="replace")
    return next((form for form, one in FORMATS.items() if one.looks_like(plain)), "json")


def read_problem(text: str | bytes, form: str, vehicles: int | None = None) -> AnyProblem:
    """The problem of a text in a format of FORMATS. Raises InvalidProblem with everything that is wrong."""
    if vehicles is not None:
        raise InvalidProblem(["vehicles are named by the problem itself, and cannot be asked for beside it"])
    return FORMATS[form].read(text)


def solve(problem: AnyProblem, limits: Limits | None = None) -> AnyPlan:
    """By the rules of whoever made the format it came in."""
    if not isinstance(problem, EvccProblem):
        return solve_ours(problem, limits)
    from optimizers.energy.formats import evcc_solving  # noqa: PLC0415 - solvers are slow to import

    return evcc_solving.solve(problem, limits)


def check(problem: AnyProblem, plan: Any) -> tuple[Violation, ...]:
    """What a plan passes of the rules of whoever made the format."""
    return evcc_check.check(problem, plan) if isinstance(problem, EvccProblem) else tuple(check_ours(problem, plan))


def plan_form(form: str, name: str = "") -> str:  # noqa: ARG001
    """A plan is answered in the format of its problem, whatever the file is called."""
    return form


def read_plan(problem: AnyProblem, text: str | bytes) -> AnyPlan:
    """A plan of a problem in the format that it came in. Raises InvalidProblem."""
    return evcc_answers.read_plan(problem, text) if isinstance(problem, EvccProblem) else plan_from_json(text)


def write_plan(problem: AnyProblem, plan: Any, form: str) -> str:  # noqa: ARG001
    """A plan in the format that its problem came in."""
    return evcc_answers.write(problem, plan) if isinstance(problem, EvccProblem) else plan_to_json(plan)
