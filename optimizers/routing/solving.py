"""The rounds of least cost, on the real clock, with a proved bound: see `solve`."""

from time import monotonic

from optimizers.result import Limits, Status, Violation, our_version
from optimizers.routing.bound import lower_bound
from optimizers.routing.charges import objective_of
from optimizers.routing.engine import SOLVER, Told, asked, improve
from optimizers.routing.mending import mended
from optimizers.routing.problem import RoutingPlan, RoutingProblem
from optimizers.routing.reasons import reasons
from optimizers.routing.reckoning import routes_of
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tours, served


def solve(problem: RoutingProblem, limits: Limits | None = None, told: Told | None = None) -> RoutingPlan:
    """The rounds of least cost that PyVRP finds, timed and mended on the real clock."""
    started, limits = monotonic(), limits or Limits()
    clock, ask = Clock(problem), asked(problem)
    tours = mended(problem, clock, ask.holders, improve(problem, limits, None, told, ask))
    return planned(problem, clock, tours, limits, monotonic() - started)


def planned(problem: RoutingProblem, clock: Clock, tours: Tours, limits: Limits, seconds: float) -> RoutingPlan:
    """The plan of tours that keep everything, with the reason of every stop left out and a bound."""
    missing = sorted(set(range(len(problem.stops))) - served(tours))
    unserved = reasons(problem, clock, tours, missing)
    required = [one for one, s in zip(unserved, missing, strict=True) if problem.stops[s].required]
    routes = routes_of(clock, tours)
    cost = objective_of(problem, routes)
    bound = min(cost, lower_bound(problem, missing))
    proved = not required and cost - bound <= 1e-9 * max(1.0, abs(cost))
    status = Status.BEST_EFFORT if required else Status.OPTIMAL if proved else Status.FEASIBLE
    return RoutingPlan(
        status=status,
        objective=cost,
        bound=bound,
        seconds=seconds,
        seed=limits.seed,
        solver=SOLVER,
        version=our_version(),
        violations=tuple(Violation("required", one.stop, 1.0, "1", one.why.value) for one in required),
        reasons=tuple(f"{one.stop}: {one.why.value}: {one.detail}" for one in unserved),
        reproducible=limits.work is not None and seconds < limits.seconds,
        routes=routes,
        unserved=unserved,
        unit=problem.unit,
        approximate=problem.matrices.approximate,
    )
