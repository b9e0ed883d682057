"""Each word that a plan of irrigation can break is broken once, and what the checker finds is told beside it.

    PYTHONPATH=. .venv/bin/python tests/bench/show_irrigation_check.py

The problem and its plan are written by hand in `tests/irrigation/planted.py`, without a solver: four hydrozones on two
networks, with cycles that straddle two windows, valves that fill a pipe to the last litre, and a budget that is spent.
Raises SystemExit(1) where the good plan does not pass, or anything but what was planted is found.
"""

from collections.abc import Sequence

from optimizers.irrigation import check
from optimizers.result import Violation
from tests.bench.planting import show
from tests.irrigation.planted import PLAN, PLANTED, PROBLEM, Planted


def as_planted(planted: Planted, found: Sequence[Violation]) -> bool:
    """Whether what was found is what was planted."""
    return [(one.constraint, one.object) for one in found] == [(planted.constraint, planted.object)] and (
        abs(found[0].amount - planted.amount) < 1e-6
    )


if __name__ == "__main__":
    show(check(PROBLEM, PLAN), PLANTED, lambda planted: check(PROBLEM, planted.plan), as_planted)
