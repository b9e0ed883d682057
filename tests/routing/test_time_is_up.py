"""A search for room ends with its time: what it did not look at is left out, nothing is broken."""

from time import monotonic

from optimizers.result import Limits, Status
from optimizers.routing import check, generated, solve
from optimizers.routing.mending import put_in
from optimizers.routing.timing import Clock
from optimizers.routing.tours import holders, served


def test_nothing_is_put_anywhere_once_the_time_is_up() -> None:
    problem = generated(20, 2, 1, 4)
    empty = ((),) * len(problem.vehicles)
    clock, may, stops = Clock(problem), holders(problem), range(len(problem.stops))
    assert put_in(problem, clock, may, empty, stops, monotonic() - 1.0) == empty
    assert served(put_in(problem, clock, may, empty, stops))


def test_a_plan_that_had_no_time_breaks_nothing_but_what_it_says() -> None:
    problem = generated(150, 6, 2, 4)
    plan = solve(problem, Limits(seconds=1e-3))
    assert not plan.reproducible
    found = check(problem, plan)
    assert {one.constraint for one in found} <= {"required"}
    assert {one.object for one in found} == {one.object for one in plan.violations}
    assert (plan.status is Status.BEST_EFFORT) == bool(found)
