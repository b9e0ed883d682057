"""Every word of the energy problem as its definition says it, to judge any plan; no code of the solver."""

from optimizers.energy.check import basics, flows, heat, loads, money, stores
from optimizers.energy.check.told import Constraint
from optimizers.energy.problem import EnergyPlan, EnergyProblem
from optimizers.result import Violation

BASICS: tuple[Constraint, ...] = (basics.names, basics.shape, basics.finite)
CONSTRAINTS: tuple[Constraint, ...] = (
    *flows.CONSTRAINTS, *stores.CONSTRAINTS, *heat.CONSTRAINTS, *loads.CONSTRAINTS, *money.CONSTRAINTS,
)  # fmt: skip


def check(problem: EnergyProblem, plan: EnergyPlan) -> list[Violation]:
    """Everything that is wrong with a plan, the worst slot of each object; empty for a plan that keeps every word.

    Powers may miss by TOLERANCE_W, energies by that over an hour, temperatures by a millionth of a K, euros by a
    hundred-thousandth of what is turned over, shortfalls by a thousandth. What is wanted before cost and left is no
    violation of a plan that names it with its amount. What stands in the way of judging at all is told alone.
    """
    for basic in BASICS:
        if found := list(basic(problem, plan)):
            return found
    return [violation for constraint in CONSTRAINTS for violation in constraint(problem, plan)]
