"""What a plan claims of itself: what it costs, what is proved, what it left of what comes before cost."""

from collections.abc import Iterator

from optimizers.energy.billing import bill, shortfalls
from optimizers.energy.check.told import Constraint
from optimizers.energy.problem import EUR, EnergyPlan, EnergyProblem
from optimizers.energy.wanted import SHORTFALL_TOLERANCE, Wanted
from optimizers.result import Status, Violation

EUROS = 1e-5
"""By which euros may miss, of all that is turned over."""


def objective(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """The objective claimed is what the plan costs."""
    if plan.unit != EUR:
        yield Violation("unit", "plan", 1.0, "1", f"{plan.unit!r}, wants {EUR!r}")
    found = bill(problem, plan)
    if (missing := abs(plan.objective - found.total)) > EUROS * max(1.0, found.turnover):
        detail = f"{plan.objective!r} claimed, {found.total!r} found"
        yield Violation("objective", "plan", missing, EUR, detail)


def bound(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """A bound is not above the objective, and equals it where the plan says optimal."""
    excess = plan.bound - plan.objective
    if plan.status == Status.OPTIMAL:
        excess = abs(excess)
    if excess > EUROS * max(1.0, bill(problem, plan).turnover):
        yield Violation("bound", "plan", excess, EUR, f"{plan.bound!r} beside an objective of {plan.objective!r}")


def left(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """What is beyond firm limits, floors, comfort and targets is named among the plan's violations, with its amount: a
    best effort that tells all it left passes, one that hides some does not.
    """
    told = {(one.constraint, one.object): one for one in plan.violations}
    found = {(one.constraint, one.object): one for one in shortfalls(problem, plan)}
    for key, one in found.items():
        if key not in told and one.amount > SHORTFALL_TOLERANCE:
            detail = f"{one.detail}, not among the plan's violations".removeprefix(", ")
            yield Violation(one.constraint, one.object, one.amount, one.unit, detail)
    for key, claim in told.items():
        amount = found[key].amount if key in found else 0.0
        if key not in found and claim.constraint not in set(Wanted):
            yield Violation("claim", claim.object, claim.amount, claim.unit, f"{claim.constraint!r} is nothing wanted")
            continue
        unit = Wanted(claim.constraint).unit
        if claim.unit != unit or not abs(claim.amount - amount) <= SHORTFALL_TOLERANCE * max(1.0, amount):
            detail = f"{claim.constraint} by {claim.amount:.9g} {claim.unit} claimed, {amount:.9g} {unit} found"
            yield Violation("claim", claim.object, abs(claim.amount - amount), unit, detail)


def shortfall(problem: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """The sums claimed of what is left are those found."""
    found = shortfalls(problem, plan)
    for name, safety in (("safety", True), ("comfort", False)):
        amounts = [one.amount for one in found if Wanted(one.constraint).safety == safety]
        claimed: float = getattr(plan.shortfall, name)
        tolerance = SHORTFALL_TOLERANCE * max(1.0, sum(amounts), len(amounts))
        if not abs(claimed - sum(amounts)) <= tolerance:
            detail = f"{name} {claimed:.9g} claimed, {sum(amounts):.9g} found"
            yield Violation("shortfall", "plan", abs(claimed - sum(amounts)), "1", detail)


def status(_: EnergyProblem, plan: EnergyPlan) -> Iterator[Violation]:
    """A plan that leaves something is a best effort, or was cut short; one that leaves nothing is none."""
    allowed = {Status.BEST_EFFORT} if plan.violations else {Status.OPTIMAL, Status.FEASIBLE}
    if plan.status not in allowed | {Status.TIME_LIMIT}:
        found = f"{plan.status} with {len(plan.violations)} violations named"
        yield Violation("status", "plan", 1.0, "1", f"{found}, wants {' or '.join(sorted(allowed))}")


CONSTRAINTS: tuple[Constraint, ...] = (left, shortfall, status, objective, bound)
