"""Each word that a plan of rounds can break is broken once, and what the checker finds is told beside it.

    PYTHONPATH=. .venv/bin/python tests/bench/show_routing_check.py

The problem and its plan are written by hand in `tests/routing/planted.py`, without a solver: three vehicles on a grid
of streets, with windows, queues, lunch, working time, a site that closes and an island that no street leads to. Each
line is judged on the real clock.
Raises SystemExit(1) where the good plan does not pass, or anything but what was planted is found.
"""

from collections.abc import Sequence

from optimizers.result import Violation
from optimizers.routing import check
from tests.bench.planting import show
from tests.routing.planted import PLAN, PLANTED, PROBLEM, Planted


def as_planted(planted: Planted, found: Sequence[Violation]) -> bool:
    """Whether what was found is what was planted, and what cannot but be broken with it."""
    (amount,) = [one.amount for one in found if one.constraint == planted.constraint][:1] or [0.0]
    wanted = {(planted.constraint, planted.object), *planted.beside}
    return {(one.constraint, one.object) for one in found} == wanted and abs(amount - planted.amount) < 1e-6


if __name__ == "__main__":
    show(check(PROBLEM, PLAN), PLANTED, lambda planted: check(planted.problem, planted.plan), as_planted)
