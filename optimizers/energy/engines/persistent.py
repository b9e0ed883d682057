"""A linear program as a Pyomo model, named as an auditor reads it, and kept in the process to be solved again.

Its costs and right-hand sides are mutable parameters; between two solves only what differs is told to HiGHS.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.contrib.appsi.solvers.highs import Highs
from pyomo.core.expr.numeric_expr import LinearExpression

from optimizers.energy.engines import highs
from optimizers.energy.engines.answer import Answer
from optimizers.energy.engines.structure import structure
from optimizers.energy.linear import Block, Linear
from optimizers.engines import Effort, highspy
from optimizers.kept import kept

_NEVER = (
    "check_for_new_or_removed_constraints", "check_for_new_or_removed_vars", "check_for_new_or_removed_params",
    "check_for_new_objective", "update_constraints", "update_vars", "update_params", "update_named_expressions",
    "update_objective",
)  # fmt: skip
"""What Pyomo would look through before each solve, for as long as the solve itself takes: it is told what changed."""

_OPEN = 1e30
"""Infinite for HiGHS: Pyomo knows no row without a bound."""


def solve(linear: Linear, effort: Effort, *, go_on: bool = True) -> Answer | None:
    """The least of a program of which one of the same structure may have been solved in this process before.

    `go_on`: from where that ended, which is soonest, and may end at another of several optima than a process would
    that has not solved one before. Else it is solved as if for the first time. None where HiGHS is not there or fails.
    """
    if highspy is None:
        return None
    with kept(("energy in Pyomo", structure(linear)), lambda: Kept(linear)) as model:
        model.tell(linear)
        return model.run(effort, go_on=go_on and not linear.whole.any())


def write_model(linear: Linear, path: Path) -> None:
    """As a file in LP format, each column and row by its name and device and slot."""
    model = _model(linear)
    model.write(str(path), format="lp", io_options={"symbolic_solver_labels": True})


class Kept:
    """A model in Pyomo and in HiGHS, and the program that it holds."""

    def __init__(self, linear: Linear) -> None:
        self.model, self.linear = _model(linear), linear
        self.columns = list(self.model.component_data_objects(pyo.Var))
        self.appsi = Highs(only_child_vars=True)
        for what in _NEVER:
            setattr(self.appsi.update_config, what, False)
        self.appsi.set_instance(self.model)

    @property
    def _highs(self) -> Any:
        """Pyomo's own ways to run and read it take over the process's output, and longer than the solve."""
        return self.appsi._solver_model

    def tell(self, linear: Linear) -> None:
        """What differs from the program before."""
        before = self.linear
        self._tell_costs(before, linear)
        self._tell_bounds(before, linear)
        self._tell_rows(before, linear)
        self.linear = linear

    def _tell_costs(self, before: Linear, linear: Linear) -> None:
        changed = np.flatnonzero(before.cost != linear.cost)
        for j in changed.tolist():
            self.model.cost[j] = linear.cost[j]
        self.model.offset.set_value(linear.offset)
        if changed.size or before.offset != linear.offset:
            self.appsi.set_objective(self.model.objective)

    def _tell_bounds(self, before: Linear, linear: Linear) -> None:
        changed = np.flatnonzero((before.lower != linear.lower) | (before.upper != linear.upper)).tolist()
        for j in changed:
            self.columns[j].setlb(_or_none(linear.lower[j]))
            self.columns[j].setub(_or_none(linear.upper[j]))
        if changed:
            self.appsi.update_variables([self.columns[j] for j in changed])

    def _tell_rows(self, before: Linear, linear: Linear) -> None:
        for params, old, new in (
            (self.model.row_lower, before.row_lower, linear.row_lower),
            (self.model.row_upper, before.row_upper, linear.row_upper),
        ):
            for r in np.flatnonzero(old != new).tolist():
                params[r] = new[r]
        same = (before.row_lower == linear.row_lower).all() and (before.row_upper == linear.row_upper).all()
        if not same:
            self.appsi.update_params()

    def run(self, effort: Effort, *, go_on: bool) -> Answer | None:
        solver = self._highs
        for option, value in effort.options.items():
            solver.setOptionValue(option, value)
        solver.setOptionValue("time_limit", solver.getRunTime() + effort.seconds)  # HiGHS adds its runs up
        if not go_on:
            solver.clearSolver()
        return highs.run(solver, tree=bool(self.linear.whole.any()))


def _model(linear: Linear) -> pyo.ConcreteModel:
    model = pyo.ConcreteModel("energy")
    for name, values in (("cost", linear.cost), ("row_lower", linear.row_lower), ("row_upper", linear.row_upper)):
        known = {k: value for k, value in enumerate(values.tolist()) if np.isfinite(value)}
        model.add_component(name, pyo.Param(range(len(values)), initialize=known, mutable=True))
    model.offset = pyo.Param(initialize=linear.offset, mutable=True)
    variables = [variable for block in linear.columns for variable in _variables(model, block, linear)]
    for block in linear.rows:
        _constraints(model, block, linear, variables)
    paid = sorted(_paid(linear))
    cost = LinearExpression(
        constant=0.0, linear_coefs=[model.cost[j] for j in paid], linear_vars=[variables[j] for j in paid]
    )
    model.objective = pyo.Objective(expr=cost + model.offset)
    return model


def _variables(model: pyo.ConcreteModel, block: Block, linear: Linear) -> list[Any]:
    labels = _labels(block)
    container = pyo.Var(labels, within=pyo.Reals)
    model.add_component(_free_name(model, block), container)
    variables = [container[label] for label in labels]
    for j, variable in enumerate(variables, block.first):
        variable.setlb(_or_none(linear.lower[j]))
        variable.setub(_or_none(linear.upper[j]))
        if linear.whole[j]:
            variable.domain = pyo.Integers
    return variables


def _constraints(model: pyo.ConcreteModel, block: Block, linear: Linear, variables: list[Any]) -> None:
    """Each with the parameters of the bounds that it has."""
    container = pyo.Constraint(labels := _labels(block))
    model.add_component(_free_name(model, block), container)
    start, index, value = linear.start, linear.index.tolist(), linear.value.tolist()
    for r, label in enumerate(labels, block.first):
        entries = slice(start[r], start[r + 1])
        body = LinearExpression(
            constant=0.0, linear_coefs=value[entries] or [0.0],
            linear_vars=[variables[j] for j in index[entries]] or variables[:1],
        )  # fmt: skip
        low = model.row_lower[r] if np.isfinite(linear.row_lower[r]) else None
        high = model.row_upper[r] if np.isfinite(linear.row_upper[r]) else None if low is not None else _OPEN
        equal = linear.row_lower[r] == linear.row_upper[r]
        container.add(label, body == high if equal else (low, body, high))


def _paid(linear: Linear) -> set[int]:
    """Columns of the kinds that cost anything: what is free today may not be tomorrow."""
    costs = [block for block in linear.columns if linear.cost[block.first : block.first + block.size].any()]
    return {j for block in costs for j in range(block.first, block.first + block.size)}


def _labels(block: Block) -> list[Any]:
    return [(name, t) for name in block.names for t in range(block.slots)] if block.slots > 1 else list(block.names)


def _free_name(model: pyo.ConcreteModel, block: Block) -> str:
    """Of a kind, as Pyomo allows; a kind that stands more than once is counted."""
    name = "".join(letter if letter.isalnum() else "_" for letter in block.kind)
    count = sum(1 for other in model.component_map() if other == name or other.startswith(f"{name}__"))
    return f"{name}__{count + 1}" if count else name


def _or_none(bound: float) -> float | None:
    return float(bound) if np.isfinite(bound) else None
