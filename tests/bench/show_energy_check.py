"""Each word that a plan of energy can break is broken once, and what the checker finds is told beside it.

    PYTHONPATH=. .venv/bin/python tests/bench/show_energy_check.py

The problem and its plan are written by hand in `tests/energy/planted.py`, without a solver: a school and a pool on two
nested groups, with everything that can be asked, in slots of half an hour to two hours; the plan is a best effort that
names what it leaves. Raises SystemExit(1) where the good plan does not pass, or anything but what was planted is found.
"""

from collections.abc import Sequence

from optimizers.energy import check
from optimizers.result import Violation
from tests.bench.planting import show
from tests.energy.planted import PLAN, PLANTED, PROBLEM, Planted


def as_planted(planted: Planted, found: Sequence[Violation]) -> bool:
    """Whether what was found is what was planted."""
    return [(one.constraint, one.object) for one in found] == [(planted.constraint, planted.object)] and (
        abs(found[0].amount - planted.amount) < 1e-6
    )


if __name__ == "__main__":
    show(check(PROBLEM, PLAN), PLANTED, lambda planted: check(planted.problem, planted.plan), as_planted)
