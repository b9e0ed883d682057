"""What a plan costs, as the problem's definition says it, and whether its head says the same."""

from collections.abc import Iterator
from itertools import pairwise

from optimizers.result import Status, Violation
from optimizers.routing.check.rounds import Known, Round, rounds
from optimizers.routing.problem import TOLERANCE, Act, RoutingPlan


def reckoned(known: Known, plan: RoutingPlan) -> float:
    """The objective, in the problem's unit.

    A vehicle that is out already has paid its `fixed`. Overtime is what the whole day lasts beyond
    `longest_s`. A border lies between two stops with zones of which one follows the other; rests in between do not
    count, an unloading does.
    """
    left = {name.stop for name in plan.unserved}
    used = list(rounds(known, plan))
    total = sum(stop.prize for stop in known.problem.stops if stop.id in left and not stop.required)
    weights = known.problem.weights
    lasts = [round_.route.duration_s for round_ in used]
    mean = sum(lasts) / len(lasts) if lasts else 0.0
    for round_ in used:
        total += _of_route(round_)
        total += weights.moved * sum(stop.former not in ("", round_.vehicle.id) for _, stop in round_.stops())
        total += weights.border * _borders(round_)
        total += weights.balance_per_s * max(0.0, round_.route.duration_s - mean)
    return total


def _of_route(round_: Round) -> float:
    vehicle, lasts = round_.vehicle, round_.route.duration_s
    pays = bool(round_.route.stops) and not vehicle.out
    metres = sum(distance for *_, distance, _ in round_.legs())
    overtime = max(0.0, lasts + vehicle.spent.duration_s - vehicle.longest_s)
    return vehicle.fixed * pays + vehicle.per_m * metres + vehicle.per_s * lasts + vehicle.overtime_per_s * overtime


def _borders(round_: Round) -> int:
    zones = [
        round_.known.stops[visit.of].zone if visit.act is Act.STOP else ""
        for visit in round_.route.visits
        if visit.act is not Act.REST
    ]
    return sum(a != b and bool(a) and bool(b) for a, b in pairwise(zones))


def sums(round_: Round) -> Iterator[Violation]:
    """Metres and seconds of driving told of a route are those of its drives."""
    legs = list(round_.legs())
    for name, found, told, unit in (
        ("distance", sum(distance for *_, distance, _ in legs), round_.route.distance_m, "m"),
        ("drive sum", sum(drive for *_, drive in legs), round_.route.drive_s, "s"),
    ):
        if (off := abs(found - told)) > _some(found):
            yield round_.broken(name, off, unit, f"{told!r} told, {found!r} found")


def objective(known: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """The objective claimed is that of the rounds, in the problem's unit."""
    unit = known.problem.unit
    if plan.unit != unit:
        yield Violation("unit", "plan", 1.0, "1", f"{plan.unit!r}, wants {unit!r}")
    found = reckoned(known, plan)
    if (off := abs(plan.objective - found)) > _some(found):
        yield Violation("objective", "plan", off, unit, f"{plan.objective!r} claimed, {found!r} found")


def bound(known: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """A bound is not above the objective, and equals it where the plan says optimal. Of a plan that leaves out
    required stops it says nothing: the bound is that of plans that do not.
    """
    if any(known.stops[left.stop].required for left in plan.unserved):
        return
    excess = plan.bound - plan.objective
    if plan.status == Status.OPTIMAL:
        excess = abs(excess)
    if excess > _some(plan.objective):
        detail = f"{plan.bound!r} beside an objective of {plan.objective!r}"
        yield Violation("bound", "plan", excess, known.problem.unit, detail)


def status(known: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """Neither optimal nor feasible is said of a plan that leaves a required stop out, and each such stop is among the
    plan's violations.
    """
    missing = [left.stop for left in plan.unserved if known.stops[left.stop].required]
    if missing and plan.status in (Status.OPTIMAL, Status.FEASIBLE):
        detail = f"{plan.status}, and {len(missing)} required stops are left out"
        yield Violation("status", "plan", float(len(missing)), "stops", detail)
    named = {violation.object for violation in plan.violations if violation.constraint == "required"}
    for stop in missing:
        if stop not in named:
            yield Violation("told", stop, 1.0, "1", "required and left out, which is not among the plan's violations")


def approximate(known: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """Drives reckoned without a map are said to be so."""
    if plan.approximate != (wanted := known.problem.matrices.approximate):
        yield Violation("approximate", "plan", 1.0, "1", f"{plan.approximate} told, the matrices say {wanted}")


def _some(amount: float) -> float:
    return TOLERANCE * max(1.0, abs(amount))
