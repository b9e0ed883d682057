"""Models of HiGHS, as a domain would keep them between two solves, and what becomes of its threads."""

from collections.abc import Sequence

import highspy
import numpy as np

from optimizers.kept import kept
from optimizers.result import Limits

SIDE = 6


def assign(item: tuple[Sequence[float], bool], limits: Limits) -> tuple[bytes, float, bool]:
    """The cheapest assignment of SIDE to SIDE at these costs, its cost, and whether its model was there already.

    `item[1]`: forget where the last solve ended. There are many optima: which one is found depends on the start.
    """
    costs, forget = item
    built = list[bool]()
    with kept(("assign", SIDE, limits.threads), lambda: _build(built, limits.threads)) as highs:
        if forget:
            highs.clearSolver()
        highs.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), np.array(costs, float))
        highs.run()
        flow = np.array(highs.getSolution().col_value)
        return flow.tobytes(), highs.getInfo().objective_function_value, not built


def _build(built: list[bool], threads: int) -> highspy.Highs:
    built.append(True)
    cells, lp = SIDE * SIDE, highspy.HighsLp()
    lp.num_col_, lp.num_row_ = cells, 2 * SIDE
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.ones(cells), np.zeros(cells), np.full(cells, highspy.kHighsInf)
    lp.row_lower_ = lp.row_upper_ = np.ones(2 * SIDE)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.arange(0, 2 * cells + 1, 2)
    lp.a_matrix_.index_ = np.array([row for cell in range(cells) for row in (cell // SIDE, SIDE + cell % SIDE)])
    lp.a_matrix_.value_ = np.ones(2 * cells)
    highs = _quiet(threads)
    highs.passModel(lp)
    return highs


def knapsack(item: int, limits: Limits) -> tuple[str, float]:
    """Status and value of a knapsack drawn from seed `item`, on `limits.threads` threads."""
    drawn = np.random.default_rng(item)
    highs = _quiet(limits.threads)
    taken = [highs.addBinary() for _ in range(40)]
    for _ in range(5):
        weight = drawn.integers(1, 60, 40)
        highs.addConstr(sum(int(w) * x for w, x in zip(weight, taken, strict=True)) <= int(weight.sum() // 2))
    highs.maximize(sum(int(c) * x for c, x in zip(drawn.integers(1, 60, 40), taken, strict=True)))
    return highs.modelStatusToString(highs.getModelStatus()), highs.getObjectiveValue()


def knapsack_twice(item: int, _limits: Limits) -> list[tuple[str, float]]:
    """On one thread and then on two, in one process."""
    return [knapsack(item, Limits(threads=threads)) for threads in (1, 2)]


def _quiet(threads: int) -> highspy.Highs:
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", threads)
    highs.setOptionValue("parallel", "on" if threads > 1 else "off")
    return highs
