"""Imports the modules named on the command line in that order, then solves one knapsack with every solver there is.

Run by test_import_order in a process of its own. Writes one JSON line: solver → [status, objective].
"""

import importlib
import json
import sys
from collections.abc import Callable

import numpy as np

VALUE, WEIGHT, LIMIT = (8, 11, 6, 4), (5, 7, 4, 3), 14
Outcome = tuple[str, float]


def cp_sat() -> Outcome:
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{i}") for i in range(4)]
    model.add(sum(w * v for w, v in zip(WEIGHT, x, strict=True)) <= LIMIT)
    model.maximize(sum(c * v for c, v in zip(VALUE, x, strict=True)))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    return solver.status_name(status).lower(), solver.objective_value


def pywraplp(name: str) -> Outcome:
    from ortools.linear_solver import pywraplp as wrapper

    solver = wrapper.Solver.CreateSolver(name)
    x = [solver.BoolVar(f"x{i}") for i in range(4)]
    solver.Add(sum(w * v for w, v in zip(WEIGHT, x, strict=True)) <= LIMIT)
    solver.Maximize(sum(c * v for c, v in zip(VALUE, x, strict=True)))
    status = solver.Solve()
    return {wrapper.Solver.OPTIMAL: "optimal"}.get(status, str(status)), solver.Objective().Value()


def pulp_by(name: str) -> Outcome:
    import pulp

    problem = pulp.LpProblem("knapsack", pulp.LpMaximize)
    x = [pulp.LpVariable(f"x{i}", cat="Binary") for i in range(4)]
    problem += pulp.lpSum(c * v for c, v in zip(VALUE, x, strict=True))
    problem += pulp.lpSum(w * v for w, v in zip(WEIGHT, x, strict=True)) <= LIMIT
    solver = pulp.HiGHS(msg=False, threads=1) if name == "HiGHS" else pulp.PULP_CBC_CMD(msg=False, threads=1)
    status = problem.solve(solver)
    return pulp.LpStatus[status].lower(), pulp.value(problem.objective)


def highspy_direct() -> Outcome:
    import highspy

    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("threads", 1)
    x = [model.addBinary() for _ in range(4)]
    model.addConstr(sum(w * v for w, v in zip(WEIGHT, x, strict=True)) <= LIMIT)
    model.maximize(sum(c * v for c, v in zip(VALUE, x, strict=True)))
    optimal = model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return "optimal" if optimal else str(model.getModelStatus()), model.getObjectiveValue()


def pyomo_appsi() -> Outcome:
    import pyomo.environ as pyo
    from pyomo.contrib import appsi

    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(4), domain=pyo.Binary)
    model.value = pyo.Objective(expr=sum(VALUE[i] * model.x[i] for i in range(4)), sense=pyo.maximize)
    model.weight = pyo.Constraint(expr=sum(WEIGHT[i] * model.x[i] for i in range(4)) <= LIMIT)
    solver = appsi.solvers.Highs()
    solver.highs_options = {"threads": 1}
    result = solver.solve(model)
    return result.termination_condition.name, pyo.value(model.value)


def scipy_milp() -> Outcome:
    from scipy.optimize import Bounds, LinearConstraint, milp

    weight = LinearConstraint(np.array([WEIGHT]), ub=LIMIT)
    found = milp(-np.array(VALUE), integrality=np.ones(4), bounds=Bounds(0, 1), constraints=weight)
    return "optimal" if found.status == 0 else str(found.status), -found.fun


SOLVERS: dict[str, Callable[[], Outcome]] = {
    "CP-SAT": cp_sat,
    "pywraplp SCIP": lambda: pywraplp("SCIP"),
    "pywraplp HiGHS": lambda: pywraplp("HIGHS"),
    "PuLP CBC": lambda: pulp_by("CBC"),
    "PuLP HiGHS": lambda: pulp_by("HiGHS"),
    "highspy": highspy_direct,
    "Pyomo appsi HiGHS": pyomo_appsi,
    "SciPy HiGHS": scipy_milp,
}


if __name__ == "__main__":
    for module in sys.argv[1:]:
        importlib.import_module(module)
    outcome = {name: solve() for name, solve in SOLVERS.items()}
    rounded = {name: [status, round(objective, 6)] for name, (status, objective) in outcome.items()}
    sys.stdout.write("\n" + json.dumps(rounded) + "\n")
