"""Plans of tours that keep everything: see `planned`."""

from collections.abc import Mapping

from optimizers.result import Limits, Status, Violation, our_version
from optimizers.routing.bound import lower_bound
from optimizers.routing.charges import objective_of
from optimizers.routing.problem import RoutingPlan, RoutingProblem, Unserved
from optimizers.routing.reasons import reasons
from optimizers.routing.reckoning import routes_of
from optimizers.routing.timing import Clock
from optimizers.routing.tours import Tours, served


def planned(
    problem: RoutingProblem,
    clock: Clock,
    tours: Tours,
    limits: Limits,
    seconds: float,
    lost: Mapping[int, Unserved],
    bound: float | None = None,
    solver: str = "PyVRP",
) -> RoutingPlan:
    """The plan of tours that keep everything, with the reason of every stop left out.

    `lost`: the reasons that are known already; `bound`: the proved one, reckoned here where it is not given.
    """
    missing = sorted(set(range(len(problem.stops))) - served(tours))
    unserved = reasons(problem, clock, tours, missing, lost)
    required = [one for one, s in zip(unserved, missing, strict=True) if problem.stops[s].required]
    routes = routes_of(clock, tours)
    cost = objective_of(problem, routes)
    bound = min(cost, lower_bound(problem, lost) if bound is None else bound)
    proved = not required and cost - bound <= 1e-9 * max(1.0, abs(cost))
    return RoutingPlan(
        status=Status.BEST_EFFORT if required else Status.OPTIMAL if proved else Status.FEASIBLE,
        objective=cost,
        bound=bound,
        seconds=seconds,
        seed=limits.seed,
        solver=solver,
        version=our_version(),
        violations=tuple(Violation("required", one.stop, 1.0, "1", f"{one.why}: {one.detail}") for one in required),
        reasons=tuple(f"{one.stop}: {one.why}: {one.detail}" for one in unserved),
        reproducible=limits.work is not None and seconds < limits.seconds,
        routes=routes,
        unserved=unserved,
        unit=problem.unit,
        approximate=problem.matrices.approximate,
    )
