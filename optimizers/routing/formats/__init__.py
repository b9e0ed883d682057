"""Problems and plans in the forms of others: VRPLIB, Solomon, Kim, VROOM, beside our JSON.

Which one a text is follows from its content, as endings tell little: `.txt` may be two of them, and `.json` too. A
format named by whoever asks is tried alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

from optimizers.result import InvalidProblem
from optimizers.routing.documents import plan_from_json, plan_to_json, problem_from_json
from optimizers.routing.formats import kim, sol, solomon, vroom, vroom_solution, vrp
from optimizers.routing.formats.laid import laid_out, plan_of
from optimizers.routing.formats.texts import WrongText, decoded
from optimizers.routing.problem import RoutingPlan, RoutingProblem

__all__ = ["FORMATS", "WrongText", "plan_form", "problem_form", "read_plan", "read_problem", "write_plan"]

SOLUTION = ".sol"


@dataclass(frozen=True)
class _Format:
    looks_like: Callable[[str], bool]
    read: Callable[[str | bytes, int | None], RoutingProblem]


def _ours(text: str | bytes, vehicles: int | None) -> RoutingProblem:
    if vehicles is not None:
        raise InvalidProblem(["a JSON problem names its vehicles itself: they cannot be asked for beside it"])
    return problem_from_json(text)


FORMATS = {
    "vroom": _Format(vroom.looks_like, vroom.read),
    "json": _Format(lambda text: text.lstrip()[:1] in ("{", "["), _ours),
    "kim": _Format(kim.looks_like, kim.read),
    "solomon": _Format(solomon.looks_like, solomon.read),
    "vrplib": _Format(vrp.looks_like, vrp.read),
}
"""By name, in the order in which they are tried."""


def problem_form(text: str | bytes, name: str = "") -> str:
    """The format of a problem's text, read from a file of that name: by content, else by ending; json by default."""
    plain = decoded(text)
    for form, one in FORMATS.items():
        if one.looks_like(plain):
            return form
    endings = {".vrp": "vrplib", ".txt": "solomon"}
    return next((form for ending, form in endings.items() if name.lower().endswith(ending)), "json")


def read_problem(text: str | bytes, form: str, vehicles: int | None = None) -> RoutingProblem:
    """The problem of a text in a format of FORMATS; with so many vehicles where a number is given.

    Raises InvalidProblem with everything that is wrong, WrongText where lines are known.
    """
    return FORMATS[form].read(text, vehicles)


def plan_form(form: str, name: str = "") -> str:
    """The format of a plan to write into a file of that name, of a problem in a format: sol, vroom or json."""
    if name.lower().endswith(SOLUTION):
        return "sol"
    return "vroom" if form == "vroom" else "json"


def write_plan(problem: RoutingProblem, plan: RoutingPlan, form: str) -> str:
    """A plan as sol, vroom or json."""
    if form == "sol":
        return sol.write(problem, plan)
    return vroom_solution.write(problem, plan) if form == "vroom" else plan_to_json(plan)


def read_plan(problem: RoutingProblem, text: str | bytes) -> RoutingPlan:
    """A plan in any of the formats it may be written in, or that another solver wrote. Raises InvalidProblem."""
    plain = decoded(text)
    if sol.looks_like(plain):
        return _of_solution(problem, plain)
    return vroom_solution.read(problem, text) if vroom_solution.looks_like(plain) else plan_from_json(text)


def _of_solution(problem: RoutingProblem, text: str) -> RoutingPlan:
    """Route n of a `.sol` is that of the n-th vehicle."""
    if any(vehicle.empties or vehicle.rests or vehicle.rules for vehicle in problem.vehicles):
        raise WrongText(
            [(0, "tells neither unloadings nor rests, which the problem's vehicles have: give a JSON plan")]
        )
    routes, cost = sol.read(problem, text)
    stops = {stop.id: stop for stop in problem.stops}
    laid = [laid_out(problem, problem.vehicles[v], [stops[one] for one in route]) for v, route in routes.items()]
    return plan_of(problem, laid, cost, "VRPLIB solution")
