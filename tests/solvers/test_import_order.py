"""Every solver library in one process, whatever was imported first, gives the one optimum and says so.

OR-Tools and highspy each ship a libhighs; with an unlucky pair of versions the second import fails, or a solver
quietly goes missing. Each order runs in a process of its own. HiGHS keeps to one thread everywhere: its scheduler
is shared, and a second thread count fails a solve whose objective then reads 0.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S

LIBRARIES = ("ortools.sat.python.cp_model", "pulp", "highspy", "pyomo.environ")
OTHERS = ("scipy.optimize", "polars")
ORDERS = [list(order) for order in permutations(LIBRARIES)]
SOLVERS = {
    "CP-SAT",
    "pywraplp SCIP",
    "pywraplp HiGHS",
    "PuLP CBC",
    "PuLP HiGHS",
    "highspy",
    "Pyomo appsi HiGHS",
    "SciPy HiGHS",
}
OPTIMUM = 21  # knapsack below: items of value 8, 11, 6, 4 and weight 5, 7, 4, 3, at most 14 → the last three


def run(order: list[str]) -> dict[str, list[object]]:
    """Solver → [status, objective], from a fresh interpreter that imports in that order."""
    script = Path(__file__).with_name("one_milp.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), *order],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, f"{order}: {done.stderr[-2000:]}"
    result: dict[str, list[object]] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.fixture(scope="module")
def outcomes() -> list[dict[str, list[object]]]:
    """The other two libraries go first in one half of the orders, last in the other."""
    orders = [[*OTHERS, *order] if k % 2 else [*order, *reversed(OTHERS)] for k, order in enumerate(ORDERS)]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, orders))


@pytest.mark.parametrize(
    "k", range(len(ORDERS)), ids=[" ".join(name.split(".")[0] for name in order) for order in ORDERS]
)
def test_every_solver_answers_in_every_order(outcomes: list[dict[str, list[object]]], k: int) -> None:
    assert outcomes[k] == {solver: ["optimal", OPTIMUM] for solver in SOLVERS}


def test_the_highs_of_both_packages_is_the_one_the_lock_names() -> None:
    """A newer highspy than the libhighs inside OR-Tools cannot be imported beside it."""
    from importlib.metadata import version

    assert version("highspy").startswith("1.12.")
    assert version("ortools").startswith("9.15.")


def test_a_command_loads_no_solver_before_it_solves() -> None:
    """Each would add up to a second to the start of every command; so would pandas, which OR-Tools brings along."""
    heavy = [
        *(name.partition(".")[0] for name in LIBRARIES),
        "scipy",
        "pandas",
        "pyvrp",
        "vrplib",
        "osmium",
        "icalendar",
    ]
    code = f"import sys, jobs.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stdout.strip() == "[]"
